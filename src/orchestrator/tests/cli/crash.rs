//! The crash matrix by SIGKILL. It breaks no file by itself.

use super::{Root, free_port};

#[test]
fn smoke() {
    for engine in ["quadlet", "podman", "native"] {
        let root = Root::on_a_machine(engine);
        let port = free_port().to_string();
        let t = std::time::Instant::now();
        let e = root.run(&["create", "friend", "--port", &port]).ok();
        eprintln!("{} {} {:?}", e.stdout, e.stderr, t.elapsed());
        let t = std::time::Instant::now();
        let e = root.run(&["status", "friend"]).ok();
        eprintln!("{} {:?}", e.stdout, t.elapsed());
        let e = root.run(&["restart", "friend"]).ok();
        let e = root.run(&["reconcile", "friend"]).ok();
        eprintln!("{} {:?}", e.stdout, t.elapsed());
        let e = root.run(&["stop", "friend"]).ok();
        let e = root.run(&["start", "friend"]).ok();
        let e = root.run(&["teardown", "friend"]).ok();
        eprintln!("{} {:?}", e.stdout, t.elapsed());
        eprintln!("{}", root.machine().calls().join("\n"));
    }
}
