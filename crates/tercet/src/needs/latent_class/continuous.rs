//! A question answered by a number: normal around each segment's mean.

use nalgebra::DMatrix;

use super::lanes::Lanes;
use super::measurement::Loading;

/// The least standard deviation, as a share of the question's overall one. A likelihood without a
/// prior has no maximum where one segment's answers are all equal; here the ascent ends.
const LEAST: f64 = 1e-3;

/// Numbers on the standardised scale.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Continuous {
    pub(super) means: Vec<f64>,
    /// By segment; all equal where the variance is shared.
    pub(super) deviations: Vec<f64>,
    pub(super) shared: bool,
}

impl Continuous {
    /// `counts` has a row a lane: weight, sum and sum of squares. `pseudo` is the weight of the
    /// prior's answers in each segment, whose deviation is the overall one, 1.
    pub(super) fn maximise(&mut self, counts: &[f64], pseudo: f64) {
        let classes = self.means.len();
        let (mut squares, mut weights) = (vec![0.0; classes], vec![0.0; classes]);
        for class in 0..classes {
            let [n, sum, square] = [0, 1, 2].map(|k| counts[class * 3 + k]);
            if n > 0.0 {
                self.means[class] = sum / n;
            }
            let mean = self.means[class];
            squares[class] = (square - 2.0 * mean * sum + n * mean * mean).max(0.0) + pseudo;
            weights[class] = n + pseudo;
        }
        if self.shared {
            let (square, weight): (f64, f64) = (squares.iter().sum(), weights.iter().sum());
            self.deviations.fill((square / weight).sqrt().max(LEAST));
        } else {
            for class in 0..classes {
                if weights[class] > 0.0 {
                    self.deviations[class] = (squares[class] / weights[class]).sqrt().max(LEAST);
                }
            }
        }
    }

    pub(super) fn flatten(&self, out: &mut Vec<f64>) {
        out.extend(&self.means);
        out.extend(
            self.deviations
                .iter()
                .take(self.n_deviations())
                .map(|d| d.ln()),
        );
    }

    pub(super) fn unflatten(&mut self, values: &mut impl Iterator<Item = f64>) {
        for mean in &mut self.means {
            *mean = values.next().unwrap_or(*mean);
        }
        for index in 0..self.n_deviations() {
            let log = values.next().unwrap_or_else(|| self.deviations[index].ln());
            self.deviations[index] = log.clamp(-600.0, 600.0).exp().max(LEAST);
        }
        if self.shared {
            let shared = self.deviations[0];
            self.deviations.fill(shared);
        }
    }

    fn n_deviations(&self) -> usize {
        if self.shared { 1 } else { self.means.len() }
    }

    pub(super) fn n_coordinates(&self) -> usize {
        self.means.len() + self.n_deviations()
    }

    /// The slopes of `-ln σ - (x - μ)² / (2 σ²)` in μ and ln σ, as multiples of 1, x and x².
    pub(super) fn loading(&self, lane: usize, lanes: &Lanes) -> Loading {
        let class = lanes.class(lane);
        let (mean, precision) = (self.means[class], self.deviations[class].powi(-2));
        let mut matrix = DMatrix::zeros(self.n_coordinates(), 3);
        matrix[(class, 0)] = -mean * precision;
        matrix[(class, 1)] = precision;
        let row = self.deviation_row(class);
        matrix[(row, 0)] = mean * mean * precision - 1.0;
        matrix[(row, 1)] = -2.0 * mean * precision;
        matrix[(row, 2)] = precision;
        if self.is_held(class) {
            matrix.row_mut(row).fill(0.0);
        }
        Loading { first: 0, matrix }
    }

    fn deviation_row(&self, class: usize) -> usize {
        self.means.len() + if self.shared { 0 } else { class }
    }

    pub(super) fn curvature(&self, counts: &[f64], lanes: &Lanes, pseudo: f64) -> DMatrix<f64> {
        let counts = lanes_to_classes(counts, lanes);
        let mut curvature = DMatrix::zeros(self.n_coordinates(), self.n_coordinates());
        for class in 0..self.means.len() {
            let [n, sum, square] = [0, 1, 2].map(|k| counts[class * 3 + k]);
            let (mean, precision) = (self.means[class], self.deviations[class].powi(-2));
            let row = self.deviation_row(class);
            curvature[(class, class)] -= n * precision;
            if !self.is_held(class) {
                let cross = -2.0 * precision * (sum - n * mean);
                curvature[(class, row)] += cross;
                curvature[(row, class)] += cross;
                let squares = square - 2.0 * mean * sum + n * mean * mean + pseudo;
                curvature[(row, row)] -= 2.0 * precision * squares;
            }
        }
        curvature
    }

    pub(super) fn prior_slope(&self, pseudo: f64) -> Vec<f64> {
        let mut slope = vec![0.0; self.n_coordinates()];
        for class in 0..self.means.len() {
            if !self.is_held(class) {
                slope[self.deviation_row(class)] +=
                    pseudo * (self.deviations[class].powi(-2) - 1.0);
            }
        }
        slope
    }

    pub(super) fn log_prior(&self, pseudo: f64) -> f64 {
        let of = |deviation: &f64| -pseudo * (deviation.ln() + 0.5 * deviation.powi(-2));
        self.deviations.iter().map(of).sum()
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
            deviations: order.iter().map(|class| self.deviations[*class]).collect(),
            shared: self.shared,
        }
    }

    /// Derivatives of the means, then of the deviations, a row each.
    pub(super) fn jacobian(&self, scale: f64) -> DMatrix<f64> {
        let classes = self.means.len();
        let mut jacobian = DMatrix::zeros(2 * classes, self.n_coordinates());
        for class in 0..classes {
            jacobian[(class, class)] = scale;
            jacobian[(classes + class, self.deviation_row(class))] = scale * self.deviations[class];
        }
        jacobian
    }

    /// Whether a segment's answers are all but equal, so that its deviation lies at the least.
    pub(super) fn is_held(&self, class: usize) -> bool {
        self.deviations[class] <= LEAST
    }
}

/// Weight, sum and sum of squares by segment from those by lane.
pub(super) fn lanes_to_classes(counts: &[f64], lanes: &Lanes) -> Vec<f64> {
    let mut by_class = vec![0.0; lanes.classes * 3];
    for (lane, row) in counts.chunks_exact(3).enumerate() {
        for (sum, count) in by_class[lanes.class(lane) * 3..].iter_mut().zip(row) {
            *sum += count;
        }
    }
    by_class
}
