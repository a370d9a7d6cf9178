"""Simulated data for the comparison, drawn with NumPy alone so that no contender draws its own.

Customers follow the BG/NBD and Gamma-Gamma models at the CDNOW estimates: first purchase in a
window of 12 weeks, 27 to 39 weeks observed, times on whole days. Respondents belong to one of five
segments and answer twenty items on five-point scales. Files go to a cache folder and are made once
per seed.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from population import (
    BG_NBD,
    CUTS,
    GAMMA_GAMMA,
    ITEMS,
    N_ITEMS,
    N_LEVELS,
    N_SEGMENTS,
    OPINION_SPREAD,
)

R, ALPHA, A, B = BG_NBD.values()
P, Q, V = GAMMA_GAMMA.values()
DAYS_A_WEEK = 7.0
WINDOW_DAYS, LONGEST_DAYS = 84, 273
FIRST_DAY = np.datetime64("2024-01-01")
OBSERVATION_END = FIRST_DAY + LONGEST_DAYS


def customers(n: int, cache: Path, seed: int = 1) -> Path:
    """Parquet file of `n` summarised customers: frequency, recency, T in weeks, monetary_value.

    Sorted by customer, as every summary of purchases is.
    """
    path = cache / f"customers-{n}-{seed}.parquet"
    if not path.exists():
        rng = np.random.default_rng(seed)
        # Blocks bound the memory that the largest files take to make.
        sizes = [min(1_000_000, n - start) for start in range(0, n, 1_000_000)]
        table = pa.concat_tables(summary_block(size, rng) for size in sizes)
        write(table.add_column(0, "customer_id", pa.array(np.arange(1, n + 1))), path)
    return path


def customers_shuffled(n: int, cache: Path) -> Path:
    """The same customers in random order."""
    path = cache / f"customers-shuffled-{n}.parquet"
    if not path.exists():
        table = pq.read_table(customers(n, cache))
        write(table.take(np.random.default_rng(3).permutation(n)), path)
    return path


def summary_block(n: int, rng: np.random.Generator) -> pa.Table:
    """Exponential waiting times until dropout or the end of observation, counted by days."""
    rate = rng.gamma(R, 1 / (ALPHA * DAYS_A_WEEK), n)
    dropout = rng.beta(A, B, n)
    observed = rng.integers(LONGEST_DAYS - WINDOW_DAYS, LONGEST_DAYS + 1, n)

    frequency = np.zeros(n)
    last_day = np.zeros(n, dtype=np.int64)
    time = np.zeros(n)
    active = np.arange(n)
    while active.size:
        time[active] += rng.exponential(1.0, active.size) / rate[active]
        active = active[time[active] < observed[active]]
        day = time[active].astype(np.int64)
        frequency[active[day > last_day[active]]] += 1  # purchases of one day count as one
        last_day[active] = day
        active = active[rng.random(active.size) >= dropout[active]]

    # The mean of x amounts ~ Gamma(p, nu) is Gamma(p x, x nu).
    shape = P * np.maximum(frequency, 1)
    mean = rng.gamma(shape) * P / shape / rng.gamma(Q, 1 / V, n)
    return pa.table(
        {
            "frequency": frequency,
            "recency": last_day / DAYS_A_WEEK,
            "T": observed / DAYS_A_WEEK,
            "monetary_value": np.where(frequency > 0, mean, 0.0),
        }
    )


def transactions(n: int, cache: Path, seed: int = 2) -> Path:
    """Parquet file of `n` purchases, five a customer on average, in the order of their dates."""
    path = cache / f"transactions-{n}-{seed}.parquet"
    if not path.exists():
        rng = np.random.default_rng(seed)
        first = rng.integers(0, WINDOW_DAYS, n // 5)
        customer = rng.integers(0, n // 5, n)
        day = first[customer] + (rng.random(n) * (LONGEST_DAYS - first[customer])).astype(np.int64)
        order = np.argsort(day, kind="stable")
        table = pa.table(
            {
                "customer_id": customer[order] + 1,
                "date": pa.array(FIRST_DAY + day[order], type=pa.date32()),
                "amount": np.round(rng.gamma(P, 6.0, n), 2),
            }
        )
        write(table, path)
    return path


def transactions_with_text_ids(n: int, cache: Path) -> Path:
    """The same purchases, the customers named `C0000001` and so on."""
    path = cache / f"transactions-text-{n}.parquet"
    if not path.exists():
        table = pq.read_table(transactions(n, cache))
        digits = pc.utf8_lpad(pc.cast(table["customer_id"], pa.string()), width=7, padding="0")
        write(
            table.set_column(0, "customer_id", pc.binary_join_element_wise("C", digits, "")), path
        )
    return path


def survey(n: int, cache: Path, seed: int = 4) -> Path:
    """Parquet file of `n` respondents: q1 to q20 from 0 to 4, weight `w`, true segment `truth`."""
    path = cache / f"survey-{n}-{seed}.parquet"
    if not path.exists():
        opinions = np.random.default_rng(11).normal(0.0, OPINION_SPREAD, (N_SEGMENTS, N_ITEMS))
        rng = np.random.default_rng(seed)
        truth = rng.choice(N_SEGMENTS, n)
        columns = {
            item: np.searchsorted(CUTS, opinions[truth, place] + rng.normal(size=n)).astype("u1")
            for place, item in enumerate(ITEMS)
        }
        weights = np.round(np.exp(rng.uniform(-0.9, 0.9, n)), 2)
        write(pa.table(columns | {"w": weights, "truth": truth.astype("u1")}), path)
    return path


def survey_with_gaps(n: int, cache: Path) -> Path:
    """The same respondents, one answer in ten missing."""
    path = cache / f"survey-gaps-{n}.parquet"
    if not path.exists():
        table, rng = pq.read_table(survey(n, cache)), np.random.default_rng(5)
        for place, item in enumerate(ITEMS):
            answers = pa.array(table[item].to_numpy(), mask=rng.random(n) < 0.1)
            table = table.set_column(place, item, answers)
        write(table, path)
    return path


def matrix(n: int, width: int, cache: Path, seed: int = 6) -> Path:
    """NumPy file of `n` rows of `width` features, and last whether it happened, row by row."""
    path = cache / f"matrix-{n}x{width}-{seed}.npy"
    if not path.exists():
        rng = np.random.default_rng(seed)
        values = np.empty((n, width + 1))
        values[:, :-1] = rng.normal(size=(n, width))
        odds = values[:, :-1] @ (1.0 / np.arange(2, width + 2)) - 1.0
        values[:, -1] = rng.random(n) < 1.0 / (1.0 + np.exp(-odds))
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(path.stem + "-unfinished.npy")
        np.save(unfinished, values)
        unfinished.rename(path)
    return path


def experiment(n: int, width: int, cache: Path, seed: int = 7) -> Path:
    """NumPy file of `n` rows of `width` features, arm, whether it happened, and the true effect."""
    path = cache / f"experiment-{n}x{width}-{seed}.npy"
    if not path.exists():
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(n, width))
        arm = rng.random(n) < 0.5
        corner = (x[:, 0] > 0) & (x[:, 1] > -0.5)
        effect = 0.05 + 0.1 * corner + 0.05 * np.tanh(x[:, 2])
        chance = np.clip(0.1 + 0.03 * x[:, 3] + 0.02 * x[:, 4] + arm * effect, 0.0, 1.0)
        happened = rng.random(n) < chance
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(path.stem + "-unfinished.npy")
        np.save(unfinished, np.column_stack([x, arm, happened, effect]))
        unfinished.rename(path)
    return path


def effects_of_actions(n: int, cache: Path, seed: int = 8) -> Path:
    """NumPy file of the effects of five actions on `n` customers; the dear ones do more."""
    path = cache / f"effects-{n}-{seed}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(seed)
        unfinished = path.with_name(path.stem + "-unfinished.npy")
        np.save(unfinished, rng.normal(0.0, 0.03, (n, 5)) + np.linspace(0.0, 0.04, 5))
        unfinished.rename(path)
    return path


def ridge_objective(coefficients: Any, path: Path) -> float:
    """Sum of log losses and half the squared slopes; the intercept comes first and is free."""
    values = np.load(path)
    happened, odds = values[:, -1], coefficients[0] + values[:, :-1] @ coefficients[1:]
    losses = np.logaddexp(0.0, odds) - happened * odds
    return math.fsum(losses) + 0.5 * float(np.sum(coefficients[1:] ** 2))


def write(table: pa.Table, path: Path) -> None:
    """Writes the file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    pq.write_table(table, unfinished)
    unfinished.rename(path)


