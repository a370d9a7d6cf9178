"""Areas of a ranking by causalml's and scikit-uplift's formulae: writes ranking/areas.json.

Needs causalml 0.18.0 and scikit-uplift 0.5.1, which the project does not depend on:

    pip install causalml==0.18.0 scikit-uplift==0.5.1
    python tests/reference/make_ranking.py

causalml's curves (`get_toc`, `get_cumgain`) are given the scores as effects. Its areas are
normalised in a way of its own, so the areas here are plain means over its curves; its standard
errors are those of its half-sample bootstrap on these means. scikit-uplift's curve is that of the
outcomes themselves, by the arms' means among the best: another estimate of the same area.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from causalml.metrics import get_cumgain
from causalml.metrics.rate import get_toc
from sklift.metrics import uplift_curve

N = 600
DRAWS = 4_000


def areas(frame: Any) -> dict[str, float]:
    """Return the areas under causalml's curves."""
    toc = get_toc(frame)["effect"].iloc[1:]
    gains = get_cumgain(frame)["effect"].iloc[1:]
    return {
        "qini": float(np.mean(toc.index.to_numpy() * toc.to_numpy())),
        "auuc": float(gains.mean() / len(frame)),
        "autoc": float(toc.mean()),
    }


def main() -> None:
    rng = np.random.default_rng(20)
    x = rng.random(N)
    treated = rng.random(N) < 0.4
    outcome = (rng.random(N) < 0.2 + treated * 0.6 * x).astype(float)
    effect = np.round(x + 0.3 * rng.normal(size=N), 6)
    p = treated.mean()
    high, low = outcome[treated].mean(), outcome[~treated].mean()
    pull = np.where(treated, (outcome - high) / p, -(outcome - low) / (1 - p))
    frame = pd.DataFrame({"effect": effect, "tau": high - low + pull})
    drawn = []
    for _ in range(DRAWS):
        half = frame.iloc[rng.choice(N, size=N // 2, replace=False)]
        drawn.append(areas(half.reset_index(drop=True)))
    customers, curve = uplift_curve(outcome, effect, treated.astype(int))
    area = np.trapezoid(curve, customers) / N**2
    found = {
        "producer": f"causalml {version('causalml')}, scikit-uplift {version('scikit-uplift')}",
        "input": {
            "effect": effect.tolist(),
            "treated": treated.astype(int).tolist(),
            "outcome": outcome.tolist(),
        },
        "areas": areas(frame),
        "standard_errors": pd.DataFrame(drawn).std(ddof=1).to_dict(),
        "auuc_of_arms_means": float(area),
    }
    path = Path(__file__).parent / "ranking" / "areas.json"
    path.write_text(json.dumps(found) + "\n")
    sys.stdout.write(f"{ {name: one for name, one in found.items() if name != 'input'} }\n")


if __name__ == "__main__":
    main()
