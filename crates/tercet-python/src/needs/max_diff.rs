//! Latent classes of best-worst choices.

use pyo3::prelude::*;
use tercet::Estimator;
use tercet::needs::{self as core, ChoicePlan, MaxDiff};

use super::mixture;
use crate::arrays::{Column, Table};
use crate::boundary::{self, Progress};
use crate::data::{ChoiceArrays, ChoiceTable, Named};
use crate::model::{known, shared_methods};
use crate::records::{ColumnNames, Columns, Record};
use crate::{errors, model, persist};

/// A fitted model of best-worst choices: immutable.
///
/// Choices are four arrays, a row for every item shown: the respondent (uint32, numbered from 0 without
/// gaps), the task (uint32), the item's place in `items` (uint16) and the choice (int8: 1 best, -1
/// worst, 0 neither). `names` are the caller's names of `respondent`, `task`, `item` and `choice`, and
/// `weights` a name and a number a respondent.
#[pyclass(frozen, module = "tercet._tercet")]
pub(crate) struct FittedMaxDiff(core::FittedMaxDiff);

#[pymethods]
impl FittedMaxDiff {
    /// Fits by maximum likelihood, or maximum posterior with a prior.
    ///
    /// `settings` has `n_segments`, `starts`, `seed`, `prior`, `worst`, `weight_type`, `drop_early` and
    /// `max_iterations`; `note`, a JSON text, is kept with the model.
    #[staticmethod]
    #[pyo3(signature = (
        choices, items, names, weights, *, settings, note, n_jobs=None, progress=None,
    ))]
    fn fit(
        py: Python<'_>,
        choices: ChoiceTable<'_>,
        items: Vec<String>,
        names: ColumnNames<'_>,
        weights: Option<Named<'_>>,
        settings: Record<'_>,
        note: &str,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Self> {
        let estimator = estimator(&settings)?;
        let note = persist::note(note)?;
        let arrays = ChoiceArrays::new(&choices, items, &names, weights.as_ref())?;
        let fitted = boundary::run(py, n_jobs, progress, |observer| {
            estimator.fit_observed(&arrays.choices()?, observer)
        })?;
        Ok(Self(fitted.with_note(note)))
    }

    /// A model of given shares and utilities (a row a segment).
    #[staticmethod]
    fn from_parameters(
        py: Python<'_>,
        items: Vec<String>,
        shares: Vec<f64>,
        utilities: Vec<Vec<f64>>,
    ) -> PyResult<Self> {
        boundary::brief(py, || {
            core::FittedMaxDiff::from_parameters(&items, &shares, &utilities)
        })
        .map(Self)
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
                "worst",
                "weight_type",
                "drop_early",
                "max_iterations",
            ],
        )
    }

    /// The items' names.
    #[getter]
    fn items(&self) -> Vec<String> {
        self.0.items().to_vec()
    }

    /// The shares of the segments, largest first.
    #[getter]
    fn shares(&self, py: Python<'_>) -> Column<f64> {
        Column::new(py, self.0.shares().to_vec())
    }

    /// How often each item would be picked as the best of all: a row a segment.
    #[getter]
    fn preference_shares(&self, py: Python<'_>) -> PyResult<Table> {
        let width = self.0.items().len();
        Table::wide(py, self.0.preference_shares().concat(), width)
    }

    /// Their standard errors; nan where there is none.
    #[getter]
    fn preference_errors(&self, py: Python<'_>) -> PyResult<Table> {
        let errors = self.0.preference_errors().iter().flatten();
        let errors = errors.map(|error| known(*error)).collect();
        Table::wide(py, errors, self.0.items().len())
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

    /// Each respondent's probability of belonging to each segment: a row a respondent.
    #[pyo3(signature = (choices, items, names, *, n_jobs=None, progress=None))]
    fn posterior(
        &self,
        py: Python<'_>,
        choices: ChoiceTable<'_>,
        items: Vec<String>,
        names: ColumnNames<'_>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Table> {
        let arrays = ChoiceArrays::new(&choices, items, &names, None)?;
        let members = boundary::run(py, n_jobs, progress, |observer| {
            self.0.posterior(&arrays.choices()?, observer)
        })?;
        Table::wide(py, members, self.0.n_segments())
    }

    /// Each respondent's expected utilities: a row a respondent, a column an item of the model.
    #[pyo3(signature = (choices, items, names, *, n_jobs=None, progress=None))]
    fn respondent_utilities(
        &self,
        py: Python<'_>,
        choices: ChoiceTable<'_>,
        items: Vec<String>,
        names: ColumnNames<'_>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Table> {
        let arrays = ChoiceArrays::new(&choices, items, &names, None)?;
        let utilities = boundary::run(py, n_jobs, progress, |observer| {
            self.0.respondent_utilities(&arrays.choices()?, observer)
        })?;
        Table::wide(py, utilities, self.0.items().len())
    }

    /// How well each respondent's choices are explained; nan without a choice.
    #[pyo3(signature = (choices, items, names, *, n_jobs=None, progress=None))]
    fn root_likelihood(
        &self,
        py: Python<'_>,
        choices: ChoiceTable<'_>,
        items: Vec<String>,
        names: ColumnNames<'_>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Column<f64>> {
        let arrays = ChoiceArrays::new(&choices, items, &names, None)?;
        let fit = boundary::run(py, n_jobs, progress, |observer| {
            self.0.root_likelihood(&arrays.choices()?, observer)
        })?;
        Ok(Column::new(py, fit))
    }

    /// The log-likelihood of choices under the model, summed with their weights.
    #[pyo3(signature = (choices, items, names, weights, *, n_jobs=None, progress=None))]
    fn log_likelihood(
        &self,
        py: Python<'_>,
        choices: ChoiceTable<'_>,
        items: Vec<String>,
        names: ColumnNames<'_>,
        weights: Option<Named<'_>>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<f64> {
        let arrays = ChoiceArrays::new(&choices, items, &names, weights.as_ref())?;
        boundary::run(py, n_jobs, progress, |observer| {
            self.0.log_likelihood(&arrays.choices()?, observer)
        })
    }

    /// Draws respondents who choose as the model says: `respondent`, `task`, `item` (its place), `choice`,
    /// and the `segment` (from 1) of each row's respondent.
    fn simulate<'py>(
        &self,
        py: Python<'py>,
        respondents: usize,
        tasks: usize,
        shown: usize,
        seed: u64,
    ) -> PyResult<Record<'py>> {
        let plan = ChoicePlan {
            respondents,
            tasks,
            shown,
        };
        let drawn = boundary::brief(py, || self.0.simulate(plan, seed))?;
        let each = drawn.respondent.iter();
        let segment = each.map(|respondent| drawn.segment[*respondent as usize] + 1);
        Record::new(py)
            .with("segment", Column::counts(py, segment))?
            .with("respondent", Column::new(py, drawn.respondent))?
            .with("task", Column::new(py, drawn.task))?
            .with("item", Column::new(py, drawn.item))?
            .with("choice", Column::new(py, drawn.choice))
    }
}

