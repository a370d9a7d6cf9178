//! Trust-region Newton ascent with exact second derivatives, inside a box.
//!
//! Purchase likelihoods have ridges, negative curvature far from the optimum, and optima at
//! infinity. A trust region copes with the first two; the box catches the third, and a parameter that
//! ends on its wall is reported, not hidden. (Nocedal & Wright 2006, Numerical Optimization,
//! chapter 4 and section 16.7; Conn, Gould & Toint 2000, Trust-Region Methods, section 17.4.2.)

use nalgebra::{DMatrix, DVector, SMatrix, SVector};

use crate::error::{Error, Result};

/// Value, gradient and Hessian of a log-likelihood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Evaluation<const N: usize> {
    pub(crate) value: f64,
    pub(crate) gradient: SVector<f64, N>,
    pub(crate) hessian: SMatrix<f64, N, N>,
}

impl<const N: usize> Evaluation<N> {
    fn is_finite(&self) -> bool {
        self.value.is_finite()
            && self.gradient.iter().all(|value| value.is_finite())
            && self.hessian.iter().all(|value| value.is_finite())
    }
}

/// Where and how the ascent ended.
#[derive(Debug, Clone)]
pub(crate) struct Optimum<const N: usize> {
    pub(crate) point: [f64; N],
    pub(crate) evaluation: Evaluation<N>,
    /// Coordinates that lie on a wall and are pressed against it.
    pub(crate) fixed: [bool; N],
    pub(crate) iterations: usize,
    pub(crate) converged: bool,
}

/// The settings of an ascent.
#[derive(Debug, Clone)]
pub(crate) struct Newton<const N: usize> {
    pub(crate) lower: [f64; N],
    pub(crate) upper: [f64; N],
    pub(crate) max_iterations: usize,
    /// When to stop: [`STILL_TO_WIN`], less where a data set's weights add up to less than one.
    pub(crate) still_to_win: f64,
}

/// Half the Newton decrement, `g' H^-1 g / 2`, is the log-likelihood still to be won. Below this it
/// is far below anything that a standard error could show; one more (quadratic) step is taken then.
pub(crate) const STILL_TO_WIN: f64 = 1e-10;

/// A share of that, so little that not even the last step would be seen in the last digit.
const ARRIVED: f64 = 1e-4;

const FIRST_RADIUS: f64 = 1.0;
const LARGEST_RADIUS: f64 = 8.0;
const SMALLEST_RADIUS: f64 = 1e-12;

/// An eigenvalue below this share of the largest belongs to a direction without information.
const FLAT: f64 = 1e-13;

impl<const N: usize> Newton<N> {
    /// Climbs from `start`. `evaluate` may be expensive; it is called once an iteration. `progress`
    /// hears of every one and may stop the ascent.
    pub(crate) fn maximise(
        &self,
        start: [f64; N],
        mut evaluate: impl FnMut(&[f64; N]) -> Result<Evaluation<N>>,
    ) -> Result<Optimum<N>> {
        let mut point: [f64; N] =
            std::array::from_fn(|i| start[i].clamp(self.lower[i], self.upper[i]));
        let mut here = evaluate(&point)?;
        if !here.is_finite() {
            return Err(Error::Numeric {
                during: "the log-likelihood at the starting values".to_owned(),
            });
        }
        let mut radius = FIRST_RADIUS;
        let mut iterations = 1;
        loop {
            let fixed = self.pressed(&point, &here.gradient);
            let local = Local::new(&here, fixed);
            // No less than the sum's own rounding, below which there is nothing to be seen.
            let enough = self.still_to_win.max(4.0 * f64::EPSILON * here.value.abs());
            let left = local.decrement(enough);
            let finished = left.is_some_and(|left| left < enough);
            let arrived = left.is_some_and(|left| left < ARRIVED * enough);
            if arrived || iterations >= self.max_iterations || radius < SMALLEST_RADIUS {
                return Ok(Optimum {
                    point,
                    evaluation: here,
                    fixed,
                    iterations,
                    converged: finished,
                });
            }
            let step: SVector<f64, N> = local.step(radius);
            let next: [f64; N] =
                std::array::from_fn(|i| (point[i] + step[i]).clamp(self.lower[i], self.upper[i]));
            let moved = SVector::from_fn(|i, _| next[i] - point[i]);
            let there = evaluate(&next)?;
            iterations += 1;
            // Rounding of the sum is not a verdict on the step: allow for it on both sides.
            let rounding = 8.0 * f64::EPSILON * here.value.abs();
            let promised = here.gradient.dot(&moved) + 0.5 * moved.dot(&(here.hessian * moved));
            let gained = there.value - here.value;
            let kept = (gained + rounding) / (promised.max(0.0) + rounding);
            let accepted = there.is_finite() && kept > 1e-4;
            if finished {
                // The last, quadratic step; the better of the two ends is the answer.
                let (point, evaluation) = if accepted {
                    (next, there)
                } else {
                    (point, here)
                };
                return Ok(Optimum {
                    fixed: self.pressed(&point, &evaluation.gradient),
                    point,
                    evaluation,
                    iterations,
                    converged: true,
                });
            }
            let length = moved.norm();
            if !accepted || kept < 0.25 {
                radius = 0.25 * length.min(radius);
            } else if kept > 0.75 && step.norm() > 0.8 * radius {
                radius = (2.0 * radius).min(LARGEST_RADIUS);
            }
            if accepted {
                (point, here) = (next, there);
            }
        }
    }

