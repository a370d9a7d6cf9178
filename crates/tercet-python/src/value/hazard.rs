//! Hazards: when customers churn, or reach the next stage.

use pyo3::prelude::*;
use tercet::Estimator;
use tercet::value::hazard::{
    self as core, Baseline, BaselinePoint, Change, Closed, HazardData, HazardModel, HazardStrength,
};

use super::FittedPropensity;
use super::propensity::{NamedGroups, features, named, standard_errors, unknown};
use crate::arrays::{Codes, Column, Flags, Floats, Table};
use crate::boundary::{self, Progress};
use crate::data::{Attribute, DesignArrays, Named};
use crate::records::Record;
use crate::{model, persist};

/// What the caller calls the events, a code a row (0 for none), and the events' names.
type NamedEvents<'py> = (String, Codes<'py>, Vec<String>);

/// A fitted hazard: immutable.
///
/// Attributes are those of a propensity.
#[pyclass(frozen, module = "tercet._tercet")]
pub(crate) struct FittedHazard(core::FittedHazard);

model::shared_methods!(FittedHazard: saved, set, noted, reported, parameters);

#[pymethods]
impl FittedHazard {
    /// Fits to customers and their times.
    ///
    /// `settings` has `period`, `closed` ("right" or "left"), `baseline` ("spline" or "steps"),
    /// `baseline_intervals` (a number or None), `features` ("spline", "bins" or "linear"), `intervals` (a
    /// number or None), `bins`, `ordered` (names), `min_level_count`, `time_varying_effects` (names),
    /// `strength` ("estimated" or a number), `standard_errors` ("none", "model", "robust" or "cluster"),
    /// `max_iterations` and `tolerance`; `note`, a JSON text, is kept with the model.
    #[staticmethod]
    #[pyo3(signature = (
        attributes, duration, event, entry, weights, groups, *, settings, note, n_jobs=None,
        progress=None,
    ))]
    fn fit(
        py: Python<'_>,
        attributes: Vec<Attribute<'_>>,
        duration: Named<'_>,
        event: NamedEvents<'_>,
        entry: Option<Named<'_>>,
        weights: Option<Named<'_>>,
        groups: Option<NamedGroups<'_>>,
        settings: Record<'_>,
        note: &str,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Self> {
        let estimator = estimator(&settings)?;
        let note = persist::note(note)?;
        let arrays = DesignArrays::new(&attributes)?;
        let (duration_name, durations) = (duration.0.as_str(), duration.1.values()?);
        let (event_name, events, names) = &event;
        let events = events.values()?;
        let entry = named(entry.as_ref())?;
        let weights = named(weights.as_ref())?;
        let groups = match &groups {
            Some((name, codes)) => Some((name.as_str(), codes.values()?)),
            None => None,
        };
        let fitted = boundary::run(py, n_jobs, progress, |observer| {
            let mut data = HazardData::new(
                arrays.design()?,
                duration_name,
                durations,
                event_name,
                events,
                names.clone(),
            )?;
            if let Some((name, entry)) = entry {
                data = data.with_entry(name, entry)?;
            }
            if let Some((name, weights)) = weights {
                data = data.with_weights(name, weights)?;
            }
            if let Some((name, groups)) = groups {
                data = data.with_groups(name, groups)?;
            }
            estimator.fit_observed(&data, observer)
        })?;
        Ok(Self(fitted.with_note(note)))
    }

    /// The names of the attributes.
    #[getter]
    fn features(&self) -> Vec<String> {
        self.0.features()
    }

    /// The events' names.
    #[getter]
    fn events(&self) -> Vec<String> {
        self.0.events().to_vec()
    }

    /// What the times are called.
    #[getter]
    fn duration(&self) -> &str {
        self.0.duration_name()
    }

    /// Number of periods.
    #[getter]
    fn n_periods(&self) -> usize {
        self.0.n_periods()
    }

    /// The end of the last period.
    #[getter]
    fn horizon(&self) -> f64 {
        self.0.horizon()
    }

    /// An event's log-odds but for time, as a propensity.
    fn part(&self, py: Python<'_>, event: usize) -> PyResult<FittedPropensity> {
        boundary::brief(py, || Ok(FittedPropensity(self.0.part(event)?.clone())))
    }

    /// The penalty on bends or steps of an event's baseline, and its effective parameters.
    fn baseline_strength(&self, py: Python<'_>, event: usize) -> PyResult<[f64; 2]> {
        boundary::brief(py, || self.0.baseline_strength(event))
    }

    /// The baselines: `event` (its place), `period` (from 1), `start`, `end`, `log_odds`, `hazard`,
    /// `lower`, `upper`; nan where there is no number.
    #[pyo3(signature = (*, level))]
    fn baseline<'py>(&self, py: Python<'py>, level: f64) -> PyResult<Record<'py>> {
        let points = boundary::brief(py, || self.0.baseline(level))?;
        let of =
            |part: fn(&BaselinePoint) -> f64| Column::new(py, points.iter().map(part).collect());
        Record::new(py)
            .with(
                "event",
                Column::counts(py, points.iter().map(|one| one.event)),
            )?
            .with(
                "period",
                Column::counts(py, points.iter().map(|one| one.period)),
            )?
            .with("start", of(|one| one.start))?
            .with("end", of(|one| one.end))?
            .with("log_odds", of(|one| one.log_odds))?
            .with("hazard", of(|one| one.hazard))?
            .with("lower", of(|one| model::known(one.lower)))?
            .with("upper", of(|one| model::known(one.upper)))
    }

    /// How effects change as time doubles: `event` (its place), `feature`, `at`, `estimate`,
    /// `standard_error`, `lower`, `upper`, `z`, `p_value`.
    #[pyo3(signature = (*, level))]
    fn changes<'py>(&self, py: Python<'py>, level: f64) -> PyResult<Record<'py>> {
        let changes = boundary::brief(py, || self.0.changes(level))?;
        let of =
            |part: fn(&core::Change) -> f64| Column::new(py, changes.iter().map(part).collect());
        let feature = |one: &Change| one.effect.feature.clone().unwrap_or_default();
        let features: Vec<String> = changes.iter().map(feature).collect();
        let at: Vec<&str> = changes.iter().map(|one| one.effect.at.as_str()).collect();
        Record::new(py)
            .with(
                "event",
                Column::counts(py, changes.iter().map(|one| one.event)),
            )?
            .with("feature", features)?
            .with("at", at)?
            .with("estimate", of(|one| one.effect.estimate))?
            .with(
                "standard_error",
                of(|one| model::known(one.effect.standard_error)),
            )?
            .with("lower", of(|one| model::known(one.effect.lower)))?
            .with("upper", of(|one| model::known(one.effect.upper)))?
            .with("z", of(|one| model::known(one.effect.z)))?
            .with("p_value", of(|one| model::known(one.effect.p_value)))
    }

    /// Survival after each of `times`, where `given` (one number, or one a row) has been survived.
    #[pyo3(signature = (attributes, times, given, *, n_jobs=None, progress=None))]
    fn survival(
        &self,
        py: Python<'_>,
        attributes: Vec<Attribute<'_>>,
        times: Vec<f64>,
        given: Floats<'_>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Table> {
        let arrays = DesignArrays::new(&attributes)?;
        let given = given.values()?;
        let found = boundary::run(py, n_jobs, progress, |observer| {
            self.0.survival(&arrays.design()?, &times, given, observer)
        })?;
        Table::wide(py, found, times.len())
    }

    /// Intervals of survival: a row a customer and time, customer by customer.
    #[pyo3(signature = (attributes, times, given, *, level, n_jobs=None, progress=None))]
    fn survival_intervals(
        &self,
        py: Python<'_>,
        attributes: Vec<Attribute<'_>>,
        times: Vec<f64>,
        given: Floats<'_>,
        level: f64,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Table> {
        let arrays = DesignArrays::new(&attributes)?;
        let given = given.values()?;
        let found = boundary::run(py, n_jobs, progress, |observer| {
            let design = arrays.design()?;
            self.0
                .survival_intervals(&design, &times, given, level, observer)
        })?;
        Table::new(py, found)
    }

    /// The probability of an event, by its place, within each of `times`.
    #[pyo3(signature = (attributes, event, times, given, *, n_jobs=None, progress=None))]
    fn cumulative_incidence(
        &self,
        py: Python<'_>,
        attributes: Vec<Attribute<'_>>,
        event: usize,
        times: Vec<f64>,
        given: Floats<'_>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Table> {
        let arrays = DesignArrays::new(&attributes)?;
        let given = given.values()?;
        let found = boundary::run(py, n_jobs, progress, |observer| {
            let design = arrays.design()?;
            self.0
                .cumulative_incidence(&design, event, &times, given, observer)
        })?;
        Table::wide(py, found, times.len())
    }

    /// The hazard of an event, or of any, in every period: a row a customer.
    #[pyo3(signature = (attributes, event, *, n_jobs=None, progress=None))]
    fn hazard(
        &self,
        py: Python<'_>,
        attributes: Vec<Attribute<'_>>,
        event: Option<usize>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Table> {
        let arrays = DesignArrays::new(&attributes)?;
        let found = boundary::run(py, n_jobs, progress, |observer| {
            self.0.hazard(&arrays.design()?, event, observer)
        })?;
        Table::wide(py, found, self.0.n_periods())
    }

    /// The time by which survival has fallen to a half; inf where it has not.
    #[pyo3(signature = (attributes, given, *, n_jobs=None, progress=None))]
    fn median(
        &self,
        py: Python<'_>,
        attributes: Vec<Attribute<'_>>,
        given: Floats<'_>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Column<f64>> {
        let arrays = DesignArrays::new(&attributes)?;
        let given = given.values()?;
        let found = boundary::run(py, n_jobs, progress, |observer| {
            self.0.median(&arrays.design()?, given, observer)
        })?;
        Ok(Column::new(py, found))
    }

    /// The expected time until an event, at most `horizon`.
    #[pyo3(signature = (attributes, horizon, given, *, n_jobs=None, progress=None))]
    fn expected_remaining_time(
        &self,
        py: Python<'_>,
        attributes: Vec<Attribute<'_>>,
        horizon: f64,
        given: Floats<'_>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Column<f64>> {
        let arrays = DesignArrays::new(&attributes)?;
        let given = given.values()?;
        let found = boundary::run(py, n_jobs, progress, |observer| {
            let design = arrays.design()?;
            self.0
                .expected_remaining_time(&design, horizon, given, observer)
        })?;
        Ok(Column::new(py, found))
    }
}

/// Kaplan-Meier and Aalen-Johansen: a row a time, `time`, `at_risk`, `censored`, `survival`,
/// `survival_interval`, and with a column an event `events`, `incidence`, `lower`, `upper`.
#[pyfunction]
#[pyo3(signature = (durations, events, n_events, entry, weights, *, level))]
pub(crate) fn event_table<'py>(
    py: Python<'py>,
    durations: Floats<'_>,
    events: Codes<'_>,
    n_events: usize,
    entry: Option<Floats<'_>>,
    weights: Option<Floats<'_>>,
    level: f64,
) -> PyResult<Record<'py>> {
    let (durations, events) = (durations.values()?, events.values()?);
    let entry = entry.as_ref().map(Floats::values).transpose()?;
    let weights = weights.as_ref().map(Floats::values).transpose()?;
    let table = boundary::brief(py, || {
        core::event_table(durations, events, n_events, entry, weights, level)
    })?;
    let ends = |place: usize| {
        table
            .incidence_interval
            .iter()
            .map(|ends| ends[place])
            .collect()
    };
    Record::new(py)
        .with("lower", Table::wide(py, ends(0), n_events)?)?
        .with("upper", Table::wide(py, ends(1), n_events)?)?
        .with("time", Column::new(py, table.time))?
        .with("at_risk", Column::new(py, table.at_risk))?
        .with("events", Table::wide(py, table.events, n_events)?)?
        .with("censored", Column::new(py, table.censored))?
        .with("survival", Column::new(py, table.survival))?
        .with(
            "survival_interval",
            Table::new(py, table.survival_interval)?,
        )?
        .with("incidence", Table::wide(py, table.incidence, n_events)?)
}

