"""What is built, as plain values: a saved model builds the same features again from this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from tercet import _arguments
from tercet._snapshots.duration import Duration
from tercet._snapshots.feature import Feature
from tercet._snapshots.roles import LOGS, ROLES, Naming
from tercet._snapshots.target import MAIN, Target
from tercet._snapshots.windows import Spans
from tercet.exceptions import DataError, ModelFileError, ParameterError, UnsupportedVersionError

if TYPE_CHECKING:
    from tercet._snapshots.case import Opened
    from tercet._snapshots.clock import Clock

_VERSION: Final = 1


@dataclass(frozen=True)
class LogShape:
    """What a log has, which decides what features it has."""

    timed: bool
    has_amount: bool
    has_label: bool


@dataclass(frozen=True)
class Plan:
    """What is built.

    Attributes
    ----------
    target : Target
        The outcome.
    spans : Spans
        Observation, outcome and gap.
    naming : Naming
        What the caller's columns are called.
    listed : dict
        For each log, the labels with features or outcomes of their own.
    drop_refunds : bool
        Whether negative amounts are left out instead of refused.
    tables : tuple of str
        The tables that features come from.
    logs : dict
        What each log has.
    attributes : list of str
        The columns of the table of customers.
    features : tuple of Feature
        The features, in the order of their columns.
    period, zone
        The clock: whether times are integer periods, and their zone.
    """

    target: Target
    spans: Spans
    naming: Naming
    listed: dict[str, tuple[str, ...]]
    drop_refunds: bool = False
    tables: tuple[str, ...] = ()
    logs: Mapping[str, LogShape] = field(default_factory=dict)
    attributes: tuple[str, ...] = ()
    features: tuple[Feature, ...] = ()
    period: bool = False
    zone: str | None = None

    @property
    def id_column(self) -> str:
        """Return what the column of ids is called: as in the table that the outcome is about."""
        names, _ = self.naming.names(MAIN[self.target.kind])
        return names["customer"]

    def completed(self, opened: Opened) -> Plan:
        """Return the plan with what the tables have."""
        clock = opened.clock()
        logs = {
            name: LogShape(log.timed, log.has_amount, log.has_label)
            for name, log in opened.logs.items()
        }
        for name, listed in self.listed.items():
            if listed and name in opened.logs and not opened.logs[name].has_label:
                names, _ = self.naming.names(name)
                role = str(ROLES[name].label)
                message = (
                    f"{role}s = {list(listed)!r}: the {ROLES[name].what} has no column "
                    f'\'{names[role]}\'; name it with columns={{"{name}": {{"{role}": ...}}}}'
                )
                raise ParameterError(message, f"{role}s")
        there = set(opened.logs)
        others = ("subscriptions", "stages", "customers")
        there |= {name for name in others if getattr(opened, name) is not None}
        attributes: tuple[str, ...] = ()
        if opened.customers is not None:
            attributes = tuple(one.name for one in opened.customers.attributes)
        target = replace(self.target, unit="period") if clock.period else self.target
        return replace(
            self,
            target=target,
            tables=tuple(name for name in ROLES if name in there),
            logs={name: logs[name] for name in (*LOGS, "responses") if name in logs},
            attributes=attributes,
            period=clock.period,
            zone=clock.zone,
        )

    def check_clock(self, clock: Clock) -> None:
        """Refuse lengths of time that the clock cannot measure, and another clock than before."""
        if clock.period != self.period or (clock.timed and clock.zone != self.zone):
            before = "integer periods" if self.period else f"times of zone {self.zone}"
            message = (
                f"column '{clock.column}': has other times than the features were built from "
                f"({before}); convert the column"
            )
            raise DataError(message, clock.column)
        spans, target = self.spans, self.target
        if target.unit == "period" and not clock.period:
            raise _arguments.refusal("period", "unit", "a unit of time (the times are dates)")
        clock.check(spans.observation, "observation")
        clock.check(spans.outcome, "outcome")
        clock.check(spans.gap, "gap")
        clock.check(target.grace, "grace")
        if target.within is not None:
            clock.check(target.within, "active_within")

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain values."""
        target = asdict(self.target) | {
            "grace": self.target.grace.label,
            "within": None if self.target.within is None else self.target.within.label,
        }
        return {
            "version": _VERSION,
            "target": {key: _plain(value) for key, value in target.items()},
            "observation": self.spans.observation.label,
            "outcome": self.spans.outcome.label,
            "gap": self.spans.gap.label,
            "columns": {table: dict(names) for table, names in self.naming.given.items()},
            "listed": {table: list(names) for table, names in self.listed.items()},
            "drop_refunds": self.drop_refunds,
            "tables": list(self.tables),
            "logs": {name: asdict(shape) for name, shape in self.logs.items()},
            "attributes": list(self.attributes),
            "features": [feature.to_dict() for feature in self.features],
            "period": self.period,
            "zone": self.zone,
        }

    @classmethod
    def from_dict(cls, values: Any) -> Plan:
        """Return the plan that `to_dict` wrote.

        Raises
        ------
        UnsupportedVersionError
            If a newer tercet wrote it.
        ModelFileError
            If it is no such thing.
        """
        version = values.get("version") if isinstance(values, Mapping) else None
        if not isinstance(version, int):
            raise ModelFileError("this is no description of snapshots: it has no version")
        if version > _VERSION:
            message = (
                f"the snapshots were described by a newer tercet (version {version} of the "
                f"description, {_VERSION} is the newest known here); install a newer tercet"
            )
            raise UnsupportedVersionError(message)
        try:
            return _from_dict(values)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            message = f"this description of snapshots is damaged ({error}); write it again"
            raise ModelFileError(message) from error


def _from_dict(values: Mapping[str, Any]) -> Plan:
    target = dict(values["target"])
    for key in ("listed", "stages", "lost"):
        target[key] = tuple(target[key])
    within = target.get("within")
    target["grace"] = Duration.of(target["grace"], "grace", zero=True)
    target["within"] = None if within is None else Duration.of(within, "active_within")
    spans = Spans(
        Duration.of(values["observation"], "observation"),
        Duration.of(values["outcome"], "outcome"),
        Duration.of(values["gap"], "gap", zero=True),
    )
    return Plan(
        Target(**target),
        spans,
        Naming.of(values["columns"]),
        {table: tuple(names) for table, names in values["listed"].items()},
        bool(values["drop_refunds"]),
        tuple(values["tables"]),
        {name: LogShape(**shape) for name, shape in values["logs"].items()},
        tuple(values["attributes"]),
        tuple(Feature(**feature) for feature in values["features"]),
        bool(values["period"]),
        values["zone"],
    )


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
