//! Exports by their own door: files on disk in, records out. It does not test the database.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use proptest::prelude::*;
use serde_json::{Value, json};
use ytorch_core::Zone;
use ytorch_history::{
    model::Record,
    parse::{self, Format, Found, Limits, MemberReport, Options, Progress, ReadError, Rejection, Sink, Source, Stop},
};

/// What came out, in words that compare easily.
#[derive(Debug, Default, PartialEq, Eq, Clone)]
struct Taken {
    records: Vec<String>,
    rejections: Vec<(u64, u64, String)>,
}

impl Sink for Taken {
    fn record(&mut self, record: Record<'_>) -> Result<(), Stop> {
        self.records.push(match record {
            Record::View(view) => {
                let channel = view.channel.key.map_or_else(|| "-".into(), |key| key.text().into_owned());
                let (title, name) = (view.title.unwrap_or("-"), view.channel.name.unwrap_or("-"));
                format!("{:?} {} {} {title} | {channel} {name}", view.kind, view.watched_at, view.video_id)
            }
            Record::Ad(ad) => format!("Ad {} {}", ad.watched_at, ad.video_id.unwrap_or("-")),
            Record::Skipped(reason) => format!("{reason:?}"),
        });
        Ok(())
    }

    fn rejected(&mut self, rejection: Rejection) -> Result<(), Stop> {
        self.rejections.push((rejection.record, rejection.byte_offset, rejection.reason));
        Ok(())
    }

    fn progress(&mut self, progress: Progress) -> Result<(), Stop> {
        assert!(progress.bytes_done <= progress.bytes_total);
        Ok(())
    }
}

fn read_files(paths: &[PathBuf]) -> (Taken, Result<Vec<MemberReport>, ReadError>) {
    let mut taken = Taken::default();
    let options = Options { zone: Zone::utc(), limits: Limits::default() };
    let result = parse::expand(paths).and_then(|sources| parse::read(&sources, &options, &mut taken));
    (taken, result)
}

fn read_bytes(bytes: &[u8]) -> (Taken, Result<Vec<MemberReport>, ReadError>) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let mut taken = Taken::default();
    let options = Options { zone: Zone::utc(), limits: Limits::default() };
    let source = Source { path: file.path().to_owned(), name: "given".to_owned() };
    let result = parse::read(&[source], &options, &mut taken);
    (taken, result)
}

fn watch(id: &str, title: &str) -> Value {
    json!({
        "header": "YouTube", "title": format!("Watched {title}"), "titleUrl": format!("https://www.youtube.com/watch?v={id}"),
        "subtitles": [{"name": "A channel", "url": "https://www.youtube.com/channel/UCabc"}],
        "time": "2024-06-01T10:00:00.500Z", "products": ["YouTube"], "activityControls": ["YouTube watch history"],
    })
}

fn one(record: &Value) -> String {
    let (taken, result) = read_bytes(json!([watch("first", "Something"), record]).to_string().as_bytes());
    result.unwrap();
    taken.records.get(1).cloned().unwrap_or_else(|| taken.rejections[0].2.clone())
}

fn with(mut record: Value, changes: &Value) -> Value {
    for (key, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => record.as_object_mut().unwrap().remove(key),
            value => record.as_object_mut().unwrap().insert(key.clone(), value.clone()),
        };
    }
    record
}

#[test]
fn what_is_no_record_is_rejected_one_by_one() {
    let strange =
        json!([watch("a", "A"), "str", 5, null, [], [watch("b", "B")], true, -1.5e3, watch("c", "C"), "last", 7]);
    let (taken, result) = read_bytes(strange.to_string().as_bytes());
    assert_eq!((taken.records.len(), taken.rejections.len()), (2, 9), "{taken:?}");
    assert_eq!((result.unwrap()[0].records, taken.rejections[0].0), (11, 2));
}

