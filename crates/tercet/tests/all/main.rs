//! The tests of the crate as its callers see it: one program, so that it is linked once.

#![allow(clippy::unwrap_used)] // a test fails by panicking

mod common;
mod golden;
mod hazard;
#[cfg(feature = "linfa")]
mod needs_baselines;
mod needs_distal;
mod needs_latent_class;
mod needs_max_diff;
mod needs_projection;
mod needs_typing;
mod parity;
mod propensity;
mod propensity_public;
mod propensity_strengths;
mod properties;
mod recovery;
mod response_allocation;
mod response_experiment;
mod response_forest;
mod response_policy;
mod response_ranking;
mod rules;
mod value_evaluation;
