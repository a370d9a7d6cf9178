//! A nominal question: each segment has its own probability of every level.

use nalgebra::DMatrix;

use super::lanes::Lanes;
use super::measurement::{Loading, Rows};

/// The least probability: below it a product of many would leave the finite numbers.
const FLOOR: f64 = 1e-15;

/// A level that fewer expected respondents of a segment choose lies on the boundary.
pub(super) const NOBODY: f64 = 1e-6;

/// A probability below this has run to 0, whenever it got there.
const ABSENT: f64 = 1e-9;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Nominal {
    levels: usize,
    /// A row a segment.
    pub(super) probabilities: Vec<f64>,
    /// Levels that are held where they are, as `probabilities`.
    held: Vec<bool>,
    /// The level to which a segment's logits refer: the most probable when the segment settled.
    references: Vec<usize>,
}

impl Nominal {
    pub(super) fn new(levels: usize, probabilities: Vec<f64>) -> Self {
        let mut one = Self {
            levels,
            held: vec![false; probabilities.len()],
            references: vec![0; probabilities.len() / levels],
            probabilities,
        };
        one.refer();
        one
    }

    /// Takes the most probable level of each segment for its reference.
    fn refer(&mut self) {
        for (class, row) in self.probabilities.chunks_exact(self.levels).enumerate() {
            let better = |best, level| if row[level] > row[best] { level } else { best };
            self.references[class] = (0..self.levels).fold(0, better);
        }
    }

    pub(super) fn rows(&self, lanes: &Lanes) -> Rows {
        let n = lanes.len();
        let mut values = vec![0.0; self.levels * n];
        for (level, row) in values.chunks_exact_mut(n).enumerate() {
            for (lane, value) in row.iter_mut().enumerate() {
                *value = self.class(lanes.class(lane))[level];
            }
        }
        Rows::plain(values)
    }

    pub(super) fn maximise(&mut self, counts: &[f64], lanes: &Lanes, pseudo: &[f64]) {
        let expected = by_class(counts, lanes);
        for (class, row) in self.probabilities.chunks_exact_mut(self.levels).enumerate() {
            let counts =
                || (0..self.levels).map(|l| expected[l * lanes.classes + class] + pseudo[l]);
            let total: f64 = counts().sum();
            if total > 0.0 {
                for (p, count) in row.iter_mut().zip(counts()) {
                    *p = (count / total).max(FLOOR);
                }
            }
        }
    }

    pub(super) fn flatten(&self, out: &mut Vec<f64>) {
        out.extend(&self.probabilities);
    }

    pub(super) fn unflatten(&mut self, values: &mut impl Iterator<Item = f64>) {
        for row in self.probabilities.chunks_exact_mut(self.levels) {
            for p in row.iter_mut() {
                // An extrapolation may overshoot 0; what is left is small, yet not lost for good.
                let moved = values.next().unwrap_or(*p);
                *p = moved.max(0.01 * *p).max(FLOOR);
            }
            let total: f64 = row.iter().sum();
            for p in row.iter_mut() {
                *p /= total;
            }
        }
    }

    pub(super) fn permuted(&self, order: &[usize]) -> Self {
        let take = |class: &usize| self.class(*class).to_vec();
        Self::new(self.levels, order.iter().flat_map(take).collect())
    }

    /// Puts levels that nobody in a segment chooses at 0 and holds them there.
    pub(super) fn settle(&mut self, counts: &[f64], lanes: &Lanes, pseudo: &[f64]) {
        let expected = by_class(counts, lanes);
        for class in 0..lanes.classes {
            for level in 0..self.levels {
                let at = class * self.levels + level;
                self.held[at] = expected[level * lanes.classes + class] + pseudo[level] < NOBODY;
                if self.held[at] {
                    self.probabilities[at] = FLOOR;
                }
            }
        }
        self.refer();
    }

    /// The free levels of a segment: all but the held ones and the most probable, to which the
    /// logits of the others refer.
    fn free(&self, class: usize) -> Vec<usize> {
        let reference = self.references[class];
        let held = &self.held[class * self.levels..];
        (0..self.levels)
            .filter(|level| *level != reference && !held[*level])
            .collect()
    }

    fn class(&self, class: usize) -> &[f64] {
        &self.probabilities[class * self.levels..(class + 1) * self.levels]
    }

