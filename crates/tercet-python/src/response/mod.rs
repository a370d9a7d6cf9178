//! Level 2, response.

pub(crate) mod experiment;
mod rules;

pub(crate) use rules::{SegmentMemberships, SegmentRules, read_segment};
