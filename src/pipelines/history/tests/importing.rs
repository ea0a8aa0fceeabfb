//! What an import leaves in the tables does not depend on the order of records, on how the history was filled, or on
//! whether it is read again.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;
use ytorch_core::{Clock, InstanceFolders, Zone, files};
use ytorch_history::{ingest, store};
use ytorch_pipeline::Resources;
use ytorch_store::{Database, StoreError, rusqlite::types::Value as Cell};
use ytorch_telemetry::Metrics;

/// An instance of its own, with nothing in it.
struct Instance {
    folder: TempDir,
    resources: Resources,
}

impl Instance {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let folders = InstanceFolders::new(folder.path());
        files::create_private_folder(&folders.raw()).unwrap();
        let clock = Clock::system();
        let migrations = [ytorch_jobs::MIGRATIONS, store::MIGRATIONS];
        let metrics = Metrics::new();
        let database = Database::open(&folders.database(), &migrations, &clock).unwrap().measured(&metrics);
        let zone = Zone::named("Europe/Berlin").unwrap();
        let resources =
            Resources { folders, database, clock, zone, upload_limit_bytes: 1 << 30, disk_floor_bytes: 0, metrics };
        Self { folder, resources }
    }

    fn file(&self, name: &str, records: &[Value]) -> PathBuf {
        let path = self.folder.path().join(name);
        files::write_atomically(&path, json!(records).to_string().as_bytes(), files::Access::Private).unwrap();
        path
    }

    fn import(&self, files: &[PathBuf]) -> store::Import {
        ingest::import(&self.resources, files, &mut |_| ()).unwrap()
    }

    fn import_records(&self, name: &str, records: &[Value]) -> store::Import {
        self.import(&[self.file(name, records)])
    }

    /// The values of a metric with one label, by that label.
    fn metric(&self, name: &str) -> Vec<(String, u64)> {
        let text = self.resources.metrics.text();
        let samples = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('{')?.split_once("\"} "));
        samples.map(|(label, value)| (label.split_once('"').unwrap().1.to_owned(), value.parse().unwrap())).collect()
    }

    /// Everything that is known of the history, without the numbers that rows have by chance.
    fn history(&self) -> Vec<String> {
        let queries = [
            "select w.second, v.id, w.fraction_us, w.kind, w.named from history_view w join history_video v using (video)",
            "select i.id, v.id, v.title, v.byline, c.key, c.name from history_video v
             join history_video_id i using (video) left join history_channel c using (channel)",
            "select coalesce(c.key, ''), x.second, v.id from history_channel_view x join history_video v using (video)
             left join history_channel c on c.channel = x.channel",
            "select second, target, fraction_us, video_id, title from history_ad",
            "select year, month, scope, views, unique_videos, rewatched_videos, unique_channels, ranked_channels,
                 views_without_channel, views_of_unknown_channel, first_second, last_second from history_period",
            "select r.year, r.views, coalesce(c.key, ''), r.scope, r.total, r.key_rank, r.name_rank, r.unique_videos,
                 r.rewatched_videos, r.first_second, r.last_second
             from history_channel_year r left join history_channel c using (channel)",
        ];
        let sorted = |query| {
            let mut all: Vec<String> =
                rows(&self.resources.database, query).iter().map(|row| format!("{row:?}")).collect();
            all.sort_unstable();
            all
        };
        queries.map(sorted).concat()
    }
}

fn rows(database: &Database, query: &str) -> Vec<Vec<Cell>> {
    let read = database.read_blocking(|connection| {
        let mut statement = connection.prepare(query)?;
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| (0..columns).map(|column| row.get(column)).collect())?;
        Ok::<Vec<Vec<Cell>>, StoreError>(rows.collect::<Result<_, _>>()?)
    });
    read.unwrap()
}

/// A record of one of few videos at one of few times, so that they often meet.
fn record() -> impl Strategy<Value = Value> {
    let times = prop_oneof![Just(""), Just(".5"), Just(".123"), Just(".123456"), Just(".900001")];
    let urls = prop_oneof![
        4 => Just("https://www.youtube.com/watch?v="),
        1 => Just("https://music.youtube.com/watch?v="),
        1 => Just("https://www.youtube.com/shorts/"),
    ];
    let channels =
        prop_oneof![Just("channel/UCaaa"), Just("channel/UCbbb"), Just("@handle"), Just("none"), Just("byline")];
    let titles = prop_oneof![Just("One"), Just("Two"), Just("address"), Just("Drei")];
    (0..4_u8, 0..40_u32, times, urls, channels, titles, 0..12_u8).prop_map(
        |(video, minute, fraction, url, channel, title, ad)| {
            let url = format!("{url}video{video}");
            let time = format!("2023-12-31T22:{:02}:0{}{fraction}Z", minute + 10, video % 2);
            let title = if title == "address" { url.clone() } else { title.to_owned() };
            let mut record =
                json!({"header": "YouTube", "title": format!("Watched {title}"), "titleUrl": url, "time": time});
            match channel {
                "none" => {}
                "byline" => record["subtitles"] = json!([{"name": format!("By {title}")}]),
                channel => {
                    let url = format!("https://www.youtube.com/{channel}");
                    record["subtitles"] = json!([{"name": format!("{channel} {}", minute % 2), "url": url}]);
                }
            }
            if ad == 0 {
                record["details"] = json!([{"name": "From Google Ads"}]);
            }
            record
        },
    )
}

