//! Where the ascent of a mixture with known misassignment starts.

use nalgebra::{DMatrix, DVector};

use super::densities::Density;
use super::estimate::Estimates;
use super::mixture::{Cell, Mixture};
use super::weighted;
use crate::error::{Error, Result};
use crate::parallel::{Gate, map_blocks_behind};

/// The most steps of EM before Newton's method; and a step that wins less than this ends them.
const EM_STEPS: usize = 200;
const EM_GAIN: f64 = 1e-3;

impl<D: Density> Mixture<'_, D> {
    /// Where Newton's method may start: after some EM from the respondents' posteriors, and from what
    /// inverse weights give.
    pub(super) fn starts(&self, gate: &Gate<'_, '_>) -> Result<Vec<DVector<f64>>> {
        let mut members = vec![self.posteriors_of_cells()];
        if let Ok(share_of) = self.misassignment.inverse() {
            let (members_of, table) = (self.members, self.misassignment);
            match weighted::estimate(members_of, table, &share_of, self.outcome, gate) {
                Ok(found) => members.push(self.near(&found)),
                Err(Error::InvalidData { .. }) => {} // no such weights; the first start is left
                Err(other) => return Err(other),
            }
        }
        let mut starts = Vec::new();
        for members in members {
            starts.extend(self.expect_and_maximise(members, gate)?);
        }
        Ok(starts)
    }

    /// Average posteriors of the respondents assigned to a cell's segment.
    fn posteriors_of_cells(&self) -> Vec<f64> {
        let k = self.k();
        let mut by_assigned = DMatrix::<f64>::zeros(k, k);
        let mut assigned = vec![0.0; k];
        for row in 0..self.members.len() {
            self.misassignment.assign(self.members, row, &mut assigned);
            for (s, share) in assigned.iter().enumerate() {
                for (t, p) in self.members.row(row).iter().enumerate() {
                    by_assigned[(s, t)] += self.members.weight(row) * share * p;
                }
            }
        }
        let of = |cell: &Cell| {
            let row = by_assigned.row(cell.assigned);
            let total = row.sum();
            row.iter().map(|p| p / total).collect::<Vec<f64>>()
        };
        self.cells.iter().flat_map(of).collect()
    }

    /// Members by the distance of a number from a segment's mean; by the misassignment alone for levels.
    fn near(&self, found: &Estimates) -> Vec<f64> {
        let of = |cell: &Cell| {
            let weigh = |t: usize| {
                let distance = match self.outcome.n_levels {
                    0 => {
                        cell.outcome
                            - (found.values[t] - self.outcome.mean) / self.outcome.deviation
                    }
                    _ => 0.0,
                };
                let table = self.misassignment.table[(t, cell.assigned)];
                (found.shares[t] * table + 1e-3) * (-distance * distance).max(-500.0).exp()
            };
            let row: Vec<f64> = (0..self.k()).map(weigh).collect();
            let total: f64 = row.iter().sum();
            row.into_iter().map(move |value| value / total)
        };
        self.cells.iter().flat_map(of).collect()
    }

    fn expect_and_maximise(
        &self,
        mut members: Vec<f64>,
        gate: &Gate<'_, '_>,
    ) -> Result<Option<DVector<f64>>> {
        let k = self.k();
        let mut before = f64::NEG_INFINITY;
        let mut point = None;
        for _ in 0..EM_STEPS {
            let mut shares = vec![0.0; k];
            for (cell, row) in self.cells.iter().zip(members.chunks_exact(k)) {
                for (share, member) in shares.iter_mut().zip(row) {
                    *share += cell.weight * member / self.total;
                }
            }
            let Some(best) = self.density.best(&self.cells, &members) else {
                return Ok(None);
            };
            let logit = |t: usize| shares[t].max(1e-12).ln() - shares[0].max(1e-12).ln();
            let here = DVector::from_iterator(k - 1 + best.len(), (1..k).map(logit).chain(best));
            let shares = self.shares(here.as_slice());
            let density = &here.as_slice()[k - 1..];
            let blocks = map_blocks_behind(gate, self.cells.len(), |cells| {
                let mut rows = vec![0.0; cells.len() * k];
                let mut value = 0.0;
                for (cell, row) in self.cells[cells].iter().zip(rows.chunks_exact_mut(k)) {
                    value += cell.weight * self.look(&shares, density, cell, row);
                }
                (value, rows)
            })?;
            let value: f64 = blocks.iter().map(|(value, _)| value).sum();
            members.clear();
            for (_, rows) in blocks {
                members.extend(rows);
            }
            point = Some(here);
            if value - before < EM_GAIN {
                break;
            }
            before = value;
        }
        Ok(point)
    }
}