#[test]
fn every_kind_of_row_is_told_apart() {
    const AT: &str = "2024-06-01T10:00:00.500000Z";
    let url = |url: &str| json!({"titleUrl": url});
    let cases = [
        (json!({}), format!("Video {AT} abc T | UCabc A channel")),
        (json!({"header": "YouTube Music"}), format!("Music {AT} abc T | UCabc A channel")),
        (url("https://music.youtube.com/watch?v=abc"), format!("Music {AT} abc T | UCabc A channel")),
        (url("https://www.youtube.com/shorts/abc"), format!("Short {AT} abc T | UCabc A channel")),
        (url("https://www.youtube.com/live/abc"), format!("Live {AT} abc T | UCabc A channel")),
        (url("https://www.youtube.com/watch?v="), "Other".into()),
        (url("https://www.youtube.com/post/Ugkx1"), "Post".into()),
        (json!({"titleUrl": "https://www.youtube.com/post/Ugkx1", "title": "Voted on a poll"}), "Other".into()),
        (url("https://music.youtube.com/"), "Other".into()),
        (json!({"titleUrl": null, "title": "Watched a video that has been removed"}), "RemovedWithoutId".into()),
        (json!({"titleUrl": null, "title": "Watched story"}), "Other".into()),
        (json!({"titleUrl": null, "title": "Used YouTube"}), "Other".into()),
        (json!({"titleUrl": null, "title": "Viewed a post that is no longer available"}), "Post".into()),
        (json!({"details": [{"name": "From Google Ads"}]}), format!("Ad {AT} abc")),
        (json!({"details": [{"name": "x"}], "titleUrl": "https://www.google.com/url?q=x"}), format!("Ad {AT} -")),
        (json!({"details": []}), format!("Video {AT} abc T | UCabc A channel")),
        (
            json!({"title": "Watched https://www.youtube.com/watch?v=abc", "subtitles": null}),
            format!("Video {AT} abc - | - -"),
        ),
        (json!({"subtitles": []}), format!("Video {AT} abc T | - -")),
        (json!({"subtitles": [{"name": "OST"}]}), format!("Video {AT} abc T | - OST")),
        (
            json!({"subtitles": [{"name": "N", "url": "https://www.youtube.com/@hand.le"}]}),
            format!("Video {AT} abc T | @hand.le N"),
        ),
        (
            json!({"subtitles": [{"name": "N", "url": "https://www.youtube.com/user/old"}]}),
            format!("Video {AT} abc T | user/old N"),
        ),
        (json!({"time": "2024-06-01T10:00:00Z"}), "Video 2024-06-01T10:00:00.000000Z abc T | UCabc A channel".into()),
        (json!({"time": null}), "the time is missing or cannot be read".into()),
        (json!({"time": "noon"}), "the time is missing or cannot be read".into()),
        (json!({"future": {"deep": [1, {"x": null}]}}), format!("Video {AT} abc T | UCabc A channel")),
        (json!({"title": 5}), "invalid type: integer `5`, expected a text".into()),
    ];
    for (changes, expected) in cases {
        assert_eq!(one(&with(watch("abc", "T"), &changes)), expected, "{changes}");
    }
}

#[test]
fn records_from_before_2018_are_views() {
    let old = json!({"snippet": {"publishedAt": "2016-01-02T03:04:05.000Z", "title": "Old", "resourceId": {"videoId": "abc"}}});
    assert_eq!(one(&old), "Video 2016-01-02T03:04:05.000000Z abc Old | - -");
}

#[test]
fn a_title_that_begins_like_a_verb_keeps_it() {
    let titles = ["Watched pots never boil", "Viewed from above", "angesehen angesehen"];
    let german: Vec<Value> = (0..30)
        .map(|number| {
            let title = titles.get(number).map_or_else(
                || format!("{} Nummer {number}", ["Eins", "Ein", "Video", "Katze", "Zug"][number % 5]),
                |title| (*title).to_owned(),
            );
            with(watch(&format!("v{number}"), ""), &json!({"title": format!("{title} angesehen")}))
        })
        .collect();
    let (taken, _) = read_bytes(Value::from(german).to_string().as_bytes());
    for (record, title) in taken.records.iter().zip(titles) {
        assert!(record.contains(&format!(" {title} |")), "{record}");
    }
}

#[test]
fn a_bad_record_costs_only_itself() {
    let good = |id: &str| watch(id, "T").to_string();
    let bad = [
        r#"{"header": "YouTube", "title": "unfinished"#,
        r#"{"header": "YouTube", "title": }"#,
        "{\"header\": \"raw\nnewline\"}",
        "nonsense",
        "17",
        r#"{"header": "YouTube" "title": "no comma"}"#,
        r#"["a", "list"]"#,
    ];
    for bad in bad {
        let text = format!("[{},{bad},{},{}]", good("one"), good("two"), good("three"));
        let (taken, result) = read_bytes(text.as_bytes());
        assert_eq!(taken.records.len(), 3, "{bad}: {taken:?}");
        assert_eq!(taken.rejections.len(), 1, "{bad}: {taken:?}");
        assert_eq!(taken.rejections[0].0, 2, "{bad}");
        let reports = result.unwrap();
        assert_eq!((reports[0].records, reports[0].rejected), (4, 1), "{bad}");
    }
}

