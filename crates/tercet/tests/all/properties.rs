//! What must hold whatever the data.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tercet::data::{Ids, Merge, PurchaseCells, PurchaseLog, Purchases, SummarySettings};
use tercet::simulate::PurchaseSimulator;
use tercet::value::lifetime::{BgNbd, FittedBgNbd, GammaGamma, LifetimeValue};
use tercet::{Estimator, Fitted, Persist};

/// The same cases in every run; `PROPTEST_CASES` and a changed seed look further.
fn cases(n: u32) -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::with_cases(n)
    }
}

/// Parameters and histories over many orders of magnitude.
fn anything() -> impl Strategy<Value = (FittedBgNbd, [f64; 3], f64)> {
    let power = |range: std::ops::Range<f64>| range.prop_map(|power| 10.0_f64.powf(power));
    let parameters = (
        power(-3.0..3.0),
        power(-2.0..4.0),
        power(-3.0..3.0),
        power(-3.0..3.0),
    );
    let history = (0_u32..400, 0.0..1.0, power(-3.0..4.0));
    (parameters, history, power(-3.0..5.0)).prop_map(
        |((r, alpha, a, b), (x, share, age), horizon)| {
            let recency = if x == 0 { 0.0 } else { share * age };
            let model = FittedBgNbd::from_parameters(r, alpha, a, b).unwrap();
            (model, [f64::from(x), recency, age], horizon)
        },
    )
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn predictions_are_possible((model, [x, t_x, t], horizon) in anything()) {
        let customer = |age: f64| ([x], [t_x], [age]);
        let (xs, t_xs, ts) = customer(t);
        let now = Purchases::new(&xs, &t_xs, &ts).unwrap();
        let alive = model.probability_alive(&now, &mut ()).unwrap()[0];
        prop_assert!((0.0..=1.0).contains(&alive));

        // Silence only lowers the probability of being alive.
        let (_, _, later) = customer(t * 1.5);
        let later = Purchases::new(&xs, &t_xs, &later).unwrap();
        prop_assert!(model.probability_alive(&later, &mut ()).unwrap()[0] <= alive);

        // Expectations are finite, positive, and grow with the horizon, but not faster than it.
        let near = model.expected_purchases(&now, horizon, &mut ()).unwrap()[0];
        let far = model.expected_purchases(&now, 2.0 * horizon, &mut ()).unwrap()[0];
        prop_assert!(near.is_finite() && near >= 0.0);
        prop_assert!(far >= near * (1.0 - 1e-9) && far <= 2.0 * near * (1.0 + 1e-9), "{near} {far}");

        // Discounting lowers them, and a rate of nearly 0 hardly.
        let discounted = model.discounted_purchases(&now, horizon, 0.1, &mut ()).unwrap()[0];
        prop_assert!(discounted <= near * (1.0 + 1e-9));
        let hardly = model.discounted_purchases(&now, horizon, 1e-12, &mut ()).unwrap()[0];
        prop_assert!((hardly - near).abs() <= 1e-8 * near, "{hardly} {near}");

        let wait = model.time_until(&now, 0.5, &mut ()).unwrap()[0];
        prop_assert!(wait >= 0.0);
    }
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn weights_are_repetitions(seed in 0_u64..1_000, repeat in 1_usize..4) {
        let summary = PurchaseSimulator::new(300).seed(seed).draw_summary().unwrap();
        let once = summary.purchases().unwrap();
        let weights: Vec<f64> = (0..once.len()).map(|row| ((row % 3) * repeat) as f64).collect();
        let weighted = summary.purchases().unwrap().with_weights(&weights).unwrap();
        let repeated = |column: &[f64]| -> Vec<f64> {
            let rows = column.iter().zip(&weights);
            // Small whole numbers.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            rows.flat_map(|(value, weight)| std::iter::repeat_n(*value, *weight as usize)).collect()
        };
        let (x, t_x, t) = (repeated(once.frequency()), repeated(once.recency()), repeated(once.age()));
        let mean = repeated(once.monetary_value().unwrap());
        let repeated = Purchases::new(&x, &t_x, &t).unwrap().with_monetary_value(&mean).unwrap();

        let (a, b) = (BgNbd::new().fit(&weighted).unwrap(), BgNbd::new().fit(&repeated).unwrap());
        prop_assert!((a.report().log_likelihood.unwrap() - b.report().log_likelihood.unwrap()).abs() < 1e-7);
        prop_assert_eq!(a.report().n_observations, b.report().n_observations);
        let weighted = weighted.spend().unwrap();
        let repeated = repeated.spend().unwrap();
        let a = GammaGamma::new().fit(&weighted).unwrap();
        let b = GammaGamma::new().fit(&repeated).unwrap();
        prop_assert!((a.report().log_likelihood.unwrap() - b.report().log_likelihood.unwrap()).abs() < 1e-7);
    }

    #[test]
    fn the_order_of_rows_changes_nothing(seed in 0_u64..1_000) {
        let summary = PurchaseSimulator::new(300).seed(seed).draw_summary().unwrap();
        let view = summary.purchases().unwrap();
        let reversed = |column: &[f64]| -> Vec<f64> { column.iter().rev().copied().collect() };
        let (x, t_x, t) = (reversed(view.frequency()), reversed(view.recency()), reversed(view.age()));
        let backwards = Purchases::new(&x, &t_x, &t).unwrap();
        let a = BgNbd::new().fit(&view).unwrap();
        let b = BgNbd::new().fit(&backwards).unwrap();
        prop_assert!((a.report().log_likelihood.unwrap() - b.report().log_likelihood.unwrap()).abs() < 1e-7);
    }

    #[test]
    fn the_time_unit_scales_out(seed in 0_u64..1_000, power in -30.0..30.0_f64) {
        let unit = 10.0_f64.powf(power);
        let summary = PurchaseSimulator::new(500).seed(seed).draw_summary().unwrap();
        let view = summary.purchases().unwrap();
        let scaled = |column: &[f64]| -> Vec<f64> { column.iter().map(|v| v * unit).collect() };
        let (t_x, t) = (scaled(view.recency()), scaled(view.age()));
        let other = Purchases::new(view.frequency(), &t_x, &t).unwrap();
        let a = BgNbd::new().fit(&view).unwrap();
        let b = BgNbd::new().fit(&other).unwrap();
        // Each of the x purchases is a density in time.
        let purchases: f64 = view.frequency().iter().sum();
        let shift = purchases * unit.ln();
        prop_assert!((a.report().log_likelihood.unwrap() - shift - b.report().log_likelihood.unwrap()).abs() < 1e-6);
    }

    #[test]
    fn the_scale_of_weights_changes_no_estimate(seed in 0_u64..1_000, power in -9.0..12.0_f64) {
        let summary = PurchaseSimulator::new(800).seed(seed).draw_summary().unwrap();
        let weights = vec![10.0_f64.powf(power); summary.len()];
        let plain = summary.purchases().unwrap();
        let weighted = summary.purchases().unwrap().with_weights(&weights).unwrap();
        let a = GammaGamma::new().fit(&plain.spend().unwrap()).unwrap();
        let b = GammaGamma::new().fit(&weighted.spend().unwrap()).unwrap();
        prop_assert!(b.report().converged, "{}", b.report().how_it_ended);
        for (a, b) in a.estimates().iter().zip(b.estimates()) {
            prop_assert!((b / a - 1.0).abs() < 1e-5, "{a} {b}");
        }
        let (a, b) = (BgNbd::new().fit(&plain).unwrap(), BgNbd::new().fit(&weighted).unwrap());
        prop_assert!(b.report().converged, "{}", b.report().how_it_ended);
        if a.report().boundary.is_none() && b.report().boundary.is_none() {
            for (a, b) in a.estimates().iter().zip(b.estimates()) {
                prop_assert!((b / a - 1.0).abs() < 1e-4, "{a} {b}");
            }
        }
    }

    #[test]
    fn files_keep_every_bit(seed in 0_u64..1_000) {
        let summary = PurchaseSimulator::new(300).seed(seed).draw_summary().unwrap();
        let view = summary.purchases().unwrap();
        let model = BgNbd::new().as_of("2026-01-31").fit(&view).unwrap();
        prop_assert_eq!(&FittedBgNbd::from_json(&model.to_json().unwrap()).unwrap(), &model);
        let spend = GammaGamma::new().fit(&view.spend().unwrap()).unwrap();
        let copy = tercet::value::lifetime::FittedGammaGamma::from_json(&spend.to_json().unwrap());
        prop_assert_eq!(&copy.unwrap(), &spend);
    }

    #[test]
    fn cells_merge_in_any_division(seed in 0_u64..1_000, cut in 1_usize..299) {
        let summary = PurchaseSimulator::new(300).seed(seed).draw_summary().unwrap();
        let view = summary.purchases().unwrap();
        let part = |rows: std::ops::Range<usize>| {
            let view = Purchases::new(
                &view.frequency()[rows.clone()],
                &view.recency()[rows.clone()],
                &view.age()[rows],
            );
            PurchaseCells::from_purchases(&view.unwrap()).unwrap()
        };
        let mut merged = part(0..cut);
        merged.merge(&part(cut..300));
        let whole = PurchaseCells::from_purchases(&view).unwrap();
        prop_assert_eq!(merged, whole);
    }

    /// Against the definition, customer by customer.
    #[test]
    fn summaries_follow_the_definition(
        log in prop::collection::vec((0_i64..12, 0_i64..200, 1_u32..100), 1..200),
        spread in prop::bool::ANY,
    ) {
        // Spread ids go through the hash map, dense ones through the table.
        let factor = if spread { 1_000_000_007 } else { 1 };
        let ids: Vec<i64> = log.iter().map(|row| row.0 * factor - 5).collect();
        let times: Vec<i64> = log.iter().map(|row| row.1).collect();
        let amounts: Vec<f64> = log.iter().map(|row| f64::from(row.2)).collect();
        let settings = SummarySettings { merge: Merge::Day, ..SummarySettings::default() };
        let summary = PurchaseLog::new(Ids::Integers(&ids), &times, Some(&amounts))
            .unwrap()
            .summarize(&settings, &mut ())
            .unwrap();
        let end = *times.iter().max().unwrap();
        let mut customers = ids.clone();
        customers.sort_unstable();
        customers.dedup();
        prop_assert_eq!(summary.len(), customers.len());
        for (row, customer) in customers.iter().enumerate() {
            let mut days = std::collections::BTreeMap::<i64, f64>::new();
            for i in (0..ids.len()).filter(|&i| ids[i] == *customer) {
                *days.entry(times[i]).or_default() += amounts[i];
            }
            let (first, last) = (*days.keys().next().unwrap(), *days.keys().last().unwrap());
            let repeats: Vec<f64> = days.values().skip(1).copied().collect();
            let mean = repeats.iter().sum::<f64>() / (repeats.len() as f64).max(1.0);
            let place = usize::try_from(summary.first_row[row]).unwrap();
            prop_assert_eq!(ids[place], *customer);
            prop_assert_eq!(summary.frequency[row], repeats.len() as f64);
            prop_assert_eq!(summary.recency[row], (last - first) as f64 / 7.0);
            prop_assert_eq!(summary.age[row], (end - first) as f64 / 7.0);
            prop_assert!((summary.monetary_value.as_ref().unwrap()[row] - mean).abs() < 1e-9);
        }
    }
}

