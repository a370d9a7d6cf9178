//! Rules and segments: what was planted is found, what is not there is not, and values are honest.

use std::ops::ControlFlow;

use rand_distr::{Distribution, StandardNormal, StandardUniform};
use tercet::data::{Design, Feature, Ids, NO_LEVEL};
use tercet::random::Seed;
use tercet::response::discovery::{Discovery, SegmentDiscovery};
use tercet::response::experiment::Adjustment;
use tercet::response::policy::{FittedPolicyTree, PolicyData, PolicyTree};
use tercet::response::rules::{Column, Customers, SegmentBook};
use tercet::response::{EffectData, Propensities, Treatment};
use tercet::{Error, Estimator, Fitted, Persist};

/// Customers of an experiment of two arms with two numbers, of which one is missing at times, and a region.
struct Drawn {
    x: [Vec<f64>; 2],
    region: Vec<u16>,
    arms: Vec<u16>,
    outcome: Vec<f64>,
}

fn draw(n: usize, stream: u64, effect: impl Fn(f64, u16) -> f64) -> Drawn {
    draw_noisy(n, stream, effect, |_| 1.0)
}

/// The same with noise whose standard deviation depends on the first number.
fn draw_noisy(
    n: usize,
    stream: u64,
    effect: impl Fn(f64, u16) -> f64,
    noise: impl Fn(f64) -> f64,
) -> Drawn {
    let mut generator = Seed(11).stream(stream);
    let mut uniform = || -> f64 { StandardUniform.sample(&mut generator) };
    let x = [(); 2].map(|()| (0..n).map(|_| uniform()).collect::<Vec<f64>>());
    let region = |u: f64| match u {
        u if u < 0.05 => NO_LEVEL,
        u => u16::from(u < 0.35) + u16::from(u < 0.65),
    };
    let region: Vec<u16> = (0..n).map(|_| region(uniform())).collect();
    let arms: Vec<u16> = (0..n).map(|_| u16::from(uniform() < 0.5)).collect();
    let lacking: Vec<bool> = (0..n).map(|_| uniform() < 0.1).collect();
    let mut normal = || -> f64 { StandardNormal.sample(&mut generator) };
    let outcome = (0..n).map(|k| {
        let gain = f64::from(arms[k]) * effect(x[0][k], region[k]);
        x[1][k] + gain + noise(x[0][k]) * normal()
    });
    let outcome = outcome.collect();
    let [first, second] = x;
    let second = second.into_iter().zip(lacking);
    let second = second.map(|(x, lacking)| if lacking { f64::NAN } else { x });
    Drawn {
        x: [first, second.collect()],
        region,
        arms,
        outcome,
    }
}

/// An effect of 2 on a part of the customers that takes both features to tell.
fn planted(x: f64, region: u16) -> f64 {
    if x > 0.6 && region == 1 { 2.0 } else { 0.0 }
}

impl Drawn {
    fn design(&self) -> Design<'_> {
        let region = Feature::Levels {
            codes: &self.region,
            levels: ["north", "south", "east"].map(str::to_owned).to_vec(),
        };
        Design::new(vec![
            ("x".to_owned(), Feature::Numbers(&self.x[0])),
            ("other".to_owned(), Feature::Numbers(&self.x[1])),
            ("region".to_owned(), region),
        ])
        .unwrap()
    }

    fn data(&self) -> EffectData<'_> {
        let treatment = Treatment::Arms {
            codes: &self.arms,
            arms: vec!["none".to_owned(), "mail".to_owned()],
        };
        EffectData::new(self.design(), ("arm", treatment), ("spend", &self.outcome)).unwrap()
    }

    fn experiment(&self) -> EffectData<'_> {
        self.data()
            .with_propensities("propensity", Propensities::Observed)
            .unwrap()
    }

    fn policy(&self, cost: f64) -> PolicyData<'_> {
        PolicyData::from_experiment(self.experiment())
            .unwrap()
            .with_costs(vec![0.0, cost])
            .unwrap()
    }
}

fn tree(data: &PolicyData<'_>) -> FittedPolicyTree {
    PolicyTree::new().nuisance_trees(20).fit(data).unwrap()
}

