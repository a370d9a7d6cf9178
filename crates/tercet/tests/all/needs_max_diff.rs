//! Best-worst choices: what is recovered, what must hold, what is refused.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tercet::data::{BestWorst, ChoiceRows};
use tercet::needs::latent_class::WeightType;
use tercet::needs::{
    ChoicePlan, FittedMaxDiff, MaxDiff, SimulatedChoices, Worst, best_worst_counts,
};
use tercet::{Error, Estimator, Fitted, Persist};

fn items(n: usize) -> Vec<String> {
    (1..=n).map(|item| format!("item {item}")).collect()
}

/// Three segments with different favourites among ten items.
fn truth() -> FittedMaxDiff {
    let utilities = [
        vec![2.0, 1.2, 0.8, 0.4, 0.0, -0.3, -0.6, -0.9, -1.1, -1.5],
        vec![-1.5, -0.5, 0.0, 1.5, 2.0, 0.5, -1.0, 0.2, -0.2, -1.0],
        vec![0.0, -1.0, 0.5, -0.5, -1.5, 1.0, 2.0, 0.7, -0.7, -0.5],
    ];
    FittedMaxDiff::from_parameters(&items(10), &[0.5, 0.3, 0.2], &utilities).unwrap()
}

fn drawn(respondents: usize, seed: u64) -> SimulatedChoices {
    let plan = ChoicePlan {
        respondents,
        tasks: 12,
        shown: 4,
    };
    truth().simulate(plan, seed).unwrap()
}

