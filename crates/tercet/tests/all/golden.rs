//! Model files of every published version load and score as they did; the folder only ever grows.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tercet::Persist;
use tercet::data::{
    Answers, BestWorst, ChoiceRows, Design, Feature, Ids, NO_ANSWER, NO_LEVEL, Purchases, Question,
    Spend, Survey,
};
#[cfg(feature = "linfa")]
use tercet::needs::{FittedGaussianMixtureSegments, FittedKMeansSegments};
use tercet::needs::{FittedLatentClass, FittedMaxDiff, FittedSegmentProjection, FittedTypingTool};
use tercet::persist::kind_of;
use tercet::response::forest::FittedCausalForest;
use tercet::response::policy::FittedPolicyTree;
use tercet::response::rules::{Column as RuleColumn, Customers, SegmentBook};
use tercet::value::evaluation::FittedCalibration;
use tercet::value::hazard::FittedHazard;
use tercet::value::lifetime::{FittedBgNbd, FittedGammaGamma};
use tercet::value::propensity::FittedPropensity;

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
        Value::Bool(truth) => vec![f64::from(u8::from(*truth))],
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
        models.len() >= 8,
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
                "calibration" => {
                    let model = FittedCalibration::from_json(&text).unwrap();
                    model.calibrate(&numbers(&told["rows"])).unwrap()
                }
                "latent_class" => {
                    let model = FittedLatentClass::from_json(&text).unwrap();
                    latent_class(&model, &told["rows"], score)
                }
                "typing_tool" => {
                    let tool = FittedTypingTool::from_json(&text).unwrap();
                    latent_class(tool.model(), &told["rows"], score)
                }
                "segment_book" => {
                    segment_book(&SegmentBook::from_json(&text).unwrap(), &told["rows"])
                }
                "segment_projection" => {
                    let model = FittedSegmentProjection::from_json(&text).unwrap();
                    segment_projection(&model, &told["rows"], score)
                }
                "propensity" => {
                    let model = FittedPropensity::from_json(&text).unwrap();
                    propensity(&model, &told["rows"], score)
                }
                "causal_forest" => {
                    let model = FittedCausalForest::from_json(&text).unwrap();
                    causal_forest(&model, &told["rows"], score)
                }
                "policy_tree" => {
                    let model = FittedPolicyTree::from_json(&text).unwrap();
                    policy_tree(&model, &told["rows"])
                }
                "hazard" => {
                    let model = FittedHazard::from_json(&text).unwrap();
                    hazard(&model, &told["rows"], score)
                }
                "max_diff" => {
                    let model = FittedMaxDiff::from_json(&text).unwrap();
                    max_diff(&model, &told["rows"], score)
                }
                #[cfg(feature = "linfa")]
                "k_means" => {
                    let model = FittedKMeansSegments::from_json(&text).unwrap();
                    let columns = columns(model.questions(), &told["rows"]);
                    let survey = survey(&columns);
                    let members = model.posterior(&survey, &mut ()).unwrap();
                    membership(&members, model.n_segments(), score)
                }
                #[cfg(feature = "linfa")]
                "gaussian_mixture" => {
                    let model = FittedGaussianMixtureSegments::from_json(&text).unwrap();
                    let columns = columns(model.questions(), &told["rows"]);
                    let survey = survey(&columns);
                    if score["quantity"] == "log_likelihood" {
                        vec![model.log_likelihood(&survey, &mut ()).unwrap()]
                    } else {
                        let members = model.posterior(&survey, &mut ()).unwrap();
                        membership(&members, model.n_segments(), score)
                    }
                }
                #[cfg(not(feature = "linfa"))]
                "k_means" | "gaussian_mixture" => continue,
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

/// A question, and its answers as codes and as numbers.
type Column = (Question, Vec<u8>, Vec<f64>);

fn cells<'a>(rows: &'a Value, name: &str) -> &'a Vec<Value> {
    rows[name].as_array().unwrap()
}

