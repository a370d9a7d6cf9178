//! The answers of respondents: a column a question, of whatever kind the question is.

use serde::{Deserialize, Serialize};

use super::purchases::{check_length, check_size};
use crate::error::{Error, Result};

/// The code of a question that a respondent did not answer.
pub const NO_ANSWER: u8 = u8::MAX;

/// The largest number: the squares of many of them add up to a number still.
const LARGEST: f64 = 1e100;

/// The most levels that a question can have.
pub const MOST_LEVELS: usize = NO_ANSWER as usize;

/// A question of a survey: its name and what its answers are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// The name of its column.
    pub name: String,
    /// What its answers are.
    pub kind: QuestionKind,
}

/// What the answers to a question are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuestionKind {
    /// One of several levels without an order ("train", "car", "plane").
    Nominal {
        /// The levels, in the order of their codes.
        levels: Vec<String>,
    },
    /// One of several levels with an order ("disagree" to "agree").
    Ordinal {
        /// The levels, in the order of their codes.
        levels: Vec<String>,
        /// The position of each level on the scale, ascending; 0, 1, 2, ... unless known better.
        scores: Vec<f64>,
    },
    /// A number that varies around its segment's mean.
    Continuous,
    /// How often something happened: 0, 1, 2, ...
    Count(CountFamily),
}

/// How counts vary around their segment's mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountFamily {
    /// With the variance of chance: the mean.
    #[default]
    Poisson,
    /// With more: `mean + mean² / size`.
    NegativeBinomial,
}

from_words!(CountFamily, "family", "poisson" => Poisson, "negative_binomial" => NegativeBinomial);

impl Question {
    /// A question whose levels have no order.
    pub fn nominal<S: Into<String>>(
        name: impl Into<String>,
        levels: impl IntoIterator<Item = S>,
    ) -> Self {
        Self {
            name: name.into(),
            kind: QuestionKind::Nominal {
                levels: levels.into_iter().map(Into::into).collect(),
            },
        }
    }

    /// A question whose levels are equal steps of a scale, from low to high.
    pub fn ordinal<S: Into<String>>(
        name: impl Into<String>,
        levels: impl IntoIterator<Item = S>,
    ) -> Self {
        let levels: Vec<String> = levels.into_iter().map(Into::into).collect();
        Self {
            name: name.into(),
            kind: QuestionKind::Ordinal {
                scores: (0..levels.len()).map(|level| level as f64).collect(),
                levels,
            },
        }
    }

    /// A question that is answered by a number.
    pub fn continuous(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind: QuestionKind::Continuous,
        }
    }

    /// A question that is answered by a count.
    pub fn count(name: impl Into<String>, family: CountFamily) -> Self {
        Self {
            name: name.into(),
            kind: QuestionKind::Count(family),
        }
    }

    /// The levels, where there are levels.
    pub fn levels(&self) -> Option<&[String]> {
        match &self.kind {
            QuestionKind::Nominal { levels } | QuestionKind::Ordinal { levels, .. } => Some(levels),
            QuestionKind::Continuous | QuestionKind::Count(_) => None,
        }
    }

    /// The kind in a word.
    pub fn kind_word(&self) -> &'static str {
        match self.kind {
            QuestionKind::Nominal { .. } => "nominal",
            QuestionKind::Ordinal { .. } => "ordinal",
            QuestionKind::Continuous => "continuous",
            QuestionKind::Count(CountFamily::Poisson) => "poisson",
            QuestionKind::Count(CountFamily::NegativeBinomial) => "negative_binomial",
        }
    }

    /// Checks levels and scores.
    pub(crate) fn check(&self) -> Result<()> {
        let Some(levels) = self.levels() else {
            return Ok(());
        };
        let refuse = |reason: String| Err(Error::data(&self.name, None, reason));
        if levels.len() < 2 {
            return refuse(
                "has one answer only, which tells no segments apart; leave the question out"
                    .to_owned(),
            );
        }
        if levels.len() > MOST_LEVELS {
            let found = levels.len();
            return refuse(format!(
                "has {found} levels; a question has at most {MOST_LEVELS}: merge levels, or declare it continuous or a count"
            ));
        }
        if let QuestionKind::Ordinal { scores, .. } = &self.kind {
            let ascending = scores.windows(2).all(|pair| pair[0] < pair[1]);
            if scores.len() != levels.len()
                || !ascending
                || !scores.iter().all(|score| score.is_finite())
            {
                return refuse(format!(
                    "has scores {scores:?} for {} levels; an ordinal question needs one finite score a level, ascending",
                    levels.len()
                ));
            }
        }
        Ok(())
    }
}

