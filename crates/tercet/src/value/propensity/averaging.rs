//! Estimates averaged over the strengths that data leave open.
//!
//! Strengths are estimated, and data say little about them: of a slope one number is known, its estimate.
//! A fit under the most probable strengths takes them for the truth. Of many features that say nothing it
//! lets those in that look strong by chance, its probabilities are too extreme on new rows, and its
//! intervals are too narrow.
//!
//! So strengths are drawn from what is known of them, and the fits under all draws are averaged: around the
//! optimum the loss is a quadratic function, and a fit under other strengths is one linear system. What is
//! known of a group's strength is its marginal likelihood, all other coordinates integrated out under
//! their penalties, times a prior of its standard deviation `σ = λ^-1/2`,
//!
//! ```text
//! p(λ | data) ∝ ∏ᵢ (λ / (λ + sᵢ))^½ exp(½ aᵢ² / (λ + sᵢ)) · r exp(-r σ) dσ,
//! ```
//!
//! with the curvatures `sᵢ` that the loss has along the group and the pulls `aᵢ`. The exponential prior
//! prefers no effect to a small one and a small one to a large one (Simpson, Rue, Riebler, Martins &
//! Sørbye 2017, Statistical Science 32, 1-28). Its rate is that under which the data of all groups of a
//! kind (slopes, bends, levels) are most probable: where most features say nothing, the next one has to say
//! more.
//!
//! The covariance is that of draws of both, strengths and coefficients: the mean of the covariances under
//! the draws and the covariance of their estimates (Wood, Pya & Säfken 2016, JASA 111, 1548-1563, have its
//! first terms).

use nalgebra::{DMatrix, DVector};
use rand::Rng;

use super::quadratic::Quadratic;
use super::strength::{DRAWN, STRONGEST, WEAKEST};
use crate::error::Result;
use crate::parallel::Gate;
use crate::random::Seed;

/// Draws of strengths: a group's are the middles of as many equally probable parts, so that few are
/// enough.
const DRAWS: usize = 32;

/// And of so many coordinates, of which each draw takes long.
const FEW_DRAWS: usize = 12;
const MANY_COORDINATES: usize = 600;

/// The logarithms of strengths that are looked at.
const STEP: f64 = 0.25;

/// The prior of the rate is worth one group with this standard deviation.
const A_PRIORI: f64 = 0.5;

/// The most rounds of the rate.
const ROUNDS: usize = 100;

/// An optimum under estimated strengths, and the curvature of the loss about there.
pub(crate) struct Peaked<'p> {
    pub(crate) information: &'p DMatrix<f64>,
    pub(crate) penalty: &'p [f64],
    /// The group of each coordinate whose strength it shares; those without one are free.
    pub(crate) groups: &'p [Option<usize>],
    /// The kind of each group: those of one kind have the rate of the prior in common.
    pub(crate) kinds: &'p [usize],
    pub(crate) theta: &'p DVector<f64>,
    /// Coordinates that stay 0.
    pub(crate) held: &'p [usize],
}

/// What is left when strengths are averaged over.
pub(crate) struct Averaged {
    pub(crate) theta: DVector<f64>,
    pub(crate) covariance: DMatrix<f64>,
}

/// A group's place along which the loss is quadratic, coordinate by coordinate.
struct Marginal {
    curvatures: Vec<f64>,
    /// Squared.
    pulls: Vec<f64>,
}

impl Marginal {
    /// The log-likelihood of a strength.
    fn log_likelihood(&self, strength: f64) -> f64 {
        let terms = self.curvatures.iter().zip(&self.pulls);
        0.5 * terms
            .map(|(s, a)| a / (strength + s) - (s / strength).ln_1p())
            .sum::<f64>()
    }
}