#[test]
fn a_file_that_is_cut_off_is_read_up_to_the_cut_and_says_so() {
    let text = json!([watch("one", "T"), watch("two", "T")]).to_string();
    for cut in [text.len() - 1, text.len() - 20, text.len() / 2 + 5] {
        let (taken, result) = read_bytes(&text.as_bytes()[..cut]);
        result.unwrap();
        assert!(taken.records[0].contains("one"), "{cut}");
        assert_eq!(taken.rejections.len(), 1, "{cut}: {taken:?}");
        assert!(taken.rejections[0].2.contains("cut off"), "{cut}: {taken:?}");
    }
}

#[test]
fn wrapped_and_marked_and_pretty_files_are_the_same() {
    let list = json!([watch("one", "T"), watch("two", "U & V = W")]);
    let (plain, _) = read_bytes(list.to_string().as_bytes());
    let forms = [
        format!("\u{feff}{list}"),
        format!("  \n {}", serde_json::to_string_pretty(&list).unwrap()),
        json!({"version": 1, "items": list}).to_string(),
        list.to_string().replace('=', "\\u003d").replace('&', "\\u0026"),
    ];
    for form in forms {
        assert_eq!(read_bytes(form.as_bytes()).0, plain, "{form}");
    }
}

#[test]
fn my_activity_is_told_by_its_searches_and_its_verbs_count() {
    let search = json!({"header": "YouTube", "title": "Searched for rust", "time": "2024-06-01T10:00:00Z",
        "titleUrl": "https://www.youtube.com/results?search_query=rust"});
    let mut records: Vec<Value> = (0..25).map(|number| watch(&format!("v{number}"), &format!("T{number}"))).collect();
    records.push(search.clone());
    records.push(with(watch("liked", ""), &json!({"title": "Liked something"})));
    let (taken, result) = read_bytes(Value::from(records).to_string().as_bytes());
    assert_eq!(result.unwrap()[0].found, Found::MyActivity(Format::Json));
    assert_eq!(taken.records.iter().filter(|record| record.starts_with("Video")).count(), 25);
    assert_eq!(&taken.records[25..], ["Other", "Other"]);
    let ad = json!({"header": "YouTube", "title": "Watched Free Course", "details": [{"name": "From Google Ads"}],
        "titleUrl": "https://www.youtube.com/watch?v=ad", "time": "2024-06-01T10:00:00Z"});
    let (taken, result) = read_bytes(json!([search, ad]).to_string().as_bytes());
    assert!(result.unwrap_err().to_string().contains("search history"));
    assert_eq!(taken, Taken::default());
}

#[test]
fn what_is_no_export_is_named_and_costs_nothing() {
    let cases: [&[u8]; 8] =
        [b"", b"[]", b"{}", b"{\"a\": [1, 2]}", b"hello", &[0; 5000], b"\x89PNG", b"PK\x03\x04 broken"];
    for bytes in cases {
        let (taken, result) = read_bytes(bytes);
        assert!(matches!(result, Err(ReadError::NoHistory { .. })), "{bytes:?}: {result:?}");
        assert_eq!(taken, Taken::default());
    }
    let folder = tempfile::tempdir().unwrap();
    fs::File::create(folder.path().join("photo.jpg")).unwrap();
    assert!(read_files(&[folder.path().to_owned()]).1.unwrap_err().to_string().contains("no .json"));
    assert!(matches!(read_files(&[folder.path().join("none")]).1, Err(ReadError::Unreadable { .. })));
}

