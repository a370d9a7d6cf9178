//! Hazards: when customers churn, or reach the next stage, and by which of several ways.

mod baseline;
mod brier;
mod concordance;
mod coordinates;
mod data;
mod errors;
mod fit;
mod fitted;
mod kaplan_meier;
mod paths;
mod penalty;
mod periods;
mod sample;
mod survival;
mod time;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::Estimator;
use crate::observe::{Observer, Phase};

pub use baseline::{BaselinePoint, Change};
pub use brier::brier_scores;
pub use concordance::{Concordance, concordance};
pub use data::HazardData;
pub use fitted::FittedHazard;
pub use kaplan_meier::{EventTable, event_table};
pub use periods::Closed;

use super::propensity::{Features, Propensity, StandardErrors};

/// How the level of the hazard goes over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// A smooth curve over the periods.
    #[default]
    Spline,
    /// A level a period; steps from one to the next are penalised.
    Steps,
}

/// By how much coefficients are drawn to 0.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HazardStrength {
    /// Every feature, and the baseline, by its own strength: that under which the data are most
    /// probable.
    #[default]
    Estimated,
    /// All by this strength, at least 0.
    Fixed(f64),
}

/// The time to an event in discrete periods, with competing events and features that change over time:
/// settings.
///
/// # Assumptions
/// 1. Given that nothing has happened before, the probabilities of the events `k = 1..K` in period `t`
///    are those of a multinomial logit (one event: a logistic regression),
///
///    ```text
///    h_k(t | x) = e^η_k / (1 + Σ_j e^η_j),   η_k(t, x) = b_k(t) + Σ_f s_kf(x_f) [ + g(t) Σ_v c_kv(x_v) ],
///    ```
///
///    with a baseline `b_k` over time ([`Baseline`]) and a share `s_kf` of every feature: a smooth curve,
///    a table of levels, or a straight line ([`Features`]).
/// 2. Effects do not change over time, but for those of [`HazardModel::time_varying_effects`], which
///    change with `g(t) = log2(t - 1/2)`, the middle of the period, less its mean: a `c_kv` is the change
///    of an effect as time doubles.
/// 3. Within a period the rate is constant, so that of a period of which a share `e` is under
///    observation, `(1 - h)^e` is the probability that nothing happens.
/// 4. Given the features, who leaves the data early (is censored), or comes into them late, is like the
///    others at risk.
///
/// # Likelihood
/// With `e_it` the share of period `t` that row `i` is at risk (up to the end of the period where an
/// event ends it) and `y_itk` whether event `k` ended it there,
///
/// ```text
/// l = Σ_i w_i Σ_t ( Σ_k y_itk η_k(t, x_i) - e_it ln(1 + Σ_k e^η_k(t, x_i)) )
/// ```
///
/// less a penalty on coefficients, as for [`Propensity`]. Where times are whole periods, this is the
/// likelihood of a (multinomial) logistic regression on one row a person and period (Allison 1982);
/// such rows are never made. Cutting a row into two at any time (the second enters where the first
/// left) leaves it as it is: so features that change over time are rows of one customer, one after the
/// other. The level of the baseline is never penalised.
///
/// # Time
/// Period `t` is `((t-1) w, t w]` for a width `w`, or `[(t-1) w, t w)` ([`Closed`]).
///
/// # Source
/// Allison (1982), Discrete-time methods for the analysis of event histories, Sociological Methodology
/// 13, 61-98; Singer & Willett (1993), It's about time, Journal of Educational Statistics 18, 155-195;
/// Tutz & Schmid (2016), Modeling Discrete Time-to-Event Data, Springer.
///
/// # Example
/// ```
/// use tercet::data::{Design, Feature};
/// use tercet::value::hazard::{HazardData, HazardModel};
/// use tercet::Estimator;
///
/// // Who visits often stays for longer; who is still there after 24 months is censored.
/// let visits: Vec<f64> = (0..400).map(|row| f64::from(row % 20)).collect();
/// let until: Vec<f64> = (0..400).map(|row| f64::from((row * 7) % 9 + row % 20 + 1).min(24.0)).collect();
/// let left: Vec<u16> = until.iter().map(|months| u16::from(*months < 24.0)).collect();
/// let customers = || Design::new(vec![("visits".into(), Feature::Numbers(&visits))]);
///
/// let data = HazardData::new(customers()?, "months", &until, "event", &left, vec!["churn".into()])?;
/// let model = HazardModel::new(1.0).fit(&data)?;
/// let survival = model.survival(&customers()?, &[6.0, 12.0], &[0.0], &mut ())?;
/// assert!(survival[0] < 0.5 && survival[2 * 19] > 0.9);
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use]
pub struct HazardModel {
    pub(crate) period: f64,
    pub(crate) closed: Closed,
    pub(crate) baseline: Baseline,
    pub(crate) intervals: Option<usize>,
    pub(crate) features: Features,
    pub(crate) ordered: Vec<String>,
    pub(crate) min_level_count: usize,
    pub(crate) time_varying_effects: Vec<String>,
    pub(crate) strength: HazardStrength,
    pub(crate) standard_errors: StandardErrors,
    pub(crate) max_iterations: usize,
    pub(crate) tolerance: f64,
}

