//! Level 3, economic value.

pub(crate) mod lifetime;
mod propensity;

pub(crate) use propensity::FittedPropensity;
