//! The rows of a fit, and passes over them: losses, slopes and curvatures by column.

use std::ops::Range;

use nalgebra::DMatrix;

use super::data::PropensityData;
use super::encoding::Encoding;
use super::gram::{Bends, Gram, Shape};
use super::lying::LyingProducts;
use super::reader::Reader;
use super::rows::Rows;
use super::sparse::{SparseProducts, SparseSlopes};
use super::tile::Tile;
use crate::error::Result;
use crate::math::lanes::{Lanes, Odds, ROWS};
use crate::math::sum::Sums;
use crate::parallel::{Gate, map_stripes_behind};

/// Runs that rows are cut into, each with sums of its own.
const MOST_STRIPES: usize = 32;

/// Bytes that all sums of products together may take: fewer runs where there are many columns.
const MOST_BYTES: usize = 1 << 26;

/// Products of a run's rows for every number of its matrix: with fewer, making room for the sums takes
/// longer than adding to them.
const WORTH: usize = 16;

/// The outcome of a pass: whether it happened. The whole of a binary model, or one outcome of many.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target<'a> {
    Happened(&'a [bool]),
    /// One class against all others.
    Class(&'a [u16], u16),
}

impl<'a> Target<'a> {
    /// The outcome of binary data; of several classes, the second against all others.
    pub(super) fn of(data: &PropensityData<'a>) -> Self {
        data.target(1)
    }

    /// Whether it happened in a row.
    #[inline]
    pub(super) fn happened(self, row: usize) -> bool {
        match self {
            Self::Happened(values) => values[row],
            Self::Class(codes, class) => codes[row] == class,
        }
    }
}

/// The rows of a fit with one binary outcome.
pub(super) struct Sample<'s, 'a> {
    pub(super) reader: &'s Reader<'a>,
    pub(super) target: Target<'a>,
    pub(super) weights: Option<&'a [f64]>,
    pub(super) offset: Option<&'a [f64]>,
    /// Dense columns, the intercept's included.
    pub(super) dense: usize,
    pub(super) sparse: usize,
    lanes: Lanes,
}

/// Which products of columns a pass adds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Squares {
    None,
    /// Weighted by `w p (1 - p)`: the second derivatives of the loss.
    Curvature,
    /// Weighted by `w² (p - y)²`: the squares of the rows' scores.
    Scores,
}

/// Sums over rows.
#[derive(Debug, Clone)]
pub(super) struct Pass {
    /// The weighted sum of the losses, minus the log-likelihood.
    pub(super) loss: f64,
    /// Its derivatives by the coefficient of every column.
    pub(super) gradient: Vec<f64>,
    /// The products, where they were asked for: its second derivatives, or squared scores.
    pub(super) gram: Option<DMatrix<f64>>,
}

/// The sums of a stripe.
struct Stripe {
    loss: Sums<1>,
    dense_gradient: Vec<f64>,
    sparse_gradient: Vec<f64>,
    /// Slopes of dense columns in the caller's units, where rows were worked on as they lie.
    lying_gradient: Vec<f64>,
    gram: Option<Gram>,
}

/// What a thread needs for a tile.
pub(super) struct Desk {
    pub(super) tile: Tile,
    pub(super) log_odds: Vec<f64>,
    outcome: Vec<f64>,
    weights: Vec<f64>,
    residuals: Vec<f64>,
    bends: Option<Bends>,
}

impl<'s, 'a> Sample<'s, 'a> {
    pub(super) fn new(
        encoding: &Encoding,
        reader: &'s Reader<'a>,
        data: &PropensityData<'a>,
        target: Target<'a>,
    ) -> Self {
        Self {
            reader,
            target,
            weights: data.weights(),
            offset: data.offset(),
            dense: encoding.dense,
            sparse: encoding.sparse,
            lanes: Lanes::new(),
        }
    }

    #[inline]
    pub(super) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// The sum of the weights of some rows.
    pub(super) fn total_weight(&self, rows: Rows<'_>) -> f64 {
        match self.weights {
            None => rows.len() as f64,
            Some(weights) => (0..rows.len()).map(|place| weights[rows.row(place)]).sum(),
        }
    }

    /// The weight of rows where it happened.
    pub(super) fn happened(&self, rows: Rows<'_>) -> f64 {
        (0..rows.len())
            .map(|place| rows.row(place))
            .filter(|&row| self.target.happened(row))
            .map(|row| self.weight(row))
            .sum()
    }

