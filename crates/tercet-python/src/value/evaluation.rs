//! Judging and using probabilities.

use pyo3::exceptions::PyTypeError;
use pyo3::inspect::PyStaticExpr;
use pyo3::prelude::*;
use pyo3::{Borrowed, type_hint_identifier, type_hint_union};
use tercet::Estimator;
use tercet::value::evaluation as core;
use tercet::value::evaluation::{
    Amounts, Calibration, Capacity, CutoffSettings, DataChecks, EnoughData, GainRow, GainSettings,
    OutcomeColumns, Outcomes, ProfitPoint, Reliability, ReliabilityBin, ScoreSettings,
};

use crate::arrays::{Column, Flags, Floats, Number, Table};
use crate::boundary::{self, Progress};
use crate::data::CustomerIds;
use crate::model::shared_methods;
use crate::records::{ColumnNames, Record};
use crate::{errors, model};

/// What happened and what was predicted, with the caller's names for messages.
struct OutcomeArrays<'a> {
    happened: &'a [bool],
    probabilities: &'a [f64],
    weights: Option<&'a [f64]>,
    customers: Option<tercet::data::Ids<'a>>,
    columns: OutcomeColumns,
}

impl<'a> OutcomeArrays<'a> {
    /// Borrows the arrays; the core checks the rows when the long call asks it for the view.
    fn new(
        happened: &'a Flags<'_>,
        probabilities: &'a Floats<'_>,
        weights: Option<&'a Floats<'_>>,
        customers: Option<&'a CustomerIds<'_>>,
        columns: &ColumnNames<'_>,
    ) -> PyResult<Self> {
        let mut names = OutcomeColumns::default();
        columns.rename("outcome", &mut names.outcome)?;
        columns.rename("probability", &mut names.probability)?;
        columns.rename("weight", &mut names.weight)?;
        columns.rename("customer", &mut names.customer)?;
        Ok(Self {
            happened: happened.values()?,
            probabilities: probabilities.values()?,
            weights: weights.map(Floats::values).transpose()?,
            customers: customers.map(CustomerIds::ids).transpose()?,
            columns: names,
        })
    }

    /// The checked view.
    fn outcomes(self) -> tercet::Result<Outcomes<'a>> {
        let mut outcomes = Outcomes::named(self.columns, self.happened, self.probabilities)?;
        if let Some(weights) = self.weights {
            outcomes = outcomes.with_weights(weights)?;
        }
        match self.customers {
            Some(customers) => outcomes.with_customers(customers),
            None => Ok(outcomes),
        }
    }
}

/// One amount, or one a row.
pub(crate) enum Money<'py> {
    Same(f64),
    Each(Floats<'py>),
}

impl<'py> FromPyObject<'_, 'py> for Money<'py> {
    type Error = PyErr;

    const INPUT_TYPE: PyStaticExpr =
        type_hint_union!(type_hint_identifier!("builtins", "float"), f64::ARRAY);

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(amount) = object.extract::<f64>() {
            return Ok(Self::Same(amount));
        }
        let amounts = object.extract::<Floats<'py>>();
        amounts.map(Self::Each).map_err(|_| {
            PyTypeError::new_err("an amount is a number, or a float64 array with one a row")
        })
    }
}

impl Money<'_> {
    fn amounts(&self) -> PyResult<Amounts<'_>> {
        Ok(match self {
            Self::Same(amount) => Amounts::Same(*amount),
            Self::Each(amounts) => Amounts::Each(amounts.values()?),
        })
    }
}

