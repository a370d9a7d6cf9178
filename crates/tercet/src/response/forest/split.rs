//! The best split of a node: one pass over its rows, one over its bins.

use super::tree::Side;
use crate::response::bins::{MISSING, MOST_BINS};

/// What a bin of a node holds: the sum of its rows' pseudo-outcomes, how many they are, and how many
/// of them are in each arm but the control.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bin<const K: usize> {
    rho: [f64; K],
    n: u32,
    arms: [u32; K],
}

impl<const K: usize> Bin<K> {
    const EMPTY: Self = Self {
        rho: [0.0; K],
        n: 0,
        arms: [0; K],
    };

    #[inline]
    fn add(&mut self, other: &Self) {
        for k in 0..K {
            self.rho[k] += other.rho[k];
            self.arms[k] += other.arms[k];
        }
        self.n += other.n;
    }

    /// The sum of squared sums by rows: what splitting a part off is worth.
    #[inline]
    fn worth(&self) -> f64 {
        self.rho.iter().map(|rho| rho * rho).sum::<f64>() / f64::from(self.n)
    }

    #[inline]
    fn without(&self, part: &Self) -> Self {
        Self {
            rho: std::array::from_fn(|k| self.rho[k] - part.rho[k]),
            n: self.n - part.n,
            arms: std::array::from_fn(|k| self.arms[k] - part.arms[k]),
        }
    }
}

/// What either side of a split has to have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Least {
    /// Rows.
    pub(super) rows: u32,
    /// Rows of each arm.
    pub(super) of_arm: u32,
}

impl Least {
    #[inline]
    fn holds<const K: usize>(self, side: &Bin<K>) -> bool {
        if side.n < self.rows.max(1) {
            return false;
        }
        if self.of_arm == 0 {
            return true;
        }
        let treated: u32 = side.arms.iter().sum();
        side.arms.iter().all(|n| *n >= self.of_arm) && side.n - treated >= self.of_arm
    }
}

/// The best split found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Split {
    pub(super) feature: usize,
    pub(super) side: Side,
    gain: f64,
}

/// The bins of a node, a table a candidate feature; kept from node to node.
#[derive(Debug)]
pub(super) struct Histogram<const K: usize> {
    bins: Vec<[Bin<K>; MOST_BINS]>,
    /// Which bins have a row.
    occupied: Vec<[u64; 4]>,
    /// Levels in the order of their means.
    order: Vec<(f64, u8)>,
}

impl<const K: usize> Histogram<K> {
    pub(super) fn new(n_features: usize) -> Self {
        Self {
            bins: vec![[Bin::EMPTY; MOST_BINS]; n_features],
            occupied: vec![[0; 4]; n_features],
            order: Vec::new(),
        }
    }

    /// The split of these rows (`width` bins a row) between which and the whole the squares of the
    /// pseudo-outcomes' sums grow most; `arms` is 0 for the control.
    pub(super) fn best(
        &mut self,
        features: &[usize],
        unordered: &[bool],
        (rows, width): (&[u8], usize),
        (rho, arms): (&[[f64; K]], &[u8]),
        least: Least,
    ) -> Option<Split> {
        self.count(features, (rows, width), (rho, arms));
        let mut total = Bin::EMPTY;
        for (rho, arm) in rho.iter().zip(arms) {
            total.add(&one(*rho, *arm));
        }
        let mut best: Option<Split> = None;
        for (slot, &feature) in features.iter().enumerate() {
            let mut scan = Scan {
                total,
                least,
                whole: total.worth(),
                feature,
                best: &mut best,
            };
            let (bins, occupied) = (&self.bins[slot], self.occupied[slot]);
            if unordered[feature] {
                scan.levels(bins, occupied, &mut self.order);
            } else {
                scan.numbers(bins, occupied);
            }
            // Only what was filled is emptied: small nodes fill few bins.
            for bin in bits(occupied) {
                self.bins[slot][usize::from(bin)] = Bin::EMPTY;
            }
            self.occupied[slot] = [0; 4];
        }
        best
    }

