//! Level 2, response.

mod forest;
pub(crate) mod ranking;

pub(crate) use forest::FittedCausalForest;
