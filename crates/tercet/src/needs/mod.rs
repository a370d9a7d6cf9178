//! Level 1: macro segments, what customers need.

#[cfg(feature = "linfa")]
pub mod baselines;
pub mod distal;
pub mod latent_class;
pub mod predictors;
pub mod typing_tool;

#[cfg(feature = "linfa")]
pub use baselines::{
    FittedGaussianMixtureSegments, FittedKMeansSegments, GaussianMixtureSegments, KMeansSegments,
};
pub use distal::{
    Assignment, Comparison, DistalOutcome, Memberships, SegmentOutcome, StandardErrors, ThreeStep,
    WaldTest,
};
pub use latent_class::{
    FittedLatentClass, LatentClass, ResponseStyle, SegmentAnswers, Variance, WeightType,
};
pub use predictors::{PredictorEffects, SegmentPredictors};
pub use typing_tool::{FittedTypingTool, TypingAccuracy, TypingSize, TypingTool};
