//! Draws data from the models with known truth: for tests, benchmarks, teaching and planning.

mod needs;

use rand::distr::{Distribution, Open01};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Gamma};

use crate::data::PurchaseSummary;
use crate::error::{Error, Result};
use crate::observe::{Observer, Phase};
use crate::parallel::map_blocks;
use crate::random::Seed;
use crate::units::TimeUnit;

pub use needs::{
    CHANNELS, CRITERIA, NEEDS, NeedsCustomers, NeedsRespondents, NeedsSimulator, REGIONS,
    SimulatedNeeds,
};

/// Customers who buy by the BG/NBD model and spend by the Gamma-Gamma model.
///
/// Parameters default to those of the CDNOW data (Fader, Hardie & Lee 2005; Fader & Hardie 2013):
/// customers come in over 12 weeks and are observed for 78.
///
/// ```
/// use tercet::simulate::PurchaseSimulator;
///
/// let simulated = PurchaseSimulator::new(100).seed(1).draw_log(&mut ())?;
/// assert_eq!(simulated.customers.rate.len(), 100);
/// assert!(simulated.customer.len() >= 100); // everybody buys at least once
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct PurchaseSimulator {
    n_customers: usize,
    seed: Seed,
    purchases: [f64; 4],
    spend: [f64; 3],
    time_unit: TimeUnit,
    acquisition: f64,
    duration: f64,
}

/// A log of purchases on whole days, and the truth behind it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SimulatedPurchases {
    /// Customer of each purchase, from 1; the log is sorted by customer and day.
    pub customer: Vec<i64>,
    /// Day of each purchase, from 0.
    pub day: Vec<i64>,
    /// Amount of each purchase.
    pub amount: Vec<f64>,
    /// The truth, a row a customer.
    pub customers: SimulatedCustomers,
    /// The last day that was observed.
    pub observation_end: i64,
}

/// What is true of each simulated customer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SimulatedCustomers {
    /// Customer number, from 1.
    pub customer: Vec<i64>,
    /// Day of the first purchase.
    pub first_day: Vec<i64>,
    /// Purchases per time unit while active (λ).
    pub rate: Vec<f64>,
    /// Probability of dropping out after a repeat purchase (p).
    pub dropout_probability: Vec<f64>,
    /// Mean spend per purchase.
    pub mean_spend: Vec<f64>,
    /// Whether the customer is still active at the end of observation.
    pub alive: Vec<bool>,
    /// Purchases in the log, the first one included.
    pub purchases: Vec<i64>,
}

impl PurchaseSimulator {
    /// CDNOW-like customers, seed 0.
    pub fn new(n_customers: usize) -> Self {
        Self {
            n_customers,
            seed: Seed(0),
            purchases: [0.243, 4.414, 0.793, 2.426],
            spend: [6.25, 3.74, 15.44],
            time_unit: TimeUnit::Week,
            acquisition: 12.0,
            duration: 78.0,
        }
    }

