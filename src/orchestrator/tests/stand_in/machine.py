#!/usr/bin/env python3
"""A stand-in for a machine with systemd and Podman: what `systemctl`, `journalctl` and `podman` answer where ytorch
asks them. One process per test, which ends when its standard input does. It contains nothing and limits nothing:
"containers" and "services" are plain processes of the stand-in server.

machine.py FOLDER CONFIGURATION SERVER: listens on FOLDER/socket; units lie in CONFIGURATION, like in /etc or ~/.config.
FOLDER/rules.json may hold [{"program", "words", "code", "stdout", "stderr", "times"}]: such calls are answered like that.
"""

import json
import os
import pathlib
import signal
import socket
import sys
import threading
import time

import podman
import systemd
import units


class Machine:
    def __init__(self, folder, configuration, server):
        self.folder = pathlib.Path(folder)
        self.calls = open(self.folder / "calls", "a", buffering=1)
        self.used = {}
        scope = "system" if os.geteuid() == 0 else "user"
        self.systemd = systemd.Manager(self.folder, pathlib.Path(configuration), scope, server)
        self.podman = podman.Podman(self.folder, server)
        self.systemd.images = self.podman.images

    def ruled(self, program, arguments):
        """What a rule of the test says about a call."""
        try:
            rules = json.loads((self.folder / "rules.json").read_text())
        except FileNotFoundError:
            return None
        line = " ".join(arguments)
        for number, rule in enumerate(rules):
            used = self.used.get(number, 0)
            if rule["program"] == program and rule["words"] in line and used < rule.get("times", 1 << 30):
                self.used[number] = used + 1
                return rule["code"], rule.get("stdout", ""), rule.get("stderr", "")
        return None

    def answer(self, program, arguments, quadlets):
        self.calls.write(f"{program} {' '.join(arguments)}\n")
        self.wait_while_held(program, arguments)
        ruled = self.ruled(program, arguments)
        if ruled:
            return ruled
        if program == "systemctl":
            return self.systemd.systemctl([word for word in arguments if word != "--user"])
        if program == "journalctl":
            return self.systemd.journalctl(arguments)
        if program == "podman":
            return self.podman.podman(arguments)
        if program == "quadlet":
            return units.dry_run(quadlets)
        return 0, "", ""

    def wait_while_held(self, program, arguments):
        """A test holds an order as long as the file `hold` names its word."""
        hold = self.folder / "hold"
        while program == "systemctl":
            try:
                if hold.read_text() not in arguments:
                    return
            except FileNotFoundError:
                return
            time.sleep(0.01)

    def serve(self, connection):
        with connection, connection.makefile("rw") as stream:
            asked = json.loads(stream.readline())
            try:
                code, stdout, stderr = self.answer(asked["program"], asked["arguments"], asked["quadlets"])
            except Exception as error:  # A fault of the stand-in must be seen by the test that meets it.
                code, stdout, stderr = 70, "", f"the stand-in for {asked['program']} broke: {error!r}\n"
            stream.write(json.dumps({"code": code, "stdout": stdout, "stderr": stderr}) + "\n")

    def listen(self):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.folder / "socket"))
        listener.listen(128)
        print("ready", flush=True)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()


def main():
    machine = Machine(*sys.argv[1:])
    threading.Thread(target=machine.listen, daemon=True).start()
    sys.stdin.read()
    for process in machine.systemd.processes() + machine.podman.processes():
        try:
            process.send_signal(signal.SIGKILL)
        except ProcessLookupError:
            pass
    os._exit(0)


main()
