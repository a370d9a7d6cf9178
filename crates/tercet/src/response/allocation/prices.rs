//! The prices of what is scarce: the linear programme behind an allocation, solved exactly.
//!
//! With customers `i`, their options `k`, profits `p_ik` and what an option takes of each scarce thing,
//! `u_ik` (its cost of the budget, 1 of each limit that holds for it), the programme is
//!
//! ```text
//! max  sum p_ik x_ik   with   sum_k x_ik <= 1,   sum u_ik x_ik <= b,   x >= 0
//! min  b'y + sum_i max(0, max_k p_ik - u_ik'y)   over prices y >= 0
//! ```
//!
//! The second, its dual, is convex and piecewise linear in a handful of prices. At a corner of it as many
//! customers are torn between options (or prices are 0) as there are prices; everybody else's choice is
//! clear. From a corner that is not the best an edge leads down: on it one customer is no longer torn.
//! Along the edge choices change where two options of a customer become equal, and each change makes the
//! slope less steep; the edge ends where the slope turns. That is the dual simplex method with generalised
//! upper bounds (Dantzig & Van Slyke 1967) and the long-step ratio test (Maros 2003): a step passes
//! thousands of customers at once.
//!
//! A sample leads to nearly the right prices, and a corner of the sample's programme is a corner of the
//! whole one. So the method begins with the first few thousand customers and takes in the others step by
//! step; with all of them a few edges are left.

use nalgebra::{DMatrix, DVector};

use super::data::AllocationData;
use super::options::Options;
use crate::error::Result;
use crate::math::sum::Sums;
use crate::observe::Phase;
use crate::parallel::{Gate, map_blocks_behind};

/// The choice of a customer who gets nothing.
pub(super) const NONE: u8 = u8::MAX;
/// The choice of a customer who is torn between options.
const TORN: u8 = u8::MAX - 1;

/// Customers to begin with, and how many times more each time.
const FIRST: usize = 2_000;
const GROWTH: usize = 8;
/// Edges a price and sample at most; a few are needed.
const MOST_EDGES: usize = 400;
/// A little more of what is scarce than there is, as a part of it: so that a price is what one more would
/// add, also where what there is goes exactly to whole customers, and all prices between that and what the last
/// of it adds would do.
const MORE: f64 = 1e-7;
/// What counts as below 0, and as the slope of an edge that has turned: sums are rounded.
const BELOW: f64 = 1e-9;
const FLAT: f64 = 1e-10;

/// A customer who is torn between options; the first of them is the one that changes are told from.
#[derive(Debug, Clone)]
pub(super) struct Torn {
    pub(super) customer: usize,
    pub(super) options: Vec<u8>,
    /// How much of each of the options the customer gets; they add up to 1.
    pub(super) shares: Vec<f64>,
}

/// Something that is tight at a corner.
#[derive(Debug, Clone, Copy)]
enum Tight {
    /// A price is 0.
    Free(usize),
    /// A customer is torn: which of the torn, and which of their options beside the first.
    Tie(usize, usize),
}

/// Where a choice changes along an edge.
#[derive(Debug, Clone, Copy)]
struct Change {
    at: f64,
    customer: u32,
    to: u8,
    /// By how much the slope rises.
    rise: f64,
}

/// What ends an edge.
enum End {
    Change { customer: usize, to: u8 },
    Joined { torn: usize, option: u8 },
    Free(usize),
}

/// Prices, choices and who is torn.
#[derive(Debug, Clone)]
pub(super) struct Market<'o> {
    options: &'o Options,
    /// Which scarce things an option of each action takes, beside the budget.
    uses: Vec<Vec<usize>>,
    /// Whether the first scarce thing is the budget, and the unit that it is counted in.
    unit: Option<f64>,
    /// How much there is of each, and its price.
    bounds: Vec<f64>,
    pub(super) prices: Vec<f64>,
    /// Each customer's option, of those who have been taken in.
    choice: Vec<u8>,
    torn: Vec<Torn>,
    free: Vec<bool>,
    /// What those who are not torn take.
    used: Vec<f64>,
    /// How far edges have been lately.
    reach: f64,
    /// Who might choose otherwise, while no price is farther than `radius` from where it was at `centre`.
    near: Vec<u32>,
    centre: Vec<f64>,
    radius: f64,
    /// Whether the prices are the best ones.
    pub(super) solved: bool,
}