def log_likelihood(parameters: dict[str, float], frequency: Any, recency: Any, T: Any) -> float:
    """The BG/NBD log-likelihood: one yardstick for all estimates, and no contender's own."""
    r, alpha, a, b = (parameters[name] for name in ("r", "alpha", "a", "b"))
    g = math.lgamma
    counts, index = np.unique(frequency, return_inverse=True)
    constant = r * math.log(alpha) - g(r) + g(a + b) - g(b)
    by_count = np.array([constant + g(r + x) + g(b + x) - g(a + b + x) for x in counts])
    shape = r + frequency
    with np.errstate(divide="ignore"):
        log_odds = np.log(a / (b + np.maximum(frequency, 1.0) - 1))
        log_odds = np.where(
            frequency > 0, log_odds + shape * np.log((alpha + T) / (alpha + recency)), -np.inf
        )
    return float(np.sum(by_count[index] - shape * np.log(alpha + T) + np.logaddexp(0.0, log_odds)))


def gamma_gamma_log_likelihood(parameters: dict[str, float], frequency: Any, mean: Any) -> float:
    """The Gamma-Gamma log-likelihood of those with repeat purchases."""
    p, q, v = (parameters[name] for name in ("p", "q", "v"))
    frequency, mean = frequency[frequency > 0], mean[frequency > 0]
    g = math.lgamma
    counts, index = np.unique(frequency, return_inverse=True)
    constant = q * math.log(v) - g(q)
    by_count = np.array([constant + g(p * x + q) - g(p * x) + p * x * math.log(x) for x in counts])
    shape = p * frequency
    return float(
        np.sum(
            by_count[index]
            + (shape - 1) * np.log(mean)
            - (shape + q) * np.log(v + frequency * mean)
        )
    )