    pub(super) fn n_coordinates(&self, classes: usize) -> usize {
        (0..classes).map(|class| self.free(class).len()).sum()
    }

    fn first(&self, class: usize) -> usize {
        (0..class).map(|before| self.free(before).len()).sum()
    }

    /// `d ln p(level) / d logit = [level is it] - p`.
    pub(super) fn loading(&self, lane: usize, lanes: &Lanes) -> Loading {
        let class = lanes.class(lane);
        let (free, p) = (self.free(class), self.class(class));
        let matrix = DMatrix::from_fn(free.len(), self.levels, |row, level| {
            f64::from(free[row] == level) - p[free[row]]
        });
        Loading {
            first: self.first(class),
            matrix,
        }
    }

    /// Minus the complete-data information: `n (diag p - p p')`, a block a segment.
    pub(super) fn curvature(&self, counts: &[f64], lanes: &Lanes, pseudo: &[f64]) -> DMatrix<f64> {
        let expected = by_class(counts, lanes);
        let size = self.n_coordinates(lanes.classes);
        let mut curvature = DMatrix::zeros(size, size);
        for class in 0..lanes.classes {
            let (free, p, first) = (self.free(class), self.class(class), self.first(class));
            let n: f64 = (0..self.levels)
                .map(|level| expected[level * lanes.classes + class] + pseudo[level])
                .sum();
            for (i, &a) in free.iter().enumerate() {
                for (j, &b) in free.iter().enumerate() {
                    let diagonal = if a == b { p[a] } else { 0.0 };
                    curvature[(first + i, first + j)] = -n * (diagonal - p[a] * p[b]);
                }
            }
        }
        curvature
    }

    /// The prior's slope: pseudo-answers less what the model expects of as many.
    pub(super) fn prior_slope(&self, lanes: &Lanes, pseudo: &[f64]) -> Vec<f64> {
        let total: f64 = pseudo.iter().sum();
        let of_class = |class: usize| {
            let p = self.class(class);
            let free = self.free(class);
            free.into_iter()
                .map(move |level| pseudo[level] - total * p[level])
        };
        (0..lanes.classes).flat_map(of_class).collect()
    }

    pub(super) fn log_prior(&self, pseudo: &[f64]) -> f64 {
        let classes = self.probabilities.chunks_exact(self.levels);
        classes
            .map(|row| row.iter().zip(pseudo).map(|(p, n)| n * p.ln()).sum::<f64>())
            .sum()
    }

    /// The logits moved by a step.
    pub(super) fn moved(&self, step: &[f64], classes: usize) -> Self {
        let mut moved = self.clone();
        for class in 0..classes {
            let (free, first, reference) =
                (self.free(class), self.first(class), self.references[class]);
            let old = self.class(class);
            let row = &mut moved.probabilities[class * self.levels..(class + 1) * self.levels];
            // Relative to the reference, whose logit is 0; a step beyond 700 is no number any more.
            for (level, by) in free.iter().zip(&step[first..]) {
                row[*level] = old[*level] / old[reference] * by.clamp(-700.0, 700.0).exp();
            }
            row[reference] = 1.0;
            let total: f64 = row.iter().sum();
            for p in row.iter_mut() {
                *p = (*p / total).max(FLOOR);
            }
        }
        moved
    }

    /// Derivatives of the probabilities (a row each, segment by segment) in the coordinates.
    pub(super) fn jacobian(&self, classes: usize) -> DMatrix<f64> {
        let mut jacobian = DMatrix::zeros(classes * self.levels, self.n_coordinates(classes));
        for class in 0..classes {
            let (p, first) = (self.class(class), self.first(class));
            for (i, &by) in self.free(class).iter().enumerate() {
                for level in 0..self.levels {
                    jacobian[(class * self.levels + level, first + i)] =
                        p[level] * (f64::from(level == by) - p[by]);
                }
            }
        }
        jacobian
    }

    /// Whether a probability has no standard error because it lies on the boundary.
    pub(super) fn is_held(&self, class: usize, level: usize) -> bool {
        let at = class * self.levels + level;
        self.held[at] || self.probabilities[at] < ABSENT
    }
}

/// Counts by level and segment from counts by level and lane.
pub(super) fn by_class(counts: &[f64], lanes: &Lanes) -> Vec<f64> {
    lanes.by_class(counts)
}
