//! Newton's method for a penalised binary logistic regression.
//!
//! A pass that also adds up second derivatives costs several times one that does not, and near the
//! optimum they hardly change. So they are taken anew while a step still changes them, and kept after
//! that: with curvature that is wrong by a share `ε`, each step leaves a share `ε` of the error. What
//! slopes do from one step to the next corrects it where steps went (Nocedal 1980, Mathematics of
//! Computation 35, 773-782).
//!
//! A large table is first fitted in part: estimates from one row in sixteen are off by four standard
//! errors of the whole, and the part's curvature, times sixteen, is nearly that of the whole.

use nalgebra::{DMatrix, DVector};

use super::averaging::Peaked;
use super::coordinates::Coordinates;
use super::corrections::Corrections;
use super::quadratic::{Quadratic, dependent};
use super::rows::Rows;
use super::sample::{Sample, Squares};
use crate::error::{Error, Result};
use crate::math::lanes::ROWS;
use crate::parallel::Gate;

/// A penalised regression on some rows.
pub(super) struct Problem<'p> {
    pub(super) sample: &'p Sample<'p, 'p>,
    pub(super) coordinates: &'p Coordinates,
    pub(super) rows: Rows<'p>,
    /// `λ` of every coordinate, 0 for those that are free; the penalty is `½ Σ λ (θ - centre)²`.
    pub(super) penalty: &'p [f64],
    /// What coordinates are drawn to; 0 where there is none.
    pub(super) centre: Option<&'p DVector<f64>>,
}

/// Where to begin, and the curvature that is to be expected.
type RoughStart = (DVector<f64>, Option<DMatrix<f64>>);

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub(super) struct Control {
    pub(super) max_iterations: usize,
    /// Of the loss: once Newton's step can win no more than this share of it, it is the last.
    pub(super) tolerance: f64,
    /// Whether loss and curvature are wanted at the optimum itself, and not a step before it.
    pub(super) exact: bool,
}

/// The unpenalised loss and its derivatives by coordinates.
#[derive(Debug, Clone)]
pub(super) struct Local {
    pub(super) loss: f64,
    pub(super) gradient: DVector<f64>,
    pub(super) information: Option<DMatrix<f64>>,
}

/// Where and how a descent ended.
#[derive(Debug, Clone)]
pub(super) struct Optimum {
    pub(super) theta: DVector<f64>,
    /// The unpenalised loss there.
    pub(super) loss: f64,
    /// Its second derivatives, at the optimum or a step away from it.
    pub(super) information: DMatrix<f64>,
    pub(super) iterations: usize,
    /// The largest penalised slope, by a unit of its own curvature: what is left to climb, in standard
    /// errors.
    pub(super) slope: f64,
    pub(super) ending: Ending,
    /// Coordinates that others determine wholly; they are 0.
    pub(super) aliased: Vec<usize>,
}

/// How a descent ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Converged,
    /// The coordinate runs to infinity.
    Separated(usize),
    /// The iterations ran out, or no step went down any more.
    Stopped,
}

/// Curvature is kept once a step can win no more than this, a row: log-odds then change by a fifth, and
/// the curvature by less.
const KEEP_BELOW: f64 = 5e-3;

/// And taken anew where a step leaves more than this share of what there was to win.
const SLOW: f64 = 0.1;

/// Products of two columns over the rows that are added up in no time: curvature is always taken anew.
const CHEAP: usize = 20_000_000;

/// Rows from which a part is fitted first, and the part.
const LARGE: usize = 1 << 14;
const PART: usize = 16;

/// Rows of the part for every coordinate: its curvature is then within a seventh of the whole's.
const A_PART: usize = 200;

/// And where only its optimum is wanted, to begin there.
const A_START: usize = 50;

/// A coefficient whose standard deviation moves odds by `e^8`, with an error that no row holds, runs to
/// infinity.
const RUNAWAY: f64 = 8.0;
const UNHELD: f64 = 1e3;

