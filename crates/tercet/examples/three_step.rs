//! How much of a true difference survives the way that segments are compared: bias and root mean square
//! error of the largest of three means, whose truth is 1.
//!
//! `cargo run --release -p tercet --example three_step` (100 replications, or as many as asked for).

#![allow(clippy::print_stdout, clippy::unwrap_used)] // an example prints, and has nobody to pass errors to

#[path = "../tests/all/common/overlapping.rs"]
mod overlapping;

use overlapping::Simulated;
use tercet::needs::ThreeStep;
use tercet::random::Seed;

const METHODS: [ThreeStep; 3] = [ThreeStep::Naive, ThreeStep::Bch, ThreeStep::Ml];

fn main() {
    let asked = std::env::args().nth(1).and_then(|word| word.parse().ok());
    let replications: u64 = asked.unwrap_or(100);
    println!("separation     n           naive             BCH              ML");
    for separation in [0.7, 0.8, 0.9] {
        for n in [500, 2_000] {
            let cells = METHODS.iter().zip(errors(separation, n, replications));
            let words = cells.map(|(_, errors)| {
                let size = errors.len() as f64;
                let bias = errors.iter().sum::<f64>() / size;
                let squares = errors.iter().map(|error| error * error).sum::<f64>() / size;
                format!("{bias:7.3} ({:.3})", squares.sqrt())
            });
            println!(
                "{separation:10} {n:5} {}",
                words.collect::<Vec<_>>().join(" ")
            );
        }
    }
}

/// The errors of every method in every replication.
fn errors(separation: f64, n: usize, replications: u64) -> [Vec<f64>; 3] {
    let mut errors = [const { Vec::new() }; 3];
    for replication in 0..replications {
        let drawn = Simulated::draw(n, separation, &mut Seed(7).stream(replication));
        let posterior = drawn.posterior(replication);
        for (errors, method) in errors.iter_mut().zip(METHODS) {
            errors.push(drawn.error_of_largest(&posterior, method));
        }
    }
    errors
}
