//! The check itself: a pipeline as it should be passes, and each single fault is found.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ytorch_core::{ExitCode, Problem};
use ytorch_jobs::{JobKind, Outcome};
use ytorch_pipeline::{Check, Pipeline, conformance::violations};
use ytorch_store::{Migration, Migrations};
use ytorch_web::{NavEntry, Routes};

fn kind(name: &'static str) -> JobKind {
    JobKind::new(name, |_, _| Ok(Outcome::done()))
}

fn good() -> Pipeline {
    Pipeline {
        name: "sample",
        navigation: vec![NavEntry { label: "Samples", href: "/samples" }],
        migrations: migrations(&[Migration { number: 1, sql: "create table sample_thing (thing integer) strict" }]),
        jobs: |_| vec![kind("sample.count")],
        routes: |_| Routes::new().page("/samples", async || "all samples"),
        start: |_| Ok(()),
        checks: |_| vec![Check { name: "sample.shelf", ok: true, detail: "it stands".to_owned() }],
    }
}

fn migrations(list: &'static [Migration]) -> Migrations {
    Migrations { owner: "sample", list }
}

fn found(pipeline: &Pipeline) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    violations(pipeline, folder.path()).unwrap()
}

#[test]
fn a_pipeline_as_it_should_be_passes() {
    assert_eq!(found(&good()), Vec::<String>::new());
}

#[test]
fn each_fault_is_found() {
    let misnumbered = migrations(&[Migration { number: 2, sql: "create table sample_thing (thing integer) strict" }]);
    let foreign = migrations(&[Migration { number: 1, sql: "create table thing (thing integer)" }]);
    let cases = [
        (Pipeline { migrations: misnumbered, ..good() }, vec!["migration 1 has the number 2"]),
        (
            Pipeline { migrations: foreign, ..good() },
            vec!["the table `thing` does not start with `sample_`", "the table `thing` is not strict"],
        ),
        (
            Pipeline { migrations: Migrations { owner: "other", list: &[] }, ..good() },
            vec!["the migrations belong to `other` and not to `sample`"],
        ),
        (
            Pipeline { jobs: |_| vec![kind("count"), kind("count")], ..good() },
            vec![
                "the job `count` does not start with `sample`",
                "the job `count` does not start with `sample`",
                "two kinds of jobs have one name",
            ],
        ),
        (
            Pipeline { routes: |_| Routes::new(), ..good() },
            vec!["`/samples`, which the navigation names, answers with 404 Not Found"],
        ),
        (
            Pipeline { navigation: vec![NavEntry { label: "Health", href: "/healthz" }], ..good() },
            vec![
                "`/healthz` answers a stranger with 404 Not Found",
                "`/healthz`, which the navigation names, answers with 404 Not Found",
            ],
        ),
        (
            Pipeline { checks: |_| vec![Check { name: "shelf", ok: false, detail: "it fell".to_owned() }], ..good() },
            vec![
                "the check `shelf` does not start with `sample`",
                "the check `shelf` fails on a new instance: it fell",
            ],
        ),
        (
            Pipeline { start: |_| Err(Problem::new(ExitCode::Failure, "no")), ..good() },
            vec!["the first start failed: no", "the second start failed: no"],
        ),
    ];
    for (pipeline, expected) in cases {
        assert_eq!(found(&pipeline), expected);
    }
}
