"""One measured job in a process of its own: one contender, one task, one data file.

`compare.py` starts it with a JSON description as its argument and reads one line of JSON from its
output. Everything before the work (imports, reading the file, a first run on a few rows) stays
outside the measurement.
"""

import gc
import importlib.metadata
import json
import resource
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from population import BG_NBD, GAMMA_GAMMA, ITEMS, N_SEGMENTS

# A contender's task is a function (job, path, rows) -> work, where work() does what is measured;
# a digest of what it returns is compared between contenders.
Job = dict[str, Any]
Work = Callable[[], Any]

HORIZON_WEEKS = 39
CLV_MONTHS, MONTHLY_RATE = 12, 0.01
# What five actions cost, what an outcome earns, and the money there is by customer.
PRICES, MARGIN, MONEY = (0.1, 0.5, 1.0, 2.0, 4.0), 100.0, 0.4


# --- tercet ---------------------------------------------------------------------------------------


def tercet_bg_nbd_fit(job: Job, path: Path, rows: int | None) -> Work:
    import tercet as tc

    summary = read_pandas(path, rows)
    return lambda: tc.BGNBD(time_unit="week", n_jobs=job["threads"]).fit(summary).params_


def tercet_gamma_gamma_fit(job: Job, path: Path, rows: int | None) -> Work:
    import tercet as tc

    summary = read_pandas(path, rows)
    return lambda: tc.GammaGamma(n_jobs=job["threads"]).fit(summary).params_


def tercet_predictions(job: Job, path: Path, rows: int | None) -> Work:
    import tercet as tc

    summary = read_pandas(path, rows)
    model = tc.BGNBD.from_params(**BG_NBD, time_unit="week", n_jobs=job["threads"])

    def work() -> dict[str, Any]:
        alive = model.probability_alive(summary)
        expected = model.expected_purchases(summary, horizon=HORIZON_WEEKS)
        return {"alive": alive, "expected": expected}

    return work


def tercet_lifetime_value(job: Job, path: Path, rows: int | None) -> Work:
    import tercet as tc

    summary = read_pandas(path, rows)
    model = tc.BGNBD.from_params(**BG_NBD, time_unit="week", n_jobs=job["threads"])
    spend = tc.GammaGamma.from_params(**GAMMA_GAMMA, n_jobs=job["threads"])
    yearly = (1 + MONTHLY_RATE) ** 12 - 1

    def work() -> dict[str, Any]:
        value = tc.lifetime_value(
            model, spend, summary, horizon=52, discount_rate=yearly, n_jobs=job["threads"]
        )
        return {"clv": value["clv"].to_numpy()}

    return work


def tercet_purchase_summary(job: Job, path: Path, rows: int | None) -> Work:
    import polars as pl

    import tercet as tc

    log = pl.read_parquet(path, n_rows=rows)
    return lambda: tc.purchase_summary(
        log, amount="amount", observation_end=job["observation_end"], n_jobs=job["threads"]
    )


# --- lifetimes ------------------------------------------------------------------------------------


def lifetimes_bg_nbd_fit(job: Job, path: Path, rows: int | None) -> Work:
    from lifetimes import BetaGeoFitter

    data = read_pandas(path, rows)
    return lambda: BetaGeoFitter().fit(data["frequency"], data["recency"], data["T"]).params_


def lifetimes_gamma_gamma_fit(job: Job, path: Path, rows: int | None) -> Work:
    from lifetimes import GammaGammaFitter

    data = read_pandas(path, rows)
    repeaters = data[data["frequency"] > 0]
    return lambda: (
        GammaGammaFitter().fit(repeaters["frequency"], repeaters["monetary_value"]).params_
    )


def lifetimes_models() -> tuple[Any, Any]:
    """Models of lifetimes with given parameters, as if they had been fitted."""
    import pandas as pd
    from lifetimes import BetaGeoFitter, GammaGammaFitter

    lifetime, spend = BetaGeoFitter(), GammaGammaFitter()
    lifetime.predict = (
        lifetime.conditional_expected_number_of_purchases_up_to_time
    )  # as its `fit` does
    lifetime.params_ = pd.Series(BG_NBD)
    spend.params_ = pd.Series(GAMMA_GAMMA)
    return lifetime, spend


