//! An ordinal question: segments differ in how far up the scale they answer.
//!
//! Adjacent-category logits with equal slopes:
//!
//! ```text
//! ln p(level m | segment x) = a_m + (b_x + style) s_m - ln Z,    a_0 = b_0 = 0
//! ```
//!
//! `s` being the scores of the levels. A question of L levels costs
//! `L - 1 + K - 1` parameters instead of `K (L - 1)` (Goodman 1979, Journal of the American
//! Statistical Association 74, 537-552; Magidson & Vermunt 2004).

use nalgebra::{DMatrix, DVector};

use super::lanes::Lanes;
use super::measurement::{Loading, Rows};
use crate::error::Result;
use crate::math::ascent::{Ascent, Local};

/// The steepest slope over the whole scale: odds of `e^35` between its ends are certainty.
const STEEPEST: f64 = 35.0;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ordinal {
    pub(super) scores: Vec<f64>,
    /// By level; the first is 0.
    pub(super) intercepts: Vec<f64>,
    /// By segment; the first is 0.
    pub(super) slopes: Vec<f64>,
}

impl Ordinal {
    /// Probabilities of the levels for a respondent whose slope is `slope`.
    pub(super) fn probabilities(&self, slope: f64) -> Vec<f64> {
        let logits = || {
            self.intercepts
                .iter()
                .zip(&self.scores)
                .map(|(a, s)| a + slope * s)
        };
        let most = logits().fold(f64::NEG_INFINITY, f64::max);
        // The largest exponent is 0, so the sum is at least 1 and finite.
        let mut row: Vec<f64> = logits().map(|logit| (logit - most).exp()).collect();
        let total: f64 = row.iter().sum();
        for p in &mut row {
            *p /= total;
        }
        row
    }

    fn of_lane(&self, lane: usize, lanes: &Lanes, style: f64) -> Vec<f64> {
        self.probabilities(self.slopes[lanes.class(lane)] + style * lanes.node(lane))
    }

    fn mean_score(&self, p: &[f64]) -> f64 {
        p.iter().zip(&self.scores).map(|(p, s)| p * s).sum()
    }

    pub(super) fn rows(&self, lanes: &Lanes, style: f64) -> Rows {
        let (n, levels) = (lanes.len(), self.scores.len());
        let mut values = vec![0.0; levels * n];
        for lane in 0..n {
            for (level, p) in self.of_lane(lane, lanes, style).into_iter().enumerate() {
                values[level * n + lane] = p;
            }
        }
        Rows::plain(values)
    }

    /// A Newton step or two: enough, since the next sweep comes with new counts anyway; the value
    /// never falls.
    pub(super) fn maximise(
        &mut self,
        counts: &[f64],
        lanes: &Lanes,
        pseudo: &[f64],
        style: f64,
    ) -> Result<()> {
        let counts = with_pseudo(counts, lanes, pseudo);
        let start = self.clone();
        let climb = |max_iterations| {
            let ascent = Ascent {
                max_iterations,
                still_to_win: 1e-12,
            };
            let origin = DVector::zeros(self.n_coordinates());
            ascent.climb(origin, |step| {
                Ok(start.moved(step.as_slice()).local(&counts, lanes, style))
            })
        };
        let mut peak = climb(3)?;
        if !peak.converged && peak.point.iter().all(|step| *step == 0.0) {
            // Far from the best the first steps are too long and are taken back; without any step the
            // whole ascent would look as if it had arrived.
            peak = climb(30)?;
        }
        *self = start.moved(peak.point.as_slice());
        Ok(())
    }

    /// The complete-data log-likelihood of counts (level by lane).
    fn local(&self, counts: &[f64], lanes: &Lanes, style: f64) -> Local {
        let n = lanes.len();
        let size = self.n_coordinates();
        let mut value = 0.0;
        let mut gradient = DVector::zeros(size);
        for lane in 0..n {
            let p = self.of_lane(lane, lanes, style);
            let loading = self.loading_of(lane, lanes, &p);
            for (level, p) in p.iter().enumerate() {
                let count = counts[level * n + lane];
                if count > 0.0 {
                    value += count * p.max(f64::MIN_POSITIVE).ln();
                    gradient.axpy(count, &loading.column(level), 1.0);
                }
            }
        }
        Local {
            value,
            gradient,
            information: -self.curvature_of(counts, lanes, style),
        }
    }

