//! Propensities: reference values, what must hold, what is recovered, what is refused.

#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // small codes

use crate::common::draws::{normal, uniform};
use crate::common::reference::{cases, numbers};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use tercet::data::{Design, Feature, MatrixOrder, NO_LEVEL};
use tercet::value::propensity::{
    Features, FittedPropensity, ManyOutcomes, Penalty, Propensity, PropensityData, StandardErrors,
    Strength,
};
use tercet::{Error, Estimator, Fitted, Persist};

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn names(levels: &[&str]) -> Vec<String> {
    levels.iter().map(|&level| level.to_owned()).collect()
}

/// The data of a reference case.
struct Case {
    x1: Vec<f64>,
    x2: Vec<f64>,
    level: Vec<u16>,
    outcome: Vec<bool>,
    happened: Vec<f64>,
    weights: Vec<f64>,
    offset: Vec<f64>,
    group: Vec<u32>,
}

impl Case {
    fn new(case: &Value) -> Self {
        let data = &case["data"];
        let of = |name: &str| numbers(&data[name]);
        Self {
            x1: of("x1"),
            x2: of("x2"),
            level: of("level").iter().map(|x| *x as u16).collect(),
            outcome: of("outcome").iter().map(|x| *x == 1.0).collect(),
            happened: of("outcome"),
            weights: of("weights"),
            offset: of("offset"),
            group: of("group").iter().map(|x| *x as u32).collect(),
        }
    }

    fn design(&self) -> Design<'_> {
        let levels = Feature::Levels {
            codes: &self.level,
            levels: names(&["0", "1", "2"]),
        };
        Design::new(vec![
            ("x1".into(), Feature::Numbers(&self.x1)),
            ("x2".into(), Feature::Numbers(&self.x2)),
            ("level".into(), levels),
        ])
        .unwrap()
    }

    fn data(&self) -> PropensityData<'_> {
        PropensityData::binary(self.design(), "outcome", &self.outcome).unwrap()
    }
}

fn linear() -> Propensity {
    Propensity::new()
        .features(Features::Linear)
        .min_level_count(1)
        .tolerance(1e-13)
}

fn close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        let most = tolerance * expected.abs().max(1.0);
        assert!(
            (found - expected).abs() <= most,
            "{what} {place}: {found}, not {expected}"
        );
    }
}

/// Coefficients by column without the intercept.
fn coefficients(model: &FittedPropensity) -> Vec<f64> {
    model.columns()[1..]
        .iter()
        .map(|(_, value)| *value)
        .collect()
}

#[test]
fn ridge_as_scikit_learn_has_it() {
    for (name, case) in cases("propensity", "logistic") {
        let of = Case::new(&case);
        for wanted in case["ridge"].as_array().unwrap() {
            let mut data = of.data();
            if wanted["weighted"] == true {
                data = data.with_weights("weights", &of.weights).unwrap();
            }
            let strength = Strength::Fixed(wanted["strength"].as_f64().unwrap());
            let model = linear().strength(strength).fit(&data).unwrap();
            let expected = numbers(&wanted["coefficients"]);
            close(&coefficients(&model), &expected, 1e-8, &name);
            let found = model.probabilities(&of.design(), &mut ()).unwrap();
            close(&found, &numbers(&wanted["probabilities"]), 1e-8, &name);
        }
    }
}

#[test]
fn free_fits_and_their_errors_as_statsmodels_has_them() {
    for (name, case) in cases("propensity", "logistic") {
        let of = Case::new(&case);
        for wanted in case["free"].as_array().unwrap() {
            for (kind, errors) in [
                ("model", StandardErrors::Model),
                ("robust", StandardErrors::Robust),
                ("cluster", StandardErrors::Cluster),
            ] {
                let mut data = of.data().with_groups("group", &of.group).unwrap();
                if wanted["offset"] == true {
                    data = data.with_offset("offset", &of.offset).unwrap();
                }
                let settings = linear()
                    .strength(Strength::Fixed(0.0))
                    .standard_errors(errors);
                let model = settings.fit(&data).unwrap();
                let told = wanted["log_likelihood"].as_f64().unwrap();
                assert!((model.report().log_likelihood.unwrap() - told).abs() < 1e-9 * told.abs());
                let parameters = model.parameters(0.95).unwrap();
                let expected = numbers(&wanted["coefficients"]);
                let expected_errors = numbers(&wanted["standard_errors"][kind]);
                let wanted_names = wanted["names"].as_array().unwrap();
                for (place, parameter) in wanted_names.iter().enumerate() {
                    let found = parameters
                        .iter()
                        .find(|one| one.name == *parameter)
                        .unwrap();
                    let away = found.estimate / expected[place] - 1.0;
                    assert!(away.abs() < 1e-7, "{name} {parameter}: {away}");
                    let away = found.standard_error.unwrap() / expected_errors[place] - 1.0;
                    assert!(away.abs() < 1e-6, "{name} {kind} {parameter}: {away}");
                }
            }
        }
    }
}

