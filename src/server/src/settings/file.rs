//! `config/server.toml`: keys with their values and lines. It does not know what a value means.

use std::{collections::BTreeMap, fs, io, path::Path};

use toml::Spanned;
use ytorch_core::{ExitCode, Problem};

use super::DECLARATIONS;

/// How the file is called when people are told of it.
pub(super) const NAME: &str = "config/server.toml";

/// A value with the line on which its key stands.
pub(super) struct Entry {
    pub(super) value: toml::Value,
    pub(super) line: usize,
}

/// Reads the file. One that is not there says nothing.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, Entry>, Problem> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => {
            return Err(Problem::new(ExitCode::Unfit, format!("could not read `{NAME}`"))
                .because(&error)
                .hint("check the permissions of the file"));
        }
    };
    parse(&text)
}

fn parse(text: &str) -> Result<BTreeMap<String, Entry>, Problem> {
    let line = |offset: usize| text[..offset.min(text.len())].matches('\n').count() + 1;
    let keys: BTreeMap<Spanned<String>, toml::Value> = toml::from_str(text).map_err(|error| {
        let place = error.span().map_or(String::new(), |span| format!(", line {}", line(span.start)));
        Problem::new(ExitCode::Usage, format!("`{NAME}`{place} is not TOML"))
            .detail(error.message())
            .hint("a setting is a line such as: port = 8100")
    })?;
    let mut entries = BTreeMap::new();
    for (key, value) in keys {
        let line = line(key.span().start);
        let key = key.into_inner();
        if !DECLARATIONS.iter().any(|known| known.name == key) {
            let problem = Problem::new(ExitCode::Usage, format!("`{NAME}`, line {line}: there is no setting `{key}`"));
            return Err(problem.hint(super::declaration::nearest(&key)));
        }
        entries.insert(key, Entry { value, line });
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        parse(text).err().unwrap().to_string()
    }

    #[test]
    fn a_key_that_is_none_is_named_with_its_line_and_the_nearest() {
        let told = refused("# my settings\n\nport = 8100\nlog_levle = \"debug\"\n");
        assert!(told.contains("line 4: there is no setting `log_levle`"), "{told}");
        assert!(told.contains("did you mean `log_level`?"), "{told}");
        assert!(refused("[server]\nport = 1\n").contains("line 1: there is no setting `server`"));
    }

    #[test]
    fn what_is_no_toml_is_named_with_its_line() {
        assert!(refused("port = 8100\nbind = = 1\n").contains("line 2 is not TOML"));
        assert!(refused("port = 1\nport = 2\n").contains("line 2 is not TOML"));
    }

    #[test]
    fn values_keep_their_lines() {
        let entries = parse("\n\nport = 8100 # mine\n").unwrap();
        assert_eq!(entries["port"].line, 3);
        assert_eq!(entries["port"].value.as_integer(), Some(8100));
    }
}
