//! The data's way in: columns of a purchase log or of a purchase summary.

mod ids;
mod purchase_log;
mod purchase_summary;
mod purchases;
mod spend;

pub(crate) use ids::{CustomerIds, check_unique_ids};
pub(crate) use purchase_log::summarize_purchases;
pub(crate) use purchase_summary::PurchaseSummary;
pub(crate) use purchases::{PurchaseArrays, column_names, purchase_columns};
pub(crate) use spend::SpendArrays;
