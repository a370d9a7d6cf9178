//! Golden questions: against the reference cases, simulated truth, and what must hold whatever the data.

use std::fs;
use std::path::{Path, PathBuf};

use rand::RngExt;
use rand::distr::Distribution;
use rand_distr::StandardNormal;
use serde_json::Value;
use tercet::data::{Answers, CountFamily, NO_ANSWER, Question, Survey};
use tercet::needs::{
    FittedLatentClass, FittedTypingTool, LatentClass, ResponseStyle, TypingTool, WeightType,
};
use tercet::persist::kind_of;
use tercet::random::Seed;
use tercet::{Error, Estimator, Persist};

fn case(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/reference/latent_class");
    serde_json::from_str(&fs::read_to_string(folder.join(format!("{name}.json"))).unwrap()).unwrap()
}

/// The columns of a case's data file, or `None` (with the reason on standard error) where it is absent.
fn columns(case: &Value) -> Option<Vec<(String, Vec<u8>)>> {
    let folder = std::env::var_os("TERCET_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = folder.join(case["data"]["file"].as_str().unwrap());
    let Ok(text) = fs::read_to_string(&path) else {
        eprintln!("skipped: {} is absent (set TERCET_DATA)", path.display());
        return None;
    };
    let mut lines = text.lines().map(cells);
    let names = lines.next().unwrap();
    let rows: Vec<Vec<String>> = lines.filter(|row| row.len() == names.len()).collect();
    let column = |(name, item): (&String, &Value)| {
        let place = names.iter().position(|one| one == name).unwrap();
        let levels = item["levels"].as_array().unwrap();
        let code = |row: &Vec<String>| {
            let level = levels
                .iter()
                .position(|level| level.as_str() == Some(&row[place]));
            level.map_or(NO_ANSWER, |level| u8::try_from(level).unwrap())
        };
        (name.clone(), rows.iter().map(code).collect())
    };
    Some(
        case["input"]["items"]
            .as_object()
            .unwrap()
            .iter()
            .map(column)
            .collect(),
    )
}

/// The cells of a line, whose quoted ones may have a comma inside.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut quoted) = (vec![String::new()], false);
    for letter in line.trim_end().chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            _ => cells.last_mut().unwrap().push(letter),
        }
    }
    cells
}

fn yes_no<'a>(columns: &'a [(String, Vec<u8>)]) -> Survey<'a> {
    let question = |(name, codes): &'a (String, Vec<u8>)| {
        (
            Question::nominal(name.as_str(), ["0", "1"]),
            Answers::Codes(codes),
        )
    };
    Survey::new(columns.iter().map(question).collect()).unwrap()
}

#[test]
fn the_reference_cases() {
    let (published, exact) = (case("vacmot-typing"), case("vacmot-typing-exact"));
    let Some(columns) = columns(&exact) else {
        return;
    };
    let survey = yes_no(&columns);
    let model = LatentClass::new(5).seed(1).starts(60).fit(&survey).unwrap();
    let full = model.segments(&survey, &mut ()).unwrap();

    // The model itself, asked less.
    for check in exact["expected"].as_array().unwrap() {
        let items = check["arguments"]["items"].as_array().unwrap();
        let asked: Vec<&str> = items.iter().map(|item| item.as_str().unwrap()).collect();
        let some: Vec<(String, Vec<u8>)> = columns
            .iter()
            .filter(|(name, _)| asked.contains(&name.as_str()))
            .cloned()
            .collect();
        let found = model.segments(&yes_no(&some), &mut ()).unwrap();
        let alike = found
            .iter()
            .zip(&full)
            .filter(|(one, other)| one == other)
            .count();
        let agreement = alike as f64 / full.len() as f64;
        assert_eq!(check["quantity"], "agreement");
        let expected = check["values"].as_f64().unwrap();
        let atol = check["atol"].as_f64().unwrap();
        assert!(
            (agreement - expected).abs() <= atol,
            "{asked:?}: {agreement} {expected}"
        );
        // A tool that must ask these and no others scores the same.
        let others = columns
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| !asked.contains(name));
        let tool = TypingTool::new()
            .n_questions(asked.len())
            .up_to(asked.len())
            .always(asked.clone())
            .never(others)
            .folds(0)
            .fit(&survey, &model, &mut ())
            .unwrap();
        assert_eq!(tool.segments(&survey, &mut ()).unwrap(), found);
        assert!((tool.accuracy().sizes[0].agreement - agreement).abs() < 1e-12);
    }

    // What is chosen does no worse than what a search for equal assignments found.
    let tool = TypingTool::new()
        .n_questions(5)
        .fit(&survey, &model, &mut ())
        .unwrap();
    for check in published["expected"].as_array().unwrap() {
        assert_eq!(check["quantity"], "greedy_agreement");
        let size = usize::try_from(check["arguments"]["n_items"].as_u64().unwrap()).unwrap();
        let size = tool.accuracy().size(size).unwrap();
        let expected = check["values"].as_f64().unwrap();
        assert!(size.agreement >= expected - 0.01, "{size:?} {expected}");
    }
}

