//! JSON becomes a tree of conditions, or an error that says where in the tree it is wrong.

use serde_json::{Map, Value};

use super::condition::{Comparison, Condition, Kind, Literal, Test};
use super::time::{self, Span};
use crate::error::{Error, Result};

/// A tree that is deeper is a mistake; every reader of it may recurse, also that of JSON, which goes down
/// two levels with each list of conditions and stops at 127.
const DEEPEST: usize = 32;
/// How much of a value that is wrong an error shows.
const SHOWN: usize = 80;

const TESTS: &str = "\"==\", \"!=\", \"<\", \"<=\", \">\", \">=\", \"in\", \"not_in\", \"between\", \"is_missing\", \"contains\", \"starts_with\", \"ends_with\", \"within_days\", \"older_than_days\", \"next_days\", \"within\", \"older_than\", \"next\"";
const CONDITION: &str = "a condition: {\"all\": [...]}, {\"any\": [...]}, {\"not\": {...}}, {\"segment\": \"id\"}, {\"everyone\": true}, or {\"column\": \"name\"} with one test";

/// Reads a condition; `path` is where it stands ("where").
pub(crate) fn condition(value: &Value, path: &str) -> Result<Condition> {
    read(value, path, DEEPEST)
}

fn read(value: &Value, path: &str, depth: usize) -> Result<Condition> {
    if depth == 0 {
        let expected = format!("at most {DEEPEST} levels");
        return Err(wrong(path, value, expected));
    }
    let object = value
        .as_object()
        .ok_or_else(|| wrong(path, value, CONDITION))?;
    if let Some(column) = object.get("column") {
        return test_of_column(object, column, path);
    }
    let (word, inner) = match object.iter().next() {
        Some(only) if object.len() == 1 => only,
        _ => return Err(wrong(path, value, CONDITION)),
    };
    let place = format!("{path}.{word}");
    match word.as_str() {
        "all" => parts(inner, &place, depth).map(Condition::All),
        "any" => parts(inner, &place, depth).map(Condition::Any),
        "not" => Ok(Condition::Not(Box::new(read(inner, &place, depth - 1)?))),
        "segment" => name(inner, &place, "the id of a segment").map(Condition::Segment),
        "everyone" if inner == &Value::Bool(true) => Ok(Condition::Everyone),
        "everyone" => Err(wrong(&place, inner, "true")),
        _ => Err(wrong(path, value, CONDITION)),
    }
}

fn parts(value: &Value, path: &str, depth: usize) -> Result<Vec<Condition>> {
    let parts = list(value, path, "a list of conditions")?;
    let read_part = |(place, part)| read(part, &format!("{path}[{place}]"), depth - 1);
    parts.iter().enumerate().map(read_part).collect()
}

fn test_of_column(object: &Map<String, Value>, column: &Value, path: &str) -> Result<Condition> {
    let column = name(column, &format!("{path}.column"), "a column's name")?;
    let mut tests = object.iter().filter(|(word, _)| *word != "column");
    let (word, value) = match (tests.next(), tests.next()) {
        (Some(only), None) => only,
        (None, _) => {
            let shown = Value::Object(object.clone());
            return Err(wrong(path, &shown, format!("one test of it: {TESTS}")));
        }
        (Some(_), Some((second, value))) => {
            let expected = "one test of a column; put several as conditions into {\"all\": [...]}";
            return Err(wrong(&format!("{path}.{second}"), value, expected));
        }
    };
    let test = test(word, value, &format!("{path}.{word}"))?;
    Ok(Condition::Column { column, test })
}

