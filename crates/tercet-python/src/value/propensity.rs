//! Propensities: churn, purchase, use of a feature, leads.

use pyo3::Borrowed;
use pyo3::inspect::PyStaticExpr;
use pyo3::prelude::*;
use pyo3::type_hint_union;
use tercet::Estimator;
use tercet::data::Design;
use tercet::value::propensity::{
    self as core, Features, ManyOutcomes, OutOfFold, Penalty, Propensity, PropensityData, Solver,
    StandardErrors, Strength,
};

use crate::arrays::{Codes, Column, Flags, Floats, Groups, Number, Table};
use crate::boundary::{self, Progress};
use crate::data::{Attribute, DesignArrays, Named};
use crate::model::shared_methods;
use crate::records::{Columns, Record};
use crate::{errors, model, persist};

/// An outcome: whether it happened, or codes of classes.
enum OutcomeColumn<'py> {
    Flags(Flags<'py>),
    Codes(Codes<'py>),
}

impl<'py> FromPyObject<'_, 'py> for OutcomeColumn<'py> {
    type Error = PyErr;

    const INPUT_TYPE: PyStaticExpr = type_hint_union!(bool::ARRAY, u16::ARRAY);

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match object.extract() {
            Ok(codes) => Ok(Self::Codes(codes)),
            Err(_) => object.extract().map(Self::Flags),
        }
    }
}

/// What the caller calls an outcome, the outcome, and its classes' names (none where it is bool).
type NamedOutcome<'py> = (String, OutcomeColumn<'py>, Vec<String>);
/// What the caller calls the groups, and a code a row.
pub(super) type NamedGroups<'py> = (String, Groups<'py>);

/// Probabilities of rows left out, and the rows' folds.
type LeftOut = (Table, Column<u16>);

/// A fitted propensity: immutable.
///
/// Attributes are triples: what the caller calls a column, the column in the caller's row order (uint16
/// codes of levels, 65535 where there is none, or float64 numbers, nan where there is none) and the
/// levels' names; or a name that is not looked at, a float64 matrix in C or Fortran order, and its
/// columns' names.
#[pyclass(frozen, module = "tercet._tercet")]
pub(crate) struct FittedPropensity(pub(super) core::FittedPropensity);

