//! Draws respondents from a latent class model: for tests, for planning a survey, and for the
//! bootstrap that compares numbers of segments.

use rand::distr::{Distribution, StandardUniform};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Gamma, Poisson, StandardNormal};

use super::SegmentAnswers;
use super::fitted::FittedLatentClass;
use crate::data::{Answers, NO_ANSWER, Question, QuestionKind, Survey};
use crate::error::{Error, Result};
use crate::math::multinomial::log_softmax;
use crate::model::FitReport;
use crate::random::Seed;

use super::LatentClass;

/// Respondents drawn from a model, and the segments that they were drawn from.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedSurvey {
    /// The questions, in the order of the columns.
    pub questions: Vec<Question>,
    /// The answers, a column a question.
    pub answers: Vec<SimulatedAnswers>,
    /// The segment of each respondent, from 0.
    pub segment: Vec<usize>,
}

/// A column of simulated answers.
#[derive(Debug, Clone, PartialEq)]
pub enum SimulatedAnswers {
    /// Codes of levels; [`NO_ANSWER`] where there is none.
    Codes(Vec<u8>),
    /// Numbers; NaN where there is none.
    Numbers(Vec<f64>),
}

impl SimulatedSurvey {
    /// The view that models take.
    pub fn survey(&self) -> Result<Survey<'_>> {
        let columns = self.questions.iter().zip(&self.answers);
        Survey::new(
            columns
                .map(|(question, answers)| (question.clone(), answers.view()))
                .collect(),
        )
    }

    /// Leaves every answer out with a probability of its own draw: missing completely at random.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a probability outside [0, 1).
    pub fn with_missing(mut self, probability: f64, seed: u64) -> Result<Self> {
        if !(0.0..1.0).contains(&probability) {
            let expected = "a probability, at least 0 and below 1";
            return Err(Error::parameter("missing", probability, expected));
        }
        for (column, answers) in self.answers.iter_mut().enumerate() {
            let mut random = Seed(seed).stream(column as u64);
            for row in 0..self.segment.len() {
                if uniform(&mut random) < probability {
                    answers.remove(row);
                }
            }
        }
        Ok(self)
    }
}

impl SimulatedAnswers {
    fn view(&self) -> Answers<'_> {
        match self {
            Self::Codes(codes) => Answers::Codes(codes),
            Self::Numbers(numbers) => Answers::Numbers(numbers),
        }
    }

    fn remove(&mut self, row: usize) {
        match self {
            Self::Codes(codes) => codes[row] = NO_ANSWER,
            Self::Numbers(numbers) => numbers[row] = f64::NAN,
        }
    }
}

impl FittedLatentClass {
    /// A model with given parameters: a truth to simulate from, or published results.
    ///
    /// `shares` add up to 1; segments are put in order of their shares. Make the answers with
    /// [`SegmentAnswers::nominal`] and its like.
    ///
    /// ```
    /// use tercet::data::Question;
    /// use tercet::needs::{FittedLatentClass, SegmentAnswers};
    ///
    /// let truth = FittedLatentClass::from_parameters(
    ///     &[0.7, 0.3],
    ///     vec![
    ///         (
    ///             Question::nominal("channel", ["shop", "web"]),
    ///             SegmentAnswers::nominal(vec![vec![0.9, 0.1], vec![0.2, 0.8]]),
    ///         ),
    ///         (
    ///             Question::continuous("basket"),
    ///             SegmentAnswers::continuous(vec![40.0, 90.0], vec![10.0, 25.0]),
    ///         ),
    ///     ],
    /// )?;
    /// let drawn = truth.simulate(1_000, 7)?;
    /// assert_eq!(drawn.survey()?.len(), 1_000);
    /// # Ok::<(), tercet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for shares that do not add up to 1 and answers that do not fit their
    /// question.
    pub fn from_parameters(
        shares: &[f64],
        answers: Vec<(Question, SegmentAnswers)>,
    ) -> Result<Self> {
        let k = shares.len();
        let positive = shares.iter().all(|share| *share > 0.0);
        if k == 0 || !positive || (shares.iter().sum::<f64>() - 1.0).abs() > 1e-6 {
            let expected = "positive shares that add up to 1";
            return Err(Error::parameter("shares", format!("{shares:?}"), expected));
        }
        let (questions, answers): (Vec<Question>, Vec<SegmentAnswers>) =
            answers.into_iter().unzip();
        let mut order: Vec<usize> = (0..k).collect();
        order.sort_by(|one, other| shares[*other].total_cmp(&shares[*one]));
        for (question, own) in questions.iter().zip(&answers) {
            question.check()?;
            if !own.fits(question, k) {
                let expected = format!(
                    "parameters of {k} segments that fit a {} question: probabilities that add up to 1 in each segment, finite means, positive deviations",
                    question.kind_word()
                );
                return Err(Error::parameter(
                    &question.name,
                    format!("{own:?}"),
                    expected,
                ));
            }
        }
        let shares: Vec<f64> = order.iter().map(|segment| shares[*segment]).collect();
        let answers = questions
            .iter()
            .zip(&answers)
            .map(|(question, own)| {
                let measurement = own.measurement(question).permuted(&order);
                SegmentAnswers::new(&measurement, k, None, None)
            })
            .collect();
        Ok(Self {
            settings: LatentClass::new(k),
            questions,
            covariates: Vec::new(),
            share_errors: vec![None; k],
            coefficients: shares
                .iter()
                .map(|share| vec![(share / shares[0]).ln()])
                .collect(),
            coefficient_errors: vec![vec![None]; k],
            shares,
            answers,
            style: None,
            style_error: None,
            starts: Vec::new(),
            criteria: None,
            residuals: Vec::new(),
            n_unanswered: 0,
            note: serde_json::Value::Null,
            report: FitReport::given(0),
        })
    }

