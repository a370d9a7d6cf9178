//! Golden questions: the few that put a customer into the right segment.
//!
//! A segmentation by twenty questions cannot be repeated with every customer. Under local independence
//! (assumption 2 of [`LatentClass`](super::LatentClass)) the answers to some of the questions give
//!
//! ```text
//! p(k | y_S) = π_k Π_{j in S} f_j(y_j | k) / Σ_l π_l Π_{j in S} f_j(y_j | l),
//! ```
//!
//! and no rule that uses the same answers assigns more customers right under the model: the typing tool
//! is the model itself, asked less. What is left is to choose S.

mod cross_validation;
mod fitted;
mod matching;
mod selection;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::FittedLatentClass;
use crate::data::Survey;
use crate::error::{Error, Result};
use crate::observe::{Observer, Phase};
use crate::parallel::Gate;
use crate::random::Seed;
use cross_validation::{Folds, cross_validate};
use selection::{Battery, Choice, Score};

pub use fitted::{FittedTypingTool, TypingAccuracy, TypingSize};

/// Sizes are reported up to this many questions, or as many as are asked for.
const USUAL: usize = 8;

/// Chooses golden questions, settings side.
///
/// # How
/// Questions are added one by one, each time the one that raises the expected agreement with the
/// assignment by all questions most, and exchanged as long as that raises it further. How well the tool
/// does is told by cross-validation: the model is fitted again without a tenth of the respondents (from
/// where it is; its segments are matched to the original ones by their answers), questions are chosen
/// without them, and they are assigned once by these questions and once by all.
///
/// # When not
/// Where customers are known by other things than these questions, such as what they bought: project the
/// segments on these instead.
///
/// # Source
/// Adding and exchanging: Miller (1984), Journal of the Royal Statistical Society A 147, 389-425.
///
/// # Example
/// ```
/// use tercet::data::{Answers, Question, Survey};
/// use tercet::needs::{LatentClass, TypingTool};
/// use tercet::{Estimator, Persist};
///
/// // Two segments; the third question tells nothing.
/// let cheap: Vec<u8> = (0..200).map(|i| u8::from(i % 2 == 0) ^ u8::from(i % 7 == 0)).collect();
/// let fast: Vec<u8> = (0..200).map(|i| u8::from(i % 2 == 1) ^ u8::from(i % 11 == 0)).collect();
/// let even: Vec<u8> = (0..200).map(|i| u8::from(i % 4 < 2)).collect();
/// let close: Vec<u8> = (0..200).map(|i| u8::from(i % 2 == 0) ^ u8::from(i % 13 == 0)).collect();
/// let question = |name: &str| Question::nominal(name, ["no", "yes"]);
/// let survey = Survey::new(vec![
///     (question("cheap"), Answers::Codes(&cheap)),
///     (question("fast"), Answers::Codes(&fast)),
///     (question("even"), Answers::Codes(&even)),
///     (question("close"), Answers::Codes(&close)),
/// ])?;
/// let model = LatentClass::new(2).seed(1).fit(&survey)?;
/// let tool = TypingTool::new()
///     .n_questions(2)
///     .folds(5)
///     .text("close", "Do you buy at the nearest shop?")
///     .fit(&survey, &model, &mut ())?;
/// assert!(!tool.questions().iter().any(|question| question.name == "even"));
/// assert!(tool.accuracy().size(2).unwrap().agreement > tool.accuracy().majority);
/// assert!(tool.questionnaire().contains("Do you buy at the nearest shop?"));
///
/// // The tool asks its own questions only, wherever they are.
/// let typed = tool.segments(&survey, &mut ())?;
/// assert_eq!(typed.len(), 200);
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use]
pub struct TypingTool {
    n_questions: usize,
    up_to: Option<usize>,
    folds: usize,
    seed: Seed,
    always: Vec<String>,
    never: Vec<String>,
    texts: BTreeMap<String, String>,
    #[serde(default)]
    labels: BTreeMap<String, Vec<String>>,
}

impl Default for TypingTool {
    fn default() -> Self {
        Self::new()
    }
}

impl TypingTool {
    /// Four questions, ten folds, seed 0.
    pub fn new() -> Self {
        Self {
            n_questions: 4,
            up_to: None,
            folds: 10,
            seed: Seed(0),
            always: Vec::new(),
            never: Vec::new(),
            texts: BTreeMap::new(),
            labels: BTreeMap::new(),
        }
    }

    /// How many questions the tool asks.
    pub fn n_questions(mut self, n_questions: usize) -> Self {
        self.n_questions = n_questions;
        self
    }

    /// Up to how many questions the accuracy is reported; 8, or as many as the tool asks, by default.
    pub fn up_to(mut self, largest: usize) -> Self {
        self.up_to = Some(largest);
        self
    }

    /// Into how many parts the respondents are divided, each of which is left out once; 0 for no
    /// cross-validation.
    pub fn folds(mut self, folds: usize) -> Self {
        self.folds = folds;
        self
    }