#[test]
fn simulated_segments_are_recovered() {
    let (truth, drawn) = (truth(), drawn(600, 1));
    let choices = drawn.choices().unwrap();
    let model = MaxDiff::new(3).seed(1).fit(&choices).unwrap();
    assert_eq!(model.report().how_it_ended, "converged");
    for (segment, row) in truth.utilities().iter().enumerate() {
        for (item, utility) in row.iter().enumerate() {
            let error = model.utility_errors()[segment][item].unwrap();
            let distance = (model.utilities()[segment][item] - utility) / error;
            assert!(
                error < 0.5 && distance.abs() < 3.5,
                "{segment} {item}: {distance}"
            );
        }
        let error = model.share_errors()[segment].unwrap();
        assert!((model.shares()[segment] - truth.shares()[segment]).abs() < 3.5 * error);
        assert!(model.utilities()[segment].iter().sum::<f64>().abs() < 1e-9);
        assert!((model.preference_shares()[segment].iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
    let found = model.segments(&choices, &mut ()).unwrap();
    let right = found
        .iter()
        .zip(&drawn.segment)
        .filter(|(a, b)| a == b)
        .count();
    assert!(right > 570, "{right} of 600");
    let reached = model
        .starts()
        .iter()
        .filter(|start| start.reached_best)
        .count();
    assert!(reached >= 3, "{reached} starts");
    let criteria = model.criteria().unwrap();
    assert!(criteria.entropy_r2 > 0.9);
    assert!(
        criteria
            .assigned_posterior
            .iter()
            .all(|mean| mean.unwrap() > 0.9)
    );
    assert_eq!(model.report().bic().unwrap(), criteria.bic);

    // The right number of segments by BIC.
    let bic = |k| {
        MaxDiff::new(k)
            .seed(1)
            .fit(&choices)
            .unwrap()
            .report()
            .bic()
            .unwrap()
    };
    assert!(bic(2) > criteria.bic && bic(4) > criteria.bic);
}

/// 100 data sets of 300 respondents, 1,200 intervals: those at 95% cover in 95% of the cases, give or
/// take (they are not independent: twice the 0.6 points of so many that were).
#[test]
fn intervals_cover() {
    let plan = ChoicePlan {
        respondents: 300,
        tasks: 8,
        shown: 4,
    };
    let utilities = [
        vec![1.0, 0.5, 0.0, -0.5, -1.0],
        vec![-1.0, 0.0, -0.5, 0.5, 1.0],
    ];
    let truth = FittedMaxDiff::from_parameters(&items(5), &[0.6, 0.4], &utilities).unwrap();
    let weights: Vec<f64> = (0..300).map(|row| 0.4 + 0.4 * f64::from(row % 4)).collect();
    for weighted in [false, true] {
        let (mut covered, mut all) = (0, 0);
        for seed in 0..100 {
            let drawn = truth.simulate(plan, seed).unwrap();
            let mut choices = drawn.choices().unwrap();
            if weighted {
                choices = choices.with_weights("w", &weights).unwrap();
            }
            let model = MaxDiff::new(2).starts(4).fit(&choices).unwrap();
            let parameters = model.parameters(0.95).unwrap();
            for (found, truth) in parameters.iter().zip(truth.parameters(0.95).unwrap()) {
                assert_eq!(found.name, truth.name);
                let inside = found.lower.unwrap() <= truth.estimate
                    && truth.estimate <= found.upper.unwrap();
                covered += u32::from(inside);
                all += 1;
            }
        }
        let share = f64::from(covered) / f64::from(all);
        assert!(
            (0.925..=0.97).contains(&share),
            "{share} covered, weighted {weighted}"
        );
    }
}

/// Three sets of three items: the log-likelihood of a conditional logit, by hand.
#[test]
fn one_segment_is_a_conditional_logit() {
    let rows = ChoiceRows {
        respondent: &[0, 0, 0, 0, 0, 0, 1, 1, 1],
        task: &[1, 1, 1, 2, 2, 2, 1, 1, 1],
        item: &[0, 1, 2, 0, 1, 2, 0, 1, 2],
        choice: &[1, 0, -1, -1, 1, 0, 1, -1, 0],
    };
    let choices = BestWorst::new(items(3), &rows).unwrap();
    let model = MaxDiff::new(1).fit(&choices).unwrap();
    assert_eq!(model.shares(), [1.0]);
    let value = |u: &[f64]| {
        let e: Vec<f64> = u.iter().map(|u| u.exp()).collect();
        let best = |j: usize| e[j] / (e[0] + e[1] + e[2]);
        let worst = |j: usize, other: usize| (1.0 / e[j]) / (1.0 / e[j] + 1.0 / e[other]);
        (best(0) * worst(2, 1) * best(1) * worst(0, 2) * best(0) * worst(1, 2)).ln()
    };
    let found = model.utilities()[0].clone();
    let top = model.report().log_likelihood.unwrap();
    assert!((value(&found) - top).abs() < 1e-12);
    for (item, by) in [
        (0, 1e-3),
        (0, -1e-3),
        (1, 1e-3),
        (1, -1e-3),
        (2, 1e-3),
        (2, -1e-3),
    ] {
        let mut moved = found.clone();
        moved[item] += by;
        assert!(value(&moved) < top);
    }
    // One item against one other, twenty choices of three: log-odds with a known error.
    let task: Vec<u32> = (0..20).flat_map(|task| [task; 3]).collect();
    let item = [0, 1, 2].repeat(20);
    let choice: Vec<i8> = (0..20)
        .flat_map(|task| if task < 12 { [1, 0, 0] } else { [0, 1, 0] })
        .collect();
    let rows = ChoiceRows {
        respondent: &[0; 60],
        task: &task,
        item: &item,
        choice: &choice,
    };
    let choices = BestWorst::new(items(3), &rows).unwrap();
    let model = MaxDiff::new(1).fit(&choices).unwrap();
    let difference = model.utilities()[0][0] - model.utilities()[0][1];
    assert!((difference - (12.0_f64 / 8.0).ln()).abs() < 1e-6);
    // The third was never picked.
    let words = model.report().boundary.clone().unwrap();
    assert!(words.contains("'item 3' runs to minus infinity"), "{words}");
    assert!(model.utility_errors()[0][2].is_none());
    let held = MaxDiff::new(1).prior(1.0).fit(&choices).unwrap();
    assert_eq!(held.report().how_it_ended, "converged");
    assert!(held.utilities()[0][2] > -3.0);
}

#[test]
fn the_rule_for_the_worst_matters() {
    let plan = ChoicePlan {
        respondents: 400,
        tasks: 10,
        shown: 3,
    };
    let utilities = [vec![2.0, 1.0, 0.0, -1.0, -2.0]];
    let truth = FittedMaxDiff::from_parameters(&items(5), &[1.0], &utilities).unwrap();
    let choices = truth.simulate(plan, 4).unwrap().choices().unwrap();
    let fit = |worst| MaxDiff::new(1).worst(worst).fit(&choices).unwrap();
    let (sequential, independent) = (fit(Worst::Sequential), fit(Worst::Independent));
    for (item, utility) in utilities[0].iter().enumerate() {
        let error = sequential.utility_errors()[0][item].unwrap();
        assert!((sequential.utilities()[0][item] - utility).abs() < 3.5 * error);
    }
    assert!(
        sequential.report().log_likelihood.unwrap() > independent.report().log_likelihood.unwrap()
    );
    assert_eq!("independent".parse::<Worst>().unwrap(), Worst::Independent);
}

#[test]
fn counts_agree_with_one_segment() {
    let choices = drawn(300, 5).choices().unwrap();
    let counts = best_worst_counts(&choices);
    let model = MaxDiff::new(1).fit(&choices).unwrap();
    let score: Vec<f64> = counts.iter().map(|one| one.score).collect();
    let utility = &model.utilities()[0];
    // Utilities have mean 0, and so have scores of items that were shown equally often.
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let correlation =
        product(&score, utility) / (product(&score, &score) * product(utility, utility)).sqrt();
    assert!(correlation > 0.99, "{correlation}");
    assert_eq!(counts.iter().map(|one| one.best).sum::<f64>(), 3_600.0);
    assert_eq!(
        counts.iter().map(|one| one.shown).sum::<f64>(),
        4.0 * 3_600.0
    );
}

#[test]
fn missing_choices_say_nothing_and_random_ones_show() {
    let drawn = drawn(300, 6);
    let mut thinned = drawn.clone();
    for (row, choice) in thinned.choice.iter_mut().enumerate() {
        if row % 7 == 0 {
            *choice = 0;
        }
    }
    // The last respondent answers nothing, the one before at random.
    let last = thinned
        .respondent
        .iter()
        .position(|one| *one == 299)
        .unwrap();
    thinned.choice[last..].fill(0);
    for set in thinned.choice[last - 48..last].chunks_exact_mut(4) {
        set.copy_from_slice(&[1, -1, 0, 0]);
    }
    let choices = thinned.choices().unwrap();
    let model = MaxDiff::new(3).fit(&choices).unwrap();
    let members = model.posterior(&choices, &mut ()).unwrap();
    for (member, share) in members[299 * 3..].iter().zip(model.shares()) {
        assert!((member - share).abs() < 1e-9);
    }
    let fit = model.root_likelihood(&choices, &mut ()).unwrap();
    assert!(fit[299].is_nan());
    let better = fit[..298].iter().filter(|one| **one > fit[298]).count();
    assert!(better > 280, "{better}");
    let utilities = model.respondent_utilities(&choices, &mut ()).unwrap();
    assert_eq!(utilities.len(), 300 * 10);
    assert!(
        utilities
            .chunks_exact(10)
            .all(|row| row.iter().sum::<f64>().abs() < 1e-9)
    );
}

#[test]
fn items_are_found_by_name() {
    let drawn = drawn(200, 7);
    let choices = drawn.choices().unwrap();
    let model = MaxDiff::new(3).fit(&choices).unwrap();
    let mut turned = drawn.clone();
    turned.items.reverse();
    for item in &mut turned.item {
        *item = 9 - *item;
    }
    let turned = turned.choices().unwrap();
    let (a, b) = (
        model.posterior(&choices, &mut ()),
        model.posterior(&turned, &mut ()),
    );
    for (a, b) in a.unwrap().iter().zip(b.unwrap()) {
        assert!((a - b).abs() < 1e-9);
    }
    let log = model.log_likelihood(&turned, &mut ()).unwrap();
    assert!((log - model.report().log_likelihood.unwrap()).abs() < 1e-6);
    let mut other = drawn;
    other.items[3] = "something else".to_owned();
    let error = model
        .posterior(&other.choices().unwrap(), &mut ())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("column 'something else': is not an item of the model"),
        "{error}"
    );
}

#[test]
fn weights_say_what_their_type_says() {
    let drawn = drawn(200, 8);
    let weights: Vec<f64> = (0..200)
        .map(|row| 10.0 + 5.0 * f64::from(row % 5))
        .collect();
    let choices = drawn
        .choices()
        .unwrap()
        .with_weights("w", &weights)
        .unwrap();
    let fit = |kind| MaxDiff::new(2).weight_type(kind).fit(&choices).unwrap();
    let effective =
        weights.iter().sum::<f64>().powi(2) / weights.iter().map(|w| w * w).sum::<f64>();
    let expansion = fit(WeightType::Expansion);
    assert!((expansion.report().n_observations - effective).abs() < 1e-9);
    let (sampling, frequency) = (fit(WeightType::Sampling), fit(WeightType::Frequency));
    let error = |model: &FittedMaxDiff| model.utility_errors()[0][0].unwrap();
    // Twenty customers a respondent do not make the answers twenty times as certain.
    assert!(error(&sampling) > 3.0 * error(&frequency));
    assert!((error(&sampling) / error(&expansion) - 1.0).abs() < 0.3);
    for (a, b) in sampling.utilities().iter().zip(expansion.utilities()) {
        for (a, b) in a.iter().zip(b) {
            assert!((a - b).abs() < 1e-5);
        }
    }
}

#[test]
fn impossible_settings_are_refused() {
    let choices = drawn(20, 9).choices().unwrap();
    let refused = |settings: MaxDiff| settings.fit(&choices).unwrap_err().to_string();
    assert!(refused(MaxDiff::new(0)).starts_with("n_segments = 0: expected a whole number from 1"));
    assert!(refused(MaxDiff::new(2).starts(0)).starts_with("starts = 0"));
    assert!(refused(MaxDiff::new(2).prior(-1.0)).starts_with("prior = -1"));
    assert!(refused(MaxDiff::new(2).prior(f64::NAN)).starts_with("prior"));
    assert!(refused(MaxDiff::new(2).max_iterations(0)).starts_with("max_iterations"));
    assert!(refused(MaxDiff::new(3)).contains("3 segments have 29 parameters, more than the 20"));
    let mut nothing = drawn(5, 1);
    nothing.choice.fill(0);
    let error = MaxDiff::new(1)
        .fit(&nothing.choices().unwrap())
        .unwrap_err()
        .to_string();
    assert!(error.contains("is made in no set"), "{error}");
    let mut stop = |_: &tercet::Step| std::ops::ControlFlow::Break(());
    let stopped = MaxDiff::new(2).fit_observed(&drawn(50, 1).choices().unwrap(), &mut stop);
    assert!(matches!(stopped, Err(Error::Interrupted { .. })));
    for (shares, rows) in [
        (vec![0.5, 0.6], vec![vec![0.0; 3]; 2]),
        (vec![0.5, 0.5], vec![vec![0.0; 3]; 1]),
        (vec![1.0], vec![vec![f64::NAN; 3]]),
    ] {
        assert!(FittedMaxDiff::from_parameters(&items(3), &shares, &rows).is_err());
    }
    for plan in [(0, 1, 3), (1, 0, 3), (1, 1, 2), (1, 1, 11)] {
        let (respondents, tasks, shown) = plan;
        let plan = ChoicePlan {
            respondents,
            tasks,
            shown,
        };
        assert!(truth().simulate(plan, 0).is_err());
    }
}

#[test]
fn threads_give_equal_bits() {
    let drawn = drawn(5_000, 10);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let choices = drawn.choices().unwrap();
            let model = MaxDiff::new(3).starts(6).seed(2).fit(&choices).unwrap();
            let members = model.posterior(&choices, &mut ()).unwrap();
            (model.to_json().unwrap(), members)
        })
    };
    assert_eq!(run(1), run(4));
}

