//! How a tool does with respondents who had no part in it.

use std::ops::ControlFlow;

use rand::Rng;

use super::matching::match_segments;
use super::selection::{Battery, Choice, Score};
use crate::data::{Survey, SurveyRows, order_of_survey};
use crate::error::{Error, Result};
use crate::needs::FittedLatentClass;
use crate::observe::{Phase, Step};
use crate::parallel::{Gate, map_tasks};
use crate::random::Seed;

/// Which respondents are left out together.
#[derive(Debug)]
pub(super) struct Folds {
    fold_of: Vec<usize>,
    n_folds: usize,
}

impl Folds {
    /// At random, each fold with its part of every segment.
    pub(super) fn new(
        n_folds: usize,
        seed: Seed,
        survey: &Survey<'_>,
        targets: &[usize],
        n_segments: usize,
    ) -> Self {
        let mut random = seed.stream(0);
        let mut drawn: Vec<(u64, usize)> = order_of_survey(survey)
            .into_iter()
            .map(|row| (random.next_u64(), row))
            .collect();
        drawn.sort_unstable();
        let mut fold_of = vec![0; targets.len()];
        let mut next = 0;
        for segment in 0..n_segments {
            for (_, row) in drawn.iter().filter(|(_, row)| targets[*row] == segment) {
                fold_of[*row] = next % n_folds;
                next += 1;
            }
        }
        Self { fold_of, n_folds }
    }

    /// The respondents who stay, and those who are left out.
    fn rows(&self, fold: usize) -> (Vec<usize>, Vec<usize>) {
        (0..self.fold_of.len()).partition(|row| self.fold_of[*row] != fold)
    }
}

/// What cross-validation found of one size.
#[derive(Debug, Clone)]
pub(super) struct Validated {
    pub(super) score: Score,
    /// How many folds chose each of the model's questions.
    chosen: Vec<usize>,
    n_folds: usize,
}

impl Validated {
    /// The shares of the folds that chose each of some questions.
    pub(super) fn shares_of(&self, questions: &[usize]) -> Vec<f64> {
        let share = |question: &usize| self.chosen[*question] as f64 / self.n_folds as f64;
        questions.iter().map(share).collect()
    }
}

/// Every size, over all folds; segments are numbered as in `model`.
pub(super) fn cross_validate(
    folds: &Folds,
    survey: &Survey<'_>,
    model: &FittedLatentClass,
    choice: &Choice,
    phase: &mut Phase<'_>,
) -> Result<Vec<Validated>> {
    let parts = map_tasks(folds.n_folds, phase, |fold, gate| {
        let (stay, out) = folds.rows(fold);
        left_out(survey, model, choice, (&stay, &out), gate).map_err(|error| named(error, fold))
    })?;
    let mut all: Vec<Validated> = Vec::new();
    for part in parts {
        for (size, (set, score)) in part.into_iter().enumerate() {
            if all.len() <= size {
                all.push(Validated {
                    score: Score::new(model.n_segments()),
                    chosen: vec![0; model.questions().len()],
                    n_folds: folds.n_folds,
                });
            }
            all[size].score.add(&score);
            for question in set {
                all[size].chosen[question] += 1;
            }
        }
    }
    Ok(all)
}

/// A model and a choice without those who are left out, and how it does with them.
fn left_out(
    survey: &Survey<'_>,
    model: &FittedLatentClass,
    choice: &Choice,
    (stay, out): (&[usize], &[usize]),
    gate: &Gate<'_, '_>,
) -> Result<Vec<(Vec<usize>, Score)>> {
    let (stay, out) = (SurveyRows::new(survey, stay), SurveyRows::new(survey, out));
    let mut through = |_: &Step| {
        gate.poll();
        match gate.check() {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    };
    let other = model.refitted(&stay, &mut through)?;
    let mut phase = Phase::new(&mut through, "cross-validating");
    let sets = {
        let survey = stay.survey()?;
        let likelihoods = other.answer_likelihoods(&survey, &mut phase)?;
        let weights: Vec<f64> = (0..survey.len()).map(|row| survey.weight(row)).collect();
        Battery::new(&likelihoods, &weights, gate)?.choose(choice, gate)?
    };
    let survey = out.survey()?;
    let likelihoods = other.answer_likelihoods(&survey, &mut phase)?;
    let weights: Vec<f64> = (0..survey.len()).map(|row| survey.weight(row)).collect();
    let battery = Battery::new(&likelihoods, &weights, gate)?;
    let order = match_segments(&other, model);
    let score = |set: Vec<usize>| {
        let score = battery.score(&set, gate)?.renumbered(&order);
        Ok((set, score))
    };
    sets.into_iter().map(score).collect()
}

/// Says that it was without some of the respondents that the model could not be fitted.
fn named(error: Error, fold: usize) -> Error {
    match error {
        Error::InvalidData { column, reason, .. } => Error::data(
            column,
            None,
            format!(
                "without fold {} of the cross-validation it {reason}",
                fold + 1
            ),
        ),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Answers, Question};

    #[test]
    fn folds_have_their_part_of_every_segment() {
        let targets: Vec<usize> = (0..103).map(|row| usize::from(row % 4 == 0)).collect();
        let codes: Vec<u8> = (0..103).map(|row| u8::from(row % 3 == 0)).collect();
        let question = Question::nominal("q", ["no", "yes"]);
        let survey = Survey::new(vec![(question, Answers::Codes(&codes))]).unwrap();
        let folds = Folds::new(5, Seed(1), &survey, &targets, 2);
        let mut left_out = vec![0; 103];
        for fold in 0..5 {
            let (stay, out) = folds.rows(fold);
            assert_eq!(stay.len() + out.len(), 103);
            for row in &out {
                left_out[*row] += 1;
            }
            let of_second = out.iter().filter(|row| targets[**row] == 1).count();
            assert!((5..=6).contains(&of_second), "{of_second}");
        }
        assert!(left_out.iter().all(|times| *times == 1));
        let again = Folds::new(5, Seed(1), &survey, &targets, 2);
        assert_eq!(again.fold_of, folds.fold_of);
        let others = Folds::new(5, Seed(2), &survey, &targets, 2);
        assert_ne!(others.fold_of, folds.fold_of);
    }
}
