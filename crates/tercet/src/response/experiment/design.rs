//! How many customers an experiment needs, and what it can show.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

use super::sequence::Sequence;
use crate::error::{Error, Result};

/// The most customers that are planned for: beyond it an effect is too small to look for.
const MOST: f64 = 1e12;

/// An experiment to be planned, settings side.
///
/// With `σ0`, `σ1` the outcome's deviations in control and arm, `n0`, `n1` customers in them, and a share
/// `r` of the variance taken away by covariates, an effect `δ` is found with probability
///
/// ```text
/// Φ(|δ|/s - c) + Φ(-|δ|/s - c),    s² = (1 - r) (σ0²/n0 + σ1²/n1)
/// ```
///
/// `c` being the normal quantile of the level, divided among the comparisons that p-values are adjusted for
/// (Bonferroni, a little on the safe side of Holm). Of an outcome of 0 and 1 the deviations follow from the
/// means, the arm's from the effect looked for.
///
/// # Example
/// ```
/// use tercet::response::experiment::ExperimentDesign;
///
/// // From 5% to 6%, two equal arms.
/// let design = ExperimentDesign::binary(0.05);
/// let n = design.customers(0.01)?;
/// assert!((16_000.0..17_000.0).contains(&n));
/// assert!((design.detectable(n)?.unwrap() - 0.01).abs() < 1e-6);
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExperimentDesign {
    mean: f64,
    /// `None` of an outcome of 0 and 1.
    deviation: Option<f64>,
    share: f64,
    share_control: f64,
    level: f64,
    power: f64,
    comparisons: usize,
    variance_reduction: f64,
    sequential: bool,
}

impl ExperimentDesign {
    /// An outcome of 0 and 1 by its rate in the control; two equal arms, 80% power at a level of 95%.
    pub fn binary(rate: f64) -> Self {
        Self {
            mean: rate,
            deviation: None,
            share: 0.5,
            share_control: 0.5,
            level: 0.95,
            power: 0.8,
            comparisons: 1,
            variance_reduction: 0.0,
            sequential: false,
        }
    }

    /// An outcome that is a number, by its mean and standard deviation in the control.
    pub fn continuous(mean: f64, deviation: f64) -> Self {
        Self {
            deviation: Some(deviation),
            ..Self::binary(mean)
        }
    }

    /// Sets which shares of the customers get the arm and the control.
    #[must_use]
    pub fn shares(mut self, arm: f64, control: f64) -> Self {
        self.share = arm;
        self.share_control = control;
        self
    }

    /// Sets the confidence level and the power.
    #[must_use]
    pub fn level(mut self, level: f64, power: f64) -> Self {
        self.level = level;
        self.power = power;
        self
    }

    /// Sets for how many comparisons p-values are adjusted.
    #[must_use]
    pub fn comparisons(mut self, comparisons: usize) -> Self {
        self.comparisons = comparisons;
        self
    }

    /// Sets which share of the variance covariates take away: the square of the correlation of the outcome
    /// with its own past, say.
    #[must_use]
    pub fn variance_reduction(mut self, share: f64) -> Self {
        self.variance_reduction = share;
        self
    }

