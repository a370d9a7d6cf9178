//! What every model has in common, and no more.
//!
//! Settings and result are two types, so there is no unfitted state to check. There is no common
//! `predict`: a posterior, a probability, an effect and a value are different quantities and carry
//! different names.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::observe::Observer;
use crate::persist::Persist;

/// Settings that can be fitted to data.
pub trait Estimator {
    /// The validated view of the data that it is fitted to.
    type Data<'a>;
    /// The result of fitting.
    type Fitted: Fitted;

    /// Fits without an observer.
    fn fit(&self, data: &Self::Data<'_>) -> Result<Self::Fitted> {
        self.fit_observed(data, &mut ())
    }

    /// Fits, telling `observer` every step; it may stop the fit.
    fn fit_observed(
        &self,
        data: &Self::Data<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Self::Fitted>;
}

/// The result of a fit: immutable, saved and loaded as a whole.
pub trait Fitted: Persist + Send + Sync {
    /// How the fit went.
    fn report(&self) -> &FitReport;

    /// Estimates with standard errors and intervals at confidence `level` (0.95, say).
    ///
    /// Intervals are computed on the scale on which the parameter is unbounded (the logarithm for
    /// positive parameters), so that they never leave the parameter's range.
    fn parameters(&self, level: f64) -> Result<Vec<Parameter>>;
}

/// One estimated parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// The parameter's name in its paper.
    pub name: String,
    /// The estimate.
    pub estimate: f64,
    /// Its standard error; `None` where the estimate lies on a boundary or was given, not fitted.
    pub standard_error: Option<f64>,
    /// Lower end of the interval.
    pub lower: Option<f64>,
    /// Upper end of the interval.
    pub upper: Option<f64>,
}

/// How a fit went.
///
/// It holds no time of day and no duration, so that the same data and settings give the same file,
/// byte for byte.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FitReport {
    /// Iterations of the optimiser, over all starts.
    pub iterations: usize,
    /// The log-likelihood reached, summed over customers, in the caller's own time unit; `None` for
    /// a model whose parameters were given.
    pub log_likelihood: Option<f64>,
    /// Whether the optimiser reached an optimum (in the interior or on a named boundary).
    pub converged: bool,
    /// How it ended, in words.
    pub how_it_ended: String,
    /// Customers (the sum of the weights where there are weights).
    pub n_observations: f64,
    /// Rows that entered the fit.
    pub n_rows: usize,
    /// Distinct rows, on which the likelihood was evaluated.
    pub n_cells: usize,
    /// Free parameters (one on a boundary is not free).
    pub n_parameters: usize,
    /// The boundary on which the estimate lies, with the simpler model that it stands for.
    pub boundary: Option<String>,
}

impl FitReport {
    /// Akaike's criterion, `2 k - 2 LL`.
    pub fn aic(&self) -> Option<f64> {
        Some(2.0 * self.n_parameters as f64 - 2.0 * self.log_likelihood?)
    }

    /// The Bayesian information criterion, `k ln n - 2 LL`.
    pub fn bic(&self) -> Option<f64> {
        Some(self.n_parameters as f64 * self.n_observations.ln() - 2.0 * self.log_likelihood?)
    }

    /// The report of a model whose parameters were given instead of fitted.
    pub(crate) fn given(n_parameters: usize) -> Self {
        Self {
            iterations: 0,
            log_likelihood: None,
            converged: true,
            how_it_ended: "the parameters were given, not fitted".to_owned(),
            n_observations: 0.0,
            n_rows: 0,
            n_cells: 0,
            n_parameters,
            boundary: None,
        }
    }
}
