"""tercet beside the libraries that users would pick instead: CPU seconds and peak memory.

    make bench                     everything, writes RESULTS.md next to this file
    make BENCH=--quick bench       small sizes, one run each, prints only

Every number comes from a process of its own (`jobs.py`) on data simulated beforehand (`data.py`);
the contenders take turns, so that a slow minute of the machine hits all of them, and the median is
reported. CPU seconds are user + system time of the whole process during the work: what the job
costs, however many cores shared it. The answers are compared in the same run: a contender that
computes something else stops it.
"""

import argparse
import datetime as dt
import json
import os
import platform
import statistics
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

import data

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CACHE = ROOT / ".cache" / "peers"

NOTE = (
    "Written by `make bench`; do not edit. CPU seconds are user + system time during the work, the"
    " median over runs in processes of their own that take turns; imports, reading the file and a"
    " first run on 2,000 rows are not counted. Ratios hold better than seconds, and wall time"
    " depends on what else the machine was doing. Ratios are to tercet on one thread: below 1,"
    " tercet costs more."
)
ROBUSTNESS_NOTE = (
    "Ten simulated samples of 500 customers a situation (`tests/reference/bg_nbd/regimes.json`)."
    " Failed: an error. Unusable: standard errors that are not numbers or a parameter above 10,000,"
    " without a word about it. Boundary: no finite optimum exists, and the result says which"
    " simpler model it stands for."
)

SEGMENTS_NOTE = (
    "Log-likelihood: of the latent class model that the probabilities of membership lead to, one"
    " yardstick for all. Starts at the best: how many of those that were"
    " not given up early ended within 0.1 of the best of that run."
    " Rand index: adjusted, between the likeliest segment and the true one. k-means and the"
    " Gaussian mixture are other models, for scale."
)

# What the project aims at: task, size, other library, how many times tercet's CPU seconds.
AIMS = (
    ("bg_nbd_fit", 1_000_000, "lifetimes", 100),
    ("predictions", 1_000_000, "lifetimes", 5),
    ("lifetime_value", 1_000_000, "lifetimes", 20),
    ("purchase_summary", 10_000_000, "polars", 2),
    ("latent_class_fit", 2_000, "stepmix", 100),
    ("latent_class_fit", 20_000, "stepmix", 20),
    ("propensity_fit", 1_000_000, "lbfgs", 4),
    ("propensity_fit", 1_000_000, "newton_cholesky", 4),
    ("propensity_fit", 1_000_000, "linfa", 20),
    ("propensity_fit", 100_000, "lbfgs", 3),
    ("causal_forest", 100_000, "econml", 20),
    ("allocation", 10_000, "highs", 100),
)

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "POLARS_MAX_THREADS",
)
# Beyond this lifetimes takes minutes and gigabytes: only on request, once.
LIFETIMES_UP_TO = 1_000_000
ECONML_UP_TO = 100_000
ECONML_SECONDS = 600
# A mixed-integer programme of 50,000 unknowns takes the better part of a minute.
HIGHS_UP_TO = 10_000
# What is small for `--quick`; elsewhere a million.
QUICK_UP_TO = {"latent_class_fit": 20_000}
ALL = None  # threads: as many as the library takes by itself
NAMES = {
    "stepmix": "StepMix",
    "kmeans": "scikit-learn KMeans",
    "gaussian_mixture": "scikit-learn GaussianMixture",
    "lbfgs": "scikit-learn lbfgs",
    "newton_cholesky": "scikit-learn newton-cholesky",
    "linfa": "linfa-logistic",
    "highs": "scipy milp (HiGHS)",
}
# linfa is no Python package: a program of this workspace does what `jobs.py` does.
LINFA = ROOT / "target" / "release" / "examples" / "linfa_logistic"


@dataclass(frozen=True)
class Contender:
    library: str
    threads: int | None

    def __str__(self) -> str:
        name = NAMES.get(self.library, self.library)
        return f"{name}, {'all threads' if self.threads is ALL else 'one thread'}"


