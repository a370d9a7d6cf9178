//! Lifetime models: how long customers stay, how often they buy, how much they spend, and what that
//! is worth today.
//!
//! | step | type | question |
//! |---|---|---|
//! | purchases | [`BgNbd`] | how many purchases are to come, and is the customer still there? |
//! | spend | [`GammaGamma`] | how much is a purchase of this customer worth on average? |
//! | value | [`LifetimeValue`] | what are the purchases of the coming year worth today? |

mod bg_nbd;
mod gamma_gamma;
mod lifetime_value;
mod uncertainty;

pub use bg_nbd::{BgNbd, FittedBgNbd, NewCustomers};
pub use gamma_gamma::{FittedGammaGamma, GammaGamma, Independence, ZeroSpend};
pub use lifetime_value::{LifetimeValue, LifetimeValues};

pub(crate) use uncertainty::Uncertainty;
