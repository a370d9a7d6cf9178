//! The causal forest.

use pyo3::Borrowed;
use pyo3::inspect::PyStaticExpr;
use pyo3::prelude::*;
use pyo3::type_hint_union;
use tercet::data::Design;
use tercet::response::forest::{self as core, AverageEffect, CausalForest, OutOfBag};
use tercet::response::{EffectData, Propensities, Treatment};

use crate::arrays::{Codes, Column, Floats, Number, Table};
use crate::boundary::{self, Progress};
use crate::data::{Attribute, DesignArrays, Named};
use crate::records::Record;
use crate::{errors, model, persist};

/// A treatment: codes of arms, or amounts.
pub(crate) enum TreatmentColumn<'py> {
    Codes(Codes<'py>),
    Amounts(Floats<'py>),
}

impl<'py> FromPyObject<'_, 'py> for TreatmentColumn<'py> {
    type Error = PyErr;

    const INPUT_TYPE: PyStaticExpr = type_hint_union!(u16::ARRAY, f64::ARRAY);

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match object.extract() {
            Ok(codes) => Ok(Self::Codes(codes)),
            Err(_) => object.extract().map(Self::Amounts),
        }
    }
}

/// What the caller calls a treatment, the treatment, and its arms' names (none for amounts).
pub(super) type NamedTreatment<'py> = (String, TreatmentColumn<'py>, Vec<String>);
/// Effects, scores, expected outcomes, probabilities of arms.
type Told = (Table, Table, Column<f64>, Table);

/// A fitted forest: immutable.
///
/// Attributes are triples as for a propensity.
#[pyclass(frozen, module = "tercet._tercet")]
pub(crate) struct FittedCausalForest(core::FittedCausalForest);

model::shared_methods!(FittedCausalForest: saved, set, noted, reported);

#[pymethods]
impl FittedCausalForest {
    /// Fits to customers; returns the model and what it says of them by trees that did not see them:
    /// effects, doubly robust scores (a column an effect), expected outcomes, probabilities of the arms.
    ///
    /// `propensities` is a word, "estimated", "observed", "shares" or "rows", and the shares or the rows
    /// one after the other. `settings` has `n_trees`, `bag_size`, `min_leaf`, `max_depth`,
    /// `max_features`, `nuisance_trees` (numbers or None), `bins`, `imbalance`, `min_propensity` and
    /// `seed`; `note`, a JSON text, is kept with the model.
    #[staticmethod]
    #[pyo3(signature = (
        attributes, treatment, outcome, propensities, *, settings, note, n_jobs=None, progress=None,
    ))]
    fn fit(
        py: Python<'_>,
        attributes: Vec<Attribute<'_>>,
        treatment: NamedTreatment<'_>,
        outcome: Named<'_>,
        propensities: (String, Option<Floats<'_>>),
        settings: Record<'_>,
        note: &str,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<(Self, Told)> {
        let estimator = estimator(&settings)?;
        let note = persist::note(note)?;
        let arrays = DesignArrays::new(&attributes)?;
        let (name, column, arms) = &treatment;
        let column = Values::new(column, arms)?;
        let outcome = (outcome.0.as_str(), outcome.1.values()?);
        let known = known(&propensities)?;
        let (fitted, told) = boundary::run(py, n_jobs, progress, |observer| {
            let data = column.data(arrays.design()?, name, outcome)?;
            let data = data.with_propensities("propensity", known)?;
            estimator.fit_out_of_bag(&data, observer)
        })?;
        let n_effects = fitted.n_effects();
        let n_arms = fitted.arms().len().max(1);
        let told = out_of_bag(py, told, n_effects, n_arms)?;
        Ok((Self(fitted.with_note(note)), told))
    }

    /// The names of the attributes.
    #[getter]
    fn features(&self) -> Vec<String> {
        self.0.features()
    }

    /// What the treatment is called.
    #[getter]
    fn treatment(&self) -> &str {
        self.0.treatment_name()
    }

    /// The arms' names, the control's first; none for an amount.
    #[getter]
    fn arms(&self) -> Vec<String> {
        self.0.arms().to_vec()
    }

    /// What the outcome is called.
    #[getter]
    fn outcome(&self) -> &str {
        self.0.outcome_name()
    }

    /// How much of the splits each attribute has.
    #[getter]
    fn importance(&self, py: Python<'_>) -> Column<f64> {
        Column::new(py, self.0.importance().to_vec())
    }

    /// The mean effects: `arm`, `estimate`, `standard_error`, `lower`, `upper`, `slope`, `slope_error`,
    /// `p_value`.
    #[pyo3(signature = (*, level))]
    fn averages<'py>(&self, py: Python<'py>, level: f64) -> PyResult<Record<'py>> {
        let intervals = model::intervals(py, &self.0, level)?;
        let averages = self.0.average_effects();
        let of =
            |part: fn(&AverageEffect) -> f64| Column::new(py, averages.iter().map(part).collect());
        let arms: Vec<&str> = averages.iter().map(|one| one.arm.as_str()).collect();
        Record::new(py)
            .with("arm", arms)?
            .with("estimate", of(|one| one.estimate))?
            .with("standard_error", of(|one| one.standard_error))?
            .with("interval", intervals)?
            .with("slope", of(|one| one.slope))?
            .with("slope_error", of(|one| one.slope_error))?
            .with("p_value", of(|one| one.p_value))
    }

    /// The effects: a row a customer, a column an effect.
    #[pyo3(signature = (attributes, *, n_jobs=None, progress=None))]
    fn effects(
        &self,
        py: Python<'_>,
        attributes: Vec<Attribute<'_>>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Table> {
        let arrays = DesignArrays::new(&attributes)?;
        let found = boundary::run(py, n_jobs, progress, |observer| {
            self.0.effects(&arrays.design()?, observer)
        })?;
        Table::wide(py, found, self.0.n_effects())
    }

    /// Their standard errors.
    #[pyo3(signature = (attributes, *, n_jobs=None, progress=None))]
    fn standard_errors(
        &self,
        py: Python<'_>,
        attributes: Vec<Attribute<'_>>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Table> {
        let arrays = DesignArrays::new(&attributes)?;
        let found = boundary::run(py, n_jobs, progress, |observer| {
            self.0.standard_errors(&arrays.design()?, observer)
        })?;
        Table::wide(py, found, self.0.n_effects())
    }

    /// Their intervals: lower and upper end of every effect, a row a customer.
    #[pyo3(signature = (attributes, *, level, n_jobs=None, progress=None))]
    fn intervals(
        &self,
        py: Python<'_>,
        attributes: Vec<Attribute<'_>>,
        level: f64,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Table> {
        let arrays = DesignArrays::new(&attributes)?;
        let ends = boundary::run(py, n_jobs, progress, |observer| {
            self.0.intervals(&arrays.design()?, level, observer)
        })?;
        Table::wide(py, ends.into_flattened(), 2 * self.0.n_effects())
    }
}

