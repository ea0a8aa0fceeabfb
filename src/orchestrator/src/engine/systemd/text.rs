//! The text of every file that systemd and Podman read, from a spec. Pure: it reads and writes nothing.

use std::{fmt::Write as _, net::SocketAddr, path::Path};

use ytorch_core::InstanceFolders;

use super::{
    manager::Scope,
    names::{Kind, Names},
};
use crate::{
    engine::{derived::DerivedFile, detached::GENERATION},
    programs,
    spec::{Desired, Spec},
};

/// With `on-demand` and nothing else said, a server ends after ten minutes without a request.
pub(crate) const USUAL_IDLE_SECONDS: u32 = 600;

/// How much a server may take unless its spec says otherwise: an import of a million records needs 120 MiB.
const USUAL_LIMITS: &str = "MemoryMax=1G\nTasksMax=256\n";

/// What a rendering needs to know beside the spec.
#[derive(Clone, Debug)]
pub(crate) struct Setting<'a> {
    /// What the units are called.
    pub names: &'a Names,
    /// The folder of all instances, as text that can stand in a unit.
    pub root: &'a str,
    /// Whose systemd it is.
    pub scope: Scope,
    /// The program `podman`.
    pub podman: &'a str,
    /// The time zone of this machine, which a container does not know.
    pub time_zone: &'a str,
}

/// The files that all instances share.
pub(crate) fn shared(setting: &Setting<'_>) -> [DerivedFile; 2] {
    let service = match setting.names.kind() {
        Kind::Quadlet => quadlet(setting),
        Kind::Podman => podman_service(setting),
        Kind::Native => native_service(setting),
    };
    [
        DerivedFile::new(setting.names.socket_file(), &socket(setting)),
        DerivedFile::new(setting.names.service_file(), &service),
    ]
}

/// The files of one instance.
pub(crate) fn own(setting: &Setting<'_>, spec: &Spec, folders: &InstanceFolders, outside: bool) -> Vec<DerivedFile> {
    let names = setting.names;
    let address = SocketAddr::new(spec.bind, spec.port);
    let port = format!("[Socket]\nListenStream={address}\n");
    let mut files = vec![
        DerivedFile::new(names.drop_in(&names.socket(&spec.name)), &port),
        DerivedFile::new(folders.config().join("app.env"), &server_environment(setting.time_zone, spec)),
    ];
    if names.kind() != Kind::Native {
        files.push(DerivedFile::new(folders.config().join("unit.env"), &unit_environment(names.kind(), spec, outside)));
    }
    let service = service_drop_in(setting, spec, folders, outside);
    if !service.is_empty() {
        files.push(DerivedFile::new(names.drop_in(&names.service(&spec.name)), &format!("[Service]\n{service}")));
    }
    files
}

fn socket(setting: &Setting<'_>) -> String {
    let base = setting.names.base();
    format!(
        "[Unit]
Description=port of the ytorch instance %i

[Socket]
ListenStream=%t/{base}/%i.sock
SocketMode=0600
FileDescriptorName=http
Backlog=4096
RemoveOnStop=yes

[Install]
WantedBy=sockets.target
"
    )
}

/// The head of every service. Without the last line five failed starts would end the socket as well, and lose the port.
fn head(base: &str) -> String {
    format!(
        "[Unit]
Description=ytorch instance %i
Requires={base}@%i.socket
After={base}@%i.socket
StartLimitIntervalSec=0
"
    )
}

/// How every service is kept: patient with migrations, strict with a server that hangs. The server's pings cost a datagram;
/// Podman's health checks, which are switched off, would start a process in every container every half minute.
/// Podman 5.4 sets its timer even for the check `none`, so the timer is switched off as well.
fn keeping() -> String {
    format!(
        "Restart=on-failure
RestartSec=1
RestartSteps=5
RestartMaxDelaySec=60
TimeoutStartSec=120
TimeoutStopSec=40
WatchdogSec=30
{USUAL_LIMITS}"
    )
}

/// The folders of an instance as a container sees them; the secrets are writable for the rotation of their key.
pub(crate) const VOLUMES: [(&str, &str); 5] = [
    ("data", "/data"),
    ("logs", "/logs"),
    ("backups", "/backups"),
    ("config", "/config:ro"),
    ("config/secrets", "/config/secrets"),
];

fn quadlet(setting: &Setting<'_>) -> String {
    let Setting { names, root, .. } = setting;
    let mut text = head(&names.base());
    let container = names.container("%i");
    let _ = write!(text, "\n[Container]\nImage=${{YTORCH_IMAGE}}\nContainerName={container}\n");
    let _ = writeln!(text, "EnvironmentFile={root}/%i/config/app.env");
    for (from, to) in VOLUMES {
        let _ = writeln!(text, "Volume={root}/%i/{from}:{to}");
    }
    text.push_str(match setting.scope {
        Scope::User => "UserNS=keep-id\n",
        Scope::System => "User=0:0\n",
    });
    let _ = write!(
        text,
        "Network=${{YTORCH_NETWORK}}
ReadOnly=true
Tmpfs=/run:mode=1777
NoNewPrivileges=true
DropCapability=all
Notify=true
LogDriver=journald
Pull=never
StopTimeout=20
HealthCmd=none
HealthInterval=disable
Label=dev.ytorch.instance=%i

[Service]
EnvironmentFile={root}/%i/config/unit.env
{}
[Quadlet]
DefaultDependencies=false
",
        keeping()
    );
    text
}

