"""Best-worst choices: utilities recovered, tables long and wide, what is refused, files."""

from __future__ import annotations

import math
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone

import tercet as tc

if TYPE_CHECKING:
    from pathlib import Path

ITEMS = ["brand", "price", "quality", "service", "speed"]
UTILITIES = [[-1.0, 2.0, 0.0, -1.0, 0.0], [0.5, -1.5, 1.5, 0.5, -1.0]]


@pytest.fixture(scope="module")
def truth() -> tc.MaxDiff:
    return tc.MaxDiff.from_params(ITEMS, [0.65, 0.35], UTILITIES)


@pytest.fixture(scope="module")
def choices(truth) -> pd.DataFrame:
    frame: pd.DataFrame = truth.simulate(400, tasks=8, shown=4, seed=3)
    return frame


@pytest.fixture(scope="module")
def model(choices) -> tc.MaxDiff:
    return tc.MaxDiff(2, random_state=1).fit(choices)


@pytest.fixture(scope="module")
def wide(choices) -> pd.DataFrame:
    """The same choices, a row a task."""
    rows = choices.assign(place=choices.groupby(["respondent", "task"]).cumcount() + 1)
    shown = rows.pivot(index=["respondent", "task"], columns="place", values="item")
    shown.columns = [f"item_{place}" for place in shown.columns]
    index = ["respondent", "task"]
    for word in ("best", "worst"):
        shown[word] = rows[rows["choice"] == word].set_index(index)["item"]
    return shown.reset_index()


# --- estimates ------------------------------------------------------------------------------------


def test_the_truth_is_recovered(model, choices):
    assert model.items_ == ITEMS
    utilities = model.utilities_
    assert list(utilities) == ["segment", "item", "utility", "standard_error", "lower", "upper"]
    off = np.abs(utilities["utility"] - np.ravel(UTILITIES)) / utilities["standard_error"]
    assert off.max() < 3.5
    np.testing.assert_allclose(utilities.groupby("segment")["utility"].sum(), 0.0, atol=1e-9)
    np.testing.assert_allclose(model.shares_, [0.65, 0.35], atol=0.08)
    segments = choices.groupby("respondent")["segment"].first().to_numpy()
    assert (model.predict(choices) == segments).mean() > 0.95
    assert model.entropy_r2_ > 0.8
    assert model.n_observations_ == 400
    assert model.n_parameters_ == 9
    assert model.converged_
    assert model.n_starts_at_best_ >= 1
    assert len(model.starts_) == 20
    assert model.params_["price[1]"] == utilities["utility"][1]


def test_importance_adds_up_to_100_per_cent(model):
    table = model.importance_
    assert list(table) == [
        "segment",
        "item",
        "importance",
        "standard_error",
        "lower",
        "upper",
        "rank",
    ]
    np.testing.assert_allclose(table.groupby("segment")["importance"].sum(), 100.0)
    by_hand = np.exp(np.reshape(model.utilities_["utility"], (2, 5)))
    by_hand = 100 * by_hand / by_hand.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(table["importance"], by_hand.ravel())
    assert ((table["lower"] > 0) & (table["lower"] < table["importance"])).all()
    assert ((table["importance"] < table["upper"]) & (table["upper"] < 100)).all()
    first = table[table["rank"] == 1]
    assert first["item"].tolist() == ["price", "quality"]
    narrow = model.importance(level=0.5)
    assert (narrow["upper"] < table["upper"]).all()
    with pytest.raises(tc.ParameterError, match="level"):
        model.importance(level=95)


def test_one_segment_agrees_with_the_counts(choices):
    model = tc.MaxDiff().fit(choices)
    counts = model.counts(choices)
    assert list(counts) == ["item", "shown", "best", "worst", "score"]
    assert counts["best"].sum() == counts["worst"].sum() == 400 * 8
    assert counts["shown"].sum() == 400 * 8 * 4
    by_score = counts.sort_values("score", ascending=False)["item"].tolist()
    by_rank = model.importance_.sort_values("rank")["item"].tolist()
    assert by_score == by_rank
    np.testing.assert_array_equal(model.predict_proba(choices), 1.0)
    assert model.n_parameters_ == 4


