//! Causal forests: known effects are found and covered, whatever the data look like.

use rand_distr::{Distribution, StandardNormal, StandardUniform};
use serde_json::Value;
use tercet::data::{Design, Feature, NO_LEVEL};
use tercet::random::Seed;
#[cfg(feature = "parallel")]
use tercet::response::forest::OutOfBag;
use tercet::response::forest::{CausalForest, FittedCausalForest};
use tercet::response::{EffectData, Propensities, Treatment};
use tercet::{Estimator, Fitted, Persist};

/// Customers of an experiment with known effects.
struct Drawn {
    x: Vec<Vec<f64>>,
    arms: Vec<u16>,
    outcome: Vec<f64>,
    effects: Vec<f64>,
}

/// `p` uniform features; the outcome depends on the third, the effect on what `effect` says.
fn draw(n: usize, p: usize, stream: u64, effect: impl Fn(&[f64]) -> f64) -> Drawn {
    let mut generator = Seed(9).stream(stream);
    let mut uniform = || -> f64 { StandardUniform.sample(&mut generator) };
    let x: Vec<Vec<f64>> = (0..p)
        .map(|_| (0..n).map(|_| uniform()).collect())
        .collect();
    let arms: Vec<u16> = (0..n).map(|_| u16::from(uniform() < 0.5)).collect();
    let mut normal = || -> f64 { StandardNormal.sample(&mut generator) };
    let row = |row: usize| x.iter().map(|column| column[row]).collect::<Vec<f64>>();
    let effects: Vec<f64> = (0..n).map(|k| effect(&row(k))).collect();
    let outcome = (0..n).map(|k| 2.0 * x[2][k] + f64::from(arms[k]) * effects[k] + normal());
    let outcome = outcome.collect();
    Drawn {
        x,
        arms,
        outcome,
        effects,
    }
}

impl Drawn {
    fn design(&self) -> Design<'_> {
        let columns = self.x.iter().enumerate();
        let columns = columns.map(|(k, x)| (format!("x{k}"), Feature::Numbers(x)));
        Design::new(columns.collect()).unwrap()
    }

    fn data(&self) -> EffectData<'_> {
        let arms = vec!["none".to_owned(), "mail".to_owned()];
        let treatment = Treatment::Arms {
            codes: &self.arms,
            arms,
        };
        EffectData::new(self.design(), ("arm", treatment), ("spend", &self.outcome)).unwrap()
    }

    fn experiment(&self) -> EffectData<'_> {
        self.data()
            .with_propensities("propensity", Propensities::Observed)
            .unwrap()
    }
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let (centre_a, centre_b) = (mean(a), mean(b));
    let pairs = || a.iter().zip(b).map(|(a, b)| (a - centre_a, b - centre_b));
    let product: f64 = pairs().map(|(a, b)| a * b).sum();
    let squares: (f64, f64) = pairs().fold((0.0, 0.0), |s, (a, b)| (s.0 + a * a, s.1 + b * b));
    product / (squares.0 * squares.1).sqrt()
}

/// How well effects are found over some samples: the mean correlation with the truth and the mean share
/// of customers whose interval of 95% holds their effect.
fn recovery(n: usize, samples: u64, effect: impl Fn(&[f64]) -> f64 + Copy) -> (f64, f64) {
    let new = draw(1_000, 6, 0, effect);
    let (mut found, mut covered) = (0.0, 0.0);
    for stream in 1..=samples {
        let drawn = draw(n, 6, stream, effect);
        let forest = CausalForest::new().seed(stream);
        let forest = forest.fit(&drawn.experiment()).unwrap();
        let effects = forest.effects(&new.design(), &mut ()).unwrap();
        let ends = forest.intervals(&new.design(), 0.95, &mut ()).unwrap();
        let pairs = ends.iter().zip(&new.effects);
        let inside = pairs.filter(|(ends, effect)| ends[0] <= **effect && **effect <= ends[1]);
        found += correlation(&effects, &new.effects) / samples as f64;
        covered += inside.count() as f64 / 1_000.0 / samples as f64;
    }
    (found, covered)
}

