"""Golden questions: chosen, tried on respondents left out, asked, scored, saved."""

from __future__ import annotations

import csv
import pickle
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone

import tercet as tc

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def needs() -> tc.datasets.SimulatedNeeds:
    return tc.datasets.simulate_needs(6_000, n_respondents=600, seed=4)


@pytest.fixture(scope="module")
def model(needs) -> tc.LatentClass:
    return tc.LatentClass(4, starts=10, random_state=1).fit(needs.survey, ["importance"])


@pytest.fixture(scope="module")
def tool(model, needs) -> tc.TypingTool:
    return tc.TypingTool(model, 4, folds=5).fit(needs.survey)


def test_few_questions_say_most(tool, model, needs):
    questions = tool.questions_
    assert len(set(questions)) == 4
    assert set(questions) <= set(model.items_)
    everything = model.predict(needs.survey)
    agreement = tool.agreement_
    assert list(agreement) == [
        "n_questions",
        "added",
        "dropped",
        "in_sample",
        "cross_validated",
        "standard_error",
        "expected",
        "majority",
    ]
    assert agreement["n_questions"].tolist() == list(range(1, 9))
    fourth = agreement[agreement["n_questions"] == 4].iloc[0]
    # Weighted, as everything is.
    w = needs.respondents["weight"].to_numpy()
    typed = tool.predict(needs.respondents)
    assert fourth["in_sample"] == pytest.approx(np.average(typed == everything, weights=w))
    assert fourth["cross_validated"] > fourth["majority"] + 0.3
    assert agreement["cross_validated"].iloc[7] > agreement["cross_validated"].iloc[0]
    assert tool.sets_[4] == questions
    assert set(tool.chosen_in_folds_) == set(questions)
    assert all(0 <= share <= 1 for share in tool.chosen_in_folds_.values())
    assert tool.confusion_.shape == (4, 4)
    diagonal = np.diag(tool.confusion_)
    assert tool.confusion_.sum() == pytest.approx(w.sum())
    assert diagonal.sum() / tool.confusion_.sum() == pytest.approx(fourth["cross_validated"])
    np.testing.assert_allclose(tool.recall_, diagonal / tool.confusion_.sum(axis=1))
    np.testing.assert_allclose(tool.precision_, diagonal / tool.confusion_.sum(axis=0))
    np.testing.assert_array_equal(tool.shares_, model.shares_)
    assert tool.classes_.tolist() == [1, 2, 3, 4]


def test_the_tool_is_the_model_asked_less(tool, model, needs):
    expected = model.predict_proba(needs.survey, items=tool.questions_)
    np.testing.assert_array_equal(tool.predict_proba(needs.survey), expected)
    short = needs.respondents[tool.questions_]
    np.testing.assert_array_equal(tool.predict_proba(short), expected)
    nothing = short.head(3).assign(**dict.fromkeys(tool.questions_, None))
    np.testing.assert_allclose(tool.predict_proba(nothing), np.tile(model.shares_, (3, 1)))


def test_questions_are_forced_and_forbidden(model, needs):
    names = model.items_
    forced = tc.TypingTool(
        model, 3, include=names[:1], exclude=names[1:3], max_questions=5, folds=0
    ).fit(needs.survey)
    assert forced.questions_[0] == names[0]
    assert not set(forced.questions_) & set(names[1:3])
    agreement = forced.agreement_
    assert agreement["n_questions"].tolist() == [1, 2, 3, 4, 5]
    assert agreement["cross_validated"].isna().all()
    assert forced.chosen_in_folds_ == {}
    assert "in sample" in repr(forced)


def test_the_questionnaire_has_wordings_and_labels(tool, model, needs):
    text = tool.questionnaire()
    assert text.startswith("1. How important is … to you? - ")
    assert text.count("[1] not important\n   [2]\n   [3]\n   [4]\n   [5] decisive\n") == 4
    labels = {"importance": {1: "not at all", 5: "very"}}
    items = needs.survey.items_of("importance")
    kinds = dict.fromkeys(items, "ordinal")
    worded = tc.Survey.from_frame(
        needs.respondents, items=items, labels=labels, kinds=kinds,
        batteries={"importance": items}, weights="weight",
    )  # fmt: skip
    again = tc.TypingTool(model, 1, folds=0).fit(worded)
    assert "[1] not at all" in again.questionnaire()
    assert "[5] very" in again.questionnaire()
    plain = tc.TypingTool(model, 1, folds=0).fit(needs.respondents, weights="weight")
    assert plain.questionnaire().startswith(f"1. {plain.questions_[0]}\n")


