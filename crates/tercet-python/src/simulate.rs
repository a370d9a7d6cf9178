//! Data drawn with known truth: purchases from the models, customers with needs.

mod needs;

use pyo3::prelude::*;
use tercet::simulate::PurchaseSimulator;

use crate::boundary::{self, Progress};
use crate::errors;
use crate::records::{Columns, Record};

pub(crate) use needs::simulate_needs;

/// Draws a log of purchases on whole days, and the truth behind it.
///
/// Returns `transactions` (customer, day, amount), `customers` (the truth, a row each) and
/// `observation_end_day`; days are counted from the first possible one.
#[pyfunction]
#[pyo3(signature = (
    n_customers, seed, *, r, alpha, a, b, p, q, v, time_unit, acquisition, duration, n_jobs=None,
    progress=None,
))]
pub(crate) fn simulate_purchases<'py>(
    py: Python<'py>,
    n_customers: i64,
    seed: i128,
    r: f64,
    alpha: f64,
    a: f64,
    b: f64,
    p: f64,
    q: f64,
    v: f64,
    time_unit: &str,
    acquisition: f64,
    duration: f64,
    n_jobs: Option<i64>,
    progress: Option<Progress>,
) -> PyResult<Record<'py>> {
    let simulator =
        PurchaseSimulator::new(errors::whole("n_customers", n_customers, "at least 1")?)
            .seed(errors::whole(
                "seed",
                seed,
                "a whole number from 0 to 2^64 - 1",
            )?)
            .purchases(r, alpha, a, b)
            .spend(p, q, v)
            .time_unit(errors::parsed(time_unit)?)
            .acquisition(acquisition)
            .duration(duration);
    let log = boundary::run(py, n_jobs, progress, |observer| {
        simulator.draw_log(observer)
    })?;
    let transactions = Columns::new(py)
        .with("customer", log.customer)?
        .with("day", log.day)?
        .with("amount", log.amount)?;
    let customers = Columns::new(py)
        .with("customer", log.customers.customer)?
        .with("first_day", log.customers.first_day)?
        .with("rate", log.customers.rate)?
        .with("dropout_probability", log.customers.dropout_probability)?
        .with("mean_spend", log.customers.mean_spend)?
        .with("alive", log.customers.alive)?
        .with("purchases", log.customers.purchases)?;
    Record::new(py)
        .with("transactions", transactions)?
        .with("customers", customers)?
        .with("observation_end_day", log.observation_end)
}
