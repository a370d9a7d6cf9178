//! Propensities: fits and scoring of simulated customers: `cargo bench -p tercet --bench propensity`.

use divan::Bencher;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tercet::Estimator;
use tercet::data::{Design, MatrixOrder};
use tercet::value::propensity::{Features, Propensity, PropensityData, StandardErrors, Strength};

fn main() {
    divan::main();
}

/// A matrix, row by row, and an outcome that it tells something of.
struct Table {
    names: Vec<String>,
    values: Vec<f64>,
    outcome: Vec<bool>,
}

fn table(n: usize, p: usize) -> Table {
    let generator = &mut ChaCha8Rng::seed_from_u64(1);
    let mut uniform = || (generator.next_u64() >> 11) as f64 / 2.0_f64.powi(53);
    let values: Vec<f64> = (0..n * p).map(|_| 4.0 * uniform() - 2.0).collect();
    let outcome = values
        .chunks_exact(p)
        .map(|row| {
            let odds: f64 = row
                .iter()
                .enumerate()
                .map(|(j, x)| x / (j + 2) as f64)
                .sum();
            uniform() < 1.0 / (1.0 + (1.0 - odds).exp())
        })
        .collect();
    Table {
        names: (0..p).map(|j| format!("x{j}")).collect(),
        values,
        outcome,
    }
}

impl Table {
    fn design(&self) -> Design<'_> {
        Design::from_matrix(&self.names, &self.values, MatrixOrder::Rows)
            .expect("simulated features are valid")
    }

    fn data(&self) -> PropensityData<'_> {
        PropensityData::binary(self.design(), "y", &self.outcome)
            .expect("simulated outcomes are valid")
    }
}

/// One ridge fit of straight lines, as other libraries do it.
#[divan::bench(args = [(100_000, 20), (1_000_000, 20), (100_000, 100)], sample_count = 5)]
fn linear_fit(bencher: Bencher<'_, '_>, (n, p): (usize, usize)) {
    let table = table(n, p);
    let settings = Propensity::new()
        .features(Features::Linear)
        .strength(Strength::Fixed(1.0))
        .standard_errors(StandardErrors::None);
    bencher.bench(|| settings.fit(&table.data()));
}

/// Curves with strengths estimated.
#[divan::bench(args = [10_000, 100_000], sample_count = 3)]
fn curves_fit(bencher: Bencher<'_, '_>, n: usize) {
    let table = table(n, 10);
    bencher.bench(|| Propensity::new().fit(&table.data()));
}

#[divan::bench(args = [1_000_000], sample_count = 3)]
fn scoring_with_reasons(bencher: Bencher<'_, '_>, n: usize) {
    let model = Propensity::new().fit(&table(10_000, 20).data());
    let model = model.expect("simulated customers can be fitted");
    let table = table(n, 20);
    let design = table.design();
    bencher.bench(|| model.reasons(&design, 3, &mut ()));
}
