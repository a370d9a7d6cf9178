//! Experiments against the reference numbers of `tests/reference/experiment`, and their properties.

use crate::common::reference::{cases, numbers, run_checks};
use serde_json::Value;
use tercet::data::Ids;
use tercet::response::experiment::{
    Adjustment, Arms, Caution, Covariate, EffectRow, ExperimentAnalysis, ExperimentData,
    ExperimentDesign, ExperimentResult, Family, Membership, MissingOutcome, NO_SEGMENT, Outcome,
    equality, shrink,
};

/// Labels as places in their sorted list.
fn coded(values: &Value) -> (Vec<String>, Vec<u32>) {
    let texts: Vec<String> = values
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value.as_str().unwrap().to_owned())
        .collect();
    let mut names = texts.clone();
    names.sort();
    names.dedup();
    let place = |text: &String| names.iter().position(|name| name == text).unwrap();
    let codes = texts.iter().map(|text| u32::try_from(place(text)).unwrap());
    let codes = codes.collect();
    (names, codes)
}

/// The analysis of a reference case with the settings of a check.
fn analyze(case: &Value, settings: &Value) -> ExperimentResult {
    let rows = &case["input"]["rows"];
    let (names, codes) = coded(&rows["arm"]);
    let codes: Vec<u16> = codes
        .iter()
        .map(|code| u16::try_from(*code).unwrap())
        .collect();
    let control = names.iter().position(|name| name == "control").unwrap();
    let (segments, segment_codes) = coded(&rows["segment"]);
    let columns: Vec<Vec<f64>> = ["spend", "visit"].map(|name| numbers(&rows[name])).into();
    let covariates: Vec<(String, Vec<f64>)> = case["input"]["covariates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| {
            (
                name.as_str().unwrap().to_owned(),
                numbers(&rows[name.as_str().unwrap()]),
            )
        })
        .collect();
    let arms = Arms {
        column: "arm".to_owned(),
        names,
        codes: &codes,
        control,
    };
    let outcomes = vec![
        Outcome::new("spend", &columns[0]),
        Outcome::new("visit", &columns[1]),
    ];
    let covariates = covariates.iter().map(|(name, values)| Covariate {
        name: name.clone(),
        values,
    });
    let labels = Membership::Labels {
        column: "segment".to_owned(),
        names: segments,
        codes: &segment_codes,
    };
    let mut data = ExperimentData::new(arms, outcomes)
        .unwrap()
        .with_covariates(covariates.collect())
        .unwrap()
        .with_segments(vec![labels])
        .unwrap();
    #[allow(clippy::cast_possible_truncation)] // whole numbers
    let ids: Vec<i64> = rows
        .get("customer")
        .map(|ids| numbers(ids).iter().map(|id| *id as i64).collect())
        .unwrap_or_default();
    if case["input"]["cluster"].is_string() {
        data = data.with_clusters("customer", Ids::Integers(&ids)).unwrap();
    }
    let word = |name: &str| settings[name].as_str();
    let mut analysis = ExperimentAnalysis::new().shares([0.35, 0.25, 0.4]);
    if let (Some(adjust), Some(family)) = (word("adjust"), word("family")) {
        analysis = analysis.adjustment(
            adjust.parse::<Adjustment>().unwrap(),
            family.parse::<Family>().unwrap(),
        );
    }
    if let Some(robust) = word("standard_errors") {
        analysis = analysis.robust(robust.parse().unwrap());
    }
    if let Some(target) = word("target") {
        analysis = analysis.target(target.parse().unwrap());
    }
    if let Some(planned) = settings["sequential"].as_f64() {
        analysis = analysis.sequential(planned);
    }
    analysis.analyze(&data, &mut ()).unwrap()
}

fn column(result: &ExperimentResult, name: &str) -> Vec<f64> {
    let of = |row: &EffectRow| match name {
        "n" => row.n as f64,
        "n_control" => row.n_control as f64,
        "mean" => row.mean,
        "mean_control" => row.mean_control,
        "effect" => row.effect,
        "standard_error" => row.standard_error.unwrap(),
        "lower" => row.ends.unwrap()[0],
        "upper" => row.ends.unwrap()[1],
        "lift" => row.lift.unwrap(),
        "lift_lower" => row.lift_ends.unwrap()[0],
        "lift_upper" => row.lift_ends.unwrap()[1],
        "p" => row.p.unwrap(),
        "p_adjusted" => row.p_adjusted.unwrap(),
        "variance_reduction" => row.variance_reduction.unwrap(),
        _ => panic!("no such quantity: {name}"),
    };
    match name {
        "ratio.p" => vec![result.sample_ratio[0].p.unwrap()],
        "ratio.chi_squared" => vec![result.sample_ratio[0].chi_squared],
        _ => result.rows.iter().map(of).collect(),
    }
}

