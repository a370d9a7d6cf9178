//! Does mean spend go with how often a customer buys?

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

use super::likelihood::{Repeater, sum_over};
use crate::error::Result;
use crate::observe::Phase;

/// Correlation of the number of repeat purchases with their mean value, among repeaters.
///
/// The Gamma-Gamma model assumes none. The p-value belongs to the slope of mean value on count with
/// a standard error that allows the spread to depend on the count (White 1980, Econometrica 48,
/// 817-838), as it does under the model: the mean of many purchases varies less than one purchase.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Independence {
    /// Pearson's correlation.
    pub correlation: f64,
    /// Probability of a slope at least this steep if there were none; `None` where all counts or all
    /// values are equal.
    pub p_value: Option<f64>,
    /// Repeaters (the sum of their weights).
    pub n: f64,
}

impl Independence {
    /// What the figures mean, in words.
    pub fn verdict(&self) -> String {
        let Independence {
            correlation,
            p_value,
            ..
        } = *self;
        match p_value {
            None if correlation == 0.0 => {
                "no test: all repeaters have the same count or the same mean value".to_owned()
            }
            None => "no test: too few repeaters to tell a pattern from chance".to_owned(),
            Some(p) if p >= 0.05 => format!(
                "spend and frequency look independent (correlation {correlation:.3}, p = {p:.2})"
            ),
            Some(p) if correlation.abs() < 0.1 => format!(
                "spend depends a little on frequency (correlation {correlation:.3}, {}); harmless for most uses",
                show(p)
            ),
            Some(p) => format!(
                "spend depends on frequency (correlation {correlation:.3}, {}): expected spend is biased towards the average for those who buy much more or less often than most",
                show(p)
            ),
        }
    }

    pub(super) fn test(repeaters: &[Repeater], phase: &mut Phase<'_>) -> Result<Self> {
        let [n, total_x, total_m] = sum_over(repeaters, phase, |one| {
            [
                one.weight,
                one.weight * one.frequency,
                one.weight * one.mean,
            ]
        })?;
        let (mean_x, mean_m) = (total_x / n, total_m / n);
        let [xx, mm, xm] = sum_over(repeaters, phase, |one| {
            let (x, m) = (one.frequency - mean_x, one.mean - mean_m);
            [one.weight * x * x, one.weight * m * m, one.weight * x * m]
        })?;
        if xx <= 0.0 || mm <= 0.0 {
            return Ok(Self {
                correlation: 0.0,
                p_value: None,
                n,
            });
        }
        let slope = xm / xx;
        let [sandwich] = sum_over(repeaters, phase, |one| {
            let x = one.frequency - mean_x;
            let residual = one.mean - mean_m - slope * x;
            [one.weight * (x * residual).powi(2)]
        })?;
        let standard_error = sandwich.sqrt() / xx;
        let p_value = (standard_error > 0.0)
            .then(|| 2.0 * Normal::standard().sf((slope / standard_error).abs()));
        Ok(Self {
            correlation: xm / (xx * mm).sqrt(),
            p_value,
            n,
        })
    }
}

fn show(p: f64) -> String {
    if p < 0.001 {
        "p < 0.001".to_owned()
    } else {
        format!("p = {p:.3}")
    }
}
