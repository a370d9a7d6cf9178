//! Whether effects differ among segments, and variances that small segments can be weighed by.
//!
//! A segment's own variance is a poor weight: it is noisy in a small segment, and of skewed outcomes it goes
//! with the mean, so that low effects look sure. What is known better is the variance of a row, by arm, over
//! all segments ([`Pooled`]).

use statrs::distribution::{ContinuousCDF, FisherSnedecor};

use crate::error::{Error, Result};

/// As many rows of a segment's arm count as the variance of all segments does in the weights of the test.
const PRIOR: f64 = 20.0;

/// How far an arm's mean in a segment varies, from its own rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    /// Rows or clusters.
    pub(super) units: f64,
    /// The variance of the mean.
    pub(super) variance: f64,
    /// Degrees of freedom of that variance.
    pub(super) freedom: f64,
}

/// Of an effect: of arm and control, and what drawing customers adds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct EffectSpread {
    pub(super) arms: [Spread; 2],
    pub(super) drawn: f64,
}

impl EffectSpread {
    /// The effect's variance, from the segment's own rows.
    fn own(&self) -> f64 {
        self.arms.iter().map(|arm| arm.variance).sum::<f64>() + self.drawn
    }

    /// Degrees of freedom of that (Satterthwaite).
    fn freedom(&self) -> f64 {
        let sum: f64 = self.arms.iter().map(|arm| arm.variance).sum();
        let each = self.arms.iter();
        sum * sum
            / each
                .map(|arm| arm.variance.powi(2) / arm.freedom)
                .sum::<f64>()
    }
}

/// The variance of a row (or a cluster) in arm and control, over all segments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pooled([f64; 2]);

impl Pooled {
    pub(super) fn of(segments: &[EffectSpread]) -> Self {
        Self([0, 1].map(|arm| {
            let own = || segments.iter().map(|segment| segment.arms[arm]);
            // The variance of a row is that of the mean times the rows.
            let sum: f64 = own().map(|one| one.units * one.units * one.variance).sum();
            sum / own().map(|one| one.units).sum::<f64>()
        }))
    }

    /// A segment's variance, as though the segment's own weighed against `prior` rows of all.
    fn with(self, segment: &EffectSpread, prior: f64) -> f64 {
        let arms = segment.arms.iter().zip(self.0);
        let each = arms.map(|(arm, pooled)| {
            let own = arm.freedom * arm.units * arm.variance;
            (prior * pooled + own) / (prior + arm.freedom) / arm.units
        });
        each.sum::<f64>() + segment.drawn
    }

    /// A segment's variance, if its rows vary as those of all segments do.
    pub(super) fn variance(self, segment: &EffectSpread) -> f64 {
        let arms = segment.arms.iter().zip(self.0);
        arms.map(|(arm, pooled)| pooled / arm.units).sum::<f64>() + segment.drawn
    }
}

/// The test that effects are equal; `None` of fewer than two segments.
pub(super) fn of_segments(effects: &[f64], segments: &[EffectSpread]) -> Result<Option<Equality>> {
    let pooled = Pooled::of(segments);
    let weights = segments.iter().map(|one| 1.0 / pooled.with(one, PRIOR));
    let weights: Vec<f64> = weights.collect();
    let variances: Vec<f64> = segments.iter().map(EffectSpread::own).collect();
    let freedoms: Vec<f64> = segments.iter().map(EffectSpread::freedom).collect();
    equality(effects, &weights, &variances, &freedoms)
}

/// Whether effects are equal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Equality {
    /// How far effects lie apart, in squares, by how far chance alone puts them: about 1 where they are equal.
    pub f: f64,
    /// Degrees of freedom of the two.
    pub freedoms: [f64; 2],
    /// The probability of so large a ratio where all effects are equal.
    pub p: f64,
}

