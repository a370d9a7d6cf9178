"""The command line: `tercet value`, `tercet demo`, `tercet simulate`.

Options and error messages live here; the work is done in `tercet._cli`.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tercet import __version__
from tercet._cli.demonstration import compare_with_truth, simulate_log
from tercet._cli.drawing import check_plots, draw_plots
from tercet._cli.job import ValueResult, ValueSettings, value_customers
from tercet._cli.reading import PurchaseFormat, read_purchases
from tercet._cli.report import report
from tercet._cli.writing import check_folder, check_table_path, replacing, write_table
from tercet._time import TimeUnit  # noqa: TC001  (typer reads the annotations)
from tercet.data.purchases import AfterEnd, Refunds  # noqa: TC001
from tercet.exceptions import ParameterError, TercetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

BAD_INPUT = 2
INTERRUPTED = 130

app = typer.Typer(
    name="tercet",
    help="What customers need, what works on them, what they are worth.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"tercet {__version__}")
        raise typer.Exit


@app.callback()
def _tercet(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Say what customers need, what works on them, what they are worth."""


@app.command()
def value(
    purchases: Annotated[
        Path, typer.Argument(help="The purchase log: text with a header line, or .parquet.")
    ],
    out: Annotated[Path, typer.Option(help="The customer table to write: .parquet or .csv.")],
    customer: Annotated[str, typer.Option(help="Column with the customers' ids.")] = "customer_id",
    date: Annotated[str, typer.Option(help="Column with the dates of the purchases.")] = "date",
    amount: Annotated[str, typer.Option(help="Column with the amounts.")] = "amount",
    time_unit: Annotated[
        TimeUnit | None,
        typer.Option(help="Unit of time. Default: week, or period where the dates are periods."),
    ] = None,
    horizon: Annotated[float, typer.Option(help="How many time units ahead to value.")] = 52.0,
    discount_rate: Annotated[
        float, typer.Option(help="Yearly discount rate: 0.10 for ten percent.")
    ] = 0.0,
    margin: Annotated[
        float, typer.Option(help="Share of the spend that is earned: 0.3 for thirty percent.")
    ] = 1.0,
    level: Annotated[float, typer.Option(help="Level of the intervals.")] = 0.95,
    plots: Annotated[
        Path | None, typer.Option(help="Folder for the plots (PNG); without it none are drawn.")
    ] = None,
    save_models: Annotated[
        Path | None, typer.Option(help="Folder for the fitted models (JSON).")
    ] = None,
    calibration_end: Annotated[
        str | None,
        typer.Option(help="Last day that the holdout check fits on. Default: two thirds on."),
    ] = None,
    observation_end: Annotated[
        str | None, typer.Option(help="Last day of the log. Default: the last purchase's.")
    ] = None,
    refunds: Annotated[
        Refunds, typer.Option(help="Negative amounts: refuse them, drop them or net them out.")
    ] = "error",
    after_end: Annotated[
        AfterEnd, typer.Option(help="Purchases after the observation end: refuse or drop them.")
    ] = "error",
    separator: Annotated[
        str, typer.Option(help="Of a text file: auto , ; | tab or whitespace.")
    ] = "auto",
    date_format: Annotated[
        str,
        typer.Option(
            help="auto (1997-09-30, 19970930, timestamps), a pattern such as %d/%m/%Y, or period."
        ),
    ] = "auto",
    decimal_comma: Annotated[
        bool, typer.Option("--decimal-comma", help="Amounts are written as 1.234,50.")
    ] = False,
    encoding: Annotated[str, typer.Option(help="Of a text file.")] = "utf8",
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Print errors only; the files are written all the same.")
    ] = False,
) -> None:
    """Value every customer of a purchase log.

    Checks the model on the last third of the time, fits all of it, prints a report and writes a
    table with a row for every customer.
    """
    how = PurchaseFormat(
        customer=customer,
        date=date,
        amount=amount,
        separator=separator,
        date_format=date_format,
        decimal_comma=decimal_comma,
        encoding=encoding,
    )
    settings = ValueSettings(
        customer=customer,
        date=date,
        amount=amount,
        time_unit=time_unit or ("period" if date_format == "period" else "week"),
        horizon=horizon,
        discount_rate=discount_rate,
        margin=margin,
        level=level,
        calibration_end=calibration_end,
        observation_end=observation_end,
        refunds=refunds,
        after_end=after_end,
    )
    with _plain_errors() as fault:
        _run(purchases, how, settings, _Outputs(out, plots, save_models, quiet), fault)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the log, the table and the plots.")] = Path(
        "demo"
    ),
    customers: Annotated[int, typer.Option(min=100, help="How many customers to draw.")] = 3_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulation.")] = 1,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print errors only.")] = False,
) -> None:
    """Value simulated customers, whose truth is known."""
    with _plain_errors() as fault:
        log = out / "purchases.csv"
        check_folder(out, "--out")
        check_plots(out / "plots")
        _speaker(quiet)(f"simulating {customers:,} customers into {log}")
        out.mkdir(parents=True, exist_ok=True)
        truth = simulate_log(customers, seed, log)
        settings = ValueSettings(
            horizon=52.0,
            discount_rate=0.10,
            margin=0.30,
            observation_end=truth.observation_end.isoformat(),
        )
        outputs = _Outputs(out / "customers.parquet", out / "plots", None, quiet)
        result = _run(log, PurchaseFormat(), settings, outputs, fault)
        if not quiet:
            typer.echo(f"\n{compare_with_truth(result, truth)}")


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="The purchase log to write: .csv or .parquet.")],
    customers: Annotated[int, typer.Option(min=1, help="How many customers to draw.")] = 3_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulation.")] = 1,
) -> None:
    """Write a simulated purchase log.

    Its columns are customer_id, date and amount.
    """
    with _plain_errors():
        check_table_path(out, "--out")
        truth = simulate_log(customers, seed, out)
        typer.echo(
            f"wrote {truth.transactions.num_rows:,} purchases of {customers:,} customers to {out};"
            f" the log ends on {truth.observation_end}"
        )