#[test]
fn smooth_effects_are_found_and_covered() {
    let (found, covered) = recovery(4_000, 8, |x| 0.3 + (2.0 * x[0]).sin() + 0.5 * x[1]);
    assert!(found > 0.93, "{found}");
    assert!((0.90..=0.98).contains(&covered), "{covered}");
}

#[test]
fn effects_with_steps_are_found_and_covered() {
    let of = |x: &[f64]| f64::from(u8::from(x[0] > 0.5 && x[1] > 0.3));
    let (found, covered) = recovery(4_000, 8, of);
    assert!(found > 0.93, "{found}");
    assert!((0.90..=0.98).contains(&covered), "{covered}");
}

#[test]
fn the_mean_effect_is_that_of_the_experiment() {
    let drawn = draw(6_000, 4, 1, |x| 1.0 + x[0]);
    let (forest, told) = CausalForest::new()
        .n_trees(100)
        .fit_out_of_bag(&drawn.experiment(), &mut ())
        .unwrap();
    let found = &forest.parameters(0.95).unwrap()[0];
    let truth = drawn.effects.iter().sum::<f64>() / 6_000.0;
    let error = found.standard_error.unwrap();
    assert!(
        (found.estimate - truth).abs() < 3.0 * error,
        "{found:?} {truth}"
    );
    // Outcomes vary by 1 beyond the features: the best possible error is 2 / sqrt(n).
    assert!((0.025..0.028).contains(&error), "{error}");
    let mean = told.scores.iter().sum::<f64>() / 6_000.0;
    assert!((mean - found.estimate).abs() < 1e-9);
    let test = &forest.average_effects()[0];
    assert!(
        test.p_value < 1e-6 && (0.6..1.8).contains(&test.slope),
        "{test:?}"
    );
    let others = forest.importance()[1..].iter().copied();
    assert!(forest.importance()[0] > 1.5 * others.fold(0.0, f64::max));
}

#[test]
fn effects_that_are_the_same_are_told_to_be() {
    let drawn = draw(3_000, 4, 2, |_| 0.5);
    let forest = CausalForest::new()
        .n_trees(100)
        .fit(&drawn.experiment())
        .unwrap();
    let test = &forest.average_effects()[0];
    assert!(test.p_value > 0.01, "{test:?}");
}

#[test]
fn probabilities_are_estimated_where_they_are_not_known() {
    // Who is likely to be treated spends more anyway; the plain difference is far off.
    let mut drawn = draw(8_000, 4, 3, |x| 0.5 + x[0]);
    let mut generator = Seed(4).stream(0);
    for row in 0..8_000 {
        let draw: f64 = StandardUniform.sample(&mut generator);
        let treated = draw < 0.2 + 0.6 * drawn.x[2][row];
        let own = drawn.effects[row];
        drawn.outcome[row] += own * (f64::from(u8::from(treated)) - f64::from(drawn.arms[row]));
        drawn.arms[row] = u16::from(treated);
    }
    let forest = CausalForest::new().fit(&drawn.data()).unwrap();
    let found = &forest.average_effects()[0];
    assert!((found.estimate - 1.0).abs() < 0.1, "{found:?}");
    let plain = |arm: u16| {
        let rows = drawn
            .arms
            .iter()
            .zip(&drawn.outcome)
            .filter(|(own, _)| **own == arm);
        let (sum, n) = rows.fold((0.0, 0.0), |(sum, n), (_, y)| (sum + y, n + 1.0));
        sum / n
    };
    assert!(plain(1) - plain(0) > 1.3);
}

#[test]
fn no_overlap_is_refused_and_the_column_named() {
    let mut drawn = draw(2_000, 3, 5, |_| 1.0);
    drawn.arms = drawn.x[1].iter().map(|x| u16::from(*x > 0.5)).collect();
    let error = CausalForest::new()
        .fit(&drawn.data())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("leaves no overlap") && error.contains("'x1'"),
        "{error}"
    );
    let treatment = Treatment::Amount(&drawn.x[1]);
    let data = EffectData::new(
        drawn.design(),
        ("discount", treatment),
        ("spend", &drawn.outcome),
    );
    let error = CausalForest::new()
        .fit(&data.unwrap())
        .unwrap_err()
        .to_string();
    assert!(error.contains("all but tell the amount"), "{error}");
}

