"""How often a causal forest's intervals hold true effects: writes causal_forest/coverage.json.

    python tests/reference/make_causal_forest.py [n ...]

Ten even features; effects of customers that the forest did not see, whose true effects are known.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import tercet as tc

FILE = Path(__file__).parent / "causal_forest" / "coverage.json"
WIDTH = 10
NEW = 1_000
SAMPLES = {2_000: 12, 10_000: 8, 50_000: 3}
DESIGNS = {
    "smooth": lambda x: [0.3 + np.sin(2 * x[:, 0]) + 0.5 * x[:, 1]],
    "step": lambda x: [1.0 * (x[:, 0] > 0.5)],
    "corner": lambda x: [1.0 * (x[:, 0] > 0.5) * (x[:, 1] > 0.3)],
    "yes or no": lambda x: [0.02 + 0.06 * (x[:, 0] > 0.6) + 0.04 * x[:, 1]],
    "two arms": lambda x: [x[:, 0] + (x[:, 1] > 0.5), 0.5 * np.sin(3 * x[:, 0])],
    "confounded": lambda x: [0.3 + np.sin(2 * x[:, 0]) + 0.5 * x[:, 1]],
    "the same": lambda x: [np.full(len(x), 0.2)],
}


def draw(design: str, n: int, seed: int) -> tuple[Any, Any, Any, Any]:
    """Return features, arms, outcomes and effects (a column an arm but the control)."""
    rng = np.random.default_rng([sorted(DESIGNS).index(design), n, seed])
    x = rng.random((n, WIDTH))
    effects = np.column_stack(DESIGNS[design](x))
    if design == "two arms":
        arm = rng.integers(0, 3, n)
    else:
        chance = 0.2 + 0.6 * x[:, 2] if design == "confounded" else 0.5
        arm = (rng.random(n) < chance).astype(int)
    own = np.column_stack([np.zeros(n), effects])[np.arange(n), arm]
    if design == "yes or no":
        y = 1.0 * (rng.random(n) < 0.08 + 0.1 * x[:, 2] + own)
    else:
        y = 2 * x[:, 2] + own + rng.normal(size=n)
    return x, arm, y, effects


def measure(design: str, n: int) -> dict[str, Any]:
    """Return what is found over several samples."""
    x, _, _, truth = draw(design, NEW, 0)
    covered, widths, errors, correlations = [], [], [], []
    for sample in range(1, SAMPLES[n] + 1):
        features, arm, y, _ = draw(design, n, sample)
        known = None if design == "confounded" else "observed"
        forest = tc.CausalForest(random_state=sample).fit(features, arm, y, known)
        effects = forest.effect(x).reshape(truth.shape)
        ends = forest.effect_interval(x).reshape(*truth.shape, 2)
        covered.append(np.mean((ends[..., 0] <= truth) & (truth <= ends[..., 1])))
        widths.append(np.mean(ends[..., 1] - ends[..., 0]))
        errors.append(np.mean((effects - truth) ** 2))
        if design != "the same":
            pairs = zip(effects.T, truth.T, strict=True)
            correlations.append(np.mean([np.corrcoef(a, b)[0, 1] for a, b in pairs]))
    return {
        "design": design,
        "rows": n,
        "samples": SAMPLES[n],
        "coverage": round(float(np.mean(covered)), 3),
        "width": round(float(np.mean(widths)), 3),
        "correlation": round(float(np.mean(correlations)), 3) if correlations else None,
        "rmse": round(float(np.sqrt(np.mean(errors))), 4),
    }


def main() -> None:
    sizes = [int(word) for word in sys.argv[1:]] or list(SAMPLES)
    found = json.loads(FILE.read_text()) if FILE.exists() else []
    for n in sizes:
        for design in DESIGNS:
            one = measure(design, n)
            found = [old for old in found if (old["design"], old["rows"]) != (design, n)]
            found.append(one)
            sys.stdout.write(f"{one}\n")
            FILE.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
