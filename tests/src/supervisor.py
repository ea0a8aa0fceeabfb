"""Holds sockets and runs a server behind them, as systemd does: starts it when somebody knocks and takes its messages.

It says every event as a line of JSON and takes commands, one a line: stop, freeze THREAD, thaw. It restarts nothing by
itself but for a knock.
"""

import ctypes
import fcntl
import json
import os
import selectors
import signal
import socket
import sys

SEIZE, INTERRUPT, DETACH, ALL_THREADS = 0x4206, 0x4207, 17, 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def say(**event):
    print(json.dumps(event), flush=True)


def start(arguments, sockets, notify):
    # Numbers that are in nobody's way while they are put into their places.
    numbers = [fcntl.fcntl(one, fcntl.F_DUPFD, 100) for one in sockets]
    process = os.fork()
    if process == 0:
        for place, number in enumerate(numbers):
            os.dup2(number, 3 + place, inheritable=True)
            os.close(number)
        own = {"LISTEN_FDS": str(len(sockets)), "LISTEN_PID": str(os.getpid()), "NOTIFY_SOCKET": notify}
        os.execve(arguments[0], arguments, {**os.environ, **own})
    for number in numbers:
        os.close(number)
    say(started=process)
    return process


def trace(request, thread):
    if libc.ptrace(request, thread, None, None) != 0:
        sys.exit(f"ptrace: {os.strerror(ctypes.get_errno())}")


def freeze(process, name):
    threads = [int(thread) for thread in os.listdir(f"/proc/{process}/task")]
    named = [one for one in threads if open(f"/proc/{process}/task/{one}/comm").read().strip() == name]
    for thread in named:
        trace(SEIZE, thread)
        trace(INTERRUPT, thread)
        os.waitpid(thread, ALL_THREADS)
    say(frozen=len(named))
    return named


def main():
    folder, arguments = sys.argv[1], sys.argv[2:]
    network = socket.create_server(("127.0.0.1", 0), backlog=4096)
    local = socket.socket(socket.AF_UNIX)
    local.bind(f"{folder}/local.sock")
    local.listen(4096)
    messages = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    messages.bind(f"{folder}/notify.sock")
    wakeup, waker = socket.socketpair()
    waker.setblocking(False)
    signal.set_wakeup_fd(waker.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    knocks = selectors.DefaultSelector()
    for one in (messages, wakeup, sys.stdin):
        knocks.register(one, selectors.EVENT_READ)
    say(port=network.getsockname()[1])
    process, frozen = None, []
    while True:
        for one in (network, local):
            waits = one in knocks.get_map()
            if process is None and not waits:
                knocks.register(one, selectors.EVENT_READ)
            elif process is not None and waits:
                knocks.unregister(one)
        for key, _ in knocks.select():
            if key.fileobj is messages:
                say(message=messages.recv(65536).decode())
            elif key.fileobj is wakeup:
                wakeup.recv(4096)
            elif key.fileobj is sys.stdin:
                words = sys.stdin.readline().split()
                if words == ["stop"] and process is not None:
                    os.kill(process, signal.SIGTERM)
                elif words[:1] == ["freeze"]:
                    frozen = freeze(process, words[1])
                elif words == ["thaw"]:
                    for thread in frozen:
                        trace(DETACH, thread)
                    frozen = []
                elif not words:
                    if process is not None:
                        os.kill(process, signal.SIGKILL)
                    return
            elif process is None:
                process = start(arguments, [network, local], f"{folder}/notify.sock")
        if process is not None and not frozen:
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                # What it said at its end is there already.
                messages.setblocking(False)
                try:
                    while True:
                        say(message=messages.recv(65536).decode())
                except BlockingIOError:
                    messages.setblocking(True)
                process = None
                say(ended=os.waitstatus_to_exitcode(status))


main()