fn number(cell: &Value) -> f64 {
    cell.as_f64().unwrap_or(f64::NAN)
}

fn columns<'a>(questions: impl IntoIterator<Item = &'a Question>, rows: &Value) -> Vec<Column> {
    let column = |question: &Question| {
        let levels = question.levels().unwrap_or_default();
        let place = |cell: &Value| {
            let text = cell
                .as_str()
                .map_or_else(|| cell.to_string(), str::to_owned);
            let place = levels.iter().position(|level| *level == text);
            place.map_or(NO_ANSWER, |place| u8::try_from(place).unwrap())
        };
        let cells = cells(rows, &question.name).iter();
        let codes = cells.clone().map(place).collect();
        (question.clone(), codes, cells.map(number).collect())
    };
    questions.into_iter().map(column).collect()
}

fn survey(columns: &[Column]) -> Survey<'_> {
    let views = columns.iter().map(|(question, codes, numbers)| {
        let answers = match question.levels() {
            Some(_) => Answers::Codes(codes),
            None => Answers::Numbers(numbers),
        };
        (question.clone(), answers)
    });
    Survey::new(views.collect()).unwrap()
}

/// Probabilities, or the likeliest segments.
fn membership(members: &[f64], n_segments: usize, score: &Value) -> Vec<f64> {
    match score["quantity"].as_str().unwrap() {
        "predict_proba" => members.to_vec(),
        "predict" => {
            let modal = |row: &[f64]| {
                let largest = row.iter().copied().fold(0.0, f64::max);
                row.iter().position(|p| *p == largest).unwrap() as f64 + 1.0
            };
            members.chunks_exact(n_segments).map(modal).collect()
        }
        quantity => panic!("{quantity}: a quantity without a golden test"),
    }
}

fn latent_class(model: &FittedLatentClass, rows: &Value, score: &Value) -> Vec<f64> {
    let arguments = &score["arguments"];
    let asked = |name: &str| {
        let items = arguments["items"].as_array();
        items.is_none_or(|items| items.iter().any(|item| item == name))
    };
    let columns = columns(
        model.questions().iter().filter(|one| asked(&one.name)),
        rows,
    );
    // "region=west" is 1 where the region is west.
    let covariate = |name: &String| match name.split_once('=') {
        Some((column, level)) => {
            let is_it = |cell: &Value| f64::from(u8::from(cell == level));
            let values = cells(rows, column).iter().map(is_it).collect();
            (name.clone(), values)
        }
        None => (name.clone(), cells(rows, name).iter().map(number).collect()),
    };
    let covariates: Vec<(String, Vec<f64>)> = match arguments["covariates"].as_bool() {
        Some(false) => Vec::new(),
        _ => model.covariates().iter().map(covariate).collect(),
    };
    let given = covariates.iter();
    let survey = survey(&columns)
        .with_covariates(given.map(|(name, x)| (name.clone(), &x[..])).collect())
        .unwrap();
    if score["quantity"] == "log_likelihood" {
        return vec![model.log_likelihood(&survey, &mut ()).unwrap()];
    }
    let members = model.posterior(&survey, &mut ()).unwrap();
    membership(&members, model.n_segments(), score)
}

/// A column of texts as codes of levels, or of numbers.
struct Attribute {
    levels: Vec<String>,
    codes: Vec<u16>,
    numbers: Vec<f64>,
}

impl Attribute {
    fn read(cells: &[Value]) -> Self {
        let mut levels: Vec<String> = Vec::new();
        let mut code = |cell: &Value| match cell.as_str() {
            None => NO_LEVEL,
            Some(text) => {
                let place = levels.iter().position(|level| level == text);
                let place = place.unwrap_or(levels.len());
                if place == levels.len() {
                    levels.push(text.to_owned());
                }
                u16::try_from(place).unwrap()
            }
        };
        let codes = cells.iter().map(&mut code).collect();
        Self {
            codes,
            levels,
            numbers: cells.iter().map(number).collect(),
        }
    }
}

