//! Level 3, economic value: what a customer is worth, at what risk, with what potential.

pub mod evaluation;
pub mod hazard;
pub mod lifetime;
pub mod propensity;