fn test(word: &str, value: &Value, path: &str) -> Result<Test> {
    let comparison = match word {
        "==" | "=" => Some(Comparison::Equal),
        "!=" | "<>" => Some(Comparison::Unequal),
        "<" => Some(Comparison::Less),
        "<=" => Some(Comparison::AtMost),
        ">" => Some(Comparison::Greater),
        ">=" => Some(Comparison::AtLeast),
        _ => None,
    };
    if let Some(comparison) = comparison {
        return compared(comparison, value, path);
    }
    match word {
        "in" => several(value, path).map(Test::In),
        "not_in" => several(value, path).map(Test::NotIn),
        "between" => between(value, path),
        "is_missing" => match value {
            Value::Bool(missing) => Ok(Test::Missing(*missing)),
            _ => Err(wrong(path, value, "true or false")),
        },
        "contains" => part_of_text(value, path).map(Test::Contains),
        "starts_with" => part_of_text(value, path).map(Test::StartsWith),
        "ends_with" => part_of_text(value, path).map(Test::EndsWith),
        "within_days" => days(value, path).map(Test::Within),
        "older_than_days" => days(value, path).map(Test::OlderThan),
        "next_days" => days(value, path).map(Test::Next),
        "within" => span(value, path).map(Test::Within),
        "older_than" => span(value, path).map(Test::OlderThan),
        "next" => span(value, path).map(Test::Next),
        _ => Err(wrong(path, value, format!("a test among {TESTS}"))),
    }
}

fn compared(comparison: Comparison, value: &Value, path: &str) -> Result<Test> {
    let literal = literal(value, path)?;
    let ordered = !matches!(comparison, Comparison::Equal | Comparison::Unequal);
    if ordered && matches!(literal.kind(), Kind::Text | Kind::Truth) {
        let expected = format!(
            "a number, {{\"date\": \"...\"}} or {{\"time\": \"...\"}}; {} have no order that all databases agree on",
            if literal.kind() == Kind::Text {
                "texts"
            } else {
                "truth values"
            }
        );
        return Err(wrong(path, value, expected));
    }
    Ok(Test::Compare(comparison, literal))
}

fn several(value: &Value, path: &str) -> Result<Vec<Literal>> {
    let values = list(value, path, "a list of values")?;
    let mut found: Vec<Literal> = Vec::with_capacity(values.len());
    for (place, value) in values.iter().enumerate() {
        let path = format!("{path}[{place}]");
        let literal = literal(value, &path)?;
        if let Some(first) = found.first()
            && first.kind() != literal.kind()
        {
            let expected = format!("{}, as the first value is", article(first.kind()));
            return Err(wrong(&path, value, expected));
        }
        found.push(literal);
    }
    Ok(found)
}

fn between(value: &Value, path: &str) -> Result<Test> {
    let expected = "the lower and the upper value, both included: [18, 65]";
    let ends = value.as_array().filter(|ends| ends.len() == 2);
    let ends = ends.ok_or_else(|| wrong(path, value, expected))?;
    let (low, high) = (
        literal(&ends[0], &format!("{path}[0]"))?,
        literal(&ends[1], &format!("{path}[1]"))?,
    );
    if matches!(low.kind(), Kind::Text | Kind::Truth) || low.kind() != high.kind() {
        return Err(wrong(path, value, "two numbers, or two dates or times"));
    }
    if first_of(&low) > first_of(&high) {
        return Err(wrong(path, value, "the lower value first"));
    }
    Ok(Test::Between(low, high))
}

/// A number or time on one scale, to tell which of two comes first.
fn first_of(literal: &Literal) -> f64 {
    match literal {
        Literal::Whole(value) | Literal::Instant(value) => *value as f64,
        Literal::Real(value) => *value,
        Literal::Day(day) => (day * time::DAY) as f64,
        Literal::Text(_) | Literal::Truth(_) => 0.0,
    }
}

