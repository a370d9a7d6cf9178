//! Outcomes and covariates as the passes read them: centred, drawn in, gaps filled.

use std::borrow::Cow;

use super::data::{Covariate, Outcome};
use crate::error::{Error, Result};
use crate::math::sum::Sums;

/// Outcomes that are known of the same rows, and the covariates that they are adjusted by.
#[derive(Debug)]
pub(super) struct Panel<'a> {
    /// Places of the outcomes among all of the experiment.
    pub(super) places: Vec<usize>,
    pub(super) outcomes: Vec<Prepared<'a>>,
    pub(super) covariates: &'a [Scaled<'a>],
    /// Whether a row may lack the outcome (then there is only one).
    pub(super) gaps: bool,
}

/// An outcome less its mean, so that sums of squares keep their digits.
#[derive(Debug)]
pub(super) struct Prepared<'a> {
    values: &'a [f64],
    /// Larger values count as this.
    pub(super) cap: f64,
    /// The mean, which the passes take away.
    pub(super) shift: f64,
    /// Whether every value is 0 or 1.
    pub(super) binary: bool,
    /// How many values lie above the cap.
    pub(super) n_capped: usize,
}

/// A covariate in units of its standard deviation, away from its mean.
#[derive(Debug)]
pub(super) struct Scaled<'a> {
    pub(super) name: String,
    values: Cow<'a, [f64]>,
    centre: f64,
    scale: f64,
}

impl Panel<'_> {
    /// Covariates and the constant: how many coefficients a regression has.
    pub(super) fn n_coefficients(&self) -> usize {
        self.covariates.len() + 1
    }

    /// Writes `(1, z)` and the outcomes of a row; false where an outcome is not known.
    pub(super) fn read(&self, row: usize, z: &mut [f64], y: &mut [f64]) -> bool {
        for (y, outcome) in y.iter_mut().zip(&self.outcomes) {
            let value = outcome.values[row];
            if self.gaps && value.is_nan() {
                return false;
            }
            *y = value.min(outcome.cap) - outcome.shift;
        }
        z[0] = 1.0;
        for (z, covariate) in z[1..].iter_mut().zip(self.covariates) {
            *z = (covariate.values[row] - covariate.centre) / covariate.scale;
        }
        true
    }
}

impl<'a> Prepared<'a> {
    /// # Errors
    /// [`Error::InvalidData`] where drawing in the largest values leaves nothing that varies.
    pub(super) fn new(outcome: &Outcome<'a>) -> Result<Self> {
        let values = outcome.values;
        let known = || values.iter().copied().filter(|value| !value.is_nan());
        let binary = known().all(|value| value == 0.0 || value == 1.0);
        let cap = match outcome.winsorize {
            Some(level) if !binary => quantile(known().collect(), level),
            _ => f64::INFINITY,
        };
        if known().all(|value| value >= cap) {
            let reason = format!(
                "has the same value up to its quantile {}, so that drawing in larger values would leave nothing; take a higher quantile, or none",
                outcome.winsorize.unwrap_or(1.0)
            );
            return Err(Error::data(&outcome.name, None, reason));
        }
        let mut sums = Sums::<2>::zero();
        known().for_each(|value| sums.add(&[value.min(cap), 1.0]));
        let [sum, n] = sums.total();
        Ok(Self {
            values,
            cap,
            shift: sum / n,
            binary,
            n_capped: known().filter(|value| *value > cap).count(),
        })
    }
}

/// Covariates with gaps filled by their mean; where there were gaps, whether there was one is a covariate
/// of its own (Zhao & Ding 2024, Journal of the American Statistical Association 119, 450-460: the
/// adjusted comparison then stays right whatever the gaps depend on).
pub(super) fn scaled<'a>(covariates: &[Covariate<'a>]) -> Vec<Scaled<'a>> {
    let mut made = Vec::new();
    for covariate in covariates {
        let values = covariate.values;
        let mut sums = Sums::<2>::zero();
        let known = || values.iter().copied().filter(|value| !value.is_nan());
        known().for_each(|value| sums.add(&[value, 1.0]));
        let [sum, n] = sums.total();
        let centre = sum / n;
        let mut squares = Sums::<1>::zero();
        known().for_each(|value| squares.add(&[(value - centre).powi(2)]));
        let scale = (squares.total()[0] / values.len() as f64).sqrt();
        let gaps = n < values.len() as f64;
        let filled = if gaps {
            let fill = |value: &f64| if value.is_nan() { centre } else { *value };
            Cow::Owned(values.iter().map(fill).collect())
        } else {
            Cow::Borrowed(values)
        };
        if scale > 0.0 {
            made.push(Scaled {
                name: covariate.name.clone(),
                values: filled,
                centre,
                scale,
            });
        }
        if gaps {
            let share = 1.0 - n / values.len() as f64;
            let missing = values.iter().map(|value| f64::from(value.is_nan()));
            made.push(Scaled {
                name: format!("{} is missing", covariate.name),
                values: Cow::Owned(missing.collect()),
                centre: share,
                scale: (share * (1.0 - share)).sqrt(),
            });
        }
    }
    made
}

/// The quantile of some values, between the two nearest by a straight line (Hyndman & Fan's type 7).
fn quantile(mut values: Vec<f64>, level: f64) -> f64 {
    let at = level * (values.len() - 1) as f64;
    // A share of the number of rows: at least 0, and below their number.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let place = at.floor() as usize;
    let (_, low, above) = values.select_nth_unstable_by(place, f64::total_cmp);
    let low = *low;
    let high = above.iter().copied().fold(f64::INFINITY, f64::min);
    if high.is_finite() {
        low + (at - at.floor()) * (high - low)
    } else {
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_lies_between_its_neighbours() {
        // numpy.quantile([3, 1, 2, 10], 0.9) == 7.9
        assert!((quantile(vec![3.0, 1.0, 2.0, 10.0], 0.9) - 7.9).abs() < 1e-12);
        assert_eq!(quantile(vec![1.0, 2.0, 3.0], 0.5), 2.0);
    }

    #[test]
    fn gaps_become_a_covariate() {
        let covariate = Covariate {
            name: "x".to_owned(),
            values: &[1.0, f64::NAN, 3.0, 2.0],
        };
        let made = scaled(&[covariate]);
        let names: Vec<&str> = made.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["x", "x is missing"]);
        assert_eq!(made[0].values.as_ref(), [1.0, 2.0, 3.0, 2.0]);
        assert_eq!(made[1].values.as_ref(), [0.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn drawing_in_everything_is_refused() {
        let outcome = Outcome::new("spend", &[0.0, 0.0, 0.0, 9.0]).winsorized(0.6);
        assert!(
            Prepared::new(&outcome)
                .unwrap_err()
                .to_string()
                .contains("higher quantile")
        );
    }
}
