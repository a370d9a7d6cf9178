//! Propensities: how probable it is that a customer churns, buys, uses a feature, becomes a lead.

mod averaging;
mod chart;
mod check;
mod columns;
mod contributions;
mod coordinates;
mod corrections;
mod cross_validation;
mod data;
mod effects;
mod elastic_net;
mod encoding;
pub(super) mod engine;
mod errors;
mod fit;
mod fitted;
mod folds;
mod gram;
mod intervals;
mod left_out;
mod lying;
mod many;
mod multinomial;
mod newton;
mod quadratic;
mod reader;
mod reasons;
mod rows;
mod sample;
mod score;
mod separation;
mod sparse;
mod strength;
mod tile;
mod visit;
mod with_linfa;
mod words;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::model::Estimator;
use crate::observe::{Observer, Phase};
use crate::random::Seed;

pub use contributions::Contributions;
pub use cross_validation::StrengthScore;
pub use data::{Outcome, PropensityData};
pub use effects::{Curve, CurvePoint, Effect, Term};
pub use fitted::FittedPropensity;
pub use left_out::OutOfFold;
pub use many::ManyOutcomes;
pub use reasons::Reasons;
pub use words::{ReasonWords, Texts, short};

/// How numbers enter the log-odds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Features {
    /// A smooth curve of the customer's rank: cubic splines whose bends are penalised.
    Spline {
        /// Intervals between knots; by default as many as rows and distinct values can carry, at
        /// most 100.
        intervals: Option<usize>,
    },
    /// A level for each of so many equally filled bins, whose steps are penalised.
    Bins {
        /// The most bins.
        bins: usize,
    },
    /// A straight line.
    Linear,
}

impl Default for Features {
    fn default() -> Self {
        Self::Spline { intervals: None }
    }
}

/// What is charged for coefficients that are not 0.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Penalty {
    /// Half their squares.
    #[default]
    L2,
    /// A share of their sizes and the rest of half their squares: some become exactly 0.
    ElasticNet {
        /// The share, from 0 to 1.
        l1_ratio: f64,
    },
}

/// By how much it is charged.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// [`Strength::Estimated`] for a binary outcome under [`Penalty::L2`], otherwise
    /// [`Strength::Cv`].
    #[default]
    Auto,
    /// Every feature by its own strength, that under which the data are most probable.
    Estimated,
    /// All by one strength: the one that predicts best who was left out of the fit.
    Cv,
    /// All by this strength, at least 0.
    Fixed(f64),
}

/// Which standard errors a fit computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StandardErrors {
    /// None: the fit saves a pass over the rows.
    None,
    /// Those of the model: the inverse of the curvature of loss and penalty.
    #[default]
    Model,
    /// Those that hold where the variance is not the model's: the sandwich (Huber 1967).
    Robust,
    /// Those that hold where rows of one group depend on each other (Liang & Zeger 1986), times
    /// `G / (G - 1) (n - 1) / (n - k)`.
    Cluster,
}

/// What finds the coefficients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Solver {
    /// Newton's method.
    #[default]
    Newton,
    /// linfa-logistic's L-BFGS, for a fixed strength under [`Penalty::L2`] without weights and offset.
    Linfa,
}

/// The probability of an outcome from features of customers, by logistic regression: settings.
///
/// # Assumptions
/// 1. Every feature adds its own share to the log-odds: `ln p/(1-p) = a + Σ_j f_j(x_j)`, where `f_j` is a
///    smooth curve, a table of levels, or a straight line ([`Features`]).
/// 2. Rows are independent, or groups of rows are ([`StandardErrors::Cluster`]).
///
/// # Likelihood
/// With weights `w`, `η` the log-odds and the coefficients `θ` in the coordinates below, the fit
/// minimises
///
/// ```text
/// Σ_i w_i ( ln(1 + e^η_i) - y_i η_i )  +  λ ( r |θ|₁ + (1 - r)/2 |θ|² )
/// ```
///
/// with `r = 0` under [`Penalty::L2`]; the intercept is free. For a number that enters linearly, `θ` is
/// the slope per standard deviation (per unit with `standardize(false)`), so that `λ = 1/C` of
/// scikit-learn on scaled columns; for a level its own effect; for bins and ordered levels the step from
/// one to the next; for a spline the slope along the rank and its bends. Under [`Strength::Estimated`]
/// every feature has its own `λ`.
///
/// # Features
/// A number is missing as a level of its own; beyond the range of the fit a curve stays where it ended.
/// A value that one row in five has gets a level of its own beside the curve. Levels of less than
/// `min_level_count` rows share one, which levels never seen join. A constant feature is named in the
/// report and has no effect.
///
/// # What is done about rare outcomes
/// Nothing: rows are not weighted or drawn to make outcomes as frequent, since probabilities would be
/// those of a world that is not.
///
/// # Source
/// Eilers & Marx (1996), Flexible smoothing with B-splines and penalties, Statistical Science 11, 89-121;
/// Wood & Fasiolo (2017), A generalized Fellner-Schall method for smoothing parameter optimization,
/// Biometrics 73, 1071-1081; Friedman, Hastie & Tibshirani (2010), Regularization paths for generalized
/// linear models via coordinate descent, Journal of Statistical Software 33(1).
///
/// # Example
/// ```
/// use tercet::data::{Design, Feature};
/// use tercet::value::propensity::{Propensity, PropensityData};
/// use tercet::Estimator;
///
/// // Who has been here for long leaves less often.
/// let tenure: Vec<f64> = (0..300).map(|row| f64::from(row % 60)).collect();
/// let churned: Vec<bool> = (0..300).map(|row| row % 60 < 3 + (row * 7) % 31).collect();
/// let customers = || Design::new(vec![("tenure".into(), Feature::Numbers(&tenure))]);
///
/// let data = PropensityData::binary(customers()?, "churned", &churned)?;
/// let model = Propensity::new().fit(&data)?;
/// let probabilities = model.probabilities(&customers()?, &mut ())?;
/// assert!(probabilities[2] > 0.8 && probabilities[55] < 0.2);
/// let mean = probabilities.iter().sum::<f64>() / 300.0;
/// let share = churned.iter().filter(|one| **one).count() as f64 / 300.0;
/// assert!((mean - share).abs() < 1e-6);
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use]
pub struct Propensity {
    pub(crate) features: Features,
    pub(crate) ordered: Vec<String>,
    pub(crate) min_level_count: usize,
    pub(crate) penalty: Penalty,
    pub(crate) strength: Strength,
    pub(crate) standardize: bool,
    pub(crate) solver: Solver,
    pub(crate) folds: usize,
    pub(crate) one_standard_error: bool,
    pub(crate) seed: Seed,
    pub(crate) standard_errors: StandardErrors,
    pub(crate) max_iterations: usize,
    pub(crate) tolerance: f64,
}

