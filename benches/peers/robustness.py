"""Fits of the BG/NBD model to small difficult samples: how many fail, and how.

python robustness.py simulate FOLDER     draws the samples with tercet's simulator (needs tercet)
python robustness.py tercet FOLDER       fits them and prints the counts as JSON
python robustness.py lifetimes FOLDER
"""

import json
import math
import sys
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

REGIMES = Path(__file__).resolve().parents[2] / "tests" / "reference" / "bg_nbd" / "regimes.json"


def samples(folder: Path) -> list[tuple[str, Path]]:
    """(situation, file) of every sample."""
    regimes = json.loads(REGIMES.read_text())["input"]["regimes"]
    return [
        (regime["name"], folder / f"{index}-{seed}.csv")
        for index, regime in enumerate(regimes)
        for seed in regime["seeds"]
    ]


def simulate(folder: Path) -> None:
    import tercet as tc

    folder.mkdir(parents=True, exist_ok=True)
    for index, regime in enumerate(json.loads(REGIMES.read_text())["input"]["regimes"]):
        for seed in regime["seeds"]:
            drawn = tc.datasets.simulate_purchases(
                regime["n_customers"],
                seed=seed,
                time_unit=regime["time_unit"],
                acquisition=regime["acquisition"],
                duration=regime["duration"],
                **regime["parameters"],
            )
            summary = tc.purchase_summary(
                drawn.transactions,
                time_unit=regime["time_unit"],
                observation_end=drawn.observation_end,
            )
            summary.to_csv(folder / f"{index}-{seed}.csv", index=False)


def fit_with_tercet(summary: pd.DataFrame) -> str:
    import tercet as tc

    try:
        model = tc.BGNBD().fit(summary)
    except tc.exceptions.TercetError:
        return "failed"
    if not all(math.isfinite(value) for value in [*model.params_.values(), model.log_likelihood_]):
        return "unusable"
    unknown = any(not math.isfinite(value) for value in model.standard_errors_.values())
    large = any(value > 1e4 for value in model.params_.values())
    if unknown or large:
        # Only a result that says so counts as a boundary.
        return "boundary" if "boundary" in model.how_it_ended_ else "unusable"
    return "fitted" if model.converged_ else "failed"


def fit_with_lifetimes(summary: pd.DataFrame) -> str:
    from lifetimes import BetaGeoFitter
    from lifetimes.utils import ConvergenceError

    try:
        model = BetaGeoFitter().fit(summary["frequency"], summary["recency"], summary["T"])
    except ConvergenceError:
        return "failed"
    values = [*model.params_, *model.standard_errors_]
    usable = all(math.isfinite(value) for value in values) and all(
        value <= 1e4 for value in model.params_
    )
    return "fitted" if usable else "unusable"


FITTERS: dict[str, Any] = {"tercet": fit_with_tercet, "lifetimes": fit_with_lifetimes}


def main() -> None:
    warnings.simplefilter("ignore")
    what, folder = sys.argv[1], Path(sys.argv[2])
    if what == "simulate":
        simulate(folder)
        return
    counts: dict[str, dict[str, int]] = {}
    for name, path in samples(folder):
        outcome = FITTERS[what](pd.read_csv(path))
        of_regime = counts.setdefault(
            name, dict.fromkeys(("fitted", "failed", "unusable", "boundary"), 0)
        )
        of_regime[outcome] += 1
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
