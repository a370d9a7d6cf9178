//! What each arm would bring of each customer: doubly robust.
//!
//! ```text
//! Γ_a = μ_a(x) + 1{w = a} (y - μ_a(x)) / e_a(x)
//! ```
//!
//! with `μ_a`, the outcome expected under arm `a`, told by regression forests of the arm's customers, and
//! `e_a`, the probability of the arm (Robins, Rotnitzky & Zhao 1994, Journal of the American Statistical
//! Association 89, 846-866). The mean of `Γ_a` over customers chosen by their features is the mean outcome
//! with everybody among them in arm `a`, where `μ` or `e` is right.

use super::fit::{blame, check_arms, with_effects};
use super::growth::Growth;
use super::nuisance::{Expectation, Expected, mean};
use crate::error::Result;
use crate::observe::{Observer, Phase};
use crate::random::Seed;
use crate::response::bins::Bins;
use crate::response::data::{EffectData, Propensities};

/// The first of the generator's streams; each arm's expectation has its own, and so have the arms.
const STREAM: u64 = 1 << 44;

/// How expectations are learned.
#[derive(Debug, Clone, Copy)]
pub(in crate::response) struct Nuisances<'a> {
    pub(in crate::response) bins: &'a Bins,
    pub(in crate::response) unordered: &'a [bool],
    pub(in crate::response) names: &'a [String],
    pub(in crate::response) trees: usize,
    pub(in crate::response) min_propensity: f64,
    pub(in crate::response) seed: Seed,
}

impl Nuisances<'_> {
    /// The rewards of every row, an arm each, row by row: a row that expectations are `learned` from is
    /// told by trees that did not see it, any other row by all trees.
    pub(in crate::response) fn rewards(
        self,
        data: &EffectData<'_>,
        learned: &[u32],
        observer: &mut dyn Observer,
    ) -> Result<Vec<f64>> {
        let (n, k) = (data.len(), data.arms().len());
        let propensities = self.propensities(data, learned, observer)?;
        let mut rewards = vec![0.0; n * k];
        let y = data.outcome();
        for arm in 0..k {
            let of_arm = |row: &u32| data.arm(*row as usize) == arm;
            let rows: Vec<u32> = learned.iter().copied().filter(of_arm).collect();
            let mut phase = Phase::new(observer, "expecting the outcome");
            let expectation = self.expectation(rows.len(), arm as u64);
            let told = expectation.of(self.bins, (n, &rows), |row| [y[row]], &mut phase)?;
            for (row, [expected]) in told.values.into_iter().enumerate() {
                let mut reward = expected;
                if data.arm(row) == arm {
                    let p = propensities[row * k + arm].max(self.min_propensity);
                    reward += (y[row] - expected) / p;
                }
                rewards[row * k + arm] = reward;
            }
        }
        Ok(rewards)
    }

    fn expectation(&self, rows: usize, stream: u64) -> Expectation<'_> {
        let p = self.unordered.len();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // small and positive
        let grown = |x: f64| x.ceil() as usize;
        Expectation {
            growth: Growth {
                least: grown((rows as f64).sqrt() / 2.0).clamp(5, 20.max(rows / 10)),
                by_arm: false,
                imbalance: 0.05,
                max_depth: usize::MAX,
                features: (grown((p as f64).sqrt()) + 20).clamp(1, p),
                unordered: self.unordered,
            },
            n_trees: self.trees,
            seed: self.seed,
            stream: STREAM + (stream << 32),
        }
    }

    /// The probability of every arm a row.
    fn propensities(
        &self,
        data: &EffectData<'_>,
        learned: &[u32],
        observer: &mut dyn Observer,
    ) -> Result<Vec<f64>> {
        let n = data.len();
        match data.propensities() {
            Propensities::Rows(rows) => Ok(rows.to_vec()),
            Propensities::Shares(shares) => Ok(shares.repeat(n)),
            Propensities::Observed => {
                let counts = data.arm_counts();
                let shares: Vec<f64> = counts.iter().map(|&m| m as f64 / n as f64).collect();
                Ok(shares.repeat(n))
            }
            Propensities::Estimated => {
                with_effects!(data.n_effects(), K => self.estimated::<K>(data, learned, observer))
            }
        }
    }

    fn estimated<const K: usize>(
        &self,
        data: &EffectData<'_>,
        learned: &[u32],
        observer: &mut dyn Observer,
    ) -> Result<Vec<f64>> {
        let mut phase = Phase::new(observer, "expecting the treatment");
        let treated = |row: usize| data.treated::<K>(row);
        let n = data.len();
        let expectation = self.expectation(learned.len(), K as u64 + 1);
        let Expected { values, first } =
            expectation.of(self.bins, (n, learned), treated, &mut phase)?;
        let row = |p: &[f64; K]| {
            let control = 1.0 - p.iter().sum::<f64>();
            std::iter::once(control).chain(*p).collect::<Vec<f64>>()
        };
        let all: Vec<f64> = values.iter().flat_map(row).collect();
        check_arms(data, &all, self.min_propensity, &blame(self.names, first))?;
        Ok(all)
    }
}

/// The mean of each arm's rewards over some rows.
pub(in crate::response) fn means(rewards: &[f64], actions: usize, rows: &[u32]) -> Vec<f64> {
    let of = |action: usize| {
        let [found] = mean(rows.len(), |place| {
            [rewards[rows[place] as usize * actions + action]]
        });
        found
    };
    (0..actions).map(of).collect()
}