#[test]
fn several_arms_and_amounts_are_told_apart() {
    let drawn = draw(6_000, 3, 6, |x| x[0]);
    let arms: Vec<u16> = (0..6_000_u32).map(|row| (row % 3) as u16).collect();
    let outcome: Vec<f64> = (0..6_000)
        .map(|row| {
            let own = drawn.outcome[row] - f64::from(drawn.arms[row]) * drawn.effects[row];
            own + match arms[row] {
                1 => 2.0 * drawn.x[0][row],
                2 => -1.0,
                _ => 0.0,
            }
        })
        .collect();
    let names = ["none", "mail", "call"].map(str::to_owned);
    let treatment = Treatment::Arms {
        codes: &arms,
        arms: names.into(),
    };
    let data = EffectData::new(drawn.design(), ("arm", treatment), ("spend", &outcome)).unwrap();
    let data = data
        .with_propensities("p", Propensities::Shares(vec![1.0 / 3.0; 3]))
        .unwrap();
    let forest = CausalForest::new().n_trees(100).fit(&data).unwrap();
    let effects = forest.effects(&drawn.design(), &mut ()).unwrap();
    let [mail, call] = [0, 1].map(|k| {
        effects[k..]
            .iter()
            .step_by(2)
            .copied()
            .collect::<Vec<f64>>()
    });
    assert!(correlation(&mail, &drawn.x[0]) > 0.9);
    assert!((call.iter().sum::<f64>() / 6_000.0 + 1.0).abs() < 0.1);
    let ends = forest.intervals(&drawn.design(), 0.9, &mut ()).unwrap();
    assert_eq!(ends.len(), 12_000);

    let amount: Vec<f64> = (0..6_000_u32).map(|row| f64::from(row % 11)).collect();
    let outcome: Vec<f64> = (0..6_000)
        .map(|row| drawn.outcome[row] + amount[row] * drawn.x[0][row])
        .collect();
    let treatment = Treatment::Amount(&amount);
    let data = EffectData::new(drawn.design(), ("mails", treatment), ("spend", &outcome)).unwrap();
    let forest = CausalForest::new().n_trees(100).fit(&data).unwrap();
    let effects = forest.effects(&drawn.design(), &mut ()).unwrap();
    assert!(correlation(&effects, &drawn.x[0]) > 0.9);
    assert!((forest.average_effects()[0].estimate - 0.5).abs() < 0.1);
}

#[test]
fn levels_and_missing_values_are_taken_as_they_are() {
    let n = 4_000;
    let drawn = draw(n, 3, 7, |_| 0.0);
    let codes = (0..n).map(|row| {
        if row % 7 == 6 {
            NO_LEVEL
        } else {
            u16::try_from(row % 7).unwrap()
        }
    });
    let codes: Vec<u16> = codes.collect();
    let levels: Vec<String> = (0..6).map(|k| format!("segment {k}")).collect();
    let works = |code: u16| [1, 4, NO_LEVEL].contains(&code);
    let mut x = drawn.x[0].clone();
    x.iter_mut().step_by(5).for_each(|x| *x = f64::NAN);
    let truth: Vec<f64> = (0..n)
        .map(|row| f64::from(u8::from(works(codes[row]))) + f64::from(u8::from(x[row].is_nan())))
        .collect();
    let outcome: Vec<f64> = (0..n)
        .map(|row| drawn.outcome[row] + f64::from(drawn.arms[row]) * truth[row])
        .collect();
    let design = |codes, x, levels: Vec<String>| {
        let own = Feature::Levels { codes, levels };
        Design::new(vec![
            ("own".to_owned(), own),
            ("x".to_owned(), Feature::Numbers(x)),
        ])
        .unwrap()
    };
    let arms = vec!["none".to_owned(), "mail".to_owned()];
    let treatment = Treatment::Arms {
        codes: &drawn.arms,
        arms,
    };
    let customers = design(&codes, &x, levels.clone());
    let data = EffectData::new(customers, ("arm", treatment), ("spend", &outcome)).unwrap();
    let data = data.with_propensities("p", Propensities::Observed).unwrap();
    let forest = CausalForest::new().n_trees(100).fit(&data).unwrap();
    let effects = forest
        .effects(&design(&codes, &x, levels.clone()), &mut ())
        .unwrap();
    assert!(correlation(&effects, &truth) > 0.95);
    // Levels are known by their names, whatever their codes.
    let turned: Vec<u16> = codes
        .iter()
        .map(|code| {
            if *code == NO_LEVEL {
                NO_LEVEL
            } else {
                5 - code
            }
        })
        .collect();
    let names = levels.iter().rev().cloned().collect();
    assert_eq!(
        forest
            .effects(&design(&turned, &x, names), &mut ())
            .unwrap(),
        effects
    );
    let plain = Design::new(vec![("x".to_owned(), Feature::Numbers(&x))]).unwrap();
    let error = forest.effects(&plain, &mut ()).unwrap_err().to_string();
    assert!(
        error.starts_with("column 'own': is not in the table"),
        "{error}"
    );
}

