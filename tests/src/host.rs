//! A machine of its own: a Debian with systemd and rootless Podman, booted for one test. It knows no verb of `ytorch`.

use std::{
    collections::HashMap,
    fs::{self, File},
    os::fd::AsFd as _,
    panic::resume_unwind,
    path::Path,
    process::{Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::{Answer, programs};

/// How long a host may take to boot, on however slow a machine.
const PATIENCE: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(100);
/// Where the images that `deploy/images` saved are on a host.
const IMAGES: &str = "/images";

/// Which Debian a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Debian {
    /// Bookworm: systemd 252 and Podman 4.3, which knows no quadlets.
    Twelve,
    /// Trixie: systemd 257 and Podman 5.4.
    Thirteen,
}

/// A host that has booted. Dropping it takes its power away and removes it with its disks.
#[derive(Debug)]
pub struct Host {
    name: String,
}

impl Host {
    /// Boots a Debian 13. Both programs are in its `PATH`, the images of `deploy/images` in `/images`.
    pub fn boot() -> Self {
        Self::boot_debian(Debian::Thirteen, programs::folder())
    }

    /// Boots a Debian with the two programs of a folder. What was built on a newer Debian runs on an older one only if it is
    /// static: `programs::release`.
    pub fn boot_debian(debian: Debian, programs: &Path) -> Self {
        static BOOTED: AtomicU32 = AtomicU32::new(0);
        let number = BOOTED.fetch_add(1, Ordering::Relaxed);
        let image = setting(match debian {
            Debian::Twelve => "YTORCH_TEST_OLDER_HOST_IMAGE",
            Debian::Thirteen => "YTORCH_TEST_HOST_IMAGE",
        });
        let host = Self { name: format!("host-{}-{number}", std::process::id()) };
        let name = format!("--name={}", host.name);
        let network = format!("--network={}", setting("YTORCH_TEST_HOST_NETWORK"));
        let mounts = [
            format!("--volume={}:/usr/local/bin/ytorch:ro", programs.join("ytorch").display()),
            format!("--volume={}:/usr/local/bin/ytorch-server:ro", programs.join("ytorch-server").display()),
            format!("--volume={}:{IMAGES}:ro", setting("YTORCH_TEST_IMAGES")),
            // Overlays do not lie on overlays: what containers write needs a disk, and it must survive a restart.
            "--volume=/home/alice/.local/share/containers".to_owned(),
            "--volume=/var/lib/containers".to_owned(),
        ];
        let mut words = vec!["--runtime=crun", "run", "--detach", &name, &network, "--label=dev.ytorch.test-host=yes"];
        words.extend(["--privileged", "--cgroups=disabled", "--systemd=always"]);
        words.extend(mounts.iter().map(String::as_str));
        words.push(image);
        must(host.podman(&words), "boot a host");
        host.wait_until_up();
        host
    }

    /// Runs a command as root.
    pub fn as_root(&self, words: &[&str]) -> Answer {
        answer(self.command("root", "/root", words))
    }

    /// Runs a command as alice, who has a service manager of her own and no right to anything else.
    pub fn as_alice(&self, words: &[&str]) -> Answer {
        answer(self.alice(words))
    }

    /// Runs a command as alice, which must succeed.
    pub fn must(&self, words: &[&str]) -> Answer {
        let answer = self.as_alice(words);
        assert_eq!(answer.code, Some(0), "{words:?}: {answer:?}");
        answer
    }

    /// A command of alice that is not yet run.
    pub fn alice(&self, words: &[&str]) -> Command {
        self.command("alice", "/home/alice", words)
    }

    /// Loads the image `slim` for alice and gives its ID.
    pub fn load_slim(&self) -> String {
        self.must(&["podman", "load", "--quiet", "--input", &format!("{IMAGES}/ytorch-slim.tar")]);
        self.must(&["podman", "image", "inspect", "--format", "{{.Id}}", "localhost/ytorch:slim"])
            .stdout
            .trim()
            .to_owned()
    }

    /// Copies a file or folder to alice's home, where it is hers.
    pub fn give(&self, from: &Path, to: &str) {
        let path = format!("/home/alice/{to}");
        must(self.podman(&["cp", &from.display().to_string(), &format!("{}:{path}", self.name)]), "copy to a host");
        let owned = self.as_root(&["chown", "-R", "alice:alice", &path]);
        assert_eq!(owned.code, Some(0), "{owned:?}");
    }

    /// Copies a file or folder from a host.
    pub fn take(&self, from: &str, to: &Path) {
        must(self.podman(&["cp", &format!("{}:{from}", self.name), &to.display().to_string()]), "copy from a host");
    }

    /// Shuts it down in order and boots it again.
    pub fn restart(&self) {
        must(self.podman(&["stop", "--time=60", &self.name]), "shut a host down");
        must(self.podman(&["--runtime=crun", "start", &self.name]), "boot a host again");
        self.wait_until_up();
    }

    /// Takes its power away and boots it again.
    pub fn crash(&self) {
        must(self.podman(&["kill", &self.name]), "take a host's power away");
        must(self.podman(&["wait", &self.name]), "wait for a host's end");
        must(self.podman(&["--runtime=crun", "start", &self.name]), "boot a host again");
        self.wait_until_up();
    }

    /// Its address, by which other hosts and this machine reach it.
    pub fn address(&self) -> String {
        let told = must(
            self.podman(&["inspect", "--format={{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", &self.name]),
            "inspect a host",
        );
        told.stdout.trim().to_owned()
    }

    /// Does something in its network, where `127.0.0.1` is its own.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let told = must(self.podman(&["inspect", "--format={{.State.Pid}}", &self.name]), "inspect a host");
        let network = File::open(format!("/proc/{}/ns/net", told.stdout.trim())).expect("the host is up");
        // A thread of its own: whoever calls stays where he is.
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))
                    .expect("root may enter it");
                work()
            });
            inside.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }

    fn command(&self, user: &str, home: &str, words: &[&str]) -> Command {
        let home_variable = format!("--env=HOME={home}");
        let mut options = vec!["exec", "--user", user, "--workdir", home, &home_variable, "--env=LANG=C.UTF-8"];
        if user == "alice" {
            options.extend(["--env=USER=alice", "--env=XDG_RUNTIME_DIR=/run/user/1000"]);
        }
        options.push(&self.name);
        options.extend(words);
        self.podman(&options)
    }

    /// Podman of this machine, called from a cgroup of this host's own: two systemds in one would kill each other's
    /// processes, or wait for them for ever.
    fn podman(&self, words: &[&str]) -> Command {
        let script = r#"mkdir -p "$0" && echo $$ >"$0/cgroup.procs" && exec podman "$@""#;
        let mut command = in_space(&["sh", "-c", script, &self.cgroup()]);
        command.args(words);
        command
    }

    fn cgroup(&self) -> String {
        format!("/sys/fs/cgroup/ytorch-test-{}", self.name)
    }

    /// Waits until systemd and alice's own service manager have started everything.
    fn wait_until_up(&self) {
        self.wait_for("root", &["systemctl", "is-system-running"]);
        self.wait_for("alice", &["systemctl", "--user", "is-system-running"]);
    }

    fn wait_for(&self, user: &str, words: &[&str]) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let told = answer(self.command(user, "/", words));
            // It says `degraded` where a unit has failed: up nevertheless, and for tests to judge.
            if matches!(told.stdout.trim(), "running" | "degraded") {
                return;
            }
            assert!(Instant::now() < deadline, "the host does not come up: {words:?} {told:?}");
            thread::sleep(POLL);
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // A host that never booted is not there; what is left over goes with the next `deploy/test-hosts`.
        let _ = in_space(&["podman", "rm", "--force", "--volumes", "--time=0", &self.name]).output();
        let _ = in_space(&["find", &self.cgroup(), "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"]).output();
    }
}

/// A command in the mount namespace of hosts, where there are cgroups of version 2 only, with the settings of
/// `deploy/test-hosts`.
fn in_space(words: &[&str]) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--mount={}", setting("YTORCH_TEST_HOST_SPACE"))).args(words).stdin(Stdio::null());
    command.envs(settings());
    command
}

fn answer(mut command: Command) -> Answer {
    command.output().expect("podman runs").into()
}

fn must(command: Command, what: &str) -> Answer {
    let answer = answer(command);
    assert_eq!(answer.code, Some(0), "could not {what}: {answer:?}");
    answer
}

fn setting(name: &str) -> &'static str {
    settings().get(name).map_or_else(|| panic!("{name} is not set: run deploy/test-hosts"), String::as_str)
}

/// What `deploy/test-hosts` wrote down for us.
pub(crate) fn settings() -> &'static HashMap<String, String> {
    static SETTINGS: OnceLock<HashMap<String, String>> = OnceLock::new();
    SETTINGS.get_or_init(|| {
        let path = programs::target().join("hosts/ready");
        let text = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("run deploy/test-hosts: {}: {error}", path.display()));
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    })
}
