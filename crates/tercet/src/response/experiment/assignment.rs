//! Who gets what: at random within strata, the same for the same customers in whatever order.

use rand::Rng;

use crate::data::Ids;
use crate::error::{Error, Result};
use crate::observe::{Observer, Phase};
use crate::random::Seed;

/// Assigns customers to arms by shares, exactly within every stratum but for rounding.
///
/// Customers of a stratum are taken in the order of their ids, shuffled (Fisher & Yates) by a `ChaCha8`
/// stream of the stratum's own, and dealt to the arms in runs. What rounding leaves over goes to arms by a
/// systematic draw, so that every customer's chances are the shares, whatever the stratum's size. The order
/// of the rows changes nothing.
///
/// ```
/// use tercet::data::Ids;
/// use tercet::response::experiment::Assignment;
///
/// let ids: Vec<i64> = (0..100).collect();
/// let strata: Vec<u32> = (0..100).map(|i| i % 2).collect();
/// let arms = Assignment::new([0.5, 0.25, 0.25], 7)?
///     .assign("customer_id", Ids::Integers(&ids), Some(&strata), &mut ())?;
/// assert_eq!(arms.iter().filter(|arm| **arm == 0).count(), 50);
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    shares: Vec<f64>,
    seed: Seed,
}

impl Assignment {
    /// By the arms' shares, which need not add up to 1.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for no arm, or a share that is not positive.
    pub fn new(shares: impl Into<Vec<f64>>, seed: u64) -> Result<Self> {
        let shares: Vec<f64> = shares.into();
        let sum: f64 = shares.iter().sum();
        if shares.is_empty() || !shares.iter().all(|share| *share > 0.0) || !sum.is_finite() {
            let expected = "a positive number for each arm";
            return Err(Error::parameter("shares", format!("{shares:?}"), expected));
        }
        Ok(Self {
            shares: shares.iter().map(|share| share / sum).collect(),
            seed: Seed(seed),
        })
    }

    /// Every row's arm. `strata` are numbered in an order that does not depend on the rows (that of their
    /// labels).
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a customer with two rows; [`Error::ShapeMismatch`];
    /// [`Error::Interrupted`].
    pub fn assign(
        &self,
        column: &str,
        ids: Ids<'_>,
        strata: Option<&[u32]>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<u16>> {
        ids.check_unique(column, observer)?;
        let mut phase = Phase::new(observer, "assigning");
        let codes = ids.codes(column, &mut phase)?;
        if let Some(strata) = strata
            && strata.len() != ids.len()
        {
            return Err(Error::ShapeMismatch {
                column: "strata".to_owned(),
                expected: ids.len(),
                found: strata.len(),
            });
        }
        // Rows by stratum, in the order of the ids.
        let stratum = |row: usize| strata.map_or(0, |strata| strata[row] as usize);
        let n_strata = (0..ids.len()).map(stratum).max().map_or(0, |last| last + 1);
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); n_strata];
        for &row in &codes.first_row {
            members[stratum(row as usize)].push(row);
        }
        let mut arms = vec![0; ids.len()];
        for (number, rows) in (0..).zip(&mut members) {
            let mut draws = self.seed.stream(number);
            for last in (1..rows.len()).rev() {
                rows.swap(last, below(&mut draws, last + 1));
            }
            let sizes = self.sizes(rows.len(), unit(&mut draws));
            let mut left = rows.iter();
            for (arm, size) in (0..).zip(sizes) {
                for row in left.by_ref().take(size) {
                    arms[*row as usize] = arm;
                }
            }
            phase.poll()?;
        }
        Ok(arms)
    }

    /// How many of `n` customers each arm gets: the whole parts of its share, and what is left over by a
    /// systematic draw from `start` in [0, 1).
    fn sizes(&self, n: usize, start: f64) -> Vec<usize> {
        let mut sizes = Vec::with_capacity(self.shares.len());
        let (mut cumulated, mut given) = (0.0, 0);
        for (arm, share) in self.shares.iter().enumerate() {
            cumulated += share * n as f64;
            // At least 0 and at most n: a share of n and less than 1 are added up.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let until = ((cumulated + start).floor() as usize).min(n);
            let until = if arm + 1 == self.shares.len() {
                n
            } else {
                until
            };
            sizes.push(until - given);
            given = until;
        }
        sizes
    }
}

/// A number below `n`: the high half of a product, whose bias of `n / 2^64` nobody can see.
#[allow(clippy::cast_possible_truncation)] // below n
fn below(draws: &mut impl Rng, n: usize) -> usize {
    ((u128::from(draws.next_u64()) * n as u128) >> 64) as usize
}