#[test]
fn a_file_keeps_every_bit() {
    let drawn = draw(1_500, 3, 8, |x| x[0]);
    let forest = CausalForest::new().n_trees(20).fit(&drawn.data()).unwrap();
    let forest = forest.with_note(Value::from("kept"));
    let text = forest.to_json().unwrap();
    let copy = FittedCausalForest::from_json(&text).unwrap();
    assert_eq!(copy, forest);
    assert_eq!(copy.to_json().unwrap(), text);
    let ends =
        |forest: &FittedCausalForest| forest.intervals(&drawn.design(), 0.95, &mut ()).unwrap();
    assert_eq!(ends(&copy), ends(&forest));
    let mut value: Value = serde_json::from_str(&text).unwrap();
    for (damage, of) in [
        ("nodes", "7 0"),
        ("leaves", "1 2 x"),
        ("nodes", "0 0 9 400 0"),
    ] {
        value["fitted"]["trees"][3][damage] = Value::from(of);
        assert!(FittedCausalForest::from_json(&value.to_string()).is_err());
    }
    let mut value: Value = serde_json::from_str(&text).unwrap();
    value["fitted"]["trees"].as_array_mut().unwrap().pop();
    assert!(FittedCausalForest::from_json(&value.to_string()).is_err());
}

#[cfg(feature = "parallel")]
#[test]
fn threads_change_no_bit() {
    let drawn = draw(6_000, 5, 9, |x| x[0]);
    let run = |threads: usize| -> (FittedCausalForest, OutOfBag) {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let settings = CausalForest::new().n_trees(24).seed(3);
        pool.install(|| settings.fit_out_of_bag(&drawn.data(), &mut ()).unwrap())
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn a_long_fit_is_stopped() {
    let drawn = draw(3_000, 5, 10, |x| x[0]);
    let mut steps = 0;
    let stopped = CausalForest::new().fit_observed(&drawn.data(), &mut |_: &tercet::Step| {
        steps += 1;
        if steps > 40 {
            std::ops::ControlFlow::Break(())
        } else {
            std::ops::ControlFlow::Continue(())
        }
    });
    assert!(matches!(stopped, Err(tercet::Error::Interrupted { .. })));
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let drawn = draw(200, 3, 11, |x| x[0]);
    let told = |settings: CausalForest| settings.fit(&drawn.data()).unwrap_err().to_string();
    let new = CausalForest::new;
    assert!(told(new().n_trees(199)).contains("a multiple of bag_size = 4"));
    assert!(told(new().bag_size(1)).starts_with("bag_size = 1"));
    assert!(told(new().bins(300)).starts_with("bins = 300"));
    assert!(told(new().imbalance(0.5)).starts_with("imbalance"));
    assert!(told(new().min_propensity(0.0)).starts_with("min_propensity"));
    assert!(told(new().min_leaf(Some(0))).starts_with("min_leaf"));
    assert!(told(new().max_features(Some(4))).contains("at most the 3 features"));
    let few = draw(30, 3, 12, |x| x[0]);
    let error = CausalForest::new()
        .fit(&few.data())
        .unwrap_err()
        .to_string();
    assert!(error.contains("needs at least 20 of each"), "{error}");
}
