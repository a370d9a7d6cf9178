//! Model files of every published version load and score as they did; the folder only ever grows.

#![allow(clippy::unwrap_used)] // a test fails by panicking

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tercet::Persist;
use tercet::data::{Answers, NO_ANSWER, Purchases, Spend, Survey};
use tercet::needs::FittedLatentClass;
use tercet::persist::kind_of;
use tercet::value::lifetime::{FittedBgNbd, FittedGammaGamma};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/v1")
}

fn read(name: &str) -> String {
    let path = folder().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A number, a list of numbers, or "inf".
fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        Value::String(text) => vec![text.parse().unwrap()],
        number => vec![number.as_f64().unwrap()],
    }
}

#[test]
fn old_files_load_and_score_as_they_did() {
    let names = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    let models: Vec<&str> = names
        .iter()
        .filter_map(|name| name.strip_suffix(".scores.json"))
        .collect();
    assert!(
        models.len() >= 3,
        "no golden files in {}",
        folder().display()
    );
    for name in models {
        let text = read(&format!("{name}.json"));
        let told: Value = serde_json::from_str(&read(&format!("{name}.scores.json"))).unwrap();
        let rows = |column: &str| numbers(&told["rows"][column]);
        let scores = told["scores"].as_array().unwrap();
        assert!(!scores.is_empty());
        for score in scores {
            let found = match kind_of(&text).unwrap().as_str() {
                "bg_nbd" => bg_nbd(&FittedBgNbd::from_json(&text).unwrap(), rows, score),
                "gamma_gamma" => {
                    gamma_gamma(&FittedGammaGamma::from_json(&text).unwrap(), rows, score)
                }
                "latent_class" => {
                    let model = FittedLatentClass::from_json(&text).unwrap();
                    latent_class(&model, &told["rows"], score)
                }
                kind => panic!("{kind}: a kind without a golden test"),
            };
            let expected = numbers(&score["values"]);
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                // The last bits of logarithms differ between machines.
                let close = found == expected || (found / expected - 1.0).abs() < 1e-12;
                assert!(
                    close,
                    "{name} {}: {found} was {expected}",
                    score["quantity"]
                );
            }
        }
    }
}

fn bg_nbd(model: &FittedBgNbd, rows: impl Fn(&str) -> Vec<f64>, score: &Value) -> Vec<f64> {
    let (x, t_x, t) = (rows("frequency"), rows("recency"), rows("T"));
    let customers = Purchases::new(&x, &t_x, &t).unwrap();
    let argument = |name: &str| score["arguments"][name].as_f64().unwrap();
    match score["quantity"].as_str().unwrap() {
        "probability_alive" => model.probability_alive(&customers, &mut ()).unwrap(),
        "expected_purchases" => model
            .expected_purchases(&customers, argument("horizon"), &mut ())
            .unwrap(),
        "expected_purchases_new" => {
            vec![model.expected_purchases_new(argument("horizon")).unwrap()]
        }
        "time_until" => model
            .time_until(&customers, argument("probability"), &mut ())
            .unwrap(),
        "probability_alive_interval" => {
            let level = argument("level");
            model
                .probability_alive_interval(&customers, level, &mut ())
                .unwrap()
                .concat()
        }
        "expected_purchases_interval" => {
            let (horizon, level) = (argument("horizon"), argument("level"));
            model
                .expected_purchases_interval(&customers, horizon, level, &mut ())
                .unwrap()
                .concat()
        }
        quantity => panic!("{quantity}: a quantity without a golden test"),
    }
}

fn gamma_gamma(
    model: &FittedGammaGamma,
    rows: impl Fn(&str) -> Vec<f64>,
    score: &Value,
) -> Vec<f64> {
    let (x, mean) = (rows("frequency"), rows("monetary_value"));
    let customers = Spend::new(&x, &mean).unwrap();
    match score["quantity"].as_str().unwrap() {
        "expected_spend" => model.expected_spend(&customers, &mut ()).unwrap(),
        "expected_spend_interval" => {
            let level = score["arguments"]["level"].as_f64().unwrap();
            model
                .expected_spend_interval(&customers, level, &mut ())
                .unwrap()
                .concat()
        }
        quantity => panic!("{quantity}: a quantity without a golden test"),
    }
}