/// More customers than are summarised in one go.
#[test]
fn every_customer_of_many_has_a_row() {
    let ids: Vec<i64> = (0..300_000).collect();
    let days: Vec<i64> = ids.iter().map(|id| id % 101).collect();
    let summary = PurchaseLog::new(Ids::Integers(&ids), &days, None)
        .unwrap()
        .summarize(&SummarySettings::default(), &mut ())
        .unwrap();
    assert_eq!(summary.first_row, ids);
    assert_eq!(summary.first_time, days);
    let ages: Vec<f64> = days.iter().map(|day| (100 - day) as f64 / 7.0).collect();
    assert_eq!(summary.age, ages);
}

#[test]
fn threads_give_equal_bits() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let summary = PurchaseSimulator::new(40_000)
                .seed(9)
                .draw_summary()
                .unwrap();
            let view = summary.purchases().unwrap();
            let model = BgNbd::new().fit(&view).unwrap();
            let spend = GammaGamma::new().fit(&view.spend().unwrap()).unwrap();
            let value = LifetimeValue::new(52.0).discount_rate(0.1).level(0.9);
            let value = value.score(&model, &spend, &view, &mut ()).unwrap();
            (model.to_json().unwrap(), spend.to_json().unwrap(), value)
        })
    };
    assert_eq!(run(1), run(4));
}

