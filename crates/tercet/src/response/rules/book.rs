//! Many segments that may refer to each other.

use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::FixedState;
use hashbrown::HashSet;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::columns::Customers;
use super::evaluate::evaluate;
use super::members::{Bitmap, Memberships};
use super::parse::wrong;
use super::plan::{Planner, no_such_segment};
use super::segment::Segment;
use crate::data::Ids;
use crate::error::{Error, Result};
use crate::observe::Observer;
use crate::persist::{Parts, Persist};

/// A segment in a book: evaluated anew each time, or a list of customers.
#[derive(Debug, Clone, PartialEq)]
pub struct BookEntry {
    /// The definition.
    pub segment: Segment,
    /// The list, if it is frozen: then the definition only says how it came about.
    pub frozen: Option<Frozen>,
}

/// The members of a segment as of a date, for good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frozen {
    /// The date, as the caller writes it.
    pub as_of: String,
    /// The members.
    pub ids: FrozenIds,
}

/// Ids of customers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FrozenIds {
    /// Whole numbers.
    Whole(Vec<i64>),
    /// Text.
    Text(Vec<String>),
}

impl FrozenIds {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Whole(ids) => ids.len(),
            Self::Text(ids) => ids.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Many segments: each with its id, in an order of their own, without circles of references.
///
/// See the [module](super) for an example.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentBook {
    entries: Vec<BookEntry>,
    /// Places of entries: those that others refer to come before them.
    order: Vec<usize>,
}

impl SegmentBook {
    /// A book of segments that are evaluated anew each time.
    ///
    /// # Errors
    /// As [`SegmentBook::of_entries`].
    pub fn new(segments: Vec<Segment>) -> Result<Self> {
        let entry = |segment| BookEntry {
            segment,
            frozen: None,
        };
        Self::of_entries(segments.into_iter().map(entry).collect())
    }

    /// A book of segments, some of them frozen.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for no segment, two of one id, a reference to a segment that is not in
    /// the book, and for segments that refer to each other in a circle.
    pub fn of_entries(entries: Vec<BookEntry>) -> Result<Self> {
        if entries.is_empty() {
            return Err(Error::parameter("segments", "[]", "at least one segment"));
        }
        let mut places = HashMap::new();
        for (place, entry) in entries.iter().enumerate() {
            let id = entry.segment.id();
            if let Some(first) = places.insert(id, place) {
                let expected = format!("an id of its own; segments[{first}] has it, too");
                let name = format!("segments[{place}].id");
                return Err(Error::parameter(name, format!("{id:?}"), expected));
            }
        }
        let mut needs = Vec::with_capacity(entries.len());
        for entry in &entries {
            needs.push(references(entry, &places)?);
        }
        let order = order(&entries, &needs)?;
        Ok(Self { entries, order })
    }

    /// A book from a JSON list of segments; a frozen one has its list beside its definition, as `"frozen":
    /// {"as_of": "2025-01-31", "ids": [...]}`.
    ///
    /// # Errors
    /// As [`SegmentBook::of_entries`]; what is wrong with a segment names its place in the list.
    pub fn from_segments(text: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(text).map_err(|error| Error::Corrupt {
            reason: error.to_string(),
        })?;
        Self::read(&value)
    }

    fn read(segments: &Value) -> Result<Self> {
        let list = segments
            .as_array()
            .ok_or_else(|| wrong("segments", segments, "a list of segments"))?;
        let entries = list.iter().enumerate();
        let entries =
            entries.map(|(place, value)| read_entry(value, &format!("segments[{place}]")));
        Self::of_entries(entries.collect::<Result<_>>()?)
    }

    /// The segments.
    pub fn entries(&self) -> &[BookEntry] {
        &self.entries
    }

    /// Number of segments.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Never true: an empty book is refused at the door.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Places of the segments, those that others refer to before them.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// Says who is in which segment, in one pass over the customers. Conditions that several segments
    /// share are evaluated once.
    ///
    /// `as_of` is in microseconds of the local clock since 1970.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a column that the customers lack, [`Error::InvalidParameter`] for a test
    /// of another kind than its column, for relative conditions without `as_of`, and for frozen segments
    /// without ids or with ids of another kind.
    pub fn evaluate(
        &self,
        customers: &Customers<'_>,
        as_of: Option<i64>,
        observer: &mut dyn Observer,
    ) -> Result<Memberships> {
        let mut planner = Planner::new(customers, as_of);
        for &place in &self.order {
            let entry = &self.entries[place];
            let id = entry.segment.id();
            if let Some(frozen) = &entry.frozen {
                planner.add_list(id, listed(frozen, id, customers)?);
                continue;
            }
            let path = if self.entries.len() == 1 {
                "where".to_owned()
            } else {
                format!("segments[{id:?}].where")
            };
            planner.add(id, entry.segment.tree(), &path)?;
        }
        let plan = planner.finish(self.entries.iter().map(|entry| entry.segment.id()));
        let sets = evaluate(&plan, customers, observer)?;
        Ok(Memberships::new(sets, customers.len()))
    }
}