    /// Coordinates on a wall whose gradient points through it.
    fn pressed(&self, point: &[f64; N], gradient: &SVector<f64, N>) -> [bool; N] {
        std::array::from_fn(|i| {
            self.lower[i] == self.upper[i]
                || (point[i] <= self.lower[i] && gradient[i] <= 0.0)
                || (point[i] >= self.upper[i] && gradient[i] >= 0.0)
        })
    }
}

/// The quadratic model around a point, in the eigenvectors of its curvature.
struct Local {
    /// Curvature: eigenvalues of minus the Hessian (positive at a maximum).
    curvature: DVector<f64>,
    directions: DMatrix<f64>,
    /// The gradient in those directions.
    slope: DVector<f64>,
    /// Below this a curvature carries no information.
    flat: f64,
}

impl Local {
    fn new<const N: usize>(at: &Evaluation<N>, fixed: [bool; N]) -> Self {
        let mut matrix = DMatrix::from_fn(N, N, |i, j| -at.hessian[(i, j)]);
        let mut gradient = DVector::from_fn(N, |i, _| at.gradient[i]);
        for i in (0..N).filter(|&i| fixed[i]) {
            // A fixed coordinate gets a direction of its own, without slope.
            matrix.fill_row(i, 0.0);
            matrix.fill_column(i, 0.0);
            matrix[(i, i)] = 1.0;
            gradient[i] = 0.0;
        }
        let eigen = matrix.symmetric_eigen();
        Self {
            slope: eigen.eigenvectors.transpose() * gradient,
            flat: (FLAT * eigen.eigenvalues.amax()).max(f64::MIN_POSITIVE),
            curvature: eigen.eigenvalues,
            directions: eigen.eigenvectors,
        }
    }

    /// What a full Newton step would win; `None` where the surface curves upwards.
    fn decrement(&self, enough: f64) -> Option<f64> {
        let mut left = 0.0;
        for (slope, curvature) in self.slope.iter().zip(self.curvature.iter()) {
            if *curvature > self.flat {
                left += 0.5 * slope * slope / curvature;
            } else if slope.abs() > enough {
                // Flat or curving upwards, and not level: there is more to win this way.
                return None;
            }
        }
        Some(left)
    }

