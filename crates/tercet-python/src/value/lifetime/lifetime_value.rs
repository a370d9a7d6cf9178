//! Purchases and spend together: what a customer is worth today.

use pyo3::prelude::*;
use tercet::value::lifetime::LifetimeValue;

use super::{FittedBgNbd, FittedGammaGamma};
use crate::arrays::Floats;
use crate::boundary::{self, Progress};
use crate::data::PurchaseArrays;
use crate::records::{ColumnNames, Columns};

/// Values every customer over `horizon` time units.
///
/// `discount_rate` is yearly, `margin` the share of spend that is kept; with a `level` there are
/// `clv_lower` and `clv_upper` as well.
#[pyfunction]
#[pyo3(signature = (
    lifetime, spend, frequency, recency, age, monetary_value, *, columns, horizon, discount_rate,
    margin, level=None, n_jobs=None, progress=None,
))]
pub(crate) fn lifetime_value<'py>(
    py: Python<'py>,
    lifetime: &Bound<'_, FittedBgNbd>,
    spend: &Bound<'_, FittedGammaGamma>,
    frequency: Floats<'_>,
    recency: Floats<'_>,
    age: Floats<'_>,
    monetary_value: Floats<'_>,
    columns: ColumnNames<'_>,
    horizon: f64,
    discount_rate: f64,
    margin: f64,
    level: Option<f64>,
    n_jobs: Option<i64>,
    progress: Option<Progress>,
) -> PyResult<Columns<'py>> {
    let value = LifetimeValue::new(horizon)
        .discount_rate(discount_rate)
        .margin(margin);
    let value = match level {
        Some(level) => value.level(level),
        None => value,
    };
    let (lifetime, spend) = (lifetime.get().core(), spend.get().core());
    let arrays = PurchaseArrays::new(&frequency, &recency, &age, &columns)?;
    let monetary_value = monetary_value.values()?;
    let (values, ends) = boundary::run(py, n_jobs, progress, |observer| {
        let purchases = arrays.purchases()?.with_monetary_value(monetary_value)?;
        let mut values = value.score(lifetime, spend, &purchases, observer)?;
        // Python's table has a column for each end; turned here, where the interpreter is free.
        let ends = values
            .interval
            .take()
            .map(|ends| ends.into_iter().map(<(f64, f64)>::from));
        Ok((
            values,
            ends.map(Iterator::unzip::<f64, f64, Vec<f64>, Vec<f64>>),
        ))
    })?;
    let columns = Columns::new(py)
        .with("probability_alive", values.probability_alive)?
        .with("expected_purchases", values.expected_purchases)?
        .with("expected_spend", values.expected_spend)?
        .with("clv", values.clv)?;
    match ends {
        None => Ok(columns),
        Some((lower, upper)) => columns.with("clv_lower", lower)?.with("clv_upper", upper),
    }
}
