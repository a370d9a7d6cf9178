//! Segments as rules: evaluated by bits they are what they say row by row.

use std::ops::ControlFlow;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};
use tercet::data::Ids;
use tercet::response::rules::{
    BookEntry, Column, Condition, Customers, Frozen, FrozenIds, Segment, SegmentBook,
};
use tercet::{Error, Persist, Step};

const DAY: i64 = 86_400_000_000;
/// 2025-06-01.
const AS_OF: i64 = 20_240 * DAY;
const TEXTS: [&str; 4] = ["NO", "SE", "", "O'Brien \"x\""];

fn cases(n: u32) -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::with_cases(n)
    }
}

fn segment(id: &str, tree: &Value) -> Segment {
    Segment::from_json(&json!({"id": id, "where": tree}).to_string()).unwrap()
}

/// One customer, whose values may be missing.
#[derive(Debug, Clone)]
struct Row {
    amount: Option<f64>,
    orders: Option<i64>,
    opted: Option<bool>,
    last: Option<i64>,
    text: Option<usize>,
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (
        prop::option::of(prop::sample::select(vec![
            -1.5,
            -0.0,
            0.0,
            2.0,
            2.5,
            f64::INFINITY,
        ])),
        prop::option::of(prop::sample::select(vec![i64::MIN, -1, 0, 2, 3, i64::MAX])),
        prop::option::of(any::<bool>()),
        prop::option::of((-3_i64..=3, prop::sample::select(vec![-1, 0, 1, DAY / 2]))),
        prop::option::of(0..TEXTS.len()),
    );
    let row = row.prop_map(|(amount, orders, opted, last, text)| Row {
        amount,
        orders,
        opted,
        last: last.map(|(days, rest)| AS_OF + days * DAY + rest),
        text,
    });
    prop::collection::vec(row, 1..200)
}

fn number() -> impl Strategy<Value = Value> {
    let numbers = [
        json!(-1),
        json!(0),
        json!(2),
        json!(2.5),
        json!(3),
        json!(1e300),
        json!(i64::MAX),
    ];
    prop::sample::select(numbers.to_vec())
}

fn moment() -> impl Strategy<Value = Value> {
    let moments = [
        json!({"date": "2025-05-31"}),
        json!({"date": "2025-06-01"}),
        json!({"time": "2025-06-01T12:00:00"}),
        json!({"time": "2025-06-02T23:59:59.999999"}),
    ];
    prop::sample::select(moments.to_vec())
}

fn text() -> impl Strategy<Value = Value> {
    prop::sample::select(TEXTS.map(|text| json!(text)).to_vec())
}

fn compared(
    column: &'static str,
    value: impl Strategy<Value = Value>,
) -> impl Strategy<Value = Value> {
    let signs = vec!["==", "!=", "<", "<=", ">", ">="];
    (prop::sample::select(signs), value)
        .prop_map(move |(sign, value)| json!({"column": column, sign: value}))
}

fn listed(
    column: &'static str,
    value: impl Strategy<Value = Value>,
) -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec!["in", "not_in"]);
    (words, prop::collection::vec(value, 1..7))
        .prop_map(move |(word, values)| json!({"column": column, word: values}))
}

fn tree() -> impl Strategy<Value = Value> {
    let window = (
        prop::sample::select(vec!["within_days", "older_than_days", "next_days"]),
        1..4,
    );
    let leaf = prop_oneof![
        compared("amount", number()),
        compared("orders", number()),
        compared("last", moment()),
        listed("amount", number()),
        listed("orders", number()),
        listed("last", moment()),
        listed("text", text()),
        any::<bool>().prop_map(|truth| json!({"column": "opted", "==": truth})),
        text().prop_map(|value| json!({"column": "text", "!=": value})),
        Just(json!({"column": "text", "contains": "E"})),
        Just(json!({"column": "text", "starts_with": "O'"})),
        Just(json!({"column": "text", "ends_with": "\""})),
        Just(json!({"column": "orders", "between": [0, 2.5]})),
        Just(
            json!({"column": "last", "between": [{"date": "2025-05-31"}, {"date": "2025-06-01"}]})
        ),
        window.prop_map(|(word, days)| json!({"column": "last", word: days})),
        any::<bool>().prop_map(|missing| json!({"column": "amount", "is_missing": missing})),
        Just(json!({"column": "nothing", "==": 1})),
        Just(json!({"segment": "other"})),
        Just(json!({"everyone": true})),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| json!({"all": parts})),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| json!({"any": parts})),
            inner.prop_map(|part| json!({"not": part})),
        ]
    })
}

