//! Level 2, response: what customers do, and what works on them.

pub mod experiment;
pub mod rules;
