"""Every feature and outcome of `tc.Snapshots` against plain Python, and against changes of time."""

from __future__ import annotations

import datetime as dt
import itertools
import math
import statistics
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tercet as tc

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = dt.timedelta(days=1)
START = dt.datetime(2024, 1, 1)
PRODUCTS = ("Loan", "Card & More", "fund")
FEATURES = ("export", "share")
STAGES = ("new", "contacted", "offer", "customer")
NOT_YET = dt.datetime(9999, 1, 1)


def months_before(time: dt.datetime, months: int) -> dt.datetime:
    """The same day some months earlier, or the last one of its month."""
    year, month = divmod(time.year * 12 + time.month - 1 - months, 12)
    for day in range(time.day, 0, -1):
        try:
            return time.replace(year=year, month=month + 1, day=day)
        except ValueError:
            continue
    raise AssertionError


def days(span: dt.timedelta) -> float:
    return span / DAY


def trend(recent: float, earlier: float, late: dt.timedelta, early: dt.timedelta) -> float | None:
    ahead, behind = recent / days(late), earlier / days(early)
    whole = abs(ahead) + abs(behind)
    return None if whole == 0 else (ahead - behind) / whole


class Log:
    """Rows (customer, time, amount, label) and what an analyst would count by hand."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self.rows = rows

    def features(
        self,
        who: str,
        start: dt.datetime,
        as_of: dt.datetime,
        names: tuple[str, str, str, str],
        span: str,
        block: tuple[str, int],
        labels: tuple[str, ...] = (),
        verb: str = "",
    ) -> dict[str, float | None]:
        noun, plural, label, amount = names
        mine = [row for row in self.rows if row[0] == who and start <= row[1] < as_of]
        times = [row[1] for row in mine]
        n = len(mine)
        half = (as_of - start) // 2 // DAY * DAY
        middle = as_of - half
        dates = sorted({time.date() for time in times})
        gaps = [(b - a).days for a, b in itertools.pairwise(dates)]
        name, length = block
        active = {(as_of - dt.timedelta(microseconds=1) - time) // (length * DAY) for time in times}
        streak = 0
        while streak in active:
            streak += 1
        longest = max((sum(1 for _ in run) for run in runs(active)), default=0)
        late = [row for row in mine if row[1] >= middle]
        found: dict[str, float | None] = {
            f"{plural}_{span}": n,
            f"{noun}_days_{span}": len(dates),
            f"{plural}_trend_{span}": trend(len(late), n - len(late), half, middle - start),
            f"days_since_{noun}_{span}": days(as_of - max(times)) if n else None,
            f"{noun}_gap_mean_{span}": statistics.fmean(gaps) if gaps else None,
            f"{noun}_gap_cv_{span}": (
                statistics.pstdev(gaps) / statistics.fmean(gaps) if len(gaps) >= 2 else None
            ),
            f"{noun}_active_{name}_{span}": len(active),
            f"{noun}_streak_{name}_{span}": streak,
            f"{noun}_longest_streak_{name}_{span}": longest,
            f"{plural}_weekend_share_{span}": share(times, lambda t: t.weekday() >= 5),
            f"{plural}_morning_share_{span}": share(times, lambda t: 6 <= t.hour < 12),
            f"{plural}_afternoon_share_{span}": share(times, lambda t: 12 <= t.hour < 18),
            f"{plural}_evening_share_{span}": share(times, lambda t: t.hour >= 18),
        }
        if amount:
            amounts, lately = [row[2] for row in mine], sum(row[2] for row in late)
            total = sum(amounts)
            found |= {
                f"{amount}_{span}": total,
                f"{amount}_mean_{span}": total / n if n else None,
                f"{amount}_max_{span}": max(amounts) if n else None,
                f"{amount}_trend_{span}": trend(lately, total - lately, half, middle - start),
            }
        if label:
            found[f"{label}s_{span}"] = len({row[3] for row in mine if row[3] is not None})
            for one in labels:
                key = slug(one)
                found[f"{plural}_{key}_{span}"] = sum(row[3] == one for row in mine)
                found[f"{verb}_{key}"] = int(
                    any(r[0] == who and r[1] < as_of and r[3] == one for r in self.rows)
                )
        ever = [row[1] for row in self.rows if row[0] == who and row[1] < as_of]
        found[f"days_since_first_{noun}"] = days(as_of - min(ever)) if ever else None
        return found


def slug(text: str) -> str:
    return {"Loan": "loan", "Card & More": "card_more"}.get(text, text)


def share(times: list[dt.datetime], holds: Callable[[dt.datetime], bool]) -> float | None:
    return sum(map(holds, times)) / len(times) if times else None


def runs(places: set[int]) -> list[list[int]]:
    found: list[list[int]] = []
    for place in sorted(places):
        if found and place == found[-1][-1] + 1:
            found[-1].append(place)
        else:
            found.append([place])
    return found


# Times of whole hours, so that some fall on the boundaries of windows.
hours = st.integers(0, 24 * 100)
coarse = st.integers(0, 100).map(lambda day: day * 24)
moments = st.one_of(hours, coarse).map(lambda hour: START + dt.timedelta(hours=hour))
people = st.sampled_from(["ann", "bob", "eve", "Zoë"])
cents = st.integers(0, 10_000).map(lambda n: n / 100)
purchase_rows = st.lists(
    st.tuples(people, moments, cents, st.sampled_from([*PRODUCTS, None])), min_size=3, max_size=40
)
event_rows = st.lists(
    st.tuples(people, moments, cents, st.sampled_from([*FEATURES, "admin"])),
    min_size=1,
    max_size=30,
)
# A first and a last event, so that the dates lie in the data, and every product is bought.
ANCHORS = [
    ("ann", START, 1.0, "Loan"),
    ("eve", START + 50 * DAY, 3.0, "Card & More"),
    ("bob", START + 110 * DAY, 2.0, "fund"),
]


@st.composite
def subscription_rows(draw: st.DrawFn) -> list[tuple[Any, ...]]:
    rows = []
    for _ in range(draw(st.integers(1, 8))):
        start = draw(moments)
        length = draw(st.one_of(st.none(), st.integers(0, 60 * 24)))
        end = None if length is None else start + dt.timedelta(hours=length)
        plan, amount = draw(st.sampled_from(["basic", "pro"])), draw(cents)
        rows.append((draw(people), start, end, plan, amount))
    return rows


def purchase_table(rows: list[tuple[Any, ...]]) -> pa.Table:
    names = ["customer_id", "date", "amount", "product"]
    kinds = [pa.string(), pa.timestamp("us"), pa.float64(), pa.string()]
    return arrow(rows, names, kinds)


def event_table(rows: list[tuple[Any, ...]]) -> pa.Table:
    names = ["customer_id", "date", "value", "feature"]
    kinds = [pa.string(), pa.timestamp("us"), pa.float64(), pa.string()]
    return arrow(rows, names, kinds)


def subscription_table(rows: list[tuple[Any, ...]]) -> pa.Table:
    names = ["customer_id", "start", "end", "plan", "amount"]
    time = pa.timestamp("us")
    return arrow(rows, names, [pa.string(), time, time, pa.string(), pa.float64()])


def stage_table(rows: list[tuple[Any, ...]]) -> pa.Table:
    kinds = [pa.string(), pa.timestamp("us"), pa.string()]
    return arrow(rows, ["customer_id", "date", "stage"], kinds)


def contact_table(rows: list[tuple[Any, ...]]) -> pa.Table:
    time = pa.timestamp("us")
    names = ["customer_id", "date", "channel", "responded_at"]
    return arrow(rows, names, [pa.string(), time, pa.string(), time])


def arrow(rows: list[tuple[Any, ...]], names: list[str], kinds: list[Any]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [[] for _ in names]
    return pa.table(
        {name: pa.array(list(c), k) for name, c, k in zip(names, columns, kinds, strict=True)}
    )


def rows_of(table: tc.SnapshotTable) -> dict[tuple[str, dt.datetime], dict[str, Any]]:
    frame = table.frame
    assert isinstance(frame, pa.Table)
    found = {}
    for row in frame.to_pylist():
        as_of = row.pop("as_of")
        if not isinstance(as_of, dt.datetime):
            as_of = dt.datetime.combine(as_of, dt.time())
        found[row.pop("customer_id"), as_of] = row
    return found


def assert_same(got: dict[str, Any], want: dict[str, Any], where: object) -> None:
    assert set(want) <= set(got), set(want) - set(got)
    for name, value in want.items():
        if value is None or isinstance(value, str):
            assert got[name] == value, (where, name, got[name], value)
        else:
            assert got[name] is not None, (where, name, value)
            close = math.isclose(got[name], value, rel_tol=1e-9, abs_tol=1e-9)
            assert close, (where, name, got[name], value)


@pytest.mark.parametrize(
    ("observation", "span", "block"),
    [("45d", "45d", ("weeks", 7)), ("21d", "21d", ("days", 1)), ("2mo", "2mo", ("weeks", 7))],
)
@settings(max_examples=40)
@given(data=st.data())
def test_purchases_and_events_as_counted_by_hand(observation, span, block, data):
    purchases = [*data.draw(purchase_rows), *ANCHORS]
    events = data.draw(event_rows)
    times = data.draw(
        st.sampled_from(
            [
                [dt.datetime(2024, 3, 1), dt.datetime(2024, 3, 31)],
                [dt.datetime(2024, 2, 20, 12), dt.datetime(2024, 3, 5), dt.datetime(2024, 3, 7, 6)],
            ]
        )
    )
    snapshots = tc.Snapshots(times, observation, "10d", "2d")
    table = snapshots.purchases(
        purchase_table(purchases),
        products=PRODUCTS,
        events=event_table(events),
        features=FEATURES if {"export", "share"} <= {row[3] for row in events} else None,
    )
    listed = FEATURES if {"export", "share"} <= {row[3] for row in events} else ()
    timed = {
        "purchase": any(row[1].time() != dt.time() for row in purchases),
        "event": any(row[1].time() != dt.time() for row in events),
    }
    got = rows_of(table)
    known = defaultdict(lambda: NOT_YET)
    for row in (*purchases, *events):
        known[row[0]] = min(known[row[0]], row[1])
    want_keys = [
        (who, as_of)
        for as_of in times
        for who in sorted(known, key=str.encode)
        if known[who] < as_of
    ]
    assert list(got) == want_keys
    for (who, as_of), row in got.items():
        start = months_before(as_of, 2) if observation == "2mo" else as_of - int(span[:-1]) * DAY
        bought = Log(purchases).features(
            who, start, as_of, ("purchase", "purchases", "product", "amount"), span, block,
            PRODUCTS, "owns",
        )  # fmt: skip
        used = Log(events).features(
            who, start, as_of, ("event", "events", "feature", "event_value"), span, block,
            listed, "knows",
        )  # fmt: skip
        for found, noun in ((bought, "purchase"), (used, "event")):
            if not timed[noun]:
                for part in ("morning", "afternoon", "evening"):
                    del found[f"{noun}s_{part}_share_{span}"]
        opens, closes = as_of + 2 * DAY, as_of + 12 * DAY
        later = {row[3] for row in purchases if row[0] == who and opens <= row[1] < closes}
        outcome = {f"buys_{slug(name)}": int(name in later) for name in PRODUCTS}
        outcome["buys_any"] = int(bool(later & set(PRODUCTS)))
        assert_same(row, bought | used | outcome, (who, as_of))
        assert set(row) == set(bought | used | outcome)


@settings(max_examples=60)
@given(rows=subscription_rows(), grace=st.sampled_from([0, 5]), when=st.booleans())
def test_subscriptions_as_counted_by_hand(rows, grace, when):
    rows = [*rows, ("ann", START, None, "pro", 5.0), ("bob", START + 99 * DAY, None, "pro", 5.0)]
    times = [START + 40 * DAY, START + 60 * DAY]
    gap, length = 3 * DAY, 20 * DAY
    snapshots = tc.Snapshots(times, "30d", "20d", "3d", observation_end="2024-04-30")
    table = snapshots.churn(
        subscription_table(rows), grace=f"{grace}d", outcome_form="when" if when else "whether"
    )
    got = rows_of(table)
    want = {}
    for as_of in times:
        for who in sorted({row[0] for row in rows}, key=str.encode):
            mine = sorted(
                ((s, e or NOT_YET, p, a) for w, s, e, p, a in rows if w == who),
                key=lambda row: row[:2],
            )
            active = [row for row in mine if row[0] < as_of <= row[1]]
            if not active:
                continue
            # Spells are joined in order of their starts, with the latest end so far.
            first, last = spell_of(mine, active[-1], grace * DAY)
            if as_of <= last < as_of + gap:
                continue
            row: dict[str, Any] = {
                "subscription_days": days(as_of - first),
                "days_since_renewal": days(as_of - active[-1][0]),
                "subscriptions_active": len(active),
                "subscriptions_ended": sum(end < as_of for _, end, _, _ in mine),
                "subscription_amount": sum(amount for *_, amount in active),
            }
            if len({s for s, *_ in active}) == len(active):
                row["plan"] = active[-1][2]
            closes = as_of + gap + length
            if when:
                row["duration"] = days(min(last, closes) - as_of - gap)
                row["event"] = int(last < closes)
            else:
                row["churns"] = int(last < closes)
            want[who, as_of] = row
    assert list(got) == list(want)
    for key, row in want.items():
        assert_same(got[key], row, key)


def spell_of(
    mine: list[tuple[Any, ...]], one: tuple[Any, ...], grace: dt.timedelta
) -> tuple[dt.datetime, dt.datetime]:
    """The stretch of subscriptions that one is part of."""
    spells: list[tuple[dt.datetime, dt.datetime, list[Any]]] = []
    for row in mine:
        latest = spells[-1][1] if spells else None
        if latest is not None and (latest == NOT_YET or row[0] <= latest + grace):
            first, end, members = spells[-1]
            spells[-1] = (first, max(end, row[1]), [*members, row])
        else:
            spells.append((row[0], row[1], [row]))
    first, last, _ = next(spell for spell in spells if one in spell[2])
    return first, last


stage_rows = st.lists(
    st.tuples(people, moments, st.sampled_from([*STAGES, "lost"])), min_size=1, max_size=15
)


@settings(max_examples=60)
@given(rows=stage_rows)
def test_stages_as_counted_by_hand(rows):
    # One stage at a time; the order of rows of one instant is the table's.
    rows = list({(who, time): (who, time, stage) for who, time, stage in rows}.values())
    rows += [("kim", START, "new"), ("kim", START + 100 * DAY, "contacted")]
    times = [START + 30 * DAY, START + 60 * DAY]
    snapshots = tc.Snapshots(times, "30d", "25d", "1d", observation_end="2024-04-30")
    got = rows_of(snapshots.leads(stage_table(rows), order=STAGES, lost=["lost"]))
    places = {name: place for place, name in enumerate([*STAGES, "lost"])}
    want = {}
    for as_of in times:
        for who in sorted({row[0] for row in rows}, key=str.encode):
            mine = sorted((time, stage) for w, time, stage in rows if w == who)
            past = [row for row in mine if row[0] < as_of]
            if not past or places[past[-1][1]] >= 3:
                continue
            now = past[-1][1]
            ahead = [row for row in mine if row[0] >= as_of and places[row[1]] > places[now]]
            opens, closes = as_of + DAY, as_of + 26 * DAY
            if ahead and ahead[0][0] < opens:
                continue
            hit = bool(ahead) and ahead[0][0] < closes
            row: dict[str, Any] = {
                "stage": now,
                "days_in_stage": days(as_of - past[-1][0]),
                "days_as_lead": days(as_of - past[0][0]),
                "stage_changes_30d": sum(as_of - 30 * DAY <= time for time, _ in past),
                "moves": int(hit and ahead[0][1] != "lost"),
                "next_stage": ahead[0][1] if hit else "stays",
            }
            for name in STAGES:
                row[f"days_in_{name}"] = sum(
                    days((past[k + 1][0] if k + 1 < len(past) else as_of) - time)
                    for k, (time, stage) in enumerate(past)
                    if stage == name
                )
            want[who, as_of] = row
    assert list(got) == list(want)
    for key, row in want.items():
        assert_same(got[key], row, key)


AS_OF = START + 60 * DAY


def all_tables(data: st.DataObject) -> dict[str, list[tuple[Any, ...]]]:
    """Rows of every kind of table, some before the date and some after it."""
    purchases = [*data.draw(purchase_rows), *ANCHORS]
    delays = st.none() | st.integers(0, 24 * 50).map(lambda hour: dt.timedelta(hours=hour))
    contacts = [
        (who, time, channel, None if delay is None else time + delay)
        for who, time, channel, delay in data.draw(
            st.lists(
                st.tuples(people, moments, st.sampled_from(["mail", "call"]), delays),
                min_size=1,
                max_size=10,
            )
        )
    ]
    return {
        "purchases": purchases,
        "events": [*data.draw(event_rows), ("ann", START, 1.0, "export")],
        "subscriptions": [*data.draw(subscription_rows()), ("ann", START, None, "pro", 1.0)],
        "contacts": [*contacts, ("ann", START + DAY, "mail", START + 2 * DAY)],
    }


MAKE = {
    "purchases": purchase_table,
    "events": event_table,
    "subscriptions": subscription_table,
    "contacts": contact_table,
}

later = st.integers(0, 24 * 40).map(lambda hour: AS_OF + dt.timedelta(hours=hour))


def with_another_future(
    rows: dict[str, list[tuple[Any, ...]]], data: st.DataObject
) -> dict[str, list[tuple[Any, ...]]]:
    """Change, drop and add whatever is at or after the date."""
    strangers = st.one_of(people, st.just("newcomer"))
    changed: dict[str, list[tuple[Any, ...]]] = {}
    for name, table in rows.items():
        past = [row for row in table if row[1] < AS_OF]
        if name == "subscriptions":
            # An end that has not come is another one, or none.
            past = [
                row
                if row[2] is not None and row[2] < AS_OF
                else (*row[:2], data.draw(st.none() | later), *row[3:])
                for row in past
            ]
            new = st.tuples(strangers, later, st.none(), st.just("free"), cents)
        elif name == "contacts":
            past = [
                row
                if row[3] is not None and row[3] < AS_OF
                else (*row[:3], data.draw(st.none() | later))
                for row in past
            ]
            new = st.tuples(strangers, later, st.just("fax"), st.none() | later)
        else:
            labels = st.sampled_from(["Loan", "planted", "export"])
            new = st.tuples(strangers, later, st.just(9999.0), labels)
        changed[name] = data.draw(
            st.lists(new, max_size=6).flatmap(lambda more, past=past: st.permutations(past + more))
        )
    return changed


def made(rows: dict[str, list[tuple[Any, ...]]]) -> dict[str, pa.Table]:
    return {name: MAKE[name](table) for name, table in rows.items()}


def differences(one: dict[Any, dict[str, Any]], other: dict[Any, dict[str, Any]]) -> list[Any]:
    """What is not exactly the same in two tables: a short list where all is well."""
    if list(one) != list(other):
        return [list(one), list(other)]
    return [
        (key, name, value, other[key][name])
        for key, row in one.items()
        for name, value in row.items()
        if value != other[key][name]
    ]


@pytest.mark.parametrize("kind", ["churn", "inactivity", "purchases"])
@settings(max_examples=25)
@given(data=st.data())
def test_nothing_of_the_future_changes_a_feature(kind, data):
    rows = all_tables(data)
    snapshots = tc.Snapshots(START + 30 * DAY, "30d", "20d", observation_end="2024-06-30")
    tables = made(rows)
    if kind == "churn":
        table = snapshots.churn(**tables, products=["Loan"], features=["export"], grace="7d")
    else:
        del rows["subscriptions"], tables["subscriptions"]
        build = snapshots.inactivity if kind == "inactivity" else snapshots.purchases
        table = build(**tables, products=["Loan"], features=["export"])
    before = table.recipe.features(as_of=AS_OF, **tables, observation_end="2024-06-30")
    other = made(with_another_future(rows, data))
    after = table.recipe.features(as_of=AS_OF, **other, observation_end="2024-06-30")
    assert differences(rows_of(before), rows_of(after)) == []


@settings(max_examples=40)
@given(rows=stage_rows, data=st.data())
def test_nothing_of_the_future_changes_a_lead(rows, data):
    rows = [*rows, ("kim", START, "new"), ("kim", START + 100 * DAY, "contacted")]
    snapshots = tc.Snapshots(START + 30 * DAY, "30d", "20d", observation_end="2024-06-30")
    recipe = snapshots.leads(stage_table(rows), order=STAGES, lost=["lost"]).recipe
    new = st.tuples(st.one_of(people, st.just("kim")), later, st.sampled_from(STAGES))
    other = [row for row in rows if row[1] < AS_OF] + data.draw(st.lists(new, max_size=6))
    arguments = {"as_of": AS_OF, "observation_end": "2024-06-30"}
    before = recipe.features(stages=stage_table(rows), **arguments)
    after = recipe.features(stages=stage_table(other), **arguments)
    assert differences(rows_of(before), rows_of(after)) == []


@settings(max_examples=40)
@given(data=st.data())
def test_nothing_of_the_past_changes_an_outcome(data):
    rows = all_tables(data)
    snapshots = tc.Snapshots(AS_OF, "30d", "20d", "5d", observation_end="2024-06-30")
    opens = AS_OF + 5 * DAY

    def outcomes(tables: dict[str, pa.Table]) -> dict[Any, Any]:
        found: dict[Any, Any] = defaultdict(dict)
        churn = snapshots.churn(tables["subscriptions"])
        buys = snapshots.purchases(tables["purchases"], products=["Loan", "fund"])
        uses = snapshots.feature_use(tables["events"], features=["export"])
        for table in (churn, buys, uses):
            for key, row in rows_of(table).items():
                found[key] |= {name: row[name] for name in table.outcome_names}
        return found

    earlier = st.integers(0, 24 * 64).map(lambda hour: START + dt.timedelta(hours=hour))
    changed = dict(rows)
    for name in ("purchases", "events"):
        future = [row for row in rows[name] if row[1] >= opens]
        label = "Loan" if name == "purchases" else "export"
        past = st.tuples(people, earlier, cents, st.sampled_from([label, "fund"]))
        changed[name] = [
            *future,
            *data.draw(st.lists(past, max_size=8)),
            ("ann", START, 1.0, label),
            ("ann", START, 1.0, "fund"),
        ]
    ended = [row for row in rows["subscriptions"] if row[2] is not None and row[2] < opens]
    kept = [row for row in rows["subscriptions"] if row not in ended]
    over = st.integers(0, 24 * 20).map(lambda hour: START + dt.timedelta(hours=hour))
    gone = st.tuples(people, over, st.just(START + 30 * DAY), st.just("basic"), cents)
    changed["subscriptions"] = [*kept, *data.draw(st.lists(gone, max_size=4))]
    before, after = outcomes(made(rows)), outcomes(made(changed))
    shared = set(before) & set(after)
    assert shared
    for key in shared:
        for name in set(before[key]) & set(after[key]):
            assert before[key][name] == after[key][name], (key, name)