    /// The seed of the division.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Seed(seed);
        self
    }

    /// Questions that the tool asks in any case.
    pub fn always<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.always = names.into_iter().map(Into::into).collect();
        self
    }

    /// Questions that the tool may not ask (too long, too delicate).
    pub fn never<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.never = names.into_iter().map(Into::into).collect();
        self
    }

    /// A question's wording, for the questionnaire.
    pub fn text(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.texts.insert(name.into(), text.into());
        self
    }

    /// What a question's levels are called, in their order, for the questionnaire: levels are often codes.
    pub fn labels<S: Into<String>>(
        mut self,
        name: impl Into<String>,
        labels: impl IntoIterator<Item = S>,
    ) -> Self {
        let labels = labels.into_iter().map(Into::into).collect();
        self.labels.insert(name.into(), labels);
        self
    }

    /// Chooses among the questions of `model`, all of which `survey` has: the respondents that the model
    /// was fitted to, with their weights and covariates.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for more questions than there are, names that are none, or covariates
    /// other than the model's;
    /// [`Error::InvalidData`] for a question of the model that the survey lacks, or a fold without which
    /// the model cannot be fitted; [`Error::Interrupted`].
    pub fn fit(
        &self,
        survey: &Survey<'_>,
        model: &FittedLatentClass,
        observer: &mut dyn Observer,
    ) -> Result<FittedTypingTool> {
        let choice = self.choice(model)?;
        let survey = &in_order(survey, model)?;
        let given: Vec<&str> = survey
            .covariates()
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        if given != model.covariates() {
            let expected = format!("those of the model, {:?}", model.covariates());
            return Err(Error::parameter(
                "covariates",
                format!("{given:?}"),
                expected,
            ));
        }
        if self.folds == 1 || self.folds > survey.len() {
            let expected = "0 for no cross-validation, or from 2 to the number of respondents";
            return Err(Error::parameter("folds", self.folds, expected));
        }
        let likelihoods = model.answer_likelihoods(survey, &mut Phase::new(observer, "scoring"))?;
        let weights: Vec<f64> = (0..survey.len()).map(|row| survey.weight(row)).collect();
        let mut phase = Phase::new(observer, "choosing questions");
        let gate = Gate::new(&mut phase);
        let battery = Battery::new(&likelihoods, &weights, &gate)?;
        let sets = battery.choose(&choice, &gate)?;
        let scores: Vec<Score> = sets
            .iter()
            .map(|set| battery.score(set, &gate))
            .collect::<Result<_>>()?;
        let validated = if self.folds == 0 {
            None
        } else {
            let folds = Folds::new(
                self.folds,
                self.seed,
                survey,
                &battery.targets,
                model.n_segments(),
            );
            let mut phase = Phase::new(observer, "cross-validating").of(self.folds);
            Some(cross_validate(&folds, survey, model, &choice, &mut phase)?)
        };
        let accuracy = TypingAccuracy::new(
            model,
            &battery,
            &sets,
            &scores,
            validated.as_deref(),
            self.n_questions,
        );
        let chosen = sets.iter().find(|set| set.len() == self.n_questions);
        let chosen = chosen.cloned().unwrap_or_default();
        Ok(FittedTypingTool {
            settings: self.clone(),
            model: model.restricted(&chosen),
            accuracy,
            note: serde_json::Value::Null,
        })
    }

    /// The questions that may be chosen, as places in the model.
    fn choice(&self, model: &FittedLatentClass) -> Result<Choice> {
        let places = |what: &str, names: &[String]| -> Result<Vec<usize>> {
            let place = |name: &String| {
                let found = model.questions().iter().position(|one| one.name == *name);
                found.ok_or_else(|| {
                    let names: Vec<&str> = model
                        .questions()
                        .iter()
                        .map(|one| one.name.as_str())
                        .collect();
                    Error::parameter(
                        what,
                        format!("{name:?}"),
                        format!("questions of the model: {names:?}"),
                    )
                })
            };
            names.iter().map(place).collect()
        };
        let mut always = places("always", &self.always)?;
        always.sort_unstable();
        always.dedup();
        let never = places("never", &self.never)?;
        if let Some(both) = always.iter().find(|place| never.contains(place)) {
            let name = &model.questions()[*both].name;
            let expected = "questions that are not among those which are always asked";
            return Err(Error::parameter("never", format!("{name:?}"), expected));
        }
        let free: Vec<usize> = (0..model.questions().len())
            .filter(|place| !always.contains(place) && !never.contains(place))
            .collect();
        let most = always.len() + free.len();
        let least = always.len().max(1);
        if !(least..=most).contains(&self.n_questions) {
            let expected = format!("a number of questions from {least} to {most}");
            return Err(Error::parameter("n_questions", self.n_questions, expected));
        }
        let largest = self.up_to.unwrap_or(USUAL.max(self.n_questions).min(most));
        if !(self.n_questions..=most).contains(&largest) {
            let expected = format!("a number of questions from {} to {most}", self.n_questions);
            return Err(Error::parameter("up_to", largest, expected));
        }
        Ok(Choice {
            always,
            free,
            largest,
        })
    }
}

/// The model's questions in the model's order, of a survey that may have others.
fn in_order<'a>(survey: &Survey<'a>, model: &FittedLatentClass) -> Result<Survey<'a>> {
    let place = |name: &str| survey.questions().iter().position(|one| one.name == name);
    let places = model.questions().iter().map(|question| {
        place(&question.name).ok_or_else(|| {
            let reason = "is a question of the tool's and not in the survey; add its column (answers may be missing)";
            Error::data(&question.name, None, reason)
        })
    });
    let survey = survey.only(&places.collect::<Result<Vec<usize>>>()?);
    Ok(survey)
}
