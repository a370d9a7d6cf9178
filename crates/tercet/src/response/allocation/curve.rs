//! What other budgets would earn.

use super::Allocator;
use super::data::AllocationData;
use super::figures::{Errors, Given, Totals};
use super::options::Options;
use super::prices::Market;
use crate::error::Result;
use crate::observe::Phase;

/// So many customers, or fewer, go without a sample.
const FEW: usize = 50_000;

/// What a budget earns. A customer at the margin may be counted in part, so that the curve is concave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    /// The budget.
    pub budget: f64,
    /// What another unit of money would add.
    pub price: f64,
    /// Customers, cost and profit.
    pub totals: Totals,
}

/// The curve from no money to as much as pays, and to the budget where that is more; nothing where no
/// action that pays costs anything.
pub(super) fn curve(
    data: &AllocationData<'_>,
    options: &Options,
    (groups, bounds): (&[Vec<usize>], &[f64]),
    settings: &Allocator,
    errors: Errors,
    phase: &mut Phase<'_>,
) -> Result<Vec<CurvePoint>> {
    let plenty: f64 = options.cost.iter().sum();
    if settings.points == 0 || plenty == 0.0 || data.cost.are_zero() {
        return Ok(Vec::new());
    }
    // With limits prices go a long way from one budget to the next: a sample goes first.
    let some = match options.len() {
        many if many > FEW && !groups.is_empty() => many / 16,
        few => few,
    };
    let mut sample = Market::new(options, data.actions().len(), true, groups);
    let limits = &bounds[usize::from(settings.budget.is_some())..];
    let mut point = |budget: Option<f64>, phase: &mut Phase<'_>| -> Result<CurvePoint> {
        let mut bounds = vec![budget.unwrap_or(2.0 * plenty)];
        bounds.extend(limits);
        sample.solve_among(some, &bounds, phase)?;
        let mut market = sample.clone();
        market.solve(&bounds, phase)?;
        let prices = market.true_prices(data);
        let choice: Vec<Option<u8>> = market.chosen().collect();
        let (market, prices) = (&market, prices.as_slice());
        let given = Given {
            data,
            options,
            market,
            prices,
            budgeted: true,
        };
        let totals = given.totals(&choice, errors, phase)?;
        phase.advance(None)?;
        let budget = budget.unwrap_or(totals.cost);
        Ok(CurvePoint {
            budget,
            price: prices[0],
            totals,
        })
    };
    // From much money to none: each step begins where the one before ended.
    let all = CurvePoint {
        price: 0.0,
        ..point(None, phase)?
    };
    let steps = settings.points as f64;
    let mut budgets: Vec<f64> = (0..settings.points)
        .map(|step| all.totals.cost * step as f64 / steps)
        .collect();
    let own = settings
        .budget
        .filter(|own| *own < all.totals.cost && !budgets.contains(own));
    budgets.extend(own);
    budgets.sort_unstable_by(|a, b| b.total_cmp(a));
    let mut found = Vec::with_capacity(budgets.len() + 2);
    if let Some(own) = settings.budget.filter(|own| *own > all.totals.cost) {
        found.push(CurvePoint { budget: own, ..all });
    }
    found.push(all);
    for budget in budgets {
        found.push(point(Some(budget), phase)?);
    }
    found.reverse();
    Ok(found)
}
