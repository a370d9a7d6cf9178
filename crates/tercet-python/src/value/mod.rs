//! Level 3, economic value.

pub(crate) mod evaluation;
pub(crate) mod lifetime;