    fn count(
        &mut self,
        features: &[usize],
        (rows, width): (&[u8], usize),
        (rho, arms): (&[[f64; K]], &[u8]),
    ) {
        let (bins, occupied) = (&mut self.bins, &mut self.occupied);
        for ((row, rho), arm) in rows.chunks_exact(width).zip(rho).zip(arms) {
            let one = one(*rho, *arm);
            let tables = bins.iter_mut().zip(occupied.iter_mut());
            for (&feature, (bins, occupied)) in features.iter().zip(tables) {
                let bin = row[feature];
                bins[usize::from(bin)].add(&one);
                occupied[usize::from(bin >> 6)] |= 1 << (bin & 63);
            }
        }
    }
}

#[inline]
fn one<const K: usize>(rho: [f64; K], arm: u8) -> Bin<K> {
    Bin {
        rho,
        n: 1,
        arms: std::array::from_fn(|k| u32::from(usize::from(arm) == k + 1)),
    }
}

/// The places of the bits that are set.
fn bits(mut words: [u64; 4]) -> impl Iterator<Item = u8> {
    let mut place = 0;
    std::iter::from_fn(move || {
        while place < 4 {
            let word = &mut words[place];
            if *word != 0 {
                let bit = word.trailing_zeros();
                *word &= *word - 1;
                // Below 256.
                return u8::try_from(place * 64 + bit as usize).ok();
            }
            place += 1;
        }
        None
    })
}

/// The search of one feature.
struct Scan<'b, const K: usize> {
    total: Bin<K>,
    least: Least,
    whole: f64,
    feature: usize,
    best: &'b mut Option<Split>,
}

impl<const K: usize> Scan<'_, K> {
    fn offer(&mut self, left: &Bin<K>, side: impl FnOnce() -> Side) {
        let right = self.total.without(left);
        if !(self.least.holds(left) && self.least.holds(&right)) {
            return;
        }
        let gain = left.worth() + right.worth() - self.whole;
        // The first of equals stays, so that ties do not depend on rounding alone.
        if gain > self.best.as_ref().map_or(0.0, |best| best.gain) {
            *self.best = Some(Split {
                feature: self.feature,
                side: side(),
                gain,
            });
        }
    }

    /// A number: every cut, with missing values on either side.
    fn numbers(&mut self, bins: &[Bin<K>; MOST_BINS], occupied: [u64; 4]) {
        let missing = bins[usize::from(MISSING)];
        let mut left = Bin::EMPTY;
        for bin in bits(occupied) {
            if bin == MISSING {
                self.offer(&missing, || Side::From(MISSING, MISSING));
                continue;
            }
            left.add(&bins[usize::from(bin)]);
            self.offer(&left, || Side::From(MISSING + 1, bin));
            if missing.n > 0 {
                let mut with = left;
                with.add(&missing);
                self.offer(&with, || Side::From(MISSING, bin));
            }
        }
    }

    /// Levels, missing ones among them: every cut of their order by mean pseudo-outcome, of each arm in
    /// turn; for one arm the best of all divisions is among these (Fisher 1958, JASA 53, 789-798).
    fn levels(
        &mut self,
        bins: &[Bin<K>; MOST_BINS],
        occupied: [u64; 4],
        order: &mut Vec<(f64, u8)>,
    ) {
        for k in 0..K {
            order.clear();
            order.extend(bits(occupied).map(|place| {
                let bin = &bins[usize::from(place)];
                (bin.rho[k] / f64::from(bin.n), place)
            }));
            order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let mut left = Bin::EMPTY;
            let mut set = [0_u64; 4];
            for (_, place) in order.iter() {
                left.add(&bins[usize::from(*place)]);
                set[usize::from(place >> 6)] |= 1 << (place & 63);
                self.offer(&left, || Side::In(set));
            }
        }
    }
}
