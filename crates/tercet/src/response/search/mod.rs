//! The best shallow tree over binned features, by looking at all of them.
//!
//! For the root's feature the rows are sorted by bin. Bin by bin the sums of the rows' numbers are gathered
//! in every bin of every feature: so the left side of each cut is known by what its children would need,
//! the right side is what is left of the whole, and the best split of both is one pass over their bins. Of
//! `n` rows, `p` features, `B` bins and `d` numbers a row this takes `p² (n d + B² d)` additions, where
//! sorting customers by their values (Zhou, Athey & Wager 2023, Operations Research 71, 148-183) takes
//! `p² n² (log n + d)`; on binned features both find the same tree.
//!
//! # The splits that are looked at
//! - Of numbers every cut between bins that have rows, missing values on the one or the other side, and
//!   missing values against all others.
//! - Of levels, the missing one among them, each level against the others, and every cut of an order of
//!   them. Orders are by the mean of the numbers looked for, in the node: of an effect one order; of two
//!   actions that of their difference; of more an order an action, by its reward less that of all actions.
//!   Of two actions the best of all divisions of the last split's levels is among these
//!   (Fisher 1958, Journal of the American Statistical Association 53, 789-798).
//!
//! # Ties
//! Trees whose worth differs by less than rounding can make up are equal: the one of fewest splits is
//! taken, then the first feature, then the lowest cut.

mod cell;
mod deep;
mod field;
mod pair;
mod rule;
mod set;
mod stump;
mod tree;

#[cfg(test)]
mod brute;

use rand::Rng;

use crate::error::Result;
use crate::parallel::Gate;
use crate::random::Seed;
use crate::response::bins::{Binning, Bins};

pub(super) use cell::MOST_ACTIONS;
use cell::{BestAction, Clearness, Scatter, Worth};
use deep::deepest;
use field::{Desk, Field};
use pair::Node;
pub(super) use rule::condition;
pub(super) use set::BinSet;
pub(super) use tree::{Part, ShallowTree};

/// How often signs are drawn to learn what chance does.
const DRAWS: u64 = 20;
/// The first of the generator's streams.
const STREAM: u64 = 6 << 48;

/// The most splits one below the other.
pub(super) const DEEPEST: usize = 3;

/// What is looked for, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search<'s> {
    /// The rows' features.
    pub(super) bins: &'s Bins,
    pub(super) space: &'s Space,
    /// At most so many splits one below the other, up to [`DEEPEST`].
    pub(super) depth: usize,
    /// The fewest rows of a leaf, at least 1.
    pub(super) min_leaf: usize,
    /// Root splits of a tree of depth 3 below which all trees are looked at.
    pub(super) shortlist: usize,
}

/// The bins of every feature.
#[derive(Debug, Clone)]
pub(super) struct Space {
    /// Which features are levels, so that their bins have no order.
    unordered: Vec<bool>,
    /// Where the cells of each feature start, and where the last one's end.
    starts: Vec<usize>,
}

impl Space {
    pub(super) fn new(binning: &Binning) -> Self {
        let mut starts = vec![0];
        let mut end = 0;
        for count in binning.counts() {
            end += count;
            starts.push(end);
        }
        Self {
            unordered: binning.unordered(),
            starts,
        }
    }

    fn width(&self) -> usize {
        self.unordered.len()
    }

    /// Cells of all features.
    fn cells(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }

    /// The cells of one feature.
    fn of(&self, feature: usize) -> std::ops::Range<usize> {
        self.starts[feature]..self.starts[feature + 1]
    }
}

/// A tree that was found.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) tree: ShallowTree,
    /// Whether no tree of the depth is worth more.
    pub(super) exact: bool,
}

/// Runs a block with the number of numbers a row, or the next larger one, as a constant.
macro_rules! with_actions {
    ($n:expr, $a:ident => $body:expr) => {
        match $n {
            0..=2 => {
                const $a: usize = 2;
                $body
            }
            3 => {
                const $a: usize = 3;
                $body
            }
            4 => {
                const $a: usize = 4;
                $body
            }
            5..=8 => {
                const $a: usize = 8;
                $body
            }
            9..=20 => {
                const $a: usize = 20;
                $body
            }
            _ => {
                const $a: usize = 32;
                $body
            }
        }
    };
}

