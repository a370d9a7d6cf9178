//! Golden questions.

use std::collections::BTreeMap;

use pyo3::prelude::*;
use tercet::needs::{self as core, TypingSize, TypingTool};

use super::latent_class::FittedLatentClass;
use crate::arrays::{Column, Table};
use crate::boundary::{self, Progress};
use crate::data::{AnswerColumn, Named, SurveyArrays};
use crate::model::{known, shared_methods};
use crate::persist;
use crate::records::Record;

/// Golden questions with all that scoring their answers needs: immutable.
#[pyclass(frozen, module = "tercet._tercet")]
pub(crate) struct FittedTypingTool(core::FittedTypingTool);

#[pymethods]
impl FittedTypingTool {
    /// Chooses questions of a model.
    ///
    /// The survey is that of the model. `settings` has `n_questions`, `up_to` (or None), `folds`, `seed`,
    /// `always` and `never` (names), `texts` (by name) and `labels` (lists by name); `note`, a JSON text,
    /// is kept with the tool.
    #[staticmethod]
    #[pyo3(signature = (
        model, questions, weights, covariates, *, settings, note, n_jobs=None, progress=None,
    ))]
    fn fit(
        py: Python<'_>,
        model: &Bound<'_, FittedLatentClass>,
        questions: Vec<(Record<'_>, AnswerColumn<'_>)>,
        weights: Option<Named<'_>>,
        covariates: Vec<Named<'_>>,
        settings: Record<'_>,
        note: &str,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Self> {
        let tool = settings_of(&settings)?;
        let note = persist::note(note)?;
        let arrays = SurveyArrays::new(&questions)?
            .weighted(weights.as_ref())?
            .with_covariates(&covariates)?;
        let model = model.get().core();
        let fitted = boundary::run(py, n_jobs, progress, |observer| {
            tool.fit(&arrays.survey()?, model, observer)
        })?;
        Ok(Self(fitted.with_note(note)))
    }

    /// The model of the chosen questions, which scores their answers.
    #[getter]
    fn model(&self) -> FittedLatentClass {
        FittedLatentClass::of_core(self.0.model().clone())
    }

    /// The questions as a short text to put before a customer.
    #[getter]
    fn questionnaire(&self) -> String {
        self.0.questionnaire()
    }

    /// What asking nothing achieves: the share of the largest segment.
    #[getter]
    fn majority(&self) -> f64 {
        self.0.accuracy().majority
    }

    /// How well so many questions do, a number a size: `expected`, `agreement`, `cross_validated`,
    /// `standard_error`, `cross_validated_expected`; and lists a size, `questions` and
    /// `chosen_in_folds`.
    #[getter]
    fn sizes<'py>(&self, py: Python<'py>) -> PyResult<Record<'py>> {
        let sizes = &self.0.accuracy().sizes;
        let column = |of: fn(&TypingSize) -> f64| Column::new(py, sizes.iter().map(of).collect());
        let questions: Vec<Vec<String>> = sizes.iter().map(|one| one.questions.clone()).collect();
        let chosen: Vec<Vec<f64>> = sizes
            .iter()
            .map(|one| one.chosen_in_folds.clone())
            .collect();
        Record::new(py)
            .with("questions", questions)?
            .with("chosen_in_folds", chosen)?
            .with("expected", column(|one| one.expected_agreement))?
            .with("agreement", column(|one| one.agreement))?
            .with(
                "cross_validated",
                column(|one| known(one.cross_validated_agreement)),
            )?
            .with("standard_error", column(|one| known(one.standard_error)))?
            .with(
                "cross_validated_expected",
                column(|one| known(one.cross_validated_expected)),
            )
    }

    /// A row a segment by all questions, a column a segment by the tool, in numbers of respondents.
    #[getter]
    fn confusion(&self, py: Python<'_>) -> PyResult<Table> {
        Table::wide(
            py,
            self.0.accuracy().confusion.concat(),
            self.0.n_segments(),
        )
    }

    /// Whether `confusion` is of respondents who were left out.
    #[getter]
    fn cross_validated(&self) -> bool {
        self.0.accuracy().cross_validated
    }

    /// By segment, the share of its members whom the tool finds; nan where there are none.
    #[getter]
    fn recall(&self, py: Python<'_>) -> Column<f64> {
        let recall = self.0.accuracy().recall();
        Column::new(py, recall.into_iter().map(known).collect())
    }

    /// By segment, the share of those put into it who belong to it; nan where there are none.
    #[getter]
    fn precision(&self, py: Python<'_>) -> Column<f64> {
        let precision = self.0.accuracy().precision();
        Column::new(py, precision.into_iter().map(known).collect())
    }
}

shared_methods!(FittedTypingTool: saved, noted);

fn settings_of(settings: &Record<'_>) -> PyResult<TypingTool> {
    let mut tool = TypingTool::new()
        .n_questions(settings.count("n_questions")?)
        .folds(settings.count("folds")?)
        .seed(settings.seed("seed")?)
        .always(settings.read::<Vec<String>>("always")?)
        .never(settings.read::<Vec<String>>("never")?);
    if settings.read::<Option<i64>>("up_to")?.is_some() {
        tool = tool.up_to(settings.count("up_to")?);
    }
    for (name, text) in settings.read::<BTreeMap<String, String>>("texts")? {
        tool = tool.text(name, text);
    }
    for (name, labels) in settings.read::<BTreeMap<String, Vec<String>>>("labels")? {
        tool = tool.labels(name, labels);
    }
    Ok(tool)
}
