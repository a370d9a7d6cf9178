//! The actions that would pay for each customer, in an order that does not depend on the rows.

use super::data::AllocationData;
use crate::data::Ids;

/// How far equals are set apart, as a part of the mean profit: far below what anybody measures, far above
/// what is lost in rounding.
const APART: f64 = 1e-9;

/// What pays: open actions with a profit above 0, of customers who have one.
///
/// Customers stand in a drawn order, so that the first of them are a sample of all, and so that neither
/// sums nor ties depend on the order of the rows. The draw hashes the customers' ids; without ids what is
/// known of them, and then only customers who are equal in everything go by their rows.
#[derive(Debug)]
pub(super) struct Options {
    /// The row of each customer.
    pub(super) row: Vec<u32>,
    /// Where each customer's options begin; one more than customers.
    pub(super) start: Vec<usize>,
    /// The action of each option.
    pub(super) action: Vec<u8>,
    /// Its profit.
    pub(super) profit: Vec<f64>,
    /// The same with a nudge that sets equals apart.
    pub(super) nudged: Vec<f64>,
    /// Its cost.
    pub(super) cost: Vec<f64>,
    /// The standard error of its profit; none where errors are not known.
    pub(super) error: Vec<f64>,
    /// Its profit by the scores; none without scores.
    pub(super) scored: Vec<f64>,
    /// The mean profit, for what is small and large.
    pub(super) typical: f64,
}

impl Options {
    pub(super) fn new(data: &AllocationData<'_>, seed: u64) -> Self {
        let actions = data.actions().len();
        let mut keyed: Vec<(u64, u32)> = Vec::new();
        let mut sum = 0.0;
        let mut number = 0_usize;
        for row in 0..data.len() {
            let mut content = seed;
            let mut any = false;
            for action in 0..actions {
                let profit = data.profit(row, action);
                if profit > 0.0 && data.obstacle(row, action).is_none() {
                    any = true;
                    number += 1;
                    sum += profit;
                    content = mixed(content ^ action as u64);
                    content = mixed(content ^ profit.to_bits());
                    content = mixed(content ^ data.cost(row, action).to_bits());
                }
            }
            if any {
                let key = data.ids.map_or(content, |ids| hash_of(ids, row, seed));
                // At most u32::MAX rows, as was checked.
                keyed.push((key, u32::try_from(row).unwrap_or(u32::MAX)));
            }
        }
        keyed.sort_unstable();
        if data.ids.is_none() {
            // Equals lie side by side now; each is given a place of its own.
            let mut before = (0, 0);
            for (key, _) in &mut keyed {
                before = if *key == before.0 {
                    (*key, before.1 + 1)
                } else {
                    (*key, 0)
                };
                *key = mixed(*key ^ mixed(before.1));
            }
            keyed.sort_unstable();
        }
        let typical = if number > 0 { sum / number as f64 } else { 1.0 };
        let mut made = Self {
            row: keyed.iter().map(|(_, row)| *row).collect(),
            start: Vec::with_capacity(keyed.len() + 1),
            action: Vec::with_capacity(number),
            profit: Vec::with_capacity(number),
            nudged: Vec::with_capacity(number),
            cost: Vec::with_capacity(number),
            error: Vec::new(),
            scored: Vec::new(),
            typical,
        };
        made.start.push(0);
        for (place, (_, row)) in keyed.iter().enumerate() {
            let row = *row as usize;
            for action in 0..actions {
                let profit = data.profit(row, action);
                if profit > 0.0 && data.obstacle(row, action).is_none() {
                    let nudge = unit(mixed(mixed(seed ^ place as u64) ^ action as u64));
                    made.action.push(u8::try_from(action).unwrap_or(u8::MAX)); // below 64
                    made.profit.push(profit);
                    made.nudged.push(profit + APART * typical * nudge);
                    made.cost.push(data.cost(row, action));
                    made.error.extend(data.error(row, action));
                    made.scored.extend(data.profit_by_scores(row, action));
                }
            }
            made.start.push(made.action.len());
        }
        made
    }

    /// Number of customers.
    pub(super) fn len(&self) -> usize {
        self.row.len()
    }

    /// The place of a customer's option among all.
    pub(super) fn place(&self, customer: usize, option: u8) -> usize {
        self.start[customer] + usize::from(option)
    }

    /// The action of a customer's option.
    pub(super) fn action(&self, customer: usize, option: u8) -> usize {
        usize::from(self.action[self.place(customer, option)])
    }

    /// How many options a customer has, from 0 on.
    pub(super) fn of(&self, customer: usize) -> u8 {
        u8::try_from(self.start[customer + 1] - self.start[customer]).unwrap_or(u8::MAX)
    }
}

/// A number in [0, 1) of 53 bits.
fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// The same on every machine and in every version, unlike the hashes of hash tables.
fn hash_of(ids: Ids<'_>, row: usize, seed: u64) -> u64 {
    let hash = match ids {
        #[allow(clippy::cast_sign_loss)] // the bits are meant
        Ids::Integers(ids) => mixed(mixed(seed) ^ ids[row] as u64),
        Ids::Strings { .. } => ids.text(row).iter().fold(mixed(seed), |hash, byte| {
            // FNV-1a (Fowler, Noll & Vo), whose high bits are mixed at the end.
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        }),
    };
    mixed(hash)
}

/// The finaliser of `SplitMix64` (Steele, Lea & Flood 2014): every bit depends on every bit.
fn mixed(bits: u64) -> u64 {
    let mut z = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
