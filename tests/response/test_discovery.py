"""Segments that are discovered: what was planted is found, and nothing else."""

from __future__ import annotations

import pickle

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import tercet as tc

mpl.use("Agg")

N = 6_000
RNG = np.random.default_rng(7)
ORDERS = RNG.integers(0, 10, N).astype(float)
COUNTRY = RNG.choice(["NO", "SE", "DK"], N)
AGE = np.where(RNG.random(N) < 0.2, np.nan, RNG.uniform(18, 80, N))
ARM = RNG.choice(["none", "mail", "call"], N)
EFFECT = np.where((ORDERS >= 6) & (COUNTRY == "NO"), 2.0, 0.0)
SPEND = ORDERS + 0.5 * (ARM == "call") + EFFECT * (ARM == "mail") + RNG.normal(size=N)
X = {"orders": ORDERS, "country": COUNTRY, "age": AGE}


def discover(*, data=X, arm=ARM, outcome=SPEND, **settings):
    settings = {"control": "none", "propensity": "observed", "nuisance_trees": 20, **settings}
    return tc.discover_segments(data, arm, outcome, **settings)


@pytest.fixture(scope="module")
def found():
    return discover()


def test_the_planted_segment_is_found(found):
    table = found.table_.to_pydict()
    assert list(table)[:5] == ["segment", "rule", "arm", "n", "share"]
    of_mail = [row for row, arm in enumerate(table["arm"]) if arm == "mail"]
    best = of_mail[0]
    inside = found.segments_[best].members(X)
    assert (inside == (EFFECT > 0)).mean() > 0.99
    assert table["found"][best]
    assert table["lower"][best] < 2.0 < table["upper"][best]
    assert table["difference"][best] == pytest.approx(2.0, abs=0.4)
    assert table["stability"][best] > 0.8
    assert table["p_adjusted"][best] < 1e-6
    effects = [table["effect"][row] for row in of_mail]
    assert effects == sorted(effects, reverse=True)
    # The call works on everybody alike, which is told by the interval and discovers no segment.
    of_call = [row for row, arm in enumerate(table["arm"]) if arm == "call"]
    assert not any(table["found"][row] for row in of_call)
    arms = found.arms_.to_pydict()
    assert arms["arm"] == ["call", "mail"]
    assert arms["lower"][0] > 0.2
    assert arms["differ_p_adjusted"][1] < 1e-6
    assert arms["differ_p_adjusted"][0] > 0.01


def test_numbers_of_the_table_belong_together(found):
    table = found.table_.to_pandas()
    for _, own in table.groupby("arm"):
        assert own["share"].sum() == pytest.approx(1.0)
        assert own["n"].sum() == found.n_estimated
        overall = (own["share"] * own["effect"]).sum()
        others = (overall - own["share"] * own["effect"]) / (1.0 - own["share"])
        np.testing.assert_allclose(own["difference"], own["effect"] - others, atol=1e-10)
        assert own["stability"].between(0.0, 1.0).all()
    assert (table["p_adjusted"] >= table["p"] - 1e-15).all()
    assert found.n_searched + found.n_estimated == N
    assert found.n_found_ == table["found"].sum()


def test_a_placebo_finds_nothing():
    runs, found = 40, 0
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        data = {"x": rng.normal(size=800), "g": rng.choice(list("abc"), 800)}
        arm = rng.random(800) < 0.5
        made = discover(
            data=data,
            arm=arm,
            outcome=data["x"] + rng.normal(size=800),
            control=None,
            resamples=0,
            nuisance_trees=10,
        )
        found += made.n_found_ > 0
        assert np.isnan(made.table_.to_pydict()["stability"]).all()
    assert found <= 6


def test_every_customer_is_in_one_segment_an_arm(found):
    new = {
        "orders": np.array([0.0, 7.0, 7.0, np.nan, 9.0]),
        "country": pa.array(["NO", "NO", None, "FI", "SE"]),
        "age": np.array([np.nan, 20.0, 50.0, 90.0, np.nan]),
    }
    members = found.members(new).to_pydict()
    assert set(members) == {"mail", "call"}
    arms = np.array(found.table_.to_pydict()["arm"])
    for arm in ("mail", "call"):
        own = [one for one, of in zip(found.segments_, arms, strict=True) if of == arm]
        flags = np.array([one.members(new) for one in own])
        assert (flags.sum(axis=0) == 1).all()
        assert [own[place].id for place in flags.argmax(axis=0)] == members[arm]


def test_the_book(found, tmp_path):
    book = found.book()
    assert len(book) == len(found.segments_)
    only = found.book(found_only=True)
    assert len(only) == found.n_found_
    book.save(tmp_path / "book.json")
    assert len(tc.load(tmp_path / "book.json")) == len(book)
    assert "mail" in found.segments_[-1].description or "call" in found.segments_[-1].description
    none = discover(arm=RNG.choice(["none", "mail"], N), resamples=0)
    if none.n_found_ == 0:
        with pytest.raises(tc.ParameterError, match="no segment was found"):
            none.book(found_only=True)


def test_what_is_said(found):
    said = found.verdict_
    assert "'call': no segment was found" in said
    assert "choosing among these would be choosing noise" in said
    assert "It does most for customers where" in said
    text = repr(found)
    assert text == found.text()
    assert "p-values: Holm" in text.replace("\n  ", " ")
    assert "<table>" in found._repr_html_()
    assert "no split of the customers gained anything" in discover(min_leaf=N, resamples=0).verdict_


