//! Level 2, response.

pub(crate) mod allocation;
pub(crate) mod discovery;
pub(crate) mod experiment;
mod forest;
mod policy;
pub(crate) mod ranking;
mod rules;

pub(crate) use forest::FittedCausalForest;
pub(crate) use policy::FittedPolicyTree;
pub(crate) use rules::{SegmentMemberships, SegmentRules, read_segment};
