//! The data's way in: columns of a purchase log, of a purchase summary, of a survey, of choices, of customers.

mod choices;
mod design;
mod ids;
mod purchase_log;
mod purchase_summary;
mod purchases;
mod spend;
pub(crate) mod survey;

pub(crate) use choices::{ChoiceArrays, ChoiceTable};
pub(crate) use design::{Attribute, DesignArrays};
pub(crate) use ids::{CustomerIds, check_unique_ids};
pub(crate) use purchase_log::summarize_purchases;
pub(crate) use purchase_summary::PurchaseSummary;
pub(crate) use purchases::{PurchaseArrays, column_names, purchase_columns};
pub(crate) use spend::SpendArrays;
pub(crate) use survey::{AnswerColumn, Named, SurveyArrays, question};