fn latent_class(model: &FittedLatentClass, rows: &Value, score: &Value) -> Vec<f64> {
    let arguments = &score["arguments"];
    let cells = |name: &str| rows[name].as_array().unwrap();
    let number = |cell: &Value| cell.as_f64().unwrap_or(f64::NAN);
    let asked = |name: &str| {
        let items = arguments["items"].as_array();
        items.is_none_or(|items| items.iter().any(|item| item == name))
    };
    let questions = model.questions().iter().filter(|one| asked(&one.name));
    let mut columns = Vec::new();
    for question in questions {
        let levels = question.levels().unwrap_or_default();
        let place = |cell: &Value| {
            let text = cell
                .as_str()
                .map_or_else(|| cell.to_string(), str::to_owned);
            let place = levels.iter().position(|level| *level == text);
            place.map_or(NO_ANSWER, |place| u8::try_from(place).unwrap())
        };
        let codes: Vec<u8> = cells(&question.name).iter().map(place).collect();
        let numbers: Vec<f64> = cells(&question.name).iter().map(number).collect();
        columns.push((question.clone(), codes, numbers));
    }
    // "region=west" is 1 where the region is west.
    let covariate = |name: &String| match name.split_once('=') {
        Some((column, level)) => {
            let is_it = |cell: &Value| f64::from(u8::from(cell == level));
            (name.clone(), cells(column).iter().map(is_it).collect())
        }
        None => (name.clone(), cells(name).iter().map(number).collect()),
    };
    let covariates: Vec<(String, Vec<f64>)> = match arguments["covariates"].as_bool() {
        Some(false) => Vec::new(),
        _ => model.covariates().iter().map(covariate).collect(),
    };
    let views = columns.iter().map(|(question, codes, numbers)| {
        let answers = match question.levels() {
            Some(_) => Answers::Codes(codes),
            None => Answers::Numbers(numbers),
        };
        (question.clone(), answers)
    });
    let survey = Survey::new(views.collect()).unwrap();
    let given = covariates.iter();
    let survey = survey
        .with_covariates(given.map(|(name, x)| (name.clone(), &x[..])).collect())
        .unwrap();
    match score["quantity"].as_str().unwrap() {
        "predict_proba" => model.posterior(&survey, &mut ()).unwrap(),
        "predict" => {
            let segments = model.segments(&survey, &mut ()).unwrap();
            segments
                .iter()
                .map(|segment| *segment as f64 + 1.0)
                .collect()
        }
        "log_likelihood" => vec![model.log_likelihood(&survey, &mut ()).unwrap()],
        quantity => panic!("{quantity}: a quantity without a golden test"),
    }
}

#[test]
fn damaged_and_foreign_files_are_refused_in_words() {
    let text = read("bg_nbd.json");
    let message = |text: &str| FittedBgNbd::from_json(text).unwrap_err().to_string();
    for cut in [0, 1, text.len() / 2, text.len() - 3] {
        let words = message(&text[..cut]);
        assert!(
            words.starts_with("not a whole tercet model file"),
            "{words}"
        );
    }
    assert!(message("{}").contains("\"format\": \"tercet\""));
    let newer = text.replace("\"version\": 1", "\"version\": 2");
    assert!(message(&newer).contains("version 2"), "{}", message(&newer));
    // A newer version may have other parts; its number is what matters.
    let mut other: Value = serde_json::from_str(&newer).unwrap();
    other.as_object_mut().unwrap().remove("report");
    assert!(message(&other.to_string()).contains("version 2"));
    assert!(message(" ").ends_with("it is empty"));
    assert!(FittedBgNbd::from_json(&format!("\u{feff}{text}")).is_ok());
    let error = FittedGammaGamma::from_json(&text).unwrap_err().to_string();
    assert!(
        error.contains("holds a 'bg_nbd', not a 'gamma_gamma'"),
        "{error}"
    );
    let negative = text.replace("\"alpha\": ", "\"alpha\": -");
    assert!(
        message(&negative).contains("alpha"),
        "{}",
        message(&negative)
    );
    let incomplete = text.replace("\"parameters\"", "\"other\"");
    assert!(
        message(&incomplete).contains("parameters"),
        "{}",
        message(&incomplete)
    );
}