    /// The seed: the same seed draws the same customers, on any machine and number of threads.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Seed(seed);
        self
    }

    /// The parameters of buying and leaving.
    pub fn purchases(mut self, r: f64, alpha: f64, a: f64, b: f64) -> Self {
        self.purchases = [r, alpha, a, b];
        self
    }

    /// The parameters of spend.
    pub fn spend(mut self, p: f64, q: f64, v: f64) -> Self {
        self.spend = [p, q, v];
        self
    }

    /// The unit of `alpha`, acquisition and duration.
    pub fn time_unit(mut self, time_unit: TimeUnit) -> Self {
        self.time_unit = time_unit;
        self
    }

    /// Time units over which the first purchases are spread evenly.
    pub fn acquisition(mut self, time_units: f64) -> Self {
        self.acquisition = time_units;
        self
    }

    /// Time units from the first possible purchase to the end of observation.
    pub fn duration(mut self, time_units: f64) -> Self {
        self.duration = time_units;
        self
    }

    /// Draws a log of purchases on whole days, and the truth behind it.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for parameters that are not positive, an acquisition longer than
    /// the duration, or more than `u32::MAX` customers; [`Error::Interrupted`].
    pub fn draw_log(&self, observer: &mut dyn Observer) -> Result<SimulatedPurchases> {
        let laws = self.laws()?;
        // Days in a time unit; a period of unsaid length is a day of the log.
        let days = self.time_unit.days().unwrap_or(1.0);
        let phase = &mut Phase::new(observer, "simulating").of(self.n_customers);
        let blocks = map_blocks(self.n_customers, phase, |customers| {
            let mut block = SimulatedPurchases::default();
            for customer in customers {
                self.draw_customer(customer, &laws)
                    .append_to(&mut block, customer, days);
            }
            block
        })?;
        let mut all = SimulatedPurchases {
            observation_end: whole(self.duration * days),
            ..SimulatedPurchases::default()
        };
        for block in blocks {
            all.append(block);
        }
        Ok(all)
    }

    /// Draws a summary in continuous time, without rounding to days: what the likelihood assumes.
    ///
    /// # Errors
    /// As [`PurchaseSimulator::draw_log`].
    pub fn draw_summary(&self) -> Result<PurchaseSummary> {
        let laws = self.laws()?;
        let mut summary = PurchaseSummary {
            monetary_value: Some(Vec::new()),
            observation_end: whole(self.duration),
            ..PurchaseSummary::default()
        };
        for customer in 0..self.n_customers {
            let history = self.draw_customer(customer, &laws);
            let repeats = &history.purchases[1..];
            let count = repeats.len() as f64;
            let mean = repeats.iter().map(|(_, amount)| amount).sum::<f64>() / count.max(1.0);
            let first = history.purchases[0].0;
            let last = repeats.last().map_or(first, |(time, _)| *time);
            summary.first_row.push(whole(customer as f64));
            summary.frequency.push(count);
            summary.recency.push(last - first);
            summary.age.push(self.duration - first);
            summary.first_time.push(whole(first));
            summary.last_time.push(whole(last));
            summary.monetary_value.get_or_insert_default().push(mean);
        }
        Ok(summary)
    }

    fn laws(&self) -> Result<Laws> {
        let [r, alpha, a, b] = self.purchases;
        let [p, q, v] = self.spend;
        let named = [
            ("r", r),
            ("alpha", alpha),
            ("a", a),
            ("b", b),
            ("p", p),
            ("q", q),
            ("v", v),
            ("duration", self.duration),
        ];
        for (name, value) in named {
            if !(value > 0.0 && value.is_finite()) {
                return Err(Error::parameter(name, value, "a positive number"));
            }
        }
        if !(0.0..=self.duration).contains(&self.acquisition) {
            return Err(Error::parameter(
                "acquisition",
                self.acquisition,
                format!("between 0 and the duration, {}", self.duration),
            ));
        }
        if self.n_customers == 0 || u32::try_from(self.n_customers).is_err() {
            return Err(Error::parameter(
                "n_customers",
                self.n_customers,
                "between 1 and 4294967295",
            ));
        }
        let law =
            |what: &str| Error::parameter(what, "", "parameters that a distribution can have");
        Ok(Laws {
            rate: Gamma::new(r, 1.0 / alpha).map_err(|_| law("r, alpha"))?,
            dropout: Beta::new(a, b).map_err(|_| law("a, b"))?,
            scale: Gamma::new(q, 1.0 / v).map_err(|_| law("q, v"))?,
            amount: Gamma::new(p, 1.0).map_err(|_| law("p"))?,
            shape: p,
        })
    }

    fn draw_customer(&self, customer: usize, laws: &Laws) -> History {
        let generator = &mut self.seed.stream(customer as u64);
        let rate = laws.rate.sample(generator);
        let dropout = laws.dropout.sample(generator);
        let scale = laws.scale.sample(generator);
        let mut time = self.acquisition * uniform(generator);
        let mut history = History {
            rate,
            dropout,
            mean_spend: laws.shape / scale,
            alive: true,
            purchases: vec![(time, laws.amount.sample(generator) / scale)],
        };
        loop {
            time -= uniform(generator).ln() / rate;
            // A rate that underflowed to 0 waits for ever, which is after the end, too.
            if time >= self.duration {
                return history;
            }
            history
                .purchases
                .push((time, laws.amount.sample(generator) / scale));
            if uniform(generator) < dropout {
                history.alive = false;
                return history;
            }
        }
    }
}

