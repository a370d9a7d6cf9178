//! Two means compared: the difference, the ratio, and how sure they are.

use statrs::distribution::{ContinuousCDF, StudentsT};
use statrs::function::erf::erfc;

use super::means::ArmMean;
use super::sequence::Sequence;
use crate::error::Result;
use crate::math::interval::normal_quantile;

/// How intervals are made.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    /// For one look at the end.
    Fixed(f64),
    /// For any number of looks.
    Sequential(f64, Sequence),
}

/// A difference of two means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Comparison {
    pub(super) effect: f64,
    pub(super) standard_error: Option<f64>,
    pub(super) ends: Option<[f64; 2]>,
    pub(super) p: Option<f64>,
    pub(super) lift: Option<f64>,
    pub(super) lift_ends: Option<[f64; 2]>,
    /// By how much covariates made the variance of the difference smaller.
    pub(super) variance_reduction: Option<f64>,
}

impl Rule {
    /// How many standard errors an interval reaches to either side.
    fn reach(self, freedom: f64, n: f64) -> Result<f64> {
        match self {
            Self::Fixed(level) => student_quantile(level, freedom),
            Self::Sequential(level, sequence) => Ok(sequence.reach(1.0 - level, n)),
        }
    }

    fn p_value(self, t: f64, freedom: f64, n: f64) -> f64 {
        match self {
            Self::Fixed(_) => two_sided(t, freedom),
            Self::Sequential(_, sequence) => sequence.p_value(t, n),
        }
    }
}

/// Compares an arm with the control. `drawn` is what drawing the customers adds to the variances of arm and
/// control, and to their covariance.
///
/// Degrees of freedom are Satterthwaite's; without covariates and clusters the test is Welch's. The interval
/// of the ratio is Fieller's (1954, Journal of the Royal Statistical Society B 16, 175-185): it excludes 0
/// exactly where that of the difference does.
pub(super) fn compare(
    arm: &ArmMean,
    control: &ArmMean,
    drawn: [f64; 3],
    rule: Rule,
) -> Result<Comparison> {
    let effect = arm.mean - control.mean;
    let lift = (control.mean > 0.0).then(|| effect / control.mean);
    let mut comparison = Comparison {
        effect,
        standard_error: None,
        ends: None,
        p: None,
        lift,
        lift_ends: None,
        variance_reduction: None,
    };
    let (Some(a), Some(b)) = (arm.variance, control.variance) else {
        return Ok(comparison);
    };
    let [drawn_arm, drawn_control, drawn_both] = drawn;
    let variance = a + b + drawn_arm + drawn_control - 2.0 * drawn_both;
    // Outcomes that are the same in both arms tell of no spread, and not that there is none.
    if a + b <= 0.0 || variance <= 0.0 {
        return Ok(comparison);
    }
    let freedom = satterthwaite([a, b], [arm.freedom, control.freedom]);
    let n = arm.units + control.units;
    let reach = rule.reach(freedom, n)?;
    let error = variance.sqrt();
    comparison.standard_error = Some(error);
    comparison.ends = Some([effect - reach * error, effect + reach * error]);
    comparison.p = Some(rule.p_value(effect / error, freedom, n));
    if control.mean > 0.0 {
        comparison.lift_ends = fieller(
            [arm.mean, control.mean],
            [a + drawn_arm, b + drawn_control, drawn_both],
            reach,
        );
    }
    if let (Some(plain_arm), Some(plain_control)) = (arm.plain_variance, control.plain_variance)
        && plain_arm + plain_control > 0.0
    {
        comparison.variance_reduction = Some(1.0 - variance / (plain_arm + plain_control));
    }
    Ok(comparison)
}

/// Degrees of freedom of a sum of two variances (Satterthwaite 1946, Biometrics Bulletin 2, 110-114).
pub(in crate::response) fn satterthwaite(variances: [f64; 2], freedoms: [f64; 2]) -> f64 {
    let sum = variances[0] + variances[1];
    let each = |k: usize| variances[k] * variances[k] / freedoms[k];
    let freedom = sum * sum / (each(0) + each(1));
    if freedom.is_finite() {
        freedom.max(1.0)
    } else {
        freedoms[0] + freedoms[1]
    }
}

/// The interval of `m_a / m_0 - 1`; `None` where the control's mean is not told from 0.
fn fieller(means: [f64; 2], [va, vb, both]: [f64; 3], reach: f64) -> Option<[f64; 2]> {
    let [a, b] = means;
    let g = reach * reach * vb / (b * b);
    if g >= 1.0 {
        return None;
    }
    let ratio = a / b;
    let (slope, rest) = if vb > 0.0 {
        (both / vb, va - both * both / vb)
    } else {
        (0.0, va)
    };
    let spread = (va - 2.0 * ratio * both + ratio * ratio * vb - g * rest).max(0.0);
    let middle = ratio - g * slope;
    let half = reach / b * spread.sqrt();
    Some([
        (middle - half) / (1.0 - g) - 1.0,
        (middle + half) / (1.0 - g) - 1.0,
    ])
}

/// The quantile of Student's t of a two-sided interval.
pub(in crate::response) fn student_quantile(level: f64, freedom: f64) -> Result<f64> {
    let normal = normal_quantile(level)?;
    let Some(student) = student(freedom) else {
        return Ok(normal);
    };
    let tail = 0.5 - 0.5 * level;
    let mut reach = student.inverse_cdf(1.0 - tail);
    // Two Newton steps take the quantile to the last digits.
    for _ in 0..2 {
        let density = statrs::distribution::Continuous::pdf(&student, reach);
        if density > 0.0 {
            reach += (student.sf(reach) - tail) / density;
        }
    }
    Ok(reach)
}

/// Twice the tail beyond `|t|`.
pub(in crate::response) fn two_sided(t: f64, freedom: f64) -> f64 {
    match student(freedom) {
        Some(student) => (2.0 * student.sf(t.abs())).min(1.0),
        None => erfc(t.abs() / std::f64::consts::SQRT_2),
    }
}

/// Student's t; `None` where it is the normal distribution to seven digits.
fn student(freedom: f64) -> Option<StudentsT> {
    if freedom > 1e7 {
        return None;
    }
    StudentsT::new(0.0, 1.0, freedom).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn students_t_is_scipys() {
        // scipy 1.17: t.ppf(0.975, df), 2 * t.sf(2.5, df)
        for (freedom, quantile, tail) in [
            (1.0, 12.706_204_736_174_7, 0.242_237_524_858_2),
            (7.3, 2.345_157_286_6, 0.039_823_7),
            (250.0, 1.969_498_372_7, 0.013_059),
        ] {
            let found = student_quantile(0.95, freedom).unwrap();
            assert!((found - quantile).abs() < 1e-4, "{freedom}: {found}");
            let found = two_sided(2.5, freedom);
            assert!((found - tail).abs() < 1e-3, "{freedom}: {found}");
        }
    }

    #[test]
    fn fieller_excludes_no_lift_where_the_difference_excludes_0() {
        for effect in [0.19, 0.2] {
            let (va, vb, reach): (f64, f64, f64) = (0.004, 0.006, 1.959_964);
            let half = reach * (va + vb).sqrt();
            let ends = fieller([1.0 + effect, 1.0], [va, vb, 0.0], reach).unwrap();
            assert_eq!(effect - half > 0.0, ends[0] > 0.0);
        }
        assert!(fieller([1.0, 0.1], [0.01, 0.01, 0.0], 1.96).is_none());
    }
}