#[test]
fn the_elastic_net_meets_its_conditions_and_scikit_learn() {
    for (name, case) in cases("propensity", "logistic") {
        let of = Case::new(&case);
        for wanted in case["elastic_net"].as_array().unwrap() {
            let strength = wanted["strength"].as_f64().unwrap();
            let l1_ratio = wanted["l1_ratio"].as_f64().unwrap();
            let settings = linear()
                .penalty(Penalty::ElasticNet { l1_ratio })
                .strength(Strength::Fixed(strength));
            let model = settings.fit(&of.data()).unwrap();
            let found = coefficients(&model);
            close(&found, &numbers(&wanted["coefficients"]), 1e-6, &name);
            // The slope of the loss by each level's column, at the fitted probabilities.
            let p = model.probabilities(&of.design(), &mut ()).unwrap();
            for level in 0..3_u16 {
                let rows = (0..p.len()).filter(|&row| of.level[row] == level);
                let slope: f64 = rows.map(|row| p[row] - of.happened[row]).sum();
                let own = found[2 + usize::from(level)];
                let rest = slope + (1.0 - l1_ratio) * strength * own;
                if own == 0.0 {
                    assert!(rest.abs() <= l1_ratio * strength + 1e-7);
                } else {
                    assert!(
                        (rest + l1_ratio * strength * own.signum()).abs() < 1e-6,
                        "{rest}"
                    );
                }
            }
        }
    }
}

#[test]
fn several_classes_as_scikit_learn_has_them() {
    for (name, case) in cases("propensity", "logistic") {
        let of = Case::new(&case);
        let columns = [&of.x1, &of.x2, &of.happened];
        let design = || {
            let pairs = ["x1", "x2", "y"].iter().zip(columns);
            let columns = pairs.map(|(name, x)| ((*name).to_owned(), Feature::Numbers(x)));
            Design::new(columns.collect()).unwrap()
        };
        for wanted in case["multinomial"].as_array().unwrap() {
            let strength = Strength::Fixed(wanted["strength"].as_f64().unwrap());
            let classes = names(&["0", "1", "2"]);
            let data = PropensityData::classes(design(), "level", &of.level, classes).unwrap();
            let model = linear().strength(strength).fit(&data).unwrap();
            let found = model.probabilities(&design(), &mut ()).unwrap();
            close(&found, &numbers(&wanted["probabilities"]), 1e-7, &name);
            let copy = FittedPropensity::from_json(&model.to_json().unwrap()).unwrap();
            assert_eq!(copy, model);
            let ends = model.intervals(&design(), 0.9, &mut ()).unwrap();
            let within = found.iter().zip(&ends);
            assert!(
                within
                    .into_iter()
                    .all(|(p, ends)| ends[0] < *p && *p < ends[1])
            );
        }
        let classes = names(&["0", "1", "2"]);
        let data = PropensityData::classes(design(), "level", &of.level, classes).unwrap();
        let (_, held) = Propensity::new().fit_out_of_fold(&data, &mut ()).unwrap();
        let sums = held
            .probabilities
            .chunks(3)
            .map(|own| own.iter().sum::<f64>());
        assert!(sums.into_iter().all(|sum| (sum - 1.0).abs() < 1e-12));
    }
}

