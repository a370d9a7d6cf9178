//! A pass over the respondents: memberships, and the sums that derivatives are made of.

use std::ops::Range;

use nalgebra::{DMatrix, DVector};

use super::Worst;
use super::expected::{Curvature, Expected};
use super::likelihood::Odds;
use super::mixture::{Mixture, log_sum_exp};
use crate::data::BestWorst;
use crate::error::Result;
use crate::math::sum::Sums;
use crate::parallel::{Gate, map_blocks_behind};

/// Respondents and their weights, ready to be evaluated.
#[derive(Debug)]
pub(super) struct Respondents<'a> {
    pub(super) choices: &'a BestWorst<'a>,
    pub(super) weights: Vec<f64>,
    pub(super) worst: Worst,
}

impl Respondents<'_> {
    /// Fills in the probability of each segment; returns the log-likelihood of the respondent.
    pub(super) fn memberships(
        &self,
        respondent: usize,
        odds: &Odds,
        log_shares: &[f64],
        members: &mut [f64],
    ) -> f64 {
        for (segment, (member, log_share)) in members.iter_mut().zip(log_shares).enumerate() {
            *member = log_share + odds.log_likelihood(segment, self.choices.tasks(respondent));
        }
        let total = log_sum_exp(members);
        for member in members {
            *member = (*member - total).exp();
        }
        total
    }

    pub(super) fn expect(
        &self,
        mixture: &Mixture,
        curvature: Curvature,
        gate: &Gate<'_, '_>,
    ) -> Result<Expected> {
        let odds = Odds::new(&mixture.utilities, mixture.n_items, self.worst);
        let blocks = map_blocks_behind(gate, self.choices.len(), |rows| {
            self.expect_block(mixture, &odds, curvature, rows)
        })?;
        let mut value = Sums::<1>::zero();
        let mut all = Expected::nothing(mixture, curvature);
        for block in &blocks {
            value.add(&[block.log_likelihood]);
            all.total += block.total;
            add(&mut all.members, &block.members);
            add(&mut all.scores, &block.scores);
            add(&mut all.informations, &block.informations);
            if let (Some(all), Some(block)) = (&mut all.lost, &block.lost) {
                *all += block;
            }
        }
        all.log_likelihood = value.total()[0];
        Ok(all)
    }

    fn expect_block(
        &self,
        mixture: &Mixture,
        odds: &Odds,
        curvature: Curvature,
        rows: Range<usize>,
    ) -> Expected {
        let mut block = Expected::nothing(mixture, curvature);
        let mut value = Sums::<1>::zero();
        let mut scores = Scores::new(mixture);
        for row in rows.filter(|&row| self.weights[row] > 0.0) {
            let weight = self.weights[row];
            let members = &mut scores.members;
            value.add(&[weight * self.memberships(row, odds, &mixture.log_shares, members)]);
            block.total += weight;
            for (sum, member) in block.members.iter_mut().zip(&*members) {
                *sum += weight * member;
            }
            scores.derive(self, row, odds, weight, &mut block.informations);
            scores.add_expected(weight, &mut block.scores);
            if let Some(lost) = &mut block.lost {
                scores.add_lost(mixture, weight, lost);
            }
        }
        block.log_likelihood = value.total()[0];
        block
    }

    pub(super) fn log_likelihood(&self, mixture: &Mixture, gate: &Gate<'_, '_>) -> Result<f64> {
        let odds = Odds::new(&mixture.utilities, mixture.n_items, self.worst);
        let blocks = map_blocks_behind(gate, self.choices.len(), |rows| {
            let mut members = vec![0.0; mixture.n_segments()];
            let mut value = Sums::<1>::zero();
            for row in rows.filter(|&row| self.weights[row] > 0.0) {
                let log = self.memberships(row, &odds, &mixture.log_shares, &mut members);
                value.add(&[self.weights[row] * log]);
            }
            value.total()
        })?;
        let mut value = Sums::<1>::zero();
        for block in &blocks {
            value.add(block);
        }
        Ok(value.total()[0])
    }

    /// The sum of the squared, weighted scores of the respondents: the middle of a sandwich.
    pub(super) fn squared_scores(
        &self,
        mixture: &Mixture,
        gate: &Gate<'_, '_>,
    ) -> Result<DMatrix<f64>> {
        let odds = Odds::new(&mixture.utilities, mixture.n_items, self.worst);
        let n = mixture.n_parameters();
        let blocks = map_blocks_behind(gate, self.choices.len(), |rows| {
            let mut squares = DMatrix::zeros(n, n);
            let mut scores = Scores::new(mixture);
            let mut unused = vec![0.0; mixture.utilities.len() * mixture.n_items];
            for row in rows.filter(|&row| self.weights[row] > 0.0) {
                self.memberships(row, &odds, &mixture.log_shares, &mut scores.members);
                scores.derive(self, row, &odds, self.weights[row], &mut unused);
                let score = scores.observed(mixture) * self.weights[row];
                squares.syger(1.0, &score, &score, 1.0);
            }
            squares
        })?;
        let mut total = DMatrix::zeros(n, n);
        for block in blocks {
            total += block;
        }
        total.fill_upper_triangle_with_lower_triangle();
        Ok(total)
    }
}

