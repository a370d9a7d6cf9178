//! Every expected number in `tests/reference`, run against the core; the same files are run from
//! Python. See the README in that folder for the format.

use std::collections::BTreeMap;

use serde_json::Value;
use tercet::data::{Ids, PurchaseLog, Purchases, Spend, SummarySettings};
use tercet::simulate::PurchaseSimulator;
use tercet::units::TimeUnit;
use tercet::value::lifetime::{BgNbd, FittedBgNbd, FittedGammaGamma, GammaGamma, NewCustomers};
use tercet::{Estimator, Fitted};

use crate::common::reference::{cases, data_file, numbers, run_checks};

type Columns = BTreeMap<String, Vec<f64>>;

/// The case's rows, or `None` (with the reason on standard error) where its data file is absent.
fn rows(name: &str, case: &Value) -> Option<Columns> {
    let Some(data) = case.get("data") else {
        let rows = case["input"]["rows"].as_object();
        let rows = rows.into_iter().flatten();
        return Some(
            rows.map(|(column, values)| (column.clone(), numbers(values)))
                .collect(),
        );
    };
    let text = data_file(name, data)?;
    let mut lines = text
        .lines()
        .map(|line| line.trim().split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let table: Vec<Vec<&str>> = lines.filter(|line| line.len() == header.len()).collect();
    let columns = data["columns"].as_object().unwrap();
    let column = |(role, name): (&String, &Value)| {
        let place = header
            .iter()
            .position(|column| *column == name.as_str().unwrap())
            .unwrap();
        (
            role.clone(),
            table
                .iter()
                .map(|row| row[place].parse().unwrap())
                .collect(),
        )
    };
    Some(columns.iter().map(column).collect())
}

fn argument(check: &Value, name: &str) -> f64 {
    check["arguments"][name]
        .as_f64()
        .unwrap_or_else(|| panic!("no argument '{name}' in {check}"))
}

fn parameter(model: &impl Fitted, name: &str) -> Option<f64> {
    let parameters = model.parameters(0.95).unwrap();
    let (name, error) = match name.strip_prefix("standard_error.") {
        Some(name) => (name, true),
        None => (name, false),
    };
    let found = parameters.iter().find(|parameter| parameter.name == name)?;
    Some(if error {
        found.standard_error.unwrap()
    } else {
        found.estimate
    })
}

fn report(model: &impl Fitted, name: &str) -> Option<f64> {
    match name {
        "log_likelihood" => model.report().log_likelihood,
        "aic" => model.report().aic(),
        "n_observations" => Some(model.report().n_observations),
        _ => None,
    }
}

fn bg_nbd_quantity(model: &FittedBgNbd, rows: &Columns, name: &str, check: &Value) -> Vec<f64> {
    let purchases = || Purchases::new(&rows["frequency"], &rows["recency"], &rows["T"]).unwrap();
    match name {
        "log_likelihood" => (0..purchases().len())
            .map(|row| {
                let one = |column: &str| std::slice::from_ref(&rows[column][row]);
                let one = Purchases::new(one("frequency"), one("recency"), one("T")).unwrap();
                model.log_likelihood(&one, &mut ()).unwrap()
            })
            .collect(),
        "probability_alive" => model.probability_alive(&purchases(), &mut ()).unwrap(),
        "expected_purchases" => model
            .expected_purchases(&purchases(), argument(check, "horizon"), &mut ())
            .unwrap(),
        "discounted_expected_purchases" => {
            let per_year = model.time_unit().per_year().unwrap();
            let yearly = (argument(check, "rate") * per_year).exp_m1();
            let horizon = argument(check, "horizon");
            model
                .discounted_purchases(&purchases(), horizon, yearly, &mut ())
                .unwrap()
        }
        "time_until" => model
            .time_until(&purchases(), argument(check, "probability"), &mut ())
            .unwrap(),
        "expected_purchases_new" => {
            vec![
                model
                    .expected_purchases_new(argument(check, "horizon"))
                    .unwrap(),
            ]
        }
        _ => panic!("unknown quantity '{name}'"),
    }
}

fn gamma_gamma_quantity(model: &FittedGammaGamma, rows: &Columns, name: &str) -> Vec<f64> {
    let spend = || Spend::new(&rows["frequency"], &rows["monetary_value"]).unwrap();
    match name {
        "log_likelihood" => (0..spend().len())
            .map(|row| {
                let one = |column: &str| std::slice::from_ref(&rows[column][row]);
                let one = Spend::new(one("frequency"), one("monetary_value")).unwrap();
                model.log_likelihood(&one, &mut ()).unwrap()
            })
            .collect(),
        "expected_spend" => model.expected_spend(&spend(), &mut ()).unwrap(),
        "population_mean" => vec![model.population_mean()],
        _ => panic!("unknown quantity '{name}'"),
    }
}

fn given(case: &Value, name: &str) -> f64 {
    case["input"]["parameters"][name].as_f64().unwrap()
}

#[test]
fn bg_nbd_fits() {
    for (name, case) in cases("bg_nbd", "fit") {
        let Some(rows) = rows(&name, &case) else {
            continue;
        };
        let purchases = Purchases::new(&rows["frequency"], &rows["recency"], &rows["T"]).unwrap();
        let model = BgNbd::new().fit(&purchases).unwrap();
        assert!(model.report().converged, "{name}");
        run_checks(&name, &case["expected"], |quantity, check| {
            report(&model, quantity)
                .or_else(|| parameter(&model, quantity))
                .map_or_else(
                    || bg_nbd_quantity(&model, &rows, quantity, check),
                    |value| vec![value],
                )
        });
    }
}

#[test]
fn bg_nbd_rows() {
    for (name, case) in cases("bg_nbd", "rows") {
        let Some(rows) = rows(&name, &case) else {
            continue;
        };
        let value = |name| given(&case, name);
        // In years, so that a yearly discount rate is a rate per time unit.
        let model = BgNbd::new()
            .time_unit(TimeUnit::Year)
            .given(value("r"), value("alpha"), value("a"), value("b"))
            .unwrap();
        run_checks(&name, &case["expected"], |quantity, check| {
            bg_nbd_quantity(&model, &rows, quantity, check)
        });
    }
}

#[test]
fn gamma_gamma_fits() {
    for (name, case) in cases("gamma_gamma", "fit") {
        let Some(rows) = rows(&name, &case) else {
            continue;
        };
        let spend = Spend::new(&rows["frequency"], &rows["monetary_value"]).unwrap();
        let model = GammaGamma::new().fit(&spend).unwrap();
        assert!(model.report().converged, "{name}");
        run_checks(&name, &case["expected"], |quantity, _| {
            report(&model, quantity)
                .or_else(|| parameter(&model, quantity))
                .map_or_else(
                    || gamma_gamma_quantity(&model, &rows, quantity),
                    |value| vec![value],
                )
        });
    }
}

#[test]
fn gamma_gamma_rows() {
    for (name, case) in cases("gamma_gamma", "rows") {
        let Some(rows) = rows(&name, &case) else {
            continue;
        };
        let value = |name| given(&case, name);
        let model = FittedGammaGamma::from_parameters(value("p"), value("q"), value("v")).unwrap();
        run_checks(&name, &case["expected"], |quantity, _| {
            gamma_gamma_quantity(&model, &rows, quantity)
        });
    }
}

#[test]
fn bg_nbd_never_fails_where_a_solution_exists() {
    for (name, case) in cases("bg_nbd", "regimes") {
        let (mut sets, mut failures, mut below_truth) = (0, 0, 0);
        for regime in case["input"]["regimes"].as_array().unwrap() {
            for seed in regime["seeds"].as_array().unwrap() {
                let (failed, below) = run_regime(regime, seed.as_u64().unwrap());
                sets += 1;
                failures += i32::from(failed);
                below_truth += i32::from(below);
            }
        }
        run_checks(&name, &case["expected"], |quantity, _| match quantity {
            "sets" => vec![f64::from(sets)],
            "failures" => vec![f64::from(failures)],
            "below_truth" => vec![f64::from(below_truth)],
            _ => panic!("unknown quantity '{quantity}'"),
        });
    }
}

/// (failed, the log-likelihood is below that of the truth)
fn run_regime(regime: &Value, seed: u64) -> (bool, bool) {
    let number = |name: &str| regime[name].as_f64().unwrap();
    let truth = |name: &str| regime["parameters"][name].as_f64().unwrap();
    let unit: TimeUnit = regime["time_unit"].as_str().unwrap().parse().unwrap();
    let customers = usize::try_from(regime["n_customers"].as_u64().unwrap()).unwrap();
    let log = PurchaseSimulator::new(customers)
        .seed(seed)
        .purchases(truth("r"), truth("alpha"), truth("a"), truth("b"))
        .time_unit(unit)
        .acquisition(number("acquisition"))
        .duration(number("duration"))
        .draw_log(&mut ())
        .unwrap();
    let settings = SummarySettings {
        time_unit: unit,
        observation_end: Some(log.observation_end),
        ..SummarySettings::default()
    };
    let summary = PurchaseLog::new(Ids::Integers(&log.customer), &log.day, None)
        .unwrap()
        .summarize(&settings, &mut ())
        .unwrap();
    let purchases = summary.purchases().unwrap();
    let settings = BgNbd::new()
        .time_unit(unit)
        .new_customers(NewCustomers::Skip);
    let Ok(model) = settings.fit(&purchases) else {
        return (true, true);
    };
    let report = model.report();
    let finite = model.estimates().iter().all(|value| value.is_finite());
    let at_truth = settings
        .given(truth("r"), truth("alpha"), truth("a"), truth("b"))
        .unwrap()
        .log_likelihood(&purchases, &mut ())
        .unwrap();
    if let Some(boundary) = &report.boundary {
        eprintln!("{} {seed}: {boundary}", regime["name"]);
    }
    let failed = !finite || !report.log_likelihood.is_some_and(f64::is_finite) || !report.converged;
    (failed, report.log_likelihood.unwrap() < at_truth - 1e-6)
}
