//! What a file declares of an instance, for `ytorch declare`: all that a person could say with several verbs. It does not
//! look at the instance, and decides nothing.

use std::{collections::BTreeMap, fs, net::IpAddr, num::NonZero, path::Path, path::PathBuf};

use serde::Deserialize;
use ytorch_core::{ExitCode, InstanceName, Problem};

use crate::{
    command_line::{host_name, memory, processors},
    spec::{Desired, EngineName, Limits, Spec},
};

const HEADER: &str = "# Written by `ytorch declare`, which replaces what is changed here by hand.\n";

/// The content of a declaration. What is not named is as it is usual, never as it was before.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Declaration {
    /// The instance.
    pub name: InstanceName,
    /// How its server is run.
    pub engine: EngineName,
    /// The port it listens on.
    pub port: NonZero<u16>,
    /// The address it listens on.
    pub bind: IpAddr,
    /// The server program, for engines without containers; none is the one beside `ytorch`.
    #[serde(default)]
    pub program: Option<PathBuf>,
    /// An archive of an image, or a program that writes one; none is the image it has, or the newest.
    #[serde(default)]
    pub image: Option<PathBuf>,
    /// Whether the first request starts it.
    #[serde(default)]
    pub on_demand: bool,
    /// With `on_demand`: the server ends after so many seconds without a request.
    #[serde(default)]
    pub idle_exit_seconds: Option<NonZero<u32>>,
    /// Names by which a reverse proxy is asked for it.
    #[serde(default)]
    host_names: Vec<String>,
    /// How much of the machine it may take.
    #[serde(default)]
    limits: DeclaredLimits,
    /// The settings of its server.
    #[serde(default)]
    settings: BTreeMap<String, toml::Value>,
}

/// Limits as `ytorch set` understands them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeclaredLimits {
    memory: Option<String>,
    tasks: Option<NonZero<u32>>,
    cpus: Option<serde_json::Number>,
}

impl Declaration {
    /// Reads a declaration.
    ///
    /// # Errors
    /// If the file cannot be read, or says something that cannot be meant.
    pub(crate) fn read(path: &Path) -> Result<Self, Problem> {
        let text = fs::read_to_string(path).map_err(|error| {
            Problem::new(ExitCode::NotFound, format!("could not read `{}`", path.display())).because(&error)
        })?;
        let declared: Self = serde_json::from_str(&text).map_err(|error| wrong(path, &error.to_string()))?;
        if declared.engine.is_container() && declared.program.is_some() {
            return Err(wrong(path, &format!("the engine `{}` runs an `image`, no `program`", declared.engine)));
        }
        if !declared.engine.is_container() && declared.image.is_some() {
            return Err(wrong(path, &format!("the engine `{}` runs a `program`, no `image`", declared.engine)));
        }
        if declared.on_demand && declared.engine == EngineName::Process {
            return Err(wrong(path, "the engine `process` cannot start a server on demand"));
        }
        let read = declared.limits().and_then(|_| declared.host_names()).and_then(|_| declared.settings_text());
        read.map_err(|why| wrong(path, &why)).map(|_| declared)
    }

    /// The spec of an instance that is as declared, of the same generation; what a file cannot declare stays.
    pub(crate) fn wanted(&self, old: &Spec) -> Result<Spec, Problem> {
        let meant = |why: String| Problem::new(ExitCode::Usage, why);
        Ok(Spec {
            desired: if self.on_demand { Desired::OnDemand } else { Desired::Running },
            port: self.port.get(),
            bind: self.bind,
            idle_exit_seconds: self.idle_exit_seconds.map(NonZero::get),
            host_names: self.host_names().map_err(meant)?,
            limits: self.limits().map_err(meant)?,
            ..old.clone()
        })
    }

    /// The file of the server's settings.
    pub(crate) fn settings_text(&self) -> Result<String, String> {
        let text = toml::to_string(&self.settings).map_err(|error| format!("settings: {error}"))?;
        Ok(format!("{HEADER}{text}"))
    }

