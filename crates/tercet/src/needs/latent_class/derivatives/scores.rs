//! Scores, respondent by respondent: for sandwiches, and where lanes are many.

use nalgebra::DMatrix;

use super::sums::{Pairs, indicators_of};
use super::{Layout, Loadings};
use crate::error::Result;
use crate::needs::latent_class::cells::Cells;
use crate::needs::latent_class::mixture::{Mixture, Model};
use crate::needs::latent_class::sweep::posteriors;
use crate::parallel::{Gate, map_blocks_behind};

/// Scores of so many respondents are squared at a time, so that a block's matrix stays small.
const TOGETHER: usize = 256;

/// The sum of squared weighted scores: the middle of a sandwich.
///
/// Respondents of a cell have one score, so the sums of their squared weights are enough.
pub(in crate::needs::latent_class) fn squared_scores(
    model: &Model,
    mixture: &Mixture,
    cells: &Cells,
    gate: &Gate<'_, '_>,
) -> Result<DMatrix<f64>> {
    let layout = Layout::new(model, mixture, cells);
    let loadings = Loadings::new(model, mixture, cells, &layout);
    let tables = model.tables(mixture, cells);
    let memberships = model.memberships(mixture, cells);
    let posterior = posteriors(cells, &tables, gate)?;
    let n = model.lanes.len();
    let blocks = map_blocks_behind(gate, cells.len(), |rows| {
        let mut total = DMatrix::zeros(layout.size, layout.size);
        let mut indicators = Vec::new();
        let cells_of_block: Vec<usize> = rows.collect();
        for some in cells_of_block.chunks(TOGETHER) {
            let mut scores = DMatrix::zeros(layout.size, some.len());
            for (column, &cell) in some.iter().enumerate() {
                indicators_of(model, cells, &layout, cell, &mut indicators);
                let at = At {
                    model,
                    cells,
                    layout: &layout,
                    loadings: &loadings,
                };
                let mut score = scores.column_mut(column);
                at.score(
                    cell,
                    &posterior[cell * n..(cell + 1) * n],
                    &memberships,
                    &indicators,
                    &mut score,
                );
                score *= cells.squares[cell].sqrt();
            }
            total += &scores * scores.transpose();
        }
        total
    })?;
    let mut total = DMatrix::zeros(layout.size, layout.size);
    for block in blocks {
        total += block;
    }
    Ok(total)
}

/// `Σ_i w_i (Σ_k p_ik s_ik s_ik' - s_i s_i')` from every lane's scores, and the pairs of answers.
pub(super) fn score_variance(
    model: &Model,
    mixture: &Mixture,
    cells: &Cells,
    (layout, loadings): (&Layout, &Loadings),
    gate: &Gate<'_, '_>,
) -> Result<(DMatrix<f64>, Pairs)> {
    let posterior = posteriors(cells, &model.tables(mixture, cells), gate)?;
    let (n, f, size) = (model.lanes.len(), layout.n_indicators, layout.size);
    let at = At {
        model,
        cells,
        layout,
        loadings,
    };
    let blocks = map_blocks_behind(gate, cells.len(), |rows| {
        let mut total = DMatrix::zeros(size, size);
        let mut pairs = vec![0.0; f * f];
        let cells_of_block: Vec<usize> = rows.collect();
        for some in cells_of_block.chunks(TOGETHER) {
            let indicators: Vec<Vec<(usize, f64)>> = some
                .iter()
                .map(|cell| {
                    let mut indicators = Vec::new();
                    indicators_of(model, cells, layout, *cell, &mut indicators);
                    indicators
                })
                .collect();
            for (cell, indicators) in some.iter().zip(&indicators) {
                for (place, (a, x)) in indicators.iter().enumerate() {
                    for (b, y) in &indicators[place..] {
                        pairs[a * f + b] += cells.weights[*cell] * x * y;
                    }
                }
            }
            let mut means = DMatrix::zeros(size, some.len());
            for lane in 0..n {
                let mut scores = DMatrix::zeros(size, some.len());
                for (column, cell) in some.iter().enumerate() {
                    let share = posterior[cell * n + lane];
                    let root = (cells.weights[*cell] * share).sqrt();
                    let mut score = scores.column_mut(column);
                    at.add(*cell, lane, root, &indicators[column], &mut score);
                    means.column_mut(column).axpy(share.sqrt(), &score, 1.0);
                }
                total += &scores * scores.transpose();
            }
            total -= &means * means.transpose();
        }
        (total, pairs)
    })?;
    let mut total = DMatrix::zeros(size, size);
    let mut values = vec![0.0; f * f];
    for (variance, pairs) in blocks {
        total += variance;
        values
            .iter_mut()
            .zip(pairs)
            .for_each(|(sum, pair)| *sum += pair);
    }
    let pairs = Pairs {
        values,
        n_indicators: f,
        first: layout.indicators.clone(),
    };
    Ok((total, pairs))
}

struct At<'a> {
    model: &'a Model,
    cells: &'a Cells,
    layout: &'a Layout,
    loadings: &'a Loadings,
}

impl At<'_> {
    /// The score of a respondent in a cell.
    fn score(
        &self,
        cell: usize,
        posterior: &[f64],
        memberships: &[f64],
        indicators: &[(usize, f64)],
        score: &mut nalgebra::DVectorViewMut<'_, f64>,
    ) {
        for (lane, p) in posterior.iter().enumerate() {
            self.add(cell, lane, *p, indicators, score);
        }
        let (features, classes) = (self.model.n_features, self.model.classes());
        let design = self.cells.design_of(cell);
        for class in 1..classes {
            let share = memberships[design * classes + class];
            for (feature, x) in self.cells.design(design).iter().enumerate() {
                score[(class - 1) * features + feature] -= share * x;
            }
        }
    }

    /// Adds `factor` times a lane's score, without the membership's part that all lanes share.
    fn add(
        &self,
        cell: usize,
        lane: usize,
        factor: f64,
        indicators: &[(usize, f64)],
        score: &mut nalgebra::DVectorViewMut<'_, f64>,
    ) {
        if let Some(row) = self.model.lanes.class(lane).checked_sub(1) {
            let design = self.cells.design(self.cells.design_of(cell));
            for (feature, x) in design.iter().enumerate() {
                score[row * self.model.n_features + feature] += factor * x;
            }
        }
        let mut question = 0;
        // Indicators come in the order of the questions.
        for (at, x) in &indicators[self.model.n_features..] {
            while self
                .layout
                .indicators
                .get(question + 1)
                .is_some_and(|next| next <= at)
            {
                question += 1;
            }
            let place = at - self.layout.indicators[question];
            let first = self.layout.first[question];
            let loading = &self.loadings.questions[lane][question];
            for (row, slope) in loading.matrix.column(place).iter().enumerate() {
                score[first + loading.first + row] += factor * x * slope;
            }
            if let (Some(style), Some(row)) =
                (self.layout.style, &self.loadings.style[lane][question])
            {
                score[style] += factor * x * row[place];
            }
        }
    }
}
