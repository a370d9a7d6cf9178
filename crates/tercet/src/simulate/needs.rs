//! Customers with needs: some of them answer a survey, all of them leave traces in the CRM.

use rand::distr::{Distribution, StandardUniform};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Gamma, Poisson, StandardNormal};

use crate::data::NO_ANSWER;
use crate::error::{Error, Result};
use crate::random::Seed;

/// The segments, by what their customers need, largest first.
pub const NEEDS: [&str; 4] = ["price", "convenience", "quality", "advice"];

/// The criteria that respondents rate from 1 (not important) to 5 (decisive).
pub const CRITERIA: [&str; 12] = [
    "low price",
    "special offers",
    "no hidden costs",
    "fast delivery",
    "easy ordering",
    "open at any time",
    "durable products",
    "well-known brands",
    "sustainable production",
    "personal advice",
    "knowledgeable staff",
    "help after the purchase",
];

/// Where customers prefer to buy.
pub const CHANNELS: [&str; 3] = ["shop", "web", "app"];

/// Where customers live.
pub const REGIONS: [&str; 4] = ["north", "east", "south", "west"];

/// Customers of an invented retailer whose needs are known: for notebooks, tests and teaching.
///
/// Each customer has one of the [`NEEDS`]. Needs shift age, tenure, orders, the share of discounted and
/// of online orders and of returns, but no attribute gives a need away: that is how it is in practice.
/// A sample is asked how important twelve [`CRITERIA`] are (on five-point scales that some use
/// generously), where they prefer to buy, and how often they visit; older customers answer more often,
/// and weights correct for that.
///
/// ```
/// use tercet::simulate::NeedsSimulator;
///
/// let company = NeedsSimulator::new(5_000).respondents(500).seed(1).draw()?;
/// assert_eq!(company.customers.segment.len(), 5_000);
/// assert_eq!(company.respondents.customer.len(), 500);
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct NeedsSimulator {
    n_customers: usize,
    n_respondents: usize,
    missing: f64,
    seed: Seed,
}

/// The customers and the survey of some of them.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedNeeds {
    /// All customers, as the CRM knows them, and their true segment.
    pub customers: NeedsCustomers,
    /// Those who answered.
    pub respondents: NeedsRespondents,
}

/// Columns of customers: number, true segment, and what the CRM knows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NeedsCustomers {
    /// Customer number, from 1.
    pub customer: Vec<i64>,
    /// The true segment, from 1, in the order of [`NEEDS`].
    pub segment: Vec<i64>,
    /// Age in years.
    pub age: Vec<f64>,
    /// Years since the first purchase.
    pub tenure: Vec<f64>,
    /// Orders in the last year.
    pub orders: Vec<f64>,
    /// Share of orders at a discount; NaN without orders.
    pub discount_share: Vec<f64>,
    /// Share of orders placed online; NaN without orders.
    pub online_share: Vec<f64>,
    /// Products returned in the last year.
    pub returns: Vec<f64>,
    /// Place in [`REGIONS`].
    pub region: Vec<u8>,
}

/// Columns of respondents.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NeedsRespondents {
    /// Row of each respondent among the customers, from 0.
    pub customer: Vec<i64>,
    /// How many customers, relative to the average respondent, each stands for.
    pub weight: Vec<f64>,
    /// By criterion of [`CRITERIA`]: the rating less 1; [`NO_ANSWER`] where there is none.
    pub ratings: Vec<Vec<u8>>,
    /// Place in [`CHANNELS`].
    pub channel: Vec<u8>,
    /// Visits a month; NaN where there is no answer.
    pub visits: Vec<f64>,
}

/// Shares of the needs before attributes shift them.
const SHARES: [f64; 4] = [0.36, 0.28, 0.22, 0.14];

/// How much each need's own criteria, three in a row, matter more than those of others, on the scale of
/// the ratings' slopes.
const OWN: f64 = 1.1;

/// Spread of the respondents' generosity with high ratings.
const STYLE: f64 = 0.45;

impl NeedsSimulator {
    /// So many customers, a tenth of them respondents (2,000 at most), 5% of answers missing, seed 0.
    pub fn new(n_customers: usize) -> Self {
        Self {
            n_customers,
            n_respondents: (n_customers / 10).clamp(1, 2_000),
            missing: 0.05,
            seed: Seed(0),
        }
    }

    /// How many customers answer the survey.
    pub fn respondents(mut self, n: usize) -> Self {
        self.n_respondents = n;
        self
    }

    /// The probability that an answer is missing.
    pub fn missing(mut self, probability: f64) -> Self {
        self.missing = probability;
        self
    }