def test_every_kind_of_table(tool, model, needs, kind, table, lists):
    columns = {name: needs.respondents[name].to_numpy() for name in model.items_}
    columns["weight"] = needs.respondents["weight"].to_numpy()
    whole = table(columns, kind)
    fitted = tc.TypingTool(model, 4, folds=5).fit(whole, weights="weight")
    assert fitted.questions_ == tool.questions_
    np.testing.assert_array_equal(fitted.predict_proba(whole), tool.predict_proba(needs.survey))
    assert lists(fitted.agreement_)["in_sample"] == tool.agreement_["in_sample"].tolist()


def test_covariates_of_the_model(needs):
    frame = needs.respondents.assign(visits=needs.respondents["visits"].fillna(0))
    items = needs.survey.items_of("importance")
    model = tc.LatentClass(2, kinds="ordinal", starts=4, random_state=1)
    model.fit(frame, items, weights="weight", covariates=["visits"])
    tool = tc.TypingTool(model, 2, folds=3).fit(frame, weights="weight")
    with_visits = tool.predict_proba(frame)
    without = tool.predict_proba(frame[tool.questions_], covariates=False)
    assert not np.allclose(with_visits, without)
    with pytest.raises(tc.DataError, match=r"'visits': is missing.*covariates=False"):
        tool.predict_proba(frame[tool.questions_])


def test_covariates_are_asked_for_and_agreement_told_with_and_without():
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    yes = np.where((x + rng.normal(size=600) > 0)[:, None], 0.8, 0.25) > rng.random((600, 6))
    frame = pd.DataFrame({f"q{k}": np.where(yes[:, k], "yes", "no") for k in range(6)})
    items = list(frame)
    frame = frame.assign(x=x, region=np.where(rng.random(600) < 0.5, "north", "south"))
    model = tc.LatentClass(2, starts=4, random_state=1)
    tool = tc.TypingTool(model.fit(frame, items, covariates=["x", "region"]), 2, folds=3).fit(frame)
    assert tool.covariates_ == ["x", "region"]
    assert tool.questionnaire().endswith(
        "\n\nBesides, of the customer must be known:\n   x: a number\n   region: north, south\n"
    )
    assert "Needs as well: x, region, with which all agreement was found" in repr(tool)
    # What is advertised is what `predict` does by itself.
    assert tool.agreement(frame) == pytest.approx(tool.agreement_["in_sample"].iloc[1])
    assert tool.agreement(frame) == np.mean(tool.predict(frame) == model.predict(frame))
    assert tool.agreement(frame, covariates=False) < tool.agreement(frame) - 0.05
    assert pickle.loads(pickle.dumps(tool)).covariates_ == tool.covariates_
    plain = tc.TypingTool(tc.LatentClass(2, starts=4).fit(frame, items), 2, folds=0).fit(frame)
    assert plain.covariates_ == []
    assert "Besides" not in plain.questionnaire()
    assert "Needs as well" not in repr(plain)
    assert plain.agreement(frame) == plain.agreement(frame, covariates=False)


def test_threads_do_not_change_the_digits(model, needs):
    one, two = (
        tc.TypingTool(model, 3, folds=3, n_jobs=n).fit(needs.survey).agreement_ for n in (1, 2)
    )
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_what_cannot_be_asked_is_refused(model, tool, needs):
    def refused(words: str, **settings: object) -> None:
        with pytest.raises(tc.ParameterError, match=words):
            tc.TypingTool(model, **settings).fit(needs.survey)

    refused("n_questions = 13: expected a number of questions from 1 to 12", n_questions=13)
    refused("n_questions = 0", n_questions=0)
    refused("n_questions = 'few'", n_questions="few")
    refused("exclude = 'taste': expected items of the model", exclude=["taste"])
    refused("include = 'taste'", include=["taste"])
    refused("exclude = .*which `include`|exclude = ", include=["low_price"], exclude=["low_price"])
    refused("max_questions = 3: expected at least n_questions, 4", max_questions=3)
    refused("max_questions = 12: expected at most 11", max_questions=12, exclude=["low_price"])
    refused("folds = 1", folds=1)
    refused("random_state", random_state=-1)
    with pytest.raises(tc.ParameterError, match="model = 5: expected a fitted LatentClass"):
        tc.TypingTool(5).fit(needs.survey)
    with pytest.raises(tc.NotFittedError, match="LatentClass is not fitted"):
        tc.TypingTool(tc.LatentClass(2)).fit(needs.survey)
    with pytest.raises(tc.NotFittedError, match="TypingTool is not fitted"):
        tc.TypingTool(model).predict(needs.survey)
    with pytest.raises(tc.DataError, match="is missing"):
        tc.TypingTool(model).fit(needs.respondents.drop(columns="low_price"))
    question = tool.questions_[0]
    with pytest.raises(tc.DataError, match=f"column '{question}'.*its answers are missing"):
        tool.predict(needs.respondents.drop(columns=question))
    wrong = needs.respondents.assign(**{question: 9})
    with pytest.raises(tc.DataError, match=f"column '{question}', row 0: '9' is none of"):
        tool.predict(wrong)
    lenient = tc.TypingTool(clone_fitted(model).set_params(unknown_levels="missing"), folds=0)
    assert lenient.fit(needs.survey).predict(wrong.assign(**{question: 9})).shape == (600,)