impl Default for Propensity {
    fn default() -> Self {
        Self {
            features: Features::default(),
            ordered: Vec::new(),
            min_level_count: 20,
            penalty: Penalty::L2,
            strength: Strength::Auto,
            standardize: true,
            solver: Solver::Newton,
            folds: 5,
            one_standard_error: false,
            seed: Seed(0),
            standard_errors: StandardErrors::Model,
            max_iterations: 100,
            tolerance: 1e-9,
        }
    }
}

impl Propensity {
    /// Settings as they come: curves, strengths estimated from the data, the model's standard errors,
    /// five folds, seed 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// How numbers enter.
    pub fn features(mut self, features: Features) -> Self {
        self.features = features;
        self
    }

    /// Features whose levels are in order: neighbours are drawn to each other.
    pub fn ordered(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.ordered = names.into_iter().map(Into::into).collect();
        self
    }

    /// The fewest rows (by weight) that a level needs for an effect of its own.
    pub fn min_level_count(mut self, least: usize) -> Self {
        self.min_level_count = least;
        self
    }

    /// What is charged for coefficients.
    pub fn penalty(mut self, penalty: Penalty) -> Self {
        self.penalty = penalty;
        self
    }

    /// By how much it is charged.
    pub fn strength(mut self, strength: Strength) -> Self {
        self.strength = strength;
        self
    }

    /// Whether slopes are charged per standard deviation, or per unit of the caller's.
    pub fn standardize(mut self, per_deviation: bool) -> Self {
        self.standardize = per_deviation;
        self
    }

    /// What finds the coefficients.
    pub fn solver(mut self, solver: Solver) -> Self {
        self.solver = solver;
        self
    }

    /// Into how many parts rows are divided, each of which is left out once.
    pub fn folds(mut self, folds: usize) -> Self {
        self.folds = folds;
        self
    }

    /// Whether cross-validation takes the strongest penalty whose loss is within one standard error of
    /// the best, instead of the best.
    pub fn one_standard_error(mut self, take: bool) -> Self {
        self.one_standard_error = take;
        self
    }

    /// The seed of the division into folds.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Seed(seed);
        self
    }

    /// Which standard errors are computed.
    pub fn standard_errors(mut self, errors: StandardErrors) -> Self {
        self.standard_errors = errors;
        self
    }

    /// The most iterations of the optimiser.
    pub fn max_iterations(mut self, most: usize) -> Self {
        self.max_iterations = most;
        self
    }

    /// When the optimiser stops: once a step can win no more than this share of the loss, it is the
    /// last.
    pub fn tolerance(mut self, share: f64) -> Self {
        self.tolerance = share;
        self
    }

    /// Fits, and predicts every row by a fit that did not see it or any other row of its group.
    ///
    /// What of the features is learned without the outcome (ranks, levels) and the strengths of the
    /// penalty are those of all rows.
    ///
    /// # Errors
    /// Those of [`Estimator::fit_observed`].
    pub fn fit_out_of_fold(
        &self,
        data: &PropensityData<'_>,
        observer: &mut dyn Observer,
    ) -> Result<(FittedPropensity, OutOfFold)> {
        self.check(data)?;
        let mut phase = Phase::new(observer, "fitting");
        fit::fit_out_of_fold(self, data, &mut phase)
    }

    /// Whether coefficients are free of any penalty.
    pub(crate) fn is_free(&self) -> bool {
        matches!(self.strength, Strength::Fixed(strength) if strength == 0.0)
    }
}

impl Estimator for Propensity {
    type Data<'a> = PropensityData<'a>;
    type Fitted = FittedPropensity;

    /// # Errors
    /// [`InvalidParameter`](crate::Error::InvalidParameter) for settings out of range, or that do not go
    /// together; [`InvalidData`](crate::Error::InvalidData) where no feature tells rows apart;
    /// [`Separation`](crate::Error::Separation) where a feature without a penalty tells the outcomes apart;
    /// [`Interrupted`](crate::Error::Interrupted).
    fn fit_observed(
        &self,
        data: &PropensityData<'_>,
        observer: &mut dyn Observer,
    ) -> Result<FittedPropensity> {
        self.check(data)?;
        let mut phase = Phase::new(observer, "fitting");
        fit::fit(self, data, &mut phase)
    }
}
