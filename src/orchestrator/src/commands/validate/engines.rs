//! Checks of what runs servers on this machine: systemd, Podman, and what a person needs for containers. It looks at no
//! instance and starts no container.

use std::{env, fs, os::unix::fs::PermissionsExt as _};

use super::Check;
use crate::{
    commands::Context,
    engine::{
        choice::Facts,
        systemd::manager::{Manager, Scope},
    },
    podman::{Podman, PodmanError},
    spec::EngineName,
};

/// As many ids as the user namespace of a container takes.
const IDS_NEEDED: u64 = 65_536;

pub(super) fn checks(context: &Context) -> Vec<Check> {
    let facts = Facts::of_this_machine(context.root.path());
    let mut checks = vec![engines(&facts)];
    let manager = Manager::of_this_user();
    let user = env::var("USER").or_else(|_| env::var("LOGNAME")).unwrap_or_else(|_| "USER".to_owned());
    if facts.systemd.is_ok() {
        checks.push(lingering(manager.lingers(), &user));
    }
    if let Ok(podman) = Podman::of_this_machine() {
        if manager.scope() == Scope::User {
            let uid = rustix::process::geteuid().as_raw();
            let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
            checks.push(ids(&read("/etc/subuid"), &read("/etc/subgid"), &user, uid));
            checks.push(mapping_program());
        }
        checks.push(controllers(podman.json(["info", "--format", "json"])));
    }
    checks
}

/// Which engines work, and why the others do not; there is always one that does.
fn engines(facts: &Facts) -> Check {
    let (best, _) = facts.best();
    let one = |engine: EngineName| match facts.fits(engine) {
        Ok(()) if engine.is_container() && !facts.image => format!("{engine}: no image yet (ytorch image build)"),
        Ok(()) => format!("{engine} works"),
        Err(why) => format!("{engine}: {}", why.replace('\n', " ")),
    };
    let all = [EngineName::Quadlet, EngineName::Podman, EngineName::Native, EngineName::Process].map(one);
    Check::ok("engines", format!("`auto` takes {best}; {}", all.join("; ")))
}

fn lingering(lingers: bool, user: &str) -> Check {
    if lingers {
        return Check::ok("lingering", "units go on after a log-out");
    }
    Check::warn(
        "lingering",
        format!("what runs by systemd stops when `{user}` logs out"),
        format!("sudo loginctl enable-linger {user}"),
    )
}

/// Whether a person has ids of their own for containers, as `/etc/subuid` and `/etc/subgid` tell.
fn ids(of_users: &str, of_groups: &str, user: &str, uid: u32) -> Check {
    let lacking: Vec<&str> = [("/etc/subuid", of_users), ("/etc/subgid", of_groups)]
        .into_iter()
        .filter(|(_, text)| ids_of(text, user, uid) < IDS_NEEDED)
        .map(|(name, _)| name)
        .collect();
    if lacking.is_empty() {
        return Check::ok("user ids", format!("`{user}` has ids for containers"));
    }
    let first = first_free(of_users).max(first_free(of_groups));
    let last = first + IDS_NEEDED - 1;
    Check::warn(
        "user ids",
        format!("`{user}` has fewer than {IDS_NEEDED} ids for containers in {}", lacking.join(" and ")),
        format!(
            "sudo usermod --add-subuids {first}-{last} --add-subgids {first}-{last} {user} && podman system migrate"
        ),
    )
}

fn ids_of(text: &str, user: &str, uid: u32) -> u64 {
    let uid = uid.to_string();
    let count = |line: &str| {
        let mut fields = line.split(':');
        let owner = fields.next()?;
        (owner == user || owner == uid).then(|| fields.nth(1)?.trim().parse::<u64>().ok())?
    };
    text.lines().filter_map(count).sum()
}

/// The first id that nobody has; Debian gives them out from 100000.
fn first_free(text: &str) -> u64 {
    let end = |line: &str| {
        let mut numbers = line.split(':').skip(1).map(|field| field.trim().parse::<u64>().ok());
        Some(numbers.next()?? + numbers.next()??)
    };
    text.lines().filter_map(end).fold(100_000, u64::max)
}

