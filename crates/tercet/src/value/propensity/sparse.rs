//! The sparse columns of a tile: places that are gone through, not multiplied.

// The processor's instructions are chosen around what is inlined.
#![allow(clippy::inline_always)]

use super::tile::{NONE, Tile};
use crate::math::lanes::{ROWS, Work};

/// What the sparse columns of a tile say to its log-odds.
pub(super) struct SparseProducts<'a> {
    pub(super) tile: &'a Tile,
    pub(super) coefficients: &'a [f64],
    pub(super) log_odds: &'a mut [f64],
}

impl Work for SparseProducts<'_> {
    #[inline(always)]
    fn work(self) {
        let log_odds = &mut self.log_odds[..self.tile.len];
        for wide in self.tile.wide.chunks_exact(ROWS) {
            for (sum, wide) in log_odds.iter_mut().zip(wide) {
                let own = &self.coefficients[wide.first as usize..][..4];
                for (coefficient, weight) in own.iter().zip(wide.weights) {
                    *sum += coefficient * weight;
                }
            }
        }
        for single in self.tile.single.chunks_exact(ROWS) {
            for (sum, place) in log_odds.iter_mut().zip(single) {
                if *place != NONE {
                    *sum += self.coefficients[*place as usize];
                }
            }
        }
    }
}

/// The slopes of the sparse columns of a tile.
pub(super) struct SparseSlopes<'a> {
    pub(super) tile: &'a Tile,
    pub(super) residuals: &'a [f64],
    pub(super) sums: &'a mut [f64],
}

impl Work for SparseSlopes<'_> {
    #[inline(always)]
    fn work(self) {
        let residuals = &self.residuals[..self.tile.len];
        for wide in self.tile.wide.chunks_exact(ROWS) {
            for (residual, wide) in residuals.iter().zip(wide) {
                let own = &mut self.sums[wide.first as usize..][..4];
                for (sum, weight) in own.iter_mut().zip(wide.weights) {
                    *sum += residual * weight;
                }
            }
        }
        for single in self.tile.single.chunks_exact(ROWS) {
            for (residual, place) in residuals.iter().zip(single) {
                if *place != NONE {
                    self.sums[*place as usize] += residual;
                }
            }
        }
    }
}