/// The customers' attributes, in the order of the features.
fn attributes(features: &[String], rows: &Value) -> Vec<Attribute> {
    let names = features.iter();
    names
        .map(|name| Attribute::read(cells(rows, name)))
        .collect()
}

fn design(features: Vec<String>, read: &[Attribute]) -> Design<'_> {
    let names = features.into_iter();
    let columns = names.zip(read).map(|(name, attribute)| {
        let feature = if attribute.levels.is_empty() {
            Feature::Numbers(&attribute.numbers)
        } else {
            Feature::Levels {
                codes: &attribute.codes,
                levels: attribute.levels.clone(),
            }
        };
        (name, feature)
    });
    Design::new(columns.collect()).unwrap()
}

/// Customers by segments, row by row.
fn segment_book(book: &SegmentBook, rows: &Value) -> Vec<f64> {
    let whole: Vec<f64> = cells(rows, "orders").iter().map(number).collect();
    let spend: Vec<f64> = cells(rows, "spend").iter().map(number).collect();
    let truths = cells(rows, "opted_in");
    let opted_in: Vec<bool> = truths
        .iter()
        .map(|one| one.as_bool() == Some(true))
        .collect();
    let missing: Vec<bool> = truths.iter().map(Value::is_null).collect();
    let country = cells(rows, "country");
    let mut offsets = vec![0];
    let mut bytes = Vec::new();
    let mut codes = Vec::new();
    for (code, cell) in (0..).zip(country) {
        bytes.extend_from_slice(cell.as_str().unwrap_or_default().as_bytes());
        offsets.push(i64::try_from(bytes.len()).unwrap());
        codes.push(if cell.is_null() { -1 } else { code });
    }
    let levels = Ids::Strings {
        offsets: &offsets,
        bytes: &bytes,
    };
    let ids = cells(rows, "customer_id");
    let ids: Vec<i64> = ids.iter().map(|id| id.as_i64().unwrap()).collect();
    let truths = RuleColumn::Truths {
        values: &opted_in,
        missing: Some(&missing),
    };
    let texts = RuleColumn::Text {
        codes: &codes,
        levels,
    };
    let customers = Customers::new(vec![
        ("orders".into(), RuleColumn::Numbers(&whole)),
        ("spend".into(), RuleColumn::Numbers(&spend)),
        ("opted_in".into(), truths),
        ("country".into(), texts),
    ]);
    let customers = customers.unwrap();
    let customers = customers.with_ids("customer_id", Ids::Integers(&ids));
    let members = book.evaluate(&customers.unwrap(), None, &mut ()).unwrap();
    let sets = members.sets();
    (0..ids.len())
        .flat_map(|row| {
            sets.iter()
                .map(move |set| f64::from(u8::from(set.contains(row))))
        })
        .collect()
}

fn segment_projection(model: &FittedSegmentProjection, rows: &Value, score: &Value) -> Vec<f64> {
    let read = attributes(&model.features(), rows);
    let customers = design(model.features(), &read);
    let members = model.probabilities(&customers, &mut ()).unwrap();
    membership(&members, model.n_segments(), score)
}

/// What Python says of customers: probabilities and intervals go through the map in the note.
fn propensity(model: &FittedPropensity, rows: &Value, score: &Value) -> Vec<f64> {
    let read = attributes(&model.features(), rows);
    let customers = design(model.features(), &read);
    let map = FittedCalibration::from_json(&model.note()["maps"][0].to_string()).unwrap();
    match score["quantity"].as_str().unwrap() {
        "predict_proba" => {
            let raw = model.probabilities(&customers, &mut ()).unwrap();
            let found = map.calibrate(&raw).unwrap();
            found.into_iter().flat_map(|p| [1.0 - p, p]).collect()
        }
        "predict_interval" => {
            let level = score["arguments"]["level"].as_f64().unwrap();
            let ends = model.intervals(&customers, level, &mut ()).unwrap();
            map.calibrate(&ends.concat()).unwrap()
        }
        quantity => panic!("{quantity}: a quantity without a golden test"),
    }
}