/// The distributions that customers are drawn from.
#[derive(Debug)]
struct Laws {
    rate: Gamma<f64>,
    dropout: Beta<f64>,
    scale: Gamma<f64>,
    amount: Gamma<f64>,
    shape: f64,
}

/// One customer in continuous time.
#[derive(Debug)]
struct History {
    rate: f64,
    dropout: f64,
    mean_spend: f64,
    alive: bool,
    /// (time, amount), the first purchase included.
    purchases: Vec<(f64, f64)>,
}

impl History {
    fn append_to(&self, log: &mut SimulatedPurchases, customer: usize, days: f64) {
        let number = whole(customer as f64) + 1;
        for &(time, amount) in &self.purchases {
            log.customer.push(number);
            log.day.push(whole(time * days));
            log.amount.push(amount);
        }
        let truth = &mut log.customers;
        truth.customer.push(number);
        truth.first_day.push(whole(self.purchases[0].0 * days));
        truth.rate.push(self.rate);
        truth.dropout_probability.push(self.dropout);
        truth.mean_spend.push(self.mean_spend);
        truth.alive.push(self.alive);
        truth.purchases.push(whole(self.purchases.len() as f64));
    }
}

impl SimulatedPurchases {
    fn append(&mut self, other: Self) {
        self.customer.extend(other.customer);
        self.day.extend(other.day);
        self.amount.extend(other.amount);
        let (all, more) = (&mut self.customers, other.customers);
        all.customer.extend(more.customer);
        all.first_day.extend(more.first_day);
        all.rate.extend(more.rate);
        all.dropout_probability.extend(more.dropout_probability);
        all.mean_spend.extend(more.mean_spend);
        all.alive.extend(more.alive);
        all.purchases.extend(more.purchases);
    }
}

fn uniform(generator: &mut ChaCha8Rng) -> f64 {
    Open01.sample(generator)
}

/// Whole days (or numbers) of something far below 2^53.
#[allow(clippy::cast_possible_truncation)]
fn whole(value: f64) -> i64 {
    value.floor() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_draw_begins_with_the_smaller_one() {
        let draw = |n| PurchaseSimulator::new(n).seed(3).draw_log(&mut ()).unwrap();
        let (small, large) = (draw(50), draw(5_000));
        assert_eq!(small.amount, large.amount[..small.amount.len()]);
        assert_eq!(small.customers.rate, large.customers.rate[..50]);
    }

    #[test]
    fn the_log_is_sorted_and_within_its_days() {
        let log = PurchaseSimulator::new(500)
            .seed(1)
            .draw_log(&mut ())
            .unwrap();
        assert!(log.customer.is_sorted());
        assert!(
            log.day
                .iter()
                .all(|day| (0..=log.observation_end).contains(day))
        );
        let purchases: i64 = log.customers.purchases.iter().sum();
        assert_eq!(usize::try_from(purchases), Ok(log.customer.len()));
    }

    #[test]
    fn impossible_parameters_are_refused() {
        for simulator in [
            PurchaseSimulator::new(0),
            PurchaseSimulator::new(9).purchases(0.0, 1.0, 1.0, 1.0),
            PurchaseSimulator::new(9).spend(1.0, f64::NAN, 1.0),
            PurchaseSimulator::new(9).acquisition(100.0),
        ] {
            assert!(simulator.draw_log(&mut ()).is_err());
        }
    }
}