impl<'o> Market<'o> {
    /// Nobody has been taken in, and everything is free. `groups` are the actions that each limit holds for.
    pub(super) fn new(
        options: &'o Options,
        actions: usize,
        budgeted: bool,
        groups: &[Vec<usize>],
    ) -> Self {
        let first = usize::from(budgeted);
        let uses = (0..actions).map(|action| {
            let holds = |(_, group): &(usize, &Vec<usize>)| group.contains(&action);
            let places = groups.iter().enumerate().filter(holds);
            places.map(|(place, _)| place + first).collect()
        });
        let spent: f64 = options.cost.iter().sum();
        let mean = spent / options.cost.len().max(1) as f64;
        let scarce = first + groups.len();
        Self {
            options,
            uses: uses.collect(),
            // In units of the mean cost all scarce things are about equally scarce.
            unit: budgeted.then_some(if mean > 0.0 { mean } else { 1.0 }),
            bounds: vec![0.0; scarce],
            prices: vec![0.0; scarce],
            choice: Vec::new(),
            torn: Vec::new(),
            free: vec![true; scarce],
            used: vec![0.0; scarce],
            reach: f64::INFINITY,
            near: Vec::new(),
            centre: vec![0.0; scarce],
            radius: 0.0,
            solved: true,
        }
    }

    /// Finds the best prices for these bounds, from where it is.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`].
    pub(super) fn solve(&mut self, bounds: &[f64], phase: &mut Phase<'_>) -> Result<()> {
        self.solve_among(self.options.len(), bounds, phase)
    }

    /// Finds the best prices for the first `until` customers and their share of the bounds.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`].
    pub(super) fn solve_among(
        &mut self,
        until: usize,
        bounds: &[f64],
        phase: &mut Phase<'_>,
    ) -> Result<()> {
        let gate = Gate::new(phase);
        let all = self.options.len();
        let scaled: Vec<f64> = bounds
            .iter()
            .enumerate()
            .map(|(scarce, bound)| match (scarce, self.unit) {
                (0, Some(unit)) => bound / unit,
                _ => *bound,
            })
            .collect();
        loop {
            let known = self.choice.len();
            let next = (known.max(FIRST / GROWTH) * GROWTH).min(until.max(known));
            self.take_in(next, &gate)?;
            let share = if all == 0 {
                1.0
            } else {
                next as f64 / all as f64
            };
            let more = |bound: &f64| bound * share + (MORE * (1.0 + bound * share)).min(0.5);
            self.bounds = scaled.iter().map(more).collect();
            self.descend(&gate)?;
            if next >= until {
                self.bounds = scaled.iter().map(|bound| bound * share).collect();
                self.share_again();
                return Ok(());
            }
        }
    }

    /// Has the torn share what there really is.
    fn share_again(&mut self) {
        let tight = self.tight();
        if !tight.is_empty()
            && let Some(solved) = self.matrix(&tight).lu().solve(&self.left())
        {
            self.share(&tight, &solved);
        }
    }

