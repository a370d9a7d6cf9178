//! From prices to whole customers: nobody gets half an action.

use super::options::Options;
use super::prices::{Market, NONE, Torn};

/// Ways to settle the torn that are tried at most.
const MOST_WAYS: usize = 20_000;
/// Candidates for what is left over that are looked at in one go.
const AT_ONCE: usize = 1_000;
/// What a budget may be overdrawn by, as a part of it: the rounding of sums.
const ROUNDING: f64 = 1e-12;

/// What each customer gets in the end, in their drawn order, and what is left of the scarce things.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) choice: Vec<u8>,
    left: Vec<f64>,
}

/// A better option that what is left over might be enough for.
struct Candidate {
    loss: f64,
    customer: usize,
    option: u8,
}

/// Everything that a settlement looks at.
struct Books<'a> {
    options: &'a Options,
    market: &'a Market<'a>,
    budgeted: bool,
    prices: &'a [f64],
}

impl Whole {
    /// Settles the torn in the best way that the bounds allow, and then gives what is left over to those
    /// who lose least by it, until nothing that pays fits any more.
    pub(super) fn new(
        options: &Options,
        market: &Market<'_>,
        bounds: &[f64],
        prices: &[f64],
        budgeted: bool,
    ) -> Self {
        let books = Books {
            options,
            market,
            budgeted,
            prices,
        };
        let choice: Vec<u8> = market
            .chosen()
            .map(|option| option.unwrap_or(NONE))
            .collect();
        let mut left = bounds.to_vec();
        if let (true, Some(budget)) = (budgeted, left.first_mut()) {
            *budget += ROUNDING * *budget;
        }
        for (customer, &option) in choice.iter().enumerate() {
            books.add(customer, option, -1.0, &mut left);
        }
        let mut made = Self { choice, left };
        made.settle(&books);
        while made.fill(&books) {}
        made
    }

    /// Tries the ways to settle the torn, those near their shares first.
    fn settle(&mut self, books: &Books<'_>) {
        let torn: Vec<(usize, Vec<u8>)> = books.market.torn().iter().map(in_order).collect();
        let mut search = Search {
            books,
            torn: &torn,
            left: self.left.clone(),
            now: Vec::with_capacity(torn.len()),
            profit: 0.0,
            best: (f64::NEG_INFINITY, vec![NONE; torn.len()]),
            ways: 0,
        };
        search.go_on();
        let best = search.best;
        for ((customer, _), option) in torn.iter().zip(best.1) {
            books.add(*customer, option, -1.0, &mut self.left);
            self.choice[*customer] = option;
        }
    }

    /// Gives what is left over to the candidates who lose least; whether there was one.
    fn fill(&mut self, books: &Books<'_>) -> bool {
        let mut found = Vec::new();
        for customer in 0..self.choice.len() {
            let own = self.choice[customer];
            let best = (0..books.options.of(customer))
                .map(|option| books.value(customer, option))
                .fold(0.0, f64::max);
            for option in 0..books.options.of(customer) {
                if self.would_fit(books, customer, option)
                    && books.profit(customer, option) > books.profit(customer, own)
                {
                    let loss = best - books.value(customer, option);
                    found.push(Candidate {
                        loss,
                        customer,
                        option,
                    });
                }
            }
        }
        let by_loss = |a: &Candidate, b: &Candidate| {
            let by_place = a.customer.cmp(&b.customer).then(a.option.cmp(&b.option));
            a.loss.total_cmp(&b.loss).then(by_place)
        };
        if found.len() > AT_ONCE {
            found.select_nth_unstable_by(AT_ONCE, by_loss);
            found.truncate(AT_ONCE);
        }
        found.sort_unstable_by(by_loss);
        for Candidate {
            customer, option, ..
        } in &found
        {
            let own = self.choice[*customer];
            if self.would_fit(books, *customer, *option)
                && books.profit(*customer, *option) > books.profit(*customer, own)
            {
                books.add(*customer, own, 1.0, &mut self.left);
                books.add(*customer, *option, -1.0, &mut self.left);
                self.choice[*customer] = *option;
            }
        }
        !found.is_empty()
    }