/// The places of the segments that an entry needs; a frozen one needs none.
fn references(entry: &BookEntry, places: &HashMap<&str, usize>) -> Result<Vec<usize>> {
    if entry.frozen.is_some() {
        return Ok(Vec::new());
    }
    let id = entry.segment.id();
    let place = |(other, path): (String, String)| {
        let place = places.get(other.as_str()).copied();
        place.ok_or_else(|| no_such_segment(&other, &format!("segments[{id:?}].{path}")))
    };
    entry.segment.references().into_iter().map(place).collect()
}

/// Depth-first order without recursion; a circle is an error that names it.
fn order(entries: &[BookEntry], needs: &[Vec<usize>]) -> Result<Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut states = vec![State::New; entries.len()];
    let mut order = Vec::with_capacity(entries.len());
    for start in 0..entries.len() {
        if states[start] != State::New {
            continue;
        }
        states[start] = State::Open;
        // Each with how many of its needs have been looked at.
        let mut path = vec![(start, 0)];
        while let Some((place, seen)) = path.last_mut() {
            let Some(&next) = needs[*place].get(*seen) else {
                states[*place] = State::Done;
                order.push(*place);
                path.pop();
                continue;
            };
            *seen += 1;
            match states[next] {
                State::Done => {}
                State::New => {
                    states[next] = State::Open;
                    path.push((next, 0));
                }
                State::Open => {
                    let circle = path.iter().map(|(place, _)| *place);
                    let circle = circle.skip_while(|place| *place != next).chain([next]);
                    let ids: Vec<&str> = circle.map(|one| entries[one].segment.id()).collect();
                    let expected = "segments that do not refer to each other in a circle; write one of the conditions out, or freeze one of them";
                    return Err(Error::parameter("segments", ids.join(" -> "), expected));
                }
            }
        }
    }
    Ok(order)
}

/// The rows of a frozen segment's members.
fn listed(frozen: &Frozen, id: &str, customers: &Customers<'_>) -> Result<Bitmap> {
    let n = customers.len();
    let Some((column, ids)) = customers.ids() else {
        let expected = format!("ids of the customers: segment {id:?} is a list of them");
        return Err(Error::parameter("customers", "no ids", expected));
    };
    match (ids, &frozen.ids) {
        _ if frozen.ids.is_empty() => Ok(Bitmap::of(n, |_| false)),
        (Ids::Integers(values), FrozenIds::Whole(list)) => {
            let set = set_of(list.iter().copied());
            Ok(Bitmap::of(n, |row| set.contains(&values[row])))
        }
        (Ids::Strings { .. }, FrozenIds::Text(list)) => {
            let set = set_of(list.iter().map(String::as_bytes));
            Ok(Bitmap::of(n, |row| set.contains(ids.text(row))))
        }
        (Ids::Integers(_), _) => Err(other_ids(column, "whole numbers", id, "text")),
        (Ids::Strings { .. }, _) => Err(other_ids(column, "text", id, "whole numbers")),
    }
}

fn set_of<K: Eq + Hash>(keys: impl Iterator<Item = K>) -> HashSet<K, FixedState> {
    let mut set = HashSet::with_hasher(FixedState::default());
    set.extend(keys);
    set
}

fn other_ids(column: &str, ours: &str, id: &str, theirs: &str) -> Error {
    let reason =
        format!("holds {ours}, but the list of segment {id:?} is of {theirs}; convert the column");
    Error::data(column, None, reason)
}

impl Persist for SegmentBook {
    const KIND: &'static str = "segment_book";
    const VERSION: u32 = 1;

    fn to_parts(&self) -> Result<Parts> {
        let entry = |entry: &BookEntry| {
            let mut value = Value::from(entry.segment.clone());
            if let (Some(frozen), Value::Object(object)) = (&entry.frozen, &mut value) {
                object.insert("frozen".to_owned(), json!(frozen));
            }
            value
        };
        let segments: Vec<Value> = self.entries.iter().map(entry).collect();
        Parts::new(
            json!({}),
            json!({}),
            json!({"segments": segments}),
            json!({}),
        )
    }

    fn from_parts(parts: Parts) -> Result<Self> {
        Self::read(&parts.fitted["segments"]).map_err(|error| Error::Corrupt {
            reason: error.to_string(),
        })
    }
}

fn read_entry(value: &Value, place: &str) -> Result<BookEntry> {
    let mut definition = value.clone();
    let frozen = definition
        .as_object_mut()
        .and_then(|object| object.remove("frozen"));
    let segment = Segment::read(&definition, place)?;
    let frozen = frozen.map(|value| {
        let expected = "{\"as_of\": \"2025-01-31\", \"ids\": [...]}";
        let path = format!("{place}.frozen");
        serde_json::from_value(value.clone()).map_err(|_| wrong(&path, &value, expected))
    });
    Ok(BookEntry {
        segment,
        frozen: frozen.transpose()?,
    })
}
