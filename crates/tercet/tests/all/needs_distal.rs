//! How segments differ in an outcome: against the reference cases, simulated truth, and what must hold
//! whatever the data.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rand::RngExt;
use rand::distr::Distribution;
use rand_distr::StandardNormal;
use serde_json::Value;
use tercet::Error;
use tercet::data::{Answers, NO_ANSWER, Question};
use tercet::needs::{
    Assignment, DistalOutcome, Memberships, PredictorEffects, SegmentOutcome, SegmentPredictors,
    StandardErrors, ThreeStep, Variance,
};
use tercet::random::Seed;

use crate::common::overlapping::Simulated;

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().unwrap()],
    }
}

fn estimates(one: &SegmentOutcome) -> Vec<f64> {
    one.estimates
        .iter()
        .flatten()
        .map(|one| one.estimate)
        .collect()
}

fn errors(one: &SegmentOutcome) -> Vec<f64> {
    one.estimates
        .iter()
        .flatten()
        .map(|one| one.standard_error.unwrap())
        .collect()
}

/// The cases of the kind `three_step`, with their names; see the README of `tests/reference`.
fn cases() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/reference/latent_class");
    let cases: Vec<(String, Value)> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .map(|path| serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap())
        .map(|case: Value| (case["case"].as_str().unwrap().to_owned(), case))
        .filter(|(_, case)| case["kind"] == "three_step")
        .collect();
    assert!(
        cases.len() >= 2,
        "no 'three_step' cases in {}",
        folder.display()
    );
    cases
}

#[test]
fn the_reference_cases() {
    for (name, case) in cases() {
        let rows = &case["input"]["rows"];
        let (posterior, outcome) = (numbers(&rows["posterior"]), numbers(&rows["outcome"]));
        let weights = case["input"]["weights"]
            .as_str()
            .map(|column| numbers(&rows[column]));
        let mut members = Memberships::new(&posterior, 3).unwrap();
        if let Some(weights) = &weights {
            members = members.with_weights("w", weights).unwrap();
        }
        let estimate = |settings: DistalOutcome| {
            let question = Question::continuous("outcome");
            settings
                .estimate(&members, &question, Answers::Numbers(&outcome), &mut ())
                .unwrap()
        };
        let naive = estimate(DistalOutcome::new(ThreeStep::Naive));
        let bch = estimate(DistalOutcome::new(ThreeStep::Bch));
        let ml = |variance: Variance| {
            let settings = DistalOutcome::new(ThreeStep::Ml).variance(variance);
            let model = settings.clone().standard_errors(StandardErrors::Model);
            (estimate(settings), estimate(model))
        };
        let (free, shared) = (ml(Variance::Free), ml(Variance::Shared));
        for check in case["expected"].as_array().unwrap() {
            let quantity = check["quantity"].as_str().unwrap();
            let found = match quantity.split_once('.') {
                None if quantity == "classification_table" => naive.misassignment.concat(),
                Some(("naive", "mean")) => estimates(&naive),
                Some(("bch", "mean")) => estimates(&bch),
                Some(("bch", "shares")) => bch.shares.clone(),
                Some(("bch", "standard_error")) => errors(&bch),
                Some(("bch", "wald")) => vec![bch.test.chi_squared],
                Some((method, what)) => {
                    let (robust, model) = match method {
                        "ml_free" => &free,
                        "ml_shared" => &shared,
                        _ => panic!("{quantity}: unknown"),
                    };
                    assert!(robust.report.converged, "{}", robust.report.how_it_ended);
                    match what {
                        "log_likelihood" => vec![robust.report.log_likelihood.unwrap()],
                        "shares" => robust.shares.clone(),
                        "mean" => estimates(robust),
                        "standard_deviation" => {
                            robust.deviations.iter().map(|one| one.unwrap()).collect()
                        }
                        "standard_error" => errors(model),
                        "robust_standard_error" => errors(robust),
                        "wald" => vec![model.test.chi_squared],
                        _ => panic!("{quantity}: unknown"),
                    }
                }
                None => panic!("{quantity}: unknown"),
            };
            let expected = numbers(&check["values"]);
            let (atol, rtol) = (numbers(&check["atol"])[0], numbers(&check["rtol"])[0]);
            assert_eq!(found.len(), expected.len(), "{name} {quantity}");
            for (found, expected) in found.iter().zip(&expected) {
                let close = (found - expected).abs() <= atol + rtol * expected.abs();
                assert!(close, "{name} {quantity}: {found} instead of {expected}");
            }
        }
    }
}

