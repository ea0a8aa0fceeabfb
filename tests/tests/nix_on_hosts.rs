//! The flake on a Debian 13, whose Nix is much younger than that of Debian 12: it evaluates there as well. Nothing is built.

use std::process::Command;

use tempfile::TempDir;
use ytorch_tests::{Answer, Host, programs};

#[test]
fn the_flake_evaluates_on_a_newer_nix_and_a_misspelt_name_does_not() {
    let host = Host::boot();
    give_tracked_files(&host);
    let told = evaluate(&host);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.stdout.contains("NOT exercised: any build"), "it does not say what it leaves out: {told:?}");
    let version = host.as_root(&["nix", "--version"]).ok();
    assert!(told.stdout.contains(&version), "it does not name `{version}`: {told:?}");

    host.must(&["sed", "-i", "s/pkgs.tzdata$/pkgs.tzdate/", "/home/alice/ytorch/nix/image.nix"]);
    let told = evaluate(&host);
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.stderr.contains("'tzdate'"), "it does not name what is misspelt: {told:?}");
}

fn evaluate(host: &Host) -> Answer {
    host.as_root(&["/home/alice/ytorch/deploy/nix", "--evaluate"])
}

/// Copies what git would commit, as whoever fetches the repository has it.
fn give_tracked_files(host: &Host) {
    let folder = TempDir::with_prefix("ytorch-tests-").expect("the folder for temporary files works");
    let script = r#"{ git ls-files --cached --others --exclude-standard 2>/dev/null ||
        find . -path ./target -prune -o -path ./.git -prune -o -type f -print; } | tar -c -T - | tar -x -C "$0""#;
    let status = Command::new("bash")
        .args(["-o", "pipefail", "-c", script])
        .arg(folder.path())
        .current_dir(programs::repository())
        .status()
        .expect("bash runs");
    assert!(status.success(), "the files could not be copied: {status}");
    host.give(folder.path(), "ytorch");
}
