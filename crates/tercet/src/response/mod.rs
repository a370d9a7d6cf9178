//! Level 2, response: what customers do, and what works on them.

pub mod allocation;
mod bins;
mod data;
pub mod experiment;
pub mod forest;
mod ranking;
pub mod rules;

pub use data::{EffectData, Propensities, Treatment};
pub use ranking::{Area, Gain, RankedArea, Ranking};
