//! Fits and predictions on simulated customers: `cargo bench -p tercet`.

use divan::Bencher;
use tercet::Estimator;
use tercet::data::{Ids, PurchaseCells, PurchaseLog, PurchaseSummary, SummarySettings};
use tercet::simulate::{PurchaseSimulator, SimulatedPurchases};
use tercet::value::lifetime::{BgNbd, GammaGamma, LifetimeValue, NewCustomers};

const SIZES: [usize; 2] = [10_000, 1_000_000];

fn main() {
    divan::main();
}

fn log(customers: usize) -> SimulatedPurchases {
    let simulator = PurchaseSimulator::new(customers).seed(1);
    simulator
        .draw_log(&mut ())
        .expect("the simulator's own defaults are valid")
}

fn summarize(log: &SimulatedPurchases) -> PurchaseSummary {
    let settings = SummarySettings {
        observation_end: Some(log.observation_end),
        ..SummarySettings::default()
    };
    PurchaseLog::new(Ids::Integers(&log.customer), &log.day, Some(&log.amount))
        .and_then(|log| log.summarize(&settings, &mut ()))
        .expect("a simulated log is valid")
}

#[divan::bench(args = SIZES, sample_count = 10)]
fn purchase_summary(bencher: Bencher<'_, '_>, customers: usize) {
    let log = log(customers);
    bencher.bench(|| summarize(&log));
}

#[divan::bench(args = SIZES, sample_count = 10)]
fn grouping(bencher: Bencher<'_, '_>, customers: usize) {
    let summary = summarize(&log(customers));
    let purchases = summary.purchases().expect("a summary is valid");
    bencher.bench(|| PurchaseCells::from_purchases(&purchases));
}

#[divan::bench(args = SIZES, sample_count = 10)]
fn bg_nbd_fit(bencher: Bencher<'_, '_>, customers: usize) {
    let summary = summarize(&log(customers));
    let purchases = summary.purchases().expect("a summary is valid");
    bencher.bench(|| {
        BgNbd::new()
            .new_customers(NewCustomers::Skip)
            .fit(&purchases)
    });
}

#[divan::bench(args = SIZES, sample_count = 10)]
fn gamma_gamma_fit(bencher: Bencher<'_, '_>, customers: usize) {
    let summary = summarize(&log(customers));
    let spend = summary
        .purchases()
        .and_then(|view| view.spend())
        .expect("a summary is valid");
    bencher.bench(|| GammaGamma::new().fit(&spend));
}

#[divan::bench(args = SIZES, sample_count = 10)]
fn lifetime_value(bencher: Bencher<'_, '_>, customers: usize) {
    let summary = summarize(&log(customers));
    let purchases = summary.purchases().expect("a summary is valid");
    let settings = BgNbd::new().new_customers(NewCustomers::Skip);
    let model = settings
        .fit(&purchases)
        .expect("simulated customers can be fitted");
    let spend = purchases
        .spend()
        .and_then(|spend| GammaGamma::new().fit(&spend));
    let spend = spend.expect("simulated customers can be fitted");
    let value = LifetimeValue::new(52.0).discount_rate(0.10).margin(0.3);
    bencher.bench(|| value.score(&model, &spend, &purchases, &mut ()));
}