#[pymethods]
impl FittedPropensity {
    /// Fits to customers; returns the model and, where `out_of_fold` is true, the predictions of every
    /// row by a fit that did not see it, and the rows' folds.
    ///
    /// `settings` has `features` ("spline", "bins" or "linear"), `intervals` (a number or None), `bins`,
    /// `ordered` (names), `min_level_count`, `penalty` (`"l2"` or `"elastic_net"`), `l1_ratio`, `strength`
    /// ("auto", "estimated", "cv" or a number), `standardize`, `solver` ("newton" or "linfa"), `folds`,
    /// `one_standard_error`, `seed`, `standard_errors` ("none", "model", "robust" or "cluster"),
    /// `max_iterations` and `tolerance`; `note`, a JSON text, is kept with the model.
    #[staticmethod]
    #[pyo3(signature = (
        attributes, outcome, weights, offset, groups, *, settings, note, out_of_fold=false, n_jobs=None,
        progress=None,
    ))]
    fn fit(
        py: Python<'_>,
        attributes: Vec<Attribute<'_>>,
        outcome: NamedOutcome<'_>,
        weights: Option<Named<'_>>,
        offset: Option<Named<'_>>,
        groups: Option<NamedGroups<'_>>,
        settings: Record<'_>,
        note: &str,
        out_of_fold: bool,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<(Self, Option<LeftOut>)> {
        let estimator = estimator(&settings)?;
        let note = persist::note(note)?;
        let arrays = DesignArrays::new(&attributes)?;
        let (name, outcome, classes) = &outcome;
        let outcome = Values::new(outcome, classes)?;
        let weights = named(weights.as_ref())?;
        let offset = named(offset.as_ref())?;
        let groups = match &groups {
            Some((name, codes)) => Some((name.as_str(), codes.values()?)),
            None => None,
        };
        let n_classes = classes.len().max(1);
        let (fitted, held) = boundary::run(py, n_jobs, progress, |observer| {
            let mut data = outcome.data(arrays.design()?, name)?;
            if let Some((name, weights)) = weights {
                data = data.with_weights(name, weights)?;
            }
            if let Some((name, offset)) = offset {
                data = data.with_offset(name, offset)?;
            }
            if let Some((name, groups)) = groups {
                data = data.with_groups(name, groups)?;
            }
            if out_of_fold {
                let (fitted, held) = estimator.fit_out_of_fold(&data, observer)?;
                Ok((fitted, Some(held)))
            } else {
                Ok((estimator.fit_observed(&data, observer)?, None))
            }
        })?;
        let held = held.map(|held| left_out(py, held, n_classes)).transpose()?;
        Ok((Self(fitted.with_note(note)), held))
    }

    /// Fits one model an outcome, drawn to what they have in common; `outcomes` are pairs of a name and
    /// bool values, `notes` a JSON text a model. `own_weights` are weights an outcome, which count instead
    /// of the others; features are learned from all rows.
    #[staticmethod]
    #[pyo3(signature = (
        attributes, outcomes, weights, groups, *, settings, notes, own_weights=None, n_jobs=None,
        progress=None,
    ))]
    fn fit_many(
        py: Python<'_>,
        attributes: Vec<Attribute<'_>>,
        outcomes: Vec<(String, Flags<'_>)>,
        weights: Option<Named<'_>>,
        groups: Option<NamedGroups<'_>>,
        settings: Record<'_>,
        notes: Vec<String>,
        own_weights: Option<Vec<Floats<'_>>>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Vec<Self>> {
        let estimator = estimator(&settings)?;
        let notes = notes.iter().map(|note| persist::note(note));
        let notes = notes.collect::<PyResult<Vec<_>>>()?;
        let arrays = DesignArrays::new(&attributes)?;
        let outcomes = outcomes.iter();
        let outcomes = outcomes.map(|(name, values)| Ok((name.clone(), values.values()?)));
        let outcomes = outcomes.collect::<PyResult<Vec<_>>>()?;
        let own = own_weights.iter().flatten().map(Floats::values);
        let own = own.collect::<PyResult<Vec<_>>>()?;
        let weights = named(weights.as_ref())?;
        let groups = match &groups {
            Some((name, codes)) => Some((name.as_str(), codes.values()?)),
            None => None,
        };
        let fitted = boundary::run(py, n_jobs, progress, |observer| {
            let mut data = ManyOutcomes::new(&arrays.design()?, &outcomes)?;
            if let Some((name, weights)) = weights {
                data = data.with_weights(name, weights)?;
            }
            if !own.is_empty() {
                data = data.with_own_weights("own_weights", &own)?;
            }
            if let Some((name, groups)) = groups {
                data = data.with_groups(name, groups)?;
            }
            estimator.fit_many(&data, observer)
        })?;
        let noted = fitted.into_iter().zip(notes);
        Ok(noted
            .map(|(fitted, note)| Self(fitted.with_note(note)))
            .collect())
    }

    /// The names of the attributes.
    #[getter]
    fn features(&self) -> Vec<String> {
        self.0.features()
    }

    /// What the outcome is called.
    #[getter]
    fn outcome(&self) -> &str {
        self.0.outcome_name()
    }

    /// The classes' names; none for a binary outcome.
    #[getter]
    fn classes(&self) -> Vec<String> {
        self.0.classes().to_vec()
    }

    /// Every column with its coefficient, the intercept first: `column`, `coefficient`.
    #[getter]
    fn columns<'py>(&self, py: Python<'py>) -> PyResult<Record<'py>> {
        let (names, values): (Vec<String>, Vec<f64>) = self.0.columns().into_iter().unzip();
        Record::new(py)
            .with("column", names)?
            .with("coefficient", Column::new(py, values))
    }

    /// The strengths that cross-validation tried: `strength`, `log_loss`, `standard_error`.
    #[getter]
    fn strength_scores<'py>(&self, py: Python<'py>) -> PyResult<Columns<'py>> {
        let scores = self.0.strength_scores();
        let of = |part: fn(&core::StrengthScore) -> f64| scores.iter().map(part).collect();
        Columns::new(py)
            .with::<f64>("strength", of(|one| one.strength))?
            .with::<f64>("log_loss", of(|one| one.log_loss))?
            .with::<f64>("standard_error", of(|one| one.standard_error))
    }

    /// Every feature as a whole: `feature`, `spread`, `effective_parameters`, `strength`.
    fn terms<'py>(&self, py: Python<'py>) -> PyResult<Record<'py>> {
        let terms = boundary::brief(py, || Ok(self.0.terms()))?;
        let of = |part: fn(&core::Term) -> f64| Column::new(py, terms.iter().map(part).collect());
        let names: Vec<&str> = terms.iter().map(|term| term.feature.as_str()).collect();
        Record::new(py)
            .with("feature", names)?
            .with("spread", of(|term| term.spread))?
            .with("effective_parameters", of(|term| term.effective_parameters))?
            .with("strength", of(|term| term.strength))
    }

    /// The table of effects: `feature` (None for the intercept), `at`, `estimate`, `standard_error`,
    /// `lower`, `upper`, `z`, `p_value`; nan where there is no number. Of several classes those of one,
    /// counted from 0, against the mean of all.
    #[pyo3(signature = (*, level, class_=None))]
    fn effects<'py>(
        &self,
        py: Python<'py>,
        level: f64,
        class_: Option<usize>,
    ) -> PyResult<Record<'py>> {
        let effects = boundary::brief(py, || match class_ {
            Some(class) => self.0.class_effects(class, level),
            None => self.0.effects(level),
        })?;
        let of =
            |part: fn(&core::Effect) -> f64| Column::new(py, effects.iter().map(part).collect());
        let features: Vec<Option<&str>> =
            effects.iter().map(|one| one.feature.as_deref()).collect();
        let at: Vec<&str> = effects.iter().map(|one| one.at.as_str()).collect();
        Record::new(py)
            .with("feature", features)?
            .with("at", at)?
            .with("estimate", of(|one| one.estimate))?
            .with("standard_error", of(|one| model::known(one.standard_error)))?
            .with("lower", of(|one| model::known(one.lower)))?
            .with("upper", of(|one| model::known(one.upper)))?
            .with("z", of(|one| model::known(one.z)))?
            .with("p_value", of(|one| model::known(one.p_value)))
    }

    /// The standard error of every coefficient, of several classes one class after the other; None
    /// without.
    #[getter]
    fn coefficient_errors(&self, py: Python<'_>) -> Option<Column<f64>> {
        self.0
            .coefficient_errors()
            .map(|errors| Column::new(py, errors))
    }

    /// What a feature adds to the log-odds: `value` (nan for a level), `label`, `effect`, `lower`,
    /// `upper`.
    #[pyo3(signature = (feature, *, points, level))]
    fn curve<'py>(
        &self,
        py: Python<'py>,
        feature: &str,
        points: usize,
        level: f64,
    ) -> PyResult<Record<'py>> {
        let points = boundary::brief(py, || self.0.curve(feature, points, level))?.points;
        let of =
            |part: fn(&core::CurvePoint) -> f64| Column::new(py, points.iter().map(part).collect());
        let labels: Vec<&str> = points.iter().map(|one| one.label.as_str()).collect();
        Record::new(py)
            .with("value", of(|one| one.value))?
            .with("label", labels)?
            .with("effect", of(|one| one.effect))?
            .with("lower", of(|one| model::known(one.lower)))?
            .with("upper", of(|one| model::known(one.upper)))
    }

    /// The probability of the outcome, or of every class: a row a customer.
    #[pyo3(signature = (attributes, *, n_jobs=None, progress=None))]
    fn probabilities(
        &self,
        py: Python<'_>,
        attributes: Vec<Attribute<'_>>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Table> {
        let arrays = DesignArrays::new(&attributes)?;
        let found = boundary::run(py, n_jobs, progress, |observer| {
            self.0.probabilities(&arrays.design()?, observer)
        })?;
        Table::wide(py, found, self.0.classes().len().max(1))
    }

    /// The log-odds of the outcome, or of every class against their mean: a row a customer.
    #[pyo3(signature = (attributes, *, n_jobs=None, progress=None))]
    fn log_odds(
        &self,
        py: Python<'_>,
        attributes: Vec<Attribute<'_>>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Table> {
        let arrays = DesignArrays::new(&attributes)?;
        let found = boundary::run(py, n_jobs, progress, |observer| {
            self.0.log_odds(&arrays.design()?, observer)
        })?;
        Table::wide(py, found, self.0.classes().len().max(1))
    }

    /// Intervals of the probability: lower and upper end, a row a customer; of several classes, a row a
    /// customer and class.
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
        Table::new(py, ends)
    }

    /// What every feature adds to the log-odds: the baseline, and a row a customer.
    #[pyo3(signature = (attributes, *, n_jobs=None, progress=None))]
    fn contributions(
        &self,
        py: Python<'_>,
        attributes: Vec<Attribute<'_>>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<(f64, Table)> {
        let arrays = DesignArrays::new(&attributes)?;
        let found = boundary::run(py, n_jobs, progress, |observer| {
            self.0.contributions(&arrays.design()?, observer)
        })?;
        let width = found.features.len();
        Ok((found.baseline, Table::wide(py, found.values, width)?))
    }

    /// The `top` features that move each row's log-odds most: what [`core::Reasons`] has, sorted by row and
    /// rank, and the log-odds of every row.
    #[pyo3(signature = (attributes, top, *, n_jobs=None, progress=None))]
    fn reasons(
        &self,
        py: Python<'_>,
        attributes: Vec<Attribute<'_>>,
        top: usize,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<(ReasonColumns, Column<f64>)> {
        let arrays = DesignArrays::new(&attributes)?;
        let found = boundary::run(py, n_jobs, progress, |observer| {
            self.0.reasons(&arrays.design()?, top, observer)
        })?;
        let columns = (
            Column::new(py, found.row),
            Column::new(py, found.rank),
            Column::new(py, found.feature),
            Column::new(py, found.contribution),
        );
        Ok((columns, Column::new(py, found.log_odds)))
    }
}

