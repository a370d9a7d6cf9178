//! Exact first and second derivatives of the log-likelihood of a mixture.
//!
//! The log-likelihood of a respondent in a lane is linear in indicators of the answers: `s_ik = G_k
//! φ_i` is its slope, `φ_i` having a 1 for each level answered (1, x, x² for a number, the covariates
//! for the membership), `G_k` depending on parameters alone. Hence all that second derivatives need
//! from the respondents are the sums `M_kl = Σ_i w_i p_ik p_il φ_i φ_i'`, `p` the posteriors:
//!
//! ```text
//! H = C + Σ_k G_k M_k G_k' - Σ_kl G_k M_kl G_l',   M_k = Σ_l M_kl
//! ```
//!
//! with `C` the second derivatives of the complete-data log-likelihood (Louis 1982, Journal of the
//! Royal Statistical Society B 44, 226-233). A respondent costs additions only: as many as pairs of
//! answers times pairs of lanes.

use nalgebra::{DMatrix, DVector};

use super::cells::Cells;
use super::measurement::{Loading, Place};
use super::mixture::{Mixture, Model};
use super::sweep::{Expected, posteriors};
use crate::error::Result;
use crate::math::ascent::Local;
use crate::parallel::{BLOCK, Gate, map_blocks_behind};

/// Scores of so many respondents are squared at a time, so that a block's matrix stays small.
const TOGETHER: usize = 256;

/// The most numbers that the sums may take: 256 MiB.
const MOST_SUMS: usize = 1 << 25;

/// Where the coordinates and the indicators of each block are: the membership, each question, the
/// style.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// First coordinate of each question, after those of the membership.
    pub(super) first: Vec<usize>,
    pub(super) membership: usize,
    pub(super) style: Option<usize>,
    pub(super) size: usize,
    /// First indicator of each question, after the covariates.
    indicators: Vec<usize>,
    n_indicators: usize,
}

impl Layout {
    pub(super) fn new(model: &Model, mixture: &Mixture, cells: &Cells) -> Self {
        let classes = model.classes();
        let membership = (classes - 1) * model.n_features;
        let (mut size, mut n_indicators) = (membership, model.n_features);
        let (mut first, mut indicators) = (Vec::new(), Vec::new());
        for (place, measurement) in model.places.iter().zip(&mixture.measurements) {
            first.push(size);
            indicators.push(n_indicators);
            size += measurement.n_coordinates(classes);
            n_indicators += match place {
                Place::Coded(index) => cells.coded[*index].values.len(),
                Place::Dense(_) => 3,
            };
        }
        let style = model.has_style().then_some(size);
        Self {
            first,
            membership,
            style,
            size: size + usize::from(style.is_some()),
            indicators,
            n_indicators,
        }
    }

    /// Whether the sums fit the memory that they may take.
    pub(super) fn is_affordable(&self, model: &Model) -> bool {
        let n = model.lanes.len();
        self.n_indicators.pow(2) * (n * (n + 1) / 2) <= MOST_SUMS
    }
}

/// How many respondents (weighted) have each pair of indicators.
#[derive(Debug, Clone)]
pub(super) struct Pairs {
    values: Vec<f64>,
    n_indicators: usize,
    first: Vec<usize>,
}

impl Pairs {
    /// The sum over respondents of indicator `a` of one question times indicator `b` of a later one.
    pub(super) fn get(&self, one: usize, a: usize, other: usize, b: usize) -> f64 {
        self.values[(self.first[one] + a) * self.n_indicators + self.first[other] + b]
    }
}

/// Objective, slope and information at a mixture, in its own coordinates; and the pairs of answers.
pub(super) fn local(
    model: &Model,
    mixture: &Mixture,
    expected: &Expected,
    cells: &Cells,
    gate: &Gate<'_, '_>,
) -> Result<(Local, Pairs)> {
    let layout = Layout::new(model, mixture, cells);
    let loadings = Loadings::new(model, mixture, cells, &layout);
    let sums = Sums::new(model, mixture, cells, &layout, gate)?;
    let mut hessian = complete(model, mixture, expected, cells, &layout);
    sums.spread(&loadings, &layout, &mut hessian);
    let local = Local {
        value: expected.log_likelihood + model.log_prior(mixture, cells),
        gradient: gradient(model, mixture, expected, cells, &layout, &loadings),
        information: -hessian,
    };
    Ok((local, sums.pairs(&layout)))
}

