//! Probabilities against the reference numbers of `tests/reference/evaluation`, and their properties.

use std::collections::HashMap;

use crate::common::reference::{cases, numbers, run_checks};
use serde_json::Value;
use tercet::data::Ids;
use tercet::value::evaluation::{
    Amounts, Calibration, CalibrationMethod, Capacity, CutoffSettings, Enough, EnoughData,
    FittedCalibration, GainSettings, Outcomes, Reliability, ScoreSettings,
};
use tercet::{Error, Estimator, Fitted, Persist, Step};

struct Rows {
    happened: Vec<bool>,
    p: Vec<f64>,
    weights: Vec<f64>,
}

impl Rows {
    fn of(case: &Value) -> Self {
        let column = |name: &str| numbers(&case["input"]["rows"][name]);
        Self {
            happened: column("y").iter().map(|y| *y == 1.0).collect(),
            p: column("p"),
            weights: column("sample_weight"),
        }
    }

    /// Outcomes whose probabilities are about the predictions, without a generator.
    fn drawn(n: usize) -> Self {
        let p = |i: usize| ((i * 7919) % n) as f64 / n as f64;
        Self {
            happened: (0..n).map(|i| (i * 104_729) % n < (i * 7919) % n).collect(),
            p: (0..n).map(p).collect(),
            weights: (0..n).map(|i| 0.5 + (i % 4) as f64).collect(),
        }
    }

    fn outcomes(&self) -> Outcomes<'_> {
        let outcomes = Outcomes::new(&self.happened, &self.p).unwrap();
        outcomes.with_weights(&self.weights).unwrap()
    }
}

#[test]
fn measures_are_the_reference() {
    for (name, case) in cases("evaluation", "scores") {
        let rows = Rows::of(&case);
        let scores = ScoreSettings::new()
            .shares([0.05, 0.1, 0.33])
            .replications(0)
            .score(&rows.outcomes(), &mut ())
            .unwrap();
        run_checks(&name, &case["expected"], |quantity, _| {
            if quantity == "auc_standard_error" {
                let drawn = ScoreSettings::new()
                    .replications(2_000)
                    .score(&rows.outcomes(), &mut ())
                    .unwrap();
                let auc = drawn.get("auc").unwrap();
                return vec![(auc.upper - auc.lower) / (2.0 * 1.959_964)];
            }
            vec![scores.get(quantity).unwrap().value]
        });
    }
}

#[test]
fn maps_are_the_reference() {
    for (name, case) in cases("evaluation", "calibration") {
        let rows = Rows::of(&case);
        let fit = |method, shift| {
            let settings = Calibration::new(method).shift(shift);
            settings.fit(&rows.outcomes()).unwrap()
        };
        let estimates = |method| -> Vec<f64> {
            let parameters = fit(method, None).parameters(0.95).unwrap();
            parameters.iter().map(|one| one.estimate).collect()
        };
        let grid = numbers(&case["expected"][0]["values"]);
        let map = |method, shift| fit(method, shift).calibrate(&grid).unwrap();
        run_checks(&name, &case["expected"], |quantity, _| match quantity {
            "grid" => grid.clone(),
            "isotonic" => map(CalibrationMethod::Isotonic, None),
            "isotonic_shifted" => map(CalibrationMethod::Isotonic, Some(0.02)),
            "sigmoid" => map(CalibrationMethod::Sigmoid, None),
            "beta" => map(CalibrationMethod::Beta, None),
            "sigmoid_parameters" => estimates(CalibrationMethod::Sigmoid),
            "beta_parameters" => estimates(CalibrationMethod::Beta),
            other => panic!("no quantity {other}"),
        });
    }
}

#[test]
fn a_calibration_survives_its_file() {
    let rows = Rows::drawn(400);
    for method in ["none", "sigmoid", "beta", "isotonic", "auto"] {
        let settings = Calibration::new(method.parse().unwrap()).shift(Some(0.03));
        let fitted = settings.fit(&rows.outcomes()).unwrap();
        let copy = FittedCalibration::from_json(&fitted.to_json().unwrap()).unwrap();
        assert_eq!(copy, fitted, "{method}");
    }
    assert!("platt".parse::<CalibrationMethod>().is_err());
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let rows = Rows::drawn(3_000);
    let customers: Vec<i64> = (0..3_000).map(|i| i / 2).collect();
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(|| {
            let outcomes = rows.outcomes();
            let outcomes = outcomes.with_customers(Ids::Integers(&customers)).unwrap();
            let scores = ScoreSettings::new()
                .replications(30)
                .score(&outcomes, &mut ());
            let cutoff = CutoffSettings::new(Amounts::Same(9.0), Amounts::Same(2.0))
                .replications(30)
                .search(&outcomes, &mut ());
            (format!("{scores:?}"), format!("{cutoff:?}"))
        })
    };
    assert_eq!(run(1), run(4));
}

