//! How good probabilities are: ranking, sharpness and calibration, each with its interval.

use super::enough::{Enough, EnoughData};
use super::outcomes::Outcomes;
use super::ranking::Ranked;
use super::resampling::Resampling;
use super::tally::{Tallied, Tally};
use crate::error::{Error, Result};
use crate::observe::{Observer, Phase};

/// Settings of a judgement of probabilities.
///
/// # Measures
/// With outcomes `y`, predictions `p` and weights `w`:
///
/// | measure | definition |
/// |---|---|
/// | `event_rate` | `Σ w y / Σ w` |
/// | `auc` | the share of pairs of a row with the event and one without in which the first has the higher `p`; equal `p` count half |
/// | `average_precision` | `Σ_k (R_k - R_{k-1}) P_k` over distinct `p` from the highest (recall `R`, precision `P`) |
/// | `lift@s` | share of the events among the best share `s` of the rows, over `s`; ties at the border count by their mean |
/// | `log_loss` | mean of `-ln p` where the event happened, `-ln(1 - p)` elsewhere; `p` kept 2.2e-16 away from 0 and 1 |
/// | `brier` | mean of `(y - p)²` = reliability - resolution + uncertainty |
/// | `brier_reliability` | what the best monotone recalibration of the same rows takes off the Brier score: 0 is perfect |
/// | `brier_resolution` | what that recalibration wins over predicting the event rate for all: more is better |
/// | `brier_uncertainty` | Brier score of the event rate |
/// | `ece` | `Σ_b (W_b / W) |ȳ_b - p̄_b|` over groups of equal weight by `p`; equal `p` stay in one group |
/// | `calibration_slope` | `b` of `logit q = a + b logit p`: below 1 predictions are too extreme |
/// | `calibration_intercept` | `a` with `b` held at 1: below 0 predictions are too high |
///
/// The decomposition by monotone recalibration needs no bins and holds exactly (Dimitriadis, Gneiting
/// & Jordan 2021, PNAS 118, e2016191118).
///
/// # Intervals
/// Customers are drawn with replacement, all rows of each together. The interval is that of the
/// quantiles, moved to the figure where the replications lie beside it.
///
/// ```
/// use tercet::value::evaluation::{Outcomes, ScoreSettings};
///
/// let p: Vec<f64> = (0..400).map(|i| (f64::from(i) + 0.5) / 400.0).collect();
/// let y: Vec<bool> = (0..400).map(|i| i % 7 < i / 60).collect();
/// let scores = ScoreSettings::new().score(&Outcomes::new(&y, &p)?, &mut ())?;
/// let auc = scores.get("auc").unwrap();
/// assert!(auc.lower < auc.value && auc.value < auc.upper && auc.lower > 0.5);
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct ScoreSettings {
    shares: Vec<f64>,
    bins: usize,
    resampling: Resampling,
}

impl Default for ScoreSettings {
    fn default() -> Self {
        Self {
            shares: vec![0.1],
            bins: 10,
            resampling: Resampling::default(),
        }
    }
}

impl ScoreSettings {
    /// Lift of the best tenth, ten groups, 200 replications, intervals of 95 %.
    pub fn new() -> Self {
        Self::default()
    }

    /// The shares of which the lift is told, above 0 and at most 1.
    pub fn shares(mut self, shares: impl Into<Vec<f64>>) -> Self {
        self.shares = shares.into();
        self
    }