/// A treatment's values, borrowed.
pub(super) enum Values<'a> {
    Codes(&'a [u16], &'a [String]),
    Amounts(&'a [f64]),
}

impl<'a> Values<'a> {
    pub(super) fn new(column: &'a TreatmentColumn<'_>, arms: &'a [String]) -> PyResult<Self> {
        Ok(match column {
            TreatmentColumn::Codes(codes) => Self::Codes(codes.values()?, arms),
            TreatmentColumn::Amounts(amounts) => Self::Amounts(amounts.values()?),
        })
    }

    pub(super) fn data(
        &self,
        design: Design<'a>,
        name: &str,
        outcome: (&str, &'a [f64]),
    ) -> tercet::Result<EffectData<'a>> {
        let treatment = match self {
            Self::Codes(codes, arms) => Treatment::Arms {
                codes,
                arms: arms.to_vec(),
            },
            Self::Amounts(amounts) => Treatment::Amount(amounts),
        };
        EffectData::new(design, (name, treatment), outcome)
    }
}

pub(super) fn known<'a>(given: &'a (String, Option<Floats<'_>>)) -> PyResult<Propensities<'a>> {
    let (word, values) = given;
    let values = match values {
        Some(values) => values.values()?,
        None => &[],
    };
    Ok(match word.as_str() {
        "observed" => Propensities::Observed,
        "shares" => Propensities::Shares(values.to_vec()),
        "rows" => Propensities::Rows(values),
        _ => Propensities::Estimated,
    })
}

fn out_of_bag(py: Python<'_>, told: OutOfBag, n_effects: usize, n_arms: usize) -> PyResult<Told> {
    Ok((
        Table::wide(py, told.effects, n_effects)?,
        Table::wide(py, told.scores, n_effects)?,
        Column::new(py, told.outcome),
        Table::wide(py, told.propensities, n_arms)?,
    ))
}

fn estimator(settings: &Record<'_>) -> PyResult<CausalForest> {
    let optional = |name: &str| match settings.read::<Option<i64>>(name)? {
        None => Ok(None),
        Some(value) => errors::whole(name, value, "at least 1, or None").map(Some),
    };
    Ok(CausalForest::new()
        .n_trees(settings.count("n_trees")?)
        .bag_size(settings.count("bag_size")?)
        .min_leaf(optional("min_leaf")?)
        .max_depth(optional("max_depth")?)
        .max_features(optional("max_features")?)
        .bins(settings.count("bins")?)
        .imbalance(settings.read("imbalance")?)
        .nuisance_trees(optional("nuisance_trees")?)
        .min_propensity(settings.read("min_propensity")?)
        .seed(settings.seed("seed")?))
}
