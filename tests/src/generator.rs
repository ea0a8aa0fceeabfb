//! Exports to import, made once and kept in `target/test-inputs`. It counts nothing; `truth` and `recount` do.

use std::{
    fs::{self, File},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::programs;

/// What export is wanted, in the words of `tests/generator/takeout_gen.py`.
#[derive(Clone, Debug)]
pub struct Recipe {
    arguments: Vec<String>,
}

/// In which form it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The bare `watch-history.json`.
    Json,
    /// A zip archive.
    Zip,
    /// A zip archive of several parts.
    ZipParts(u8),
    /// A tar archive with gzip.
    Tgz,
    /// The page of today's layout.
    Html,
    /// The page as it was before about 2023.
    HtmlOld,
}

/// An export that lies on the disk.
#[derive(Clone, Debug)]
pub struct Export {
    /// What is given to the import.
    pub files: Vec<PathBuf>,
    /// The same records as bare JSON, for the recount.
    pub json: PathBuf,
    /// The truth file.
    pub truth: PathBuf,
}

impl Recipe {
    /// An export of `records` records.
    pub fn new(records: u32, seed: u32) -> Self {
        let arguments = ["--n", &records.to_string(), "--seed", &seed.to_string()];
        Self { arguments: arguments.map(str::to_owned).to_vec() }
    }

    /// With rows that only real exports have: blank ids, odd hosts, handles.
    pub fn wild(self) -> Self {
        self.with(&["--profile", "wild"])
    }

    /// With further arguments of the generator.
    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|&text| text.to_owned()));
        self
    }

    /// Makes it as bare JSON.
    pub fn json(&self) -> Export {
        self.make(Form::Json)
    }

    /// Makes it, unless an earlier test did.
    pub fn make(&self, form: Form) -> Export {
        let mut arguments = self.arguments.clone();
        let mut add = |words: &[&str]| arguments.extend(words.iter().map(|&word| word.to_owned()));
        add(&["--out", "watch-history.json", "--truth", "truth.json"]);
        match form {
            Form::Json => {}
            Form::Zip => add(&["--zip", "takeout.zip"]),
            Form::ZipParts(parts) => add(&["--zip", "takeout.zip", "--parts", &parts.to_string()]),
            Form::Tgz => add(&["--tgz", "takeout.tgz"]),
            Form::Html => add(&["--html", "watch-history.html"]),
            Form::HtmlOld => add(&["--html", "watch-history.html", "--html-old"]),
        }
        let folder = kept("takeout_gen.py", &arguments);
        let names = match form {
            Form::Json => vec!["watch-history.json".to_owned()],
            Form::Zip => vec!["takeout.zip".to_owned()],
            Form::ZipParts(parts) => (1..=parts).map(|part| format!("takeout-{part:03}.zip")).collect(),
            Form::Tgz => vec!["takeout.tgz".to_owned()],
            Form::Html | Form::HtmlOld => vec!["watch-history.html".to_owned()],
        };
        Export {
            files: names.iter().map(|name| folder.join(name)).collect(),
            json: folder.join("watch-history.json"),
            truth: folder.join("truth.json"),
        }
    }
}

/// An input that tries to do harm: a kind of `tests/generator/hostile.py`, the name it gets, and what it is made from.
pub fn hostile(kind: &str, name: &str, source: Option<&Path>) -> PathBuf {
    let mut arguments = vec![kind.to_owned(), name.to_owned()];
    arguments.extend(source.map(|path| path.to_str().expect("paths of tests are text").to_owned()));
    kept("hostile.py", &arguments).join(name)
}

/// The folder that a script filled when it was called with these arguments: by an earlier test, or now.
///
/// Tests run in parallel processes: the first one makes the folder under a lock and renames it when it is whole.
fn kept(script: &str, arguments: &[String]) -> PathBuf {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let script = programs::repository().join("tests/generator").join(script);
    let mut hasher = DefaultHasher::new();
    (fs::read(&script).expect("the generator is there"), arguments).hash(&mut hasher);
    let inputs = programs::target().join("test-inputs");
    fs::create_dir_all(&inputs).expect("the target folder can be written");
    let folder = inputs.join(format!("{:016x}", hasher.finish()));
    let lock = File::create(folder.with_extension("lock")).expect("a lock can be made");
    lock.lock().expect("a lock can be taken");
    if folder.is_dir() {
        return folder;
    }
    let unfinished = inputs.join(format!(".making-{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed)));
    fs::create_dir_all(&unfinished).expect("the target folder can be written");
    let output =
        Command::new("python3").arg(&script).args(arguments).current_dir(&unfinished).output().expect("python3 runs");
    assert!(output.status.success(), "{} {arguments:?}: {}", script.display(), String::from_utf8_lossy(&output.stderr));
    fs::rename(&unfinished, &folder).expect("a whole input gets its name");
    folder
}
