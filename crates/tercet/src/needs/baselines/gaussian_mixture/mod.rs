//! Segments as a mixture of Gaussians.

mod density;
mod fitted;

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_clustering::{GaussianMixtureModel, GmmError, GmmInitMethod};
use serde::{Deserialize, Serialize};

use super::columns::Columns;
use super::generator::generator;
use super::{by_size, check_settings, matrix};
use crate::data::Survey;
use crate::error::{Error, Result};
use crate::model::{Estimator, FitReport};
use crate::observe::{Observer, Phase};
use crate::parallel::map_tasks;
use crate::random::Seed;
use density::{Component, log_likelihood};

pub use fitted::FittedGaussianMixtureSegments;

/// A start that ends within this of the best log-likelihood has found the same solution.
const SAME: f64 = 0.1;

const METHOD: &str = "a Gaussian mixture";

/// Segments as a mixture of Gaussians, settings side.
///
/// # Assumptions
/// Within segment k the answers are normal around `μ_k` with a covariance `Σ_k` of the segment's own, of any
/// shape (linfa offers no other):
///
/// ```text
/// ln f(x_i) = ln Σ_k π_k N(x_i; μ_k, Σ_k)
/// ```
///
/// summed over respondents, is maximised. With p questions a segment costs `1 + p + p (p + 1) / 2`
/// parameters.
///
/// # How
/// EM by linfa-clustering: every other start from k-means segments, the others from random ones. To
/// keep covariances off singularity `regularization` is added to the variances of the standardised
/// questions after every step, so that the maximum is that of the likelihood up to so little.
/// Log-likelihood and posteriors are computed here, in logarithms. The observer is asked between starts.
///
/// # When not
/// Where answers have few levels (a density of a five-point scale can be made as high as you like), are
/// missing or weighted: [`LatentClass`](crate::needs::LatentClass).
///
/// # Source
/// Fraley & Raftery (2002), Journal of the American Statistical Association 97, 611-631.
///
/// # Example
/// ```
/// use tercet::data::{Answers, Question, Survey};
/// use tercet::{Estimator, Fitted, needs::GaussianMixtureSegments};
///
/// // A narrow segment inside a wide one.
/// let wave = |i: i32| f64::from(i * 37 % 100 - 50) / 50.0;
/// let wide = |i: i32| if i % 3 == 0 { 10.0 } else { 1.0 };
/// let price: Vec<f64> = (0..300).map(|i| wide(i) * wave(i)).collect();
/// let service: Vec<f64> = (0..300).map(|i| wide(i) * wave(7 * i + 13)).collect();
/// let survey = Survey::new(vec![
///     (Question::continuous("price"), Answers::Numbers(&price)),
///     (Question::continuous("service"), Answers::Numbers(&service)),
/// ])?;
/// let model = GaussianMixtureSegments::new(2).fit(&survey)?;
/// assert!((model.shares()[0] - 2.0 / 3.0).abs() < 0.1);
/// assert!(model.report().bic().is_some());
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use]
pub struct GaussianMixtureSegments {
    n_segments: usize,
    starts: usize,
    seed: Seed,
    regularization: f64,
    max_iterations: usize,
    tolerance: f64,
}

impl GaussianMixtureSegments {
    /// So many segments; 20 starts, seed 0, a regularization of 1e-6, a tolerance of 1e-6.
    pub fn new(n_segments: usize) -> Self {
        Self {
            n_segments,
            starts: 20,
            seed: Seed(0),
            regularization: 1e-6,
            max_iterations: 5_000,
            tolerance: 1e-6,
        }
    }

    /// From how many starts the highest likelihood is looked for.
    pub fn starts(mut self, starts: usize) -> Self {
        self.starts = starts;
        self
    }

    /// The seed of the starts.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Seed(seed);
        self
    }

    /// What is added to the variances of the standardised questions.
    pub fn regularization(mut self, regularization: f64) -> Self {
        self.regularization = regularization;
        self
    }

    /// The most EM steps of a start.
    pub fn max_iterations(mut self, most: usize) -> Self {
        self.max_iterations = most;
        self
    }

    /// A start ends once a step wins less than this of log-likelihood per respondent.
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    fn check(&self, n_rows: usize) -> Result<()> {
        check_settings(self.n_segments, self.starts, self.max_iterations, n_rows)?;
        if !(self.regularization >= 0.0 && self.regularization.is_finite()) {
            let expected = "a variance, 0 for none";
            return Err(Error::parameter(
                "regularization",
                self.regularization,
                expected,
            ));
        }
        if !(self.tolerance > 0.0 && self.tolerance < 1.0) {
            let expected = "a log-likelihood above 0 and below 1";
            return Err(Error::parameter("tolerance", self.tolerance, expected));
        }
        Ok(())
    }
}

