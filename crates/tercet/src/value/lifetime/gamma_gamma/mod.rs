//! The Gamma-Gamma model of spend.

mod fit;
mod fitted;
mod independence;
mod likelihood;

use serde::{Deserialize, Serialize};

use crate::data::Spend;
use crate::error::{Error, Result};
use crate::model::Estimator;
use crate::observe::{Observer, Phase};

pub use fitted::FittedGammaGamma;
pub use independence::Independence;

/// What a fit does with repeaters whose mean spend is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ZeroSpend {
    /// Refuse the table: a gamma distribution cannot produce a 0.
    #[default]
    Error,
    /// Leave them out of the fit.
    Skip,
}

from_words!(ZeroSpend, "zero_spend", "error" => Error, "skip" => Skip);

/// The Gamma-Gamma model of spend per purchase, settings side.
///
/// # Assumptions
/// 1. A customer's purchases vary around the customer's own mean: each is Gamma(shape `p`, rate ν).
/// 2. Customers differ: ν ~ Gamma(shape `q`, rate `v`).
/// 3. Mean spend is independent of how often the customer buys. [`FittedGammaGamma::independence`]
///    reports how far the data agree.
///
/// # Likelihood
/// A customer with `x` repeat purchases of mean value `m` contributes
///
/// ```text
///    Γ(p x + q)       v^q  m^(p x - 1)  x^(p x)
/// ---------------  * --------------------------
///  Γ(p x)  Γ(q)        (v + x m)^(p x + q)
/// ```
///
/// Customers without a repeat purchase contribute nothing. It is maximised by a trust-region Newton
/// method with exact second derivatives in `ln p`, `ln q` and `ln(p v / q)`.
///
/// # When not
/// Where those who buy often spend more (or less) a time, where values can be negative, and where
/// all purchases have one price.
///
/// # Source
/// Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value, note 025 at brucehardie.com;
/// Fader, Hardie & Lee (2005), RFM and CLV: Using Iso-Value Curves for Customer Base Analysis,
/// Journal of Marketing Research 42(4), 415-430.
///
/// # Example
/// ```
/// use tercet::{Estimator, simulate::PurchaseSimulator, value::lifetime::GammaGamma};
///
/// let customers = PurchaseSimulator::new(2_000).seed(7).draw_summary()?;
/// let spend = customers.purchases()?.spend()?;
/// let model = GammaGamma::new().fit(&spend)?;
/// let expected = model.expected_spend(&spend, &mut ())?;
/// assert_eq!(expected.len(), 2_000);
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[must_use]
pub struct GammaGamma {
    zero_spend: ZeroSpend,
    max_iterations: usize,
}

impl Default for GammaGamma {
    fn default() -> Self {
        Self {
            zero_spend: ZeroSpend::Error,
            max_iterations: 200,
        }
    }
}

impl GammaGamma {
    /// Settings as they come: at most 200 iterations.
    pub fn new() -> Self {
        Self::default()
    }

    /// What to do with repeaters whose mean spend is 0.
    pub fn zero_spend(mut self, rule: ZeroSpend) -> Self {
        self.zero_spend = rule;
        self
    }

    /// The most iterations of the optimiser.
    pub fn max_iterations(mut self, most: usize) -> Self {
        self.max_iterations = most;
        self
    }
}

impl Estimator for GammaGamma {
    type Data<'a> = Spend<'a>;
    type Fitted = FittedGammaGamma;

    /// # Errors
    /// [`Error::InvalidData`] for fewer than two repeaters, for repeaters who all spend the same,
    /// and for a repeater without spend unless [`ZeroSpend::Skip`] is set; [`Error::Interrupted`].
    fn fit_observed(
        &self,
        data: &Spend<'_>,
        observer: &mut dyn Observer,
    ) -> Result<FittedGammaGamma> {
        if self.max_iterations == 0 {
            return Err(Error::parameter("max_iterations", 0, "at least 1"));
        }
        fit::fit(self, data, &mut Phase::new(observer, "fitting"))
    }
}
