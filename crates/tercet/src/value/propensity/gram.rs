//! Products of columns added up over rows: second derivatives, or squared scores.
//!
//! Dense columns are multiplied by [`Lanes::gram`]. Of sparse columns a row touches a few, whose products
//! are added where they belong. A matrix of a thousand columns does not stay in the nearest caches, but
//! the part of it that two features share does: so a tile is gone through once for every pair of features,
//! and not row by row.

// The processor's instructions are chosen around what is inlined.
#![allow(clippy::inline_always)]

use nalgebra::DMatrix;

use super::lying::{LyingColumns, LyingProducts};
use super::tile::{NONE, Tile, Wide};
use crate::math::lanes::{Lanes, ROWS, Work};

/// Products of columns in three parts: dense by dense, sparse by dense, sparse by sparse. Each pair of
/// sparse columns is counted once, on either side of the diagonal.
pub(super) struct Gram {
    dense: Vec<f64>,
    cross: Vec<f64>,
    sparse: Vec<f64>,
    shape: Shape,
}

/// How many columns there are of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) dense: usize,
    /// Dense columns of a tile, those that only fill it up included.
    pub(super) padded: usize,
    pub(super) sparse: usize,
}

/// What a tile is weighted by, and room for it.
pub(super) struct Bends {
    /// The roots of the rows' weights.
    pub(super) roots: Vec<f64>,
    weights: Vec<f64>,
    /// Dense columns times the roots, column by column.
    scaled: Vec<f64>,
    /// Dense columns times the weights, row by row.
    turned: Vec<f64>,
}

impl Bends {
    pub(super) fn new(shape: Shape) -> Self {
        Self {
            roots: vec![0.0; ROWS],
            weights: vec![0.0; ROWS],
            scaled: vec![0.0; shape.padded * ROWS],
            turned: vec![0.0; shape.padded * ROWS],
        }
    }

    /// Without room for columns.
    pub(super) fn of_roots() -> Self {
        Self {
            roots: vec![0.0; ROWS],
            weights: Vec::new(),
            scaled: Vec::new(),
            turned: Vec::new(),
        }
    }
}