impl HazardModel {
    /// Periods of a width, in the unit of the times; a smooth baseline, curves of features, strengths
    /// estimated, the model's standard errors.
    pub fn new(period: f64) -> Self {
        Self {
            period,
            closed: Closed::Right,
            baseline: Baseline::Spline,
            intervals: None,
            features: Features::default(),
            ordered: Vec::new(),
            min_level_count: 20,
            time_varying_effects: Vec::new(),
            strength: HazardStrength::Estimated,
            standard_errors: StandardErrors::Model,
            max_iterations: 100,
            tolerance: 1e-9,
        }
    }

    /// Whether a period includes its last instant or its first.
    pub fn closed(mut self, closed: Closed) -> Self {
        self.closed = closed;
        self
    }

    /// How the level goes over time.
    pub fn baseline(mut self, baseline: Baseline) -> Self {
        self.baseline = baseline;
        self
    }

    /// Intervals between the knots of a smooth baseline; by default as many as periods, at most 20.
    pub fn intervals(mut self, intervals: Option<usize>) -> Self {
        self.intervals = intervals;
        self
    }

    /// How numbers enter. A spline whose intervals are not given has a tenth of the number of events,
    /// from 5 to 10.
    pub fn features(mut self, features: Features) -> Self {
        self.features = features;
        self
    }

    /// Features whose levels are in order: neighbours are drawn to each other.
    pub fn ordered(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.ordered = names.into_iter().map(Into::into).collect();
        self
    }

    /// The fewest periods at risk (by weight) that a level needs for an effect of its own.
    pub fn min_level_count(mut self, least: usize) -> Self {
        self.min_level_count = least;
        self
    }

    /// Features whose effects change over time.
    pub fn time_varying_effects(
        mut self,
        names: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.time_varying_effects = names.into_iter().map(Into::into).collect();
        self
    }

    /// By how much coefficients are drawn to 0.
    pub fn strength(mut self, strength: HazardStrength) -> Self {
        self.strength = strength;
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

    /// When the optimiser stops: once a step can win no more than this share of the log-likelihood, it
    /// is the last.
    pub fn tolerance(mut self, share: f64) -> Self {
        self.tolerance = share;
        self
    }

    /// How features become columns: as a propensity's do.
    pub(crate) fn encoding(&self, n_events: f64) -> Propensity {
        // Twice as many periods must not change a curve: it is events that tell of its shape.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // from 5 to 10
        let most = (n_events / 10.0).clamp(5.0, 10.0) as usize;
        let features = match self.features {
            Features::Spline { intervals } => Features::Spline {
                intervals: intervals.or(Some(most)),
            },
            features => features,
        };
        let strength = match self.strength {
            HazardStrength::Estimated => super::propensity::Strength::Estimated,
            HazardStrength::Fixed(strength) => super::propensity::Strength::Fixed(strength),
        };
        Propensity::new()
            .features(features)
            .ordered(self.ordered.clone())
            .min_level_count(self.min_level_count)
            .strength(strength)
            .standard_errors(self.standard_errors)
    }

    fn check(&self, data: &HazardData<'_>) -> Result<()> {
        let refuse = |name: &str, value: String, expected: &str| {
            Err(Error::parameter(name, value, expected))
        };
        if !(self.period > 0.0 && self.period.is_finite()) {
            let expected = "a positive number, in the unit of the durations";
            return refuse("period", self.period.to_string(), expected);
        }
        if let HazardStrength::Fixed(strength) = self.strength
            && !(strength >= 0.0 && strength.is_finite())
        {
            let expected = "\"estimated\" or a number of at least 0";
            return refuse("strength", strength.to_string(), expected);
        }
        match self.features {
            Features::Bins { bins } if bins < 2 => {
                return refuse("bins", bins.to_string(), "at least 2");
            }
            Features::Spline { intervals: Some(n) } if !(1..=500).contains(&n) => {
                return refuse("intervals", n.to_string(), "a number from 1 to 500");
            }
            _ => {}
        }
        if let Some(n) = self.intervals
            && !(1..=100).contains(&n)
        {
            return refuse("baseline_intervals", n.to_string(), "from 1 to 100");
        }
        for (name, value) in [
            ("min_level_count", self.min_level_count),
            ("max_iterations", self.max_iterations),
        ] {
            if value == 0 {
                return refuse(name, "0".to_owned(), "at least 1");
            }
        }
        if !(self.tolerance > 0.0 && self.tolerance < 1.0) {
            let expected = "a small positive share, such as 1e-9";
            return refuse("tolerance", self.tolerance.to_string(), expected);
        }
        for name in &self.time_varying_effects {
            if data.design().feature(name).is_none() {
                let expected = format!("names among {:?}", data.design().names());
                return refuse("time_varying_effects", format!("'{name}'"), &expected);
            }
        }
        if self.standard_errors == StandardErrors::Cluster && data.groups().is_none() {
            let expected = "groups in the data, which say what rows belong together";
            return refuse("standard_errors", "\"cluster\"".to_owned(), expected);
        }
        Ok(())
    }
}

impl Estimator for HazardModel {
    type Data<'a> = HazardData<'a>;
    type Fitted = FittedHazard;

    /// # Errors
    /// [`Error::InvalidParameter`] for settings out of range; [`Error::InvalidData`] for a time that
    /// cannot be, and where no feature tells rows apart; [`Error::Separation`] where a feature without a
    /// penalty tells the outcomes apart; [`Error::Interrupted`].
    fn fit_observed(
        &self,
        data: &HazardData<'_>,
        observer: &mut dyn Observer,
    ) -> Result<FittedHazard> {
        self.check(data)?;
        let mut phase = Phase::new(observer, "fitting");
        fit::fit(self, data, &mut phase)
    }
}