fn causal_forest(model: &FittedCausalForest, rows: &Value, score: &Value) -> Vec<f64> {
    let read = attributes(&model.features(), rows);
    let customers = design(model.features(), &read);
    match score["quantity"].as_str().unwrap() {
        "effect" => model.effects(&customers, &mut ()).unwrap(),
        "effect_interval" => {
            let level = score["arguments"]["level"].as_f64().unwrap();
            model
                .intervals(&customers, level, &mut ())
                .unwrap()
                .concat()
        }
        quantity => panic!("{quantity}: a quantity without a golden test"),
    }
}

/// The leaf of each customer.
fn policy_tree(model: &FittedPolicyTree, rows: &Value) -> Vec<f64> {
    let read = attributes(&model.features(), rows);
    let customers = design(model.features(), &read);
    let leaves = model.apply(&customers, &mut ()).unwrap();
    leaves.into_iter().map(|leaf| leaf as f64).collect()
}

fn hazard(model: &FittedHazard, rows: &Value, score: &Value) -> Vec<f64> {
    let read = attributes(&model.features(), rows);
    let customers = design(model.features(), &read);
    let told = &score["arguments"];
    let times = if told["times"].is_array() {
        numbers(&told["times"])
    } else {
        Vec::new()
    };
    let given = [told["given"].as_f64().unwrap_or(0.0)];
    match score["quantity"].as_str().unwrap() {
        "predict_survival" => model.survival(&customers, &times, &given, &mut ()).unwrap(),
        "survival_interval" => {
            let level = told["level"].as_f64().unwrap();
            let ends = model.survival_intervals(&customers, &times, &given, level, &mut ());
            ends.unwrap().concat()
        }
        "predict_cumulative_incidence" => {
            let event = told["event"].as_str().unwrap();
            let place = model.events().iter().position(|one| one == event).unwrap();
            model
                .cumulative_incidence(&customers, place, &times, &given, &mut ())
                .unwrap()
        }
        "expected_remaining_time" => {
            let horizon = told["horizon"].as_f64().unwrap();
            model
                .expected_remaining_time(&customers, horizon, &given, &mut ())
                .unwrap()
        }
        quantity => panic!("{quantity}: a quantity without a golden test"),
    }
}

fn max_diff(model: &FittedMaxDiff, rows: &Value, score: &Value) -> Vec<f64> {
    let text = |cell: &Value| cell.as_str().unwrap_or_default().to_owned();
    let mut ids: Vec<String> = Vec::new();
    let respondent = cells(rows, "respondent").iter().map(|cell| {
        let id = text(cell);
        let place = ids.iter().position(|one| *one == id);
        let place = place.unwrap_or_else(|| {
            ids.push(id);
            ids.len() - 1
        });
        u32::try_from(place).unwrap()
    });
    let respondent: Vec<u32> = respondent.collect();
    let task = cells(rows, "task").iter();
    let task: Vec<u32> = task
        .map(|cell| u32::try_from(cell.as_u64().unwrap()).unwrap())
        .collect();
    let item = cells(rows, "item").iter().map(|cell| {
        let place = model.items().iter().position(|one| *one == text(cell));
        u16::try_from(place.unwrap()).unwrap()
    });
    let item: Vec<u16> = item.collect();
    let choice = cells(rows, "choice")
        .iter()
        .map(|cell| match cell.as_str() {
            Some("best") => 1,
            Some("worst") => -1,
            _ => 0,
        });
    let choice: Vec<i8> = choice.collect();
    let rows = ChoiceRows {
        respondent: &respondent,
        task: &task,
        item: &item,
        choice: &choice,
    };
    let choices = BestWorst::new(model.items().to_vec(), &rows).unwrap();
    if score["quantity"] == "log_likelihood" {
        return vec![model.log_likelihood(&choices, &mut ()).unwrap()];
    }
    let members = model.posterior(&choices, &mut ()).unwrap();
    membership(&members, model.n_segments(), score)
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