    /// Takes in the customers up to a place, each with what is best at today's prices.
    fn take_in(&mut self, until: usize, gate: &Gate<'_, '_>) -> Result<()> {
        let from = self.choice.len();
        if from > 0 && until > from {
            let typical = self.options.typical;
            let size = self
                .prices
                .iter()
                .fold(typical, |most, price| price.max(most));
            self.reach = 4.0 * size / (from as f64).sqrt();
        }
        if until > from {
            self.radius = 0.0;
        }
        let prices = self.by_action(&self.prices);
        let best = |range: std::ops::Range<usize>| -> Vec<u8> {
            let customers = range.map(|place| {
                let customer = from + place;
                let mut best = (0.0, NONE);
                for option in 0..self.options.of(customer) {
                    let value = self.value(customer, option, &prices);
                    if value > best.0 {
                        best = (value, option);
                    }
                }
                best.1
            });
            customers.collect()
        };
        let found = map_blocks_behind(gate, until - from, best)?;
        self.choice.extend(found.into_iter().flatten());
        self.used = self.count();
        Ok(())
    }

    /// What those who are not torn take.
    fn count(&self) -> Vec<f64> {
        let mut budget = Sums::<1>::zero();
        let mut used = vec![0.0; self.prices.len()];
        for (customer, &option) in self.choice.iter().enumerate() {
            if option < TORN {
                for &scarce in &self.uses[self.options.action(customer, option)] {
                    used[scarce] += 1.0;
                }
                budget.add(&[self.options.cost[self.options.place(customer, option)]]);
            }
        }
        if let Some(unit) = self.unit {
            used[0] = budget.total()[0] / unit;
        }
        used
    }

    /// Goes down edges until none leads down.
    fn descend(&mut self, gate: &Gate<'_, '_>) -> Result<()> {
        let scarce = self.prices.len();
        self.solved = scarce == 0;
        if self.solved {
            return Ok(());
        }
        for _ in 0..MOST_EDGES * (scarce + 1) {
            gate.check()?;
            let tight = self.tight();
            let matrix = self.matrix(&tight);
            let Some(solved) = matrix.clone().lu().solve(&self.left()) else {
                break; // a corner without corners: rounding; what was found is kept
            };
            self.share(&tight, &solved);
            let Some(leaving) = self.leaving(&tight, &solved, &matrix) else {
                self.solved = true;
                break;
            };
            let (place, slope) = match leaving {
                Leaving::First(torn) => {
                    // Changes are told from the largest share from now on.
                    let shares = &self.torn[torn].shares;
                    let largest = (1..shares.len())
                        .fold(1, |best, k| if shares[k] > shares[best] { k } else { best });
                    self.torn[torn].options.swap(0, largest);
                    self.torn[torn].shares.swap(0, largest);
                    continue;
                }
                Leaving::Place(place) => (place, solved[place]),
            };
            let mut wanted = DVector::zeros(scarce);
            wanted[place] = 1.0;
            let Some(edge) = matrix.transpose().lu().solve(&wanted) else {
                break;
            };
            let before = (self.torn.clone(), self.free.clone());
            self.release(tight[place]);
            if !self.walk(edge.as_slice(), slope, gate)? {
                // An edge without an end is one of rounding only: back to its corner.
                (self.torn, self.free) = before;
                for customer in self
                    .torn
                    .iter()
                    .map(|torn| torn.customer)
                    .collect::<Vec<_>>()
                {
                    self.choose(customer, TORN);
                }
                break;
            }
            self.price();
        }
        Ok(())
    }

    /// What is tight, in the order of the matrix.
    fn tight(&self) -> Vec<Tight> {
        let free = (0..self.free.len()).filter(|&scarce| self.free[scarce]);
        let ties = self.torn.iter().enumerate().flat_map(|(place, torn)| {
            (1..torn.options.len()).map(move |option| Tight::Tie(place, option))
        });
        free.map(Tight::Free).chain(ties).collect()
    }

    /// Column by column what one more of each tight thing takes.
    fn matrix(&self, tight: &[Tight]) -> DMatrix<f64> {
        let mut matrix = DMatrix::zeros(self.prices.len(), tight.len());
        for (column, one) in tight.iter().enumerate() {
            match *one {
                Tight::Free(scarce) => matrix[(scarce, column)] = 1.0,
                Tight::Tie(place, option) => {
                    let torn = &self.torn[place];
                    for (option, sign) in [(torn.options[option], 1.0), (torn.options[0], -1.0)] {
                        self.add(torn.customer, option, sign, |scarce, amount| {
                            matrix[(scarce, column)] += amount;
                        });
                    }
                }
            }
        }
        matrix
    }

