//! How segments differ in what was not part of the segmentation: spend, churn, satisfaction.
//!
//! Respondents are not known to belong to a segment; they are assigned to one, and some of them wrongly.
//! Means by assigned segment lie nearer to each other than those of the segments are. The misassignment
//! is known, though: from the posterior probabilities `p_it`, those who belong to segment t are assigned
//! to segment s with probability
//!
//! ```text
//! D_ts = Σ_i w_i p_it a_is / Σ_i w_i p_it
//! ```
//!
//! `a_is` being 1 for the likeliest segment and 0 for the others (modal assignment), or `p_is` itself
//! (proportional). The third of the three steps (segments, assignment, differences) takes it into
//! account:
//!
//! | method | how |
//! |---|---|
//! | [`ThreeStep::Bch`] | respondent i counts for segment t with `w_i Σ_s a_is (D⁻¹)_st`, which may be negative |
//! | [`ThreeStep::Ml`] | maximises `Σ_i w_i Σ_s a_is ln Σ_t π_t D_ts f(y_i \| t)` with `D` fixed |
//! | [`ThreeStep::Naive`] | none: respondent i counts for segment t with `w_i a_it` |
//!
//! Sources: Bolck, Croon & Hagenaars (2004), Political Analysis 12, 3-27; Vermunt (2010), Political
//! Analysis 18, 450-469; Bakk, Tekle & Vermunt (2013), Sociological Methodology 43, 272-311.

mod densities;
mod estimate;
mod maximum;
mod memberships;
mod mixture;
mod starts;
mod wald;
mod weighted;

use serde::{Deserialize, Serialize};

use crate::data::{Answers, Question, QuestionKind, Survey};
use crate::error::{Error, Result};
use crate::model::{FitReport, Parameter};
use crate::needs::Variance;
use crate::observe::{Observer, Phase};
use crate::parallel::Gate;

pub(crate) use memberships::Misassignment;
pub use memberships::{Assignment, Memberships};
pub(crate) use wald::wald;
pub use wald::{Comparison, WaldTest};

/// How misassignment is taken into account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThreeStep {
    /// By weights from the inverse of the misassignment (Bolck, Croon & Hagenaars): nothing is assumed
    /// of the outcome's distribution, so it serves any mean.
    #[default]
    Bch,
    /// By a mixture with known misassignment (Vermunt's ML): the more exact of the two where the outcome
    /// is normal within segments, or has levels.
    Ml,
    /// Not at all: for comparison.
    Naive,
}

from_words!(ThreeStep, "method", "bch" => Bch, "ml" => Ml, "naive" => Naive);

/// What standard errors hold under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StandardErrors {
    /// Any distribution of the outcome, and survey weights: a sandwich.
    #[default]
    Robust,
    /// The model being right and the weights counts: the inverse of the observed information. For
    /// [`ThreeStep::Ml`] only.
    Model,
}

from_words!(StandardErrors, "standard_errors", "robust" => Robust, "model" => Model);

/// How segments differ in an outcome, settings side.
///
/// # Assumptions
/// 1. Given the segment, the outcome is independent of the answers that made the segments.
/// 2. The misassignment is known: it comes from a model that fits, and its own sampling error is not
///    part of the standard errors (which are a little too small where the sample is small and the
///    segments overlap).
/// 3. An outcome that is missing is missing for reasons that the segment explains.
/// 4. [`ThreeStep::Ml`] of a number: the outcome is normal within each segment.
///
/// # When not
/// [`ThreeStep::Ml`] of a number that is skewed or mostly 0, such as spend: the mixture then explains
/// the shape of the distribution by the segments. Take [`ThreeStep::Bch`].
///
/// # Example
/// ```
/// use tercet::data::{Answers, Question};
/// use tercet::needs::{DistalOutcome, Memberships, ThreeStep};
///
/// // Two segments; one respondent in ten is assigned to the wrong one.
/// let posterior = [[0.9, 0.1], [0.1, 0.9]].concat().repeat(50);
/// let outcome: Vec<f64> = (0..100).map(|i| f64::from(i % 2) * 8.0 + f64::from(i / 2 % 5)).collect();
/// let members = Memberships::new(&posterior, 2)?;
/// let spend = Question::continuous("spend");
/// let of = |method| {
///     DistalOutcome::new(method).estimate(&members, &spend, Answers::Numbers(&outcome), &mut ())
/// };
/// let (naive, bch) = (of(ThreeStep::Naive)?, of(ThreeStep::Bch)?);
/// let difference = |one: &tercet::needs::SegmentOutcome| {
///     one.estimates[1][0].estimate - one.estimates[0][0].estimate
/// };
/// assert!((difference(&naive) - 8.0).abs() < 1e-9);
/// assert!((difference(&bch) - 10.0).abs() < 1e-9); // 8 / (0.9 - 0.1)
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use]
pub struct DistalOutcome {
    method: ThreeStep,
    assignment: Assignment,
    variance: Variance,
    standard_errors: StandardErrors,
    level: f64,
    max_iterations: usize,
}

