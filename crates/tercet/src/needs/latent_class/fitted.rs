//! A fitted latent class model and what it says of respondents.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cells::{Cells, Scale};
use super::diagnostics::{BivariateResidual, Criteria, modal};
use super::fit::n_ordinal;
use super::lanes::Lanes;
use super::measurement::{Measurement, Pseudo};
use super::mixture::{Mixture, Model};
use super::segment_answers::SegmentAnswers;
use super::sweep::{expect, posteriors};
use super::{LatentClass, MOST_SEGMENTS};
use crate::data::{Question, QuestionKind, Survey};
use crate::error::{Error, Result};
use crate::math::interval;
use crate::model::{FitReport, Fitted, Parameter};
use crate::observe::{Observer, Phase};
use crate::parallel::Gate;
use crate::persist::{Parts, Persist, read_part};

/// A fitted latent class model: immutable; see [`LatentClass`] for the model itself. Segments are in
/// order of size, largest first.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedLatentClass {
    pub(super) settings: LatentClass,
    pub(super) questions: Vec<Question>,
    pub(super) covariates: Vec<String>,
    pub(super) shares: Vec<f64>,
    pub(super) share_errors: Vec<Option<f64>>,
    pub(super) coefficients: Vec<Vec<f64>>,
    pub(super) coefficient_errors: Vec<Vec<Option<f64>>>,
    pub(super) answers: Vec<SegmentAnswers>,
    pub(super) style: Option<f64>,
    pub(super) style_error: Option<f64>,
    pub(super) starts: Vec<Start>,
    pub(super) criteria: Option<Criteria>,
    pub(super) residuals: Vec<BivariateResidual>,
    pub(super) n_unanswered: usize,
    pub(super) note: Value,
    pub(super) report: FitReport,
}

/// What became of a random start.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// The log-likelihood that it reached (before the best one was polished).
    pub log_likelihood: f64,
    /// Whether it was given up before it arrived, because others lay higher.
    pub dropped: bool,
    /// Whether it arrived within 0.1 of the best log-likelihood.
    pub reached_best: bool,
}

impl FittedLatentClass {
    /// How many segments.
    pub fn n_segments(&self) -> usize {
        self.shares.len()
    }

