//! The folder that holds all instances. There is no list beside it: what the folders say is what there is.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use ytorch_core::{
    BackupName, ExitCode, InstanceFolders, InstanceName, Problem, Timestamp, files::create_private_folder,
};

use crate::{
    lock::Lock,
    spec::{Desired, Spec, is_absent, removed_spec},
};

/// Unfinished instances; whoever holds the root's lock knows that nobody works on them any more.
const STAGING: &str = ".staging-";
/// Purged instances whose files are being deleted.
const PURGED: &str = ".ytorch-purged-";
/// Backups that are being unpacked, which takes longer than anybody may hold the root's lock: each is locked itself.
const RESTORING: &str = ".ytorch-restoring-";
/// What was an instance before a restore. Nobody but its owner deletes it.
const REPLACED: &str = ".ytorch-replaced-";

/// How long a command waits for another one that allocates a port or moves a folder; both take moments.
const ROOT_PATIENCE: Duration = Duration::from_secs(30);
/// How long a command waits for another one on the same instance, which may take long: so it says so soon.
const INSTANCE_PATIENCE: Duration = Duration::from_millis(700);

/// The folder of all instances.
#[derive(Clone, Debug)]
pub(crate) struct Root(PathBuf);

/// What stands at the place of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nothing.
    Absent,
    /// An instance.
    Instance(Spec),
    /// What a teardown kept.
    Removed(Spec),
    /// A folder or file that is not ours.
    Foreign,
}

