//! Whether there are data enough to ask: "no" rather than a bad score.

use super::outcomes::Outcomes;
use super::ranking::Ranked;
use crate::error::{Error, Result};
use crate::observe::{Observer, Phase};

/// An answer in three steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Enough {
    /// Do not build on it.
    No,
    /// It can be done; say how unsure it is.
    Barely,
    /// Yes.
    Yes,
}

impl Enough {
    /// "no", "barely" or "yes".
    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Barely => "barely",
            Self::Yes => "yes",
        }
    }

    fn at(value: f64, barely: f64, yes: f64) -> Self {
        if value >= yes {
            Self::Yes
        } else if value >= barely {
            Self::Barely
        } else {
            Self::No
        }
    }
}

/// What has to be there.
///
/// What counts is not rows but the rarer of the two outcomes:
///
/// | check | barely | yes | because |
/// |---|---|---|---|
/// | `events`, `non_events` | 50 | 100 | with fewer than about a hundred of each, a judgement of a model says little (Vergouwe et al. 2005, Journal of Clinical Epidemiology 58, 475-483) |
/// | `events_per_parameter` | 5 | 20 | below ten, estimates need a penalty; below five even that is guessing (Peduzzi et al. 1996, Journal of Clinical Epidemiology 49, 1373-1379; van Smeden et al. 2019, Statistical Methods in Medical Research 28, 2455-2474) |
/// | `events_per_date` | 10 | 30 | of the date with the fewest: what happened at one date only may not happen again |
/// | `stability` | 3 | 1.5 | highest over lowest event rate of the dates, once chance is taken off |
///
/// Events and rows are counted by what they are worth: weights by Kish's effective number
/// `(Σ w)² / Σ w²`, several rows of a customer as one event.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[must_use]
pub struct EnoughData {
    n_parameters: Option<usize>,
}

/// One requirement and what was found.
#[derive(Debug, Clone, PartialEq)]
pub struct DataCheck {
    /// Its name; see [`EnoughData`].
    pub check: &'static str,
    /// What was found.
    pub value: f64,
    /// From here on "barely".
    pub barely: f64,
    /// From here on "yes".
    pub needed: f64,
    /// The answer.
    pub enough: Enough,
    /// The same in words.
    pub words: String,
}

/// All requirements.
#[derive(Debug, Clone, PartialEq)]
pub struct DataChecks {
    /// One by one.
    pub checks: Vec<DataCheck>,
    /// The least of the answers.
    pub enough: Enough,
}

impl DataChecks {
    fn of(checks: Vec<DataCheck>) -> Self {
        let enough = checks.iter().map(|check| check.enough).min();
        Self {
            checks,
            enough: enough.unwrap_or(Enough::Yes),
        }
    }
}

/// Effective numbers of events and of other rows.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Counts {
    events: f64,
    others: f64,
}

impl EnoughData {
    /// For judging probabilities.
    pub fn new() -> Self {
        Self::default()
    }

    /// For fitting a model with so many coefficients.
    pub fn parameters(mut self, n: usize) -> Self {
        self.n_parameters = Some(n);
        self
    }

    /// From numbers of events and of other rows.
    ///
    /// ```
    /// use tercet::value::evaluation::{Enough, EnoughData};
    /// let checks = EnoughData::new().parameters(20).of_counts(60.0, 5_000.0)?;
    /// assert_eq!(checks.enough, Enough::No); // 3 events a parameter
    /// # Ok::<(), tercet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for numbers below 0, or no parameter at all.
    pub fn of_counts(&self, events: f64, others: f64) -> Result<DataChecks> {
        for (name, value) in [("n_events", events), ("n_non_events", others)] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(Error::parameter(name, value, "a number, at least 0"));
            }
        }
        Ok(DataChecks::of(self.by_counts(Counts { events, others })?))
    }

    /// From outcomes; with `dates`, the code of each row's date and the dates' names, also date by date.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`]; [`Error::ShapeMismatch`]; [`Error::Interrupted`].
    pub fn of_outcomes(
        &self,
        outcomes: &Outcomes<'_>,
        dates: Option<(&[usize], &[String])>,
        observer: &mut dyn Observer,
    ) -> Result<DataChecks> {
        let mut phase = Phase::new(observer, "counting");
        let ranked = Ranked::by_probability(outcomes, &mut phase)?;
        let mut checks = self.by_counts(counts(&ranked, |_| true))?;
        if let Some((codes, names)) = dates {
            if codes.len() != outcomes.len() {
                return Err(Error::ShapeMismatch {
                    column: "dates".to_owned(),
                    expected: outcomes.len(),
                    found: codes.len(),
                });
            }
            let place_codes = ranked.gather(|row| codes[row]);
            let by_date: Vec<Counts> = (0..names.len())
                .map(|date| counts(&ranked, |place| place_codes[place] == date))
                .collect();
            checks.extend(by_dates(&by_date, names));
        }
        Ok(DataChecks::of(checks))
    }

    /// The answer for a ranking that is at hand.
    pub(super) fn of_ranked(ranked: &Ranked) -> Enough {
        let Counts { events, others } = counts(ranked, |_| true);
        Enough::at(events.min(others), BARELY, NEEDED)
    }

    fn by_counts(&self, counts: Counts) -> Result<Vec<DataCheck>> {
        let Counts { events, others } = counts;
        let mut checks = vec![
            count("events", events, "with the event"),
            count("non_events", others, "without the event"),
        ];
        if let Some(n) = self.n_parameters {
            if n == 0 {
                return Err(Error::parameter("n_parameters", n, "at least 1"));
            }
            let value = events.min(others) / n as f64;
            let enough = Enough::at(value, 5.0, 20.0);
            let advice = match enough {
                Enough::Yes => "enough to estimate them",
                Enough::Barely => "estimate them with a penalty, and say how unsure they are",
                Enough::No => "take fewer features, or wait for more events",
            };
            checks.push(DataCheck {
                check: "events_per_parameter",
                value,
                barely: 5.0,
                needed: 20.0,
                enough,
                words: format!("{} events a parameter: {advice}", figure(value)),
            });
        }
        Ok(checks)
    }
}

