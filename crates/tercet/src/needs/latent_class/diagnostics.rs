//! How good a solution is: criteria, separation of the segments, what they leave unexplained.

use serde::{Deserialize, Serialize};

use super::cells::Cells;
use super::derivatives::Pairs;
use super::measurement::Measurement;
use super::mixture::{Mixture, Model};
use super::sweep::{expect, posteriors};
use crate::data::Question;
use crate::error::Result;
use crate::parallel::Gate;

/// Criteria to compare numbers of segments by, and how well the segments are told apart.
///
/// Unequal weights let the log-likelihood vary more than that of so many respondents would; a criterion
/// that takes it as it is finds segments in noise. `LL` and `n` are those of the effective number of
/// respondents: `LL` times [`n_effective`](Self::n_effective) over the weights' sum (the first-order
/// correction of Rao & Scott 1984, Annals of Statistics 12, 46-60, with Kish's design effect).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Criteria {
    /// The respondents that the weights are worth (Kish 1965): what these criteria count. The number of
    /// respondents without weights, and under frequency weights. `None` in a file that does not know.
    #[serde(default)]
    pub n_effective: Option<f64>,
    /// Akaike's criterion, `-2 LL + 2 p`.
    pub aic: f64,
    /// Akaike's criterion with a factor of 3 (Bozdogan 1994), `-2 LL + 3 p`.
    pub aic3: f64,
    /// Bayesian information criterion, `-2 LL + p ln n`.
    pub bic: f64,
    /// Consistent AIC (Bozdogan 1987), `-2 LL + p (ln n + 1)`.
    pub caic: f64,
    /// BIC adjusted for the sample's size (Sclove 1987), with `(n + 2) / 24` for n.
    pub sabic: f64,
    /// Integrated completed likelihood (Biernacki, Celeux & Govaert 2000): BIC plus twice the entropy.
    pub icl: f64,
    /// The entropy of the respondents' posterior probabilities, summed.
    pub entropy: f64,
    /// `1 - entropy / (n ln K)`: 1 if every respondent's segment is certain.
    pub entropy_r2: f64,
    /// Likelihood-ratio statistic against the observed frequencies of all answer patterns; only where
    /// every question has levels and was answered by everybody.
    pub g_squared: Option<f64>,
    /// Average posterior of the assigned segment, by segment; `None` for one to which nobody is
    /// assigned.
    pub assigned_posterior: Vec<Option<f64>>,
    /// By true segment, the probability of being assigned (by the largest posterior) to each.
    pub classification: Vec<Vec<f64>>,
}

impl Criteria {
    pub(super) fn new(
        (log_likelihood, n_parameters, n_effective): (f64, usize, f64),
        model: &Model,
        mixture: &Mixture,
        cells: &Cells,
        gate: &Gate<'_, '_>,
    ) -> Result<Self> {
        let tables = model.tables(mixture, cells);
        let members = model.lanes.by_class(&posteriors(cells, &tables, gate)?);
        let classes = model.classes();
        Ok(Self {
            g_squared: g_squared(log_likelihood, model, mixture, cells, gate)?
                .map(|one| one * n_effective / cells.total),
            ..Self::of_members(
                (log_likelihood, n_parameters, n_effective),
                classes,
                &members,
                &cells.weights,
            )
        })
    }