def test_weights_count_as_respondents(choices):
    part = choices[choices["respondent"] <= 120]
    times = part["respondent"] % 3
    weighted = tc.MaxDiff(weight_type="frequency").fit(part.assign(w=times * 1.0), weights="w")
    again = part[times == 2].assign(respondent=lambda frame: frame["respondent"] + 1_000)
    repeated = tc.MaxDiff().fit(pd.concat([part[times > 0], again]))
    np.testing.assert_allclose(
        weighted.utilities_["utility"], repeated.utilities_["utility"], atol=1e-6
    )
    assert weighted.log_likelihood_ == pytest.approx(repeated.log_likelihood_)
    # A number a row, the same for all rows of a respondent.
    by_array = tc.MaxDiff(weight_type="frequency").fit(part, weights=times.to_numpy() * 1.0)
    assert by_array.log_likelihood_ == weighted.log_likelihood_
    assert weighted.log_likelihood(part, weights=times.to_numpy() * 1.0) == pytest.approx(
        weighted.log_likelihood_
    )


def test_choices_that_were_not_made_say_nothing(model, choices):
    silent = choices.assign(choice=None)
    members = model.predict_proba(silent)
    np.testing.assert_allclose(members, np.tile(model.shares_, (400, 1)))
    assert model.memberships(silent)["fit"].isna().all()
    one_task = choices[choices["task"] == 1]
    assert model.predict_proba(one_task).shape == (400, 2)
    only_best = choices.assign(choice=choices["choice"].where(choices["choice"] == "best"))
    assert tc.MaxDiff(2, random_state=1).fit(only_best).converged_


def test_threads_do_not_change_the_digits(choices):
    one, two = (
        tc.MaxDiff(2, random_state=5, n_jobs=n).fit(choices).predict_proba(choices) for n in (1, 2)
    )
    np.testing.assert_array_equal(one, two)


# --- tables ---------------------------------------------------------------------------------------


def test_long_and_wide_are_the_same(model, wide, choices):
    shown = [f"item_{place}" for place in range(1, 5)]
    from_wide = tc.MaxDiff(2, random_state=1).fit(wide, shown=shown)
    assert from_wide.params_ == pytest.approx(model.params_)
    np.testing.assert_allclose(from_wide.predict_proba(wide), model.predict_proba(choices))
    # Without a column of tasks every row is one.
    tasks = wide.drop(columns="task").rename(columns={"best": "most", "worst": "least"})
    again = tc.MaxDiff(2, random_state=1).fit(
        tasks, task=None, shown=shown, best="most", worst="least"
    )
    assert again.params_ == pytest.approx(model.params_)
    np.testing.assert_array_equal(again.predict(tasks), from_wide.predict(wide))


def test_sets_may_differ_in_size(wide):
    short = wide.copy()
    third = (short.index % 3 == 0) & (short["item_4"] != short["best"])
    third &= short["item_4"] != short["worst"]
    short.loc[third, "item_4"] = None
    shown = [f"item_{place}" for place in range(1, 5)]
    model = tc.MaxDiff().fit(short, shown=shown)
    assert model.counts(short)["shown"].sum() == 400 * 8 * 4 - third.sum()


def test_every_kind_of_table(model, choices, kind, table, native, lists):
    columns = {
        name: pa.array(choices[name], from_pandas=True)
        for name in ("respondent", "task", "item", "choice")
    }
    if kind == "mapping":
        columns["choice"] = np.where(choices["choice"].isna(), "none", choices["choice"])
    frame = columns if kind == "mapping" else table(columns, kind)
    fitted = tc.MaxDiff(2, random_state=1).fit(frame)
    assert fitted.params_ == model.params_
    members = fitted.memberships(frame)
    assert isinstance(members, native[kind])
    got = lists(members)
    assert list(got) == ["respondent", "segment_1", "segment_2", "segment", "fit"]
    assert got["respondent"] == list(range(1, 401))
    assert got["segment"] == model.predict(choices).tolist()
    assert 0.25 < np.mean(got["fit"]) < 0.6
    utilities = lists(fitted.respondent_utilities(frame))
    assert list(utilities) == ["respondent", *ITEMS]
    by_hand = model.predict_proba(choices) @ np.reshape(model.utilities_["utility"], (2, 5))
    np.testing.assert_allclose(utilities["price"], by_hand[:, 1])


