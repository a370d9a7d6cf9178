//! What an outcome is distributed like within a segment: normal, or over levels.

use nalgebra::DMatrix;

use super::mixture::Cell;

/// A distribution in every segment, in coordinates without bounds.
pub(super) trait Density: Sync {
    /// Number of coordinates, of all segments together.
    fn n_coordinates(&self) -> usize;

    /// `ln f(y | t)`.
    fn log(&self, point: &[f64], t: usize, y: f64) -> f64;

    /// Calls `each(coordinate, slope)` for every coordinate that `ln f(y | t)` depends on.
    fn slopes(&self, point: &[f64], t: usize, y: f64, each: &mut dyn FnMut(usize, f64));

    /// Calls `each(i, j, value)` for minus the second derivatives of `ln f(y | t)`, `i >= j`.
    fn bend(&self, point: &[f64], t: usize, y: f64, each: &mut dyn FnMut(usize, usize, f64));

    /// The coordinates at which cells that belong to segment t with `members[cell * k + t]` are likeliest;
    /// `None` where that is no density (a number that does not vary).
    fn best(&self, cells: &[Cell], members: &[f64]) -> Option<Vec<f64>>;
}

/// The least deviation, as a share of the overall one: where a segment's answers are all but equal the
/// likelihood has no maximum.
pub(super) const LEAST: f64 = 1e-3;

/// Normal: the means, then the logarithms of the deviations (one, or one a segment).
#[derive(Debug, Clone)]
pub(super) struct Normal {
    pub(super) n_segments: usize,
    pub(super) shared: bool,
}

impl Normal {
    fn spread(&self, t: usize) -> usize {
        self.n_segments + if self.shared { 0 } else { t }
    }

    pub(super) fn deviation(&self, point: &[f64], t: usize) -> f64 {
        point[self.spread(t)].exp()
    }

    /// The residual in deviations, and the deviation.
    fn residual(&self, point: &[f64], t: usize, y: f64) -> (f64, f64) {
        let deviation = self.deviation(point, t);
        ((y - point[t]) / deviation, deviation)
    }
}

impl Density for Normal {
    fn n_coordinates(&self) -> usize {
        self.n_segments + if self.shared { 1 } else { self.n_segments }
    }

    fn log(&self, point: &[f64], t: usize, y: f64) -> f64 {
        let (z, _) = self.residual(point, t, y);
        -HALF_LN_TWO_PI - point[self.spread(t)] - 0.5 * z * z
    }

    fn slopes(&self, point: &[f64], t: usize, y: f64, each: &mut dyn FnMut(usize, f64)) {
        let (z, deviation) = self.residual(point, t, y);
        each(t, z / deviation);
        each(self.spread(t), z * z - 1.0);
    }

    fn bend(&self, point: &[f64], t: usize, y: f64, each: &mut dyn FnMut(usize, usize, f64)) {
        let (z, deviation) = self.residual(point, t, y);
        let spread = self.spread(t);
        each(t, t, 1.0 / (deviation * deviation));
        each(spread, t, 2.0 * z / deviation);
        each(spread, spread, 2.0 * z * z);
    }

    fn best(&self, cells: &[Cell], members: &[f64]) -> Option<Vec<f64>> {
        let k = self.n_segments;
        let (mut weights, mut sums, mut squares) = (vec![0.0; k], vec![0.0; k], vec![0.0; k]);
        for (cell, members) in cells.iter().zip(members.chunks_exact(k)) {
            for (t, member) in members.iter().enumerate() {
                weights[t] += cell.weight * member;
                sums[t] += cell.weight * member * cell.outcome;
                squares[t] += cell.weight * member * cell.outcome.powi(2);
            }
        }
        let mut point: Vec<f64> = (0..k).map(|t| sums[t] / weights[t]).collect();
        let within = |t: usize| squares[t] - sums[t] * sums[t] / weights[t];
        let spreads: Vec<f64> = if self.shared {
            vec![(0..k).map(within).sum::<f64>() / weights.iter().sum::<f64>()]
        } else {
            (0..k).map(|t| within(t) / weights[t]).collect()
        };
        // Also where a segment has no members at all: not a number is not above the least.
        let possible = spreads.iter().all(|variance| *variance > LEAST * LEAST);
        point.extend(spreads.iter().map(|variance| 0.5 * variance.ln()));
        (possible && point.iter().all(|value| value.is_finite())).then_some(point)
    }
}

/// `ln sqrt(2 π)`.
const HALF_LN_TWO_PI: f64 = 0.918_938_533_204_672_8;

/// The least probability of a level from which an ascent starts.
const RAREST: f64 = 1e-12;

/// Levels: their logits relative to a level of the segment's own, which is a probable one.
#[derive(Debug, Clone)]
pub(super) struct Levels {
    pub(super) n_levels: usize,
    /// By segment.
    pub(super) references: Vec<usize>,
}