/// Harrell's and Uno's C, and the weight of the pairs: `harrell`, `uno`, `pairs`.
#[pyfunction]
#[pyo3(signature = (durations, events, risks, weights, *, until))]
pub(crate) fn concordance<'py>(
    py: Python<'py>,
    durations: Floats<'_>,
    events: Flags<'_>,
    risks: Floats<'_>,
    weights: Option<Floats<'_>>,
    until: f64,
) -> PyResult<Record<'py>> {
    let (durations, events, risks) = (durations.values()?, events.values()?, risks.values()?);
    let weights = weights.as_ref().map(Floats::values).transpose()?;
    let found = boundary::brief(py, || {
        core::concordance(durations, events, risks, weights, until)
    })?;
    Record::new(py)
        .with("harrell", found.harrell)?
        .with("uno", found.uno)?
        .with("pairs", found.pairs)
}

/// The Brier score at each of `times`; `probabilities` that the event `of` has happened lie row by row.
#[pyfunction]
#[pyo3(signature = (durations, events, of, times, probabilities, weights))]
pub(crate) fn brier_scores(
    py: Python<'_>,
    durations: Floats<'_>,
    events: Codes<'_>,
    of: u16,
    times: Vec<f64>,
    probabilities: Floats<'_>,
    weights: Option<Floats<'_>>,
) -> PyResult<Column<f64>> {
    let (durations, events) = (durations.values()?, events.values()?);
    let probabilities = probabilities.values()?;
    let weights = weights.as_ref().map(Floats::values).transpose()?;
    let found = boundary::brief(py, || {
        core::brier_scores(durations, events, of, &times, probabilities, weights)
    })?;
    Ok(Column::new(py, found))
}