    pub(super) fn n_coordinates(&self) -> usize {
        self.scores.len() - 1 + self.slopes.len() - 1
    }

    /// Column `level`: the slope of `ln p(level | lane)` in intercepts and slopes.
    pub(super) fn loading(&self, lane: usize, lanes: &Lanes, style: f64) -> Loading {
        let p = self.of_lane(lane, lanes, style);
        Loading {
            first: 0,
            matrix: self.loading_of(lane, lanes, &p),
        }
    }

    fn loading_of(&self, lane: usize, lanes: &Lanes, p: &[f64]) -> DMatrix<f64> {
        let levels = self.scores.len();
        let (class, mean) = (lanes.class(lane), self.mean_score(p));
        DMatrix::from_fn(self.n_coordinates(), levels, |row, level| {
            if row + 1 < levels {
                f64::from(level == row + 1) - p[row + 1]
            } else if row + 2 - levels == class {
                self.scores[level] - mean
            } else {
                0.0
            }
        })
    }

    /// The style's slope of `ln p(level | lane)`, a number a level.
    pub(super) fn style_loading(&self, lane: usize, lanes: &Lanes, style: f64) -> Vec<f64> {
        let mean = self.mean_score(&self.of_lane(lane, lanes, style));
        let node = lanes.node(lane);
        self.scores
            .iter()
            .map(|score| node * (score - mean))
            .collect()
    }

    /// Complete-data second derivatives: minus the variance of the sufficient statistics.
    pub(super) fn curvature(
        &self,
        counts: &[f64],
        lanes: &Lanes,
        pseudo: &[f64],
        style: f64,
    ) -> DMatrix<f64> {
        self.curvature_of(&with_pseudo(counts, lanes, pseudo), lanes, style)
    }

    fn curvature_of(&self, counts: &[f64], lanes: &Lanes, style: f64) -> DMatrix<f64> {
        let (n, levels, size) = (lanes.len(), self.scores.len(), self.n_coordinates());
        let mut curvature = DMatrix::zeros(size, size);
        for lane in 0..n {
            let total: f64 = (0..levels).map(|level| counts[level * n + lane]).sum();
            if total <= 0.0 {
                continue;
            }
            let p = self.of_lane(lane, lanes, style);
            let mean = self.mean_score(&p);
            for a in 1..levels {
                for b in 1..levels {
                    let diagonal = if a == b { p[a] } else { 0.0 };
                    curvature[(a - 1, b - 1)] -= total * (diagonal - p[a] * p[b]);
                }
            }
            let class = lanes.class(lane);
            if class > 0 {
                let slope = levels - 2 + class;
                for a in 1..levels {
                    let shared = total * p[a] * (self.scores[a] - mean);
                    curvature[(a - 1, slope)] -= shared;
                    curvature[(slope, a - 1)] -= shared;
                }
                curvature[(slope, slope)] -= total * self.score_variance(&p, mean);
            }
        }
        curvature
    }

    /// The deviation of the scores in the first segment.
    pub(super) fn score_deviation(&self) -> f64 {
        let p = self.probabilities(self.slopes[0]);
        self.score_variance(&p, self.mean_score(&p)).sqrt()
    }

    fn score_variance(&self, p: &[f64], mean: f64) -> f64 {
        let squares = p
            .iter()
            .zip(&self.scores)
            .map(|(p, s)| p * (s - mean).powi(2));
        squares.sum()
    }

    /// Complete-data second derivatives of the style with itself, and with the coordinates.
    pub(super) fn style_curvature(
        &self,
        counts: &[f64],
        lanes: &Lanes,
        style: f64,
    ) -> (f64, DVector<f64>) {
        let (n, levels) = (lanes.len(), self.scores.len());
        let mut own = 0.0;
        let mut shared = DVector::zeros(self.n_coordinates());
        for lane in 0..n {
            let total: f64 = (0..levels).map(|level| counts[level * n + lane]).sum();
            let p = self.of_lane(lane, lanes, style);
            let (mean, node) = (self.mean_score(&p), lanes.node(lane));
            let variance = self.score_variance(&p, mean);
            own -= total * node * node * variance;
            for a in 1..levels {
                shared[a - 1] -= total * node * p[a] * (self.scores[a] - mean);
            }
            if lanes.class(lane) > 0 {
                shared[levels - 2 + lanes.class(lane)] -= total * node * variance;
            }
        }
        (own, shared)
    }