impl Peaked<'_> {
    /// Averages over strengths; `None` where the curvature is not that of an optimum.
    pub(crate) fn average(&self, gate: &Gate<'_, '_>) -> Result<Option<Averaged>> {
        let Some(marginals) = self.marginals() else {
            return Ok(None);
        };
        let n = self.theta.len();
        let n_draws = if n > MANY_COORDINATES {
            FEW_DRAWS
        } else {
            DRAWS
        };
        let strengths = drawn(&posteriors(&marginals, self.kinds), n_draws);
        // Where the loss would be flat: the same for every draw.
        let mut pull = self.information * self.theta;
        for (pull, (penalty, theta)) in pull.iter_mut().zip(self.penalty.iter().zip(self.theta)) {
            *pull += penalty * theta;
        }
        let mut thetas = Vec::with_capacity(n_draws);
        let mut covariance = DMatrix::zeros(n, n);
        for own in strengths.chunks_exact(self.kinds.len().max(1)) {
            gate.poll();
            gate.check()?;
            let Some(theta) = self.under(own, &pull, &mut covariance) else {
                return Ok(None);
            };
            thetas.push(theta);
        }
        let share = (thetas.len() as f64).recip();
        let mut mean = DVector::zeros(n);
        for theta in &thetas {
            mean.axpy(share, theta, 1.0);
        }
        covariance *= share;
        for theta in &thetas {
            let away = theta - &mean;
            covariance.syger(share, &away, &away, 1.0);
        }
        covariance.fill_upper_triangle_with_lower_triangle();
        Ok(Some(Averaged {
            theta: mean,
            covariance,
        }))
    }

    /// How the loss lies along each group, the other coordinates integrated out.
    fn marginals(&self) -> Option<Vec<Marginal>> {
        let inverse = Quadratic::new(self.information, self.penalty, self.held)?.inverse();
        let mut members = vec![Vec::new(); self.kinds.len()];
        for (k, group) in self.groups.iter().enumerate() {
            if let Some(group) = *group
                && !self.held.contains(&k)
            {
                members[group].push(k);
            }
        }
        members
            .iter()
            .map(|own| self.marginal(&inverse, own))
            .collect()
    }

    fn marginal(&self, inverse: &DMatrix<f64>, own: &[usize]) -> Option<Marginal> {
        let m = own.len();
        if m == 0 {
            return Some(Marginal {
                curvatures: Vec::new(),
                pulls: Vec::new(),
            });
        }
        let block = DMatrix::from_fn(m, m, |i, j| inverse[(own[i], own[j])]);
        let mut precision = block.cholesky()?.inverse();
        let theta = DVector::from_fn(m, |i, _| self.theta[own[i]]);
        let pull = &precision * theta;
        for (i, k) in own.iter().enumerate() {
            precision[(i, i)] -= self.penalty[*k];
        }
        let eigen = precision.symmetric_eigen();
        let least = 1e-12 * eigen.eigenvalues.amax().max(1e-300);
        Some(Marginal {
            curvatures: eigen.eigenvalues.iter().map(|s| s.max(least)).collect(),
            pulls: eigen
                .eigenvectors
                .tr_mul(&pull)
                .iter()
                .map(|a| a * a)
                .collect(),
        })
    }

    /// The lowest point under a strength a group; adds its covariance, of which the lower triangle counts.
    ///
    /// A coordinate that is drawn to 0 hardly meets others and is solved for by itself.
    fn under(
        &self,
        strengths: &[f64],
        pull: &DVector<f64>,
        covariance: &mut DMatrix<f64>,
    ) -> Option<DVector<f64>> {
        let n = self.theta.len();
        let penalty: Vec<f64> = self
            .groups
            .iter()
            .map(|group| group.map_or(0.0, |group| strengths[group]))
            .collect();
        let own = |k: usize| self.information[(k, k)];
        let (kept, alone): (Vec<usize>, Vec<usize>) = (0..n)
            .filter(|k| !self.held.contains(k))
            .partition(|&k| penalty[k] <= DRAWN * own(k));
        let charges: Vec<f64> = kept.iter().map(|&k| penalty[k]).collect();
        let information = DMatrix::from_fn(kept.len(), kept.len(), |i, j| {
            self.information[(kept[i], kept[j])]
        });
        let model = Quadratic::new(&information, &charges, &[])?;
        let at = model.solve(&DVector::from_fn(kept.len(), |i, _| pull[kept[i]]));
        let inverse = model.inverse();
        let mut theta = DVector::zeros(n);
        for (j, &b) in kept.iter().enumerate() {
            theta[b] = at[j];
            for (i, &a) in kept.iter().enumerate().skip(j) {
                covariance[(a, b)] += inverse[(i, j)];
            }
        }
        let rest = self.information * &theta;
        for k in alone {
            let variance = (own(k) + penalty[k]).recip();
            theta[k] = (pull[k] - rest[k]) * variance;
            covariance[(k, k)] += variance;
        }
        Some(theta)
    }
}

/// The logarithms of strengths, from weak to strong.
fn grid() -> Vec<f64> {
    let (low, high) = (WEAKEST.ln(), STRONGEST.ln());
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // about 140
    let n = ((high - low) / STEP).ceil() as usize;
    (0..=n).map(|k| low + k as f64 * STEP).collect()
}