fn estimator(settings: &Record<'_>) -> PyResult<HazardModel> {
    let word = |name: &str| settings.read::<String>(name);
    let closed = match word("closed")?.as_str() {
        "right" => Closed::Right,
        "left" => Closed::Left,
        other => return Err(unknown("closed", other, "one of \"right\", \"left\"")),
    };
    let baseline = match word("baseline")?.as_str() {
        "spline" => Baseline::Spline,
        "steps" => Baseline::Steps,
        other => return Err(unknown("baseline", other, "one of \"spline\", \"steps\"")),
    };
    let strength = match settings.read::<f64>("strength") {
        Ok(strength) => HazardStrength::Fixed(strength),
        Err(_) => match word("strength")?.as_str() {
            "estimated" => HazardStrength::Estimated,
            other => {
                let expected = "\"estimated\", or a number";
                return Err(unknown("strength", other, expected));
            }
        },
    };
    Ok(HazardModel::new(settings.read("period")?)
        .closed(closed)
        .baseline(baseline)
        .intervals(settings.read("baseline_intervals")?)
        .features(features(settings)?)
        .ordered(settings.read::<Vec<String>>("ordered")?)
        .min_level_count(settings.count("min_level_count")?)
        .time_varying_effects(settings.read::<Vec<String>>("time_varying_effects")?)
        .strength(strength)
        .standard_errors(standard_errors(settings)?)
        .max_iterations(settings.count("max_iterations")?)
        .tolerance(settings.read("tolerance")?))
}
