//! Propensities on public data: five folds against bars. Skipped, with the reason, where the files are
//! absent (set `TERCET_DATA`).
//!
//! Telco customer churn (IBM, 7,043 customers) and bank marketing (Moro, Cortez & Rita 2014, Decision
//! Support Systems 62, 22-31; 41,188 calls, without their duration, which is known afterwards only).

#![allow(clippy::cast_possible_truncation)] // small codes

use crate::common::reference::data_file;
use serde_json::json;
use tercet::Estimator;
use tercet::data::{Design, Feature};
use tercet::value::propensity::{Propensity, PropensityData};

enum Column {
    Numbers(Vec<f64>),
    Levels(Vec<u16>, Vec<String>),
}

struct Table {
    columns: Vec<(String, Column)>,
    outcome: Vec<bool>,
}

/// A file without quotes; a column is numbers where every cell is one, or empty.
fn read(text: &str, separator: char, outcome: (&str, &str), without: &[&str]) -> Table {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(separator).collect();
    let rows: Vec<Vec<&str>> = lines
        .map(|line| line.split(separator).map(str::trim).collect())
        .collect();
    let mut table = Table {
        columns: Vec::new(),
        outcome: Vec::new(),
    };
    for (place, name) in names
        .iter()
        .enumerate()
        .filter(|(_, name)| !without.contains(name))
    {
        let cells = || rows.iter().map(|row| row[place]);
        if *name == outcome.0 {
            table.outcome = cells().map(|cell| cell == outcome.1).collect();
            continue;
        }
        let number = |cell: &str| {
            if cell.is_empty() {
                Some(f64::NAN)
            } else {
                cell.parse().ok()
            }
        };
        let numbers: Option<Vec<f64>> = cells().map(number).collect();
        let column = match numbers {
            Some(numbers) if *name != "SeniorCitizen" => Column::Numbers(numbers),
            _ => {
                let mut levels: Vec<String> = cells().map(str::to_owned).collect();
                levels.sort();
                levels.dedup();
                let code =
                    |cell: &str| levels.iter().position(|level| level == cell).unwrap() as u16;
                Column::Levels(cells().map(code).collect(), levels)
            }
        };
        table.columns.push(((*name).to_owned(), column));
    }
    table
}

impl Table {
    fn take(&self, rows: &[usize]) -> Self {
        let take = |column: &Column| match column {
            Column::Numbers(x) => Column::Numbers(rows.iter().map(|&row| x[row]).collect()),
            Column::Levels(codes, levels) => {
                Column::Levels(rows.iter().map(|&row| codes[row]).collect(), levels.clone())
            }
        };
        let columns = self.columns.iter();
        Self {
            columns: columns
                .map(|(name, column)| (name.clone(), take(column)))
                .collect(),
            outcome: rows.iter().map(|&row| self.outcome[row]).collect(),
        }
    }

    fn design(&self) -> Design<'_> {
        let columns = self.columns.iter().map(|(name, column)| {
            let feature = match column {
                Column::Numbers(x) => Feature::Numbers(x),
                Column::Levels(codes, levels) => Feature::Levels {
                    codes,
                    levels: levels.clone(),
                },
            };
            (name.clone(), feature)
        });
        Design::new(columns.collect()).unwrap()
    }
}

/// Area under the curve (mean of the folds), log loss and calibration error in tenths (of all rows left
/// out), everything learned anew in each fold.
fn five_folds(table: &Table, settings: &Propensity) -> [f64; 3] {
    let n = table.outcome.len();
    // In turn within each outcome, in an order that has nothing to do with the file's.
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|&row| {
        (
            table.outcome[row],
            (row as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15),
        )
    });
    let mut fold = vec![0; n];
    for (turn, &row) in order.iter().enumerate() {
        fold[row] = turn % 5;
    }
    let (mut held, mut areas) = (vec![0.0; n], 0.0);
    for left_out in 0..5 {
        let rows = |inside: bool| -> Vec<usize> {
            (0..n)
                .filter(|&row| (fold[row] == left_out) == inside)
                .collect()
        };
        let (train, test) = (table.take(&rows(false)), table.take(&rows(true)));
        let data = PropensityData::binary(train.design(), "outcome", &train.outcome).unwrap();
        let model = settings.fit(&data).unwrap();
        let found = model.probabilities(&test.design(), &mut ()).unwrap();
        areas += area(&found, &test.outcome) / 5.0;
        for (row, p) in rows(true).into_iter().zip(found) {
            held[row] = p;
        }
    }
    let losses = held.iter().zip(&table.outcome);
    let loss = losses
        .map(|(p, y)| if *y { -p.ln() } else { -(-p).ln_1p() })
        .sum::<f64>()
        / n as f64;
    order.sort_by(|&a, &b| held[a].total_cmp(&held[b]));
    let miss = |part: usize| {
        let rows = &order[part * n / 10..(part + 1) * n / 10];
        let sum: f64 = rows
            .iter()
            .map(|&row| held[row] - f64::from(u8::from(table.outcome[row])))
            .sum();
        sum.abs()
    };
    [areas, loss, (0..10).map(miss).sum::<f64>() / n as f64]
}

/// The probability that one with the outcome is above one without; ties count half.
fn area(scores: &[f64], truth: &[bool]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let (mut wins, mut below) = (0.0, 0.0);
    for tied in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let with = tied.iter().filter(|&&row| truth[row]).count() as f64;
        let others = tied.len() as f64 - with;
        wins += with * (below + 0.5 * others);
        below += others;
    }
    let with = truth.iter().filter(|one| **one).count() as f64;
    wins / (with * below)
}

#[test]
fn telco_churn_is_predicted_as_well_as_by_boosted_trees() {
    let file = json!({"file": "propensity/Telco-Customer-Churn.csv"});
    let Some(text) = data_file("telco", &file) else {
        return;
    };
    let table = read(&text, ',', ("Churn", "Yes"), &["customerID"]);
    assert_eq!((table.outcome.len(), table.columns.len()), (7_043, 19));
    let [area, loss, calibration] = five_folds(&table, &Propensity::new());
    assert!(area >= 0.849, "{area}");
    assert!(loss <= 0.411, "{loss}");
    assert!(calibration <= 0.008, "{calibration}");
}

/// A minute in a debug build: run with `--release -- --ignored`.
#[test]
#[ignore = "a minute in a debug build"]
fn bank_marketing_is_predicted_nearly_as_well_as_by_boosted_trees() {
    let file = json!({"file": "propensity/bank-marketing.csv"});
    let Some(text) = data_file("bank", &file) else {
        return;
    };
    let table = read(&text, ';', ("y", "1"), &["duration"]);
    assert_eq!((table.outcome.len(), table.columns.len()), (41_188, 15));
    let [area, loss, calibration] = five_folds(&table, &Propensity::new());
    assert!(area >= 0.795, "{area}");
    assert!(loss <= 0.278, "{loss}");
    assert!(calibration <= 0.008, "{calibration}");
}