/// Answers of every kind, some missing; three segments that differ in the first questions of each kind
/// and not in the others; weights and a covariate.
struct Mixed {
    nominal: Vec<Vec<u8>>,
    ordinal: Vec<Vec<u8>>,
    counts: Vec<Vec<f64>>,
    numbers: Vec<Vec<f64>>,
    weights: Vec<f64>,
    age: Vec<f64>,
}

impl Mixed {
    fn draw(n: usize, seed: u64) -> Self {
        let mut random = Seed(seed).stream(9);
        let mut all = Self {
            nominal: vec![Vec::new(); 3],
            ordinal: vec![Vec::new(); 4],
            counts: vec![Vec::new(); 2],
            numbers: vec![Vec::new(); 2],
            weights: Vec::new(),
            age: Vec::new(),
        };
        for _ in 0..n {
            let segment: u8 = random.random_range(0..3);
            let k = f64::from(segment);
            for (place, column) in all.nominal.iter_mut().enumerate() {
                let own = place < 2 && random.random::<f64>() < 0.7;
                column.push(if own {
                    segment
                } else {
                    random.random_range(0..3)
                });
            }
            for (place, column) in all.ordinal.iter_mut().enumerate() {
                let shift = if place < 2 { k - 1.0 } else { 0.0 };
                let steps =
                    (0..4).filter(|_| random.random::<f64>() < 1.0 / (1.0 + (-shift).exp()));
                column.push(u8::try_from(steps.count()).unwrap());
            }
            for (place, column) in all.counts.iter_mut().enumerate() {
                let mean: f64 = if place == 0 { 1.0 + 2.0 * k } else { 2.0 };
                // Poisson: as many as fit into a unit of time.
                let (mut time, mut count) = (-random.random::<f64>().ln(), 0.0);
                while time < mean {
                    time -= random.random::<f64>().ln();
                    count += 1.0;
                }
                column.push(count);
            }
            for (place, column) in all.numbers.iter_mut().enumerate() {
                let noise: f64 = StandardNormal.sample(&mut random);
                let mean = if place == 0 { 30.0 - 10.0 * k } else { 0.0 };
                column.push(if random.random::<f64>() < 0.1 {
                    f64::NAN
                } else {
                    mean + 10.0 * noise
                });
            }
            for column in all.nominal.iter_mut().chain(&mut all.ordinal) {
                if random.random::<f64>() < 0.05
                    && let Some(answer) = column.last_mut()
                {
                    *answer = NO_ANSWER;
                }
            }
            let noise: f64 = StandardNormal.sample(&mut random);
            all.weights.push(0.5 + random.random::<f64>());
            all.age.push(40.0 + 8.0 * (k - 1.0) + 10.0 * noise);
        }
        all
    }

    fn columns(&self) -> Vec<(Question, Answers<'_>)> {
        let mut columns = Vec::new();
        for (place, codes) in self.nominal.iter().enumerate() {
            columns.push((
                Question::nominal(format!("n{place}"), ["a", "b", "c"]),
                Answers::Codes(codes),
            ));
        }
        for (place, codes) in self.ordinal.iter().enumerate() {
            let levels = ["1", "2", "3", "4", "5"];
            columns.push((
                Question::ordinal(format!("o{place}"), levels),
                Answers::Codes(codes),
            ));
        }
        for (place, values) in self.counts.iter().enumerate() {
            let question = Question::count(format!("c{place}"), CountFamily::Poisson);
            columns.push((question, Answers::Numbers(values)));
        }
        for (place, values) in self.numbers.iter().enumerate() {
            columns.push((
                Question::continuous(format!("x{place}")),
                Answers::Numbers(values),
            ));
        }
        columns
    }

