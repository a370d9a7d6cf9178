//! Respondents as a regression of membership sees them.

use nalgebra::{DMatrix, DVector};

use crate::error::Result;
use crate::math::ascent::Ascent;
use crate::math::multinomial::{Ending, Multinomial, MultinomialFit, Targets, log_softmax};
use crate::math::newton::STILL_TO_WIN;
use crate::needs::distal::{Memberships, Misassignment};
use crate::parallel::{Gate, map_blocks_behind};

/// Covariates and assignments, row by row.
pub(super) struct Rows {
    pub(super) names: Vec<String>,
    design: Vec<f64>,
    /// `a_is`.
    assigned: Vec<f64>,
    /// `v_it`.
    targets: Vec<f64>,
    weights: Vec<f64>,
    k: usize,
}

impl Rows {
    pub(super) fn new(
        members: &Memberships<'_>,
        misassignment: &Misassignment,
        covariates: &[(&str, &[f64])],
        share_of: &DMatrix<f64>,
    ) -> Self {
        let (n, k) = (members.len(), members.n_segments());
        let mut rows = Self {
            names: std::iter::once("constant")
                .chain(covariates.iter().map(|(name, _)| *name))
                .map(str::to_owned)
                .collect(),
            design: Vec::with_capacity(n * (covariates.len() + 1)),
            assigned: vec![0.0; n * k],
            targets: Vec::with_capacity(n * k),
            weights: (0..n).map(|row| members.weight(row)).collect(),
            k,
        };
        for (row, assigned) in rows.assigned.chunks_exact_mut(k).enumerate() {
            rows.design.push(1.0);
            rows.design
                .extend(covariates.iter().map(|(_, values)| values[row]));
            misassignment.assign(members, row, assigned);
            let target = |t: usize| {
                assigned
                    .iter()
                    .enumerate()
                    .map(move |(s, a)| a * share_of[(s, t)])
            };
            rows.targets.extend((0..k).map(|t| target(t).sum::<f64>()));
        }
        rows
    }

    /// The regression on memberships. Their sum is 1 even where some are negative, so that the
    /// log-likelihood is concave all the same.
    pub(super) fn regression<'r>(&'r self, members: &'r Memberships<'_>) -> Multinomial<'r> {
        Multinomial {
            design: &self.design,
            n_features: self.names.len(),
            targets: Targets::Memberships(&self.targets),
            n_classes: self.k,
            weights: members.is_weighted().then_some(&self.weights),
            penalty: &[],
        }
    }

    /// The maximum of the mixture; a respondent assigned to several segments is several rows.
    pub(super) fn mixture(
        &self,
        table: &DMatrix<f64>,
        start: &DVector<f64>,
        max_iterations: usize,
        gate: &Gate<'_, '_>,
    ) -> Result<MultinomialFit> {
        let p = self.names.len();
        let (mut design, mut likelihoods, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        for (row, assigned) in self.assigned.chunks_exact(self.k).enumerate() {
            for (s, share) in assigned
                .iter()
                .enumerate()
                .filter(|(_, share)| **share > 0.0)
            {
                design.extend(&self.design[row * p..(row + 1) * p]);
                likelihoods.extend(table.column(s).iter());
                weights.push(self.weights[row] * share);
            }
        }
        let problem = Multinomial {
            design: &design,
            n_features: p,
            targets: Targets::Likelihoods(&likelihoods),
            n_classes: self.k,
            weights: Some(&weights),
            penalty: &[],
        };
        // Half of the way to the naive estimates: inside, where no probability is 0 or 1.
        problem.fit(Some(&(0.5 * start)), self.ascent(max_iterations), gate)
    }

    /// How far estimates are climbed: to the last digit that a standard error could show.
    pub(super) fn ascent(&self, max_iterations: usize) -> Ascent {
        let total: f64 = self.weights.iter().sum();
        Ascent {
            max_iterations,
            still_to_win: STILL_TO_WIN * total.min(1.0),
        }
    }

    /// The sum over respondents of their squared weighted scores
    /// `w_i (Σ_s a_is r_it|s - π_it) x_i`, with r the posterior under the misassignment, or `v_it` for it.
    pub(super) fn squared_scores(
        &self,
        members: &Memberships<'_>,
        table: Option<&DMatrix<f64>>,
        point: &DVector<f64>,
        gate: &Gate<'_, '_>,
    ) -> Result<DMatrix<f64>> {
        let (k, p, size) = (self.k, self.names.len(), point.len());
        let blocks = map_blocks_behind(gate, members.len(), |rows| {
            let mut squares = DMatrix::zeros(size, size);
            let mut score = DVector::zeros(size);
            let (mut pi, mut shares) = (vec![0.0; k], vec![0.0; k]);
            for row in rows {
                let features = &self.design[row * p..(row + 1) * p];
                log_softmax(point.as_slice(), features, &mut pi);
                for log in &mut pi {
                    *log = log.exp();
                }
                match table {
                    None => shares.copy_from_slice(&self.targets[row * k..(row + 1) * k]),
                    Some(table) => {
                        shares.fill(0.0);
                        let assigned = &self.assigned[row * k..(row + 1) * k];
                        for (s, a) in assigned.iter().enumerate().filter(|(_, a)| **a > 0.0) {
                            let joint = |t: usize| pi[t] * table[(t, s)];
                            let total: f64 = (0..k).map(joint).sum();
                            for (t, share) in shares.iter_mut().enumerate() {
                                *share += a * joint(t) / total;
                            }
                        }
                    }
                }
                for t in 1..k {
                    let away = self.weights[row] * (shares[t] - pi[t]);
                    for (feature, x) in features.iter().enumerate() {
                        score[(t - 1) * p + feature] = away * x;
                    }
                }
                squares.syger(1.0, &score, &score, 1.0);
            }
            squares
        })?;
        let mut total = DMatrix::zeros(size, size);
        for block in blocks {
            total += block;
        }
        total.fill_upper_triangle_with_lower_triangle();
        Ok(total)
    }

    pub(super) fn shares(&self, members: &Memberships<'_>, point: &DVector<f64>) -> Vec<f64> {
        let mut shares = vec![0.0; self.k];
        let mut logs = vec![0.0; self.k];
        let total: f64 = self.weights.iter().sum();
        for row in 0..members.len() {
            let p = self.names.len();
            log_softmax(
                point.as_slice(),
                &self.design[row * p..(row + 1) * p],
                &mut logs,
            );
            for (share, log) in shares.iter_mut().zip(&logs) {
                *share += self.weights[row] / total * log.exp();
            }
        }
        shares
    }

    pub(super) fn ending(&self, ending: Ending) -> (bool, String) {
        match ending {
            Ending::Converged => (
                true,
                "converged: less than 1e-10 of log-likelihood is left to win".to_owned(),
            ),
            Ending::Undetermined => (
                true,
                "converged, but some covariates follow from others (or from the constant), so that their coefficients have no standard errors; leave one out".to_owned(),
            ),
            Ending::Separated { class, feature } => (
                false,
                format!(
                    "'{}' tells segment {} from segment 1 without an error, so that its coefficient runs to infinity and none has a standard error; leave it out, or merge its categories",
                    self.names[feature],
                    class + 1
                ),
            ),
            Ending::Stopped => (
                false,
                "stopped before it converged; raise max_iterations".to_owned(),
            ),
        }
    }
}
