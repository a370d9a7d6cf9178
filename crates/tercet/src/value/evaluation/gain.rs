//! What contacting the best so-and-so many reaches: gain, lift, response, profit.

use super::amounts::Amounts;
use super::curve::{Reached, at_shares, profits, scores_at_shares};
use super::outcomes::Outcomes;
use super::ranking::Ranked;
use super::resampling::Resampling;
use super::scores::check_shares;
use crate::error::{Error, Result};
use crate::observe::{Observer, Phase};

/// Settings of a gain table.
///
/// Customers are contacted from the highest probability to the lowest. Where a share ends within
/// customers of the same probability, it takes its part of all of them: the mean over random orders.
///
/// ```
/// use tercet::value::evaluation::{Amounts, GainSettings, Outcomes};
///
/// let y = [true, true, false, true, false, false, false, false, false, false];
/// let p = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0];
/// let table = GainSettings::new()
///     .shares([0.2, 1.0])
///     .money(Amounts::Same(10.0), Amounts::Same(1.0))
///     .table(&Outcomes::new(&y, &p)?, &mut ())?;
/// assert_eq!(table.rows[0].events, 2.0); // of three, among the best fifth
/// assert_eq!(table.rows[0].profit.unwrap()[0], 18.0); // two events of 10, two contacts of 1
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct GainSettings<'a> {
    shares: Vec<f64>,
    money: Option<(Amounts<'a>, Amounts<'a>)>,
    resampling: Resampling,
}

impl Default for GainSettings<'_> {
    fn default() -> Self {
        Self {
            shares: (1..=10).map(|tenth| f64::from(tenth) / 10.0).collect(),
            money: None,
            resampling: Resampling::default(),
        }
    }
}

impl<'a> GainSettings<'a> {
    /// Tenths, 200 replications, intervals of 95 %.
    pub fn new() -> Self {
        Self::default()
    }

    /// The shares to stop at, above 0 and at most 1, ascending.
    pub fn shares(mut self, shares: impl Into<Vec<f64>>) -> Self {
        self.shares = shares.into();
        self
    }

    /// What an event of a contacted customer is worth, and what contacting one costs.
    pub fn money(mut self, benefit: Amounts<'a>, cost: Amounts<'a>) -> Self {
        self.money = Some((benefit, cost));
        self
    }

    /// Bootstrap replications; 0 for no intervals.
    pub fn replications(mut self, replications: usize) -> Self {
        self.resampling.replications = replications;
        self
    }

    /// Confidence level of the intervals.
    pub fn level(mut self, level: f64) -> Self {
        self.resampling.level = level;
        self
    }

    /// The seed of the replications.
    pub fn seed(mut self, seed: u64) -> Self {
        self.resampling.seed = seed;
        self
    }

    /// Makes the table.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for shares that cannot be, or amounts; [`Error::Interrupted`].
    pub fn table(&self, outcomes: &Outcomes<'_>, observer: &mut dyn Observer) -> Result<GainTable> {
        self.resampling.check()?;
        check_shares(&self.shares)?;
        if self.shares.is_empty() || !self.shares.is_sorted_by(|a, b| a < b) {
            let expected = "at least one share, each larger than the one before";
            return Err(Error::parameter(
                "shares",
                format!("{:?}", self.shares),
                expected,
            ));
        }
        if let Some((benefit, cost)) = &self.money {
            benefit.check_benefit("benefit", outcomes.len())?;
            cost.check("cost", outcomes.len())?;
        }
        let mut phase = Phase::new(observer, "ranking");
        let ranked = Ranked::by_probability(outcomes, &mut phase)?;
        let profit = self
            .money
            .map(|(benefit, cost)| profits(&ranked, &benefit, &cost));
        let total: f64 = ranked.weight.iter().sum();
        let events: f64 = events_of(&ranked, &ranked.weight);
        let found = at_shares(
            &ranked,
            &ranked.weight,
            profit.as_deref(),
            &self.shares,
            total,
        );
        let mut phase = Phase::new(observer, "resampling").of(self.resampling.replications);
        let draws = self.resampling.run(&ranked, &mut phase, |weights| {
            let own: f64 = weights.iter().sum();
            let own_events = events_of(&ranked, weights);
            let reached = at_shares(&ranked, weights, profit.as_deref(), &self.shares, own);
            // As if as many had been drawn, by weight, as there are.
            let share = |one: &Reached| [one.events / own_events, one.profit * total / own];
            reached.iter().map(share).collect::<Vec<_>>()
        })?;
        let cutoffs = scores_at_shares(&ranked, &self.shares, total);
        let mut before = Reached::default();
        let rows = self.shares.iter().enumerate().map(|(k, &share)| {
            let reached = found[k];
            let captured = reached.events / events;
            let draws_of = |what: usize| draws.iter().map(|draw| draw[k][what]).collect::<Vec<_>>();
            let captured_interval = self.resampling.interval(captured, &draws_of(0), [0.0, 1.0]);
            let profit = self.money.map(|_| {
                let any = [f64::NEG_INFINITY, f64::INFINITY];
                let [lower, upper] = self.resampling.interval(reached.profit, &draws_of(1), any);
                [reached.profit, lower, upper]
            });
            let band_response =
                (reached.events - before.events) / (reached.contacted - before.contacted);
            before = reached;
            GainRow {
                share,
                cutoff: cutoffs[k],
                contacted: reached.contacted,
                events: reached.events,
                captured,
                captured_interval,
                response: reached.events / reached.contacted,
                band_response,
                lift: captured / share,
                lift_interval: captured_interval.map(|end| end / share),
                band_lift: band_response / (events / total),
                profit,
            }
        });
        Ok(GainTable {
            rows: rows.collect(),
            event_rate: events / total,
            n_events: events,
            total,
        })
    }
}

fn events_of(ranked: &Ranked, weights: &[f64]) -> f64 {
    let rows = ranked.happened.iter().zip(weights);
    rows.map(|(happened, w)| if *happened { *w } else { 0.0 })
        .sum()
}

/// What is reached by contacting the best share of the customers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GainRow {
    /// The share contacted.
    pub share: f64,
    /// The probability of the last customer contacted.
    pub cutoff: f64,
    /// Customers contacted, by weight.
    pub contacted: f64,
    /// Their events, by weight.
    pub events: f64,
    /// Those as a share of all events.
    pub captured: f64,
    /// Its interval; NaN without one.
    pub captured_interval: [f64; 2],
    /// Events as a share of those contacted.
    pub response: f64,
    /// The same of the customers that this row has more than the one before.
    pub band_response: f64,
    /// How many times more events than contacting as many at random reaches.
    pub lift: f64,
    /// Its interval.
    pub lift_interval: [f64; 2],
    /// The same of the customers that this row has more than the one before.
    pub band_lift: f64,
    /// Benefit of the events less the cost of the contacts, with its interval.
    pub profit: Option<[f64; 3]>,
}

/// Shares from the best customers on.
#[derive(Debug, Clone, PartialEq)]
pub struct GainTable {
    /// One a share.
    pub rows: Vec<GainRow>,
    /// Share of events among all.
    pub event_rate: f64,
    /// All events, by weight.
    pub n_events: f64,
    /// All customers, by weight.
    pub total: f64,
}
