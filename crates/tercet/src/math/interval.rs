//! Ends of intervals, on the scale on which the quantity is unbounded.

use statrs::distribution::{ContinuousCDF, Normal};

use crate::error::{Error, Result};

/// The standard normal quantile of a two-sided interval at confidence `level`.
pub(crate) fn normal_quantile(level: f64) -> Result<f64> {
    if !(level > 0.0 && level < 1.0) {
        let expected = "a number between 0 and 1, such as 0.95";
        return Err(Error::parameter("level", level, expected));
    }
    Ok(Normal::standard().inverse_cdf(0.5 + 0.5 * level))
}

/// For a positive quantity, symmetric in its logarithm.
pub(crate) fn positive(estimate: f64, error: f64, z: f64) -> [f64; 2] {
    let factor = (z * error / estimate).exp();
    [estimate / factor, estimate * factor]
}

/// For a share, symmetric in its log-odds.
pub(crate) fn share(estimate: f64, error: f64, z: f64) -> [f64; 2] {
    let odds = (estimate / (1.0 - estimate)).ln();
    let half = z * error / (estimate * (1.0 - estimate));
    [odds - half, odds + half].map(|odds| 1.0 / (1.0 + (-odds).exp()))
}
