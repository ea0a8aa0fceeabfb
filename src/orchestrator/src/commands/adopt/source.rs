//! The folder that is to be adopted: found, looked at, and held so that nobody starts a server in it. It changes nothing.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use ytorch_core::{ExitCode, InstanceFolders, InstanceName, Problem};

use crate::{
    command_line::Adopt,
    commands::{Context, arrival, parse_name, running},
    engine::{Activity, process::supervisor_lock},
    lock::is_locked,
    spec::{Spec, is_absent, removed_spec},
};

/// A folder that can be adopted.
pub(super) struct Found {
    /// Where it is.
    pub folders: InstanceFolders,
    /// The spec in it.
    pub spec: Spec,
    /// What it will be called.
    pub name: InstanceName,
}

impl Found {
    /// Looks at the folder that a person named.
    pub(super) fn at(context: &Context, options: &Adopt) -> Result<Self, Problem> {
        let given = options.folder.display();
        let path = fs::canonicalize(&options.folder).map_err(|error| {
            let code = if is_absent(&error) { ExitCode::NotFound } else { ExitCode::Unfit };
            Problem::new(code, format!("could not find the folder `{given}`")).because(&error)
        })?;
        // The root may be named by a link, and what is in it is compared by its path.
        let root = fs::canonicalize(context.root.path()).ok();
        let is_in_root = root.is_some() && path.parent() == root.as_deref();
        let own_name = path.file_name().and_then(|name| name.to_str()?.parse::<InstanceName>().ok());
        let own_name = own_name.filter(|_| is_in_root);
        let folders = match &own_name {
            Some(name) => context.root.folders(name),
            None => InstanceFolders::new(path),
        };
        let spec = match Spec::read_any(&folders.spec())? {
            Some(spec) => Some(spec),
            None => Spec::read_any(&removed_spec(&folders))?,
        };
        let spec = spec.ok_or_else(|| {
            Problem::new(ExitCode::Refused, format!("`{given}` is not the folder of an instance"))
                .detail("it has no config/instance.toml")
                .hint("name the folder in which config/ and data/ are")
        })?;
        let named = options.instance.as_deref().map(parse_name).transpose()?;
        let name = named.or_else(|| own_name.clone()).unwrap_or_else(|| spec.name.clone());
        let is_in_place = own_name.as_ref() == Some(&name);
        if is_in_place && spec.name == name && folders.spec().is_file() {
            return Err(Problem::new(ExitCode::Refused, format!("`{name}` is an instance here already"))
                .hint(format!("start it with: ytorch start {name}")));
        }
        if is_in_place && options.copy {
            return Err(Problem::new(ExitCode::Usage, "the folder is where it belongs: there is nothing to copy")
                .hint("leave out --copy"));
        }
        if !is_in_place {
            arrival::is_free(context, &name)?;
        }
        belongs_to_us(&folders)?;
        Ok(Self { folders, spec, name })
    }
}

/// A folder from another machine may carry the numbers of users there.
fn belongs_to_us(folders: &InstanceFolders) -> Result<(), Problem> {
    let own = rustix::process::geteuid().as_raw();
    let paths = [folders.root().to_owned(), folders.config(), folders.data(), folders.secrets(), folders.database()];
    for path in paths {
        match fs::metadata(&path) {
            Ok(metadata) if metadata.uid() != own => {
                return Err(Problem::new(ExitCode::Unfit, format!("`{}` belongs to another user", path.display()))
                    .detail(format!("its owner is number {}, you are number {own}", metadata.uid()))
                    .hint(format!("make it yours: sudo chown -R {own} {}", folders.root().display())));
            }
            Err(error) if is_absent(&error) && path != folders.data() => {}
            Err(error) => {
                return Err(Problem::new(ExitCode::Unfit, format!("could not look at `{}`", path.display()))
                    .because(&error)
                    .hint("an instance has config/ and data/"));
            }
            Ok(_) => {}
        }
    }
    Ok(())
}

/// The lock of whoever writes the database, if there is such a file: while we hold it, no server can start there.
pub(super) struct Source(#[expect(dead_code, reason = "the open file is the lock")] Option<File>);

impl Source {
    /// Holds a folder in which nothing runs.
    pub(super) fn hold(found: &Found) -> Result<Self, Problem> {
        let Found { folders, spec, name: _ } = found;
        let runs = |what: &str| {
            Err(Problem::new(ExitCode::Busy, format!("{what} `{}`", folders.root().display()))
                .hint("stop that instance where it is: ytorch stop, with --root for another root folder"))
        };
        if is_locked(&supervisor_lock(folders)) {
            return runs("a server is kept running in");
        }
        match running::observe(folders, spec)?.activity {
            Activity::Nothing => {}
            _ => return runs("an instance runs in"),
        }
        match lock(&folders.server_lock()) {
            Ok(lock) => Ok(Self(lock)),
            Err(_) => runs("another program holds the database in"),
        }
    }
}

fn lock(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error),
        Ok(file) => {
            file.try_lock_shared()?;
            Ok(Some(file))
        }
    }
}