impl Search<'_> {
    /// The tree whose leaves' best actions add up to the most: `rewards` has `actions` numbers a row of
    /// the whole table, of which `rows` are looked at.
    ///
    /// The leaf's action is the first of equals.
    pub(super) fn policy(
        self,
        rows: &[u32],
        (rewards, actions): (&[f64], usize),
        gate: &Gate<'_, '_>,
    ) -> Result<Found> {
        with_actions!(actions, A => {
            // The first action again fills up what the constant has more: it is never better than itself.
            let number = |row: u32| {
                let own = &rewards[row as usize * actions..][..actions];
                std::array::from_fn::<f64, A, _>(|k| own[if k < actions { k } else { 0 }])
            };
            self.run::<A, BestAction>(rows, (actions, 0.0), number, gate)
        })
    }

    /// The tree whose leaves' means of a score differ most, after what a leaf costs: the largest sum over
    /// leaves of `n (mean - mean of all)² - cost variance`. A leaf has at least two rows.
    pub(super) fn effects(
        self,
        rows: &[u32],
        (score, cost): (impl Fn(u32) -> f64 + Sync, f64),
        gate: &Gate<'_, '_>,
    ) -> Result<Found> {
        let n = rows.len().max(1) as f64;
        let mut sum = crate::math::sum::Sums::<1>::zero();
        for &row in rows {
            sum.add(&[score(row)]);
        }
        let centre = sum.total()[0] / n;
        let number = |row: u32| {
            let own = score(row) - centre;
            [own, own * own]
        };
        let search = Self {
            min_leaf: self.min_leaf.max(2),
            ..self
        };
        search.run::<2, Scatter>(rows, (1, cost), number, gate)
    }

    /// How clear the best of all single splits is where a score has nothing to do with the features: the mean
    /// of the largest squared t over draws in which each row's score, less the mean, has a sign by chance. A
    /// row's variance stays with its features (the wild bootstrap of Wu 1986, The Annals of Statistics 14,
    /// 1261-1295). Of a single split looked at it is 1.
    pub(super) fn luck(
        self,
        rows: &[u32],
        score: impl Fn(u32) -> f64,
        seed: Seed,
        gate: &Gate<'_, '_>,
    ) -> Result<f64> {
        let mut numbers: Vec<[f64; 2]> = rows.iter().map(|&row| [score(row), 0.0]).collect();
        let mut sum = crate::math::sum::Sums::<1>::zero();
        for number in &numbers {
            sum.add(&[number[0]]);
        }
        let centre = sum.total()[0] / rows.len().max(1) as f64;
        for [own, square] in &mut numbers {
            *own -= centre;
            *square = *own * *own;
        }
        let search = Self {
            min_leaf: self.min_leaf.max(2),
            ..self
        };
        let mut desk = Desk::new(self.space.width());
        let mut clearness = 0.0;
        for draw in 0..DRAWS {
            gate.check()?;
            let mut generator = seed.stream(STREAM + draw);
            for [own, _] in &mut numbers {
                *own = if generator.next_u32() & 1 == 0 {
                    *own
                } else {
                    -*own
                };
            }
            let field = search.field::<2, Clearness>(rows, &numbers, (1, 0.0));
            let places: Vec<u32> = (0..u32::try_from(rows.len()).unwrap_or(u32::MAX)).collect();
            let node = Node::new(&field, &places, &mut desk);
            clearness += field
                .stump::<Clearness>(&node.cells, &node.total, &mut desk)
                .worth;
        }
        Ok((clearness / DRAWS as f64).max(1.0))
    }

    fn field<'f, const A: usize, W: Worth>(
        &'f self,
        rows: &'f [u32],
        numbers: &'f [[f64; A]],
        (actions, cost): (usize, f64),
    ) -> Field<'f, A> {
        Field {
            bins: self.bins,
            rows,
            numbers,
            space: self.space,
            actions,
            min_leaf: self.min_leaf.max(1) as f64,
            tolerance: W::tolerance(numbers),
            cost,
        }
    }

    fn run<const A: usize, W: Worth>(
        self,
        rows: &[u32],
        (actions, cost): (usize, f64),
        number: impl Fn(u32) -> [f64; A],
        gate: &Gate<'_, '_>,
    ) -> Result<Found> {
        let numbers: Vec<[f64; A]> = rows.iter().map(|&row| number(row)).collect();
        let places: Vec<u32> = (0..u32::try_from(rows.len()).unwrap_or(u32::MAX)).collect();
        let field = self.field::<A, W>(rows, &numbers, (actions, cost));
        deepest::<A, W>(&field, &places, self.depth, self.shortlist, gate)
    }
}