def clone_fitted(model: tc.LatentClass) -> tc.LatentClass:
    copy: tc.LatentClass = pickle.loads(pickle.dumps(model))
    return copy


def test_files_pickles_and_clones(tool, model, needs, tmp_path: Path):
    tool.save(tmp_path / "tool.json")
    for copy in (tc.load(tmp_path / "tool.json"), pickle.loads(pickle.dumps(tool))):
        assert isinstance(copy, tc.TypingTool)
        np.testing.assert_array_equal(
            copy.predict_proba(needs.survey), tool.predict_proba(needs.survey)
        )
        assert repr(copy) == repr(tool)
        assert copy.model.params_ == model.params_
        assert copy.questionnaire() == tool.questionnaire()
        copy.save(tmp_path / "again.json")
        assert (tmp_path / "again.json").read_text() == (tmp_path / "tool.json").read_text()
    names = model.items_
    other = tc.TypingTool(
        model, 2, include=names[:1], exclude=names[4:6], folds=3, max_questions=4, random_state=5
    ).fit(needs.survey)
    other.save(tmp_path / "other.json")
    loaded = tc.load(tmp_path / "other.json").get_params()
    assert {**loaded, "model": None} == {**other.get_params(), "model": None}
    assert clone(other).model is model


def test_progress_is_told_and_may_stop_the_fit(model, needs):
    steps: list[tc.Step] = []
    tc.TypingTool(model, 2, folds=3).fit(needs.survey, progress=steps.append)
    assert steps

    def stop(step: tc.Step) -> None:
        raise InterruptedError(step.phase)

    with pytest.raises(InterruptedError):
        tc.TypingTool(model, 2, folds=3).fit(needs.survey, progress=stop)


def test_it_shows_itself(tool):
    text = repr(tool)
    assert text.startswith("TypingTool(model=LatentClass(n_segments=4")
    assert "cross-validated" in text
    assert f"Asks: {', '.join(tool.questions_)}"[:60] in text.replace("\n  ", " ")
    assert "Members found by segment (of respondents left out)" in text.replace("\n  ", " ")
    assert "<table>" in tool._repr_html_()


def test_own_answers_by_the_tool_are_typed(tool, needs):
    projection = tc.SegmentProjection(tool).fit(needs.survey, ["channel", "visits"])
    by_model = tc.SegmentProjection(tool.model).fit(needs.survey, ["channel", "visits"])
    assert projection.log_loss_ != by_model.log_loss_
    asked = needs.respondents.head(6).assign(channel="shop", visits=1)
    answers = pl.DataFrame(
        {
            "customer_id": asked["customer_id"].to_numpy(),
            **{name: needs.respondents[name].head(6).to_numpy() for name in tool.questions_},
        }
    )
    found = projection.project(asked[["customer_id", "channel", "visits"]], answers)
    assert set(found["source"]) == {"typed"}
    whole = projection.project(asked[["customer_id", "channel", "visits"]], needs.survey,
                               respondent="customer_id")  # fmt: skip
    assert set(whole["source"]) == {"answered"}
    golden = by_model.project(asked[["customer_id", "channel", "visits"]], answers, golden=tool)
    assert set(golden["source"]) == {"typed"}
    with pytest.raises(tc.ParameterError, match="segments were not made from"):
        tc.SegmentProjection(tool).fit(needs.survey, [tool.questions_[0]])


@pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not on the PATH")
def test_rust_scores_a_tool_saved_by_python(tool, needs, tmp_path: Path):
    tool.save(tmp_path / "tool.json")
    answers = needs.respondents[tool.questions_].head(50)
    with (tmp_path / "answers.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(tool.questions_)
        for row in answers.itertuples(index=False):
            writer.writerow(["" if pd.isna(value) else int(value) for value in row])
    example = ["cargo", "run", "--quiet", "--locked", "-p", "tercet", "--example"]
    arguments = [str(tmp_path / "tool.json"), str(tmp_path / "answers.csv")]
    answer = subprocess.run(
        [*example, "score_typing_tool", "--", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    header, *lines = answer.stdout.splitlines()
    assert header == "segment_1,segment_2,segment_3,segment_4"
    scores = np.array([[float(value) for value in line.split(",")] for line in lines])
    np.testing.assert_array_equal(scores, tool.predict_proba(answers))