impl Levels {
    /// The first coordinate of a segment.
    fn first(&self, t: usize) -> usize {
        t * (self.n_levels - 1)
    }

    /// The coordinate of a level within its segment; `None` for the reference.
    fn place(&self, t: usize, level: usize) -> Option<usize> {
        let reference = self.references[t];
        (level != reference).then(|| self.first(t) + level - usize::from(level > reference))
    }

    fn logit(&self, point: &[f64], t: usize, level: usize) -> f64 {
        self.place(t, level).map_or(0.0, |place| point[place])
    }

    /// The logarithm of the sum of the exponentials of a segment's logits; the largest is taken off, so
    /// that none overflows.
    fn log_sum(&self, point: &[f64], t: usize) -> f64 {
        let logits = || (0..self.n_levels).map(|level| self.logit(point, t, level));
        let most = logits().fold(f64::NEG_INFINITY, f64::max);
        most + logits().map(|logit| (logit - most).exp()).sum::<f64>().ln()
    }

    /// The probabilities of a segment's levels.
    pub(super) fn probabilities(&self, point: &[f64], t: usize) -> Vec<f64> {
        let sum = self.log_sum(point, t);
        let of = |level| (self.logit(point, t, level) - sum).exp();
        (0..self.n_levels).map(of).collect()
    }

    /// The same point with the most probable level of each segment for its reference.
    pub(super) fn refer(&self, point: &[f64]) -> (Self, Vec<f64>) {
        let k = self.references.len();
        let rows: Vec<Vec<f64>> = (0..k).map(|t| self.probabilities(point, t)).collect();
        let most = |row: &Vec<f64>| {
            (0..row.len()).fold(
                0,
                |best, level| if row[level] > row[best] { level } else { best },
            )
        };
        let other = Self {
            n_levels: self.n_levels,
            references: rows.iter().map(most).collect(),
        };
        let point = other.coordinates(&rows);
        (other, point)
    }

    fn coordinates(&self, rows: &[Vec<f64>]) -> Vec<f64> {
        let log = |p: f64| p.max(RAREST).ln();
        let mut point = Vec::new();
        for (row, reference) in rows.iter().zip(&self.references) {
            let others = row
                .iter()
                .enumerate()
                .filter(|(level, _)| level != reference);
            point.extend(others.map(|(_, p)| log(*p) - log(row[*reference])));
        }
        point
    }

    /// Derivatives of the probabilities (a row each, segment by segment) in the coordinates.
    pub(super) fn jacobian(&self, point: &[f64]) -> DMatrix<f64> {
        let k = self.references.len();
        let mut jacobian = DMatrix::zeros(k * self.n_levels, self.n_coordinates());
        for t in 0..k {
            let p = self.probabilities(point, t);
            for by in 0..self.n_levels {
                let Some(place) = self.place(t, by) else {
                    continue;
                };
                for level in 0..self.n_levels {
                    jacobian[(t * self.n_levels + level, place)] =
                        p[level] * (f64::from(u8::from(level == by)) - p[by]);
                }
            }
        }
        jacobian
    }
}

impl Density for Levels {
    fn n_coordinates(&self) -> usize {
        self.references.len() * (self.n_levels - 1)
    }

    // A level is a small whole number, kept as a float beside numbers.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn log(&self, point: &[f64], t: usize, y: f64) -> f64 {
        self.logit(point, t, y as usize) - self.log_sum(point, t)
    }

    fn slopes(&self, point: &[f64], t: usize, y: f64, each: &mut dyn FnMut(usize, f64)) {
        for (level, p) in self.probabilities(point, t).iter().enumerate() {
            if let Some(place) = self.place(t, level) {
                each(place, f64::from(u8::from(level as f64 == y)) - p);
            }
        }
    }

    fn bend(&self, point: &[f64], t: usize, _: f64, each: &mut dyn FnMut(usize, usize, f64)) {
        let p = self.probabilities(point, t);
        for a in 0..self.n_levels {
            for b in 0..=a {
                if let (Some(i), Some(j)) = (self.place(t, a), self.place(t, b)) {
                    let diagonal = if a == b { p[a] } else { 0.0 };
                    each(i, j, diagonal - p[a] * p[b]);
                }
            }
        }
    }

    // As above.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn best(&self, cells: &[Cell], members: &[f64]) -> Option<Vec<f64>> {
        let k = self.references.len();
        let mut rows = vec![vec![0.0; self.n_levels]; k];
        for (cell, members) in cells.iter().zip(members.chunks_exact(k)) {
            for (row, member) in rows.iter_mut().zip(members) {
                row[cell.outcome as usize] += cell.weight * member;
            }
        }
        for row in &mut rows {
            let total: f64 = row.iter().sum();
            for count in row.iter_mut() {
                *count /= total;
            }
        }
        let known = |row: &Vec<f64>| row.iter().all(|p| p.is_finite());
        rows.iter().all(known).then(|| self.coordinates(&rows))
    }
}
