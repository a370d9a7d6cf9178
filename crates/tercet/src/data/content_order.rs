//! Rows in the order of what they hold: whatever is drawn at random along it does not depend on how a
//! table happened to be sorted.

use std::cmp::Ordering;

use super::{Answers, Design, Feature, Survey};

/// The rows of a survey by their answers (questions by name), covariates and weights.
pub(crate) fn order_of_survey(survey: &Survey<'_>) -> Vec<usize> {
    let mut questions: Vec<usize> = (0..survey.questions().len()).collect();
    questions.sort_by(|a, b| {
        let name = |at: &usize| &survey.questions()[*at].name;
        name(a).cmp(name(b))
    });
    ordered(survey.len(), |a, b| {
        let answers = questions
            .iter()
            .map(|question| match survey.answers()[*question] {
                Answers::Codes(codes) => codes[a].cmp(&codes[b]),
                Answers::Numbers(numbers) => numbers[a].total_cmp(&numbers[b]),
            });
        let covariates = survey.covariates().iter();
        let covariates = covariates.map(|(_, values)| values[a].total_cmp(&values[b]));
        let weights = survey.weight(a).total_cmp(&survey.weight(b));
        first_difference(answers.chain(covariates).chain([weights]))
    })
}

/// The rows of a table of attributes by what they hold (columns by name), then by `besides`.
pub(crate) fn order_of_design(
    design: &Design<'_>,
    besides: impl Fn(usize, usize) -> Ordering,
) -> Vec<usize> {
    let mut columns: Vec<(&String, &Feature<'_>)> =
        design.names().iter().zip(design.features()).collect();
    columns.sort_by_key(|(name, _)| *name);
    ordered(design.len(), |a, b| {
        let cells = columns.iter().map(|(_, feature)| match feature {
            Feature::Numbers(values) => values[a].total_cmp(&values[b]),
            Feature::Strided(values) => values.get(a).total_cmp(&values.get(b)),
            // Codes are numbered as levels happened to occur.
            Feature::Levels { codes, levels } => {
                let name = |row: usize| levels.get(usize::from(codes[row]));
                name(a).cmp(&name(b))
            }
        });
        first_difference(cells).then_with(|| besides(a, b))
    })
}

fn first_difference(mut all: impl Iterator<Item = Ordering>) -> Ordering {
    all.find(|one| one.is_ne()).unwrap_or(Ordering::Equal)
}

fn ordered(n: usize, compare: impl Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..n).collect();
    rows.sort_by(|a, b| compare(*a, *b));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{NO_LEVEL, Question};

    #[test]
    fn rows_are_found_again_after_a_shuffle() {
        let (x, codes) = ([3.0, f64::NAN, 1.0, 1.0], [0, 1, NO_LEVEL, 0]);
        let levels = || vec!["b".to_owned(), "a".to_owned()];
        let place = |x: &[f64], codes: &[u16], levels: Vec<String>| {
            let design = Design::new(vec![
                ("z".into(), Feature::Levels { codes, levels }),
                ("x".into(), Feature::Numbers(x)),
            ])
            .unwrap();
            order_of_design(&design, |_, _| Ordering::Equal)
        };
        // By x first, then by the name of the level; what is not known comes first among levels.
        assert_eq!(place(&x, &codes, levels()), [2, 3, 0, 1]);
        let turned: Vec<f64> = x.iter().rev().copied().collect();
        let recoded = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(place(&turned, &[1, NO_LEVEL, 0, 1], recoded), [1, 0, 3, 2]);
    }

    #[test]
    fn questions_are_taken_by_name() {
        let question = |name: &str| Question::nominal(name, ["no", "yes"]);
        let (one, other) = ([0, 1, 0], [1, 0, 0]);
        let order = |questions| order_of_survey(&Survey::new(questions).unwrap());
        let columns = vec![
            (question("a"), Answers::Codes(&one)),
            (question("b"), Answers::Codes(&other)),
        ];
        let swapped = vec![columns[1].clone(), columns[0].clone()];
        assert_eq!(order(columns), [2, 0, 1]);
        assert_eq!(order(swapped), [2, 0, 1]);
    }
}