/// A record that has nothing to do with the others.
fn other() -> Value {
    json!({"header": "YouTube", "title": "Watched x", "titleUrl": "https://www.youtube.com/watch?v=other",
           "time": "2020-01-01T00:00:00Z"})
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_order_of_records_is_no_matter(
        (records, shuffled) in proptest::collection::vec(record(), 1..60)
            .prop_flat_map(|records| (Just(records.clone()), Just(records).prop_shuffle())),
    ) {
        let (one, other) = (Instance::new(), Instance::new());
        one.import_records("a.json", &records);
        other.import_records("b.json", &shuffled);
        prop_assert_eq!(one.history(), other.history());
    }

    #[test]
    fn a_first_import_and_a_later_one_do_the_same(records in proptest::collection::vec(record(), 1..60)) {
        let (fresh, later) = (Instance::new(), Instance::new());
        let both: Vec<Value> = records.iter().cloned().chain([other()]).collect();
        fresh.import_records("a.json", &both);
        later.import_records("a.json", &[other()]);
        // With the same record once more: a file of advertisements alone would not tell the words round a title.
        later.import_records("b.json", &both);
        prop_assert_eq!(fresh.history(), later.history());
        // Once more changes nothing, and says so.
        let again = later.import_records("c.json", &both);
        prop_assert_eq!(again.counts.views_added, 0);
        prop_assert_eq!(fresh.history(), later.history());
    }

    #[test]
    fn reading_everything_again_gives_the_same(
        first in proptest::collection::vec(record(), 1..30),
        second in proptest::collection::vec(record(), 1..30),
    ) {
        let instance = Instance::new();
        instance.import_records("a.json", &first);
        instance.import_records("b.json", &second);
        let before = instance.history();
        ingest::reingest(&instance.resources, &mut |_| ()).unwrap();
        prop_assert_eq!(instance.history(), before);
    }
}

#[test]
fn what_was_known_stays_and_what_was_missing_is_added() {
    let watched = |title: &str, channel: Option<(&str, &str)>, fraction: &str| {
        let mut record = json!({"header": "YouTube", "title": format!("Watched {title}"),
            "titleUrl": "https://www.youtube.com/watch?v=abc", "time": format!("2024-06-01T10:00:00{fraction}Z")});
        if let Some((key, name)) = channel {
            record["subtitles"] = json!([{"name": name, "url": format!("https://www.youtube.com/channel/{key}")}]);
        }
        record
    };
    let instance = Instance::new();
    let video = || {
        rows(
            &instance.resources.database,
            "select v.title, c.key, c.name, w.fraction_us from history_view w join history_video v using (video)
         left join history_channel c using (channel)",
        )
        .remove(0)[..4]
            .to_vec()
    };
    let text = |text: &str| Cell::Text(text.to_owned());
    // Removed when first seen: only its address is known.
    let first = instance.import_records("a.json", &[watched("https://www.youtube.com/watch?v=abc", None, "")]);
    assert_eq!((first.counts.views_added, first.counts.views_known), (1, 0));
    assert_eq!(video(), [Cell::Null, Cell::Null, Cell::Null, Cell::Integer(0)]);
    // An older export knows more.
    let second = instance.import_records("b.json", &[watched("Title", Some(("UCa", "Name")), ".25")]);
    assert_eq!((second.counts.views_added, second.counts.views_known), (0, 1));
    assert_eq!(video(), [text("Title"), text("UCa"), text("Name"), Cell::Integer(250_000)]);
    // A later one says something else, or nothing: neither counts, but for finer time.
    instance.import_records("c.json", &[watched("Retitled", Some(("UCb", "Other")), ".250123")]);
    instance.import_records("d.json", &[watched("https://www.youtube.com/watch?v=abc", None, "")]);
    assert_eq!(video(), [text("Title"), text("UCa"), text("Name"), Cell::Integer(250_123)]);
}

#[test]
fn a_failed_import_leaves_no_file_and_says_why() {
    let instance = Instance::new();
    let path = instance.file("not.json", &[]);
    files::write_atomically(&path, b"{\"hello\": 1}", files::Access::Private).unwrap();
    let problem = ingest::import(&instance.resources, &[path], &mut |_| ()).unwrap_err();
    assert!(problem.hint.is_some(), "{problem:?}");
    assert!(kept(&instance.resources.folders.raw()).is_empty());
    let kept = rows(&instance.resources.database, "select status, problem_what from history_import");
    assert_eq!(kept[0][0], Cell::Text("failed".to_owned()));
    assert_eq!(instance.metric("ytorch_imports_total"), [("done".to_owned(), 0), ("failed".to_owned(), 1)]);
}

fn kept(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn every_record_of_an_import_is_counted_once_in_the_metrics() {
    let instance = Instance::new();
    let post = json!({"header": "YouTube", "title": "Viewed a post", "time": "2020-01-01T00:00:00Z"});
    let broken =
        json!({"header": "YouTube", "title": "Watched x", "titleUrl": "https://www.youtube.com/watch?v=other"});
    let first = instance.import_records("a.json", &[other(), post.clone(), broken.clone()]);
    let second = instance.import_records("b.json", &[other(), post, broken]);
    let counts = [first.counts, second.counts];
    let sum = |count: fn(&store::imports::Counts) -> u64| counts.iter().map(count).sum::<u64>();
    let expected = [
        ("added", sum(|counts| counts.views_added)),
        ("known", sum(|counts| counts.views_known)),
        ("rejected", sum(|counts| counts.rejected)),
        ("skipped", sum(|counts| counts.skipped.total())),
    ];
    assert!(expected.iter().all(|(_, count)| *count > 0), "the records do not come in every kind: {expected:?}");
    assert_eq!(sum(|counts| counts.records_total), expected.iter().map(|(_, count)| count).sum::<u64>());
    let found = instance.metric("ytorch_import_records_total");
    assert_eq!(found, expected.map(|(outcome, count)| (outcome.to_owned(), count)));
    assert_eq!(instance.metric("ytorch_imports_total"), [("done".to_owned(), 2), ("failed".to_owned(), 0)]);
}
