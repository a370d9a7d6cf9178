//! Level 1: macro segments, what customers need.

pub mod latent_class;

pub use latent_class::{
    FittedLatentClass, LatentClass, ResponseStyle, SegmentAnswers, Variance, WeightType,
};
