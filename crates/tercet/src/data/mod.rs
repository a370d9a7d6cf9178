//! Validated views of the data: parsed at the door, checked once, trusted inside.

mod cells;
mod counts;
mod ids;
mod purchase_log;
mod purchase_summary;
mod purchases;
mod spend;
mod survey;
mod survey_rows;

pub use cells::PurchaseCells;
pub use ids::Ids;
pub use purchase_log::{AfterEnd, LogColumns, Merge, PurchaseLog, Refunds, SummarySettings, Ticks};
pub use purchase_summary::{HoldoutSummary, PurchaseSummary};
pub use purchases::{PurchaseColumns, Purchases};
pub use spend::Spend;
pub use survey::{Answers, CountFamily, MOST_LEVELS, NO_ANSWER, Question, QuestionKind, Survey};

pub(crate) use cells::{Cell, Grouped, count};
pub(crate) use counts::Counts;
pub(crate) use purchases::{check_length, check_size};
pub(crate) use survey_rows::SurveyRows;