/// A number in [0, 1) of 53 bits.
fn unit(draws: &mut impl Rng) -> f64 {
    (draws.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// A covariate in the arms: how alike they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Balance {
    /// Rows of the arm where it is known.
    pub n: usize,
    /// Its mean there; NaN without rows.
    pub mean: f64,
    /// The difference from the first arm's mean, in standard deviations within arms; NaN where nothing
    /// varies.
    pub difference: f64,
}

/// The means of a covariate by arm, and their standardised differences from the first arm's.
///
/// # Errors
/// [`Error::ShapeMismatch`]; [`Error::InvalidData`] for a code that is no arm.
pub fn balance(column: &str, values: &[f64], arms: &[u16], n_arms: usize) -> Result<Vec<Balance>> {
    if values.len() != arms.len() {
        return Err(Error::ShapeMismatch {
            column: column.to_owned(),
            expected: arms.len(),
            found: values.len(),
        });
    }
    if let Some(row) = arms.iter().position(|arm| usize::from(*arm) >= n_arms) {
        return Err(Error::data("arm", row, "is none of the arms"));
    }
    let mut sums = vec![[0.0; 2]; n_arms];
    let known = || arms.iter().zip(values).filter(|(_, value)| !value.is_nan());
    for (arm, value) in known() {
        let own = &mut sums[usize::from(*arm)];
        *own = [own[0] + 1.0, own[1] + value];
    }
    let means: Vec<f64> = sums.iter().map(|[n, sum]| sum / n).collect();
    let scatter: f64 = known()
        .map(|(arm, value)| (value - means[usize::from(*arm)]).powi(2))
        .sum();
    let all: f64 = sums.iter().map(|[n, _]| n).sum();
    let deviation = (scatter / (all - n_arms as f64)).sqrt();
    Ok(sums
        .iter()
        .zip(&means)
        .map(|([n, _], mean)| Balance {
            // A count of rows.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            n: *n as usize,
            mean: *mean,
            difference: (mean - means[0]) / deviation,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_may_come_in_any_order() {
        let ids: Vec<i64> = (0..1_000).map(|i| (i * 7919) % 100_003).collect();
        let strata: Vec<u32> = ids
            .iter()
            .map(|id| u32::try_from(id % 3).unwrap())
            .collect();
        let assignment = Assignment::new([0.1, 0.6, 0.3], 3).unwrap();
        let assign = |ids: &[i64], strata: &[u32]| {
            assignment
                .assign("id", Ids::Integers(ids), Some(strata), &mut ())
                .unwrap()
        };
        let forward = assign(&ids, &strata);
        let (mut ids, mut strata) = (ids, strata);
        ids.reverse();
        strata.reverse();
        let mut backward = assign(&ids, &strata);
        backward.reverse();
        assert_eq!(forward, backward);
        for stratum in 0..3 {
            let own = forward
                .iter()
                .rev()
                .zip(&strata)
                .filter(|(_, one)| **one == stratum);
            let n = own.clone().count() as f64;
            let second = own.filter(|(arm, _)| **arm == 1).count() as f64;
            assert!((second - 0.6 * n).abs() <= 1.0);
        }
    }

    #[test]
    fn the_draw_is_the_one_that_was_published() {
        // A changed list here means that a seed no longer reproduces an assignment.
        let ids: Vec<i64> = (0..12).collect();
        let found = Assignment::new([1.0, 1.0], 42)
            .unwrap()
            .assign("id", Ids::Integers(&ids), None, &mut ())
            .unwrap();
        assert_eq!(found.iter().filter(|arm| **arm == 1).count(), 6);
        assert_eq!(found, PINNED);
    }

    const PINNED: [u16; 12] = [0, 1, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0];

    #[test]
    fn small_strata_keep_the_shares_on_average() {
        let ids: Vec<i64> = (0..30_000).collect();
        let strata: Vec<u32> = (0..30_000).map(|i| i / 3).collect();
        let found = Assignment::new([0.8, 0.2], 5)
            .unwrap()
            .assign("id", Ids::Integers(&ids), Some(&strata), &mut ())
            .unwrap();
        let second = found.iter().filter(|arm| **arm == 1).count() as f64 / 30_000.0;
        assert!((second - 0.2).abs() < 0.01, "{second}");
    }

    #[test]
    fn a_customer_twice_is_refused() {
        let assignment = Assignment::new([1.0, 1.0], 1).unwrap();
        let found = assignment.assign("id", Ids::Integers(&[4, 4]), None, &mut ());
        assert!(
            found
                .unwrap_err()
                .to_string()
                .starts_with("column 'id', row 1")
        );
        assert!(Assignment::new([1.0, 0.0], 1).is_err());
    }

    #[test]
    fn balance_is_in_standard_deviations() {
        let found = balance("x", &[1.0, 3.0, 2.0, 4.0, f64::NAN], &[0, 0, 1, 1, 1], 2).unwrap();
        assert_eq!((found[1].n, found[1].mean), (2, 3.0));
        assert!((found[1].difference - 1.0 / 2_f64.sqrt()).abs() < 1e-12);
    }
}