    /// What is left when the torn have their first options.
    fn left(&self) -> DVector<f64> {
        let mut left = DVector::from_iterator(
            self.bounds.len(),
            self.bounds
                .iter()
                .zip(&self.used)
                .map(|(bound, used)| bound - used),
        );
        for torn in &self.torn {
            self.add(torn.customer, torn.options[0], -1.0, |scarce, amount| {
                left[scarce] += amount;
            });
        }
        left
    }

    /// Adds what an option takes, times `sign`.
    fn add(&self, customer: usize, option: u8, sign: f64, mut to: impl FnMut(usize, f64)) {
        if option >= TORN {
            return;
        }
        if let Some(unit) = self.unit {
            to(
                0,
                sign * self.options.cost[self.options.place(customer, option)] / unit,
            );
        }
        for &scarce in &self.uses[self.options.action(customer, option)] {
            to(scarce, sign);
        }
    }

    /// Writes down how the torn share.
    fn share(&mut self, tight: &[Tight], solved: &DVector<f64>) {
        for torn in &mut self.torn {
            torn.shares = vec![0.0; torn.options.len()];
            torn.shares[0] = 1.0;
        }
        for (place, one) in tight.iter().enumerate() {
            if let Tight::Tie(torn, option) = *one {
                self.torn[torn].shares[option] = solved[place];
                self.torn[torn].shares[0] -= solved[place];
            }
        }
    }

    /// What is below 0 and must not be tight, the steepest first; `None` at the best corner.
    fn leaving(
        &self,
        tight: &[Tight],
        solved: &DVector<f64>,
        matrix: &DMatrix<f64>,
    ) -> Option<Leaving> {
        let mut worst = (0.0, None);
        let inverse = matrix.clone().try_inverse();
        for (place, one) in tight.iter().enumerate() {
            let allowed = match *one {
                Tight::Free(scarce) => BELOW * (1.0 + self.bounds[scarce].abs()),
                Tight::Tie(..) => BELOW,
            };
            let length = inverse
                .as_ref()
                .map_or(1.0, |inverse| inverse.row(place).norm());
            let slope = solved[place] / length.max(f64::MIN_POSITIVE);
            if solved[place] < -allowed && slope < worst.0 {
                worst = (slope, Some(Leaving::Place(place)));
            }
        }
        if worst.1.is_none() {
            let torn = self.torn.iter().position(|torn| torn.shares[0] < -BELOW);
            return torn.map(Leaving::First);
        }
        worst.1
    }

    /// Lets go of something tight.
    fn release(&mut self, tight: Tight) {
        match tight {
            Tight::Free(scarce) => self.free[scarce] = false,
            Tight::Tie(place, option) => {
                self.torn[place].options.remove(option);
                self.torn[place].shares.remove(option);
                if self.torn[place].options.len() == 1 {
                    let torn = self.torn.remove(place);
                    self.choose(torn.customer, torn.options[0]);
                }
            }
        }
    }

    /// Gives a customer an option instead of the one before.
    fn choose(&mut self, customer: usize, option: u8) {
        let mut used = std::mem::take(&mut self.used);
        let before = self.choice[customer];
        self.add(customer, before, -1.0, |scarce, amount| {
            used[scarce] += amount;
        });
        self.add(customer, option, 1.0, |scarce, amount| {
            used[scarce] += amount;
        });
        self.used = used;
        self.choice[customer] = option;
    }

