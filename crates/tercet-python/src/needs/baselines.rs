//! What segments are usually found by: k-means and mixtures of Gaussians.

use pyo3::prelude::*;
use tercet::Estimator;
use tercet::needs::{self as core, GaussianMixtureSegments, KMeansSegments};

use crate::arrays::{Column, Table};
use crate::boundary::{self, Progress};
use crate::data::{AnswerColumn, SurveyArrays, survey};
use crate::model;
use crate::model::shared_methods;
use crate::records::Record;

/// Fitted k-means segments: immutable.
///
/// A survey is a list of pairs: what a question is (a record of `name`, `kind`, `levels`, `scores`), and
/// the column of its answers.
#[pyclass(frozen, module = "tercet._tercet")]
pub(crate) struct FittedKMeansSegments(core::FittedKMeansSegments);

#[pymethods]
impl FittedKMeansSegments {
    /// Fits; `settings` has `n_segments`, `starts`, `seed`, `standardize` and `max_iterations`.
    #[staticmethod]
    #[pyo3(signature = (questions, *, settings, n_jobs=None, progress=None))]
    fn fit(
        py: Python<'_>,
        questions: Vec<(Record<'_>, AnswerColumn<'_>)>,
        settings: Record<'_>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Self> {
        let estimator = KMeansSegments::new(settings.count("n_segments")?)
            .starts(settings.count("starts")?)
            .seed(settings.seed("seed")?)
            .standardize(settings.read("standardize")?)
            .max_iterations(settings.count("max_iterations")?);
        let arrays = SurveyArrays::new(&questions)?;
        boundary::run(py, n_jobs, progress, |observer| {
            estimator.fit_observed(&arrays.survey()?, observer)
        })
        .map(Self)
    }

    /// The settings that it was fitted with.
    #[getter]
    fn settings<'py>(&self, py: Python<'py>) -> PyResult<Record<'py>> {
        let written = serde_json::to_value(self.0.settings());
        let names = [
            "n_segments",
            "starts",
            "seed",
            "standardize",
            "max_iterations",
        ];
        model::settings(py, written, &names)
    }

    /// The questions: `name`, `kind`, `levels` and `scores` of each.
    #[getter]
    fn questions<'py>(&self, py: Python<'py>) -> PyResult<Vec<Record<'py>>> {
        let questions = self.0.questions().iter();
        questions.map(|one| survey::record(py, one)).collect()
    }

    /// The shares of the segments, largest first.
    #[getter]
    fn shares(&self, py: Python<'_>) -> Column<f64> {
        Column::new(py, self.0.shares().to_vec())
    }

    /// The segments' centers in the questions' own units: a row a segment.
    #[getter]
    fn centers(&self, py: Python<'_>) -> PyResult<Table> {
        Table::wide(py, self.0.centers().concat(), self.0.questions().len())
    }

    /// The sum of squared distances within each segment.
    #[getter]
    fn within_squares(&self, py: Python<'_>) -> Column<f64> {
        Column::new(py, self.0.within_squares().to_vec())
    }

    /// The sum of squared distances from the overall means.
    #[getter]
    fn total_squares(&self) -> f64 {
        self.0.total_squares()
    }

    /// How many starts found the least sum of squares.
    #[getter]
    fn starts_at_best(&self) -> usize {
        self.0.starts_at_best()
    }

    /// 1 for each respondent's segment and 0 for the others: a row a respondent.
    #[pyo3(signature = (questions, *, n_jobs=None, progress=None))]
    fn posterior(
        &self,
        py: Python<'_>,
        questions: Vec<(Record<'_>, AnswerColumn<'_>)>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Table> {
        let arrays = SurveyArrays::new(&questions)?;
        let members = boundary::run(py, n_jobs, progress, |observer| {
            self.0.posterior(&arrays.survey()?, observer)
        })?;
        Table::wide(py, members, self.0.n_segments())
    }
}

shared_methods!(FittedKMeansSegments: saved, reported, parameters);

