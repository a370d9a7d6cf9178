//! One segment: an id, a version, a description, and who is in it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

use super::condition::{Condition, Kind};
use super::parse::{self, wrong};
use super::words;
use crate::error::{Error, Result};

const KEYS: [&str; 4] = ["id", "version", "description", "where"];

/// A segment of customers: one definition, as data.
///
/// ```
/// use tercet::response::rules::Segment;
///
/// let error = Segment::from_json(
///     r#"{"id": "a", "where": {"all": [{"everyone": true}, {"column": "orders", "in": []}]}}"#,
/// );
/// assert!(error.unwrap_err().to_string().starts_with("where.all[1].in = []: expected"));
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct Segment {
    id: String,
    version: u32,
    description: String,
    tree: Condition,
}

impl Segment {
    /// A segment of version 1.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for an id that is blank, and for a column that the tree takes for two
    /// kinds of value.
    pub fn new(id: &str, tree: Condition) -> Result<Self> {
        let id = parse::name(&json!(id), "id", "an id")?;
        check_kinds(&tree, "where")?;
        Ok(Self {
            id,
            version: 1,
            description: String::new(),
            tree,
        })
    }

    /// The segment from a JSON text.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] that names the place in the tree; [`Error::Corrupt`] for a text that is
    /// no JSON.
    pub fn from_json(text: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(text).map_err(|error| Error::Corrupt {
            reason: error.to_string(),
        })?;
        Self::read(&value, "")
    }

    /// The segment as a JSON text.
    pub fn to_json(&self) -> String {
        Value::from(self.clone()).to_string()
    }

    /// Reads a segment that stands at a place of a larger text: "segments[3]".
    pub(crate) fn read(value: &Value, place: &str) -> Result<Self> {
        let at = |key: &str| match place {
            "" => key.to_owned(),
            place => format!("{place}.{key}"),
        };
        let whole = if place.is_empty() { "segment" } else { place };
        let expected =
            "an object with \"id\" and \"where\", and perhaps \"version\" and \"description\"";
        let object = value
            .as_object()
            .ok_or_else(|| wrong(whole, value, expected))?;
        check_keys(object, whole, expected)?;
        let id = object.get("id").unwrap_or(&Value::Null);
        let id = parse::name(id, &at("id"), "an id")?;
        let version = match object.get("version") {
            None => 1,
            Some(value) => read_version(value, &at("version"))?,
        };
        let description = match object.get("description") {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => return Err(wrong(&at("description"), other, "text")),
        };
        let tree = object.get("where").unwrap_or(&Value::Null);
        let tree = parse::condition(tree, &at("where"))?;
        check_kinds(&tree, &at("where"))?;
        Ok(Self {
            id,
            version,
            description,
            tree,
        })
    }

    /// Another version, from 1 on.
    #[must_use]
    pub fn with_version(mut self, version: u32) -> Self {
        self.version = version.max(1);
        self
    }

    /// What it is for, in words.
    #[must_use]
    pub fn with_description(mut self, text: &str) -> Self {
        text.clone_into(&mut self.description);
        self
    }

    /// The id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The version.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// What it is for.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Who is in it.
    pub fn tree(&self) -> &Condition {
        &self.tree
    }

    /// The columns that it asks for, where it first does so, and what they must hold; in order of their
    /// first use.
    pub fn columns(&self) -> Vec<(String, String, Option<Kind>)> {
        let mut found: Vec<(String, String, Option<Kind>)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        self.tree.walk("where", &mut |path, condition| {
            let Condition::Column { column, test } = condition else {
                return;
            };
            let place = *places.entry(column.clone()).or_insert_with(|| {
                found.push((column.clone(), path.to_owned(), None));
                found.len() - 1
            });
            found[place].2 = found[place].2.or(test.kind());
        });
        found
    }

    /// The ids of the segments that it refers to, with the places where it does so.
    pub fn references(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        self.tree.walk("where", &mut |path, condition| {
            if let Condition::Segment(id) = condition {
                found.push((id.clone(), path.to_owned()));
            }
        });
        found
    }

    /// Where it first counts from the as-of date, if it does.
    pub fn relative(&self) -> Option<String> {
        let mut found = None;
        self.tree.walk("where", &mut |path, condition| {
            if let Condition::Column { test, .. } = condition
                && test.is_relative()
                && found.is_none()
            {
                found = Some(format!("{path}.{}", words::test(test).0));
            }
        });
        found
    }
}