/// A column of answers, borrowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answers<'a> {
    /// Codes of levels from 0; [`NO_ANSWER`] where there is none.
    Codes(&'a [u8]),
    /// Numbers; NaN where there is none.
    Numbers(&'a [f64]),
}

impl Answers<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Codes(codes) => codes.len(),
            Self::Numbers(numbers) => numbers.len(),
        }
    }

    /// Whether the respondent answered.
    pub(crate) fn is_missing(&self, row: usize) -> bool {
        match self {
            Self::Codes(codes) => codes[row] == NO_ANSWER,
            Self::Numbers(numbers) => numbers[row].is_nan(),
        }
    }
}

/// What was asked, what was answered, and how many customers each respondent stands for.
///
/// ```
/// use tercet::data::{Answers, Question, Survey};
///
/// let questions = vec![
///     (Question::ordinal("price matters", ["no", "somewhat", "yes"]), Answers::Codes(&[0, 2, 255])),
///     (Question::continuous("spend"), Answers::Numbers(&[12.5, f64::NAN, 80.0])),
/// ];
/// let survey = Survey::new(questions)?.with_weights("weight", &[0.8, 1.1, 1.1])?;
/// assert_eq!(survey.len(), 3);
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Survey<'a> {
    questions: Vec<Question>,
    answers: Vec<Answers<'a>>,
    weights: Option<&'a [f64]>,
    weights_name: String,
    covariates: Vec<(String, &'a [f64])>,
    n_rows: usize,
}