    fn stripes(&self, squares: Squares, n_rows: usize) -> usize {
        if squares == Squares::None {
            return MOST_STRIPES;
        }
        let (width, touched) = (
            self.dense + self.sparse,
            self.dense + 4 * self.reader.n_wide() + self.reader.n_single(),
        );
        let worth = n_rows * touched * touched / (WORTH * width * width);
        let most = (MOST_BYTES / (8 * width * width).max(1)).clamp(1, MOST_STRIPES);
        worth.clamp(1, most)
    }

    /// Losses and their derivatives at the coefficients of all columns.
    pub(super) fn pass(
        &self,
        coefficients: &[f64],
        rows: Rows<'_>,
        squares: Squares,
        gate: &Gate<'_, '_>,
    ) -> Result<Pass> {
        let most = self.stripes(squares, rows.len());
        let stripes = map_stripes_behind(gate, rows.len(), ROWS, most, |places| {
            self.stripe(coefficients, rows, places, squares, gate)
        })?;
        let mut loss = Sums::<1>::zero();
        let mut gradient = vec![0.0; self.dense + self.sparse];
        let mut gram: Option<Gram> = None;
        for stripe in stripes {
            loss.add(&stripe.loss.total());
            let (dense, sparse) = gradient.split_at_mut(self.dense);
            add(dense, &stripe.dense_gradient[..self.dense]);
            add(sparse, &stripe.sparse_gradient);
            match (&mut gram, stripe.gram) {
                (Some(total), Some(part)) => total.add(&part),
                (total, part) => *total = part,
            }
        }
        Ok(Pass {
            loss: loss.total()[0],
            gradient,
            gram: gram.map(|gram| gram.whole()),
        })
    }

    fn shape(&self) -> Shape {
        Shape {
            dense: self.dense,
            padded: self.reader.padded,
            sparse: self.sparse,
        }
    }

    pub(super) fn desk(&self, squares: Squares) -> Desk {
        Desk {
            tile: self.reader.tile(),
            log_odds: vec![0.0; ROWS],
            outcome: vec![0.0; ROWS],
            weights: vec![0.0; ROWS],
            residuals: vec![0.0; ROWS],
            bends: (squares != Squares::None).then(|| Bends::new(self.shape())),
        }
    }

    /// A desk for rows that are worked on where they lie: without room for dense columns.
    fn bare_desk(&self, squares: Squares) -> Desk {
        Desk {
            tile: self.reader.sparse_tile(),
            log_odds: vec![0.0; ROWS],
            outcome: vec![0.0; ROWS],
            weights: vec![0.0; ROWS],
            residuals: vec![0.0; ROWS],
            bends: (squares != Squares::None).then(Bends::of_roots),
        }
    }

    /// Encodes the rows of a tile; of dense columns nothing where they are worked on as they lie.
    pub(super) fn encode(
        &self,
        desk: &mut Desk,
        rows: Rows<'_>,
        start: usize,
        end: usize,
        lying: bool,
    ) {
        if lying {
            self.reader.fill_sparse(&mut desk.tile, rows, start, end);
        } else {
            self.reader.fill(&mut desk.tile, rows, start, end);
        }
    }

    /// Looks up the outcomes, weights and offsets of the rows of a tile.
    pub(super) fn look(&self, desk: &mut Desk, rows: Rows<'_>, start: usize) {
        let len = desk.tile.len;
        let end = start + len;
        match rows.run(start) {
            // Side by side: copied without looking at each.
            Some(first) => {
                let run = first..first + len;
                match self.target {
                    Target::Happened(values) => {
                        for (y, value) in desk.outcome.iter_mut().zip(&values[run.clone()]) {
                            *y = f64::from(u8::from(*value));
                        }
                    }
                    Target::Class(codes, class) => {
                        for (y, code) in desk.outcome.iter_mut().zip(&codes[run.clone()]) {
                            *y = f64::from(u8::from(*code == class));
                        }
                    }
                }
                match self.weights {
                    Some(weights) => desk.weights[..len].copy_from_slice(&weights[run.clone()]),
                    None => desk.weights[..len].fill(1.0),
                }
                match self.offset {
                    Some(offset) => desk.log_odds[..len].copy_from_slice(&offset[run]),
                    None => desk.log_odds[..len].fill(0.0),
                }
            }
            None => {
                for (k, place) in (start..end).enumerate() {
                    let row = rows.row(place);
                    desk.outcome[k] = f64::from(u8::from(self.target.happened(row)));
                    desk.weights[k] = self.weight(row);
                    desk.log_odds[k] = self.offset.map_or(0.0, |offset| offset[row]);
                }
            }
        }
        for k in end - start..ROWS {
            (desk.outcome[k], desk.weights[k], desk.log_odds[k]) = (0.0, 0.0, 0.0);
        }
    }

