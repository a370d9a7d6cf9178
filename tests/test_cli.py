"""The command line: every kind of file, every refusal, and nothing half written."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
import pytest
from typer.testing import CliRunner

import tercet as tc
from tercet._cli.reading import PurchaseFormat, read_purchases
from tercet._tracking import Tracking, track_purchases
from tercet.cli import app

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

WIDTH = 100


def run(*arguments: object) -> Result:
    """Run `tercet` with some arguments."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def value(log: Path, out: Path, *options: object) -> Result:
    """Run `tercet value` as most tests do."""
    return run("value", log, "--out", out, *options)


def files_in(folder: Path) -> set[str]:
    """Names of all the files in a folder, hidden ones too."""
    return {path.name for path in folder.iterdir()}


@pytest.fixture(scope="module")
def purchases() -> pa.Table:
    """A log of 600 customers: text ids, dates, amounts."""
    log = tc.datasets.simulate_purchases(600, seed=5, backend="pyarrow").transactions
    ids = [f"{name:04}" for name in log["customer_id"].to_pylist()]
    cents = pc.max_element_wise(pc.round(log["amount"], 2), 0.01)
    return log.set_column(0, "customer_id", pa.array(ids)).set_column(2, "amount", cents)


def rows_of(purchases: pa.Table) -> list[tuple[str, str, str]]:
    """The log as text, field by field."""
    return [
        (row["customer_id"], row["date"].isoformat(), f"{row['amount']:.2f}")
        for row in purchases.to_pylist()
    ]


