//! Sums over respondents of pairs of answers in pairs of lanes: what second derivatives are made of.

use nalgebra::DMatrix;

use super::{Layout, Loadings};
use crate::error::Result;
use crate::needs::latent_class::cells::Cells;
use crate::needs::latent_class::measurement::Place;
use crate::needs::latent_class::mixture::{Mixture, Model};
use crate::needs::latent_class::sweep::posteriors;
use crate::parallel::{BLOCK, Gate};

/// How many respondents (weighted) have each pair of indicators.
#[derive(Debug, Clone)]
pub(in crate::needs::latent_class) struct Pairs {
    pub(super) values: Vec<f64>,
    pub(super) n_indicators: usize,
    pub(super) first: Vec<usize>,
}

impl Pairs {
    /// The sum over respondents of indicator `a` of one question times indicator `b` of a later one.
    pub(in crate::needs::latent_class) fn get(
        &self,
        one: usize,
        a: usize,
        other: usize,
        b: usize,
    ) -> f64 {
        self.values[(self.first[one] + a) * self.n_indicators + self.first[other] + b]
    }
}

/// The sums `M_kl` over respondents.
pub(super) struct Sums {
    lanes: usize,
    n_indicators: usize,
    /// `[indicator a][indicator b >= a][pair of lanes k <= l]`.
    values: Vec<f64>,
}

impl Sums {
    pub(super) fn new(
        model: &Model,
        mixture: &Mixture,
        cells: &Cells,
        layout: &Layout,
        gate: &Gate<'_, '_>,
    ) -> Result<Self> {
        let (n, f) = (model.lanes.len(), layout.n_indicators);
        let pairs = n * (n + 1) / 2;
        let tables = model.tables(mixture, cells);
        // Posteriors first: the sums of a block are large, so that only few blocks can be at work.
        let posterior = posteriors(cells, &tables, gate)?;
        let mut values = vec![0.0; f * f * pairs];
        let mut products = vec![0.0; pairs];
        let mut indicators = Vec::new();
        for (cell, posterior) in posterior.chunks_exact(n).enumerate() {
            if cell % BLOCK == 0 {
                gate.poll();
                gate.check()?;
            }
            let mut pair = products.iter_mut();
            for k in 0..n {
                let weighted = cells.weights[cell] * posterior[k];
                for (other, product) in posterior[k..].iter().zip(&mut pair) {
                    *product = weighted * other;
                }
            }
            indicators_of(model, cells, layout, cell, &mut indicators);
            for (place, (a, x)) in indicators.iter().enumerate() {
                for (b, y) in &indicators[place..] {
                    let at = (a * f + b) * pairs;
                    let factor = x * y;
                    for (sum, product) in values[at..at + pairs].iter_mut().zip(&products) {
                        *sum += factor * product;
                    }
                }
            }
        }
        Ok(Self {
            lanes: n,
            n_indicators: f,
            values,
        })
    }

    /// Summed over both lanes: the posteriors of a respondent add up to 1.
    pub(super) fn pairs(&self, layout: &Layout) -> Pairs {
        let n = self.lanes;
        let n_pairs = n * (n + 1) / 2;
        let mut values = Vec::with_capacity(self.values.len() / n_pairs);
        for sums in self.values.chunks_exact(n_pairs) {
            let mut pair = sums.iter();
            let mut total = 0.0;
            for k in 0..n {
                for (l, sum) in (k..n).zip(&mut pair) {
                    total += if l == k { *sum } else { 2.0 * sum };
                }
            }
            values.push(total);
        }
        Pairs {
            values,
            n_indicators: self.n_indicators,
            first: layout.indicators.clone(),
        }
    }

    /// `M_kl` between two indicators.
    fn get(&self, a: usize, b: usize, k: usize, l: usize) -> f64 {
        let (a, b) = if a <= b { (a, b) } else { (b, a) };
        let (k, l) = if k <= l { (k, l) } else { (l, k) };
        let n = self.lanes;
        let pair = k * n - k * (k + 1) / 2 + l;
        self.values[(a * self.n_indicators + b) * (n * (n + 1) / 2) + pair]
    }

