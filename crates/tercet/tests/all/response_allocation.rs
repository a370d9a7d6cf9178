//! Allocations beside every allocation there is, and what must hold of all of them.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tercet::data::Ids;
use tercet::response::allocation::{
    Allocation, AllocationData, Allocator, Amounts, Limit, Obstacle, Reason,
};

/// Customers, actions and what is scarce.
#[derive(Debug, Clone)]
struct Case {
    actions: usize,
    effects: Vec<f64>,
    costs: Vec<f64>,
    closed: Vec<Option<Obstacle>>,
    budget: Option<f64>,
    limits: Vec<Limit>,
}

impl Case {
    fn data(&self) -> AllocationData<'_> {
        let names = (0..self.actions).map(|action| format!("action {action}"));
        AllocationData::new(names.collect(), &self.effects)
            .and_then(|data| data.with_margin(Amounts::All(10.0)))
            .and_then(|data| data.with_cost(Amounts::Each(&self.costs)))
            .and_then(|data| data.with_obstacles(&self.closed))
            .unwrap()
    }

    fn solve(&self) -> Allocation {
        self.allocator().allocate(&self.data(), &mut ()).unwrap()
    }

    fn allocator(&self) -> Allocator {
        let allocator = Allocator::new().limits(self.limits.clone()).curve_points(8);
        match self.budget {
            Some(budget) => allocator.budget(budget),
            None => allocator,
        }
    }

    fn rows(&self) -> usize {
        self.effects.len() / self.actions
    }

    /// The profit of an allocation, if it is allowed.
    fn worth(&self, choice: &[Option<u8>]) -> Option<f64> {
        let data = self.data();
        let (mut cost, mut profit) = (0.0, 0.0);
        let mut given = vec![0; self.actions];
        for (row, action) in choice.iter().enumerate() {
            if let Some(action) = action.map(usize::from) {
                if data.obstacle(row, action).is_some() {
                    return None;
                }
                cost += data.cost(row, action);
                profit += data.profit(row, action);
                given[action] += 1;
            }
        }
        let within = self
            .budget
            .is_none_or(|budget| cost <= budget * (1.0 + 1e-9));
        let room = self.limits.iter().all(|limit| {
            limit
                .actions
                .iter()
                .map(|action| given[*action])
                .sum::<u64>()
                <= limit.most
        });
        (within && room).then_some(profit)
    }

    /// The best profit of all allocations.
    fn best(&self) -> f64 {
        let mut best = 0.0_f64;
        let kinds = self.actions + 1;
        for code in 0..kinds.pow(u32::try_from(self.rows()).unwrap()) {
            let mut code = code;
            let choice: Vec<Option<u8>> = (0..self.rows())
                .map(|_| {
                    let action = code % kinds;
                    code /= kinds;
                    action
                        .checked_sub(1)
                        .map(|action| u8::try_from(action).unwrap())
                })
                .collect();
            best = best.max(self.worth(&choice).unwrap_or(0.0));
        }
        best
    }
}

fn obstacle() -> impl Strategy<Value = Option<Obstacle>> {
    prop_oneof![
        6 => Just(None),
        1 => Just(Some(Obstacle::DoNotContact)),
        1 => Just(Some(Obstacle::Resting)),
        1 => Just(Some(Obstacle::NotEligible)),
    ]
}

fn limit_on((mut actions, most): (Vec<usize>, u64)) -> Limit {
    actions.sort_unstable();
    actions.dedup();
    Limit { actions, most }
}