/// Scores probabilities by outcomes.
///
/// `settings` has `shares`, `bins`, `replications`, `level` and `seed`. Returns columns of the measures
/// (`measure`, `value`, `lower`, `upper`, `compare_with`), and `n`, `n_events`, `n_customers` (None
/// without customers), `n_bins`, `n_failed` (replications of one class), `event_rate`, `enough`.
#[pyfunction]
#[pyo3(signature = (
    happened, probabilities, weights=None, customers=None, *, columns, settings, n_jobs=None,
    progress=None,
))]
pub(crate) fn score_probabilities<'py>(
    py: Python<'py>,
    happened: Flags<'_>,
    probabilities: Floats<'_>,
    weights: Option<Floats<'_>>,
    customers: Option<CustomerIds<'_>>,
    columns: ColumnNames<'_>,
    settings: Record<'_>,
    n_jobs: Option<i64>,
    progress: Option<Progress>,
) -> PyResult<Record<'py>> {
    let arrays = OutcomeArrays::new(
        &happened,
        &probabilities,
        weights.as_ref(),
        customers.as_ref(),
        &columns,
    )?;
    let scoring = ScoreSettings::new()
        .shares(settings.read::<Vec<f64>>("shares")?)
        .bins(settings.count("bins")?)
        .replications(replications(&settings)?)
        .level(settings.read("level")?)
        .seed(settings.seed("seed")?);
    let scores = boundary::run(py, n_jobs, progress, |observer| {
        scoring.score(&arrays.outcomes()?, observer)
    })?;
    let names: Vec<&str> = scores
        .measures
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    let column =
        |of: fn(&core::Measure) -> f64| Column::new(py, scores.measures.iter().map(of).collect());
    Record::new(py)
        .with("measure", names)?
        .with("value", column(|one| one.value))?
        .with("lower", column(|one| one.lower))?
        .with("upper", column(|one| one.upper))?
        .with("compare_with", column(|one| one.compare_with))?
        .with("n", scores.n_rows)?
        .with("n_events", scores.n_events)?
        .with("n_customers", scores.n_customers)?
        .with("n_bins", scores.n_bins)?
        .with("n_failed", scores.n_failed)?
        .with("event_rate", scores.event_rate)?
        .with("enough", scores.enough.as_str())
}

/// Compares predictions with outcomes in groups.
///
/// Returns columns of the groups (`lowest`, `highest`, `mean_predicted`, `observed`, `lower`, `upper`,
/// `n`, `events`, `n_effective`), and `calibration_error`, `mean_predicted_of_all`, `event_rate`,
/// `slope` and `intercept` (each with its standard error), `verdict`.
#[pyfunction]
#[pyo3(signature = (happened, probabilities, weights=None, *, columns, bins, level, n_jobs=None))]
pub(crate) fn reliability<'py>(
    py: Python<'py>,
    happened: Flags<'_>,
    probabilities: Floats<'_>,
    weights: Option<Floats<'_>>,
    columns: ColumnNames<'_>,
    bins: i64,
    level: f64,
    n_jobs: Option<i64>,
) -> PyResult<Record<'py>> {
    let arrays = OutcomeArrays::new(&happened, &probabilities, weights.as_ref(), None, &columns)?;
    let bins = errors::whole("bins", bins, "at least 1")?;
    let found = boundary::run(py, n_jobs, None, |observer| {
        Reliability::of(&arrays.outcomes()?, bins, level, observer)
    })?;
    let column =
        |of: fn(&ReliabilityBin) -> f64| Column::new(py, found.bins.iter().map(of).collect());
    let whole = |of: fn(&ReliabilityBin) -> usize| Column::counts(py, found.bins.iter().map(of));
    Record::new(py)
        .with("lowest", column(|bin| bin.lowest))?
        .with("highest", column(|bin| bin.highest))?
        .with("mean_predicted", column(|bin| bin.mean_predicted))?
        .with("observed", column(|bin| bin.observed))?
        .with("lower", column(|bin| bin.lower))?
        .with("upper", column(|bin| bin.upper))?
        .with("n", whole(|bin| bin.n))?
        .with("events", whole(|bin| bin.n_events))?
        .with("n_effective", column(|bin| bin.n_effective))?
        .with("calibration_error", found.calibration_error)?
        .with("mean_predicted_of_all", found.mean_predicted)?
        .with("event_rate", found.event_rate)?
        .with("slope", found.slope)?
        .with("intercept", found.intercept)?
        .with("verdict", &found.verdict)
}

