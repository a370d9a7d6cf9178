//! Level 3, economic value.

pub(crate) mod lifetime;