    /// The seed: the same seed draws the same customers on any machine.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Seed(seed);
        self
    }

    /// Draws the customers, and the survey.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for no customers, more respondents than customers, or a probability
    /// outside [0, 1).
    pub fn draw(&self) -> Result<SimulatedNeeds> {
        if self.n_customers == 0 || u32::try_from(self.n_customers).is_err() {
            let expected = "a number of customers, at least 1";
            return Err(Error::parameter("n_customers", self.n_customers, expected));
        }
        if !(1..=self.n_customers).contains(&self.n_respondents) {
            let expected = format!("from 1 to {}, the number of customers", self.n_customers);
            return Err(Error::parameter(
                "n_respondents",
                self.n_respondents,
                expected,
            ));
        }
        if !(0.0..1.0).contains(&self.missing) {
            let expected = "a probability, at least 0 and below 1";
            return Err(Error::parameter("missing", self.missing, expected));
        }
        let mut customers = NeedsCustomers::default();
        for row in 0..self.n_customers {
            customers.push(row, &mut self.seed.stream(row as u64))?;
        }
        let respondents = self.survey(&customers)?;
        Ok(SimulatedNeeds {
            customers,
            respondents,
        })
    }

    /// Asks respondents, drawn with probabilities that rise with age.
    fn survey(&self, customers: &NeedsCustomers) -> Result<NeedsRespondents> {
        let mut random = self.seed.stream(u64::MAX);
        let readiness = |row: usize| (0.025 * (customers.age[row] - 45.0)).exp();
        // Efraimidis & Spirakis (2006): the smallest of Exp(rate) variables are a weighted sample
        // without replacement.
        let mut order: Vec<(f64, usize)> = (0..self.n_customers)
            .map(|row| {
                (
                    -uniform(&mut random).max(f64::MIN_POSITIVE).ln() / readiness(row),
                    row,
                )
            })
            .collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut chosen: Vec<usize> = order[..self.n_respondents]
            .iter()
            .map(|(_, row)| *row)
            .collect();
        chosen.sort_unstable();
        let mean =
            chosen.iter().map(|row| 1.0 / readiness(*row)).sum::<f64>() / chosen.len() as f64;
        let mut answers = NeedsRespondents {
            ratings: vec![Vec::new(); CRITERIA.len()],
            ..NeedsRespondents::default()
        };
        for row in chosen {
            let mut random = self.seed.stream((1 << 40) + row as u64);
            // Customers are numbered by 32 bits.
            answers
                .customer
                .push(i64::try_from(row).unwrap_or(i64::MAX));
            answers.weight.push(1.0 / readiness(row) / mean);
            answers.ask(
                usize::try_from(customers.segment[row] - 1).unwrap_or(0),
                self.missing,
                &mut random,
            )?;
        }
        Ok(answers)
    }
}

impl NeedsCustomers {
    fn push(&mut self, row: usize, random: &mut ChaCha8Rng) -> Result<()> {
        let segment = pick(&SHARES, random);
        // By need: price, convenience, quality, advice.
        let [age, tenure, orders, discount, online, returns] = [
            [38.0, 35.0, 47.0, 56.0],
            [2.2, 2.6, 5.0, 5.5],
            [6.0, 11.0, 5.0, 4.0],
            [0.55, 0.3, 0.2, 0.25],
            [0.55, 0.8, 0.45, 0.2],
            [0.5, 1.6, 0.5, 0.3],
        ]
        .map(|by_need: [f64; 4]| by_need[segment]);
        let number = i64::try_from(row).unwrap_or(i64::MAX).saturating_add(1);
        self.customer.push(number);
        self.segment.push(i64::try_from(segment).unwrap_or(0) + 1);
        self.age
            .push((age + 13.0 * normal(random)).clamp(18.0, 92.0).round());
        self.tenure
            .push((10.0 * gamma(1.3, tenure / 1.3, random)?).round() / 10.0);
        // Counts of customers who differ vary more than by chance.
        let bought = poisson(gamma(1.5, orders / 1.5, random)?, random)?;
        self.orders.push(bought);
        self.discount_share.push(share(bought, discount, random));
        self.online_share.push(share(bought, online, random));
        let returned = poisson(returns * bought / orders, random)?;
        self.returns.push(returned.min(bought));
        let east = [0.24, 0.3, 0.27, 0.22][segment];
        let regions = [0.3, east, 0.25, 0.45 - east];
        // There are four regions.
        #[allow(clippy::cast_possible_truncation)]
        self.region.push(pick(&regions, random) as u8);
        Ok(())
    }
}

