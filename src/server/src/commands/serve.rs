//! `serve`: from a cold start to a clean stop. It answers no request itself.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
};
use ytorch_core::{ExitCode, Problem};
use ytorch_jobs::Queue;
use ytorch_pipeline::Services;

use crate::{
    command_line::Serve,
    instance::Instance,
    jobs, listener,
    lock::ServerLock,
    memory, output,
    pipelines::Pipelines,
    platform::{Platform, Site},
    router, web,
};

/// How long requests that are under way at a stop may take to end.
const GRACE: Duration = Duration::from_secs(10);

/// Two threads answer a person's browser and leave the rest of the machine alone.
const ASYNC_THREADS: usize = 2;

/// Threads that may block: the readers, uploads on their way to the disk, checks.
const BLOCKING_THREADS: usize = 16;

pub(crate) fn run(arguments: &Serve) -> Result<ExitCode, Problem> {
    memory::limit_arenas();
    let instance = Instance::find(&arguments.target)?;
    instance.make_folders()?;
    let _lock = ServerLock::take(&instance.folders)?;
    let _logging = instance.start_logs();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), instance = %instance.name, "starting");
    let served = serve(&instance);
    if let Err(problem) = &served {
        tracing::error!(detail = problem.detail, "could not serve: {}", problem.what);
    }
    served.map(|()| ExitCode::Success)
}

fn serve(instance: &Instance) -> Result<(), Problem> {
    // Taken before the database is touched, so that a start that cannot succeed changes as little as possible.
    let listener = listen(instance.loaded.settings.address())?;
    let token = instance.token()?;
    let resources = instance.open()?;
    let pipelines = Pipelines::all();
    let platform = Platform::new(instance, &resources)?;
    let queue = Queue::new(jobs::queue_settings(&platform, pipelines.job_kinds(&resources)))
        .map_err(|error| error.problem("could not start the job queue"))?;
    let mut navigation = pipelines.navigation.clone();
    navigation.extend(web::navigation());
    let frame = router::frame(instance, token, navigation, &resources.metrics);
    let site = Site { platform, services: Services { resources, queue, frame }, pipelines: Arc::new(pipelines) };
    let served = serve_with(instance, listener, &site);
    site.services.queue.stop();
    // The last owner of the database closes it, which empties its WAL.
    drop(site);
    if served.is_ok() {
        tracing::info!("stopped");
    }
    served
}

fn serve_with(instance: &Instance, listener: TcpListener, site: &Site) -> Result<(), Problem> {
    site.pipelines.start(&site.services)?;
    // Not before: an import that was under way at a kill would hold the database, and the start would wait for it.
    site.services.queue.work().map_err(|error| error.problem("could not start the job queue"))?;
    let failed = |error: io::Error| Problem::new(ExitCode::Failure, "could not serve").because(&error);
    let address = listener.local_addr().map_err(failed)?;
    let runtime = runtime().map_err(failed)?;
    let router = router::build(site);
    let queue = site.services.queue.clone();
    let served = runtime.block_on(async {
        let signals = Signals::new()?;
        let listener = listener::of_runtime(listener)?;
        say_ready(instance, address);
        until_stopped(listener, router, queue, signals).await
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

/// Takes the port.
fn listen(address: SocketAddr) -> Result<TcpListener, Problem> {
    TcpListener::bind(address).map_err(|error| {
        let problem = |code| Problem::new(code, format!("could not listen on {address}")).because(&error);
        match error.kind() {
            io::ErrorKind::AddrInUse => problem(ExitCode::PortTaken)
                .hint("another program uses the port: choose another one with `--port`, or stop that program"),
            io::ErrorKind::PermissionDenied => {
                problem(ExitCode::Unfit).hint("ports below 1024 are for the system: choose another one with `--port`")
            }
            _ => problem(ExitCode::Unfit).hint("choose another address with `--bind`"),
        }
    })
}

/// Prints every parameter and then the line for which the orchestrator waits.
fn say_ready(instance: &Instance, address: SocketAddr) {
    for parameter in instance.list() {
        output::tell(&format!("  {parameter}"));
    }
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "other machines can reach this instance, because `bind` is not a loopback address");
    }
    let shown =
        if address.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], address.port())) } else { address };
    tracing::info!(%address, "READY");
    output::tell(&format!("ready: http://{shown}/"));
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Serves until a signal comes; then takes no more requests, lets the running ones and the running job end, and
/// returns. A second signal ends the process where it stands, which the database survives.
async fn until_stopped(
    listener: tokio::net::TcpListener,
    router: axum::Router,
    queue: Queue,
    mut signals: Signals,
) -> io::Result<()> {
    let (stop, stopped) = oneshot::channel::<()>();
    let mut serving = tokio::spawn(listener::serve(listener, router, async {
        // An error means that the sender is gone, which is a reason to stop as well.
        let _ = stopped.await;
    }));
    tokio::select! {
        () = signals.next() => {}
        ended = &mut serving => return ended.map_err(io::Error::other),
    }
    tracing::info!("stopping");
    tokio::spawn(async move {
        signals.next().await;
        tracing::warn!("a second signal: ending at once");
        std::process::exit(ExitCode::Failure as i32);
    });
    let _ = stop.send(());
    // A job that is told to give up now ends together with the requests, not after them.
    let job = tokio::task::spawn_blocking(move || queue.stop());
    if tokio::time::timeout(GRACE, &mut serving).await.is_err() {
        tracing::warn!("requests that did not end in time are cut off");
        serving.abort();
    }
    job.await.map_err(io::Error::other)
}
