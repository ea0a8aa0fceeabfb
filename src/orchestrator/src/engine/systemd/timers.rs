//! Timers of systemd beside the instances: one that reconciles all of them, and one for the backup of each that is on demand,
//! whose own clock stands still while it is idle. Pure texts and names; it writes and starts nothing.

use std::path::{Path, PathBuf};

use ytorch_core::InstanceName;

use super::{manager::Manager, names};
use crate::engine::derived::DerivedFile;

/// How often all instances are reconciled unless somebody says otherwise.
pub(crate) const USUAL_PAUSE: &str = "5m";

/// The timers of one root folder.
#[derive(Clone, Debug)]
pub(crate) struct Timers {
    prefix: String,
    units: PathBuf,
}

impl Timers {
    /// The names for a root folder.
    pub(crate) fn new(root: &Path, home: Option<&Path>, manager: &Manager) -> Self {
        Self { prefix: names::prefix(root, home), units: manager.units() }
    }

    /// The timer that reconciles all instances.
    pub(crate) fn reconcile(&self) -> String {
        format!("{}-reconcile.timer", self.prefix)
    }

    /// The timer of the backup of one instance.
    pub(crate) fn backup(&self, name: &InstanceName) -> String {
        format!("{}{name}.timer", self.backup_prefix())
    }

    /// The file of the timer that reconciles; the timers are on while it is there.
    pub(crate) fn reconcile_file(&self) -> PathBuf {
        self.units.join(self.reconcile())
    }

    /// What the timer of a backup points to.
    pub(crate) fn backup_file(&self) -> PathBuf {
        self.units.join(format!("{}.timer", self.backup_prefix()))
    }

    /// The link by which a timer is started when the machine or the person's session is up.
    pub(crate) fn link(&self, timer: &str) -> PathBuf {
        self.links().join(timer)
    }

    /// Where all these links are.
    pub(crate) fn links(&self) -> PathBuf {
        self.units.join("timers.target.wants")
    }

    /// Whether a unit is the timer of a backup.
    pub(crate) fn is_backup(&self, unit: &str) -> bool {
        let rest = unit.strip_prefix(&self.backup_prefix());
        rest.is_some_and(|name| Path::new(name).extension().is_some_and(|extension| extension == "timer"))
    }

    fn backup_prefix(&self) -> String {
        format!("{}-backup@", self.prefix)
    }

    /// The four files. `program` is `ytorch`; it and the root folder can stand in a unit.
    pub(crate) fn files(&self, program: &str, root: &str, pause: &str) -> [DerivedFile; 4] {
        let file = |name: &str, text: &str| DerivedFile::new(self.units.join(name), text);
        let order = |what: &str, words: &str| {
            format!(
                "[Unit]\nDescription={what}\n\n[Service]\nType=oneshot\nExecStart={program} --root {root} --quiet {words}\n"
            )
        };
        let timer = |what: &str, when: &str| {
            format!("[Unit]\nDescription={what}\n\n[Timer]\n{when}\n\n[Install]\nWantedBy=timers.target\n")
        };
        let service = |name: &str| name.replace(".timer", ".service");
        let often = format!("OnStartupSec=15\nOnUnitActiveSec={pause}\nAccuracySec=10");
        // A machine that was off at that hour does it when it is on again.
        let daily = "OnCalendar=daily\nRandomizedDelaySec=1h\nPersistent=true";
        let (reconcile, backup) = (self.reconcile(), format!("{}.timer", self.backup_prefix()));
        let (all, one) = ("every ytorch instance becomes what its spec says", "backup of the ytorch instance %i");
        [
            file(&service(&reconcile), &order(all, "reconcile --all")),
            file(&reconcile, &timer("ytorch instances are reconciled", &often)),
            file(&service(&backup), &order(one, "backup %i")),
            file(&backup, &timer(one, daily)),
        ]
    }
}

/// The pause that a timer was written with.
pub(crate) fn pause_of(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("OnUnitActiveSec="))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::systemd::manager::Scope;

    #[test]
    fn the_texts_are_these() {
        let home = Path::new("/home/alice");
        let root = home.join("projectDeployments");
        let timers = Timers::new(&root, Some(home), &Manager::example(Scope::User));
        let files = timers.files("/usr/local/bin/ytorch", root.to_str().unwrap(), USUAL_PAUSE);
        let one = |file: &DerivedFile| format!("==> {} <==\n{}\n", file.path.display(), file.text);
        let text = files.iter().map(one).collect::<Vec<_>>().concat();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/timers.txt");
        if std::env::var_os("YTORCH_WRITE_GOLDEN").is_some() {
            ytorch_core::files::write_atomically(&path, text.as_bytes(), ytorch_core::files::Access::Shared).unwrap();
        }
        assert_eq!(text, std::fs::read_to_string(path).unwrap());
        assert_eq!(pause_of(&files[1].text), Some(USUAL_PAUSE));
        assert!(timers.is_backup(&timers.backup(&"friend".parse().unwrap())));
        assert!(!timers.is_backup(&timers.reconcile()));
    }
}
