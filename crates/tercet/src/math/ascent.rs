//! Newton ascent in any number of parameters, for log-likelihoods that are concave or nearly so.
//!
//! **Why two Newtons?** [`newton`](super::newton) serves purchase models: three or four parameters
//! known when the program is compiled, ridges, optima at infinity that a box has to catch and name;
//! there an eigendecomposition an iteration costs nothing and tells flat directions from curved ones.
//! This one serves choices and memberships: tens or hundreds of parameters, a surface that is concave
//! (logits) or concave near the top (mixtures), no box. It solves by Cholesky, and where the
//! curvature is singular or of the wrong sign it damps (Levenberg 1944, Quarterly of Applied
//! Mathematics 2, 164-168; Marquardt 1963, SIAM Journal 11, 431-441).
//!
//! Every parameter is measured in its own curvature (the information is scaled to a unit diagonal), so
//! neither the damping nor the test for flatness depends on the units of the data.

use nalgebra::{DMatrix, DVector};

use crate::error::{Error, Result};

/// A log-likelihood at a point: its value, its slope and its curvature.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Local {
    pub(crate) value: f64,
    pub(crate) gradient: DVector<f64>,
    /// Minus the matrix of second derivatives (or what stands for it, the expected information).
    pub(crate) information: DMatrix<f64>,
}

/// The settings of an ascent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ascent {
    pub(crate) max_iterations: usize,
    /// Stop once half the Newton decrement, the log-likelihood still to be won, is below this.
    pub(crate) still_to_win: f64,
}

/// Where and how an ascent ended.
#[derive(Debug, Clone)]
pub(crate) struct Peak {
    pub(crate) point: DVector<f64>,
    pub(crate) local: Local,
    /// Evaluations, the one at the start included.
    pub(crate) iterations: usize,
    pub(crate) converged: bool,
}

/// Added to every scaled curvature: a direction flatter than this share of its parameters' own
/// curvature carries no information. Far above the rounding of a factorisation (about `1e-16` times
/// the number of parameters), far below the curvature of columns that are merely correlated.
const FLAT: f64 = 1e-12;

/// A share of `still_to_win`, so little that not even one more step would be seen.
const ARRIVED: f64 = 1e-4;

const FIRST_DAMPING: f64 = 1e-3;
const SMALLEST_DAMPING: f64 = 1e-6;

/// So large that a direction whose curvature has all but underflowed (a probability of 1e-20) is still
/// walked in steps of length 1.
const LARGEST_DAMPING: f64 = 1e25;

impl Ascent {
    /// Climbs from `start`; the value never falls. `evaluate` is called once an iteration and stops
    /// the ascent by an error.
    ///
    /// A step that promises more than it keeps is refused and tried again shorter and nearer to the
    /// gradient, so the loop cannot cycle: the value rises, or the damping does, and that has an end.
    pub(crate) fn climb(
        &self,
        start: DVector<f64>,
        mut evaluate: impl FnMut(&DVector<f64>) -> Result<Local>,
    ) -> Result<Peak> {
        let mut point = start;
        let mut here = evaluate(&point)?;
        if !here.is_finite() {
            return Err(Error::Numeric {
                during: "the log-likelihood at the starting values".to_owned(),
            });
        }
        let mut iterations = 1;
        let mut damping = 0.0;
        loop {
            let surface = Scaled::new(&here);
            // No less than the sum's own rounding, below which there is nothing to be seen.
            let enough = self.still_to_win.max(4.0 * f64::EPSILON * here.value.abs());
            let left = surface.decrement();
            let finished = left.is_some_and(|left| left < enough);
            let arrived = left.is_some_and(|left| left < ARRIVED * enough);
            if arrived || iterations >= self.max_iterations || damping > LARGEST_DAMPING {
                return Ok(Peak {
                    point,
                    local: here,
                    iterations,
                    converged: finished,
                });
            }
            let step = surface.step(if finished { 0.0 } else { damping });
            let Some(step) = step else {
                damping = grown(damping);
                continue;
            };
            let next = &point + &step;
            let there = evaluate(&next)?;
            iterations += 1;
            let rounding = 8.0 * f64::EPSILON * here.value.abs();
            let promised = here.promise(&step);
            let gained = there.value - here.value;
            let kept = (gained + rounding) / (promised.max(0.0) + rounding);
            let accepted = there.is_finite() && gained >= 0.0 && kept > 1e-4;
            if accepted {
                (point, here) = (next, there);
            }
            if finished {
                // That was the last, quadratic step; the better of its two ends is the answer.
                return Ok(Peak {
                    point,
                    local: here,
                    iterations,
                    converged: true,
                });
            }
            if !accepted || kept < 0.25 {
                damping = grown(damping);
            } else if kept > 0.75 {
                damping = if damping > SMALLEST_DAMPING {
                    0.1 * damping
                } else {
                    0.0
                };
            }
        }
    }
}

