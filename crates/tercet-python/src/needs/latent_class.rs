//! Latent classes: segments of respondents who answer alike.

use pyo3::prelude::*;
use tercet::Estimator;
use tercet::needs::{self as core, LatentClass, SegmentAnswers};

use super::mixture;
use crate::arrays::{Column, Table};
use crate::boundary::{self, Progress};
use crate::data::{AnswerColumn, Named, SurveyArrays, survey};
use crate::model::{known, shared_methods};
use crate::records::{Columns, Record};
use crate::{errors, model, persist};

/// A fitted latent class model: immutable.
///
/// A survey is a list of pairs: what a question is (a record of `name`, `kind`, `levels`, `scores`), and
/// the column of its answers in the caller's row order: uint8 codes of the levels, 255 where there is
/// none, or float64 numbers, nan where there is none. `weights` and each of the `covariates` are
/// a pair too: the caller's name and a float64 column.
#[pyclass(frozen, module = "tercet._tercet")]
pub(crate) struct FittedLatentClass(core::FittedLatentClass);

#[pymethods]
impl FittedLatentClass {
    /// Fits by maximum likelihood, or maximum posterior with a prior.
    ///
    /// `settings` has `n_segments`, `starts`, `seed`, `prior`, `variance`, `weight_type`,
    /// `response_style`, `drop_early`, `standard_errors`, `max_iterations` and `tolerance`; `note`, a JSON
    /// text, is kept with the model.
    #[staticmethod]
    #[pyo3(signature = (
        questions, weights, covariates, *, settings, note, n_jobs=None, progress=None,
    ))]
    fn fit(
        py: Python<'_>,
        questions: Vec<(Record<'_>, AnswerColumn<'_>)>,
        weights: Option<Named<'_>>,
        covariates: Vec<Named<'_>>,
        settings: Record<'_>,
        note: &str,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Self> {
        let estimator = estimator(&settings)?;
        let note = persist::note(note)?;
        let arrays = SurveyArrays::new(&questions)?
            .weighted(weights.as_ref())?
            .with_covariates(&covariates)?;
        let fitted = boundary::run(py, n_jobs, progress, |observer| {
            estimator.fit_observed(&arrays.survey()?, observer)
        })?;
        Ok(Self(fitted.with_note(note)))
    }

    /// The settings that it was fitted with.
    #[getter]
    fn settings<'py>(&self, py: Python<'py>) -> PyResult<Record<'py>> {
        let written = serde_json::to_value(self.0.settings());
        model::settings(
            py,
            written,
            &[
                "n_segments",
                "starts",
                "seed",
                "prior",
                "variance",
                "weight_type",
                "response_style",
                "drop_early",
                "standard_errors",
                "max_iterations",
                "tolerance",
            ],
        )
    }

    /// The questions: `name`, `kind`, `levels` and `scores` of each.
    #[getter]
    fn questions<'py>(&self, py: Python<'py>) -> PyResult<Vec<Record<'py>>> {
        let questions = self.0.questions().iter();
        questions.map(|one| survey::record(py, one)).collect()
    }

    /// The names of the covariates.
    #[getter]
    fn covariates(&self) -> Vec<String> {
        self.0.covariates().to_vec()
    }

    /// The shares of the segments, largest first.
    #[getter]
    fn shares(&self, py: Python<'_>) -> Column<f64> {
        Column::new(py, self.0.shares().to_vec())
    }

    /// Coefficients of the membership: a row a segment, the constant first, then the covariates.
    #[getter]
    fn coefficients(&self, py: Python<'_>) -> PyResult<Table> {
        Table::wide(py, self.0.coefficients().concat(), self.n_features())
    }

    /// Their standard errors; nan where there is none.
    #[getter]
    fn coefficient_errors(&self, py: Python<'_>) -> PyResult<Table> {
        let errors = self.0.coefficient_errors().iter().flatten();
        let errors = errors.map(|error| known(*error)).collect();
        Table::wide(py, errors, self.n_features())
    }

    /// The intercepts of every ordinal question, a number a level.
    #[getter]
    fn intercepts<'py>(&self, py: Python<'py>) -> PyResult<Columns<'py>> {
        let mut pairs = self.0.questions().iter().zip(self.0.answers());
        pairs.try_fold(
            Columns::new(py),
            |columns, (question, answers)| match answers {
                SegmentAnswers::Ordinal { intercepts, .. } => {
                    columns.with(&question.name, intercepts.clone())
                }
                SegmentAnswers::Nominal { .. }
                | SegmentAnswers::Continuous { .. }
                | SegmentAnswers::Count { .. } => Ok(columns),
            },
        )
    }

    /// What became of every start: `log_likelihood`, `dropped`, `reached_best`.
    #[getter]
    fn starts<'py>(&self, py: Python<'py>) -> PyResult<Record<'py>> {
        mixture::starts(py, self.0.starts())
    }

    /// Criteria by name, `assigned_posterior` (a number a segment) and `classification` (a row a
    /// true segment); None for a model whose parameters were given.
    #[getter]
    fn criteria<'py>(&self, py: Python<'py>) -> PyResult<Option<Record<'py>>> {
        mixture::criteria(py, self.0.criteria())
    }

    /// What pairs of questions have in common beyond the segments: `first`, `second`, `residual`.
    #[getter]
    fn bivariate_residuals<'py>(&self, py: Python<'py>) -> PyResult<Record<'py>> {
        let residuals = self.0.bivariate_residuals();
        let first: Vec<&str> = residuals.iter().map(|one| one.first.as_str()).collect();
        let second: Vec<&str> = residuals.iter().map(|one| one.second.as_str()).collect();
        let residual = residuals.iter().map(|one| one.residual).collect();
        Record::new(py)
            .with("first", first)?
            .with("second", second)?
            .with("residual", Column::new(py, residual))
    }

    /// Respondents in the fit who answered none of the questions.
    #[getter]
    fn n_unanswered(&self) -> usize {
        self.0.n_unanswered()
    }

    /// Each respondent's probability of belonging to each segment: a row a respondent.
    ///
    /// Questions of the model that are not among those given count as not answered; without covariates
    /// the segments have their shares for priors.
    #[pyo3(signature = (questions, covariates, *, n_jobs=None, progress=None))]
    fn posterior(
        &self,
        py: Python<'_>,
        questions: Vec<(Record<'_>, AnswerColumn<'_>)>,
        covariates: Vec<Named<'_>>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Table> {
        let arrays = SurveyArrays::new(&questions)?.with_covariates(&covariates)?;
        let members = boundary::run(py, n_jobs, progress, |observer| {
            self.0.posterior(&arrays.survey()?, observer)
        })?;
        Table::wide(py, members, self.0.n_segments())
    }

    /// The log-likelihood of respondents under the model, summed.
    #[pyo3(signature = (questions, weights, covariates, *, n_jobs=None, progress=None))]
    fn log_likelihood(
        &self,
        py: Python<'_>,
        questions: Vec<(Record<'_>, AnswerColumn<'_>)>,
        weights: Option<Named<'_>>,
        covariates: Vec<Named<'_>>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<f64> {
        let arrays = SurveyArrays::new(&questions)?
            .weighted(weights.as_ref())?
            .with_covariates(&covariates)?;
        boundary::run(py, n_jobs, progress, |observer| {
            self.0.log_likelihood(&arrays.survey()?, observer)
        })
    }
}

