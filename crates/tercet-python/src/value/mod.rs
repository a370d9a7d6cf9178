//! Level 3, economic value.

pub(crate) mod evaluation;
pub(crate) mod hazard;
pub(crate) mod lifetime;
mod propensity;

pub(crate) use propensity::{FittedPropensity, reason_words};