def lifetimes_predictions(job: Job, path: Path, rows: int | None) -> Work:
    data = read_pandas(path, rows)
    model, _ = lifetimes_models()
    x, t_x, T = data["frequency"], data["recency"], data["T"]

    def work() -> dict[str, Any]:
        alive = model.conditional_probability_alive(x, t_x, T)
        expected = model.conditional_expected_number_of_purchases_up_to_time(
            HORIZON_WEEKS, x, t_x, T
        )
        return {"alive": np.asarray(alive), "expected": np.asarray(expected)}

    return work


def lifetimes_lifetime_value(job: Job, path: Path, rows: int | None) -> Work:
    data = read_pandas(path, rows)
    model, spend = lifetimes_models()
    columns = [data[name] for name in ("frequency", "recency", "T", "monetary_value")]

    def work() -> dict[str, Any]:
        value = spend.customer_lifetime_value(
            model, *columns, time=CLV_MONTHS, discount_rate=MONTHLY_RATE, freq="W"
        )
        return {"clv": np.asarray(value)}

    return work


def lifetimes_purchase_summary(job: Job, path: Path, rows: int | None) -> Work:
    from lifetimes.utils import summary_data_from_transaction_data

    log = read_pandas(path, rows)

    def work() -> Any:
        summary = summary_data_from_transaction_data(
            log, "customer_id", "date", "amount", observation_period_end=job["observation_end"]
        )
        # lifetimes counts whole days here; in weeks it would round the times down.
        return summary.assign(recency=summary["recency"] / 7, T=summary["T"] / 7)

    return work


# --- general-purpose engines, by the fastest query found for each ---------------------------------


def polars_purchase_summary(job: Job, path: Path, rows: int | None) -> Work:
    import polars as pl

    log = pl.read_parquet(path, n_rows=rows)
    end = pl.lit(job["observation_end"]).str.to_date()

    def work() -> Any:
        by_day = log.lazy().group_by("customer_id", "date").agg(pl.col("amount").sum())
        by_customer = by_day.group_by("customer_id").agg(
            days=pl.len(),
            first=pl.col("date").min(),
            last=pl.col("date").max(),
            total=pl.col("amount").sum(),
            first_amount=pl.col("amount").min_by("date"),
        )
        repeats = pl.col("days") - 1
        columns = by_customer.select(
            "customer_id",
            frequency=repeats.cast(pl.Float64),
            recency=(pl.col("last") - pl.col("first")).dt.total_days() / 7,
            T=(end - pl.col("first")).dt.total_days() / 7,
            monetary_value=pl.when(repeats > 0)
            .then((pl.col("total") - pl.col("first_amount")) / repeats)
            .otherwise(0.0),
        )
        return columns.sort("customer_id").collect(engine="streaming")

    return work


def pandas_purchase_summary(job: Job, path: Path, rows: int | None) -> Work:
    import pandas as pd

    log = read_pandas(path, rows)
    end = pd.Timestamp(job["observation_end"])

    def work() -> Any:
        by_day = log.groupby(["customer_id", "date"], as_index=False)["amount"].sum()
        by_customer = by_day.groupby("customer_id").agg(
            days=("date", "size"),
            first=("date", "first"),
            last=("date", "last"),
            total=("amount", "sum"),
            first_amount=("amount", "first"),
        )
        repeats = by_customer["days"] - 1
        spent = by_customer["total"] - by_customer["first_amount"]
        return pd.DataFrame(
            {
                "frequency": repeats.astype(float),
                "recency": (by_customer["last"] - by_customer["first"]).dt.days / 7,
                "T": (end - by_customer["first"]).dt.days / 7,
                "monetary_value": (spent / repeats).where(repeats > 0, 0.0),
            }
        )

    return work


