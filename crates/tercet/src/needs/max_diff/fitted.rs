//! A fitted model of best-worst choices and what it says of respondents.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::MaxDiff;
use super::fit::members;
use super::likelihood::Odds;
use super::mixture::Mixture;
use super::respondents::Respondents;
use crate::data::BestWorst;
use crate::error::{Error, Result};
use crate::math::interval;
use crate::model::{FitReport, Fitted, Parameter};
use crate::needs::latent_class::{Criteria, MOST_SEGMENTS, Start, modal};
use crate::observe::{Observer, Phase};
use crate::parallel::{Gate, map_rows};
use crate::persist::{Parts, Persist, read_part};

/// A fitted model of best-worst choices: immutable; see [`MaxDiff`] for the model itself. Segments are
/// in order of size, largest first.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedMaxDiff {
    pub(super) settings: MaxDiff,
    pub(super) items: Vec<String>,
    pub(super) shares: Vec<f64>,
    pub(super) share_errors: Vec<Option<f64>>,
    /// Of each segment, with sum 0.
    pub(super) utilities: Vec<Vec<f64>>,
    pub(super) utility_errors: Vec<Vec<Option<f64>>>,
    pub(super) preference_errors: Vec<Vec<Option<f64>>>,
    pub(super) starts: Vec<Start>,
    pub(super) criteria: Option<Criteria>,
    pub(super) note: Value,
    pub(super) report: FitReport,
}

/// The share of choices that each item would get if all were shown and the best picked.
pub(super) fn preference(utilities: &[f64]) -> Vec<f64> {
    let largest = utilities.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let odds: Vec<f64> = utilities.iter().map(|u| (u - largest).exp()).collect();
    let sum: f64 = odds.iter().sum();
    odds.iter().map(|one| one / sum).collect()
}

fn centred(utilities: &[f64]) -> Vec<f64> {
    let mean = utilities.iter().sum::<f64>() / utilities.len() as f64;
    utilities.iter().map(|u| u - mean).collect()
}

impl FittedMaxDiff {
    pub(super) fn new(settings: &MaxDiff, items: &[String], mixture: &Mixture) -> Self {
        let (k, j) = (mixture.n_segments(), mixture.n_items);
        Self {
            settings: settings.clone(),
            items: items.to_vec(),
            shares: mixture.shares(),
            share_errors: vec![None; k],
            utilities: (0..k)
                .map(|segment| centred(mixture.segment(segment)))
                .collect(),
            utility_errors: vec![vec![None; j]; k],
            preference_errors: vec![vec![None; j]; k],
            starts: Vec::new(),
            criteria: None,
            note: Value::Null,
            report: FitReport::given(mixture.n_parameters()),
        }
    }

    /// A model with given parameters: a truth to simulate from, or published results.
    ///
    /// `shares` add up to 1; `utilities` hold a row of as many numbers as there are items for each;
    /// segments are put in order of their shares.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for shares that do not add up to 1 and for utilities that are not
    /// finite or do not fit shares and items.
    pub fn from_parameters(
        items: &[String],
        shares: &[f64],
        utilities: &[Vec<f64>],
    ) -> Result<Self> {
        let (k, j) = (shares.len(), items.len());
        let sum: f64 = shares.iter().sum();
        if !(1..=MOST_SEGMENTS).contains(&k)
            || !shares.iter().all(|share| *share > 0.0)
            || (sum - 1.0).abs() > 1e-6
        {
            let expected = "positive shares that add up to 1";
            return Err(Error::parameter("shares", format!("{shares:?}"), expected));
        }
        let fits = |row: &Vec<f64>| row.len() == j && row.iter().all(|u| u.is_finite());
        if j < 2 || utilities.len() != k || !utilities.iter().all(fits) {
            let expected = format!("{k} rows (segments) of {j} finite numbers (items)");
            return Err(Error::parameter(
                "utilities",
                format!("{utilities:?}"),
                expected,
            ));
        }
        let mixture = Mixture {
            log_shares: shares.iter().map(|share| (share / sum).ln()).collect(),
            utilities: utilities.concat(),
            n_items: j,
        };
        Ok(Self::new(&MaxDiff::new(k), items, &mixture.ordered()))
    }

    /// How many segments.
    pub fn n_segments(&self) -> usize {
        self.shares.len()
    }

    /// The items' names.
    pub fn items(&self) -> &[String] {
        &self.items
    }