impl NeedsRespondents {
    fn ask(&mut self, segment: usize, missing: f64, random: &mut ChaCha8Rng) -> Result<()> {
        let style = STYLE * normal(random);
        for (criterion, column) in self.ratings.iter_mut().enumerate() {
            // Criteria differ in how decisive they are for everybody.
            let level = [
                0.35, -0.2, 0.25, 0.1, 0.3, -0.35, 0.3, -0.3, -0.25, -0.35, 0.0, 0.1,
            ][criterion];
            let own = if criterion / 3 == segment { OWN } else { -0.25 };
            let slope = level + own + style;
            let logits: Vec<f64> = (0..5)
                .map(|rating| slope * (f64::from(rating) - 2.0))
                .collect();
            let weights: Vec<f64> = logits
                .iter()
                .zip([0.7, 1.0, 1.3, 1.0, 0.7])
                .map(|(logit, base)| base * logit.exp())
                .collect();
            let total: f64 = weights.iter().sum();
            let shares: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
            let answer = pick(&shares, random);
            let code = if uniform(random) < missing {
                usize::from(NO_ANSWER)
            } else {
                answer
            };
            // A rating has five levels.
            #[allow(clippy::cast_possible_truncation)]
            column.push(code as u8);
        }
        let channels = [
            [0.4, 0.4, 0.2],
            [0.1, 0.4, 0.5],
            [0.5, 0.4, 0.1],
            [0.8, 0.15, 0.05],
        ][segment];
        // There are three channels.
        #[allow(clippy::cast_possible_truncation)]
        let channel = pick(&channels, random) as u8;
        self.channel.push(if uniform(random) < missing {
            NO_ANSWER
        } else {
            channel
        });
        let visits = poisson([2.5, 5.0, 1.8, 1.2][segment], random)?;
        self.visits.push(if uniform(random) < missing {
            f64::NAN
        } else {
            visits
        });
        Ok(())
    }
}

/// The share of a customer's orders that are of some kind; NaN without orders.
fn share(orders: f64, probability: f64, random: &mut ChaCha8Rng) -> f64 {
    // Customers differ around their segment's probability by a logit of deviation 0.8.
    let logit = (probability / (1.0 - probability)).ln() + 0.8 * normal(random);
    let own = 1.0 / (1.0 + (-logit).exp());
    let mut hits = 0.0;
    let mut drawn = 0.0;
    while drawn < orders {
        hits += f64::from(u8::from(uniform(random) < own));
        drawn += 1.0;
    }
    if orders > 0.0 {
        hits / orders
    } else {
        f64::NAN
    }
}

fn gamma(shape: f64, scale: f64, random: &mut ChaCha8Rng) -> Result<f64> {
    let distribution = Gamma::new(shape, scale).map_err(|_| numeric())?;
    Ok(distribution.sample(random))
}

fn poisson(mean: f64, random: &mut ChaCha8Rng) -> Result<f64> {
    if mean < 1e-12 {
        return Ok(0.0);
    }
    Ok(Poisson::new(mean).map_err(|_| numeric())?.sample(random))
}

fn numeric() -> Error {
    Error::Numeric {
        during: "drawing customers".to_owned(),
    }
}

/// Draws a place with the given probabilities.
fn pick(probabilities: &[f64], random: &mut ChaCha8Rng) -> usize {
    let mut left = uniform(random);
    for (place, probability) in probabilities.iter().enumerate() {
        if left < *probability {
            return place;
        }
        left -= probability;
    }
    probabilities.len() - 1
}

fn uniform(random: &mut ChaCha8Rng) -> f64 {
    StandardUniform.sample(random)
}

fn normal(random: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_undo_the_readiness_to_answer() {
        let company = NeedsSimulator::new(40_000)
            .respondents(8_000)
            .seed(3)
            .draw()
            .unwrap();
        let all = &company.customers.age;
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        let respondents = &company.respondents;
        let age = |row: &i64| all[usize::try_from(*row).unwrap()];
        let n = respondents.customer.len() as f64;
        let plain = respondents.customer.iter().map(age).sum::<f64>() / n;
        let weighted: f64 = respondents
            .customer
            .iter()
            .zip(&respondents.weight)
            .map(|(row, w)| w * age(row))
            .sum();
        assert!(plain - mean > 2.0, "{plain} {mean}");
        assert!((weighted / n - mean).abs() < 1.0, "{weighted} {mean}");
    }

    #[test]
    fn the_same_seed_draws_the_same_customers() {
        let draw = |seed| NeedsSimulator::new(300).seed(seed).draw().unwrap();
        // NaN is unlike itself, so the shares are left out.
        let of = |company: &SimulatedNeeds| {
            (
                company.customers.orders.clone(),
                company.respondents.ratings.clone(),
            )
        };
        assert_eq!(of(&draw(5)), of(&draw(5)));
        assert_ne!(of(&draw(5)), of(&draw(6)));
    }
}