/// Podman needs a program of root's that gives out these ids.
fn mapping_program() -> Check {
    let search = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&search).map(|folder| folder.join("newuidmap")).find(|path| path.is_file());
    let hint = "sudo apt-get install --reinstall uidmap";
    match found {
        None => Check::warn("newuidmap", "is not installed: containers of an ordinary user need it", hint),
        Some(path) => {
            let is_privileged = fs::metadata(&path).is_ok_and(|file| file.permissions().mode() & 0o4000 != 0);
            // Other distributions give it capabilities instead, which only root's own tools show.
            let how = if is_privileged { "setuid" } else { "not setuid: it must have file capabilities instead" };
            Check::ok("newuidmap", format!("{} ({how})", path.display()))
        }
    }
}

fn controllers(info: Result<serde_json::Value, PodmanError>) -> Check {
    let info = match info {
        Ok(info) => info,
        Err(error) => return Check::failed("podman", error.into()),
    };
    let host = &info["host"];
    let known: Vec<&str> =
        host["cgroupControllers"].as_array().into_iter().flatten().filter_map(|name| name.as_str()).collect();
    let lacking: Vec<&str> = ["memory", "pids", "cpu"].into_iter().filter(|name| !known.contains(name)).collect();
    if host["cgroupVersion"] == "v2" && lacking.is_empty() {
        return Check::ok("limits", "memory, tasks and processor time can be limited");
    }
    let hint = "without them limits are ignored; give them to users: sudo systemctl edit user@.service, [Service] Delegate=yes";
    Check::warn("limits", format!("not delegated here: {}", lacking.join(", ")), hint)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{commands::validate::Outcome, podman::PodmanVersion};

    #[test]
    fn ids_for_containers_are_counted_and_the_next_free_ones_proposed() {
        let enough = "bob:100000:65536\nalice:165536:65536\n";
        assert_eq!(ids(enough, enough, "alice", 1000).outcome, Outcome::Ok);
        assert_eq!(ids("1000:165536:65536", "alice:1:65536", "alice", 1000).outcome, Outcome::Ok);
        for (of_users, of_groups, named) in [
            ("", "", "/etc/subuid and /etc/subgid"),
            (enough, "bob:100000:65536", "in /etc/subgid"),
            ("alice:165536:1000", enough, "in /etc/subuid"),
            ("alice:nonsense", enough, "in /etc/subuid"),
        ] {
            let check = ids(of_users, of_groups, "alice", 1000);
            assert_eq!(check.outcome, Outcome::Warn, "{of_users:?} {of_groups:?}");
            assert!(check.found.contains(named), "{}", check.found);
        }
        let hint = ids("bob:100000:65536", "", "alice", 1000).hint.unwrap();
        assert!(hint.contains("--add-subuids 165536-231071 --add-subgids 165536-231071 alice"), "{hint}");
    }

    #[test]
    fn controllers_that_are_missing_are_named() {
        let told =
            |controllers: &[&str]| Ok(json!({ "host": { "cgroupVersion": "v2", "cgroupControllers": controllers } }));
        assert_eq!(controllers(told(&["cpu", "memory", "pids"])).outcome, Outcome::Ok);
        let check = controllers(told(&["cpu"]));
        assert_eq!((check.outcome, check.found.as_str()), (Outcome::Warn, "not delegated here: memory, pids"));
    }

    #[test]
    fn engines_say_why_they_do_not_work_and_lingering_what_to_run() {
        let facts = Facts {
            systemd: Err("this machine does not run systemd".to_owned()),
            podman: Ok(PodmanVersion(4, 9, 3)),
            generator: false,
            image: false,
        };
        let found = engines(&facts).found;
        assert!(found.starts_with("`auto` takes process;"), "{found}");
        for words in ["quadlet: Podman 4.9.3 is older than 5.3.0", "podman: no image yet", "native: this machine"] {
            assert!(found.contains(words), "{words}: {found}");
        }
        assert_eq!(lingering(false, "alice").hint.unwrap(), "sudo loginctl enable-linger alice");
        assert_eq!(lingering(true, "alice").outcome, Outcome::Ok);
    }
}