@dataclass(frozen=True)
class Task:
    name: str
    title: str
    note: str
    sizes: tuple[int, ...]
    contenders: tuple[Contender, ...]
    # Ids as text in a log, in random order in a summary.
    other_ids: bool = False
    runs: int = 5
    # Surveys: random starts, answers missing, weights used.
    starts: int = 0
    gaps: bool = False
    weighted: bool = False
    # Features of a matrix.
    width: int = 0

    @property
    def on_survey(self) -> bool:
        return self.name.startswith("latent_class")


TERCET = (Contender("tercet", 1), Contender("tercet", ALL))
LIFETIMES = Contender("lifetimes", 1)
ENGINES = (
    Contender("polars", 1),
    Contender("polars", ALL),
    Contender("duckdb", 1),
    Contender("duckdb", ALL),
    Contender("pandas", 1),
    LIFETIMES,
)
STEPMIX = (Contender("stepmix", 1), Contender("stepmix", ALL))
OTHER_MODELS = (Contender("kmeans", 1), Contender("gaussian_mixture", 1))
LOGISTIC = (
    Contender("lbfgs", 1),
    Contender("newton_cholesky", 1),
    Contender("linfa", 1),
)
RIDGE_NOTE = (
    "Straight lines with a ridge of 1 on raw slopes, no standard errors, in row order."
    " scikit-learn with tol=1e-8; linfa-logistic 0.8.1 by its own defaults, once. tercet"
    " stops at 1e-9 of the loss, which ends below 1e-10. Peak memory holds the matrix."
)
TASKS = (
    Task(
        "bg_nbd_fit",
        "BG/NBD: maximum-likelihood fit",
        "Summary table, sorted by customer, to estimates with standard errors in both.",
        (10_000, 100_000, 1_000_000, 10_000_000),
        (*TERCET, LIFETIMES),
    ),
    Task(
        "bg_nbd_fit",
        "The same with the customers in random order",
        "tercet checks that no customer has two rows, which costs more here; lifetimes does not.",
        (1_000_000,),
        (*TERCET, LIFETIMES),
        other_ids=True,
        runs=3,
    ),
    Task(
        "gamma_gamma_fit",
        "Gamma-Gamma: maximum-likelihood fit",
        "The same customers; 40% of them have repeat purchases.",
        (100_000, 1_000_000),
        (*TERCET, LIFETIMES),
    ),
    Task(
        "predictions",
        "BG/NBD: probability alive and purchases expected in 39 weeks",
        "Both with the parameters that the data were drawn with.",
        (100_000, 1_000_000),
        (*TERCET, LIFETIMES),
    ),
    Task(
        "lifetime_value",
        "Lifetime value of every customer over a year, discounted by 1% a month",
        "tercet: 52 weeks, discounted continuously. lifetimes: 12 months of 30 days, each month's"
        " purchases at its end. The sums over customers therefore differ by a few percent.",
        (100_000, 1_000_000),
        (*TERCET, LIFETIMES),
        runs=3,
    ),
    Task(
        "purchase_summary",
        "Purchases to customers: frequency, recency, T, mean spend",
        "Five purchases a customer in the order of their dates; sorted by customer in the result."
        " tercet and polars take and return polars frames, DuckDB takes a table of its own in"
        " memory and returns Arrow, pandas and lifetimes take and return pandas frames. Each engine"
        " runs the fastest of the queries that were tried for it.",
        (1_000_000, 10_000_000),
        (*TERCET, *ENGINES),
        runs=3,
    ),
    Task(
        "purchase_summary",
        "The same with text as customer ids",
        "`C0000001` instead of 1.",
        (1_000_000,),
        (*TERCET, *ENGINES),
        other_ids=True,
        runs=3,
    ),
    Task(
        "latent_class_fit",
        "Latent classes: five segments from twenty five-point items, 20 starts",
        SEGMENTS_NOTE + " Each library stops by its own default rule.",
        (2_000,),
        (*TERCET, *STEPMIX, *OTHER_MODELS),
        runs=3,
        starts=20,
    ),
    Task(
        "latent_class_fit",
        "Latent classes: more respondents, 2 starts",
        "StepMix from 20 starts would take ten times as long.",
        (20_000,),
        (*TERCET, *STEPMIX, *OTHER_MODELS),
        runs=3,
        starts=2,
    ),
    Task(
        "latent_class_fit",
        "Latent classes: survey weights, 20 starts",
        "Weights from 0.41 to 2.46; the Gaussian mixture takes none.",
        (2_000,),
        (*TERCET, STEPMIX[0], OTHER_MODELS[0]),
        runs=1,
        starts=20,
        weighted=True,
    ),
    Task(
        "latent_class_fit",
        "Latent classes: a tenth of the answers missing, 20 starts",
        "Missing at random, by full-information maximum likelihood; the other models take none.",
        (2_000,),
        (*TERCET, STEPMIX[0]),
        runs=1,
        starts=20,
        gaps=True,
    ),
    Task(
        "latent_class_fit",
        "Latent classes: memory for 200,000 respondents, one start",
        "4 MB of answers at a byte each.",
        (200_000,),
        (*TERCET, STEPMIX[0]),
        runs=1,
        starts=1,
    ),
    Task(
        "latent_class_score",
        "Latent classes: probabilities of membership of new respondents",
        "By a model fitted to the first 20,000 of them, which is not counted.",
        (1_000_000,),
        (*TERCET, *STEPMIX),
        runs=3,
        starts=2,
    ),
    Task(
        "propensity_fit",
        "Propensities: ridge of 20 features",
        RIDGE_NOTE,
        (1_000_000,),
        (*TERCET, *LOGISTIC),
        runs=3,
        width=20,
    ),
    Task(
        "propensity_fit",
        "Propensities: ridge of 100 features",
        RIDGE_NOTE,
        (100_000,),
        (*TERCET, *LOGISTIC),
        runs=3,
        width=100,
    ),
    Task(
        "causal_forest",
        "Effects by customer: causal forest of 200 trees with intervals, 20 features",
        "An experiment with known effects on yes or no; fit, effects and 95% intervals of all rows."
        " econml's CausalForest (honest, inference=True) is given the treatment less its mean and"
        " takes the outcome as it is; it runs once, on one thread, up to 100,000 rows, and has"
        " no row where it was stopped after ten minutes.",
        (10_000, 100_000, 1_000_000),
        (*TERCET, Contender("econml", 1)),
        runs=1,
        width=20,
    ),
    Task(
        "allocation",
        "Which action for whom: five actions, a budget, and limits on two actions and on all",
        "tercet gives the prices of what is scarce too, and here no curve of other budgets. HiGHS"
        " may stop within 1e-4 of the best, and gets the programme as it wants it; making that is"
        " not counted. It runs once, up to 10,000 customers.",
        (1_000, 10_000, 1_000_000),
        (*TERCET, Contender("highs", 1)),
        runs=3,
    ),
    Task(
        "propensity_curves",
        "Propensities: curves of 10 features, a strength each",
        "The defaults but for calibration; with standard errors.",
        (200_000,),
        TERCET,
        runs=3,
        width=10,
    ),
    Task(
        "propensity_reasons",
        "Propensities: three reasons up and down for every customer",
        "By curves of 20 features, fitted to the first 10,000, which is not counted.",
        (1_000_000,),
        TERCET,
        runs=3,
        width=20,
    ),
)