fn check_keys(object: &Map<String, Value>, path: &str, expected: &str) -> Result<()> {
    let unknown = object.iter().find(|(key, _)| !KEYS.contains(&key.as_str()));
    match unknown {
        None => Ok(()),
        Some((key, value)) => Err(wrong(&format!("{path}.{key}"), value, expected)),
    }
}

fn read_version(value: &Value, path: &str) -> Result<u32> {
    let version = value
        .as_u64()
        .and_then(|version| u32::try_from(version).ok());
    version
        .filter(|version| *version > 0)
        .ok_or_else(|| wrong(path, value, "a whole number, at least 1"))
}

/// Refuses a tree that takes a column for two kinds of value.
fn check_kinds(tree: &Condition, path: &str) -> Result<()> {
    let mut seen: HashMap<&str, (Kind, String)> = HashMap::new();
    let mut error = None;
    tree.walk(path, &mut |path, condition| {
        let Condition::Column { column, test } = condition else {
            return;
        };
        let Some(kind) = test.kind() else {
            return;
        };
        let (first, place) = seen
            .entry(column)
            .or_insert_with(|| (kind, path.to_owned()));
        if *first != kind && error.is_none() {
            let (word, value) = words::test(test);
            let expected = format!(
                "a test of {}: {place} takes column '{column}' for such",
                first.plural()
            );
            error = Some(wrong(&format!("{path}.{word}"), &value, expected));
        }
    });
    error.map_or(Ok(()), Err)
}

impl TryFrom<Value> for Segment {
    type Error = Error;

    fn try_from(value: Value) -> Result<Self> {
        Self::read(&value, "")
    }
}

impl From<Segment> for Value {
    fn from(segment: Segment) -> Self {
        json!({
            "id": segment.id,
            "version": segment.version,
            "description": segment.description,
            "where": words::condition(&segment.tree),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(value: &Value) -> String {
        Segment::read(value, "").unwrap_err().to_string()
    }

    #[test]
    fn what_a_segment_needs_is_told() {
        let tree = json!({"column": "age", ">=": 18});
        let read = Segment::read(&json!({"id": "adults", "where": tree}), "").unwrap();
        assert_eq!((read.id(), read.version()), ("adults", 1));
        assert_eq!(Segment::from_json(&read.to_json()).unwrap(), read);
        for (value, begins) in [
            (json!(3), "segment = 3: expected an object"),
            (json!({"where": tree}), "id = null: expected an id"),
            (json!({"id": "a"}), "where = null: expected a condition"),
            (
                json!({"id": "a", "where": tree, "version": 0}),
                "version = 0: expected",
            ),
            (
                json!({"id": "a", "where": tree, "name": 1}),
                "segment.name = 1: expected",
            ),
            (
                json!({"id": "a", "where": tree, "description": 1}),
                "description = 1: expected",
            ),
        ] {
            assert!(message(&value).starts_with(begins), "{}", message(&value));
        }
    }

    #[test]
    fn one_column_is_of_one_kind() {
        let tree = json!({"any": [
            {"column": "a", "is_missing": true},
            {"column": "a", "==": 1},
            {"column": "a", "within_days": 3},
        ]});
        let expected = "where.any[2].within_days = 3: expected a test of numbers: where.any[1] takes column 'a' for such";
        assert_eq!(message(&json!({"id": "a", "where": tree})), expected);
    }

    #[test]
    fn columns_references_and_clock_are_told() {
        let segment = Segment::from_json(
            r#"{"id": "a", "where": {"all": [
                {"column": "a", "is_missing": false}, {"not": {"segment": "b"}},
                {"column": "last", "within": "6mo"}, {"column": "a", "==": "x"}
            ]}}"#,
        )
        .unwrap();
        let columns = segment.columns();
        assert_eq!(
            columns[0],
            ("a".into(), "where.all[0]".into(), Some(Kind::Text))
        );
        assert_eq!(columns[1].2, Some(Kind::Time));
        assert_eq!(
            segment.references(),
            [("b".into(), "where.all[1].not".into())]
        );
        assert_eq!(segment.relative().unwrap(), "where.all[2].within");
    }
}
