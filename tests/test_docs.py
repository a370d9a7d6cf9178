"""What README and docs show is run: Python and shell here, Rust by cargo as doctests of the crate.

A fence's language says what happens to it. `python` blocks of a page run one after the other in
one namespace; `shell` blocks run in bash; `rust` blocks must stand in the crate's README, whose
blocks are doctests; `console` blocks are commands for the reader's own clone or files, of which the
make targets and the options are checked; `text` is not run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import pytest
from typer.testing import CliRunner

from tercet.cli import app

ROOT = Path(__file__).parents[1]
CRATE_README = ROOT / "crates" / "tercet" / "README.md"
PAGES = [ROOT / "README.md", CRATE_README, *sorted((ROOT / "docs").rglob("*.md"))]
LANGUAGES = {"python", "rust", "shell", "console", "text"}
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>[^\n`]*)\n(?P<code>.*?)^(?P=indent)```$", re.M | re.S
)
LINK = re.compile(r"\]\((?!https?:|#)(?P<target>[^)#]+)(?:#[^)]*)?\)")


class Block(NamedTuple):
    """A fenced block: where it begins, in what language, and what it says."""

    page: Path
    line: int
    language: str
    code: str


def blocks_of(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found["language"], found["code"])
        for found in FENCE.finditer(text)
    ]


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def pages_with(language: str) -> list[object]:
    """The pages that have such blocks, as parameters of a test."""
    pages = dict.fromkeys(block.page for block in BLOCKS if block.language == language)
    return [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages]


def code_of(page: Path, language: str) -> list[Block]:
    """The blocks of one language of a page."""
    return [block for block in blocks_of(page) if block.language == language]


def test_something_was_found() -> None:
    counts = {
        language: sum(block.language == language for block in BLOCKS) for language in LANGUAGES
    }
    assert len(PAGES) >= 14
    assert counts["python"] >= 30
    assert counts["shell"] >= 2
    assert counts["rust"] >= 5
    assert counts["console"] >= 2
    # An opening fence that the pattern misses would be a block that nobody runs.
    fences = sum(
        len(re.findall(r"^ *```", page.read_text(encoding="utf-8"), re.M)) for page in PAGES
    )
    assert fences == 2 * len(BLOCKS)


def test_every_block_says_what_it_is() -> None:
    unknown = [
        f"{block.page.relative_to(ROOT)}:{block.line}: {block.language!r}"
        for block in BLOCKS
        if block.language not in LANGUAGES
    ]
    assert not unknown


@pytest.mark.parametrize("page", pages_with("python"))
def test_python(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mpl.use("Agg")
    names: dict[str, object] = {"__name__": "__main__"}
    for block in code_of(page, "python"):
        # Line numbers in a traceback are those of the page.
        source = "\n" * block.line + block.code
        exec(compile(source, str(page), "exec"), names)
    from matplotlib import pyplot as plt

    plt.close("all")


@pytest.mark.parametrize("page", pages_with("shell"))
def test_shell(page: Path, tmp_path: Path) -> None:
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    printed: list[str] = []
    for block in blocks_of(page):
        where = f"{page.relative_to(ROOT)}:{block.line}"
        if block.language == "shell":
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block.code],
                cwd=tmp_path,
                env={**os.environ, "PATH": programs},
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            assert done.returncode == 0, f"{where}: {done.stderr}"
            printed = done.stdout.splitlines()
        elif block.language == "text" and printed:
            # An excerpt of what the block before it printed.
            for line in block.code.splitlines():
                assert line in [*printed, "", "..."], f"{where}: {line!r} is not printed"


def shown(code: str) -> str:
    """The lines of a doctest that rustdoc shows."""
    return "".join(
        line for line in code.splitlines(keepends=True) if not re.match(r"# |#$", line.strip("\n"))
    )


def test_rust_blocks_are_doctests_of_the_crate() -> None:
    sources = (ROOT / "crates" / "tercet" / "src").rglob("*.rs")
    includes = '#![doc = include_str!("../README.md")]'
    assert any(includes in source.read_text(encoding="utf-8") for source in sources)

    tested = [shown(block.code) for block in code_of(CRATE_README, "rust")]
    assert tested
    elsewhere = [
        block for block in BLOCKS if block.language == "rust" and block.page != CRATE_README
    ]
    assert elsewhere
    for block in elsewhere:
        where = f"{block.page.relative_to(ROOT)}:{block.line}"
        assert any(block.code in code for code in tested), f"{where} is not in the crate's README"


def test_commands_for_the_reader_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    checked = 0
    for block in (block for block in BLOCKS if block.language == "console"):
        for line in block.code.replace("\\\n", " ").splitlines():
            words = line.split("#")[0].split()
            if not words:
                continue
            checked += 1
            if words[0] == "make":
                assert words[1] in targets, line
            else:
                assert words[0] == "tercet", f"no rule to check: {line}"
                usage = CliRunner().invoke(app, [words[1], "--help"]).output
                for option in re.findall(r"--[a-z-]+", line):
                    assert option in usage, f"{option} in: {line}"
    assert checked >= 3


def test_relative_links_lead_somewhere() -> None:
    checked = 0
    for page in PAGES:
        for found in LINK.finditer(page.read_text(encoding="utf-8")):
            checked += 1
            assert (page.parent / found["target"]).exists(), f"{page.name}: {found['target']}"
    assert checked >= 15