@dataclass
class Series:
    """The runs of one contender on one size."""

    contender: Contender
    runs: list[dict[str, Any]] = field(default_factory=list)

    def median(self, name: str) -> float:
        """The median of one number over the runs."""
        return statistics.median(run[name] for run in self.runs)

    @property
    def digest(self) -> dict[str, float]:
        return self.runs[0]["digest"]


def data_file(task: Task, size: int) -> Path:
    if task.name == "causal_forest":
        return data.experiment(size, task.width, CACHE)
    if task.name == "allocation":
        return data.effects_of_actions(size, CACHE)
    if task.width:
        return data.matrix(size, task.width, CACHE)
    if task.on_survey:
        return (data.survey_with_gaps if task.gaps else data.survey)(size, CACHE)
    if task.name != "purchase_summary":
        return (data.customers_shuffled if task.other_ids else data.customers)(size, CACHE)
    return (data.transactions_with_text_ids if task.other_ids else data.transactions)(size, CACHE)


def run_job(
    interpreter: str, contender: Contender, task: Task, path: Path
) -> dict[str, Any] | None:
    """One measurement in a process of its own; None where it took too long."""
    job = {
        "library": contender.library,
        "task": task.name,
        "threads": contender.threads,
        "path": str(path),
        "observation_end": str(data.OBSERVATION_END),
        "starts": task.starts,
        "weighted": task.weighted,
    }
    environment = dict(os.environ)
    if contender.threads is not ALL:
        environment |= dict.fromkeys(THREAD_VARIABLES, str(contender.threads))
    command = [interpreter, str(HERE / "jobs.py"), json.dumps(job)]
    if contender.library == "linfa":
        command = [str(LINFA), str(path)]
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            timeout=ECONML_SECONDS if contender.library == "econml" else None,
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode != 0:
        sys.exit(f"{contender} failed at {task.title} on {path.name}")
    return json.loads(done.stdout.splitlines()[-1])


