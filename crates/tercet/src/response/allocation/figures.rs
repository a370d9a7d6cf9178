//! What an allocation is expected to earn, with its error.

use nalgebra::{DMatrix, DVector};

use super::data::AllocationData;
use super::options::Options;
use super::prices::{Market, NONE};
use super::whole::value;
use crate::error::Result;
use crate::math::sum::Sums;
use crate::observe::Phase;
use crate::parallel::map_blocks;

/// Customers near the margin from whom it is told what a change there brings: a part of all, and at least;
/// of so many at most, who are a sample of all since they stand in a drawn order.
const NEAR: f64 = 0.05;
const AT_LEAST: usize = 50;
const SAMPLE: usize = 200_000;

/// A profit with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Profit {
    /// The profit.
    pub estimate: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Lower end of the interval.
    pub lower: f64,
    /// Upper end of the interval.
    pub upper: f64,
}

/// What an allocation comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Totals {
    /// Customers who get an action.
    pub customers: f64,
    /// What that costs.
    pub cost: f64,
    /// The profit that the effects promise. Those are chosen whose effects look large, some of them by
    /// chance: of effects that were estimated it is too high as a rule.
    pub profit: f64,
    /// The same with its interval, where the effects have standard errors.
    pub by_errors: Option<Profit>,
    /// The profit that an experiment found, where there are scores.
    pub by_scores: Option<Profit>,
}

/// How errors become intervals.
#[derive(Debug, Clone, Copy)]
pub(super) struct Errors {
    /// The quantile of the normal distribution.
    pub(super) z: f64,
    /// The correlation of two customers' errors.
    pub(super) correlation: f64,
}

/// An allocation as the figures need it: what everybody gets, at which prices.
#[derive(Clone, Copy)]
pub(super) struct Given<'a, 'o> {
    pub(super) data: &'a AllocationData<'o>,
    pub(super) options: &'a Options,
    pub(super) market: &'a Market<'a>,
    /// In the caller's units; the budget's first, if there is one.
    pub(super) prices: &'a [f64],
    pub(super) budgeted: bool,
}

/// Sums over a block of customers.
struct Block {
    /// Customers, cost, profit, errors and their squares, profit by scores.
    sums: Sums<6>,
    /// Where there are scores, products of the profit by scores, of what is taken, and of 1.
    products: Vec<f64>,
    /// These of one customer.
    own: Vec<f64>,
}

impl Block {
    fn new(width: usize) -> Self {
        Self {
            sums: Sums::zero(),
            products: vec![0.0; width * width],
            own: vec![0.0; width],
        }
    }
}

/// Who is near a margin: how near, what the second-best option would take less, and bring less by the scores.
struct Near {
    regret: f64,
    taken: Vec<f64>,
    profit: f64,
}

impl Given<'_, '_> {
    /// The sums of an allocation; `None` stands for customers who are torn, and share their options.
    pub(super) fn totals(
        &self,
        choice: &[Option<u8>],
        errors: Errors,
        phase: &mut Phase<'_>,
    ) -> Result<Totals> {
        let blocks = map_blocks(choice.len(), phase, |range| {
            let mut block = Block::new(self.width());
            for customer in range {
                if let Some(option) = choice[customer]
                    && option != NONE
                {
                    self.add(customer, option, 1.0, &mut block);
                }
            }
            block
        })?;
        let mut all = Block::new(self.width());
        for block in &blocks {
            all.sums.add(&block.sums.total());
            let products = all.products.iter_mut().zip(&block.products);
            products.for_each(|(sum, own)| *sum += own);
        }
        for torn in self.market.torn() {
            if choice[torn.customer].is_none() {
                for (&option, &share) in torn.options.iter().zip(&torn.shares) {
                    if option != NONE {
                        self.add(torn.customer, option, share.clamp(0.0, 1.0), &mut all);
                    }
                }
            }
        }
        let [customers, cost, profit, shared, squares, scored] = all.sums.total();
        let correlation = errors.correlation;
        let by_errors = self.data.errors.map(|_| {
            let error = (correlation * shared * shared + (1.0 - correlation) * squares).sqrt();
            with_interval(profit, error, errors.z)
        });
        let by_scores = match self.data.scores {
            Some(_) => {
                let error = self.sampling_error(&all.products, phase)?;
                Some(with_interval(scored, error, errors.z))
            }
            None => None,
        };
        Ok(Totals {
            customers,
            cost,
            profit,
            by_errors,
            by_scores,
        })
    }

    fn add(&self, customer: usize, option: u8, share: f64, block: &mut Block) {
        let place = self.options.place(customer, option);
        let (profit, cost) = (self.options.profit[place], self.options.cost[place]);
        let known = |of: &[f64]| of.get(place).copied().unwrap_or(0.0);
        let (error, scored) = (known(&self.options.error), known(&self.options.scored));
        let terms = [1.0, cost, profit, error, error * error, scored];
        block.sums.add(&terms.map(|term| share * term));
        if self.data.scores.is_some() {
            let own = &mut block.own;
            own.fill(0.0);
            own[0] = share * scored;
            if self.budgeted {
                own[1] = share * cost;
            }
            for scarce in self.market.uses(usize::from(self.options.action[place])) {
                own[1 + scarce] = share;
            }
            let width = own.len();
            own[width - 1] = 1.0;
            for (i, a) in own.iter().enumerate() {
                for (sum, b) in block.products[i * width..].iter_mut().zip(own.iter()) {
                    *sum += a * b;
                }
            }
        }
    }

