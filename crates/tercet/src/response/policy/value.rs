//! What a rule is worth, on customers that it was not chosen by.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::math::interval::normal_quantile;
use crate::response::halves::Average;

/// A mean with its standard error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Rows that it is of.
    pub n: usize,
    /// The mean.
    pub mean: f64,
    /// Its standard error; none of fewer than two rows.
    pub standard_error: Option<f64>,
}

impl Estimate {
    pub(super) fn of(rows: impl Iterator<Item = f64> + Clone) -> Option<Self> {
        let found = Average::of(rows);
        (found.n > 0).then(|| Self {
            n: found.n,
            mean: found.mean,
            standard_error: found.error(),
        })
    }

    /// The interval at confidence `level`; none without a standard error.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error) for a level outside 0 and 1.
    pub fn interval(&self, level: f64) -> Result<Option<[f64; 2]>> {
        Ok(self.ends(normal_quantile(level)?))
    }

    /// The interval that reaches `z` standard errors to either side.
    pub(super) fn ends(&self, z: f64) -> Option<[f64; 2]> {
        let error = self.standard_error?;
        Some([self.mean - z * error, self.mean + z * error])
    }
}

/// The mean reward by the rule, by each action for everybody, and what the rule adds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyValue {
    /// The rule's mean reward.
    pub policy: Estimate,
    /// The mean reward of each action, were it everybody's.
    pub actions: Vec<Estimate>,
    /// By how much the rule's is above each of these: the same rows, so that errors are those of the
    /// difference.
    pub gains: Vec<Estimate>,
}

impl PolicyValue {
    /// Of some rows, `chosen` by the rule; `None` without any. `rewards` are row by row.
    pub(super) fn of(
        rows: &[u32],
        chosen: impl Fn(u32) -> usize,
        (rewards, actions): (&[f64], usize),
    ) -> Option<Self> {
        let reward = |row: u32, action: usize| rewards[row as usize * actions + action];
        let own = |row: u32| reward(row, chosen(row));
        let each = || rows.iter().copied();
        let of = |action: usize| Estimate::of(each().map(|row| reward(row, action)));
        let gain = |action: usize| Estimate::of(each().map(|row| own(row) - reward(row, action)));
        Some(Self {
            policy: Estimate::of(each().map(own))?,
            actions: (0..actions).filter_map(of).collect(),
            gains: (0..actions).filter_map(gain).collect(),
        })
    }
}