    fn survey(&self) -> Survey<'_> {
        Survey::new(self.columns())
            .and_then(|survey| survey.with_weights("w", &self.weights))
            .and_then(|survey| survey.with_covariates(vec![("age".to_owned(), &self.age)]))
            .unwrap()
    }

    fn some(&self, names: &[&str]) -> Survey<'_> {
        let columns = self
            .columns()
            .into_iter()
            .filter(|(one, _)| names.contains(&one.name.as_str()));
        Survey::new(columns.collect())
            .and_then(|survey| survey.with_covariates(vec![("age".to_owned(), &self.age)]))
            .unwrap()
    }
}

/// What the tool calls expected agreement and agreement, from posteriors.
fn by_posteriors(model: &FittedLatentClass, whole: &Survey<'_>, some: &Survey<'_>) -> [f64; 2] {
    let targets = model.segments(whole, &mut ()).unwrap();
    let posterior = model.posterior(some, &mut ()).unwrap();
    let assigned = model.segments(some, &mut ()).unwrap();
    let mut sums = [0.0; 2];
    for (row, target) in targets.iter().enumerate() {
        let weight = whole.weight(row) / whole.total_weight();
        sums[0] += weight * posterior[row * model.n_segments() + target];
        sums[1] += weight * f64::from(u8::from(assigned[row] == *target));
    }
    sums
}

#[test]
fn questions_of_every_kind_score_as_the_model_asked_less() {
    let drawn = Mixed::draw(900, 1);
    let survey = drawn.survey();
    for style in [ResponseStyle::Ignore, ResponseStyle::RandomIntercept] {
        let model = LatentClass::new(3)
            .seed(2)
            .response_style(style)
            .fit(&survey)
            .unwrap();
        let tool = TypingTool::new()
            .n_questions(3)
            .up_to(5)
            .folds(3)
            .fit(&survey, &model, &mut ())
            .unwrap();
        for size in &tool.accuracy().sizes {
            let names: Vec<&str> = size.questions.iter().map(String::as_str).collect();
            let [expected, agreement] = by_posteriors(&model, &survey, &drawn.some(&names));
            assert!(
                (size.expected_agreement - expected).abs() < 1e-9,
                "{size:?} {expected}"
            );
            assert!(
                (size.agreement - agreement).abs() < 1e-9,
                "{size:?} {agreement}"
            );
            assert!(
                (size.cross_validated_agreement.unwrap() - agreement).abs() < 0.1,
                "{size:?}"
            );
            // Those that say nothing of the segments are not asked.
            for nothing in ["n2", "o2", "o3", "c1", "x1"] {
                assert!(!names.contains(&nothing), "{names:?}");
            }
        }
        let names: Vec<&str> = tool
            .questions()
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        let some = drawn.some(&names);
        let found = tool.posterior(&survey, &mut ()).unwrap();
        assert_eq!(found, tool.posterior(&some, &mut ()).unwrap());
        let expected = model.posterior(&some, &mut ()).unwrap();
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12);
        }
    }
}

#[test]
fn no_other_set_is_expected_to_agree_better() {
    let drawn = Mixed::draw(500, 3);
    let survey = drawn.survey();
    let model = LatentClass::new(3)
        .seed(2)
        .standard_errors(false)
        .fit(&survey)
        .unwrap();
    let names: Vec<&str> = model
        .questions()
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    let found = TypingTool::new()
        .n_questions(3)
        .up_to(3)
        .folds(0)
        .fit(&survey, &model, &mut ())
        .unwrap();
    let mut best: f64 = 0.0;
    for a in 0..names.len() {
        for b in a + 1..names.len() {
            for c in b + 1..names.len() {
                let some = drawn.some(&[names[a], names[b], names[c]]);
                best = best.max(by_posteriors(&model, &survey, &some)[0]);
            }
        }
    }
    // Of all 165 sets.
    assert!((found.accuracy().size(3).unwrap().expected_agreement - best).abs() < 1e-9);
}

