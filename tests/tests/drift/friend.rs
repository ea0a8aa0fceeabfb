//! An instance that moves, with all that its owner would miss. It knows no engine.

use serde_json::Value;
use ytorch_tests::{Client, Host, Machine, Recipe, Recount, Session, ViewLine};

use crate::send;

/// What is known of the instance `friend`, wherever it is.
pub(crate) struct Friend {
    port: u16,
    token: String,
    /// The browser in which the friend logged in at first.
    cookie: String,
    /// A backup made at first, by its path below the root folder.
    backup: String,
    summary: Value,
    views: Vec<ViewLine>,
}

fn first_export() -> Recipe {
    Recipe::new(2_000, 5)
}

/// The same person's export of later: all of the first, and newer ones.
fn later_export() -> Recipe {
    first_export().with(&["--append", "300"])
}

fn count(recipe: &Recipe) -> u64 {
    Recount::read(&[&recipe.json().json]).of_views().views
}

impl Friend {
    /// Makes the instance, with settings, a secret, an import, a session and a backup.
    pub(crate) fn arrive(host: &Host, words: &[&str]) -> Self {
        let port = Machine::port(host);
        let port_word = port.to_string();
        let create = ["ytorch", "create", "friend", "--time-zone=Europe/Berlin", "--port", &port_word];
        host.must(&[&create, words].concat());
        Machine::shell(
            host,
            "echo 'backup_keep_count = 3' >>projectDeployments/friend/config/server.toml
            ytorch restart friend
            ytorch set friend --host-name friend.example.org
            echo hunter2-secret | ytorch secret set notify_token --instance=friend",
        )
        .ok();
        let token = host.must(&["ytorch", "token", "friend"]).ok();
        let client = client(port, &token);
        let import = host.inside(|| client.import(&first_export().json().files));
        assert_eq!(import["views_added"], count(&first_export()), "{import}");
        let made = host.must(&["ytorch", "backup", "friend", "--json"]).json();
        let path = made["path"].as_str().expect("it says the path");
        let backup = path.strip_prefix(&format!("{}/", Machine::root(host))).expect("it lies with the instance");
        let (summary, views, session) =
            host.inside(|| (client.json("/api/v1/history/summary"), client.all_views(""), Session::open(&client)));
        Self { port, token, cookie: session.cookie, backup: backup.to_owned(), summary, views }
    }

    /// Carries the folder from one machine to the other, as the guide tells, and gives what the adoption said.
    pub(crate) fn carry(&self, from: &Host, to: &Host) -> Value {
        from.must(&["ytorch", "teardown", "friend"]);
        Machine::shell(from, "tar -C projectDeployments -cf friend.tar friend").ok();
        send(from, to, "friend.tar");
        Machine::shell(to, "tar -xf friend.tar && rm friend.tar").ok();
        let adopted = to.must(&["ytorch", "adopt", "friend", "--json"]).json();
        assert_eq!((&adopted["started"], &adopted["port"]), (&true.into(), &self.port.into()), "{adopted}");
        from.must(&["ytorch", "purge", "friend", "--yes-delete-data-of=friend"]);
        adopted
    }

    /// Everything is there and as it was, and served by this release.
    pub(crate) fn assert_there(&self, host: &Host, release: &str) {
        assert_eq!(host.must(&["ytorch", "token", "friend"]).ok(), self.token);
        let client = client(self.port, &self.token);
        let (summary, views, known) = host.inside(|| {
            let known = client.anonymous().get_with("/history", &[("Cookie", &self.cookie)]);
            // Whoever lost the browser logs in anew.
            Session::open(&client);
            (client.json("/api/v1/history/summary"), client.all_views(""), known)
        });
        assert_eq!(known.status, 200, "the browser that was logged in is not any more: {known:?}");
        assert_eq!(summary, self.summary);
        assert!(views == self.views, "{} views instead of {}", views.len(), self.views.len());

        let config = host.must(&["ytorch", "config", "friend", "--json"]).json();
        let settings = config["settings"].as_array().expect("there are settings");
        let value = |name: &str| settings.iter().find(|one| one["name"] == name).map(|one| one["value"].clone());
        assert_eq!(value("backup_keep_count"), Some(3.into()), "{config}");
        assert_eq!(value("time_zone"), Some("Europe/Berlin".into()), "{config}");
        // Every secret is opened for that, which only its own key does.
        let rotated = host.must(&["ytorch", "secret", "rotate-key", "--instance=friend", "--json"]).json();
        assert_eq!(rotated["encrypted_anew"], 1, "{rotated}");
        let backup = format!("{}/{}", Machine::root(host), self.backup);
        host.must(&["ytorch", "backup", "verify", &backup]);

        let spec = Machine::shell(host, "cat projectDeployments/friend/config/instance.toml").ok();
        assert!(spec.contains(release), "{spec} says nothing of {release}");
        let settled = host.must(&["ytorch", "reconcile", "friend", "--json"]).json();
        assert_eq!(settled["instances"][0]["changed"], false, "{settled}");
    }

    /// The later export adds what the first had not.
    pub(crate) fn adds_what_is_new(&mut self, host: &Host) {
        let client = client(self.port, &self.token);
        let import = host.inside(|| client.import(&later_export().json().files));
        assert_eq!(import["views_added"], count(&later_export()) - count(&first_export()), "{import}");
        (self.summary, self.views) = host.inside(|| (client.json("/api/v1/history/summary"), client.all_views("")));
        assert_eq!(u64::try_from(self.views.len()), Ok(count(&later_export())));
    }

    /// What was imported on the other machine is known.
    pub(crate) fn adds_nothing_twice(&self, host: &Host) {
        let client = client(self.port, &self.token);
        let import = host.inside(|| client.import(&later_export().json().files));
        assert_eq!(import["views_added"], 0, "{import}");
    }

    /// The hash of the program that serves, from the process that runs it.
    pub(crate) fn program(&self, host: &Host) -> String {
        let health = host.inside(|| client(self.port, &self.token).json("/healthz"));
        assert_eq!(health["instance"], "friend", "{health}");
        let told =
            Machine::as_root(host, "process=$(pgrep --exact --oldest ytorch-server) && sha256sum /proc/$process/exe");
        let line = told.ok();
        line.split_whitespace().next().expect("it says the hash").to_owned()
    }
}

/// The engine that runs it there.
pub(crate) fn engine(host: &Host) -> String {
    let status = host.must(&["ytorch", "status", "friend", "--json"]).json();
    status["engine"].as_str().expect("an engine has a name").to_owned()
}

fn client(port: u16, token: &str) -> Client {
    Client::new(&format!("http://127.0.0.1:{port}"), Some(token.to_owned()))
}