#[test]
fn the_order_of_the_rows_changes_nothing() {
    let rows = Rows::drawn(500);
    let backwards = Rows {
        happened: rows.happened.iter().rev().copied().collect(),
        p: rows.p.iter().rev().copied().collect(),
        weights: rows.weights.iter().rev().copied().collect(),
    };
    let all = |rows: &Rows| {
        let outcomes = rows.outcomes();
        let scores = ScoreSettings::new()
            .replications(20)
            .score(&outcomes, &mut ());
        let gains = GainSettings::new()
            .money(Amounts::Same(5.0), Amounts::Same(1.0))
            .replications(20)
            .table(&outcomes, &mut ());
        let scores = scores.unwrap();
        let figures: Vec<f64> = scores.measures.iter().map(|one| one.lower).collect();
        (figures, gains.unwrap())
    };
    assert_eq!(all(&rows), all(&backwards));
}

#[test]
fn a_capacity_binds() {
    let rows = Rows::drawn(1_000);
    let search = |capacity| {
        CutoffSettings::new(Amounts::Same(10.0), Amounts::Same(0.5))
            .capacity(capacity)
            .replications(20)
            .search(&rows.outcomes(), &mut ())
            .unwrap()
    };
    let tenth = search(Some(Capacity::Share(0.1)));
    assert!(tenth.share > 0.08 && tenth.share < 0.1 + 1e-12);
    assert!(tenth.profit[0] < search(None).profit[0]);
    let error = CutoffSettings::new(Amounts::Same(1.0), Amounts::Same(1.0))
        .capacity(Some(Capacity::Number(-1.0)))
        .search(&rows.outcomes(), &mut ())
        .unwrap_err();
    assert!(error.to_string().starts_with("capacity = -1"));
}

#[test]
fn amounts_are_checked() {
    let rows = Rows::drawn(50);
    let words = |benefit: Amounts<'_>, cost: Amounts<'_>| {
        let search = CutoffSettings::new(benefit, cost);
        search
            .search(&rows.outcomes(), &mut ())
            .unwrap_err()
            .to_string()
    };
    let mut bad = [1.0; 50];
    bad[2] = f64::NAN;
    assert!(words(Amounts::Same(0.0), Amounts::Same(1.0)).starts_with("benefit = 0"));
    assert!(words(Amounts::Each(&bad), Amounts::Same(1.0)).contains("'benefit', row 2"));
    assert!(words(Amounts::Same(1.0), Amounts::Each(&bad[..3])).contains("expected 50 rows"));
    assert!(words(Amounts::Each(&[0.0; 50]), Amounts::Same(1.0)).contains("every row"));
}

#[test]
fn data_checks_count_what_rows_are_worth() {
    let happened: Vec<bool> = (0..1_000).map(|i| i % 5 == 0).collect();
    let p = vec![0.5; 1_000];
    let outcomes = Outcomes::new(&happened, &p).unwrap();
    let dates: Vec<usize> = (0..1_000).map(|i| i / 500).collect();
    let names = ["May".to_owned(), "June".to_owned()];
    let checks = EnoughData::new()
        .parameters(10)
        .of_outcomes(&outcomes, Some((&dates, &names)), &mut ())
        .unwrap();
    let found: HashMap<&str, f64> = checks
        .checks
        .iter()
        .map(|check| (check.check, check.value))
        .collect();
    assert_eq!(found["events"], 200.0);
    assert_eq!(found["events_per_parameter"], 20.0);
    assert_eq!(found["events_per_date"], 100.0);
    assert_eq!(found["stability"], 1.0);
    assert_eq!(checks.enough, Enough::Yes);
}

#[test]
fn an_interrupt_stops_the_replications() {
    let rows = Rows::drawn(1_000);
    let mut stop = |step: &Step| {
        if step.phase == "resampling" {
            std::ops::ControlFlow::Break(())
        } else {
            std::ops::ControlFlow::Continue(())
        }
    };
    let error = ScoreSettings::new().score(&rows.outcomes(), &mut stop);
    assert!(matches!(error, Err(Error::Interrupted { .. })));
}

#[test]
fn reliability_tells_too_high_from_right() {
    let rows = Rows::drawn(2_000);
    let right = Reliability::of(&rows.outcomes(), 10, 0.95, &mut ()).unwrap();
    assert!(right.bins.len() == 10 && right.verdict.contains("right"));
    let halved: Vec<f64> = rows.p.iter().map(|p| 0.5 * p).collect();
    let low = Outcomes::new(&rows.happened, &halved).unwrap();
    let low = Reliability::of(&low, 10, 0.95, &mut ()).unwrap();
    assert!(low.verdict.contains("too low"), "{}", low.verdict);
}