def duckdb_purchase_summary(job: Job, path: Path, rows: int | None) -> Work:
    import duckdb

    connection = duckdb.connect()
    if job["threads"]:
        connection.execute(f"SET threads = {job['threads']}")
    limit = "" if rows is None else f"LIMIT {rows}"
    connection.execute(f"CREATE TABLE log AS SELECT * FROM read_parquet('{path}') {limit}")

    def work() -> Any:
        return connection.sql(f""" WITH by_day AS (SELECT customer_id, date, sum(amount)
                   AS amount FROM log GROUP BY ALL) SELECT customer_id, (count(*) - 1)::DOUBLE AS
                   frequency, date_diff('day', min(date), max(date)) / 7 AS recency,
                   date_diff('day', min(date), DATE '{job["observation_end"]}') / 7 AS "T",
                   coalesce((sum(amount) - arg_min(amount, date)) / nullif(count(*) - 1, 0), 0) AS
                   monetary_value FROM by_day GROUP BY customer_id ORDER BY
                   customer_id""").to_arrow_table()

    return work


# --- latent classes -------------------------------------------------------------------------------


class Survey(NamedTuple):
    """What the digest of a fit needs besides the fit; -1 is a missing answer."""

    codes: Any
    weights: Any
    truth: Any


class Segments(NamedTuple):
    """A fit: membership of every respondent, and the log-likelihood that each start arrived at."""

    survey: Survey
    posterior: Callable[[], Any]
    arrived: list[float]
    given_up: int = 0


def read_survey(job: Job, path: Path, rows: int | None) -> tuple[Any, Survey]:
    """The table, and its columns as arrays."""
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    table = table if rows is None else table.slice(0, rows)
    codes = [table[item].cast("int8").fill_null(-1).to_numpy() for item in ITEMS]
    weights = table["w"].to_numpy() if job["weighted"] else np.ones(len(table))
    return table, Survey(np.column_stack(codes), weights, table["truth"].to_numpy())


def starts_of(job: Job, rows: int | None) -> int:
    """The first run, on a few rows, is not measured and need not be good."""
    return job["starts"] if rows is None else 1


def tercet_latent_class(job: Job, starts: int) -> Any:
    import tercet as tc

    return tc.LatentClass(
        N_SEGMENTS,
        kinds=dict.fromkeys(ITEMS, "nominal"),
        starts=starts,
        prior=0.0,
        random_state=1,
        n_jobs=job["threads"],
    )


def tercet_latent_class_fit(job: Job, path: Path, rows: int | None) -> Work:
    import polars as pl

    table, survey = read_survey(job, path, rows)
    frame = pl.from_arrow(table)
    settings = tercet_latent_class(job, starts_of(job, rows))
    weights = "w" if job["weighted"] else None

    def work() -> Segments:
        model = settings.fit(frame, items=ITEMS, weights=weights)
        dropped = model.starts_["dropped"]
        arrived = model.starts_["log_likelihood"].filter(~dropped).to_list()
        return Segments(survey, lambda: model.predict_proba(frame), arrived, int(dropped.sum()))

    return work


def stepmix_model(survey: Survey, starts: int, **settings: Any) -> tuple[Any, Any]:
    """The model and the answers as StepMix takes them: floating-point codes, NaN for missing."""
    from stepmix.stepmix import StepMix

    gaps = bool((survey.codes < 0).any())
    answers = np.where(survey.codes < 0, np.nan, survey.codes) if gaps else survey.codes
    model = StepMix(
        N_SEGMENTS,
        measurement="categorical_nan" if gaps else "categorical",
        n_init=starts,
        random_state=1,
        progress_bar=0,
        **settings,
    )
    return model, answers


def stepmix_latent_class_fit(job: Job, path: Path, rows: int | None) -> Work:
    _, survey = read_survey(job, path, rows)

    def work() -> Segments:
        short = {} if rows is None else {"max_iter": 3}
        model, answers = stepmix_model(survey, starts_of(job, rows), **short)
        model.fit(answers, sample_weight=survey.weights if job["weighted"] else None)
        arrived = [float(mean) * survey.weights.sum() for mean in model.lower_bound_buffer_]
        return Segments(survey, lambda: model.predict_proba(answers), arrived)

    return work


