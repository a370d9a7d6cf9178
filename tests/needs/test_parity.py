"""The reference numbers of `tests/reference/latent_class`, through Python; Rust reads them, too.

`tests/reference/README.md` says what the files hold. `Fitted.read` is the only place that knows
where an estimate is found in Python.
"""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import tercet as tc

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).parents[1] / "reference" / "latent_class"
CASES = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
NOT_IDENTIFIED = tc.exceptions.ConvergenceWarning
# More than the reference needed: EM and L-BFGS do not end at the same maxima from a random start.
FEWEST_STARTS = 50
NUMBERS = {
    "log_likelihood",
    "n_parameters",
    "aic",
    "bic",
    "sabic",
    "icl",
    "entropy_r2",
    "g_squared",
    "shares",
}
# Quantity of an item: the name of its rows in `summary()`.
OF_ITEMS = {"probability", "intercept", "slope", "mean", "standard_deviation", "size"}

Table = dict[str, Any]


def of_kind(*kinds: str) -> list[str]:
    return [name for name, case in CASES.items() if case["kind"] in kinds]


def test_there_are_cases():
    assert {case["kind"] for case in CASES.values()} == {
        "fit",
        "three_step",
        "typing",
        "projection",
    }
    for name, case in CASES.items():
        assert case["case"] == name
        assert case["model"] == "latent_class"
        assert case["expected"], name
        assert case["producer"], name


@pytest.mark.parametrize("name", of_kind("fit"))
def test_fit(name: str, data_file: Callable[[str], Path]):
    case = CASES[name]
    fitted = Fitted(case, data_file)
    for check in case["expected"]:
        assert_close(fitted.quantity(check["quantity"]), check, f"{name}: {check['quantity']}")


@pytest.mark.parametrize("name", of_kind("three_step"))
def test_three_step(name: str):
    case = CASES[name]
    rows = case["input"]["rows"]
    posterior, outcome = np.array(rows["posterior"]), np.array(rows["outcome"])
    weights = None if case["input"]["weights"] is None else np.array(rows["w"])
    for check in case["expected"]:
        what, _, part = check["quantity"].rpartition(".")
        method, _, variance = (what or "bch").partition("_")
        got = three_step(posterior, outcome, weights, (method, variance or "free"))[part]
        assert_close(got, check, f"{name}: {check['quantity']}")


@pytest.mark.parametrize("name", of_kind("typing"))
def test_typing(name: str, data_file: Callable[[str], Path]):
    case = CASES[name]
    fitted = Fitted(case, data_file)
    everything = fitted.model.predict(fitted.frame)
    for check in case["expected"]:
        arguments = check["arguments"]
        if check["quantity"] == "agreement":
            got = fitted.model.predict(fitted.frame, items=arguments["items"])
            agreement = np.mean(got == everything)
        elif check["quantity"] == "greedy_agreement":
            tool = tc.TypingTool(fitted.model, arguments["n_items"], folds=0).fit(fitted.frame)
            agreement = np.mean(tool.predict(fitted.frame) == everything)
        else:
            raise LookupError(f"no such quantity: {check['quantity']}")
        assert_close(agreement, check, f"{name}: {check['quantity']} {arguments}")


@pytest.mark.parametrize("name", of_kind("projection"))
def test_projection(name: str, data_file: Callable[[str], Path]):
    case = CASES[name]
    fitted = Fitted(case, data_file)
    told = case["input"]["descriptors"]
    descriptors = pd.read_csv(data_file(told["file"]))[list(told["columns"])]
    posterior = fitted.model.predict_proba(fitted.frame)
    # The reference regresses the memberships themselves.
    projection = tc.SegmentProjection(fitted.model, correction=False, random_state=1)
    projection.fit(descriptors, list(descriptors), posterior=posterior)
    report = projection.share_report(descriptors)
    found = {
        "majority": projection.quality_["modal_agreement_largest"],
        "accuracy": projection.quality_["modal_agreement"],
        "auc": projection.auc_.mean(),
        "summed_shares": np.sort(report["expected_share"])[::-1],
        "smallest_modal_share": report["modal_share"].min(),
    }
    for check in case["expected"]:
        assert_close(found[check["quantity"]], check, f"{name}: {check['quantity']}")