    /// The shares of the segments among the respondents (weighted), largest first.
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }

    /// The standard errors of the shares.
    pub fn share_errors(&self) -> &[Option<f64>] {
        &self.share_errors
    }

    /// The questions, with their levels.
    pub fn questions(&self) -> &[Question] {
        &self.questions
    }

    /// The names of the covariates.
    pub fn covariates(&self) -> &[String] {
        &self.covariates
    }

    /// Coefficients of the membership: a row a segment, the constant first, then the covariates; those
    /// of the first segment are 0.
    pub fn coefficients(&self) -> &[Vec<f64>] {
        &self.coefficients
    }

    /// The standard errors of the coefficients.
    pub fn coefficient_errors(&self) -> &[Vec<Option<f64>>] {
        &self.coefficient_errors
    }

    /// What the segments answer, a question each.
    pub fn answers(&self) -> &[SegmentAnswers] {
        &self.answers
    }

    /// The standard deviation of the response style, and its standard error; `None` without one.
    pub fn style(&self) -> Option<(f64, Option<f64>)> {
        self.style.map(|style| (style, self.style_error))
    }

    /// What became of every start.
    pub fn starts(&self) -> &[Start] {
        &self.starts
    }

    /// Criteria, entropy and classification table; `None` for a model whose parameters were given.
    pub fn criteria(&self) -> Option<&Criteria> {
        self.criteria.as_ref()
    }

    /// What pairs of questions have in common beyond the segments.
    pub fn bivariate_residuals(&self) -> &[BivariateResidual] {
        &self.residuals
    }

    /// Respondents in the fit who answered none of the questions: they belong to the segments with the
    /// probabilities of anybody.
    pub fn n_unanswered(&self) -> usize {
        self.n_unanswered
    }

    /// The settings that it was fitted with.
    pub fn settings(&self) -> &LatentClass {
        &self.settings
    }

    /// What the caller keeps with the model; null unless something was given.
    pub fn note(&self) -> &Value {
        &self.note
    }

    /// The model with a note that is saved and loaded with it and not looked at otherwise: how a table
    /// becomes answers and covariates, say.
    #[must_use]
    pub fn with_note(mut self, note: Value) -> Self {
        self.note = note;
        self
    }

    /// Each respondent's probability of belonging to each segment: row by row, a column a segment.
    ///
    /// Questions that the survey lacks count as not answered, as do missing answers; so a short
    /// questionnaire, or none at all, gets the probabilities that it warrants.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a question that the model does not have, or has with other levels; for
    /// covariates other than the model's.
    pub fn posterior(&self, survey: &Survey<'_>, observer: &mut dyn Observer) -> Result<Vec<f64>> {
        let mut phase = Phase::new(observer, "scoring");
        let (model, mixture, cells) = self.on(survey, &mut phase)?;
        let gate = Gate::new(&mut phase);
        let tables = model.tables(&mixture, &cells);
        let members = posteriors(&cells, &tables, &gate)?;
        Ok(match self.style {
            None => members,
            Some(_) => model.lanes.by_class(&members),
        })
    }

    /// Each respondent's most probable segment, from 0; of equally probable ones the larger.
    pub fn segments(&self, survey: &Survey<'_>, observer: &mut dyn Observer) -> Result<Vec<usize>> {
        let members = self.posterior(survey, observer)?;
        Ok(members.chunks_exact(self.n_segments()).map(modal).collect())
    }

    /// The log-likelihood of a survey under the model, summed with the survey's weights.
    pub fn log_likelihood(&self, survey: &Survey<'_>, observer: &mut dyn Observer) -> Result<f64> {
        let mut phase = Phase::new(observer, "scoring");
        let (model, mixture, cells) = self.on(survey, &mut phase)?;
        let gate = Gate::new(&mut phase);
        Ok(expect(&cells, &model.tables(&mixture, &cells), &gate)?.log_likelihood)
    }

    /// The model, its parameters and a survey, ready for a sweep.
    pub(super) fn on(
        &self,
        survey: &Survey<'_>,
        phase: &mut Phase<'_>,
    ) -> Result<(Model, Mixture, Cells)> {
        let asked: Vec<usize> = survey
            .questions()
            .iter()
            .map(|question| self.find(question))
            .collect::<Result<_>>()?;
        let given: Vec<&str> = survey
            .covariates()
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        if !given.is_empty() && given != self.covariates {
            let expected = format!("the model's covariates {:?}, or none", self.covariates);
            return Err(Error::parameter(
                "covariates",
                format!("{given:?}"),
                expected,
            ));
        }
        let scales = vec![Scale::NATURAL; survey.questions().len()];
        let cells = Cells::new(survey, Some(&scales), false, phase)?;
        let mut mixture = Mixture {
            coefficients: self.coefficients.concat(),
            measurements: asked
                .iter()
                .map(|at| self.answers[*at].measurement(&self.questions[*at]))
                .collect(),
            style: self.style.unwrap_or(0.0),
        };
        if given.is_empty() && !self.covariates.is_empty() {
            mixture.coefficients = vec![0.0; self.n_segments()];
            mixture.set_shares(&self.shares);
        }
        let nothing = |question: usize| match &self.answers[asked[question]] {
            SegmentAnswers::Continuous { .. } => Pseudo::Weight(0.0),
            SegmentAnswers::Count { .. } => Pseudo::Mean(0.0, 1.0),
            levels => Pseudo::Levels(vec![0.0; levels.probabilities().map_or(0, |p| p[0].len())]),
        };
        let model = Model::new(self.lanes(), &cells, 0.0, &mixture.measurements, nothing);
        Ok((model, mixture, cells))
    }

    fn lanes(&self) -> Lanes {
        match self.style {
            Some(_) => Lanes::with_style(self.n_segments(), n_ordinal(&self.questions)),
            None => Lanes::plain(self.n_segments()),
        }
    }

    /// The place of a survey's question among the model's.
    fn find(&self, question: &Question) -> Result<usize> {
        let place = self
            .questions
            .iter()
            .position(|one| one.name == question.name);
        let Some(place) = place else {
            let reason = "is not a question of the model";
            return Err(Error::data(&question.name, None, reason));
        };
        let own = &self.questions[place];
        let same = match (&own.kind, &question.kind) {
            // Counts of either family are counts.
            (QuestionKind::Count(_), QuestionKind::Count(_)) => true,
            (one, other) => one == other,
        };
        if same {
            return Ok(place);
        }
        let reason = format!(
            "is {} with levels {:?}, and in the model {} with levels {:?}; code the answers by the model's levels",
            question.kind_word(),
            question.levels().unwrap_or_default(),
            own.kind_word(),
            own.levels().unwrap_or_default(),
        );
        Err(Error::data(&question.name, None, reason))
    }

    /// The parameters on the scale of a fit's cells: where another fit may start.
    pub(super) fn mixture_on(&self, cells: &Cells) -> Mixture {
        let mut measurements: Vec<Measurement> = self
            .answers
            .iter()
            .zip(&self.questions)
            .map(|(answers, question)| answers.measurement(question))
            .collect();
        for dense in &cells.dense {
            if let Measurement::Continuous(one) = &mut measurements[dense.question] {
                let Scale { mean, deviation } = dense.scale;
                one.means
                    .iter_mut()
                    .for_each(|m| *m = (*m - mean) / deviation);
                one.deviations.iter_mut().for_each(|d| *d /= deviation);
                one.shared = self.settings.variance == super::Variance::Shared;
            }
        }
        let mut coefficients = self.coefficients.concat();
        for row in coefficients.chunks_exact_mut(cells.n_features) {
            let (constant, slopes) = row.split_at_mut(1);
            for (slope, Scale { mean, deviation }) in slopes.iter_mut().zip(&cells.covariate_scales)
            {
                constant[0] += *slope * mean;
                *slope *= deviation;
            }
        }
        Mixture {
            coefficients,
            measurements,
            style: self.style.unwrap_or(0.0),
        }
    }

    /// Names, estimates, standard errors and the scale of each parameter's interval.
    fn estimates(&self) -> Vec<(String, f64, Option<f64>, Bounds)> {
        let mut all = Vec::new();
        for (k, (share, error)) in self.shares.iter().zip(&self.share_errors).enumerate() {
            all.push((format!("share[{}]", k + 1), *share, *error, Bounds::Share));
        }
        if !self.covariates.is_empty() {
            let names =
                || std::iter::once("constant").chain(self.covariates.iter().map(String::as_str));
            let rows = self.coefficients.iter().zip(&self.coefficient_errors);
            for (k, (row, errors)) in rows.enumerate().skip(1) {
                for (name, (value, error)) in names().zip(row.iter().zip(errors)) {
                    all.push((format!("{name}[{}]", k + 1), *value, *error, Bounds::None));
                }
            }
        }
        for (question, answers) in self.questions.iter().zip(&self.answers) {
            estimates_of(question, answers, &mut all);
        }
        if let Some(style) = self.style {
            all.push((
                "response style".to_owned(),
                style,
                self.style_error,
                Bounds::Positive,
            ));
        }
        all
    }
}

