"""Brackets of numbers in words: their order in whatever units, and those that have none."""

from __future__ import annotations

import pytest

import tercet as tc
from tercet._survey.brackets import are_unordered_brackets, bracket_order

ORDERED = [
    ["Less than $25,000", "$25,000 to $49,999", "$50,000 - $99,999", "More than $100k"],
    ["under 18", "18–34", "35–54", "55+"],
    ["18-24 years old", "25-34 years old", "65 years or older"],
    ["0 times", "1-2 times", "3-5 times", "6 or more"],
    ["0-6 months", "7-12 months", "1-2 years", "3-5 years", "6+ years"],
    ["Less than a month", "1-6 months", "7-12 months", "1-3 years", "More than 3 years"],
    ["up to 2 weeks", "2-4 weeks", "1-3 months", "4-12 months", "1-2 years"],
    ["0", "1-30 minutes", "31 minutes - 1 hour", "1-2 hours", "over 2 hours"],
    ["30 minutes or less", "31-60 minutes", "1-2 hours", "over 2 hours"],
    ["1-2 times a month", "3-4 times a month", "2-3 times a week", "5-6 times a week"],
    ["1-2 hours per week", "3-6 hours per week", "1-2 hours per day"],
    ["100-500", "1-5 thousand", "6-10 thousand"],
    ["500-1k", "1k-5k", "5-10k"],
    ["$0-$500k", "$500k-$1M", "$1M-$5M", "$5M+"],
    ["1-5 Mio", "6-10 Mio", "1-2 billion"],
    ["500 - 999 €", "1.000 - 1.999 €", "2.000 - 4.999 €"],
    ["0.100-0.500 kg", "0.501-0.999 kg", "1.000-2.000 kg"],
    ["1,5-2,5", "2,6-3,5", "3,6-4,5"],
    ["0%", "1-10%", "11-50 percent", "more than 50%"],
    ["under 5 years", "5-9", "10-14", "15 or more years"],
    ["one or two", "three or four", "five or more"],
    ["between 5 and 10", "between 11 and 20", "from 21 to 30"],
]


@pytest.mark.parametrize("labels", ORDERED, ids=" | ".join)
def test_brackets_have_the_order_of_what_they_measure(labels):
    shuffled = sorted(labels, key=lambda label: label[::-1])
    order = bracket_order(shuffled)
    assert order is not None
    assert [shuffled[k] for k in order] == labels


NOT_COMPARABLE = [
    ["1-2 years", "3-5", "0-6 months"],  # 3-5 of which?
    ["$10-$20", "€21-€30", "£31-£40"],
    ["500-900 m", "1-2 km", "3-4 km"],
    ["10-30m", "1-2h", "3-4h"],
    ["5-10 kg", "10-20 lbs", "21-30 lbs"],
    ["1-2 times a month", "2-3 times", "5-6 times a week"],
    ["1-2", "1-3", "4"],
    ["1-9", "2-3", "4-5"],
]


@pytest.mark.parametrize("labels", NOT_COMPARABLE, ids=" | ".join)
def test_brackets_that_do_not_compare_have_no_order_and_a_note(labels):
    assert bracket_order(labels) is None
    assert are_unordered_brackets(labels)
    survey = tc.Survey.from_frame({"t": labels * 20})
    assert survey.items["t"].kind == "nominal"
    assert "'t' has brackets of numbers that overlap or whose units" in survey.quality.notes[0]
    assert not tc.Survey.from_frame({"t": labels * 20}, levels={"t": labels}).quality.notes
    assert not tc.Survey.from_frame({"t": labels * 20}, kinds={"t": "nominal"}).quality.notes


@pytest.mark.parametrize(
    "labels",
    [["5", "6", "7"], ["9-5", "1-2", "3-4"], ["1-2 kg", "3-4 lbs to 5 kg", "red"], ["1-2", "3-4"]],
    ids=repr,
)
def test_what_is_no_bracket_is_left_alone(labels):
    assert bracket_order(labels) is None
    assert not are_unordered_brackets(labels)


def test_items_of_brackets_are_ordinal():
    labels = ["0-6 months", "7-12 months", "1-2 years", "3-5 years", "6+ years"]
    survey = tc.Survey.from_frame({"t": labels[::-1] * 20})
    assert survey.items["t"].levels == tuple(labels)
    assert survey.items["t"].kind == "ordinal"