/// One respondent's probability of each segment, and the slopes of the log-likelihood within each.
struct Scores {
    n_items: usize,
    members: Vec<f64>,
    slopes: Vec<f64>,
}

/// A membership below this moves no estimate: not the sixth digit of a standard error's thousandth.
const NOBODY: f64 = 1e-11;

impl Scores {
    fn new(mixture: &Mixture) -> Self {
        Self {
            n_items: mixture.n_items,
            members: vec![0.0; mixture.n_segments()],
            slopes: vec![0.0; mixture.utilities.len()],
        }
    }

    fn derive(
        &mut self,
        respondents: &Respondents<'_>,
        row: usize,
        odds: &Odds,
        weight: f64,
        informations: &mut [f64],
    ) {
        self.slopes.fill(0.0);
        let parts = self.slopes.chunks_exact_mut(self.n_items);
        let informations = informations.chunks_exact_mut(self.n_items * self.n_items);
        for (segment, (slopes, information)) in parts.zip(informations).enumerate() {
            let member = self.members[segment];
            if member > NOBODY {
                let tasks = respondents.choices.tasks(row);
                odds.derive(segment, tasks, weight * member, slopes, information);
            }
        }
    }

    fn add_expected(&self, weight: f64, sums: &mut [f64]) {
        let rows = sums
            .chunks_exact_mut(self.n_items)
            .zip(self.slopes.chunks_exact(self.n_items));
        for ((sums, slopes), member) in rows.zip(&self.members) {
            for (sum, slope) in sums.iter_mut().zip(slopes) {
                *sum += weight * member * slope;
            }
        }
    }

    /// The respondent's slope in the free parameters.
    fn observed(&self, mixture: &Mixture) -> DVector<f64> {
        let shares = self.members[1..].iter().zip(&mixture.log_shares[1..]);
        let shares = shares.map(|(member, log)| member - log.exp());
        let rows = self.slopes.chunks_exact(self.n_items).zip(&self.members);
        let utilities =
            rows.flat_map(|(row, member)| row[1..].iter().map(move |slope| member * slope));
        DVector::from_iterator(mixture.n_parameters(), shares.chain(utilities))
    }

    /// The variance of the slope over the segments that the respondent may belong to (Louis 1982).
    fn add_lost(&self, mixture: &Mixture, weight: f64, lost: &mut DMatrix<f64>) {
        let k = self.members.len();
        let mean = self.observed(mixture);
        lost.syger(-weight, &mean, &mean, 1.0);
        let shares = mixture.shares();
        for (segment, member) in self
            .members
            .iter()
            .enumerate()
            .filter(|(_, p)| **p > NOBODY)
        {
            let scale = weight * member;
            let own = |other: usize| f64::from(u8::from(other == segment)) - shares[other];
            let slopes = &self.slopes[segment * self.n_items + 1..(segment + 1) * self.n_items];
            let place = mixture.place(segment);
            for row in 1..k {
                for column in 1..=row {
                    lost[(row - 1, column - 1)] += scale * own(row) * own(column);
                }
            }
            for (i, slope) in slopes.iter().enumerate() {
                for other in 1..k {
                    lost[(place + i, other - 1)] += scale * slope * own(other);
                }
                for (j, before) in slopes[..=i].iter().enumerate() {
                    lost[(place + i, place + j)] += scale * slope * before;
                }
            }
        }
    }
}

