//! The systemd that runs our units: a person's own, or the system's for root. It knows no unit of ours.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use ytorch_core::{ExitCode, Problem};

/// How often is looked whether an order was carried out.
const POLL: Duration = Duration::from_millis(5);

/// What a unit is like, as `systemctl show` tells it.
pub(crate) type Properties = BTreeMap<String, String>;

/// Whose systemd it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The person's own: what runs there belongs to them.
    User,
    /// The machine's, for root.
    System,
}

impl Scope {
    /// Of whoever runs this program.
    pub(crate) fn of_this_user() -> Self {
        if rustix::process::geteuid().is_root() { Self::System } else { Self::User }
    }
}

/// A systemd that can be asked, and its folders.
#[derive(Clone, Debug)]
pub(crate) struct Manager {
    program: OsString,
    scope: Scope,
    configuration: PathBuf,
    runtime: PathBuf,
    is_booted: bool,
}

impl Manager {
    /// The one of whoever runs this program. `YTORCH_SYSTEMCTL` names another program to ask.
    pub(crate) fn of_this_user() -> Self {
        let set = |name: &str| env::var_os(name).filter(|text| !text.is_empty());
        let given = set("YTORCH_SYSTEMCTL");
        let is_booted = given.is_some() || Path::new("/run/systemd/system").is_dir();
        let program = given.unwrap_or_else(|| "systemctl".into());
        if Scope::of_this_user() == Scope::System {
            let configuration = set("YTORCH_SYSTEM_CONFIG").map_or_else(|| PathBuf::from("/etc"), PathBuf::from);
            return Self { program, scope: Scope::System, configuration, runtime: PathBuf::from("/run"), is_booted };
        }
        let home = set("HOME").map(PathBuf::from).unwrap_or_default();
        let configuration = set("XDG_CONFIG_HOME").map_or_else(|| home.join(".config"), PathBuf::from);
        // A log-in by ssh or sudo may lack it, and it is where systemd puts it.
        let usual = || PathBuf::from(format!("/run/user/{}", rustix::process::geteuid().as_raw()));
        let runtime = set("XDG_RUNTIME_DIR").map_or_else(usual, PathBuf::from);
        Self { program, scope: Scope::User, configuration, runtime, is_booted }
    }

    /// One that is never asked: of a person called alice, or of root.
    #[cfg(test)]
    pub(crate) fn example(scope: Scope) -> Self {
        let (configuration, runtime) = match scope {
            Scope::User => ("/home/alice/.config", "/run/user/1000"),
            Scope::System => ("/etc", "/run"),
        };
        let (configuration, runtime) = (PathBuf::from(configuration), PathBuf::from(runtime));
        Self { program: "systemctl".into(), scope, configuration, runtime, is_booted: false }
    }

    /// Whose it is.
    pub(crate) fn scope(&self) -> Scope {
        self.scope
    }

    /// Where units are written.
    pub(crate) fn units(&self) -> PathBuf {
        self.configuration.join(match self.scope {
            Scope::User => "systemd/user",
            Scope::System => "systemd/system",
        })
    }

    /// Where quadlets are written.
    pub(crate) fn quadlets(&self) -> PathBuf {
        self.configuration.join("containers/systemd")
    }

    /// What units call `%t`.
    pub(crate) fn runtime(&self) -> &Path {
        &self.runtime
    }

