//! Scores whose mean is the mean effect, whichever way customers are grouped or ranked.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

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
    /// The slope of the scores on the effects that trees without the customer predict: 1 where these
    /// differ as much as the true effects do, 0 where they say nothing.
    pub slope: f64,
    /// Its standard error, without assuming equal variances (HC1).
    pub slope_error: f64,
    /// How probable as large a slope is where all effects are the same (one-sided).
    pub p_value: f64,
}

impl AverageEffect {
    /// From a score and a predicted effect a customer.
    pub(super) fn of(arm: &str, scores: &[f64], effects: &[f64]) -> Self {
        let n = scores.len() as f64;
        let pairs = || scores.iter().zip(effects);
        let mut sums = Sums::<2>::zero();
        pairs().for_each(|(score, effect)| sums.add(&[*score, *effect]));
        let [estimate, centre] = sums.total().map(|sum| sum / n);
        let mut sums = Sums::<3>::zero();
        for (score, effect) in pairs() {
            let (score, effect) = (score - estimate, effect - centre);
            sums.add(&[score * score, effect * effect, score * effect]);
        }
        let [square, spread, product] = sums.total();
        let slope = product / spread;
        let mut meat = Sums::<1>::zero();
        for (score, effect) in pairs() {
            let effect = effect - centre;
            let residual = score - estimate - slope * effect;
            meat.add(&[(effect * residual).powi(2)]);
        }
        let slope_error = (meat.total()[0] * n / (n - 2.0)).sqrt() / spread;
        let told = slope.is_finite() && slope_error > 0.0;
        Self {
            arm: arm.to_owned(),
            estimate,
            standard_error: (square / (n - 1.0) / n).sqrt(),
            // Effects that are all the same have no slope.
            slope: if told { slope } else { 0.0 },
            slope_error: if told { slope_error } else { 0.0 },
            p_value: if told {
                Normal::standard().sf(slope / slope_error)
            } else {
                1.0
            },
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
