//! What the platform's own jobs, pages and addresses work with. It does nothing by itself.

use std::{sync::Arc, time::Duration};

use ytorch_core::{InstanceName, Problem, Timestamp};
use ytorch_jobs::{BreakerSettings, Breakers};
use ytorch_pipeline::{Resources, Services};
use ytorch_store::{MEND_UNDECRYPTABLE, Vault};

use crate::{
    activity::Activity,
    instance::Instance,
    jobs::NOTIFY_SERVICE,
    pipelines::Pipelines,
    settings::{Listed, Settings},
};

/// What there is of the platform without a queue.
#[derive(Clone)]
pub(crate) struct Platform {
    pub(crate) instance: InstanceName,
    pub(crate) resources: Resources,
    pub(crate) settings: Settings,
    /// Every parameter as it is shown.
    pub(crate) listed: Arc<Vec<Listed>>,
    pub(crate) breakers: Breakers,
    pub(crate) vault: Vault,
    pub(crate) started_at: Timestamp,
}

/// What pages and addresses work with.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) platform: Platform,
    pub(crate) services: Services,
    pub(crate) pipelines: Arc<Pipelines>,
    pub(crate) activity: Activity,
}

impl Platform {
    pub(crate) fn new(instance: &Instance, resources: &Resources) -> Result<Self, Problem> {
        let settings = instance.loaded.settings.clone();
        let clock = resources.clock.clone();
        let breaker_settings = BreakerSettings {
            failures: settings.breaker_failures,
            cool_down: Duration::from_secs(settings.breaker_cool_down_seconds),
        };
        let breakers = Breakers::new(
            resources.database.clone(),
            clock.clone(),
            breaker_settings,
            vec![NOTIFY_SERVICE],
            resources.metrics.clone(),
        );
        let vault = Vault::open(resources.database.clone(), &instance.folders.encryption_key(), clock.clone())?;
        let undecryptable = vault.undecryptable().map_err(|error| error.problem("could not look at the secrets"))?;
        for name in undecryptable {
            tracing::warn!(name, "a secret cannot be decrypted with the key of this instance; {MEND_UNDECRYPTABLE}");
        }
        Ok(Self {
            instance: instance.name.clone(),
            resources: resources.clone(),
            settings,
            listed: Arc::new(instance.list()),
            breakers,
            vault,
            started_at: clock.now(),
        })
    }
}