impl Gram {
    pub(super) fn new(shape: Shape) -> Self {
        let Shape { padded, sparse, .. } = shape;
        Self {
            dense: vec![0.0; padded * padded],
            cross: vec![0.0; sparse * padded],
            sparse: vec![0.0; sparse * sparse],
            shape,
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (sums, terms) in [
            (&mut self.dense, &other.dense),
            (&mut self.cross, &other.cross),
            (&mut self.sparse, &other.sparse),
        ] {
            for (sum, term) in sums.iter_mut().zip(terms) {
                *sum += term;
            }
        }
    }

    /// The three parts as one symmetric matrix.
    pub(super) fn whole(&self) -> DMatrix<f64> {
        let Shape {
            dense: d,
            padded,
            sparse: s,
        } = self.shape;
        let mut whole = DMatrix::zeros(d + s, d + s);
        for i in 0..d {
            for j in i..d {
                let value = self.dense[i * padded + j];
                whole[(i, j)] = value;
                whole[(j, i)] = value;
            }
        }
        for i in 0..s {
            for j in 0..d {
                let value = self.cross[i * padded + j];
                whole[(d + i, j)] = value;
                whole[(j, d + i)] = value;
            }
        }
        for i in 0..s {
            for j in 0..i {
                let value = self.sparse[i * s + j] + self.sparse[j * s + i];
                whole[(d + i, d + j)] = value;
                whole[(d + j, d + i)] = value;
            }
            whole[(d + i, d + i)] = self.sparse[i * s + i];
        }
        whole
    }

    /// Adds the rows of a tile, weighted by the squares of the roots.
    pub(super) fn add_tile(&mut self, tile: &Tile, bends: &mut Bends, lanes: Lanes) {
        lanes.scale(&tile.dense, &bends.roots, &mut bends.scaled);
        lanes.gram(&bends.scaled, &mut self.dense);
        if self.shape.sparse == 0 {
            return;
        }
        lanes.run(Scatter {
            gram: self,
            tile,
            bends,
        });
    }

    /// Adds rows that were worked on where they lie; there are no sparse columns then.
    pub(super) fn add_lying(&mut self, columns: &LyingColumns<'_>, products: &LyingProducts) {
        products.add_to(columns, self.shape.padded, &mut self.dense);
    }

    #[inline(always)]
    fn turn(&self, bends: &mut Bends) {
        for (weight, root) in bends.weights.iter_mut().zip(&bends.roots) {
            *weight = root * root;
        }
        for (j, column) in bends.scaled.chunks_exact(ROWS).enumerate() {
            let turned = bends.turned[j..].iter_mut().step_by(self.shape.padded);
            for ((value, x), root) in turned.zip(column).zip(&bends.roots) {
                *value = root * x;
            }
        }
    }

    #[inline(always)]
    fn scatter(&mut self, tile: &Tile, bends: &Bends) {
        let (padded, s) = (self.shape.padded, self.shape.sparse);
        let weights = &bends.weights[..tile.len];
        let turned = || bends.turned.chunks_exact(padded);
        let (wide, single) = (
            || tile.wide.chunks_exact(ROWS),
            || tile.single.chunks_exact(ROWS),
        );
        for (place, own) in wide().enumerate() {
            for ((own, dense), weight) in own.iter().zip(turned()).zip(weights) {
                let first = own.first as usize;
                for (a, x) in own.weights.iter().enumerate() {
                    let row = first + a;
                    axpy(&mut self.cross[row * padded..(row + 1) * padded], *x, dense);
                    let sums = &mut self.sparse[row * s + first..][..4];
                    // On and above the diagonal of its own block.
                    for (sum, y) in sums[a..].iter_mut().zip(&own.weights[a..]) {
                        *sum += weight * x * y;
                    }
                }
            }
            for other in wide().skip(place + 1) {
                for ((own, other), weight) in own.iter().zip(other).zip(weights) {
                    for (a, x) in own.weights.iter().enumerate() {
                        let row = own.first as usize + a;
                        add_wide(&mut self.sparse[row * s..], other, weight * x);
                    }
                }
            }
        }
        for (place, own) in single().enumerate() {
            for ((own, dense), _) in own.iter().zip(turned()).zip(weights) {
                if *own != NONE {
                    let row = *own as usize;
                    axpy(
                        &mut self.cross[row * padded..(row + 1) * padded],
                        1.0,
                        dense,
                    );
                }
            }
            for other in wide() {
                for ((own, other), weight) in own.iter().zip(other).zip(weights) {
                    if *own != NONE {
                        add_wide(&mut self.sparse[*own as usize * s..], other, *weight);
                    }
                }
            }
            for other in single().skip(place) {
                for ((own, other), weight) in own.iter().zip(other).zip(weights) {
                    if *own != NONE && *other != NONE {
                        self.sparse[*own as usize * s + *other as usize] += weight;
                    }
                }
            }
        }
    }
}

/// The sparse columns of a tile, for [`Lanes::run`].
struct Scatter<'a> {
    gram: &'a mut Gram,
    tile: &'a Tile,
    bends: &'a mut Bends,
}

impl Work for Scatter<'_> {
    #[inline(always)]
    fn work(self) {
        self.gram.turn(self.bends);
        self.gram.scatter(self.tile, self.bends);
    }
}

#[inline(always)]
fn add_wide(row: &mut [f64], wide: &Wide, factor: f64) {
    if let Some(sums) = row[wide.first as usize..].first_chunk_mut::<4>() {
        for (sum, weight) in sums.iter_mut().zip(wide.weights) {
            *sum += factor * weight;
        }
    }
}

#[inline(always)]
fn axpy(sums: &mut [f64], factor: f64, terms: &[f64]) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum += factor * term;
    }
}
