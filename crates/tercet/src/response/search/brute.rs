//! The search against one that tries every tree.

use proptest::prelude::*;

use super::*;
use crate::data::{Design, Feature, NO_LEVEL};
use crate::observe::Phase;

/// What a leaf of an effect tree costs, in variances.
const COST: f64 = 2.5;

/// Customers with a few numbers and levels, some missing, and rewards.
#[derive(Debug, Clone)]
struct Case {
    /// A column each: whether it is of levels, and a small number or nothing a row.
    columns: Vec<(bool, Vec<Option<u8>>)>,
    actions: usize,
    rewards: Vec<f64>,
    min_leaf: usize,
}

fn cases(most_rows: usize) -> impl Strategy<Value = Case> {
    (1..=most_rows, 1..=3_usize, 2..=4_usize, 1..=4_usize).prop_flat_map(
        |(n, width, actions, min_leaf)| {
            let value = prop_oneof![1 => Just(None), 5 => (0..4_u8).prop_map(Some)];
            let column = (any::<bool>(), prop::collection::vec(value, n));
            let rewards = prop::collection::vec(-6..=6_i32, n * actions);
            (prop::collection::vec(column, width), rewards).prop_map(move |(columns, rewards)| {
                Case {
                    columns,
                    actions,
                    rewards: rewards.into_iter().map(f64::from).collect(),
                    min_leaf,
                }
            })
        },
    )
}

/// All splits of a node that the documentation tells of: the rows of the left side.
fn splits(case: &Case, rows: &[usize], score: &dyn Fn(&[usize]) -> Vec<f64>) -> Vec<Vec<usize>> {
    let mut found = Vec::new();
    for (is_level, values) in &case.columns {
        let of = |wanted: &dyn Fn(Option<u8>) -> bool| -> Vec<usize> {
            rows.iter()
                .copied()
                .filter(|&row| wanted(values[row]))
                .collect()
        };
        if *is_level {
            let mut levels: Vec<Option<u8>> = rows.iter().map(|&row| values[row]).collect();
            levels.sort_unstable();
            levels.dedup();
            let orders = score(&of(&|value| value == levels[0])).len();
            for order in 0..orders {
                let key = |level: &Option<u8>| score(&of(&|value| value == *level))[order];
                let mut sorted = levels.clone();
                sorted.sort_by(|a, b| key(a).total_cmp(&key(b)).then(a.cmp(b)));
                for end in 1..sorted.len() {
                    found.push(of(&|value| sorted[..end].contains(&value)));
                }
            }
            for level in &levels {
                found.push(of(&|value| value == *level));
            }
        } else {
            found.push(of(&|value| value.is_none()));
            for cut in 0..4 {
                found.push(of(&|value| value.is_some_and(|value| value <= cut)));
                found.push(of(&|value| value.is_none_or(|value| value <= cut)));
            }
        }
    }
    found
}

/// The worth of the best tree and the fewest splits that reach it.
fn best(
    case: &Case,
    rows: &[usize],
    depth: usize,
    worth: &dyn Fn(&[usize]) -> f64,
    score: &dyn Fn(&[usize]) -> Vec<f64>,
) -> (f64, usize) {
    let mut found = (worth(rows), 0);
    if depth == 0 {
        return found;
    }
    for left in splits(case, rows, score) {
        let right: Vec<usize> = rows
            .iter()
            .copied()
            .filter(|row| !left.contains(row))
            .collect();
        if left.len().min(right.len()) < case.min_leaf {
            continue;
        }
        let low = best(case, &left, depth - 1, worth, score);
        let high = best(case, &right, depth - 1, worth, score);
        let (sum, splits) = (low.0 + high.0, 1 + low.1 + high.1);
        if sum > found.0 + 1e-9 || (sum > found.0 - 1e-9 && splits < found.1) {
            found = (sum, splits);
        }
    }
    found
}

/// What the search finds: the leaf of every row, and the tree.
fn searched(case: &Case, depth: usize, effects: bool) -> (Vec<usize>, ShallowTree) {
    let numbers: Vec<Vec<f64>> = case
        .columns
        .iter()
        .map(|(_, values)| {
            let number = |value: &Option<u8>| value.map_or(f64::NAN, f64::from);
            values.iter().map(number).collect()
        })
        .collect();
    let codes: Vec<Vec<u16>> = case
        .columns
        .iter()
        .map(|(_, values)| {
            let code = |value: &Option<u8>| value.map_or(NO_LEVEL, u16::from);
            values.iter().map(code).collect()
        })
        .collect();
    let columns = case
        .columns
        .iter()
        .enumerate()
        .map(|(place, (is_level, _))| {
            let levels = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
            let feature = if *is_level {
                let codes = &codes[place];
                Feature::Levels { codes, levels }
            } else {
                Feature::Numbers(&numbers[place])
            };
            (format!("x{place}"), feature)
        });
    let design = Design::new(columns.collect()).unwrap();
    let mut silent = ();
    let mut phase = Phase::new(&mut silent, "testing");
    let gate = Gate::new(&mut phase);
    let binning = Binning::learn(&design, 10);
    let bins = binning.encode(&design, &gate).unwrap();
    let n = case.rewards.len() / case.actions;
    let search = Search {
        bins: &bins,
        space: &Space::new(&binning),
        depth,
        min_leaf: case.min_leaf,
        shortlist: usize::MAX,
    };
    let rows: Vec<u32> = (0..u32::try_from(n).unwrap()).collect();
    let found = if effects {
        let score = |row: u32| case.rewards[row as usize * case.actions];
        search.effects(&rows, (score, COST), &gate).unwrap()
    } else {
        let rewards = (&case.rewards[..], case.actions);
        search.policy(&rows, rewards, &gate).unwrap()
    };
    assert!(found.exact);
    found.tree.check(case.columns.len()).unwrap();
    // What leads to a leaf is what its rows are in.
    let paths = found.tree.paths(&binning.counts());
    let leaves: Vec<usize> = (0..n).map(|row| found.tree.leaf(bins.row(row))).collect();
    for (row, leaf) in leaves.iter().enumerate() {
        for (other, path) in paths.iter().enumerate() {
            let inside = path
                .iter()
                .all(|(feature, set)| set.has(bins.row(row)[*feature]));
            assert_eq!(inside, other == *leaf);
        }
    }
    (leaves, found.tree)
}

