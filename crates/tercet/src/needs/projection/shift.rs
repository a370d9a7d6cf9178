//! Intercepts that make a projection's probabilities add up to the survey's segments.

use nalgebra::{DMatrix, DVector};

use super::sample::Sample;
use crate::error::Result;
use crate::math::ascent::{Ascent, Local};
use crate::math::multinomial::log_softmax;

impl Sample<'_> {
    /// Shifts the intercepts until the weighted mean of the probabilities equals the shares.
    ///
    /// The shifts `a` maximise `sum of s_k a_k - mean of ln(sum over k of π_k exp(a_k))`, which is
    /// concave and has its summit where the means agree. Raking comes first (each segment's shift by
    /// the logarithm of what it lacks), which leads out of where probabilities are all but 0 and
    /// Newton sees no slope. Newton's last steps go without asking the value, whose rounding hides
    /// what the slope still shows.
    pub(super) fn shift(&self, weights: &[f64], point: &mut DVector<f64>) -> Result<()> {
        let n = self.n_segments() - 1;
        for _ in 0..RAKINGS {
            let means = self.balance(weights, point).means;
            for (segment, mean) in means.iter().enumerate().skip(1) {
                let lacks = (self.shares[segment] / mean.max(f64::MIN_POSITIVE)).ln();
                let first = (self.shares[0] / means[0].max(f64::MIN_POSITIVE)).ln();
                point[(segment - 1) * self.width] += lacks - first;
            }
        }
        let shifted = |shift: &DVector<f64>| {
            let mut moved = point.clone();
            for (segment, by) in shift.iter().enumerate() {
                moved[segment * self.width] += by;
            }
            moved
        };
        let evaluate = |shift: &DVector<f64>| {
            let Balance {
                normaliser,
                means,
                squares,
            } = self.balance(weights, &shifted(shift));
            let shares = DVector::from_row_slice(&self.shares[1..]);
            let means = DVector::from_row_slice(&means[1..]);
            Local {
                value: shares.dot(shift) - normaliser,
                gradient: shares - &means,
                information: DMatrix::from_diagonal(&means) - squares,
            }
        };
        let ascent = Ascent {
            max_iterations: 100,
            still_to_win: 1e-14,
        };
        let peak = ascent.climb(DVector::zeros(n), |shift| Ok(evaluate(shift)))?;
        let (mut shift, mut local) = (peak.point, peak.local);
        for _ in 0..LAST_STEPS {
            let Some(factor) = local.information.clone().cholesky() else {
                break;
            };
            let next = &shift + factor.solve(&local.gradient);
            let there = evaluate(&next);
            if there.gradient.amax() >= local.gradient.amax() || !there.value.is_finite() {
                break;
            }
            (shift, local) = (next, there);
        }
        *point = shifted(&shift);
        Ok(())
    }

    /// What the probabilities of the rows of positive weight come to.
    fn balance(&self, weights: &[f64], point: &DVector<f64>) -> Balance {
        let n = self.n_segments();
        let total: f64 = weights.iter().sum();
        let mut logs = vec![0.0; n];
        let mut balance = Balance {
            normaliser: 0.0,
            means: vec![0.0; n],
            squares: DMatrix::zeros(n - 1, n - 1),
        };
        for (row, weight) in weights
            .iter()
            .enumerate()
            .filter(|(_, weight)| **weight > 0.0)
        {
            log_softmax(point.as_slice(), self.features(row), &mut logs);
            // The first segment's predictor is 0: its log-probability is minus the normaliser.
            balance.normaliser -= weight / total * logs[0];
            for (mean, log) in balance.means.iter_mut().zip(&mut logs) {
                *log = log.exp();
                *mean += weight / total * *log;
            }
            let others = DVector::from_row_slice(&logs[1..]);
            balance.squares.ger(weight / total, &others, &others, 1.0);
        }
        balance
    }
}

struct Balance {
    /// The mean logarithm of the sum of `exp(predictor)`.
    normaliser: f64,
    /// The mean probability of each segment.
    means: Vec<f64>,
    /// The mean product of those of each two but the first.
    squares: DMatrix<f64>,
}

const RAKINGS: usize = 5;
const LAST_STEPS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::needs::SegmentProjection;

    #[test]
    fn any_start_is_shifted_to_the_shares() {
        let settings = SegmentProjection::new();
        let shares = [0.2, 0.3, 0.5];
        let design: Vec<f64> = (0..50)
            .flat_map(|row| [1.0, f64::from(row % 7) - 3.0])
            .collect();
        let sample = Sample {
            settings: &settings,
            shares: &shares,
            width: 2,
            design,
            targets: Vec::new(),
            weights: (0..50).map(|row| 1.0 + f64::from(row % 3)).collect(),
        };
        for start in [
            [0.0, 1.0, 0.0, -1.0],
            [9.0, 2.0, -9.0, 0.5],
            [-30.0, 0.0, 30.0, 0.0],
        ] {
            let mut point = DVector::from_row_slice(&start);
            sample.shift(&sample.weights, &mut point).unwrap();
            let mut means = [0.0; 3];
            let mut logs = [0.0; 3];
            for row in 0..50 {
                log_softmax(point.as_slice(), sample.features(row), &mut logs);
                for (mean, log) in means.iter_mut().zip(logs) {
                    *mean += sample.weights[row] * log.exp() / sample.weights.iter().sum::<f64>();
                }
            }
            for (mean, share) in means.iter().zip(shares) {
                assert!((mean - share).abs() < 1e-13, "{start:?}: {means:?}");
            }
        }
    }
}