    /// The groups of the calibration error.
    pub fn bins(mut self, bins: usize) -> Self {
        self.bins = bins;
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

    /// Judges probabilities by outcomes that their model has not seen.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for settings that cannot be; [`Error::Interrupted`].
    pub fn score(
        &self,
        outcomes: &Outcomes<'_>,
        observer: &mut dyn Observer,
    ) -> Result<ProbabilityScores> {
        self.resampling.check()?;
        check_shares(&self.shares)?;
        let mut phase = Phase::new(observer, "ranking");
        let ranked = Ranked::by_probability(outcomes, &mut phase)?;
        let mut ascending = self.shares.clone();
        ascending.sort_unstable_by(f64::total_cmp);
        let tallied = Tallied::new(&ranked, &ascending, self.bins, &mut phase)?;
        let Some(found) = tallied.of_all() else {
            return Err(Error::Numeric {
                during: "judging probabilities of one class".to_owned(),
            });
        };
        let mut phase = Phase::new(observer, "resampling").of(self.resampling.replications);
        let draws = self
            .resampling
            .run(&ranked, &mut phase, |weights| tallied.tally(weights))?;
        let drawn: Vec<Tally> = draws.into_iter().flatten().collect();
        let n_failed = self.resampling.replications - drawn.len();
        let draws: Vec<Vec<f64>> = drawn.iter().map(values).collect();
        let rate = found.event_rate;
        let compare_with = compared(&found, tallied.chance_calibration_error());
        let measures = names(&ascending)
            .into_iter()
            .zip(values(&found))
            .enumerate()
            .map(|(k, (name, value))| {
                let own: Vec<f64> = draws.iter().map(|draw| draw[k]).collect();
                let [lower, upper] = self.resampling.interval(value, &own, range_of(&name));
                Measure {
                    compare_with: compare_with[k],
                    name,
                    value,
                    lower,
                    upper,
                }
            })
            .collect();
        Ok(ProbabilityScores {
            measures,
            n_rows: ranked.len(),
            n_events: ranked.happened.iter().filter(|event| **event).count(),
            n_customers: ranked.customer.as_ref().map(|_| ranked.n_customers),
            n_bins: tallied.bins().len(),
            event_rate: rate,
            n_failed,
            enough: EnoughData::of_ranked(&ranked),
        })
    }
}

/// Shares lie above 0 and are at most 1.
pub(super) fn check_shares(shares: &[f64]) -> Result<()> {
    match shares
        .iter()
        .find(|share| !(**share > 0.0 && **share <= 1.0))
    {
        None => Ok(()),
        Some(share) => Err(Error::parameter(
            "shares",
            share,
            "shares of the customers, above 0 and at most 1 (a tenth is 0.1)",
        )),
    }
}

const FIXED: [&str; 11] = [
    "event_rate",
    "auc",
    "average_precision",
    "log_loss",
    "brier",
    "brier_reliability",
    "brier_resolution",
    "brier_uncertainty",
    "ece",
    "calibration_slope",
    "calibration_intercept",
];

fn names(shares: &[f64]) -> Vec<String> {
    let fixed = FIXED.iter().map(|name| (*name).to_owned());
    let lifts = shares
        .iter()
        // 0.07 * 100 is 7.000000000000001.
        .map(|share| format!("lift@{}%", (share * 1e10).round() / 1e8));
    fixed.chain(lifts).collect()
}

fn values(tally: &Tally) -> Vec<f64> {
    let mut values = vec![
        tally.event_rate,
        tally.auc,
        tally.average_precision,
        tally.log_loss,
        tally.brier,
        tally.reliability,
        tally.resolution,
        tally.uncertainty,
        tally.calibration_error,
        tally.slope,
        tally.intercept,
    ];
    values.extend(&tally.lifts);
    values
}

/// What each measure is to be compared with, in the same order.
fn compared(tally: &Tally, chance: f64) -> Vec<f64> {
    let rate = tally.event_rate;
    let entropy = -rate * rate.ln() - (1.0 - rate) * (-rate).ln_1p();
    let mut values = vec![
        f64::NAN,
        0.5,
        rate,
        entropy,
        tally.uncertainty,
        0.0,
        0.0,
        f64::NAN,
        chance,
        1.0,
        0.0,
    ];
    values.resize(FIXED.len() + tally.lifts.len(), 1.0);
    values
}

fn range_of(name: &str) -> [f64; 2] {
    match name {
        "calibration_slope" | "calibration_intercept" => [f64::NEG_INFINITY, f64::INFINITY],
        "log_loss" => [0.0, f64::INFINITY],
        lift if lift.starts_with("lift") => [0.0, f64::INFINITY],
        _ => [0.0, 1.0],
    }
}

/// One measure with its interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// Its name; see [`ScoreSettings`].
    pub name: String,
    /// The figure.
    pub value: f64,
    /// Lower end of the interval; NaN without one.
    pub lower: f64,
    /// Upper end of the interval; NaN without one.
    pub upper: f64,
    /// What to compare it with: the same measure of the event rate predicted for everybody. Of the
    /// calibration error what chance leaves of perfect predictions, of slope and intercept 1 and 0;
    /// NaN where there is nothing.
    pub compare_with: f64,
}

/// A judgement of probabilities.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbabilityScores {
    /// The measures, in the order of [`ScoreSettings`], lifts last.
    pub measures: Vec<Measure>,
    /// Rows that count.
    pub n_rows: usize,
    /// Rows with the event.
    pub n_events: usize,
    /// Customers, where rows have one.
    pub n_customers: Option<usize>,
    /// Groups of the calibration error; fewer than asked for where many predictions are equal.
    pub n_bins: usize,
    /// The weighted share of events.
    pub event_rate: f64,
    /// Replications that held one class only, and count nowhere.
    pub n_failed: usize,
    /// Whether there are events enough to judge by.
    pub enough: Enough,
}

impl ProbabilityScores {
    /// A measure by name.
    pub fn get(&self, name: &str) -> Option<&Measure> {
        self.measures.iter().find(|measure| measure.name == name)
    }
}
