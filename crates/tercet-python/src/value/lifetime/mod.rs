//! Lifetime models: purchases, spend, value.

mod bg_nbd;
mod gamma_gamma;
pub(crate) mod lifetime_value;

pub(crate) use bg_nbd::FittedBgNbd;
pub(crate) use gamma_gamma::FittedGammaGamma;
