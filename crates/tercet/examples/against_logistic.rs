//! Who will buy again? BG/NBD against a logistic regression by linfa, on customers held out in time.
//!
//! The logistic regression is told the answer for half of the customers; BG/NBD never sees it.
//!
//! ```sh
//! cargo run --release --example against_logistic
//! ```

use std::error::Error;
use std::io::Write;

use linfa::prelude::*;
use linfa_logistic::LogisticRegression;
use ndarray::{Array2, Axis};
use tercet::Estimator;
use tercet::data::{Ids, PurchaseLog, SummarySettings};
use tercet::simulate::PurchaseSimulator;
use tercet::value::lifetime::{BgNbd, NewCustomers};

fn main() -> Result<(), Box<dyn Error>> {
    let log = PurchaseSimulator::new(20_000).seed(1).draw_log(&mut ())?;
    let settings = SummarySettings {
        observation_end: Some(log.observation_end),
        ..SummarySettings::default()
    };
    let (calibration, holdout) = PurchaseLog::new(Ids::Integers(&log.customer), &log.day, None)?
        .split(&settings, 39 * 7, &mut ())?;
    let customers = calibration.purchases()?;
    let bought: Vec<bool> = holdout.frequency.iter().map(|x| *x > 0.0).collect();

    let model = BgNbd::new()
        .new_customers(NewCustomers::Skip)
        .fit(&customers)?;
    let expected = model.expected_purchases(&customers, holdout.duration, &mut ())?;

    // linfa's solver wants columns of one scale.
    let dataset = Dataset::<f64, (), _>::from(&customers);
    let features = standardised(dataset.records());
    let (half, rest) = features.view().split_at(Axis(0), customers.len() / 2);
    let targets = ndarray::Array1::from(bought[..half.nrows()].to_vec());
    let logistic = LogisticRegression::default().fit(&Dataset::new(half.to_owned(), targets))?;
    // Which label counts as positive depends on their shares; the report says which it was.
    let sign = if logistic.labels().pos.class {
        1.0
    } else {
        -1.0
    };
    let scores: Vec<f64> = logistic
        .predict_probabilities(&rest)
        .iter()
        .map(|score| sign * score)
        .collect();

    let truth = &bought[half.nrows()..];
    let mut out = std::io::stdout().lock();
    writeln!(out, "area under the curve, {} customers:", truth.len())?;
    writeln!(
        out,
        "BG/NBD            {:.4}",
        area(&expected[half.nrows()..], truth)
    )?;
    writeln!(out, "linfa-logistic    {:.4}", area(&scores, truth))?;
    Ok(())
}

fn standardised(records: &Array2<f64>) -> Array2<f64> {
    let mean = records.sum_axis(Axis(0)) / records.nrows() as f64;
    let spread = records.std_axis(Axis(0), 0.0);
    (records - &mean) / &spread
}

/// The probability that a buyer scores above a non-buyer; ties count half.
fn area(scores: &[f64], truth: &[bool]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&i, &j| scores[i].total_cmp(&scores[j]));
    let (mut wins, mut below) = (0.0, 0.0);
    for tied in order.chunk_by(|&i, &j| scores[i] == scores[j]) {
        let buyers = tied.iter().filter(|&&i| truth[i]).count() as f64;
        let others = tied.len() as f64 - buyers;
        wins += buyers * (below + 0.5 * others);
        below += others;
    }
    let buyers = truth.iter().filter(|bought| **bought).count() as f64;
    wins / (buyers * below)
}
