//! What a campaign did: an experiment analysed, overall and by segment, and the next one planned.
//!
//! Every arm is compared with the control, in every outcome, among everyone and in every segment:
//!
//! 1. **Adjusted means.** Within a segment the outcome of each arm is regressed on the covariates, and its
//!    mean read off at the covariates' mean over all arms: a regression with all interactions (Lin 2013,
//!    Annals of Applied Statistics 7, 295-318; with the outcome's own past as covariate this is CUPED: Deng
//!    et al. 2013, WSDM, 123-132). Without covariates it is the plain mean.
//! 2. **Standard errors** hold whatever the outcome's distribution (HC2 or HC3; by clusters where customers
//!    have several rows).
//! 3. **Difference** with Welch's interval, **lift** with Fieller's; for experiments that are looked at more
//!    than once, a confidence sequence ([`Sequence`]).
//! 4. **Shrinkage.** Effects of segments are drawn towards their common mean as far as noise explains their
//!    differences.
//! 5. **Multiplicity.** P-values are adjusted over segments, arms and outcomes.
//! 6. **Sample ratio.** The arms' sizes are compared with the plan before anything else is believed.

mod analyze;
mod assignment;
mod balance;
mod comparison;
mod data;
mod design;
mod heterogeneity;
mod means;
mod moments;
mod panel;
mod regression;
mod result;
mod roster;
mod sample_ratio;
mod sequence;
mod shrinkage;
mod spread;
mod verdict;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::math::interval::normal_quantile;
use crate::observe::Observer;

pub(super) use analyze::adjusted;
pub use assignment::{Assignment, Balance, balance as balance_of};
pub(super) use comparison::{satterthwaite, student_quantile, two_sided};
pub use data::{Arms, Covariate, ExperimentData, MOST_ARMS, Membership, NO_SEGMENT, Outcome};
pub use design::ExperimentDesign;
pub use heterogeneity::{Equality, equality};
pub use result::{Caution, EffectRow, ExperimentResult, Heterogeneity, OutcomeNote, Reading};
pub use sample_ratio::SampleRatio;
pub use sequence::{Sequence, USUAL_PLAN};
pub use shrinkage::{Pool, Shrunken, shrink};

/// Which errors standard errors allow for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Robust {
    /// Residuals divided by what their row's leverage leaves: unbiased where variances are equal; without
    /// covariates Welch's.
    #[default]
    Hc2,
    /// Divided twice: on the safe side in small samples.
    Hc3,
}

from_words!(Robust, "standard_errors", "hc2" => Hc2, "hc3" => Hc3);

/// Whom the effect is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Customers like these: what drawing them leaves open counts, too.
    #[default]
    Population,
    /// These customers.
    Sample,
}

from_words!(Target, "target", "population" => Population, "sample" => Sample);

/// How p-values are adjusted for their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Adjustment {
    /// Of the effects that are called real, at most 5% are not, on average (Benjamini & Hochberg).
    #[default]
    Fdr,
    /// In at most 5% of experiments one effect or more is called real that is not (Holm).
    Holm,
    /// Not at all.
    None,
}

from_words!(Adjustment, "adjust", "fdr" => Fdr, "holm" => Holm, "none" => None);

/// Which p-values are adjusted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Those of everyone (arms by outcomes), and apart from them those of the segments (segments by arms by
    /// outcomes): a search among segments does not weaken the main answer.
    #[default]
    Separate,
    /// All.
    All,
}

from_words!(Family, "family", "separate" => Separate, "all" => All);

/// What is done about a row whose outcome is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingOutcome {
    /// It is an error: most often a customer who did nothing should have a 0.
    #[default]
    Error,
    /// It is left out of that outcome, and counted; whether arms differ in it is tested.
    Skip,
}

from_words!(MissingOutcome, "missing", "error" => Error, "skip" => Skip);