    /// Sets whether the data will be looked at more than once, by a confidence sequence that is tightest at
    /// the planned end.
    #[must_use]
    pub fn sequential(mut self, sequential: bool) -> Self {
        self.sequential = sequential;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`].
    pub fn check(&self) -> Result<()> {
        let binary = self.deviation.is_none();
        if binary && !(self.mean > 0.0 && self.mean < 1.0) {
            let expected =
                "a rate above 0 and below 1, or a mean with deviation= its standard deviation";
            return Err(Error::parameter("baseline", self.mean, expected));
        }
        if !self.mean.is_finite() {
            return Err(Error::parameter("baseline", self.mean, "a number"));
        }
        if let Some(deviation) = self.deviation
            && !(deviation > 0.0 && deviation.is_finite())
        {
            return Err(Error::parameter(
                "deviation",
                deviation,
                "a positive number",
            ));
        }
        for (name, share) in [("shares", self.share), ("shares", self.share_control)] {
            if !(share > 0.0 && share <= 1.0) {
                return Err(Error::parameter(name, share, "above 0 and at most 1"));
            }
        }
        for (name, share) in [("level", self.level), ("power", self.power)] {
            if !(share > 0.0 && share < 1.0) {
                let expected = "a number between 0 and 1, such as 0.9";
                return Err(Error::parameter(name, share, expected));
            }
        }
        // A test that does nothing has this power already.
        if self.power <= 1.0 - self.level {
            return Err(Error::parameter(
                "power",
                self.power,
                "a number above 1 - level",
            ));
        }
        if !(0.0..1.0).contains(&self.variance_reduction) {
            let expected = "the share of the variance that covariates take away, from 0 to below 1";
            let found = self.variance_reduction;
            return Err(Error::parameter("variance_reduction", found, expected));
        }
        if self.comparisons == 0 {
            return Err(Error::parameter("comparisons", 0, "at least 1"));
        }
        Ok(())
    }

    /// How probable it is that an effect is found with `n` customers in all arms together.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for settings out of range, or an effect that takes a rate out of (0, 1).
    pub fn power(&self, n: f64, effect: f64) -> Result<f64> {
        self.check()?;
        self.check_effect(effect)?;
        Ok(self.found(n, effect, self.critical()?))
    }

    /// The smallest rise that `n` customers show with the power asked for; `None` where no rise is large
    /// enough (a rate cannot rise above 1).
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for settings out of range.
    pub fn detectable(&self, n: f64) -> Result<Option<f64>> {
        self.check()?;
        let critical = self.critical()?;
        let most = match self.deviation {
            None => 1.0 - self.mean,
            Some(deviation) => {
                let error = self.error(n, 0.0);
                (critical + 40.0) * error + deviation * 1e-12
            }
        };
        if n.is_nan() || n <= 0.0 || self.found(n, most, critical) < self.power {
            return Ok(None);
        }
        let (mut low, mut high) = (0.0, most);
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if self.found(n, middle, critical) < self.power {
                low = middle;
            } else {
                high = middle;
            }
            if high - low <= 1e-14 * high {
                break;
            }
        }
        Ok(Some(high))
    }

    /// How many customers, in all arms together, it takes to find an effect.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for settings out of range, an effect of 0, one that takes a rate out of
    /// (0, 1), or one so small that more than 10^12 customers would be needed.
    pub fn customers(&self, effect: f64) -> Result<f64> {
        self.check()?;
        self.check_effect(effect)?;
        let critical = self.critical()?;
        let (mut low, mut high) = (0.0, 4.0);
        while self.found(high, effect, critical) < self.power {
            low = high;
            high *= 2.0;
            if high > MOST {
                let expected = "an effect large enough to be found among 10^12 customers";
                return Err(Error::parameter("effect", effect, expected));
            }
        }
        while high - low > 1e-9 * high {
            let middle = 0.5 * (low + high);
            if self.found(middle, effect, critical) < self.power {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(high)
    }

    /// How many standard errors away from 0 an effect must lie to count.
    fn critical(&self) -> Result<f64> {
        let alpha = (1.0 - self.level) / self.comparisons as f64;
        if self.sequential {
            // At its tightest a sequence's width does not depend on when that is.
            return Ok(Sequence::new(1_000.0, 1.0 - alpha)?.reach(alpha, 1_000.0));
        }
        Ok(-Normal::standard().inverse_cdf(0.5 * alpha))
    }

    fn found(&self, n: f64, effect: f64, critical: f64) -> f64 {
        let away = effect.abs() / self.error(n, effect);
        let normal = Normal::standard();
        normal.cdf(away - critical) + normal.cdf(-away - critical)
    }

    fn error(&self, n: f64, effect: f64) -> f64 {
        let variance = |mean: f64| match self.deviation {
            None => (mean * (1.0 - mean)).max(0.0),
            Some(deviation) => deviation * deviation,
        };
        let control = variance(self.mean) / (n * self.share_control);
        let arm = variance(self.mean + effect) / (n * self.share);
        ((1.0 - self.variance_reduction) * (control + arm)).sqrt()
    }

    fn check_effect(&self, effect: f64) -> Result<()> {
        if effect == 0.0 || !effect.is_finite() {
            let expected = "a difference of means other than 0";
            return Err(Error::parameter("effect", effect, expected));
        }
        let mean = self.mean + effect;
        if self.deviation.is_none() && !(mean > 0.0 && mean < 1.0) {
            let expected = format!(
                "a difference that leaves a rate between 0 and 1 (the baseline is {})",
                self.mean
            );
            return Err(Error::parameter("effect", effect, expected));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customers_power_and_effect_agree() {
        let designs = [
            ExperimentDesign::binary(0.05),
            ExperimentDesign::binary(0.3)
                .shares(0.2, 0.5)
                .comparisons(12),
            ExperimentDesign::continuous(20.0, 55.0)
                .variance_reduction(0.4)
                .sequential(true),
        ];
        for design in designs {
            let n = design.customers(0.02).unwrap();
            assert!((design.power(n, 0.02).unwrap() - 0.8).abs() < 1e-6);
            assert!((design.detectable(n).unwrap().unwrap() - 0.02).abs() < 1e-6);
        }
    }

    #[test]
    fn what_cannot_be_is_refused_or_none() {
        assert!(ExperimentDesign::binary(1.2).check().is_err());
        assert!(ExperimentDesign::binary(0.9).power(100.0, 0.2).is_err());
        assert!(ExperimentDesign::binary(0.9).customers(0.0).is_err());
        assert!(ExperimentDesign::continuous(1.0, 0.0).check().is_err());
        assert_eq!(
            ExperimentDesign::binary(0.9).detectable(10.0).unwrap(),
            None
        );
    }
}
