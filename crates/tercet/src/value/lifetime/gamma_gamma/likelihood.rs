//! The Gamma-Gamma log-likelihood with exact first and second derivatives.

use nalgebra::{SMatrix, SVector};

use super::fitted::Parameters;
use crate::data::{Counts, Spend};
use crate::error::Result;
use crate::math::newton::Evaluation;
use crate::math::special::{digamma, digamma_difference, ln_gamma, ln_gamma_ratio, trigamma};
use crate::math::sum::Sums;
use crate::observe::Phase;
use crate::parallel::map_blocks;

/// A repeater: number and mean value of the repeat purchases, and the row's weight.
#[derive(Debug, Clone, Copy)]
pub(super) struct Repeater {
    pub(super) frequency: f64,
    pub(super) mean: f64,
    pub(super) weight: f64,
}

/// The rows that a gamma distribution can have produced.
pub(super) fn repeaters(spend: &Spend<'_>, phase: &mut Phase<'_>) -> Result<Vec<Repeater>> {
    let (frequency, mean) = (spend.frequency(), spend.monetary_value());
    let blocks = map_blocks(spend.len(), phase, |rows| {
        rows.map(|row| Repeater {
            frequency: frequency[row],
            mean: mean[row],
            weight: spend.weight(row),
        })
        .filter(|one| one.frequency > 0.0 && one.mean > 0.0 && one.weight > 0.0)
        .collect::<Vec<_>>()
    })?;
    Ok(blocks.concat())
}

/// Sums of `K` terms a repeater, the same whatever the number of threads.
pub(super) fn sum_over<const K: usize>(
    repeaters: &[Repeater],
    phase: &mut Phase<'_>,
    terms: impl Fn(&Repeater) -> [f64; K] + Sync + Send,
) -> Result<[f64; K]> {
    let blocks = map_blocks(repeaters.len(), phase, |rows| {
        let mut block = [0.0; K];
        for one in &repeaters[rows] {
            for (sum, term) in block.iter_mut().zip(terms(one)) {
                *sum += term;
            }
        }
        block
    })?;
    let mut sums = Sums::<K>::zero();
    for block in &blocks {
        sums.add(block);
    }
    Ok(sums.total())
}

/// The log-likelihood of a set of repeaters; gamma functions are computed once per distinct count.
#[derive(Debug)]
pub(super) struct Likelihood<'a> {
    repeaters: &'a [Repeater],
    counts: Counts,
    /// `-sum of ln m`, which no parameter moves.
    constant: f64,
}

const SUMS: usize = 10;

impl<'a> Likelihood<'a> {
    pub(super) fn new(repeaters: &'a [Repeater], phase: &mut Phase<'_>) -> Result<Self> {
        let [constant] = sum_over(repeaters, phase, |one| [-one.weight * one.mean.ln()])?;
        let rows = repeaters.iter().map(|one| (one.frequency, one.weight));
        Ok(Self {
            repeaters,
            counts: Counts::new(rows, phase)?,
            constant,
        })
    }

    pub(super) fn evaluate(
        &self,
        point: &[f64; 3],
        phase: &mut Phase<'_>,
    ) -> Result<Evaluation<3>> {
        let parameters = Parameters::from_working(point);
        let mut sums = Sums::<SUMS>::zero();
        let mut constant = [0.0; SUMS];
        constant[VALUE] = self.constant;
        sums.add(&constant);
        for (&x, &n) in self.counts.values.iter().zip(&self.counts.weights) {
            sums.add(&gamma_terms(&parameters, x, n));
        }
        let blocks = map_blocks(self.repeaters.len(), phase, |rows| {
            let mut block = [0.0; SUMS];
            for one in &self.repeaters[rows] {
                add_repeater(&parameters, one, &mut block);
            }
            block
        })?;
        for block in &blocks {
            sums.add(block);
        }
        Ok(to_working(&parameters, &sums.total()))
    }
}

// Positions in the array of sums.
const VALUE: usize = 0;
const P: usize = 1;
const Q: usize = 2;
const V: usize = 3;
const P_P: usize = 4;
const P_Q: usize = 5;
const P_V: usize = 6;
const Q_Q: usize = 7;
const Q_V: usize = 8;
const V_V: usize = 9;

