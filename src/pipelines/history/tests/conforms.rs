//! The pipeline holds what every pipeline must hold.

#[test]
fn it_is_a_pipeline_like_every_other() {
    let folder = tempfile::tempdir().unwrap();
    let found = ytorch_pipeline::conformance::violations(&ytorch_history::pipeline(), folder.path()).unwrap();
    assert!(found.is_empty(), "{found:#?}");
}
