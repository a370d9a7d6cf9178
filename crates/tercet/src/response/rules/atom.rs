//! A test of a column with the column's type: what is asked of each row.

use super::bits;
use super::columns::Column;
use super::condition::{Comparison, Literal, Test};
use super::parse::wrong;
use super::{time, words};
use crate::error::{Error, Result};

/// A test that knows its column.
#[derive(Debug)]
pub(crate) enum Atom<'a> {
    Numbers(&'a [f64], Spans<f64>),
    Whole(&'a [i64], Spans<i64>),
    /// Whether `false` and `true` pass.
    Truths(&'a [bool], [bool; 2]),
    /// Whether each distinct text passes.
    Text(&'a [i32], Vec<bool>),
    /// Whether the value is missing.
    Missing,
    /// A test of a column of which nothing is known.
    Unknown,
}

/// Stretches of a scale that a value lies in, or lies in none of; both ends are included.
#[derive(Debug, PartialEq)]
pub(crate) struct Spans<T> {
    ascending: Vec<(T, T)>,
    outside: bool,
}

impl<T: Copy + PartialOrd> Spans<T> {
    fn new(mut spans: Vec<(T, T)>, outside: bool) -> Self {
        spans.retain(|(low, high)| low <= high);
        // Ends are never NaN, so that they compare.
        spans.sort_by(|a, b| a.0.partial_cmp(&b.0).unwrap_or(std::cmp::Ordering::Equal));
        let mut ascending: Vec<(T, T)> = Vec::with_capacity(spans.len());
        for (low, high) in spans {
            match ascending.last_mut() {
                Some(last) if low <= last.1 => {
                    if high > last.1 {
                        last.1 = high;
                    }
                }
                _ => ascending.push((low, high)),
            }
        }
        Self { ascending, outside }
    }

    // With lazy operators loops would branch and not become vector instructions.
    #[allow(clippy::needless_bitwise_bool)]
    fn fill(&self, words: &mut [u64], values: &[T]) {
        let outside = self.outside;
        match self.ascending.as_slice() {
            [] => bits::fill(words, values, |_| outside),
            &[(low, high)] => {
                bits::fill(words, values, |x| ((x >= low) & (x <= high)) != outside);
            }
            few if few.len() <= 4 => bits::fill(words, values, |x| {
                few.iter()
                    .fold(false, |is, (low, high)| is | ((x >= *low) & (x <= *high)))
                    != outside
            }),
            many => bits::fill(words, values, |x| {
                let place = many.partition_point(|(low, _)| *low <= x);
                (place > 0 && x <= many[place - 1].1) != outside
            }),
        }
    }
}

impl Atom<'_> {
    /// The truth values of the rows from `start`, whatever they are where the value is missing.
    pub(crate) fn fill(&self, words: &mut [u64], known: &[u64], rows: std::ops::Range<usize>) {
        match self {
            Self::Numbers(values, spans) => spans.fill(words, &values[rows]),
            Self::Whole(values, spans) => spans.fill(words, &values[rows]),
            Self::Truths(values, passes) => {
                bits::fill(words, &values[rows], |truth| passes[usize::from(truth)]);
            }
            Self::Text(codes, passes) => bits::fill(words, &codes[rows], |code| {
                usize::try_from(code).is_ok_and(|code| passes[code])
            }),
            Self::Missing => {
                for (word, known) in words.iter_mut().zip(known) {
                    *word = !known;
                }
            }
            Self::Unknown => words.fill(0),
        }
    }

    /// Whether it is unknown where the value is missing; only asking for what is missing is not.
    pub(crate) fn needs_the_value(&self) -> bool {
        !matches!(self, Self::Missing)
    }
}

/// Which rows of a column are known.
pub(crate) fn known(column: &Column<'_>, words: &mut [u64], rows: std::ops::Range<usize>) {
    match column {
        Column::Numbers(values) => bits::fill(words, &values[rows], |x| !x.is_nan()),
        Column::Text { codes, .. } => bits::fill(words, &codes[rows], |code| code >= 0),
        Column::Whole { missing, .. }
        | Column::Truths { missing, .. }
        | Column::Times { missing, .. } => match missing {
            Some(missing) => bits::fill(words, &missing[rows], |missing| !missing),
            None => words.fill(u64::MAX),
        },
        Column::Missing(_) => words.fill(0),
    }
}

/// Gives a test the type of its column. `path` is where the test stands, without its word.
pub(crate) fn atom<'a>(
    test: &Test,
    name: &str,
    column: &Column<'a>,
    path: &str,
    as_of: Option<i64>,
) -> Result<Atom<'a>> {
    if let Test::Missing(_) = test {
        return Ok(Atom::Missing);
    }
    let Some(kind) = column.kind() else {
        return Ok(Atom::Unknown);
    };
    if test.kind().is_some_and(|wanted| wanted != kind) {
        return Err(mismatch(test, name, column, path));
    }
    Ok(match column {
        Column::Numbers(values) => {
            let (spans, outside) = spans::<f64>(test, real_ends);
            Atom::Numbers(values, Spans::new(spans, outside))
        }
        Column::Whole { values, .. } => {
            let (spans, outside) = spans::<i128>(test, whole_ends);
            Atom::Whole(values, Spans::new(narrowed(spans), outside))
        }
        Column::Times { ticks, .. } => {
            let (spans, outside) = if test.is_relative() {
                let as_of = as_of.ok_or_else(|| no_as_of(test, path))?;
                (vec![window(test, as_of)], false)
            } else {
                spans::<i128>(test, tick_ends)
            };
            Atom::Whole(ticks, Spans::new(narrowed(spans), outside))
        }
        Column::Truths { values, .. } => Atom::Truths(
            values,
            [
                passes(test, |one| *one == Literal::Truth(false)),
                passes(test, |one| *one == Literal::Truth(true)),
            ],
        ),
        Column::Text { codes, levels } => {
            let texts = (0..levels.len()).map(|level| levels.text(level));
            Atom::Text(codes, texts.map(|text| passes_text(test, text)).collect())
        }
        Column::Missing(_) => Atom::Unknown,
    })
}