    /// The shares of the segments among the respondents (weighted), largest first.
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }

    /// The standard errors of the shares.
    pub fn share_errors(&self) -> &[Option<f64>] {
        &self.share_errors
    }

    /// The utilities of the items, a row a segment; each row adds up to 0.
    pub fn utilities(&self) -> &[Vec<f64>] {
        &self.utilities
    }

    /// The standard errors of the utilities; `None` for one that runs to infinity.
    pub fn utility_errors(&self) -> &[Vec<Option<f64>>] {
        &self.utility_errors
    }

    /// How often each item would be picked as the best if all were shown, a row a segment:
    /// `exp(u_j) / Σ exp(u)`. Each row adds up to 1.
    pub fn preference_shares(&self) -> Vec<Vec<f64>> {
        self.utilities.iter().map(|row| preference(row)).collect()
    }

    /// The standard errors of the preference shares.
    pub fn preference_errors(&self) -> &[Vec<Option<f64>>] {
        &self.preference_errors
    }

    /// What became of every start.
    pub fn starts(&self) -> &[Start] {
        &self.starts
    }

    /// Criteria, entropy and classification table; `None` for a model whose parameters were given.
    pub fn criteria(&self) -> Option<&Criteria> {
        self.criteria.as_ref()
    }

    /// The settings that it was fitted with.
    pub fn settings(&self) -> &MaxDiff {
        &self.settings
    }

    /// What the caller keeps with the model; null unless something was given.
    pub fn note(&self) -> &Value {
        &self.note
    }

    /// The model with a note that is saved and loaded with it and not looked at otherwise.
    #[must_use]
    pub fn with_note(mut self, note: Value) -> Self {
        self.note = note;
        self
    }

    /// Each respondent's probability of belonging to each segment: row by row, a column a segment.
    ///
    /// Items are found by their names; those that were not shown are not missed, so that a short list
    /// of sets, or a single one, gets the probabilities that it warrants.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for an item that the model does not have; [`Error::Interrupted`].
    pub fn posterior(
        &self,
        choices: &BestWorst<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<f64>> {
        let mixture = self.on(choices)?;
        let mut phase = Phase::new(observer, "scoring");
        members(&mixture, &self.respondents(choices), &Gate::new(&mut phase))
    }

    /// Each respondent's most probable segment, from 0; of equally probable ones the larger.
    pub fn segments(
        &self,
        choices: &BestWorst<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<usize>> {
        let members = self.posterior(choices, observer)?;
        Ok(members.chunks_exact(self.n_segments()).map(modal).collect())
    }

    /// Each respondent's expected utilities, row by row, a column an item of the model: the segments'
    /// utilities weighted by the respondent's probabilities.
    pub fn respondent_utilities(
        &self,
        choices: &BestWorst<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<f64>> {
        let members = self.posterior(choices, observer)?;
        let rows = members.chunks_exact(self.n_segments());
        Ok(rows
            .flat_map(|row| {
                (0..self.items.len()).map(move |item| {
                    row.iter()
                        .zip(&self.utilities)
                        .map(|(p, u)| p * u[item])
                        .sum()
                })
            })
            .collect())
    }

    /// How well each respondent's choices are explained: the geometric mean of the probabilities of
    /// the choices that were made (root likelihood); NaN without a choice.
    ///
    /// A respondent who clicks at random gets about that of chance, one over the number of items
    /// chosen from.
    pub fn root_likelihood(
        &self,
        choices: &BestWorst<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<f64>> {
        let mixture = self.on(choices)?;
        let respondents = self.respondents(choices);
        let odds = Odds::new(&mixture.utilities, mixture.n_items, respondents.worst);
        let mut phase = Phase::new(observer, "scoring");
        map_rows(choices.len(), &mut phase, |row| {
            let mut members = vec![0.0; self.n_segments()];
            let log = respondents.memberships(row, &odds, &mixture.log_shares, &mut members);
            let made = choices
                .tasks(row)
                .map(|task| usize::from(task.best.is_some()) + usize::from(task.worst.is_some()));
            match made.sum::<usize>() {
                0 => f64::NAN,
                made => (log / made as f64).exp(),
            }
        })
    }

    /// The log-likelihood of choices under the model, summed with their weights.
    pub fn log_likelihood(
        &self,
        choices: &BestWorst<'_>,
        observer: &mut dyn Observer,
    ) -> Result<f64> {
        let mixture = self.on(choices)?;
        let mut phase = Phase::new(observer, "scoring");
        let gate = Gate::new(&mut phase);
        self.respondents(choices).log_likelihood(&mixture, &gate)
    }

    fn respondents<'a>(&self, choices: &'a BestWorst<'a>) -> Respondents<'a> {
        Respondents {
            choices,
            weights: (0..choices.len()).map(|row| choices.weight(row)).collect(),
            worst: self.settings.worst,
        }
    }

    /// The model with its items in the order of some choices.
    fn on(&self, choices: &BestWorst<'_>) -> Result<Mixture> {
        let places = choices.items().iter().map(|name| {
            let place = self.items.iter().position(|item| item == name);
            place.ok_or_else(|| {
                let reason = format!("is not an item of the model ({})", self.items.join(", "));
                Error::data(name, None, reason)
            })
        });
        let places: Vec<usize> = places.collect::<Result<_>>()?;
        let rows = self.utilities.iter();
        Ok(Mixture {
            log_shares: self.shares.iter().map(|share| share.ln()).collect(),
            utilities: rows
                .flat_map(|row| places.iter().map(|&place| row[place]))
                .collect(),
            n_items: places.len(),
        })
    }
}

impl Fitted for FittedMaxDiff {
    fn report(&self) -> &FitReport {
        &self.report
    }

    fn parameters(&self, level: f64) -> Result<Vec<Parameter>> {
        let z = interval::normal_quantile(level)?;
        let parameter =
            |name, estimate, standard_error: Option<f64>, ends: Option<[f64; 2]>| Parameter {
                name,
                estimate,
                standard_error,
                lower: ends.map(|ends| ends[0]),
                upper: ends.map(|ends| ends[1]),
            };
        let mut all = Vec::new();
        for (k, (share, error)) in self.shares.iter().zip(&self.share_errors).enumerate() {
            let ends = error.map(|error| interval::share(*share, error, z));
            all.push(parameter(format!("share[{}]", k + 1), *share, *error, ends));
        }
        for (k, (row, errors)) in self.utilities.iter().zip(&self.utility_errors).enumerate() {
            for ((item, utility), error) in self.items.iter().zip(row).zip(errors) {
                let ends = error.map(|error| [utility - z * error, utility + z * error]);
                all.push(parameter(
                    format!("{item}[{}]", k + 1),
                    *utility,
                    *error,
                    ends,
                ));
            }
        }
        Ok(all)
    }
}

#[derive(Serialize, Deserialize)]
struct SchemaPart {
    items: Vec<String>,
    #[serde(default)]
    note: Value,
}

#[derive(Serialize, Deserialize)]
struct FittedPart {
    shares: Vec<f64>,
    share_errors: Vec<Option<f64>>,
    utilities: Vec<Vec<f64>>,
    utility_errors: Vec<Vec<Option<f64>>>,
    preference_errors: Vec<Vec<Option<f64>>>,
    starts: Vec<Start>,
    criteria: Option<Criteria>,
}

impl Persist for FittedMaxDiff {
    const KIND: &'static str = "max_diff";
    const VERSION: u32 = 1;

    fn to_parts(&self) -> Result<Parts> {
        Parts::new(
            SchemaPart {
                items: self.items.clone(),
                note: self.note.clone(),
            },
            &self.settings,
            FittedPart {
                shares: self.shares.clone(),
                share_errors: self.share_errors.clone(),
                utilities: self.utilities.clone(),
                utility_errors: self.utility_errors.clone(),
                preference_errors: self.preference_errors.clone(),
                starts: self.starts.clone(),
                criteria: self.criteria.clone(),
            },
            &self.report,
        )
    }

    fn from_parts(parts: Parts) -> Result<Self> {
        let schema: SchemaPart = read_part("schema", parts.schema)?;
        let fitted: FittedPart = read_part("fitted", parts.fitted)?;
        // Checks that shares, utilities and items belong together.
        Self::from_parameters(&schema.items, &fitted.shares, &fitted.utilities).map_err(
            |error| Error::Corrupt {
                reason: format!("in \"fitted\": {error}"),
            },
        )?;
        let (k, j) = (fitted.shares.len(), schema.items.len());
        let table =
            |rows: &[Vec<Option<f64>>]| rows.len() == k && rows.iter().all(|row| row.len() == j);
        if fitted.share_errors.len() != k
            || !table(&fitted.utility_errors)
            || !table(&fitted.preference_errors)
        {
            return Err(Error::Corrupt {
                reason: "in \"fitted\": the standard errors do not fit the estimates".to_owned(),
            });
        }
        Ok(Self {
            settings: read_part("settings", parts.settings)?,
            items: schema.items,
            shares: fitted.shares,
            share_errors: fitted.share_errors,
            utilities: fitted.utilities,
            utility_errors: fitted.utility_errors,
            preference_errors: fitted.preference_errors,
            starts: fitted.starts,
            criteria: fitted.criteria,
            note: schema.note,
            report: read_part("report", parts.report)?,
        })
    }
}
