"""Who the segments are: figures, tests, first names; and respondents drawn from a model."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import stats

import tercet as tc

COLUMNS = [
    "item",
    "level",
    "label",
    "segment",
    "value",
    "standard_error",
    "total",
    "others",
    "index",
    "effect",
    "z",
    "p_value",
    "p_adjusted",
]
ITEMS = ["price", "care", "spend", "visits"]
KINDS = {"care": "ordinal", "visits": "count"}


def simulated(n: int, seed: int) -> pd.DataFrame:
    """Respondents of two segments, asked questions of every kind."""
    rng = np.random.default_rng(seed)
    segment = (rng.random(n) < 0.4).astype(int)
    price = np.where(rng.random(n) < np.array([0.9, 0.2])[segment], "yes", "no")
    care = rng.binomial(4, np.array([0.3, 0.8])[segment]) + 1
    return pd.DataFrame(
        {
            "price": np.where(rng.random(n) < 0.05, None, price),
            "care": care,
            "spend": rng.normal(np.array([20.0, 60.0])[segment], 6.0),
            "visits": rng.poisson(np.array([1.0, 5.0])[segment]),
            "region": rng.choice(["north", "south", "west"], n),
            "age": rng.normal(np.array([35.0, 50.0])[segment], 10.0),
            "w": rng.uniform(0.5, 1.5, n),
            "segment": segment + 1,
        }
    )


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    return simulated(500, 3)


@pytest.fixture(scope="module")
def model(answers) -> tc.LatentClass:
    return tc.LatentClass(2, starts=4, kinds=KINDS).fit(answers, ITEMS)


@pytest.fixture(scope="module")
def profile(model, answers) -> tc.SegmentProfile:
    return model.profile(answers)


def rows_of(profile: tc.SegmentProfile, item: str, level: str | None = None) -> pd.DataFrame:
    """The rows of a profile's table for a level of an item, or for its mean."""
    table = profile.table
    mask = table["level"].isna() if level is None else table["level"] == level
    found: pd.DataFrame = table[(table["item"] == item) & mask].reset_index(drop=True)
    return found


# --- figures --------------------------------------------------------------------------------------


def test_the_table_has_every_level_and_mean(profile):
    table = profile.table
    assert list(table.columns) == COLUMNS
    figures = list(zip(table["item"], table["level"], strict=True))[::2]
    expected = [("price", "no"), ("price", "yes"), *(("care", str(k)) for k in range(1, 6))]
    assert figures[:7] == expected
    assert [item for item, level in figures[7:] if pd.isna(level)] == ["care", "spend", "visits"]
    assert table["segment"].tolist() == [1, 2] * 10


def test_figures_are_weighted_by_the_probability_of_membership(profile, model, answers):
    members = model.predict_proba(answers)
    known = answers["price"].notna().to_numpy()
    yes = (answers["price"] == "yes").to_numpy()
    for segment, row in rows_of(profile, "price", "yes").iterrows():
        weights = members[known, segment]
        value = np.average(yes[known], weights=weights)
        assert row["value"] == pytest.approx(value, rel=1e-12)
        error = np.sqrt((weights**2 * (yes[known] - value) ** 2).sum()) / weights.sum()
        assert row["standard_error"] == pytest.approx(error, rel=1e-12)
        assert row["total"] == pytest.approx(yes[known].mean(), rel=1e-12)
        assert row["index"] == pytest.approx(100 * value / yes[known].mean(), rel=1e-12)
    care = rows_of(profile, "care")
    means = members.T @ answers["care"].to_numpy() / members.sum(axis=0)
    np.testing.assert_allclose(care["value"], means, rtol=1e-12)


def test_shares_are_those_of_the_model(profile, model):
    np.testing.assert_allclose(profile.shares, model.shares_, atol=1e-6)


def test_p_values_are_adjusted_for_their_number(profile):
    table = profile.table
    expected = stats.false_discovery_control(table["p_value"])
    np.testing.assert_allclose(table["p_adjusted"], expected, rtol=1e-9)
    np.testing.assert_allclose(table["p_value"], 2 * stats.norm.sf(table["z"].abs()), rtol=1e-6)


