//! What outcome and treatment are expected to be, from the features alone: regression forests, of which
//! every row is told by trees that did not see it.

use super::growth::{Growth, Record, grow};
use super::rules::Means;
use super::sampling::{RowSet, divide};
use super::trees::{Bag, out_of_bag};
use crate::error::Result;
use crate::observe::Phase;
use crate::parallel::{Gate, map_tasks};
use crate::random::Seed;
use crate::response::bins::Bins;

/// The expectation of `K` numbers a row.
pub(super) struct Expectation<'a> {
    pub(super) growth: Growth<'a>,
    pub(super) n_trees: usize,
    pub(super) seed: Seed,
    /// The first of the generator's streams that it draws from.
    pub(super) stream: u64,
}

/// What rows are expected to be, and what the first splits looked at.
pub(super) struct Expected<const K: usize> {
    pub(super) values: Vec<[f64; K]>,
    /// The feature of most first splits.
    pub(super) first: Option<usize>,
}

impl Expectation<'_> {
    /// Fits to some of the rows and tells all `n`.
    pub(super) fn of<const K: usize>(
        &self,
        bins: &Bins,
        (n, learned): (usize, &[u32]),
        value: impl Fn(usize) -> [f64; K] + Sync + Send,
        phase: &mut Phase<'_>,
    ) -> Result<Expected<K>> {
        let bags = map_tasks(self.n_trees, phase, |tree, gate| {
            let mut generator = self.seed.stream(self.stream + tree as u64);
            let rows = learned.iter().copied();
            let (inside, _) = divide(rows, learned.len() / 2, &mut generator);
            let record = |row| Record {
                y: 0.0,
                w: value(row),
                arm: 0,
            };
            let mut tree = grow(
                self.growth,
                &Means,
                bins,
                (&inside, record),
                &mut generator,
                gate,
            );
            let write = |row: usize, numbers: &mut [f64]| numbers.copy_from_slice(&value(row));
            tree.fill(bins, &inside, K, write);
            Ok(Bag {
                trees: vec![tree],
                rows: RowSet::new(n, &inside),
            })
        })?;
        let mut counts = vec![0_usize; bins.width()];
        for first in bags.iter().filter_map(|bag| bag.trees[0].first_feature()) {
            counts[first] += 1;
        }
        let most = (0..counts.len()).max_by_key(|&feature| counts[feature]);
        let gate = Gate::new(phase);
        let overall = mean(learned.len(), |place| value(learned[place] as usize));
        let values = out_of_bag(&bags, bins, n, K, &gate, |_, mean, trees| {
            // A row that every tree saw, as happens with few trees, is told the mean of all.
            std::array::from_fn(|k| if trees == 0 { overall[k] } else { mean[k] })
        })?;
        Ok(Expected {
            values,
            first: most.filter(|&feature| counts[feature] > 0),
        })
    }
}

/// The mean of all rows.
pub(super) fn mean<const K: usize>(n: usize, value: impl Fn(usize) -> [f64; K]) -> [f64; K] {
    let mut sums = crate::math::sum::Sums::<K>::zero();
    for row in 0..n {
        sums.add(&value(row));
    }
    sums.total().map(|sum| sum / n as f64)
}