def test_a_policy_pays():
    made = discover(objective="policy", cost={"mail": 1.0, "call": 1.0}, resamples=0)
    table = made.table_.to_pydict()
    of_mail = [row for row, arm in enumerate(table["arm"]) if arm == "mail"]
    pays = np.zeros(N, dtype=bool)
    for row in of_mail:
        if table["pays"][row]:
            pays |= made.segments_[row].members(X)
    assert (pays == (EFFECT > 0)).mean() > 0.97
    same = discover(objective="policy", cost=1.0, resamples=0)
    assert same.table_.to_pydict()["p"] == table["p"]


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_depths(depth):
    made = discover(depth=depth, resamples=2)
    counts = made.arms_.to_pydict()["n_segments"]
    assert all(count <= 2**depth for count in counts)


@pytest.mark.parametrize(
    "frame", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pandas", "polars", "pyarrow"]
)
def test_any_table(found, frame):
    native = frame({**X, "arm": ARM, "spend": SPEND})
    made = discover(data=native, arm="arm", outcome="spend")
    assert [one.where for one in made.segments_] == [one.where for one in found.segments_]
    assert type(made.table_) is type(native)
    assert (made.treatment, made.outcome, made.control) == ("arm", "spend", "none")


def test_arrays_and_truth_values():
    matrix = np.column_stack([ORDERS, AGE])
    made = discover(data=matrix, arm=ARM == "mail", control=None, resamples=0)
    assert made.members(matrix).shape[0] == N
    assert made.control == "false"


def test_estimated_propensities_threads_and_pickles(found):
    tilted = RNG.random(N) < 0.2 + 0.06 * ORDERS
    spend = ORDERS + EFFECT * tilted + RNG.normal(size=N)
    made = discover(arm=tilted, outcome=spend, control=None, propensity=None, resamples=0)
    table = made.table_.to_pydict()
    assert table["lower"][0] < 2.0 < table["upper"][0]
    assert abs(made.arms_.to_pydict()["effect"][0] - EFFECT.mean()) < 0.15
    assert repr(discover(n_jobs=1)) == repr(found)
    assert repr(pickle.loads(pickle.dumps(found))) == repr(found)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"depth": 0}, "depth = 0: expected a number from 1 to 3"),
        ({"depth": 4}, "depth = 4"),
        ({"objective": "gain"}, "objective = 'gain'"),
        ({"adjust": "bonferroni"}, "adjust = 'bonferroni'"),
        ({"level": 1.5}, "level = 1.5"),
        ({"resamples": -1}, "resamples = -1"),
        ({"cost": {"none": 1.0}}, "cost = 'none'"),
        ({"min_leaf": 0}, "min_leaf = 0"),
    ],
)
def test_settings_that_cannot_be(settings, told):
    with pytest.raises(tc.ParameterError, match=told):
        discover(**settings)


def test_data_that_cannot_be():
    with pytest.raises(tc.DataError, match="one arm only"):
        discover(arm=np.repeat("none", N))
    with pytest.raises(tc.DataError, match="row 3"):
        discover(outcome=np.where(np.arange(N) == 3, np.nan, SPEND))
    with pytest.raises(tc.DataError, match="no overlap"):
        discover(data={**X, "got": ARM}, propensity=None)
    with pytest.raises(tc.DataError, match="amount"):
        discover(arm=ORDERS + 0.5, control=None, propensity=None)
    with pytest.raises(tc.DataError, match="at least 40"):
        discover(data={"x": ORDERS[:99]}, arm=ARM[:99], outcome=SPEND[:99])
    with pytest.warns(UserWarning, match="'again' is the outcome"):
        discover(data={**X, "again": SPEND}, resamples=0)
    with pytest.warns(UserWarning, match="'got' tells the treatment"):
        discover(data={**X, "got": ARM}, resamples=0)


def test_it_is_drawn(found):
    from matplotlib import pyplot as plt

    ax = tc.plots.effects_by_segment(found)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert len(labels) == len(found.segments_)
    assert tc.plots.effects_by_segment(found, arms="mail").get_title(loc="left")
    with pytest.raises(tc.ParameterError, match="arms"):
        tc.plots.effects_by_segment(found, arms="none")
    plt.close("all")


def test_hillstrom(data_file):
    data = pd.read_csv(data_file("response/hillstrom.csv"))
    names = ["recency", "history", "mens", "womens", "zip_code", "newbie", "channel"]
    made = tc.discover_segments(
        data[[*names, "segment", "visit"]],
        "segment",
        "visit",
        control="No E-Mail",
        propensity="observed",
        resamples=4,
    )
    table = made.table_
    best = table[table["arm"] == "Womens E-Mail"].iloc[0]
    # The women's e-mail brings visits of those who bought women's goods before.
    assert best["found"]
    assert "womens is above 0" in best["rule"]
    overall = made.arms_.set_index("arm")["effect"]
    assert overall["Womens E-Mail"] == pytest.approx(0.15140 - 0.10617, abs=0.01)
    assert overall["Mens E-Mail"] == pytest.approx(0.18276 - 0.10617, abs=0.01)
