//! What every reader must hold, whatever the bytes: no panic, bounded memory (the fuzzer's limit), and every record
//! counted exactly once.

pub mod backup;

use std::{fs, path::PathBuf, sync::LazyLock};

use tempfile::TempDir;
use ytorch_core::Zone;
use ytorch_history::{
    model::Record,
    parse::{self, Limits, Options, Progress, Rejection, Sink, Source, Stop},
};

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| TempDir::with_prefix("ytorch-fuzz-").expect("a folder can be made"));

/// Reads the bytes as a file of that name.
pub fn read(name: &str, bytes: &[u8]) {
    let path: PathBuf = FOLDER.path().join(name);
    fs::write(&path, bytes).expect("the file can be written");
    let mut counts = Counts::default();
    // Small limits, so that a bomb is one within the fuzzer's own limits.
    let options = Options { zone: Zone::utc(), limits: Limits { member_bytes: 1 << 20, ..Limits::default() } };
    let source = Source { path, name: name.to_owned() };
    if let Ok(reports) = parse::read(&[source], &options, &mut counts) {
        let (records, rejected) = reports.iter().fold((0, 0), |sum, one| (sum.0 + one.records, sum.1 + one.rejected));
        assert_eq!((counts.taken + counts.rejected, counts.rejected), (records, rejected));
    }
}

#[derive(Default)]
struct Counts {
    taken: u64,
    rejected: u64,
}

impl Sink for Counts {
    fn record(&mut self, record: Record<'_>) -> Result<(), Stop> {
        if let Record::View(view) = record {
            assert!(ytorch_history::model::is_video_id(view.video_id));
        }
        self.taken += 1;
        Ok(())
    }

    fn rejected(&mut self, rejection: Rejection) -> Result<(), Stop> {
        assert!(!rejection.reason.is_empty());
        self.rejected += 1;
        Ok(())
    }

    fn progress(&mut self, progress: Progress) -> Result<(), Stop> {
        assert!(progress.bytes_done <= progress.bytes_total);
        Ok(())
    }
}
