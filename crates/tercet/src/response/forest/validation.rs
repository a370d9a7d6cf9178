//! Whether effects differ: effects of later rows, predicted from earlier ones alone.
//!
//! Out of bag, customers are in each other's trees: the product of two customers' noise is in the slope
//! twice, and its error knows of one. So rows are put in a random order and divided into parts. A small
//! forest of all earlier parts predicts the effects of each part, and the doubly robust scores of that part
//! are set against them. Given the earlier parts, the slope's ratio to its error is a standard normal
//! number where all effects are the same; so the weighed sum of the parts' ratios is one too, whatever the
//! forests found (a martingale; Wager 2024, Sequential validation of treatment heterogeneity,
//! arXiv:2405.05534). Each row is tested once, none by what it helped to find.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

use super::growth::{Growth, Record, grow};
use super::moments::{Solved, width, write};
use super::rules::Effects;
use super::sampling::divide;
use super::tree::Tree;
use super::trees::add;
use crate::error::Result;
use crate::math::sum::Sums;
use crate::observe::Phase;
use crate::parallel::map_tasks;
use crate::random::Seed;
use crate::response::bins::Bins;

/// Parts of the rows; the first is only learned from.
const PARTS: usize = 5;
/// Rows that are looked at, at most: differences that so many do not show are of no use to anybody, and
/// the forests of a million rows would cost a quarter of the fit.
const MOST_ROWS: usize = 200_000;
/// Predictions whose variance is a smaller share of their mean square are all the same.
const NOTHING: f64 = 1e-20;

/// The slope of scores on predicted effects, with its error, and how probable so large a one is where all
/// effects are the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Slope {
    pub(super) estimate: f64,
    pub(super) error: f64,
    pub(super) p_value: f64,
}

/// The small forests.
pub(super) struct Validation<'a> {
    /// How trees grow on `n` rows.
    pub(super) growth: &'a (dyn Fn(usize) -> Growth<'a> + Sync),
    pub(super) rule: Effects,
    /// Trees a part.
    pub(super) n_trees: usize,
    pub(super) seed: Seed,
    /// The first of the generator's streams that it draws from.
    pub(super) stream: u64,
}

impl Validation<'_> {
    /// A slope an effect, from what rows are and their scores.
    pub(super) fn of<const K: usize>(
        &self,
        bins: &Bins,
        records: &[Record<K>],
        scores: &[[f64; K]],
        phase: &mut Phase<'_>,
    ) -> Result<Vec<Slope>> {
        let parts = shuffled(records.len(), &mut self.seed.stream(self.stream));
        // The rows before each part but the first.
        let mut earlier: Vec<Vec<u32>> = Vec::with_capacity(PARTS - 1);
        for part in &parts[..PARTS - 1] {
            let mut rows = earlier.last().cloned().unwrap_or_default();
            rows.extend(part);
            rows.sort_unstable();
            earlier.push(rows);
        }
        let n = self.n_trees;
        let trees = map_tasks((PARTS - 1) * n, phase, |task, gate| {
            let mut generator = self.seed.stream(self.stream + 1 + task as u64);
            let rows = &earlier[task / n];
            let (half, _) = divide(rows.iter().copied(), rows.len() / 2, &mut generator);
            let (grown, told) = divide(half.iter().copied(), half.len() / 2, &mut generator);
            let growth = (self.growth)(rows.len());
            let record = |row: usize| records[row];
            let rows = (grown.as_slice(), record);
            let mut tree = grow(growth, &self.rule, bins, rows, &mut generator, gate);
            gate.check()?;
            tree.fill(bins, &told, width(K), |row, numbers| {
                write(&records[row].w, records[row].y, numbers);
            });
            Ok(tree)
        })?;
        let mut ratios = vec![Vec::with_capacity(PARTS - 1); K];
        for (place, (part, trees)) in parts[1..].iter().zip(trees.chunks(n)).enumerate() {
            let Some(effects) = predicted::<K>(trees, bins, part) else {
                continue;
            };
            for (k, ratios) in ratios.iter_mut().enumerate() {
                let pairs = effects.iter().zip(part);
                let pairs = pairs.map(|(effects, row)| (scores[*row as usize][k], effects[k]));
                // More rows tell better what to look for.
                let weight = (place + 1) as f64;
                ratios.extend(ratio(pairs).map(|[slope, error]| (weight, slope, error)));
            }
        }
        Ok(ratios.iter().map(|ratios| together(ratios)).collect())
    }
}