class Fitted:
    """A case's model, and its estimates by the names of the reference."""

    def __init__(self, case: Table, data_file: Callable[[str], Path]):
        self.given = case["input"]
        self.frame = read_frame(case, data_file)
        self.model = self.fit(self.given.get("weights"))
        self._robust: Any = None

    def fit(self, weights: str | None) -> Any:
        given = self.given
        settings = {}
        if "weight_type" in given:
            settings["weight_type"] = given["weight_type"]
        model = tc.LatentClass(
            given["n_segments"],
            kinds={name: python_kind(spec) for name, spec in given["items"].items()},
            starts=max(given["starts"], FEWEST_STARTS),
            random_state=1,
            prior=given.get("prior", 0.0),
            variance=given.get("variance", "free"),
            **settings,
        )
        warned = nullcontext() if given.get("identified", True) else pytest.warns(NOT_IDENTIFIED)
        with warned:
            return model.fit(
                with_scores(self.frame, given["items"]),
                items=list(given["items"]),
                weights=weights,
                covariates=given.get("covariates", []),
            )

    @property
    def robust(self) -> Any:
        """The model whose standard errors are those of the sandwich: any weights make it one."""
        if self._robust is None:
            weighted = self.given.get("weights") is not None
            self.frame["one"] = 1.0
            self._robust = self.model if weighted else self.fit("one")
        return self._robust

    def quantity(self, name: str) -> Any:
        if name in NUMBERS:
            return getattr(self.model, f"{name}_")
        if name == "posterior":
            return self.model.predict_proba(self.frame)[:5]
        if name.startswith("robust_standard_error."):
            return self.read(self.robust, name.partition(".")[2], "standard_error")
        if name.startswith("standard_error."):
            return self.read(self.model, name.partition(".")[2], "standard_error")
        return self.read(self.model, name, "estimate")

    def read(self, model: Any, name: str, column: str) -> Any:
        """Look an estimate or its error up in `summary()`."""
        what, _, of = name.partition(".")
        table = model.summary()
        if name == "shares":
            return self.by_segment(table[table["parameter"] == "share"], column)
        if what == "coefficient":
            rows = table[(table["parameter"] == "coefficient") & (table["item"] == of)]
            return self.by_segment(rows[rows["segment"] > 1], column)
        if what not in OF_ITEMS:
            raise LookupError(f"no such quantity: {name}")
        rows = table[(table["parameter"] == what) & (table["item"] == of)]
        if what in ("size", "intercept"):
            return rows[column].to_numpy()
        if what == "probability":
            levels = self.given["items"][of]["levels"]
            pivoted = rows.assign(level=rows["level"].astype(str)).pivot(
                index="segment", columns="level", values=column
            )
            return pivoted[levels].to_numpy()
        return self.by_segment(rows, column)

    def by_segment(self, rows: pd.DataFrame, column: str) -> Any:
        # What is 0 by definition has no error.
        return rows.sort_values("segment")[column].fillna(0.0).to_numpy()


def read_frame(case: Table, data_file: Callable[[str], Path]) -> pd.DataFrame:
    """Rows as a user has them: texts, ordered categories, numbers; rows without a covariate go."""
    given = case["input"]
    if "data" in case:
        frame = pd.read_csv(data_file(case["data"]["file"]), dtype=str)
        frame = frame[list(case["data"]["columns"])]
    else:
        frame = pd.DataFrame(given["rows"])
    for name, spec in given["items"].items():
        if spec["kind"] == "ordinal":
            frame[name] = pd.Categorical(frame[name], categories=spec["levels"], ordered=True)
    covariates = given.get("covariates", [])
    frame = frame.dropna(subset=covariates).reset_index(drop=True)
    return frame.astype(dict.fromkeys(covariates, float))


def python_kind(spec: Table) -> str:
    return spec["family"] if spec.get("family") == "negative_binomial" else spec["kind"]


def with_scores(frame: pd.DataFrame, items: Table) -> Any:
    """Return the frame, as a survey where an item's scores are its own."""
    if not any("scores" in spec for spec in items.values()):
        return frame
    described = {}
    for name, spec in items.items():
        levels, scores = tuple(spec["levels"]), tuple(spec["scores"])
        described[name] = tc.Item(name, spec["kind"], levels=levels, scores=scores)
    return tc.Survey(frame, items=described)


def three_step(posterior: Any, outcome: Any, weights: Any, how: tuple[str, str]) -> dict[str, Any]:
    """Return everything that a method gives, by the names of the reference."""
    method, variance = how
    frame = {"outcome": outcome}
    settings = {"weights": weights, "method": method, "variance": variance}
    robust = tc.distal_outcome(frame, "outcome", posterior, **settings)
    found = robust
    if method == "ml":
        settings["standard_errors"] = "model"
        found = tc.distal_outcome(frame, "outcome", posterior, **settings)
    table = found.table
    return {
        "classification_table": found.misassignment,
        "mean": table["estimate"].to_numpy(),
        "shares": found.shares,
        "standard_deviation": found.deviations,
        "standard_error": table["standard_error"].to_numpy(),
        "robust_standard_error": robust.table["standard_error"].to_numpy(),
        "log_likelihood": found.log_likelihood,
        "wald": found.test["chi_squared"],
    }


def assert_close(got: Any, check: Table, what: str) -> None:
    want = np.array(check["values"], dtype=float)
    got = np.asarray(got, dtype=float)
    assert got.shape == want.shape, what
    off = np.abs(got - want) - check["atol"] - check["rtol"] * np.abs(want)
    assert (off <= 0).all(), f"{what}: got {got[off > 0]}, want {want[off > 0]}"