def main() -> None:
    """Run the command line."""
    app()


class _Outputs:
    """What the job leaves behind."""

    def __init__(self, table: Path, plots: Path | None, models: Path | None, quiet: bool) -> None:
        self.table = table
        self.plots = plots
        self.models = models
        self.quiet = quiet

    def check(self, purchases: Path) -> None:
        """Refuse, before any work is done, what could not be written."""
        check_table_path(self.table, "--out")
        if self.table.exists() and purchases.exists() and self.table.samefile(purchases):
            raise ParameterError(
                f"--out {self.table} is the purchase log itself; name another file"
            )
        if self.plots is not None:
            check_plots(self.plots)
        if self.models is not None:
            check_folder(self.models, "--save-models")

    def write(self, result: ValueResult) -> list[str]:
        """Write everything, and say what was written; the table comes last, as the seal of it."""
        pictures = [] if self.plots is None else draw_plots(result, self.plots)
        if self.models is not None:
            _save_models(result, self.models)
        write_table(result.customers, self.table)
        written = [f"{self.table}: {result.customers.num_rows:,} customers"]
        if self.models is not None:
            written.append(f"{self.models}: bg_nbd.json, gamma_gamma.json")
        if self.plots is not None:
            written.append(f"{self.plots}: {len(pictures)} plots")
        return written


def _save_models(result: ValueResult, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, model in (("bg_nbd", result.model), ("gamma_gamma", result.spend)):
        with replacing(folder / f"{name}.json") as partial:
            model.save(partial)


class _Fault:
    """What an error message needs to know of the input."""

    table: pa.Table | None = None


def _run(
    purchases: Path,
    how: PurchaseFormat,
    settings: ValueSettings,
    outputs: _Outputs,
    fault: _Fault,
) -> ValueResult:
    settings.check()
    outputs.check(purchases)
    say = _speaker(outputs.quiet)
    say(f"reading {purchases}")
    file = read_purchases(purchases, how)
    fault.table = file.table
    result = value_customers(file, settings, say)
    say("writing" if outputs.plots is None else "writing and drawing")
    written = outputs.write(result)
    if not outputs.quiet:
        typer.echo(report(result, written))
    return result


def _speaker(quiet: bool) -> Callable[[str], None]:
    def say(what: str) -> None:
        if not quiet:
            typer.echo(f"tercet: {what} ...", err=True)

    return say


@contextmanager
def _plain_errors() -> Iterator[_Fault]:
    """End bad input in one message and exit code 2; a fault of tercet's own keeps its traceback."""
    fault = _Fault()
    try:
        yield fault
    except TercetError as error:
        typer.echo(f"tercet: error: {_spoken(error, fault.table)}", err=True)
        raise typer.Exit(BAD_INPUT) from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        typer.echo(f"tercet: error: {where}{error.strerror or error}", err=True)
        raise typer.Exit(BAD_INPUT) from None
    except KeyboardInterrupt:
        typer.echo("tercet: interrupted; no file was left half written", err=True)
        raise typer.Exit(INTERRUPTED) from None


def _spoken(error: TercetError, table: pa.Table | None) -> str:
    """Put the library's message into the command line's words: its options, the row's content."""
    message = _as_options(str(error))
    row, column = getattr(error, "row", None), getattr(error, "column", None)
    if row is None or column is None:
        return message
    reason = message.removeprefix(f"column '{column}', row {row}: ")
    # Rows are counted from 0 in the library; a person counts the first line below the header as 1.
    return f"column '{column}', row {row + 1} below the header{_content(row, table)}: {reason}"


def _content(row: int, table: pa.Table | None) -> str:
    if table is None or row >= table.num_rows:
        return ""
    shown = (f"{name} {table[name][row].as_py()}" for name in table.column_names)
    return f" ({', '.join(shown)})"


def _as_options(message: str) -> str:
    """Turn `refunds="drop"` into `--refunds drop`, and `observation_end` into its option too."""
    long_names = "after_end|observation_end|calibration_end|time_unit|discount_rate"
    assigned = rf"\b({long_names}|refunds|level|horizon|margin)\s*=\s*(['\"]?)([\w.+-]+)\2"
    message = re.sub(assigned, lambda found: f"--{found[1]} {found[3]}", message)
    message = re.sub(rf"(?<!-)\b({long_names})\b", r"--\1", message)
    return re.sub(rf"--({long_names})\b", lambda found: found[0].replace("_", "-"), message)


if __name__ == "__main__":
    main()
