//! From values to lengths, with round ticks.
//!
//! It starts at zero always: a bar that does not would lie.

/// A scale from zero to a round number at or above the largest value.
pub(crate) struct Scale {
    end: u128,
    step: u128,
    length: f64,
}

impl Scale {
    /// A scale whose end lies at `length` units, with at most four steps.
    pub(crate) fn new(largest: u64, length: f64) -> Self {
        let largest = u128::from(largest.max(1));
        let mut power = 1_u128;
        let step = loop {
            if let Some(step) = [power, 2 * power, 5 * power].into_iter().find(|step| step * 4 >= largest) {
                break step;
            }
            power *= 10;
        };
        Self { end: largest.div_ceil(step) * step, step, length }
    }

    /// The length of a value, in units.
    #[expect(clippy::cast_precision_loss, reason = "a drawing needs no more than the digits that a pixel shows")]
    pub(crate) fn length(&self, value: f64) -> f64 {
        (value / self.end as f64 * self.length).clamp(0.0, self.length)
    }

    /// The ticks: value and position, zero first.
    #[expect(clippy::cast_precision_loss, reason = "a drawing needs no more than the digits that a pixel shows")]
    pub(crate) fn ticks(&self) -> impl Iterator<Item = (u128, f64)> {
        (0..=self.end / self.step).map(|count| (count * self.step, self.length((count * self.step) as f64)))
    }
}
