//! Intervals that hold at every look at the data.
//!
//! Asymptotic confidence sequences (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024, Annals of
//! Statistics 52, 2613-2640): with standard error `s` after `n` customers the interval
//!
//! ```text
//! effect ± s √( 2 (n ρ² + 1) / (n ρ²) · ln( √(n ρ² + 1) / α ) )
//! ```
//!
//! covers the effect at all `n` at once with probability `1 - α`, so that one may look every day and stop
//! when one likes. It is the mixture of normal likelihood ratios of Robbins (1970).

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The customers that intervals are tightest for, where the caller does not say.
pub const USUAL_PLAN: f64 = 10_000.0;

/// A confidence sequence, by the number of customers at which it is meant to be tightest, which has to be
/// fixed before the first look. With a tenth of that number the interval is 26% wider than it could have
/// been, with ten times as many 7%.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sequence {
    /// Customers of an arm and the control together at which the interval is to be tightest.
    pub tightest_at: f64,
    /// `ρ²`.
    rho_squared: f64,
}

impl Sequence {
    /// The sequence that is tightest after `planned` customers at confidence `level`.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a number below 1, or a level that is none.
    ///
    /// ```
    /// use tercet::response::experiment::Sequence;
    ///
    /// let sequence = Sequence::new(10_000.0, 0.95)?;
    /// // A single look at the end would take 1.96 standard errors.
    /// assert!((sequence.reach(0.05, 10_000.0) - 3.02).abs() < 0.02);
    /// # Ok::<(), tercet::Error>(())
    /// ```
    pub fn new(planned: f64, level: f64) -> Result<Self> {
        if !(planned >= 1.0 && planned.is_finite()) {
            let expected = "the number of customers that the experiment is planned for, at least 1";
            return Err(Error::parameter("sequential", planned, expected));
        }
        crate::math::interval::normal_quantile(level)?;
        // The width is least where x = ln((1 + x) / α²), x = n ρ²; the right side's slope is below 1/3 there,
        // so that repeating it settles.
        let alpha = 1.0 - level;
        let mut x = 2.0 * (1.0 / alpha).ln() + 1.0;
        for _ in 0..60 {
            x = (x.ln_1p() - 2.0 * alpha.ln()).max(0.1);
        }
        Ok(Self {
            tightest_at: planned,
            rho_squared: x / planned,
        })
    }

    /// How many standard errors the interval reaches to either side after `n` customers.
    pub fn reach(&self, alpha: f64, n: f64) -> f64 {
        let x = n * self.rho_squared;
        (2.0 * (x + 1.0) / x * (0.5 * x.ln_1p() - alpha.ln())).sqrt()
    }

    /// The smallest `α` at which the interval excludes 0, `z` standard errors away: valid at every look.
    pub fn p_value(&self, z: f64, n: f64) -> f64 {
        let x = n * self.rho_squared;
        (0.5 * x.ln_1p() - 0.5 * z * z * x / (x + 1.0))
            .exp()
            .min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_value_and_interval_agree() {
        let sequence = Sequence::new(5_000.0, 0.95).unwrap();
        for n in [50.0, 5_000.0, 1e6] {
            let reach = sequence.reach(0.05, n);
            assert!((sequence.p_value(reach, n) - 0.05).abs() < 1e-12);
        }
    }

    #[test]
    fn it_is_tightest_where_it_was_told_to_be() {
        let of = |planned: f64| Sequence::new(planned, 0.9).unwrap().reach(0.1, 1_000.0);
        assert!(of(1_000.0) < of(900.0) && of(1_000.0) < of(1_100.0));
        assert!(of(10_000.0) / of(1_000.0) < 1.4 && of(100.0) / of(1_000.0) < 1.15);
        assert!(Sequence::new(0.0, 0.95).is_err());
    }
}
