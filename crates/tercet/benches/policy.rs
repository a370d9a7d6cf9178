//! Rules and segments: searches of simulated customers: `cargo bench -p tercet --bench policy`.

use divan::Bencher;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tercet::Estimator;
use tercet::data::{Design, MatrixOrder};
use tercet::response::discovery::SegmentDiscovery;
use tercet::response::policy::{PolicyData, PolicyTree};
use tercet::response::{EffectData, Propensities, Treatment};

fn main() {
    divan::main();
}

/// A matrix, row by row, what each action brings, and who was treated.
struct Table {
    names: Vec<String>,
    values: Vec<f64>,
    actions: Vec<String>,
    rewards: Vec<f64>,
    arms: Vec<u16>,
    outcome: Vec<f64>,
}

fn table(n: usize, p: usize, d: usize) -> Table {
    let generator = &mut ChaCha8Rng::seed_from_u64(1);
    let mut uniform = || (generator.next_u64() >> 11) as f64 / 2.0_f64.powi(53);
    let values: Vec<f64> = (0..n * p).map(|_| uniform()).collect();
    let best = |row: &[f64]| usize::from(row[2] > 0.6) + usize::from(row[7] > 0.5);
    let mut rewards = Vec::with_capacity(n * d);
    let (mut arms, mut outcome) = (Vec::with_capacity(n), Vec::with_capacity(n));
    for row in values.chunks_exact(p) {
        for action in 0..d {
            rewards.push(2.0 * uniform() - 1.0 + f64::from(u8::from(best(row) == action)));
        }
        let arm = u16::from(uniform() < 0.5);
        let effect = f64::from(u8::from(best(row) == 2));
        arms.push(arm);
        outcome.push(row[0] + f64::from(arm) * effect + 2.0 * uniform());
    }
    Table {
        names: (0..p).map(|j| format!("x{j}")).collect(),
        values,
        actions: (0..d).map(|k| format!("action {k}")).collect(),
        rewards,
        arms,
        outcome,
    }
}

impl Table {
    fn design(&self) -> Design<'_> {
        Design::from_matrix(&self.names, &self.values, MatrixOrder::Rows)
            .expect("simulated features are valid")
    }
}

/// The best rule of depth 2 over all rows: customers, features, actions, bins.
#[divan::bench(
    args = [(100_000, 30, 20, 100), (100_000, 30, 3, 64), (1_000_000, 20, 2, 64)],
    sample_count = 3
)]
fn depth_2(bencher: Bencher<'_, '_>, (n, p, d, bins): (usize, usize, usize, usize)) {
    let table = table(n, p, d);
    let tree = PolicyTree::new().bins(bins).honest(false);
    bencher.bench_local(|| {
        let data = PolicyData::from_rewards(table.design(), table.actions.clone(), &table.rewards)
            .expect("simulated rewards are valid");
        tree.fit(&data).expect("it fits")
    });
}

/// Segments of depth 2 with their stability: customers, features.
#[divan::bench(args = [(100_000, 30)], sample_count = 3)]
fn segments(bencher: Bencher<'_, '_>, (n, p): (usize, usize)) {
    let table = table(n, p, 2);
    bencher.bench_local(|| {
        let treatment = Treatment::Arms {
            codes: &table.arms,
            arms: vec!["none".to_owned(), "mail".to_owned()],
        };
        EffectData::new(table.design(), ("arm", treatment), ("y", &table.outcome))
            .and_then(|data| data.with_propensities("propensity", Propensities::Observed))
            .and_then(|data| SegmentDiscovery::new().discover(&data, &mut ()))
            .expect("it is found")
    });
}