fn literal(value: &Value, path: &str) -> Result<Literal> {
    let expected = "a number, text, true or false, {\"date\": \"2025-01-31\"} or {\"time\": \"2025-01-31T10:00:00\"}";
    match value {
        Value::Bool(truth) => Ok(Literal::Truth(*truth)),
        Value::String(text) => checked_text(text, path).map(Literal::Text),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Ok(Literal::Whole(whole)),
            (None, Some(real)) if real.is_finite() && !number.is_u64() => Ok(Literal::Real(real)),
            _ => Err(wrong(path, value, "a number of at most 64 bits")),
        },
        Value::Object(object) if object.len() == 1 => {
            let text = |word: &str| object.get(word).and_then(Value::as_str);
            if let Some(text) = text("date") {
                let day = time::read_date(text).map(Literal::Day);
                day.ok_or_else(|| wrong(path, value, "a day that exists, as \"2025-01-31\""))
            } else if let Some(text) = text("time") {
                let expected = "a time on the local clock, as \"2025-01-31T10:00:00\"";
                let instant = time::read_instant(text).map(Literal::Instant);
                instant.ok_or_else(|| wrong(path, value, expected))
            } else {
                Err(wrong(path, value, expected))
            }
        }
        Value::Null => {
            let expected =
                format!("{expected}; ask for missing values with {{\"is_missing\": true}}");
            Err(wrong(path, value, expected))
        }
        _ => Err(wrong(path, value, expected)),
    }
}

fn part_of_text(value: &Value, path: &str) -> Result<String> {
    match value.as_str() {
        Some(text) if !text.is_empty() => checked_text(text, path),
        _ => Err(wrong(path, value, "text that is not empty")),
    }
}

/// Text that a database can hold.
fn checked_text(text: &str, path: &str) -> Result<String> {
    if text.contains('\0') {
        let shown = Value::String(text.to_owned());
        return Err(wrong(path, &shown, "text without the character of code 0"));
    }
    Ok(text.to_owned())
}

fn days(value: &Value, path: &str) -> Result<Span> {
    let days = value.as_u64().and_then(|days| u32::try_from(days).ok());
    let span = days.and_then(|days| format!("{days}d").parse().ok());
    span.ok_or_else(|| wrong(path, value, "a whole number of days, from 1 to 37200"))
}

fn span(value: &Value, path: &str) -> Result<Span> {
    let span = value.as_str().and_then(|text| text.parse().ok());
    let expected = "a length of time of up to a hundred years: \"90d\", \"26w\", \"6mo\", \"1y\"";
    span.ok_or_else(|| wrong(path, value, expected))
}

/// A name: text that is not empty and has no control characters.
pub(crate) fn name(value: &Value, path: &str, expected: &str) -> Result<String> {
    let text = value.as_str().filter(|text| {
        !text.trim().is_empty() && !text.chars().any(char::is_control) && text.trim() == *text
    });
    text.map(ToOwned::to_owned).ok_or_else(|| {
        let expected = format!("{expected}: text without line breaks, not blank at either end");
        wrong(path, value, expected)
    })
}

fn list<'v>(value: &'v Value, path: &str, expected: &str) -> Result<&'v [Value]> {
    match value.as_array() {
        Some(list) if !list.is_empty() => Ok(list),
        _ => Err(wrong(path, value, format!("{expected}, at least one"))),
    }
}

fn article(kind: Kind) -> &'static str {
    match kind {
        Kind::Number => "a number",
        Kind::Text => "text",
        Kind::Truth => "true or false",
        Kind::Time => "a date or time",
    }
}

