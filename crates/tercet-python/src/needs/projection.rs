//! Segments carried to customers by their attributes.

use pyo3::prelude::*;
use tercet::Estimator;
use tercet::needs::{self as core, Penalty, ProjectionData, ProjectionQuality, SegmentProjection};

use crate::arrays::{Column, Floats, Table};
use crate::boundary::{self, Progress};
use crate::data::{Attribute, DesignArrays, Named};
use crate::model::shared_methods;
use crate::records::{Columns, Record};
use crate::{model, persist};

/// A fitted projection: immutable.
///
/// Attributes are triples: what the caller calls a column, the column in the caller's row order (uint16
/// codes of levels, 65535 where there is none, or float64 numbers, nan where there is none) and the
/// levels' names.
#[pyclass(frozen, module = "tercet._tercet")]
pub(crate) struct FittedSegmentProjection(core::FittedSegmentProjection);

#[pymethods]
impl FittedSegmentProjection {
    /// Fits to respondents.
    ///
    /// `posterior` has their memberships row by row, `shares` the segments' sizes (by default the mean of
    /// the posterior). `settings` has `penalty` ("cv", or a record whose `fixed` is a number),
    /// `correction`, `folds`, `seed`, `min_level_count` and `max_iterations`; `note`, a JSON text, is kept
    /// with the model.
    #[staticmethod]
    #[pyo3(signature = (
        attributes, posterior, n_segments, shares, weights, *, settings, note, n_jobs=None,
        progress=None,
    ))]
    fn fit(
        py: Python<'_>,
        attributes: Vec<Attribute<'_>>,
        posterior: Floats<'_>,
        n_segments: usize,
        shares: Option<Floats<'_>>,
        weights: Option<Named<'_>>,
        settings: Record<'_>,
        note: &str,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Self> {
        let estimator = estimator(&settings)?;
        let note = persist::note(note)?;
        let arrays = DesignArrays::new(&attributes)?;
        let memberships = posterior.values()?;
        let shares = shares.as_ref().map(Floats::values).transpose()?;
        let weights = match &weights {
            Some((name, values)) => Some((name, values.values()?)),
            None => None,
        };
        let fitted = boundary::run(py, n_jobs, progress, |observer| {
            let mut data = ProjectionData::new(arrays.design()?, memberships, n_segments)?;
            if let Some((name, weights)) = weights {
                data = data.with_weights(name, weights)?;
            }
            if let Some(shares) = shares {
                data = data.with_shares(shares)?;
            }
            estimator.fit_observed(&data, observer)
        })?;
        Ok(Self(fitted.with_note(note)))
    }

    /// The settings that it was fitted with; `penalty` is a number, or "cv".
    #[getter]
    fn settings<'py>(&self, py: Python<'py>) -> PyResult<Record<'py>> {
        let written = serde_json::to_value(self.0.settings());
        let fixed = written.as_ref().ok();
        let fixed = fixed.and_then(|settings| settings["penalty"]["fixed"].as_f64());
        let names = [
            "correction",
            "folds",
            "seed",
            "min_level_count",
            "max_iterations",
        ];
        let record = model::settings(py, written, &names)?;
        match fixed {
            None => record.with("penalty", "cv"),
            Some(penalty) => record.with("penalty", penalty),
        }
    }

    /// The names of the attributes.
    #[getter]
    fn features(&self) -> Vec<String> {
        self.0.features()
    }

    /// The segments' sizes in the survey.
    #[getter]
    fn shares(&self, py: Python<'_>) -> Column<f64> {
        Column::new(py, self.0.shares().to_vec())
    }

    /// The penalty that was used.
    #[getter]
    fn penalty(&self) -> f64 {
        self.0.penalty()
    }

    /// What each column does to each segment's log-odds: `column`, `segment`, `log_odds`.
    #[getter]
    fn effects<'py>(&self, py: Python<'py>) -> PyResult<Record<'py>> {
        let effects = self.0.effects();
        let columns: Vec<&str> = effects.iter().map(|one| one.column.as_str()).collect();
        let segments = effects.iter().map(|one| one.segment);
        let log_odds = effects.iter().map(|one| one.log_odds);
        Record::new(py)
            .with("column", columns)?
            .with("segment", Column::counts(py, segments))?
            .with("log_odds", Column::new(py, log_odds.collect()))
    }

    /// What cross-validation says: numbers by name.
    #[getter]
    fn quality<'py>(&self, py: Python<'py>) -> PyResult<Record<'py>> {
        let quality = self.0.quality();
        numbers(quality)
            .iter()
            .try_fold(Record::new(py), |record, (name, value)| {
                record.with(name, *value)
            })
    }

    /// The same by segment: `auc`, `auc_ceiling`, `shares_by_probability`, `shares_by_mode`.
    #[getter]
    fn quality_by_segment<'py>(&self, py: Python<'py>) -> PyResult<Columns<'py>> {
        let quality = self.0.quality();
        Columns::new(py)
            .with("auc", quality.auc.clone())?
            .with("auc_ceiling", quality.auc_ceiling.clone())?
            .with(
                "shares_by_probability",
                quality.shares_by_probability.clone(),
            )?
            .with("shares_by_mode", quality.shares_by_mode.clone())
    }

    /// Whether the attributes tell the segments apart.
    #[getter]
    fn is_informative(&self) -> bool {
        self.0.quality().is_informative()
    }

    /// What the numbers mean, in words.
    #[getter]
    fn verdict(&self) -> String {
        self.0.quality().verdict()
    }

    /// Tenths of the respondents by predicted probability: `segment`, `decile`, `weight`, `predicted`,
    /// `expected`, `observed`.
    #[getter]
    fn calibration<'py>(&self, py: Python<'py>) -> PyResult<Record<'py>> {
        let rows = &self.0.quality().calibration;
        let whole =
            |of: fn(&core::CalibrationRow) -> usize| Column::counts(py, rows.iter().map(of));
        let number =
            |of: fn(&core::CalibrationRow) -> f64| Column::new(py, rows.iter().map(of).collect());
        Record::new(py)
            .with("segment", whole(|row| row.segment))?
            .with("decile", whole(|row| row.decile))?
            .with("weight", number(|row| row.weight))?
            .with("predicted", number(|row| row.predicted))?
            .with("expected", number(|row| row.expected))?
            .with("observed", number(|row| row.observed))
    }

    /// The penalties that were tried: `penalty`, `log_likelihood_gain`.
    #[getter]
    fn penalties<'py>(&self, py: Python<'py>) -> PyResult<Columns<'py>> {
        let tried = self.0.quality().penalties.iter();
        let (penalties, gains) = tried
            .map(|one| (one.penalty, one.log_likelihood_gain))
            .unzip();
        Columns::new(py)
            .with("penalty", penalties)?
            .with("log_likelihood_gain", gains)
    }

    /// Each customer's probability of belonging to each segment: a row a customer.
    #[pyo3(signature = (attributes, *, n_jobs=None, progress=None))]
    fn probabilities(
        &self,
        py: Python<'_>,
        attributes: Vec<Attribute<'_>>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Table> {
        let arrays = DesignArrays::new(&attributes)?;
        let probabilities = boundary::run(py, n_jobs, progress, |observer| {
            self.0.probabilities(&arrays.design()?, observer)
        })?;
        Table::wide(py, probabilities, self.0.n_segments())
    }

    /// What attributes and own answers say together; both row by row.
    fn with_answers(
        &self,
        py: Python<'_>,
        projected: Floats<'_>,
        posterior: Floats<'_>,
    ) -> PyResult<Table> {
        let (projected, posterior) = (projected.values()?, posterior.values()?);
        let known = boundary::brief(py, || self.0.with_answers(projected, posterior))?;
        Table::wide(py, known, self.0.n_segments())
    }
}