/// How every lane's log-likelihood changes with every coordinate: by lane and question.
struct Loadings {
    /// `[lane][question]`.
    questions: Vec<Vec<Loading>>,
    /// `[lane][question]`: the style's row, where there is a style and the question has it.
    style: Vec<Vec<Option<Vec<f64>>>>,
}

impl Loadings {
    fn new(model: &Model, mixture: &Mixture, cells: &Cells, layout: &Layout) -> Self {
        let lanes = &model.lanes;
        let of_lane = |lane: usize| -> Vec<Loading> {
            let questions = mixture.measurements.iter().enumerate();
            questions
                .map(|(question, one)| {
                    one.loading(model.coded(question, cells), lane, lanes, mixture.style)
                })
                .collect()
        };
        let style = |lane: usize| -> Vec<Option<Vec<f64>>> {
            let of = |one: &super::measurement::Measurement| {
                layout
                    .style
                    .and_then(|_| one.style_loading(lane, lanes, mixture.style))
            };
            mixture.measurements.iter().map(of).collect()
        };
        Self {
            questions: (0..lanes.len()).map(of_lane).collect(),
            style: (0..lanes.len()).map(style).collect(),
        }
    }
}

/// The slope: the complete-data score of the expected answers, and the prior's.
fn gradient(
    model: &Model,
    mixture: &Mixture,
    expected: &Expected,
    cells: &Cells,
    layout: &Layout,
    loadings: &Loadings,
) -> DVector<f64> {
    let (n, classes) = (model.lanes.len(), model.classes());
    let mut gradient = DVector::zeros(layout.size);
    let members = model.members(expected);
    let probabilities = model.memberships(mixture, cells);
    let rows = members
        .chunks_exact(classes)
        .zip(probabilities.chunks_exact(classes));
    for (index, (members, probabilities)) in rows.enumerate() {
        let total: f64 = members.iter().sum();
        for class in 1..classes {
            let away = members[class] - total * probabilities[class];
            for (feature, x) in cells.design(index).iter().enumerate() {
                gradient[(class - 1) * model.n_features + feature] += away * x;
            }
        }
    }
    for (question, first) in layout.first.iter().enumerate() {
        let answers = model.answers(expected, question);
        for lane in 0..n {
            let loading = &loadings.questions[lane][question];
            for column in 0..loading.matrix.ncols() {
                let count = match model.places[question] {
                    Place::Coded(_) => answers[column * n + lane],
                    Place::Dense(_) => answers[lane * 3 + column],
                };
                for (row, slope) in loading.matrix.column(column).iter().enumerate() {
                    gradient[first + loading.first + row] += count * slope;
                }
            }
        }
        let pseudo = &model.pseudo[question];
        let measurement = &mixture.measurements[question];
        if model.prior > 0.0 {
            let slope = measurement.prior_slope(&model.lanes, pseudo, mixture.style);
            for (row, slope) in slope.into_iter().enumerate() {
                gradient[first + row] += slope;
            }
        }
        if let Some(at) = layout.style {
            gradient[at] += model
                .style_derivatives(measurement, question, expected, mixture.style)
                .0;
        }
    }
    gradient
}

