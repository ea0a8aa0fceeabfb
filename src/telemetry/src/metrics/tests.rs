//! What each thing that happens does to the text and to the readings.

use std::time::Duration;

use super::*;

fn lines(metrics: &Metrics, start: &str) -> Vec<String> {
    metrics.text().lines().filter(|line| line.starts_with(start)).map(str::to_owned).collect()
}

#[test]
fn names_follow_the_conventions_and_labels_are_few() {
    for Family { name, help, kind, labels } in Metrics::new().families() {
        assert!(name.starts_with("ytorch_") || name.starts_with("process_"), "{name}");
        assert_eq!(name.ends_with("_total"), *kind == FamilyKind::Counter, "{name}");
        assert!(*kind != FamilyKind::Histogram || name.ends_with("_seconds"), "{name}");
        assert!(help.ends_with('.') && help.len() > 10, "{name}: {help}");
        assert!(labels.len() <= 3, "{name}");
    }
}

#[test]
fn two_servers_in_one_process_share_nothing() {
    let (one, other) = (Metrics::new(), Metrics::new());
    one.clone().import_failed();
    assert_eq!(lines(&one, "ytorch_imports_total{status=\"failed\"}"), ["ytorch_imports_total{status=\"failed\"} 1"]);
    assert_eq!(lines(&other, "ytorch_imports_total{status=\"failed\"}"), ["ytorch_imports_total{status=\"failed\"} 0"]);
}

#[test]
fn strangers_cannot_make_samples_without_end() {
    let metrics = Metrics::new();
    for number in 0..100 {
        metrics.request_answered(None, &format!("WORD{number}"), "404", Duration::from_millis(3));
    }
    let expected = "ytorch_http_requests_total{method=\"other\",route=\"unmatched\",status=\"404\"} 100";
    assert_eq!(lines(&metrics, "ytorch_http_requests_total"), [expected]);
    let name = "ytorch_http_request_duration_seconds_bucket{method=\"other\",route=\"unmatched\",le=";
    assert_eq!(lines(&metrics, &format!("{name}\"0.0025\"")), [format!("{name}\"0.0025\"}} 0")]);
    assert_eq!(lines(&metrics, &format!("{name}\"0.005\"")), [format!("{name}\"0.005\"}} 100")]);
}

#[test]
fn a_request_is_in_flight_until_it_is_dropped() {
    let metrics = Metrics::new();
    let (first, second) = (metrics.request_began(), metrics.request_began());
    assert_eq!(lines(&metrics, "ytorch_http_requests_in_flight"), ["ytorch_http_requests_in_flight 2"]);
    drop((first, second));
    assert_eq!(lines(&metrics, "ytorch_http_requests_in_flight"), ["ytorch_http_requests_in_flight 0"]);
}

#[test]
fn reads_and_writes_are_counted_and_so_are_their_errors() {
    let metrics = Metrics::new();
    assert_eq!(metrics.read(|| Ok::<_, ()>(7)), Ok(7));
    assert_eq!(metrics.write(|| Err::<(), _>("full")), Err("full"));
    assert_eq!(metrics.write(|| Ok::<_, ()>(8)), Ok(8));
    metrics.set_database_size(4096, 32);
    assert_eq!(
        lines(&metrics, "ytorch_database_").into_iter().filter(|line| !line.contains("duration")).collect::<Vec<_>>(),
        [
            "ytorch_database_errors_total 1",
            "ytorch_database_reads_total 1",
            "ytorch_database_size_bytes 4096",
            "ytorch_database_wal_size_bytes 32",
            "ytorch_database_writes_total 2",
        ]
    );
    assert_eq!(
        lines(&metrics, "ytorch_database_write_duration_seconds_count"),
        ["ytorch_database_write_duration_seconds_count 2"]
    );
}

