//! All parameters of a latent class model: what a sweep reads and a maximisation improves.

use nalgebra::DVector;

use super::cells::Cells;
use super::derivatives::Layout;
use super::lanes::Lanes;
use super::measurement::{Measurement, Place, Pseudo, Rows, places};
use super::ordinal::with_pseudo;
use super::sweep::{Expected, Tables};
use crate::error::Result;
use crate::math::ascent::Ascent;
use crate::math::multinomial::{Multinomial, Targets, log_softmax};
use crate::parallel::Gate;

/// The least share of a segment.
const LEAST_SHARE: f64 = 1e-12;

/// What does not change during a fit.
#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) lanes: Lanes,
    pub(super) places: Vec<Place>,
    /// The prior's respondents in each segment.
    pub(super) prior: f64,
    /// The prior's answers in each segment, a question each.
    pub(super) pseudo: Vec<Pseudo>,
    pub(super) n_features: usize,
}

/// The parameters.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mixture {
    /// A row a segment, a column a covariate (the constant first); the first segment's are 0.
    pub(super) coefficients: Vec<f64>,
    pub(super) measurements: Vec<Measurement>,
    /// How far the answers of two respondents of a segment differ in style; 0 without one.
    pub(super) style: f64,
}

impl Model {
    pub(super) fn new(
        lanes: Lanes,
        cells: &Cells,
        prior: f64,
        overall: &[Measurement],
        weight_of: impl Fn(usize) -> Pseudo,
    ) -> Self {
        Self {
            lanes,
            places: places(cells, overall.len()),
            prior,
            pseudo: (0..overall.len()).map(weight_of).collect(),
            n_features: cells.n_features,
        }
    }

    pub(super) fn classes(&self) -> usize {
        self.lanes.classes
    }

    pub(super) fn has_style(&self) -> bool {
        self.lanes.nodes.len() > 1
    }

    /// Membership probabilities, a row a distinct row of covariates.
    pub(super) fn memberships(&self, mixture: &Mixture, cells: &Cells) -> Vec<f64> {
        let k = self.classes();
        let mut rows = vec![0.0; cells.n_designs() * k];
        for (index, row) in rows.chunks_exact_mut(k).enumerate() {
            let coefficients = &mixture.coefficients[self.n_features..];
            log_softmax(coefficients, cells.design(index), row);
            for log in row.iter_mut() {
                *log = log.exp();
            }
        }
        rows
    }

    /// The tables of a sweep.
    pub(super) fn tables(&self, mixture: &Mixture, cells: &Cells) -> Tables {
        let n = self.lanes.len();
        let memberships = self.memberships(mixture, cells);
        let priors = memberships.chunks_exact(self.classes()).flat_map(|row| {
            (0..n).map(|lane| row[self.lanes.class(lane)] * self.lanes.weight(lane))
        });
        let rows: Vec<Rows> = cells
            .coded
            .iter()
            .map(|coded| {
                let measurement = &mixture.measurements[coded.question];
                measurement
                    .rows(coded, &self.lanes, mixture.style)
                    .unwrap_or_default()
            })
            .collect();
        let normal = |dense: &super::cells::Dense| {
            match &mixture.measurements[dense.question] {
                Measurement::Continuous(one) => (0..n)
                    .map(|lane| {
                        let class = self.lanes.class(lane);
                        (one.means[class], one.deviations[class])
                    })
                    .collect(),
                _ => Vec::new(), // `places` makes the two of a kind
            }
        };
        Tables {
            lanes: n,
            priors: priors.collect(),
            groups: cells.join(n, &rows),
            offsets: rows.into_iter().map(|rows| rows.offsets).collect(),
            normals: cells.dense.iter().map(normal).collect(),
        }
    }