shared_methods!(FittedSegmentProjection: saved, noted, reported, parameters);

/// The quality's numbers that are one number, by their names in the core.
fn numbers(quality: &ProjectionQuality) -> [(&'static str, f64); 12] {
    [
        ("log_likelihood_gain", quality.log_likelihood_gain),
        (
            "log_likelihood_gain_error",
            quality.log_likelihood_gain_error,
        ),
        ("log_loss", quality.log_loss),
        ("log_loss_shares", quality.log_loss_shares),
        ("expected_accuracy", quality.expected_accuracy),
        (
            "expected_accuracy_largest",
            quality.expected_accuracy_largest,
        ),
        (
            "expected_accuracy_ceiling",
            quality.expected_accuracy_ceiling,
        ),
        ("modal_agreement", quality.modal_agreement),
        ("modal_agreement_largest", quality.modal_agreement_largest),
        ("mean_auc", quality.mean_auc),
        (
            "share_error_by_probability",
            quality.share_error_by_probability,
        ),
        ("share_error_by_mode", quality.share_error_by_mode),
    ]
}

fn estimator(settings: &Record<'_>) -> PyResult<SegmentProjection> {
    let penalty = match settings.read::<Record<'_>>("penalty") {
        Ok(given) => Penalty::Fixed(given.read("fixed")?),
        Err(_) => Penalty::Cv,
    };
    Ok(SegmentProjection::new()
        .penalty(penalty)
        .correction(settings.read("correction")?)
        .folds(settings.count("folds")?)
        .seed(settings.seed("seed")?)
        .min_level_count(settings.count("min_level_count")?)
        .max_iterations(settings.count("max_iterations")?))
}
