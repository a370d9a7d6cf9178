//! Trees of a forest, in bags: which rows each bag saw, and what the trees say of rows that it did not.

use super::sampling::RowSet;
use super::tree::Tree;
use crate::error::Result;
use crate::parallel::{Gate, map_blocks_behind};
use crate::response::bins::Bins;

/// A bag: trees that were grown on parts of the same half of the rows.
#[derive(Debug)]
pub(super) struct Bag {
    pub(super) trees: Vec<Tree>,
    /// The half, unless it is known no more.
    pub(super) rows: RowSet,
}

/// For every row `finish` of the mean of the leaves it ends in, over the bags that did not see it, and
/// how many trees these have.
pub(super) fn out_of_bag<T: Send>(
    bags: &[Bag],
    bins: &Bins,
    n: usize,
    width: usize,
    gate: &Gate<'_, '_>,
    finish: impl Fn(usize, &[f64], usize) -> T + Sync + Send,
) -> Result<Vec<T>> {
    let blocks = map_blocks_behind(gate, n, |rows| {
        let mut sums = vec![0.0; rows.len() * width];
        let mut counts = vec![0_usize; rows.len()];
        for bag in bags {
            for tree in &bag.trees {
                let places = sums.chunks_exact_mut(width).zip(&mut counts);
                for (row, (sums, count)) in rows.clone().zip(places) {
                    if !bag.rows.has(row) {
                        add(sums, tree.leaf(bins.row(row)));
                        *count += 1;
                    }
                }
            }
        }
        let places = sums.chunks_exact_mut(width).zip(counts);
        let finished = rows.zip(places).map(|(row, (sums, count))| {
            for sum in sums.iter_mut() {
                *sum /= count as f64;
            }
            finish(row, sums, count)
        });
        finished.collect::<Vec<T>>()
    })?;
    Ok(blocks.into_iter().flatten().collect())
}

/// Adds a leaf's numbers.
#[inline]
pub(super) fn add(sums: &mut [f64], leaf: &[f32]) {
    for (sum, x) in sums.iter_mut().zip(leaf) {
        *sum += f64::from(*x);
    }
}