def kmeans_latent_class_fit(job: Job, path: Path, rows: int | None) -> Work:
    from sklearn.cluster import KMeans

    _, survey = read_survey(job, path, rows)
    answers = survey.codes.astype(float)

    def work() -> Segments:
        model = KMeans(N_SEGMENTS, n_init=starts_of(job, rows), random_state=1)
        model.fit(answers, sample_weight=survey.weights)
        return Segments(survey, lambda: np.eye(N_SEGMENTS)[model.predict(answers)], [])

    return work


def gaussian_mixture_latent_class_fit(job: Job, path: Path, rows: int | None) -> Work:
    from sklearn.mixture import GaussianMixture

    _, survey = read_survey(job, path, rows)
    answers = survey.codes.astype(float)

    def work() -> Segments:
        model = GaussianMixture(
            N_SEGMENTS, covariance_type="diag", n_init=starts_of(job, rows), random_state=1
        ).fit(answers)
        return Segments(survey, lambda: model.predict_proba(answers), [])

    return work


# Scoring: the model is fitted outside the measurement, on the first rows and from a few starts.
SCORED_BY = 20_000


def by_share(posterior: Any) -> dict[str, Any]:
    """Membership with the largest segment first, as columns to add up."""
    order = np.argsort(-posterior.mean(axis=0))
    return {f"segment {rank + 1}": posterior[:, column] for rank, column in enumerate(order)}


def tercet_latent_class_score(job: Job, path: Path, rows: int | None) -> Work:
    import polars as pl

    table, _ = read_survey(job, path, rows)
    frame = pl.from_arrow(table)
    settings = tercet_latent_class(job, starts_of(job, rows))
    model = settings.fit(frame.head(SCORED_BY), items=ITEMS)
    return lambda: model.predict_proba(frame)


def stepmix_latent_class_score(job: Job, path: Path, rows: int | None) -> Work:
    _, survey = read_survey(job, path, rows)
    settings = {"abs_tol": 1e-9} if rows is None else {"max_iter": 3}
    model, answers = stepmix_model(survey, starts_of(job, rows), **settings)
    model.fit(answers[:SCORED_BY])
    return lambda: model.predict_proba(answers)


# --- digests: what must agree between contenders --------------------------------------------------


# --- propensities ---------------------------------------------------------------------------------


def read_matrix(path: Path, rows: int | None) -> tuple[Any, Any]:
    """Features, row by row as NumPy has them, and whether it happened."""
    values = np.load(path)[:rows]
    return np.ascontiguousarray(values[:, :-1]), values[:, -1] == 1.0


def tercet_propensity_fit(job: Job, path: Path, rows: int | None) -> Work:
    import tercet as tc

    x, y = read_matrix(path, rows)
    settings = {"features": "linear", "strength": 1.0, "standardize": False}
    bare = {"calibration": "none", "standard_errors": "none"}
    return lambda: tc.Propensity(**settings, **bare, n_jobs=job["threads"]).fit(x, y)


def tercet_propensity_curves(job: Job, path: Path, rows: int | None) -> Work:
    import tercet as tc

    x, y = read_matrix(path, rows)
    return lambda: tc.Propensity(calibration="none", n_jobs=job["threads"]).fit(x, y)


def tercet_propensity_reasons(job: Job, path: Path, rows: int | None) -> Work:
    import tercet as tc

    x, y = read_matrix(path, rows)
    model = tc.Propensity(calibration="none", n_jobs=job["threads"]).fit(x[:10_000], y[:10_000])
    attributes = model._attributes(x)
    # Sentences are written for those who are looked at; the numbers behind them are made for all.
    return lambda: model._engine.reasons(attributes, 3, n_jobs=job["threads"])


def scikit_learn(solver: str, path: Path, rows: int | None) -> Work:
    from sklearn.linear_model import LogisticRegression

    x, y = read_matrix(path, rows)
    settings = {"solver": solver, "C": 1.0, "tol": 1e-8, "max_iter": 1_000}
    return lambda: LogisticRegression(**settings).fit(x, y)


def lbfgs_propensity_fit(job: Job, path: Path, rows: int | None) -> Work:
    return scikit_learn("lbfgs", path, rows)


def newton_cholesky_propensity_fit(job: Job, path: Path, rows: int | None) -> Work:
    return scikit_learn("newton-cholesky", path, rows)