/// A fitted mixture of Gaussians: immutable.
///
/// A survey is a list of pairs: what a question is (a record of `name`, `kind`, `levels`, `scores`), and
/// the column of its answers.
#[pyclass(frozen, module = "tercet._tercet")]
pub(crate) struct FittedGaussianMixtureSegments(core::FittedGaussianMixtureSegments);

#[pymethods]
impl FittedGaussianMixtureSegments {
    /// Fits; `settings` has `n_segments`, `starts`, `seed`, `regularization`, `max_iterations` and
    /// `tolerance`.
    #[staticmethod]
    #[pyo3(signature = (questions, *, settings, n_jobs=None, progress=None))]
    fn fit(
        py: Python<'_>,
        questions: Vec<(Record<'_>, AnswerColumn<'_>)>,
        settings: Record<'_>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Self> {
        let estimator = GaussianMixtureSegments::new(settings.count("n_segments")?)
            .starts(settings.count("starts")?)
            .seed(settings.seed("seed")?)
            .regularization(settings.read("regularization")?)
            .max_iterations(settings.count("max_iterations")?)
            .tolerance(settings.read("tolerance")?);
        let arrays = SurveyArrays::new(&questions)?;
        boundary::run(py, n_jobs, progress, |observer| {
            estimator.fit_observed(&arrays.survey()?, observer)
        })
        .map(Self)
    }

    /// The settings that it was fitted with.
    #[getter]
    fn settings<'py>(&self, py: Python<'py>) -> PyResult<Record<'py>> {
        let written = serde_json::to_value(self.0.settings());
        let names = [
            "n_segments",
            "starts",
            "seed",
            "regularization",
            "max_iterations",
            "tolerance",
        ];
        model::settings(py, written, &names)
    }

    /// The questions: `name`, `kind`, `levels` and `scores` of each.
    #[getter]
    fn questions<'py>(&self, py: Python<'py>) -> PyResult<Vec<Record<'py>>> {
        let questions = self.0.questions().iter();
        questions.map(|one| survey::record(py, one)).collect()
    }

    /// The shares of the segments, largest first.
    #[getter]
    fn shares(&self, py: Python<'_>) -> Column<f64> {
        Column::new(py, self.0.shares().to_vec())
    }

    /// The segments' means in the questions' own units: a row a segment.
    #[getter]
    fn centers(&self, py: Python<'_>) -> PyResult<Table> {
        Table::wide(py, self.0.means().concat(), self.0.questions().len())
    }

    /// The covariances within the segments: row by row, segment by segment.
    #[getter]
    fn covariances(&self, py: Python<'_>) -> Column<f64> {
        Column::new(py, self.0.covariances().concat().concat())
    }

    /// How many starts ended within 0.1 of the best log-likelihood.
    #[getter]
    fn starts_at_best(&self) -> usize {
        self.0.starts_at_best()
    }

    /// Each respondent's probability of belonging to each segment: a row a respondent.
    #[pyo3(signature = (questions, *, n_jobs=None, progress=None))]
    fn posterior(
        &self,
        py: Python<'_>,
        questions: Vec<(Record<'_>, AnswerColumn<'_>)>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Table> {
        let arrays = SurveyArrays::new(&questions)?;
        let members = boundary::run(py, n_jobs, progress, |observer| {
            self.0.posterior(&arrays.survey()?, observer)
        })?;
        Table::wide(py, members, self.0.n_segments())
    }

    /// The log-likelihood of respondents under the model, summed.
    #[pyo3(signature = (questions, *, n_jobs=None, progress=None))]
    fn log_likelihood(
        &self,
        py: Python<'_>,
        questions: Vec<(Record<'_>, AnswerColumn<'_>)>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<f64> {
        let arrays = SurveyArrays::new(&questions)?;
        boundary::run(py, n_jobs, progress, |observer| {
            self.0.log_likelihood(&arrays.survey()?, observer)
        })
    }
}

shared_methods!(FittedGaussianMixtureSegments: saved, reported, parameters);