/// The mean error of the largest of three means, by method.
fn bias(separation: f64, n: usize, replications: u64) -> [f64; 3] {
    let mut errors = [0.0; 3];
    for replication in 0..replications {
        let drawn = Simulated::draw(n, separation, &mut Seed(7).stream(replication));
        let posterior = drawn.posterior(replication);
        for (sum, method) in
            errors
                .iter_mut()
                .zip([ThreeStep::Naive, ThreeStep::Bch, ThreeStep::Ml])
        {
            *sum += drawn.error_of_largest(&posterior, method) / replications as f64;
        }
    }
    errors
}

#[test]
fn the_corrections_remove_what_wrong_assignment_hides() {
    // 100 replications: see examples/three_step.rs, which prints them all.
    let [naive, bch, ml] = bias(0.8, 2_000, 12);
    assert!((-0.36..-0.20).contains(&naive), "{naive}");
    assert!(bch.abs() < 0.08, "{bch}");
    assert!(ml.abs() < 0.06, "{ml}");
    let [naive, bch, ml] = bias(0.9, 500, 12);
    assert!((-0.16..-0.03).contains(&naive), "{naive}");
    assert!(bch.abs() < 0.08 && ml.abs() < 0.08, "{bch} {ml}");
    // Where segments overlap most, the naive means hide more than half of the difference.
    let [naive, bch, ml] = bias(0.7, 2_000, 12);
    assert!(
        naive < -0.4 && naive < bch - 0.2 && naive < ml - 0.2,
        "{naive} {bch} {ml}"
    );
}

/// Posteriors, weights, a number and a level for each of `n` respondents.
#[derive(Debug, Clone)]
struct Drawn {
    posterior: Vec<f64>,
    weights: Vec<f64>,
    number: Vec<f64>,
    level: Vec<u8>,
}

fn drawn(n: usize, seed: u64) -> Drawn {
    let mut random = Seed(seed).stream(0);
    let mut drawn = Drawn {
        posterior: Vec::new(),
        weights: Vec::new(),
        number: Vec::new(),
        level: Vec::new(),
    };
    for _ in 0..n {
        let shown: usize = random.random_range(0..3);
        let sure = 0.75 + 0.2 * random.random::<f64>();
        let segment = if random.random::<f64>() < sure {
            shown
        } else {
            (shown + 1) % 3
        };
        let row = [0, 1, 2].map(|t| match (t + 3 - shown) % 3 {
            0 => sure,
            1 => 1.0 - sure,
            _ => 0.0,
        });
        drawn.posterior.extend(row);
        drawn.weights.push(f64::from(random.random_range(1..4_u8)));
        let noise: f64 = StandardNormal.sample(&mut random);
        drawn.number.push(10.0 * segment as f64 + 5.0 * noise);
        let rare = [0.15, 0.5, 0.8][segment];
        drawn.level.push(if random.random::<f64>() < rare {
            1
        } else {
            2 * u8::from(random.random::<f64>() < 0.4)
        });
    }
    drawn
}

const LEVELS: [&str; 3] = ["stays", "asks", "leaves"];

impl Drawn {
    fn number(&self, settings: &DistalOutcome, weighted: bool) -> SegmentOutcome {
        let question = Question::continuous("spend");
        settings
            .estimate(
                &self.members(weighted),
                &question,
                Answers::Numbers(&self.number),
                &mut (),
            )
            .unwrap()
    }

    fn level(&self, settings: &DistalOutcome, weighted: bool) -> SegmentOutcome {
        let question = Question::nominal("churn", LEVELS);
        settings
            .estimate(
                &self.members(weighted),
                &question,
                Answers::Codes(&self.level),
                &mut (),
            )
            .unwrap()
    }

    fn members(&self, weighted: bool) -> Memberships<'_> {
        let members = Memberships::new(&self.posterior, 3).unwrap();
        if weighted {
            members.with_weights("w", &self.weights).unwrap()
        } else {
            members
        }
    }

    /// The rows in another order, some of them several times.
    fn rows(&self, rows: &[usize]) -> Self {
        Self {
            posterior: rows
                .iter()
                .flat_map(|row| self.posterior[3 * row..3 * row + 3].to_vec())
                .collect(),
            weights: rows.iter().map(|row| self.weights[*row]).collect(),
            number: rows.iter().map(|row| self.number[*row]).collect(),
            level: rows.iter().map(|row| self.level[*row]).collect(),
        }
    }
}