fn add(sums: &mut [f64], terms: &[f64]) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum += term;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::needs::{ChoicePlan, FittedMaxDiff};
    use crate::observe::Phase;

    /// Choices of a few respondents, and a point away from the top.
    fn problem() -> (BestWorst<'static>, Mixture, DVector<f64>) {
        let items = ["a", "b", "c", "d", "e"].map(str::to_owned);
        let rows = [
            vec![1.0, 0.5, 0.0, -0.5, -1.0],
            vec![-1.0, 0.0, 0.5, 1.0, -0.5],
        ];
        let truth = FittedMaxDiff::from_parameters(&items, &[0.6, 0.4], &rows).unwrap();
        let plan = ChoicePlan {
            respondents: 40,
            tasks: 3,
            shown: 3,
        };
        let frame = Mixture {
            log_shares: vec![-(3.0_f64.ln()); 3],
            utilities: vec![0.0; 15],
            n_items: 5,
        };
        let point = DVector::from_fn(frame.n_parameters(), |i, _| (1.7 * i as f64).sin());
        (
            truth.simulate(plan, 3).unwrap().choices().unwrap(),
            frame,
            point,
        )
    }

    fn respondents<'a>(choices: &'a BestWorst<'a>) -> Respondents<'a> {
        Respondents {
            choices,
            weights: (0..choices.len())
                .map(|row| 0.5 + (row % 3) as f64)
                .collect(),
            worst: Worst::Sequential,
        }
    }

    #[test]
    fn points_and_mixtures_are_the_same() {
        let (_, frame, point) = problem();
        assert!((frame.at(&point).to_point() - &point).amax() < 1e-12);
        let mixture = frame.at(&point).ordered();
        assert!(mixture.log_shares.is_sorted_by(|a, b| a >= b));
    }

    #[test]
    fn derivatives_match_differences() {
        let (choices, frame, point) = problem();
        let people = respondents(&choices);
        let (mut silent, precision) = ((), 0.7);
        let mut phase = Phase::new(&mut silent, "testing");
        let gate = Gate::new(&mut phase);
        let at = |point: &DVector<f64>| {
            let mixture = frame.at(point);
            let expected = people.expect(&mixture, Curvature::Observed, &gate).unwrap();
            expected.local(&mixture, precision)
        };
        let (here, h) = (at(&point), 1e-5);
        for i in 0..point.len() {
            let moved = |by: f64| {
                let mut point = point.clone();
                point[i] += by;
                at(&point)
            };
            let (up, down) = (moved(h), moved(-h));
            let slope = (up.value - down.value) / (2.0 * h);
            assert!((here.gradient[i] - slope).abs() < 1e-6, "{i}");
            let curvature = (down.gradient - up.gradient) / (2.0 * h);
            let difference = (here.information.column(i) - curvature).amax();
            assert!(difference < 1e-6, "{i}: {difference}");
        }
    }

    #[test]
    fn squared_scores_are_those_of_single_respondents() {
        let (choices, frame, point) = problem();
        let mut silent = ();
        let mut phase = Phase::new(&mut silent, "testing");
        let gate = Gate::new(&mut phase);
        let mixture = frame.at(&point);
        let mut people = respondents(&choices);
        let found = people.squared_scores(&mixture, &gate).unwrap();
        let weights = people.weights.clone();
        let mut sum = DMatrix::zeros(point.len(), point.len());
        for (row, weight) in weights.iter().enumerate() {
            people.weights.fill(0.0);
            people.weights[row] = *weight;
            let expected = people.expect(&mixture, Curvature::Complete, &gate).unwrap();
            let score = expected.local(&mixture, 0.0).gradient;
            sum += &score * score.transpose();
        }
        assert!((found - sum).amax() < 1e-10);
    }
}