/// The test of Brown and Forsythe that effects are equal, whatever their variances, with the degrees of freedom
/// of Mehrotra; `None` of fewer than two.
///
/// ```text
/// F = Σ w (d - d̄)² / Σ (1 - w / W) w v,   d̄ = Σ w d / W,   W = Σ w
/// ```
///
/// Where all effects are equal both parts have the same expectation, whatever the outcome's distribution; so
/// the test stays honest where variances are those of few customers, from which Welch's test and Cochran's Q
/// take their weights. The weights are any that hardly depend on the effects' errors: of means the rows.
///
/// # Source
/// Brown & Forsythe (1974), The small sample behavior of some statistics which test the equality of several
/// means, Technometrics 16, 129-132; Mehrotra (1997), Improving the Brown-Forsythe solution to the generalized
/// Behrens-Fisher problem, Communications in Statistics - Simulation and Computation 26, 1139-1145.
///
/// # Errors
/// [`Error::ShapeMismatch`] for lists of several lengths; [`Error::InvalidData`] for effects that are not finite,
/// weights that are not positive, and negative variances.
///
/// ```
/// use tercet::response::experiment::equality;
///
/// // Means of three groups of 10, 12 and 9, with the variances of these means.
/// let test = equality(
///     &[3.1, 4.0, 3.6],
///     &[10.0, 12.0, 9.0],
///     &[0.10, 0.05, 0.20],
///     &[9.0, 11.0, 8.0],
/// )?;
/// assert!((0.0..0.2).contains(&test.unwrap().p));
/// # Ok::<(), tercet::Error>(())
/// ```
pub fn equality(
    effects: &[f64],
    weights: &[f64],
    variances: &[f64],
    freedoms: &[f64],
) -> Result<Option<Equality>> {
    check(effects, weights, variances, freedoms)?;
    if effects.len() < 2 {
        return Ok(None);
    }
    let total: f64 = weights.iter().sum();
    let mean = effects.iter().zip(weights).map(|(d, w)| w * d).sum::<f64>() / total;
    let (mut apart, mut chance, mut squares, mut shared, mut behind) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (place, (effect, weight)) in effects.iter().zip(weights).enumerate() {
        let share = weight / total;
        let own = weight * variances[place];
        apart += weight * (effect - mean).powi(2);
        chance += (1.0 - share) * own;
        squares += (1.0 - 2.0 * share) * own * own;
        shared += share * own;
        if own > 0.0 {
            behind += ((1.0 - share) * own).powi(2) / freedoms[place];
        }
    }
    let freedoms = [
        chance * chance / (squares + shared * shared),
        chance * chance / behind,
    ];
    let f = apart / chance;
    let known = FisherSnedecor::new(freedoms[0], freedoms[1]);
    Ok(Some(Equality {
        f,
        freedoms,
        p: known.map_or(f64::NAN, |distribution| distribution.sf(f)),
    }))
}

fn check(effects: &[f64], weights: &[f64], variances: &[f64], freedoms: &[f64]) -> Result<()> {
    let lists = [
        ("weights", weights),
        ("variances", variances),
        ("freedoms", freedoms),
    ];
    for (name, list) in lists {
        if list.len() != effects.len() {
            return Err(Error::ShapeMismatch {
                column: name.to_owned(),
                expected: effects.len(),
                found: list.len(),
            });
        }
    }
    let bad = |list: &[f64], fine: fn(f64) -> bool| list.iter().position(|x| !fine(*x));
    let positive = |x: f64| x > 0.0 && x.is_finite();
    let found = [
        ("effects", bad(effects, f64::is_finite), "is not finite"),
        ("weights", bad(weights, positive), "is not positive"),
        ("variances", bad(variances, |v| v >= 0.0), "is negative"),
    ];
    for (name, row, reason) in found {
        if let Some(row) = row {
            let reason = format!("{reason}; leave the segment out");
            return Err(Error::data(name, row, reason));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(units: f64, variance: f64) -> Spread {
        Spread {
            units,
            variance,
            freedom: units - 1.0,
        }
    }

    #[test]
    fn rows_that_vary_alike_are_pooled() {
        let segment = |units: f64, own: f64| EffectSpread {
            arms: [
                spread(units, own / units),
                spread(2.0 * units, 1.0 / (2.0 * units)),
            ],
            drawn: 0.0,
        };
        let segments = [segment(10.0, 2.0), segment(30.0, 6.0)];
        let pooled = Pooled::of(&segments);
        // (10 x 2 + 30 x 6) / 40 = 5 a row of the arm.
        assert!((pooled.0[0] - 5.0).abs() < 1e-12 && (pooled.0[1] - 1.0).abs() < 1e-12);
        assert!((pooled.variance(&segments[0]) - (0.5 + 0.05)).abs() < 1e-12);
        assert!((pooled.with(&segments[0], 0.0) - segments[0].own()).abs() < 1e-12);
    }

    #[test]
    fn a_segment_that_does_not_vary_counts() {
        let found = equality(&[0.0, 1.0, 2.0], &[1.0; 3], &[0.0, 0.1, 0.1], &[4.0; 3]);
        let found = found.unwrap().unwrap();
        assert!(found.f > 1.0 && found.p < 0.2, "{found:?}");
        assert!(equality(&[1.0], &[1.0], &[1.0], &[4.0]).unwrap().is_none());
        assert!(equality(&[1.0, f64::NAN], &[1.0; 2], &[1.0; 2], &[4.0; 2]).is_err());
    }
}
