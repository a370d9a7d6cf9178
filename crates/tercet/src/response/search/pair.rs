//! Trees of two splits one below the other: for a root's feature, all of them.

use super::Worth;
use super::cell::Cell;
use super::field::{Desk, Field};
use super::set::BinSet;
use super::stump::{Cut, Stump, ordered, side};
use crate::parallel::Gate;
use crate::response::bins::MISSING;

/// A root's split with the best of at most one split on either side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    pub(super) feature: usize,
    pub(super) left: BinSet,
    pub(super) low: Stump,
    pub(super) high: Stump,
}

impl Pair {
    /// Its worth and its number of splits.
    pub(super) fn rank(&self) -> (f64, u8) {
        let splits = 1 + self.low.splits() + self.high.splits();
        (self.low.worth + self.high.worth, splits)
    }
}

/// A node: the cells of all features, and their sum.
pub(super) struct Node<const A: usize> {
    pub(super) cells: Vec<Cell<A>>,
    pub(super) total: Cell<A>,
}

impl<const A: usize> Node<A> {
    pub(super) fn new(field: &Field<'_, A>, places: &[u32], desk: &mut Desk<A>) -> Self {
        let mut cells = vec![Cell::EMPTY; field.space.cells()];
        field.count(places, &mut cells, desk);
        Self {
            cells,
            total: field.total(places),
        }
    }
}

/// Looks at all root splits of a feature; `take` gets each with the best of what is below. Nothing more
/// is looked at once the gate is closed.
pub(super) fn pairs<const A: usize, W: Worth>(
    field: &Field<'_, A>,
    places: &[u32],
    node: &Node<A>,
    feature: usize,
    gate: &Gate<'_, '_>,
    take: &mut dyn FnMut(Pair),
) {
    let own = &node.cells[field.space.of(feature)];
    if own.iter().filter(|cell| cell.n > 0.0).count() < 2 {
        return;
    }
    let mut job = Job::<A> {
        field,
        node,
        feature,
        own,
        sorted: Sorted::new(field, places, feature, own.len()),
        slice: vec![Cell::EMPTY; node.cells.len()],
        left: vec![Cell::EMPTY; node.cells.len()],
        desk: Desk::new(field.space.width()),
    };
    if field.space.unordered[feature] {
        job.levels::<W>(gate, take);
    } else {
        job.numbers::<W>(gate, take);
    }
}

/// Rows in the order of a feature's bins.
struct Sorted {
    places: Vec<u32>,
    starts: Vec<usize>,
}

impl Sorted {
    fn new<const A: usize>(
        field: &Field<'_, A>,
        places: &[u32],
        feature: usize,
        bins: usize,
    ) -> Self {
        let mut starts = vec![0; bins + 1];
        let found: Vec<u8> = places
            .iter()
            .map(|&place| field.bin(place, feature))
            .collect();
        for bin in &found {
            starts[usize::from(*bin) + 1] += 1;
        }
        for bin in 0..bins {
            starts[bin + 1] += starts[bin];
        }
        let mut next = starts.clone();
        let mut sorted = vec![0; places.len()];
        for (place, bin) in places.iter().zip(found) {
            let next = &mut next[usize::from(bin)];
            sorted[*next] = *place;
            *next += 1;
        }
        Self {
            places: sorted,
            starts,
        }
    }

    fn of(&self, bin: u8) -> &[u32] {
        let bin = usize::from(bin);
        &self.places[self.starts[bin]..self.starts[bin + 1]]
    }
}

struct Job<'j, const A: usize> {
    field: &'j Field<'j, A>,
    node: &'j Node<A>,
    feature: usize,
    /// The node's cells in the root's feature.
    own: &'j [Cell<A>],
    sorted: Sorted,
    /// The cells of one bin of the root's feature.
    slice: Vec<Cell<A>>,
    /// Those of all bins that are on the left.
    left: Vec<Cell<A>>,
    desk: Desk<A>,
}

