//! Allocations.

use pyo3::prelude::*;
use tercet::response::allocation::{
    Allocation, AllocationData, Allocator, Amounts, ContactHistory, CurvePoint, FatigueRule, Limit,
    Obstacle, Profit, Reason, Totals,
};

use crate::arrays::{Bytes, Column, Floats, Groups, Integers};
use crate::boundary::{self, Progress};
use crate::data::CustomerIds;
use crate::errors;
use crate::records::{Columns, Record};

/// Numbers, and what there is one for: "all", "action", "customer" or "each".
type Given<'py> = (String, Floats<'py>);
/// The customers of contacts, their times and channels.
type Contacts<'py> = (Integers<'py>, Integers<'py>, Option<Groups<'py>>);
/// For how many ticks a contact counts, how many are enough, of which channel, and what that closes.
type Rule = (i64, u32, Option<u32>, Vec<usize>);

/// Chooses an action for each customer, or none.
///
/// Arrays of effects, errors, scores and `closed` have a number an action and customer, customer by
/// customer; in `closed` 0 is open, and 1, 2 and 3 stand for "do not contact", "not eligible" and "resting".
/// `settings` has `budget` (None or an amount), `limits` (pairs of actions and a number), `level`,
/// `error_correlation`, `curve_points`, `seed`, and with contacts `rules` and `as_of`. Returns `choice` (-1
/// for none) and `reason` (a place among `reasons`) by customer, `totals`, `bound`, `budget_price`,
/// `limit_prices`, `curve` and `exact_prices`.
#[pyfunction]
#[pyo3(signature = (
    actions, effects, cost, margin, errors, scores, closed, ids, contacts, *, settings, n_jobs=None, progress=None,
))]
pub(crate) fn allocate<'py>(
    py: Python<'py>,
    actions: Vec<String>,
    effects: Floats<'_>,
    cost: Given<'_>,
    margin: Given<'_>,
    errors: Option<Floats<'_>>,
    scores: Option<Floats<'_>>,
    closed: Option<Bytes<'_>>,
    ids: Option<(String, CustomerIds<'_>)>,
    contacts: Option<Contacts<'_>>,
    settings: Record<'_>,
    n_jobs: Option<i64>,
    progress: Option<Progress>,
) -> PyResult<Record<'py>> {
    let k = actions.len();
    let allocator = allocator(&settings)?;
    let (cost, margin) = (amounts(&cost)?, amounts(&margin)?);
    let effects = effects.values()?;
    let errors = errors.as_ref().map(Floats::values).transpose()?;
    let scores = scores.as_ref().map(Floats::values).transpose()?;
    let codes = closed.as_ref().map(Bytes::values).transpose()?;
    let ids = match &ids {
        Some((column, ids)) => Some((column.as_str(), ids.ids()?)),
        None => None,
    };
    let history = match &contacts {
        Some((customer, time, channel)) => Some((
            ContactHistory {
                customer: customer.values()?,
                time: time.values()?,
                channel: channel.as_ref().map(Groups::values).transpose()?,
            },
            rules(settings.read("rules")?),
            settings.read::<i64>("as_of")?,
        )),
        None => None,
    };
    let found = boundary::run(py, n_jobs, progress, |observer| {
        let mut closed: Vec<Option<Obstacle>> = match codes {
            Some(codes) => codes.iter().map(|code| obstacle(*code)).collect(),
            None => Vec::new(),
        };
        if let Some((history, rules, as_of)) = &history {
            closed.resize(effects.len(), None);
            history.rest(rules, *as_of, k, &mut closed)?;
        }
        let mut data = AllocationData::new(actions, effects)?
            .with_cost(cost)?
            .with_margin(margin)?;
        if let Some(errors) = errors {
            data = data.with_errors(errors)?;
        }
        if let Some(scores) = scores {
            data = data.with_scores(scores)?;
        }
        if !closed.is_empty() {
            data = data.with_obstacles(&closed)?;
        }
        if let Some((column, ids)) = ids {
            data = data.with_ids(column, ids)?;
        }
        allocator.allocate(&data, observer)
    })?;
    record(py, &found)
}

