//! `serve`: from a cold start to a clean stop. It answers no request itself.

use std::{io, sync::Arc, time::Duration};

use tokio::runtime::{Builder, Runtime};
use ytorch_core::{BuildInfo, ExitCode, Problem};
use ytorch_jobs::Queue;
use ytorch_pipeline::Services;

use crate::{
    activity::Activity,
    command_line::Serve,
    health::HealthSocket,
    instance::Instance,
    jobs,
    listener::Door,
    lock::ServerLock,
    manager::{Asking, Manager},
    memory, output,
    pipelines::Pipelines,
    platform::{Platform, Site},
    router,
    serving::{self, Signals},
    sockets::{Socket, Sockets},
    watchdog, web,
};

/// Two threads answer a person's browser and leave the rest of the machine alone.
const ASYNC_THREADS: usize = 2;

/// Threads that may block: the readers, uploads on their way to the disk, checks.
const BLOCKING_THREADS: usize = 16;

pub(crate) fn run(arguments: &Serve) -> Result<ExitCode, Problem> {
    memory::limit_arenas();
    let passed = Sockets::passed()?;
    let instance = Instance::find(&arguments.target)?;
    instance.make_folders()?;
    let _lock = ServerLock::take(&instance.folders)?;
    let _logging = instance.start_logs();
    let build = BuildInfo::of_this_program();
    tracing::info!(version = %build.version, commit = build.commit.as_deref(), instance = %instance.name, "starting");
    let served = serve(&instance, passed);
    if let Err(problem) = &served {
        tracing::error!(detail = problem.detail, "could not serve: {}", problem.what);
    }
    served.map(|()| ExitCode::Success)
}

fn serve(instance: &Instance, passed: Option<Sockets>) -> Result<(), Problem> {
    let manager = Manager::of_environment();
    let asking = manager.ask_for_time();
    // Taken before the database is touched, so that a start that cannot succeed changes as little as possible.
    let sockets = match passed {
        Some(passed) => {
            tracing::info!(sockets = passed.all().len(), "sockets were passed, so `bind` and `port` do not count");
            passed
        }
        None => Sockets::bind(instance.loaded.settings.address())?,
    };
    let token = instance.token()?;
    let resources = instance.open()?;
    let pipelines = Pipelines::all();
    let platform = Platform::new(instance, &resources)?;
    let queue = Queue::new(jobs::queue_settings(&platform, pipelines.job_kinds(&resources)))
        .map_err(|error| error.problem("could not start the job queue"))?;
    let mut navigation = pipelines.navigation.clone();
    navigation.extend(web::navigation());
    let frame = router::frame(instance, &sockets, token, navigation, &resources.metrics);
    let services = Services { resources, queue, frame };
    let site = Site { platform, services, pipelines: Arc::new(pipelines), activity: Activity::new() };
    let served = serve_with(instance, sockets, &site, manager, asking);
    site.services.queue.stop();
    // The last owner of the database closes it, which empties its WAL.
    drop(site);
    if served.is_ok() {
        tracing::info!("stopped");
    }
    served
}

fn serve_with(
    instance: &Instance,
    sockets: Sockets,
    site: &Site,
    manager: Manager,
    asking: Option<Asking>,
) -> Result<(), Problem> {
    site.pipelines.start(&site.services)?;
    // Not before: an import that was under way at a kill would hold the database, and the start would wait for it.
    site.services.queue.work().map_err(|error| error.problem("could not start the job queue"))?;
    let failed = |error: io::Error| Problem::new(ExitCode::Failure, "could not serve").because(&error);
    let runtime = runtime().map_err(failed)?;
    let idle_after = idle_after(instance, &sockets);
    let served = runtime.block_on(async {
        let signals = Signals::new()?;
        let (_health, _open) = answer_health(instance, site).unzip();
        let words = say_ready(instance, &sockets);
        let door = Door::new(sockets.into_all(), router::build(site), site.activity.clone())?;
        drop(asking);
        manager.ready(&words);
        if manager.listens() {
            tokio::spawn(watchdog::watch(manager, site.services.resources.database.clone()));
        }
        serving::serve(door, site, manager, signals, idle_after).await
    });
    // Whatever did not end in time is cut off here, and lets go of the database.
    runtime.shutdown_timeout(Duration::from_secs(1));
    served.map_err(failed)
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(ASYNC_THREADS)
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_name("async")
        .enable_all()
        .build()
}

/// Who holds sockets for us also starts us again; a server with a port of its own would be gone for good.
fn idle_after(instance: &Instance, sockets: &Sockets) -> Option<Duration> {
    let seconds = instance.loaded.settings.idle_exit_seconds;
    (seconds > 0 && sockets.outlive_us()).then(|| Duration::from_secs(seconds.into()))
}

/// Answers on the private socket, if there can be one: some file systems know no sockets, and an instance on such a one
/// is served all the same.
fn answer_health(instance: &Instance, site: &Site) -> Option<(HealthSocket, crate::listener::Open)> {
    let opened = HealthSocket::listen(&instance.folders).and_then(|(file, socket)| {
        // Who asks whether the server is well wants nothing of it, and must not keep it awake.
        let door = Door::new(vec![socket], router::build_private(site), Activity::new())?;
        Ok((file, door.open()))
    });
    opened.inspect_err(|error| tracing::warn!(%error, "`ytorch-server health` will not reach this server")).ok()
}

/// Prints every parameter and then the lines for which the orchestrator waits; gives where the server answers, in words.
fn say_ready(instance: &Instance, sockets: &Sockets) -> String {
    for parameter in instance.list() {
        output::tell(&format!("  {parameter}"));
    }
    for address in sockets.addresses().filter(|address| !address.ip().is_loopback()) {
        tracing::warn!(%address, "other machines can reach this instance, because it does not listen on a loopback address");
    }
    let places: Vec<String> = sockets.all().iter().map(Socket::place).collect();
    let words = format!("serving on {}", places.join(" and "));
    for socket in sockets.all() {
        tracing::info!(address = %socket.address(), "READY");
    }
    for place in places {
        output::tell(&format!("ready: {place}"));
    }
    words
}