def test_weights_count(model, answers, profile):
    weighted = model.profile(answers, weights="w")
    members, w = model.predict_proba(answers), answers["w"].to_numpy()
    spend = (members * w[:, None]).T @ answers["spend"].to_numpy() / (w @ members)
    np.testing.assert_allclose(rows_of(weighted, "spend")["value"], spend, rtol=1e-12)
    np.testing.assert_allclose(weighted.shares, w @ members / w.sum(), rtol=1e-12)
    survey = tc.Survey.from_frame(answers, items=ITEMS, kinds={"visits": "count"}, weights="w")
    other = tc.LatentClass(2, starts=4, kinds=KINDS).fit(survey, weights=False)
    by_default = other.profile(survey)
    pd.testing.assert_frame_equal(by_default.table, other.profile(survey, weights="w").table)
    assert not by_default.table.equals(other.profile(survey, weights=False).table)


def test_other_columns_are_profiled_too(model, answers):
    found = model.profile(answers, columns=["age", "price", "region"])
    assert list(dict.fromkeys(found.table["item"])) == ["age", "price", "region"]
    age = rows_of(found, "age")
    assert age["value"][1] - age["value"][0] > 8
    assert (age["p_adjusted"] < 0.001).all()
    assert (rows_of(found, "region", "west")["p_adjusted"] > 0.05).all()
    # An item of the model stays what the model knows it to be.
    assert rows_of(found, "price", "yes")["value"].tolist() == pytest.approx(
        rows_of(model.profile(answers), "price", "yes")["value"].tolist()
    )
    rated = model.profile(answers, columns=["segment"], kinds={"segment": "ordinal"})
    assert rows_of(rated, "segment")["value"].is_monotonic_increasing


def test_columns_may_be_covariates_or_weights(answers):
    model = tc.LatentClass(2, starts=4, kinds=KINDS).fit(answers, ITEMS, "w", ["age", "region"])
    found = model.profile(answers, columns=["region", "age", "w"], weights="w")
    assert set(found.table["item"]) == {"region", "age", "w"}
    without = model.profile(answers, covariates=False)
    assert (
        rows_of(without, "spend")["value"][0]
        != rows_of(model.profile(answers), "spend")["value"][0]
    )


def test_new_respondents_can_be_profiled(model):
    later = simulated(200, 9)
    found = model.profile(later)
    assert found.shares.sum() == pytest.approx(1)
    assert found.shares[0] == pytest.approx(0.6, abs=0.1)


# --- words ----------------------------------------------------------------------------------------


def test_names_come_from_what_sets_a_segment_apart(profile):
    assert profile.names[1] == "price"
    assert profile.names[2] == "spend and care"
    assert profile.descriptions[1].startswith("More than others: price (")
    assert "Less: spend (20." in profile.descriptions[1]
    drafts = profile.drafts
    assert list(drafts.columns) == ["segment", "share", "name", "description"]
    assert drafts["name"].tolist() == [profile.names[1], profile.names[2]]
    assert profile.text().startswith(f"Segment 1 ({profile.shares[0]:.0%}): price\n")
    assert repr(profile) == profile.text()


def test_a_survey_lends_its_words(answers):
    survey = tc.Survey.from_frame(
        answers,
        items=ITEMS,
        kinds={"visits": "count", "care": "ordinal"},
        labels={"price": {"yes": "price decides", "no": "price is nothing"}},
        texts={"care": "How important? - personal care", "spend": "How important? - spending"},
        batteries={"importance": ["care"]},
    )
    model = tc.LatentClass(2, starts=4).fit(survey)
    found = model.profile(survey)
    assert "personal care" in found.names[2]
    assert "price: price decides" in found.names[1]
    # The table has columns and levels, not words.
    assert set(found.table["item"]) == set(ITEMS)
    assert found.table["level"].dropna().unique().tolist()[:2] == ["no", "yes"]
    battery = model.profile(survey, columns=["importance", "region"])
    assert list(dict.fromkeys(battery.table["item"])) == ["care", "region"]


def test_wide_has_a_column_a_segment(profile):
    wide = profile.wide()
    assert list(wide.columns) == ["item", "level", "total", "segment_1", "segment_2"]
    assert len(wide) == len(profile.table) / 2
    table = profile.table
    np.testing.assert_array_equal(wide["segment_2"], table["value"][1::2])
    np.testing.assert_array_equal(profile.wide("index")["segment_1"], table["index"][::2])
    with pytest.raises(tc.ParameterError, match="measure = 'size': expected one of \"value\""):
        profile.wide("size")


