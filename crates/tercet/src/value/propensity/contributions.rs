//! What every feature adds to a customer's log-odds.

use super::fitted::FittedPropensity;
use super::score::Scorer;
use crate::data::Design;
use crate::error::Result;
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

impl FittedPropensity {
    /// What every feature adds to the log-odds of every row.
    ///
    /// # Errors
    /// Those of [`FittedPropensity::probabilities`]; [`crate::Error::InvalidParameter`] for an outcome of
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
}
