//! One export in several forms is one export: the same views whatever it was wrapped in.

use ytorch_tests::{Instance, Recipe, generator::Form};

const FORMS: [Form; 6] = [Form::Json, Form::Zip, Form::ZipParts(2), Form::Tgz, Form::Html, Form::HtmlOld];

#[test]
fn every_form_gives_the_same_views() {
    let recipe = Recipe::new(2_500, 2).wild();
    let mut views = FORMS.map(|form| {
        let instance = Instance::start();
        let client = instance.client();
        client.import(&recipe.make(form).files);
        (form, client.all_views(""))
    });
    let (_, expected) = views[0].clone();
    assert!(expected.len() > 2_000, "too few views to prove anything: {}", expected.len());
    for (form, found) in &mut views {
        assert_eq!(found.len(), expected.len(), "{form:?}");
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{form:?}");
        }
    }
}

#[test]
fn further_forms_add_nothing_in_any_order() {
    let recipe = Recipe::new(2_500, 3).wild();
    for first in 0..FORMS.len() {
        let instance = Instance::start();
        let client = instance.client();
        let mut forms = FORMS;
        forms.rotate_left(first);
        let added: Vec<u64> =
            forms.map(|form| client.import(&recipe.make(form).files)["views_added"].as_u64().unwrap()).to_vec();
        assert!(added[0] > 2_000, "{added:?}");
        assert_eq!(added[1..], [0, 0, 0, 0, 0], "{:?} and so on", forms[0]);
    }
}

#[test]
fn several_forms_at_once_are_one_import() {
    let recipe = Recipe::new(1_000, 1);
    let files: Vec<_> = [Form::Json, Form::Html].map(|form| recipe.make(form).files).concat();
    let instance = Instance::start();
    let client = instance.client();
    let import = client.import(&files);
    assert_eq!(import["sources"].as_array().unwrap().len(), 2);
    let summary = client.json("/api/v1/history/summary");
    assert_eq!(summary["views"], import["views_added"]);
}

#[test]
fn json_of_one_export_does_not_hide_the_page_of_another() {
    let (old, new) = (Recipe::new(1_000, 1), Recipe::new(800, 2));
    let together = [old.make(Form::Html).files, new.json().files].concat();
    let (both, apart) = (Instance::start(), Instance::start());
    both.client().import(&together);
    apart.client().import(&old.make(Form::Html).files);
    apart.client().import(&new.json().files);
    assert_eq!(both.client().all_views(""), apart.client().all_views(""));
}

#[test]
fn a_rebuild_from_the_kept_files_gives_the_same_views() {
    let earlier = Recipe::new(2_500, 1);
    let later = earlier.clone().with(&["--append", "300", "--drift", "--trim", "100"]);
    let instance = Instance::start();
    let client = instance.client();
    client.import(&earlier.json().files);
    client.import(&later.make(Form::Zip).files);
    let before = client.all_views("");
    let summary = client.json("/api/v1/history/summary");
    let reply = client.post("/api/v1/history/reingest", &[], "");
    assert_eq!(reply.status, 201, "{}", reply.body);
    let rebuilt = reply.json();
    assert_eq!(rebuilt["status"], "done", "{rebuilt}");
    assert_eq!(rebuilt["sources"].as_array().map(Vec::len), Some(2), "{rebuilt}");
    assert_eq!(client.json("/api/v1/history/summary"), summary);
    assert_eq!(client.all_views(""), before);
}
