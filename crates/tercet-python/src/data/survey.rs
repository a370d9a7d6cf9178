//! The columns of a survey on their way to the core's view.

use pyo3::Borrowed;
use pyo3::inspect::PyStaticExpr;
use pyo3::prelude::*;
use pyo3::type_hint_union;
use tercet::data::{Answers, CountFamily, Question, QuestionKind, Survey};

use crate::arrays::{Bytes, Floats, Number};
use crate::errors;
use crate::records::Record;

/// A column and what the caller calls it.
pub(crate) type Named<'py> = (String, Floats<'py>);

/// A column of answers: codes of levels (255 where there is none) or numbers (NaN where there is none).
pub(crate) enum AnswerColumn<'py> {
    Codes(Bytes<'py>),
    Numbers(Floats<'py>),
}

impl<'py> FromPyObject<'_, 'py> for AnswerColumn<'py> {
    type Error = PyErr;

    const INPUT_TYPE: PyStaticExpr = type_hint_union!(u8::ARRAY, f64::ARRAY);

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match object.extract() {
            Ok(codes) => Ok(Self::Codes(codes)),
            Err(_) => object.extract().map(Self::Numbers),
        }
    }
}

impl AnswerColumn<'_> {
    /// The answers, in the caller's row order.
    pub(crate) fn values(&self) -> PyResult<Answers<'_>> {
        Ok(match self {
            Self::Codes(codes) => Answers::Codes(codes.values()?),
            Self::Numbers(numbers) => Answers::Numbers(numbers.values()?),
        })
    }
}

/// Questions and their answers, weights and covariates, borrowed.
pub(crate) struct SurveyArrays<'a> {
    columns: Vec<(Question, Answers<'a>)>,
    weights: Option<(&'a str, &'a [f64])>,
    covariates: Vec<(String, &'a [f64])>,
}

impl<'a> SurveyArrays<'a> {
    /// Borrows the arrays; the core checks the answers when the long call asks it for the view.
    pub(crate) fn new(columns: &'a [(Record<'_>, AnswerColumn<'_>)]) -> PyResult<Self> {
        let columns = columns
            .iter()
            .map(|(record, answers)| Ok((question(record)?, answers.values()?)))
            .collect::<PyResult<_>>()?;
        Ok(Self {
            columns,
            weights: None,
            covariates: Vec::new(),
        })
    }

    /// Adds how much each respondent counts.
    pub(crate) fn weighted(mut self, weights: Option<&'a Named<'_>>) -> PyResult<Self> {
        if let Some((name, values)) = weights {
            self.weights = Some((name, values.values()?));
        }
        Ok(self)
    }

    /// Adds what memberships depend on.
    pub(crate) fn with_covariates(mut self, covariates: &'a [Named<'_>]) -> PyResult<Self> {
        self.covariates = covariates
            .iter()
            .map(|(name, values)| Ok((name.clone(), values.values()?)))
            .collect::<PyResult<_>>()?;
        Ok(self)
    }

    /// The checked view.
    pub(crate) fn survey(self) -> tercet::Result<Survey<'a>> {
        let mut survey = Survey::new(self.columns)?;
        if let Some((name, weights)) = self.weights {
            survey = survey.with_weights(name, weights)?;
        }
        if self.covariates.is_empty() {
            return Ok(survey);
        }
        survey.with_covariates(self.covariates)
    }
}

/// A question from its `name`, `kind`, `levels` and `scores`.
pub(crate) fn question(record: &Record<'_>) -> PyResult<Question> {
    let levels = || {
        Ok::<_, PyErr>(
            record
                .read::<Option<Vec<String>>>("levels")?
                .unwrap_or_default(),
        )
    };
    let kind = match record.read::<String>("kind")?.as_str() {
        "nominal" => QuestionKind::Nominal { levels: levels()? },
        "ordinal" => QuestionKind::Ordinal {
            levels: levels()?,
            scores: record
                .read::<Option<Vec<f64>>>("scores")?
                .unwrap_or_default(),
        },
        "continuous" => QuestionKind::Continuous,
        family => QuestionKind::Count(errors::parsed::<CountFamily>(family)?),
    };
    Ok(Question {
        name: record.read("name")?,
        kind,
    })
}

/// A question as a record of its `name`, `kind`, `levels` and `scores`.
pub(crate) fn record<'py>(py: Python<'py>, question: &Question) -> PyResult<Record<'py>> {
    let scores = match &question.kind {
        QuestionKind::Ordinal { scores, .. } => Some(scores.clone()),
        QuestionKind::Nominal { .. } | QuestionKind::Continuous | QuestionKind::Count(_) => None,
    };
    Record::new(py)
        .with("name", &question.name)?
        .with("kind", question.kind_word())?
        .with("levels", question.levels().map(<[String]>::to_vec))?
        .with("scores", scores)
}
