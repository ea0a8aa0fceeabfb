"""The Podman of the stand-in machine: one image, containers without systemd as plain processes. It isolates nothing and
publishes a port by letting the server listen on it."""

import json
import os
import socket
import subprocess
import threading
import time

import units

VERSION = "5.4.2"
IMAGE = "1f" * 32


class Podman:
    def __init__(self, folder, server):
        self.folder, self.server = folder, server
        self.containers, self.lock = {}, threading.Lock()

    def images(self):
        """The images there are: one, and those that a test wrote into a file, one digest a line."""
        path = self.folder / "images"
        return [IMAGE] + (path.read_text().split() if path.is_file() else [])

    def processes(self):
        return [container["process"] for container in self.containers.values()]

    def podman(self, words):
        verb = words[0]
        if verb == "version":
            return 0, json.dumps({"Client": {"Version": VERSION}}), ""
        if verb == "images":
            images = [{"Id": image, "Created": number, "Labels": {"dev.ytorch.target": "slim"}, "Size": 1 << 24}
                      for number, image in enumerate(self.images())]
            return 0, json.dumps(images), ""
        if words[:2] == ["image", "inspect"]:
            name = words[-1].removeprefix("sha256:")
            if name not in self.images():
                return 125, "[]\n", f"Error: inspecting object: {name}: image not known\n"
            return 0, json.dumps([{"Id": name, "Size": 1 << 24}]), ""
        if words[1:2] == ["exists"]:
            known = self.images() if verb == "image" else self.containers
            return (0 if words[2] in known else 1), "", ""
        if verb == "info":
            return 0, json.dumps({"host": {"cgroupVersion": "v2", "cgroupControllers": ["cpu", "memory", "pids"]}}), ""
        if verb == "run" and "--name" not in words:
            return self.command(words)
        with self.lock:
            if verb == "run":
                return self.run(words)
            if verb == "rm":
                return self.remove(words[-1])
            if words[:2] == ["container", "inspect"]:
                return self.inspect(words[2])
        if verb == "logs":
            path = self.folder / f"{words[-1]}.log"
            return 0, path.read_text() if path.is_file() else "", ""
        if verb == "ps":
            return 0, json.dumps([{"Names": [name], "State": "running"} for name in self.containers]), ""
        return 0, "", ""

    def command(self, words):
        """One command of the server: what follows the image."""
        images = [at for at, word in enumerate(words) if word in self.images()]
        if not images:
            return 125, "", "Error: image not known\n"
        done = subprocess.run([self.server, *words[images[0] + 1:]], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    def run(self, words):
        option = lambda name: [words[at + 1] for at, word in enumerate(words) if word == name]
        name, image = option("--name")[0], words[-1]
        self.remove(name)
        if image not in self.images():
            return 125, "", f"Error: {image}: image not known\n"
        for volume in option("--volume"):
            if not os.path.isdir(volume.split(":")[0]):
                return 125, "", f"Error: statfs {volume.split(':')[0]}: no such file or directory\n"
        bind, port, _ = option("--publish")[0].rsplit(":", 2)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((bind, int(port)))
            except OSError:
                return 126, "", f"Error: rootlessport listen tcp {bind}:{port}: bind: address already in use\n"
        environment = os.environ | units.environment(option("--env-file")[0]) | {"YTORCH_BIND": bind}
        folder = os.path.dirname(option("--volume")[0].split(":")[0])
        with open(self.folder / f"{name}.log", "w") as log:
            process = subprocess.Popen(
                [self.server, "serve", "--instance-dir", folder], env=environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )
        labels = dict(label.split("=", 1) for label in option("--label"))
        started = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
        self.containers[name] = {"process": process, "labels": labels, "started": started}
        return 0, "f" * 64 + "\n", ""

    def inspect(self, name):
        container = self.containers.get(name)
        if not container:
            return 125, "[]\n", f"Error: no such container {name}\n"
        code = container["process"].poll()
        state = {
            "Status": "running" if code is None else "exited", "Pid": container["process"].pid if code is None else 0,
            "ConmonPid": 0, "StartedAt": container["started"], "ExitCode": code or 0,
        }
        told = [{"State": state, "Config": {"Labels": container["labels"]}, "RestartCount": 0}]
        return 0, json.dumps(told), ""

    def remove(self, name):
        container = self.containers.pop(name, None)
        if container:
            container["process"].terminate()
            container["process"].wait()
        return 0, "", ""