def test_html_marks_what_is_clear(profile):
    html = profile._repr_html_()
    assert "<td><b>" in html
    assert "<td>price</td><td>yes</td>" in html
    assert "Segment 1" in html
    assert repr(pickle.loads(pickle.dumps(profile))) == repr(profile)


def test_one_segment_is_like_everybody(answers):
    model = tc.LatentClass(1, kinds=KINDS).fit(answers, ITEMS)
    found = model.profile(answers)
    assert found.names == {1: "like everybody"}
    assert (found.table["p_value"] == 1).all()


def test_every_kind_of_table_comes_back(answers, kind, table, native, lists):
    columns = {name: answers[name].to_numpy() for name in ["care", "spend", "visits", "region"]}
    frame = table(columns, kind)
    model = tc.LatentClass(2, starts=3, kinds=KINDS, standard_errors=False)
    found = model.fit(frame, ITEMS[1:]).profile(frame, columns=["care", "region"])
    expected = native["polars" if kind == "polars lazy" else kind]
    for made in (found.table, found.wide(), found.drafts):
        assert isinstance(made, expected)
    assert lists(found.table)["level"][-1] == "west"
    assert lists(found.wide())["level"][5] is None


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (
            {"columns": ["aeg"]},
            tc.DataError,
            r"'aeg': is missing \(did you mean 'age'\?\).*columns=",
        ),
        ({"columns": "age"}, tc.ParameterError, "columns = 'age': expected a list"),
        ({"columns": []}, tc.ParameterError, r"columns = \[\]"),
        ({"columns": ["age", "age"]}, tc.ParameterError, "columns = "),
        ({"kinds": {"age": "count"}}, tc.ParameterError, "expected none without columns"),
        ({"columns": ["age"], "kinds": {"spend": "count"}}, tc.ParameterError, "one of the items"),
        ({"columns": ["age"], "kinds": "tall"}, tc.ParameterError, "kinds = 'tall'"),
        ({"columns": ["same"]}, tc.DataError, "'same': has one answer only"),
        ({"columns": ["age"], "kinds": "count"}, tc.DataError, r"'age', row 0: .*count"),
        ({"weights": [1.0]}, tc.DataError, "'weights': has 1 values for 500 rows"),
        ({"weights": "age", "covariates": 3}, tc.ParameterError, "covariates = 3"),
    ],
)
def test_bad_arguments_are_refused(model, answers, arguments, error, words):
    with pytest.raises(error, match=words):
        model.profile(answers.assign(same="x"), **arguments)


def test_an_unfitted_model_has_no_profile(answers):
    with pytest.raises(tc.NotFittedError):
        tc.LatentClass(2).profile(answers)


# --- respondents drawn from a model ---------------------------------------------------------------


def test_drawn_respondents_are_those_of_the_model(model):
    drawn = model.simulate(20_000, seed=1)
    assert list(drawn.columns) == [*ITEMS, "segment"]
    shares = drawn["segment"].value_counts(normalize=True)
    np.testing.assert_allclose(shares.sort_index(), model.shares_, atol=0.015)
    means = drawn.groupby("segment")["visits"].mean()
    np.testing.assert_allclose(
        means, [model.params_[f"visits mean[{k}]"] for k in (1, 2)], rtol=0.05
    )
    again = tc.LatentClass(2, starts=2, kinds=model.kinds_).fit(drawn, ITEMS)
    np.testing.assert_allclose(again.shares_, model.shares_, atol=0.015)
    assert again.levels_ == model.levels_


def test_answers_are_of_the_kind_that_they_were(answers):
    frame = answers.assign(
        liked=answers["care"] > 3,
        step=np.where(answers["care"] > 2, 1.5, 0.5),
        word=pd.Categorical(answers["region"], categories=["west", "north", "south"], ordered=True),
    )
    items = ["liked", "step", "word", "spend", "care"]
    model = tc.LatentClass(2, starts=3, prior=1.0, kinds={"step": "ordinal"}).fit(frame, items)
    drawn = model.simulate(50, 2, segment=None)
    assert list(drawn.columns) == items
    assert drawn["liked"].dtype == bool
    assert set(drawn["step"]) == {0.5, 1.5}
    assert drawn["word"].cat.ordered
    assert drawn["word"].cat.categories.tolist() == ["west", "north", "south"]
    assert drawn["care"].dtype == np.int64
    np.testing.assert_array_equal(model.predict(drawn).shape, (50,))


