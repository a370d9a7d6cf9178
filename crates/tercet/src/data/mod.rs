//! Validated views of the data: parsed at the door, checked once, trusted inside.

mod cells;
mod choices;
mod content_order;
mod counts;
mod design;
mod ids;
mod numbers;
mod purchase_log;
mod purchase_summary;
mod purchases;
mod spend;
mod survey;
mod survey_rows;

pub use cells::PurchaseCells;
pub use choices::{BestWorst, ChoiceColumns, ChoiceRows, FEWEST_SHOWN, MOST_SHOWN, Task};
pub use design::{Design, Feature, MatrixOrder, NO_LEVEL};
pub use ids::Ids;
pub use numbers::Numbers;
pub use purchase_log::{AfterEnd, LogColumns, Merge, PurchaseLog, Refunds, SummarySettings, Ticks};
pub use purchase_summary::{HoldoutSummary, PurchaseSummary};
pub use purchases::{PurchaseColumns, Purchases};
pub use spend::Spend;
pub use survey::{Answers, CountFamily, MOST_LEVELS, NO_ANSWER, Question, QuestionKind, Survey};

pub(crate) use cells::{Cell, Grouped, count};
pub(crate) use content_order::{order_of_design, order_of_survey};
pub(crate) use counts::Counts;
pub(crate) use design::FeatureView;
pub(crate) use purchases::{check_length, check_size, check_weights};
pub(crate) use survey_rows::SurveyRows;
