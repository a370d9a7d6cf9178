//! The bootstrap: customers drawn anew, with replacement.
//!
//! Rows of one customer (at several dates, say) are drawn together, since they are not independent
//! (the cluster bootstrap; Field & Welsh 2007, Journal of the Royal Statistical Society B 69,
//! 369-390). Nothing is sorted again: a replication is the same ranking with other weights.

use rand::distr::{Distribution, Uniform};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::ranking::Ranked;
use crate::error::{Error, Result};
use crate::observe::Phase;
use crate::parallel::map_tasks;
use crate::random::Seed;

/// How often, at which level and from which seed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Resampling {
    pub(super) replications: usize,
    pub(super) level: f64,
    pub(super) seed: u64,
}

impl Default for Resampling {
    fn default() -> Self {
        Self {
            replications: 200,
            level: 0.95,
            seed: 0,
        }
    }
}

impl Resampling {
    /// That the settings can be used; no replications at all are an answer without intervals.
    pub(super) fn check(&self) -> Result<()> {
        if self.replications == 1 {
            return Err(Error::parameter(
                "replications",
                1,
                "0 for no intervals, or at least 2 (200 or more for intervals to rely on)",
            ));
        }
        crate::math::interval::normal_quantile(self.level).map(drop)
    }

    /// `statistic` of each replication, given the weights of all places, in order.
    pub(super) fn run<T: Send>(
        &self,
        ranked: &Ranked,
        phase: &mut Phase<'_>,
        statistic: impl Fn(&[f64]) -> T + Sync + Send,
    ) -> Result<Vec<T>> {
        map_tasks(self.replications, phase, |replication, gate| {
            let weights = self.weights(ranked, replication)?;
            gate.poll();
            gate.check()?;
            Ok(statistic(&weights))
        })
    }

    /// The weight of every place in one replication.
    fn weights(&self, ranked: &Ranked, replication: usize) -> Result<Vec<f64>> {
        // No more customers than rows, which 32 bits can count.
        let n = u32::try_from(ranked.n_customers).unwrap_or(u32::MAX);
        let customer = Uniform::new(0, n).map_err(|_| Error::Numeric {
            during: "drawing customers".to_owned(),
        })?;
        let mut random = Seed(self.seed).stream(replication as u64);
        let mut drawn = vec![0_u16; ranked.n_customers];
        for _ in 0..n {
            let times = &mut drawn[customer.sample(&mut random) as usize];
            *times = times.saturating_add(1);
        }
        let weight = ranked.weight.iter();
        Ok(match &ranked.customer {
            None => weight
                .zip(&drawn)
                .map(|(w, times)| w * f64::from(*times))
                .collect(),
            Some(customers) => weight
                .zip(customers)
                .map(|(w, customer)| w * f64::from(drawn[*customer as usize]))
                .collect(),
        })
    }

    /// The interval of a figure from what the replications gave.
    ///
    /// The quantiles of the replications, moved by the difference of their mean from the figure. Where
    /// drawing anew has no bias that is the percentile interval. Figures such as the calibration error
    /// grow whenever noise is added, in every replication; unmoved quantiles would then lie above the
    /// figure that they are meant to surround.
    pub(super) fn interval(&self, value: f64, draws: &[f64], range: [f64; 2]) -> [f64; 2] {
        let mut finite: Vec<f64> = draws.iter().copied().filter(|x| x.is_finite()).collect();
        // Half of the replications without the figure: what is left is no sample of it.
        if finite.len() < 2 || 2 * finite.len() < draws.len() || !value.is_finite() {
            return [f64::NAN; 2];
        }
        finite.sort_unstable_by(f64::total_cmp);
        let bias = finite.iter().sum::<f64>() / finite.len() as f64 - value;
        let tail = 0.5 * (1.0 - self.level);
        [tail, 1.0 - tail].map(|at| (quantile(&finite, at) - bias).clamp(range[0], range[1]))
    }
}

/// The fold of every place; customers stay whole, and each fold gets customers of all scores.
pub(super) fn folds_of(ranked: &Ranked, n: usize, mut random: ChaCha8Rng) -> Vec<usize> {
    // Customers are numbered along the ranking, so a run of as many as there are folds has like scores.
    let mut of_customer: Vec<usize> = (0..ranked.n_customers).map(|one| one % n).collect();
    for run in of_customer.chunks_mut(n) {
        run.shuffle(&mut random);
    }
    match &ranked.customer {
        None => of_customer,
        Some(customers) => customers
            .iter()
            .map(|customer| of_customer[*customer as usize])
            .collect(),
    }
}

/// The quantile of ascending numbers, linear between neighbours (Hyndman & Fan 1996, type 7).
pub(super) fn quantile(ascending: &[f64], at: f64) -> f64 {
    let place = at * (ascending.len() - 1) as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the length"
    )]
    let below = place.floor() as usize;
    let above = (below + 1).min(ascending.len() - 1);
    let rest = place - below as f64;
    ascending[below] + rest * (ascending[above] - ascending[below])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::evaluation::Outcomes;

    #[test]
    fn everybody_is_drawn_once_on_average_and_customers_stay_whole() {
        let happened: Vec<bool> = (0..600).map(|i| i % 3 == 0).collect();
        let p: Vec<f64> = (0..600).map(|i| f64::from(i) / 600.0).collect();
        let customers: Vec<i64> = (0..600).map(|i| i / 2).collect();
        let outcomes = Outcomes::new(&happened, &p).unwrap();
        let outcomes = outcomes
            .with_customers(crate::data::Ids::Integers(&customers))
            .unwrap();
        let mut silent = ();
        let mut phase = Phase::new(&mut silent, "testing");
        let ranked = Ranked::by_probability(&outcomes, &mut phase).unwrap();
        let resampling = Resampling::default();
        let totals = resampling.run(&ranked, &mut phase, |weights| {
            assert!(weights.chunks(2).all(|pair| pair[0] == pair[1]));
            weights.iter().sum::<f64>()
        });
        assert!(totals.unwrap().iter().all(|total| *total == 600.0));
    }

    #[test]
    fn quantiles_are_those_of_numpy() {
        // numpy.quantile([1, 2, 4, 8], [.1, .5, .975])
        for (at, want) in [(0.1, 1.3), (0.5, 3.0), (0.975, 7.7)] {
            assert!((quantile(&[1.0, 2.0, 4.0, 8.0], at) - want).abs() < 1e-12);
        }
    }
}
