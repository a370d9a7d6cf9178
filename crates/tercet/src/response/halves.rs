//! Customers in two halves: one in which rules are searched for, and one that tells what they are worth.

use rand_chacha::ChaCha8Rng;

use super::forest::divide;
use crate::random::Seed;

/// The generator's stream of the division.
const STREAM: u64 = 3 << 48;

/// Rows of both halves, in their order.
#[derive(Debug, Clone)]
pub(super) struct Halves {
    pub(super) searching: Vec<u32>,
    pub(super) estimating: Vec<u32>,
}

impl Halves {
    /// Divides rows at random, those of each group as evenly as can be.
    pub(super) fn of(groups: &[Vec<u32>], seed: Seed) -> Self {
        let mut generator: ChaCha8Rng = seed.stream(STREAM);
        let (mut searching, mut estimating) = (Vec::new(), Vec::new());
        for rows in groups {
            let wanted = rows.len().div_ceil(2);
            let (drawn, others) = divide(rows.iter().copied(), wanted, &mut generator);
            searching.extend(drawn);
            estimating.extend(others);
        }
        searching.sort_unstable();
        estimating.sort_unstable();
        Self {
            searching,
            estimating,
        }
    }
}

/// The mean of some numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Average {
    pub(super) n: usize,
    pub(super) mean: f64,
    /// The variance of the mean; not finite of fewer than two.
    pub(super) variance: f64,
}

impl Average {
    /// Of a number a row.
    pub(super) fn of(rows: impl Iterator<Item = f64> + Clone) -> Self {
        let mut sums = crate::math::sum::Sums::<1>::zero();
        let mut n = 0;
        rows.clone().for_each(|x| {
            sums.add(&[x]);
            n += 1;
        });
        let count = n as f64;
        let mean = sums.total()[0] / count;
        let mut squares = crate::math::sum::Sums::<1>::zero();
        rows.for_each(|x| squares.add(&[(x - mean) * (x - mean)]));
        Self {
            n,
            mean,
            variance: squares.total()[0] / (count - 1.0) / count,
        }
    }

    /// Its standard error, where there is one.
    pub(super) fn error(&self) -> Option<f64> {
        let known = self.n > 1 && self.variance.is_finite();
        known.then(|| self.variance.sqrt())
    }
}
