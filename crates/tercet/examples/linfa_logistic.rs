//! One measured ridge fit by linfa-logistic, for the comparison with other libraries.
//!
//! Reads a NumPy file of numbers row by row, the outcome last, and writes what `benches/peers/jobs.py`
//! writes: CPU and wall seconds, memory, coefficients.
//!
//! ```sh
//! cargo run --release --example linfa_logistic -- matrix.npy
//! ```

use std::error::Error;
use std::fs;
use std::io::Write;
use std::time::Instant;

use linfa::prelude::*;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2, Axis};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("expected a file")?;
    let values = read(&path)?;
    let width = values.ncols() - 1;
    let (features, happened) = values.view().split_at(Axis(1), width);
    let targets: Array1<bool> = happened.column(0).mapv(|value| value == 1.0);
    let data = Dataset::new(features.as_standard_layout().into_owned(), targets);
    drop(values);

    let before = memory("VmRSS")?;
    let (cpu, wall) = (cpu()?, Instant::now());
    let model = LogisticRegression::default().alpha(1.0).fit(&data)?;
    let (cpu, wall) = (self::cpu()? - cpu, wall.elapsed().as_secs_f64());
    // Which label counts as positive depends on their shares.
    let sign = if model.labels().pos.class { 1.0 } else { -1.0 };
    let mut digest = serde_json::Map::new();
    let intercept = model.intercept();
    let coefficients = std::iter::once(&intercept).chain(model.params());
    for (place, value) in coefficients.enumerate() {
        digest.insert(format!("b{place}"), json!(sign * value));
    }
    let found = json!({
        "cpu": cpu,
        "wall": wall,
        "memory_before": before,
        "memory_peak": memory("VmHWM")?,
        "digest": digest,
        "version": "0.8.1",
    });
    writeln!(std::io::stdout(), "{found}")?;
    Ok(())
}

/// The numbers of a NumPy file, format 1.0, row by row.
fn read(path: &str) -> Result<Array2<f64>, Box<dyn Error>> {
    let bytes = fs::read(path)?;
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..10 + length])?;
    let shape = header.split("'shape': (").nth(1).ok_or("no shape")?;
    let shape = shape.split(')').next().ok_or("no shape")?;
    let sides = shape.split(',').map(|side| side.trim().parse());
    let sides: Vec<usize> = sides.collect::<Result<_, _>>()?;
    let numbers = bytes[10 + length..].chunks_exact(8).filter_map(|eight| {
        let eight: [u8; 8] = eight.try_into().ok()?;
        Some(f64::from_le_bytes(eight))
    });
    Ok(Array2::from_shape_vec(
        (sides[0], sides[1]),
        numbers.collect(),
    )?)
}

/// CPU seconds of the process so far; Linux counts them in nanoseconds by thread.
fn cpu() -> Result<f64, Box<dyn Error>> {
    let mut sum = 0.0;
    for task in fs::read_dir("/proc/self/task")? {
        let text = fs::read_to_string(task?.path().join("schedstat"))?;
        let spent = text.split_whitespace().next().ok_or("no time")?;
        sum += spent.parse::<f64>()? * 1e-9;
    }
    Ok(sum)
}

/// Memory of the process, MiB.
fn memory(field: &str) -> Result<f64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(field));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(number.ok_or("no memory")?.parse::<f64>()? / 1024.0)
}