/// What a tree says of one customer, by the book: `None` is unknown.
fn says(tree: &Value, row: &Row, other: &Value) -> Option<bool> {
    let parts = |word: &str| -> Option<Vec<Option<bool>>> {
        let parts = tree.get(word)?.as_array()?;
        Some(parts.iter().map(|part| says(part, row, other)).collect())
    };
    if let Some(parts) = parts("all") {
        return if parts.contains(&Some(false)) {
            Some(false)
        } else {
            (!parts.contains(&None)).then_some(true)
        };
    }
    if let Some(parts) = parts("any") {
        return if parts.contains(&Some(true)) {
            Some(true)
        } else {
            (!parts.contains(&None)).then_some(false)
        };
    }
    if let Some(part) = tree.get("not") {
        return says(part, row, other).map(|truth| !truth);
    }
    if tree.get("segment").is_some() {
        return Some(says(other, row, &Value::Null) == Some(true));
    }
    if tree.get("everyone").is_some() {
        return Some(true);
    }
    leaf_says(tree, row)
}

#[allow(clippy::cast_possible_truncation)] // a float that is too large saturates
fn leaf_says(tree: &Value, row: &Row) -> Option<bool> {
    let column = tree["column"].as_str().unwrap();
    let (word, value) = tree
        .as_object()
        .unwrap()
        .iter()
        .find(|(key, _)| *key != "column")
        .unwrap();
    if word == "is_missing" {
        return Some(value.as_bool().unwrap() == row.amount.is_none());
    }
    match column {
        "amount" => in_order(word, value, row.amount?, |value| {
            (value.as_f64().unwrap(), value.as_f64().unwrap())
        }),
        // Wide enough for both: whole numbers by themselves, others by comparing what they lie between.
        "orders" => in_order(word, value, i128::from(row.orders?) * 2, |value| {
            let doubled = value.as_i64().map_or_else(
                || (value.as_f64().unwrap() * 2.0) as i128,
                |whole| i128::from(whole) * 2,
            );
            (doubled, doubled)
        }),
        "last" => {
            let last = row.last?;
            let days = value.as_i64().unwrap_or(0) * DAY;
            match word.as_str() {
                "within_days" => Some(AS_OF - days <= last && last < AS_OF),
                "older_than_days" => Some(last < AS_OF - days),
                "next_days" => Some(AS_OF <= last && last < AS_OF + days),
                _ => in_order(word, value, last, |value| {
                    if let Some(date) = value.get("date") {
                        let day = if date == "2025-05-31" {
                            AS_OF - DAY
                        } else {
                            AS_OF
                        };
                        (day, day + DAY - 1)
                    } else if value["time"] == "2025-06-01T12:00:00" {
                        (AS_OF + DAY / 2, AS_OF + DAY / 2)
                    } else {
                        (AS_OF + 2 * DAY - 1, AS_OF + 2 * DAY - 1)
                    }
                }),
            }
        }
        "opted" => Some(row.opted? == value.as_bool().unwrap()),
        "text" => {
            let text = TEXTS[row.text?];
            let same = |value: &Value| value == text;
            let part = || value.as_str().unwrap();
            Some(match word.as_str() {
                "!=" => !same(value),
                "in" => value.as_array().unwrap().iter().any(same),
                "not_in" => !value.as_array().unwrap().iter().any(same),
                "contains" => text.contains(part()),
                "starts_with" => text.starts_with(part()),
                _ => text.ends_with(part()),
            })
        }
        _ => None,
    }
}

