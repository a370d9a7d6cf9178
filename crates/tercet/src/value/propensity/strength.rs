//! How strongly coefficients are drawn to 0: estimated from the fit itself.
//!
//! Every feature has strengths of its own, one for its slope and one for its bends, or one for its
//! levels. A strength is the inverse of a variance: that of a group's coordinates as draws from a normal
//! distribution around 0. The variances that make the data most probable, all coordinates integrated
//! out (by Laplace's approximation), satisfy
//!
//! ```text
//! λ_g |θ_g|² = k_g - λ_g tr(V_gg),        V = (H + Λ)^-1,
//! ```
//!
//! whose right side is the group's effective number of parameters; the iteration `λ_g <- edf_g / |θ_g|²`
//! goes uphill (Fellner 1986, Technometrics 28, 51-60; Schall 1991, Biometrika 78, 719-727; Wood &
//! Fasiolo 2017, Biometrics 73, 1071-1081). A feature that says nothing is drawn to 0 by itself; one
//! that bends sharply may. No row has to be left out for it.
//!
//! Strengths settle in tens of rounds, but the loss is nearly quadratic over all of them: rounds are made
//! on one quadratic model of it, without a look at the rows, and a few models follow each other as steps of
//! Newton's method would. A bend whose penalty is a hundred times its curvature is all but 0 and hardly
//! meets others: it is solved for by itself, and only the rest needs a factorisation.

use nalgebra::{DMatrix, DVector};

use super::coordinates::Coordinates;
use super::newton::{Control, Local, Problem};
use super::quadratic::Quadratic;
use super::rows::Rows;
use crate::error::Result;
use crate::math::lanes::ROWS;
use crate::parallel::Gate;

/// The most quadratic models; each is a pass over the rows.
const MODELS: usize = 30;

/// The most rounds on one of them.
const ROUNDS: usize = 60;

/// And on few rows, before the many are looked at.
const NEARLY: f64 = 0.5;

pub(super) const WEAKEST: f64 = 1e-6;
pub(super) const STRONGEST: f64 = 1e9;

/// A coordinate is solved for by itself where its penalty is so many times its curvature.
pub(super) const DRAWN: f64 = 100.0;

/// Rows on which strengths are estimated: their errors are then those of a few effective parameters,
/// whatever the rest of the table says. Fewer show already about where they are.
const MOST_ROWS: [usize; 2] = [15_000, 60_000];

/// Strengths of groups of coordinates on their way.
pub(crate) struct Settling<'g> {
    groups: &'g [Option<usize>],
    /// A strength a group.
    pub(crate) strengths: Vec<f64>,
    /// The effective parameters of the round before.
    settled: Vec<f64>,
}

impl<'g> Settling<'g> {
    /// No round changes a group's effective parameters by more than this at the end.
    pub(crate) const ENOUGH: f64 = 0.02;

    /// Begins with strengths of 1; a coordinate without a group is free.
    pub(crate) fn new(groups: &'g [Option<usize>], n_groups: usize) -> Self {
        Self {
            groups,
            strengths: vec![1.0; n_groups],
            settled: vec![f64::INFINITY; n_groups],
        }
    }

    /// `λ_g <- edf_g / |θ_g|²`; returns the largest change of a group's effective parameters.
    pub(crate) fn renew(&mut self, penalty: &[f64], theta: &[f64], variances: &[f64]) -> f64 {
        let n_groups = self.strengths.len();
        let (mut effective, mut squares) = (vec![0.0; n_groups], vec![0.0; n_groups]);
        for (k, group) in self.groups.iter().enumerate() {
            if let Some(group) = *group {
                effective[group] += 1.0 - penalty[k] * variances[k];
                squares[group] += theta[k] * theta[k];
            }
        }
        let mut most: f64 = 0.0;
        for group in 0..n_groups {
            let own = effective[group].max(0.0);
            self.strengths[group] = (own / squares[group].max(1e-300)).clamp(WEAKEST, STRONGEST);
            most = most.max((own - self.settled[group]).abs());
            self.settled[group] = own;
        }
        most
    }
}

/// Strengths, and where the fit under them ended.
pub(super) struct Estimate {
    /// A strength for every coordinate; 0 for the intercept.
    pub(super) penalty: Vec<f64>,
    /// The coordinates of a fit of the rows that were looked at.
    pub(super) theta: DVector<f64>,
    /// What second derivatives to expect of all rows, about there.
    pub(super) information: Option<DMatrix<f64>>,
    pub(super) passes: usize,
}

