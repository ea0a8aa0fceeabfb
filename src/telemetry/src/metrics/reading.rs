//! The families with their samples as values, for `/metrics.json`. It does not write JSON.

use std::collections::BTreeMap;

use prometheus::proto::{Metric, MetricFamily};
use serde::Serialize;

use super::{Family, FamilyKind};

/// One family as it is now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reading<'list> {
    /// What was declared.
    #[serde(flatten)]
    pub family: &'list Family,
    /// A number for each combination of labels that has come up.
    pub samples: Vec<Sample>,
}

/// One combination of labels.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sample {
    /// By name.
    pub labels: BTreeMap<String, String>,
    /// What was counted or measured.
    #[serde(flatten)]
    pub value: Value,
}

/// What was counted or measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// Of a counter or a gauge.
    Number {
        /// The number.
        value: f64,
    },
    /// Of a histogram.
    Histogram {
        /// How many there were.
        count: u64,
        /// All together.
        sum: f64,
        /// How many were up to how much, each counting those before it.
        buckets: Vec<Bucket>,
    },
}

/// How many were up to how much.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bucket {
    /// "Less than or equal", as Prometheus calls it.
    pub le: f64,
    /// How many.
    pub count: u64,
}

/// Puts samples to declarations. A family without samples is there as well.
pub(super) fn read<'list>(list: &'list [Family], gathered: &[MetricFamily]) -> Vec<Reading<'list>> {
    let samples = |family: &Family| {
        let found = gathered.iter().find(|found| found.name() == family.name);
        found.map_or(&[][..], MetricFamily::get_metric).iter().map(|metric| sample(family.kind, metric)).collect()
    };
    list.iter().map(|family| Reading { family, samples: samples(family) }).collect()
}

fn sample(kind: FamilyKind, metric: &Metric) -> Sample {
    let labels = metric.get_label().iter().map(|label| (label.name().to_owned(), label.value().to_owned())).collect();
    let value = match kind {
        FamilyKind::Counter => Value::Number { value: metric.get_counter().get_value() },
        FamilyKind::Gauge => Value::Number { value: metric.get_gauge().get_value() },
        FamilyKind::Histogram => {
            let found = metric.get_histogram();
            let bucket = |bucket: &prometheus::proto::Bucket| Bucket {
                le: bucket.upper_bound(),
                count: bucket.cumulative_count(),
            };
            Value::Histogram {
                count: found.get_sample_count(),
                sum: found.get_sample_sum(),
                buckets: found.get_bucket().iter().map(bucket).collect(),
            }
        }
    };
    Sample { labels, value }
}