# --- effects --------------------------------------------------------------------------------------


def read_experiment(path: Path, rows: int | None) -> tuple[Any, Any, Any, Any]:
    """Features, arm, outcome and true effect, row by row."""
    values = np.load(path)[:rows]
    return np.ascontiguousarray(values[:, :-3]), values[:, -3], values[:, -2], values[:, -1]


class Effects(NamedTuple):
    truth: Any
    ends: Any


def tercet_causal_forest(job: Job, path: Path, rows: int | None) -> Work:
    import tercet as tc

    x, arm, y, truth = read_experiment(path, rows)

    def work() -> Effects:
        forest = tc.CausalForest(n_trees=200, random_state=1, n_jobs=job["threads"])
        forest.fit(x, arm, y, "observed")
        return Effects(truth, forest.effect_interval(x))

    return work


def econml_causal_forest(job: Job, path: Path, rows: int | None) -> Work:
    from econml.grf import CausalForest

    x, arm, y, truth = read_experiment(path, rows)
    settings = {"n_estimators": 200, "honest": True, "inference": True, "random_state": 1}

    def work() -> Effects:
        forest = CausalForest(**settings, n_jobs=job["threads"] or -1)
        forest.fit(x, arm - arm.mean(), y)
        return Effects(truth, np.column_stack(forest.predict_interval(x, alpha=0.05)))

    return work


