//! Figures of repeated measurements: whole microseconds, and ratios in whole thousandths.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

pub(super) struct Quantiles {
    pub p50: i64,
    pub p99: i64,
    pub max: i64,
}

impl Quantiles {
    pub fn json(&self) -> Value {
        json!({ "p50": self.p50, "p99": self.p99, "max": self.max })
    }
}

impl fmt::Display for Quantiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p50 {:>7}  p99 {:>7}  max {:>7}", self.p50, self.p99, self.max)
    }
}

/// Nearest-rank quantiles of at least one value.
pub(super) fn quantiles(mut values: Vec<i64>) -> Quantiles {
    values.sort_unstable();
    let rank = |per_cent: usize| values[(values.len() * per_cent).div_ceil(100).max(1) - 1];
    Quantiles { p50: rank(50), p99: rank(99), max: rank(100) }
}

/// The middle of at least one value; the lower one where two are in the middle.
pub(super) fn median(values: impl Iterator<Item = i64>) -> i64 {
    quantiles(values.collect()).p50
}

pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// How many per second, when so many took so long.
pub(super) fn per_second(count: i64, took_us: i64) -> i64 {
    count.saturating_mul(1_000_000) / took_us.max(1)
}

/// One figure in relation to another, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ratio(i64);

impl Ratio {
    pub const fn thousandths(value: i64) -> Self {
        Self(value)
    }

    pub fn of(figure: i64, other: i64) -> Self {
        Self(figure.saturating_mul(1_000) / other.max(1))
    }

    pub fn median(ratios: impl Iterator<Item = Self>) -> Self {
        Self(median(ratios.map(|ratio| ratio.0)))
    }

    pub fn json(self) -> Value {
        serde_json::from_str(&self.to_string()).expect("a decimal number is JSON")
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1_000, self.0 % 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_nearest_ranks() {
        let found = quantiles((1..=200).rev().collect());
        assert_eq!((found.p50, found.p99, found.max), (100, 198, 200));
        let one = quantiles(vec![7]);
        assert_eq!((one.p50, one.p99, one.max), (7, 7, 7));
        assert_eq!(median([9, 1, 5, 3].into_iter()), 3);
    }

    #[test]
    fn ratios_are_cut_to_thousandths() {
        let check = |figure: i64, other: i64, expected: &str| {
            assert_eq!(Ratio::of(figure, other).to_string(), expected);
        };
        check(3, 2, "1.500");
        check(2, 3, "0.666");
        check(7, 0, "7.000");
        assert_eq!(Ratio::of(3, 2).json().to_string(), "1.5");
        let middle = Ratio::median([3, 1, 2].into_iter().map(Ratio::thousandths));
        assert_eq!(middle, Ratio::thousandths(2));
    }

    #[test]
    fn rates_count_seconds() {
        assert_eq!(per_second(200, 100_000), 2_000);
    }
}
