//! A plan is evaluated block by block of customers, so that the columns stay near while every condition
//! reads them. Truth values are two bits a customer and condition: it is true, it is false; neither where
//! it is unknown.

use std::ops::Range;

use super::atom;
use super::columns::Customers;
use super::members::Bitmap;
use super::plan::{Node, Plan};
use crate::error::Result;
use crate::observe::{Observer, Phase};
use crate::parallel::{BLOCK, Gate, map_stripes_behind};

/// Words of a block.
const WORDS: usize = BLOCK / 64;
/// Each stripe of customers has room of its own for the truth values of a block.
const STRIPES: usize = 64;

/// The members of every root.
pub(crate) fn evaluate(
    plan: &Plan<'_>,
    customers: &Customers<'_>,
    observer: &mut dyn Observer,
) -> Result<Vec<Bitmap>> {
    let n = customers.len();
    let mut phase = Phase::new(observer, "evaluating segments");
    let gate = Gate::new(&mut phase);
    let stripes = map_stripes_behind(&gate, n, BLOCK, STRIPES, |rows| {
        let mut room = Room::new(plan);
        let words = rows.len().div_ceil(64);
        let mut found = vec![0; plan.roots.len() * words];
        for (block, start) in rows.clone().step_by(BLOCK).enumerate() {
            if gate.is_closed() {
                break;
            }
            let end = (start + BLOCK).min(rows.end);
            room.evaluate(plan, customers, start..end);
            let filled = (end - start).div_ceil(64);
            for (root, found) in plan.roots.iter().zip(found.chunks_exact_mut(words)) {
                let place = block * WORDS;
                let truths = &room.yes[root * WORDS..root * WORDS + filled];
                found[place..place + filled].copy_from_slice(truths);
            }
            gate.poll();
        }
        (words, found)
    })?;
    let mut sets = Vec::with_capacity(plan.roots.len());
    for root in 0..plan.roots.len() {
        let mut words = Vec::with_capacity(n.div_ceil(64));
        for (each, found) in &stripes {
            words.extend_from_slice(&found[root * each..(root + 1) * each]);
        }
        sets.push(Bitmap::new(words, n));
    }
    Ok(sets)
}

/// Truth values of one block.
struct Room {
    known: Vec<u64>,
    yes: Vec<u64>,
    no: Vec<u64>,
}

impl Room {
    fn new(plan: &Plan<'_>) -> Self {
        Self {
            known: vec![0; plan.columns.len() * WORDS],
            yes: vec![0; plan.nodes.len() * WORDS],
            no: vec![0; plan.nodes.len() * WORDS],
        }
    }

    fn evaluate(&mut self, plan: &Plan<'_>, customers: &Customers<'_>, rows: Range<usize>) {
        for (place, known) in plan.columns.iter().zip(self.known.chunks_exact_mut(WORDS)) {
            atom::known(customers.column(*place), known, rows.clone());
        }
        for (place, node) in plan.nodes.iter().enumerate() {
            let (yes_before, yes) = self.yes.split_at_mut(place * WORDS);
            let (no_before, no) = self.no.split_at_mut(place * WORDS);
            let (yes, no) = (&mut yes[..WORDS], &mut no[..WORDS]);
            match node {
                Node::Everyone => {
                    yes.fill(u64::MAX);
                    no.fill(0);
                }
                Node::Atom(slot, atom) => {
                    let known = &self.known[slot * WORDS..(slot + 1) * WORDS];
                    atom.fill(yes, known, rows.clone());
                    decide(atom.needs_the_value(), known, yes, no);
                }
                Node::All(parts) => {
                    combine(parts, yes_before, yes, |a, b| a & b);
                    combine(parts, no_before, no, |a, b| a | b);
                }
                Node::Any(parts) => {
                    combine(parts, yes_before, yes, |a, b| a | b);
                    combine(parts, no_before, no, |a, b| a & b);
                }
                Node::Not(part) => {
                    yes.copy_from_slice(block(no_before, *part));
                    no.copy_from_slice(block(yes_before, *part));
                }
                Node::Member(part) => {
                    yes.copy_from_slice(block(yes_before, *part));
                    negate(yes, no);
                }
                Node::List(list) => {
                    let words = list.block(rows.start, WORDS);
                    yes.fill(0);
                    yes[..words.len()].copy_from_slice(words);
                    negate(yes, no);
                }
            }
        }
    }
}

/// Splits what a test says of rows into true and false.
fn decide(needs_the_value: bool, known: &[u64], yes: &mut [u64], no: &mut [u64]) {
    for ((yes, no), known) in yes.iter_mut().zip(no).zip(known) {
        let decided = if needs_the_value { *known } else { u64::MAX };
        *no = !*yes & decided;
        *yes &= decided;
    }
}

fn combine(parts: &[usize], before: &[u64], into: &mut [u64], join: impl Fn(u64, u64) -> u64) {
    let Some((first, others)) = parts.split_first() else {
        return into.fill(0);
    };
    into.copy_from_slice(block(before, *first));
    for part in others {
        for (a, b) in into.iter_mut().zip(block(before, *part)) {
            *a = join(*a, *b);
        }
    }
}

fn block(words: &[u64], node: usize) -> &[u64] {
    &words[node * WORDS..(node + 1) * WORDS]
}

fn negate(yes: &[u64], no: &mut [u64]) {
    for (no, yes) in no.iter_mut().zip(yes) {
        *no = !yes;
    }
}