    /// From every respondent's probability of each of `k` segments, row by row, and weight.
    pub(in crate::needs) fn of_members(
        (log_likelihood, n_parameters, n_effective): (f64, usize, f64),
        k: usize,
        members: &[f64],
        weights: &[f64],
    ) -> Self {
        let (total, n, p) = (
            weights.iter().sum::<f64>(),
            n_effective,
            n_parameters as f64,
        );
        let worth = n / total;
        let mut entropy = 0.0;
        let mut joint = vec![vec![0.0; k]; k];
        for (members, weight) in members.chunks_exact(k).zip(weights) {
            let terms = members
                .iter()
                .map(|p| if *p > 0.0 { -p * p.ln() } else { 0.0 });
            entropy += weight * terms.sum::<f64>();
            let assigned = modal(members);
            for (row, p) in joint.iter_mut().zip(members) {
                row[assigned] += weight * p;
            }
        }
        let assigned_posterior = (0..k)
            .map(|s| {
                let total: f64 = joint.iter().map(|row| row[s]).sum();
                (total > 0.0).then(|| joint[s][s] / total)
            })
            .collect();
        let classification = joint
            .iter()
            .map(|row| {
                let total: f64 = row.iter().sum();
                row.iter()
                    .map(|p| if total > 0.0 { p / total } else { 0.0 })
                    .collect()
            })
            .collect();
        let deviance = -2.0 * log_likelihood * worth;
        let bic = deviance + p * n.ln();
        Self {
            n_effective: Some(n),
            aic: deviance + 2.0 * p,
            aic3: deviance + 3.0 * p,
            bic,
            caic: bic + p,
            sabic: deviance + p * ((n + 2.0) / 24.0).ln(),
            icl: bic + 2.0 * entropy * worth,
            entropy,
            entropy_r2: if k > 1 {
                1.0 - entropy / (total * (k as f64).ln())
            } else {
                1.0
            },
            g_squared: None,
            assigned_posterior,
            classification,
        }
    }
}

/// The segment of the largest probability; of equals the larger segment.
pub(crate) fn modal(members: &[f64]) -> usize {
    (0..members.len()).fold(
        0,
        |best, k| if members[k] > members[best] { k } else { best },
    )
}

/// Twice the log-likelihood ratio of the patterns' observed shares and the model's: with covariates
/// those of a respondent who belongs to the segments with their overall shares.
fn g_squared(
    log_likelihood: f64,
    model: &Model,
    mixture: &Mixture,
    cells: &Cells,
    gate: &Gate<'_, '_>,
) -> Result<Option<f64>> {
    let complete = || {
        (0..cells.len()).all(|cell| {
            cells
                .coded
                .iter()
                .all(|coded| cells.level(cell, coded).is_some())
        })
    };
    if !cells.dense.is_empty() || !cells.grouped || !complete() {
        return Ok(None);
    }
    let log_likelihood = if model.n_features == 1 {
        log_likelihood
    } else {
        let mut overall = mixture.clone();
        let shares = super::top::shares(model, mixture, cells);
        for (row, share) in overall
            .coefficients
            .chunks_exact_mut(model.n_features)
            .zip(&shares)
        {
            row.fill(0.0);
            row[0] = (share / shares[0]).ln();
        }
        expect(cells, &model.tables(&overall, cells), gate)?.log_likelihood
    };
    // Cells are sorted by their answers first, so those of a pattern lie side by side.
    let order: Vec<usize> = (0..cells.len()).collect();
    let patterns = order.chunk_by(|one, other| cells.codes(*one) == cells.codes(*other));
    let saturated: f64 = patterns
        .map(|pattern| {
            let n: f64 = pattern.iter().map(|cell| cells.weights[*cell]).sum();
            n * (n / cells.total).ln()
        })
        .sum();
    Ok(Some(2.0 * (saturated - log_likelihood)))
}

/// How far two questions still go together within the segments: near 1 if not at all.
///
/// For questions with levels, Pearson's chi-squared between the observed and the expected table of both,
/// divided by `(L - 1) (M - 1)` (Vermunt & Magidson 2016, Technical Guide for Latent GOLD 5.1); for
/// numbers, the squared residual of their means or products in units of its standard error. Above
/// about 4, join the two questions, drop one, or allow a segment more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BivariateResidual {
    /// One question.
    pub first: String,
    /// The other.
    pub second: String,
    /// The residual per degree of freedom.
    pub residual: f64,
}