def runs_of(contender: Contender, task: Task, size: int, options: argparse.Namespace) -> int:
    """How often a contender does a task: not at all where it would take minutes."""
    if contender.library == "tercet" and not options.tercet:
        return 0
    if contender.library == "lifetimes" and size > LIFETIMES_UP_TO:
        return int(options.full and task.name == "bg_nbd_fit")
    if contender.library == "econml":
        # At a million it asks for more memory and time than anybody has here.
        return int(size <= ECONML_UP_TO and not options.quick)
    if contender.library == "highs":
        return int(size <= HIGHS_UP_TO and not (options.quick and size > 1_000))
    if contender.library == "linfa":
        return int(LINFA.exists())
    return 1 if options.quick else task.runs


def measure(task: Task, size: int, options: argparse.Namespace) -> list[Series]:
    """All contenders on one size, taking turns."""
    path = data_file(task, size)
    wanted = {contender: runs_of(contender, task, size, options) for contender in task.contenders}
    series = [Series(contender) for contender, runs in wanted.items() if runs]
    for turn in range(max(wanted.values(), default=0)):
        for one in series:
            if turn >= wanted[one.contender]:
                continue
            interpreter = options.tercet if one.contender.library == "tercet" else options.peers
            last = run_job(interpreter, one.contender, task, path)
            if last is None:
                print(f"  {size:>10,}  {one.contender!s:24} stopped: too long", flush=True)
                continue
            one.runs.append(last)
            used = f"{last['cpu']:9.4f} CPU s {last['memory_peak']:7.0f} MiB"
            print(f"  {size:>10,}  {one.contender!s:24} {used}", flush=True)
    return [one for one in series if one.runs]


# --- do they compute the same? --------------------------------------------------------------------


def comparison(task: Task, size: int, series: list[Series]) -> str:
    """How far the contenders' answers lie apart, in words; stops the run when that is too far."""
    if task.name in ("bg_nbd_fit", "gamma_gamma_fit"):
        return compare_fits(task, size, series)
    if task.name == "latent_class_fit":
        return compare_segments(task, size, series)
    if task.name == "propensity_fit":
        return compare_ridges(task, size, series)
    if task.name == "causal_forest":
        return compare_effects(task, size, series)
    if task.name == "allocation":
        return compare_allocations(task, size, series)
    tolerance = {
        "propensity_curves": 1e-9,
        "propensity_reasons": 1e-9,
        "predictions": 1e-7,
        "lifetime_value": 0.05,
        "purchase_summary": 1e-9,
        # Two programs stop at two distances from the maximum.
        "latent_class_score": 1e-2,
    }[task.name]
    first = series[0]
    worst = 0.0
    for other in series[1:]:
        for name, value in first.digest.items():
            scale = max(abs(value), 1e-300)
            worst = max(worst, abs(other.digest[name] - value) / scale)
    if worst > tolerance:
        digests = "\n".join(f"  {one.contender}: {one.digest}" for one in series)
        sys.exit(f"{task.title}, {size:,}: the answers differ by {worst:.1e}\n{digests}")
    return f"sums over all rows agree to {worst:.0e}, relatively"