fn rewards(case: &Case, rows: &[usize]) -> Vec<f64> {
    let of = |action: usize| {
        rows.iter()
            .map(|row| case.rewards[row * case.actions + action])
            .sum()
    };
    (0..case.actions).map(of).collect()
}

/// The same with scores (first rewards) whose mean is 0, so that sums are whole numbers and levels of one
/// mean tie here and there alike.
fn centred(mut case: Case) -> Case {
    let sum: f64 = case.rewards.iter().step_by(case.actions).sum();
    case.rewards[0] -= sum;
    case
}

fn check(case: &Case, depth: usize, effects: bool) {
    let mut case = case.clone();
    if effects {
        // Of one row no variance is known.
        case.min_leaf = case.min_leaf.max(2);
    }
    let case = &case;
    let n = case.rewards.len() / case.actions;
    let all: Vec<usize> = (0..n).collect();
    let (leaves, tree) = searched(case, depth, effects);
    let centre = rewards(case, &all)[0] / n as f64;
    let worth = |rows: &[usize]| {
        let sums = rewards(case, rows);
        if effects {
            let n = rows.len() as f64;
            if n < 2.0 {
                return 0.0;
            }
            let deviation = |row: &usize| case.rewards[row * case.actions] - sums[0] / n;
            let squares: f64 = rows.iter().map(|row| deviation(row).powi(2)).sum();
            (sums[0] - centre * n).powi(2) / n - COST * squares / (n - 1.0)
        } else {
            sums.into_iter().fold(f64::MIN, f64::max)
        }
    };
    let score = |rows: &[usize]| {
        let sums = rewards(case, rows);
        let n = rows.len().max(1) as f64;
        if effects {
            return vec![(sums[0] - centre * n) / n];
        }
        let all = sums.iter().sum::<f64>() / case.actions as f64;
        let keys = sums.iter().map(|sum| (sum - all) / n);
        keys.take(if case.actions == 2 { 1 } else { case.actions })
            .collect()
    };
    let (wanted, fewest) = best(case, &all, depth, &worth, &score);
    let of_leaf = |leaf: usize| -> Vec<usize> {
        all.iter()
            .copied()
            .filter(|&row| leaves[row] == leaf)
            .collect()
    };
    let parts: Vec<Vec<usize>> = (0..tree.n_leaves()).map(of_leaf).collect();
    let found: f64 = parts.iter().map(|rows| worth(rows)).sum();
    assert!((found - wanted).abs() < 1e-7, "{found} is not {wanted}");
    assert_eq!(tree.n_leaves(), fewest + 1);
    let least = parts.iter().map(Vec::len).min().unwrap_or(0);
    assert!(tree.n_leaves() == 1 || least >= case.min_leaf);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn trees_of_two_splits_are_the_best_of_all(case in cases(24), depth in 0..=2_usize) {
        check(&case, depth, false);
    }

    #[test]
    fn trees_of_effects_are_the_best_of_all(case in cases(24), depth in 0..=2_usize) {
        check(&centred(case), depth, true);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn trees_of_three_splits_are_the_best_of_all(case in cases(12), effects in any::<bool>()) {
        check(&centred(case), 3, effects);
    }
}

#[test]
fn of_equal_trees_the_smallest_is_taken() {
    // The second column repeats the first; one split says it all, by the first column.
    let values: Vec<Option<u8>> = (0..8).map(|row| Some(row / 2)).collect();
    let rewards = (0..8).flat_map(|row| [0.0, if row < 4 { -1.0 } else { 1.0 }]);
    let case = Case {
        columns: vec![(false, values.clone()), (false, values)],
        actions: 2,
        rewards: rewards.collect(),
        min_leaf: 1,
    };
    let (_, tree) = searched(&case, 2, false);
    assert_eq!(tree.n_leaves(), 2);
    assert!(matches!(
        tree.parts()[0].1,
        tree::Part::Split { feature: 0, .. }
    ));
}

#[test]
fn the_tree_does_not_depend_on_threads() {
    let values = |step: usize| (0..200).map(move |row| u8::try_from(row * step % 7 % 4).ok());
    let case = Case {
        columns: (1..7).map(|k| (k % 2 == 0, values(k).collect())).collect(),
        actions: 3,
        rewards: (0..600)
            .map(|k| f64::from(k * 7919 % 101) / 7.0 - 7.0)
            .collect(),
        min_leaf: 5,
    };
    let (_, one) = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap()
        .install(|| searched(&case, 3, false));
    let (_, many) = searched(&case, 3, false);
    assert_eq!(one, many);
}
