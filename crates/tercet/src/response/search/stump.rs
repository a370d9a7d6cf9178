//! The best split of a node by one feature, from its cells.

use super::cell::{Cell, Worth};
use super::set::BinSet;
use crate::response::bins::MISSING;

/// What makes a split of a node allowed, and better than another one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) min_leaf: f64,
    pub(super) tolerance: f64,
    /// What a leaf costs, in variances.
    pub(super) cost: f64,
    /// Numbers a row that are not there to fill up.
    pub(super) actions: usize,
}

impl Rules {
    /// Whether a tree is better than another one, by worth and number of splits.
    #[inline]
    pub(super) fn better(self, (worth, splits): (f64, u8), (other, fewer): (f64, u8)) -> bool {
        worth > other + self.tolerance || (worth >= other - self.tolerance && splits < fewer)
    }

    #[inline]
    pub(super) fn allows<const A: usize>(self, side: &Cell<A>) -> bool {
        side.n >= self.min_leaf
    }
}

/// The bins of a cut, before they are a set.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cut {
    /// Those of numbers up to this one, missing ones too or not.
    UpTo(u8, bool),
    /// This one alone.
    Only(u8),
    /// The first so many of an order.
    First(usize),
}

/// A node with at most one split: what it is worth.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stump {
    pub(super) worth: f64,
    pub(super) split: Option<(usize, BinSet)>,
}

impl Stump {
    pub(super) fn leaf<const A: usize, W: Worth>(total: &Cell<A>, rules: Rules) -> Self {
        Self {
            worth: W::of(total, rules.cost),
            split: None,
        }
    }

    pub(super) fn splits(&self) -> u8 {
        u8::from(self.split.is_some())
    }

    /// Takes a feature's best split where it is better; `cells` are the node's in the feature's bins,
    /// `total` the sum of them.
    pub(super) fn improve<const A: usize, W: Worth>(
        &mut self,
        (feature, unordered): (usize, bool),
        cells: &[Cell<A>],
        total: &Cell<A>,
        rules: Rules,
        order: &mut Vec<u8>,
    ) {
        let mut worth = self.worth;
        if unordered {
            for turn in 0..W::orders(rules.actions) {
                ordered::<A, W>(cells, turn, rules.actions, order);
                let found = levels::<A, W>(cells, order, turn == 0, total, rules, &mut worth);
                if let Some(cut) = found {
                    self.worth = worth;
                    self.split = Some((feature, side(cut, cells, total, order)));
                }
            }
        } else if let Some(cut) = numbers::<A, W>(cells, total, rules, &mut worth) {
            self.worth = worth;
            self.split = Some((feature, side(cut, cells, total, &[])));
        }
    }
}

/// The bins that have rows, in one of their orders.
pub(super) fn ordered<const A: usize, W: Worth>(
    cells: &[Cell<A>],
    turn: usize,
    actions: usize,
    order: &mut Vec<u8>,
) {
    order.clear();
    let places = (0..=u8::MAX).zip(cells);
    order.extend(places.filter(|(_, cell)| cell.n > 0.0).map(|(bin, _)| bin));
    let key = |bin: u8| W::key(&cells[usize::from(bin)], turn, actions);
    order.sort_by(|&a, &b| key(a).total_cmp(&key(b)).then(a.cmp(&b)));
}

/// Offers a part of the node as the left side.
#[inline]
fn offer<const A: usize, W: Worth>(
    left: &Cell<A>,
    total: &Cell<A>,
    rules: Rules,
    best: &mut f64,
) -> bool {
    let right = total.without(left);
    if !(rules.allows(left) && rules.allows(&right)) {
        return false;
    }
    let worth = W::of_both(left, &right, rules.cost);
    let better = worth > *best + rules.tolerance;
    if better {
        *best = worth;
    }
    better
}

fn numbers<const A: usize, W: Worth>(
    cells: &[Cell<A>],
    total: &Cell<A>,
    rules: Rules,
    best: &mut f64,
) -> Option<Cut> {
    let missing = &cells[usize::from(MISSING)];
    let lacking = missing.n > 0.0;
    let mut found = None;
    if lacking && offer::<A, W>(missing, total, rules, best) {
        found = Some(Cut::Only(MISSING));
    }
    let mut left = Cell::EMPTY;
    for (bin, cell) in (0..=u8::MAX).zip(cells).skip(1) {
        if cell.n == 0.0 {
            continue;
        }
        left.add(cell);
        if offer::<A, W>(&left, total, rules, best) {
            found = Some(Cut::UpTo(bin, false));
        }
        if lacking {
            let mut with = left;
            with.add(missing);
            if offer::<A, W>(&with, total, rules, best) {
                found = Some(Cut::UpTo(bin, true));
            }
        }
    }
    found
}

fn levels<const A: usize, W: Worth>(
    cells: &[Cell<A>],
    order: &[u8],
    alone: bool,
    total: &Cell<A>,
    rules: Rules,
    best: &mut f64,
) -> Option<Cut> {
    let mut found = None;
    let mut left = Cell::EMPTY;
    for (place, bin) in order.iter().enumerate() {
        let cell = &cells[usize::from(*bin)];
        if alone && offer::<A, W>(cell, total, rules, best) {
            found = Some(Cut::Only(*bin));
        }
        left.add(cell);
        if offer::<A, W>(&left, total, rules, best) {
            found = Some(Cut::First(place + 1));
        }
    }
    found
}

/// The left side of a cut. Bins that no row of the node is in go with most of its rows, to the right of
/// two equal halves; of numbers those only whose value is missing, since the others have a place.
pub(super) fn side<const A: usize>(
    cut: Cut,
    cells: &[Cell<A>],
    total: &Cell<A>,
    order: &[u8],
) -> BinSet {
    let mut set = match cut {
        Cut::Only(bin) => BinSet::range(bin, bin),
        Cut::UpTo(bin, missing) => {
            let mut set = BinSet::range(MISSING + 1, bin);
            if missing {
                set.put(MISSING);
            }
            set
        }
        Cut::First(count) => {
            let mut set = BinSet::NONE;
            order[..count].iter().for_each(|&bin| set.put(bin));
            set
        }
    };
    let rows = set.bins().map(|bin| cells[usize::from(bin)].n).sum::<f64>();
    if 2.0 * rows > total.n {
        let absent = |bin: usize| cells[bin].n == 0.0;
        match cut {
            Cut::UpTo(..) => {
                if absent(usize::from(MISSING)) {
                    set.put(MISSING);
                }
            }
            // Missing numbers alone against all others: a number is none of them, whatever it is.
            Cut::Only(MISSING) if order.is_empty() => {}
            Cut::Only(_) | Cut::First(_) => {
                let places = (0..=u8::MAX).zip(cells);
                places
                    .filter(|(_, cell)| cell.n == 0.0)
                    .for_each(|(bin, _)| set.put(bin));
            }
        }
    }
    set
}