def compare_fits(task: Task, size: int, series: list[Series]) -> str:
    table = pq.read_table(data_file(task, size))
    columns = {
        name: table[name].to_numpy() for name in ("frequency", "recency", "T", "monetary_value")
    }
    likelihood = {}
    for one in series:
        if task.name == "bg_nbd_fit":
            value = data.log_likelihood(
                one.digest, columns["frequency"], columns["recency"], columns["T"]
            )
        else:
            value = data.gamma_gamma_log_likelihood(
                one.digest, columns["frequency"], columns["monetary_value"]
            )
        likelihood[str(one.contender)] = value
    best = max(likelihood.values())
    for one in series:
        if one.contender.library == "tercet" and likelihood[str(one.contender)] < best - 1e-9 * abs(
            best
        ):
            sys.exit(
                f"{task.title}, {size:,}: tercet stops below the best log-likelihood: {likelihood}"
            )
    behind = {one.contender.library: best - likelihood[str(one.contender)] for one in series}
    words = ", ".join(f"{library} {max(gap, 0.0):.0e}" for library, gap in behind.items())
    return f"log-likelihood {best:.4f}; below it by: {words}"


def compare_ridges(task: Task, size: int, series: list[Series]) -> str:
    """The lowest objective, and how far above it each library stopped."""
    path = data_file(task, size)
    reached = {
        one.contender: data.ridge_objective(np.array(list(one.digest.values())), path)
        for one in series
    }
    best = min(reached.values())
    for contender, value in reached.items():
        if contender.library == "tercet" and value > best * (1.0 + 1e-10):
            sys.exit(f"{task.title}, {size:,}: tercet stops above the best objective: {reached}")
    words = ", ".join(
        f"{NAMES.get(one.library, one.library)} {value - best:.0e}"
        for one, value in reached.items()
        if one.threads == 1
    )
    return f"objective {best:.6f}; above it by: {words}"


def compare_effects(task: Task, size: int, series: list[Series]) -> str:
    """How near the truth each library is."""
    near = {one.contender.library: one.digest["correlation"] for one in series}
    if near["tercet"] < max(near.values()) - 0.005:
        sys.exit(f"{task.title}, {size:,}: tercet is farther from the truth: {near}")
    words = (
        f"{one.contender.library} {one.digest['correlation']:.3f}, {one.digest['coverage']:.3f}"
        for one in series
        if one.contender.threads == 1
    )
    return f"correlation with true effects, and share in the intervals: {'; '.join(words)}"


def compare_allocations(task: Task, size: int, series: list[Series]) -> str:
    """The highest profit, and how far below it each library is."""
    profit = {one.contender.library: one.digest["profit"] for one in series}
    best = max(profit.values())
    bound = series[0].digest["bound"]
    if profit["tercet"] < best * (1.0 - 1e-3) or best > bound * (1.0 + 1e-9):
        sys.exit(f"{task.title}, {size:,}: {profit}, bound {bound}")
    words = ", ".join(
        f"{NAMES.get(library, library)} {best - value:.2g}" for library, value in profit.items()
    )
    return f"profit {best:,.2f} of at most {bound:,.2f}; below it by: {words}"


def compare_segments(task: Task, size: int, series: list[Series]) -> str:
    """The best log-likelihood, and how far below it each library stopped."""
    reached = {one.contender: one.digest["log_likelihood"] for one in series}
    best = max(reached.values())
    behind = {contender: best - value for contender, value in reached.items()}
    # Where one start in twenty arrives, or there are two, the best maximum is luck.
    common = task.starts >= 20 and not (task.weighted or task.gaps)
    if common and any(behind[one] > 0.1 for one in behind if one.library == "tercet"):
        sys.exit(f"{task.title}, {size:,}: tercet stops below the best: {reached}")
    words = ", ".join(
        f"{NAMES.get(one.library, one.library)} {gap:.3f}"
        for one, gap in behind.items()
        if one.threads == 1
    )
    return f"log-likelihood {best:.3f}; below it by: {words}"


# --- the report -----------------------------------------------------------------------------------