#[test]
fn effects_are_those_of_statsmodels_and_scipy() {
    for (name, case) in cases("experiment", "effects") {
        run_checks(&name, &case["expected"], |quantity, check| {
            column(&analyze(&case, &check["arguments"]), quantity)
        });
    }
}

#[test]
fn equality_is_statsmodels_brown_and_forsythe() {
    for (name, case) in cases("experiment", "equality") {
        let given = |column: &str| numbers(&case["input"][column]);
        let found = equality(
            &given("effects"),
            &given("weights"),
            &given("variances"),
            &given("freedoms"),
        );
        let found = found.unwrap().unwrap();
        run_checks(&name, &case["expected"], |quantity, _| match quantity {
            "f" => vec![found.f],
            "freedoms" => found.freedoms.into(),
            _ => vec![found.p],
        });
    }
}

#[test]
fn shrinkage_is_the_posterior_on_a_dense_grid() {
    for (name, case) in cases("experiment", "shrinkage") {
        let (effects, variances) = (
            numbers(&case["input"]["effects"]),
            numbers(&case["input"]["variances"]),
        );
        let (_, found) = shrink(&effects, &variances, 0.95).unwrap().unwrap();
        run_checks(&name, &case["expected"], |quantity, _| {
            found
                .iter()
                .map(|one| match quantity {
                    "effect_shrunken" => one.effect,
                    "shrunken_lower" => one.ends[0],
                    _ => one.ends[1],
                })
                .collect()
        });
    }
}

#[test]
fn power_is_that_of_statsmodels() {
    for (name, case) in cases("experiment", "power") {
        run_checks(&name, &case["expected"], |_, check| {
            let given = |name: &str| check["arguments"][name].as_f64();
            let mean = given("baseline").unwrap();
            let design = match given("deviation") {
                Some(deviation) => ExperimentDesign::continuous(mean, deviation),
                None => ExperimentDesign::binary(mean),
            };
            let design = design
                .shares(given("arm").unwrap(), given("control").unwrap())
                .variance_reduction(given("variance_reduction").unwrap());
            vec![
                design
                    .power(given("n").unwrap(), given("effect").unwrap())
                    .unwrap(),
            ]
        });
    }
}

/// Drawn without a generator: two arms, an outcome, segments that overlap.
struct Rows {
    arms: Vec<u16>,
    y: Vec<f64>,
    x: Vec<f64>,
    labels: Vec<u32>,
    flags: Vec<bool>,
}

impl Rows {
    fn new(n: usize) -> Self {
        let mixed = |i: usize, k: usize| (i * k) % 1_009;
        Self {
            arms: (0..n).map(|i| u16::from(mixed(i, 617) < 500)).collect(),
            y: (0..n)
                .map(|i| mixed(i, 331) as f64 / 7.0 + (i % 5) as f64)
                .collect(),
            x: (0..n)
                .map(|i| mixed(i, 331) as f64 + (i % 13) as f64)
                .collect(),
            labels: (0..n)
                .map(|i| u32::try_from(i % 4).unwrap())
                .map(|code| if code == 3 { NO_SEGMENT } else { code })
                .collect(),
            flags: (0..n).map(|i| i % 3 > 0).collect(),
        }
    }

    fn arms(&self) -> Arms<'_> {
        Arms {
            column: "arm".to_owned(),
            names: vec!["none".to_owned(), "mail".to_owned()],
            codes: &self.arms,
            control: 0,
        }
    }

    fn data(&self) -> ExperimentData<'_> {
        let names = ["a", "b", "c"].map(str::to_owned).into();
        ExperimentData::new(self.arms(), vec![Outcome::new("y", &self.y)])
            .unwrap()
            .with_covariates(vec![Covariate {
                name: "x".to_owned(),
                values: &self.x,
            }])
            .unwrap()
            .with_segments(vec![
                Membership::Labels {
                    column: "letter".to_owned(),
                    names,
                    codes: &self.labels,
                },
                Membership::Flags {
                    name: "most".to_owned(),
                    flags: &self.flags,
                },
            ])
            .unwrap()
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let rows = Rows::new(30_000);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(|| {
            ExperimentAnalysis::new()
                .analyze(&rows.data(), &mut ())
                .unwrap()
        })
    };
    let (one, three) = (run(1), run(3));
    assert_eq!(one.rows, three.rows);
    assert_eq!(one, three);
}