shared_methods!(FittedPropensity: saved, set, noted, reported);

/// Of each reason its row, its rank, its feature's place, and what it adds to the log-odds.
type ReasonColumns = (Column<u32>, Column<u32>, Column<u32>, Column<f64>);

/// Where texts begin, and their bytes, one after the other.
type TextColumn = (Column<i64>, Column<u8>);

/// What reasons say, whatever model they are of: the value of each one's feature, and a sentence.
#[pyfunction]
#[pyo3(signature = (attributes, names, rows, features, shares, points, *, n_jobs=None, progress=None))]
#[allow(clippy::too_many_arguments)] // named in Python
pub(crate) fn reason_words(
    py: Python<'_>,
    attributes: Vec<Attribute<'_>>,
    names: Vec<String>,
    rows: Groups<'_>,
    features: Groups<'_>,
    shares: Floats<'_>,
    points: Floats<'_>,
    n_jobs: Option<i64>,
    progress: Option<Progress>,
) -> PyResult<(TextColumn, TextColumn)> {
    let arrays = DesignArrays::new(&attributes)?;
    let (rows, features) = (rows.values()?, features.values()?);
    let (shares, points) = (shares.values()?, points.values()?);
    let words = boundary::run(py, n_jobs, progress, |observer| {
        let reasons = core::Reasons {
            features: names,
            row: rows.to_vec(),
            rank: vec![0; rows.len()],
            feature: features.to_vec(),
            contribution: shares.to_vec(),
            log_odds: Vec::new(),
        };
        reasons.words(&arrays.design()?, points, observer)
    })?;
    let column = |texts: core::Texts| {
        let bytes = Column::new(py, texts.text.into_bytes());
        (Column::counts(py, texts.offsets.into_iter()), bytes)
    };
    Ok((column(words.values), column(words.sentences)))
}