def report(task: Task, size: int, series: list[Series], agreement: str) -> str:
    noun = "purchases" if task.name == "purchase_summary" else "customers"
    noun = "respondents" if task.on_survey else noun
    head = (
        "| | CPU s | times tercet's | wall s | peak memory, MiB | of that by the job, MiB | runs |"
    )
    rule = "|---|---:|---:|---:|---:|---:|---:|"
    if task.name == "latent_class_fit":
        head += " log-likelihood | starts at the best | Rand index |"
        rule += "---:|---:|---:|"
    lines = [f"**{size:,} {noun}** ({agreement})", "", head, rule]
    own = next((one.median("cpu") for one in series if one.contender == TERCET[0]), None)
    for one in series:
        cpu = one.median("cpu")
        ratio = "" if own is None else f"{cpu / own:.3g}"
        added = one.median("memory_peak") - one.median("memory_before")
        line = (
            f"| {one.contender} | {cpu:.4g} | {ratio} | {one.median('wall'):.3g} "
            f"| {one.median('memory_peak'):.0f} | {max(added, 0):.0f} | {len(one.runs)} |"
        )
        lines.append(line + (segments_cells(one) if task.name == "latent_class_fit" else ""))
    return "\n".join(lines)


def segments_cells(one: Series) -> str:
    digest = one.digest
    near = f"{digest['near_best']:.0f} of {digest['starts']:.0f}" if "starts" in digest else ""
    near += f" ({digest['given_up']:.0f} given up)" if digest.get("given_up") else ""
    return f" {digest['log_likelihood']:.3f} | {near} | {digest['rand_index']:.3f} |"


def aims(measured: dict[tuple[str, int], list[Series]]) -> str:
    """What was aimed at and what was reached, each library on one thread."""
    lines = ["| | aimed at | reached |", "|---|---:|---:|"]
    for name, size, library, factor in AIMS:
        series = measured.get((name, size), [])
        cpu = {one.contender: one.median("cpu") for one in series}
        own, other = cpu.get(Contender("tercet", 1)), cpu.get(Contender(library, 1))
        reached = f"{other / own:.3g} x" if own and other else "not measured"
        title = next(task.title for task in TASKS if task.name == name and size in task.sizes)
        lines.append(
            f"| {title}, {size:,}, against {NAMES.get(library, library)} | {factor} x | {reached} |"
        )
    return "\n".join(lines)