def test_ids_and_choices_of_any_type(model, choices):
    codes = choices["choice"].map({"best": 1, "worst": -1}).fillna(0).astype(int)
    frame = pl.DataFrame(
        {
            "who": [f"r{number}" for number in choices["respondent"]],
            "set": choices["task"].to_numpy() * 10,
            "what": pl.Series(choices["item"].to_list(), dtype=pl.Categorical),
            "picked": codes.to_numpy(),
        }
    )
    columns = {"respondent": "who", "task": "set", "item": "what", "choice": "picked"}
    fitted = tc.MaxDiff(2, random_state=1).fit(frame, **columns)
    assert sorted(fitted.params_) == sorted(model.params_)
    assert fitted.log_likelihood_ == pytest.approx(model.log_likelihood_)
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=2)
    members = fitted.memberships(shuffled)
    assert members["who"].to_list() == shuffled["who"].unique(maintain_order=True).to_list()
    again = members.sort("who")["segment_1"].to_numpy()
    straight = fitted.memberships(frame).sort("who")["segment_1"].to_numpy()
    np.testing.assert_allclose(again, straight)


# --- what is refused ------------------------------------------------------------------------------


def refused(frame: Any, words: str, **settings: Any) -> tc.DataError:
    with pytest.raises(tc.DataError, match=words) as caught:
        tc.MaxDiff().fit(frame, **settings)
    return caught.value


def test_refusals_of_long_tables(choices, model):
    def changed(row: int, **values: Any) -> pd.DataFrame:
        frame = choices.copy()
        for name, value in values.items():
            frame.loc[row, name] = value
        return frame

    error = refused(changed(5, choice="good"), "column 'choice', row 5: is 'good'; a choice is")
    assert (error.column, error.row) == ("choice", 5)
    refused(changed(5, item=None), "column 'item', row 5: is missing")
    refused(changed(5, respondent=None), "column 'respondent', row 5: is missing")
    refused(choices.assign(choice=choices["choice"].fillna("best")), "second time in this task")
    refused(choices.drop(columns="task"), "column 'task': is missing")
    refused(choices[choices.index % 4 < 2], r"has 2 item\(s\) in this task")
    apart = pd.concat(
        [
            choices,
            choices.assign(item=choices["item"] + "!", respondent=choices["respondent"] + 500),
        ]
    )
    refused(apart, "no common scale")
    error = refused(changed(9, segment=7), "one weight", weights="segment")
    assert error.column == "segment"
    refused(choices, "row 0: is -1", weights=np.full(len(choices), -1.0))
    strange = choices.assign(item=choices["item"].replace("price", "taste"))
    with pytest.raises(tc.DataError, match="shows 'taste', which is none of the model's items"):
        model.predict(strange)
    with pytest.raises(tc.ParameterError, match="task = None"):
        tc.MaxDiff().fit(choices, task=None)
    with pytest.raises(tc.ParameterError, match="n_segments = 50: expected"):
        tc.MaxDiff(50).fit(choices)
    with pytest.raises(tc.NotFittedError, match=r"fit\(choices\)"):
        tc.MaxDiff().predict(choices)


def test_two_lists_may_be_scored_together(model):
    # No set links the items, which matters for utilities but not for memberships.
    tasks = {
        "respondent": [1] * 6,
        "task": [1, 1, 1, 2, 2, 2],
        "item": ["price", "brand", "speed", "quality", "service", "price"],
        "choice": ["best", "worst", "none", "none", "worst", "best"],
    }
    assert model.predict(tasks).tolist() == [1]


def test_refusals_of_wide_tables(wide):
    shown = [f"item_{place}" for place in range(1, 5)]

    def error(row: int, words: str, **values: Any) -> None:
        frame = wide.copy()
        for name, value in values.items():
            frame.loc[row, name] = value
        found = refused(frame, words, shown=shown)
        assert found.row == row

    error(3, "'best', row 3: is 'brandy', which this task does not show", best="brandy")
    error(3, "shows an item twice", item_1=wide.loc[3, "item_2"])
    error(4, r"shows 2 item\(s\)", item_1=None, item_2=None)
    error(6, "which is the best too", worst=wide.loc[6, "best"])
    twice = pd.concat([wide, wide.iloc[[0]]], ignore_index=True)
    refused(twice, "column 'task', row 3200: has this task of this respondent", shown=shown)
    with pytest.raises(tc.ParameterError, match="shown = 'item_1'"):
        tc.MaxDiff().fit(wide, shown="item_1")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n_segments": 0}, "n_segments = 0"),
        ({"n_segments": 1.5}, "n_segments = 1.5"),
        ({"starts": 0}, "starts = 0"),
        ({"prior": -1}, "prior = -1"),
        ({"worst": "first"}, "worst = .first.: expected one of"),
        ({"weight_type": "heavy"}, "weight_type"),
        ({"drop_early": 1}, "drop_early = 1"),
        ({"max_iterations": 0}, "max_iterations = 0"),
        ({"random_state": -1}, "random_state"),
    ],
)
def test_settings_that_cannot_be(choices, settings, words):
    with pytest.raises(tc.ParameterError, match=words):
        tc.MaxDiff(**settings).fit(choices)