    /// The maximiser of the quadratic model within `radius`.
    ///
    /// `s(shift) = slope / (curvature + shift)` shrinks as `shift` grows, so bisection finds the
    /// shift that reaches the radius. The bracket is safe: at its lower end every divisor is at
    /// least `flat` > 0; at its upper end every divisor is at least `|slope| / radius`.
    fn step<const N: usize>(&self, radius: f64) -> SVector<f64, N> {
        let at = |shift: f64| -> DVector<f64> {
            self.slope.zip_map(&self.curvature, |slope, curvature| {
                slope / (curvature + shift)
            })
        };
        let low = (self.flat - self.curvature.min()).max(0.0);
        let mut step = at(low);
        if step.norm() > radius {
            let mut above = self.slope.norm() / radius;
            let mut below = 1e-18 * above;
            while above / below > 1.05 {
                let middle = (below * above).sqrt();
                if at(low + middle).norm() > radius {
                    below = middle;
                } else {
                    above = middle;
                }
            }
            step = at(low + above);
        }
        let step = &self.directions * step;
        SVector::from_fn(|i, _| step[i])
    }
}

impl<const N: usize> Optimum<N> {
    /// The inverse of minus the Hessian over the coordinates that are not fixed; rows and columns of
    /// fixed ones are 0. `None` where the data leave a free direction without information.
    pub(crate) fn covariance(&self) -> Option<SMatrix<f64, N, N>> {
        let free: Vec<usize> = (0..N).filter(|&i| !self.fixed[i]).collect();
        let n = free.len();
        let information =
            DMatrix::from_fn(n, n, |i, j| -self.evaluation.hessian[(free[i], free[j])]);
        let inverse = information.cholesky()?.inverse();
        let mut covariance = SMatrix::<f64, N, N>::zeros();
        for (i, &row) in free.iter().enumerate() {
            for (j, &column) in free.iter().enumerate() {
                covariance[(row, column)] = inverse[(i, j)];
            }
        }
        covariance
            .iter()
            .all(|value| value.is_finite())
            .then_some(covariance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{matrix, vector};

    /// Rosenbrock's valley, upside down: maximum 0 at (1, 1).
    #[allow(clippy::unnecessary_wraps)] // the shape that `maximise` takes
    fn valley(p: &[f64; 2]) -> Result<Evaluation<2>> {
        let [x, y] = *p;
        let w = y - x * x;
        Ok(Evaluation {
            value: -(1.0 - x).powi(2) - 100.0 * w * w,
            gradient: vector![2.0 * (1.0 - x) + 400.0 * x * w, -200.0 * w],
            hessian: matrix![
                -2.0 + 400.0 * w - 800.0 * x * x, 400.0 * x;
                400.0 * x, -200.0
            ],
        })
    }

    const WIDE: Newton<2> = Newton {
        lower: [-50.0; 2],
        upper: [50.0; 2],
        max_iterations: 100,
        still_to_win: STILL_TO_WIN,
    };

    #[test]
    fn climbs_a_curved_ridge() {
        let top = WIDE.maximise([-1.2, 1.0], valley).unwrap();
        assert!(top.converged);
        assert!(top.iterations < 40, "{}", top.iterations);
        assert!((top.point[0] - 1.0).abs() < 1e-9 && (top.point[1] - 1.0).abs() < 1e-9);
    }

    #[test]
    fn stops_at_a_wall_and_says_so() {
        let box_ = Newton {
            upper: [0.5, 50.0],
            ..WIDE
        };
        let top = box_.maximise([-1.2, 1.0], valley).unwrap();
        assert!(top.converged);
        assert_eq!(top.fixed, [true, false]);
        assert!((top.point[1] - 0.25).abs() < 1e-9);
        let covariance = top.covariance().unwrap();
        assert_eq!(covariance[(0, 0)], 0.0);
        assert!((covariance[(1, 1)] - 1.0 / 200.0).abs() < 1e-12);
    }

    #[test]
    fn a_level_direction_is_no_obstacle() {
        let top = WIDE
            .maximise([3.0, 7.0], |p| {
                Ok(Evaluation {
                    value: -p[0] * p[0],
                    gradient: vector![-2.0 * p[0], 0.0],
                    hessian: matrix![-2.0, 0.0; 0.0, 0.0],
                })
            })
            .unwrap();
        assert!(top.converged);
        assert!(top.covariance().is_none());
    }
}