#[test]
fn errors_of_several_classes_as_statsmodels_has_them() {
    for (name, case) in cases("propensity", "class_errors") {
        let of = Case::new(&case);
        let columns = [("x1", &of.x1), ("x2", &of.x2), ("y", &of.happened)];
        let columns = columns.map(|(name, x)| (name.to_owned(), Feature::Numbers(x)));
        let design = Design::new(columns.to_vec()).unwrap();
        let classes = names(&["0", "1", "2"]);
        let data = PropensityData::classes(design.clone(), "level", &of.level, classes).unwrap();
        let model = linear().strength(Strength::Fixed(0.0)).fit(&data).unwrap();
        let effects: Vec<_> = (0..3)
            .flat_map(|class| model.class_effects(class, 0.9).unwrap().into_iter().skip(1))
            .collect();
        let slopes: Vec<f64> = effects.iter().map(|one| one.estimate).collect();
        close(&slopes, &numbers(&case["slopes"]), 1e-7, &name);
        let errors: Vec<f64> = effects
            .iter()
            .map(|one| one.standard_error.unwrap())
            .collect();
        close(&errors, &numbers(&case["standard_errors"]), 1e-6, &name);
        let level = case["level"].as_f64().unwrap();
        let ends = model.intervals(&design, level, &mut ()).unwrap();
        close(
            ends.as_flattened(),
            &numbers(&case["intervals"]),
            1e-6,
            &name,
        );
        assert_eq!(model.coefficient_errors().unwrap().len(), 3 * 4);
        assert!(model.class_effects(3, 0.9).is_err() && model.effects(0.9).is_err());
        assert_eq!(model.terms().len(), 3);
    }
}

#[test]
fn a_level_that_separates_is_named() {
    let n = 200;
    let x: Vec<f64> = (0..n).map(|row| f64::from((row * 37) % 11)).collect();
    // Nobody who is "open" has left: the most frequent level, from which others are told.
    let codes: Vec<u16> = (0..n)
        .map(|row| [0, 0, 0, 1, 2][row as usize % 5])
        .collect();
    let left: Vec<bool> = (0..n).map(|row| row % 5 > 2 && row % 3 > 0).collect();
    let status = Feature::Levels {
        codes: &codes,
        levels: names(&["open", "paused", "closed"]),
    };
    let columns = vec![
        ("x".to_owned(), Feature::Numbers(&x)),
        ("status".to_owned(), status),
    ];
    let data = PropensityData::binary(Design::new(columns).unwrap(), "left", &left).unwrap();
    let error = linear()
        .strength(Strength::Fixed(0.0))
        .fit(&data)
        .unwrap_err();
    let Error::Separation { column, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(column, "status = open");
    assert!(error.to_string().contains("join a level with others"));
}

/// Customers with a curve, a straight line, a category with gaps and a number with gaps.
struct Customers {
    tenure: Vec<f64>,
    spend: Vec<f64>,
    plan: Vec<u16>,
    age: Vec<f64>,
    churned: Vec<bool>,
    truth: Vec<f64>,
}

fn customers(n: usize, seed: u64) -> Customers {
    let random = &mut ChaCha8Rng::seed_from_u64(seed);
    let mut drawn = Customers {
        tenure: Vec::new(),
        spend: Vec::new(),
        plan: Vec::new(),
        age: Vec::new(),
        churned: Vec::new(),
        truth: Vec::new(),
    };
    for _ in 0..n {
        let tenure = 60.0 * uniform(random);
        let spend = (3.0 + normal(random)).exp();
        let plan = match uniform(random) {
            u if u < 0.5 => 0,
            u if u < 0.8 => 1,
            u if u < 0.95 => 2,
            _ => NO_LEVEL,
        };
        let age = if uniform(random) < 0.1 {
            f64::NAN
        } else {
            20.0 + 50.0 * uniform(random)
        };
        let of_plan = [0.0, 0.8, -0.8]
            .get(usize::from(plan))
            .copied()
            .unwrap_or(0.4);
        let of_age = if age.is_nan() {
            -0.5
        } else {
            0.02 * (age - 45.0)
        };
        let odds = -1.0 + 1.5 * (tenure / 10.0).sin() + of_plan + of_age;
        drawn.tenure.push(tenure);
        drawn.spend.push(spend);
        drawn.plan.push(plan);
        drawn.age.push(age);
        drawn.churned.push(uniform(random) < sigmoid(odds));
        drawn.truth.push(odds);
    }
    drawn
}

impl Customers {
    fn design(&self) -> Design<'_> {
        let plan = Feature::Levels {
            codes: &self.plan,
            levels: names(&["basic", "plus", "pro"]),
        };
        Design::new(vec![
            ("tenure".into(), Feature::Numbers(&self.tenure)),
            ("spend".into(), Feature::Numbers(&self.spend)),
            ("plan".into(), plan),
            ("age".into(), Feature::Numbers(&self.age)),
        ])
        .unwrap()
    }

    fn data(&self) -> PropensityData<'_> {
        PropensityData::binary(self.design(), "churned", &self.churned).unwrap()
    }

    fn take(&self, rows: &[usize]) -> Self {
        let pick = |values: &[f64]| rows.iter().map(|&row| values[row]).collect();
        Self {
            tenure: pick(&self.tenure),
            spend: pick(&self.spend),
            age: pick(&self.age),
            truth: pick(&self.truth),
            plan: rows.iter().map(|&row| self.plan[row]).collect(),
            churned: rows.iter().map(|&row| self.churned[row]).collect(),
        }
    }
}