#[test]
fn jobs_that_are_told_no_more_are_none() {
    let metrics = Metrics::new();
    metrics.set_jobs(vec![("import", "queued", 2), ("import", "done", 5)]);
    metrics.set_jobs(vec![("import", "done", 7), ("totals", "running", 1)]);
    assert_eq!(
        lines(&metrics, "ytorch_jobs{"),
        [
            "ytorch_jobs{kind=\"import\",state=\"done\"} 7",
            "ytorch_jobs{kind=\"import\",state=\"queued\"} 0",
            "ytorch_jobs{kind=\"totals\",state=\"running\"} 1",
        ]
    );
    metrics.job_known("import");
    assert_eq!(lines(&metrics, "ytorch_job_retries_total"), ["ytorch_job_retries_total{kind=\"import\"} 0"]);
    metrics.job_ended("import", "failed", Duration::from_secs(2));
    metrics.job_retried("import");
    metrics.job_retried("import");
    assert_eq!(
        lines(&metrics, "ytorch_jobs_ended_total"),
        [
            "ytorch_jobs_ended_total{kind=\"import\",status=\"cancelled\"} 0",
            "ytorch_jobs_ended_total{kind=\"import\",status=\"done\"} 0",
            "ytorch_jobs_ended_total{kind=\"import\",status=\"failed\"} 1",
            "ytorch_jobs_ended_total{kind=\"import\",status=\"skipped\"} 0",
        ]
    );
    assert_eq!(lines(&metrics, "ytorch_job_retries_total"), ["ytorch_job_retries_total{kind=\"import\"} 2"]);
    assert_eq!(
        lines(&metrics, "ytorch_job_duration_seconds_sum"),
        ["ytorch_job_duration_seconds_sum{kind=\"import\"} 2"]
    );
}

#[test]
fn a_breaker_shows_its_state_and_its_trips() {
    let metrics = Metrics::new();
    metrics.set_breaker("youtube", BreakerState::Closed);
    assert_eq!(lines(&metrics, "ytorch_breaker_trips_total"), ["ytorch_breaker_trips_total{service=\"youtube\"} 0"]);
    for (state, number) in [(BreakerState::Open, 2), (BreakerState::HalfOpen, 1), (BreakerState::Closed, 0)] {
        metrics.set_breaker("youtube", state);
        let expected = format!("ytorch_breaker_state{{service=\"youtube\"}} {number}");
        assert_eq!(lines(&metrics, "ytorch_breaker_state"), [expected]);
    }
    metrics.breaker_tripped("youtube");
    assert_eq!(lines(&metrics, "ytorch_breaker_trips_total"), ["ytorch_breaker_trips_total{service=\"youtube\"} 1"]);
}

#[test]
fn readings_hold_every_family_also_one_without_a_sample() {
    let metrics = Metrics::new();
    metrics.set_version("1.2.3");
    metrics.import_done(ImportRecords { added: 3, known: 2, skipped: 1, rejected: 0 });
    let readings = metrics.readings();
    assert_eq!(
        readings.iter().map(|reading| reading.family).collect::<Vec<_>>(),
        metrics.families().iter().collect::<Vec<_>>()
    );
    let json = |name: &str| {
        let reading = readings.iter().find(|reading| reading.family.name == name).unwrap();
        serde_json::to_value(reading).unwrap()
    };
    let expected = serde_json::json!({
        "name": "ytorch_build_info", "help": "Always 1; the label is the version of the server.", "type": "gauge",
        "labels": ["version"], "samples": [{ "labels": { "version": "1.2.3" }, "value": 1.0 }],
    });
    assert_eq!(json("ytorch_build_info"), expected);
    assert_eq!(json("ytorch_jobs")["samples"], serde_json::json!([]));
    assert_eq!(json("ytorch_import_records_total")["samples"][0]["value"], 3.0);
    assert_eq!(json("ytorch_database_read_duration_seconds")["samples"][0]["count"], 0);
    assert_eq!(json("ytorch_database_read_duration_seconds")["samples"][0]["buckets"][0]["le"], 0.0001);
}

#[test]
fn processor_time_only_grows() {
    let metrics = Metrics::new();
    let cpu = || metrics.0.families.process_cpu.get();
    metrics.look_at_process();
    let first = cpu();
    assert!(metrics.0.families.process_resident_memory.get() > 100_000);
    while cpu() <= first {
        metrics.look_at_process();
    }
    assert!(metrics.0.families.process_threads.get() >= 1);
}