/// An outcome's values, borrowed.
enum Values<'a> {
    Flags(&'a [bool]),
    Codes(&'a [u16], &'a [String]),
}

impl<'a> Values<'a> {
    fn new(column: &'a OutcomeColumn<'_>, classes: &'a [String]) -> PyResult<Self> {
        Ok(match column {
            OutcomeColumn::Flags(flags) => Self::Flags(flags.values()?),
            OutcomeColumn::Codes(codes) => Self::Codes(codes.values()?, classes),
        })
    }

    fn data(&self, design: Design<'a>, name: &str) -> tercet::Result<PropensityData<'a>> {
        match self {
            Self::Flags(flags) => PropensityData::binary(design, name, flags),
            Self::Codes(codes, classes) => {
                PropensityData::classes(design, name, codes, classes.to_vec())
            }
        }
    }
}

pub(super) fn named<'a>(column: Option<&'a Named<'_>>) -> PyResult<Option<(&'a str, &'a [f64])>> {
    match column {
        Some((name, values)) => Ok(Some((name.as_str(), values.values()?))),
        None => Ok(None),
    }
}

fn left_out(py: Python<'_>, held: OutOfFold, width: usize) -> PyResult<LeftOut> {
    let probabilities = Table::wide(py, held.probabilities, width)?;
    Ok((probabilities, Column::new(py, held.folds)))
}