/// Where a parameter can lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bounds {
    None,
    Positive,
    Share,
}

type Estimate = (String, f64, Option<f64>, Bounds);

fn estimates_of(question: &Question, answers: &SegmentAnswers, all: &mut Vec<Estimate>) {
    let name = &question.name;
    let mut by_segment = |what: &str, values: &[f64], errors: &[Option<f64>], bounds: Bounds| {
        for (k, (value, error)) in values.iter().zip(errors).enumerate() {
            all.push((format!("{name}{what}[{}]", k + 1), *value, *error, bounds));
        }
    };
    match answers {
        SegmentAnswers::Nominal {
            probabilities,
            standard_errors,
        } => {
            for (level, word) in question.levels().unwrap_or_default().iter().enumerate() {
                let values: Vec<f64> = probabilities.iter().map(|row| row[level]).collect();
                let errors: Vec<_> = standard_errors.iter().map(|row| row[level]).collect();
                by_segment(&format!("={word}"), &values, &errors, Bounds::Share);
            }
        }
        SegmentAnswers::Ordinal {
            probabilities,
            standard_errors,
            slopes,
            slope_errors,
            ..
        } => {
            by_segment(" slope", slopes, slope_errors, Bounds::None);
            for (level, word) in question.levels().unwrap_or_default().iter().enumerate() {
                let values: Vec<f64> = probabilities.iter().map(|row| row[level]).collect();
                let errors: Vec<_> = standard_errors.iter().map(|row| row[level]).collect();
                by_segment(&format!("={word}"), &values, &errors, Bounds::Share);
            }
        }
        SegmentAnswers::Continuous {
            means,
            mean_errors,
            deviations,
            deviation_errors,
        } => {
            by_segment(" mean", means, mean_errors, Bounds::None);
            by_segment(" deviation", deviations, deviation_errors, Bounds::Positive);
        }
        SegmentAnswers::Count {
            means,
            mean_errors,
            size,
            size_error,
        } => {
            by_segment(" mean", means, mean_errors, Bounds::Positive);
            if let Some(size) = size {
                all.push((format!("{name} size"), *size, *size_error, Bounds::Positive));
            }
        }
    }
}

impl Fitted for FittedLatentClass {
    fn report(&self) -> &FitReport {
        &self.report
    }