#[test]
fn curves_are_recovered_and_intervals_cover_them() {
    let (mut covered, mut all) = (0_u32, 0_u32);
    for seed in 0..12 {
        let people = customers(4_000, seed);
        let model = Propensity::new().fit(&people.data()).unwrap();
        assert!(model.report().converged, "{:?}", model.report());
        let odds = model.log_odds(&people.design(), &mut ()).unwrap();
        let away: f64 = odds
            .iter()
            .zip(&people.truth)
            .map(|(a, b)| (a - b).powi(2))
            .sum();
        assert!((away / 4_000.0).sqrt() < 0.2, "{}", (away / 4_000.0).sqrt());
        let ends = model.intervals(&people.design(), 0.9, &mut ()).unwrap();
        for ([low, high], truth) in ends.into_iter().zip(&people.truth) {
            covered += u32::from((low..=high).contains(&sigmoid(*truth)));
            all += 1;
        }
        // What says nothing is drawn to nothing.
        let terms = model.terms();
        assert!(terms[1].spread < 0.12 && terms[0].spread > 0.8, "{terms:?}");
    }
    let share = f64::from(covered) / f64::from(all);
    assert!((0.84..0.96).contains(&share), "{share}");
}

#[test]
fn contributions_add_up_and_reasons_are_the_largest() {
    let people = customers(2_000, 9);
    let model = Propensity::new().fit(&people.data()).unwrap();
    let odds = model.log_odds(&people.design(), &mut ()).unwrap();
    let found = model.contributions(&people.design(), &mut ()).unwrap();
    let n = found.features.len();
    let mut means = vec![0.0; n];
    for (own, odds) in found.values.chunks(n).zip(&odds) {
        assert!((found.baseline + own.iter().sum::<f64>() - odds).abs() < 1e-12);
        means
            .iter_mut()
            .zip(own)
            .for_each(|(mean, own)| *mean += own / 2_000.0);
    }
    assert!(means.iter().all(|mean| mean.abs() < 1e-10), "{means:?}");
    let reasons = model.reasons(&people.design(), 2, &mut ()).unwrap();
    let mut places = 0..reasons.len();
    for (row, own) in found.values.chunks(n).enumerate() {
        let mut sizes: Vec<f64> = own.iter().map(|share| share.abs()).collect();
        sizes.sort_by(|a, b| b.total_cmp(a));
        for (rank, size) in (1..).zip(&sizes[..2]).filter(|(_, size)| **size >= 0.01) {
            let place = places.next().unwrap();
            assert_eq!(
                (reasons.row[place] as usize, reasons.rank[place]),
                (row, rank)
            );
            assert_eq!(reasons.contribution[place].abs(), *size);
            assert_eq!(own[reasons.feature[place] as usize].abs(), *size);
        }
    }
    assert!(places.next().is_none());
    for (own, odds) in reasons.log_odds.iter().zip(&odds) {
        assert!((own - odds).abs() < 1e-12);
    }
    let points = reasons.percentage_points(|p| p);
    let words = reasons.words(&people.design(), &points, &mut ()).unwrap();
    assert_eq!(words.sentences.len(), reasons.len());
    let curve = model.curve("tenure", 21, 0.9).unwrap();
    assert!(
        curve
            .points
            .iter()
            .all(|point| point.lower < Some(point.effect))
    );
    assert_eq!(model.curve("plan", 5, 0.9).unwrap().points.len(), 4);
    assert!(model.curve("height", 5, 0.9).is_err());
    let effects = model.effects(0.95).unwrap();
    assert_eq!(effects[0].feature, None);
    assert!(effects.iter().any(|one| one.at == "missing"));
}

