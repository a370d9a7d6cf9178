//! The tree of conditions.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::time::Span;
use super::{parse, words};
use crate::error::Error;

/// A condition on a customer: a test of one column, or several conditions together.
///
/// As JSON it is an object: `{"all": [...]}`, `{"any": [...]}`, `{"not": {...}}`, `{"segment": "id"}`,
/// `{"everyone": true}`, or a column with one test, `{"column": "orders", ">=": 2}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum Condition {
    /// True of every customer.
    Everyone,
    /// True where all are true, false where any is false.
    All(Vec<Condition>),
    /// True where any is true, false where all are false.
    Any(Vec<Condition>),
    /// True where the condition is false, and the other way round; unknown stays unknown.
    Not(Box<Condition>),
    /// Whether the customer is a member of another segment: true or false, never unknown.
    Segment(String),
    /// A test of a column; unknown where the value is missing.
    Column {
        /// The column's name.
        column: String,
        /// What is asked of its value.
        test: Test,
    },
}

/// What is asked of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Compared with a value; text and truth values have no order.
    Compare(Comparison, Literal),
    /// One of some values.
    In(Vec<Literal>),
    /// None of some values.
    NotIn(Vec<Literal>),
    /// From one value to another, both included; a date is its whole day.
    Between(Literal, Literal),
    /// Whether it is missing (`true`) or known (`false`); never unknown.
    Missing(bool),
    /// Text that has this in it, letter for letter.
    Contains(String),
    /// Text that begins with this.
    StartsWith(String),
    /// Text that ends with this.
    EndsWith(String),
    /// `as_of - span <= time < as_of`.
    Within(Span),
    /// `time < as_of - span`.
    OlderThan(Span),
    /// `as_of <= time < as_of + span`.
    Next(Span),
}

/// How two values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

/// A value in a rule.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// A whole number.
    Whole(i64),
    /// Another finite number.
    Real(f64),
    /// Text.
    Text(String),
    /// True or false.
    Truth(bool),
    /// A date, in days since 1970-01-01: the whole day.
    Day(i64),
    /// A time, in microseconds of the local clock since 1970.
    Instant(i64),
}

/// What a column must hold for a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Numbers.
    Number,
    /// Text.
    Text,
    /// True or false.
    Truth,
    /// Dates or times.
    Time,
}

impl Kind {
    /// The kind in a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Text => "text",
            Self::Truth => "truth",
            Self::Time => "time",
        }
    }

    /// What a column of this kind holds.
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Number => "numbers",
            Self::Text => "text",
            Self::Truth => "true/false values",
            Self::Time => "dates or times",
        }
    }
}

impl Literal {
    /// What the value is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Whole(_) | Self::Real(_) => Kind::Number,
            Self::Text(_) => Kind::Text,
            Self::Truth(_) => Kind::Truth,
            Self::Day(_) | Self::Instant(_) => Kind::Time,
        }
    }
}

impl Test {
    /// What the column must hold; `None` where it does not matter.
    pub fn kind(&self) -> Option<Kind> {
        match self {
            Self::Compare(_, value) | Self::Between(value, _) => Some(value.kind()),
            Self::In(values) | Self::NotIn(values) => values.first().map(Literal::kind),
            Self::Missing(_) => None,
            Self::Contains(_) | Self::StartsWith(_) | Self::EndsWith(_) => Some(Kind::Text),
            Self::Within(_) | Self::OlderThan(_) | Self::Next(_) => Some(Kind::Time),
        }
    }

    /// Whether it counts from `as_of`.
    pub fn is_relative(&self) -> bool {
        matches!(self, Self::Within(_) | Self::OlderThan(_) | Self::Next(_))
    }
}

impl Condition {
    /// Calls `see(path, condition)` for this and every condition below it, from the top.
    pub(crate) fn walk<'c>(&'c self, path: &str, see: &mut dyn FnMut(&str, &'c Condition)) {
        see(path, self);
        match self {
            Self::All(parts) => walk_parts(parts, path, "all", see),
            Self::Any(parts) => walk_parts(parts, path, "any", see),
            Self::Not(part) => part.walk(&format!("{path}.not"), see),
            Self::Everyone | Self::Segment(_) | Self::Column { .. } => {}
        }
    }
}

fn walk_parts<'c>(
    parts: &'c [Condition],
    path: &str,
    word: &str,
    see: &mut dyn FnMut(&str, &'c Condition),
) {
    for (place, part) in parts.iter().enumerate() {
        part.walk(&format!("{path}.{word}[{place}]"), see);
    }
}

impl TryFrom<Value> for Condition {
    type Error = Error;

    fn try_from(value: Value) -> Result<Self, Error> {
        parse::condition(&value, "where")
    }
}

impl From<Condition> for Value {
    fn from(condition: Condition) -> Self {
        words::condition(&condition)
    }
}