def test_utilities_that_run_away_are_named(truth):
    drawn = truth.simulate(60, tasks=5, shown=3, seed=1)
    never = drawn.assign(choice=drawn["choice"].mask(drawn["item"] == "brand", "worst"))
    lost = never.groupby(["respondent", "task"])["item"].transform(lambda x: "brand" in set(x))
    worst = (never["choice"] == "worst") & (never["item"] != "brand") & lost
    never["choice"] = never["choice"].mask(worst)
    with pytest.warns(tc.ConvergenceWarning, match="brand"):
        runaway = tc.MaxDiff().fit(never)
    assert "brand" in runaway.boundary_
    held = tc.MaxDiff(prior=1.0).fit(never)
    assert held.boundary_ is None
    assert held.importance_.sort_values("rank")["item"].tolist()[-1] == "brand"


# --- manners --------------------------------------------------------------------------------------


def test_files_pickles_and_clones(model, choices, wide, tmp_path: Path):
    model.save(tmp_path / "model.json")
    for copy in (tc.load(tmp_path / "model.json"), pickle.loads(pickle.dumps(model))):
        assert isinstance(copy, tc.MaxDiff)
        assert copy.get_params() == model.get_params()
        assert repr(copy) == repr(model)
        np.testing.assert_array_equal(copy.predict_proba(choices), model.predict_proba(choices))
        pd.testing.assert_frame_equal(copy.importance_, model.importance_)
        copy.save(tmp_path / "again.json")
        assert (tmp_path / "again.json").read_text() == (tmp_path / "model.json").read_text()
    shown = [f"item_{place}" for place in range(1, 5)]
    settings = {"prior": 0.5, "worst": "independent", "starts": 3, "drop_early": False}
    other = tc.MaxDiff(2, random_state=7, max_iterations=99, **settings).fit(wide, shown=shown)
    other.save(tmp_path / "other.json")
    loaded = tc.load(tmp_path / "other.json")
    assert loaded.get_params() == other.get_params()
    np.testing.assert_array_equal(loaded.predict_proba(wide), other.predict_proba(wide))
    assert clone(other).get_params() == other.get_params()


def test_a_given_model_predicts_and_shows_itself(truth, choices, tmp_path: Path):
    assert "The parameters were given, not fitted." in repr(truth)
    assert math.isnan(truth.bic_)
    np.testing.assert_allclose(truth.utilities_["utility"], np.ravel(UTILITIES))
    truth.save(tmp_path / "truth.json")
    loaded = tc.load(tmp_path / "truth.json")
    np.testing.assert_array_equal(loaded.predict(choices), truth.predict(choices))
    with pytest.raises(tc.ParameterError, match="shares"):
        tc.MaxDiff.from_params(ITEMS, [0.9, 0.3], UTILITIES)
    with pytest.raises(tc.ParameterError, match="utilities"):
        tc.MaxDiff.from_params(ITEMS, [0.6, 0.4], [[1.0] * 5, [1.0] * 4])


def test_it_shows_itself(model):
    text = repr(model)
    assert text.startswith("MaxDiff(n_segments=2, random_state=1)")
    assert "importance" in text
    assert "segment 2" in text
    assert "share of respondents" in text
    assert "<table>" in model._repr_html_()


def test_progress_is_told_and_may_stop_the_fit(choices):
    steps: list[tc.Step] = []
    tc.MaxDiff(2, starts=3).fit(choices, progress=steps.append)
    assert steps

    def stop(step: tc.Step) -> None:
        raise InterruptedError(step.phase)

    with pytest.raises(InterruptedError):
        tc.MaxDiff(3).fit(choices, progress=stop)


# --- ratings --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ratings() -> pd.DataFrame:
    """Two segments that rate four items, with styles of their own."""
    rng = np.random.default_rng(8)
    segment = (rng.random(500) < 0.4).astype(int)
    means = np.array([[4.5, 2.5, 3.0, 3.0], [2.5, 4.5, 3.0, 3.0]])[segment]
    style = rng.normal(0.0, 1.0, (500, 1))
    rated = np.clip(np.round(means + style + rng.normal(0, 0.7, (500, 4))), 1, 5)
    frame = pd.DataFrame(rated.astype(int), columns=["price", "service", "brand", "speed"])
    return frame.assign(segment=segment)