/// What contacting the best shares reaches.
///
/// `settings` has `shares`, `replications`, `level` and `seed`. Returns columns, a row a share; `profit`,
/// `profit_lower` and `profit_upper` are None without money; and `event_rate`, `n_events`, `total`.
#[pyfunction]
#[pyo3(signature = (
    happened, probabilities, weights=None, customers=None, *, columns, money, settings, n_jobs=None,
    progress=None,
))]
pub(crate) fn gain_table<'py>(
    py: Python<'py>,
    happened: Flags<'_>,
    probabilities: Floats<'_>,
    weights: Option<Floats<'_>>,
    customers: Option<CustomerIds<'_>>,
    columns: ColumnNames<'_>,
    money: Option<(Money<'_>, Money<'_>)>,
    settings: Record<'_>,
    n_jobs: Option<i64>,
    progress: Option<Progress>,
) -> PyResult<Record<'py>> {
    let arrays = OutcomeArrays::new(
        &happened,
        &probabilities,
        weights.as_ref(),
        customers.as_ref(),
        &columns,
    )?;
    let mut gains = GainSettings::new()
        .shares(settings.read::<Vec<f64>>("shares")?)
        .replications(replications(&settings)?)
        .level(settings.read("level")?)
        .seed(settings.seed("seed")?);
    if let Some((benefit, cost)) = &money {
        gains = gains.money(benefit.amounts()?, cost.amounts()?);
    }
    let table = boundary::run(py, n_jobs, progress, |observer| {
        gains.table(&arrays.outcomes()?, observer)
    })?;
    let column = |of: fn(&GainRow) -> f64| Column::new(py, table.rows.iter().map(of).collect());
    let profit = |k: usize| {
        let all: Option<Vec<f64>> = table
            .rows
            .iter()
            .map(|row| row.profit.map(|profit| profit[k]))
            .collect();
        all.map(|values| Column::new(py, values))
    };
    Record::new(py)
        .with("share", column(|row| row.share))?
        .with("cutoff", column(|row| row.cutoff))?
        .with("contacted", column(|row| row.contacted))?
        .with("events", column(|row| row.events))?
        .with("captured", column(|row| row.captured))?
        .with("captured_lower", column(|row| row.captured_interval[0]))?
        .with("captured_upper", column(|row| row.captured_interval[1]))?
        .with("response", column(|row| row.response))?
        .with("band_response", column(|row| row.band_response))?
        .with("lift", column(|row| row.lift))?
        .with("lift_lower", column(|row| row.lift_interval[0]))?
        .with("lift_upper", column(|row| row.lift_interval[1]))?
        .with("band_lift", column(|row| row.band_lift))?
        .with("profit", profit(0))?
        .with("profit_lower", profit(1))?
        .with("profit_upper", profit(2))?
        .with("event_rate", table.event_rate)?
        .with("n_events", table.n_events)?
        .with("total", table.total)
}

/// Searches for the cut-off of the highest profit.
///
/// `capacity_share` or `capacity_number` (of customers) is the most that can be contacted.
/// `settings` has `replications`, `level` and `seed`. Returns the figures of the core's answer by
/// name, and `curve`, a row a point: share, cut-off, contacted, profit, lower and upper end.
#[pyfunction]
#[pyo3(signature = (
    happened, probabilities, weights=None, customers=None, *, columns, benefit, cost,
    capacity_share=None, capacity_number=None, settings, n_jobs=None, progress=None,
))]
pub(crate) fn best_cutoff<'py>(
    py: Python<'py>,
    happened: Flags<'_>,
    probabilities: Floats<'_>,
    weights: Option<Floats<'_>>,
    customers: Option<CustomerIds<'_>>,
    columns: ColumnNames<'_>,
    benefit: Money<'_>,
    cost: Money<'_>,
    capacity_share: Option<f64>,
    capacity_number: Option<f64>,
    settings: Record<'_>,
    n_jobs: Option<i64>,
    progress: Option<Progress>,
) -> PyResult<Record<'py>> {
    let arrays = OutcomeArrays::new(
        &happened,
        &probabilities,
        weights.as_ref(),
        customers.as_ref(),
        &columns,
    )?;
    let capacity = capacity_share.map(Capacity::Share);
    let search = CutoffSettings::new(benefit.amounts()?, cost.amounts()?)
        .capacity(capacity.or(capacity_number.map(Capacity::Number)))
        .replications(replications(&settings)?)
        .level(settings.read("level")?)
        .seed(settings.seed("seed")?);
    let best = boundary::run(py, n_jobs, progress, |observer| {
        search.search(&arrays.outcomes()?, observer)
    })?;
    let point = |one: &ProfitPoint| {
        let [lower, upper] = one.interval;
        [
            one.share,
            one.cutoff,
            one.contacted,
            one.profit,
            lower,
            upper,
        ]
    };
    Record::new(py)
        .with("cutoff", best.cutoff)?
        .with("cutoff_interval", best.cutoff_interval)?
        .with("by_probability", best.by_probability)?
        .with("share", best.share)?
        .with("contacted", best.contacted)?
        .with("profit", best.profit)?
        .with("apparent_profit", best.apparent_profit)?
        .with("optimism", best.optimism)?
        .with("theoretical_cutoff", best.theoretical_cutoff)?
        .with("theoretical_profit", best.theoretical_profit)?
        .with("theoretical_share", best.theoretical_share)?
        .with("everybody", best.everybody)?
        .with("capacity", best.capacity)?
        .with("total", best.total)?
        .with("verdict", &best.verdict)?
        .with(
            "curve",
            Table::new(py, best.curve.iter().map(point).collect())?,
        )
}

