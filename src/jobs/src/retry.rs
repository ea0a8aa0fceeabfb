//! When a job that failed is tried again. Pure: the clock and chance are given.

use std::time::Duration;

/// How often and how soon a kind of job is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How many failures that may pass are borne; the next one is the end.
    pub retries: u32,
    /// The pause after the first failure; each further one doubles it.
    pub first_pause: Duration,
    /// No pause is longer.
    pub longest_pause: Duration,
}

impl RetryPolicy {
    /// A failure is the end.
    pub const NEVER: Self = Self { retries: 0, first_pause: Duration::ZERO, longest_pause: Duration::ZERO };

    /// Six tries over some minutes: for services on the network.
    pub const NETWORK: Self =
        Self { retries: 5, first_pause: Duration::from_secs(5), longest_pause: Duration::from_mins(10) };

    /// The pause after so many failures (1 is the first), or `None` if there were enough.
    ///
    /// `chance` from 0 to 1 takes away up to half of the pause, so that many jobs that failed together do not come back
    /// together.
    pub fn pause(&self, failures: u32, chance: f64) -> Option<Duration> {
        if failures == 0 || failures > self.retries {
            return None;
        }
        let doubled = self.first_pause.saturating_mul(2_u32.saturating_pow(failures - 1));
        let whole = doubled.min(self.longest_pause);
        Some(whole.mul_f64(1.0 - 0.5 * chance.clamp(0.0, 1.0)))
    }
}

/// A number from 0 to 1 that nobody can foresee.
pub(crate) fn chance() -> f64 {
    getrandom::u32().map_or(0.5, |random| f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_cap_and_end() {
        let policy =
            RetryPolicy { retries: 4, first_pause: Duration::from_secs(10), longest_pause: Duration::from_mins(1) };
        let pauses: Vec<_> = (0..6).map(|failures| policy.pause(failures, 0.0).map(|pause| pause.as_secs())).collect();
        assert_eq!(pauses, [None, Some(10), Some(20), Some(40), Some(60), None]);
        assert_eq!(policy.pause(1, 1.0), Some(Duration::from_secs(5)));
        assert_eq!(RetryPolicy::NEVER.pause(1, 0.0), None);
        let many = RetryPolicy { retries: u32::MAX, ..policy };
        assert_eq!(many.pause(u32::MAX, 0.0), Some(Duration::from_mins(1)));
    }

    #[test]
    fn chance_is_a_part_of_one_and_moves() {
        let drawn: Vec<f64> = (0..64).map(|_| chance()).collect();
        assert!(drawn.iter().all(|drawn| (0.0..=1.0).contains(drawn)), "{drawn:?}");
        assert!(drawn.windows(2).any(|pair| pair[0] < pair[1]), "{drawn:?}");
    }
}