fn every_setting() -> Vec<DistalOutcome> {
    let methods = [ThreeStep::Naive, ThreeStep::Bch, ThreeStep::Ml];
    let assignments = [Assignment::Modal, Assignment::Proportional];
    methods
        .into_iter()
        .flat_map(|method| assignments.map(|one| DistalOutcome::new(method).assignment(one)))
        .collect()
}

fn close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() <= tolerance * (1.0 + expected.abs()),
            "{found} {expected}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::with_cases(12) })]

    #[test]
    fn weights_are_repetitions_and_order_is_nothing(seed in 0_u64..1_000) {
        let once = drawn(300, seed);
        // Small whole numbers.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let repeated: Vec<usize> = (0..300)
            .rev()
            .flat_map(|row| std::iter::repeat_n(row, once.weights[row] as usize))
            .collect();
        let repeated = once.rows(&repeated);
        for settings in every_setting() {
            let (a, b) = (once.number(&settings, true), repeated.number(&settings, false));
            close(&estimates(&a), &estimates(&b), 1e-6);
            close(&a.shares, &b.shares, 1e-6);
            let (a, b) = (once.level(&settings, true), repeated.level(&settings, false));
            close(&estimates(&a), &estimates(&b), 1e-6);
            prop_assert_eq!(a.report.n_observations, b.report.n_observations);
        }
    }

    #[test]
    fn the_unit_of_a_number_is_only_a_unit(seed in 0_u64..1_000, unit in -6.0..6.0_f64) {
        let here = drawn(300, seed);
        let unit = 10.0_f64.powf(unit);
        let mut there = here.clone();
        there.number.iter_mut().for_each(|y| *y = unit * (*y + 3.0));
        for settings in every_setting() {
            let (a, b) = (here.number(&settings, false), there.number(&settings, false));
            let moved: Vec<f64> = estimates(&a).iter().map(|mean| unit * (mean + 3.0)).collect();
            for (found, expected) in estimates(&b).iter().zip(&moved) {
                prop_assert!((found - expected).abs() < 1e-6 * unit);
            }
            let scaled: Vec<f64> = errors(&a).iter().map(|error| unit * error).collect();
            for (found, expected) in errors(&b).iter().zip(&scaled) {
                prop_assert!((found / expected - 1.0).abs() < 1e-4);
            }
            prop_assert!((a.test.chi_squared / b.test.chi_squared - 1.0).abs() < 1e-4);
        }
    }

    #[test]
    fn probabilities_by_likelihood_are_those_by_inverse_weights_where_these_are_possible(
        seed in 0_u64..1_000
    ) {
        let drawn = drawn(2_000, seed);
        for assignment in [Assignment::Modal, Assignment::Proportional] {
            let bch = drawn.level(&DistalOutcome::new(ThreeStep::Bch).assignment(assignment), true);
            let ml = drawn.level(&DistalOutcome::new(ThreeStep::Ml).assignment(assignment), true);
            prop_assert!(ml.report.converged);
            for row in &ml.estimates {
                prop_assert!((row.iter().map(|one| one.estimate).sum::<f64>() - 1.0).abs() < 1e-9);
            }
            if bch.notes.is_empty() {
                close(&estimates(&ml), &estimates(&bch), 1e-5);
                close(&ml.shares, &bch.shares, 1e-5);
                close(&errors(&ml), &errors(&bch), 1e-3);
            }
        }
    }
}

#[test]
fn intervals_hold_the_truth_as_often_as_they_say() {
    let mut inside = [0; 3];
    let replications = 150;
    for replication in 0..replications {
        // The posteriors are the right ones, so that the misassignment is known but for sampling.
        let sample = drawn(600, 10_000 + replication);
        for (count, method) in
            inside
                .iter_mut()
                .zip([ThreeStep::Naive, ThreeStep::Bch, ThreeStep::Ml])
        {
            let found = sample.number(&DistalOutcome::new(method), false);
            let one = &found.estimates[2][0];
            *count += i32::from(one.lower.unwrap() < 20.0 && one.upper.unwrap() > 20.0);
        }
    }
    let [naive, bch, ml] = inside;
    assert!(naive < 30, "{naive}");
    assert!((133..=149).contains(&bch), "{bch}");
    assert!((133..=149).contains(&ml), "{ml}");
}