def latent_class_log_likelihood(codes: Any, weights: Any, posterior: Any) -> float:
    """The log-likelihood of the latent class model that probabilities of membership lead to.

    Its shares and probabilities of answers are the weighted means under the posterior. At a maximum
    that is the model that gave the posterior; it is a yardstick for k-means, too. A code below 0 is
    a missing answer.
    """
    mass = posterior * weights[:, None]
    with np.errstate(divide="ignore"):
        joint = np.tile(np.log(mass.sum(axis=0) / mass.sum()), (len(codes), 1))
        for answers in codes.T:
            seen = answers >= 0
            counts = np.array([mass[answers == level].sum(axis=0) for level in range(N_LEVELS)])
            joint[seen] += np.log(counts / counts.sum(axis=0))[answers[seen]]
    highest = joint.max(axis=1)
    by_row = highest + np.log(np.exp(joint - highest[:, None]).sum(axis=1))
    return float(weights @ by_row)


def adjusted_rand_index(first: Any, second: Any) -> float:
    """Agreement of two partitions beyond chance (Hubert & Arabie, 1985)."""
    table = np.zeros((first.max() + 1, second.max() + 1))
    np.add.at(table, (first, second), 1.0)

    def pairs(counts: Any) -> float:
        return float((counts * (counts - 1)).sum() / 2)

    both, rows, columns = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    by_chance = rows * columns / pairs(table.sum())
    return (both - by_chance) / ((rows + columns) / 2 - by_chance)
