"""Writes the golden models that are missing: see README.md. Files that are there are left alone."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import tercet as tc

FOLDER = Path(__file__).parent

ROWS = {
    "frequency": [0, 0, 1, 2, 7, 26, 300],
    "recency": [0.0, 0.0, 0.5, 30.43, 35.0, 30.86, 250.0],
    "T": [0.0, 38.86, 38.86, 38.86, 38.86, 31.0, 260.0],
    "monetary_value": [0.0, 0.0, 9.99, 22.35, 41.5, 12.0, 73.25],
}
QUESTIONS: dict[str, list[tuple[str, dict[str, float]]]] = {
    "bg_nbd": [
        ("probability_alive", {}),
        ("expected_purchases", {"horizon": 39.0}),
        ("expected_purchases_new", {"horizon": 39.0}),
        ("time_until", {"probability": 0.5}),
        ("probability_alive_interval", {"level": 0.95}),
        ("expected_purchases_interval", {"horizon": 39.0, "level": 0.95}),
    ],
    "gamma_gamma": [
        ("expected_spend", {}),
        ("expected_spend_interval", {"level": 0.95}),
    ],
}


def models() -> dict[str, Any]:
    """The models to be saved, fitted on simulated customers."""
    log = tc.datasets.simulate_purchases(2_000, seed=1, backend="pyarrow")
    summary = tc.purchase_summary(
        log.transactions, amount="amount", observation_end=log.observation_end
    )
    return {"bg_nbd": tc.BGNBD().fit(summary), "gamma_gamma": tc.GammaGamma().fit(summary)}


def ask(model: Any, quantity: str, arguments: dict[str, float]) -> Any:
    """What a model answers about the rows; infinity as "inf", which JSON can hold."""
    rows = () if quantity == "expected_purchases_new" else (ROWS,)
    values = np.asarray(getattr(model, quantity)(*rows, **arguments))
    return json.loads(json.dumps(values.tolist()).replace("Infinity", '"inf"'))


def write(path: Path, text: str) -> None:
    if path.exists():
        sys.stdout.write(f"{path.name} is there\n")
    else:
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.name} written\n")


def main() -> None:
    for kind, model in models().items():
        fresh = FOLDER / f".{kind}.json"
        model.save(fresh)
        text = fresh.read_text(encoding="utf-8")
        fresh.unlink()
        version = FOLDER / f"v{json.loads(text)['version']}"
        version.mkdir(exist_ok=True)
        scores = [
            {
                "quantity": quantity,
                "arguments": arguments,
                "values": ask(model, quantity, arguments),
            }
            for quantity, arguments in QUESTIONS[kind]
        ]
        estimates = model.params_
        told = {
            "written_by": tc.__version__,
            "estimates": estimates,
            "rows": ROWS,
            "scores": scores,
        }
        write(version / f"{kind}.json", text)
        write(version / f"{kind}.scores.json", json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