fn zip_of(path: &Path, members: &[(&str, &str)]) {
    let mut archive = zip::ZipWriter::new(fs::File::create(path).unwrap());
    for (name, text) in members {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap();
}

fn tgz_of(path: &Path, members: &[(&str, &str)]) {
    let encoder = flate2::write::GzEncoder::new(fs::File::create(path).unwrap(), flate2::Compression::fast());
    let mut archive = tar::Builder::new(encoder);
    for (name, text) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        // Written by hand: the library refuses to make a name that climbs out of the folder.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        archive.append(&header, text.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap();
}

#[test]
fn archives_and_folders_hold_the_same_records_whatever_the_names() {
    let folder = tempfile::tempdir().unwrap();
    let history = json!([watch("one", "T"), watch("two", "U")]).to_string();
    let searches = json!([{"header": "YouTube", "title": "Searched for x", "titleUrl": "https://www.youtube.com/results?search_query=x"}]).to_string();
    let members = [
        ("Takeout/archive_browser.html", "<html><body>Takeout</body></html>"),
        ("../../../etc/Verlauf/Wiedergabeverlauf.json", history.as_str()),
        ("Takeout/Verlauf/Suchverlauf.json", searches.as_str()),
        ("Takeout/video.mp4", "[not read]"),
    ];
    let (plain, _) = read_bytes(history.as_bytes());
    zip_of(&folder.path().join("a.zip"), &members);
    tgz_of(&folder.path().join("a.tgz"), &members);
    for name in ["a.zip", "a.tgz"] {
        let (taken, result) = read_files(&[folder.path().join(name)]);
        assert_eq!(taken, plain, "{name}");
        let found: Vec<Found> = result.unwrap().iter().map(|report| report.found).collect();
        assert!(
            found.contains(&Found::WatchHistory(Format::Json)) && found.contains(&Found::SearchHistory),
            "{found:?}"
        );
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    fs::create_dir_all(folder.path().join("inside")).unwrap();
    fs::File::create(folder.path().join("inside/any.json")).unwrap().write_all(history.as_bytes()).unwrap();
    fs::File::create(folder.path().join("readme.txt")).unwrap();
    assert_eq!(read_files(&[folder.path().to_owned()]).0, plain);
}

#[test]
fn a_part_without_history_is_no_error_when_another_part_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let history = json!([watch("one", "T")]).to_string();
    zip_of(&folder.path().join("1.zip"), &[("Takeout/archive_browser.html", "<html></html>")]);
    zip_of(&folder.path().join("2.zip"), &[("Takeout/x.json", history.as_str())]);
    let both = [folder.path().join("1.zip"), folder.path().join("2.zip")];
    assert_eq!(read_files(&both).0.records.len(), 1);
    assert!(matches!(read_files(&both[..1]).1, Err(ReadError::NoHistory { .. })));
}

#[test]
fn a_bomb_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.zip");
    let mut archive = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    archive.start_file("watch-history.json", zip::write::SimpleFileOptions::default()).unwrap();
    archive.write_all(b"[").unwrap();
    let blanks = vec![b' '; 1 << 20];
    for _ in 0..80 {
        archive.write_all(&blanks).unwrap();
    }
    archive.finish().unwrap();
    let (taken, result) = read_files(&[path]);
    assert!(matches!(result, Err(ReadError::TooLarge { .. } | ReadError::NoHistory { .. })), "{result:?}");
    assert_eq!(taken, Taken::default());
}

/// A list long enough that records lie across the reader's window.
#[test]
fn records_across_the_edge_of_the_window_are_whole() {
    let records: Vec<Value> = (0..6000).map(|number| watch(&format!("v{number}"), &"x".repeat(number % 700))).collect();
    let text = serde_json::to_string_pretty(&records).unwrap();
    assert!(text.len() > 3 << 20);
    let (taken, result) = read_bytes(text.as_bytes());
    assert_eq!(result.unwrap()[0].records, 6000);
    assert_eq!(taken.rejections, []);
    for (number, record) in taken.records.iter().enumerate() {
        assert!(record.contains(&format!(" v{number} ")), "{record}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_record_is_counted_once_whatever_is_broken(
        count in 1_usize..30,
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<proptest::sample::Index>(),
    ) {
        let records: Vec<Value> = (0..count).map(|number| watch(&format!("v{number}"), "T")).collect();
        let mut bytes = Value::from(records).to_string().into_bytes();
        for (place, byte) in &damage {
            let place = place.index(bytes.len());
            bytes[place] = *byte;
        }
        if damage.len() % 2 == 1 {
            bytes.truncate(cut.index(bytes.len()));
        }
        let (taken, result) = read_bytes(&bytes);
        if let Ok(reports) = result {
            let (records, rejected) = reports.iter().fold((0, 0), |sum, report| (sum.0 + report.records, sum.1 + report.rejected));
            prop_assert_eq!(rejected, taken.rejections.len() as u64);
            prop_assert_eq!(records, taken.records.len() as u64 + rejected);
        }
    }

    #[test]
    fn titles_of_all_kinds_come_through(titles in proptest::collection::vec("\\PC{1,60}", 1..20)) {
        let records: Vec<Value> = titles.iter().map(|title| watch("abc", title)).collect();
        let (taken, _) = read_bytes(Value::from(records).to_string().as_bytes());
        for (record, title) in taken.records.iter().zip(&titles) {
            prop_assert!(record.contains(title.as_str()), "{} in {}", title, record);
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..3000), start in 0_usize..5) {
        let starts: [&[u8]; 5] = [b"", b"[{", b"<div class=\"outer-cell", b"PK\x03\x04", b"\x1f\x8b\x08"];
        let _ = read_bytes(&[starts[start], &bytes].concat());
    }
}
