//! What leads to a leaf, as the conditions of a segment.

use serde_json::{Value, json};

use super::set::BinSet;
use crate::response::bins::{Binning, Cuts, MISSING};

/// The condition of the customers whose bins are in all of these sets: the tree of a
/// [`Segment`](crate::response::rules::Segment). Of all conditions of a tree's leaves exactly one is true of
/// any customer, missing values and levels never seen among them.
pub(in crate::response) fn condition(binning: &Binning, path: &[(usize, BinSet)]) -> Value {
    let mut all = Vec::new();
    for (feature, set) in path {
        let name = &binning.names()[*feature];
        match binning.cuts(*feature) {
            Cuts::Numbers(edges) => all.extend(of_numbers(name, edges, *set)),
            Cuts::Levels(levels, other) => all.extend(of_levels(name, levels, other, *set)),
        }
    }
    match all.len() {
        0 => json!({"everyone": true}),
        1 => all.remove(0),
        _ => json!({"all": all}),
    }
}

/// Nothing where any value will do.
fn of_numbers(name: &str, edges: &[f64], set: BinSet) -> Vec<Value> {
    let last = edges.len() + 1;
    let known: Vec<usize> = set.bins().map(usize::from).filter(|bin| *bin > 0).collect();
    let missing = json!({"column": name, "is_missing": true});
    let (Some(&low), Some(&high)) = (known.first(), known.last()) else {
        return vec![missing];
    };
    let mut bounds = Vec::new();
    if low > 1 {
        bounds.push(json!({"column": name, ">": edges[low - 2]}));
    }
    if high < last {
        bounds.push(json!({"column": name, "<=": edges[high - 1]}));
    }
    match (set.has(MISSING), bounds.is_empty()) {
        (true, true) => Vec::new(),
        (false, true) => vec![json!({"column": name, "is_missing": false})],
        (false, false) => bounds,
        (true, false) => {
            let inside = if bounds.len() == 1 {
                bounds.remove(0)
            } else {
                json!({"all": bounds})
            };
            vec![json!({"any": [inside, missing]})]
        }
    }
}

fn of_levels(name: &str, levels: &[String], other: Option<u8>, set: BinSet) -> Option<Value> {
    let of = |inside: bool| -> Vec<&String> {
        let bins = levels.iter().zip(1..=u8::MAX);
        bins.filter(|(_, bin)| set.has(*bin) == inside)
            .map(|(level, _)| level)
            .collect()
    };
    let (own, others) = (of(true), of(false));
    let lacking = set.has(MISSING);
    let missing = json!({"column": name, "is_missing": lacking});
    // Levels never seen go with rare ones where there are such, else with missing ones.
    let unseen = set.has(other.unwrap_or(MISSING));
    if unseen && others.is_empty() {
        return (!lacking).then_some(missing);
    }
    if !unseen && own.is_empty() {
        return Some(missing);
    }
    let named = if unseen {
        json!({"column": name, "not_in": others})
    } else {
        json!({"column": name, "in": own})
    };
    Some(if lacking {
        json!({"any": [named, missing]})
    } else {
        named
    })
}
