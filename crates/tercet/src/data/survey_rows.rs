//! Some respondents of a survey, copied: a fold, a bootstrap sample.

use super::survey::{Answers, Question, Survey};
use crate::error::Result;

/// Rows of a survey, in the order in which they were asked for.
#[derive(Debug, Clone)]
pub(crate) struct SurveyRows {
    columns: Vec<(Question, Column)>,
    weights: Option<Vec<f64>>,
    covariates: Vec<(String, Vec<f64>)>,
}

#[derive(Debug, Clone)]
enum Column {
    Codes(Vec<u8>),
    Numbers(Vec<f64>),
}

impl SurveyRows {
    /// Copies `rows`, each as often as it is named.
    pub(crate) fn new(survey: &Survey<'_>, rows: &[usize]) -> Self {
        let numbers = |values: &[f64]| rows.iter().map(|row| values[*row]).collect();
        let column = |answers: &Answers<'_>| match answers {
            Answers::Codes(codes) => Column::Codes(rows.iter().map(|row| codes[*row]).collect()),
            Answers::Numbers(values) => Column::Numbers(numbers(values)),
        };
        let columns = survey.answers().iter().map(column);
        Self {
            columns: survey.questions().iter().cloned().zip(columns).collect(),
            weights: survey.weights().map(numbers),
            covariates: survey
                .covariates()
                .iter()
                .map(|(name, values)| (name.clone(), numbers(values)))
                .collect(),
        }
    }

    /// The copy as a survey.
    pub(crate) fn survey(&self) -> Result<Survey<'_>> {
        let columns = self.columns.iter().map(|(question, column)| match column {
            Column::Codes(codes) => (question.clone(), Answers::Codes(codes)),
            Column::Numbers(values) => (question.clone(), Answers::Numbers(values)),
        });
        let covariates = self.covariates.iter();
        let survey = Survey::new(columns.collect())?.with_covariates(
            covariates
                .map(|(name, values)| (name.clone(), values.as_slice()))
                .collect(),
        )?;
        match &self.weights {
            Some(weights) => survey.with_weights("weights", weights),
            None => Ok(survey),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_in_the_order_in_which_they_were_asked_for() {
        let survey = Survey::new(vec![
            (
                Question::nominal("a", ["no", "yes"]),
                Answers::Codes(&[0, 1, 255]),
            ),
            (
                Question::continuous("x"),
                Answers::Numbers(&[1.0, 2.0, 3.0]),
            ),
        ])
        .and_then(|survey| survey.with_weights("w", &[0.1, 0.2, 0.3]))
        .and_then(|survey| survey.with_covariates(vec![("z".to_owned(), &[7.0, 8.0, 9.0])]))
        .unwrap();
        let copy = SurveyRows::new(&survey, &[2, 0, 2]);
        let copy = copy.survey().unwrap();
        assert_eq!(copy.questions(), survey.questions());
        assert_eq!(copy.answers()[0], Answers::Codes(&[255, 0, 255]));
        assert_eq!(copy.answers()[1], Answers::Numbers(&[3.0, 1.0, 3.0]));
        assert_eq!(copy.weights(), Some(&[0.3, 0.1, 0.3][..]));
        assert_eq!(copy.covariates()[0].1, &[9.0, 7.0, 9.0]);
    }
}
