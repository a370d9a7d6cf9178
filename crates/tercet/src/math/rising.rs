//! Rising factorials of a parameter at whole-number counts, with two derivatives.
//!
//! Purchase models meet the gamma function only as `Γ(z + x) / Γ(z)` with a whole number `x` of
//! purchases. That ratio is the rising factorial `z (z+1) ... (z+x-1)`, so one pass of additions
//! gives it for every count that occurs, to the last bit and with its derivatives.

use super::special::{digamma_difference, ln_gamma_ratio, trigamma};

/// `ln (z)_x` and its first two derivatives in `z`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct LnRising {
    pub(crate) value: f64,
    pub(crate) first: f64,
    pub(crate) second: f64,
}

/// A gap between two counts above which three gamma functions cost less than the additions.
const LONG_GAP: f64 = 64.0;

/// [`LnRising`] of `z > 0` at every one of `counts`, which are whole numbers in ascending order.
pub(crate) fn ln_rising(z: f64, counts: &[f64]) -> Vec<LnRising> {
    let (mut at, mut sum) = (0.0, LnRising::default());
    counts
        .iter()
        .map(|&count| {
            if count - at > LONG_GAP {
                let (from, gap) = (z + at, count - at);
                sum.value += ln_gamma_ratio(from, gap);
                sum.first += digamma_difference(from, gap);
                sum.second += trigamma(z + count) - trigamma(from);
                at = count;
            }
            while at < count {
                let inverse = 1.0 / (z + at);
                sum.value += (z + at).ln();
                sum.first += inverse;
                sum.second -= inverse * inverse;
                at += 1.0;
            }
            sum
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_long_way_and_the_short_way_agree() {
        let every: Vec<f64> = (0..=1000).map(f64::from).collect();
        for z in [1e-6, 0.24, 3.0, 1e4] {
            let short = ln_rising(z, &every)[1000];
            let long = ln_rising(z, &[1000.0])[0];
            for (s, l) in [
                (short.value, long.value),
                (short.first, long.first),
                (short.second, long.second),
            ] {
                assert!((s - l).abs() <= 1e-11 * s.abs(), "z = {z}: {s} is not {l}");
            }
        }
    }

    #[test]
    fn no_purchase_is_the_empty_product() {
        assert_eq!(ln_rising(0.7, &[0.0]), vec![LnRising::default()]);
    }
}