#[test]
fn files_score_as_the_model_did() {
    let people = customers(1_500, 4);
    let settings = Propensity::new();
    for features in [
        Features::default(),
        Features::Bins { bins: 7 },
        Features::Linear,
    ] {
        let model = settings
            .clone()
            .features(features)
            .fit(&people.data())
            .unwrap();
        let copy = FittedPropensity::from_json(&model.to_json().unwrap()).unwrap();
        assert_eq!(copy, model);
        let score =
            |model: &FittedPropensity| model.probabilities(&people.design(), &mut ()).unwrap();
        assert_eq!(score(&copy), score(&model));
    }
}

#[test]
fn weights_are_repetitions_and_order_is_nothing() {
    let people = customers(900, 2);
    let weights: Vec<f64> = (0..900).map(|row| f64::from(row % 3)).collect();
    let repeated: Vec<usize> = (0..900_usize).flat_map(|row| vec![row; row % 3]).collect();
    let shuffled: Vec<usize> = (0..900).map(|row| (row * 371) % 900).collect();
    for features in [
        Features::Spline { intervals: Some(9) },
        Features::Bins { bins: 8 },
        Features::Linear,
    ] {
        let settings = Propensity::new()
            .features(features)
            .strength(Strength::Fixed(2.0))
            .tolerance(1e-13);
        let score = |model: &FittedPropensity| model.log_odds(&people.design(), &mut ()).unwrap();
        let weighted = people.data().with_weights("w", &weights).unwrap();
        let weighted = score(&settings.fit(&weighted).unwrap());
        let many = people.take(&repeated);
        close(
            &score(&settings.fit(&many.data()).unwrap()),
            &weighted,
            1e-8,
            "repeated",
        );
        let plain = score(&settings.fit(&people.data()).unwrap());
        let mixed = people.take(&shuffled);
        close(
            &score(&settings.fit(&mixed.data()).unwrap()),
            &plain,
            1e-8,
            "shuffled",
        );
        // Columns and levels in another order, and numbers in other units.
        let plan: Vec<u16> = (people.plan.iter())
            .map(|code| {
                if *code == NO_LEVEL {
                    NO_LEVEL
                } else {
                    2 - code
                }
            })
            .collect();
        let tenure: Vec<f64> = people.tenure.iter().map(|x| 1e6 * x - 3e6).collect();
        let other = || {
            let plan = Feature::Levels {
                codes: &plan,
                levels: names(&["pro", "plus", "basic"]),
            };
            Design::new(vec![
                ("plan".into(), plan),
                ("age".into(), Feature::Numbers(&people.age)),
                ("tenure".into(), Feature::Numbers(&tenure)),
                ("spend".into(), Feature::Numbers(&people.spend)),
            ])
            .unwrap()
        };
        let data = PropensityData::binary(other(), "churned", &people.churned).unwrap();
        let model = settings.fit(&data).unwrap();
        close(
            &model.log_odds(&other(), &mut ()).unwrap(),
            &plain,
            1e-7,
            "reordered",
        );
    }
}

#[test]
fn threads_do_not_change_the_bits() {
    let people = customers(6_000, 3);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            Propensity::new()
                .fit_out_of_fold(&people.data(), &mut ())
                .unwrap()
        })
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn a_large_table_ends_where_a_small_one_does() {
    let (n, p) = (70_000, 4);
    let random = &mut ChaCha8Rng::seed_from_u64(8);
    let rows: Vec<f64> = (0..n * p).map(|_| normal(random)).collect();
    let outcome: Vec<bool> = rows
        .chunks(p)
        .map(|x| uniform(random) < sigmoid(0.7 * x[0] - 0.4 * x[1] - 1.0))
        .collect();
    let columns: Vec<f64> = (0..p)
        .flat_map(|j| rows.chunks(p).map(move |x| x[j]).collect::<Vec<_>>())
        .collect();
    let names: Vec<String> = (0..p).map(|j| format!("x{j}")).collect();
    let fit = |order, values| {
        let design = Design::from_matrix(&names, values, order).unwrap();
        let data = PropensityData::binary(design, "y", &outcome).unwrap();
        linear().strength(Strength::Fixed(1.0)).fit(&data).unwrap()
    };
    let (one, other) = (
        fit(MatrixOrder::Rows, &rows),
        fit(MatrixOrder::Columns, &columns),
    );
    close(&coefficients(&one), &coefficients(&other), 1e-8, "orders");
    // The slopes vanish at the optimum: told apart from the way there.
    let design = Design::from_matrix(&names, &rows, MatrixOrder::Rows).unwrap();
    let p_hat = one.probabilities(&design, &mut ()).unwrap();
    let residual = |row: usize| p_hat[row] - f64::from(u8::from(outcome[row]));
    let slope: f64 = (0..n).map(residual).sum();
    assert!(slope.abs() < 1e-5, "{slope}");
    let slope: f64 = (0..n).map(|row| residual(row) * rows[row * p]).sum();
    // Per standard deviation, which is near 1.
    assert!((slope + coefficients(&one)[0]).abs() < 1e-2, "{slope}");
}