/// Whether there are data enough, from numbers of events and of other rows, or from outcomes.
///
/// `dates` are the code of each row's date, and the dates' names. Returns columns, a row a check
/// (`check`, `value`, `barely`, `needed`, `enough`, `words`), and `verdict`.
#[pyfunction]
#[pyo3(signature = (
    counts=None, happened=None, weights=None, customers=None, dates=None, *, columns,
    n_parameters=None,
))]
pub(crate) fn enough_data<'py>(
    py: Python<'py>,
    counts: Option<(f64, f64)>,
    happened: Option<Flags<'_>>,
    weights: Option<Floats<'_>>,
    customers: Option<CustomerIds<'_>>,
    dates: Option<(Vec<usize>, Vec<String>)>,
    columns: ColumnNames<'_>,
    n_parameters: Option<i64>,
) -> PyResult<Record<'py>> {
    let mut wanted = EnoughData::new();
    if let Some(n) = n_parameters {
        wanted = wanted.parameters(errors::whole("n_parameters", n, "at least 1")?);
    }
    let checks = match (counts, &happened) {
        (Some((events, others)), _) => boundary::brief(py, || wanted.of_counts(events, others))?,
        (None, Some(happened)) => {
            let n = happened.values()?.len();
            let anything = vec![0.5; n];
            let mut names = OutcomeColumns::default();
            columns.rename("outcome", &mut names.outcome)?;
            columns.rename("weight", &mut names.weight)?;
            columns.rename("customer", &mut names.customer)?;
            let arrays = OutcomeArrays {
                happened: happened.values()?,
                probabilities: &anything,
                weights: weights.as_ref().map(Floats::values).transpose()?,
                customers: customers.as_ref().map(CustomerIds::ids).transpose()?,
                columns: names,
            };
            let dates = dates
                .as_ref()
                .map(|(codes, names)| (&codes[..], &names[..]));
            boundary::brief(py, || {
                wanted.of_outcomes(&arrays.outcomes()?, dates, &mut ())
            })?
        }
        (None, None) => return Err(PyTypeError::new_err("counts or outcomes are needed")),
    };
    checks_record(py, &checks)
}

fn checks_record<'py>(py: Python<'py>, checks: &DataChecks) -> PyResult<Record<'py>> {
    let each = &checks.checks;
    let column = |of: fn(&core::DataCheck) -> f64| Column::new(py, each.iter().map(of).collect());
    let answers = each.iter().map(|one| one.enough.as_str());
    let words = each.iter().map(|one| one.words.as_str());
    Record::new(py)
        .with(
            "check",
            each.iter().map(|one| one.check).collect::<Vec<_>>(),
        )?
        .with("value", column(|one| one.value))?
        .with("barely", column(|one| one.barely))?
        .with("needed", column(|one| one.needed))?
        .with("enough", answers.collect::<Vec<_>>())?
        .with("words", words.collect::<Vec<_>>())?
        .with("verdict", checks.enough.as_str())
}