fn grown(damping: f64) -> f64 {
    (10.0 * damping).max(FIRST_DAMPING)
}

impl Local {
    fn is_finite(&self) -> bool {
        self.value.is_finite()
            && self.gradient.iter().all(|value| value.is_finite())
            && self.information.iter().all(|value| value.is_finite())
    }

    /// Newton's step, undamped; `None` where the surface curves upwards.
    pub(crate) fn newton_step(&self) -> Option<DVector<f64>> {
        Scaled::new(self).step(0.0)
    }

    /// What the quadratic model says that `step` will win.
    fn promise(&self, step: &DVector<f64>) -> f64 {
        self.gradient.dot(step) - 0.5 * step.dot(&(&self.information * step))
    }
}

/// The quadratic model in units in which every parameter has curvature 1.
struct Scaled {
    information: DMatrix<f64>,
    gradient: DVector<f64>,
    /// What a scaled parameter is multiplied by to give the parameter.
    units: DVector<f64>,
    /// The full Newton step in scaled parameters; `None` where the surface curves upwards.
    newton: Option<DVector<f64>>,
}

impl Scaled {
    fn new(at: &Local) -> Self {
        let units = units(&at.information);
        let mut scaled = Self {
            information: scale(&at.information, &units),
            gradient: at.gradient.component_mul(&units),
            units,
            newton: None,
        };
        scaled.newton = scaled.solve(0.0);
        scaled
    }

    /// The step under `damping` in scaled parameters; `None` where the surface, with that on the
    /// diagonal of its information, still curves upwards.
    fn solve(&self, damping: f64) -> Option<DVector<f64>> {
        let mut matrix = self.information.clone();
        for i in 0..matrix.nrows() {
            matrix[(i, i)] += damping + FLAT;
        }
        Some(matrix.cholesky()?.solve(&self.gradient))
    }

    /// What a full Newton step would win; `None` where the surface curves upwards.
    ///
    /// In a flat direction with a slope, dividing by [`FLAT`] makes this huge: there is more to win.
    fn decrement(&self) -> Option<f64> {
        let newton = self.newton.as_ref()?;
        Some(0.5 * self.gradient.dot(newton))
    }

    /// The damped Newton step; `None` where the surface still curves upwards under `damping`.
    fn step(&self, damping: f64) -> Option<DVector<f64>> {
        if damping == 0.0 {
            let newton = self.newton.as_ref()?;
            return Some(newton.component_mul(&self.units));
        }
        Some(self.solve(damping)?.component_mul(&self.units))
    }
}

/// One over the root of each parameter's curvature. A parameter without any takes its unit from the
/// largest of the others, so that nothing is divided by 0.
fn units(information: &DMatrix<f64>) -> DVector<f64> {
    let diagonal = information.diagonal();
    let floor = (1e-20 * diagonal.amax()).max(f64::MIN_POSITIVE);
    diagonal.map(|curvature| curvature.abs().max(floor).sqrt().recip())
}

fn scale(information: &DMatrix<f64>, units: &DVector<f64>) -> DMatrix<f64> {
    let n = information.nrows();
    DMatrix::from_fn(n, n, |i, j| information[(i, j)] * (units[i] * units[j]))
}

/// A scaled pivot below this means that a parameter is determined by no more than rounding.
const UNDETERMINED: f64 = 1e-10;

/// The inverse of a symmetric, positive definite matrix; `None` where a direction of it is flat.
pub(crate) fn invert(information: &DMatrix<f64>) -> Option<DMatrix<f64>> {
    if information.is_empty() {
        return Some(information.clone());
    }
    let units = units(information);
    let factor = scale(information, &units).cholesky()?;
    let smallest = factor.l_dirty().diagonal().min();
    if smallest * smallest < UNDETERMINED {
        return None;
    }
    let inverse = scale(&factor.inverse(), &units);
    inverse
        .iter()
        .all(|value| value.is_finite())
        .then_some(inverse)
}