/// How probable every strength of the grid is, group by group, under the rate that all groups of its kind
/// support most.
fn posteriors(marginals: &[Marginal], kinds: &[usize]) -> Vec<Vec<f64>> {
    let grid = grid();
    let spreads: Vec<f64> = grid.iter().map(|log| (-0.5 * log).exp()).collect();
    let likelihoods: Vec<Vec<f64>> = marginals
        .iter()
        .map(|one| {
            let own = grid.iter().map(|log| one.log_likelihood(log.exp()));
            own.collect()
        })
        .collect();
    let mut found = vec![Vec::new(); marginals.len()];
    for (place, kind) in kinds.iter().enumerate() {
        if kinds[..place].contains(kind) {
            continue;
        }
        let own = || (0..kinds.len()).filter(|&group| kinds[group] == *kind);
        let count = own().count() as f64;
        let mut rate = A_PRIORI.recip();
        for _ in 0..ROUNDS {
            let mut total = 0.0;
            for group in own() {
                found[group] = weighted(&likelihoods[group], &spreads, rate);
                let terms = found[group].iter().zip(&spreads);
                total += terms.map(|(w, s)| w * s).sum::<f64>();
            }
            let next = (count + 1.0) / (total + A_PRIORI);
            let change = (next / rate).ln().abs();
            rate = next;
            if change < 1e-3 {
                break;
            }
        }
    }
    found
}

/// How probable every strength is under a rate.
fn weighted(likelihoods: &[f64], spreads: &[f64], rate: f64) -> Vec<f64> {
    // A step of the grid is as long in `σ` as `σ` is large.
    let terms = likelihoods.iter().zip(spreads);
    let logs: Vec<f64> = terms.map(|(l, s)| l - rate * s + s.ln()).collect();
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut weights: Vec<f64> = logs.iter().map(|log| (log - most).exp()).collect();
    let total: f64 = weights.iter().sum();
    for weight in &mut weights {
        *weight /= total;
    }
    weights
}

/// Draws of a strength a group, draw by draw: a group's are spread evenly over what is probable, and in
/// an order that knows nothing of the others' (`McKay`, Beckman & Conover 1979, Technometrics 21,
/// 239-245).
fn drawn(posteriors: &[Vec<f64>], n_draws: usize) -> Vec<f64> {
    let (n_groups, grid) = (posteriors.len().max(1), grid());
    let mut strengths = vec![0.0; n_draws * n_groups];
    let mut random = Seed(0).stream(0);
    for (group, weights) in posteriors.iter().enumerate() {
        let mut order: Vec<(u64, usize)> = (0..n_draws).map(|k| (random.next_u64(), k)).collect();
        order.sort_unstable();
        for (draw, (_, part)) in order.into_iter().enumerate() {
            let at = (part as f64 + 0.5) / n_draws as f64;
            strengths[draw * n_groups + group] = quantile(weights, &grid, at).exp();
        }
    }
    strengths
}

/// Where the share `at` of the weights lies below; each is spread over a step of the grid.
fn quantile(weights: &[f64], grid: &[f64], at: f64) -> f64 {
    let mut below = 0.0;
    for (weight, log) in weights.iter().zip(grid) {
        if below + weight >= at && *weight > 0.0 {
            return log + STEP * ((at - below) / weight - 0.5);
        }
        below += weight;
    }
    grid.last().copied().unwrap_or(0.0)
}

/// How many times the rise of the loss may be what the quadratic model says, and by how much more.
const TRUST: f64 = 1.5;
const SLACK: f64 = 0.5;

/// The most halvings of the way from the optimum to the average.
const HALVINGS: usize = 8;

impl Peaked<'_> {
    /// Goes from the optimum towards the average, as far as the loss is what the quadratic model says, and
    /// moves the free coordinates to where they fit best again. `pass` returns the loss and its gradient
    /// at a point, `loss` is that of the optimum; returns the loss at the end.
    ///
    /// Where a feature all but tells outcomes apart, the loss is flat at the optimum and steep elsewhere: the
    /// model takes a strong effect for none (Hauck & Donner 1977, JASA 72, 851-853), and most of the way is
    /// not gone.
    pub(crate) fn settle(
        &self,
        averaged: &mut Averaged,
        loss: f64,
        mut pass: impl FnMut(&DVector<f64>) -> Result<(f64, DVector<f64>)>,
    ) -> Result<f64> {
        let way = &averaged.theta - self.theta;
        // At the optimum the slope of the loss is what the penalty holds against.
        let slope: f64 = (0..way.len())
            .map(|k| -self.penalty[k] * self.theta[k] * way[k])
            .sum();
        let bend = way.dot(&(self.information * &way));
        let mut share = 1.0;
        let (mut theta, mut here) = (averaged.theta.clone(), pass(&averaged.theta)?);
        for halving in 0..=HALVINGS {
            let told = (share * slope + 0.5 * share * share * bend).max(0.0);
            if here.0 - loss <= TRUST * told + SLACK {
                break;
            }
            share = if halving == HALVINGS {
                0.0
            } else {
                0.5 * share
            };
            theta = self.theta + share * &way;
            here = pass(&theta)?;
        }
        if share < 1.0
            && let Some(model) = Quadratic::new(self.information, self.penalty, self.held)
        {
            averaged.covariance *= share;
            averaged.covariance += (1.0 - share) * model.inverse();
        }
        averaged.theta = theta;
        level(
            self.information,
            self.groups,
            &mut averaged.theta,
            here,
            pass,
        )
    }
}