def test_ratings_give_the_same_table(ratings, model):
    members = np.eye(2)[ratings["segment"]]
    items = ["price", "service", "brand", "speed"]
    table = tc.rating_importance(ratings, items, segments=members)
    assert list(table)[:7] == list(model.importance_)
    assert list(table)[7:] == ["mean", "top_share", "n"]
    own = ratings[items].sub(ratings[items].mean(axis=1), axis=0)
    for number in (1, 2):
        rows = table[table["segment"] == number]
        theirs = ratings["segment"] == number - 1
        np.testing.assert_allclose(rows["importance"], own[theirs].mean())
        np.testing.assert_allclose(rows["mean"], ratings.loc[theirs, items].mean())
        np.testing.assert_allclose(rows["top_share"], (ratings.loc[theirs, items] >= 4).mean())
        np.testing.assert_allclose(rows["standard_error"], own[theirs].sem(ddof=0), rtol=1e-9)
        np.testing.assert_allclose(rows["n"], theirs.sum())
        assert rows["importance"].sum() == pytest.approx(0.0, abs=1e-12)
    assert table[table["rank"] == 1]["item"].tolist() == ["price", "service"]
    # Taking the style off makes differences sharper.
    plain = tc.rating_importance(ratings, items, segments=members, correct_style=False)
    np.testing.assert_allclose(plain["importance"], plain["mean"])
    assert (plain["standard_error"] > table["standard_error"]).all()


def test_ratings_of_a_survey_and_a_model(ratings):
    items = ["price", "service", "brand", "speed"]
    frame = ratings.assign(w=np.linspace(0.5, 1.5, 500))
    survey = tc.Survey.from_frame(frame, items=items, batteries={"needs": items}, weights="w")
    segments = tc.LatentClass(2, random_state=1, response_style="random_intercept").fit(survey)
    table = tc.rating_importance(survey, segments=segments)
    posterior = segments.predict_proba(survey)
    by_hand = tc.rating_importance(frame, items, segments=posterior, weights="w")
    pd.testing.assert_frame_equal(table, by_hand)
    named = tc.rating_importance(survey, ["needs"], segments=segments)
    pd.testing.assert_frame_equal(table, named)
    everybody = tc.rating_importance(survey, weights=False)
    assert everybody["segment"].unique().tolist() == [1]
    assert everybody["n"].tolist() == [500.0] * 4


def test_ratings_with_gaps():
    frame = pl.DataFrame({"a": [5, 1, None, 2], "b": [3, None, None, 4], "c": [1, None, 2, None]})
    table = tc.rating_importance(frame, ["a", "b", "c"])
    assert table["n"].to_list() == [2.0, 2.0, 1.0]  # rows 1 and 2 rated a single item
    np.testing.assert_allclose(table["importance"], [0.5, 0.5, -2.0])
    np.testing.assert_allclose(table["mean"], [8 / 3, 3.5, 1.5])
    words = pd.DataFrame(
        {
            name: pd.Categorical(["low", "high", "mid"], ["low", "mid", "high"], ordered=True)
            for name in ("a", "b")
        }
    )
    top = tc.rating_importance(words, ["a", "b"], top=1)
    np.testing.assert_allclose(top["top_share"], [1 / 3, 1 / 3])
    np.testing.assert_allclose(top["mean"], [1.0, 1.0])


def test_what_are_no_ratings_is_refused(ratings):
    items = ["price", "service"]
    with pytest.raises(tc.DataError, match="has no order"):
        tc.rating_importance({"a": ["x", "y"], "b": ["x", "y"]}, ["a", "b"])
    with pytest.raises(tc.ParameterError, match="items = None"):
        tc.rating_importance(ratings)
    with pytest.raises(tc.ParameterError, match="level = 95"):
        tc.rating_importance(ratings, items, level=95)
    with pytest.raises(tc.ParameterError, match="top = 0"):
        tc.rating_importance(ratings, items, top=0)
    with pytest.raises(tc.DataError, match="expected 500 x K"):
        tc.rating_importance(ratings, items, segments=np.ones((3, 2)) / 2)
    with pytest.raises(tc.DataError, match="column 'w', row 0"):
        tc.rating_importance(ratings.assign(w=-1.0), items, weights="w")
    survey = tc.Survey.from_frame(pd.DataFrame({"region": ["n", "s", "n", "s"]}))
    with pytest.raises(tc.ParameterError, match="no ordinal items"):
        tc.rating_importance(survey)