/// Small cases, of round numbers half of the time, so that there are ties.
fn case(most: usize) -> impl Strategy<Value = Case> {
    (1..=most, 1_usize..=3, any::<bool>()).prop_flat_map(|(n, actions, round)| {
        let step = if round { 1.0 } else { 1e-9 };
        let number = move |x: f64| (x / step).round() * step;
        let cells = n * actions;
        let limit = (
            proptest::collection::vec(0..actions, 1..=actions),
            0..=n as u64,
        );
        (
            proptest::collection::vec((-2.0..6.0).prop_map(number), cells),
            proptest::collection::vec((0.0..5.0).prop_map(number), cells),
            proptest::collection::vec(obstacle(), cells),
            proptest::option::of((0.0..12.0).prop_map(number)),
            proptest::collection::vec(limit, 0..3),
        )
            .prop_map(move |(effects, costs, closed, budget, limits)| Case {
                actions,
                effects: effects.iter().map(|x| x / 5.0).collect(),
                costs,
                closed,
                budget,
                limits: limits.into_iter().map(limit_on).collect(),
            })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn small_cases_are_allowed_and_within_their_gap(case in case(6)) {
        let found = case.solve();
        let profit = case.worth(&found.choice);
        prop_assert!(profit.is_some(), "not allowed: {found:?}");
        prop_assert!((profit.unwrap() - found.totals.profit).abs() < 1e-9);
        let best = case.best();
        prop_assert!(found.totals.profit <= best + 1e-9);
        prop_assert!(best <= found.bound + 1e-7, "best {best}, bound {}", found.bound);
        prop_assert!(found.exact_prices);
        if case.budget.is_none() && case.limits.is_empty() {
            prop_assert!(found.gap() < 1e-9);
        }
    }

    #[test]
    fn prices_and_choices_fit_together(case in case(60)) {
        let found = case.solve();
        prop_assert!(case.worth(&found.choice).is_some());
        // The gap is the profit of a customer or so for each scarce thing.
        let data = case.data();
        let scarce = case.limits.len() + usize::from(case.budget.is_some());
        let largest = (0..case.rows())
            .flat_map(|row| (0..case.actions).map(move |action| (row, action)))
            .map(|(row, action)| data.profit(row, action))
            .fold(0.0_f64, f64::max);
        prop_assert!(found.gap() <= scarce as f64 * largest * (1.0 + 1e-6) + 1e-6);
        let given = |limit: &Limit| {
            let holds = |choice: &&Option<u8>| {
                choice.is_some_and(|action| limit.actions.contains(&usize::from(action)))
            };
            found.choice.iter().filter(holds).count() as f64
        };
        // Who may not be contacted is not, and nothing that pays and fits is left out.
        for (row, choice) in found.choice.iter().enumerate() {
            prop_assert_eq!(choice.is_some(), found.reasons[row] == Reason::Chosen);
            if let Some(action) = choice {
                let action = usize::from(*action);
                prop_assert_eq!(data.obstacle(row, action), None);
                prop_assert!(data.profit(row, action) > 0.0);
                continue;
            }
            for action in 0..case.actions {
                if data.obstacle(row, action).is_some() || data.profit(row, action) <= 0.0 {
                    continue;
                }
                let affordable = case.budget.is_none_or(|budget| {
                    found.totals.cost + data.cost(row, action) <= budget - 1e-9
                });
                let room = case.limits.iter().all(|limit| {
                    !limit.actions.contains(&action) || given(limit) + 1.0 <= limit.most as f64
                });
                prop_assert!(!(affordable && room), "row {row} could have action {action}");
                prop_assert!(matches!(found.reasons[row], Reason::Budget | Reason::Capacity));
            }
        }
        // Only what is used up has a price, but for what whole customers leave over.
        for (limit, price) in case.limits.iter().zip(&found.limit_prices) {
            prop_assert!(*price == 0.0 || given(limit) + scarce as f64 >= limit.most as f64);
        }
    }

    #[test]
    fn the_curve_is_concave_and_rises(case in case(40)) {
        let found = case.solve();
        for pair in found.curve.windows(2) {
            let (one, two) = (&pair[0], &pair[1]);
            prop_assert!(one.budget <= two.budget);
            let gained = two.totals.profit - one.totals.profit;
            prop_assert!(gained >= -1e-6, "{gained}");
            // The slope lies between the prices at the ends.
            let step = two.budget - one.budget;
            prop_assert!(gained <= one.price * step + 1e-6);
            prop_assert!(gained >= two.price * step - 1e-6);
            prop_assert!(one.totals.cost <= one.budget * (1.0 + 1e-9) + 1e-9);
        }
        if let Some(last) = found.curve.last() {
            prop_assert_eq!(last.price, 0.0);
            prop_assert!(last.totals.profit >= found.totals.profit - 1e-6);
        }
    }

    #[test]
    fn the_order_of_rows_changes_nothing(case in case(40), turn in 1_usize..40) {
        let ids: Vec<i64> = (0..).take(case.rows()).collect();
        let data = |case: &Case, ids: &[i64]| {
            let data = case.data().with_ids("id", Ids::Integers(ids)).unwrap();
            case.allocator().allocate(&data, &mut ()).unwrap()
        };
        let one = data(&case, &ids);
        let turned = |k: usize| {
            let mut other = case.clone();
            other.effects.rotate_left(turn % case.rows() * k);
            other.costs.rotate_left(turn % case.rows() * k);
            other.closed.rotate_left(turn % case.rows() * k);
            other
        };
        let mut others = ids.clone();
        others.rotate_left(turn % case.rows());
        let mut two = data(&turned(case.actions), &others);
        two.choice.rotate_right(turn % case.rows());
        prop_assert_eq!(&one.choice, &two.choice);
        prop_assert_eq!(one.totals, two.totals);
        prop_assert_eq!(one.curve, two.curve);
        // Without ids the totals are the same, whoever of equals is chosen.
        let (one, two) = (case.solve(), turned(case.actions).solve());
        prop_assert_eq!(one.totals, two.totals);
    }
}

/// Numbers that look random, the same everywhere.
fn noise(seed: u64, place: u64) -> f64 {
    let mut z = (seed << 32 ^ place)
        .wrapping_add(1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
}

#[test]
fn many_customers_leave_a_small_gap() {
    let (n, k) = (60_000, 5);
    let effects: Vec<f64> = (0..n * k).map(|cell| noise(1, cell) + 0.1).collect();
    let costs: Vec<f64> = (0..n * k).map(|cell| 1.0 + noise(2, cell)).collect();
    let names = (0..k).map(|action| format!("action {action}")).collect();
    let data = AllocationData::new(names, &effects)
        .and_then(|data| data.with_margin(Amounts::All(10.0)))
        .and_then(|data| data.with_cost(Amounts::Each(&costs)))
        .unwrap();
    let limit = |actions: &[usize], most| limit_on((actions.to_vec(), most));
    let found = Allocator::new()
        .budget(9_000.0)
        .limits([
            limit(&[0], 3_000),
            limit(&[1], 100),
            limit(&[2, 3], 4_000),
            limit(&[0, 1, 2, 3, 4], 15_000),
        ])
        .allocate(&data, &mut ())
        .unwrap();
    assert!(found.exact_prices);
    assert!(
        found.gap() < 1e-4 * found.totals.profit,
        "{} of {}",
        found.gap(),
        found.totals.profit
    );
    assert!(found.totals.cost <= 9_000.0 && found.totals.cost > 8_990.0);
    assert_eq!(found.curve.len(), 22);
}

#[test]
fn errors_by_scores_are_those_of_repetition() {
    // Customers with effects of two actions that are known in part; a budget of a half a customer, and a
    // limit on the dear action.
    let n = 1_500_u64;
    let found: Vec<(f64, f64)> = (0..300)
        .map(|stream| {
            let known: Vec<f64> = (0..2 * n)
                .map(|cell| noise(2 * stream + 10, cell))
                .collect();
            let action = |cell: u64| (cell % 2) as f64;
            let guess =
                |cell: u64| 1.0 + action(cell) + 2.0 * known[usize::try_from(cell).unwrap()];
            let effects: Vec<f64> = (0..2 * n).map(guess).collect();
            // The guess is too high above, and noise comes on top of it.
            let score = |cell: u64| 0.5 + 0.5 * guess(cell) + 6.0 * noise(2 * stream + 11, cell);
            let scores: Vec<f64> = (0..2 * n).map(score).collect();
            let data = AllocationData::new(vec!["mail".into(), "call".into()], &effects)
                .and_then(|data| data.with_cost(Amounts::ByAction(&[0.5, 1.2])))
                .and_then(|data| data.with_scores(&scores))
                .unwrap();
            let found = Allocator::new()
                .budget(0.5 * n as f64)
                .limits([Limit {
                    actions: vec![1],
                    most: n / 5,
                }])
                .curve_points(0)
                .allocate(&data, &mut ())
                .unwrap();
            let profit = found.totals.by_scores.unwrap();
            (profit.estimate, profit.standard_error)
        })
        .collect();
    let mean = |of: fn(&(f64, f64)) -> f64| found.iter().map(of).sum::<f64>() / found.len() as f64;
    let (middle, told) = (mean(|one| one.0), mean(|one| one.1));
    let squares = found
        .iter()
        .map(|one| (one.0 - middle).powi(2))
        .sum::<f64>();
    let spread = (squares / (found.len() as f64 - 1.0)).sqrt();
    assert!((told / spread - 1.0).abs() < 0.12, "{told} {spread}");
}