def write_text(path: Path, rows: list[tuple[str, ...]], separator: str = ",") -> Path:
    """Write a header and rows, separated as told."""
    lines = [("customer_id", "date", "amount"), *rows]
    path.write_text("".join(separator.join(line) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def log(purchases: pa.Table, tmp_path: Path) -> Path:
    """The log as CSV."""
    return write_text(tmp_path / "purchases.csv", rows_of(purchases))


@pytest.fixture
def expected(log: Path, tmp_path: Path) -> pa.Table:
    """The customer table of the log."""
    done = value(log, tmp_path / "expected.parquet", "--quiet")
    assert done.exit_code == 0, done.stderr
    return pyarrow.parquet.read_table(tmp_path / "expected.parquet")


class TestGeneral:
    def test_version(self) -> None:
        done = run("--version")
        assert done.exit_code == 0
        assert done.stdout == f"tercet {tc.__version__}\n"

    def test_help_names_every_option(self) -> None:
        usage = run("value", "--help").stdout
        options = (
            "customer date amount time-unit horizon discount-rate margin out plots level separator",
            "date-format calibration-end observation-end refunds after-end save-models quiet",
        )
        for option in " ".join(options).split():
            assert f"--{option} " in usage

    def test_unknown_choices_are_refused(self, log: Path, tmp_path: Path) -> None:
        done = value(log, tmp_path / "out.csv", "--time-unit", "fortnight")
        assert done.exit_code == 2
        assert "fortnight" in done.stderr

    def test_installed_program(self) -> None:
        program = Path(sys.executable).with_name("tercet")
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout == f"tercet {tc.__version__}\n"


class TestReport:
    def test_says_everything(self, log: Path, tmp_path: Path) -> None:
        done = value(
            log, tmp_path / "out.parquet", "--discount-rate", 0.1, "--margin", 0.3, "--level", 0.9
        )
        assert done.exit_code == 0, done.stderr
        for words in (
            "rows read",
            "Holdout check",
            "BG/NBD, time in weeks",
            "Gamma-Gamma",
            "std. error",
            "90% interval",
            "log-likelihood",
            "Value over the next 52 weeks",
            "Margin 30% of the spend, discounted at 10% a year",
            "The 10 most valuable customers",
            "Written",
            "600 customers",
        ):
            assert words in done.stdout
        assert "reading" in done.stderr

    def test_is_aligned_and_narrow(self, log: Path, tmp_path: Path) -> None:
        done = value(log, tmp_path / "out.parquet")
        lines = done.stdout.splitlines()
        assert max(len(line) for line in lines) <= WIDTH
        assert not [line for line in lines if line != line.rstrip()]
        start = next(n for n, line in enumerate(lines) if line.lstrip().startswith("parameter"))
        widths = {len(line) for line in lines[start : start + 5]}
        assert len(widths) == 1

    def test_names_the_best_customers(self, log: Path, expected: pa.Table, tmp_path: Path) -> None:
        done = value(log, tmp_path / "out.parquet")
        best = expected.sort_by([("clv", "descending")]).slice(0, 10)
        section = done.stdout.split("The 10 most valuable customers")[1]
        places = [section.index(f"\n  {name} ") for name in best["customer_id"].to_pylist()]
        assert places == sorted(places)

    def test_holdout_numbers_are_the_library_s(self, log: Path, tmp_path: Path) -> None:
        done = value(log, tmp_path / "out.parquet", "--calibration-end", "2024-12-29")
        table = pyarrow.csv.read_csv(log)
        calibration, holdout = tc.split_purchases(
            table, calibration_end="2024-12-29", amount="amount"
        )
        model = tc.BGNBD(new_customers="skip").fit(calibration)
        forecast = model.expected_purchases(calibration, holdout["duration"][0].as_py()).sum()
        actual = sum(holdout["frequency"].to_pylist())
        said = " ".join(done.stdout.split())
        assert f"It expected {forecast:,.0f} purchases and {actual:,.0f} came" in said
        assert "fitted on the purchases up to 2024-12-29" in said

    def test_quiet(self, log: Path, tmp_path: Path) -> None:
        done = value(log, tmp_path / "out.parquet", "--quiet")
        assert done.exit_code == 0
        assert done.output == ""
        assert (tmp_path / "out.parquet").exists()

    def test_too_short_for_a_holdout(self, tmp_path: Path) -> None:
        days = [("a", "2024-01-01"), ("a", "2024-01-02"), ("b", "2024-01-01"), ("c", "2024-01-01")]
        rows = [(name, day, "5.00") for name, day in days] + [("c", "2024-01-02", "7.00")]
        log = write_text(tmp_path / "short.csv", rows)
        done = value(log, tmp_path / "out.csv", "--time-unit", "day")
        assert done.exit_code == 0, done.stderr
        assert "No holdout check was possible" in done.stdout
        said = " ".join(done.stdout.split())
        assert "Only 2 customers bought more than once" in said
        assert "The values have no intervals" in said


class TestTable:
    def test_columns(self, expected: pa.Table) -> None:
        assert expected.column_names == [
            "customer_id",
            "frequency",
            "recency",
            "T",
            "monetary_value",
            "first_purchase",
            "last_purchase",
            "probability_alive",
            "expected_purchases",
            "expected_spend",
            "clv",
            "clv_lower",
            "clv_upper",
        ]
        assert expected.num_rows == 600

    def test_values_are_the_library_s(self, log: Path, tmp_path: Path) -> None:
        options = ("--discount-rate", 0.08, "--margin", 0.4, "--horizon", 26)
        assert value(log, tmp_path / "out.parquet", *options).exit_code == 0
        summary = tc.purchase_summary(pyarrow.csv.read_csv(log), amount="amount")
        model = tc.BGNBD(new_customers="skip").fit(summary)
        spend = tc.GammaGamma(zero_spend="skip").fit(summary)
        theirs = tc.lifetime_value(
            model, spend, summary, horizon=26, discount_rate=0.08, margin=0.4, level=0.95
        )
        ours = pyarrow.parquet.read_table(tmp_path / "out.parquet")
        for name in ("probability_alive", "expected_purchases", "clv", "clv_lower", "clv_upper"):
            assert ours[name].equals(theirs[name])

    def test_csv(self, log: Path, expected: pa.Table, tmp_path: Path) -> None:
        assert value(log, tmp_path / "out.csv").exit_code == 0
        texts = pyarrow.csv.ConvertOptions(column_types={"customer_id": pa.string()})
        written = pyarrow.csv.read_csv(tmp_path / "out.csv", convert_options=texts)
        assert written.column_names == expected.column_names
        assert written["customer_id"].equals(expected["customer_id"])
        assert written["clv"].equals(expected["clv"])
        assert written["last_purchase"].equals(expected["last_purchase"])

    def test_models(self, log: Path, expected: pa.Table, tmp_path: Path) -> None:
        done = value(log, tmp_path / "out.parquet", "--save-models", tmp_path / "models")
        assert done.exit_code == 0, done.stderr
        assert files_in(tmp_path / "models") == {"bg_nbd.json", "gamma_gamma.json"}
        model = tc.load(tmp_path / "models" / "bg_nbd.json")
        spend = tc.load(tmp_path / "models" / "gamma_gamma.json")
        again = tc.lifetime_value(model, spend, expected.select(range(5)), horizon=52, level=0.95)
        assert again["clv"].equals(expected["clv"])


class TestFiles:
    @pytest.mark.parametrize("named", ["auto", "named"])
    @pytest.mark.parametrize(
        ("separator", "name"), [(",", ","), (";", ";"), ("|", "|"), ("\t", "tab")]
    )
    def test_separators(
        self,
        separator: str,
        name: str,
        named: str,
        purchases: pa.Table,
        expected: pa.Table,
        tmp_path: Path,
    ) -> None:
        log = write_text(tmp_path / "log.txt", rows_of(purchases), separator)
        options = ("--separator", name) if named == "named" else ()
        done = value(log, tmp_path / "out.parquet", *options)
        assert done.exit_code == 0, done.stderr
        assert pyarrow.parquet.read_table(tmp_path / "out.parquet").equals(expected)

    @pytest.mark.parametrize("named", ["auto", "whitespace"])
    def test_runs_of_blanks(
        self, named: str, purchases: pa.Table, expected: pa.Table, tmp_path: Path
    ) -> None:
        lines = [" customer_id date  quantity  dollars"]
        for name, day, amount in rows_of(purchases):
            lines.append(f" {name} {day.replace('-', '')}  1  {amount:>8}  ")
        log = tmp_path / "log.txt"
        log.write_bytes("\r\n".join([*lines, ""]).encode())
        done = value(log, tmp_path / "out.parquet", "--amount", "dollars", "--separator", named)
        assert done.exit_code == 0, done.stderr
        assert "blanks" in done.stdout
        assert pyarrow.parquet.read_table(tmp_path / "out.parquet").equals(expected)

    def test_parquet(self, purchases: pa.Table, expected: pa.Table, tmp_path: Path) -> None:
        further = purchases.append_column("note", pa.nulls(purchases.num_rows, pa.string()))
        pyarrow.parquet.write_table(further, tmp_path / "log.parquet")
        done = value(tmp_path / "log.parquet", tmp_path / "out.parquet")
        assert done.exit_code == 0, done.stderr
        assert pyarrow.parquet.read_table(tmp_path / "out.parquet").equals(expected)

    def test_parquet_with_integer_dates(
        self, purchases: pa.Table, expected: pa.Table, tmp_path: Path
    ) -> None:
        numbers = [int(day.strftime("%Y%m%d")) for day in purchases["date"].to_pylist()]
        table = purchases.set_column(1, "date", pa.array(numbers, pa.int32()))
        pyarrow.parquet.write_table(table, tmp_path / "log.pq")
        done = value(tmp_path / "log.pq", tmp_path / "out.parquet")
        assert done.exit_code == 0, done.stderr
        assert pyarrow.parquet.read_table(tmp_path / "out.parquet").equals(expected)

    def test_byte_order_mark_quotes_and_blank_lines(
        self, purchases: pa.Table, expected: pa.Table, tmp_path: Path
    ) -> None:
        lines = ['"customer_id" , "note", date,amount']
        for name, day, amount in rows_of(purchases):
            lines.append(f'"{name}","bought, and ""liked"" it\nmuch",{day},{amount}')
        log = tmp_path / "log.csv"
        log.write_text("\n" + "\n".join(lines) + "\n\n", encoding="utf-8-sig")
        done = value(log, tmp_path / "out.parquet")
        assert done.exit_code == 0, done.stderr
        assert pyarrow.parquet.read_table(tmp_path / "out.parquet").equals(expected)

    def test_other_names_dates_decimals_and_encoding(
        self, purchases: pa.Table, expected: pa.Table, tmp_path: Path
    ) -> None:
        lines = ["Käufer;Tag;Betrag"]
        for name, day, amount in rows_of(purchases):
            year, month, date = day.split("-")
            lines.append(f"{name};{date}.{month}.{year};{amount.replace('.', ',')}")
        log = tmp_path / "verkauf.csv"
        log.write_text("\n".join(lines), encoding="latin1")
        done = value(
            log,
            tmp_path / "out.parquet",
            *("--customer", "Käufer", "--date", "Tag", "--amount", "Betrag"),
            *("--date-format", "%d.%m.%Y", "--decimal-comma", "--encoding", "latin1"),
        )
        assert done.exit_code == 0, done.stderr
        found = pyarrow.parquet.read_table(tmp_path / "out.parquet")
        assert found.rename_columns(expected.column_names).equals(expected)

    @pytest.mark.parametrize(
        ("written", "meant"), [("1.234,50", 1234.5), ("12", 12.0), ("7,5", 7.5), ("1.234", 1234.0)]
    )
    def test_decimal_comma(self, written: str, meant: float, tmp_path: Path) -> None:
        log = write_text(tmp_path / "log.csv", [("a", "2024-01-01", written)], ";")
        read = read_purchases(log, PurchaseFormat(decimal_comma=True)).table
        assert read["amount"].to_pylist() == [meant]

    @pytest.mark.parametrize("written", ["1.5", "12.34,5", "1,234.50", "1,2,3", "1234.567,8", ",5"])
    def test_decimal_comma_refuses_other_numbers(self, written: str, tmp_path: Path) -> None:
        rows = [("a", "2024-01-01", "7,5"), ("b", "2024-01-02", written)]
        log = write_text(tmp_path / "log.csv", rows, ";")
        with pytest.raises(tc.DataError, match=re.escape(written)) as refused:
            read_purchases(log, PurchaseFormat(decimal_comma=True))
        assert (refused.value.column, refused.value.row) == ("amount", 1)

    def test_blanks_before_quotes(self, tmp_path: Path) -> None:
        text = 'customer_id, "date", "amount"\n"Doe, Jane", "2024-01-01", "5.50"\n'
        (tmp_path / "log.csv").write_text(text, encoding="utf-8")
        read = read_purchases(tmp_path / "log.csv", PurchaseFormat()).table
        assert read["customer_id"].to_pylist() == ["Doe, Jane"]
        assert read["amount"].to_pylist() == [5.5]

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
    def test_utf16(self, encoding: str, tmp_path: Path) -> None:
        text = "customer_id,date,amount\nMüller,2024-01-01,5\n"
        (tmp_path / "log.csv").write_text(text, encoding=encoding)
        read = read_purchases(tmp_path / "log.csv", PurchaseFormat(encoding=encoding)).table
        assert read["customer_id"].to_pylist() == ["Müller"]
        with pytest.raises(tc.DataError, match="--encoding"):
            read_purchases(tmp_path / "log.csv", PurchaseFormat())

    def test_parquet_with_text_in_dictionaries(
        self, purchases: pa.Table, expected: pa.Table, tmp_path: Path
    ) -> None:
        days = [day.strftime("%d/%m/%Y") for day in purchases["date"].to_pylist()]
        amounts = [str(amount) for amount in purchases["amount"].to_pylist()]
        table = pa.table(
            {
                "customer_id": purchases["customer_id"].combine_chunks().dictionary_encode(),
                "date": pa.array(days).dictionary_encode(),
                "amount": pa.array(amounts, pa.large_string()).dictionary_encode(),
            }
        )
        pyarrow.parquet.write_table(table, tmp_path / "log.parquet")
        done = value(
            tmp_path / "log.parquet", tmp_path / "out.parquet", "--date-format", "%d/%m/%Y"
        )
        assert done.exit_code == 0, done.stderr
        assert pyarrow.parquet.read_table(tmp_path / "out.parquet").equals(expected)

    def test_compressed(self, log: Path, expected: pa.Table, tmp_path: Path) -> None:
        packed = tmp_path / "purchases.csv.gz"
        packed.write_bytes(gzip.compress(log.read_bytes()))
        done = value(packed, tmp_path / "out.parquet")
        assert done.exit_code == 0, done.stderr
        assert pyarrow.parquet.read_table(tmp_path / "out.parquet").equals(expected)

    def test_timestamps(self, purchases: pa.Table, expected: pa.Table, tmp_path: Path) -> None:
        rows = [(name, f"{day} 18:30:00", amount) for name, day, amount in rows_of(purchases)]
        log = write_text(tmp_path / "log.csv", rows)
        done = value(log, tmp_path / "out.parquet")
        assert done.exit_code == 0, done.stderr
        found = pyarrow.parquet.read_table(tmp_path / "out.parquet")
        assert found["clv"].equals(expected["clv"])

    def test_ids_stay_as_they_are_written(self, purchases: pa.Table, tmp_path: Path) -> None:
        plain = [(str(int(name)), day, amount) for name, day, amount in rows_of(purchases)]
        log = write_text(tmp_path / "log.csv", plain)
        assert value(log, tmp_path / "out.parquet").exit_code == 0
        ids = pyarrow.parquet.read_table(tmp_path / "out.parquet")["customer_id"]
        assert ids.to_pylist() == list(range(1, 601))  # integers sort as such

        one_with_a_zero = [("007", *plain[0][1:]), *plain]
        log = write_text(tmp_path / "log.csv", one_with_a_zero)
        assert value(log, tmp_path / "out.parquet").exit_code == 0
        ids = pyarrow.parquet.read_table(tmp_path / "out.parquet")["customer_id"]
        assert {"007", "7"} <= set(ids.to_pylist())

    def test_integer_periods(self, purchases: pa.Table, tmp_path: Path) -> None:
        start = purchases["date"][0].as_py().toordinal() // 7
        rows = []
        for row in purchases.to_pylist():
            week = row["date"].toordinal() // 7 - start
            rows.append((row["customer_id"], str(week), str(row["amount"])))
        log = write_text(tmp_path / "log.csv", rows)
        done = value(
            log,
            tmp_path / "out.parquet",
            *("--date-format", "period", "--plots", tmp_path / "plots"),
        )
        assert done.exit_code == 0, done.stderr
        assert len(files_in(tmp_path / "plots")) == 9
        first, last = (end(int(row[1]) for row in rows) for end in (min, max))
        said = " ".join(done.stdout.split())
        assert f"from period {first} to period {last}, {last - first} periods" in said
        assert "rows of one customer in one period count as one purchase" in said
        assert "purchases up to period" in said
        assert "52 periods" in said
        assert "week" not in done.stdout

    @pytest.mark.parametrize("unit", ["week", "month"])
    def test_a_period_is_one_unit(self, unit: str, tmp_path: Path) -> None:
        weeks = [("a", 0), ("a", 9), ("b", 1), ("b", 20), ("b", 30), ("c", 2), ("d", 3), ("d", 4)]
        rows = [(name, str(week), f"{5 + week}.00") for name, week in weeks]
        log = write_text(tmp_path / "log.csv", rows)
        options = ("--date-format", "period", "--time-unit", unit)
        done = value(log, tmp_path / "out.parquet", *options)
        assert done.exit_code == 0, done.stderr
        said = " ".join(done.stdout.split())
        assert f"from period 0 to period 30, 30 {unit}s (one period is one {unit})" in said
        ages = pyarrow.parquet.read_table(tmp_path / "out.parquet")["T"].to_pylist()
        assert ages == [30, 29, 28, 27]


class TestRules:
    def test_refunds(self, purchases: pa.Table, tmp_path: Path) -> None:
        rows = rows_of(purchases)
        name, day, _ = rows[3]
        log = write_text(tmp_path / "log.csv", [*rows, (name, day, "-1.00")])
        refused = value(log, tmp_path / "out.csv")
        assert refused.exit_code == 2
        row = len(rows) + 1
        assert f"column 'amount', row {row} below the header" in refused.stderr
        assert f"customer_id {name}, date {day}, amount -1.0" in refused.stderr
        assert "--refunds" in refused.stderr
        for rule in ("drop", "net"):
            done = value(log, tmp_path / "out.csv", "--refunds", rule)
            assert done.exit_code == 0, done.stderr
            assert f"--refunds {rule}" in done.stdout
            assert "refund rows 1 " in " ".join(done.stdout.split())

    @pytest.mark.parametrize("rule", ["drop", "net"])
    def test_plots_follow_the_rules(
        self, rule: str, purchases: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = rows_of(purchases)
        back = [(name, day, f"-{amount}") for name, day, amount in rows[::7]]
        log = write_text(tmp_path / "log.csv", [*rows, *back])
        tracked: list[Tracking] = []

        def track(*arguments: Any, **told: Any) -> Tracking:
            tracked.append(track_purchases(*arguments, **told))
            return tracked[-1]

        monkeypatch.setattr("tercet.plots.tracking.track_purchases", track)
        cut, end = "2024-12-29", "2025-03-31"
        ends = ("--calibration-end", cut, "--observation-end", end, "--after-end", "drop")
        options = ("--refunds", rule, "--plots", tmp_path / "plots", *ends)
        done = value(log, tmp_path / "out.parquet", *options)
        assert done.exit_code == 0, done.stderr
        calibration, holdout = tc.split_purchases(
            pyarrow.csv.read_csv(log),
            calibration_end=cut,
            observation_end=end,
            amount="amount",
            refunds=rule,
            after_end="drop",
        )
        known = pc.sum(calibration["frequency"]).as_py()
        assert {found.actual_known for found in tracked} == {known}
        later = pc.sum(holdout["frequency"]).as_py()
        assert {found.actual[-1] for found in tracked} == {known + later}

    def test_customers_of_whom_nothing_is_left_are_counted(
        self, purchases: pa.Table, tmp_path: Path
    ) -> None:
        gone = [("gone", "2024-02-01", "10.00"), ("gone", "2024-02-02", "-10.00")]
        log = write_text(tmp_path / "log.csv", [*rows_of(purchases), *gone])
        done = value(log, tmp_path / "out.csv", "--refunds", "net")
        assert done.exit_code == 0, done.stderr
        assert "without a purchase 1 " in " ".join(done.stdout.split())

    def test_values_that_are_not_finite_are_said_in_words(
        self, purchases: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = tc.lifetime_value

        def without_a_mean(*arguments: Any, **told: Any) -> pa.Table:
            # As where the Gamma-Gamma's q is at most 1.
            table = real(*arguments, **told)
            once = pc.equal(arguments[2]["frequency"], 0)
            for name in ("expected_spend", "clv", "clv_lower", "clv_upper"):
                place = table.column_names.index(name)
                column = pc.if_else(once, float("inf"), table[name])
                table = table.set_column(place, name, column)
            return table

        monkeypatch.setattr(tc, "lifetime_value", without_a_mean)
        log = write_text(tmp_path / "log.csv", rows_of(purchases))
        done = value(log, tmp_path / "out.parquet", "--plots", tmp_path / "plots")
        assert done.exit_code == 0, done.stderr
        said = " ".join(done.stdout.split())
        assert "customers have no finite value" in said
        assert "with a finite value together are worth" in said
        assert not re.search(r"\b(inf|nan)\b", said)

    def test_purchases_after_the_end(self, log: Path, tmp_path: Path) -> None:
        end = ("--observation-end", "2025-01-31")
        refused = value(log, tmp_path / "out.csv", *end)
        assert refused.exit_code == 2
        assert "--after-end drop" in refused.stderr
        assert "move --observation-end" in refused.stderr
        done = value(log, tmp_path / "out.csv", *end, "--after-end", "drop")
        assert done.exit_code == 0, done.stderr
        assert "rows after the end" in done.stdout
        assert "to 2025-01-31" in done.stdout

    def test_brand_new_and_unpaid_customers_are_counted(
        self, purchases: pa.Table, tmp_path: Path
    ) -> None:
        last = max(purchases["date"].to_pylist()).isoformat()
        rows = [
            *rows_of(purchases),
            ("new 1", last, "10.00"),
            ("new 2", last, "12.00"),
            ("free", "2024-02-01", "10.00"),
            ("free", "2024-03-01", "0.00"),
        ]
        log = write_text(tmp_path / "log.csv", rows)
        done = value(log, tmp_path / "out.parquet")
        assert done.exit_code == 0, done.stderr
        said = " ".join(done.stdout.split())
        assert "brand-new customers 2" in said
        assert "unpaid repeaters 1" in said
        table = pyarrow.parquet.read_table(tmp_path / "out.parquet")
        assert table.num_rows == 603
        assert {"new 1", "new 2", "free"} <= set(table["customer_id"].to_pylist())

    def test_dependent_spend_is_said_in_words(self, purchases: pa.Table, tmp_path: Path) -> None:
        seen: dict[str, int] = {}
        rows = []
        for name, _, _ in rows_of(purchases):
            seen[name] = seen.get(name, 0) + 1
        for name, day, amount in rows_of(purchases):
            rows.append((name, day, f"{float(amount) / 20 + 10 * seen[name]:.2f}"))
        done = value(write_text(tmp_path / "log.csv", rows), tmp_path / "out.csv")
        assert done.exit_code == 0, done.stderr
        assert "assumes that spend does not depend on frequency" in " ".join(done.stdout.split())


GOOD = [("a", "2024-01-01", "5"), ("a", "2024-02-01", "6"), ("b", "2024-01-05", "7")]
GOOD += [("b", "2024-03-01", "8"), ("c", "2024-01-09", "9")]

BAD_FILES: dict[str, tuple[str, list[str]]] = {
    "empty file": ("", ["is empty", "header line"]),
    "only a header": ("customer_id,date,amount\n", ["no purchases"]),
    "missing column": ("customer_id,day,amount\na,2024-01-01,5\n", ["'date'", "'day'", "--date"]),
    "no header": ("a,2024-01-01,5\nb,2024-01-02,6\n", ["'customer_id'", "'a'", "header line"]),
    "two columns of one name": (
        "customer_id,date,date,amount\na,2024-01-01,2024-01-02,5\n",
        ["'date'", "2 times"],
    ),
    "unreadable date": (
        "customer_id,date,amount\na,2024-01-01,5\nb,soon,6\n",
        ["'date'", "row 2", "'soon'", "--date-format"],
    ),
    "impossible date": (
        "customer_id,date,amount\na,2024-01-01,5\nb,2024-02-30,6\n",
        ["'date'", "row 2", "2024-02-30"],
    ),
    "ambiguous date": (
        "customer_id,date,amount\na,01/02/2024,5\nb,02/02/2024,6\n",
        ["'date'", "row 1", "01/02/2024", "%d/%m/%Y"],
    ),
    "integers that are no dates": (
        "customer_id,date,amount\na,7,5\nb,9,6\n",
        ["'date'", "row 1", "'7'", "--date-format period"],
    ),
    "missing date": (
        "customer_id,date,amount\na,2024-01-01,5\nb,,6\n",
        ["'date'", "row 2", "missing"],
    ),
    "missing customer": (
        "customer_id,date,amount\na,2024-01-01,5\n,2024-01-02,6\n",
        ["'customer_id'", "row 2", "missing"],
    ),
    "amount that is no number": (
        "customer_id,date,amount\na,2024-01-01,5\nb,2024-01-02,six\n",
        ["'amount'", "row 2", "'six'"],
    ),
    "amount with a comma": (
        'customer_id,date,amount\na,2024-01-01,5\nb,2024-01-02,"6,50"\n',
        ["'amount'", "row 2", "--decimal-comma"],
    ),
    "comma between thousands": (
        'customer_id,date,amount\na,2024-01-01,5\nb,2024-01-02,"1,234.50"\n',
        ["'amount'", "row 2", "1,234.50", "plain numbers"],
    ),
    "comment before the header": (
        "# from the till\ncustomer_id,date,amount\na,2024-01-01,5\n",
        ["'customer_id'", "line 1", "'#', 'from', 'the', 'till'", "put a header line first"],
    ),
    "one endless name": (f"customer_id;{'x' * 500};date\n", ["'amount'", f"'{'x' * 40}...'"]),
    "missing amount": (
        "customer_id,date,amount\na,2024-01-01,5\nb,2024-01-02,\n",
        ["'amount'", "row 2", "missing"],
    ),
    "infinite amount": (
        "customer_id,date,amount\na,2024-01-01,5\nb,2024-01-02,inf\n",
        ["'amount'", "row 2"],
    ),
    "ragged row": (
        "customer_id,date,amount\na,2024-01-01,5\nb,2024-01-02,6,7\n",
        ["Expected 3 columns, got 4", "--separator"],
    ),
    "everybody bought once": (
        "customer_id,date,amount\na,2024-01-01,5\nb,2024-01-02,6\nc,2024-01-09,6\n",
        ["'frequency'"],
    ),
}

BAD_OPTIONS: dict[str, tuple[list[str], list[str]]] = {
    "unknown separator": (["--separator", "::"], ["--separator", "whitespace"]),
    "wrong separator": (["--separator", ";"], ["'customer_id'", "line 1"]),
    "one column twice": (["--amount", "date"], ["three different columns"]),
    "unknown encoding": (["--encoding", "klingon"], ["klingon", "latin1"]),
    "wrong date format": (["--date-format", "%d.%m.%Y"], ["'date'", "row 1", "--date-format"]),
    "periods that are dates": (["--date-format", "period"], ["'date'", "whole number"]),
    "negative horizon": (["--horizon", "-1"], ["--horizon -1"]),
    "negative margin": (["--margin", "-1"], ["--margin -1"]),
    "level": (["--level", "95"], ["--level 95"]),
    "no number": (["--margin", "nan"], ["--margin nan"]),
    "yearly discount of periods": (
        ["--discount-rate", "0.1", "--time-unit", "period"],
        ["--discount-rate 0.1", "--time-unit"],
    ),
    "yearly discount of what are periods by default": (
        ["--discount-rate", "0.1", "--date-format", "period"],
        ["--discount-rate 0.1", "--time-unit"],
    ),
    "calibration end after the log": (
        ["--calibration-end", "2031-01-01"],
        ["--calibration-end 2031-01-01"],
    ),
    "calibration end before the log": (
        ["--calibration-end", "1999-01-01"],
        ["--calibration-end 1999-01-01", "begins later, on 2024-01-01"],
    ),
    "calibration end that leaves nothing to fit": (
        ["--calibration-end", "2024-01-15"],
        ["--calibration-end 2024-01-15", "no holdout check", "frequency"],
    ),
    "column of the table as the customers'": (["--customer", "T"], ["--customer T", "rename"]),
    "encoding of two bytes": (["--encoding", "utf-16"], ["'utf-16'", "--encoding", "utf8"]),
    "calibration end that is no date": (["--calibration-end", "soon"], ["soon"]),
}


class TestBadInput:
    """One message, exit code 2, no traceback, and nothing written."""

    def check(self, done: Result, folder: Path, words: list[str]) -> None:
        assert done.exit_code == 2, done.output
        message = done.stderr
        assert "tercet: error: " in message
        assert "Traceback" not in done.output
        assert done.stdout == ""
        for word in words:
            assert word in message
        assert files_in(folder) <= {"log.csv", "log.parquet"}

    @pytest.mark.parametrize("case", BAD_FILES)
    def test_files(self, case: str, tmp_path: Path) -> None:
        text, words = BAD_FILES[case]
        (tmp_path / "log.csv").write_text(text, encoding="utf-8")
        self.check(value(tmp_path / "log.csv", tmp_path / "out.csv"), tmp_path, words)

    @pytest.mark.parametrize("case", BAD_OPTIONS)
    def test_options(self, case: str, tmp_path: Path) -> None:
        options, words = BAD_OPTIONS[case]
        log = write_text(tmp_path / "log.csv", GOOD)
        self.check(value(log, tmp_path / "out.csv", *options), tmp_path, words)

    def test_missing_file(self, tmp_path: Path) -> None:
        done = value(tmp_path / "nothing.csv", tmp_path / "out.csv")
        self.check(done, tmp_path, ["nothing.csv", "No such file"])

    def test_folder_as_file(self, tmp_path: Path) -> None:
        self.check(value(tmp_path, tmp_path / "out.csv"), tmp_path, [str(tmp_path)])

    def test_text_that_is_not_utf8(self, tmp_path: Path) -> None:
        (tmp_path / "log.csv").write_bytes("customer_id,date,größe".encode("latin1"))
        done = value(tmp_path / "log.csv", tmp_path / "out.csv")
        self.check(done, tmp_path, ["'utf8'", "--encoding", "latin1"])

    def test_parquet_that_is_none(self, tmp_path: Path) -> None:
        (tmp_path / "log.parquet").write_text("customer_id,date,amount\n", encoding="utf-8")
        done = value(tmp_path / "log.parquet", tmp_path / "out.csv")
        self.check(done, tmp_path, ["not a readable Parquet file"])

    def test_parquet_without_a_column(self, purchases: pa.Table, tmp_path: Path) -> None:
        pyarrow.parquet.write_table(purchases.drop_columns("amount"), tmp_path / "log.parquet")
        done = value(tmp_path / "log.parquet", tmp_path / "out.csv")
        self.check(done, tmp_path, ["'amount'", "--amount"])

    @pytest.mark.parametrize(
        ("out", "words"),
        [
            ("out.xlsx", [".parquet", ".csv"]),
            ("out", [".parquet", ".csv"]),
            ("nowhere/out.csv", ["no folder"]),
            ("log.csv", ["is the purchase log itself"]),
        ],
    )
    def test_places_for_the_table(self, out: str, words: list[str], tmp_path: Path) -> None:
        log = write_text(tmp_path / "log.csv", GOOD)
        before = log.read_bytes()
        self.check(value(log, tmp_path / out), tmp_path, [*words, "--out"])
        assert log.read_bytes() == before

    @pytest.mark.parametrize("option", ["--plots", "--save-models"])
    def test_folders_that_are_files(self, option: str, tmp_path: Path) -> None:
        log = write_text(tmp_path / "log.csv", GOOD)
        self.check(value(log, tmp_path / "out.csv", option, log), tmp_path, [option, "is a file"])
        below = value(log, tmp_path / "out.csv", option, log / "below")
        self.check(below, tmp_path, [option, "is a file"])

    @pytest.mark.parametrize("option", ["--out", "--plots", "--save-models"])
    def test_folders_that_may_not_be_written_to(
        self, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = write_text(tmp_path / "log.csv", GOOD)
        (tmp_path / "closed").mkdir()
        closed = tmp_path / "closed"
        monkeypatch.setattr(os, "access", lambda path, _: path != closed)
        place = closed / "new.csv"
        out = () if option == "--out" else ("--out", tmp_path / "out.csv")
        done = run("value", log, *out, option, place)
        closed.rmdir()
        self.check(done, tmp_path, [option, "may not write"])

    def test_errors_of_the_log_are_said_once(self, tmp_path: Path) -> None:
        log = write_text(tmp_path / "log.csv", [*GOOD, ("c", "2024-02-09", "-1")])
        done = value(log, tmp_path / "out.csv", "--calibration-end", "2024-02-15")
        self.check(done, tmp_path, ["'amount'", "row 6", "--refunds"])
        assert "holdout" not in done.stderr

    def test_demo_without_matplotlib_writes_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        self.check(run("demo", "--out", tmp_path / "demo"), tmp_path, ["tercet[plots]"])

    def test_plots_without_matplotlib(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        log = write_text(tmp_path / "log.csv", GOOD)
        done = value(log, tmp_path / "out.csv", "--plots", tmp_path / "plots")
        self.check(done, tmp_path, ["pip install 'tercet[plots]'"])


class TestNothingHalfWritten:
    def test_old_table_survives_a_failed_write(
        self, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        out = tmp_path / "out.parquet"
        out.write_bytes(b"the old table")
        before = files_in(tmp_path)

        def disk_full(table: Any, path: Path, **_: Any) -> None:
            path.write_bytes(b"half a ta")
            raise OSError(28, "No space left on device", str(path))

        monkeypatch.setattr(pyarrow.parquet, "write_table", disk_full)
        done = value(log, out)
        assert done.exit_code == 2
        assert "No space left on device" in done.stderr
        assert out.read_bytes() == b"the old table"
        assert files_in(tmp_path) == before

    def test_a_symbolic_link_stays_one(self, log: Path, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir()
        target = tmp_path / "elsewhere" / "table.csv"
        target.write_text("the old table", encoding="utf-8")
        link = tmp_path / "out.csv"
        link.symlink_to(target)
        assert value(log, link).exit_code == 0
        assert link.is_symlink()
        assert target.read_text(encoding="utf-8").startswith('"customer_id"')
        assert files_in(target.parent) == {"table.csv"}

    def test_plots_that_fail_leave_no_table(
        self, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise tc.DataError("this cannot be drawn")

        monkeypatch.setattr(tc.plots, "probability_alive_map", fail)
        done = value(log, tmp_path / "out.csv", "--plots", tmp_path / "plots")
        assert done.exit_code == 2
        assert not (tmp_path / "out.csv").exists()

    def test_interruption(self, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def stop(*_: Any, **__: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(tc, "lifetime_value", stop)
        done = value(log, tmp_path / "out.parquet")
        assert done.exit_code == 130
        assert "interrupted" in done.stderr
        assert files_in(tmp_path) == {log.name}

    def test_permissions_are_the_usual_ones(self, log: Path, tmp_path: Path) -> None:
        (tmp_path / "plain").touch()
        assert value(log, tmp_path / "out.csv").exit_code == 0
        assert (tmp_path / "out.csv").stat().st_mode == (tmp_path / "plain").stat().st_mode


class TestDemoAndSimulate:
    def test_demo(self, tmp_path: Path) -> None:
        done = run("demo", "--out", tmp_path / "demo", "--customers", 1_000)
        assert done.exit_code == 0, done.stderr
        assert "The known truth" in done.stdout
        assert "Truly active at the end" in " ".join(done.stdout.split())
        assert files_in(tmp_path / "demo") == {"purchases.csv", "customers.parquet", "plots"}
        pictures = sorted((tmp_path / "demo" / "plots").iterdir())
        assert [picture.name for picture in pictures] == [
            "01_probability_alive.png",
            "02_expected_purchases.png",
            "03_calibration_holdout.png",
            "04_cumulative_purchases.png",
            "05_purchases_by_period.png",
            "06_value_concentration.png",
            "07_value_distribution.png",
            "08_top_customers.png",
            "09_customer_history.png",
        ]
        for picture in pictures:
            content = picture.read_bytes()
            assert content.startswith(b"\x89PNG")
            assert len(content) > 10_000

    def test_demo_repeats_itself(self, tmp_path: Path) -> None:
        for name in ("one", "two"):
            done = run("demo", "--out", tmp_path / name, "--customers", 300, "--quiet")
            assert done.exit_code == 0, done.stderr
            assert done.output == ""
        for path in (tmp_path / "one").rglob("*.*"):
            twin = tmp_path / "two" / path.relative_to(tmp_path / "one")
            assert path.read_bytes() == twin.read_bytes(), path.name

    @pytest.mark.parametrize("name", ["log.csv", "log.parquet"])
    def test_simulate(self, name: str, tmp_path: Path) -> None:
        done = run("simulate", "--customers", 50, "--seed", 3, "--out", tmp_path / name)
        assert done.exit_code == 0, done.stderr
        assert "50 customers" in done.stdout
        read = pyarrow.csv.read_csv if name.endswith("csv") else pyarrow.parquet.read_table
        written = read(tmp_path / name)
        drawn = tc.datasets.simulate_purchases(50, 3, backend="pyarrow").transactions
        assert written.column_names == ["customer_id", "date", "amount"]
        errors = pc.abs(pc.subtract(written["amount"], drawn["amount"]))
        assert pc.max(errors).as_py() <= 0.01

    def test_simulate_refuses_other_extensions(self, tmp_path: Path) -> None:
        done = run("simulate", "--out", tmp_path / "log.json")
        assert done.exit_code == 2
        assert ".parquet or .csv" in done.stderr


def test_cdnow(data_file: Callable[[str], Path], tmp_path: Path) -> None:
    log = data_file("cdnow/CDNOW_master.txt")
    done = value(
        log,
        tmp_path / "customers.parquet",
        *("--customer", "customer_id", "--date", "date", "--amount", "dollar_value"),
        *("--time-unit", "week", "--horizon", 52, "--discount-rate", 0.10, "--margin", 0.3),
    )
    assert done.exit_code == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "rows read 69,659" in said
    assert "customers 23,570" in said
    assert "from 1997-01-01 to 1998-06-30, 77.9 weeks" in said
    assert "purchases up to 1997-12-30" in said
    table = pyarrow.parquet.read_table(tmp_path / "customers.parquet")
    assert table.num_rows == 23_570
    assert table["customer_id"][0].as_py() == "00001"
    assert sum(table["frequency"].to_pylist()) == 67_591 - 23_570
