//! What contacting the best so-and-so many reaches: events and money, cumulated along a ranking.

use super::ranking::Ranked;

/// What is reached down to some share of the customers.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Reached {
    /// Weight of the customers contacted.
    pub(super) contacted: f64,
    /// Weight of their events.
    pub(super) events: f64,
    /// Their profit, weighted.
    pub(super) profit: f64,
}

impl Reached {
    /// What a part of the next run of equal scores adds.
    fn plus(self, next: Self, part: f64) -> Self {
        Self {
            contacted: self.contacted + part * next.contacted,
            events: self.events + part * next.events,
            profit: self.profit + part * next.profit,
        }
    }
}

/// What is reached at each share (ascending, above 0, at most 1) of the total weight.
///
/// A share that ends within a run of equal scores takes its part of all of them: what contacting them
/// in random order reaches on average.
pub(super) fn at_shares(
    ranked: &Ranked,
    weights: &[f64],
    profit: Option<&[f64]>,
    shares: &[f64],
    total: f64,
) -> Vec<Reached> {
    let mut reached = Vec::with_capacity(shares.len());
    let mut wanted = shares.iter().map(|share| share * total).peekable();
    let mut so_far = Reached::default();
    for tie in ranked.ties() {
        let mut next = Reached::default();
        for place in tie {
            let weight = weights[place];
            next.contacted += weight;
            next.events += if ranked.happened[place] { weight } else { 0.0 };
            next.profit += profit.map_or(0.0, |profit| weight * profit[place]);
        }
        let end = so_far.contacted + next.contacted;
        while let Some(target) = wanted.next_if(|target| *target <= end && next.contacted > 0.0) {
            let part = ((target - so_far.contacted) / next.contacted).clamp(0.0, 1.0);
            reached.push(so_far.plus(next, part));
        }
        so_far = so_far.plus(next, 1.0);
        if wanted.peek().is_none() {
            break;
        }
    }
    // A share of 1 may lie a rounding beyond the last row.
    reached.resize(shares.len(), so_far);
    reached
}

/// The score at the border of each share: that of the last customer contacted.
pub(super) fn scores_at_shares(ranked: &Ranked, shares: &[f64], total: f64) -> Vec<f64> {
    let mut above = 0.0;
    let mut place = 0;
    let last = ranked.len() - 1;
    shares
        .iter()
        .map(|share| {
            while place < last && above + ranked.weight[place] < share * total * (1.0 - 1e-12) {
                above += ranked.weight[place];
                place += 1;
            }
            ranked.score[place]
        })
        .collect()
}

/// Profit of each row if it is contacted, by place: the benefit where the event happens, less the cost.
pub(super) fn profits(
    ranked: &Ranked,
    benefit: &super::Amounts<'_>,
    cost: &super::Amounts<'_>,
) -> Vec<f64> {
    let rows = ranked.rows.iter().zip(&ranked.happened);
    rows.map(|(row, happened)| {
        let row = *row as usize;
        let worth = if *happened { benefit.of(row) } else { 0.0 };
        worth - cost.of(row)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Phase;
    use crate::value::evaluation::{Amounts, Outcomes};

    #[test]
    fn shares_end_within_ties_fairly() {
        let happened = [true, true, false, false];
        let outcomes = Outcomes::new(&happened, &[0.9, 0.5, 0.5, 0.1]).unwrap();
        let ranked =
            Ranked::by_probability(&outcomes, &mut Phase::new(&mut (), "testing")).unwrap();
        let profit = profits(&ranked, &Amounts::Same(10.0), &Amounts::Same(2.0));
        let reached = at_shares(
            &ranked,
            &ranked.weight,
            Some(&profit),
            &[0.25, 0.5, 0.75, 1.0],
            4.0,
        );
        let events: Vec<f64> = reached.iter().map(|one| one.events).collect();
        assert_eq!(events, [1.0, 1.5, 2.0, 2.0]);
        let profit: Vec<f64> = reached.iter().map(|one| one.profit).collect();
        assert_eq!(profit, [8.0, 11.0, 14.0, 12.0]);
        let border = scores_at_shares(&ranked, &[0.25, 0.5, 0.75, 1.0], 4.0);
        assert_eq!(border, [0.9, 0.5, 0.5, 0.1]);
    }
}
