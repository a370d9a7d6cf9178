//! Why a customer's probability is what it is.

use super::fitted::FittedPropensity;
use super::score::Scorer;
use crate::data::Design;
use crate::error::{Error, Result};
use crate::observe::{Observer, Phase};

/// What every feature adds to the log-odds of every row.
///
/// A row's contributions and the baseline add up to its log-odds. The mean of a feature's contributions
/// over the customers of the fit is 0: a contribution says how the row differs from them.
#[derive(Debug, Clone, PartialEq)]
pub struct Contributions {
    /// The log-odds of a customer whose every contribution is 0.
    pub baseline: f64,
    /// The features, in the order of the columns.
    pub features: Vec<String>,
    /// Rows by features, row by row.
    pub values: Vec<f64>,
}

/// The features that raise and lower each row's log-odds most.
#[derive(Debug, Clone, PartialEq)]
pub struct Reasons {
    /// The features, which [`Reasons::feature`] counts.
    pub features: Vec<String>,
    /// How many features are named on either side: a row has twice as many entries, first those that
    /// raise, by size, then those that lower.
    pub k: usize,
    /// The place of a feature; -1 where no more raise or lower.
    pub feature: Vec<i32>,
    /// What it adds to the log-odds; 0 where there is none.
    pub contribution: Vec<f64>,
}

impl FittedPropensity {
    /// What every feature adds to the log-odds of every row.
    ///
    /// # Errors
    /// Those of [`FittedPropensity::probabilities`]; [`Error::InvalidParameter`] for an outcome of
    /// several classes.
    pub fn contributions(
        &self,
        customers: &Design<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Contributions> {
        self.check_binary("contributions")?;
        let scorer = Scorer::new(&self.encoding, &self.coefficients, customers)?;
        let centres = self.mean_shares();
        let n = centres.len();
        let values =
            scorer.map_tiles(n, &mut Phase::new(observer, "explaining"), |tile, found| {
                let start = found.len();
                for _ in 0..tile.len {
                    found.extend(centres.iter().map(|centre| -centre));
                }
                scorer.add_shares(tile, n, &mut found[start..]);
            })?;
        Ok(Contributions {
            baseline: self.coefficients[0] + centres.iter().sum::<f64>(),
            features: self.encoding.names(),
            values,
        })
    }

    /// The `k` features that raise each row's log-odds most, and the `k` that lower them most.
    ///
    /// # Errors
    /// Those of [`FittedPropensity::contributions`]; [`Error::InvalidParameter`] for `k = 0`.
    pub fn reasons(
        &self,
        customers: &Design<'_>,
        k: usize,
        observer: &mut dyn Observer,
    ) -> Result<Reasons> {
        self.check_binary("reasons")?;
        if k == 0 {
            return Err(Error::parameter("k", 0, "at least 1"));
        }
        let scorer = Scorer::new(&self.encoding, &self.coefficients, customers)?;
        let centres = self.mean_shares();
        let n = centres.len();
        let mut phase = Phase::new(observer, "explaining");
        let pairs = scorer.map_tiles(2 * k, &mut phase, |tile, found| {
            let mut shares = Vec::with_capacity(tile.len * n);
            for _ in 0..tile.len {
                shares.extend(centres.iter().map(|centre| -centre));
            }
            scorer.add_shares(tile, n, &mut shares);
            for shares in shares.chunks_exact(n) {
                strongest(shares, k, 1.0, found);
                strongest(shares, k, -1.0, found);
            }
        })?;
        let (feature, contribution) = pairs.into_iter().unzip();
        Ok(Reasons {
            features: self.encoding.names(),
            k,
            feature,
            contribution,
        })
    }
}

/// Appends the `k` largest of one sign, the largest first; of equals the first.
fn strongest(shares: &[f64], k: usize, sign: f64, found: &mut Vec<(i32, f64)>) {
    let start = found.len();
    for (feature, share) in (0_i32..).zip(shares) {
        let size = sign * share;
        if size <= 0.0 {
            continue;
        }
        let own = &found[start..];
        let place = own.iter().position(|(_, other)| sign * other < size);
        match place {
            Some(place) => found.insert(start + place, (feature, *share)),
            None if own.len() < k => found.push((feature, *share)),
            None => continue,
        }
        found.truncate(start + k);
    }
    found.resize(start + k, (-1, 0.0));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_come_first_and_gaps_are_said() {
        let mut found = Vec::new();
        strongest(&[0.5, -1.0, 2.0, 0.5, 1.0], 3, 1.0, &mut found);
        strongest(&[0.5, -1.0, 2.0, 0.5, 1.0], 3, -1.0, &mut found);
        let expected = [
            (2, 2.0),
            (4, 1.0),
            (0, 0.5),
            (1, -1.0),
            (-1, 0.0),
            (-1, 0.0),
        ];
        assert_eq!(found, expected);
    }
}