/// How an experiment is analysed.
///
/// # Example
/// ```
/// use tercet::response::experiment::{Arms, ExperimentAnalysis, ExperimentData, Outcome};
///
/// let codes: Vec<u16> = (0..400).map(|i| i % 2).collect();
/// let bought: Vec<f64> = (0..400).map(|i| f64::from(i % 2 == 1 && i % 3 == 0 || i % 10 == 0)).collect();
/// let arms = Arms {
///     column: "group".to_owned(),
///     names: vec!["none".to_owned(), "e-mail".to_owned()],
///     codes: &codes,
///     control: 0,
/// };
/// let data = ExperimentData::new(arms, vec![Outcome::new("bought", &bought)])?;
/// let result = ExperimentAnalysis::new().analyze(&data, &mut ())?;
/// assert!(result.rows[0].p.unwrap() < 0.01);
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExperimentAnalysis {
    pub(crate) level: f64,
    pub(crate) robust: Robust,
    pub(crate) target: Target,
    pub(crate) adjustment: Adjustment,
    pub(crate) family: Family,
    pub(crate) missing: MissingOutcome,
    pub(crate) sequential: Option<f64>,
    pub(crate) shares: Option<Vec<f64>>,
    pub(crate) ratio_level: f64,
}

impl Default for ExperimentAnalysis {
    fn default() -> Self {
        Self::new()
    }
}

impl ExperimentAnalysis {
    /// 95% intervals, HC2, the false discovery rate, equal shares planned.
    pub fn new() -> Self {
        Self {
            level: 0.95,
            robust: Robust::default(),
            target: Target::default(),
            adjustment: Adjustment::default(),
            family: Family::default(),
            missing: MissingOutcome::default(),
            sequential: None,
            shares: None,
            ratio_level: 0.001,
        }
    }

    /// Sets the confidence level of all intervals; effects are called real below 1 - level.
    #[must_use]
    pub fn level(mut self, level: f64) -> Self {
        self.level = level;
        self
    }

    /// Sets the kind of standard error.
    #[must_use]
    pub fn robust(mut self, robust: Robust) -> Self {
        self.robust = robust;
        self
    }

    /// Sets whom effects are about.
    #[must_use]
    pub fn target(mut self, target: Target) -> Self {
        self.target = target;
        self
    }

    /// Sets how p-values are adjusted, and which of them together.
    #[must_use]
    pub fn adjustment(mut self, adjustment: Adjustment, family: Family) -> Self {
        self.adjustment = adjustment;
        self.family = family;
        self
    }

    /// Sets what is done about missing outcomes.
    #[must_use]
    pub fn missing(mut self, missing: MissingOutcome) -> Self {
        self.missing = missing;
        self
    }

    /// Makes intervals and p-values hold at every look; tightest after so many customers of an arm and the
    /// control, a number that is fixed before the first look.
    #[must_use]
    pub fn sequential(mut self, planned: f64) -> Self {
        self.sequential = Some(planned);
        self
    }

    /// Sets the arms' planned shares; they need not add up to 1.
    #[must_use]
    pub fn shares(mut self, shares: impl Into<Vec<f64>>) -> Self {
        self.shares = Some(shares.into());
        self
    }

    /// Sets the p-value below which the arms' sizes are said not to be as planned.
    #[must_use]
    pub fn ratio_level(mut self, level: f64) -> Self {
        self.ratio_level = level;
        self
    }

    /// Analyses an experiment.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for settings out of range; [`Error::InvalidData`] for a missing outcome
    /// (unless they are left out), a cluster in two arms, an outcome that nothing is left of;
    /// [`Error::Interrupted`].
    pub fn analyze(
        &self,
        data: &ExperimentData<'_>,
        observer: &mut dyn Observer,
    ) -> Result<ExperimentResult> {
        normal_quantile(self.level)?;
        if !(self.ratio_level > 0.0 && self.ratio_level < 1.0) {
            let expected = "a number between 0 and 1, such as 0.001";
            return Err(Error::parameter("ratio_level", self.ratio_level, expected));
        }
        analyze::analyze(self, data, observer)
    }
}