/// An error at a place of the tree.
pub(crate) fn wrong(path: &str, value: &Value, expected: impl Into<String>) -> Error {
    let mut shown = value.to_string();
    if shown.chars().count() > SHOWN {
        shown = shown.chars().take(SHOWN).chain("...".chars()).collect();
    }
    Error::parameter(path, shown, expected)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(value: &Value) -> String {
        condition(value, "where").unwrap_err().to_string()
    }

    #[test]
    fn every_form_is_read_and_written_back() {
        let tree = json!({"all": [
            {"everyone": true},
            {"column": "country", "in": ["NO", "SE"]},
            {"column": "country", "not_in": ["DK"]},
            {"column": "orders", ">=": 2},
            {"column": "spend", "<": 12.5},
            {"column": "spend", "between": [1, 2.5]},
            {"column": "opted_in", "==": true},
            {"column": "since", ">": {"date": "2024-02-29"}},
            {"column": "since", "<=": {"time": "2025-01-31T10:00:00"}},
            {"column": "last", "within_days": 90},
            {"column": "last", "older_than": "6mo"},
            {"column": "renewal", "next_days": 30},
            {"column": "note", "contains": "price"},
            {"column": "note", "starts_with": "too"},
            {"column": "note", "ends_with": "'; --"},
            {"any": [{"column": "age", "is_missing": true}, {"not": {"segment": "vip"}}]},
        ]});
        let read = condition(&tree, "where").unwrap();
        assert_eq!(Value::from(read), tree);
    }

    #[test]
    fn spellings_become_one() {
        let read = |value: Value| Value::from(condition(&value, "where").unwrap());
        assert_eq!(
            read(json!({"column": "a", "=": 1})),
            json!({"column": "a", "==": 1})
        );
        assert_eq!(
            read(json!({"column": "a", "within": "90d"})),
            json!({"column": "a", "within_days": 90})
        );
    }

    #[test]
    fn errors_name_the_place() {
        for (tree, begins) in [
            (json!([]), "where = []: expected a condition"),
            (json!({}), "where = {}: expected a condition"),
            (
                json!({"all": []}),
                "where.all = []: expected a list of conditions, at least one",
            ),
            (
                json!({"all": [{"everyone": true}, {"column": "a", "in": []}]}),
                "where.all[1].in = []: expected a list of values, at least one",
            ),
            (
                json!({"any": [{"not": {"column": "a", "in": [1, "b"]}}]}),
                "where.any[0].not.in[1] = \"b\": expected a number",
            ),
            (
                json!({"column": "a"}),
                "where = {\"column\":\"a\"}: expected one test",
            ),
            (
                json!({"column": "a", ">": 1, "<": 2}),
                "where.> = 1: expected one test of a column",
            ),
            (
                json!({"column": "a", "like": "x"}),
                "where.like = \"x\": expected a test among",
            ),
            (
                json!({"column": "a", ">": "x"}),
                "where.> = \"x\": expected a number",
            ),
            (
                json!({"column": "a", "==": null}),
                "where.== = null: expected a number, text",
            ),
            (
                json!({"column": " a", "==": 1}),
                "where.column = \" a\": expected a column's name",
            ),
            (
                json!({"column": "a", "between": [2, 1]}),
                "where.between = [2,1]: expected the lower",
            ),
            (
                json!({"column": "a", "within_days": -1}),
                "where.within_days = -1: expected a whole",
            ),
            (
                json!({"column": "a", "within": "1 year"}),
                "where.within = \"1 year\": expected a len",
            ),
            (
                json!({"column": "a", "==": {"date": "2025-02-30"}}),
                "where.== = {\"date\":",
            ),
            (
                json!({"column": "a", "==": u64::MAX}),
                "where.== = 18446744073709551615: expected",
            ),
            (
                json!({"column": "a", "contains": ""}),
                "where.contains = \"\": expected text",
            ),
            (
                json!({"column": "a", "==": "\0"}),
                "where.== = \"\\u0000\": expected text without",
            ),
            (
                json!({"everyone": false}),
                "where.everyone = false: expected true",
            ),
        ] {
            let message = message(&tree);
            assert!(message.starts_with(begins), "{message}");
        }
    }

    #[test]
    fn a_tree_that_is_too_deep_is_refused() {
        let mut tree = json!({"everyone": true});
        for _ in 0..DEEPEST {
            tree = json!({"not": tree});
        }
        assert!(message(&tree).contains("at most 32 levels"));
    }
}
