"""What a campaign did: an experiment analysed, overall and by segment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

import numpy as np
import pyarrow as pa

from tercet import _arguments, _display, _tercet
from tercet._frames import new_table
from tercet._levels import quoted
from tercet._progress import Progress, reporting
from tercet._warning import warn
from tercet.exceptions import ExperimentWarning
from tercet.response import _experiment_columns as _read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tercet._frames import Kind

__all__ = ["ExperimentResult", "analyze_experiment"]

Adjust: TypeAlias = Literal["fdr", "holm", "none"]
Family: TypeAlias = Literal["separate", "all"]
Missing: TypeAlias = Literal["error", "skip"]
StandardErrors: TypeAlias = Literal["hc2", "hc3"]
Target: TypeAlias = Literal["population", "sample"]

#: Customers at which intervals of a sequential analysis are tightest, where nothing else is said.
_USUAL_PLAN: Final = 10_000.0
#: Rows of effects on everyone, and in segments, that are shown.
_SHOWN: Final = 12
_CORRECTIONS: Final = {
    "fdr": "false discovery rate",
    "holm": "Holm",
    "none": "no correction",
}


class ExperimentResult:
    """What an experiment tells; made by `analyze_experiment`.

    Attributes
    ----------
    table_ : table
        One row an arm, outcome and segment, "everyone" first: `arm`, `outcome`, `segment`; `n` and
        `n_control`, rows whose outcome is known; `mean` and `mean_control` (adjusted where there
        are covariates); `effect`, their difference, with `standard_error`, `lower`, `upper`;
        `lift`, the effect as a share of the control's mean, with `lift_lower`, `lift_upper`
        (Fieller); `p`, and `p_adjusted` for the number of questions; `effect_shrunken`, drawn
        towards the other segments' effects, with `shrunken_lower`, `shrunken_upper`;
        `variance_reduction` where there are covariates; `caution`, what to know before the row is
        used.
    sample_ratio_ : table
        Customers by segment and arm against the plan: `segment`, `arm`, `n`, `planned`,
        `chi_squared`, `p` and `p_adjusted` (the same in all rows of a segment; Holm over segments).
    heterogeneity_ : table
        One row an arm, outcome and column of segments: `mean` effect over segments and `tau`, how
        far it varies from segment to segment (a standard deviation), with intervals; `f`, `p` and
        `p_adjusted`, that effects are equal (Brown and Forsythe).
    outcomes_ : table
        `outcome`, `kind` ("binary" or "continuous"), `cap` (where large values were drawn in) and
        `n_capped`, `n_missing`, `missing_p` (that arms do not differ in it).
    covariates_ : table
        `covariate`, and `p` that arms do not differ in it; a covariate with gaps has a second row.
    verdict_ : str
        What it all means, in words.
    warnings_ : list of str
        What must be dealt with before effects are believed.
    is_sound_ : bool
        Whether there are no such warnings.
    arms, outcomes, segments : list of str
        Names: the arms, `control` among them; the outcomes; the segments, "everyone" first.
    control : str
        The arm that the others are compared with.
    level : float
        Confidence level of the intervals.
    sequential : float or None
        The number of customers at which always-valid intervals are tightest; None for a single
        look.
    n_rows : int
        Rows of the table.
    n_clusters : int or None
        Clusters, where there are any.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> rng = np.random.default_rng(1)
    >>> arm = rng.choice(["none", "mail"], 4_000)
    >>> bought = rng.random(4_000) < np.where(arm == "mail", 0.15, 0.10)
    >>> result = tc.analyze_experiment({"arm": arm, "bought": bought}, "arm", "none", "bought")
    >>> result.table_["effect"].to_numpy().round(3)
    array([0.05])
    """

    def __init__(
        self,
        found: Mapping[str, Any],
        arms: _read.Arms,
        outcomes: Sequence[str],
        settings: Mapping[str, Any],
        kind: Kind | None,
    ) -> None:
        self.arms = arms.names
        self.control = arms.names[arms.control]
        self.outcomes = list(outcomes)
        self.segments: list[str] = found["segments"]
        self.level = float(settings["level"])
        self.sequential: float | None = settings["sequential"]
        self.n_rows = int(found["n_rows"])
        self.n_clusters: int | None = found["n_clusters"]
        self.warnings_: list[str] = found["warnings"]
        self.verdict_ = " ".join(found["verdict"])
        self._found = found
        self._settings = dict(settings)
        self._kind = kind

    @property
    def is_sound_(self) -> bool:
        """Whether nothing speaks against believing the effects."""
        return not self.warnings_

    @property
    def table_(self) -> Any:
        """One row an arm, outcome and segment."""
        return new_table(self._columns(), self._kind)

    @property
    def sample_ratio_(self) -> Any:
        """Customers by segment and arm against the plan."""
        found, width = self._found["sample_ratio"], len(self.arms)
        columns = {
            "segment": _texts(np.repeat(np.arange(len(self.segments)), width), self.segments),
            "arm": pa.array(self.arms * len(self.segments), pa.string()),
            "n": found["counts"].ravel().astype(np.int64),
            "planned": np.ascontiguousarray(found["expected"].ravel()),
        }
        for name in ("chi_squared", "p", "p_adjusted"):
            columns[name] = np.repeat(found[name], width)
        return new_table(columns, self._kind)

    @property
    def heterogeneity_(self) -> Any:
        """How effects differ among segments."""
        found = self._found["heterogeneity"]
        columns = {
            "arm": _texts(found["arm"], self.arms),
            "outcome": _texts(found["outcome"], self.outcomes),
            "segments_of": _texts(found["family"], self._found["families"]),
            "n_segments": found["segments"],
        }
        names = ["mean", "mean_lower", "mean_upper", "tau", "tau_lower", "tau_upper"]
        names += ["f", "p", "p_adjusted"]
        return new_table({**columns, **{name: found[name] for name in names}}, self._kind)

    @property
    def outcomes_(self) -> Any:
        """What was found out about the outcomes."""
        found = self._found["outcomes"]
        kinds = ["binary" if binary else "continuous" for binary in found["binary"]]
        columns = {
            "outcome": pa.array(self.outcomes, pa.string()),
            "kind": pa.array(kinds, pa.string()),
            "cap": found["cap"],
            "n_capped": found["n_capped"],
            "n_missing": found["n_missing"].sum(axis=1).astype(np.int64),
            "missing_p": found["missing_p"],
        }
        return new_table(columns, self._kind)

    @property
    def covariates_(self) -> Any:
        """What outcomes are adjusted by, and whether arms differ in it."""
        found = self._found["covariates"]
        columns = {"covariate": pa.array(found["name"], pa.string()), "p": found["p"]}
        return new_table(columns, self._kind)

    def summary(self) -> str:
        """Return effects on everyone, the strongest ones in segments, and the verdict, as text."""
        parts = [self._shown().text()]
        of_segments = self._strongest()
        if len(of_segments):
            parts.append(self._grid("Strongest effects in segments", of_segments).text())
        return "\n\n".join(parts)

    def __repr__(self) -> str:
        return self._shown().text()

    def _repr_html_(self) -> str:
        return self._shown().html()

    def _columns(self) -> dict[str, Any]:
        rows = self._found["rows"]
        columns: dict[str, Any] = {
            "arm": _texts(rows["arm"], self.arms),
            "outcome": _texts(rows["outcome"], self.outcomes),
            "segment": _texts(rows["segment"], self.segments),
        }
        rest = [name for name in rows if name not in columns]
        if not self._found["covariates"]["name"]:
            rest.remove("variance_reduction")
        columns |= {name: rows[name] for name in rest}
        columns["caution"] = pa.array(self._found["cautions"], pa.string())
        return columns

    def _shown(self) -> _display.Grid:
        rows = np.flatnonzero(self._found["rows"]["segment"] == 0)
        more = f"{len(rows) - _SHOWN} more rows are in table_." if len(rows) > _SHOWN else None
        words = [*self._facts(), *(f"WARNING: {words}." for words in self.warnings_)]
        words += [*([more] if more else []), *self._found["verdict"]]
        return self._grid(f"Effects against '{self.control}'", rows[:_SHOWN], words)

    def _grid(self, title: str, rows: Any, words: Sequence[str] = ()) -> _display.Grid:
        found = self._found["rows"]
        by_segment = bool((found["segment"][rows] > 0).any())
        header = ["arm", "outcome", *(["segment"] if by_segment else []), "control", "arm's"]
        header += ["effect", "lower", "upper", "lift", "p adjusted"]
        header += ["shrunken"] if by_segment else []
        return _display.Grid(
            title=f"{title}, {_display.per_cent(self.level)} intervals",
            header=header,
            rows=[list(self._cells(int(row), by_segment=by_segment)) for row in rows],
            words=words,
        )

    def _cells(self, row: int, *, by_segment: bool) -> Iterator[str]:
        found = {name: column[row] for name, column in self._found["rows"].items()}
        binary = bool(self._found["outcomes"]["binary"][found["outcome"]])

        def number(name: str) -> str:
            value = float(found[name])
            return _display.per_cent(value, 2) if binary else _display.number(_rounded(value))

        yield self.arms[found["arm"]]
        yield self.outcomes[found["outcome"]]
        if by_segment:
            yield self.segments[found["segment"]]
        for name in ("mean_control", "mean", "effect", "lower", "upper"):
            yield number(name)
        yield _display.per_cent(float(found["lift"]), 1)
        yield _display.p_value(float(found["p_adjusted"]))
        if by_segment:
            yield number("effect_shrunken")

    def _facts(self) -> Iterator[str]:
        what = f"{self.n_rows:,} rows"
        if self.n_clusters is not None:
            what += f" of {self.n_clusters:,} clusters"
        correction = _CORRECTIONS[self._settings["adjust"]]
        looks = "single look"
        if self.sequential is not None:
            looks = f"valid at every look (tightest at {self.sequential:,.0f} customers)"
        yield f"{what}; p-values: {looks}, {correction}."
        rows = self._found["rows"]
        if self._found["covariates"]["name"]:
            gains = rows["variance_reduction"][rows["segment"] == 0]
            if np.isfinite(gains).any():
                low, high = np.nanmin(gains), np.nanmax(gains)
                shown = _display.per_cent(float(low), 1)
                if high - low > 5e-4:
                    shown += f" to {_display.per_cent(float(high), 1)}"
                yield f"Adjusted for covariates, which took away {shown} of the variance."

    def _strongest(self) -> Any:
        rows = self._found["rows"]
        with np.errstate(invalid="ignore", divide="ignore"):
            clear = np.abs(rows["effect"] / rows["standard_error"])
        order = np.argsort(-np.nan_to_num(clear, nan=-1.0), kind="stable")
        kept = order[(rows["segment"][order] > 0) & np.isfinite(clear[order])]
        return kept[:_SHOWN]


def analyze_experiment(
    data: Any,
    treatment: str,
    control: Any = None,
    outcomes: str | Sequence[str] = (),
    *,
    segments: Any = None,
    covariates: str | Sequence[str] | None = None,
    cluster: str | None = None,
    customer: str | None = None,
    shares: Mapping[Any, float] | None = None,
    winsorize: float | Mapping[str, float] | None = None,
    missing: Missing = "error",
    adjust: Adjust = "fdr",
    family: Family = "separate",
    sequential: bool | float = False,
    level: float = 0.95,
    standard_errors: StandardErrors = "hc2",
    target: Target = "population",
    ratio_level: float = 0.001,
    n_jobs: int | None = None,
    progress: Progress = False,
) -> ExperimentResult:
    r"""Tell what the arms of an experiment did to the outcomes, overall and by segment.

    Every arm is compared with the control. The effect is the difference of means; with covariates
    of means that a regression with all interactions adjusts to the same customers (Lin 2013),
    which takes away the variance that the covariates explain and never the effect. With an
    outcome's own past as covariate that is CUPED.

    Parameters
    ----------
    data : table
        One row a customer, or several with `cluster`.
    treatment : str
        The column that says who got what.
    control : label, optional
        The arm that the others are compared with. Without it one of two arms must be False or 0.
    outcomes : str or list of str
        Columns of numbers or true/false.
    segments : str, list of str, mapping, SegmentMembers or table, optional
        Columns of labels; or segments that may overlap: names with true/false values one a row
        (such as those of `Segment.members`), what `SegmentBook.evaluate` found (segments without
        members are left out), or a table of true/false columns; rows in the order of `data`.
        Membership must have been known before the experiment. A row without a label belongs to no
        segment of the column.
    covariates : str or list of str, optional
        What was known of the customers before the experiment: numbers, categories. Gaps are filled
        by the mean, and whether there was one is a covariate of its own.
    cluster : str, optional
        The column of customers (shops, households) that have several rows and were assigned as one.
    customer : str, optional
        The column of ids where every customer has one row; a customer with two is refused.
    shares : mapping, optional
        The planned share of each arm; default: equal ones. They need not add up to 1.
    winsorize : float or mapping, optional
        Values above this quantile (of all arms together) count as the quantile, of every outcome
        that is not 0/1, or of those named. It makes intervals of heavy-tailed spend shorter and
        changes the question: to spend up to the cap.
    missing : {"error", "skip"}
        Whether a missing outcome is refused; or left out of that outcome, counted, and arms are
        compared in it.
    adjust : {"fdr", "holm", "none"}
        How p-values are adjusted: so that of the effects called real at most 5% (1 - level) are not
        on average (Benjamini-Hochberg); or so that with 95% (level) probability all are (Holm).
    family : {"separate", "all"}
        Which p-values are adjusted together: the arms and outcomes of everyone, and apart from
        them segments by arms by outcomes; or all.
    sequential : bool or float
        Whether intervals and p-values shall hold however often the data are looked at. A number
        says at how many customers of an arm and the control they are tightest (True: 10,000); it
        must be fixed before the first look.
    level : float
        Confidence level of all intervals.
    standard_errors : {"hc2", "hc3"}
        Whether residuals are corrected by their leverage once, or twice to be on the safe side in
        small samples. With clusters both are cluster-robust.
    target : {"population", "sample"}
        Whether effects are about customers like these, or about these customers only. It matters
        with covariates only.
    ratio_level : float
        The p-value below which the arms' sizes are not as planned.
    n_jobs : int, optional
        Threads; None or -1 for all cores. Results do not depend on it.
    progress : bool or callable
        True for a progress bar; a callable gets each `tercet.Step`.

    Returns
    -------
    ExperimentResult
        `table_`, `verdict_` and more; drawn by `tercet.plots.effects_by_segment`.

    Raises
    ------
    DataError
        For a column that is missing; a treatment of one arm or with gaps, an outcome that is
        missing, infinite or the same in every row, a customer in two arms, a segment without
        customers. It names column and row.
    ParameterError
        For an argument that cannot be used, such as a control that is no arm.

    Warns
    -----
    ExperimentWarning
        If arms are not as large as planned, outcomes are missing more often in one of them, or a
        covariate differs between them: then effects cannot be believed as they are.

    References
    ----------
    Lin, W. (2013). "Agnostic notes on regression adjustments to experimental data." Annals of
    Applied Statistics 7(1), 295-318.

    Deng, A., Xu, Y., Kohavi, R. and Walker, T. (2013). "Improving the sensitivity of online
    controlled experiments by utilizing pre-experiment data." WSDM, 123-132.

    Waudby-Smith, I., Arbour, D., Sinha, R., Kennedy, E. H. and Ramdas, A. (2024). "Time-uniform
    central limit theory and asymptotic confidence sequences." Annals of Statistics 52(6),
    2613-2640.

    Examples
    --------
    >>> import numpy as np
    >>> import tercet as tc
    >>> rng = np.random.default_rng(2)
    >>> n = 20_000
    >>> arm, country = rng.choice(["none", "mail"], n), rng.choice(["NO", "SE", "DK"], n)
    >>> past = rng.gamma(2.0, 20.0, n)
    >>> gain = np.where(country == "NO", 6.0, 0.0) * (arm == "mail")
    >>> data = {"arm": arm, "country": country, "past": past}
    >>> data["spend"] = past + gain + rng.normal(0, 20, n)
    >>> result = tc.analyze_experiment(
    ...     data, "arm", "none", "spend", segments="country", covariates="past"
    ... )
    >>> table = result.table_
    >>> table["segment"].to_pylist()
    ['everyone', 'DK', 'NO', 'SE']
    >>> (table["p_adjusted"].to_numpy() < 0.05).tolist()
    [True, False, True, False]
    >>> bool(table["variance_reduction"][0].as_py() > 0.5)
    True
    """
    names = _read.names(outcomes, "outcomes")
    columns = _read.Columns(
        _arguments_name(treatment, "treatment"),
        names,
        [] if covariates is None else _read.names(covariates, "covariates"),
        _read.segment_columns(segments),
        None if cluster is None else _arguments_name(cluster, "cluster"),
        None if customer is None else _arguments_name(customer, "customer"),
    )
    settings = {
        "level": _arguments.number(level, "level"),
        "standard_errors": _arguments.word(
            standard_errors, "standard_errors", get_args(StandardErrors)
        ),
        "target": _arguments.word(target, "target", get_args(Target)),
        "adjust": _arguments.word(adjust, "adjust", get_args(Adjust)),
        "family": _arguments.word(family, "family", get_args(Family)),
        "missing": _arguments.word(missing, "missing", get_args(Missing)),
        "sequential": _planned(sequential),
        "ratio_level": _arguments.number(ratio_level, "ratio_level"),
    }
    caps = _caps(winsorize, names)
    table = columns.read(data)
    arms = _read.Arms.read(table, columns.treatment, control)
    settings["shares"] = arms.shares(shares)
    found_segments = _read.read_segments(segments, table, columns.segments)
    with reporting(progress) as report:
        found = _tercet.analyze_experiment(
            arms.core(),
            [(name, _read.read_outcome(table, name), caps.get(name)) for name in names],
            _read.read_covariates(table, columns.covariates),
            found_segments.labels,
            found_segments.flags,
            _read.read_ids(table, columns.cluster),
            _read.read_ids(table, columns.customer),
            settings=settings,
            n_jobs=_arguments.threads(n_jobs),
            progress=report,
        )
    result = ExperimentResult(found, arms, names, settings, table.kind)
    for words in result.warnings_:
        warn(words, ExperimentWarning)
    return result


def _texts(codes: Any, names: Sequence[str]) -> Any:
    return pa.array(np.asarray(names, dtype=object)[codes], pa.string())


def _rounded(value: float) -> float:
    return float(f"{value:.4g}") if np.isfinite(value) else value


def _arguments_name(value: Any, parameter: str) -> str:
    if not isinstance(value, str):
        raise _arguments.refusal(value, parameter, "a column's name")
    return value


def _planned(sequential: Any) -> float | None:
    if isinstance(sequential, bool | np.bool_):
        return _USUAL_PLAN if sequential else None
    expected = "True, False, or the number of customers that the experiment is planned for"
    return _arguments.finite(sequential, "sequential", expected)


def _caps(winsorize: Any, outcomes: Sequence[str]) -> dict[str, float]:
    expected = "a quantile above 0.5 and below 1, such as 0.999, or a dict of them by outcome"
    if winsorize is None:
        return {}
    if not isinstance(winsorize, Mapping):
        quantile = _arguments.number(winsorize, "winsorize", expected)
        return dict.fromkeys(outcomes, quantile)
    for name in winsorize:
        if name not in outcomes:
            named = f"outcomes for keys: {quoted(list(outcomes))}"
            raise _arguments.refusal(name, "winsorize", named)
    return {
        name: _arguments.number(quantile, "winsorize", expected)
        for name, quantile in winsorize.items()
    }