    /// Goes along an edge to where its slope turns, or to where it ends; `false` if nothing ends it.
    fn walk(&mut self, edge: &[f64], slope: f64, gate: &Gate<'_, '_>) -> Result<bool> {
        let length = edge.iter().map(|part| part * part).sum::<f64>().sqrt();
        let steepest = edge.iter().fold(0.0_f64, |most, part| most.max(part.abs()));
        let (wall, mut end) = self.wall(edge);
        let mut reach = (self.reach / length).min(wall);
        loop {
            // Within the room that there is it is known who is near a change.
            let mut room = self.room(edge);
            if room < reach / 64.0 {
                self.gather(2.0 * steepest * reach, gate)?;
                room = self.room(edge);
            }
            let trial = reach.min(room);
            let mut changes = self.changes(edge, trial, gate)?;
            changes.sort_unstable_by(|a, b| {
                let by_place = a.customer.cmp(&b.customer).then(b.to.cmp(&a.to));
                a.at.total_cmp(&b.at).then(by_place)
            });
            let mut slope = slope;
            let turns = changes.iter().position(|change| {
                slope += change.rise;
                slope >= -FLAT
            });
            if turns.is_none() && trial < reach {
                self.gather(2.0 * steepest * reach, gate)?;
                continue;
            }
            if turns.is_none() && reach < wall {
                reach = (8.0 * reach).min(wall);
                if reach * length > 1e6 * self.options.typical {
                    reach = wall;
                }
                continue;
            }
            for change in &changes[..turns.unwrap_or(changes.len())] {
                self.choose(change.customer as usize, change.to);
            }
            let gone = match turns {
                Some(turn) => {
                    let last = changes[turn];
                    end = Some(End::Change {
                        customer: last.customer as usize,
                        to: last.to,
                    });
                    last.at
                }
                None => wall,
            };
            self.reach = (4.0 * gone * length).max(self.reach.min(f64::MAX) / 8.0);
            if !self.reach.is_finite() {
                self.reach = f64::MAX;
            }
            return Ok(self.arrive(end.as_ref()));
        }
    }

    /// How far an edge goes before a price leaves the neighbourhood of the centre.
    fn room(&self, edge: &[f64]) -> f64 {
        if self.radius == 0.0 {
            return 0.0;
        }
        let rooms =
            edge.iter()
                .zip(&self.prices)
                .zip(&self.centre)
                .map(|((part, price), centre)| {
                    let ahead = (price - centre) * part.signum();
                    if *part == 0.0 {
                        f64::INFINITY
                    } else {
                        (self.radius - ahead) / part.abs()
                    }
                });
        rooms.fold(f64::INFINITY, f64::min).max(0.0)
    }

    /// Finds who might choose otherwise while no price changes by more than `radius`.
    fn gather(&mut self, radius: f64, gate: &Gate<'_, '_>) -> Result<()> {
        let prices = self.by_action(&self.prices);
        // What an option takes of all scarce things together: so much its value may change at most.
        let ones = self.by_action(&vec![1.0; self.prices.len()]);
        let is_near = |customer: usize| {
            let own = self.choice[customer];
            if own == TORN {
                return true;
            }
            let value = self.worth(customer, own, &prices);
            let taken = self.taken(customer, own, &ones);
            (0..self.options.of(customer)).chain([NONE]).any(|option| {
                let behind = value - self.worth(customer, option, &prices);
                let may_change = radius * (taken + self.taken(customer, option, &ones));
                // Of an endless radius and an option that takes nothing the product is no number.
                option != own && (behind <= may_change || may_change.is_nan())
            })
        };
        let found = map_blocks_behind(gate, self.choice.len(), |range| {
            // Customers are fewer than u32::MAX.
            let place = |customer: usize| u32::try_from(customer).unwrap_or(u32::MAX);
            range
                .filter(|&customer| is_near(customer))
                .map(place)
                .collect::<Vec<u32>>()
        })?;
        self.near = found.into_iter().flatten().collect();
        self.centre.clone_from(&self.prices);
        self.radius = radius;
        Ok(())
    }

