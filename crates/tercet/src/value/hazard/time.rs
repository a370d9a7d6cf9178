//! How hazards may go over time: the coordinates of the baseline, and the trend of changing effects.

use nalgebra::DMatrix;

use super::periods::Spell;
use super::{Baseline, HazardModel};
use crate::error::{Error, Result};
use crate::value::propensity::engine;

/// The most levels of a baseline without a curve.
const MOST_STEPS: usize = 300;

/// Intervals of a smooth baseline, unless they are given.
const INTERVALS: usize = 20;

/// The periods of a fit.
pub(super) struct Clock {
    /// Periods by coordinates of the baseline; columns have mean 0 over all that is at risk.
    pub(super) basis: DMatrix<f64>,
    /// The first coordinate is a straight line, and has a strength of its own.
    pub(super) has_slope: bool,
    /// `log2` of the middle of every period, less its mean over all that is at risk.
    pub(super) trend: Vec<f64>,
}

impl Clock {
    /// # Errors
    /// [`Error::InvalidParameter`] for a level a period where there are too many.
    pub(super) fn new(
        settings: &HazardModel,
        spells: &[Spell],
        weights: Option<&[f64]>,
        n_periods: usize,
    ) -> Result<Self> {
        let mut at_risk = vec![0.0; n_periods];
        for (row, spell) in spells.iter().enumerate() {
            let weight = weights.map_or(1.0, |weights| weights[row]);
            if spell.exposure() > 0.0 {
                for period in spell.first..=spell.last {
                    at_risk[period as usize] += weight * spell.share(period);
                }
            }
        }
        let total: f64 = at_risk.iter().sum();
        let mean = |values: &dyn Fn(usize) -> f64| -> f64 {
            let terms = at_risk.iter().enumerate();
            terms.map(|(t, weight)| weight * values(t)).sum::<f64>() / total
        };
        let (basis, has_slope) = match settings.baseline {
            Baseline::Spline if n_periods > 1 => {
                let last = (n_periods - 1) as f64;
                let points: Vec<f64> = (0..n_periods).map(|t| t as f64 / last).collect();
                let wanted = settings.intervals.unwrap_or(INTERVALS);
                let intervals = wanted.min(n_periods - 1);
                match engine::curve(&points, &at_risk, intervals) {
                    // The smoothest: so many periods carry no more.
                    Some(basis) => {
                        let keep = basis.ncols().min(n_periods - 1);
                        (basis.columns(0, keep).into_owned(), true)
                    }
                    None => (DMatrix::zeros(n_periods, 0), false),
                }
            }
            _ => {
                if n_periods > MOST_STEPS {
                    return Err(Error::parameter(
                        "baseline",
                        format!("\"steps\" over {n_periods} periods"),
                        format!("at most {MOST_STEPS} periods: \"spline\", or a longer period"),
                    ));
                }
                let mut basis = DMatrix::from_fn(n_periods, n_periods - 1, |t, step| {
                    f64::from(u8::from(t > step))
                });
                for mut column in basis.column_iter_mut() {
                    let centre = mean(&|t| column[t]);
                    column.add_scalar_mut(-centre);
                }
                (basis, false)
            }
        };
        let trend: Vec<f64> = (0..n_periods).map(|t| (t as f64 + 0.5).log2()).collect();
        let centre = mean(&|t| trend[t]);
        Ok(Self {
            basis,
            has_slope,
            trend: trend.into_iter().map(|value| value - centre).collect(),
        })
    }

    /// Number of periods.
    pub(super) fn n_periods(&self) -> usize {
        self.trend.len()
    }

    /// Number of coordinates of a baseline.
    pub(super) fn width(&self) -> usize {
        self.basis.ncols()
    }
}