/// The residuals of all pairs of questions, in the order of the questions.
pub(super) fn bivariate_residuals(
    questions: &[Question],
    model: &Model,
    mixture: &Mixture,
    cells: &Cells,
    pairs: &Pairs,
) -> Vec<BivariateResidual> {
    let expected = ExpectedPairs::new(model, mixture, cells);
    let mut residuals = Vec::new();
    for first in 0..questions.len() {
        for second in first + 1..questions.len() {
            residuals.push(BivariateResidual {
                first: questions[first].name.clone(),
                second: questions[second].name.clone(),
                residual: expected.residual(first, second, pairs),
            });
        }
    }
    residuals
}

/// What the model says of every question in every lane.
struct ExpectedPairs {
    /// Average probability of each lane.
    priors: Vec<f64>,
    questions: Vec<Shape>,
}

/// A question as a residual sees it.
enum Shape {
    /// Probabilities, a row a level and a column a lane.
    Levels(Vec<f64>),
    /// Values of the indicators, and mean and mean square of each lane.
    Number {
        values: Vec<f64>,
        moments: Vec<[f64; 2]>,
    },
    /// Indicators 1, x and x²; mean and mean square of each lane.
    Dense(Vec<[f64; 2]>),
}

impl ExpectedPairs {
    fn new(model: &Model, mixture: &Mixture, cells: &Cells) -> Self {
        let (n, k) = (model.lanes.len(), model.classes());
        let memberships = model.memberships(mixture, cells);
        let weights = cells.design_weights();
        let mut priors = vec![0.0; n];
        for (row, weight) in memberships.chunks_exact(k).zip(&weights) {
            for (lane, prior) in priors.iter_mut().enumerate() {
                *prior +=
                    weight / cells.total * row[model.lanes.class(lane)] * model.lanes.weight(lane);
            }
        }
        let shape = |(question, one): (usize, &Measurement)| match one {
            Measurement::Nominal(one) => Shape::Levels(one.rows(&model.lanes).values),
            Measurement::Ordinal(one) => {
                Shape::Levels(one.rows(&model.lanes, mixture.style).values)
            }
            Measurement::Continuous(one) => Shape::Dense(
                (0..n)
                    .map(|lane| {
                        let class = model.lanes.class(lane);
                        let (mean, deviation) = (one.means[class], one.deviations[class]);
                        [mean, mean * mean + deviation * deviation]
                    })
                    .collect(),
            ),
            Measurement::Count(one) => Shape::Number {
                values: model
                    .coded(question, cells)
                    .map_or_else(Vec::new, |coded| coded.values.clone()),
                moments: (0..n)
                    .map(|lane| {
                        let mean = one.means[model.lanes.class(lane)];
                        let excess = one.size.map_or(0.0, |size| mean * mean / size);
                        [mean, mean * mean + mean + excess]
                    })
                    .collect(),
            },
        };
        Self {
            priors,
            questions: mixture.measurements.iter().enumerate().map(shape).collect(),
        }
    }

    fn residual(&self, first: usize, second: usize, pairs: &Pairs) -> f64 {
        let get = |a: usize, b: usize| pairs.get(first, a, second, b);
        match (&self.questions[first], &self.questions[second]) {
            (Shape::Levels(one), Shape::Levels(other)) => self.table(one, other, get),
            (Shape::Levels(one), number) => {
                let (weight, moments) = number.weights();
                self.means(one, moments, |level, power| {
                    weight(power).iter().map(|(b, x)| x * get(level, *b)).sum()
                })
            }
            (number, Shape::Levels(other)) => {
                let (weight, moments) = number.weights();
                self.means(other, moments, |level, power| {
                    weight(power).iter().map(|(a, x)| x * get(*a, level)).sum()
                })
            }
            (one, other) => {
                let ((of_one, first), (of_other, second)) = (one.weights(), other.weights());
                self.product(first, second, |p, q| {
                    let (left, right) = (of_one(p), of_other(q));
                    let of = |(a, x): &(usize, f64)| -> f64 {
                        right.iter().map(|(b, y)| x * y * get(*a, *b)).sum()
                    };
                    left.iter().map(of).sum()
                })
            }
        }
    }