#[test]
fn separation_is_named_and_a_penalty_ends_it() {
    let x: Vec<f64> = (0..60).map(f64::from).collect();
    let noise: Vec<f64> = (0..60).map(|row| f64::from((row * 37) % 11)).collect();
    let y: Vec<bool> = (0..60).map(|row| row >= 25).collect();
    let design = || {
        let columns = [("noise", &noise), ("leak", &x)];
        let columns = columns.map(|(name, x)| (name.to_owned(), Feature::Numbers(x)));
        Design::new(columns.to_vec()).unwrap()
    };
    let data = PropensityData::binary(design(), "left", &y).unwrap();
    let error = linear()
        .strength(Strength::Fixed(0.0))
        .fit(&data)
        .unwrap_err();
    let Error::Separation { column, outcome } = &error else {
        panic!("{error}");
    };
    assert_eq!((column.as_str(), outcome.as_str()), ("leak", "left"));
    assert!(
        linear()
            .strength(Strength::Fixed(1.0))
            .fit(&data)
            .unwrap()
            .report()
            .converged
    );
    assert!(Propensity::new().fit(&data).is_ok());
    // A level in which it always happened.
    let level: Vec<u16> = (0..60).map(|row| u16::from(row % 5 == 0)).collect();
    let y: Vec<bool> = (0..60).map(|row| row % 5 == 0 || row % 3 == 0).collect();
    let levels = Feature::Levels {
        codes: &level,
        levels: names(&["a", "b"]),
    };
    let design = Design::new(vec![("group".into(), levels)]).unwrap();
    let data = PropensityData::binary(design, "left", &y).unwrap();
    let error = linear()
        .strength(Strength::Fixed(0.0))
        .fit(&data)
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("column 'group = b' tells"), "{error}");
}

#[test]
fn constant_and_collinear_columns_are_named() {
    let random = &mut ChaCha8Rng::seed_from_u64(5);
    let x: Vec<f64> = (0..500).map(|_| normal(random)).collect();
    let z: Vec<f64> = (0..500).map(|_| 1e9 * normal(random)).collect();
    let sum: Vec<f64> = x.iter().zip(&z).map(|(x, z)| x - 1e-9 * z).collect();
    let same = vec![7.0; 500];
    let y: Vec<bool> = x.iter().map(|x| uniform(random) < sigmoid(*x)).collect();
    let columns = [("x", &x), ("z", &z), ("same", &same), ("sum", &sum)];
    let columns = columns.map(|(name, x)| (name.to_owned(), Feature::Numbers(x)));
    let design = Design::new(columns.to_vec()).unwrap();
    let data = PropensityData::binary(design, "y", &y).unwrap();
    let model = linear().strength(Strength::Fixed(0.0)).fit(&data).unwrap();
    let told = &model.report().how_it_ended;
    assert!(told.contains("'same' is 7 in every row"), "{told}");
    assert!(told.contains("as a combination of others: 'sum'"), "{told}");
    assert!(model.report().converged);
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let people = customers(200, 1);
    let refused = |settings: Propensity| settings.fit(&people.data()).unwrap_err().to_string();
    assert!(refused(linear().strength(Strength::Fixed(-1.0))).contains("strength = -1"));
    assert!(refused(linear().penalty(Penalty::ElasticNet { l1_ratio: 2.0 })).contains("l1_ratio"));
    assert!(refused(Propensity::new().folds(1)).contains("folds = 1"));
    assert!(refused(Propensity::new().ordered(["tenure"])).contains("numbers are in order"));
    assert!(refused(Propensity::new().ordered(["height"])).contains("height"));
    let cluster = Propensity::new().standard_errors(StandardErrors::Cluster);
    assert!(refused(cluster).contains("groups in the data"));
    let two = Propensity::new().strength(Strength::Cv).folds(201);
    assert!(refused(two).contains("at most the number of rows"));
    let model = Propensity::new().fit(&people.data()).unwrap();
    let design = Design::new(vec![("tenure".into(), Feature::Numbers(&[1.0]))]).unwrap();
    let missing = model
        .probabilities(&design, &mut ())
        .unwrap_err()
        .to_string();
    assert!(
        missing.starts_with("column 'spend': is not in the table"),
        "{missing}"
    );
}