    fn parameters(&self, level: f64) -> Result<Vec<Parameter>> {
        let z = interval::normal_quantile(level)?;
        let parameter = |(name, estimate, standard_error, bounds): Estimate| {
            let ends = standard_error.map(|error| match bounds {
                Bounds::None => [estimate - z * error, estimate + z * error],
                Bounds::Positive => interval::positive(estimate, error, z),
                Bounds::Share => interval::share(estimate, error, z),
            });
            Parameter {
                name,
                estimate,
                standard_error,
                lower: ends.map(|ends| ends[0]),
                upper: ends.map(|ends| ends[1]),
            }
        };
        Ok(self.estimates().into_iter().map(parameter).collect())
    }
}

#[derive(Serialize, Deserialize)]
struct SchemaPart {
    questions: Vec<Question>,
    covariates: Vec<String>,
    #[serde(default)]
    note: Value,
}

#[derive(Serialize, Deserialize)]
struct FittedPart {
    shares: Vec<f64>,
    share_errors: Vec<Option<f64>>,
    coefficients: Vec<Vec<f64>>,
    coefficient_errors: Vec<Vec<Option<f64>>>,
    answers: Vec<SegmentAnswers>,
    style: Option<f64>,
    style_error: Option<f64>,
    starts: Vec<Start>,
    criteria: Option<Criteria>,
    residuals: Vec<BivariateResidual>,
    n_unanswered: usize,
}

impl Persist for FittedLatentClass {
    const KIND: &'static str = "latent_class";
    const VERSION: u32 = 1;

    fn to_parts(&self) -> Result<Parts> {
        Parts::new(
            SchemaPart {
                questions: self.questions.clone(),
                covariates: self.covariates.clone(),
                note: self.note.clone(),
            },
            &self.settings,
            FittedPart {
                shares: self.shares.clone(),
                share_errors: self.share_errors.clone(),
                coefficients: self.coefficients.clone(),
                coefficient_errors: self.coefficient_errors.clone(),
                answers: self.answers.clone(),
                style: self.style,
                style_error: self.style_error,
                starts: self.starts.clone(),
                criteria: self.criteria.clone(),
                residuals: self.residuals.clone(),
                n_unanswered: self.n_unanswered,
            },
            &self.report,
        )
    }

    fn from_parts(parts: Parts) -> Result<Self> {
        let schema: SchemaPart = read_part("schema", parts.schema)?;
        let fitted: FittedPart = read_part("fitted", parts.fitted)?;
        let model = Self {
            settings: read_part("settings", parts.settings)?,
            questions: schema.questions,
            covariates: schema.covariates,
            shares: fitted.shares,
            share_errors: fitted.share_errors,
            coefficients: fitted.coefficients,
            coefficient_errors: fitted.coefficient_errors,
            answers: fitted.answers,
            style: fitted.style,
            style_error: fitted.style_error,
            starts: fitted.starts,
            criteria: fitted.criteria,
            residuals: fitted.residuals,
            n_unanswered: fitted.n_unanswered,
            note: schema.note,
            report: read_part("report", parts.report)?,
        };
        model.check()?;
        Ok(model)
    }
}

impl FittedLatentClass {
    /// That a file's parts belong together.
    fn check(&self) -> Result<()> {
        let corrupt = |reason: &str| {
            Err(Error::Corrupt {
                reason: format!("in \"fitted\": {reason}"),
            })
        };
        let k = self.shares.len();
        if !(1..=MOST_SEGMENTS).contains(&k)
            || !self.shares.iter().all(|share| (0.0..=1.0).contains(share))
            || (self.shares.iter().sum::<f64>() - 1.0).abs() > 1e-6
        {
            return corrupt("the shares are not those of 1 to 32 segments");
        }
        let width = self.covariates.len() + 1;
        let row = |row: &Vec<f64>| row.len() == width && row.iter().all(|c| c.is_finite());
        if self.coefficients.len() != k || !self.coefficients.iter().all(row) {
            return corrupt("the coefficients do not fit the segments and covariates");
        }
        for question in &self.questions {
            question.check().map_err(|error| Error::Corrupt {
                reason: format!("in \"schema\": {error}"),
            })?;
        }
        let pairs = self.answers.iter().zip(&self.questions);
        let fit = |(answers, question): (&SegmentAnswers, &Question)| answers.fits(question, k);
        if self.answers.len() != self.questions.len() || !{ pairs }.all(fit) {
            return corrupt("the answers do not fit the questions and segments");
        }
        if self.style.is_some_and(|style| !style.is_finite()) {
            return corrupt("the response style is not a number");
        }
        Ok(())
    }
}
