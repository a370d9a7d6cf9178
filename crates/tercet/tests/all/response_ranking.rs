//! Areas of rankings against another library's curves: `tests/reference/make_ranking.py`.

use serde_json::Value;
use tercet::response::{Area, Ranking};

#[test]
fn areas_and_errors_are_those_of_another_library() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/reference/ranking/areas.json"
    );
    let case: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let column = |name: &str| -> Vec<f64> {
        let values = case["input"][name].as_array().unwrap();
        values.iter().map(|x| x.as_f64().unwrap()).collect()
    };
    let (effect, treated, y) = (column("effect"), column("treated"), column("outcome"));
    // Doubly robust scores whose outcomes are predicted by the arms' means.
    let n = y.len() as f64;
    let p = treated.iter().sum::<f64>() / n;
    let sum: f64 = y.iter().zip(&treated).map(|(y, w)| y * w).sum();
    let (high, low) = (
        sum / (n * p),
        (y.iter().sum::<f64>() - sum) / (n * (1.0 - p)),
    );
    let score =
        |(y, w): (&f64, &f64)| high - low + w * (y - high) / p - (1.0 - w) * (y - low) / (1.0 - p);
    let scores: Vec<f64> = y.iter().zip(&treated).map(score).collect();
    let ranking = Ranking::new(&scores, &effect).unwrap();
    for area in Area::ALL {
        let found = ranking.area(area, 0.95).unwrap();
        let told = |of: &str| case[of][area.name()].as_f64().unwrap();
        let (estimate, error) = (told("areas"), told("standard_errors"));
        assert!((found.estimate - estimate).abs() < 1e-12, "{found:?}");
        assert!(
            (found.standard_error / error - 1.0).abs() < 0.06,
            "{found:?} {error}"
        );
    }
}