#[test]
fn a_planted_rule_is_found_and_worth_what_it_says() {
    let drawn = draw(4_000, 1, planted);
    let found = tree(&drawn.policy(0.5));
    assert!(found.is_exact() && found.features() == ["x", "other", "region"]);
    let new = draw(4_000, 2, planted);
    let actions = found.decide(&new.design(), &mut ()).unwrap();
    let right = (0..4_000).filter(|&k| {
        let best = usize::from(planted(new.x[0][k], new.region[k]) > 0.5);
        actions[k] == best
    });
    assert!(right.count() > 3_850);
    // Of its own half and of new customers it says the same, within three errors.
    let value = found.value().unwrap();
    let again = found.value_on(&new.policy(0.5), &mut ()).unwrap();
    for (one, other) in [
        (value.policy, again.policy),
        (value.gains[0], again.gains[0]),
    ] {
        let error = one
            .standard_error
            .unwrap()
            .hypot(other.standard_error.unwrap());
        assert!((one.mean - other.mean).abs() < 3.0 * error);
    }
    // The share of the planted part, 0.4 * 0.3, less what the mail costs.
    let gain = value.gains[0];
    assert!((gain.mean - 0.12 * 1.5).abs() < 3.0 * gain.standard_error.unwrap());
    assert_eq!(found.best_single(), 0);
    assert!(found.parameters(0.95).unwrap()[0].name == "reward");
}

#[test]
fn the_gain_of_a_rule_without_effect_is_covered_on_both_sides() {
    let runs = 60;
    let mut outside = 0;
    for run in 0..runs {
        let drawn = draw(600, 100 + run, |_, _| 0.0);
        let found = tree(&drawn.policy(0.0));
        let gain = found.value().unwrap().gains[0];
        let [low, high] = gain.interval(0.95).unwrap().unwrap_or([0.0; 2]);
        outside += usize::from(low > 0.0 || high < 0.0);
    }
    assert!(outside <= 8, "{outside} of {runs}");
}

#[test]
fn a_rule_comes_back_from_its_file() {
    let drawn = draw(1_500, 3, planted);
    let found = tree(&drawn.policy(0.5)).with_note(serde_json::json!({"a": 1}));
    let text = found.to_json().unwrap();
    let read = FittedPolicyTree::from_json(&text).unwrap();
    assert_eq!(read, found);
    let cut = text.replacen("\"right\":", "\"right\":9", 1);
    assert!(matches!(
        FittedPolicyTree::from_json(&cut),
        Err(Error::Corrupt { .. })
    ));
}