/// Moves the free coordinates to where they fit best; returns the loss there.
fn level(
    information: &DMatrix<f64>,
    groups: &[Option<usize>],
    theta: &mut DVector<f64>,
    (mut loss, mut gradient): (f64, DVector<f64>),
    mut pass: impl FnMut(&DVector<f64>) -> Result<(f64, DVector<f64>)>,
) -> Result<f64> {
    let free: Vec<usize> = (0..theta.len()).filter(|&k| groups[k].is_none()).collect();
    let block = DMatrix::from_fn(free.len(), free.len(), |i, j| {
        information[(free[i], free[j])]
    });
    let Some(factor) = block.cholesky() else {
        return Ok(loss);
    };
    for _ in 0..3 {
        let step = factor.solve(&DVector::from_fn(free.len(), |i, _| gradient[free[i]]));
        let mut next = theta.clone();
        for (i, &k) in free.iter().enumerate() {
            next[k] -= step[i];
        }
        let (there, slope) = pass(&next)?;
        if there >= loss || there.is_nan() {
            break;
        }
        let won = loss - there;
        (*theta, loss, gradient) = (next, there, slope);
        if won < 1e-10 * loss {
            break;
        }
    }
    Ok(loss)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strengths_are_drawn_evenly_from_what_is_probable() {
        let grid = grid();
        let mut weights = vec![0.0; grid.len()];
        (weights[20], weights[40]) = (0.25, 0.75);
        let draws = drawn(&[weights], 32);
        let low = draws.iter().filter(|one| one.ln() < grid[30]).count();
        assert_eq!((draws.len(), low), (32, 8));
    }

    #[test]
    fn groups_that_say_nothing_make_others_say_more() {
        let group = |z: f64| Marginal {
            curvatures: vec![100.0],
            pulls: vec![100.0 * z * z],
        };
        let weak = |marginals: &[Marginal]| -> f64 {
            let own = &posteriors(marginals, &vec![0; marginals.len()])[0];
            // The share of strengths under which the estimate is at least halved.
            let logs = grid();
            let pairs = own.iter().zip(&logs);
            pairs
                .filter(|(_, log)| log.exp() >= 100.0)
                .map(|(w, _)| w)
                .sum()
        };
        let alone = weak(&[group(2.0)]);
        let among_silent: Vec<Marginal> = [2.0].into_iter().chain([0.3; 40]).map(group).collect();
        let among_loud: Vec<Marginal> = [2.0].into_iter().chain([8.0; 40]).map(group).collect();
        assert!(weak(&among_silent) > alone, "{alone}");
        assert!(weak(&among_loud) < weak(&among_silent));
    }

    #[test]
    fn a_clear_estimate_hardly_moves_and_a_free_one_neither() {
        let information = DMatrix::from_row_slice(2, 2, &[1e6, 0.0, 0.0, 1e6]);
        let theta = DVector::from_vec(vec![0.5, 1.0]);
        let penalty = [0.0, 1.0];
        let peaked = Peaked {
            information: &information,
            penalty: &penalty,
            groups: &[None, Some(0)],
            kinds: &[0],
            theta: &theta,
            held: &[],
        };
        let (mut silent, name) = ((), "testing");
        let mut phase = crate::observe::Phase::new(&mut silent, name);
        let averaged = peaked.average(&Gate::new(&mut phase)).unwrap().unwrap();
        assert!((averaged.theta[0] - 0.5).abs() < 1e-12);
        assert!((averaged.theta[1] - 1.0).abs() < 1e-4);
        assert!((averaged.covariance[(1, 1)] * 1e6 - 1.0).abs() < 1e-2);
    }
}
