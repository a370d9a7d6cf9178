//! Data drawn from a model give that model back: estimates, intervals and predictions.

use tercet::data::{AfterEnd, Ids, PurchaseLog, SummarySettings};
use tercet::simulate::PurchaseSimulator;
use tercet::value::lifetime::{BgNbd, GammaGamma, LifetimeValue, NewCustomers};
use tercet::{Estimator, Fitted};

const TRUTH: [f64; 4] = [0.6, 6.0, 0.8, 3.0];
const SPEND: [f64; 3] = [4.0, 3.5, 20.0];

fn simulator(customers: usize, seed: u64) -> PurchaseSimulator {
    let [r, alpha, a, b] = TRUTH;
    let [p, q, v] = SPEND;
    PurchaseSimulator::new(customers)
        .seed(seed)
        .purchases(r, alpha, a, b)
        .spend(p, q, v)
        .acquisition(26.0)
        .duration(78.0)
}

#[test]
fn large_samples_lead_to_the_truth() {
    let summary = simulator(200_000, 11).draw_summary().unwrap();
    let purchases = summary.purchases().unwrap();
    let model = BgNbd::new().fit(&purchases).unwrap();
    for (found, truth) in model.parameters(0.95).unwrap().iter().zip(TRUTH) {
        let distance = (found.estimate - truth) / found.standard_error.unwrap();
        assert!(
            distance.abs() < 3.5,
            "{}: {distance} standard errors",
            found.name
        );
    }
    let spend = GammaGamma::new().fit(&purchases.spend().unwrap()).unwrap();
    for (found, truth) in spend.parameters(0.95).unwrap().iter().zip(SPEND) {
        let distance = (found.estimate - truth) / found.standard_error.unwrap();
        assert!(
            distance.abs() < 3.5,
            "{}: {distance} standard errors",
            found.name
        );
    }
    let independence = spend.independence().unwrap();
    assert!(independence.p_value.unwrap() > 0.001, "{independence:?}");
}

/// 400 data sets of 1,000 customers. A 95% interval that covers covers 380 of them, give or take 4.4;
/// 92% and 98% are the bounds of a usable interval (five such deviations and more).
#[test]
fn intervals_cover() {
    const SETS: u64 = 400;
    let mut parameters = [0_u32; 4];
    let mut spend_parameters = [0_u32; 3];
    let (mut expected, mut values, mut determined) = (0_u32, 0_u32, 0_u32);
    for seed in 0..SETS {
        let summary = simulator(1_000, 1_000 + seed).draw_summary().unwrap();
        let purchases = summary.purchases().unwrap();
        let model = BgNbd::new().fit(&purchases).unwrap();
        let spend = GammaGamma::new().fit(&purchases.spend().unwrap()).unwrap();
        let covers = |found: &tercet::Parameter, truth: f64| {
            let inside = |lower: f64, upper: f64| u32::from(lower <= truth && truth <= upper);
            found
                .lower
                .zip(found.upper)
                .map_or(0, |(lower, upper)| inside(lower, upper))
        };
        if model.report().boundary.is_some() || spend.report().boundary.is_some() {
            continue;
        }
        determined += 1;
        for (count, (found, truth)) in parameters
            .iter_mut()
            .zip(model.parameters(0.95).unwrap().iter().zip(TRUTH))
        {
            *count += covers(found, truth);
        }
        for (count, (found, truth)) in spend_parameters
            .iter_mut()
            .zip(spend.parameters(0.95).unwrap().iter().zip(SPEND))
        {
            *count += covers(found, truth);
        }
        // One customer's expected purchases and value, against those under the true parameters.
        let customer = tercet::data::Purchases::new(&[4.0], &[30.0], &[50.0]).unwrap();
        let customer = customer.with_monetary_value(&[25.0]).unwrap();
        let [r, alpha, a, b] = TRUTH;
        let [p, q, v] = SPEND;
        let true_model = BgNbd::new().given(r, alpha, a, b).unwrap();
        let true_spend =
            tercet::value::lifetime::FittedGammaGamma::from_parameters(p, q, v).unwrap();
        let truth = true_model
            .expected_purchases(&customer, 39.0, &mut ())
            .unwrap()[0];
        let [lower, upper] = model
            .expected_purchases_interval(&customer, 39.0, 0.95, &mut ())
            .unwrap()[0];
        expected += u32::from(lower <= truth && truth <= upper);
        let value = LifetimeValue::new(52.0).discount_rate(0.1);
        let truth = value
            .score(&true_model, &true_spend, &customer, &mut ())
            .unwrap()
            .clv[0];
        let scored = value
            .level(0.95)
            .score(&model, &spend, &customer, &mut ())
            .unwrap();
        let [lower, upper] = scored.interval.unwrap()[0];
        values += u32::from(lower <= truth && truth <= upper);
    }
    assert!(
        determined >= 390,
        "{determined} of {SETS} sets in the interior"
    );
    let all = parameters
        .into_iter()
        .chain(spend_parameters)
        .chain([expected, values]);
    for (place, count) in all.enumerate() {
        let share = f64::from(count) / f64::from(determined);
        println!("interval {place}: {:.1}%", 100.0 * share);
        assert!(
            (0.92..=0.98).contains(&share),
            "interval {place} covers {share}"
        );
    }
}

#[test]
fn the_holdout_is_predicted() {
    let log = simulator(50_000, 5).draw_log(&mut ()).unwrap();
    let settings = SummarySettings {
        observation_end: Some(log.observation_end),
        after_end: AfterEnd::Drop,
        ..SummarySettings::default()
    };
    let (calibration, holdout) =
        PurchaseLog::new(Ids::Integers(&log.customer), &log.day, Some(&log.amount))
            .unwrap()
            .split(&settings, 48 * 7, &mut ())
            .unwrap();
    let purchases = calibration.purchases().unwrap();
    let model = BgNbd::new()
        .new_customers(NewCustomers::Skip)
        .fit(&purchases)
        .unwrap();
    let expected: f64 = model
        .expected_purchases(&purchases, holdout.duration, &mut ())
        .unwrap()
        .iter()
        .sum();
    let actual: f64 = holdout.frequency.iter().sum();
    // Whole days merge some purchases of one day, which costs less than 3%.
    assert!(
        (expected / actual - 1.0).abs() < 0.03,
        "expected {expected}, actual {actual}"
    );
}