/// Where a start has led, or why nowhere.
type Run = std::result::Result<(f64, Vec<Component>), String>;

impl Estimator for GaussianMixtureSegments {
    type Data<'a> = Survey<'a>;
    type Fitted = FittedGaussianMixtureSegments;

    /// # Errors
    /// [`Error::InvalidParameter`] for weights, covariates, or where no start converged;
    /// [`Error::InvalidData`] for missing answers, questions with levels without an order or without
    /// different answers; [`Error::Interrupted`].
    fn fit_observed(
        &self,
        data: &Survey<'_>,
        observer: &mut dyn Observer,
    ) -> Result<FittedGaussianMixtureSegments> {
        self.check(data.len())?;
        let (columns, points) = Columns::of_fit(data, true, METHOD)?;
        let width = columns.questions.len();
        let dataset = DatasetBase::from(matrix(&points, width)?);
        let natural = columns.answers(data, METHOD)?;
        let mut phase = Phase::new(observer, "fitting");
        let runs: Vec<Run> = map_tasks(self.starts, &mut phase, |start, gate| {
            let found = GaussianMixtureModel::params_with_rng(
                self.n_segments,
                generator(self.seed, start as u64),
            )
            .n_runs(1)
            .tolerance(self.tolerance)
            .reg_covariance(self.regularization)
            .max_n_iterations(self.max_iterations as u64)
            .init_method(if start % 2 == 0 {
                GmmInitMethod::KMeans
            } else {
                GmmInitMethod::Random
            })
            .fit(&dataset);
            let components = match found {
                Ok(model) => Component::all(&model, &columns),
                Err(error) => return Ok(Err(words(&error))),
            };
            match components {
                Some(components) => {
                    let value = log_likelihood(&natural, &components, gate)?;
                    Ok(if value.is_finite() {
                        Ok((value, components))
                    } else {
                        Err("its likelihood is no number".to_owned())
                    })
                }
                None => Ok(Err("a covariance is singular".to_owned())),
            }
        })?;
        self.assemble(columns, data.len(), &runs)
    }
}

/// linfa's words, shortened where they name its own settings.
fn words(error: &GmmError) -> String {
    match error {
        GmmError::NotConverged(_) => "it did not converge".to_owned(),
        GmmError::LinalgError(_) => "a covariance is singular".to_owned(),
        GmmError::EmptyCluster(_) => "a segment has lost its members".to_owned(),
        other => other.to_string(),
    }
}

impl GaussianMixtureSegments {
    fn assemble(
        &self,
        columns: Columns,
        n_rows: usize,
        runs: &[Run],
    ) -> Result<FittedGaussianMixtureSegments> {
        let arrived: Vec<&(f64, Vec<Component>)> = runs.iter().flatten().collect();
        let best = arrived
            .iter()
            .reduce(|best, one| if one.0 > best.0 { one } else { best });
        let Some((value, components)) = best else {
            let why = runs.iter().find_map(|run| run.as_ref().err());
            let expected = format!(
                "fewer, or a larger regularization or max_iterations: none of {} starts arrived ({})",
                runs.len(),
                why.map_or("no reason given", String::as_str)
            );
            return Err(Error::parameter("n_segments", self.n_segments, expected));
        };
        let (k, p) = (self.n_segments, columns.questions.len());
        let shares: Vec<f64> = components.iter().map(|one| one.share).collect();
        let components: Vec<Component> = by_size(&shares)
            .iter()
            .map(|segment| components[*segment].clone())
            .collect();
        Ok(FittedGaussianMixtureSegments {
            settings: self.clone(),
            shares: components.iter().map(|one| one.share).collect(),
            starts_at_best: arrived.iter().filter(|one| one.0 > value - SAME).count(),
            report: FitReport {
                iterations: 0,
                log_likelihood: Some(*value),
                converged: true,
                how_it_ended: format!(
                    "converged from {} of {} starts: a step wins less than the tolerance",
                    arrived.len(),
                    runs.len()
                ),
                n_observations: n_rows as f64,
                n_rows,
                n_cells: n_rows,
                n_parameters: k - 1 + k * (p + p * (p + 1) / 2),
                boundary: None,
            },
            components,
            columns,
        })
    }
}
