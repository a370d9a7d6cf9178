//! From a log of purchases to one row a customer.

use pyo3::prelude::*;
use tercet::data::{LogColumns, PurchaseLog, SummarySettings};

use super::{CustomerIds, PurchaseSummary};
use crate::arrays::{Floats, Integers};
use crate::boundary::{self, Progress};
use crate::errors;
use crate::records::ColumnNames;

/// Summarises a log of purchases: one row a customer, sorted by id.
///
/// With `calibration_end` the summary is as of that time, and comes with what the same customers
/// did from then to `observation_end`.
#[pyfunction]
#[pyo3(signature = (
    customer, times, amounts, *, columns, ticks, time_unit, merge, observation_end,
    calibration_end, after_end, refunds, n_jobs=None, progress=None,
))]
pub(crate) fn summarize_purchases(
    py: Python<'_>,
    customer: CustomerIds<'_>,
    times: Integers<'_>,
    amounts: Option<Floats<'_>>,
    columns: ColumnNames<'_>,
    ticks: &str,
    time_unit: &str,
    merge: &str,
    observation_end: Option<i64>,
    calibration_end: Option<i64>,
    after_end: &str,
    refunds: &str,
    n_jobs: Option<i64>,
    progress: Option<Progress>,
) -> PyResult<PurchaseSummary> {
    let settings = SummarySettings {
        columns: log_columns(&columns)?,
        ticks: errors::parsed(ticks)?,
        time_unit: errors::parsed(time_unit)?,
        merge: errors::parsed(merge)?,
        observation_end,
        after_end: errors::parsed(after_end)?,
        refunds: errors::parsed(refunds)?,
    };
    let (ids, times) = (customer.ids()?, times.values()?);
    let amounts = amounts.as_ref().map(Floats::values).transpose()?;
    let (summary, holdout) = boundary::run(py, n_jobs, progress, |observer| {
        let log = PurchaseLog::new(ids, times, amounts)?;
        match calibration_end {
            None => log
                .summarize(&settings, observer)
                .map(|summary| (summary, None)),
            Some(end) => log
                .split(&settings, end, observer)
                .map(|(summary, holdout)| (summary, Some(holdout))),
        }
    })?;
    Ok(PurchaseSummary::new(py, summary, holdout))
}

fn log_columns(names: &ColumnNames<'_>) -> PyResult<LogColumns> {
    let mut columns = LogColumns::default();
    names.rename("customer", &mut columns.customer)?;
    names.rename("time", &mut columns.time)?;
    names.rename("amount", &mut columns.amount)?;
    Ok(columns)
}
