//! Why a customer's probability is what it is: the features that move it most.

use super::fitted::FittedPropensity;
use super::score::Scorer;
use crate::data::Design;
use crate::error::{Error, Result};
use crate::observe::{Observer, Phase};

/// Changes of the log-odds below this are no reasons: they move no probability by 0.25 points.
const NOTHING: f64 = 0.01;

/// The features that move each customer's log-odds most, either way, sorted by row and rank.
///
/// Of a feature that changes the log-odds by less than 0.01 nothing is said, and so a row may have fewer
/// reasons than were asked for, or none.
#[derive(Debug, Clone, PartialEq)]
pub struct Reasons {
    /// The features' names, in the order of the columns.
    pub features: Vec<String>,
    /// The row of each reason, from 0.
    pub row: Vec<u32>,
    /// Its rank in the row, from 1, by the size of the contribution.
    pub rank: Vec<u32>,
    /// Its feature, as a place among the names.
    pub feature: Vec<u32>,
    /// What the feature adds to the log-odds of the row, against the mean customer of the fit.
    pub contribution: Vec<f64>,
    /// The log-odds of every row, also of those without reasons.
    pub log_odds: Vec<f64>,
}

impl Reasons {
    /// Number of reasons.
    pub fn len(&self) -> usize {
        self.row.len()
    }

    /// Whether no row has a reason.
    pub fn is_empty(&self) -> bool {
        self.row.is_empty()
    }

    /// The percentage points that each reason is worth: the probability as it is, less that of the same
    /// customer if the feature added what it adds on average.
    ///
    /// `calibrated` is the map from the model's probability to the one that is used; `|p| p` where there
    /// is none.
    pub fn percentage_points(&self, calibrated: impl Fn(f64) -> f64) -> Vec<f64> {
        let own = self.row.iter().zip(&self.contribution);
        own.map(|(row, contribution)| {
            let log_odds = self.log_odds[*row as usize];
            100.0
                * (calibrated(probability(log_odds))
                    - calibrated(probability(log_odds - contribution)))
        })
        .collect()
    }
}

/// `1 / (1 + e^-x)`: an exponential that overflows leaves 0.
fn probability(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

impl FittedPropensity {
    /// The `top` features that move each row's log-odds most.
    ///
    /// # Errors
    /// Those of [`FittedPropensity::contributions`]; [`Error::InvalidParameter`] for `top = 0`.
    ///
    /// # Examples
    /// ```
    /// use tercet::Estimator;
    /// use tercet::data::{Design, Feature};
    /// use tercet::value::propensity::{Propensity, PropensityData};
    ///
    /// let visits: Vec<f64> = (0..400).map(|i| f64::from(i % 10)).collect();
    /// let left: Vec<bool> = (0..400).map(|i| i % 10 < 3 || i % 7 == 0).collect();
    /// let design = || Design::new(vec![("visits".to_owned(), Feature::Numbers(&visits))]);
    /// let data = PropensityData::binary(design()?, "left", &left)?;
    /// let model = Propensity::new().fit(&data)?;
    ///
    /// let reasons = model.reasons(&design()?, 1, &mut ())?;
    /// // The first customer never came, which speaks for leaving.
    /// assert!(reasons.row[0] == 0 && reasons.contribution[0] > 0.0);
    /// let points = reasons.percentage_points(|p| p);
    /// let words = reasons.words(&design()?, &points, &mut ())?;
    /// assert!(words.sentences.get(0).starts_with("visits = 0 raises the probability by "));
    /// # Ok::<(), tercet::Error>(())
    /// ```
    pub fn reasons(
        &self,
        customers: &Design<'_>,
        top: usize,
        observer: &mut dyn Observer,
    ) -> Result<Reasons> {
        self.check_binary("reasons")?;
        if top == 0 {
            return Err(Error::parameter("top", 0, "at least 1"));
        }
        let scorer = Scorer::new(&self.encoding, &self.coefficients, customers)?;
        let centres = self.mean_shares();
        let n = centres.len();
        let baseline = self.coefficients[0] + centres.iter().sum::<f64>();
        let top = top.min(n);
        // The log-odds of a row stand behind its reasons.
        let width = top + 1;
        let mut phase = Phase::new(observer, "explaining");
        let found = scorer.map_tiles(width, &mut phase, |tile, found| {
            let mut shares = Vec::with_capacity(tile.len * n);
            for _ in 0..tile.len {
                shares.extend(centres.iter().map(|centre| -centre));
            }
            scorer.add_shares(tile, n, &mut shares);
            for shares in shares.chunks_exact(n) {
                strongest(shares, top, found);
                found.push((NONE, baseline + shares.iter().sum::<f64>()));
            }
        })?;
        Ok(flat(self.encoding.names(), &found, width))
    }
}

/// The place of a reason that there is not.
const NONE: u32 = u32::MAX;

/// Appends the `top` largest shares, the largest first; of equals the first feature's.
fn strongest(shares: &[f64], top: usize, found: &mut Vec<(u32, f64)>) {
    let start = found.len();
    found.resize(start + top, (NONE, 0.0));
    let own = &mut found[start..];
    let mut least = 0.0;
    for (feature, share) in (0..).zip(shares) {
        let size = share.abs();
        if size < NOTHING || size <= least {
            continue;
        }
        let mut place = top - 1;
        while place > 0 && size > own[place - 1].1.abs() {
            own[place] = own[place - 1];
            place -= 1;
        }
        own[place] = (feature, *share);
        least = own[top - 1].1.abs();
    }
}

/// Reasons from as many entries a row, of which the last has its log-odds.
fn flat(features: Vec<String>, found: &[(u32, f64)], width: usize) -> Reasons {
    let n_rows = found.len() / width;
    let most = found.len() - n_rows;
    let mut reasons = Reasons {
        features,
        row: Vec::with_capacity(most),
        rank: Vec::with_capacity(most),
        feature: Vec::with_capacity(most),
        contribution: Vec::with_capacity(most),
        log_odds: Vec::with_capacity(n_rows),
    };
    for (row, entries) in (0..).zip(found.chunks_exact(width)) {
        for (rank, (feature, contribution)) in (1..).zip(&entries[..width - 1]) {
            if *feature == NONE {
                break;
            }
            reasons.row.push(row);
            reasons.rank.push(rank);
            reasons.feature.push(*feature);
            reasons.contribution.push(*contribution);
        }
        reasons.log_odds.push(entries[width - 1].1);
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_come_first_and_gaps_are_left_out() {
        let mut found = Vec::new();
        for shares in [[0.5, -1.0, 2.0, 0.5, 1.0], [0.0, 0.009, -0.02, 0.0, 0.0]] {
            strongest(&shares, 3, &mut found);
            found.push((NONE, shares.iter().sum()));
        }
        let reasons = flat(vec![String::new(); 5], &found, 4);
        assert_eq!(reasons.row, [0, 0, 0, 1]);
        assert_eq!(reasons.rank, [1, 2, 3, 1]);
        assert_eq!(reasons.feature, [2, 1, 4, 2]);
        assert_eq!(reasons.contribution, [2.0, -1.0, 1.0, -0.02]);
        assert_eq!(reasons.log_odds.len(), 2);
        let points = reasons.percentage_points(|p| p);
        assert!(points[0] > 0.0 && points[1] < 0.0 && points[3].abs() < 0.5);
    }
}
