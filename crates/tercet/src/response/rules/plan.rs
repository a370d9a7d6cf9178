//! Many trees as one list of conditions, each of which stands in it once.

use std::collections::HashMap;

use super::atom::{Atom, atom};
use super::columns::Customers;
use super::condition::{Condition, Test};
use super::members::Bitmap;
use super::words;
use crate::error::{Error, Result};

/// A condition of which every part stands before it.
#[derive(Debug)]
pub(crate) enum Node<'a> {
    Everyone,
    /// A test, and the place of its column among [`Plan::columns`].
    Atom(usize, Atom<'a>),
    All(Vec<usize>),
    Any(Vec<usize>),
    Not(usize),
    /// Whether it is true: where it is unknown it is not.
    Member(usize),
    /// A list of customers.
    List(Bitmap),
}

/// What makes two conditions the same.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Key {
    Everyone,
    Test(usize, String),
    All(Vec<usize>),
    Any(Vec<usize>),
    Not(usize),
    Member(usize),
}

/// Conditions in an order in which they can be evaluated.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) nodes: Vec<Node<'a>>,
    /// The columns that are asked for, as places among the customers' columns.
    pub(crate) columns: Vec<usize>,
    /// The node of each segment.
    pub(crate) roots: Vec<usize>,
}

/// Makes a plan, segment by segment: those that others refer to before them.
pub(crate) struct Planner<'c, 'a> {
    customers: &'c Customers<'a>,
    as_of: Option<i64>,
    plan: Plan<'a>,
    places: HashMap<Key, usize>,
    columns: HashMap<usize, usize>,
    segments: HashMap<String, usize>,
}

impl<'c, 'a> Planner<'c, 'a> {
    pub(crate) fn new(customers: &'c Customers<'a>, as_of: Option<i64>) -> Self {
        Self {
            customers,
            as_of,
            plan: Plan {
                nodes: Vec::new(),
                columns: Vec::new(),
                roots: Vec::new(),
            },
            places: HashMap::new(),
            columns: HashMap::new(),
            segments: HashMap::new(),
        }
    }

    /// Adds a segment that is a tree; `path` says where the tree stands.
    pub(crate) fn add(&mut self, id: &str, tree: &Condition, path: &str) -> Result<()> {
        let node = self.node(tree, path)?;
        self.segments.insert(id.to_owned(), node);
        Ok(())
    }

    /// Adds a segment that is a list of customers.
    pub(crate) fn add_list(&mut self, id: &str, list: Bitmap) {
        self.plan.nodes.push(Node::List(list));
        self.segments
            .insert(id.to_owned(), self.plan.nodes.len() - 1);
    }

    /// The plan, for segments in some order.
    pub(crate) fn finish<'i>(mut self, ids: impl Iterator<Item = &'i str>) -> Plan<'a> {
        let roots = ids.filter_map(|id| self.segments.get(id).copied());
        self.plan.roots = roots.collect();
        self.plan
    }

    fn node(&mut self, tree: &Condition, path: &str) -> Result<usize> {
        Ok(match tree {
            Condition::Everyone => self.intern(Key::Everyone, || Node::Everyone),
            Condition::All(parts) => {
                let parts = self.parts(parts, &format!("{path}.all"))?;
                match parts.as_slice() {
                    [only] => *only,
                    _ => self.intern(Key::All(parts.clone()), || Node::All(parts)),
                }
            }
            Condition::Any(parts) => {
                let parts = self.parts(parts, &format!("{path}.any"))?;
                match parts.as_slice() {
                    [only] => *only,
                    _ => self.intern(Key::Any(parts.clone()), || Node::Any(parts)),
                }
            }
            Condition::Not(part) => {
                let part = self.node(part, &format!("{path}.not"))?;
                self.intern(Key::Not(part), || Node::Not(part))
            }
            Condition::Segment(id) => {
                let segment = self.segments.get(id).copied();
                let segment = segment.ok_or_else(|| no_such_segment(id, path))?;
                self.intern(Key::Member(segment), || Node::Member(segment))
            }
            Condition::Column { column, test } => self.test(column, test, path)?,
        })
    }

    /// The parts' nodes, each once and in order: `a and b` is `b and a`.
    fn parts(&mut self, parts: &[Condition], path: &str) -> Result<Vec<usize>> {
        let one = |(place, part): (usize, &Condition)| self.node(part, &format!("{path}[{place}]"));
        let mut nodes = parts
            .iter()
            .enumerate()
            .map(one)
            .collect::<Result<Vec<_>>>()?;
        nodes.sort_unstable();
        nodes.dedup();
        Ok(nodes)
    }

    fn test(&mut self, name: &str, test: &Test, path: &str) -> Result<usize> {
        let place = self.customers.place(name);
        let place = place.ok_or_else(|| no_such_column(name, path))?;
        if *test == Test::Missing(false) {
            let missing = self.test(name, &Test::Missing(true), path)?;
            return Ok(self.intern(Key::Not(missing), || Node::Not(missing)));
        }
        let (word, value) = words::test(test);
        let key = Key::Test(place, format!("{word} {value}"));
        if let Some(node) = self.places.get(&key) {
            return Ok(*node);
        }
        let column = self.customers.column(place);
        let atom = atom(test, name, column, path, self.as_of)?;
        let slot = *self.columns.entry(place).or_insert_with(|| {
            self.plan.columns.push(place);
            self.plan.columns.len() - 1
        });
        Ok(self.intern(key, || Node::Atom(slot, atom)))
    }

    fn intern(&mut self, key: Key, node: impl FnOnce() -> Node<'a>) -> usize {
        let nodes = &mut self.plan.nodes;
        *self.places.entry(key).or_insert_with(|| {
            nodes.push(node());
            nodes.len() - 1
        })
    }
}

pub(crate) fn no_such_segment(id: &str, path: &str) -> Error {
    let expected = "a segment of the book; add it, or correct the id";
    Error::parameter(format!("{path}.segment"), format!("{id:?}"), expected)
}

fn no_such_column(name: &str, path: &str) -> Error {
    let reason = format!("is missing from the customers; {path} asks for it");
    Error::data(name, None, reason)
}
