#![doc = include_str!("../README.md")]
//!
//! # Where to look
//!
//! | to | look in |
//! |---|---|
//! | turn a log of purchases into one row a customer | [`data::PurchaseLog`] |
//! | fit who stays and how often they buy | [`value::lifetime::BgNbd`] |
//! | fit how much they spend | [`value::lifetime::GammaGamma`] |
//! | value customers | [`value::lifetime::LifetimeValue`] |
//! | tell how probable it is that customers churn, buy, use a feature | [`value::propensity::Propensity`] |
//! | tell what a treatment does to each customer | [`response::forest::CausalForest`] |
//! | choose an action for each customer by a few questions | [`response::policy::PolicyTree`] |
//! | discover segments in which an action works otherwise | [`response::discovery::SegmentDiscovery`] |
//! | judge whether a ranking by effect pays | [`response::Ranking`] |
//! | tell when customers churn, and by which of several ways | [`value::hazard::HazardModel`] |
//! | judge probabilities, calibrate them, decide by them | [`value::evaluation`] |
//! | tell what a campaign did, overall and by segment | [`response::experiment::ExperimentAnalysis`] |
//! | find segments in a survey | [`needs::LatentClass`] |
//! | tell how segments differ in spend, churn, satisfaction | [`needs::DistalOutcome`] |
//! | evaluate many segments that are rules | [`response::rules`] |
//! | tell who belongs to which segment | [`needs::SegmentPredictors`] |
//! | choose the few questions that put a customer into a segment | [`needs::TypingTool`] |
//! | save and load models (the files are those of the Python package) | [`persist::Persist`] |
//! | watch or stop a long fit | [`observe::Observer`] |
//! | draw data with known truth | [`simulate`] |

#![forbid(unsafe_code)]

#[macro_use]
mod words;

pub mod data;
pub mod error;
#[cfg(feature = "linfa")]
mod linfa;
mod math;
pub mod model;
pub mod needs;
pub mod observe;
mod parallel;
pub mod persist;
pub mod random;
pub mod response;
pub mod simulate;
pub mod units;
pub mod value;

pub use error::{Error, Result};
pub use model::{Estimator, FitReport, Fitted, Parameter};
pub use observe::{Observer, Step};
pub use persist::Persist;
pub use units::TimeUnit;