#[cfg(feature = "parallel")]
#[test]
fn rules_and_segments_do_not_depend_on_threads() {
    let drawn = draw(2_000, 4, planted);
    let both = || {
        (
            tree(&drawn.policy(0.5)),
            discover(&drawn, 3, Adjustment::Fdr),
        )
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    assert_eq!(pool.unwrap().install(both), both());
}

#[test]
fn a_search_can_be_stopped() {
    let drawn = draw(2_000, 5, planted);
    let mut observer = |_: &tercet::Step| ControlFlow::Break(());
    let told = PolicyTree::new().fit_observed(&drawn.policy(0.0), &mut observer);
    assert!(matches!(told, Err(Error::Interrupted { .. })));
}

fn discover(drawn: &Drawn, depth: usize, adjustment: Adjustment) -> Discovery {
    SegmentDiscovery::new()
        .depth(depth)
        .adjustment(adjustment)
        .nuisance_trees(20)
        .resamples(4)
        .discover(&drawn.experiment(), &mut ())
        .unwrap()
}

#[test]
fn planted_segments_are_found_and_their_effects_covered() {
    let (runs, mut found, mut covered, mut told) = (20, 0, 0, 0);
    for run in 0..runs {
        let drawn = draw(3_000, 200 + run, planted);
        let discovery = discover(&drawn, 2, Adjustment::Holm);
        let arm = &discovery.arms[0];
        let best = &arm.segments[0];
        found += usize::from(best.found && best.effect > 1.2 && best.stability.unwrap() > 0.5);
        assert!(arm.differ_p_adjusted.unwrap() < 0.01);
        assert!(arm.segments.is_sorted_by(|a, b| a.effect >= b.effect));
        let share: f64 = arm.segments.iter().map(|one| one.share).sum();
        assert!((share - 1.0).abs() < 1e-12);
        // The effect on everybody is known.
        let [low, high] = arm.ends.unwrap();
        told += 1;
        covered += usize::from((low..=high).contains(&0.24));
    }
    assert!(found >= 18, "{found}");
    assert!(covered + 4 >= told, "{covered} of {told}");
}

#[test]
fn effects_that_are_alike_make_no_segment() {
    let runs = 100;
    let mut found = 0;
    for run in 0..runs {
        let drawn = draw(800, 400 + run, |_, _| 1.0);
        let discovery = SegmentDiscovery::new()
            .nuisance_trees(10)
            .resamples(0)
            .discover(&drawn.experiment(), &mut ())
            .unwrap();
        let arm = &discovery.arms[0];
        found += usize::from(arm.segments.iter().any(|segment| segment.found));
        assert!(arm.ends.unwrap()[0] > 0.0, "the mail works on everybody");
    }
    assert!(found <= 12, "{found} of {runs}");
}

/// The whole of it: `cargo test --release --test response_policy -- --ignored --nocapture`.
#[test]
#[ignore = "half a minute; prints how often a placebo finds a segment"]
fn placebos_find_no_segment() {
    let runs = 500;
    let mut found = 0;
    for run in 0..runs {
        let drawn = draw(2_000, 1_000 + run, |_, _| 0.0);
        let discovery = discover(&drawn, 2, Adjustment::Fdr);
        let own = &discovery.arms[0].segments;
        found += usize::from(own.iter().any(|segment| segment.found));
    }
    println!("a placebo found a segment in {found} of {runs} runs");
    assert!(found <= 30);
}

/// A few customers whose outcomes vary much, as those of active ones do.
fn uneven(x: f64) -> f64 {
    if x < 0.06 { 6.0 } else { 1.0 }
}

/// How often segments are found where noise is uneven, planted and placebo, and in how many leaves.
fn uneven_runs(runs: u64, planted: f64) -> [usize; 3] {
    let effect = |x: f64, region: u16| if x > 0.5 && region == 1 { planted } else { 0.0 };
    let (mut any, mut right, mut leaves) = (0, 0, 0);
    for run in 0..runs {
        let drawn = draw_noisy(4_000, 5_000 + run, effect, uneven);
        let discovery = SegmentDiscovery::new()
            .nuisance_trees(10)
            .resamples(0)
            .discover(&drawn.experiment(), &mut ())
            .unwrap();
        let segments = &discovery.arms[0].segments;
        leaves += segments.len();
        any += usize::from(segments.iter().any(|one| one.found));
        right += usize::from(segments.iter().filter(|one| one.found).any(|one| {
            let inside = members(&one.condition, &drawn);
            let wanted = |k: &usize| drawn.x[0][*k] > 0.5 && drawn.region[*k] == 1;
            let both = inside.iter().filter(|k| wanted(k)).count();
            let all = (0..4_000).filter(wanted).count() + inside.len() - both;
            2 * both > all
        }));
    }
    [any, right, leaves]
}

#[test]
fn few_customers_whose_outcomes_vary_much_do_not_hide_a_segment() {
    let [_, right, _] = uneven_runs(20, 1.0);
    assert!(right >= 10, "{right} of 20");
    // What does not gain in expectation is not split: four leaves a run would be 80.
    let [found, _, leaves] = uneven_runs(20, 0.0);
    assert!(found <= 4 && leaves < 60, "{found} of 20, {leaves} leaves");
}

#[test]
#[ignore = "a minute; prints how often segments are found where noise is uneven"]
fn segments_under_uneven_noise() {
    for effect in [0.0, 0.3, 0.45, 0.6] {
        let [any, right, leaves] = uneven_runs(200, effect);
        println!("effect {effect}: found {any}, the right one {right} of 200, {leaves} leaves");
    }
}

#[test]
fn shrunken_effects_are_nearer_to_the_truth() {
    // Segments whose true effects differ a little, as effects do.
    let effect = |x: f64, region: u16| 0.3 * x + if region == 2 { 0.2 } else { 0.0 };
    let (mut raw, mut shrunken) = (0.0, 0.0);
    // The true mean effect of a segment, by many other customers.
    let many = draw(20_000, 3_000, effect);
    for run in 0..60 {
        let drawn = draw(1_200, 2_000 + run, effect);
        let discovery = discover(&drawn, 2, Adjustment::Fdr);
        for segment in &discovery.arms[0].segments {
            let inside = members(&segment.condition, &many);
            let n = inside.len() as f64;
            let truth = inside.iter().map(|&k| effect(many.x[0][k], many.region[k]));
            let truth = truth.sum::<f64>() / n;
            raw += (segment.effect - truth).powi(2);
            shrunken += (segment.effect_shrunken - truth).powi(2);
        }
    }
    println!("mean squares of errors: raw {raw:.3}, shrunken {shrunken:.3}");
    assert!(shrunken < 0.8 * raw, "{shrunken} {raw}");
}

/// The rows of which a condition is true.
fn members(condition: &serde_json::Value, drawn: &Drawn) -> Vec<usize> {
    let entry = serde_json::json!([{"id": "one", "where": condition}]);
    let book = SegmentBook::from_segments(&entry.to_string()).unwrap();
    let codes: Vec<i32> = drawn
        .region
        .iter()
        .map(|&code| {
            if code == NO_LEVEL {
                -1
            } else {
                i32::from(code)
            }
        })
        .collect();
    let levels = Ids::Strings {
        offsets: &[0, 5, 10, 14],
        bytes: b"northsoutheast",
    };
    let customers = Customers::new(vec![
        ("x".to_owned(), Column::Numbers(&drawn.x[0])),
        ("other".to_owned(), Column::Numbers(&drawn.x[1])),
        (
            "region".to_owned(),
            Column::Text {
                codes: &codes,
                levels,
            },
        ),
    ]);
    let found = book.evaluate(&customers.unwrap(), None, &mut ()).unwrap();
    found.sets()[0].rows().collect()
}

#[test]
fn every_customer_is_in_one_segment_and_it_is_that_of_the_leaf() {
    let drawn = draw(2_000, 8, planted);
    let found = PolicyTree::new()
        .depth(3)
        .nuisance_trees(10)
        .fit(&drawn.policy(0.3))
        .unwrap();
    let leaves = found.apply(&drawn.design(), &mut ()).unwrap();
    let mut seen = 0;
    for (leaf, told) in found.leaves().iter().enumerate() {
        let rows = members(&told.condition, &drawn);
        assert!(rows.iter().all(|&row| leaves[row] == leaf));
        assert_eq!(rows.len(), told.n);
        seen += rows.len();
    }
    assert_eq!(seen, 2_000);
}

#[test]
fn what_cannot_be_is_refused() {
    let drawn = draw(400, 6, planted);
    let told = |settings: SegmentDiscovery| {
        let found = settings.discover(&drawn.experiment(), &mut ());
        found.unwrap_err().to_string()
    };
    let new = SegmentDiscovery::new;
    assert!(told(new().depth(0)).contains("depth = 0: expected a number from 1 to 3"));
    assert!(told(new().depth(4)).contains("depth = 4"));
    assert!(told(new().bins(1)).contains("bins = 1"));
    assert!(told(new().cost(vec![1.0, 2.0])).contains("1 costs"));
    assert!(told(new().level(1.0)).contains("level"));
    let amounts = EffectData::new(
        drawn.design(),
        ("mails", Treatment::Amount(&drawn.x[0])),
        ("spend", &drawn.outcome),
    )
    .unwrap();
    let told = new().discover(&amounts, &mut ()).unwrap_err().to_string();
    assert!(told.contains("'mails': is an amount"), "{told}");
    let few = draw(60, 7, planted);
    let told = new().discover(&few.experiment(), &mut ()).unwrap_err();
    assert!(told.to_string().contains("at least 40 of each"), "{told}");
    // A feature that is the treatment leaves nothing to compare.
    let arms: Vec<f64> = drawn.arms.iter().map(|&arm| f64::from(arm)).collect();
    let design = Design::new(vec![("mailed".to_owned(), Feature::Numbers(&arms))]).unwrap();
    let treatment = Treatment::Arms {
        codes: &drawn.arms,
        arms: vec!["none".to_owned(), "mail".to_owned()],
    };
    let data = EffectData::new(design, ("arm", treatment), ("spend", &drawn.outcome)).unwrap();
    let told = new().discover(&data, &mut ()).unwrap_err().to_string();
    assert!(
        told.contains("no overlap") && told.contains("'mailed'"),
        "{told}"
    );

    let rewards = [0.0, f64::NAN, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let x = [1.0, 2.0, 3.0, 4.0];
    let design = || Design::new(vec![("x".to_owned(), Feature::Numbers(&x))]).unwrap();
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let told = |actions: &[&str], rewards: &[f64]| {
        let data = PolicyData::from_rewards(design(), names(actions), rewards);
        data.unwrap_err().to_string()
    };
    assert!(told(&["a", "b"], &rewards).contains("row 0: is NaN for action 'b'"));
    assert!(told(&["a"], &rewards[..4]).contains("2 to 32"));
    assert!(told(&["a", "a"], &rewards).contains("two actions called 'a'"));
    assert!(told(&["a", "b"], &rewards[..6]).contains("expected 8"));
}