#[test]
fn rare_outcomes_gain_from_frequent_ones() {
    // Twelve products with coefficients around common ones; four are rare.
    let (n, n_products) = (1_500, 12);
    let random = &mut ChaCha8Rng::seed_from_u64(11);
    let x: Vec<Vec<f64>> = (0..5)
        .map(|_| (0..n).map(|_| normal(random)).collect())
        .collect();
    let fresh: Vec<Vec<f64>> = (0..5)
        .map(|_| (0..n).map(|_| normal(random)).collect())
        .collect();
    let common = [1.0, -0.8, 0.6, 0.0, 0.4];
    let design = |x: &'_ [Vec<f64>]| -> Vec<(String, Vec<f64>)> {
        x.iter()
            .enumerate()
            .map(|(j, x)| (format!("x{j}"), x.clone()))
            .collect()
    };
    let (train, test) = (design(&x), design(&fresh));
    let view = |columns: &'static [(String, Vec<f64>)]| {
        let columns = columns
            .iter()
            .map(|(name, x)| (name.clone(), Feature::Numbers(x)));
        Design::new(columns.collect()).unwrap()
    };
    let (train, test) = (&*train.leak(), &*test.leak());
    let mut truths = Vec::new();
    let mut outcomes = Vec::new();
    for product in 0..n_products {
        let b: Vec<f64> = common.iter().map(|b| b + 0.15 * normal(random)).collect();
        let a = if product < 4 { -5.0 } else { -1.5 };
        let odds = |x: &[Vec<f64>], row: usize| a + (0..5).map(|j| b[j] * x[j][row]).sum::<f64>();
        outcomes.push(
            (0..n)
                .map(|row| uniform(random) < sigmoid(odds(&x, row)))
                .collect::<Vec<_>>(),
        );
        truths.push(
            (0..n)
                .map(|row| sigmoid(odds(&fresh, row)))
                .collect::<Vec<_>>(),
        );
    }
    let named: Vec<(String, &[bool])> = outcomes
        .iter()
        .enumerate()
        .map(|(k, outcome)| (format!("product {k}"), &outcome[..]))
        .collect();
    let settings = Propensity::new().features(Features::Linear);
    let data = ManyOutcomes::new(&view(train), &named).unwrap();
    let together = settings.fit_many(&data, &mut ()).unwrap();
    let loss = |model: &FittedPropensity, truth: &[f64]| -> f64 {
        let p = model.probabilities(&view(test), &mut ()).unwrap();
        let terms = p.iter().zip(truth);
        terms
            .map(|(p, t)| -t * p.ln() - (1.0 - t) * (1.0 - p).ln())
            .sum()
    };
    let (mut alone, mut shared) = (0.0, 0.0);
    for product in 0..4 {
        let (_, outcome) = &named[product];
        let data = PropensityData::binary(view(train), "y", outcome).unwrap();
        alone += loss(&settings.fit(&data).unwrap(), &truths[product]);
        shared += loss(&together[product], &truths[product]);
    }
    let best: f64 = truths[..4]
        .iter()
        .flatten()
        .map(|t| -t * t.ln() - (1.0 - t) * (1.0 - t).ln())
        .sum();
    // Part of what is lost lies in the intercepts, which are not shared.
    assert!(
        shared - best < 0.8 * (alone - best),
        "{alone} {shared} {best}"
    );
    assert!(ManyOutcomes::new(&view(train), &named[..1]).is_err());
}

