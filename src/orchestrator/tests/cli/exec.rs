//! `ytorch exec`: where a command runs, what it is told, and how it ends.

use super::Root;

#[test]
fn a_command_runs_in_the_folder_and_knows_the_instance_but_no_token() {
    let root = Root::created("friend");
    let script = "pwd; echo $YTORCH_INSTANCE $YTORCH_INSTANCE_DIR $YTORCH_URL; env";
    let told = root.run(&["exec", "friend", "--", "sh", "-c", script]).ok().stdout;
    let port = root.run(&["status", "friend", "--json"]).ok().json()["port"].to_string();
    let folder = root.file("friend").display().to_string();
    let expected = format!("{folder}\nfriend {folder} http://127.0.0.1:{port}\n");
    assert!(told.starts_with(&expected), "{told}");
    let token = root.run(&["token", "friend"]).ok().stdout;
    assert!(!told.contains(token.trim()), "the token is in the environment");
}

#[test]
fn the_exit_status_is_the_commands() {
    let root = Root::created("friend");
    assert_eq!(root.run(&["exec", "friend", "--", "sh", "-c", "exit 42"]).code, 42);
    assert_eq!(root.run(&["exec", "--instance=friend", "--", "sh", "-c", "exit 0"]).code, 0);
    root.run(&["exec", "friend", "--", "/nowhere/at-all"]).fails(6, &["/nowhere/at-all"]);
    root.run(&["exec", "friend"]).fails(2, &["COMMAND"]);
    root.run(&["exec", "nobody", "--", "true"]).fails(6, &["nobody"]);
}