/// How many replications; 0 is allowed.
fn replications(settings: &Record<'_>) -> PyResult<usize> {
    let expected = "0 for no intervals, or at least 2";
    errors::whole(
        "replications",
        settings.read::<i64>("replications")?,
        expected,
    )
}

/// A fitted calibration: immutable.
#[pyclass(frozen, module = "tercet._tercet")]
pub(crate) struct FittedCalibration(core::FittedCalibration);

#[pymethods]
impl FittedCalibration {
    /// Fits the map from predictions to probabilities.
    ///
    /// `settings` has `method`, `shift`, `interpolate`, `folds`, `seed` and `max_iterations`.
    #[staticmethod]
    #[pyo3(signature = (
        happened, probabilities, weights=None, customers=None, *, columns, settings, n_jobs=None,
        progress=None,
    ))]
    fn fit(
        py: Python<'_>,
        happened: Flags<'_>,
        probabilities: Floats<'_>,
        weights: Option<Floats<'_>>,
        customers: Option<CustomerIds<'_>>,
        columns: ColumnNames<'_>,
        settings: Record<'_>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Self> {
        let arrays = OutcomeArrays::new(
            &happened,
            &probabilities,
            weights.as_ref(),
            customers.as_ref(),
            &columns,
        )?;
        let method = errors::parsed(&settings.read::<String>("method")?)?;
        let calibration = Calibration::new(method)
            .shift(settings.read("shift")?)
            .interpolate(settings.read("interpolate")?)
            .folds(settings.count("folds")?)
            .seed(settings.seed("seed")?)
            .max_iterations(settings.count("max_iterations")?);
        let fitted = boundary::run(py, n_jobs, progress, |observer| {
            calibration.fit_observed(&arrays.outcomes()?, observer)
        })?;
        Ok(Self(fitted))
    }

    /// The probability that each prediction stands for.
    #[pyo3(signature = (probabilities, *, n_jobs=None))]
    fn calibrate(
        &self,
        py: Python<'_>,
        probabilities: Floats<'_>,
        n_jobs: Option<i64>,
    ) -> PyResult<Column<f64>> {
        let values = probabilities.values()?;
        let found = boundary::run(py, n_jobs, None, |observer| {
            self.0.calibrate_observed(values, observer)
        })?;
        Ok(Column::new(py, found))
    }

    /// The method of the map.
    #[getter]
    fn method(&self) -> &'static str {
        self.0.method().as_str()
    }

    /// The event rate of the customers that it was fitted to.
    #[getter]
    fn event_rate(&self) -> f64 {
        self.0.event_rate()
    }

    /// How the methods did on held-out customers: columns; None where the method was given.
    #[getter]
    fn cross_validated<'py>(&self, py: Python<'py>) -> PyResult<Option<Record<'py>>> {
        let Some(table) = self.0.cross_validated() else {
            return Ok(None);
        };
        let column =
            |of: fn(&core::CrossValidated) -> f64| Column::new(py, table.iter().map(of).collect());
        let methods = table.iter().map(|one| one.method.as_str());
        Record::new(py)
            .with("method", methods.collect::<Vec<_>>())?
            .with("log_loss", column(|one| one.log_loss))?
            .with("gain", column(|one| one.gain))?
            .with("standard_error", column(|one| one.standard_error))
            .map(Some)
    }

    /// Of an isotonic map, a row a block: lowest and highest prediction, value; None of others.
    #[getter]
    fn blocks(&self, py: Python<'_>) -> PyResult<Option<Table>> {
        self.0.blocks().map(|rows| Table::new(py, rows)).transpose()
    }

    /// The settings that it was fitted with.
    #[getter]
    fn settings<'py>(&self, py: Python<'py>) -> PyResult<Record<'py>> {
        let settings = self.0.settings();
        let written = serde_json::to_value(settings);
        let names = ["method", "interpolate", "folds", "seed", "max_iterations"];
        let shift = self.0.shift();
        model::settings(py, written, &names)?.with("shift", shift)
    }
}

shared_methods!(FittedCalibration: saved, reported, parameters);
