use super::*;
use crate::data::{Answers, CountFamily, Question, Survey};
use crate::needs::latent_class::climb::Climber;
use crate::needs::latent_class::fit::tests::begin;
use crate::needs::{LatentClass, ResponseStyle, Variance};
use crate::observe::Phase;

/// A few respondents with every kind of question, missing answers, weights and a covariate.
fn mixed<T>(work: impl FnOnce(&Survey<'_>) -> T) -> T {
    let n = 60;
    let spread = |k: usize, m: usize| (0..n).map(move |row: usize| (row * k + row / 7) % m);
    let codes = |k: usize, m: usize| -> Vec<u8> {
        spread(k, m + 1)
            .map(|code| {
                if code == m {
                    255
                } else {
                    u8::try_from(code).unwrap()
                }
            })
            .collect()
    };
    let (a, b, c, d) = (codes(3, 3), codes(5, 4), codes(7, 5), codes(2, 3));
    let x: Vec<f64> = spread(11, 13)
        .map(|v| if v == 12 { f64::NAN } else { v as f64 * 0.7 })
        .collect();
    let counts: Vec<f64> = spread(13, 8).map(|v| v as f64).collect();
    let visits: Vec<f64> = spread(17, 9).map(|v| (v * v) as f64).collect();
    let weights: Vec<f64> = spread(5, 4).map(|v| 0.5 + v as f64 * 0.3).collect();
    let age: Vec<f64> = spread(19, 6).map(|v| v as f64 / 3.0 - 1.0).collect();
    let survey = Survey::new(vec![
        (Question::nominal("a", ["x", "y", "z"]), Answers::Codes(&a)),
        (
            Question::ordinal("b", ["1", "2", "3", "4"]),
            Answers::Codes(&b),
        ),
        (
            Question::ordinal("c", ["1", "2", "3", "4", "5"]),
            Answers::Codes(&c),
        ),
        (Question::ordinal("d", ["1", "2", "3"]), Answers::Codes(&d)),
        (Question::continuous("x"), Answers::Numbers(&x)),
        (
            Question::count("n", CountFamily::Poisson),
            Answers::Numbers(&counts),
        ),
        (
            Question::count("v", CountFamily::NegativeBinomial),
            Answers::Numbers(&visits),
        ),
    ])
    .unwrap()
    .with_weights("w", &weights)
    .unwrap()
    .with_covariates(vec![("age".to_owned(), &age)])
    .unwrap();
    work(&survey)
}

#[test]
fn derivatives_are_those_of_the_objective() {
    for (style, variance) in [
        (ResponseStyle::Ignore, Variance::Free),
        (ResponseStyle::RandomIntercept, Variance::Shared),
    ] {
        let settings = LatentClass::new(3)
            .prior(2.0)
            .response_style(style)
            .variance(variance)
            .seed(4);
        mixed(|survey| {
            let mut silent = ();
            let mut phase = Phase::new(&mut silent, "testing");
            let gate = Gate::new(&mut phase);
            let (model, cells, mixture) = begin(&settings, survey, &gate);
            let mut climber = Climber::new(mixture, &model, &cells, &gate).unwrap();
            climber.climb(2, 0.0, &model, &cells, &gate).unwrap();
            let base = climber.mixture;
            let layout = Layout::new(&model, &base, &cells);
            let at = |step: &DVector<f64>| {
                let moved = base.moved(step.as_slice(), &layout, model.classes());
                let tables = model.tables(&moved, &cells);
                let expected = super::super::sweep::expect(&cells, &tables, &gate).unwrap();
                local(&model, &moved, &expected, &cells, &gate).unwrap().0
            };
            let origin = DVector::zeros(layout.size);
            let here = at(&origin);
            let h = 1e-5;
            for i in 0..layout.size {
                let mut up = origin.clone();
                up[i] = h;
                let (up, down) = (at(&up), at(&-up));
                let slope = (up.value - down.value) / (2.0 * h);
                assert!(
                    (slope - here.gradient[i]).abs() < 1e-4 * (1.0 + slope.abs()),
                    "{style:?} coordinate {i} of {layout:?}: {slope} {}",
                    here.gradient[i]
                );
                for j in 0..layout.size {
                    let curvature = -(up.gradient[j] - down.gradient[j]) / (2.0 * h);
                    let found = here.information[(i, j)];
                    assert!(
                        (curvature - found).abs() < 1e-4 * (1.0 + curvature.abs()),
                        "{style:?} {i}, {j} of {layout:?}: {curvature} {found}"
                    );
                }
            }
        });
    }
}

#[test]
fn scores_add_up_to_the_gradient() {
    let settings = LatentClass::new(2).seed(4);
    mixed(|survey| {
        let mut silent = ();
        let mut phase = Phase::new(&mut silent, "testing");
        let gate = Gate::new(&mut phase);
        let (model, mut cells, mixture) = begin(&settings, survey, &gate);
        let layout = Layout::new(&model, &mixture, &cells);
        // One respondent: the square of the score is the square of the gradient.
        cells
            .weights
            .iter_mut()
            .skip(1)
            .for_each(|weight| *weight = 0.0);
        cells
            .squares
            .iter_mut()
            .skip(1)
            .for_each(|square| *square = 0.0);
        cells.squares[0] = cells.weights[0].powi(2);
        let tables = model.tables(&mixture, &cells);
        let expected = super::super::sweep::expect(&cells, &tables, &gate).unwrap();
        let (local, _) = local(&model, &mixture, &expected, &cells, &gate).unwrap();
        let squares = squared_scores(&model, &mixture, &cells, &gate).unwrap();
        let product = &local.gradient * local.gradient.transpose();
        assert!((squares - product).amax() < 1e-9, "{layout:?}");
    });
}

#[test]
fn em_never_descends() {
    for (style, prior) in [
        (ResponseStyle::Ignore, 0.0),
        (ResponseStyle::Ignore, 1.5),
        (ResponseStyle::RandomIntercept, 0.0),
        (ResponseStyle::RandomIntercept, 1.0),
    ] {
        for seed in 0..10 {
            let settings = LatentClass::new(3)
                .prior(prior)
                .response_style(style)
                .seed(seed);
            mixed(|survey| {
                let mut silent = ();
                let mut phase = Phase::new(&mut silent, "testing");
                let gate = Gate::new(&mut phase);
                let (model, cells, mixture) = begin(&settings, survey, &gate);
                let mut climber = Climber::new(mixture, &model, &cells, &gate).unwrap();
                for step in 0..100 {
                    climber.step(&model, &cells, &gate).unwrap();
                    assert!(
                        climber.gain > -1e-9,
                        "{style:?}, prior {prior}, seed {seed}, step {step}: {}",
                        climber.gain
                    );
                }
            });
        }
    }
}
