//! Segments: fits to simulated surveys and scoring: `cargo bench -p tercet --bench needs`.

use divan::Bencher;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tercet::Estimator;
use tercet::data::{Design, Feature, NO_LEVEL};
use tercet::needs::{
    ChoicePlan, FittedMaxDiff, MaxDiff, ProjectionData, SegmentProjection, SimulatedChoices,
};

fn main() {
    divan::main();
}

/// Attributes, three in four of them numbers, one in fifty missing; the first two tell something.
struct People {
    numbers: Vec<Vec<f64>>,
    codes: Vec<Vec<u16>>,
    posterior: Vec<f64>,
}

const K: usize = 5;
const LEVELS: [&str; 4] = ["north", "south", "east", "west"];

fn people(n: usize, n_features: usize) -> People {
    let generator = &mut ChaCha8Rng::seed_from_u64(1);
    let mut uniform = || (generator.next_u64() >> 11) as f64 / 2.0_f64.powi(53);
    let mut column = |n: usize| -> Vec<f64> { (0..n).map(|_| uniform()).collect() };
    let numbers: Vec<Vec<f64>> = (0..n_features - n_features / 4)
        .map(|_| {
            let gaps = column(n);
            let values = column(n).into_iter().zip(gaps);
            values
                .map(|(value, gap)| if gap < 0.02 { f64::NAN } else { value })
                .collect()
        })
        .collect();
    let code = |value: &f64| match value {
        value if *value < 0.02 => NO_LEVEL,
        value if *value < 0.3 => 0,
        value if *value < 0.6 => 1,
        value if *value < 0.8 => 2,
        _ => 3,
    };
    let codes = (0..n_features / 4)
        .map(|_| column(n).iter().map(code).collect())
        .collect();
    let mut posterior = Vec::with_capacity(n * K);
    for (first, second) in numbers[0].iter().zip(&numbers[1]) {
        let seen = [*first, *second].map(|x: f64| if x.is_nan() { 0.5 } else { x });
        let noise = column(K);
        let odds: Vec<f64> = (0..K)
            .map(|k| (3.0 * noise[k] + k as f64 * (seen[0] - seen[1])).exp())
            .collect();
        let sum: f64 = odds.iter().sum();
        posterior.extend(odds.iter().map(|odds| odds / sum));
    }
    People {
        numbers,
        codes,
        posterior,
    }
}

impl People {
    fn design(&self) -> Design<'_> {
        let numbers = self.numbers.iter().map(|values| Feature::Numbers(values));
        let levels = self.codes.iter().map(|codes| Feature::Levels {
            codes,
            levels: LEVELS.map(str::to_owned).to_vec(),
        });
        let columns = numbers.chain(levels).enumerate();
        Design::new(
            columns
                .map(|(place, column)| (format!("x{place}"), column))
                .collect(),
        )
        .expect("simulated attributes are valid")
    }

    fn data(&self) -> ProjectionData<'_> {
        ProjectionData::new(self.design(), &self.posterior, K)
            .expect("simulated posteriors are valid")
    }
}

#[divan::bench(args = [1_000, 10_000], sample_count = 10)]
fn projection_fit(bencher: Bencher<'_, '_>, respondents: usize) {
    let people = people(respondents, 12);
    bencher.bench(|| SegmentProjection::new().fit(&people.data()));
}

#[divan::bench(args = [10_000, 1_000_000], sample_count = 10)]
fn projection_scoring(bencher: Bencher<'_, '_>, customers: usize) {
    let model = SegmentProjection::new().fit(&people(1_000, 20).data());
    let model = model.expect("simulated respondents can be fitted");
    let people = people(customers, 20);
    let design = people.design();
    bencher.bench(|| model.probabilities(&design, &mut ()));
}

fn choices(respondents: usize) -> SimulatedChoices {
    let items: Vec<String> = (0..10).map(|item| format!("item {item}")).collect();
    let utilities: Vec<Vec<f64>> = (0..3)
        .map(|segment| {
            (0..10)
                .map(|item| f64::from((item * (segment + 2)) % 7) / 2.0)
                .collect()
        })
        .collect();
    let truth = FittedMaxDiff::from_parameters(&items, &[0.5, 0.3, 0.2], &utilities);
    let plan = ChoicePlan {
        respondents,
        tasks: 12,
        shown: 4,
    };
    truth
        .and_then(|truth| truth.simulate(plan, 1))
        .expect("the truth is valid")
}

/// Three segments, ten items, twelve sets of four, twenty starts.
#[divan::bench(args = [600, 6_000], sample_count = 10)]
fn max_diff_fit(bencher: Bencher<'_, '_>, respondents: usize) {
    let choices = choices(respondents)
        .choices()
        .expect("simulated choices are valid");
    bencher.bench(|| MaxDiff::new(3).fit(&choices));
}

#[divan::bench(args = [100_000], sample_count = 10)]
fn max_diff_scoring(bencher: Bencher<'_, '_>, respondents: usize) {
    let model = choices(600)
        .choices()
        .and_then(|choices| MaxDiff::new(3).fit(&choices));
    let model = model.expect("simulated choices can be fitted");
    let choices = choices(respondents)
        .choices()
        .expect("simulated choices are valid");
    bencher.bench(|| model.posterior(&choices, &mut ()));
}

#[divan::bench(args = [100_000], sample_count = 10)]
fn max_diff_reading(bencher: Bencher<'_, '_>, respondents: usize) {
    let choices = choices(respondents);
    bencher.bench(|| choices.choices());
}