/// A scale with a least and a greatest value, and with neighbours.
trait Scale: Copy {
    const LEAST: Self;
    const GREATEST: Self;
    fn before(self) -> Self;
    fn after(self) -> Self;
}

impl Scale for f64 {
    const LEAST: Self = f64::NEG_INFINITY;
    const GREATEST: Self = f64::INFINITY;
    fn before(self) -> Self {
        self.next_down()
    }
    fn after(self) -> Self {
        self.next_up()
    }
}

// Wider than what it stands for, so that the neighbours of its ends exist.
impl Scale for i128 {
    const LEAST: Self = i128::MIN;
    const GREATEST: Self = i128::MAX;
    fn before(self) -> Self {
        self.saturating_sub(1)
    }
    fn after(self) -> Self {
        self.saturating_add(1)
    }
}

/// The stretches that a test asks for, and whether it asks for what lies outside of them. `ends` is the
/// stretch of a value: a date is long, a number that lies between whole ones ends before it begins, and
/// all comparisons are right for both.
fn spans<T: Scale>(test: &Test, ends: impl Fn(&Literal) -> (T, T)) -> (Vec<(T, T)>, bool) {
    match test {
        Test::Compare(comparison, value) => {
            let (low, high) = ends(value);
            let span = match comparison {
                Comparison::Equal | Comparison::Unequal => (low, high),
                Comparison::Less => (T::LEAST, low.before()),
                Comparison::AtMost => (T::LEAST, high),
                Comparison::Greater => (high.after(), T::GREATEST),
                Comparison::AtLeast => (low, T::GREATEST),
            };
            (vec![span], *comparison == Comparison::Unequal)
        }
        Test::In(values) => (values.iter().map(ends).collect(), false),
        Test::NotIn(values) => (values.iter().map(ends).collect(), true),
        Test::Between(low, high) => (vec![(ends(low).0, ends(high).1)], false),
        // Of other kinds, which the column is not.
        _ => (Vec::new(), false),
    }
}

