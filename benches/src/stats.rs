//! Percentiles and how figures are printed.

use std::time::Duration;

/// Latencies of one measurement.
#[derive(Debug, Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn push(&mut self, latency: Duration) {
        self.0.push(latency);
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The latency that `part` of them do not exceed.
    pub(crate) fn percentile(&mut self, part: f64) -> Duration {
        self.0.sort_unstable();
        let last = self.0.len().saturating_sub(1);
        self.0.get((last as f64 * part).round() as usize).copied().unwrap_or_default()
    }
}

/// Milliseconds with two places.
pub(crate) fn millis(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1000.0)
}

/// `a / b` with the target beside it.
pub(crate) fn ratio(what: &str, ratio: f64, target: &str) {
    println!("{what:<60} {ratio:>8.2}   target {target}");
}

/// A figure with its unit.
pub(crate) fn figure(what: &str, value: impl std::fmt::Display) {
    println!("{what:<60} {value:>8}");
}

/// The middle one of several ratios and their range, with the target beside it.
pub(crate) fn ratios(what: &str, mut ratios: Vec<f64>, target: &str) {
    ratios.sort_unstable_by(f64::total_cmp);
    let at = |index: usize| ratios.get(index).copied().unwrap_or(f64::NAN);
    let (least, middle, most) = (at(0), at(ratios.len() / 2), at(ratios.len().saturating_sub(1)));
    println!("{what:<60} {middle:>8.2}   {least:.2} to {most:.2}, target {target}");
}