#[test]
fn certain_members_have_plain_means_by_any_method() {
    let mut sample = drawn(200, 3);
    for row in sample.posterior.chunks_exact_mut(3) {
        let most = (0..3).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap();
        row.fill(0.0);
        row[most] = 1.0;
    }
    let plain = sample.number(&DistalOutcome::new(ThreeStep::Naive), false);
    let count = |t: usize| {
        sample
            .posterior
            .chunks_exact(3)
            .filter(|row| row[t] == 1.0)
            .count()
    };
    for t in 0..3 {
        let n = plain.effective_n[t].unwrap();
        assert!((n - count(t) as f64).abs() < 1e-6, "{n}");
    }
    for settings in every_setting() {
        close(
            &estimates(&sample.number(&settings, false)),
            &estimates(&plain),
            1e-7,
        );
    }
}

#[test]
fn missing_outcomes_count_for_the_misassignment_only() {
    let sample = drawn(500, 4);
    let mut gaps = sample.clone();
    for row in (0..500).step_by(5) {
        gaps.number[row] = f64::NAN;
        gaps.level[row] = NO_ANSWER;
    }
    let whole = sample.number(&DistalOutcome::default(), false);
    let found = gaps.number(&DistalOutcome::default(), false);
    assert_eq!(found.misassignment, whole.misassignment);
    assert_eq!((found.n_missing, found.report.n_rows), (100, 400));
    let distance = estimates(&found)[0] - estimates(&whole)[0];
    assert!(distance.abs() > 0.0 && distance.abs() < 1.0);
    let levels = gaps.level(&DistalOutcome::new(ThreeStep::Ml), false);
    assert_eq!(levels.n_missing, 100);
    assert!(levels.report.converged);
}

#[test]
fn impossible_probabilities_are_brought_back_and_said() {
    // Nobody of segment 2 leaves, and segment 1 is taken for it in a fifth of the cases.
    let posterior = [[0.8, 0.2], [0.2, 0.8]].concat().repeat(50);
    let leaves: Vec<u8> = (0..100)
        .map(|i| u8::from(i % 2 == 0 && i % 4 == 0))
        .collect();
    let members = Memberships::new(&posterior, 2).unwrap();
    let question = Question::nominal("churn", ["stays", "leaves"]);
    let of = |method| {
        DistalOutcome::new(method)
            .estimate(&members, &question, Answers::Codes(&leaves), &mut ())
            .unwrap()
    };
    let bch = of(ThreeStep::Bch);
    assert_eq!(bch.estimates[1][1].estimate, 0.0);
    assert_eq!(bch.estimates[1][1].standard_error, None);
    assert!(
        bch.notes
            .iter()
            .any(|note| note.contains("segment 2") && note.contains("'leaves'"))
    );
    let ml = of(ThreeStep::Ml);
    assert!(ml.estimates[1][1].estimate < 1e-9);
    assert_eq!(ml.estimates[1][1].standard_error, None);
    assert!(
        ml.report
            .boundary
            .as_ref()
            .unwrap()
            .contains("'leaves' in segment 2")
    );
    assert!(ml.estimates[0][1].standard_error.unwrap() > 0.0);
}

#[test]
fn what_cannot_be_estimated_is_said() {
    let sample = drawn(100, 5);
    let members = sample.members(false);
    let spend = Question::continuous("spend");
    let words = |settings: DistalOutcome, outcome: &[f64]| {
        settings
            .estimate(&members, &spend, Answers::Numbers(outcome), &mut ())
            .unwrap_err()
            .to_string()
    };
    let bch = DistalOutcome::default();
    assert!(
        words(bch.clone(), &[1.0; 100]).starts_with("column 'spend': is the same for everybody")
    );
    assert!(words(bch.clone(), &[1.0; 3]).contains("expected 100 rows, found 3"));
    let model = bch.clone().standard_errors(StandardErrors::Model);
    assert!(words(model, &sample.number).starts_with("standard_errors = \"model\""));
    assert!(words(bch.clone().level(1.0), &sample.number).starts_with("level = 1"));
    // Members of segment 3 spend nothing at all: no variance.
    let nothing: Vec<f64> = sample
        .posterior
        .chunks_exact(3)
        .zip(&sample.number)
        .map(|(row, y)| if row[2] > 0.5 { 0.0 } else { *y })
        .collect();
    let ml = DistalOutcome::new(ThreeStep::Ml);
    let found = ml
        .clone()
        .estimate(&members, &spend, Answers::Numbers(&nothing), &mut ());
    if let Err(error) = found {
        assert!(
            error.to_string().contains("take the method \"bch\""),
            "{error}"
        );
    }
    let mut stop = |_: &tercet::Step| std::ops::ControlFlow::Break(());
    let stopped = bch.estimate(
        &members,
        &spend,
        Answers::Numbers(&sample.number),
        &mut stop,
    );
    assert!(matches!(stopped, Err(Error::Interrupted { .. })));
}

