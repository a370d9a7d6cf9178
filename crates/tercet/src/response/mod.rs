//! Level 2, response: what customers do, and what works on them.

pub mod allocation;
mod bins;
mod data;
pub mod discovery;
pub mod experiment;
pub mod forest;
mod halves;
pub mod policy;
mod ranking;
pub mod rules;
mod search;

pub use data::{EffectData, Propensities, Treatment};
pub use ranking::{Area, Gain, RankedArea, Ranking};
