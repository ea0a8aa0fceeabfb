//! The one list of pipelines. Everything else in this crate works on whatever stands here.

use ytorch_core::Problem;
use ytorch_jobs::JobKind;
use ytorch_pipeline::{Check, Pipeline, Resources, Services};
use ytorch_store::Migrations;
use ytorch_web::{NavEntry, Routes};

/// Every pipeline, in the order of the navigation.
fn list() -> Vec<Pipeline> {
    vec![ytorch_history::pipeline()]
}

type Start = fn(&Services) -> Result<(), Problem>;

/// What all pipelines bring together, each kind of thing in the order of the list.
pub(crate) struct Pipelines {
    pub(crate) navigation: Vec<NavEntry>,
    /// The tables of the platform, then those of the pipelines.
    pub(crate) migrations: Vec<Migrations>,
    jobs: Vec<fn(&Resources) -> Vec<JobKind>>,
    routes: Vec<fn(&Services) -> Routes>,
    starts: Vec<(&'static str, Start)>,
    checks: Vec<fn(&Resources) -> Vec<Check>>,
}

impl Pipelines {
    /// Unpacks the list; a new field of a pipeline stops the build here.
    pub(crate) fn all() -> Self {
        let mut all = Self {
            navigation: Vec::new(),
            migrations: vec![ytorch_store::vault::MIGRATIONS, ytorch_jobs::MIGRATIONS],
            jobs: Vec::new(),
            routes: Vec::new(),
            starts: Vec::new(),
            checks: Vec::new(),
        };
        for Pipeline { name, navigation, migrations, jobs, routes, start, checks } in list() {
            all.navigation.extend(navigation);
            all.migrations.push(migrations);
            all.jobs.push(jobs);
            all.routes.push(routes);
            all.starts.push((name, start));
            all.checks.push(checks);
        }
        all
    }

    /// Every kind of job that may be in the queue.
    pub(crate) fn job_kinds(&self, resources: &Resources) -> Vec<JobKind> {
        self.jobs.iter().flat_map(|jobs| jobs(resources)).collect()
    }

    /// Lets each one do what it does once the queue has started.
    pub(crate) fn start(&self, services: &Services) -> Result<(), Problem> {
        for (name, start) in &self.starts {
            start(services)?;
            tracing::debug!(pipeline = name, "started");
        }
        Ok(())
    }

    /// All their pages, without the guards.
    pub(crate) fn routes(&self, services: &Services) -> Routes {
        self.routes.iter().fold(Routes::new(), |all, routes| all.merge(routes(services)))
    }

    /// What each one says of itself at this moment.
    pub(crate) fn checks(&self, resources: &Resources) -> Vec<Check> {
        self.checks.iter().flat_map(|checks| checks(resources)).collect()
    }
}
