//! Level 1: macro segments, what customers need.

pub mod distal;
pub mod latent_class;
pub mod predictors;
pub mod typing_tool;

pub use distal::{
    Assignment, Comparison, DistalOutcome, Memberships, SegmentOutcome, StandardErrors, ThreeStep,
    WaldTest,
};
pub use latent_class::{
    FittedLatentClass, LatentClass, ResponseStyle, SegmentAnswers, Variance, WeightType,
};
pub use predictors::{PredictorEffects, SegmentPredictors};
pub use typing_tool::{FittedTypingTool, TypingAccuracy, TypingSize, TypingTool};