fn allocator(settings: &Record<'_>) -> PyResult<Allocator> {
    let limits: Vec<(Vec<usize>, u64)> = settings.read("limits")?;
    let limits = limits
        .into_iter()
        .map(|(actions, most)| Limit { actions, most });
    let points = errors::whole(
        "curve_points",
        settings.read::<i64>("curve_points")?,
        "at least 0",
    )?;
    let allocator = Allocator::new()
        .limits(limits.collect::<Vec<Limit>>())
        .level(settings.read("level")?)
        .error_correlation(settings.read("error_correlation")?)
        .curve_points(points)
        .seed(settings.seed("seed")?);
    Ok(match settings.read::<Option<f64>>("budget")? {
        Some(budget) => allocator.budget(budget),
        None => allocator,
    })
}

fn amounts<'a>((word, values): &'a Given<'_>) -> PyResult<Amounts<'a>> {
    let values = values.values()?;
    Ok(match (word.as_str(), values) {
        ("all", [amount]) => Amounts::All(*amount),
        ("action", _) => Amounts::ByAction(values),
        ("customer", _) => Amounts::ByCustomer(values),
        _ => Amounts::Each(values),
    })
}

fn obstacle(code: u8) -> Option<Obstacle> {
    match code {
        0 => None,
        1 => Some(Obstacle::DoNotContact),
        2 => Some(Obstacle::NotEligible),
        _ => Some(Obstacle::Resting),
    }
}

fn rules(rules: Vec<Rule>) -> Vec<FatigueRule> {
    let rules = rules
        .into_iter()
        .map(|(within, contacts, channel, actions)| FatigueRule {
            within,
            contacts,
            channel,
            actions,
        });
    rules.collect()
}

fn record<'py>(py: Python<'py>, found: &Allocation) -> PyResult<Record<'py>> {
    // At most 64 actions.
    let choice = found.choice.iter();
    let choice =
        choice.map(|choice| choice.map_or(-1, |action| i8::try_from(action).unwrap_or(-1)));
    let place = |reason: &Reason| {
        Reason::ALL
            .iter()
            .position(|one| one == reason)
            .unwrap_or(0)
    };
    let reasons = found
        .reasons
        .iter()
        .map(|one| u8::try_from(place(one)).unwrap_or(0));
    let words: Vec<&str> = Reason::ALL.into_iter().map(Reason::words).collect();
    Record::new(py)
        .with("choice", Column::new(py, choice.collect::<Vec<i8>>()))?
        .with("reason", Column::new(py, reasons.collect::<Vec<u8>>()))?
        .with("reasons", words)?
        .with("totals", columns(py, &[found.totals])?)?
        .with("bound", found.bound)?
        .with("budget_price", found.budget_price)?
        .with("limit_prices", found.limit_prices.clone())?
        .with("curve", curve(py, &found.curve)?)?
        .with("exact_prices", found.exact_prices)
}

fn curve<'py>(py: Python<'py>, found: &[CurvePoint]) -> PyResult<Columns<'py>> {
    let totals: Vec<Totals> = found.iter().map(|point| point.totals).collect();
    columns(py, &totals)?
        .with::<f64>("budget", found.iter().map(|point| point.budget).collect())?
        .with::<f64>(
            "shadow_price",
            found.iter().map(|point| point.price).collect(),
        )
}

fn columns<'py>(py: Python<'py>, found: &[Totals]) -> PyResult<Columns<'py>> {
    let of = |part: &dyn Fn(&Totals) -> f64| found.iter().map(part).collect::<Vec<f64>>();
    let profit = |of: Option<Profit>, part: fn(&Profit) -> f64| of.as_ref().map_or(f64::NAN, part);
    Columns::new(py)
        .with("n", of(&|one| one.customers))?
        .with("cost", of(&|one| one.cost))?
        .with("profit", of(&|one| one.profit))?
        .with(
            "standard_error",
            of(&|one| profit(one.by_errors, |own| own.standard_error)),
        )?
        .with("lower", of(&|one| profit(one.by_errors, |own| own.lower)))?
        .with("upper", of(&|one| profit(one.by_errors, |own| own.upper)))?
        .with(
            "profit_by_scores",
            of(&|one| profit(one.by_scores, |own| own.estimate)),
        )?
        .with(
            "scores_error",
            of(&|one| profit(one.by_scores, |own| own.standard_error)),
        )?
        .with(
            "scores_lower",
            of(&|one| profit(one.by_scores, |own| own.lower)),
        )?
        .with(
            "scores_upper",
            of(&|one| profit(one.by_scores, |own| own.upper)),
        )
}