impl<'a> Survey<'a> {
    /// Checks every question and every answer.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for no question at all, two of one name, a question with fewer than
    /// two levels, a code beyond the levels, a number that is infinite, a count that is negative or
    /// fractional; [`Error::ShapeMismatch`] for columns of different lengths.
    pub fn new(columns: Vec<(Question, Answers<'a>)>) -> Result<Self> {
        let (questions, answers): (Vec<Question>, Vec<Answers<'a>>) = columns.into_iter().unzip();
        let Some((first, column)) = questions.first().zip(answers.first()) else {
            return Err(Error::parameter("items", "[]", "at least one question"));
        };
        let n_rows = column.len();
        check_size(&first.name, n_rows)?;
        let mut names: Vec<&str> = questions.iter().map(|one| one.name.as_str()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            let reason = "occurs twice among the questions; name each once";
            return Err(Error::data(pair[0], None, reason));
        }
        for (question, column) in questions.iter().zip(&answers) {
            question.check()?;
            check_answers(question, column, n_rows)?;
        }
        Ok(Self {
            questions,
            answers,
            weights: None,
            weights_name: "weights".to_owned(),
            covariates: Vec::new(),
            n_rows,
        })
    }

    /// Adds weights: a respondent of weight 3 counts as three.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a weight that is not a positive, finite number.
    pub fn with_weights(mut self, name: &str, weights: &'a [f64]) -> Result<Self> {
        check_length(name, self.n_rows, weights)?;
        if let Some(row) = weights.iter().position(|w| !(*w > 0.0 && w.is_finite())) {
            let reason = format!(
                "is {}; a respondent's weight is a positive number: drop the row, or give it its weight",
                weights[row]
            );
            return Err(Error::data(name, row, reason));
        }
        self.weights = Some(weights);
        name.clone_into(&mut self.weights_name);
        Ok(self)
    }

    /// Adds what may shift the probability of belonging to a segment; categories as 0/1 columns.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a covariate that is missing or infinite in a row.
    pub fn with_covariates(mut self, covariates: Vec<(String, &'a [f64])>) -> Result<Self> {
        for (name, values) in &covariates {
            check_length(name, self.n_rows, values)?;
            if let Some(row) = values.iter().position(|value| !value.is_finite()) {
                let reason = format!(
                    "is {}; a covariate must be known for every respondent: fill the gap, or leave the covariate out",
                    values[row]
                );
                return Err(Error::data(name, row, reason));
            }
        }
        self.covariates = covariates;
        Ok(self)
    }

    /// With the weights and covariates of another survey of as many respondents.
    pub(crate) fn like<'b>(self, other: &'b Survey<'_>) -> Survey<'b>
    where
        'a: 'b,
    {
        Survey {
            questions: self.questions,
            answers: self.answers,
            weights: other.weights,
            weights_name: other.weights_name.clone(),
            covariates: other.covariates.clone(),
            n_rows: self.n_rows,
        }
    }

    /// The same respondents with other weights, some of them 0: a sample drawn from them.
    pub(crate) fn reweighted<'b>(&'b self, weights: &'b [f64]) -> Survey<'b>
    where
        'a: 'b,
    {
        Survey {
            weights: Some(weights),
            ..self.clone()
        }
    }

    /// Number of respondents.
    pub fn len(&self) -> usize {
        self.n_rows
    }

    /// Never true: an empty survey is refused at the door.
    pub fn is_empty(&self) -> bool {
        self.n_rows == 0
    }

    /// The questions, in the order of their columns.
    pub fn questions(&self) -> &[Question] {
        &self.questions
    }

    /// The answers, a column a question.
    pub fn answers(&self) -> &[Answers<'a>] {
        &self.answers
    }

    /// The weights, where there are weights.
    pub fn weights(&self) -> Option<&'a [f64]> {
        self.weights
    }

    /// The weight of a respondent: 1 where none were given.
    pub fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// The sum of the weights.
    pub fn total_weight(&self) -> f64 {
        (0..self.n_rows).map(|row| self.weight(row)).sum()
    }

    /// Names and columns of the covariates.
    pub fn covariates(&self) -> &[(String, &'a [f64])] {
        &self.covariates
    }

    /// The survey with these of its questions only, in this order.
    pub(crate) fn only(&self, places: &[usize]) -> Self {
        Self {
            questions: places
                .iter()
                .map(|place| self.questions[*place].clone())
                .collect(),
            answers: places.iter().map(|place| self.answers[*place]).collect(),
            ..self.clone()
        }
    }

    /// Respondents who answered none of the questions.
    pub fn unanswered(&self) -> usize {
        (0..self.n_rows)
            .filter(|row| self.answers.iter().all(|column| column.is_missing(*row)))
            .count()
    }
}

fn check_answers(question: &Question, column: &Answers<'_>, n_rows: usize) -> Result<()> {
    let name = &question.name;
    if column.len() != n_rows {
        return Err(Error::ShapeMismatch {
            column: name.clone(),
            expected: n_rows,
            found: column.len(),
        });
    }
    let wrong_type = |expected: &str| {
        let reason = format!(
            "is declared {}, which needs {expected}",
            question.kind_word()
        );
        Err(Error::data(name, None, reason))
    };
    match (&question.kind, column) {
        (
            QuestionKind::Nominal { levels } | QuestionKind::Ordinal { levels, .. },
            Answers::Codes(codes),
        ) => {
            let beyond = |code: &u8| *code != NO_ANSWER && usize::from(*code) >= levels.len();
            match codes.iter().position(beyond) {
                Some(row) => {
                    let reason = format!(
                        "has code {}, and the question has {} levels",
                        codes[row],
                        levels.len()
                    );
                    Err(Error::data(name, row, reason))
                }
                None => Ok(()),
            }
        }
        (QuestionKind::Continuous, Answers::Numbers(numbers)) => {
            match numbers.iter().position(|x| x.abs() > LARGEST) {
                Some(row) => {
                    let reason = if numbers[row].is_infinite() {
                        "is infinite; give a number, or leave it missing".to_owned()
                    } else {
                        let x = numbers[row];
                        format!("is {x:e}, too large for its square; give it in a larger unit")
                    };
                    Err(Error::data(name, row, reason))
                }
                None => Ok(()),
            }
        }
        (QuestionKind::Count(_), Answers::Numbers(numbers)) => {
            let is_count = |x: &f64| *x >= 0.0 && *x < 1e9 && x.trunc() == *x;
            let wrong = |x: &f64| !(x.is_nan() || is_count(x));
            match numbers.iter().position(wrong) {
                Some(row) => {
                    let reason = format!(
                        "is {}; a count is a whole number from 0: correct it, or declare the question continuous",
                        numbers[row]
                    );
                    Err(Error::data(name, row, reason))
                }
                None => Ok(()),
            }
        }
        (_, Answers::Codes(_)) => wrong_type("numbers"),
        (_, Answers::Numbers(_)) => wrong_type("codes of levels"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_cannot_be() {
        let yes_no = || Question::nominal("q", ["no", "yes"]);
        let refused = |question: Question, answers: Answers<'_>| {
            Survey::new(vec![(question, answers)])
                .unwrap_err()
                .to_string()
        };
        assert!(refused(yes_no(), Answers::Codes(&[0, 2])).starts_with("column 'q', row 1:"));
        assert!(refused(yes_no(), Answers::Numbers(&[0.0])).contains("codes of levels"));
        assert!(
            refused(Question::nominal("q", ["no"]), Answers::Codes(&[0])).contains("one answer")
        );
        let count = Question::count("n", CountFamily::Poisson);
        assert!(refused(count, Answers::Numbers(&[1.0, 0.5])).starts_with("column 'n', row 1:"));
        assert!(Survey::new(vec![]).is_err());
        let survey = Survey::new(vec![(yes_no(), Answers::Codes(&[0, 1]))]).unwrap();
        for weight in [0.0, -1.0, f64::NAN] {
            let error = survey
                .clone()
                .with_weights("w", &[1.0, weight])
                .unwrap_err();
            assert!(
                error.to_string().starts_with("column 'w', row 1:"),
                "{error}"
            );
        }
    }
}