/// A loss so small, a row, that every outcome is all but certain.
const CERTAIN: f64 = 1e-7;

impl Problem<'_> {
    /// The coordinates of a model that knows the outcome's share only.
    pub(super) fn start(&self) -> DVector<f64> {
        let mut theta = DVector::zeros(self.coordinates.len());
        let (total, happened) = (
            self.sample.total_weight(self.rows),
            self.sample.happened(self.rows),
        );
        // A fold, or a part, may hold one outcome only.
        let share = (happened + 0.5) / (total + 1.0);
        if self.sample.offset.is_none() {
            theta[0] = (share / (1.0 - share)).ln();
        }
        theta
    }

    pub(super) fn evaluate(
        &self,
        theta: &DVector<f64>,
        with_information: bool,
        gate: &Gate<'_, '_>,
    ) -> Result<Local> {
        let columns = self.coordinates.columns(theta.as_slice());
        let squares = if with_information {
            Squares::Curvature
        } else {
            Squares::None
        };
        let pass = self.sample.pass(&columns, self.rows, squares, gate)?;
        Ok(Local {
            loss: pass.loss,
            gradient: self.coordinates.gradient(&pass.gradient),
            information: pass.gram.map(|gram| self.coordinates.information(&gram)),
        })
    }

    /// Descends from the outcome's share, by way of a part of a large table.
    pub(super) fn solve(&self, control: Control, gate: &Gate<'_, '_>) -> Result<Optimum> {
        let Some((start, known)) = self.rough_start(control, gate)? else {
            return self.descend(self.start(), None, control, false, gate);
        };
        self.descend(start, known.as_ref(), control, true, gate)
    }

    /// The optimum of a part of a large table, and about what curvature to expect where the part is
    /// large enough to say; `None` where there is no such part, or it has no optimum.
    fn rough_start(&self, control: Control, gate: &Gate<'_, '_>) -> Result<Option<RoughStart>> {
        let (n, every) = match self.rows {
            Rows::All(n) => (n, 1),
            Rows::Every { of, step } => (of, step),
            Rows::List(_) => return Ok(None),
        };
        let rows = n / every;
        let least = 2 * ROWS;
        let step = |each: usize| PART.min(rows / (each * self.coordinates.len()).max(least));
        let (step, is_enough) = match step(A_PART) {
            wide if wide >= 4 => (wide, true),
            _ => (step(A_START), false),
        };
        if rows < LARGE || step < 4 {
            return Ok(None);
        }
        let penalty: Vec<f64> = self.penalty.iter().map(|l| l / step as f64).collect();
        let part = Problem {
            rows: Rows::Every {
                of: n,
                step: step * every,
            },
            penalty: &penalty,
            ..*self
        };
        // What is left of the part's own error is far below that of having but a part.
        let rough = Control {
            tolerance: 1e-5,
            exact: false,
            ..control
        };
        let found = part.solve(rough, gate)?;
        if found.ending != Ending::Converged || !found.aliased.is_empty() {
            return Ok(None);
        }
        let total = self.sample.total_weight(self.rows);
        let share = self.sample.total_weight(part.rows) / total;
        // The weights may all lie elsewhere.
        let known = (is_enough && share > 0.0).then(|| found.information / share);
        Ok(Some((found.theta, known)))
    }

    /// What is to be said of coordinates that something else found.
    #[cfg(feature = "linfa")]
    pub(super) fn judge(
        &self,
        theta: DVector<f64>,
        control: Control,
        gate: &Gate<'_, '_>,
    ) -> Result<Optimum> {
        let here = self.evaluate(&theta, true, gate)?;
        let information = here.information.ok_or_else(lost)?;
        let aliased = self.aliased(&information);
        let model = Quadratic::new(&information, self.penalty, &aliased).ok_or_else(lost)?;
        let slope = model.free(self.penalised(&here.gradient, &theta));
        let left = 0.5 * slope.dot(&model.solve(&slope));
        let certain = here.loss < CERTAIN * self.sample.total_weight(self.rows);
        Ok(Optimum {
            ending: self.ending(
                &theta,
                &model,
                left <= control.tolerance * here.loss,
                certain,
            ),
            slope: model.scaled(&slope),
            loss: here.loss,
            iterations: 1,
            theta,
            information,
            aliased,
        })
    }

    fn away(&self, theta: &DVector<f64>) -> DVector<f64> {
        self.centre
            .map_or_else(|| theta.clone(), |centre| theta - centre)
    }

    /// The penalty of a point.
    pub(super) fn charge(&self, theta: &DVector<f64>) -> f64 {
        let away = self.away(theta);
        0.5 * self
            .penalty
            .iter()
            .zip(away.iter())
            .map(|(l, t)| l * t * t)
            .sum::<f64>()
    }

    /// The slope of loss and penalty together.
    pub(super) fn penalised(&self, gradient: &DVector<f64>, theta: &DVector<f64>) -> DVector<f64> {
        let away = self.away(theta);
        DVector::from_fn(gradient.len(), |k, _| {
            gradient[k] + self.penalty[k] * away[k]
        })
    }

    /// Descends from `theta`, with the curvature of the loss where it is `known`; `near` says that one
    /// step will all but arrive.
    pub(super) fn descend(
        &self,
        mut theta: DVector<f64>,
        known: Option<&DMatrix<f64>>,
        control: Control,
        near: bool,
        gate: &Gate<'_, '_>,
    ) -> Result<Optimum> {
        let total = self.sample.total_weight(self.rows);
        let mut here = self.evaluate(&theta, known.is_none(), gate)?;
        let Some(mut information) = here.information.take().or_else(|| known.cloned()) else {
            return Err(lost());
        };
        let aliased = self.aliased(&information);
        for &place in &aliased {
            theta[place] = 0.0;
        }
        let mut model = Quadratic::new(&information, self.penalty, &aliased).ok_or_else(lost)?;
        let (mut iterations, mut before) = (1, f64::INFINITY);
        let is_cheap = self.rows.len() * theta.len() * theta.len() < CHEAP;
        let (mut is_fresh, mut near) = (known.is_none(), near);
        let mut corrections = Corrections::default();
        loop {
            if !here.loss.is_finite() {
                return Err(lost());
            }
            let slope = model.free(self.penalised(&here.gradient, &theta));
            let step = corrections.solve(&model, &theta, &slope);
            let left = 0.5 * slope.dot(&step);
            let enough = (control.tolerance * here.loss).max(4.0 * f64::EPSILON * here.loss);
            let certain = here.loss < CERTAIN * total;
            // With the same curvature as the step before, this step leaves less than ten times the share of
            // `left` that the one before left.
            let after = 10.0 * left * (left / before);
            let finished =
                left <= enough || certain || (!is_fresh && before.is_finite() && after <= enough);
            if finished || iterations >= control.max_iterations {
                let mut loss =
                    here.loss - here.gradient.dot(&step) + 0.5 * step.dot(&(&information * &step));
                let mut slope = model.scaled(&slope);
                theta -= &step;
                if control.exact {
                    let there = self.evaluate(&theta, true, gate)?;
                    iterations += 1;
                    slope = model.scaled(&model.free(self.penalised(&there.gradient, &theta)));
                    loss = there.loss;
                    if let Some(found) = there.information {
                        model = Quadratic::new(&found, self.penalty, &aliased).ok_or_else(lost)?;
                        information = found;
                    }
                }
                let ending = self.ending(&theta, &model, finished && !certain, certain);
                return Ok(Optimum {
                    theta,
                    loss: loss.max(0.0),
                    slope,
                    information,
                    iterations,
                    ending,
                    aliased,
                });
            }
            let slow = left > SLOW * before;
            let renew = is_cheap || !is_fresh && slow || (left > KEEP_BELOW * total && !near);
            (before, near) = (left, false);
            let value = here.loss + self.charge(&theta);
            let rounding = 16.0 * f64::EPSILON * value.abs();
            let mut share = 1.0;
            let next = loop {
                let next = &theta - share * &step;
                let there = self.evaluate(&next, renew, gate)?;
                iterations += 1;
                let fallen = value - there.loss - self.charge(&next);
                // A quarter of what the slope promises, for the stretch that is gone.
                if fallen + rounding >= 0.5 * share * left * 1e-2 {
                    break Some((next, there));
                }
                share *= 0.5;
                if share < 1e-6 || iterations >= control.max_iterations {
                    break None;
                }
            };
            match next {
                Some((next, there)) => (theta, here) = (next, there),
                None if is_fresh => {
                    return Ok(Optimum {
                        loss: here.loss,
                        slope: model.scaled(&slope),
                        ending: self.ending(&theta, &model, false, false),
                        theta,
                        information,
                        iterations,
                        aliased,
                    });
                }
                // The curvature was of another point: once more with this one's.
                None => {
                    here = self.evaluate(&theta, true, gate)?;
                    iterations += 1;
                }
            }
            if share < 1.0 {
                before = f64::INFINITY;
            }
            is_fresh = here.information.is_some();
            if let Some(found) = here.information.take() {
                corrections = Corrections::default();
                information = found;
                model = Quadratic::new(&information, self.penalty, &aliased).ok_or_else(lost)?;
            }
        }
    }

    /// Averages an optimum under estimated strengths over those that are as probable; returns the
    /// covariance of what is found, or `None` where it stays as it is.
    pub(super) fn average(
        &self,
        optimum: &mut Optimum,
        gate: &Gate<'_, '_>,
    ) -> Result<Option<DMatrix<f64>>> {
        let coordinates = self.coordinates;
        let peaked = Peaked {
            information: &optimum.information,
            penalty: self.penalty,
            groups: &coordinates.groups,
            kinds: &coordinates.kinds(),
            theta: &optimum.theta,
            held: &optimum.aliased,
        };
        let Some(mut averaged) = peaked.average(gate)? else {
            return Ok(None);
        };
        let pass = |theta: &DVector<f64>| {
            let here = self.evaluate(theta, false, gate)?;
            Ok((here.loss, here.gradient))
        };
        optimum.loss = peaked.settle(&mut averaged, optimum.loss, pass)?;
        optimum.theta = averaged.theta;
        Ok(Some(averaged.covariance))
    }

    /// Free coordinates that those before them determine.
    fn aliased(&self, information: &DMatrix<f64>) -> Vec<usize> {
        if self.penalty.iter().skip(1).all(|penalty| *penalty > 0.0) {
            return Vec::new();
        }
        let mut matrix = information.clone();
        for (k, penalty) in self.penalty.iter().enumerate() {
            matrix[(k, k)] += penalty;
        }
        dependent(&matrix)
    }

    fn ending(
        &self,
        theta: &DVector<f64>,
        model: &Quadratic,
        converged: bool,
        certain: bool,
    ) -> Ending {
        let free = |k: &usize| self.penalty[*k] == 0.0 && theta[*k].abs() > RUNAWAY;
        let large: Vec<usize> = (1..theta.len()).filter(free).collect();
        if !large.is_empty() {
            let variances = model.variances();
            let unheld = large.iter().find(|&&k| variances[k].sqrt() > UNHELD);
            let most = large
                .iter()
                .max_by(|&&a, &&b| theta[a].abs().total_cmp(&theta[b].abs()));
            if let Some(&place) = unheld.or(if certain { most } else { None }) {
                return Ending::Separated(place);
            }
        }
        if converged || certain {
            Ending::Converged
        } else {
            Ending::Stopped
        }
    }
}

fn lost() -> Error {
    Error::Numeric {
        during: "the loss of a propensity model".to_owned(),
    }
}