/// Containers go by their names: a file with the ID, as quadlets have it, is left behind by Podman 4.3, which then starts no more.
fn podman_service(setting: &Setting<'_>) -> String {
    let Setting { names, root, podman, .. } = setting;
    let (base, container) = (names.base(), names.container("%i"));
    let mut run = format!("{podman} run --name {container} --replace --rm");
    run.push_str(" --log-driver journald --cgroups=split --pull never --stop-timeout 20 --sdnotify=container -d");
    run.push_str(
        " --health-cmd none --health-interval disable --security-opt=no-new-privileges --cap-drop all --read-only --tmpfs /run:mode=1777 --network ${YTORCH_NETWORK}",
    );
    run.push_str(match setting.scope {
        Scope::User => " --userns keep-id",
        Scope::System => " --user 0:0",
    });
    for (from, to) in VOLUMES {
        let _ = write!(run, " -v {root}/%i/{from}:{to}");
    }
    let _ = write!(run, " --env-file {root}/%i/config/app.env --label dev.ytorch.instance=%i");
    let _ = write!(run, " --label {GENERATION}=${{YTORCH_GENERATION}} ${{YTORCH_IMAGE}}");
    format!(
        "{}
[Service]
Type=notify
NotifyAccess=all
KillMode=mixed
Delegate=yes
SyslogIdentifier=%N
Environment=PODMAN_SYSTEMD_UNIT=%n
EnvironmentFile={root}/%i/config/unit.env
ExecStart={run}
ExecStop={podman} rm -v -f -i {container}
ExecStopPost=-{podman} rm -v -f -i {container}
{}",
        head(&base),
        keeping()
    )
}

/// A service without a container sees nothing of its home but its own instance.
fn native_service(setting: &Setting<'_>) -> String {
    let Setting { names, root, .. } = setting;
    let hidden = match setting.scope {
        Scope::User => "%h".to_owned(),
        Scope::System => "/root /home".to_owned(),
    };
    format!(
        "{}
[Service]
Type=notify
EnvironmentFile={root}/%i/config/app.env
SyslogIdentifier=%N
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
PrivateUsers=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectSystem=strict
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
TemporaryFileSystem={hidden}:ro {root}:ro
BindReadOnlyPaths={root}/.programs {root}/%i/config
BindPaths={root}/%i/config/secrets {root}/%i/data {root}/%i/logs {root}/%i/backups {root}/%i/run
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
{}",
        head(&names.base()),
        keeping()
    )
}

/// The environment of the server.
pub(crate) fn server_environment(time_zone: &str, spec: &Spec) -> String {
    let mut text = format!("YTORCH_INSTANCE={}\nYTORCH_GENERATION={}\n", spec.name, spec.generation);
    let _ = write!(text, "YTORCH_BIND={}\nYTORCH_PORT={}\n", spec.bind, spec.port);
    if spec.desired == Desired::OnDemand {
        let seconds = spec.idle_exit_seconds.unwrap_or(USUAL_IDLE_SECONDS);
        let _ = writeln!(text, "YTORCH_IDLE_EXIT_SECONDS={seconds}");
    }
    if !spec.host_names.is_empty() {
        let _ = writeln!(text, "YTORCH_HOST_NAMES={}", spec.host_names.join(","));
    }
    let _ = write!(text, "TZ={time_zone}\nMALLOC_ARENA_MAX=2\n");
    text
}

/// What systemd puts into the command that starts the container.
fn unit_environment(kind: Kind, spec: &Spec, outside: bool) -> String {
    let image = spec.release.as_ref().map_or("", |release| release.digits());
    let text = format!("YTORCH_IMAGE={image}\nYTORCH_NETWORK={}\n", network(outside));
    if kind == Kind::Podman { format!("{text}YTORCH_GENERATION={}\n", spec.generation) } else { text }
}

/// The network of a container: none at all, or a private one by which it reaches the outside.
fn network(outside: bool) -> &'static str {
    if outside { "private" } else { "none" }
}

fn service_drop_in(setting: &Setting<'_>, spec: &Spec, folders: &InstanceFolders, outside: bool) -> String {
    let mut text = String::new();
    if setting.names.kind() == Kind::Native {
        let folder = folders.root().display();
        if let Some(release) = &spec.release {
            let program = programs::place(Path::new(setting.root), release);
            let _ = writeln!(text, "ExecStart={} serve --instance-dir {folder}", program.display());
        }
        // Sockets that are handed over need no right to make one.
        text.push_str(if outside {
            "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6\n"
        } else {
            "RestrictAddressFamilies=AF_UNIX\n"
        });
    }
    if let Some(bytes) = spec.limits.memory_bytes {
        let _ = writeln!(text, "MemoryMax={bytes}");
    }
    if let Some(tasks) = spec.limits.tasks {
        let _ = writeln!(text, "TasksMax={tasks}");
    }
    if let Some(percent) = spec.limits.cpu_percent {
        let _ = writeln!(text, "CPUQuota={percent}%");
    }
    text
}

#[cfg(test)]
mod tests;
