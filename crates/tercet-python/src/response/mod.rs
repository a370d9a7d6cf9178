//! Level 2, response.

mod rules;

pub(crate) use rules::{SegmentMemberships, SegmentRules, read_segment};