def test_respondents_like_others_have_their_gaps_and_covariates(answers):
    model = tc.LatentClass(2, starts=3, kinds=KINDS).fit(answers, ITEMS, covariates=["age"])
    with pytest.raises(tc.ParameterError, match=r"depends on covariates.*pass it as like="):
        model.simulate(10)
    drawn = model.simulate(like=answers, seed=4)
    assert drawn["price"].isna().tolist() == answers["price"].isna().tolist()
    old = answers["age"] > answers["age"].median()
    assert (drawn["segment"] == 2)[old].mean() > (drawn["segment"] == 2)[~old].mean() + 0.2


def test_drawn_tables_are_of_the_callers_kind(answers, kind, table, native, lists):
    frame = table({name: answers[name].to_numpy() for name in ITEMS[1:]}, kind)
    model = tc.LatentClass(2, starts=3, kinds=KINDS, standard_errors=False).fit(frame, ITEMS[1:])
    drawn = model.simulate(5, 3)
    assert isinstance(drawn, native["polars" if kind == "polars lazy" else kind])
    assert lists(drawn) == lists(model.simulate(5, 3))
    assert lists(drawn) != lists(model.simulate(5, 4))
    assert len(lists(model.simulate(like=frame))["segment"]) == 500
    loaded = tc.LatentClass._from_json(model._require().to_json())
    assert isinstance(loaded.simulate(2), pa.Table | pd.DataFrame)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n": 0}, "n = 0: expected a number of respondents, at least 1"),
        ({"n": None}, "n = None: expected a number of respondents.*like="),
        ({"n": 2.5}, r"n = 2\.5"),
        ({"n": 3, "seed": -1}, "seed = -1"),
        (
            {"n": 3, "segment": "price"},
            "segment = 'price': expected the name of a column that is no",
        ),
        ({"n": 3, "segment": 3}, "segment = 3"),
        ({"n": 3, "like": {"price": ["yes"]}}, "n = 3: expected none beside like="),
    ],
)
def test_nonsense_is_not_drawn(model, arguments: dict[str, Any], words):
    with pytest.raises(tc.ParameterError, match=words):
        model.simulate(**arguments)


def test_others_and_effect(profile, model, answers):
    rows = rows_of(profile, "care")
    members, known = model.predict_proba(answers), answers["care"].notna()
    care = answers.loc[known, "care"].astype(float)
    for segment, row in rows.iterrows():
        outside = 1 - members[known, segment]
        others = (outside * care).sum() / outside.sum()
        assert row["others"] == pytest.approx(others, rel=1e-12)
        deviation = care.std(ddof=0)
        assert row["effect"] == pytest.approx((row["value"] - others) / deviation, rel=1e-9)


def test_of_two_codes_that_are_no_yes_and_no_both_are_told():
    rng = np.random.default_rng(1)
    sick = rng.random(300) < 0.4
    ticks = {f"m{i}": rng.random(300) < np.where(sick, 0.9, 0.1) for i in range(5)}
    codes = pd.DataFrame({name: np.where(tick, 2, 1) for name, tick in ticks.items()})
    words = pd.DataFrame({name: np.where(tick, "yes", "no") for name, tick in ticks.items()})
    coded = tc.LatentClass(2, starts=3).fit(codes, list(codes)).profile(codes)
    assert coded.names[1].startswith("m")
    assert ": 1" in coded.names[1]
    assert ": 2" in coded.names[2]
    said = tc.LatentClass(2, starts=3).fit(words, list(words)).profile(words)
    assert said.names[1].startswith("low on m")
    assert ": " not in said.names[2]


def test_labels_are_beside_the_levels():
    frame = pd.DataFrame({f"m{i}": [1, 2, 1, 2, 2, 1] * 20 for i in range(3)})
    labels = {name: {1: "never", 2: "often"} for name in frame}
    survey = tc.Survey.from_frame(frame, labels=labels, kinds=dict.fromkeys(frame, "nominal"))
    table = tc.LatentClass(2, starts=2).fit(survey).profile(survey).table
    assert table["label"].tolist() == ["never", "never", "often", "often"] * 3
    assert table["level"].tolist() == ["1", "1", "2", "2"] * 3
