//! Scores whose mean is the mean effect, whichever way customers are grouped or ranked.

use serde::{Deserialize, Serialize};

use super::validation::Slope;
use crate::math::sum::Sums;

/// A mean effect over the customers of a fit, and whether the forest's effects tell customers apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AverageEffect {
    /// The arm, or the treatment's name where it is an amount.
    pub arm: String,
    /// The mean of the doubly robust scores.
    pub estimate: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// The slope of the scores on the effects that small forests of other customers, each of the earlier
    /// ones of a random order, predict: 1 where these differ as much as the true effects do, 0 where they
    /// say nothing.
    pub slope: f64,
    /// Its standard error, without assuming equal variances (HC1).
    pub slope_error: f64,
    /// How probable as large a slope is where all effects are the same (one-sided).
    pub p_value: f64,
}

impl AverageEffect {
    /// From a score a customer, and what they say of predicted effects.
    pub(super) fn of(arm: &str, scores: impl Iterator<Item = f64> + Clone, slope: Slope) -> Self {
        let mut sums = Sums::<2>::zero();
        scores.clone().for_each(|score| sums.add(&[1.0, score]));
        let [n, sum] = sums.total();
        let estimate = sum / n;
        let mut sums = Sums::<1>::zero();
        scores.for_each(|score| sums.add(&[(score - estimate).powi(2)]));
        Self {
            arm: arm.to_owned(),
            estimate,
            standard_error: (sums.total()[0] / (n - 1.0) / n).sqrt(),
            slope: slope.estimate,
            slope_error: slope.error,
            p_value: slope.p_value,
        }
    }
}

/// The doubly robust scores of a row in an experiment of several arms: for each arm but the control
///
/// ```text
/// Γ_k = τ_k + 1{w = k} (y - μ_k) / e_k - 1{w = 0} (y - μ_0) / e_0,   μ_0 = m - Σ_j e_j τ_j,  μ_k = μ_0 + τ_k
/// ```
///
/// (Robins, Rotnitzky & Zhao 1994, JASA 89, 846-866). `probabilities` are the arms', the control's first.
pub(super) fn of_arms<const K: usize>(
    arm: usize,
    (y, expected): (f64, f64),
    effects: &[f64; K],
    probabilities: &[f64],
) -> [f64; K] {
    let treated = effects.iter().zip(&probabilities[1..]);
    let base = expected - treated.map(|(effect, p)| effect * p).sum::<f64>();
    let outcome = if arm == 0 {
        base
    } else {
        base + effects[arm - 1]
    };
    let pull = (y - outcome) / probabilities[arm];
    std::array::from_fn(|k| {
        effects[k]
            + if arm == 0 {
                -pull
            } else if arm == k + 1 {
                pull
            } else {
                0.0
            }
    })
}

/// The score of a row where the treatment is an amount of which `variance` is left at its features:
/// `Γ = τ + w̃ (ỹ - τ w̃) / Var(w | x)`.
pub(super) fn of_amount(w: f64, y: f64, effect: f64, variance: f64) -> f64 {
    effect + w * (y - effect * w) / variance
}
