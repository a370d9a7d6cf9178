//! Rows together, and what they are worth as a leaf.

/// The most actions of a policy.
pub(in crate::response) const MOST_ACTIONS: usize = 32;

/// How far a sum over the rows may be off by rounding, as a share of the sum of absolute values.
const ROUNDING: f64 = 1e-11;

/// Rows together: the sums of their numbers, and how many they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cell<const A: usize> {
    pub(super) sums: [f64; A],
    pub(super) n: f64,
}

impl<const A: usize> Cell<A> {
    pub(super) const EMPTY: Self = Self {
        sums: [0.0; A],
        n: 0.0,
    };

    #[inline]
    pub(super) fn add(&mut self, other: &Self) {
        for (sum, more) in self.sums.iter_mut().zip(&other.sums) {
            *sum += more;
        }
        self.n += other.n;
    }

    #[inline]
    pub(super) fn count(&mut self, numbers: &[f64; A]) {
        for (sum, more) in self.sums.iter_mut().zip(numbers) {
            *sum += more;
        }
        self.n += 1.0;
    }

    #[inline]
    pub(super) fn without(&self, part: &Self) -> Self {
        Self {
            sums: std::array::from_fn(|k| self.sums[k] - part.sums[k]),
            n: self.n - part.n,
        }
    }
}

/// What a leaf is worth.
pub(super) trait Worth: Sync {
    /// Of its rows; `cost` is of a leaf, in variances of its rows' numbers.
    fn of<const A: usize>(cell: &Cell<A>, cost: f64) -> f64;

    /// Of a node that is split in two.
    #[inline]
    fn of_both<const A: usize>(left: &Cell<A>, right: &Cell<A>, cost: f64) -> f64 {
        Self::of(left, cost) + Self::of(right, cost)
    }

    /// By how much the worth of a tree can be off by rounding.
    fn tolerance<const A: usize>(numbers: &[[f64; A]]) -> f64;

    /// What levels are ordered by, in turn: how many orders there are for so many numbers.
    fn orders(actions: usize) -> usize;

    /// Where a cell stands in one of the orders.
    fn key<const A: usize>(cell: &Cell<A>, order: usize, actions: usize) -> f64;
}

/// The sum of rewards of the action that is best for them.
pub(super) struct BestAction;

impl Worth for BestAction {
    #[inline]
    fn of<const A: usize>(cell: &Cell<A>, _: f64) -> f64 {
        // Pairs, so that two lanes of a register are compared at once.
        let mut most = cell.sums[0];
        for sum in &cell.sums[1..] {
            most = if *sum > most { *sum } else { most };
        }
        most
    }

    fn tolerance<const A: usize>(numbers: &[[f64; A]]) -> f64 {
        let largest = |row: &[f64; A]| row.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        ROUNDING * numbers.iter().map(largest).sum::<f64>()
    }

    fn orders(actions: usize) -> usize {
        // Of two actions one order is the other one backwards.
        if actions == 2 { 1 } else { actions }
    }

    fn key<const A: usize>(cell: &Cell<A>, order: usize, actions: usize) -> f64 {
        let all: f64 = cell.sums[..actions].iter().sum();
        (cell.sums[order] - all / actions as f64) / cell.n
    }
}

/// How far the mean of a number is from 0, squared, times the rows, less what a leaf costs: so many times
/// the variance of the number among its rows. Rows have the number and its square.
pub(super) struct Scatter;

impl Worth for Scatter {
    #[inline]
    fn of<const A: usize>(cell: &Cell<A>, cost: f64) -> f64 {
        if cell.n < 2.0 {
            // Of one row no variance is known; it is a leaf only where it is all there is.
            return 0.0;
        }
        let squared = cell.sums[0] * cell.sums[0] / cell.n;
        squared - cost * (cell.sums[1] - squared) / (cell.n - 1.0)
    }

    fn tolerance<const A: usize>(numbers: &[[f64; A]]) -> f64 {
        ROUNDING * numbers.iter().map(|row| row[1]).sum::<f64>()
    }

    fn orders(_: usize) -> usize {
        1
    }

    fn key<const A: usize>(cell: &Cell<A>, _: usize, _: usize) -> f64 {
        cell.sums[0] / cell.n
    }
}

/// How clearly two sides of a split differ in a number: the square of Welch's t. Rows have the number and its
/// square.
///
/// It is what a split adds to [`Scatter`] before costs, by the variances that it adds: with `p` of `n` rows on
/// the left, `n p (1 - p) (difference)²` and `(1 - p) variance + p other variance`.
pub(super) struct Clearness;

impl Worth for Clearness {
    #[inline]
    fn of<const A: usize>(_: &Cell<A>, _: f64) -> f64 {
        0.0
    }

    #[inline]
    fn of_both<const A: usize>(left: &Cell<A>, right: &Cell<A>, _: f64) -> f64 {
        let [left, right] = [left, right].map(|side| {
            let mean = side.sums[0] / side.n;
            let spread = (side.sums[1] - mean * side.sums[0]).max(0.0);
            (mean, spread / (side.n - 1.0).max(1.0) / side.n)
        });
        let variance = left.1 + right.1;
        if variance > f64::MIN_POSITIVE {
            (left.0 - right.0).powi(2) / variance
        } else {
            0.0
        }
    }

    fn tolerance<const A: usize>(_: &[[f64; A]]) -> f64 {
        0.0
    }

    fn orders(_: usize) -> usize {
        1
    }

    fn key<const A: usize>(cell: &Cell<A>, _: usize, _: usize) -> f64 {
        cell.sums[0] / cell.n
    }
}