#[test]
fn cross_validation_tells_how_it_goes_with_others() {
    let (drawn, others) = (Mixed::draw(800, 5), Mixed::draw(20_000, 6));
    let survey = drawn.survey();
    let model = LatentClass::new(3)
        .seed(2)
        .standard_errors(false)
        .fit(&survey)
        .unwrap();
    let tool = TypingTool::new()
        .n_questions(3)
        .fit(&survey, &model, &mut ())
        .unwrap();
    let size = tool.accuracy().size(3).unwrap();
    let some: Vec<&str> = size.questions.iter().map(String::as_str).collect();
    let [_, truth] = by_posteriors(&model, &others.survey(), &others.some(&some));
    let (found, error) = (
        size.cross_validated_agreement.unwrap(),
        size.standard_error.unwrap(),
    );
    assert!(
        (found - truth).abs() < 3.0 * error,
        "{found} +- {error}, {truth}"
    );
    let table = &tool.accuracy().confusion;
    let total: f64 = table.iter().flatten().sum();
    assert!((total - survey.total_weight()).abs() < 1e-6);
    let equal: f64 = (0..3).map(|k| table[k][k]).sum();
    assert!((equal / total - found).abs() < 1e-9);
    for share in tool
        .accuracy()
        .recall()
        .into_iter()
        .chain(tool.accuracy().precision())
    {
        assert!(share.unwrap() > 0.5, "{share:?}");
    }
    assert!(tool.accuracy().majority < 0.5 && found > tool.accuracy().majority + 0.2);
    assert!(
        size.chosen_in_folds
            .iter()
            .all(|share| (0.0..=1.0).contains(share))
    );
}

#[test]
fn weights_are_repetitions_and_threads_are_nothing() {
    let drawn = Mixed::draw(300, 7);
    let columns = drawn.columns();
    let weights: Vec<f64> = (0..300).map(|row| f64::from(1 + row % 3)).collect();
    // Small whole numbers.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let rows: Vec<usize> = (0..300)
        .flat_map(|row| std::iter::repeat_n(row, weights[row] as usize))
        .collect();
    let codes: Vec<Vec<u8>> = drawn
        .nominal
        .iter()
        .chain(&drawn.ordinal)
        .map(|column| rows.iter().map(|row| column[*row]).collect())
        .collect();
    let some = 7;
    let weighted = Survey::new(columns[..some].to_vec())
        .unwrap()
        .with_weights("w", &weights)
        .unwrap();
    let repeated = Survey::new(
        columns[..some]
            .iter()
            .zip(&codes)
            .map(|((one, _), codes)| (one.clone(), Answers::Codes(codes)))
            .collect(),
    )
    .unwrap();
    let settings = LatentClass::new(3)
        .seed(2)
        .weight_type(WeightType::Frequency);
    let (one, other) = (
        settings.fit(&weighted).unwrap(),
        settings.fit(&repeated).unwrap(),
    );
    let tool = |folds: usize, survey: &Survey<'_>, model: &FittedLatentClass| {
        TypingTool::new()
            .n_questions(2)
            .folds(folds)
            .seed(3)
            .fit(survey, model, &mut ())
            .unwrap()
    };
    let (a, b) = (tool(0, &weighted, &one), tool(0, &repeated, &other));
    for (a, b) in a.accuracy().sizes.iter().zip(&b.accuracy().sizes) {
        assert_eq!(a.questions, b.questions);
        assert!((a.expected_agreement - b.expected_agreement).abs() < 1e-6);
    }
    let pool = |n| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(n)
            .build()
            .unwrap()
    };
    let of = |n| pool(n).install(|| tool(4, &weighted, &one));
    assert_eq!(of(1), of(3));
}