shared_methods!(FittedLatentClass: saved, noted, reported, parameters, intervals);

impl FittedLatentClass {
    /// A model of the core that notes a JSON text.
    pub(super) fn noting(model: core::FittedLatentClass, note: &str) -> PyResult<Self> {
        let note = persist::note(note)?;
        Ok(Self(model.with_note(note)))
    }

    /// A model of the core as it is.
    pub(super) fn of_core(model: core::FittedLatentClass) -> Self {
        Self(model)
    }

    /// The core's model.
    pub(super) fn core(&self) -> &core::FittedLatentClass {
        &self.0
    }

    /// The constant and the covariates.
    fn n_features(&self) -> usize {
        self.0.covariates().len() + 1
    }
}

/// The settings of a fit.
pub(super) fn estimator(settings: &Record<'_>) -> PyResult<LatentClass> {
    let word = |name: &str| settings.read::<String>(name);
    Ok(LatentClass::new(settings.count("n_segments")?)
        .starts(settings.count("starts")?)
        .seed(settings.seed("seed")?)
        .prior(settings.read("prior")?)
        .variance(errors::parsed(&word("variance")?)?)
        .weight_type(errors::parsed(&word("weight_type")?)?)
        .response_style(errors::parsed(&word("response_style")?)?)
        .drop_early(settings.read("drop_early")?)
        .standard_errors(settings.read("standard_errors")?)
        .max_iterations(settings.count("max_iterations")?)
        .tolerance(settings.read("tolerance")?))
}