/// Estimates a strength for every group of coordinates.
pub(super) fn estimate(
    problem: &Problem<'_>,
    max_iterations: usize,
    gate: &Gate<'_, '_>,
) -> Result<Estimate> {
    let coordinates = problem.coordinates;
    let mut parts = MOST_ROWS.map(|most| match problem.rows {
        Rows::All(n) if n > most => Rows::Every {
            of: n,
            step: (n / most).max(1).min(n / ROWS),
        },
        rows => rows,
    });
    parts.sort_by_key(Rows::len);
    let (penalty, part) = (
        coordinates.spread(&vec![1.0; coordinates.n_groups]),
        |rows| Problem { rows, ..*problem },
    );
    let first = Problem {
        penalty: &penalty,
        ..part(parts[0])
    };
    let rough = Control {
        max_iterations,
        tolerance: 1e-4,
        exact: false,
    };
    let start = first.descend(first.start(), None, rough, false, gate)?;
    let mut search = Search {
        coordinates,
        settling: Settling::new(&coordinates.groups, coordinates.n_groups),
        penalty,
        theta: start.theta,
        information: None,
        passes: start.iterations,
    };
    // Where all rows are few, both parts are the same.
    if parts[0].len() < parts[1].len() {
        search.settle(&part(parts[0]), NEARLY, gate)?;
    }
    search.settle(&part(parts[1]), Settling::ENOUGH, gate)?;
    let part = part(parts[1]);
    let total = part.sample.total_weight(problem.rows);
    let share = part.sample.total_weight(part.rows) / total;
    Ok(Estimate {
        penalty: search.penalty,
        theta: search.theta,
        information: search
            .information
            .filter(|_| share > 0.0)
            .map(|information| information / share),
        passes: search.passes,
    })
}

/// Strengths and coordinates on their way.
struct Search<'c> {
    coordinates: &'c Coordinates,
    settling: Settling<'c>,
    /// The strengths by coordinate.
    penalty: Vec<f64>,
    theta: DVector<f64>,
    /// Second derivatives about there.
    information: Option<DMatrix<f64>>,
    passes: usize,
}

impl Search<'_> {
    /// Goes on until no strength changes a group's effective parameters by more than `enough`.
    fn settle(&mut self, part: &Problem<'_>, enough: f64, gate: &Gate<'_, '_>) -> Result<()> {
        let mut before: Option<(DVector<f64>, f64)> = None;
        for _ in 0..MODELS {
            let here = Problem {
                penalty: &self.penalty,
                ..*part
            };
            let mut local = here.evaluate(&self.theta, true, gate)?;
            self.passes += 1;
            let value = local.loss + here.charge(&self.theta);
            if let Some((last, below)) = &before
                && value > below + 1e-9 * below.abs()
            {
                // The loss was not quadratic as far as that.
                self.theta = 0.5 * (&self.theta + last);
                continue;
            }
            let Some(information) = local.information.take() else {
                break;
            };
            let from = self.theta.clone();
            let change = self.rounds(&local, &information, enough, gate)?;
            let here = Problem {
                penalty: &self.penalty,
                ..*part
            };
            before = Some((from.clone(), local.loss + here.charge(&from)));
            self.information = Some(information);
            if change.is_none_or(|change| change < enough) {
                break;
            }
        }
        Ok(())
    }

    /// Rounds on one quadratic model; returns what the first of them changed, if there was one.
    fn rounds(
        &mut self,
        local: &Local,
        information: &DMatrix<f64>,
        enough: f64,
        gate: &Gate<'_, '_>,
    ) -> Result<Option<f64>> {
        let from = self.theta.clone();
        let model = Model {
            local,
            information,
            theta: &from,
        };
        let mut first = None;
        for _ in 0..ROUNDS {
            let Some(now) = model.minimum(&self.penalty) else {
                break;
            };
            let settling = &mut self.settling;
            let most = settling.renew(&self.penalty, now.theta.as_slice(), &now.variances);
            first = first.or(Some(most));
            self.penalty = self.coordinates.spread(&settling.strengths);
            self.theta = now.theta;
            gate.poll();
            gate.check()?;
            if most < enough {
                break;
            }
        }
        Ok(first)
    }
}

/// A quadratic model of the loss around a point.
struct Model<'m> {
    local: &'m Local,
    information: &'m DMatrix<f64>,
    theta: &'m DVector<f64>,
}

/// The lowest point of the model and a penalty, and the variance of every coordinate.
struct Minimum {
    theta: DVector<f64>,
    variances: Vec<f64>,
}

impl Model<'_> {
    fn minimum(&self, penalty: &[f64]) -> Option<Minimum> {
        let n = penalty.len();
        let own = |k: usize| self.information[(k, k)];
        let kept: Vec<usize> = (0..n).filter(|&k| penalty[k] <= DRAWN * own(k)).collect();
        let charges: Vec<f64> = kept.iter().map(|&k| penalty[k]).collect();
        let information = DMatrix::from_fn(kept.len(), kept.len(), |i, j| {
            self.information[(kept[i], kept[j])]
        });
        let model = Quadratic::new(&information, &charges, &[])?;
        // Where the model without a penalty would be flat: `H θ = H θ₀ - g`.
        let pull = self.information * self.theta - &self.local.gradient;
        let at = model.solve(&DVector::from_fn(kept.len(), |i, _| pull[kept[i]]));
        let variances = model.variances();
        let mut theta = DVector::zeros(n);
        let mut variance = vec![f64::NAN; n];
        for (i, &k) in kept.iter().enumerate() {
            theta[k] = at[i];
            variance[k] = variances[i];
        }
        let rest = self.information * &theta;
        for k in 0..n {
            if variance[k].is_nan() {
                variance[k] = (own(k) + penalty[k]).recip();
                theta[k] = (pull[k] - rest[k]) * variance[k];
            }
        }
        Some(Minimum {
            theta,
            variances: variance,
        })
    }
}
