//! What the estimates' uncertainty means for whatever is computed from them.

use nalgebra::{DMatrix, SMatrix};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::math::interval::normal_quantile;
use crate::math::newton::Optimum;
use crate::model::Parameter;

/// The covariance of `N` estimates on the working scale, on which each is unbounded.
///
/// Estimates on a boundary are held there: their rows and columns are 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Uncertainty {
    covariance: Vec<Vec<f64>>,
    fixed: Vec<bool>,
}

/// A change of one working parameter by `step` to both sides: what a derivative is taken from.
#[derive(Debug, Clone)]
pub(crate) struct Nudge<M> {
    coordinate: usize,
    up: M,
    down: M,
    width: f64,
}

/// Half-width of a nudge in standard errors: the curvature within it is negligible, and rounding
/// (relative 1e-14 of a prediction) still far below the difference.
const NUDGE: f64 = 1e-3;

impl Uncertainty {
    /// From the curvature at an optimum; `None` where the data leave a free parameter without
    /// information.
    pub(crate) fn at<const N: usize>(optimum: &Optimum<N>) -> Option<Self> {
        let covariance = optimum.covariance()?;
        Some(Self {
            covariance: (0..N)
                .map(|i| (0..N).map(|j| covariance[(i, j)]).collect())
                .collect(),
            fixed: optimum.fixed.to_vec(),
        })
    }

    /// The uncertainty of a model that is asked for an interval at `level`.
    pub(crate) fn required(of_model: Option<&Self>, level: f64) -> Result<&Self> {
        of_model.ok_or_else(|| {
            Error::parameter(
                "level",
                level,
                "none: this model has no standard errors, because its parameters were given or the data do not determine them",
            )
        })
    }

    /// That a file's covariance has the size of its model and could be one.
    pub(crate) fn check(&self, n: usize) -> Result<()> {
        let square = self.fixed.len() == n
            && self.covariance.len() == n
            && self.covariance.iter().all(|row| row.len() == n);
        if square && self.is_covariance(n) {
            Ok(())
        } else {
            Err(Error::Corrupt {
                reason: format!(
                    "in \"fitted\": the covariance is not a symmetric, positive {n} x {n} matrix of numbers"
                ),
            })
        }
    }

    /// Whether the matrix, which is square, is one that errors could have.
    fn is_covariance(&self, n: usize) -> bool {
        let matrix = DMatrix::from_fn(n, n, |i, j| self.covariance[i][j]);
        let scale = matrix.amax();
        // Rounding may take an eigenvalue of 0 a little below it.
        let little = 1e-9 * scale;
        scale.is_finite()
            && matrix.iter().all(|value| value.is_finite())
            && (&matrix - matrix.transpose()).amax() <= little
            && matrix
                .symmetric_eigenvalues()
                .iter()
                .all(|value| *value >= -little)
    }

    /// The covariance of the natural parameters, by the Jacobian of natural in working parameters.
    /// `None` in the row and column of a parameter that depends on a fixed coordinate.
    pub(crate) fn natural<const N: usize>(
        &self,
        jacobian: &SMatrix<f64, N, N>,
    ) -> [[Option<f64>; N]; N] {
        let working = SMatrix::<f64, N, N>::from_fn(|i, j| self.covariance[i][j]);
        let natural = jacobian * working * jacobian.transpose();
        let held = |i: usize| (0..N).any(|k| self.fixed[k] && jacobian[(i, k)] != 0.0);
        std::array::from_fn(|i| {
            std::array::from_fn(|j| (!held(i) && !held(j)).then_some(natural[(i, j)]))
        })
    }

    /// The working point moved up and down along every free coordinate, each turned into a model.
    pub(crate) fn nudges<const N: usize, M>(
        &self,
        point: [f64; N],
        model: impl Fn(&[f64; N]) -> M,
    ) -> Vec<Nudge<M>> {
        (0..N)
            .filter(|&coordinate| !self.fixed[coordinate])
            .map(|coordinate| {
                let half =
                    (NUDGE * self.covariance[coordinate][coordinate].sqrt()).clamp(1e-7, 1e-3);
                let moved = |by: f64| {
                    let mut point = point;
                    point[coordinate] += by;
                    model(&point)
                };
                Nudge {
                    coordinate,
                    up: moved(half),
                    down: moved(-half),
                    width: 2.0 * half,
                }
            })
            .collect()
    }

    /// The standard error of `quantity` by the delta method.
    pub(crate) fn standard_error<M>(
        &self,
        nudges: &[Nudge<M>],
        quantity: impl Fn(&M) -> f64,
    ) -> f64 {
        let mut slope = [0.0; 8];
        for nudge in nudges {
            slope[nudge.coordinate] = (quantity(&nudge.up) - quantity(&nudge.down)) / nudge.width;
        }
        let mut variance = 0.0;
        for (row, a) in self.covariance.iter().zip(slope) {
            for (value, b) in row.iter().zip(slope) {
                variance += a * value * b;
            }
        }
        // A variance of exactly 0 may round to either side of it; what is no number stays none.
        if variance < 0.0 { 0.0 } else { variance.sqrt() }
    }
}

/// Estimates with standard errors, and intervals on the logarithmic scale.
pub(crate) fn positive_parameters<const N: usize>(
    names: [&str; N],
    estimates: [f64; N],
    covariance: Option<[[Option<f64>; N]; N]>,
    level: f64,
) -> Result<Vec<Parameter>> {
    let z = normal_quantile(level)?;
    Ok((0..N)
        .map(|i| {
            let estimate = estimates[i];
            let standard_error = covariance
                .and_then(|covariance| covariance[i][i])
                .map(f64::sqrt);
            let factor = standard_error.map(|error| (z * error / estimate).exp());
            Parameter {
                name: names[i].to_owned(),
                estimate,
                standard_error,
                lower: factor.map(|factor| estimate / factor),
                upper: factor.map(|factor| estimate * factor),
            }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delta_method_of_a_product() {
        // ln x and ln y with covariance; the standard error of ln(x y) is known exactly.
        let uncertainty = Uncertainty {
            covariance: vec![vec![0.04, 0.01], vec![0.01, 0.09]],
            fixed: vec![false, false],
        };
        let nudges = uncertainty.nudges([0.3, -1.2], |point| *point);
        let error = uncertainty.standard_error(&nudges, |point| point[0] + point[1]);
        assert!((error - 0.15_f64.sqrt()).abs() < 1e-9);
        let curved = uncertainty.standard_error(&nudges, |point| point[0].exp());
        assert!((curved - 0.2 * 0.3_f64.exp()).abs() < 1e-7);
    }

    #[test]
    fn what_is_no_covariance_is_refused() {
        let check = |covariance: [[f64; 2]; 2]| {
            let covariance = covariance.map(|row| row.to_vec()).to_vec();
            Uncertainty {
                covariance,
                fixed: vec![false, false],
            }
            .check(2)
        };
        assert!(check([[1.0, 0.5], [0.5, 1.0]]).is_ok());
        assert!(check([[1.0, 1.0], [1.0, 1.0]]).is_ok());
        assert!(check([[-1.0, 0.0], [0.0, 1.0]]).is_err());
        assert!(check([[1.0, 2.0], [2.0, 1.0]]).is_err());
        assert!(check([[1.0, 0.5], [0.0, 1.0]]).is_err());
    }

    #[test]
    fn levels_are_checked() {
        assert!((normal_quantile(0.95).unwrap() - 1.959_963_984_540_054).abs() < 1e-9);
        for level in [0.0, 1.0, -0.5, 95.0, f64::NAN] {
            assert!(normal_quantile(level).is_err());
        }
    }
}
