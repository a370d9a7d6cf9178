"""A model saved by Python is loaded by a Rust program, which answers with the same bits."""

from __future__ import annotations

import csv
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import tercet as tc

ROOT = Path(__file__).parents[1]
CUSTOMERS = {
    "frequency": [0.0, 0.0, 1.0, 2.0, 7.0, 26.0, 300.0],
    "recency": [0.0, 0.0, 0.5, 30.43, 35.0, 30.86, 250.0],
    "T": [0.0, 38.86, 38.86, 38.86, 38.86, 31.0, 260.0],
}


@pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not on the PATH")
def test_rust_scores_a_model_saved_by_python(tmp_path: Path):
    log = tc.datasets.simulate_purchases(2_000, seed=3)
    model = tc.BGNBD().fit(tc.purchase_summary(log.transactions))
    model.save(tmp_path / "model.json")
    table = tmp_path / "customers.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(CUSTOMERS)
        writer.writerows(zip(*CUSTOMERS.values(), strict=True))
    example = ["cargo", "run", "--quiet", "--locked", "-p", "tercet", "--example"]
    arguments = [str(tmp_path / "model.json"), "39", str(table)]
    answer = subprocess.run(
        [*example, "score_saved_model", "--", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    header, *lines = answer.stdout.splitlines()
    assert header == "probability_alive,expected_purchases"
    scores = np.array([[float(value) for value in line.split(",")] for line in lines])
    np.testing.assert_array_equal(scores[:, 0], model.probability_alive(CUSTOMERS))
    np.testing.assert_array_equal(scores[:, 1], model.expected_purchases(CUSTOMERS, horizon=39))