fn coefficients(one: &PredictorEffects) -> Vec<f64> {
    one.coefficients
        .iter()
        .flatten()
        .map(|one| one.estimate)
        .collect()
}

#[test]
fn predictors_have_their_true_effects() {
    // A number that is normal around 0, 10 and 20 with deviation 5 shifts log-odds by 10 / 25 a unit.
    let sample = drawn(20_000, 6);
    let members = sample.members(true);
    let noise: Vec<f64> = (0..20_000).map(|row| f64::from(row * 7919 % 101)).collect();
    for assignment in [Assignment::Modal, Assignment::Proportional] {
        let of = |method| {
            SegmentPredictors::new(method)
                .assignment(assignment)
                .estimate(
                    &members,
                    &[("spend", &sample.number), ("noise", &noise)],
                    &mut (),
                )
                .unwrap()
        };
        for method in [ThreeStep::Bch, ThreeStep::Ml] {
            let found = of(method);
            assert!(found.report.converged, "{}", found.report.how_it_ended);
            for (row, slope) in found.coefficients.iter().zip([0.4, 0.8]) {
                let away = (row[1].estimate - slope) / row[1].standard_error.unwrap();
                assert!(away.abs() < 3.5, "{method:?} {away}");
                let away = row[2].estimate / row[2].standard_error.unwrap();
                assert!(away.abs() < 3.5, "{method:?} {away}");
            }
            assert!(found.tests[0].p_value.unwrap() < 1e-10);
            assert!(found.tests[1].p_value.unwrap() > 1e-3);
            assert_eq!(found.tests[0].degrees_of_freedom, 2);
            for share in &found.shares {
                assert!((share - 1.0 / 3.0).abs() < 0.02, "{share}");
            }
        }
        // The naive effect is far smaller.
        let naive = of(ThreeStep::Naive);
        assert!(
            naive.coefficients[1][1].estimate < 0.6,
            "{:?}",
            naive.coefficients[1][1]
        );
    }
}

#[test]
fn predictors_take_weights_for_repetitions_and_units_for_units() {
    let once = drawn(400, 7);
    // Small whole numbers.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let rows: Vec<usize> = (0..400)
        .rev()
        .flat_map(|row| std::iter::repeat_n(row, once.weights[row] as usize))
        .collect();
    let repeated = once.rows(&rows);
    let thousands: Vec<f64> = once.number.iter().map(|y| 1000.0 * y).collect();
    for method in [ThreeStep::Naive, ThreeStep::Bch, ThreeStep::Ml] {
        for assignment in [Assignment::Modal, Assignment::Proportional] {
            let settings = SegmentPredictors::new(method).assignment(assignment);
            let of = |members: Memberships<'_>, x: &[f64]| {
                settings.estimate(&members, &[("x", x)], &mut ()).unwrap()
            };
            let here = of(once.members(true), &once.number);
            close(
                &coefficients(&here),
                &coefficients(&of(repeated.members(false), &repeated.number)),
                1e-5,
            );
            let there = of(once.members(true), &thousands);
            let back: Vec<f64> = there
                .coefficients
                .iter()
                .flat_map(|row| [row[0].estimate, 1000.0 * row[1].estimate])
                .collect();
            close(&coefficients(&here), &back, 1e-5);
        }
    }
}

#[test]
fn predictors_that_explain_nothing_or_all_are_said() {
    let sample = drawn(300, 8);
    let members = sample.members(false);
    let ml = SegmentPredictors::default();
    let words = |x: &[f64]| {
        ml.estimate(&members, &[("x", x)], &mut ())
            .unwrap_err()
            .to_string()
    };
    assert!(words(&[1.0; 300]).starts_with("column 'x': is the same for everybody"));
    assert!(words(&[1.0; 3]).contains("expected 300 rows"));
    let mut gap = sample.number.clone();
    gap[7] = f64::NAN;
    assert!(words(&gap).starts_with("column 'x', row 7:"));
    assert!(ml.estimate(&members, &[], &mut ()).is_err());
    let twice: Vec<f64> = sample.number.iter().map(|y| 2.0 * y).collect();
    let found = ml
        .estimate(
            &members,
            &[("x", &sample.number), ("twice", &twice)],
            &mut (),
        )
        .unwrap();
    assert!(
        found.report.how_it_ended.contains("follow from others"),
        "{}",
        found.report.how_it_ended
    );
    assert!(found.coefficients[0][1].standard_error.is_none());
    assert_eq!(found.tests[0].p_value, None);
}