#[test]
fn a_saved_tool_scores_the_same() {
    let drawn = Mixed::draw(300, 8);
    let survey = drawn.survey();
    let model = LatentClass::new(3).seed(2).fit(&survey).unwrap();
    let tool = TypingTool::new()
        .n_questions(3)
        .folds(2)
        .always(["x0"])
        .text("x0", "How many minutes did you wait?")
        .fit(&survey, &model, &mut ())
        .unwrap()
        .with_note(serde_json::json!({"asked": "by phone"}));
    assert_eq!(tool.model().questions(), tool.questions());
    let text = tool.to_json().unwrap();
    assert_eq!(kind_of(&text).unwrap(), "typing_tool");
    let copy = FittedTypingTool::from_json(&text).unwrap();
    assert_eq!(copy, tool);
    assert_eq!(copy.note()["asked"], "by phone");
    assert_eq!(
        copy.posterior(&survey, &mut ()).unwrap(),
        tool.posterior(&survey, &mut ()).unwrap()
    );
    let words = tool.questionnaire();
    assert!(
        words.starts_with("1. How many minutes did you wait?\n   ________ (a number)\n\n2. "),
        "{words}"
    );
    let other = text.replacen("\"x0\"", "\"x9\"", 1);
    assert!(FittedTypingTool::from_json(&other).is_err());
    assert!(FittedLatentClass::from_json(&text).is_err());
}

#[test]
fn levels_that_are_codes_are_shown_with_their_labels() {
    let codes: Vec<Vec<u8>> = (0..4)
        .map(|one| (0..80).map(|row| u8::from((row + one) % 2 == 0)).collect())
        .collect();
    let names = ["a", "b", "c", "d"];
    let columns = names.iter().zip(&codes).map(|(name, codes)| {
        let question = Question::nominal(*name, ["0", "1"]);
        (question, Answers::Codes(codes))
    });
    let survey = Survey::new(columns.collect()).unwrap();
    let model = LatentClass::new(2).seed(2).fit(&survey).unwrap();
    let tool = TypingTool::new()
        .n_questions(1)
        .folds(0)
        .always(["b"])
        .text("b", "Do you shop online?")
        .labels("b", ["never", "1"])
        .fit(&survey, &model, &mut ())
        .unwrap();
    let words = "1. Do you shop online?\n   [0] never\n   [1]\n";
    assert_eq!(tool.questionnaire(), words);
    let copy = FittedTypingTool::from_json(&tool.to_json().unwrap()).unwrap();
    assert_eq!(copy.questionnaire(), words);
}

#[test]
fn what_cannot_be_chosen_is_said() {
    let drawn = Mixed::draw(200, 9);
    let survey = drawn.survey();
    let model = LatentClass::new(2).seed(2).fit(&survey).unwrap();
    let words = |tool: TypingTool| tool.fit(&survey, &model, &mut ()).unwrap_err().to_string();
    let tool = TypingTool::new;
    assert!(words(tool().n_questions(12)).starts_with("n_questions = 12: expected"));
    assert!(words(tool().n_questions(0)).starts_with("n_questions = 0:"));
    assert!(words(tool().n_questions(1).always(["n0", "n1"])).starts_with("n_questions = 1:"));
    assert!(words(tool().up_to(2)).starts_with("up_to = 2:"));
    assert!(words(tool().folds(1)).starts_with("folds = 1:"));
    assert!(words(tool().always(["size"])).contains("\"size\""));
    assert!(words(tool().always(["n0"]).never(["n0"])).starts_with("never = \"n0\""));
    let without = Survey::new(drawn.columns()).unwrap();
    let error = tool()
        .fit(&without, &model, &mut ())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("covariates = []: expected those of the model, [\"age\"]"),
        "{error}"
    );
    let some = drawn.some(&["n0", "n1"]);
    let error = tool().fit(&some, &model, &mut ()).unwrap_err().to_string();
    assert!(
        error.starts_with("column 'n2':") && error.contains("add its column"),
        "{error}"
    );
    let tool = tool()
        .n_questions(2)
        .folds(0)
        .fit(&survey, &model, &mut ())
        .unwrap();
    assert!(!tool.accuracy().cross_validated);
    assert_eq!(tool.accuracy().sizes[0].cross_validated_agreement, None);
    let error = tool
        .segments(&drawn.some(&["n2"]), &mut ())
        .unwrap_err()
        .to_string();
    assert!(error.contains("is a question of the tool's"), "{error}");
    // Stopped in each phase.
    for after in [0, 5, 40] {
        let mut steps = 0;
        let mut stop = |_: &tercet::Step| {
            steps += 1;
            if steps > after {
                std::ops::ControlFlow::Break(())
            } else {
                std::ops::ControlFlow::Continue(())
            }
        };
        let stopped = TypingTool::new().fit(&survey, &model, &mut stop);
        assert!(matches!(stopped, Err(Error::Interrupted { .. })), "{after}");
    }
}