/// Rows in a random order, in parts; those of a part in their order. Of many a random sample.
fn shuffled(n: usize, generator: &mut ChaCha8Rng) -> Vec<Vec<u32>> {
    let mut left: Vec<u32> = (0..u32::try_from(n).unwrap_or(u32::MAX)).collect();
    if n > MOST_ROWS {
        left = divide(left.iter().copied(), MOST_ROWS, generator).0;
    }
    let parts = (0..PARTS).map(|part| {
        let wanted = left.len() / (PARTS - part);
        let (drawn, others) = divide(left.iter().copied(), wanted, generator);
        left = others;
        drawn
    });
    parts.collect()
}

/// The effects of some rows by trees that saw none of them; `None` where these do not tell arms apart.
fn predicted<const K: usize>(trees: &[Tree], bins: &Bins, rows: &[u32]) -> Option<Vec<[f64; K]>> {
    let effects = rows.iter().map(|row| {
        let mut sums = vec![0.0; width(K)];
        for tree in trees {
            add(&mut sums, tree.leaf(bins.row(*row as usize)));
        }
        for sum in &mut sums {
            *sum /= trees.len() as f64;
        }
        Some(Solved::<K>::new(&sums)?.effects)
    });
    effects.collect()
}

/// The slope of scores on predictions, with its error whatever the variances are (HC1); `None` where
/// predictions are all the same.
fn ratio(pairs: impl Iterator<Item = (f64, f64)> + Clone) -> Option<[f64; 2]> {
    let mut sums = Sums::<4>::zero();
    for (score, effect) in pairs.clone() {
        sums.add(&[1.0, score, effect, effect * effect]);
    }
    let [n, score, effect, square] = sums.total();
    let (level, centre) = (score / n, effect / n);
    let mut sums = Sums::<2>::zero();
    for (score, effect) in pairs.clone() {
        let effect = effect - centre;
        sums.add(&[effect * effect, (score - level) * effect]);
    }
    let [spread, product] = sums.total();
    if !(n > 2.0 && spread > NOTHING * square) {
        return None;
    }
    let slope = product / spread;
    let mut meat = Sums::<1>::zero();
    for (score, effect) in pairs {
        let effect = effect - centre;
        meat.add(&[(effect * (score - level - slope * effect)).powi(2)]);
    }
    let error = (meat.total()[0] * n / (n - 2.0)).sqrt() / spread;
    (slope.is_finite() && error > 0.0 && error.is_finite()).then_some([slope, error])
}

/// One slope of several parts, whose ratio to its error is the weighed sum of the parts'.
fn together(parts: &[(f64, f64, f64)]) -> Slope {
    let (mut ratio, mut square, mut certainty) = (0.0, 0.0, 0.0);
    for (weight, slope, error) in parts {
        ratio += weight * slope / error;
        square += weight * weight;
        certainty += weight / error;
    }
    if parts.is_empty() {
        // Effects that are all the same have no slope.
        return Slope {
            estimate: 0.0,
            error: 0.0,
            p_value: 1.0,
        };
    }
    Slope {
        estimate: ratio / certainty,
        error: square.sqrt() / certainty,
        p_value: Normal::standard().sf(ratio / square.sqrt()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_of_different_rows_and_not_of_all_where_these_are_many() {
        for (n, looked_at) in [(1_003, 1_003), (MOST_ROWS + 50_000, MOST_ROWS)] {
            let parts = shuffled(n, &mut Seed(1).stream(0));
            assert_eq!(parts.len(), PARTS);
            let mut rows: Vec<u32> = parts.concat();
            rows.sort_unstable();
            rows.dedup();
            assert_eq!(rows.len(), looked_at);
            assert!(parts.iter().all(|part| part.len() >= looked_at / PARTS));
        }
    }
}