impl<const A: usize> Job<'_, A> {
    fn numbers<W: Worth>(&mut self, gate: &Gate<'_, '_>, take: &mut dyn FnMut(Pair)) {
        let missing = self.own[usize::from(MISSING)];
        let lacking = missing.n > 0.0;
        let mut apart = Vec::new();
        if lacking {
            self.cut_out(MISSING);
            self.offer::<W>(false, &missing, Cut::Only(MISSING), &[], take);
            apart.clone_from(&self.slice);
        }
        let mut sum = Cell::EMPTY;
        for bin in 1..=last(self.own) {
            let cell = &self.own[usize::from(bin)];
            if cell.n == 0.0 {
                continue;
            }
            gate.poll();
            if gate.is_closed() {
                return;
            }
            // Counted where the bins before it are already.
            self.field
                .count(self.sorted.of(bin), &mut self.left, &mut self.desk);
            sum.add(cell);
            self.offer::<W>(true, &sum, Cut::UpTo(bin, false), &[], take);
            if lacking {
                let mut with = sum;
                with.add(&missing);
                if self.allowed(&with) {
                    self.slice.clone_from(&self.left);
                    add(&mut self.slice, &apart);
                    self.offer::<W>(false, &with, Cut::UpTo(bin, true), &[], take);
                }
            }
        }
    }

    fn levels<W: Worth>(&mut self, gate: &Gate<'_, '_>, take: &mut dyn FnMut(Pair)) {
        let mut order = Vec::new();
        let actions = self.field.actions;
        for turn in 0..W::orders(actions) {
            ordered::<A, W>(self.own, turn, actions, &mut order);
            self.left.fill(Cell::EMPTY);
            let mut sum = Cell::EMPTY;
            for (place, &bin) in order.iter().enumerate() {
                gate.poll();
                if gate.is_closed() {
                    return;
                }
                let cell = self.own[usize::from(bin)];
                if turn == 0 && self.allowed(&cell) {
                    self.cut_out(bin);
                    self.offer::<W>(false, &cell, Cut::Only(bin), &order, take);
                    add(&mut self.left, &self.slice);
                } else {
                    self.field
                        .count(self.sorted.of(bin), &mut self.left, &mut self.desk);
                }
                sum.add(&cell);
                self.offer::<W>(true, &sum, Cut::First(place + 1), &order, take);
            }
        }
    }

    /// The cells of one bin of the root's feature.
    fn cut_out(&mut self, bin: u8) {
        self.slice.fill(Cell::EMPTY);
        self.field
            .count(self.sorted.of(bin), &mut self.slice, &mut self.desk);
    }

    fn allowed(&self, left: &Cell<A>) -> bool {
        let rules = self.field.rules();
        rules.allows(left) && rules.allows(&self.node.total.without(left))
    }

    /// Looks at what is below a root whose left side are the cells gathered so far, or the slice.
    fn offer<W: Worth>(
        &mut self,
        gathered: bool,
        left: &Cell<A>,
        cut: Cut,
        order: &[u8],
        take: &mut dyn FnMut(Pair),
    ) {
        if !self.allowed(left) {
            return;
        }
        let cells = if gathered { &self.left } else { &self.slice };
        let low = self.field.stump::<W>(cells, left, &mut self.desk);
        let whole = (&self.node.cells[..], &self.node.total);
        let high = self
            .field
            .stump_without::<W>(whole, (cells, left), &mut self.desk);
        take(Pair {
            feature: self.feature,
            left: side(cut, self.own, &self.node.total, order),
            low,
            high,
        });
    }
}

/// The last bin that has rows.
fn last<const A: usize>(cells: &[Cell<A>]) -> u8 {
    let mut found = 0;
    for (bin, cell) in (0..=u8::MAX).zip(cells) {
        if cell.n > 0.0 {
            found = bin;
        }
    }
    found
}

fn add<const A: usize>(cells: &mut [Cell<A>], others: &[Cell<A>]) {
    for (cell, other) in cells.iter_mut().zip(others) {
        cell.add(other);
    }
}
