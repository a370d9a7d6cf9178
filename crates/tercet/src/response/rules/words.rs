//! The tree of conditions as JSON, each in one form.

use serde_json::{Map, Value, json};

use super::condition::{Comparison, Condition, Literal, Test};
use super::time::{Span, SpanUnit, date_text, instant_text};

pub(crate) fn condition(condition: &Condition) -> Value {
    match condition {
        Condition::Everyone => json!({"everyone": true}),
        Condition::All(parts) => json!({"all": all(parts)}),
        Condition::Any(parts) => json!({"any": all(parts)}),
        Condition::Not(part) => json!({"not": self::condition(part)}),
        Condition::Segment(id) => json!({"segment": id}),
        Condition::Column { column, test } => {
            let (word, value) = self::test(test);
            let mut object = Map::new();
            object.insert("column".to_owned(), json!(column));
            object.insert(word.to_owned(), value);
            Value::Object(object)
        }
    }
}

fn all(parts: &[Condition]) -> Vec<Value> {
    parts.iter().map(condition).collect()
}

/// A test as its word and its value.
pub(crate) fn test(test: &Test) -> (&'static str, Value) {
    match test {
        Test::Compare(comparison, value) => (comparison.word(), literal(value)),
        Test::In(values) => ("in", values.iter().map(literal).collect()),
        Test::NotIn(values) => ("not_in", values.iter().map(literal).collect()),
        Test::Between(low, high) => ("between", json!([literal(low), literal(high)])),
        Test::Missing(missing) => ("is_missing", json!(missing)),
        Test::Contains(text) => ("contains", json!(text)),
        Test::StartsWith(text) => ("starts_with", json!(text)),
        Test::EndsWith(text) => ("ends_with", json!(text)),
        Test::Within(span) => window(*span, "within_days", "within"),
        Test::OlderThan(span) => window(*span, "older_than_days", "older_than"),
        Test::Next(span) => window(*span, "next_days", "next"),
    }
}

fn window(span: Span, days: &'static str, other: &'static str) -> (&'static str, Value) {
    match span.unit {
        SpanUnit::Day => (days, json!(span.count)),
        _ => (other, json!(span.label())),
    }
}

pub(crate) fn literal(value: &Literal) -> Value {
    match value {
        Literal::Whole(value) => json!(value),
        Literal::Real(value) => json!(value),
        Literal::Text(text) => json!(text),
        Literal::Truth(truth) => json!(truth),
        Literal::Day(day) => json!({"date": date_text(*day)}),
        Literal::Instant(tick) => json!({"time": instant_text(*tick)}),
    }
}

impl Comparison {
    /// The sign.
    pub fn word(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }
}