#[test]
fn damaged_files_are_refused_in_words() {
    let model = MaxDiff::new(2)
        .fit(&drawn(100, 11).choices().unwrap())
        .unwrap();
    let text = model.to_json().unwrap();
    let with = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
        change(&mut value);
        FittedMaxDiff::from_json(&value.to_string())
            .unwrap_err()
            .to_string()
    };
    assert!(with(&|value| value["fitted"]["shares"][0] = 0.9.into()).contains("shares"));
    let utilities = with(&|value| value["fitted"]["utilities"][0] = serde_json::json!([0.0]));
    assert!(utilities.contains("utilities"), "{utilities}");
    let errors = with(&|value| value["fitted"]["share_errors"] = serde_json::json!([]));
    assert!(errors.contains("standard errors"), "{errors}");
    assert!(with(&|value| value["kind"] = "bg_nbd".into()).contains("holds a 'bg_nbd'"));
}

/// The same cases in every run; `PROPTEST_CASES` and a changed seed look further.
fn cases(n: u32) -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::with_cases(n)
    }
}

fn close(a: &FittedMaxDiff, b: &FittedMaxDiff) -> Result<(), TestCaseError> {
    let (x, y) = (
        a.report().log_likelihood.unwrap(),
        b.report().log_likelihood.unwrap(),
    );
    prop_assert!((x - y).abs() < 1e-6, "{} {}", x, y);
    for (a, b) in a.utilities().iter().zip(b.utilities()) {
        for (a, b) in a.iter().zip(b) {
            prop_assert!((a - b).abs() < 1e-4, "{} {}", a, b);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn weights_are_repetitions(seed in 0_u64..1_000) {
        let drawn = drawn(90, seed);
        let times: Vec<u32> = (0..90).map(|row| row % 3).collect();
        let weights: Vec<f64> = times.iter().map(|times| f64::from(*times)).collect();
        let mut repeated = SimulatedChoices {
            respondent: vec![],
            task: vec![],
            item: vec![],
            choice: vec![],
            ..drawn.clone()
        };
        let mut next = 0;
        for (one, times) in (0_u32..).zip(&times) {
            for _ in 0..*times {
                for row in (0..drawn.item.len()).filter(|row| drawn.respondent[*row] == one) {
                    repeated.respondent.push(next);
                    repeated.task.push(drawn.task[row]);
                    repeated.item.push(drawn.item[row]);
                    repeated.choice.push(drawn.choice[row]);
                }
                next += 1;
            }
        }
        let settings = MaxDiff::new(2).starts(8).prior(0.5).weight_type(WeightType::Frequency);
        let weighted = drawn.choices().unwrap().with_weights("w", &weights).unwrap();
        let (a, b) = (settings.fit(&weighted).unwrap(), settings.fit(&repeated.choices().unwrap()).unwrap());
        close(&a, &b)?;
        prop_assert_eq!(a.report().n_observations, b.report().n_observations);
        let (a, b) = (a.utility_errors()[1][3].unwrap(), b.utility_errors()[1][3].unwrap());
        prop_assert!((a / b - 1.0).abs() < 1e-4);
    }

    #[test]
    fn the_order_of_rows_changes_not_a_bit(seed in 0_u64..1_000) {
        let drawn = drawn(90, seed);
        let mut backwards = drawn.clone();
        backwards.respondent.reverse();
        backwards.task.reverse();
        backwards.item.reverse();
        backwards.choice.reverse();
        let settings = MaxDiff::new(2).starts(4);
        let a = settings.fit(&drawn.choices().unwrap()).unwrap();
        let b = settings.fit(&backwards.choices().unwrap()).unwrap();
        prop_assert_eq!(a, b);
    }

    #[test]
    fn the_order_of_respondents_changes_nothing(seed in 0_u64..1_000) {
        let drawn = drawn(90, seed);
        let mut turned = drawn.clone();
        for one in &mut turned.respondent {
            *one = 89 - *one;
        }
        let settings = MaxDiff::new(2).starts(8).prior(0.5);
        let a = settings.fit(&drawn.choices().unwrap()).unwrap();
        close(&a, &settings.fit(&turned.choices().unwrap()).unwrap())?;
    }

    #[test]
    fn files_keep_every_bit(seed in 0_u64..1_000) {
        let model = MaxDiff::new(2).starts(2).fit(&drawn(60, seed).choices().unwrap()).unwrap();
        let model = model.with_note(serde_json::json!({"columns": ["a", "b"]}));
        prop_assert_eq!(FittedMaxDiff::from_json(&model.to_json().unwrap()).unwrap(), model);
    }
}