    /// Whether what is left is enough for an option in place of the customer's own.
    fn would_fit(&self, books: &Books<'_>, customer: usize, option: u8) -> bool {
        let own = self.choice[customer];
        if own == option {
            return false;
        }
        if books.budgeted && books.cost(customer, option) - books.cost(customer, own) > self.left[0]
        {
            return false;
        }
        let given_back = match own {
            NONE => &[],
            _ => books.market.uses(books.options.action(customer, own)),
        };
        let uses = books.market.uses(books.options.action(customer, option));
        uses.iter()
            .all(|scarce| self.left[*scarce] >= 1.0 || given_back.contains(scarce))
    }
}

impl Books<'_> {
    fn profit(&self, customer: usize, option: u8) -> f64 {
        match option {
            NONE => 0.0,
            _ => self.options.profit[self.options.place(customer, option)],
        }
    }

    fn cost(&self, customer: usize, option: u8) -> f64 {
        match option {
            NONE => 0.0,
            _ => self.options.cost[self.options.place(customer, option)],
        }
    }

    /// The profit less what the option takes of the scarce things, at their prices.
    fn value(&self, customer: usize, option: u8) -> f64 {
        value(
            self.options,
            self.market,
            self.prices,
            self.budgeted,
            customer,
            option,
        )
    }

    fn add(&self, customer: usize, option: u8, sign: f64, to: &mut [f64]) {
        if option == NONE {
            return;
        }
        if self.budgeted {
            to[0] += sign * self.cost(customer, option);
        }
        for scarce in self.market.uses(self.options.action(customer, option)) {
            to[*scarce] += sign;
        }
    }

    fn fits(&self, customer: usize, option: u8, left: &[f64]) -> bool {
        if option == NONE {
            return true;
        }
        let mut uses = self
            .market
            .uses(self.options.action(customer, option))
            .iter();
        (!self.budgeted || self.cost(customer, option) <= left[0])
            && uses.all(|scarce| left[*scarce] >= 1.0)
    }
}

/// The nudged profit of an option less what it takes, at prices in the caller's units.
pub(super) fn value(
    options: &Options,
    market: &Market<'_>,
    prices: &[f64],
    budgeted: bool,
    customer: usize,
    option: u8,
) -> f64 {
    let place = options.place(customer, option);
    let uses = market.uses(usize::from(options.action[place]));
    let by_cost = if budgeted {
        prices[0] * options.cost[place]
    } else {
        0.0
    };
    options.nudged[place] - by_cost - uses.iter().map(|scarce| prices[*scarce]).sum::<f64>()
}

/// A torn customer's options, the largest share first and nothing last.
fn in_order(torn: &Torn) -> (usize, Vec<u8>) {
    let mut order: Vec<usize> = (0..torn.options.len()).collect();
    order.sort_by(|&a, &b| torn.shares[b].total_cmp(&torn.shares[a]));
    let mut options: Vec<u8> = order.into_iter().map(|place| torn.options[place]).collect();
    if !options.contains(&NONE) {
        options.push(NONE);
    }
    (torn.customer, options)
}

/// The ways to settle the torn, depth first.
struct Search<'a, 'b> {
    books: &'a Books<'b>,
    torn: &'a [(usize, Vec<u8>)],
    /// What is left of what is scarce, the option of each of the first torn, and what these earn.
    left: Vec<f64>,
    now: Vec<u8>,
    profit: f64,
    /// The best profit, and its options.
    best: (f64, Vec<u8>),
    ways: usize,
}

impl Search<'_, '_> {
    /// Of the torn from `now.len()` on each option that fits.
    fn go_on(&mut self) {
        let Some((customer, options)) = self.torn.get(self.now.len()) else {
            self.ways += 1;
            if self.profit > self.best.0 {
                self.best = (self.profit, self.now.clone());
            }
            return;
        };
        for &option in options {
            if self.ways >= MOST_WAYS {
                return;
            }
            if self.books.fits(*customer, option, &self.left) {
                let before = self.profit;
                self.books.add(*customer, option, -1.0, &mut self.left);
                self.now.push(option);
                self.profit += self.books.profit(*customer, option);
                self.go_on();
                self.profit = before;
                self.now.pop();
                self.books.add(*customer, option, 1.0, &mut self.left);
            }
        }
    }
}