    /// Adds `Σ_kl G_k M_kl (G_k - G_l)'` to the second derivatives.
    pub(super) fn spread(&self, loadings: &Loadings, layout: &Layout, hessian: &mut DMatrix<f64>) {
        let blocks = Blocks { loadings, layout };
        let n_blocks = blocks.len();
        for one in 0..n_blocks {
            for other in one..n_blocks {
                self.spread_pair(&blocks, one, other, hessian);
            }
        }
        hessian.fill_lower_triangle_with_upper_triangle();
    }

    fn spread_pair(
        &self,
        blocks: &Blocks<'_>,
        one: usize,
        other: usize,
        hessian: &mut DMatrix<f64>,
    ) {
        for k in 0..self.lanes {
            let Some(left) = blocks.part(one, k) else {
                continue;
            };
            // `Σ_l M_kl` goes with `G_k`, and each `M_kl` with `G_l`.
            let mut whole = DMatrix::zeros(left.matrix.ncols(), blocks.n_indicators(other));
            for l in 0..self.lanes {
                let sums = DMatrix::from_fn(whole.nrows(), whole.ncols(), |a, b| {
                    self.get(left.indicator + a, blocks.indicator(other) + b, k, l)
                });
                if let Some(right) = blocks.part(other, l) {
                    let share = &left.matrix * &sums * right.matrix.transpose();
                    subtract(hessian, left.first, right.first, &share);
                }
                whole += sums;
            }
            if let Some(right) = blocks.part(other, k) {
                let share = &left.matrix * whole * right.matrix.transpose();
                subtract(hessian, left.first, right.first, &-share);
            }
        }
    }
}

fn subtract(hessian: &mut DMatrix<f64>, row: usize, column: usize, share: &DMatrix<f64>) {
    let mut view = hessian.view_mut((row, column), share.shape());
    view -= share;
}

/// The blocks of coordinates: the membership and the questions.
struct Blocks<'l> {
    loadings: &'l Loadings,
    layout: &'l Layout,
}

/// A block's slope in a lane: rows from coordinate `first`, columns from indicator `indicator`.
struct Part {
    first: usize,
    indicator: usize,
    matrix: DMatrix<f64>,
}

impl Blocks<'_> {
    fn len(&self) -> usize {
        1 + self.layout.first.len()
    }

    fn indicator(&self, block: usize) -> usize {
        match block.checked_sub(1) {
            None => 0,
            Some(question) => self.layout.indicators[question],
        }
    }

    fn n_indicators(&self, block: usize) -> usize {
        let next = self.layout.indicators.get(block);
        next.unwrap_or(&self.layout.n_indicators) - self.indicator(block)
    }

    fn part(&self, block: usize, lane: usize) -> Option<Part> {
        let Some(question) = block.checked_sub(1) else {
            return self.membership(lane);
        };
        let loading = &self.loadings.questions[lane][question];
        Some(Part {
            first: self.layout.first[question] + loading.first,
            indicator: self.indicator(block),
            matrix: loading.matrix.clone(),
        })
    }

    /// The membership's slope in a lane of class c: `([d = c] - π_d(x)) x` for each other class d. The
    /// part with `π` is the same in every lane, and drops out of `G_k - G_l`.
    fn membership(&self, class: usize) -> Option<Part> {
        let features = self.n_indicators(0);
        Some(Part {
            first: class.checked_sub(1)? * features,
            indicator: 0,
            matrix: DMatrix::identity(features, features),
        })
    }
}

/// The indicators of a cell that are not 0: place and value.
pub(super) fn indicators_of(
    model: &Model,
    cells: &Cells,
    layout: &Layout,
    cell: usize,
    indicators: &mut Vec<(usize, f64)>,
) {
    indicators.clear();
    let design = cells.design(cells.design_of(cell));
    indicators.extend(design.iter().copied().enumerate());
    for (place, first) in model.places.iter().zip(&layout.indicators) {
        match place {
            Place::Coded(index) => {
                let level = cells.level(cell, &cells.coded[*index]);
                indicators.extend(level.map(|level| (first + level, 1.0)));
            }
            Place::Dense(index) => {
                let x = cells.numbers(cell)[*index];
                if !x.is_nan() {
                    indicators.extend([(*first, 1.0), (first + 1, x), (first + 2, x * x)]);
                }
            }
        }
    }
}