/// Data whose likelihood rises for ever: the fit names the limit instead of a large number.
#[test]
fn solutions_at_infinity_are_named() {
    let summary = PurchaseSimulator::new(400).seed(3).draw_summary().unwrap();
    let view = summary.purchases().unwrap();

    // Whoever bought again was seen at the very end: no sign of anybody leaving.
    let seen: Vec<f64> = view
        .frequency()
        .iter()
        .zip(view.age())
        .map(|(x, age)| if *x > 0.0 { *age } else { 0.0 })
        .collect();
    let loyal = Purchases::new(view.frequency(), &seen, view.age()).unwrap();
    let loyal = BgNbd::new().fit(&loyal).unwrap();
    let words = loyal.report().boundary.clone().unwrap();
    assert!(words.contains("nobody drops out"), "{words}");
    assert_eq!(loyal.report().n_parameters, 2);
    let parameters = loyal.parameters(0.95).unwrap();
    assert!(parameters[0].standard_error.is_some() && parameters[2].standard_error.is_none());

    // Everybody buys five times: less spread than even equal rates would give.
    let (x, t_x) = (
        vec![5.0; view.len()],
        view.age().iter().map(|age| 0.9 * age).collect::<Vec<_>>(),
    );
    let alike = Purchases::new(&x, &t_x, view.age()).unwrap();
    let alike = BgNbd::new().fit(&alike).unwrap();
    let words = alike.report().boundary.clone().unwrap();
    assert!(
        words.contains("all customers buy at the same rate"),
        "{words}"
    );
    assert!(alike.parameters(0.95).unwrap()[0].standard_error.is_none());
}
