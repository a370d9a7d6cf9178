//! Level 1, needs.

mod align;
mod baselines;
mod distal;
mod drift;
mod latent_class;
mod max_diff;
mod mixture;
mod predictors;
mod profile;
mod projection;
mod select;
mod simulate;
mod stability;
mod three_step;
mod typing_tool;

pub(crate) use align::{align_assignments, align_models};
pub(crate) use baselines::{FittedGaussianMixtureSegments, FittedKMeansSegments};
pub(crate) use distal::distal_outcome;
pub(crate) use drift::wave_drift;
pub(crate) use latent_class::FittedLatentClass;
pub(crate) use max_diff::{FittedMaxDiff, best_worst_counts};
pub(crate) use predictors::segment_predictors;
pub(crate) use profile::profile_segments;
pub(crate) use projection::FittedSegmentProjection;
pub(crate) use select::select_segments;
pub(crate) use simulate::{simulate_answers, simulate_answers_like};
pub(crate) use stability::segment_stability;
pub(crate) use typing_tool::FittedTypingTool;
