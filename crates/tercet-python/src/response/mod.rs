//! Level 2, response.

pub(crate) mod allocation;
pub(crate) mod experiment;
mod forest;
pub(crate) mod ranking;
mod rules;

pub(crate) use forest::FittedCausalForest;
pub(crate) use rules::{SegmentMemberships, SegmentRules, read_segment};