    /// The expected answers to a question: level by lane, or lane by (weight, sum, squares).
    pub(super) fn answers<'e>(&self, expected: &'e Expected, question: usize) -> &'e [f64] {
        match self.places[question] {
            Place::Coded(index) => &expected.counts[index],
            Place::Dense(index) => &expected.numbers[index],
        }
    }

    /// The M-step: better parameters for the expected memberships and answers.
    pub(super) fn maximise(
        &self,
        mixture: &mut Mixture,
        expected: &Expected,
        cells: &Cells,
        gate: &Gate<'_, '_>,
    ) -> Result<()> {
        self.maximise_memberships(mixture, expected, cells, gate)?;
        for (question, measurement) in mixture.measurements.iter_mut().enumerate() {
            let answers = self.answers(expected, question);
            let coded = self.coded(question, cells);
            let pseudo = &self.pseudo[question];
            measurement.maximise(answers, coded, &self.lanes, pseudo, mixture.style)?;
        }
        if self.has_style() {
            self.maximise_style(mixture, expected);
        }
        Ok(())
    }

    pub(super) fn coded<'c>(
        &self,
        question: usize,
        cells: &'c Cells,
    ) -> Option<&'c super::cells::Coded> {
        match self.places[question] {
            Place::Coded(index) => Some(&cells.coded[index]),
            Place::Dense(_) => None,
        }
    }

    /// Expected members of each segment, a row a distinct row of covariates, the prior's included.
    pub(super) fn members(&self, expected: &Expected) -> Vec<f64> {
        let k = self.classes();
        let mut rows = self.lanes.by_class(&expected.memberships);
        let total: f64 = rows.iter().sum();
        for row in rows.chunks_exact_mut(k) {
            // The prior's respondents have the covariates of the sample.
            let share = row.iter().sum::<f64>() / total;
            for members in row.iter_mut() {
                *members += self.prior * share;
            }
        }
        rows
    }

    fn maximise_memberships(
        &self,
        mixture: &mut Mixture,
        expected: &Expected,
        cells: &Cells,
        gate: &Gate<'_, '_>,
    ) -> Result<()> {
        let k = self.classes();
        let mut members = self.members(expected);
        if self.n_features == 1 {
            let total: f64 = members.iter().sum();
            for share in &mut members {
                *share /= total;
            }
            mixture.set_shares(&members);
            return Ok(());
        }
        let weights: Vec<f64> = members
            .chunks_exact(k)
            .map(|row| row.iter().sum())
            .collect();
        for (row, weight) in members.chunks_exact_mut(k).zip(&weights) {
            for share in row.iter_mut() {
                *share /= weight;
            }
        }
        let regression = Multinomial {
            design: &cells.designs,
            n_features: self.n_features,
            targets: Targets::Memberships(&members),
            n_classes: k,
            weights: Some(&weights),
            penalty: &[],
        };
        // A step or two, as with every measurement: the next sweep brings other memberships.
        let ascent = Ascent {
            max_iterations: 3,
            still_to_win: 1e-12,
        };
        let start = DVector::from_column_slice(&mixture.coefficients[self.n_features..]);
        let peak = ascent.climb(start, |point| regression.evaluate(point, gate))?;
        mixture.coefficients[self.n_features..].copy_from_slice(peak.point.as_slice());
        Ok(())
    }

    /// A safeguarded Newton step for the style, the other parameters as they are.
    fn maximise_style(&self, mixture: &mut Mixture, expected: &Expected) {
        let (mut slope, mut curvature) = (0.0, 0.0);
        for (question, measurement) in mixture.measurements.iter().enumerate() {
            let (first, second) =
                self.style_derivatives(measurement, question, expected, mixture.style);
            slope += first;
            curvature += second;
        }
        let value = |style: f64| -> f64 {
            let of = |(question, measurement): (usize, &Measurement)| match measurement {
                Measurement::Ordinal(one) => {
                    let rows = one.rows(&self.lanes, style).values;
                    let answers = self.answers_with_pseudo(expected, question);
                    let terms = rows.iter().zip(&answers);
                    terms.map(|(p, n)| n * p.max(f64::MIN_POSITIVE).ln()).sum()
                }
                _ => 0.0,
            };
            mixture.measurements.iter().enumerate().map(of).sum()
        };
        let here = value(mixture.style);
        let mut step = if curvature < 0.0 {
            (-slope / curvature).clamp(-0.5, 0.5)
        } else {
            0.0
        };
        for _ in 0..20 {
            if value(mixture.style + step) >= here {
                mixture.style += step;
                return;
            }
            step *= 0.25;
        }
    }

    /// The expected answers to an ordinal question and those of the prior.
    pub(super) fn answers_with_pseudo(&self, expected: &Expected, question: usize) -> Vec<f64> {
        let answers = self.answers(expected, question);
        match &self.pseudo[question] {
            Pseudo::Levels(pseudo) => with_pseudo(answers, &self.lanes, pseudo),
            Pseudo::Mean(..) | Pseudo::Weight(_) => answers.to_vec(),
        }
    }

    /// First and second derivative of the complete-data log-likelihood in the style.
    pub(super) fn style_derivatives(
        &self,
        measurement: &Measurement,
        question: usize,
        expected: &Expected,
        style: f64,
    ) -> (f64, f64) {
        let Measurement::Ordinal(one) = measurement else {
            return (0.0, 0.0);
        };
        let answers = self.answers_with_pseudo(expected, question);
        let n = self.lanes.len();
        let mut slope = 0.0;
        for lane in 0..n {
            let loading = one.style_loading(lane, &self.lanes, style);
            for (level, factor) in loading.iter().enumerate() {
                slope += answers[level * n + lane] * factor;
            }
        }
        (slope, one.style_curvature(&answers, &self.lanes, style).0)
    }

    /// The logarithm of the prior's density, up to a constant.
    pub(super) fn log_prior(&self, mixture: &Mixture, cells: &Cells) -> f64 {
        if self.prior == 0.0 {
            return 0.0;
        }
        let k = self.classes();
        let memberships = self.memberships(mixture, cells);
        let weights = cells.design_weights();
        let of_row = |(row, weight): (&[f64], &f64)| {
            let logs: f64 = row.iter().map(|p| p.max(f64::MIN_POSITIVE).ln()).sum();
            self.prior * weight / cells.total * logs
        };
        let of_memberships: f64 = memberships.chunks_exact(k).zip(&weights).map(of_row).sum();
        let of_measurements: f64 = mixture
            .measurements
            .iter()
            .zip(&self.pseudo)
            .map(|(one, pseudo)| one.log_prior(&self.lanes, pseudo, mixture.style))
            .sum();
        of_memberships + of_measurements
    }

    /// Puts what has all but reached the boundary there and holds it.
    pub(super) fn settle(&self, mixture: &mut Mixture, expected: &Expected) {
        for (question, measurement) in mixture.measurements.iter_mut().enumerate() {
            let answers = self.answers(expected, question);
            measurement.settle(answers, &self.lanes, &self.pseudo[question]);
        }
    }
}