def tercet_allocation(job: Job, path: Path, rows: int | None) -> Work:
    import tercet as tc

    effects = np.load(path)[:rows]
    n = len(effects)
    cost = {f"action {place + 1}": price for place, price in enumerate(PRICES)}
    limits = {"action 5": n // 50, "action 4": n // 20, "total": n // 2}
    settings = {"curve_points": 0, "n_jobs": job["threads"]}

    def work() -> dict[str, float]:
        found = tc.allocate(effects, cost, MARGIN, MONEY * n, limits, **settings)
        return {"profit": found.profit_, "bound": found.bound_}

    return work


def highs_allocation(job: Job, path: Path, rows: int | None) -> Work:
    from scipy import sparse
    from scipy.optimize import LinearConstraint, milp

    effects = np.load(path)[:rows]
    n, k = effects.shape
    cost = np.tile(PRICES, n)
    profit = MARGIN * effects.ravel() - cost
    action = np.tile(np.arange(k), n)
    scarce = np.vstack([cost, action == 4, action == 3, np.ones(n * k)])
    each = sparse.kron(sparse.eye_array(n), np.ones((1, k)))
    programme = sparse.csr_array(sparse.vstack([each, sparse.csr_array(scarce)]))
    bounds = np.concatenate([np.ones(n), [MONEY * n, n // 50, n // 20, n // 2]])

    def work() -> dict[str, float]:
        found = milp(
            -profit,
            integrality=np.ones(n * k),
            bounds=(0, 1),
            constraints=LinearConstraint(programme, -np.inf, bounds),
            options={"mip_rel_gap": 1e-4},
        )
        return {"profit": -found.fun, "bound": -found.mip_dual_bound}

    return work


def digest_effects(result: Effects) -> dict[str, float]:
    """How near the truth the middles are, and how often the intervals hold it."""
    held = (result.ends[:, 0] <= result.truth) & (result.truth <= result.ends[:, 1])
    middles = result.ends.mean(axis=1)
    return {
        "correlation": float(np.corrcoef(middles, result.truth)[0, 1]),
        "coverage": float(held.mean()),
    }


def digest_allocation(result: dict[str, float]) -> dict[str, float]:
    """The profit, and what it can be at most."""
    return result


def digest_ridge(result: Any) -> dict[str, float]:
    """The intercept and the slopes."""
    if hasattr(result, "intercept_"):
        values = [result.intercept_[0], *result.coef_[0]]
    else:
        values = np.asarray(result.effects()["log_odds"])
    return {f"b{place}": float(value) for place, value in enumerate(values)}


def digest_curves(result: Any) -> dict[str, float]:
    return {"log_likelihood": result.log_likelihood_}


def digest_reasons(result: Any) -> dict[str, float]:
    places, shares = result
    return {"places": float(np.sum(places)), "shares": float(np.sum(shares))}


def digest_parameters(result: Any) -> dict[str, float]:
    return {name: float(value) for name, value in dict(result).items()}


def digest_vectors(result: dict[str, Any]) -> dict[str, float]:
    return {name: float(np.nansum(values)) for name, values in result.items()}


def digest_summary(result: Any) -> dict[str, float]:
    columns = ("frequency", "recency", "T", "monetary_value")
    sums = {
        name: float(np.sum(np.nan_to_num(np.asarray(result[name], dtype=float))))
        for name in columns
    }
    # A weight by position notices rows in another order.
    rank = np.linspace(0.0, 1.0, len(result))
    sums["ordered"] = float(np.sum(rank * np.asarray(result["frequency"], dtype=float)))
    return sums | {"customers": float(len(result))}


def digest_segments(result: Segments) -> dict[str, float]:
    from data import adjusted_rand_index, latent_class_log_likelihood

    survey, posterior = result.survey, result.posterior()
    digest = {
        "log_likelihood": latent_class_log_likelihood(survey.codes, survey.weights, posterior),
        "rand_index": adjusted_rand_index(survey.truth, posterior.argmax(axis=1)),
    }
    if result.arrived:
        near = [value for value in result.arrived if value > max(result.arrived) - 0.1]
        digest |= {"starts": len(result.arrived), "near_best": len(near)}
        digest["given_up"] = result.given_up
    return digest


def digest_scores(result: Any) -> dict[str, float]:
    return digest_vectors(by_share(result))


DIGESTS = {
    "bg_nbd_fit": digest_parameters,
    "gamma_gamma_fit": digest_parameters,
    "predictions": digest_vectors,
    "lifetime_value": digest_vectors,
    "purchase_summary": digest_summary,
    "latent_class_fit": digest_segments,
    "latent_class_score": digest_scores,
    "propensity_fit": digest_ridge,
    "propensity_curves": digest_curves,
    "propensity_reasons": digest_reasons,
    "causal_forest": digest_effects,
    "allocation": digest_allocation,
}
# Contenders that are a part of a package.
PACKAGES = dict.fromkeys(("kmeans", "gaussian_mixture", "lbfgs", "newton_cholesky"), "scikit-learn")
PACKAGES["highs"] = "scipy"


# --- measuring ------------------------------------------------------------------------------------


def read_pandas(path: Path, rows: int | None) -> Any:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    return (table if rows is None else table.slice(0, rows)).to_pandas(
        date_as_object=False, self_destruct=True, split_blocks=True
    )


def reset_peak_memory() -> None:
    """Forget the peak of the preparation (Linux; elsewhere the whole process's is reported)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def memory_mib(field: str) -> float:
    """VmRSS or VmHWM of this process."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (2**20 if sys.platform == "darwin" else 2**10)
    return (
        next(int(line.split()[1]) for line in status.splitlines() if line.startswith(field)) / 2**10
    )


def measure(job: Job) -> dict[str, Any]:
    function = globals()[f"{job['library']}_{job['task']}"]
    path = Path(job["path"])
    # First calls pay for lazy imports, compiled code paths and thread pools.
    function(job, path, 2_000)()
    work = function(job, path, None)
    gc.collect()

    reset_peak_memory()
    before = memory_mib("VmRSS")
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    peak = memory_mib("VmHWM")
    digest = DIGESTS[job["task"]](result)
    del result

    # Short jobs are repeated until half a second has gone, and the mean is reported.
    runs = 1 if wall > 0.1 else int(np.ceil(0.5 / max(wall, 1e-4)))
    if runs > 1:
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(runs):
            work()
        cpu, wall = (time.process_time() - cpu) / runs, (time.perf_counter() - wall) / runs
    return {
        "cpu": cpu,
        "wall": wall,
        "memory_before": before,
        "memory_peak": peak,
        "digest": digest,
        "version": importlib.metadata.version(PACKAGES.get(job["library"], job["library"])),
    }


def main() -> None:
    warnings.simplefilter("ignore")
    job = json.loads(sys.argv[1])
    print(json.dumps(measure(job)))


if __name__ == "__main__":
    main()