    fn host_names(&self) -> Result<Vec<String>, String> {
        let mut names = Vec::new();
        for text in &self.host_names {
            let name = host_name(text).map_err(|why| format!("host_names: `{text}`: {why}"))?;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn limits(&self) -> Result<Limits, String> {
        let DeclaredLimits { memory: bytes, tasks, cpus } = &self.limits;
        let bytes = bytes.as_deref().map(memory).transpose().map_err(|why| format!("limits.memory: {why}"))?;
        let cpus = cpus.as_ref().map(|number| processors(&number.to_string())).transpose();
        Ok(Limits {
            memory_bytes: bytes.and_then(crate::command_line::Limit::amount),
            tasks: tasks.map(NonZero::get),
            cpu_percent: cpus
                .map_err(|why| format!("limits.cpus: {why}"))?
                .and_then(crate::command_line::Limit::amount),
        })
    }
}

fn wrong(path: &Path, why: &str) -> Problem {
    Problem::new(ExitCode::Usage, format!("could not understand `{}`", path.display()))
        .detail(why)
        .hint("docs/cli.md says what a declaration may hold")
}

#[cfg(test)]
mod tests {
    use ytorch_core::files::{Access, write_atomically};

    use super::*;
    use crate::spec::tests::example;

    fn read(text: &str) -> Result<Declaration, Problem> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("friend.json");
        write_atomically(&path, text.as_bytes(), Access::Shared).unwrap();
        Declaration::read(&path)
    }

    #[test]
    fn all_that_can_be_declared_is_understood() {
        let declared = read(
            r#"{"name": "friend", "engine": "native", "port": 8200, "bind": "0.0.0.0", "program": "/bin/ytorch-server", "on_demand": true,
            "idle_exit_seconds": 60, "host_names": ["A.example", "a.example"], "limits": {"memory": "512M", "tasks": 64, "cpus": 1.5},
            "settings": {"time_zone": "UTC", "backup_times": ["03:30"], "job_keep_days": 3}}"#,
        )
        .unwrap();
        let old = Spec { idle_exit_seconds: Some(3), ..example(Desired::Stopped) };
        let wanted = declared.wanted(&old).unwrap();
        assert_eq!((wanted.port, wanted.desired, wanted.idle_exit_seconds), (8200, Desired::OnDemand, Some(60)));
        assert_eq!((wanted.generation, &*wanted.host_names), (old.generation, &["a.example".to_owned()][..]));
        let limits = Limits { memory_bytes: Some(512 << 20), tasks: Some(64), cpu_percent: Some(150) };
        assert_eq!(wanted.limits, limits);
        let settings = declared.settings_text().unwrap();
        assert!(settings.ends_with("hand.\nbackup_times = [\"03:30\"]\njob_keep_days = 3\ntime_zone = \"UTC\"\n"));
    }

    #[test]
    fn what_is_not_declared_is_as_usual_and_not_as_before() {
        let declared = read(r#"{"name": "friend", "engine": "process", "port": 1, "bind": "::1"}"#).unwrap();
        let limits = Limits { tasks: Some(1), ..Limits::default() };
        let old = Spec { host_names: vec!["a".to_owned()], limits, ..example(Desired::Running) };
        let wanted = declared.wanted(&old).unwrap();
        assert_eq!((wanted.host_names, wanted.limits), (Vec::new(), Limits::default()));
        assert_eq!(declared.settings_text().unwrap(), HEADER);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_the_reason() {
        let with = |more: &str| {
            read(&format!(r#"{{"name": "friend", "engine": "native", "port": 1, "bind": "::1"{more}}}"#)).unwrap_err()
        };
        for (more, why) in [
            (r#", "prot": 1"#, "unknown field `prot`"),
            (r#", "image": "/x""#, "the engine `native` runs a `program`"),
            (r#", "limits": {"memory": "1M"}"#, "limits.memory: a server needs at least 64M"),
            (r#", "limits": {"cpus": 0}"#, "limits.cpus: it is a number such as 0.5"),
            (r#", "host_names": ["https://a"]"#, "host_names: `https://a`"),
            (r#", "settings": {"a": null}"#, "null"),
        ] {
            let problem = with(more);
            assert_eq!(problem.code, ExitCode::Usage);
            assert!(problem.to_string().contains(why), "{why:?} is not in {problem}");
        }
    }
}