    /// Adds what the dense columns say to the log-odds of a tile.
    pub(super) fn add_dense(&self, desk: &mut Desk, coefficients: &[f64]) {
        let dense = &coefficients[..self.dense];
        self.lanes
            .products(&desk.tile.dense, dense, &mut desk.log_odds);
    }

    /// Adds what the sparse columns say.
    pub(super) fn add_sparse(&self, desk: &mut Desk, coefficients: &[f64]) {
        self.lanes.run(SparseProducts {
            tile: &desk.tile,
            coefficients: &coefficients[self.dense..],
            log_odds: &mut desk.log_odds,
        });
    }

    fn stripe(
        &self,
        coefficients: &[f64],
        rows: Rows<'_>,
        places: Range<usize>,
        squares: Squares,
        gate: &Gate<'_, '_>,
    ) -> Stripe {
        let mut sums = Stripe {
            loss: Sums::zero(),
            dense_gradient: vec![0.0; self.reader.padded],
            sparse_gradient: vec![0.0; self.sparse],
            lying_gradient: Vec::new(),
            gram: (squares != Squares::None).then(|| Gram::new(self.shape())),
        };
        // Rows that lie together are worked on where they are, unless they are wanted column by column.
        let lying = match rows {
            Rows::All(_) | Rows::Every { .. } if squares == Squares::None || self.sparse == 0 => {
                self.reader.lying()
            }
            _ => None,
        };
        let mut products = match (squares, lying) {
            (Squares::None, _) => None,
            (_, lying) => lying.map(LyingProducts::new),
        };
        let scaled = lying.map_or_else(Vec::new, |lying| lying.scaled(coefficients));
        if lying.is_some() {
            sums.lying_gradient = vec![0.0; scaled.len()];
        }
        let mut desk = match lying {
            Some(_) => self.bare_desk(squares),
            None => self.desk(squares),
        };
        for start in places.clone().step_by(ROWS) {
            if gate.is_closed() {
                break;
            }
            let end = (start + ROWS).min(places.end);
            self.encode(&mut desk, rows, start, end, lying.is_some());
            self.look(&mut desk, rows, start);
            match lying {
                Some(lying) => {
                    let run = lying.rows(rows.row(start), end - start);
                    let log_odds = &mut desk.log_odds[..end - start];
                    self.lanes.row_products(run, &scaled, log_odds);
                    for value in log_odds {
                        *value += coefficients[0];
                    }
                }
                None => self.add_dense(&mut desk, coefficients),
            }
            self.add_sparse(&mut desk, coefficients);
            let loss = self.lanes.odds(Odds {
                log_odds: &desk.log_odds,
                outcome: &desk.outcome,
                weights: &desk.weights,
                is_plain: self.weights.is_none() && desk.tile.len == ROWS,
                residuals: &mut desk.residuals,
                roots: match &mut desk.bends {
                    Some(bends) => &mut bends.roots,
                    None => &mut [],
                },
            });
            sums.loss.add(&[loss]);
            if let Some(lying) = lying {
                let slopes = &mut sums.lying_gradient;
                let run = lying.rows(rows.row(start), end - start);
                let residuals = &desk.residuals[..end - start];
                sums.dense_gradient[0] += self.lanes.row_slopes(run, residuals, slopes);
            } else {
                let slopes = &mut sums.dense_gradient;
                self.lanes.slopes(&desk.tile.dense, &desk.residuals, slopes);
            }
            self.lanes.run(SparseSlopes {
                tile: &desk.tile,
                residuals: &desk.residuals,
                sums: &mut sums.sparse_gradient,
            });
            if let (Some(gram), Some(bends)) = (&mut sums.gram, &mut desk.bends) {
                if squares == Squares::Scores {
                    for (root, residual) in bends.roots.iter_mut().zip(&desk.residuals) {
                        *root = residual.abs();
                    }
                }
                match (lying, &mut products) {
                    (Some(lying), Some(products)) => {
                        let roots = &bends.roots[..end - start];
                        products.add(lying, rows.row(start), roots, self.lanes);
                    }
                    _ => gram.add_tile(&desk.tile, bends, self.lanes),
                }
            }
            gate.poll();
        }
        if let (Some(lying), Some(products), Some(gram)) = (lying, products, &mut sums.gram) {
            gram.add_lying(lying, &products);
        }
        if let Some(lying) = lying {
            lying.add_slopes(&sums.lying_gradient, &mut sums.dense_gradient);
        }
        sums
    }
}

#[inline]
fn add(sums: &mut [f64], terms: &[f64]) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum += term;
    }
}