fn real_ends(value: &Literal) -> (f64, f64) {
    let value = match value {
        Literal::Whole(value) => *value as f64,
        Literal::Real(value) => *value,
        _ => f64::NAN,
    };
    (value, value)
}

#[allow(clippy::cast_possible_truncation)] // a float that is too large saturates, as it should
fn whole_ends(value: &Literal) -> (i128, i128) {
    match value {
        Literal::Whole(value) => (i128::from(*value), i128::from(*value)),
        Literal::Real(value) => (value.ceil() as i128, value.floor() as i128),
        _ => (1, 0),
    }
}

fn tick_ends(value: &Literal) -> (i128, i128) {
    let day = i128::from(time::DAY);
    match value {
        Literal::Day(date) => (i128::from(*date) * day, (i128::from(*date) + 1) * day - 1),
        Literal::Instant(tick) => (i128::from(*tick), i128::from(*tick)),
        _ => (1, 0),
    }
}

fn narrowed(spans: Vec<(i128, i128)>) -> Vec<(i64, i64)> {
    let (least, greatest) = (i128::from(i64::MIN), i128::from(i64::MAX));
    let inside = spans
        .into_iter()
        .filter(|(low, high)| low <= high && *low <= greatest && *high >= least);
    let narrow = |value: i128| i64::try_from(value.clamp(least, greatest)).unwrap_or(0);
    inside
        .map(|(low, high)| (narrow(low), narrow(high)))
        .collect()
}

/// The stretch of a window; it excludes its last instant.
fn window(test: &Test, as_of: i64) -> (i128, i128) {
    let wide = i128::from;
    match test {
        Test::Within(span) => (wide(span.before(as_of)), wide(as_of) - 1),
        Test::OlderThan(span) => (i128::MIN, wide(span.before(as_of)) - 1),
        Test::Next(span) => (wide(as_of), wide(span.after(as_of)) - 1),
        _ => (1, 0),
    }
}

fn passes(test: &Test, equals: impl Fn(&Literal) -> bool) -> bool {
    match test {
        Test::Compare(Comparison::Unequal, value) => !equals(value),
        Test::Compare(_, value) => equals(value),
        Test::In(values) => values.iter().any(equals),
        Test::NotIn(values) => !values.iter().any(equals),
        _ => false,
    }
}

fn passes_text(test: &Test, text: &[u8]) -> bool {
    match test {
        Test::Contains(part) => text
            .windows(part.len())
            .any(|bytes| bytes == part.as_bytes()),
        Test::StartsWith(part) => text.starts_with(part.as_bytes()),
        Test::EndsWith(part) => text.ends_with(part.as_bytes()),
        _ => passes(
            test,
            |one| matches!(one, Literal::Text(one) if one.as_bytes() == text),
        ),
    }
}

fn mismatch(test: &Test, name: &str, column: &Column<'_>, path: &str) -> Error {
    let (word, value) = words::test(test);
    let holds = column.kind().map_or("nothing", |kind| kind.plural());
    let remedy = match (column, test) {
        (Column::Times { .. }, Test::Compare(_, Literal::Text(text))) => {
            format!("write dates as {{\"date\": {text:?}}}")
        }
        (Column::Times { .. }, _) => "write dates as {\"date\": \"2025-01-31\"}".to_owned(),
        (Column::Text { .. }, _) if test.kind() == Some(super::Kind::Time) => {
            "convert the column to dates".to_owned()
        }
        (Column::Text { .. }, _) => "put text in quotes, or convert the column".to_owned(),
        _ => "correct the rule, or convert the column".to_owned(),
    };
    let expected = format!("a test of {holds}, which column '{name}' holds; {remedy}");
    wrong(&format!("{path}.{word}"), &value, expected)
}

fn no_as_of(test: &Test, path: &str) -> Error {
    let (word, _) = words::test(test);
    let expected = format!("a date: {path}.{word} counts from it");
    Error::parameter("as_of", "None", expected)
}