impl Mixture {
    /// Shares without covariates, as the coefficients of the constant.
    pub(super) fn set_shares(&mut self, shares: &[f64]) {
        let first = shares[0].max(LEAST_SHARE).ln();
        for (coefficient, share) in self.coefficients.iter_mut().zip(shares) {
            *coefficient = share.max(LEAST_SHARE).ln() - first;
        }
    }

    /// All parameters as one vector, on the scales on which a straight line between two of them makes
    /// sense: shares and probabilities themselves, logarithms of what is positive.
    pub(super) fn flatten(&self, n_features: usize) -> Vec<f64> {
        let mut flat = Vec::new();
        if n_features == 1 {
            let total: f64 = self.coefficients.iter().map(|c| c.exp()).sum();
            flat.extend(self.coefficients.iter().map(|c| c.exp() / total));
        } else {
            flat.extend(&self.coefficients[n_features..]);
        }
        self.measurements
            .iter()
            .for_each(|one| one.flatten(&mut flat));
        flat.push(self.style);
        flat
    }

    /// Takes the parameters from such a vector, brought back to where they can be.
    pub(super) fn unflatten(&mut self, flat: Vec<f64>, n_features: usize) {
        let mut values = flat.into_iter();
        if n_features == 1 {
            let total: f64 = self.coefficients.iter().map(|c| c.exp()).sum();
            let least = |c: &f64| 0.01 * c.exp() / total;
            let floors: Vec<f64> = self.coefficients.iter().map(least).collect();
            let shares: Vec<f64> = floors
                .into_iter()
                .zip(&mut values)
                .map(|(floor, share)| share.max(floor))
                .collect();
            self.set_shares(&shares);
        } else {
            for coefficient in &mut self.coefficients[n_features..] {
                *coefficient = values.next().unwrap_or(*coefficient).clamp(-1e6, 1e6);
            }
        }
        for measurement in &mut self.measurements {
            measurement.unflatten(&mut values);
        }
        self.style = values.next().unwrap_or(self.style).clamp(-50.0, 50.0);
    }

    /// The parameters moved by a step in the coordinates of `layout`.
    pub(super) fn moved(&self, step: &[f64], layout: &Layout, classes: usize) -> Self {
        let mut moved = self.clone();
        let n_features = self.coefficients.len() / classes;
        for (coefficient, by) in moved.coefficients[n_features..]
            .iter_mut()
            .zip(&step[..layout.membership])
        {
            *coefficient += by;
        }
        for (first, (there, here)) in layout
            .first
            .iter()
            .zip(moved.measurements.iter_mut().zip(&self.measurements))
        {
            *there = here.moved(&step[*first..], classes);
        }
        if let Some(at) = layout.style {
            moved.style += step[at];
        }
        moved
    }

    /// The segments in another order.
    pub(super) fn permuted(&self, order: &[usize], n_features: usize) -> Self {
        let row = |class: usize| &self.coefficients[class * n_features..(class + 1) * n_features];
        let reference = row(order[0]).to_vec();
        let coefficients = order
            .iter()
            .flat_map(|class| row(*class).iter().zip(&reference).map(|(c, r)| c - r))
            .collect();
        Self {
            coefficients,
            measurements: self
                .measurements
                .iter()
                .map(|one| one.permuted(order))
                .collect(),
            style: self.style.abs(),
        }
    }
}
