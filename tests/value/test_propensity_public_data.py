"""Propensities on public data: the figures of docs/methods/propensity.md."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold

import tercet as tc


def judged(X: pd.DataFrame, y: np.ndarray) -> tuple[float, float, float]:
    """Return AUC and log loss (means of five folds) and ECE (of all predictions left out)."""
    found, auc, loss = np.zeros(len(y)), [], []
    for train, test in StratifiedKFold(5, shuffle=True, random_state=42).split(X, y):
        model = tc.Propensity().fit(X.iloc[train], y[train])
        p = found[test] = model.predict_proba(X.iloc[test])[:, 1]
        auc.append(roc_auc_score(y[test], p))
        loss.append(log_loss(y[test], p))
    ece = tc.reliability(y, found).calibration_error
    return float(np.mean(auc)), float(np.mean(loss)), ece


@pytest.mark.slow
def test_telco(data_file):
    frame = pd.read_csv(data_file("propensity/Telco-Customer-Churn.csv"))
    frame["TotalCharges"] = pd.to_numeric(frame["TotalCharges"], errors="coerce")
    y = (frame["Churn"] == "Yes").to_numpy()
    auc, loss, ece = judged(frame.drop(columns=["customerID", "Churn"]), y)
    assert (len(y), auc > 0.849, loss < 0.411, ece < 0.008) == (7_043, True, True, True)


@pytest.mark.slow
def test_bank_marketing(data_file):
    frame = pd.read_csv(data_file("propensity/bank-marketing.csv"), sep=None, engine="python")
    y = frame["y"].astype(str).isin(["yes", "1"]).to_numpy()
    # The length of the call is known after it only.
    auc, loss, ece = judged(frame.drop(columns=["y", "duration"]), y)
    assert (len(y), auc > 0.795, loss < 0.278, ece < 0.008) == (41_188, True, True, True)