    /// Where an edge ends at the latest: a price becomes 0, or another option joins those of a torn customer.
    fn wall(&self, edge: &[f64]) -> (f64, Option<End>) {
        let mut wall = (f64::INFINITY, None);
        for (scarce, (&price, &part)) in self.prices.iter().zip(edge).enumerate() {
            if part < 0.0 && !self.free[scarce] && price / -part < wall.0 {
                wall = ((price / -part).max(0.0), Some(End::Free(scarce)));
            }
        }
        let (prices, slopes) = (self.by_action(&self.prices), self.by_action(edge));
        for (place, torn) in self.torn.iter().enumerate() {
            let first = torn.options[0];
            let value = self.worth(torn.customer, first, &prices);
            let falls = self.taken(torn.customer, first, &slopes);
            for option in (0..self.options.of(torn.customer)).chain([NONE]) {
                let gains = falls - self.taken(torn.customer, option, &slopes);
                if torn.options.contains(&option) || gains <= 1e-12 {
                    continue;
                }
                let at = ((value - self.worth(torn.customer, option, &prices)) / gains).max(0.0);
                if at < wall.0 {
                    wall = (
                        at,
                        Some(End::Joined {
                            torn: place,
                            option,
                        }),
                    );
                }
            }
        }
        wall
    }