impl Default for DistalOutcome {
    fn default() -> Self {
        Self::new(ThreeStep::Bch)
    }
}

impl DistalOutcome {
    /// Modal assignment, a variance of its own for each segment, robust standard errors, intervals at 95%.
    pub fn new(method: ThreeStep) -> Self {
        Self {
            method,
            assignment: Assignment::Modal,
            variance: Variance::Free,
            standard_errors: StandardErrors::Robust,
            level: 0.95,
            max_iterations: 200,
        }
    }

    /// How respondents are assigned.
    pub fn assignment(mut self, assignment: Assignment) -> Self {
        self.assignment = assignment;
        self
    }

    /// Whether a number varies equally far in all segments ([`ThreeStep::Ml`]).
    pub fn variance(mut self, variance: Variance) -> Self {
        self.variance = variance;
        self
    }

    /// What standard errors hold under.
    pub fn standard_errors(mut self, standard_errors: StandardErrors) -> Self {
        self.standard_errors = standard_errors;
        self
    }

    /// The confidence of the intervals.
    pub fn level(mut self, level: f64) -> Self {
        self.level = level;
        self
    }

    /// The most Newton steps ([`ThreeStep::Ml`]).
    pub fn max_iterations(mut self, most: usize) -> Self {
        self.max_iterations = most;
        self
    }

    /// Estimates the outcome's mean (or the probabilities of its levels) in every segment.
    ///
    /// `question` says what the outcome is: a count is treated as a number. A respondent whose outcome is
    /// missing counts for the misassignment only.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] where outcome and memberships differ in length; [`Error::InvalidData`]
    /// for an outcome that does not vary, a segment to which nobody is assigned, or segments that are
    /// not told apart; [`Error::InvalidParameter`] for settings that do not go together.
    pub fn estimate(
        &self,
        members: &Memberships<'_>,
        question: &Question,
        answers: Answers<'_>,
        observer: &mut dyn Observer,
    ) -> Result<SegmentOutcome> {
        self.check(question)?;
        let outcome = Outcome::new(members, question, answers)?;
        let mut phase = Phase::new(observer, "estimating");
        let gate = Gate::new(&mut phase);
        let misassignment = Misassignment::new(members, self.assignment)?;
        let found = match self.method {
            ThreeStep::Ml => maximum::estimate(self, members, &misassignment, &outcome, &gate)?,
            ThreeStep::Bch => {
                let share_of = misassignment.inverse()?;
                let notes = misassignment.overlap_note(&share_of);
                let mut found =
                    weighted::estimate(members, &misassignment, &share_of, &outcome, &gate)?;
                found.notes.splice(0..0, notes);
                found
            }
            ThreeStep::Naive => {
                let nothing = misassignment.identity();
                weighted::estimate(members, &misassignment, &nothing, &outcome, &gate)?
            }
        };
        found.assemble(self, members, &misassignment, &outcome)
    }

    fn check(&self, question: &Question) -> Result<()> {
        if self.max_iterations == 0 {
            return Err(Error::parameter("max_iterations", 0, "at least 1"));
        }
        if self.method != ThreeStep::Ml && self.standard_errors == StandardErrors::Model {
            return Err(Error::parameter(
                "standard_errors",
                "\"model\"",
                "\"robust\" unless the method is \"ml\", which alone is a model",
            ));
        }
        if self.method == ThreeStep::Ml && matches!(question.kind, QuestionKind::Count(_)) {
            return Err(Error::parameter(
                "method",
                "\"ml\"",
                "\"bch\" for a count, whose mean needs no distribution; or declare the outcome continuous",
            ));
        }
        Ok(())
    }
}