    /// The target that is reached when the machine, or the person's session, is up.
    pub(crate) fn usual_target(&self) -> &'static str {
        match self.scope {
            Scope::User => "default.target",
            Scope::System => "multi-user.target",
        }
    }

    /// Whether it is there and answers.
    ///
    /// # Errors
    /// If it is not, with what to do about it.
    pub(crate) fn reachable(&self) -> Result<(), Problem> {
        if !self.is_booted {
            return Err(Problem::new(ExitCode::Unfit, "this machine does not run systemd"));
        }
        let answered = self.systemctl(&["show", "--property=Version", "--value"])?;
        if answered.status.success() { Ok(()) } else { Err(unreachable(&words(&answered))) }
    }

    /// Whether units go on after the person has logged out; systems keep theirs anyway.
    pub(crate) fn lingers(&self) -> bool {
        let name = env::var("USER").or_else(|_| env::var("LOGNAME")).unwrap_or_default();
        self.scope == Scope::System || fs::symlink_metadata(Path::new("/var/lib/systemd/linger").join(name)).is_ok()
    }

    /// What units are like, by their names. A pattern such as `ytorch@*` stands for all that are loaded.
    pub(crate) fn show(&self, units: &[&str], properties: &[&str]) -> Result<BTreeMap<String, Properties>, Problem> {
        let wanted = format!("--property=Id,{}", properties.join(","));
        let mut arguments = vec!["show", "--timestamp=unix", &wanted, "--"];
        arguments.extend(units);
        let told = self.systemctl(&arguments)?;
        if !told.status.success() {
            return Err(unreachable(&words(&told)));
        }
        let mut found = BTreeMap::new();
        for block in String::from_utf8_lossy(&told.stdout).split("\n\n") {
            let mut properties = Properties::new();
            for (name, value) in block.lines().filter_map(|line| line.split_once('=')) {
                // A property of several values, such as `Listen`, has several lines.
                let known: &mut String = properties.entry(name.to_owned()).or_default();
                if !known.is_empty() {
                    known.push('\n');
                }
                known.push_str(value);
            }
            if let Some(id) = properties.get("Id").cloned() {
                found.insert(id, properties);
            }
        }
        Ok(found)
    }

    /// The units that fit a pattern, loaded or not, with the `ActiveState` of each: one question however many there are,
    /// where `show` asks for each by itself. Nothing if systemd does not tell.
    pub(crate) fn list(&self, pattern: &str) -> BTreeMap<String, String> {
        let listed = ["list-units", "--all", "--plain", "--full", "--no-legend", "--no-pager", "--", pattern];
        let Ok(told) = self.systemctl(&listed) else { return BTreeMap::new() };
        let state = |line: &str| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_owned(), words.nth(1)?.to_owned()))
        };
        String::from_utf8_lossy(&told.stdout).lines().filter_map(state).collect()
    }

    /// Does something, such as `start`, and waits until it is done.
    ///
    /// # Errors
    /// In systemd's own words; the unit's log knows more.
    pub(crate) fn order(&self, arguments: &[&str]) -> Result<(), Problem> {
        done(arguments, &self.systemctl(arguments)?)
    }

    /// Does something and waits until it is done, or for so long. What takes longer goes on without us.
    ///
    /// # Errors
    /// As `order`, if it failed meanwhile.
    pub(crate) fn order_within(&self, arguments: &[&str], patience: Duration) -> Result<(), Problem> {
        let mut command = self.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut asking = command.spawn().map_err(|error| self.not_run(&error))?;
        let until = Instant::now() + patience;
        while asking.try_wait().map_err(|error| self.not_run(&error))?.is_none() {
            if Instant::now() > until {
                // Only who asks is ended: the order stays with systemd.
                let _ = asking.kill();
                return asking.wait().map(drop).map_err(|error| self.not_run(&error));
            }
            thread::sleep(POLL);
        }
        let told = asking.wait_with_output().map_err(|error| self.not_run(&error))?;
        done(arguments, &told)
    }

    /// The last lines that a unit wrote to the journal.
    pub(crate) fn journal(&self, unit: &str, lines: usize) -> Vec<String> {
        let mut command = Command::new("journalctl");
        let selector = match self.scope {
            Scope::User => "--user-unit",
            Scope::System => "--unit",
        };
        command.args([selector, unit, "--output=cat", "--no-pager", "--quiet", "--lines"]).arg(lines.to_string());
        let Ok(told) = command.stdin(Stdio::null()).stderr(Stdio::null()).output() else { return Vec::new() };
        String::from_utf8_lossy(&told.stdout).lines().map(str::to_owned).collect()
    }

    fn systemctl(&self, arguments: &[&str]) -> Result<Output, Problem> {
        self.command(arguments).output().map_err(|error| self.not_run(&error))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        if self.scope == Scope::User {
            command.arg("--user").env("XDG_RUNTIME_DIR", &self.runtime);
        }
        command.args(arguments).stdin(Stdio::null()).env("LC_ALL", "C.UTF-8");
        command
    }

    fn not_run(&self, error: &io::Error) -> Problem {
        Problem::new(ExitCode::Unfit, format!("could not run `{}`", self.program.to_string_lossy())).because(error)
    }
}

fn done(arguments: &[&str], told: &Output) -> Result<(), Problem> {
    if told.status.success() {
        return Ok(());
    }
    let words = words(told);
    if words.contains("connect to bus") || words.contains("connect to system scope bus") {
        return Err(unreachable(&words));
    }
    let what = format!("systemd could not {}", arguments.join(" "));
    Err(Problem::new(ExitCode::Unhealthy, what).detail(words))
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

fn unreachable(words: &str) -> Problem {
    Problem::new(ExitCode::Unfit, "your systemd does not answer").detail(words).hint(
        "log in as this user in a session of its own (not by `su`), or let it run always: sudo loginctl enable-linger $USER",
    )
}
