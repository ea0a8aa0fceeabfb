//! How a family comes into being: made, registered and listed in one step. It moves nothing.

use prometheus::{
    Counter, Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, core::Collector,
};
use serde::Serialize;

/// One family as it is declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Family {
    /// The name, by the conventions of Prometheus.
    pub name: &'static str,
    /// What it tells.
    pub help: &'static str,
    /// Counter, gauge or histogram.
    #[serde(rename = "type")]
    pub kind: FamilyKind,
    /// By what its samples differ.
    pub labels: &'static [&'static str],
}

/// What kind of numbers a family has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FamilyKind {
    /// They only grow.
    Counter,
    /// They come and go.
    Gauge,
    /// How many of something were up to how much.
    Histogram,
}

/// Two families of one name, or a name that no family may have, are a mistake in the list, which every test finds.
const SOUND: &str = "the list of families is sound";

/// Registers what is declared, and keeps the list.
#[derive(Default)]
pub(super) struct Declarations {
    registry: Registry,
    list: Vec<Family>,
}

impl Declarations {
    /// The registry and the list.
    pub(super) fn done(self) -> (Registry, Vec<Family>) {
        (self.registry, self.list)
    }

    pub(super) fn counter(&mut self, name: &'static str, help: &'static str) -> IntCounter {
        self.add(name, help, FamilyKind::Counter, &[], IntCounter::new(name, help))
    }

    pub(super) fn seconds_counter(&mut self, name: &'static str, help: &'static str) -> Counter {
        self.add(name, help, FamilyKind::Counter, &[], Counter::new(name, help))
    }

    pub(super) fn counters(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
    ) -> IntCounterVec {
        self.add(name, help, FamilyKind::Counter, labels, IntCounterVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn gauge(&mut self, name: &'static str, help: &'static str) -> IntGauge {
        self.add(name, help, FamilyKind::Gauge, &[], IntGauge::new(name, help))
    }

    pub(super) fn seconds_gauge(&mut self, name: &'static str, help: &'static str) -> Gauge {
        self.add(name, help, FamilyKind::Gauge, &[], Gauge::new(name, help))
    }

    pub(super) fn gauges(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
    ) -> IntGaugeVec {
        self.add(name, help, FamilyKind::Gauge, labels, IntGaugeVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn histogram(&mut self, name: &'static str, help: &'static str, up_to: &[f64]) -> Histogram {
        let options = HistogramOpts::new(name, help).buckets(up_to.to_vec());
        self.add(name, help, FamilyKind::Histogram, &[], Histogram::with_opts(options))
    }

    pub(super) fn histograms(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
        up_to: &[f64],
    ) -> HistogramVec {
        let options = HistogramOpts::new(name, help).buckets(up_to.to_vec());
        self.add(name, help, FamilyKind::Histogram, labels, HistogramVec::new(options, labels))
    }

    fn add<C: Collector + Clone + 'static>(
        &mut self,
        name: &'static str,
        help: &'static str,
        kind: FamilyKind,
        labels: &'static [&'static str],
        made: prometheus::Result<C>,
    ) -> C {
        let collector = made.expect(SOUND);
        self.registry.register(Box::new(collector.clone())).expect(SOUND);
        self.list.push(Family { name, help, kind, labels });
        collector
    }
}