def machine() -> str:
    """What the numbers were measured on."""
    name = platform.processor() or platform.machine()
    memory = ""
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(
            (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
            name,
        )
        kib = int(Path("/proc/meminfo").read_text().split()[1])
        memory = f", {kib / 2**20:.0f} GiB"
    python = f"Python {platform.python_version()}"
    return f"{name}, {os.cpu_count()} cores{memory}, {platform.system()}, {python}"


def versions_of(interpreter: str, packages: tuple[str, ...]) -> str:
    code = (
        "import importlib.metadata as m, sys;"
        "print(', '.join(f'{package} {m.version(package)}' for package in sys.argv[1:]))"
    )
    return subprocess.run(
        [interpreter, "-c", code, *packages], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()


def robustness(options: argparse.Namespace) -> str:
    """How many fits fail on small difficult samples; see robustness.py."""
    script, folder = str(HERE / "robustness.py"), str(CACHE / "robustness")
    subprocess.run([options.tercet, script, "simulate", folder], check=True)
    counts = {}
    for library, interpreter in (("tercet", options.tercet), ("lifetimes", options.peers)):
        print(f"  {library}", flush=True)
        done = subprocess.run(
            [interpreter, script, library, folder], check=True, stdout=subprocess.PIPE, text=True
        )
        counts[library] = json.loads(done.stdout.splitlines()[-1])
    lines = [
        "## BG/NBD on difficult samples",
        "",
        ROBUSTNESS_NOTE,
        "",
        "| | lifetimes: failed | unusable | tercet: failed | unusable | boundary |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    total = {library: dict.fromkeys(("failed", "unusable", "boundary"), 0) for library in counts}
    for name in counts["tercet"]:
        lines.append(robustness_line(name, counts["lifetimes"][name], counts["tercet"][name]))
        for library in counts:
            for kind in total[library]:
                total[library][kind] += counts[library][name][kind]
    lines.append(robustness_line("all", total["lifetimes"], total["tercet"]))
    return "\n".join(lines)


def robustness_line(name: str, lifetimes: dict[str, int], tercet: dict[str, int]) -> str:
    cells = [name, *(lifetimes[kind] for kind in ("failed", "unusable"))]
    cells += [tercet[kind] for kind in ("failed", "unusable", "boundary")]
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--tercet", default="", help="interpreter with tercet; left out, only the others are timed"
    )
    parser.add_argument("--peers", required=True, help="interpreter with the other libraries")
    parser.add_argument(
        "--quick", action="store_true", help="small sizes, one run each; nothing is written"
    )
    parser.add_argument(
        "--full",
        action="store_true",
        help="lifetimes at 10,000,000 customers too (minutes, 5 GB), once",
    )
    parser.add_argument(
        "--only", default="", help="tasks whose name contains this; nothing is written"
    )
    parser.add_argument(
        "--update",
        action="store_true",
        help="with --only: write these tasks into RESULTS.md, and leave the others as they are",
    )
    options = parser.parse_args()

    sections = []
    measured: dict[tuple[str, int], list[Series]] = {}
    for task in TASKS:
        if options.only not in task.name:
            continue
        if options.quick:
            task = replace(task, starts=min(task.starts, 2))
        print(task.title, flush=True)
        tables = []
        for size in task.sizes:
            if options.quick and size > QUICK_UP_TO.get(task.name, 1_000_000):
                continue
            series = measure(task, size, options)
            measured.setdefault((task.name, size), series)
            if not series:
                continue
            agreement = comparison(task, size, series)
            print(f"              {agreement}", flush=True)
            tables.append(report(task, size, series, agreement))
        sections.append("\n\n".join([f"## {task.title}", task.note, *tables]))
    if options.tercet and options.only in "robustness":
        print("BG/NBD on difficult samples", flush=True)
        sections.append(robustness(options))

    peers = ("lifetimes", "stepmix", "scikit-learn", "polars", "duckdb", "pandas", "numpy", "scipy")
    head = [
        "# tercet beside other libraries",
        NOTE,
        f"Measured {dt.date.today()} on {machine()}; "
        + (versions_of(options.tercet, ("tercet",)) + "; " if options.tercet else "")
        + versions_of(options.peers, peers)
        + ".",
    ]
    if options.tercet:
        head.append(aims(measured))
    text = "\n\n".join([*head, *sections]) + "\n"
    partly = options.only and not options.update
    if options.quick or partly or not options.tercet:
        print("\n" + text)
        return
    path = HERE / "RESULTS.md"
    if options.only:
        text = updated(path.read_text(encoding="utf-8"), text)
    path.write_text(text, encoding="utf-8")
    print(f"written: {path.relative_to(ROOT)}")


def updated(old: str, new: str) -> str:
    """The old report with the sections and aims of a new one that measured only some tasks."""
    head, *sections = old.rstrip("\n").split("\n\n## ")
    new_head, *new_sections = new.rstrip("\n").split("\n\n## ")
    titled = {section.partition("\n")[0]: section for section in sections}
    for section in new_sections:
        title, _, rest = section.partition("\n")
        titled[title] = f"{title}\n\nMeasured {dt.date.today()}.\n{rest}"
    # The order of the tasks; what is no task any more goes, what follows them stays behind.
    known = [task.title for task in TASKS]
    order = [title for title in known if title in titled]
    order += [title for title in titled if title not in known]

    def rows(text: str) -> list[str]:
        return [line for line in text.splitlines() if line.startswith("| ") and " x |" in line]

    def label(row: str) -> str:
        return row.split("|")[1]

    aimed = {label(row): row for row in rows(head)}
    aimed |= {label(row): row for row in rows(new_head) if "not measured" not in row}
    wanted = [label(row) for row in rows(new_head)]
    table = [aimed.get(one, f"|{one}| | not measured |") for one in wanted]
    before = head.splitlines()
    first = next(place for place, line in enumerate(before) if line.startswith("|---|"))
    head = "\n".join([*before[: first + 1], *table])
    return "\n\n## ".join([head, *(titled[title] for title in order)]) + "\n"


if __name__ == "__main__":
    main()
