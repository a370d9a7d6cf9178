//! The files of `tests/reference`: see the README there.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Case files of one model and kind; finding none is a failure.
pub(crate) fn cases(model: &str, kind: &str) -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/reference")
        .join(model);
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    paths.sort();
    let cases: Vec<(String, Value)> = paths
        .iter()
        .map(|path| {
            let case: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
            (case["case"].as_str().unwrap().to_owned(), case)
        })
        .filter(|(_, case)| case["kind"] == kind)
        .collect();
    assert!(
        !cases.is_empty(),
        "no '{kind}' case in {}",
        folder.display()
    );
    cases
}

/// The text of a case's data file, or `None` (with the reason on standard error) where it is absent.
pub(crate) fn data_file(name: &str, data: &Value) -> Option<String> {
    let folder = std::env::var_os("TERCET_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = folder.join(data["file"].as_str().unwrap());
    fs::read_to_string(&path)
        .inspect_err(|_| {
            eprintln!(
                "skipped {name}: {} is absent (set TERCET_DATA)",
                path.display()
            );
        })
        .ok()
}

/// A number, a list of numbers, or "inf".
pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        Value::String(text) => vec![text.parse().unwrap()],
        number => vec![number.as_f64().unwrap()],
    }
}

/// Runs the checks of one case; `quantity(name, check)` knows what to compute.
pub(crate) fn run_checks(case: &str, checks: &Value, quantity: impl Fn(&str, &Value) -> Vec<f64>) {
    let checks = checks.as_array().unwrap();
    assert!(!checks.is_empty(), "{case} has no checks");
    for check in checks {
        let name = check["quantity"].as_str().unwrap();
        let found = match name.strip_prefix("sum.") {
            Some(name) => vec![quantity(name, check).iter().sum()],
            None => quantity(name, check),
        };
        let expected = numbers(&check["values"]);
        let tolerance =
            |want: f64| numbers(&check["atol"])[0] + numbers(&check["rtol"])[0] * want.abs();
        assert_eq!(found.len(), expected.len(), "{case}: {name}");
        for (row, (&got, &want)) in found.iter().zip(&expected).enumerate() {
            let close = got == want || (got - want).abs() <= tolerance(want);
            assert!(close, "{case}: {name}, row {row}: got {got}, want {want}");
        }
    }
}
