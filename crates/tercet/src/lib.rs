//! Customer segmentation and customer value: what customers need, what works on them, what they are
//! worth.
//!
//! ```
//! use tercet::{Estimator, simulate::PurchaseSimulator};
//! use tercet::value::lifetime::{BgNbd, GammaGamma, LifetimeValue};
//!
//! let summary = PurchaseSimulator::new(2_000).seed(1).draw_summary()?;
//! let customers = summary.purchases()?;
//! let model = BgNbd::new().fit(&customers)?;
//! let spend = GammaGamma::new().fit(&customers.spend()?)?;
//! let value = LifetimeValue::new(52.0).discount_rate(0.10).margin(0.3);
//! let value = value.score(&model, &spend, &customers, &mut ())?;
//! assert_eq!(value.clv.len(), 2_000);
//! # Ok::<(), tercet::Error>(())
//! ```
//!
//! | to | look in |
//! |---|---|
//! | turn a log of purchases into one row a customer | [`data::PurchaseLog`] |
//! | fit who stays and how often they buy | [`value::lifetime::BgNbd`] |
//! | fit how much they spend | [`value::lifetime::GammaGamma`] |
//! | value customers | [`value::lifetime::LifetimeValue`] |
//! | save and load models (the files are those of the Python package) | [`persist::Persist`] |
//! | watch or stop a long fit | [`observe::Observer`] |
//! | draw data with known truth | [`simulate`] |

#![forbid(unsafe_code)]

pub mod data;
pub mod error;
#[cfg(feature = "linfa")]
mod linfa;
mod math;
pub mod model;
pub mod observe;
mod parallel;
pub mod persist;
pub mod random;
pub mod simulate;
pub mod units;
pub mod value;

pub use error::{Error, Result};
pub use model::{Estimator, FitReport, Fitted, Parameter};
pub use observe::{Observer, Step};
pub use persist::Persist;
pub use units::TimeUnit;