#[test]
fn a_row_counts_for_those_outcomes_only_that_it_has() {
    let people = customers(1_500, 11);
    let stayed: Vec<bool> = people.churned.iter().map(|one| !one).collect();
    let outcomes = [
        ("left".to_owned(), &people.churned[..]),
        ("stayed".to_owned(), &stayed[..]),
    ];
    let settings = linear();
    let weights = |from: usize| -> Vec<f64> {
        (0..1_500)
            .map(|row| f64::from(u8::from(row >= from)))
            .collect()
    };
    let (all, some) = (weights(0), weights(500));
    let data = ManyOutcomes::new(&people.design(), &outcomes).unwrap();
    let own = data.clone().with_own_weights("w", &[&all, &some]).unwrap();
    let models = settings.fit_many(&own, &mut ()).unwrap();
    assert_eq!(models[0].report().n_rows, 1_500);
    // What is not counted does not matter: other outcomes in those rows give the same models.
    let turned: Vec<bool> = (0..1_500).map(|row| stayed[row] ^ (row < 500)).collect();
    let others = [outcomes[0].clone(), ("stayed".to_owned(), &turned[..])];
    let data = ManyOutcomes::new(&people.design(), &others).unwrap();
    assert!(data.clone().with_own_weights("w", &[&all]).is_err());
    let own = data.with_own_weights("w", &[&all, &some]).unwrap();
    for (one, other) in models.iter().zip(settings.fit_many(&own, &mut ()).unwrap()) {
        assert_eq!(coefficients(one), coefficients(&other));
    }
}

#[cfg(feature = "linfa")]
#[test]
fn linfa_agrees_where_it_can_and_is_refused_where_it_cannot() {
    use tercet::value::propensity::Solver;

    let people = customers(1_200, 6);
    let fit = |solver| {
        linear()
            .strength(Strength::Fixed(1.0))
            .solver(solver)
            .fit(&people.data())
    };
    let (own, linfa) = (fit(Solver::Newton).unwrap(), fit(Solver::Linfa).unwrap());
    close(&coefficients(&linfa), &coefficients(&own), 1e-4, "linfa");
    // Fewer than half have left: linfa-logistic 0.8.1 takes those who stayed for the positive class.
    let mirrored: Vec<bool> = people.churned.iter().map(|one| !one).collect();
    let data = PropensityData::binary(people.design(), "stayed", &mirrored).unwrap();
    let settings = linear()
        .strength(Strength::Fixed(1.0))
        .solver(Solver::Linfa);
    let stayed = coefficients(&settings.fit(&data).unwrap());
    let turned: Vec<f64> = stayed.iter().map(|b| -b).collect();
    close(&turned, &coefficients(&own), 1e-4, "mirrored");
    // Six features of scales twelve orders apart: coordinates are of one scale.
    let tiny: Vec<f64> = people.tenure.iter().map(|x| 1e-6 * x).collect();
    let huge: Vec<f64> = people.spend.iter().map(|x| 1e6 * x).collect();
    let columns = [("tiny", &tiny), ("huge", &huge)];
    let columns = columns.map(|(name, x)| (name.to_owned(), Feature::Numbers(x)));
    let design = Design::new(columns.to_vec()).unwrap();
    let data = PropensityData::binary(design, "y", &people.churned).unwrap();
    let scales = coefficients(&settings.fit(&data).unwrap());
    let newton = linear().strength(Strength::Fixed(1.0)).fit(&data).unwrap();
    close(&scales, &coefficients(&newton), 1e-4, "scales");
    // One iteration is no answer, and says so.
    let hasty = settings.clone().max_iterations(1).fit(&data).unwrap();
    assert!(!hasty.report().converged);
    let weights = vec![2.0; 1_200];
    let refused = |settings: &Propensity, data: &PropensityData<'_>| {
        settings.fit(data).unwrap_err().to_string()
    };
    let weighted = people.data().with_weights("w", &weights).unwrap();
    assert!(refused(&settings, &weighted).contains("knows no weights"));
    let offset = people.data().with_offset("o", &weights).unwrap();
    assert!(refused(&settings, &offset).contains("knows no offset"));
    let free = settings.clone().strength(Strength::Fixed(0.0));
    assert!(refused(&free, &people.data()).contains("no sign of separation"));
    let net = settings
        .clone()
        .penalty(Penalty::ElasticNet { l1_ratio: 0.5 });
    assert!(refused(&net, &people.data()).contains("no absolute penalty"));
}
