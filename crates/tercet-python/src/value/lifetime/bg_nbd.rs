//! The BG/NBD model of buying and dropping out.

use pyo3::prelude::*;
use tercet::data::Purchases;
use tercet::observe::Observer;
use tercet::value::lifetime::{self as core, BgNbd};
use tercet::{Estimator, Result};

use crate::arrays::{Column, Floats, Table};
use crate::boundary::{self, Progress};
use crate::data::{PurchaseArrays, column_names};
use crate::model::shared_methods;
use crate::records::{ColumnNames, Record};
use crate::{errors, model};

/// A fitted BG/NBD model: immutable.
///
/// Arrays of customers are float64, in the caller's row order: `frequency` counts repeat purchases,
/// `recency` is the time from the first to the last purchase, `age` that from the first purchase to
/// the end of observation. `columns` says what the caller calls them, for error messages.
#[pyclass(frozen, module = "tercet._tercet")]
pub(crate) struct FittedBgNbd(core::FittedBgNbd);

impl FittedBgNbd {
    /// The core's model.
    pub(crate) fn core(&self) -> &core::FittedBgNbd {
        &self.0
    }

    /// One long call: checks the rows, then asks the model about them.
    fn ask<T: Send>(
        &self,
        py: Python<'_>,
        arrays: PurchaseArrays<'_>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
        question: impl FnOnce(&core::FittedBgNbd, &Purchases<'_>, &mut dyn Observer) -> Result<T> + Send,
    ) -> PyResult<T> {
        boundary::run(py, n_jobs, progress, |observer| {
            question(&self.0, &arrays.purchases()?, observer)
        })
    }
}

#[pymethods]
impl FittedBgNbd {
    /// Fits the four parameters by maximum likelihood.
    ///
    /// `settings` has `time_unit`, `new_customers` and `max_iterations`; `as_of`, the end of
    /// observation as text, is kept with the model.
    #[staticmethod]
    #[pyo3(signature = (
        frequency, recency, age, weights=None, *, columns, settings, as_of=None, n_jobs=None,
        progress=None,
    ))]
    fn fit(
        py: Python<'_>,
        frequency: Floats<'_>,
        recency: Floats<'_>,
        age: Floats<'_>,
        weights: Option<Floats<'_>>,
        columns: ColumnNames<'_>,
        settings: Record<'_>,
        as_of: Option<String>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Self> {
        let estimator = estimator(&settings, as_of)?;
        let arrays = PurchaseArrays::new(&frequency, &recency, &age, &columns)?
            .weighted(weights.as_ref())?;
        let fitted = boundary::run(py, n_jobs, progress, |observer| {
            estimator.fit_observed(&arrays.purchases()?, observer)
        })?;
        Ok(Self(fitted))
    }

    /// A model with given parameters, such as published ones; it has no standard errors.
    #[staticmethod]
    #[pyo3(signature = (r, alpha, a, b, *, time_unit="week"))]
    fn from_parameters(
        py: Python<'_>,
        r: f64,
        alpha: f64,
        a: f64,
        b: f64,
        time_unit: &str,
    ) -> PyResult<Self> {
        let settings = BgNbd::new().time_unit(errors::parsed(time_unit)?);
        boundary::brief(py, || settings.given(r, alpha, a, b)).map(Self)
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
        model::settings(
            py,
            written,
            &["time_unit", "new_customers", "max_iterations"],
        )
    }

    /// The end of observation of the data that it was fitted to; None where nobody said.
    #[getter]
    fn as_of(&self) -> Option<&str> {
        self.0.as_of()
    }

    /// What the columns were called in the table that it was fitted to.
    #[getter]
    fn columns<'py>(&self, py: Python<'py>) -> PyResult<ColumnNames<'py>> {
        column_names(py, self.0.columns())
    }

    /// The log-likelihood of customers under the model, summed in the model's time unit.
    #[pyo3(signature = (
        frequency, recency, age, weights=None, *, columns, n_jobs=None, progress=None,
    ))]
    fn log_likelihood(
        &self,
        py: Python<'_>,
        frequency: Floats<'_>,
        recency: Floats<'_>,
        age: Floats<'_>,
        weights: Option<Floats<'_>>,
        columns: ColumnNames<'_>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<f64> {
        let arrays = PurchaseArrays::new(&frequency, &recency, &age, &columns)?
            .weighted(weights.as_ref())?;
        self.ask(
            py,
            arrays,
            n_jobs,
            progress,
            core::FittedBgNbd::log_likelihood,
        )
    }

    /// The probability that each customer is still active at the end of observation.
    #[pyo3(signature = (frequency, recency, age, *, columns, n_jobs=None, progress=None))]
    fn probability_alive(
        &self,
        py: Python<'_>,
        frequency: Floats<'_>,
        recency: Floats<'_>,
        age: Floats<'_>,
        columns: ColumnNames<'_>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Column<f64>> {
        let arrays = PurchaseArrays::new(&frequency, &recency, &age, &columns)?;
        let values = self.ask(
            py,
            arrays,
            n_jobs,
            progress,
            core::FittedBgNbd::probability_alive,
        )?;
        Ok(Column::new(py, values))
    }

    /// Intervals of the probability of being active, a row a customer: lower and upper end.
    #[pyo3(signature = (frequency, recency, age, *, columns, level, n_jobs=None, progress=None))]
    fn probability_alive_interval(
        &self,
        py: Python<'_>,
        frequency: Floats<'_>,
        recency: Floats<'_>,
        age: Floats<'_>,
        columns: ColumnNames<'_>,
        level: f64,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Table> {
        let arrays = PurchaseArrays::new(&frequency, &recency, &age, &columns)?;
        let rows = self.ask(
            py,
            arrays,
            n_jobs,
            progress,
            |model, purchases, observer| {
                model.probability_alive_interval(purchases, level, observer)
            },
        )?;
        Table::new(py, rows)
    }

    /// Purchases expected of each customer within `horizon` time units.
    #[pyo3(signature = (frequency, recency, age, *, columns, horizon, n_jobs=None, progress=None))]
    fn expected_purchases(
        &self,
        py: Python<'_>,
        frequency: Floats<'_>,
        recency: Floats<'_>,
        age: Floats<'_>,
        columns: ColumnNames<'_>,
        horizon: f64,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Column<f64>> {
        let arrays = PurchaseArrays::new(&frequency, &recency, &age, &columns)?;
        let values = self.ask(
            py,
            arrays,
            n_jobs,
            progress,
            |model, purchases, observer| model.expected_purchases(purchases, horizon, observer),
        )?;
        Ok(Column::new(py, values))
    }

    /// Intervals of the expected purchases, a row a customer: lower and upper end.
    #[pyo3(signature = (
        frequency, recency, age, *, columns, horizon, level, n_jobs=None, progress=None,
    ))]
    fn expected_purchases_interval(
        &self,
        py: Python<'_>,
        frequency: Floats<'_>,
        recency: Floats<'_>,
        age: Floats<'_>,
        columns: ColumnNames<'_>,
        horizon: f64,
        level: f64,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Table> {
        let arrays = PurchaseArrays::new(&frequency, &recency, &age, &columns)?;
        let rows = self.ask(
            py,
            arrays,
            n_jobs,
            progress,
            |model, purchases, observer| {
                model.expected_purchases_interval(purchases, horizon, level, observer)
            },
        )?;
        Table::new(py, rows)
    }

    /// Purchases expected of a new customer within `horizon` time units after the first purchase.
    fn expected_purchases_new(&self, py: Python<'_>, horizon: f64) -> PyResult<f64> {
        boundary::brief(py, || self.0.expected_purchases_new(horizon))
    }

    /// Purchases expected of each customer within `horizon` time units, each discounted to the end of
    /// observation at a yearly rate.
    #[pyo3(signature = (
        frequency, recency, age, *, columns, horizon, discount_rate, n_jobs=None, progress=None,
    ))]
    fn discounted_purchases(
        &self,
        py: Python<'_>,
        frequency: Floats<'_>,
        recency: Floats<'_>,
        age: Floats<'_>,
        columns: ColumnNames<'_>,
        horizon: f64,
        discount_rate: f64,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Column<f64>> {
        let arrays = PurchaseArrays::new(&frequency, &recency, &age, &columns)?;
        let values = self.ask(
            py,
            arrays,
            n_jobs,
            progress,
            |model, purchases, observer| {
                model.discounted_purchases(purchases, horizon, discount_rate, observer)
            },
        )?;
        Ok(Column::new(py, values))
    }

    /// For how long each customer may stay silent until the probability of being active falls below
    /// `probability`.
    #[pyo3(signature = (
        frequency, recency, age, *, columns, probability, n_jobs=None, progress=None,
    ))]
    fn time_until(
        &self,
        py: Python<'_>,
        frequency: Floats<'_>,
        recency: Floats<'_>,
        age: Floats<'_>,
        columns: ColumnNames<'_>,
        probability: f64,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Column<f64>> {
        let arrays = PurchaseArrays::new(&frequency, &recency, &age, &columns)?;
        let values = self.ask(
            py,
            arrays,
            n_jobs,
            progress,
            |model, purchases, observer| model.time_until(purchases, probability, observer),
        )?;
        Ok(Column::new(py, values))
    }
}

shared_methods!(FittedBgNbd: saved, reported, parameters, intervals);

fn estimator(settings: &Record<'_>, as_of: Option<String>) -> PyResult<BgNbd> {
    let estimator = BgNbd::new()
        .time_unit(errors::parsed(&settings.read::<String>("time_unit")?)?)
        .new_customers(errors::parsed(&settings.read::<String>("new_customers")?)?)
        .max_iterations(settings.count("max_iterations")?);
    Ok(match as_of {
        Some(date) => estimator.as_of(date),
        None => estimator,
    })
}
