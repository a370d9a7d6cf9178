//! Segments as rules: one definition, as data, that is evaluated here and read elsewhere.
//!
//! A [`Segment`] is a tree of conditions on the columns of a table of customers. A [`SegmentBook`] holds
//! many that may refer to each other, and [`SegmentBook::evaluate`] says in one pass over the table who
//! is in which: a [`Memberships`], a bit a customer and segment.
//!
//! # Three values
//! A condition on a value that is missing (null, or NaN) is neither true nor false but unknown, as in
//! SQL: `not` leaves it unknown, `all` is false where any part is false, `any` is true where any part is
//! true. Members are those for whom the whole is true. A condition that refers to another segment asks
//! whether the customer is a member of it, and that is never unknown.
//!
//! # Time
//! Times are microseconds of the local wall clock since 1970. A date in a rule is a whole day: "after
//! 2025-01-31" begins with February, "on or before 2025-01-31" includes that day's last second.
//! Relative conditions count from `as_of`, which is always an argument, and windows include their first
//! instant and exclude their last one: "within 90 days" is `as_of - 90 days <= time < as_of`.
//!
//! # Example
//! ```
//! use tercet::data::Ids;
//! use tercet::response::rules::{Column, Customers, Segment, SegmentBook};
//!
//! let segment = Segment::from_json(
//!     r#"{"id": "nordic", "where": {"all": [
//!         {"column": "country", "in": ["NO", "SE"]},
//!         {"column": "orders", ">=": 2}
//!     ]}}"#,
//! )?;
//! let levels = Ids::Strings { offsets: &[0, 2, 4], bytes: b"DENO" };
//! let customers = Customers::new(vec![
//!     ("country".into(), Column::Text { codes: &[1, 0, 1, -1], levels }),
//!     ("orders".into(), Column::Numbers(&[3.0, 5.0, f64::NAN, 9.0])),
//! ])?;
//! let book = SegmentBook::new(vec![segment])?;
//! let members = book.evaluate(&customers, None, &mut ())?;
//! assert_eq!(members.sets()[0].flags(), [true, false, false, false]);
//! # Ok::<(), tercet::Error>(())
//! ```

mod atom;
mod bits;
mod book;
mod columns;
mod condition;
mod evaluate;
mod members;
mod parse;
mod plan;
mod segment;
mod time;
mod words;

pub use book::{BookEntry, Frozen, FrozenIds, SegmentBook};
pub use columns::{Column, Customers};
pub use condition::{Comparison, Condition, Kind, Literal, Test};
pub use members::{Bitmap, Memberships};
pub use segment::Segment;
pub use time::{Span, SpanUnit};