/// Second derivatives of the complete-data log-likelihood and of the prior.
fn complete(
    model: &Model,
    mixture: &Mixture,
    expected: &Expected,
    cells: &Cells,
    layout: &Layout,
) -> DMatrix<f64> {
    let classes = model.classes();
    let mut hessian = DMatrix::zeros(layout.size, layout.size);
    let members = model.members(expected);
    let probabilities = model.memberships(mixture, cells);
    let rows = members
        .chunks_exact(classes)
        .zip(probabilities.chunks_exact(classes));
    for (index, (members, p)) in rows.enumerate() {
        let (total, x): (f64, &[f64]) = (members.iter().sum(), cells.design(index));
        for k in 1..classes {
            for l in 1..classes {
                let curvature = total * p[k] * (f64::from(k == l) - p[l]);
                for (a, xa) in x.iter().enumerate() {
                    for (b, xb) in x.iter().enumerate() {
                        let at = ((k - 1) * x.len() + a, (l - 1) * x.len() + b);
                        hessian[at] -= curvature * xa * xb;
                    }
                }
            }
        }
    }
    for (question, (first, one)) in layout.first.iter().zip(&mixture.measurements).enumerate() {
        let answers = model.answers(expected, question);
        let pseudo = &model.pseudo[question];
        let coded = model.coded(question, cells);
        let block = one.curvature(answers, coded, &model.lanes, pseudo, mixture.style);
        let mut own = hessian.view_mut((*first, *first), block.shape());
        own += &block;
        if let (Some(at), super::measurement::Measurement::Ordinal(one)) = (layout.style, one) {
            let answers = model.answers_with_pseudo(expected, question);
            let (own, shared) = one.style_curvature(&answers, &model.lanes, mixture.style);
            hessian[(at, at)] += own;
            for (row, value) in shared.iter().enumerate() {
                hessian[(at, first + row)] += value;
                hessian[(first + row, at)] += value;
            }
        }
    }
    hessian
}

/// The sums `M_kl` over respondents.
struct Sums {
    lanes: usize,
    n_indicators: usize,
    /// `[indicator a][indicator b >= a][pair of lanes k <= l]`.
    values: Vec<f64>,
}

impl Sums {
    fn new(
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
    fn pairs(&self, layout: &Layout) -> Pairs {
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
    fn spread(&self, loadings: &Loadings, layout: &Layout, hessian: &mut DMatrix<f64>) {
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
        // The style's parts of two questions meet on one coordinate, as (one, other) and (other, one).
        let times = if blocks.is_style(one) && one != other {
            2.0
        } else {
            1.0
        };
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
                    subtract(hessian, left.first, right.first, &(times * share));
                }
                whole += sums;
            }
            if let Some(right) = blocks.part(other, k) {
                let share = &left.matrix * whole * right.matrix.transpose();
                subtract(hessian, left.first, right.first, &(-times * share));
            }
        }
    }
}

fn subtract(hessian: &mut DMatrix<f64>, row: usize, column: usize, share: &DMatrix<f64>) {
    let mut view = hessian.view_mut((row, column), share.shape());
    view -= share;
}

/// The blocks of coordinates: the membership, the questions, and the style once for each question
/// that has it.
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
    fn n_questions(&self) -> usize {
        self.layout.first.len()
    }

    fn len(&self) -> usize {
        1 + self.n_questions() * if self.layout.style.is_some() { 2 } else { 1 }
    }

    /// The question of a block; `None` for the membership.
    fn question(&self, block: usize) -> Option<usize> {
        block.checked_sub(1).map(|index| index % self.n_questions())
    }

    fn is_style(&self, block: usize) -> bool {
        block > self.n_questions()
    }

    fn indicator(&self, block: usize) -> usize {
        self.question(block)
            .map_or(0, |question| self.layout.indicators[question])
    }

    fn n_indicators(&self, block: usize) -> usize {
        let from = self.indicator(block);
        let next = match self.question(block) {
            None => self.layout.indicators.first(),
            Some(question) => self.layout.indicators.get(question + 1),
        };
        next.unwrap_or(&self.layout.n_indicators) - from
    }

    fn part(&self, block: usize, lane: usize) -> Option<Part> {
        let indicator = self.indicator(block);
        let Some(question) = self.question(block) else {
            return self.membership(lane);
        };
        if !self.is_style(block) {
            let loading = &self.loadings.questions[lane][question];
            return Some(Part {
                first: self.layout.first[question] + loading.first,
                indicator,
                matrix: loading.matrix.clone(),
            });
        }
        let row = self.loadings.style[lane][question].as_ref()?;
        Some(Part {
            first: self.layout.style?,
            indicator,
            matrix: DMatrix::from_row_slice(1, row.len(), row),
        })
    }

    /// The membership's slope in a lane of class c: `([d = c] - π_d(x)) x` for each other class d. The
    /// part with `π` is the same in every lane, and drops out of `G_k - G_l`.
    fn membership(&self, lane: usize) -> Option<Part> {
        let classes = self.loadings.questions.len();
        let features = self.n_indicators(0);
        let per_class = self.layout.membership / features + 1;
        let class = lane * per_class / classes;
        let first = class.checked_sub(1)? * features;
        Some(Part {
            first,
            indicator: 0,
            matrix: DMatrix::identity(features, features),
        })
    }
}

