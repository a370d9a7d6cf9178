//! A question answered by a count: Poisson, or negative binomial where counts vary more.

use nalgebra::DMatrix;

use super::lanes::Lanes;
use super::measurement::{Loading, Rows};
use super::nominal::by_class;
use crate::math::special::{digamma_difference, ln_gamma, ln_gamma_ratio, trigamma};

/// The least mean: a segment that never counts anything.
const LEAST: f64 = 1e-10;

/// Sizes beyond these are a Poisson distribution and one that is all 0 and a few enormous counts.
const SIZES: [f64; 2] = [1e-3, 1e7];

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Count {
    pub(super) means: Vec<f64>,
    /// The size of a negative binomial: its variance is `mean + mean² / size`.
    pub(super) size: Option<f64>,
}

impl Count {
    /// `ln P(x)` of a segment.
    fn log_probability(&self, x: f64, class: usize) -> f64 {
        let mean = self.means[class];
        match self.size {
            None => x * mean.ln() - mean - ln_gamma(x + 1.0),
            // ln(size / (size + mean)) = -ln1p(mean / size), exact for sizes however large.
            Some(size) => {
                ln_gamma_ratio(size, x) - ln_gamma(x + 1.0) - (size + x) * (mean / size).ln_1p()
                    + x * (mean.ln() - size.ln())
            }
        }
    }

    /// Probabilities relative to the most probable lane of each level, whose logarithm is the offset:
    /// counts far out in every segment's tail would be 0 otherwise.
    pub(super) fn rows(&self, values: &[f64], lanes: &Lanes) -> Rows {
        let mut rows = Rows::default();
        for x in values {
            let logs: Vec<f64> = (0..lanes.len())
                .map(|lane| self.log_probability(*x, lanes.class(lane)))
                .collect();
            let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            rows.offsets.push(most);
            rows.values
                .extend(logs.iter().map(|log| (log - most).max(-600.0).exp()));
        }
        rows
    }

    /// `pseudo` is the weight of the prior's counts in each segment and their mean.
    pub(super) fn maximise(
        &mut self,
        counts: &[f64],
        values: &[f64],
        lanes: &Lanes,
        pseudo: (f64, f64),
    ) {
        let counts = by_class(counts, lanes);
        let classes = lanes.classes;
        for class in 0..classes {
            let n: f64 = (0..values.len()).map(|l| counts[l * classes + class]).sum();
            let sum: f64 = (0..values.len())
                .map(|l| counts[l * classes + class] * values[l])
                .sum();
            if n + pseudo.0 > 0.0 {
                self.means[class] = self.best_mean(n, sum, pseudo).max(LEAST);
            }
        }
        if let Some(size) = self.size {
            self.size = Some(self.better_size(size, &counts, values, classes));
        }
    }

    /// The mean that maximises the likelihood of `n` counts of sum `sum`, and the prior.
    ///
    /// Without a prior it is their mean, also under a negative binomial of known size. With one it
    /// solves `(sum - n m) s / (s + m) + c (M - m) = 0`, a quadratic in m; of the two forms of its
    /// positive root this is the one that does not cancel.
    fn best_mean(&self, n: f64, sum: f64, (c, prior_mean): (f64, f64)) -> f64 {
        match self.size {
            Some(size) if c > 0.0 => {
                let linear = c * (prior_mean - size) - n * size;
                let constant = size * (sum + c * prior_mean);
                let root = (linear * linear + 4.0 * c * constant).sqrt();
                if linear < 0.0 {
                    2.0 * constant / (root - linear)
                } else {
                    (linear + root) / (2.0 * c)
                }
            }
            _ => (sum + c * prior_mean) / (n + c),
        }
    }

    /// A safeguarded Newton step for `ln size`.
    fn better_size(&self, size: f64, counts: &[f64], values: &[f64], classes: usize) -> f64 {
        let (slope, curvature) = self.size_derivatives(counts, values, classes);
        let step = if curvature < 0.0 {
            -slope / curvature
        } else {
            slope.signum()
        };
        let value = |size: f64| {
            let moved = Self {
                means: self.means.clone(),
                size: Some(size),
            };
            moved.log_likelihood(counts, values, classes)
        };
        let here = value(size);
        let mut step = step.clamp(-2.0, 2.0);
        for _ in 0..20 {
            let moved = (size.ln() + step).exp().clamp(SIZES[0], SIZES[1]);
            if value(moved) >= here {
                return moved;
            }
            step *= 0.25;
        }
        size
    }

    fn log_likelihood(&self, counts: &[f64], values: &[f64], classes: usize) -> f64 {
        let mut sum = 0.0;
        for (row, x) in counts.chunks_exact(classes).zip(values) {
            for (class, count) in row.iter().enumerate() {
                if *count > 0.0 {
                    sum += count * self.log_probability(*x, class);
                }
            }
        }
        sum
    }

    /// First and second derivative of the complete-data log-likelihood in `ln size`.
    fn size_derivatives(&self, counts: &[f64], values: &[f64], classes: usize) -> (f64, f64) {
        let (mut slope, mut curvature) = (0.0, 0.0);
        for (row, x) in counts.chunks_exact(classes).zip(values) {
            for (class, count) in row.iter().enumerate() {
                let [first, second] = self.size_slopes(*x, class);
                slope += count * first;
                curvature += count * second;
            }
        }
        (slope, curvature)
    }

