//! `docs/metrics.md` has a row for each family, with the words of its declaration. It does not check the rest of it.

use std::{fs, path::Path};

use ytorch_telemetry::{
    Metrics,
    metrics::{Family, FamilyKind},
};

#[test]
fn every_metric_is_documented_in_its_own_words() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let document = fs::read_to_string(path).unwrap();
    let is_row = |line: &&str| line.starts_with("| `ytorch_") || line.starts_with("| `process_");
    let found: Vec<&str> = document.lines().filter(is_row).collect();
    let expected: Vec<String> = Metrics::new().families().iter().map(row).collect();
    assert_eq!(found, expected, "these are the rows as they should be:\n{}\n", expected.join("\n"));
}

fn row(family: &Family) -> String {
    let Family { name, help, kind, labels } = family;
    let kind = match kind {
        FamilyKind::Counter => "counter",
        FamilyKind::Gauge => "gauge",
        FamilyKind::Histogram => "histogram",
    };
    let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
    format!("| `{name}` | {kind} | {} | {} |", labels.join(", "), unit_and(name, help))
}

/// Names end with the unit, and `_total` if they count.
fn unit_and(name: &str, help: &str) -> String {
    let stem = name.trim_end_matches("_total");
    let unit = ["seconds", "bytes"].into_iter().find(|unit| stem.ends_with(unit)).unwrap_or("number");
    format!("{unit} | {help}")
}