#[test]
fn a_segment_is_what_an_analysis_of_its_rows_alone_gives() {
    let rows = Rows::new(6_000);
    let whole = ExperimentAnalysis::new()
        .analyze(&rows.data(), &mut ())
        .unwrap();
    let kept: Vec<usize> = (0..6_000).filter(|i| rows.labels[*i] == 1).collect();
    let part = Rows {
        arms: kept.iter().map(|i| rows.arms[*i]).collect(),
        y: kept.iter().map(|i| rows.y[*i]).collect(),
        x: kept.iter().map(|i| rows.x[*i]).collect(),
        labels: Vec::new(),
        flags: Vec::new(),
    };
    let data = ExperimentData::new(part.arms(), vec![Outcome::new("y", &part.y)]).unwrap();
    let covariate = Covariate {
        name: "x".to_owned(),
        values: &part.x,
    };
    let data = data.with_covariates(vec![covariate]).unwrap();
    let alone = ExperimentAnalysis::new().analyze(&data, &mut ()).unwrap();
    let (found, own) = (&whole.rows[2], &alone.rows[0]);
    assert_eq!(whole.segments[found.segment], "b");
    assert!((found.effect - own.effect).abs() < 1e-9);
    let errors = found.standard_error.unwrap() / own.standard_error.unwrap();
    assert!((errors - 1.0).abs() < 1e-9);
}

#[test]
fn bad_rows_are_refused_with_their_place() {
    let rows = Rows::new(100);
    let mut ids: Vec<i64> = (0..100).collect();
    let two = (1..100).find(|i| rows.arms[*i] != rows.arms[0]).unwrap();
    let again = (1..100).find(|i| rows.arms[*i] == rows.arms[0]).unwrap();
    ids[two] = 0;
    let data = rows
        .data()
        .with_clusters("id", Ids::Integers(&ids))
        .unwrap();
    let error = ExperimentAnalysis::new()
        .analyze(&data, &mut ())
        .unwrap_err();
    let place = format!("column 'id', row {two}: is in the arm 'mail'");
    assert!(error.to_string().starts_with(&place) || error.to_string().contains("is in the arm"));
    ids[two] = i64::try_from(two).unwrap();
    ids[again] = 0;
    let data = rows
        .data()
        .with_customers("id", Ids::Integers(&ids))
        .unwrap();
    let error = ExperimentAnalysis::new()
        .analyze(&data, &mut ())
        .unwrap_err();
    assert!(
        error.to_string().contains("is the customer of row 0, too"),
        "{error}"
    );

    let mut y = rows.y.clone();
    y[7] = f64::NAN;
    let data = || ExperimentData::new(rows.arms(), vec![Outcome::new("y", &y)]).unwrap();
    let error = ExperimentAnalysis::new()
        .analyze(&data(), &mut ())
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("column 'y', row 7: is missing")
    );
    let skip = ExperimentAnalysis::new().missing(MissingOutcome::Skip);
    let found = skip.analyze(&data(), &mut ()).unwrap();
    assert_eq!(found.outcomes[0].n_missing.iter().sum::<usize>(), 1);
    assert_eq!(found.rows[0].n + found.rows[0].n_control, 99);
    for bad in [0.0, 1.0, f64::NAN] {
        assert!(
            ExperimentAnalysis::new()
                .level(bad)
                .analyze(&rows.data(), &mut ())
                .is_err()
        );
    }
}

#[test]
fn an_observer_can_stop_it() {
    let rows = Rows::new(30_000);
    let mut stop = |_: &tercet::Step| std::ops::ControlFlow::Break(());
    let found = ExperimentAnalysis::new().analyze(&rows.data(), &mut stop);
    assert!(matches!(found, Err(tercet::Error::Interrupted { .. })));
}

#[test]
fn what_does_not_vary_has_no_interval() {
    let rows = Rows::new(2_000);
    // A segment in which nobody bought, and an outcome that its covariate determines.
    let bought: Vec<f64> = (0..2_000)
        .map(|i| f64::from(!rows.flags[i]) * f64::from(u8::from(i % 7 == 0)))
        .collect();
    let nobody = Membership::Flags {
        name: "nobody bought".to_owned(),
        flags: &rows.flags,
    };
    let covariate = |values| Covariate {
        name: "x".to_owned(),
        values,
    };
    let outcomes = vec![
        Outcome::new("bought", &bought),
        Outcome::new("x itself", &rows.x),
    ];
    let data = ExperimentData::new(rows.arms(), outcomes)
        .unwrap()
        .with_covariates(vec![covariate(&rows.x)])
        .unwrap()
        .with_segments(vec![nobody])
        .unwrap();
    let found = ExperimentAnalysis::new().analyze(&data, &mut ()).unwrap();
    let constant: Vec<bool> = found.rows.iter().map(|row| row.p.is_none()).collect();
    assert_eq!(constant, [false, true, true, true]);
    let cautions = found
        .rows
        .iter()
        .filter(|row| row.caution == Some(Caution::Constant));
    assert_eq!(cautions.count(), 3);
}