    /// Derivatives of `ln P(x)` in `ln size`.
    fn size_slopes(&self, x: f64, class: usize) -> [f64; 2] {
        let (Some(size), mean) = (self.size, self.means[class]) else {
            return [0.0; 2];
        };
        let first =
            digamma_difference(size, x) - (mean / size).ln_1p() + (mean - x) / (size + mean);
        let second = trigamma(size + x) - trigamma(size) + mean / (size * (size + mean))
            - (mean - x) / (size + mean).powi(2);
        [size * first, size * first + size * size * second]
    }

    pub(super) fn flatten(&self, out: &mut Vec<f64>) {
        out.extend(self.means.iter().map(|mean| mean.ln()));
        out.extend(self.size.map(f64::ln));
    }

    pub(super) fn unflatten(&mut self, values: &mut impl Iterator<Item = f64>) {
        for mean in &mut self.means {
            *mean = values
                .next()
                .map_or(*mean, |log| log.clamp(-700.0, 21.0).exp().max(LEAST));
        }
        if let Some(size) = &mut self.size {
            *size = values.next().map_or(*size, |log| {
                log.clamp(-700.0, 700.0).exp().clamp(SIZES[0], SIZES[1])
            });
        }
    }

    pub(super) fn n_coordinates(&self) -> usize {
        self.means.len() + usize::from(self.size.is_some())
    }

    /// Column `level`: the slope of `ln P(values[level] | lane)` in `ln mean` and `ln size`.
    pub(super) fn loading(&self, values: &[f64], lane: usize, lanes: &Lanes) -> Loading {
        let class = lanes.class(lane);
        let mut matrix = DMatrix::zeros(self.n_coordinates(), values.len());
        for (level, x) in values.iter().enumerate() {
            if !self.is_held(class) {
                matrix[(class, level)] = self.mean_slopes(*x, class)[0];
            }
            if self.size.is_some() && !self.size_is_held() {
                matrix[(self.means.len(), level)] = self.size_slopes(*x, class)[0];
            }
        }
        Loading { first: 0, matrix }
    }

    /// Derivatives of `ln P(x)` in `ln mean`: `(x - m) s / (s + m)` and its own slope.
    fn mean_slopes(&self, x: f64, class: usize) -> [f64; 2] {
        let mean = self.means[class];
        match self.size {
            None => [x - mean, -mean],
            Some(size) => {
                let share = size / (size + mean);
                [
                    (x - mean) * share,
                    -mean * share - (x - mean) * mean * share / (size + mean),
                ]
            }
        }
    }

    pub(super) fn curvature(
        &self,
        counts: &[f64],
        values: &[f64],
        lanes: &Lanes,
        pseudo: (f64, f64),
    ) -> DMatrix<f64> {
        let counts = by_class(counts, lanes);
        let classes = lanes.classes;
        let mut curvature = DMatrix::zeros(self.n_coordinates(), self.n_coordinates());
        for class in 0..classes {
            if self.is_held(class) {
                continue;
            }
            let mean = self.means[class];
            curvature[(class, class)] -= pseudo.0 * mean;
            for (level, x) in values.iter().enumerate() {
                let count = counts[level * classes + class];
                curvature[(class, class)] += count * self.mean_slopes(*x, class)[1];
                if let Some(size) = self.size
                    && !self.size_is_held()
                {
                    // d/d ln size of (x - m) s / (s + m).
                    let cross = count * (x - mean) * size * mean / (size + mean).powi(2);
                    curvature[(class, classes)] += cross;
                    curvature[(classes, class)] += cross;
                }
            }
        }
        if self.size.is_some() && !self.size_is_held() {
            curvature[(classes, classes)] = self.size_derivatives(&counts, values, classes).1;
        }
        curvature
    }

    pub(super) fn prior_slope(&self, pseudo: (f64, f64)) -> Vec<f64> {
        let of = |class: usize| {
            let held = self.is_held(class);
            if held {
                0.0
            } else {
                pseudo.0 * (pseudo.1 - self.means[class])
            }
        };
        let mut slope: Vec<f64> = (0..self.means.len()).map(of).collect();
        slope.extend(self.size.map(|_| 0.0));
        slope
    }

    pub(super) fn log_prior(&self, pseudo: (f64, f64)) -> f64 {
        let of = |mean: &f64| pseudo.0 * (pseudo.1 * mean.ln() - mean);
        self.means.iter().map(of).sum()
    }

    pub(super) fn moved(&self, step: &[f64]) -> Self {
        let mut flat = Vec::new();
        self.flatten(&mut flat);
        let mut moved = self.clone();
        moved.unflatten(&mut flat.into_iter().zip(step).map(|(value, by)| value + by));
        moved
    }

    pub(super) fn permuted(&self, order: &[usize]) -> Self {
        Self {
            means: order.iter().map(|class| self.means[*class]).collect(),
            size: self.size,
        }
    }

    /// Derivatives of the means, then of the size, a row each.
    pub(super) fn jacobian(&self) -> DMatrix<f64> {
        let n = self.n_coordinates();
        DMatrix::from_fn(n, n, |i, j| match (i == j, i < self.means.len()) {
            (false, _) => 0.0,
            (true, true) => self.means[i],
            (true, false) => self.size.unwrap_or(0.0),
        })
    }

    /// Whether a segment never counts anything.
    pub(super) fn is_held(&self, class: usize) -> bool {
        self.means[class] <= 10.0 * LEAST
    }

    /// Whether the counts vary no more than a Poisson distribution's.
    pub(super) fn size_is_held(&self) -> bool {
        self.size
            .is_some_and(|size| size >= 0.5 * SIZES[1] || size <= 2.0 * SIZES[0])
    }
}
