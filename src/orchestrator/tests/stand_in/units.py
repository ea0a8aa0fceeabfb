"""Units as systemd reads them: a file of a template, what drop-ins add, and what Podman's generator makes of quadlets.
It knows the few keys that ytorch writes."""

import pathlib

# The keys that the generator of Podman 5.4 knows; one that it does not know makes it drop the whole unit.
QUADLET_KEYS = set(
    "AddCapability AddDevice AddHost Annotation AutoUpdate CgroupsMode ContainerName ContainersConfModule DNS DNSOption DNSSearch"
    " DropCapability Entrypoint Environment EnvironmentFile EnvironmentHost Exec ExposeHostPort GIDMap GlobalArgs Group GroupAdd"
    " HealthCmd HealthInterval HealthOnFailure HealthRetries HealthStartPeriod HealthTimeout HostName Image IP IP6 Label LogDriver"
    " LogOpt Mask Mount Network NetworkAlias NoNewPrivileges Notify PidsLimit Pod PodmanArgs PublishPort Pull ReadOnly"
    " ReadOnlyTmpfs Rootfs RunInit SeccompProfile Secret SecurityLabelDisable SecurityLabelFileType SecurityLabelLevel"
    " SecurityLabelNested SecurityLabelType ShmSize StartWithPod StopSignal StopTimeout SubGIDMap SubUIDMap Sysctl Timezone Tmpfs"
    " UIDMap Ulimit Unmask User UserNS Volume WorkingDir".split()
)


def read(text):
    """The lines of a unit: (section, key, value)."""
    section, found = "", []
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif "=" in line and not line.startswith(("#", ";")):
            key, value = line.split("=", 1)
            found.append((section, key.strip(), value.strip()))
    return found


def fingerprint(path):
    try:
        return str(path), path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def dry_run(folder):
    """What `quadlet -dryrun` says about the quadlets of a folder."""
    for path in pathlib.Path(folder).glob("*.container"):
        for section, key, _ in read(path.read_text()):
            if section == "Container" and key not in QUADLET_KEYS:
                words = f"unsupported key '{key}' in group 'Container' in {path}"
                return 1, "", f'quadlet-generator[1]: converting "{path.name}": {words}\n'
    return 0, "", ""


class Unit:
    """A loaded unit: what its files say, and from which files."""

    def __init__(self, lines, files):
        self.lines = lines
        self.files = files

    def values(self, key):
        """All values of a key; an empty one forgets those before it."""
        found = []
        for _, name, value in self.lines:
            if name == key:
                found = found + [value] if value else []
        return found


class Folder:
    """The unit files of a machine."""

    def __init__(self, configuration, scope):
        self.units = configuration / "systemd" / scope
        self.quadlets = configuration / "containers" / "systemd"
        self.generated = {}

    def generate(self):
        """What a daemon-reload does: quadlets become services. An unknown key makes a unit vanish without a word."""
        self.generated = {}
        for path in self.quadlets.glob("*.container"):
            text = path.read_text()
            keys = {key for section, key, _ in read(text) if section == "Container"}
            if keys <= QUADLET_KEYS:
                self.generated[path.stem] = (text, fingerprint(path))

    def files(self, name):
        if "@" not in name:
            return [self.units / name]
        base, rest = name.split("@", 1)
        kind = rest.rsplit(".", 1)[1]
        template = f"{base}@.{kind}"
        own = [self.units / template] + [
            path
            for folder in (f"{template}.d", f"{name}.d")
            for path in sorted((self.units / folder).glob("*.conf"))
        ]
        quadlet = self.quadlets / f"{base}@.container"
        return own + ([quadlet] if kind == "service" else [])

    def stamp(self, name):
        return [fingerprint(path) for path in self.files(name) if fingerprint(path)]

    def load(self, name):
        """The unit as it is on the disk now, or nothing if there is none."""
        base = name.split("@", 1)[0]
        instance = name.split("@", 1)[-1].rsplit(".", 1)[0]
        lines, has_body = [], False
        for path in self.files(name):
            if path.suffix == ".container":
                continue
            if path.is_file():
                has_body = has_body or path.parent == self.units
                lines += read(path.read_text())
        generated = self.generated.get(f"{base}@") if name.endswith(".service") else None
        if generated:
            lines = read(generated[0]) + lines
            has_body = True
        if not has_body:
            return None
        expand = lambda value: value.replace("%i", instance).replace("%N", name.rsplit(".", 1)[0])
        return Unit([(section, key, expand(value)) for section, key, value in lines], self.stamp(name))


def environment(path):
    """What an environment file sets."""
    lines = pathlib.Path(path).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
