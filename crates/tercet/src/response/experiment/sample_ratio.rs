//! Whether the arms have as many customers as was planned.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ChiSquared, ContinuousCDF};

use crate::error::{Error, Result};
use crate::math::multiplicity::holm;

/// An expected count below this makes the chi-squared distribution a poor approximation (Cochran 1954).
const LEAST_EXPECTED: f64 = 5.0;

/// The customers of the arms against the plan, in everyone or one segment.
///
/// A mismatch means that customers were lost or added after they were assigned, and not by chance: then the
/// arms are no longer alike, and no effect can be believed (Fabijan et al. 2019, KDD, 2156-2164).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleRatio {
    /// The segment, as a place in [`super::ExperimentResult::segments`].
    pub segment: usize,
    /// Customers by arm.
    pub counts: Vec<usize>,
    /// What the plan lets expect.
    pub expected: Vec<f64>,
    /// Pearson's statistic.
    pub chi_squared: f64,
    /// The probability of counts so far from the plan; `None` where too few were expected to tell.
    pub p: Option<f64>,
    /// Of a segment: adjusted for looking at all of them (Holm).
    pub p_adjusted: Option<f64>,
}

/// Compares head counts (by segment, then arm) with planned shares; everyone first.
pub(super) fn compare(counts: &[usize], shares: &[f64]) -> Vec<SampleRatio> {
    let mut found: Vec<SampleRatio> = counts
        .chunks(shares.len())
        .enumerate()
        .map(|(segment, own)| of_segment(segment, own, shares))
        .collect();
    let p: Vec<Option<f64>> = found.iter().skip(1).map(|one| one.p).collect();
    for (one, adjusted) in found.iter_mut().skip(1).zip(holm(&p)) {
        one.p_adjusted = adjusted;
    }
    if let Some(everyone) = found.first_mut() {
        everyone.p_adjusted = everyone.p;
    }
    found
}

fn of_segment(segment: usize, counts: &[usize], shares: &[f64]) -> SampleRatio {
    let n = counts.iter().sum::<usize>() as f64;
    let expected: Vec<f64> = shares.iter().map(|share| share * n).collect();
    let away = counts.iter().zip(&expected);
    let chi_squared = away
        .map(|(n, expected)| (*n as f64 - expected).powi(2) / expected)
        .sum();
    let told = expected.iter().all(|expected| *expected >= LEAST_EXPECTED);
    let p = told.then(|| {
        ChiSquared::new(shares.len() as f64 - 1.0).map_or(f64::NAN, |chi| chi.sf(chi_squared))
    });
    SampleRatio {
        segment,
        counts: counts.to_vec(),
        expected,
        chi_squared,
        p,
        p_adjusted: None,
    }
}

/// Planned shares that add up to 1; equal ones where none were given.
///
/// # Errors
/// [`Error::InvalidParameter`].
pub(super) fn shares(planned: Option<&[f64]>, n_arms: usize) -> Result<Vec<f64>> {
    let Some(planned) = planned else {
        return Ok(vec![1.0 / n_arms as f64; n_arms]);
    };
    let expected = format!("{n_arms} positive numbers, one for each arm");
    if planned.len() != n_arms
        || !planned
            .iter()
            .all(|share| *share > 0.0 && share.is_finite())
    {
        return Err(Error::parameter("shares", format!("{planned:?}"), expected));
    }
    let sum: f64 = planned.iter().sum();
    Ok(planned.iter().map(|share| share / sum).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_pearsons_test() {
        // scipy.stats.chisquare([21306, 21387, 21307]): statistic 0.2025.., p 0.9037..
        let found = compare(&[21_306, 21_387, 21_307], &shares(None, 3).unwrap());
        assert!(
            (found[0].chi_squared - 0.202_531_25).abs() < 1e-6,
            "{found:?}"
        );
        assert!((found[0].p.unwrap() - 0.903_692).abs() < 1e-4, "{found:?}");
        assert!(compare(&[5, 1], &[0.5, 0.5])[0].p.is_none());
        assert!(shares(Some(&[0.5, 0.0]), 2).is_err());
        assert_eq!(shares(Some(&[8.0, 2.0]), 2).unwrap(), [0.8, 0.2]);
    }
}
