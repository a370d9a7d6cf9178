//! The result of summarising a log, column by column.

use pyo3::prelude::*;
use tercet::data::{HoldoutSummary, PurchaseSummary as CoreSummary};

use crate::arrays::Column;

/// One row a customer, sorted by id; with a holdout, also what each did after the summary's end.
///
/// Every column is one NumPy array, made once and shared by all who ask for it.
#[pyclass(frozen, module = "tercet._tercet")]
pub(crate) struct PurchaseSummary {
    first_row: Column<i64>,
    frequency: Column<f64>,
    recency: Column<f64>,
    age: Column<f64>,
    monetary_value: Option<Column<f64>>,
    first_time: Column<i64>,
    last_time: Column<i64>,
    observation_end: i64,
    n_dropped_after_end: usize,
    n_refunds: usize,
    n_without_purchase: usize,
    holdout: Option<Holdout>,
}

struct Holdout {
    frequency: Column<f64>,
    monetary_value: Option<Column<f64>>,
    duration: f64,
    n_new_customers: usize,
}

impl PurchaseSummary {
    /// Moves the core's columns into arrays.
    pub(crate) fn new(
        py: Python<'_>,
        summary: CoreSummary,
        holdout: Option<HoldoutSummary>,
    ) -> Self {
        Self {
            first_row: Column::new(py, summary.first_row),
            frequency: Column::new(py, summary.frequency),
            recency: Column::new(py, summary.recency),
            age: Column::new(py, summary.age),
            monetary_value: summary.monetary_value.map(|values| Column::new(py, values)),
            first_time: Column::new(py, summary.first_time),
            last_time: Column::new(py, summary.last_time),
            observation_end: summary.observation_end,
            n_dropped_after_end: summary.n_dropped_after_end,
            n_refunds: summary.n_refunds,
            n_without_purchase: summary.n_without_purchase,
            holdout: holdout.map(|holdout| Holdout {
                frequency: Column::new(py, holdout.frequency),
                monetary_value: holdout.monetary_value.map(|values| Column::new(py, values)),
                duration: holdout.duration,
                n_new_customers: holdout.n_new_customers,
            }),
        }
    }
}

#[pymethods]
impl PurchaseSummary {
    /// A row of the log in which each customer occurs: where to take the id from.
    #[getter]
    fn first_row(&self, py: Python<'_>) -> Column<i64> {
        self.first_row.share(py)
    }

    /// Repeat purchases.
    #[getter]
    fn frequency(&self, py: Python<'_>) -> Column<f64> {
        self.frequency.share(py)
    }

    /// Time from the first to the last purchase, in time units.
    #[getter]
    fn recency(&self, py: Python<'_>) -> Column<f64> {
        self.recency.share(py)
    }

    /// Time from the first purchase to the end of the summary, in time units.
    #[getter]
    fn age(&self, py: Python<'_>) -> Column<f64> {
        self.age.share(py)
    }

    /// Mean value of the repeat purchases (0 without any); None without amounts.
    #[getter]
    fn monetary_value(&self, py: Python<'_>) -> Option<Column<f64>> {
        self.monetary_value.as_ref().map(|values| values.share(py))
    }

    /// Time of each customer's first purchase, in the log's ticks.
    #[getter]
    fn first_time(&self, py: Python<'_>) -> Column<i64> {
        self.first_time.share(py)
    }

    /// Time of each customer's last purchase, in the log's ticks.
    #[getter]
    fn last_time(&self, py: Python<'_>) -> Column<i64> {
        self.last_time.share(py)
    }

    /// The end of the summary, in the log's ticks.
    #[getter]
    fn observation_end(&self) -> i64 {
        self.observation_end
    }

    /// Rows of the log after the end of observation that were left out.
    #[getter]
    fn n_dropped_after_end(&self) -> usize {
        self.n_dropped_after_end
    }

    /// Rows with a negative amount.
    #[getter]
    fn n_refunds(&self) -> usize {
        self.n_refunds
    }

    /// Customers of whom no purchase is left: refunded, or after the end of observation.
    #[getter]
    fn n_without_purchase(&self) -> usize {
        self.n_without_purchase
    }

    /// Purchases in the holdout period; None without one.
    #[getter]
    fn holdout_frequency(&self, py: Python<'_>) -> Option<Column<f64>> {
        self.holdout
            .as_ref()
            .map(|holdout| holdout.frequency.share(py))
    }

    /// Mean value of the purchases in the holdout period; None without one or without amounts.
    #[getter]
    fn holdout_monetary_value(&self, py: Python<'_>) -> Option<Column<f64>> {
        let values = self.holdout.as_ref()?.monetary_value.as_ref()?;
        Some(values.share(py))
    }

    /// Length of the holdout period in time units; None without one.
    #[getter]
    fn holdout_duration(&self) -> Option<f64> {
        self.holdout.as_ref().map(|holdout| holdout.duration)
    }

    /// Customers whose first purchase lies in the holdout period; None without one.
    #[getter]
    fn n_new_customers(&self) -> Option<usize> {
        self.holdout.as_ref().map(|holdout| holdout.n_new_customers)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        format!("PurchaseSummary({} customers)", self.frequency.len(py))
    }
}