/// The indicators of a cell that are not 0: place and value.
fn indicators_of(
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

/// The sum of squared weighted scores: the middle of a sandwich.
///
/// Respondents of a cell have one score, so the sums of their squared weights are enough.
pub(super) fn squared_scores(
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
        let (model, classes) = (self.model, self.model.classes());
        let design = self.cells.design_of(cell);
        let by_class = model.lanes.by_class(posterior);
        for class in 1..classes {
            let away = by_class[class] - memberships[design * classes + class];
            for (feature, x) in self.cells.design(design).iter().enumerate() {
                score[(class - 1) * model.n_features + feature] = away * x;
            }
        }
        for (question, first) in self.layout.first.iter().enumerate() {
            let from = self.layout.indicators[question];
            let width = self.loadings.questions[0][question].matrix.ncols();
            let mine = indicators
                .iter()
                .filter(|(at, _)| (from..from + width).contains(at));
            for (at, x) in mine {
                for (lane, p) in posterior.iter().enumerate() {
                    let loading = &self.loadings.questions[lane][question];
                    let column = loading.matrix.column(at - from);
                    for (row, slope) in column.iter().enumerate() {
                        score[first + loading.first + row] += p * x * slope;
                    }
                    if let (Some(at_style), Some(row)) =
                        (self.layout.style, &self.loadings.style[lane][question])
                    {
                        score[at_style] += p * x * row[at - from];
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Answers, CountFamily, Question, Survey};
    use crate::needs::latent_class::climb::Climber;
    use crate::needs::latent_class::fit::tests::begin;
    use crate::needs::{LatentClass, ResponseStyle, Variance};
    use crate::observe::Phase;

    /// A few respondents with every kind of question, missing answers, weights and a covariate.
    fn mixed<T>(work: impl FnOnce(&Survey<'_>) -> T) -> T {
        let n = 60;
        let spread = |k: usize, m: usize| (0..n).map(move |row: usize| (row * k + row / 7) % m);
        let codes = |k: usize, m: usize| -> Vec<u8> {
            spread(k, m + 1)
                .map(|code| {
                    if code == m {
                        255
                    } else {
                        u8::try_from(code).unwrap()
                    }
                })
                .collect()
        };
        let (a, b, c, d) = (codes(3, 3), codes(5, 4), codes(7, 5), codes(2, 3));
        let x: Vec<f64> = spread(11, 13)
            .map(|v| if v == 12 { f64::NAN } else { v as f64 * 0.7 })
            .collect();
        let counts: Vec<f64> = spread(13, 8).map(|v| v as f64).collect();
        let visits: Vec<f64> = spread(17, 9).map(|v| (v * v) as f64).collect();
        let weights: Vec<f64> = spread(5, 4).map(|v| 0.5 + v as f64 * 0.3).collect();
        let age: Vec<f64> = spread(19, 6).map(|v| v as f64 / 3.0 - 1.0).collect();
        let survey = Survey::new(vec![
            (Question::nominal("a", ["x", "y", "z"]), Answers::Codes(&a)),
            (
                Question::ordinal("b", ["1", "2", "3", "4"]),
                Answers::Codes(&b),
            ),
            (
                Question::ordinal("c", ["1", "2", "3", "4", "5"]),
                Answers::Codes(&c),
            ),
            (Question::ordinal("d", ["1", "2", "3"]), Answers::Codes(&d)),
            (Question::continuous("x"), Answers::Numbers(&x)),
            (
                Question::count("n", CountFamily::Poisson),
                Answers::Numbers(&counts),
            ),
            (
                Question::count("v", CountFamily::NegativeBinomial),
                Answers::Numbers(&visits),
            ),
        ])
        .unwrap()
        .with_weights("w", &weights)
        .unwrap()
        .with_covariates(vec![("age".to_owned(), &age)])
        .unwrap();
        work(&survey)
    }

    #[test]
    fn derivatives_are_those_of_the_objective() {
        for (style, variance) in [
            (ResponseStyle::Ignore, Variance::Free),
            (ResponseStyle::RandomIntercept, Variance::Shared),
        ] {
            let settings = LatentClass::new(3)
                .prior(2.0)
                .response_style(style)
                .variance(variance)
                .seed(4);
            mixed(|survey| {
                let mut silent = ();
                let mut phase = Phase::new(&mut silent, "testing");
                let gate = Gate::new(&mut phase);
                let (model, cells, mixture) = begin(&settings, survey, &gate);
                let mut climber = Climber::new(mixture, &model, &cells, &gate).unwrap();
                climber.climb(2, 0.0, &model, &cells, &gate).unwrap();
                let base = climber.mixture;
                let layout = Layout::new(&model, &base, &cells);
                let at = |step: &DVector<f64>| {
                    let moved = base.moved(step.as_slice(), &layout, model.classes());
                    let tables = model.tables(&moved, &cells);
                    let expected = super::super::sweep::expect(&cells, &tables, &gate).unwrap();
                    local(&model, &moved, &expected, &cells, &gate).unwrap().0
                };
                let origin = DVector::zeros(layout.size);
                let here = at(&origin);
                let h = 1e-5;
                for i in 0..layout.size {
                    let mut up = origin.clone();
                    up[i] = h;
                    let (up, down) = (at(&up), at(&-up));
                    let slope = (up.value - down.value) / (2.0 * h);
                    assert!(
                        (slope - here.gradient[i]).abs() < 1e-4 * (1.0 + slope.abs()),
                        "{style:?} coordinate {i} of {layout:?}: {slope} {}",
                        here.gradient[i]
                    );
                    for j in 0..layout.size {
                        let curvature = -(up.gradient[j] - down.gradient[j]) / (2.0 * h);
                        let found = here.information[(i, j)];
                        assert!(
                            (curvature - found).abs() < 1e-4 * (1.0 + curvature.abs()),
                            "{style:?} {i}, {j} of {layout:?}: {curvature} {found}"
                        );
                    }
                }
            });
        }
    }

    #[test]
    fn scores_add_up_to_the_gradient() {
        let settings = LatentClass::new(2).seed(4);
        mixed(|survey| {
            let mut silent = ();
            let mut phase = Phase::new(&mut silent, "testing");
            let gate = Gate::new(&mut phase);
            let (model, mut cells, mixture) = begin(&settings, survey, &gate);
            let layout = Layout::new(&model, &mixture, &cells);
            // One respondent: the square of the score is the square of the gradient.
            cells
                .weights
                .iter_mut()
                .skip(1)
                .for_each(|weight| *weight = 0.0);
            cells
                .squares
                .iter_mut()
                .skip(1)
                .for_each(|square| *square = 0.0);
            cells.squares[0] = cells.weights[0].powi(2);
            let tables = model.tables(&mixture, &cells);
            let expected = super::super::sweep::expect(&cells, &tables, &gate).unwrap();
            let (local, _) = local(&model, &mixture, &expected, &cells, &gate).unwrap();
            let squares = squared_scores(&model, &mixture, &cells, &gate).unwrap();
            let product = &local.gradient * local.gradient.transpose();
            assert!((squares - product).amax() < 1e-9, "{layout:?}");
        });
    }

    #[test]
    fn em_never_descends() {
        for (style, prior) in [
            (ResponseStyle::Ignore, 0.0),
            (ResponseStyle::Ignore, 1.5),
            (ResponseStyle::RandomIntercept, 0.0),
            (ResponseStyle::RandomIntercept, 1.0),
        ] {
            for seed in 0..10 {
                let settings = LatentClass::new(3)
                    .prior(prior)
                    .response_style(style)
                    .seed(seed);
                mixed(|survey| {
                    let mut silent = ();
                    let mut phase = Phase::new(&mut silent, "testing");
                    let gate = Gate::new(&mut phase);
                    let (model, cells, mixture) = begin(&settings, survey, &gate);
                    let mut climber = Climber::new(mixture, &model, &cells, &gate).unwrap();
                    for step in 0..100 {
                        climber.step(&model, &cells, &gate).unwrap();
                        assert!(
                            climber.gain > -1e-9,
                            "{style:?}, prior {prior}, seed {seed}, step {step}: {}",
                            climber.gain
                        );
                    }
                });
            }
        }
    }
}