/// What the segments' outcomes were found to be. A row a segment, in the order of the posteriors'
/// columns; segments are counted from 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentOutcome {
    /// The outcome.
    pub outcome: Question,
    /// How it was estimated.
    pub settings: DistalOutcome,
    /// The segments' shares among the respondents whose outcome is known.
    pub shares: Vec<f64>,
    /// A row a segment: its mean, or the probability of every level. A probability that lies on the
    /// boundary has no standard error.
    pub estimates: Vec<Vec<Parameter>>,
    /// How far a number varies within each segment (a standard deviation); `None` where what was found
    /// is no deviation, and for levels.
    pub deviations: Vec<Option<f64>>,
    /// How many respondents, known for certain to belong to the segment and weighted equally, would give
    /// as exact an estimate: the variance within the segment over the squared standard error.
    pub effective_n: Vec<Option<f64>>,
    /// That all segments are equal.
    pub test: WaldTest,
    /// Every pair of segments.
    pub comparisons: Vec<Comparison>,
    /// A row a segment: with which probability its members are assigned to each.
    pub misassignment: Vec<Vec<f64>>,
    /// Respondents whose outcome is missing.
    pub n_missing: usize,
    /// What to know before the numbers are used; empty where there is nothing.
    pub notes: Vec<String>,
    /// How the estimation went.
    pub report: FitReport,
}

/// The outcome of every respondent: a number, or a level as one; NaN where it is missing.
#[derive(Debug)]
struct Outcome<'q> {
    question: &'q Question,
    values: Vec<f64>,
    /// 0 for a number.
    n_levels: usize,
    n_missing: usize,
    /// Weighted mean and standard deviation of a number.
    mean: f64,
    deviation: f64,
}

impl<'q> Outcome<'q> {
    fn new(
        members: &Memberships<'_>,
        question: &'q Question,
        answers: Answers<'_>,
    ) -> Result<Self> {
        // The survey's door checks codes, counts and numbers.
        let survey = Survey::new(vec![(question.clone(), answers)])?;
        if survey.len() != members.len() {
            return Err(Error::ShapeMismatch {
                column: question.name.clone(),
                expected: members.len(),
                found: survey.len(),
            });
        }
        let values: Vec<f64> = (0..survey.len())
            .map(|row| match answers {
                _ if answers.is_missing(row) => f64::NAN,
                Answers::Codes(codes) => f64::from(codes[row]),
                Answers::Numbers(numbers) => numbers[row],
            })
            .collect();
        let known = || {
            values
                .iter()
                .enumerate()
                .filter(|(_, value)| !value.is_nan())
        };
        let first = known().next().map(|(_, value)| *value);
        if known().all(|(_, value)| Some(*value) == first) {
            let reason = "is the same for everybody whose outcome is known (or known of nobody), so that segments cannot differ in it";
            return Err(Error::data(&question.name, None, reason));
        }
        let weight: f64 = known().map(|(row, _)| members.weight(row)).sum();
        let mean = known().map(|(row, y)| members.weight(row) * y).sum::<f64>() / weight;
        let squares = known().map(|(row, y)| members.weight(row) * (y - mean).powi(2));
        let deviation = (squares.sum::<f64>() / weight).sqrt();
        Ok(Self {
            question,
            n_levels: question.levels().map_or(0, <[String]>::len),
            n_missing: values.iter().filter(|value| value.is_nan()).count(),
            values,
            mean,
            deviation,
        })
    }

    /// Estimates a segment: one mean, or a probability a level.
    fn width(&self) -> usize {
        self.n_levels.max(1)
    }

    /// What is averaged over the respondents for column `column` of the estimates.
    fn measure(&self, value: f64, column: usize) -> f64 {
        if self.n_levels == 0 {
            value
        } else {
            f64::from(u8::from(value == column as f64))
        }
    }
}