    /// Where choices change along an edge, up to `reach`.
    fn changes(&self, edge: &[f64], reach: f64, gate: &Gate<'_, '_>) -> Result<Vec<Change>> {
        let (prices, slopes) = (self.by_action(&self.prices), self.by_action(edge));
        let least = 1e-12 * edge.iter().fold(0.0_f64, |most, part| most.max(part.abs()));
        let found = map_blocks_behind(gate, self.near.len(), |range| {
            let mut found = Vec::new();
            for customer in self.near[range].iter().map(|&customer| customer as usize) {
                let mut own = self.choice[customer];
                if own == TORN {
                    continue;
                }
                let first = self.options.start[customer];
                let places = first..self.options.start[customer + 1];
                let nudged = &self.options.nudged[places.clone()];
                let cost = &self.options.cost[places.clone()];
                let actions = &self.options.action[places];
                let mut since = 0.0;
                loop {
                    let value = self.worth(customer, own, &prices);
                    let falls = self.taken(customer, own, &slopes);
                    // No division for the many who are far from a change.
                    let in_reach =
                        |gains: f64, behind: f64| gains > least && behind <= reach * gains;
                    let mut next: Option<(f64, f64, u8)> = None;
                    let mut see = |gains: f64, behind: f64, option: u8| {
                        let at = (behind / gains).max(since);
                        if next
                            .is_none_or(|(best, most, _)| at < best || (at == best && gains > most))
                        {
                            next = Some((at, gains, option));
                        }
                    };
                    for (option, ((nudged, cost), action)) in
                        (0..).zip(nudged.iter().zip(cost).zip(actions))
                    {
                        let action = usize::from(*action);
                        let gains = falls - slopes.by_cost * cost - slopes.fixed[action];
                        let behind = value - nudged + prices.by_cost * cost + prices.fixed[action];
                        if in_reach(gains, behind) {
                            see(gains, behind, option);
                        }
                    }
                    if in_reach(falls, value) {
                        see(falls, value, NONE);
                    }
                    let Some((at, rise, to)) = next else { break };
                    since = at;
                    own = to;
                    // Customers are fewer than u32::MAX.
                    let customer = u32::try_from(customer).unwrap_or(u32::MAX);
                    found.push(Change {
                        at,
                        customer,
                        to,
                        rise,
                    });
                }
            }
            found
        })?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Makes tight what ended the edge.
    fn arrive(&mut self, end: Option<&End>) -> bool {
        match end {
            None => return false,
            Some(&End::Free(scarce)) => self.free[scarce] = true,
            Some(&End::Joined { torn, option }) => {
                self.torn[torn].options.push(option);
                self.torn[torn].shares.push(0.0);
            }
            Some(&End::Change { customer, to }) => {
                let own = self.choice[customer];
                self.choose(customer, TORN);
                self.torn.push(Torn {
                    customer,
                    options: vec![own, to],
                    shares: vec![1.0, 0.0],
                });
            }
        }
        true
    }

    /// Reads the prices off what is tight.
    fn price(&mut self) {
        let nudged = |customer: usize, option: u8| match option {
            NONE => 0.0,
            _ => self.options.nudged[self.options.place(customer, option)],
        };
        if let Some(prices) = self.priced(nudged) {
            self.prices = prices;
        }
    }

    /// The prices at which the torn are torn, with these profits.
    fn priced(&self, profit: impl Fn(usize, u8) -> f64) -> Option<Vec<f64>> {
        let tight = self.tight();
        if tight.is_empty() {
            return None; // nothing is scarce
        }
        let wanted = tight.iter().map(|one| match *one {
            Tight::Free(_) => 0.0,
            Tight::Tie(place, option) => {
                let torn = &self.torn[place];
                profit(torn.customer, torn.options[option]) - profit(torn.customer, torn.options[0])
            }
        });
        let wanted = DVector::from_iterator(tight.len(), wanted);
        let prices = self.matrix(&tight).transpose().lu().solve(&wanted)?;
        Some(prices.iter().map(|price| price.max(0.0)).collect())
    }

    /// Amounts of the scarce things as what they come to by unit of cost, and by action.
    fn by_action(&self, amounts: &[f64]) -> ByAction {
        let sum = |uses: &Vec<usize>| uses.iter().map(|&scarce| amounts[scarce]).sum();
        ByAction {
            by_cost: self.unit.map_or(0.0, |unit| amounts[0] / unit),
            fixed: self.uses.iter().map(sum).collect(),
        }
    }

    /// What an option takes at these prices.
    fn taken(&self, customer: usize, option: u8, prices: &ByAction) -> f64 {
        if option >= TORN {
            return 0.0;
        }
        let place = self.options.place(customer, option);
        prices.by_cost * self.options.cost[place]
            + prices.fixed[usize::from(self.options.action[place])]
    }

    fn value(&self, customer: usize, option: u8, prices: &ByAction) -> f64 {
        self.options.nudged[self.options.place(customer, option)]
            - self.taken(customer, option, prices)
    }

    /// The value of an option or of nothing.
    fn worth(&self, customer: usize, option: u8, prices: &ByAction) -> f64 {
        if option >= TORN {
            0.0
        } else {
            self.value(customer, option, prices)
        }
    }

    /// The prices in the caller's units, of the profits as they are.
    pub(super) fn true_prices(&self, data: &AllocationData<'_>) -> Vec<f64> {
        let profit = |customer: usize, option: u8| match option {
            NONE => 0.0,
            _ => data.profit(
                self.options.row[customer] as usize,
                self.options.action(customer, option),
            ),
        };
        let mut prices = self.priced(profit).unwrap_or_else(|| self.prices.clone());
        if let (Some(unit), Some(budget)) = (self.unit, prices.first_mut()) {
            *budget /= unit;
        }
        prices
    }

    /// Which scarce things an option of an action takes one of.
    pub(super) fn uses(&self, action: usize) -> &[usize] {
        &self.uses[action]
    }

    /// Who is torn.
    pub(super) fn torn(&self) -> &[Torn] {
        &self.torn
    }

    /// The options of the customers in their drawn order; `None` of those who are torn.
    pub(super) fn chosen(&self) -> impl Iterator<Item = Option<u8>> + '_ {
        self.choice
            .iter()
            .map(|&option| (option != TORN).then_some(option))
    }
}

/// What is not to be tight any more.
#[derive(Debug, Clone, Copy)]
enum Leaving {
    /// A place of the matrix.
    Place(usize),
    /// The first option of a torn customer, which has no place.
    First(usize),
}

/// Amounts by unit of cost and by action.
#[derive(Debug)]
struct ByAction {
    by_cost: f64,
    fixed: Vec<f64>,
}
