//! A person with an instance, and what must be seen in it. It changes nothing but its import.

use ytorch_tests::client::Reply;
use ytorch_tests::{Client, Machine, Recipe, Recount, Truth, ViewLine};

use crate::Stage;

/// A person whose instance it is.
pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    pub(crate) token: String,
    /// Every view of theirs.
    pub(crate) views: Vec<ViewLine>,
}

impl Person {
    /// Makes an instance and imports an export of their own, of which the truth is known.
    pub(crate) fn arrive<M: Machine>(stage: &Stage<M>, name: &'static str, release: Option<&str>, seed: u32) -> Self {
        let port = stage.machine.port();
        let port_word = port.to_string();
        let mut words = vec!["create", name, "--engine", stage.engine, "--time-zone", "UTC", "--port", &port_word];
        words.extend(release.iter().flat_map(|release| ["--release", release]));
        stage.machine.must(&words);
        let token = stage.machine.must(&["token", name]).stdout.trim().to_owned();
        let export = Recipe::new(2_000, seed).wild().json();
        let client = client(port, Some(&token));
        let import = stage.machine.inside(|| client.import(&export.files));
        let truth = Truth::of_file(&export.truth).count("views_distinct_second_video");
        assert_eq!(import["views_added"], truth, "{import}");
        let views = stage.machine.inside(|| client.all_views(""));
        let counted = Recount::read(&[&export.json]).of_views().views;
        assert_eq!(u64::try_from(views.len()), Ok(counted));
        assert_eq!(counted, truth);
        Self { name, port, token, views }
    }

    /// Everything is there, and nothing else.
    #[track_caller]
    pub(crate) fn assert_there<M: Machine>(&self, stage: &Stage<M>) {
        let client = client(self.port, Some(&self.token));
        let (health, views) = stage.machine.inside(|| (client.json("/healthz"), client.all_views("")));
        assert_eq!(health["instance"], self.name, "{health}");
        assert!(views == self.views, "`{}` has {} views instead of {}", self.name, views.len(), self.views.len());
    }
}

fn client(port: u16, token: Option<&str>) -> Client {
    Client::new(&format!("http://127.0.0.1:{port}"), token.map(str::to_owned))
}

impl<M: Machine> Stage<M> {
    pub(crate) fn ask(&self, port: u16, token: Option<&str>, path: &str) -> Reply {
        let client = client(port, token);
        self.machine.inside(|| client.get(path))
    }

    pub(crate) fn try_ask(&self, port: u16, path: &str) -> Result<Reply, String> {
        let client = client(port, None);
        self.machine.inside(|| client.try_ask("GET", path, &[], "").map_err(|error| error.to_string()))
    }
}