/// `ln Γ(p x + q) - ln Γ(p x) - ln Γ(q)` for `n` customers of count `x`.
fn gamma_terms(parameters: &Parameters, x: f64, n: f64) -> [f64; SUMS] {
    let Parameters { p, q, .. } = *parameters;
    let px = p * x;
    // The larger argument goes into the ratio, which keeps its digits there.
    let value = if px >= q {
        ln_gamma_ratio(px, q) - ln_gamma(q)
    } else {
        ln_gamma_ratio(q, px) - ln_gamma(px)
    };
    let joint = trigamma(px + q);
    let mut terms = [0.0; SUMS];
    terms[VALUE] = n * value;
    terms[P] = n * x * digamma_difference(px, q);
    terms[Q] = n * if q >= 1.0 {
        digamma_difference(q, px)
    } else {
        digamma(px + q) - digamma(q)
    };
    terms[P_P] = n * x * x * (joint - trigamma(px));
    terms[P_Q] = n * x * joint;
    terms[Q_Q] = n * (joint - trigamma(q));
    terms
}

/// `-p x ln(1 + v/S) - q ln(1 + S/v)` with the customer's total `S = x m`.
#[inline]
fn add_repeater(parameters: &Parameters, one: &Repeater, sums: &mut [f64; SUMS]) {
    let Parameters { p, q, v } = *parameters;
    let Repeater {
        frequency: x,
        mean,
        weight: w,
    } = *one;
    let total = x * mean;
    let log_rest = (v / total).ln_1p();
    let log_total = (total / v).ln_1p();
    let per_both = 1.0 / (total + v);
    let px = p * x;
    sums[VALUE] -= w * (px * log_rest + q * log_total);
    sums[P] -= w * x * log_rest;
    sums[Q] -= w * log_total;
    // q/v - (p x + q)/(S + v), brought over one denominator
    sums[V] += w * (q * total / v - px) * per_both;
    sums[P_V] -= w * x * per_both;
    sums[Q_V] += w * total / v * per_both;
    sums[V_V] += w * ((px + q) * per_both * per_both - q / (v * v));
}

/// Chain rule from (p, q, v) to the working parameters.
fn to_working(parameters: &Parameters, sums: &[f64; SUMS]) -> Evaluation<3> {
    let gradient = SVector::<f64, 3>::new(sums[P], sums[Q], sums[V]);
    let rows = [
        [sums[P_P], sums[P_Q], sums[P_V]],
        [sums[P_Q], sums[Q_Q], sums[Q_V]],
        [sums[P_V], sums[Q_V], sums[V_V]],
    ];
    let hessian = SMatrix::<f64, 3, 3>::from_fn(|i, j| rows[i][j]);
    let jacobian = parameters.jacobian();
    let mut working = jacobian.transpose() * hessian * jacobian;
    for (k, curvature) in parameters.curvatures().iter().enumerate() {
        working += gradient[k] * curvature;
    }
    Evaluation {
        value: sums[VALUE],
        gradient: jacobian.transpose() * gradient,
        hessian: working,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluate(point: &[f64; 3]) -> Evaluation<3> {
        let one = |frequency, mean, weight| Repeater {
            frequency,
            mean,
            weight,
        };
        let repeaters = [
            one(1.0, 11.77, 1.0),
            one(2.0, 22.35, 2.0),
            one(26.0, 80.0, 0.5),
            one(2.0, 3.0, 1.0),
        ];
        let (mut silent, repeaters) = ((), &repeaters);
        let mut phase = Phase::new(&mut silent, "testing");
        Likelihood::new(repeaters, &mut phase)
            .unwrap()
            .evaluate(point, &mut phase)
            .unwrap()
    }

    #[test]
    fn derivatives_match_differences() {
        for point in [[1.8, 1.3, 3.3], [-0.5, 2.5, 1.0], [4.0, -0.7, 5.0]] {
            let here = evaluate(&point);
            let h = 1e-5;
            for k in 0..3 {
                let moved = |by: f64| {
                    let mut point = point;
                    point[k] += by;
                    evaluate(&point)
                };
                let (up, down) = (moved(h), moved(-h));
                let slope = (up.value - down.value) / (2.0 * h);
                let scale = 1.0 + here.gradient.amax();
                assert!(
                    (here.gradient[k] - slope).abs() < 1e-6 * scale,
                    "{point:?} {k}"
                );
                let curvature = (up.gradient - down.gradient) / (2.0 * h);
                for j in 0..3 {
                    let difference = (here.hessian[(j, k)] - curvature[j]).abs();
                    let scale = 1.0 + here.hessian.amax();
                    assert!(difference < 1e-6 * scale, "{point:?} {j} {k}: {difference}");
                }
            }
        }
    }
}