#[allow(clippy::unnecessary_wraps)] // as the other leaves of a tree have it
fn in_order<T: PartialOrd + Copy>(
    word: &str,
    value: &Value,
    held: T,
    ends: impl Fn(&Value) -> (T, T),
) -> Option<bool> {
    let within = |value: &Value| {
        let (low, high) = ends(value);
        low <= held && held <= high
    };
    Some(match word {
        "==" => within(value),
        "!=" => !within(value),
        "<" => held < ends(value).0,
        "<=" => held <= ends(value).1,
        ">" => held > ends(value).1,
        ">=" => held >= ends(value).0,
        "in" => value.as_array().unwrap().iter().any(within),
        "not_in" => !value.as_array().unwrap().iter().any(within),
        _ => ends(&value[0]).0 <= held && held <= ends(&value[1]).1,
    })
}

/// The rows as columns, handed to `with`.
fn as_columns<T>(rows: &[Row], with: impl FnOnce(&Customers<'_>) -> T) -> T {
    let missing = |is: fn(&Row) -> bool| rows.iter().map(is).collect::<Vec<bool>>();
    let amount: Vec<f64> = rows
        .iter()
        .map(|row| row.amount.unwrap_or(f64::NAN))
        .collect();
    let orders: Vec<i64> = rows.iter().map(|row| row.orders.unwrap_or(2)).collect();
    let opted: Vec<bool> = rows.iter().map(|row| row.opted.unwrap_or(true)).collect();
    let last: Vec<i64> = rows
        .iter()
        .map(|row| row.last.unwrap_or(AS_OF - 1))
        .collect();
    let code = |row: &Row| row.text.map_or(-1, |text| i32::try_from(text).unwrap());
    let codes: Vec<i32> = rows.iter().map(code).collect();
    let (no_orders, no_opted, no_last) = (
        missing(|row| row.orders.is_none()),
        missing(|row| row.opted.is_none()),
        missing(|row| row.last.is_none()),
    );
    let bytes: Vec<u8> = TEXTS.iter().flat_map(|text| text.bytes()).collect();
    let mut offsets = vec![0];
    offsets.extend(TEXTS.iter().scan(0, |end, text| {
        *end += i64::try_from(text.len()).unwrap();
        Some(*end)
    }));
    let levels = Ids::Strings {
        offsets: &offsets,
        bytes: &bytes,
    };
    let customers = Customers::new(vec![
        ("amount".into(), Column::Numbers(&amount)),
        (
            "orders".into(),
            Column::Whole {
                values: &orders,
                missing: Some(&no_orders),
            },
        ),
        (
            "opted".into(),
            Column::Truths {
                values: &opted,
                missing: Some(&no_opted),
            },
        ),
        (
            "last".into(),
            Column::Times {
                ticks: &last,
                missing: Some(&no_last),
            },
        ),
        (
            "text".into(),
            Column::Text {
                codes: &codes,
                levels,
            },
        ),
        ("nothing".into(), Column::Missing(rows.len())),
    ]);
    with(&customers.unwrap())
}

proptest! {
    #![proptest_config(cases(600))]

    /// Bits, shared conditions and all: the same as one customer after the other.
    #[test]
    fn evaluation_is_what_the_tree_says(rows in rows(), trees in prop::collection::vec(tree(), 1..5)) {
        let other = json!({"column": "orders", ">": 0});
        let mut segments = vec![segment("other", &other)];
        segments.extend(trees.iter().enumerate().map(|(k, tree)| segment(&format!("s{k}"), tree)));
        let book = SegmentBook::new(segments).unwrap();
        let members = as_columns(&rows, |customers| {
            book.evaluate(customers, Some(AS_OF), &mut ()).unwrap()
        });
        for (place, tree) in trees.iter().enumerate() {
            let expected: Vec<bool> =
                rows.iter().map(|row| says(tree, row, &other) == Some(true)).collect();
            prop_assert_eq!(members.sets()[place + 1].flags(), expected, "{}", tree);
        }
    }

    /// A tree is its JSON, and a book is its file.
    #[test]
    fn what_is_written_is_read(tree in tree()) {
        let read: Condition = serde_json::from_value(tree).unwrap();
        let written = serde_json::to_value(&read).unwrap();
        prop_assert_eq!(&serde_json::from_value::<Condition>(written).unwrap(), &read);
        let entries = vec![
            BookEntry { segment: segment("other", &json!({"everyone": true})), frozen: None },
            BookEntry {
                segment: Segment::new("s", read).unwrap().with_version(3).with_description("why"),
                frozen: Some(Frozen { as_of: "2025-06-01".into(), ids: FrozenIds::Whole(vec![1, 7]) }),
            },
        ];
        let book = SegmentBook::of_entries(entries).unwrap();
        prop_assert_eq!(SegmentBook::from_json(&book.to_json().unwrap()).unwrap(), book);
    }
}

#[test]
fn many_rows_are_as_few() {
    let n = 3 * 4096 + 77;
    let values: Vec<f64> = (0..n).map(|row| (row % 10) as f64).collect();
    let customers = Customers::new(vec![("a".into(), Column::Numbers(&values))]).unwrap();
    let book = SegmentBook::new(vec![
        segment("a", &json!({"column": "a", "<": 3})),
        segment("not_a", &json!({"not": {"segment": "a"}})),
    ])
    .unwrap();
    let members = book.evaluate(&customers, None, &mut ()).unwrap();
    assert_eq!(members.sizes().iter().sum::<usize>(), n);
    for row in 0..n {
        assert_eq!(members.sets()[0].contains(row), row % 10 < 3);
    }
    assert_eq!(
        members.overlap(&mut ()).unwrap(),
        [[members.sizes()[0], 0], [0, members.sizes()[1]]]
    );
    assert!(members.segments_of_each().iter().all(|count| *count == 1));
}

#[test]
fn frozen_segments_are_lists_of_ids() {
    let entry = |id: &str, tree: &Value, frozen| BookEntry {
        segment: segment(id, tree),
        frozen,
    };
    let ids = FrozenIds::Text(vec!["eve".into(), "gone".into()]);
    let frozen = Frozen {
        as_of: "2025-01-01".into(),
        ids,
    };
    let everyone = json!({"everyone": true});
    let book = SegmentBook::of_entries(vec![
        entry("rest", &json!({"not": {"segment": "list"}}), None),
        entry("list", &everyone, Some(frozen)),
    ])
    .unwrap();
    assert_eq!(book.order(), [1, 0]);
    let names = Ids::Strings {
        offsets: &[0, 3, 6, 9],
        bytes: b"annbobeve",
    };
    let customers = Customers::of_rows(3).unwrap();
    let without = book.evaluate(&customers, None, &mut ()).unwrap_err();
    assert!(without.to_string().contains("segment \"list\" is a list"));
    let customers = customers.with_ids("id", names).unwrap();
    let members = book.evaluate(&customers, None, &mut ()).unwrap();
    assert_eq!(members.sets()[1].flags(), [false, false, true]);
    assert_eq!(members.sets()[0].flags(), [true, true, false]);
    let numbers = Customers::of_rows(1).unwrap();
    let numbers = numbers.with_ids("id", Ids::Integers(&[1])).unwrap();
    let wrong = book.evaluate(&numbers, None, &mut ()).unwrap_err();
    assert!(
        wrong
            .to_string()
            .starts_with("column 'id': holds whole numbers")
    );
}

#[test]
fn references_are_looked_at() {
    let refer = |id: &str, other: &str| segment(id, &json!({"not": {"segment": other}}));
    let message = |segments| SegmentBook::new(segments).unwrap_err().to_string();
    assert!(message(vec![]).starts_with("segments = []: expected at least one"));
    assert!(
        message(vec![refer("a", "b"), refer("b", "c"), refer("c", "b")]).starts_with(
            "segments = b -> c -> b: expected segments that do not refer to each other"
        )
    );
    assert!(message(vec![refer("a", "a")]).starts_with("segments = a -> a"));
    assert!(
        message(vec![refer("a", "z")]).starts_with(
            "segments[\"a\"].where.not.segment = \"z\": expected a segment of the book"
        )
    );
    let twice = message(vec![refer("a", "b"), refer("b", "c"), refer("b", "a")]);
    assert!(twice.starts_with("segments[2].id = \"b\": expected an id of its own; segments[1]"));
}

#[test]
fn a_deep_chain_of_references_needs_no_stack() {
    let mut segments = vec![segment("s0", &json!({"everyone": true}))];
    for k in 1..20_000 {
        segments.push(segment(
            &format!("s{k}"),
            &json!({"segment": format!("s{}", k - 1)}),
        ));
    }
    segments.reverse();
    let book = SegmentBook::new(segments).unwrap();
    assert_eq!(book.order()[0], 19_999);
}

#[test]
fn rules_that_do_not_fit_the_customers_are_errors() {
    let dates = [0];
    let columns = |times| {
        let column = if times {
            Column::Times {
                ticks: &dates,
                missing: None,
            }
        } else {
            Column::Numbers(&[1.0])
        };
        Customers::new(vec![("a".to_owned(), column)]).unwrap()
    };
    let message = |tree: &Value, times: bool, as_of| {
        let book = SegmentBook::new(vec![segment("s", tree)]).unwrap();
        book.evaluate(&columns(times), as_of, &mut ())
            .unwrap_err()
            .to_string()
    };
    let tree = json!({"all": [{"everyone": true}, {"column": "a", ">=": 2}]});
    assert!(message(&tree, true, None).starts_with(
        "where.all[1].>= = 2: expected a test of dates or times, which column 'a' holds"
    ));
    let tree = json!({"column": "a", "==": "2025-01-31"});
    assert!(message(&tree, true, None).contains("write dates as {\"date\": \"2025-01-31\"}"));
    let tree = json!({"not": {"column": "a", "within_days": 3}});
    assert!(
        message(&tree, false, Some(0))
            .starts_with("where.not.within_days = 3: expected a test of numbers")
    );
    assert_eq!(
        message(&tree, true, None),
        "as_of = None: expected a date: where.not.within_days counts from it"
    );
    let tree = json!({"column": "b", "==": 1});
    assert!(message(&tree, false, None).starts_with("column 'b': is missing from the customers"));
}

#[test]
fn damaged_and_newer_books_are_errors() {
    let book = SegmentBook::new(vec![segment("s", &json!({"everyone": true}))]).unwrap();
    let text = book.to_json().unwrap();
    let newer = text.replace(
        "\"version\": 1,\n  \"written_by\"",
        "\"version\": 2,\n  \"written_by\"",
    );
    assert!(matches!(
        SegmentBook::from_json(&newer),
        Err(Error::UnsupportedVersion { .. })
    ));
    for damaged in [
        text.replace("everyone", "everybody"),
        text.replace("segments", "rules"),
        text[..text.len() / 2].to_owned(),
    ] {
        assert!(matches!(
            SegmentBook::from_json(&damaged),
            Err(Error::Corrupt { .. })
        ));
    }
}

#[test]
fn an_observer_stops_the_evaluation() {
    let values = vec![1.0; 100_000];
    let customers = Customers::new(vec![("a".into(), Column::Numbers(&values))]).unwrap();
    let book = SegmentBook::new(vec![segment("a", &json!({"column": "a", ">": 0}))]).unwrap();
    let mut stop = |_: &Step| ControlFlow::Break(());
    let stopped = book.evaluate(&customers, None, &mut stop);
    assert!(matches!(stopped, Err(Error::Interrupted { .. })));
    let members = book.evaluate(&customers, None, &mut ()).unwrap();
    assert!(members.overlap(&mut stop).is_err());
}
