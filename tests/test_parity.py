"""The reference numbers of `tests/reference`, through Python; Rust reads the same files.

`tests/reference/README.md` says what the files hold.
"""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import betaln, gammaln

import tercet as tc

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).parent / "reference"
FITS = {"bg_nbd": tc.BGNBD, "gamma_gamma": tc.GammaGamma}
# Latent classes have kinds of their own: tests/needs/test_parity.py.
CASES = {
    f"{path.parent.name}/{path.stem}": json.loads(path.read_text())
    for path in sorted(FOLDER.glob("*/*.json"))
    if path.parent.name in FITS
}

Table = dict[str, Any]


def test_there_are_cases():
    assert {case["kind"] for case in CASES.values()} == {"fit", "rows", "regimes"}
    assert {case["model"] for case in CASES.values()} == set(FITS)
    for name, case in CASES.items():
        assert name == f"{case['model']}/{case['case']}"
        assert case["expected"], name
        assert case["producer"], name


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name]["kind"] != "regimes"])
def test_case(name: str, data_file: Callable[[str], Path]):
    case = CASES[name]
    rows = read_rows(case, data_file)
    model = FITS[case["model"]]().fit(rows) if case["kind"] == "fit" else given(case)
    for check in case["expected"]:
        got = quantity(model, rows, check, by_row=case["kind"] == "rows")
        assert_close(got, check, f"{name}: {check['quantity']} {check.get('arguments', '')}")


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name]["kind"] == "regimes"])
def test_regimes(name: str):
    case = CASES[name]
    counts = {"sets": 0, "failures": 0, "below_truth": 0}
    for regime in case["input"]["regimes"]:
        for seed in regime["seeds"]:
            counts["sets"] += 1
            summary = draw(regime, seed)
            log_likelihood = fit_robustly(summary, regime["time_unit"])
            counts["failures"] += log_likelihood is None
            truth = bg_nbd_log_likelihood(summary, **regime["parameters"])
            counts["below_truth"] += log_likelihood is not None and log_likelihood < truth - 1e-6
    for check in case["expected"]:
        assert_close(counts[check["quantity"]], check, f"{name}: {check['quantity']}")


def read_rows(case: Table, data_file: Callable[[str], Path]) -> Table:
    if "data" not in case:
        return {name: np.array(values) for name, values in case["input"]["rows"].items()}
    frame = pd.read_csv(data_file(case["data"]["file"]))
    columns = case["data"]["columns"]
    return {ours: frame[theirs].to_numpy() for ours, theirs in columns.items()}


def given(case: Table) -> Any:
    """Return a model with the case's parameters; in years, so that rates are yearly."""
    kind, parameters = FITS[case["model"]], case["input"]["parameters"]
    settings = {"time_unit": "year"} if kind is tc.BGNBD else {}
    return kind.from_params(**parameters, **settings)


def quantity(model: Any, rows: Table, check: Table, *, by_row: bool) -> Any:
    """Return the number or the numbers that a check is about."""
    name, arguments = check["quantity"], check.get("arguments", {})
    if name.startswith("sum."):
        return np.sum(getattr(model, name.removeprefix("sum."))(rows, **arguments))
    if name.startswith("standard_error."):
        return model.standard_errors_[name.removeprefix("standard_error.")]
    if name in model.params_:
        return model.params_[name]
    if name == "log_likelihood" and by_row:
        n_rows = len(rows["frequency"])
        one_each = ({name: rows[name][k : k + 1] for name in rows} for k in range(n_rows))
        return [model.log_likelihood(one) for one in one_each]
    if name in ("log_likelihood", "aic", "n_observations", "population_mean"):
        return getattr(model, f"{name}_")
    if name == "discounted_expected_purchases":
        rate = math.expm1(arguments["rate"])
        return model.discounted_purchases(rows, arguments["horizon"], rate)
    if name == "expected_purchases_new":
        return model.expected_purchases_new(**arguments)
    if name in ("probability_alive", "expected_purchases", "time_until", "expected_spend"):
        return getattr(model, name)(rows, **arguments)
    raise LookupError(f"no such quantity: {name}")


def assert_close(got: Any, check: Table, what: str) -> None:
    want = np.array(check["values"], dtype=float)  # "inf" is read as infinity
    got = np.asarray(got, dtype=float)
    assert got.shape == want.shape, what
    infinite = np.isinf(want)
    np.testing.assert_array_equal(np.isinf(got), infinite, err_msg=what)
    limit = check["atol"] + check["rtol"] * np.abs(want[~infinite])
    off = np.abs(got[~infinite] - want[~infinite]) - limit
    assert (off <= 0).all(), (
        f"{what}: got {got[~infinite][off > 0]}, want {want[~infinite][off > 0]}"
    )


def draw(regime: Table, seed: int) -> pd.DataFrame:
    log = tc.datasets.simulate_purchases(
        regime["n_customers"],
        seed,
        time_unit=regime["time_unit"],
        acquisition=regime["acquisition"],
        duration=regime["duration"],
        **regime["parameters"],
    )
    frame: pd.DataFrame = tc.purchase_summary(
        log.transactions, time_unit=regime["time_unit"], observation_end=log.observation_end
    )
    return frame


def fit_robustly(summary: pd.DataFrame, time_unit: Any) -> float | None:
    """Return the log-likelihood of a fit; None where it failed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tc.ConvergenceWarning)
        try:
            model = tc.BGNBD(time_unit).fit(summary)
        except tc.TercetError:
            return None
    numbers = [*model.params_.values(), model.log_likelihood_]
    sound = bool(np.isfinite(numbers).all()) and (model.converged_ or model.boundary_ is not None)
    return model.log_likelihood_ if sound else None


def bg_nbd_log_likelihood(
    summary: pd.DataFrame, r: float, alpha: float, a: float, b: float
) -> float:
    """Return the log-likelihood by the paper's formula, without help from tercet."""
    x, t_x, t = (summary[name].to_numpy() for name in ("frequency", "recency", "T"))
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - betaln(a, b)
    stayed = betaln(a, b + x) - (r + x) * np.log(alpha + t)
    positive = np.maximum(x, 1)
    left = betaln(a + 1, b + positive - 1) - (r + x) * np.log(alpha + t_x)
    return float(np.sum(common + np.where(x > 0, np.logaddexp(stayed, left), stayed)))
