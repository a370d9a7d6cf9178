"""LeadScore: fixed points, a probability behind them, and the stage that is next."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pandas as pd
import pytest

import tercet as tc

ORDER = ["new", "talks", "offer", "customer"]
DATES = ["2023-07-01", "2023-10-01", "2024-01-01", "2024-04-01"]
TODAY = "2024-07-01"


def pipeline(n=2_500, seed=1):
    """Leads of which the large ones move faster; a tenth of the moves skip a stage."""
    rng = np.random.default_rng(seed)
    size = rng.normal(size=n)
    start = rng.uniform(0, 540, n)
    rows = []
    for lead in range(n):
        at, stage = start[lead], 0
        rows.append((lead, at, "new"))
        while stage < 3:
            ahead, away = 0.012 * np.exp(0.9 * size[lead] + 0.3 * stage), 0.006
            at += rng.exponential(1 / (ahead + away))
            if rng.random() < away / (ahead + away):
                rows.append((lead, at, "lost"))
                break
            stage = min(stage + 1 + (rng.random() < 0.1), 3)
            rows.append((lead, at, ORDER[stage]))
    found = pd.DataFrame(rows, columns=["customer_id", "day", "stage"])
    found["date"] = np.datetime64("2023-01-01") + (found["day"] * 86_400).astype("timedelta64[s]")
    found = found[found["day"] < 540].drop(columns="day")
    leads = pd.DataFrame({"customer_id": np.arange(n), "size": size.round(3)})
    leads["since"] = np.datetime64("2023-01-01")
    return found, leads


def dates(as_of=DATES):
    return tc.Snapshots(as_of=as_of, observation="90d", outcome="60d")


@pytest.fixture(scope="module")
def tables():
    stages, leads = pipeline()
    return {"stages": stages, "customers": leads}


@pytest.fixture(scope="module")
def model(tables):
    # Who is lost is chance here, which the report card finds out.
    made = tc.LeadScore(ORDER, lost=["lost"], estimator=tc.Propensity(features="linear"))
    with pytest.warns(UserWarning, match="No for lost"):
        return made.fit(dates(), **tables)


@pytest.fixture(scope="module")
def scored(model, tables):
    leads = tables["customers"]
    return model.score(leads, "2024-05-01", stages=tables["stages"], reasons=1, anyway=True)


def test_columns(scored):
    assert list(scored.columns) == [
        "customer_id",
        "as_of",
        "lead_score",
        "lead_score_lower",
        "lead_score_upper",
        "stage",
        "move_probability",
        "move_probability_lower",
        "move_probability_upper",
        "next_stage",
        "next_stage_probability_talks",
        "next_stage_probability_offer",
        "next_stage_probability_customer",
        "lost_probability",
        "band",
        "decile",
        "reason_1",
        "not_scored",
    ]
    counts = scored["not_scored"].value_counts()
    assert counts["in the last stage, or lost, before the date"] > 500
    known = scored.dropna(subset="lead_score")
    assert (known["lead_score_lower"] <= known["lead_score"]).all()
    assert (known["lead_score"] <= known["lead_score_upper"]).all()
    assert known["lead_score"].between(0, 100).all()


def test_probabilities_add_up(scored):
    known = scored.dropna(subset="lead_score")
    ahead = known.filter(like="next_stage_probability").sum(axis=1)
    np.testing.assert_allclose(ahead, known["move_probability"], rtol=1e-12)
    assert (known["move_probability"] + known["lost_probability"] <= 1 + 1e-12).all()


def test_stages_that_are_not_later_are_not_next(scored):
    for stage in ORDER[1:3]:
        here = scored[scored["stage"] == stage]
        for earlier in ORDER[1 : ORDER.index(stage) + 1]:
            assert (here[f"next_stage_probability_{earlier}"] == 0).all()
        assert (here["next_stage"] == ORDER[ORDER.index(stage) + 1]).mean() > 0.95


def test_what_it_says_comes_true(model, tables):
    later = dates(["2024-04-20"]).leads(
        tables["stages"], order=ORDER, lost=["lost"], customers=tables["customers"]
    )
    found = model.score(later, anyway=True)
    assert tc.score_probabilities(later.y["moves"], found["move_probability"])["auc"] > 0.68
    whereto = later.y["next_stage"].to_numpy()
    for name in ("talks", "offer", "customer"):
        share, seen = found[f"next_stage_probability_{name}"].mean(), (whereto == name).mean()
        assert abs(share - seen) < 0.06, name
    assert abs(found["lost_probability"].mean() - (whereto == "lost").mean()) < 0.06


def test_points_are_a_fixed_function_of_the_probability(model, tables, scored):
    assert model.bands_ == {"cold": 0.0, "cool": 0.05, "warm": 0.15, "hot": 0.35, "ready": 0.6}
    known = scored.dropna(subset="lead_score")
    edges = [0.0, 0.05, 0.15, 0.35, 0.6, 1.0]
    want = np.rint(np.interp(known["move_probability"], edges, [0, 20, 40, 60, 80, 100]))
    assert (known["lead_score"] == want).all()
    want = np.array(list(model.bands_))[np.digitize(known["move_probability"], edges[1:-1])]
    assert (known["band"] == want).all()
    few = known["customer_id"].tolist()[:7]
    leads = tables["customers"]
    again = model.score(
        leads[leads["customer_id"].isin(few)], "2024-05-01", stages=tables["stages"], anyway=True
    )
    assert again["lead_score"].tolist() == known["lead_score"].tolist()[:7]
    own = tc.LeadScore(
        ORDER,
        lost=["lost"],
        bands={"no": 0.0, "yes": 0.5},
        replications=0,
        anyway=True,
        estimator=tc.Propensity(features="linear", calibration="none"),
    ).fit(dates(), **tables)
    found = own.score(as_of="2024-05-01", **tables).dropna(subset="lead_score")
    assert ((found["lead_score"] >= 50) == (found["move_probability"] >= 0.495)).mean() > 0.99


def test_the_report_card_goes_stage_by_stage(model):
    outcomes = model.report_card_.outcomes
    assert outcomes["outcome"].tolist() == [
        "moves",
        *(f"moves from {stage}" for stage in ORDER[:3]),
        "lost",
    ]
    assert outcomes["n"].iloc[1:4].sum() == outcomes["n"].iloc[0]
    assert model.report_card_.unfit == ["lost"]
    assert model.report_card_.verdict in ("yes", "barely")
    assert model.report_card_["auc"] > 0.68


def test_what_the_card_says_no_for_is_not_given_out(model, tables, scored, monkeypatch):
    leads, log = tables["customers"], tables["stages"]
    with pytest.warns(UserWarning, match=r"no probabilities of lost.*anyway=True"):
        found = model.score(leads, "2024-05-01", stages=log)
    assert found["lost_probability"].isna().all()
    pd.testing.assert_series_equal(found["move_probability"], scored["move_probability"])

    monkeypatch.setattr(tc.ReportCard, "unfit", property(lambda card: ["moves from talks"]))
    found = model.score(leads, "2024-05-01", stages=log, reasons=1)
    talks = found["stage"] == "talks"
    assert talks.sum() > 20
    words = "the report card says no for leads of this stage"
    assert (found.loc[talks, "not_scored"] == words).all()
    for name in ("lead_score", "move_probability", "move_probability_upper", "next_stage"):
        assert found.loc[talks, name].isna().all(), name
    for name in ("lost_probability", "band", "decile", "reason_1"):
        assert found.loc[talks, name].isna().all(), name
    others = found["stage"].isin(["new", "offer"])
    assert found.loc[others, "lead_score"].tolist() == scored.loc[others, "lead_score"].tolist()
    whole = model.score(leads, "2024-05-01", stages=log, reasons=1, anyway=True)
    pd.testing.assert_frame_equal(whole, scored)
    every = [f"moves from {one}" for one in ORDER[:3]]
    monkeypatch.setattr(tc.ReportCard, "unfit", property(lambda card: every))
    with pytest.raises(tc.DataError, match=r"all leads are of stages.*anyway=True"):
        model.score(leads, "2024-05-01", stages=log)


def test_kept(model, scored, tables, tmp_path):
    model.save(tmp_path / "m.json")
    for copy in (tc.load(tmp_path / "m.json"), pickle.loads(pickle.dumps(model))):
        again = copy.score(
            tables["customers"], "2024-05-01", stages=tables["stages"], reasons=1, anyway=True
        )
        pd.testing.assert_frame_equal(again, scored)
        assert copy.get_params()["stages"] == ORDER
        assert repr(copy) == repr(model)


def test_reasons_and_summaries(model, tables):
    assert model.models_["moves"].importance_["feature"].iloc[0] == "size"
    assert {"feature", "at", "log_odds", "lower", "upper"} <= set(model.summary("lost").columns)
    found = model.reasons(tables["customers"], "2024-05-01", stages=tables["stages"], top=1)
    assert (found["feature"] == "size").mean() > 0.5


def test_without_lost_stages(tables):
    open_ones = tables["stages"][tables["stages"]["stage"] != "lost"]
    model = tc.LeadScore(
        ORDER, estimator=tc.Propensity(features="linear"), replications=0, anyway=True
    ).fit(dates(), stages=open_ones)
    found = model.score(as_of="2024-05-01", stages=open_ones)
    assert "lost_probability" not in found
    assert list(model.models_) == ["moves", "next_stage"]


def test_what_cannot_be(tables):
    with pytest.raises(tc.ParameterError, match="stages: expected a table"):
        tc.LeadScore(ORDER).fit(dates(), customers=tables["customers"])
    with pytest.raises(tc.ParameterError, match="subscriptions: expected none"):
        tc.LeadScore(ORDER).fit(dates(), stages=tables["stages"], subscriptions=tables["stages"])
    with pytest.raises(tc.DataError, match="'lost'"):
        tc.LeadScore(ORDER).fit(dates(), **tables)
    with pytest.raises(tc.ParameterError, match="order"):
        tc.LeadScore(["new"]).fit(dates(), **tables)


def test_shown_are_the_outcomes_with_figures(model):
    shown = repr(model)
    assert "lost" in model.models_
    assert "moves" in shown.splitlines()[2]
    assert not any(line.split()[1:] == ["-", "-", "-"] for line in shown.splitlines())
    assert "<td>lost</td>" in model._repr_html_()
    assert "<td>next_stage</td>" not in model._repr_html_()


def test_sentences_have_short_numbers(model, tables):
    found = model.reasons(tables["customers"], "2024-05-01", stages=tables["stages"], top=3)
    numbers = [
        float(one)
        for text in found["sentence"]
        for one in re.findall(r": (\S+) \(", text)
        if one[0].isdigit()
    ]
    assert len(numbers) > 100
    assert all(one == float(f"{one:.3g}") or one == round(one) for one in numbers)
    same = found["value"].str.contains(r"\.\d{3}", regex=True)
    assert same.any()