const BARELY: f64 = 50.0;
const NEEDED: f64 = 100.0;

fn count(check: &'static str, value: f64, which: &str) -> DataCheck {
    let enough = Enough::at(value, BARELY, NEEDED);
    let advice = match enough {
        Enough::Yes => "enough to judge a model by",
        Enough::Barely => "intervals will be wide",
        Enough::No => "too few to judge a model by; wait for more, or widen the window",
    };
    DataCheck {
        check,
        value,
        barely: BARELY,
        needed: NEEDED,
        enough,
        words: format!("{} customers {which}: {advice}", figure(value)),
    }
}

fn by_dates(by_date: &[Counts], names: &[String]) -> Vec<DataCheck> {
    let mut checks = Vec::new();
    let fewest = (0..names.len()).min_by(|a, b| by_date[*a].events.total_cmp(&by_date[*b].events));
    if let Some(date) = fewest {
        let value = by_date[date].events;
        let enough = Enough::at(value, 10.0, 30.0);
        checks.push(DataCheck {
            check: "events_per_date",
            value,
            barely: 10.0,
            needed: 30.0,
            enough,
            words: format!(
                "{} events at {}, the date with the fewest{}",
                figure(value),
                names[date],
                if enough == Enough::Yes {
                    ""
                } else {
                    ": what is learned from it may be chance"
                }
            ),
        });
    }
    if names.len() > 1 {
        checks.push(stability(by_date, names));
    }
    checks
}

/// The ratio of the highest to the lowest event rate, with each pulled towards the common rate by as
/// much as chance would move it (method of moments, as in `DerSimonian` & Laird 1986, Controlled
/// Clinical Trials 7, 177-188).
fn stability(by_date: &[Counts], names: &[String]) -> DataCheck {
    let n = |one: &Counts| one.events + one.others;
    let total: f64 = by_date.iter().map(n).sum();
    let rate = by_date.iter().map(|one| one.events).sum::<f64>() / total;
    let own: Vec<f64> = by_date.iter().map(|one| one.events / n(one)).collect();
    let spread: f64 = by_date
        .iter()
        .zip(&own)
        .map(|(one, own)| n(one) * (own - rate).powi(2))
        .sum();
    let chance = rate * (1.0 - rate) * (names.len() - 1) as f64;
    let size = total - by_date.iter().map(|one| n(one).powi(2)).sum::<f64>() / total;
    let between = ((spread - chance) / size).max(0.0);
    let settled: Vec<f64> = by_date
        .iter()
        .zip(&own)
        .map(|(one, own)| {
            let share = between / (between + rate * (1.0 - rate) / n(one));
            rate + share * (own - rate)
        })
        .collect();
    let order = |a: &usize, b: &usize| settled[*a].total_cmp(&settled[*b]);
    let low = (0..names.len()).min_by(order).unwrap_or(0);
    let high = (0..names.len()).max_by(order).unwrap_or(0);
    let value = settled[high] / settled[low].max(f64::MIN_POSITIVE);
    let enough = if value <= 1.5 {
        Enough::Yes
    } else if value <= 3.0 {
        Enough::Barely
    } else {
        Enough::No
    };
    let words = if enough == Enough::Yes {
        "the event rate is about the same at all dates".to_owned()
    } else {
        format!(
            "the event rate was {:.1}% at {} and {:.1}% at {}: look for a change of definition or season before the dates are put together",
            100.0 * own[low],
            names[low],
            100.0 * own[high],
            names[high],
        )
    };
    DataCheck {
        check: "stability",
        value,
        barely: 3.0,
        needed: 1.5,
        enough,
        words,
    }
}

/// Kish's effective number of customers with the event, and of those without.
fn counts(ranked: &Ranked, counts_in: impl Fn(usize) -> bool) -> Counts {
    let effective = |wanted: bool| {
        let places = (0..ranked.len())
            .filter(|place| ranked.happened[*place] == wanted && counts_in(*place));
        let (mut sum, mut squares) = (0.0, 0.0);
        match &ranked.customer {
            None => {
                for place in places {
                    sum += ranked.weight[place];
                    squares += ranked.weight[place].powi(2);
                }
            }
            Some(customers) => {
                let mut of_customer = vec![0.0; ranked.n_customers];
                for place in places {
                    of_customer[customers[place] as usize] += ranked.weight[place];
                }
                for weight in of_customer {
                    sum += weight;
                    squares += weight * weight;
                }
            }
        }
        if squares > 0.0 {
            sum * sum / squares
        } else {
            0.0
        }
    };
    Counts {
        events: effective(true),
        others: effective(false),
    }
}

fn figure(value: f64) -> String {
    if value >= 100.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}
