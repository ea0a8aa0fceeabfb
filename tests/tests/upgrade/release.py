#!/usr/bin/env python3
"""A server program of another release, for tests of upgrades. The words in BEHAVIOUR say how it is bad, or newer.

It speaks what `ytorch` asks of a server, and leaves everything else to the program REAL.
"""
import fcntl, http.server, json, os, signal, socketserver, sqlite3, sys

BEHAVIOUR = "@BEHAVIOUR@".split()
REAL = "@REAL@"

verb, options = sys.argv[1], dict(zip(sys.argv[2::2], sys.argv[3::2]))
if verb != "serve":
    if verb == "snapshot" and "stuck-snapshot" in BEHAVIOUR:
        signal.pause()
    os.execv(REAL, [REAL] + sys.argv[1:])

folder = options["--instance-dir"]
name = os.path.basename(folder)
lock = open(f"{folder}/data/db/server.lock", "a+")
fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
lock.truncate(0)
lock.write(f"{os.getpid()}\n")
lock.flush()

if "migrates" in BEHAVIOUR:
    database = sqlite3.connect(f"{folder}/data/db/ytorch.sqlite3")
    if not database.execute("select count(*) from migration where number >= 100").fetchone()[0]:
        database.execute(
            "insert into migration (owner, number, sha256, applied_at) "
            "select owner, number + 100, sha256, applied_at from migration where owner = 'history' and number = 1"
        )
        database.execute("delete from history_view")
    database.commit()
    # Who ends without closing it leaves the log of the database behind.
    if "exits" not in BEHAVIOUR:
        database.close()
if "exits" in BEHAVIOUR:
    print("the new release does not like it here", file=sys.stderr, flush=True)
    os._exit(1)


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/healthz":
            self.say(200, "application/json", {"status": "ok", "version": "9.9.9", "instance": name})
        elif self.path == "/readyz":
            ready = "unready" not in BEHAVIOUR
            check = {"name": "disk", "ok": ready, "detail": "never ready"}
            self.say(200 if ready else 503, "application/json", {"ready": ready, "checks": [check], "degraded": []})
        elif self.path == "/history" and "broken-page" in BEHAVIOUR:
            print("the page fell over its template", file=sys.stderr, flush=True)
            self.say(500, "text/html", "sorry")
        elif self.path.startswith("/api/"):
            self.say(200, "application/json", {"views": 0})
        else:
            self.say(200, "text/html; charset=utf-8", "<p>hello")

    def say(self, status, kind, body):
        body = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Threads(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
Threads((options["--bind"], int(options["--port"])), Server).serve_forever()
