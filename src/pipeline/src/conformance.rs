//! What every pipeline must hold, found out on a real database and real routes. A pipeline's own test calls it.
//!
//! It does not look at what the pages say; that is for the pipeline's tests.

use std::{path::Path, sync::Arc};

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use tower::ServiceExt as _;
use ytorch_core::{Clock, InstanceFolders, InstanceName, Secret, Zone, files};
use ytorch_jobs::{Queue, QueueSettings};
use ytorch_store::{Database, StoreError, rusqlite};
use ytorch_telemetry::Metrics;
use ytorch_web::{Frame, FrameSettings, RateLimit, own_routes};

use crate::{Pipeline, Resources, Services};

/// Tables that are nobody's but the platform's.
const OF_THE_PLATFORM: &[&str] = &["migration", "job", "job_run", "job_schedule", "job_breaker"];

/// Everything that is wrong with a pipeline, in words; empty if nothing is. `folder` must be empty and writable.
///
/// It starts a runtime of its own, so it cannot be called from within one.
///
/// # Errors
/// What kept it from looking, such as a database that cannot be made: a first finding that hides all others.
pub fn violations(pipeline: &Pipeline, folder: &Path) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let mut found = Vec::new();
    names(pipeline, &mut found);
    let resources = resources(pipeline, folder)?;
    tables(pipeline.name, &resources.database, &mut found)?;
    jobs(pipeline, &resources, &mut found);
    let kinds = (pipeline.jobs)(&resources);
    let queue = Queue::start(QueueSettings {
        database: resources.database.clone(),
        kinds,
        schedules: Vec::new(),
        clock: resources.clock.clone(),
        zone: resources.zone.clone(),
        keep_count: 100,
        keep_days: 1,
        metrics: resources.metrics.clone(),
        when_failed: Arc::new(|_| None),
    })?;
    let token = Secret::generate();
    let frame = frame(pipeline, &resources, &token);
    let services = Services { resources, queue, frame };
    for time in ["first", "second"] {
        if let Err(problem) = (pipeline.start)(&services) {
            found.push(format!("the {time} start failed: {problem}"));
        }
    }
    for check in (pipeline.checks)(&services.resources) {
        if !check.name.starts_with(pipeline.name) {
            found.push(format!("the check `{}` does not start with `{}`", check.name, pipeline.name));
        }
        if !check.ok {
            found.push(format!("the check `{}` fails on a new instance: {}", check.name, check.detail));
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(pages(pipeline, &services, &token, &mut found))?;
    services.queue.stop();
    Ok(found)
}

fn names(pipeline: &Pipeline, found: &mut Vec<String>) {
    let Pipeline { name, migrations, .. } = pipeline;
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_lowercase()) {
        found.push(format!("the name `{name}` is not made of lower-case letters"));
    }
    if migrations.owner != *name {
        found.push(format!("the migrations belong to `{}` and not to `{name}`", migrations.owner));
    }
    for (number, migration) in (1..).zip(migrations.list) {
        if migration.number != number {
            found.push(format!("migration {number} has the number {}", migration.number));
        }
    }
}

/// A new instance, whose database was opened twice: the second time there must be nothing left to do.
fn resources(pipeline: &Pipeline, folder: &Path) -> Result<Resources, Box<dyn std::error::Error>> {
    let folders = InstanceFolders::new(folder);
    files::create_private_folder(&folders.raw())?;
    let clock = Clock::system();
    let migrations = [ytorch_jobs::MIGRATIONS, pipeline.migrations];
    drop(Database::open(&folders.database(), &migrations, &clock)?);
    let database = Database::open(&folders.database(), &migrations, &clock)?;
    Ok(Resources {
        folders,
        database,
        clock,
        zone: Zone::utc(),
        upload_limit_bytes: 1024 * 1024,
        disk_floor_bytes: 0,
        metrics: Metrics::new(),
    })
}

fn tables(name: &str, database: &Database, found: &mut Vec<String>) -> Result<(), StoreError> {
    let tables: Vec<(String, bool)> = database.read_blocking(|connection| {
        let sql = "select name, strict from pragma_table_list
                   where schema = 'main' and type = 'table' and name not like 'sqlite_%'";
        let mut statement = connection.prepare(sql)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok::<_, StoreError>(rows.collect::<rusqlite::Result<_>>()?)
    })?;
    for (table, strict) in tables {
        if OF_THE_PLATFORM.contains(&table.as_str()) {
            continue;
        }
        if !table.starts_with(&format!("{name}_")) {
            found.push(format!("the table `{table}` does not start with `{name}_`"));
        }
        if !strict {
            found.push(format!("the table `{table}` is not strict"));
        }
    }
    Ok(())
}

fn jobs(pipeline: &Pipeline, resources: &Resources, found: &mut Vec<String>) {
    let mut names: Vec<_> = (pipeline.jobs)(resources).iter().map(|kind| kind.name).collect();
    for name in &names {
        if !name.starts_with(pipeline.name) {
            found.push(format!("the job `{name}` does not start with `{}`", pipeline.name));
        }
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    if names.len() < count {
        found.push("two kinds of jobs have one name".to_owned());
    }
}

fn frame(pipeline: &Pipeline, resources: &Resources, token: &Secret) -> Frame {
    Frame::new(FrameSettings {
        instance: InstanceName::default(),
        zone: resources.zone.clone(),
        token: token.clone(),
        navigation: pipeline.navigation.clone(),
        version: env!("CARGO_PKG_VERSION"),
        clock: resources.clock.clone(),
        rate_limit: RateLimit::per_second(0),
        hosts: Vec::new(),
        metrics: resources.metrics.clone(),
    })
}

/// Every entry of the navigation leads to a page, and no page to a stranger.
async fn pages(
    pipeline: &Pipeline,
    services: &Services,
    token: &Secret,
    found: &mut Vec<String>,
) -> Result<(), axum::http::Error> {
    let router = ytorch_web::protect((pipeline.routes)(services).merge(own_routes(&services.frame)), &services.frame);
    for entry in &pipeline.navigation {
        let request = Request::get(entry.href).header(header::HOST, "localhost");
        let Ok(stranger) = router.clone().oneshot(request.body(Body::empty())?).await;
        if stranger.status() != StatusCode::SEE_OTHER {
            found.push(format!("`{}` answers a stranger with {}", entry.href, stranger.status()));
        }
        let bearer = format!("Bearer {}", token.reveal());
        let request = Request::get(entry.href).header(header::HOST, "localhost").header(header::AUTHORIZATION, bearer);
        let Ok(owner) = router.clone().oneshot(request.body(Body::empty())?).await;
        if owner.status() != StatusCode::OK {
            found.push(format!("`{}`, which the navigation names, answers with {}", entry.href, owner.status()));
        }
    }
    Ok(())
}
