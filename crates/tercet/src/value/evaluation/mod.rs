//! Judging and using probabilities, from whatever model they come.
//!
//! | question | type |
//! |---|---|
//! | How good are they, and how sure is that? | [`ScoreSettings`] |
//! | Does a tenth mean one in ten? | [`Reliability`] |
//! | If not, what is the probability? | [`Calibration`] |
//! | What does contacting the best tenth reach? | [`GainSettings`] |
//! | Whom does it pay to contact? | [`CutoffSettings`] |
//! | Are there data enough to ask? | [`EnoughData`] |
//!
//! All start from [`Outcomes`]: what happened, what was predicted, how much each row counts, and
//! which customer it belongs to.

mod amounts;
mod bins;
mod calibration;
mod cumulated;
mod curve;
mod cutoff;
mod enough;
mod gain;
mod logistic;
mod outcomes;
mod ranking;
mod reliability;
mod resampling;
mod scores;
mod tally;

pub use amounts::Amounts;
pub use calibration::{Calibration, CalibrationMethod, CrossValidated, FittedCalibration};
pub use cutoff::{BestCutoff, Capacity, CutoffSettings, ProfitPoint};
pub use enough::{DataCheck, DataChecks, Enough, EnoughData};
pub use gain::{GainRow, GainSettings, GainTable};
pub use outcomes::{OutcomeColumns, Outcomes};
pub use reliability::{Reliability, ReliabilityBin};
pub use scores::{Measure, ProbabilityScores, ScoreSettings};