    /// The prior's slope in the coordinates: pseudo-answers less what is expected of as many.
    pub(super) fn prior_slope(&self, lanes: &Lanes, pseudo: &[f64], style: f64) -> Vec<f64> {
        let mut slope = DVector::zeros(self.n_coordinates());
        for lane in 0..lanes.len() {
            let loading = self.loading(lane, lanes, style).matrix;
            for (level, pseudo) in pseudo.iter().enumerate() {
                slope.axpy(pseudo * lanes.weight(lane), &loading.column(level), 1.0);
            }
        }
        slope.as_slice().to_vec()
    }

    pub(super) fn log_prior(&self, lanes: &Lanes, pseudo: &[f64], style: f64) -> f64 {
        let of_lane = |lane: usize| -> f64 {
            let p = self.of_lane(lane, lanes, style);
            let terms = p
                .iter()
                .zip(pseudo)
                .map(|(p, n)| n * p.max(f64::MIN_POSITIVE).ln());
            lanes.weight(lane) * terms.sum::<f64>()
        };
        (0..lanes.len()).map(of_lane).sum()
    }

    /// Intercepts and slopes moved by a step, within the steepest slope.
    pub(super) fn moved(&self, step: &[f64]) -> Self {
        let levels = self.scores.len();
        let mut moved = self.clone();
        for (a, by) in moved.intercepts[1..].iter_mut().zip(step) {
            *a = (*a + by).clamp(-1e3, 1e3);
        }
        let most = self.steepest();
        for (b, by) in moved.slopes[1..].iter_mut().zip(&step[levels - 1..]) {
            *b = (*b + by).clamp(-most, most);
        }
        moved
    }

    fn steepest(&self) -> f64 {
        STEEPEST / (self.scores[self.scores.len() - 1] - self.scores[0])
    }

    /// Segments whose slope ran to the steepest.
    pub(super) fn is_held(&self, class: usize) -> bool {
        self.slopes[class].abs() >= 0.99 * self.steepest()
    }

    pub(super) fn flatten(&self, out: &mut Vec<f64>) {
        out.extend(&self.intercepts[1..]);
        out.extend(&self.slopes[1..]);
    }

    pub(super) fn unflatten(&mut self, values: &mut impl Iterator<Item = f64>) {
        let most = self.steepest();
        for a in &mut self.intercepts[1..] {
            *a = values.next().unwrap_or(*a).clamp(-1e3, 1e3);
        }
        for b in &mut self.slopes[1..] {
            *b = values.next().unwrap_or(*b).clamp(-most, most);
        }
    }

    /// Segments in another order; the new first one's slope becomes the zero of the others.
    pub(super) fn permuted(&self, order: &[usize]) -> Self {
        let zero = self.slopes[order[0]];
        let intercepts: Vec<f64> = self
            .intercepts
            .iter()
            .zip(&self.scores)
            .map(|(a, s)| a + zero * (s - self.scores[0]))
            .collect();
        Self {
            scores: self.scores.clone(),
            intercepts,
            slopes: order
                .iter()
                .map(|class| self.slopes[*class] - zero)
                .collect(),
        }
    }

    /// Derivatives of the levels' probabilities (at the style's zero), a row each, segment by segment.
    pub(super) fn jacobian(&self, classes: usize) -> DMatrix<f64> {
        let lanes = Lanes::plain(classes);
        let levels = self.scores.len();
        let mut jacobian = DMatrix::zeros(classes * levels, self.n_coordinates());
        for class in 0..classes {
            let p = self.probabilities(self.slopes[class]);
            let loading = self.loading_of(class, &lanes, &p);
            for (level, p) in p.iter().enumerate() {
                let slope = (loading.column(level) * *p).transpose();
                jacobian.set_row(class * levels + level, &slope);
            }
        }
        jacobian
    }
}

/// Counts with the prior's pseudo-answers, spread over the nodes of each segment.
pub(super) fn with_pseudo(counts: &[f64], lanes: &Lanes, pseudo: &[f64]) -> Vec<f64> {
    let n = lanes.len();
    let mut all = counts.to_vec();
    for (row, pseudo) in all.chunks_exact_mut(n).zip(pseudo) {
        for (lane, count) in row.iter_mut().enumerate() {
            *count += pseudo * lanes.weight(lane);
        }
    }
    all
}