shared_methods!(FittedMaxDiff: saved, noted, reported, parameters, intervals);

/// Best-worst counts of every item: `shown`, `best`, `worst`, `score`.
#[pyfunction]
pub(crate) fn best_worst_counts<'py>(
    py: Python<'py>,
    choices: ChoiceTable<'_>,
    items: Vec<String>,
    names: ColumnNames<'_>,
    weights: Option<Named<'_>>,
) -> PyResult<Columns<'py>> {
    let arrays = ChoiceArrays::new(&choices, items, &names, weights.as_ref())?;
    let counts = boundary::brief(py, || Ok(core::best_worst_counts(&arrays.choices()?)))?;
    let column = |of: fn(&core::ItemCounts) -> f64| counts.iter().map(of).collect();
    Columns::new(py)
        .with("shown", column(|one| one.shown))?
        .with("best", column(|one| one.best))?
        .with("worst", column(|one| one.worst))?
        .with("score", column(|one| one.score))
}

fn estimator(settings: &Record<'_>) -> PyResult<MaxDiff> {
    let word = |name: &str| settings.read::<String>(name);
    Ok(MaxDiff::new(settings.count("n_segments")?)
        .starts(settings.count("starts")?)
        .seed(settings.seed("seed")?)
        .prior(settings.read("prior")?)
        .worst(errors::parsed(&word("worst")?)?)
        .weight_type(errors::parsed(&word("weight_type")?)?)
        .drop_early(settings.read("drop_early")?)
        .max_iterations(settings.count("max_iterations")?))
}
