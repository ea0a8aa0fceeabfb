//! `docs/settings.md` and `config/server.toml` say what the declarations say. It tests no behaviour.
//!
//! After a change of a declaration, `YTORCH_WRITE_DOCUMENTS=1 cargo test -p ytorch-server --test documents` writes both.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fmt::Write as _, fs, path::Path};

use ytorch_core::files::{Access, write_atomically};
use ytorch_server::settings::DECLARATIONS;

#[test]
fn the_document_names_every_setting_as_it_is_declared() {
    let mut text = "\
# Settings of the server

A setting is read from four places. The last one that names it wins:

1. the default,
2. `config/server.toml` in the instance's folder (an example: [`config/server.toml`](../config/server.toml)),
3. the environment,
4. the command line of `ytorch-server`.

`ytorch-server settings --instance-dir DIR` shows every value and who gave it; `serve` prints the same when it starts. A
key in the file that is no setting, or a value that a setting cannot have, stops the start (exit code 2) and is named
with its line. A variable that starts with `YTORCH_` and is no setting is only warned of.

Three more lines are shown that no file can set: `instance`, `instance_dir`, the folder that `--instance-dir` gives, and
`token`, which is always masked. The token is the file `config/secrets/token`, which only its owner may read. The
instance is called as the flag `--instance` says, else as its folder; the folder `/`, which is an instance's in a
container, has no name, and there the variable `YTORCH_INSTANCE` says it.

| setting | default | variable | flag |
|---|---|---|---|
"
    .to_owned();
    for known in DECLARATIONS {
        let default = known.default_toml();
        writeln!(text, "| [`{0}`](#{0}) | `{default}` | `{1}` | `{2}` |", known.name, known.variable(), known.flag)
            .unwrap();
    }
    for known in DECLARATIONS {
        let unit = known.unit.map_or(String::new(), |unit| format!(" In {unit}."));
        let words = wrapped(&format!("{}{unit}", known.meaning), 120).join("\n");
        write!(text, "\n## {}\n\n{words}\n", known.name).unwrap();
    }
    hold("docs/settings.md", &text);
}

#[test]
fn the_example_shows_every_setting_with_its_default() {
    let mut text = "\
# Settings of one instance's server: copy this file to config/server.toml in the instance's folder, and take the `#`
# away where something is to differ. A restart makes it count. docs/settings.md says more.
"
    .to_owned();
    for known in DECLARATIONS {
        text.push('\n');
        for line in wrapped(known.meaning, 117) {
            writeln!(text, "# {line}").unwrap();
        }
        writeln!(text, "#{} = {}", known.name, known.default_toml()).unwrap();
    }
    // Words follow `# `, a setting follows `#` at once.
    let taken_away: Vec<_> =
        text.lines().filter_map(|line| line.strip_prefix('#')).filter(|line| !line.starts_with(' ')).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.toml");
    write_atomically(&path, taken_away.join("\n").as_bytes(), Access::Shared).unwrap();
    let loaded = ytorch_server::settings::load(&path, [], &std::collections::BTreeMap::new()).unwrap();
    assert!(loaded.given.iter().all(|given| !given.place.is_empty()), "the example leaves a setting out");
    hold("config/server.toml", &text);
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().unwrap();
        if !line.is_empty() && line.len() + 1 + word.len() > width {
            lines.push(word.to_owned());
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines
}

fn hold(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    if std::env::var_os("YTORCH_WRITE_DOCUMENTS").is_some() {
        write_atomically(&path, expected.as_bytes(), Access::Shared).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "`{name}` does not say what is declared; this file's head tells how to write it");
}