    /// Pearson's chi-squared per degree of freedom.
    fn table(&self, one: &[f64], other: &[f64], get: impl Fn(usize, usize) -> f64) -> f64 {
        let n = self.priors.len();
        let (rows, columns) = (one.len() / n, other.len() / n);
        let total: f64 = (0..rows)
            .map(|a| (0..columns).map(|b| get(a, b)).sum::<f64>())
            .sum();
        let mut chi_squared = 0.0;
        for (a, p) in one.chunks_exact(n).enumerate() {
            for (b, q) in other.chunks_exact(n).enumerate() {
                let joint = self.priors.iter().zip(p.iter().zip(q));
                let expected = total * joint.map(|(prior, (p, q))| prior * p * q).sum::<f64>();
                chi_squared += (get(a, b) - expected).powi(2) / expected.max(1e-12);
            }
        }
        chi_squared / ((rows - 1) * (columns - 1)) as f64
    }

    /// The squared residuals of a number's means by level, in units of their variance.
    fn means(
        &self,
        levels: &[f64],
        moments: &[[f64; 2]],
        sum: impl Fn(usize, usize) -> f64,
    ) -> f64 {
        let n = self.priors.len();
        let mut statistic = 0.0;
        for (level, p) in levels.chunks_exact(n).enumerate() {
            let (mut weight, mut mean, mut square) = (0.0, 0.0, 0.0);
            for (lane, p) in p.iter().enumerate() {
                weight += self.priors[lane] * p;
                mean += self.priors[lane] * p * moments[lane][0];
                square += self.priors[lane] * p * moments[lane][1];
            }
            let (mean, square) = (mean / weight, square / weight);
            let count = sum(level, 0);
            if count > 0.0 {
                let variance = (square - mean * mean).max(1e-12);
                statistic += count * (sum(level, 1) / count - mean).powi(2) / variance;
            }
        }
        statistic / (levels.len() / n - 1).max(1) as f64
    }

    /// The squared residual of the mean product of two numbers, in units of its variance.
    fn product(
        &self,
        one: &[[f64; 2]],
        other: &[[f64; 2]],
        sum: impl Fn(usize, usize) -> f64,
    ) -> f64 {
        let count = sum(0, 0);
        if count <= 0.0 {
            return 0.0;
        }
        let (mut m1, mut m2) = (0.0, 0.0);
        for (prior, (a, b)) in self.priors.iter().zip(one.iter().zip(other)) {
            m1 += prior * a[0];
            m2 += prior * b[0];
        }
        // Around the model's means, so that it is a covariance whatever the level of the numbers.
        let observed = (sum(1, 1) - m1 * sum(0, 1) - m2 * sum(1, 0)) / count + m1 * m2;
        let (mut expected, mut square) = (0.0, 0.0);
        for (prior, (a, b)) in self.priors.iter().zip(one.iter().zip(other)) {
            expected += prior * (a[0] - m1) * (b[0] - m2);
            let around = |moments: &[f64; 2], m: f64| moments[1] - 2.0 * m * moments[0] + m * m;
            square += prior * around(a, m1) * around(b, m2);
        }
        let variance = (square - expected * expected).max(1e-12);
        count * (observed - expected).powi(2) / variance
    }
}

type Weights<'s> = Box<dyn Fn(usize) -> Vec<(usize, f64)> + 's>;

impl Shape {
    /// The indicators whose sum is the count (power 0) or the number (power 1); the lanes' moments.
    fn weights(&self) -> (Weights<'_>, &[[f64; 2]]) {
        match self {
            Self::Levels(_) => (Box::new(|_| Vec::new()), &[]),
            Self::Number { values, moments } => (
                Box::new(|power| {
                    let number = |x: &f64| if power == 0 { 1.0 } else { *x };
                    values.iter().map(number).enumerate().collect()
                }),
                moments,
            ),
            Self::Dense(moments) => (Box::new(|power| vec![(power, 1.0)]), moments),
        }
    }
}
