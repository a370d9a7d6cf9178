//! The Gamma-Gamma model of spend.

use pyo3::prelude::*;
use tercet::Estimator;
use tercet::value::lifetime::{self as core, GammaGamma};

use crate::arrays::{Column, Floats, Table};
use crate::boundary::{self, Progress};
use crate::data::{SpendArrays, column_names};
use crate::model::shared_methods;
use crate::records::{ColumnNames, Record};
use crate::{errors, model};

/// A fitted Gamma-Gamma model: immutable.
///
/// Arrays of customers are float64, in the caller's row order: `frequency` counts repeat purchases,
/// `monetary_value` is their mean value. `columns` says what the caller calls them, for error
/// messages.
#[pyclass(frozen, module = "tercet._tercet")]
pub(crate) struct FittedGammaGamma(core::FittedGammaGamma);

impl FittedGammaGamma {
    /// The core's model.
    pub(crate) fn core(&self) -> &core::FittedGammaGamma {
        &self.0
    }
}

#[pymethods]
impl FittedGammaGamma {
    /// Fits the three parameters by maximum likelihood, to customers with a repeat purchase.
    ///
    /// `settings` has `zero_spend` and `max_iterations`.
    #[staticmethod]
    #[pyo3(signature = (
        frequency, monetary_value, weights=None, *, columns, settings, n_jobs=None, progress=None,
    ))]
    fn fit(
        py: Python<'_>,
        frequency: Floats<'_>,
        monetary_value: Floats<'_>,
        weights: Option<Floats<'_>>,
        columns: ColumnNames<'_>,
        settings: Record<'_>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Self> {
        let estimator = GammaGamma::new()
            .zero_spend(errors::parsed(&settings.read::<String>("zero_spend")?)?)
            .max_iterations(settings.count("max_iterations")?);
        let arrays =
            SpendArrays::new(&frequency, &monetary_value, &columns)?.weighted(weights.as_ref())?;
        let fitted = boundary::run(py, n_jobs, progress, |observer| {
            estimator.fit_observed(&arrays.spend()?, observer)
        })?;
        Ok(Self(fitted))
    }

    /// A model with given parameters, such as published ones; it has no standard errors.
    #[staticmethod]
    fn from_parameters(py: Python<'_>, p: f64, q: f64, v: f64) -> PyResult<Self> {
        boundary::brief(py, || core::FittedGammaGamma::from_parameters(p, q, v)).map(Self)
    }

    /// Covariance matrix of the estimates; nan where the data do not determine an entry.
    #[getter]
    fn covariance(&self, py: Python<'_>) -> PyResult<Table> {
        model::covariance(py, self.0.covariance())
    }

    /// The settings that it was fitted with.
    #[getter]
    fn settings<'py>(&self, py: Python<'py>) -> PyResult<Record<'py>> {
        let written = serde_json::to_value(self.0.settings());
        model::settings(py, written, &["zero_spend", "max_iterations"])
    }

    /// None: spend is not tied to a date.
    #[getter]
    #[expect(clippy::unused_self, reason = "every model has an as_of")]
    fn as_of(&self) -> Option<&str> {
        None
    }

    /// What the columns were called in the table that it was fitted to.
    #[getter]
    fn columns<'py>(&self, py: Python<'py>) -> PyResult<ColumnNames<'py>> {
        column_names(py, self.0.columns())
    }

    /// Mean value of a purchase in the population; infinite where q is at most 1.
    #[getter]
    fn population_mean(&self) -> f64 {
        self.0.population_mean()
    }

    /// Whether spend goes with frequency: correlation, `p_value`, n, verdict; nan where no test was
    /// possible.
    #[getter]
    fn independence<'py>(&self, py: Python<'py>) -> PyResult<Record<'py>> {
        let test = self.0.independence();
        let p_value = test.and_then(|test| test.p_value);
        Record::new(py)
            .with(
                "correlation",
                test.map_or(f64::NAN, |test| test.correlation),
            )?
            .with("p_value", p_value.unwrap_or(f64::NAN))?
            .with("n", test.map_or(0.0, |test| test.n))?
            .with("verdict", test.map(|test| test.verdict()))
    }

    /// The log-likelihood of customers under the model, summed.
    #[pyo3(signature = (
        frequency, monetary_value, weights=None, *, columns, n_jobs=None, progress=None,
    ))]
    fn log_likelihood(
        &self,
        py: Python<'_>,
        frequency: Floats<'_>,
        monetary_value: Floats<'_>,
        weights: Option<Floats<'_>>,
        columns: ColumnNames<'_>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<f64> {
        let arrays =
            SpendArrays::new(&frequency, &monetary_value, &columns)?.weighted(weights.as_ref())?;
        boundary::run(py, n_jobs, progress, |observer| {
            self.0.log_likelihood(&arrays.spend()?, observer)
        })
    }

    /// Expected value of a purchase of each customer.
    #[pyo3(signature = (frequency, monetary_value, *, columns, n_jobs=None, progress=None))]
    fn expected_spend(
        &self,
        py: Python<'_>,
        frequency: Floats<'_>,
        monetary_value: Floats<'_>,
        columns: ColumnNames<'_>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Column<f64>> {
        let arrays = SpendArrays::new(&frequency, &monetary_value, &columns)?;
        let values = boundary::run(py, n_jobs, progress, |observer| {
            self.0.expected_spend(&arrays.spend()?, observer)
        })?;
        Ok(Column::new(py, values))
    }

    /// Intervals of the expected value of a purchase, a row a customer: lower and upper end.
    #[pyo3(signature = (frequency, monetary_value, *, columns, level, n_jobs=None, progress=None))]
    fn expected_spend_interval(
        &self,
        py: Python<'_>,
        frequency: Floats<'_>,
        monetary_value: Floats<'_>,
        columns: ColumnNames<'_>,
        level: f64,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Table> {
        let arrays = SpendArrays::new(&frequency, &monetary_value, &columns)?;
        let rows = boundary::run(py, n_jobs, progress, |observer| {
            self.0
                .expected_spend_interval(&arrays.spend()?, level, observer)
        })?;
        Table::new(py, rows)
    }
}

shared_methods!(FittedGammaGamma: saved, reported, parameters, intervals);