    /// The profit, what is taken, and 1; nothing without scores.
    fn width(&self) -> usize {
        if self.data.scores.is_some() {
            self.prices.len() + 2
        } else {
            0
        }
    }

    /// What an option takes of each scarce thing.
    fn taken(&self, customer: usize, option: u8) -> Vec<f64> {
        let mut taken = vec![0.0; self.prices.len()];
        if option != NONE {
            if self.budgeted {
                taken[0] = self.options.cost[self.options.place(customer, option)];
            }
            for scarce in self.market.uses(self.options.action(customer, option)) {
                taken[*scarce] = 1.0;
            }
        }
        taken
    }

    /// The standard error of a profit by scores, with the customers a sample of many.
    ///
    /// In another sample the prices differ, as the budget is spent in either: who takes much moves somebody
    /// at the margin out. So each customer counts with the profit less what the taken is worth there.
    fn sampling_error(&self, products: &[f64], phase: &mut Phase<'_>) -> Result<f64> {
        let worth = self.worth_at_the_margin(phase)?;
        let width = self.width();
        let n = self.data.len() as f64;
        let mut weights = vec![1.0];
        weights.extend(worth.iter().map(|worth| -worth));
        let product = |i: usize, j: usize| products[i * width + j];
        let (mut mean, mut square) = (0.0, 0.0);
        for (i, a) in weights.iter().enumerate() {
            mean += a * product(i, width - 1);
            for (j, b) in weights.iter().enumerate() {
                square += a * b * product(i, j);
            }
        }
        let variance = (square - mean * mean / n).max(0.0);
        Ok((variance * n / (n - 1.0).max(1.0)).sqrt())
    }

    /// What one more of each scarce thing brings, by the scores of the customers near the margin: the
    /// regression of what their best option brings more than the second on what it takes more. Things that
    /// are not scarce, whose price is 0, bring nothing.
    fn worth_at_the_margin(&self, phase: &mut Phase<'_>) -> Result<Vec<f64>> {
        let scarce: Vec<usize> = (0..self.prices.len())
            .filter(|&j| self.prices[j] > 0.0)
            .collect();
        let mut worth = vec![0.0; self.prices.len()];
        if scarce.is_empty() {
            return Ok(worth);
        }
        let found = map_blocks(self.options.len().min(SAMPLE), phase, |range| {
            range
                .filter_map(|customer| self.near(customer, &scarce))
                .collect::<Vec<Near>>()
        })?;
        let mut near: Vec<Near> = found.into_iter().flatten().collect();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a part of a length
        let some = ((NEAR * near.len() as f64) as usize).max(AT_LEAST);
        if some < near.len() {
            near.select_nth_unstable_by(some, |a, b| a.regret.total_cmp(&b.regret));
            // Their order decides on the last bits of sums.
            near.truncate(some);
            near.sort_by(|a, b| a.regret.total_cmp(&b.regret));
        }
        let d = scarce.len();
        let (mut squares, mut products) = (DMatrix::zeros(d, d), DVector::zeros(d));
        for one in &near {
            for i in 0..d {
                products[i] += one.taken[i] * one.profit;
                for j in 0..d {
                    squares[(i, j)] += one.taken[i] * one.taken[j];
                }
            }
        }
        let solved = squares.svd(true, true).solve(&products, 1e-12);
        for (place, &j) in scarce.iter().enumerate() {
            worth[j] = solved.as_ref().map_or(self.prices[j], |found| found[place]);
        }
        Ok(worth)
    }

    fn near(&self, customer: usize, scarce: &[usize]) -> Option<Near> {
        // The best and the second-best, nothing among them.
        let (mut first, mut second) = ((0.0, NONE), (f64::NEG_INFINITY, NONE));
        for option in 0..self.options.of(customer) {
            let own = value(
                self.options,
                self.market,
                self.prices,
                self.budgeted,
                customer,
                option,
            );
            if own > first.0 {
                second = first;
                first = (own, option);
            } else if own > second.0 {
                second = (own, option);
            }
        }
        let (more, less) = (
            self.taken(customer, first.1),
            self.taken(customer, second.1),
        );
        let taken: Vec<f64> = scarce.iter().map(|&j| more[j] - less[j]).collect();
        if taken.iter().all(|taken| *taken == 0.0) {
            return None;
        }
        let scored = |option: u8| match option {
            NONE => 0.0,
            _ => self.options.scored[self.options.place(customer, option)],
        };
        Some(Near {
            regret: first.0 - second.0,
            taken,
            profit: scored(first.1) - scored(second.1),
        })
    }
}

fn with_interval(estimate: f64, standard_error: f64, z: f64) -> Profit {
    Profit {
        estimate,
        standard_error,
        lower: estimate - z * standard_error,
        upper: estimate + z * standard_error,
    }
}