fn estimator(settings: &Record<'_>) -> PyResult<Propensity> {
    let word = |name: &str| settings.read::<String>(name);
    let features = features(settings)?;
    let penalty = match word("penalty")?.as_str() {
        "l2" => Penalty::L2,
        "elastic_net" => Penalty::ElasticNet {
            l1_ratio: settings.read("l1_ratio")?,
        },
        other => return Err(unknown("penalty", other, "one of \"l2\", \"elastic_net\"")),
    };
    let strength = match settings.read::<f64>("strength") {
        Ok(strength) => Strength::Fixed(strength),
        Err(_) => match word("strength")?.as_str() {
            "auto" => Strength::Auto,
            "estimated" => Strength::Estimated,
            "cv" => Strength::Cv,
            other => {
                let expected = "one of \"auto\", \"estimated\", \"cv\", or a number";
                return Err(unknown("strength", other, expected));
            }
        },
    };
    let solver = match word("solver")?.as_str() {
        "newton" => Solver::Newton,
        "linfa" => Solver::Linfa,
        other => return Err(unknown("solver", other, "one of \"newton\", \"linfa\"")),
    };
    Ok(Propensity::new()
        .features(features)
        .ordered(settings.read::<Vec<String>>("ordered")?)
        .min_level_count(settings.count("min_level_count")?)
        .penalty(penalty)
        .strength(strength)
        .standardize(settings.read("standardize")?)
        .solver(solver)
        .folds(settings.count("folds")?)
        .one_standard_error(settings.read("one_standard_error")?)
        .seed(settings.seed("seed")?)
        .standard_errors(standard_errors(settings)?)
        .max_iterations(settings.count("max_iterations")?)
        .tolerance(settings.read("tolerance")?))
}

/// How numbers enter.
pub(super) fn features(settings: &Record<'_>) -> PyResult<Features> {
    Ok(match settings.read::<String>("features")?.as_str() {
        "spline" => Features::Spline {
            intervals: settings.read("intervals")?,
        },
        "bins" => Features::Bins {
            bins: settings.count("bins")?,
        },
        "linear" => Features::Linear,
        other => {
            let expected = "one of \"spline\", \"bins\", \"linear\"";
            return Err(unknown("features", other, expected));
        }
    })
}

/// Which standard errors are computed.
pub(super) fn standard_errors(settings: &Record<'_>) -> PyResult<StandardErrors> {
    Ok(match settings.read::<String>("standard_errors")?.as_str() {
        "none" => StandardErrors::None,
        "model" => StandardErrors::Model,
        "robust" => StandardErrors::Robust,
        "cluster" => StandardErrors::Cluster,
        other => {
            let expected = "one of \"none\", \"model\", \"robust\", \"cluster\"";
            return Err(unknown("standard_errors", other, expected));
        }
    })
}

/// The error of a word that is none of those expected.
pub(super) fn unknown(name: &str, value: &str, expected: &str) -> PyErr {
    errors::to_python(tercet::Error::parameter(
        name,
        format!("{value:?}"),
        expected,
    ))
}
