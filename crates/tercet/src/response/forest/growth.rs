//! How a tree grows: nodes are split while both sides keep rows enough.

use rand_chacha::ChaCha8Rng;

use super::sampling::choose;
use super::split::{Histogram, Least};
use super::tree::Tree;
use crate::parallel::Gate;
use crate::response::bins::Bins;

/// What a row says: an outcome and the numbers that it is set against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<const K: usize> {
    pub(super) y: f64,
    pub(super) w: [f64; K],
    /// The arm: 0 for the control; of an amount, and where arms do not matter, 0.
    pub(super) arm: u8,
}

/// What a tree looks for in a node: a pseudo-outcome a row, whose sums tell parts of the node apart.
pub(super) trait Rule<const K: usize>: Sync {
    /// Writes the pseudo-outcomes and, where sides need rows of every arm, the arms; false where there
    /// is nothing to be told apart.
    fn label(&self, rows: &[Record<K>], rho: &mut [[f64; K]], arms: &mut [u8]) -> bool;
}

/// How far trees grow.
#[derive(Debug, Clone, Copy)]
pub(super) struct Growth<'a> {
    /// The fewest rows of a leaf, or of each arm in a leaf.
    pub(super) least: usize,
    pub(super) by_arm: bool,
    /// The least share of a node's rows that a side gets.
    pub(super) imbalance: f64,
    pub(super) max_depth: usize,
    /// Features that are looked at in a node.
    pub(super) features: usize,
    pub(super) unordered: &'a [bool],
}

/// The rows of a tree, side by side in the order of its nodes.
struct Field<const K: usize> {
    width: usize,
    bins: Vec<u8>,
    records: Vec<Record<K>>,
    rho: Vec<[f64; K]>,
    arms: Vec<u8>,
    /// Where the right side waits while a node is divided.
    aside: (Vec<u8>, Vec<Record<K>>),
}

/// Grows a tree on some rows; its leaves are empty.
pub(super) fn grow<const K: usize>(
    growth: Growth<'_>,
    rule: &impl Rule<K>,
    bins: &Bins,
    (rows, record): (&[u32], impl Fn(usize) -> Record<K>),
    generator: &mut ChaCha8Rng,
    gate: &Gate<'_, '_>,
) -> Tree {
    let mut field = Field::new(bins, rows, record);
    let mut tree = Tree::new();
    let mut histogram = Histogram::new(growth.features);
    let mut features: Vec<usize> = (0..bins.width()).collect();
    let mut waiting = vec![(0, 0, rows.len(), 0)];
    while let Some((node, start, end, depth)) = waiting.pop() {
        let n = end - start;
        if n < 2 * growth.least.max(1) || depth >= growth.max_depth || gate.is_closed() {
            continue;
        }
        if n > 10_000 {
            gate.poll();
        }
        let (rho, arms) = (&mut field.rho[start..end], &mut field.arms[start..end]);
        if !rule.label(&field.records[start..end], rho, arms) {
            continue;
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a share of n
        let share = (growth.imbalance * n as f64).ceil() as usize;
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let least = Least {
            rows: narrow(share.max(growth.least)),
            of_arm: if growth.by_arm {
                narrow(growth.least)
            } else {
                0
            },
        };
        choose(&mut features, growth.features, generator);
        let found = histogram.best(
            &features[..growth.features],
            growth.unordered,
            (
                &field.bins[start * field.width..end * field.width],
                field.width,
            ),
            (&field.rho[start..end], &field.arms[start..end]),
            least,
        );
        let Some(split) = found else {
            continue;
        };
        let middle = field.divide(start, end, |row| split.side.has(row[split.feature]));
        let left = tree.split(node, split.feature, split.side);
        waiting.push((left + 1, middle, end, depth + 1));
        waiting.push((left, start, middle, depth + 1));
    }
    tree
}

impl<const K: usize> Field<K> {
    fn new(bins: &Bins, rows: &[u32], record: impl Fn(usize) -> Record<K>) -> Self {
        let width = bins.width();
        let mut own = Vec::with_capacity(rows.len() * width);
        for &row in rows {
            own.extend_from_slice(bins.row(row as usize));
        }
        Self {
            width,
            bins: own,
            records: rows.iter().map(|&row| record(row as usize)).collect(),
            rho: vec![[0.0; K]; rows.len()],
            arms: vec![0; rows.len()],
            aside: (Vec::new(), Vec::new()),
        }
    }

    /// Puts the rows of the left side first, in their order, and those of the right side after them;
    /// returns where the right side begins.
    fn divide(&mut self, start: usize, end: usize, is_left: impl Fn(&[u8]) -> bool) -> usize {
        let width = self.width;
        let (aside_bins, aside_records) = &mut self.aside;
        aside_bins.clear();
        aside_records.clear();
        let mut next = start;
        for row in start..end {
            let place = row * width..(row + 1) * width;
            if is_left(&self.bins[place.clone()]) {
                self.bins.copy_within(place, next * width);
                self.records[next] = self.records[row];
                next += 1;
            } else {
                aside_bins.extend_from_slice(&self.bins[place]);
                aside_records.push(self.records[row]);
            }
        }
        self.bins[next * width..end * width].copy_from_slice(aside_bins);
        self.records[next..end].copy_from_slice(aside_records);
        next
    }
}
