//! Loads a model file (written by Rust or by Python: it is the same file) and scores customers.
//!
//! ```sh
//! cargo run --example score_saved_model -- models/bg_nbd.json 39 customers.csv
//! ```
//!
//! The customers come as CSV lines `frequency,recency,T` with a header line; the answer goes to
//! standard output as CSV. Without arguments it saves a model of its own and scores two customers.

use std::error::Error;
use std::io::Write;

use tercet::Persist;
use tercet::data::Purchases;
use tercet::value::lifetime::FittedBgNbd;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (model, horizon, table) = match arguments.as_slice() {
        [model, horizon, table] => (
            FittedBgNbd::load(model)?,
            horizon.parse()?,
            std::fs::read_to_string(table)?,
        ),
        [] => {
            // The parameters of Fader, Hardie & Lee (2005).
            let model = FittedBgNbd::from_parameters(0.243, 4.414, 0.793, 2.426)?;
            let table = "frequency,recency,T\n2,30.43,38.86\n0,0,38.86\n";
            (model, 39.0, table.to_owned())
        }
        _ => return Err("usage: score_saved_model [MODEL HORIZON CUSTOMERS.csv]".into()),
    };
    let mut columns: [Vec<f64>; 3] = Default::default();
    for line in table.lines().skip(1) {
        for (column, value) in columns.iter_mut().zip(line.split(',')) {
            column.push(value.trim().parse()?);
        }
    }
    let [frequency, recency, age] = &columns;
    let customers = Purchases::new(frequency, recency, age)?;
    let alive = model.probability_alive(&customers, &mut ())?;
    let expected = model.expected_purchases(&customers, horizon, &mut ())?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "probability_alive,expected_purchases")?;
    for (alive, expected) in alive.iter().zip(&expected) {
        // Floats print with all the digits that tell them from their neighbours.
        writeln!(out, "{alive},{expected}")?;
    }
    Ok(())
}
