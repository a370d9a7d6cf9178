"""How made-up companies show themselves: by their tables, not by all rows."""

from __future__ import annotations

import pytest

import tercet as tc

MADE = (
    tc.datasets.simulate_company,
    tc.datasets.simulate_shop,
    tc.datasets.simulate_software,
    tc.datasets.simulate_subscriptions,
)


@pytest.mark.parametrize("backend", ["pandas", "polars"])
@pytest.mark.parametrize("simulate", MADE)
def test_a_company_is_shown_by_its_tables(simulate, backend):
    made = simulate(400, seed=1, backend=backend)
    lines = repr(made).splitlines()
    assert lines[0] == type(made).__name__
    assert lines[1].split() == ["table", "rows", "columns"]
    assert [line.split()[0] for line in lines[2:]] == list(made._fields)
    assert max(map(len, lines)) <= 92
    first = made._fields[0]
    table = getattr(made, first)
    assert lines[2].split()[:2] == [first, f"{len(table):,}"]
    assert lines[2].endswith(", ".join(table.columns))
    assert lines[-1].split() == ["observation_end", "2025-06-30"]