impl Root {
    /// The folder the person named, or `~/projectDeployments`.
    pub(crate) fn choose(given: Option<PathBuf>, home: Option<&Path>) -> Result<Self, Problem> {
        let folder = match (given, home) {
            (Some(folder), _) => folder,
            (None, Some(home)) => home.join("projectDeployments"),
            (None, None) => {
                return Err(Problem::new(ExitCode::Usage, "it is not known where the instances are")
                    .detail("HOME is not set")
                    .hint("name the folder: --root DIR, or YTORCH_ROOT"));
            }
        };
        let absolute = std::path::absolute(&folder)
            .map_err(|error| Problem::new(ExitCode::Unfit, "could not find the current folder").because(&error))?;
        Ok(Self(absolute))
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The places inside an instance.
    pub(crate) fn folders(&self, name: &InstanceName) -> InstanceFolders {
        InstanceFolders::new(self.0.join(name.as_str()))
    }

    /// Where an instance is built before it exists.
    pub(crate) fn staging(&self, name: &InstanceName) -> InstanceFolders {
        InstanceFolders::new(self.0.join(format!("{STAGING}{name}-{}", std::process::id())))
    }

    /// Where an instance goes while its files are deleted.
    pub(crate) fn purged(&self, name: &InstanceName) -> PathBuf {
        self.0.join(format!("{PURGED}{name}-{}", std::process::id()))
    }

    /// Where a backup is unpacked before it is an instance.
    pub(crate) fn restoring(&self, name: &InstanceName) -> InstanceFolders {
        InstanceFolders::new(self.0.join(format!("{RESTORING}{name}-{}", std::process::id())))
    }

    /// Where an instance goes in whose place a backup comes: a folder that is not there yet.
    pub(crate) fn replaced(&self, name: &InstanceName, now: Timestamp) -> PathBuf {
        let path = self.0.join(format!("{REPLACED}{name}-{}", BackupName::stamp(now)));
        let numbered = |number: u32| path.with_added_extension(number.to_string());
        let taken = |path: &PathBuf| fs::symlink_metadata(path).is_ok();
        std::iter::once(path.clone()).chain((2..1_000).map(numbered)).find(|path| !taken(path)).unwrap_or(path.clone())
    }

    /// What stands at the place of an instance.
    pub(crate) fn place(&self, name: &InstanceName) -> Result<Place, Problem> {
        let folders = self.folders(name);
        if let Some(spec) = Spec::read(&folders.spec(), name)? {
            return Ok(Place::Instance(spec));
        }
        if let Some(spec) = Spec::read(&removed_spec(&folders), name)? {
            return Ok(Place::Removed(spec));
        }
        match fs::symlink_metadata(folders.root()) {
            Ok(_) => Ok(Place::Foreign),
            Err(error) if is_absent(&error) => Ok(Place::Absent),
            Err(error) => Err(unreadable(folders.root(), &error)),
        }
    }

    /// The spec of an instance, or a problem that names those that exist.
    pub(crate) fn instance(&self, name: &InstanceName) -> Result<Spec, Problem> {
        match self.place(name)? {
            Place::Instance(spec) if spec.desired == Desired::Removed => {
                Err(Problem::new(ExitCode::Refused, format!("the instance `{name}` is being removed"))
                    .detail("a teardown was interrupted")
                    .hint(format!(
                        "finish it with `ytorch teardown {name}`, or take it back with `ytorch create {name}`"
                    )))
            }
            Place::Instance(spec) => Ok(spec),
            Place::Removed(_) => Err(Problem::new(ExitCode::NotFound, format!("the instance `{name}` was torn down"))
                .detail(format!("its data is still in {}", self.folders(name).data().display()))
                .hint(format!("`ytorch create {name}` takes it back"))),
            Place::Foreign => Err(self.foreign(name)),
            Place::Absent => Err(self.missing(name)),
        }
    }

    /// The problem of a folder without a spec.
    pub(crate) fn foreign(&self, name: &InstanceName) -> Problem {
        let folder = self.folders(name);
        Problem::new(ExitCode::Refused, format!("`{}` is not an instance of ytorch", folder.root().display()))
            .detail("it has no config/instance.toml, so ytorch will not touch it")
            .hint("choose another name, or move that folder away")
    }

    fn missing(&self, name: &InstanceName) -> Problem {
        let problem =
            Problem::new(ExitCode::NotFound, format!("there is no instance `{name}` in {}", self.0.display()));
        let mut near = self.names().unwrap_or_default();
        if near.is_empty() {
            return problem.hint(format!("create it: ytorch create {name}"));
        }
        near.sort_by_cached_key(|other| strsim::damerau_levenshtein(other.as_str(), name.as_str()));
        let named: Vec<String> = near.iter().take(3).map(|other| format!("`{other}`")).collect();
        problem.hint(format!("there is {}; to create it: ytorch create {name}", named.join(", ")))
    }

    /// Whether an instance is there, even if its spec cannot be read.
    pub(crate) fn present(&self, name: &InstanceName) -> Result<(), Problem> {
        let is_there = fs::symlink_metadata(self.folders(name).spec()).is_ok();
        if is_there { Ok(()) } else { self.instance(name).map(drop) }
    }

    /// The names of all instances, sorted.
    pub(crate) fn names(&self) -> Result<Vec<InstanceName>, Problem> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(&self.0, &error)),
        };
        let mut names = Vec::new();
        for entry in entries.flatten() {
            let Some(name) = entry.file_name().to_str().and_then(|text| text.parse::<InstanceName>().ok()) else {
                continue;
            };
            // One that is there and cannot be read is an instance, too: it must be seen to be broken.
            let spec = self.folders(&name).spec();
            if !fs::symlink_metadata(spec).is_err_and(|error| is_absent(&error)) {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// The specs of all instances that can be read. The others keep no port: the bind probe speaks for them.
    pub(crate) fn specs(&self) -> Result<Vec<Spec>, Problem> {
        let names = self.names()?;
        Ok(names.iter().filter_map(|name| Spec::read(&self.folders(name).spec(), name).ok().flatten()).collect())
    }

    /// Folders that an interrupted create, restore or purge left. Others may use this folder as well, so a name that merely
    /// looks like one is not enough.
    pub(crate) fn leftovers(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.0) else { return Vec::new() };
        let paths = entries.flatten().map(|entry| entry.path());
        let mut leftovers: Vec<PathBuf> =
            paths.filter(|path| is_purged(path) || is_staging(path) || is_given_up(path)).collect();
        leftovers.sort();
        leftovers
    }

    /// The lock under which ports are chosen and instance folders come and go. It makes the root folder.
    pub(crate) fn lock(&self, verb: &str) -> Result<Lock, Problem> {
        create_private_folder(&self.0).map_err(|error| {
            Problem::new(ExitCode::Unfit, format!("could not create `{}`", self.0.display()))
                .because(&error)
                .hint("name a folder that you may write: --root DIR, or YTORCH_ROOT")
        })?;
        Lock::for_command(&self.0.join(".lock"), verb, ROOT_PATIENCE)
    }

    /// The lock under which one instance is changed.
    pub(crate) fn lock_instance(&self, name: &InstanceName, verb: &str) -> Result<Lock, Problem> {
        Lock::for_command(&self.folders(name).root().join(".lock"), verb, INSTANCE_PATIENCE)
    }
}

/// Whether the rest of a file name after the prefix is the name of an instance and a process id.
fn is_named(path: &Path, prefix: &str) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix(prefix));
    name.and_then(|name| name.rsplit_once('-'))
        .is_some_and(|(name, pid)| name.parse::<InstanceName>().is_ok() && pid.parse::<u32>().is_ok())
}

fn is_purged(path: &Path) -> bool {
    is_named(path, PURGED)
}

/// Whether nobody unpacks a backup there any more. Whoever does has locked the folder, under the root's lock.
fn is_given_up(path: &Path) -> bool {
    is_named(path, RESTORING) && fs::File::open(path).is_ok_and(|folder| folder.try_lock().is_ok())
}

fn is_staging(path: &Path) -> bool {
    let is_ours = |entry: fs::DirEntry| ["config", "data", "logs", "run"].iter().any(|ours| entry.file_name() == *ours);
    is_named(path, STAGING) && fs::read_dir(path).is_ok_and(|mut entries| entries.all(|entry| entry.is_ok_and(is_ours)))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    Problem::new(ExitCode::Unfit, format!("could not read `{}`", path.display())).because(error)
}
