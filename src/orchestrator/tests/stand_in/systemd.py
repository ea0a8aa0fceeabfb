"""The systemd of the stand-in machine: loads units, binds sockets, passes them to services, waits for READY, starts a
service on the first connection. Not like the real one: no cgroups, no sandbox, no dependencies but the socket of a service, no
watchdog; a service that failed is started again after 0.2 s and not after RestartSec; there is one order at a time per unit only
because a lock is held."""

import fcntl
import fnmatch
import os
import pathlib
import select
import socket
import subprocess
import threading
import time

import units

VERSION = "257 (257.9-1~deb13u1)"
# Like exec of systemd: the sockets become 3 and up, and the variables name the process that gets them.
EXEC = 'export LISTEN_PID=$$; number=3; for fd in $FDS; do eval "exec $number<&$fd"; number=$((number+1)); done; exec "$@"'


class State:
    """What one unit does."""

    def __init__(self, name):
        self.name = name
        self.unit = None
        self.active, self.sub, self.result = "inactive", "dead", "success"
        self.sockets, self.process = [], None
        self.status, self.restarts, self.exit, self.since = "", 0, 0, 0


class Manager:
    def __init__(self, folder, configuration, scope, server):
        self.folder, self.server = folder, server
        self.files = units.Folder(configuration, scope)
        self.runtime = folder / "run"
        self.runtime.mkdir()
        self.shown_runtime = "/run" if scope == "system" else os.environ.get("XDG_RUNTIME_DIR", "/run/user/1000")
        self.states, self.images = {}, {}
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        threading.Thread(target=self.activate, daemon=True).start()

    def processes(self):
        return [state.process for state in self.states.values() if state.process]

    def state(self, name):
        state = self.states.setdefault(name, State(name))
        if state.unit is None or (state.active == "inactive" and name.endswith((".socket", ".service"))):
            # Nobody refers to a unit that does nothing, so systemd forgets it and reads it anew.
            state.unit = self.files.load(name)
        return state

    # What systemctl is asked.

    def systemctl(self, words):
        if words[0] == "show":
            return self.show(words[1:])
        if words[0] == "list-units":
            with self.lock:
                return 0, "".join(f"{name} loaded {self.states[name].active} - -\n" for name in self.matching(words[-1])), ""
        with self.lock:
            names = [name for word in words[1:] if not word.startswith("--") for name in self.matching(word)]
            if words[0] == "daemon-reload":
                self.files.generate()
                for name, state in self.states.items():
                    state.unit = self.files.load(name) or state.unit
                return 0, "", ""
            for name in names:
                problem = getattr(self, words[0].replace("-", "_"))(name)
                if problem:
                    return 1, "", problem + "\n"
        return 0, "", ""

    def show(self, words):
        wanted = [word.split("=", 1)[1].split(",") for word in words if word.startswith("--property=")][0]
        if "--value" in words:
            return 0, VERSION + "\n", ""
        with self.lock:
            names = [name for word in words if not word.startswith("--") for name in self.matching(word)]
            blocks = [self.block(self.state(name), wanted) for name in names]
        return 0, "\n".join(blocks), ""

    def matching(self, word):
        loaded = [name for name, state in self.states.items() if state.active != "inactive"]
        return sorted(fnmatch.filter(loaded, word)) if "*" in word else [word]

    def block(self, state, wanted):
        found = {
            "Id": state.name,
            "LoadState": "loaded" if state.unit else "not-found",
            "ActiveState": state.active,
            "SubState": state.sub,
            "Result": state.result,
            "NeedDaemonReload": "yes" if self.is_stale(state) else "no",
            "StatusText": state.status,
            "MainPID": state.process.pid if state.process and state.active != "inactive" else 0,
            "NRestarts": state.restarts,
            "ActiveEnterTimestamp": f"@{state.since}" if state.since else "",
            "ExecMainStatus": state.exit,
            "ExecMainStartTimestamp": f"@{state.since}" if state.since else "",
            "UnitFileState": "",
        }
        lines = [f"{name}={found[name]}\n" for name in wanted if name in found]
        if "Listen" in wanted and state.name.endswith(".socket") and state.unit:
            lines += [f"Listen={self.shown(text)} (Stream)\n" for text in state.unit.values("ListenStream")]
        return "".join(lines)

    def shown(self, address):
        return address.replace("%t", self.shown_runtime)

    def is_stale(self, state):
        return bool(state.unit) and state.active != "inactive" and state.unit.files != self.files.stamp(state.name)

    def journalctl(self, words):
        unit = next(words[at + 1] for at, word in enumerate(words) if word in ("--unit", "--user-unit"))
        try:
            lines = (self.folder / f"{unit}.journal").read_text().splitlines()
        except FileNotFoundError:
            lines = []
        return 0, "".join(f"{line}\n" for line in lines[-30:]), ""

    def log(self, state, text):
        with open(self.folder / f"{state.name}.journal", "a") as journal:
            journal.write(text + "\n")

    # Orders.

    def start(self, name):
        state = self.state(name)
        if not state.unit:
            return f"Failed to start {name}: Unit {name} not found."
        if name.endswith(".timer"):
            state.active, state.sub = "active", "waiting"  # It never comes.
            return None
        if name.endswith(".socket"):
            return self.listen(state)
        socket_name = name.removesuffix(".service") + ".socket"
        problem = self.listen(self.state(socket_name)) if state.active != "active" else None
        return problem or self.run(state)

    def restart(self, name):
        self.end(self.state(name))
        return self.start(name)

    def stop(self, name):
        state = self.state(name)
        if name.endswith(".socket"):
            # The service requires its socket.
            self.end(self.state(name.removesuffix(".socket") + ".service"))
            for listener in state.sockets:
                listener.close()
            state.sockets = []
            if state.active != "failed":
                state.active, state.sub = "inactive", "dead"
        else:
            self.end(state)
        return None

    def reset_failed(self, name):
        state = self.state(name)
        if state.active == "failed":
            state.active, state.sub, state.result = "inactive", "dead", "success"
        return None

    def listen(self, state):
        if state.active == "active":
            return None
        service = self.state(state.name.removesuffix(".socket") + ".service")
        failed = f"Job for {state.name} failed.\nSee \"systemctl status {state.name}\" for details."
        if service.active in ("active", "activating"):
            state.active, state.sub, state.result = "failed", "failed", "resources"
            self.log(state, f"{state.name}: Socket service {service.name} already active, refusing.")
            return failed
        try:
            state.sockets = [self.bind(text) for text in state.unit.values("ListenStream")]
        except OSError as error:
            state.active, state.sub, state.result = "failed", "failed", "resources"
            self.log(state, f"{state.name}: Failed to create listening socket: {os.strerror(error.errno)}")
            return failed
        state.active, state.sub, state.result, state.since = "active", "listening", "success", int(time.time())
        self.changed.notify_all()
        return None

    def bind(self, text):
        if text.startswith(("%t", "/")):
            path = pathlib.Path(text.replace("%t", str(self.runtime)))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(path))
        else:
            host, port = text.rsplit(":", 1)
            listener = socket.socket(socket.AF_INET6 if "[" in host else socket.AF_INET)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((host.strip("[]"), int(port)))
            except OSError:
                listener.close()
                raise
        listener.listen(128)
        return listener

    # Services.

    def run(self, state):
        if state.active == "active":
            return None
        if state.process is None:
            problem = self.spawn(state)
            if problem:
                state.active, state.sub, state.result, state.exit = "failed", "failed", "exit-code", 125
                self.log(state, problem)
                return self.failed(state)
        state.active, state.sub = "activating", "start"
        until, process = time.time() + 120, state.process
        while state.active == "activating" and state.process is process and time.time() < until:
            self.changed.wait(1)
        return None if state.active == "active" else self.failed(state)

    def failed(self, state):
        return f"Job for {state.name} failed because the control process exited with error code."

    def spawn(self, state):
        """Starts the program of a service; says what Podman would if it could not."""
        value = lambda key: (state.unit.values(key) or [""])[-1]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        text = "\n".join(value for _, key, value in state.unit.lines if key in ("Volume", "ExecStart"))
        try:
            for path in state.unit.values("EnvironmentFile"):
                environment |= units.environment(path)
            if "YTORCH_IMAGE" in environment:
                words = text.split()
                mounts = [word.split(":")[0] for word in words if word.endswith((":/data", ":/logs", ":/backups"))]
                command, problem = self.container(environment, mounts, words)
                if problem:
                    return problem
            else:
                command = value("ExecStart").split()
        except OSError as error:
            return f"Failed to load environment files: {error.strerror}"
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = self.folder / f"{state.name}.notify"
        address.unlink(missing_ok=True)
        notify.bind(str(address))
        listeners = self.state(state.name.removesuffix(".service") + ".socket").sockets
        # High numbers, so that putting them to 3 and up overwrites none.
        numbers = [fcntl.fcntl(listener, fcntl.F_DUPFD, 100) for listener in listeners]
        environment |= {
            "NOTIFY_SOCKET": str(address), "LISTEN_FDS": str(len(numbers)), "FDS": " ".join(map(str, numbers)),
        }
        with open(self.folder / f"{state.name}.journal", "a") as journal:
            state.process = subprocess.Popen(
                ["bash", "-c", EXEC, "bash", *command], env=environment, pass_fds=numbers, stdin=subprocess.DEVNULL,
                stdout=journal, stderr=journal, start_new_session=True,
            )
        for number in numbers:
            os.close(number)
        threading.Thread(target=self.hear, args=(state, notify, state.process), daemon=True).start()
        threading.Thread(target=self.watch, args=(state, notify, state.process), daemon=True).start()
        return None

    def container(self, environment, mounts, words):
        image = environment["YTORCH_IMAGE"]
        if image not in self.images():
            return None, f"Error: {image}: image not known"
        for mount in mounts:
            if not os.path.isdir(mount):
                return None, f"Error: statfs {mount}: no such file or directory"
        for word in words:
            if word.endswith("/config/app.env"):
                environment |= units.environment(word)
        return [self.server, "serve", "--instance-dir", os.path.dirname(mounts[0])], None

    def hear(self, state, notify, process):
        while True:
            text = notify.recv(4096).decode()
            if not text:
                return
            with self.lock:
                if state.process is not process:
                    return
                for line in text.splitlines():
                    if line == "READY=1":
                        state.active, state.sub, state.since = "active", "running", int(time.time())
                    elif line.startswith("STATUS="):
                        state.status = line.removeprefix("STATUS=")
                self.changed.notify_all()

    def watch(self, state, notify, process):
        code = process.wait()
        with self.lock:
            if state.process is not process:
                return
            state.process, state.status, state.exit = None, "", code if code >= 0 else 128 - code
            if code == 0:
                state.active, state.sub, state.result = "inactive", "dead", "success"
            else:
                state.active, state.sub, state.result = "activating", "auto-restart", "exit-code"
                state.restarts += 1
            self.changed.notify_all()
        if code != 0:
            time.sleep(0.2)
            with self.lock:
                if state.sub == "auto-restart" and self.spawn(state) is None:
                    state.sub = "start"

    def end(self, state):
        process, state.process = state.process, None
        if process:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if state.active != "failed":
            state.active, state.sub = "inactive", "dead"
        state.status = ""

    def activate(self):
        """Starts the service of a socket to which somebody connects."""
        while True:
            time.sleep(0.02)
            # Under the lock, and without waiting: a socket that is waited on would still be bound after its close.
            with self.lock:
                waiting = {}
                for name, state in list(self.states.items()):
                    service = self.states.get(name.removesuffix(".socket") + ".service")
                    if name.endswith(".socket") and state.active == "active" and not (service and service.process):
                        waiting |= {listener: name for listener in state.sockets}
                ready, _, _ = select.select(list(waiting), [], [], 0) if waiting else ([], [], [])
                for name in {waiting[listener] for listener in ready}:
                    self.run(self.state(name.removesuffix(".socket") + ".service"))
