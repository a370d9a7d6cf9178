//! Customers with known needs: a survey of some, traces of all.

use pyo3::prelude::*;
use tercet::simulate::{
    CHANNELS, CRITERIA, NEEDS, NeedsCustomers, NeedsRespondents, NeedsSimulator, REGIONS,
};

use crate::arrays::Column;
use crate::boundary;
use crate::errors;
use crate::records::Record;

/// Draws customers of an invented retailer, and a survey of some of them.
///
/// Returns `customers` (`customer`, `segment`, `age`, `tenure`, `orders`, `discount_share`,
/// `online_share`, `returns`, `region`), `respondents` (`customer`, a row of the customers, `weight`,
/// `ratings`, a column a criterion, `channel`, `visits`) and the words that codes stand for: `needs`,
/// `criteria`, `channels`, `regions`. A rating or a channel without an answer is 255.
#[pyfunction]
#[pyo3(signature = (n_customers, n_respondents, *, missing, seed))]
pub(crate) fn simulate_needs(
    py: Python<'_>,
    n_customers: i64,
    n_respondents: Option<i64>,
    missing: f64,
    seed: i128,
) -> PyResult<Record<'_>> {
    let mut simulator =
        NeedsSimulator::new(errors::whole("n_customers", n_customers, "at least 1")?)
            .missing(missing)
            .seed(errors::whole(
                "seed",
                seed,
                "a whole number from 0 to 2^64 - 1",
            )?);
    if let Some(n) = n_respondents {
        let expected = "from 1 to the number of customers";
        simulator = simulator.respondents(errors::whole("n_respondents", n, expected)?);
    }
    let drawn = boundary::brief(py, || simulator.draw())?;
    Record::new(py)
        .with("customers", customers(py, drawn.customers)?)?
        .with("respondents", respondents(py, drawn.respondents)?)?
        .with("needs", NEEDS.as_slice())?
        .with("criteria", CRITERIA.as_slice())?
        .with("channels", CHANNELS.as_slice())?
        .with("regions", REGIONS.as_slice())
}

fn customers(py: Python<'_>, all: NeedsCustomers) -> PyResult<Record<'_>> {
    Record::new(py)
        .with("customer", Column::new(py, all.customer))?
        .with("segment", Column::new(py, all.segment))?
        .with("age", Column::new(py, all.age))?
        .with("tenure", Column::new(py, all.tenure))?
        .with("orders", Column::new(py, all.orders))?
        .with("discount_share", Column::new(py, all.discount_share))?
        .with("online_share", Column::new(py, all.online_share))?
        .with("returns", Column::new(py, all.returns))?
        .with("region", Column::new(py, all.region))
}

fn respondents(py: Python<'_>, all: NeedsRespondents) -> PyResult<Record<'_>> {
    let ratings = all.ratings.into_iter();
    let ratings: Vec<Column<u8>> = ratings.map(|one| Column::new(py, one)).collect();
    Record::new(py)
        .with("customer", Column::new(py, all.customer))?
        .with("weight", Column::new(py, all.weight))?
        .with("ratings", ratings)?
        .with("channel", Column::new(py, all.channel))?
        .with("visits", Column::new(py, all.visits))
}