    /// Draws `n` respondents who answer every question.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for no respondents, and for a model with covariates, which need
    /// respondents to belong to ([`FittedLatentClass::simulate_like`]).
    pub fn simulate(&self, n: usize, seed: u64) -> Result<SimulatedSurvey> {
        if n == 0 || u32::try_from(n).is_err() {
            return Err(Error::parameter(
                "n",
                n,
                "a number of respondents, at least 1",
            ));
        }
        if !self.covariates.is_empty() {
            let expected = "none: the model has covariates; simulate respondents like those of a survey that has them";
            return Err(Error::parameter("n", n, expected));
        }
        self.draw(n, seed, |_| self.shares.clone())
    }

    /// Draws a respondent for each of a survey: with the same covariates, and the same questions left
    /// unanswered.
    pub fn simulate_like(&self, survey: &Survey<'_>, seed: u64) -> Result<SimulatedSurvey> {
        let flat = self.coefficients[1..].concat();
        let with_covariates = !survey.covariates().is_empty();
        let mut drawn = self.draw(survey.len(), seed, |row| {
            if !with_covariates {
                return self.shares.clone();
            }
            let design: Vec<f64> = std::iter::once(1.0)
                .chain(survey.covariates().iter().map(|(_, values)| values[row]))
                .collect();
            let mut shares = vec![0.0; self.shares.len()];
            log_softmax(&flat, &design, &mut shares);
            for log in &mut shares {
                *log = log.exp();
            }
            shares
        })?;
        for (asked, answers) in survey.questions().iter().zip(survey.answers()) {
            let place = self.questions.iter().position(|own| own.name == asked.name);
            if let Some(place) = place {
                for row in (0..survey.len()).filter(|row| answers.is_missing(*row)) {
                    drawn.answers[place].remove(row);
                }
            }
        }
        Ok(drawn)
    }

    fn draw(
        &self,
        n: usize,
        seed: u64,
        shares: impl Fn(usize) -> Vec<f64>,
    ) -> Result<SimulatedSurvey> {
        let mut answers: Vec<SimulatedAnswers> = self
            .questions
            .iter()
            .map(|question| match question.levels() {
                Some(_) => SimulatedAnswers::Codes(Vec::with_capacity(n)),
                None => SimulatedAnswers::Numbers(Vec::with_capacity(n)),
            })
            .collect();
        let mut segment = Vec::with_capacity(n);
        for row in 0..n {
            let mut random = Seed(seed).stream(row as u64);
            let own = pick(&shares(row), &mut random);
            let style: f64 = self.style.map_or(0.0, |style| style * normal(&mut random));
            segment.push(own);
            for ((question, of), column) in
                self.questions.iter().zip(&self.answers).zip(&mut answers)
            {
                match column {
                    SimulatedAnswers::Codes(codes) => {
                        codes.push(draw_level(question, of, own, style, &mut random));
                    }
                    SimulatedAnswers::Numbers(numbers) => {
                        numbers.push(draw_number(of, own, &mut random)?);
                    }
                }
            }
        }
        Ok(SimulatedSurvey {
            questions: self.questions.clone(),
            answers,
            segment,
        })
    }
}

fn draw_level(
    question: &Question,
    of: &SegmentAnswers,
    segment: usize,
    style: f64,
    random: &mut ChaCha8Rng,
) -> u8 {
    let level = match (of, &question.kind) {
        (SegmentAnswers::Ordinal { slopes, .. }, QuestionKind::Ordinal { .. }) if style != 0.0 => {
            match of.measurement(question) {
                super::measurement::Measurement::Ordinal(one) => {
                    pick(&one.probabilities(slopes[segment] + style), random)
                }
                _ => 0, // an ordinal question has an ordinal measurement
            }
        }
        _ => of
            .probabilities()
            .map_or(0, |rows| pick(&rows[segment], random)),
    };
    // A question has at most 255 levels.
    #[allow(clippy::cast_possible_truncation)]
    let code = level as u8;
    code
}

fn draw_number(of: &SegmentAnswers, segment: usize, random: &mut ChaCha8Rng) -> Result<f64> {
    match of {
        SegmentAnswers::Continuous {
            means, deviations, ..
        } => Ok(means[segment] + deviations[segment] * normal(random)),
        SegmentAnswers::Count { means, size, .. } => {
            let mean = match size {
                None => means[segment],
                // A Poisson variable whose mean is gamma distributed is negative binomial.
                Some(size) => Gamma::new(*size, means[segment] / size)
                    .map_err(|_| numeric())?
                    .sample(random),
            };
            if mean < 1e-12 {
                return Ok(0.0);
            }
            Ok(Poisson::new(mean).map_err(|_| numeric())?.sample(random))
        }
        SegmentAnswers::Nominal { .. } | SegmentAnswers::Ordinal { .. } => Err(numeric()),
    }
}

fn numeric() -> Error {
    Error::Numeric {
        during: "drawing answers".to_owned(),
    }
}

/// Draws a place with the given probabilities.
fn pick(probabilities: &[f64], random: &mut ChaCha8Rng) -> usize {
    let mut left = uniform(random);
    for (place, probability) in probabilities.iter().enumerate() {
        if left < *probability {
            return place;
        }
        left -= probability;
    }
    // Rounding of the sum: the last place that can be.
    probabilities.iter().rposition(|p| *p > 0.0).unwrap_or(0)
}

fn uniform(random: &mut ChaCha8Rng) -> f64 {
    StandardUniform.sample(random)
}

fn normal(random: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(random)
}