impl Peak {
    /// The inverse of the information at the peak; `None` where the data leave a direction
    /// undetermined.
    pub(crate) fn covariance(&self) -> Option<DMatrix<f64>> {
        invert(&self.local.information)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{dmatrix, dvector};

    const ASCENT: Ascent = Ascent {
        max_iterations: 200,
        still_to_win: 1e-10,
    };

    #[test]
    fn one_step_climbs_a_quadratic_in_any_units() {
        for unit in [1e-6, 1.0, 1e6] {
            let curvature = dmatrix![2.0, 0.5 * unit; 0.5 * unit, unit * unit];
            let top = dvector![3.0, -2.0 / unit];
            let peak = ASCENT
                .climb(dvector![0.0, 0.0], |point| {
                    let away = point - &top;
                    Ok(Local {
                        value: -0.5 * away.dot(&(&curvature * &away)),
                        gradient: -(&curvature * &away),
                        information: curvature.clone(),
                    })
                })
                .unwrap();
            assert!(peak.converged && peak.iterations <= 3, "{peak:?}");
            assert!(
                (peak.point - top)
                    .component_mul(&dvector![1.0, unit])
                    .amax()
                    < 1e-9
            );
        }
    }

    /// Rosenbrock's valley, upside down, whose curvature has the wrong sign along the way.
    #[test]
    fn climbs_where_the_surface_is_not_concave() {
        let peak = ASCENT
            .climb(dvector![-1.2, 1.0], |p| {
                let (x, w) = (p[0], p[1] - p[0] * p[0]);
                Ok(Local {
                    value: -(1.0 - x).powi(2) - 100.0 * w * w,
                    gradient: dvector![2.0 * (1.0 - x) + 400.0 * x * w, -200.0 * w],
                    information: dmatrix![
                        2.0 - 400.0 * w + 800.0 * x * x, -400.0 * x;
                        -400.0 * x, 200.0
                    ],
                })
            })
            .unwrap();
        assert!(peak.converged && peak.iterations < 60, "{peak:?}");
        assert!((peak.point - dvector![1.0, 1.0]).amax() < 1e-7);
    }

    #[test]
    fn a_flat_direction_is_no_obstacle_and_has_no_error() {
        // Only the sum of the first two is seen, and the third not at all.
        let peak = ASCENT
            .climb(dvector![3.0, 7.0, 5.0], |p| {
                let sum = p[0] + p[1] - 4.0;
                Ok(Local {
                    value: -sum * sum,
                    gradient: dvector![-2.0 * sum, -2.0 * sum, 0.0],
                    information: dmatrix![2.0, 2.0, 0.0; 2.0, 2.0, 0.0; 0.0, 0.0, 0.0],
                })
            })
            .unwrap();
        assert!(peak.converged);
        assert!((peak.point[0] + peak.point[1] - 4.0).abs() < 1e-6);
        assert_eq!(peak.point[2], 5.0);
        assert!(peak.covariance().is_none());
    }

    #[test]
    fn a_summit_at_infinity_is_approached_until_nothing_is_left_to_win() {
        let peak = ASCENT
            .climb(dvector![0.0], |p| {
                let rest = (-p[0]).exp();
                Ok(Local {
                    value: -rest,
                    gradient: dvector![rest],
                    information: dmatrix![rest],
                })
            })
            .unwrap();
        assert!(peak.converged && peak.point[0] > 15.0, "{peak:?}");
    }

    #[test]
    fn steps_beyond_the_finite_are_taken_back() {
        // Above 1 there is no likelihood; Newton's first step from 0 would lead to 40.
        let peak = ASCENT
            .climb(dvector![0.0], |p| {
                let x = p[0];
                Ok(Local {
                    value: (1.0 - x).ln() + 2.0 * x,
                    gradient: dvector![2.0 - 1.0 / (1.0 - x)],
                    information: dmatrix![(1.0 - x).powi(-2) * 0.025],
                })
            })
            .unwrap();
        assert!((peak.point[0] - 0.5).abs() < 1e-4, "{peak:?}");
    }

    #[test]
    fn an_interrupt_passes_through() {
        let stopped = ASCENT.climb(dvector![0.0], |_| Err(Error::Interrupted { iterations: 1 }));
        assert_eq!(stopped.unwrap_err(), Error::Interrupted { iterations: 1 });
    }

    #[test]
    fn inverses_scale_and_refuse() {
        let found = invert(&dmatrix![4.0, 1e5; 1e5, 1e10]).unwrap();
        let product = dmatrix![4.0, 1e5; 1e5, 1e10] * found;
        assert!((product - DMatrix::identity(2, 2)).amax() < 1e-9);
        assert!(invert(&dmatrix![1.0, 1.0; 1.0, 1.0]).is_none());
        assert!(invert(&dmatrix![1.0, 2.0; 2.0, 1.0]).is_none());
    }
}
