//! The rows of a search, and the sums of their numbers in the bins of every feature.

use super::Space;
use super::cell::Cell;
use super::stump::{Rules, Stump};
use super::{Worth, cell};
use crate::response::bins::Bins;

/// Rows that are read once and counted in all features: few enough to stay near.
const TILE: usize = 256;

/// Rows with their bins and their numbers.
pub(super) struct Field<'f, const A: usize> {
    pub(super) bins: &'f Bins,
    /// The rows of the table.
    pub(super) rows: &'f [u32],
    /// The numbers of each of these rows.
    pub(super) numbers: &'f [[f64; A]],
    pub(super) space: &'f Space,
    pub(super) actions: usize,
    pub(super) min_leaf: f64,
    pub(super) tolerance: f64,
    pub(super) cost: f64,
}

/// What is kept from tile to tile.
pub(super) struct Desk<const A: usize> {
    bins: Vec<u8>,
    numbers: Vec<[f64; A]>,
    /// The cells of one feature on the right side.
    right: Vec<Cell<A>>,
    order: Vec<u8>,
}

impl<const A: usize> Desk<A> {
    pub(super) fn new(width: usize) -> Self {
        Self {
            bins: vec![0; width * TILE],
            numbers: vec![[0.0; A]; TILE],
            right: Vec::new(),
            order: Vec::new(),
        }
    }
}

impl<const A: usize> Field<'_, A> {
    pub(super) fn rules(&self) -> Rules {
        Rules {
            min_leaf: self.min_leaf,
            tolerance: self.tolerance,
            cost: self.cost,
            actions: self.actions,
        }
    }

    /// The bin of a feature of the row at a place.
    #[inline]
    pub(super) fn bin(&self, place: u32, feature: usize) -> u8 {
        self.bins.row(self.rows[place as usize] as usize)[feature]
    }

    /// Adds rows to the cells of all features.
    pub(super) fn count(&self, places: &[u32], cells: &mut [Cell<A>], desk: &mut Desk<A>) {
        let width = self.space.width();
        for tile in places.chunks(TILE) {
            for (k, &place) in tile.iter().enumerate() {
                let row = self.bins.row(self.rows[place as usize] as usize);
                // A feature's bins of the tile side by side.
                for (bin, cell) in row.iter().zip(desk.bins[k..].iter_mut().step_by(TILE)) {
                    *cell = *bin;
                }
                desk.numbers[k] = self.numbers[place as usize];
            }
            for feature in 0..width {
                let own = &mut cells[self.space.of(feature)];
                let bins = &desk.bins[feature * TILE..][..tile.len()];
                for (bin, numbers) in bins.iter().zip(&desk.numbers) {
                    own[usize::from(*bin)].count(numbers);
                }
            }
        }
    }

    /// The best of at most one split of a node of these cells.
    pub(super) fn stump<W: Worth>(
        &self,
        cells: &[Cell<A>],
        total: &Cell<A>,
        desk: &mut Desk<A>,
    ) -> Stump {
        let mut stump = Stump::leaf::<A, W>(total, self.rules());
        if total.n < 2.0 * self.min_leaf {
            return stump;
        }
        for feature in 0..self.space.width() {
            let kind = (feature, self.space.unordered[feature]);
            let own = &cells[self.space.of(feature)];
            stump.improve::<A, W>(kind, own, total, self.rules(), &mut desk.order);
        }
        stump
    }

    /// The same of what is left of a whole when a part is taken away.
    pub(super) fn stump_without<W: Worth>(
        &self,
        (whole, total): (&[Cell<A>], &Cell<A>),
        (part, taken): (&[Cell<A>], &Cell<A>),
        desk: &mut Desk<A>,
    ) -> Stump {
        let total = total.without(taken);
        let mut stump = Stump::leaf::<A, W>(&total, self.rules());
        if total.n < 2.0 * self.min_leaf {
            return stump;
        }
        for feature in 0..self.space.width() {
            let own = self.space.of(feature);
            desk.right.clear();
            let pairs = whole[own.clone()].iter().zip(&part[own]);
            desk.right
                .extend(pairs.map(|(whole, part)| whole.without(part)));
            let kind = (feature, self.space.unordered[feature]);
            let rules = self.rules();
            stump.improve::<A, W>(kind, &desk.right, &total, rules, &mut desk.order);
        }
        stump
    }

    /// All rows together.
    pub(super) fn total(&self, places: &[u32]) -> Cell<A> {
        let mut total = cell::Cell::EMPTY;
        for &place in places {
            total.count(&self.numbers[place as usize]);
        }
        total
    }
}
