//! Level 1: macro segments, what customers need.

mod align;
#[cfg(feature = "linfa")]
mod baselines;
mod distal;
pub mod latent_class;
mod max_diff;
mod predictors;
mod profile;
mod projection;
mod select;
mod stability;
mod typing_tool;

pub use align::Alignment;
#[cfg(feature = "linfa")]
pub use baselines::{
    ColumnScale, FittedGaussianMixtureSegments, FittedKMeansSegments, GaussianMixtureSegments,
    KMeansSegments,
};
pub use distal::{
    Assignment, Comparison, DistalOutcome, Memberships, SegmentOutcome, StandardErrors, ThreeStep,
    WaldTest,
};
pub use latent_class::{
    ChangeTest, Drift, FittedLatentClass, LatentClass, QuestionDrift, ResponseStyle,
    SegmentAnswers, ShareDrift, SimulatedAnswers, SimulatedSurvey, Variance, WeightType,
};
pub use max_diff::{
    ChoicePlan, FittedMaxDiff, ItemCounts, MaxDiff, SimulatedChoices, Worst, best_worst_counts,
};
pub use predictors::{PredictorEffects, SegmentPredictors};
pub use profile::{Draft, Profile, ProfileRow};
pub use projection::{
    CalibrationRow, Effect, FittedSegmentProjection, Penalty, PenaltyScore, ProjectionData,
    ProjectionQuality, SegmentProjection,
};
pub use select::{Candidate, LikelihoodRatio, SegmentSelection, SelectSegments};
pub use stability::Stability;
pub use typing_tool::{FittedTypingTool, TypingAccuracy, TypingSize, TypingTool};
