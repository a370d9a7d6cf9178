"""Reference values for behaviour of the 1/10 sample of CDNOW, by SQL and plain Python.

    TERCET_DATA=/data python tests/reference/make_behaviour.py            write the case
    TERCET_DATA=/data python tests/reference/make_behaviour.py --check    compare instead

Sums by customer are SQL in DuckDB; cut points come from sorted lists, stages from if-clauses.
Nothing of tercet is imported. Quantiles are of type 1 (Hyndman & Fan 1996, American Statistician
50, 361-365).
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections import Counter
from pathlib import Path

import duckdb

FILE = "cdnow/CDNOW_sample.txt"
CASE = Path(__file__).parent / "behaviour" / "cdnow.json"
AS_OF = "1997-10-01"
QUERY = """
    with log as (
        select strptime(column2, '%Y%m%d')::date as day, column1 as customer, column4 as amount
        from read_csv(?, delim = ' ', header = false, columns = {
            'column0': 'varchar', 'column1': 'varchar', 'column2': 'varchar',
            'column3': 'integer', 'column4': 'double'}, skip = 0)
        where strptime(column2, '%Y%m%d')::date < date '1997-10-01'
    )
    select customer,
           date '1997-10-01' - max(day) as recency,
           count(distinct day) filter (day >= date '1997-04-01') as frequency,
           coalesce(sum(amount) filter (day >= date '1997-04-01'), 0) as money,
           list(distinct day order by day) as days
    from log group by customer
"""


def cut_points(values, n, sign):
    """The smallest values that at least 1/n, ..., (n - 1)/n of all do not exceed."""
    ascending = sorted(sign * value for value in values)
    return [sign * ascending[-(-len(ascending) * k // n) - 1] for k in range(1, n)]


def score(value, cuts, sign):
    return 1 + sum(sign * value > sign * cut for cut in cuts)


def stage(days, recency, typical, first):
    """The page docs/methods/behaviour.md, written as it stands there."""
    span = (days[-1] - days[0]).days
    gap = (span + typical) / len(days)
    pause = recency / gap
    if pause > 6:
        return "lost"
    if pause > 3:
        return "passive"
    if pause > 1.5:
        return "slowing"
    if len(days) > 1:
        before = (days[-2] - days[0]).days
        if (span - before) / ((before + typical) / (len(days) - 1)) > 3:
            return "won back"
    return "new" if first <= 1.5 * typical else "active"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    path = Path(os.environ["TERCET_DATA"]) / FILE
    text = path.read_text().splitlines()
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "log.txt"
        plain.write_text("\n".join(" ".join(line.split()) for line in text))
        rows = duckdb.execute(QUERY, [str(plain)]).fetchall()
    bought = [row for row in rows if row[2]]
    cuts = {
        name: cut_points([row[place] for row in bought], 5, sign)
        for name, place, sign in (("recency", 1, -1), ("frequency", 2, 1), ("money", 3, 1))
    }
    # Millionths, as sums of decimals are not exact.
    cuts = {name: [round(value, 6) for value in values] for name, values in cuts.items()}
    gaps = [(row[4][-1] - row[4][0]).days / (len(row[4]) - 1) for row in rows if len(row[4]) > 1]
    typical = statistics.median(gaps)
    codes, stages = Counter(), Counter()
    for _, recency, frequency, money, days in rows:
        money = round(money, 6)
        codes[
            f"{score(recency, cuts['recency'], -1)}{score(frequency, cuts['frequency'], 1)}"
            f"{score(money, cuts['money'], 1)}"
        ] += 1
        first = recency + (days[-1] - days[0]).days
        stages[stage(days, recency, typical, first)] += 1
    case = {
        "case": "cdnow",
        "model": "behaviour",
        "producer": f"DuckDB {duckdb.__version__} and plain Python",
        "source": "Hyndman & Fan (1996), American Statistician 50, 361-365: quantiles of type 1",
        "script": "make_behaviour.py",
        "data": FILE,
        "as_of": AS_OF,
        "observation": "6mo",
        "customers": len(rows),
        "cuts": cuts,
        "typical_gap": typical,
        "rfm": dict(sorted(codes.items())),
        "lifecycle": dict(sorted(stages.items())),
    }
    if check:
        told = json.loads(CASE.read_text()) | {"producer": case["producer"]}
        sys.exit(0 if told == case else "the case differs")
    CASE.parent.mkdir(exist_ok=True)
    CASE.write_text(json.dumps(case, indent=2) + "\n")


if __name__ == "__main__":
    main()
