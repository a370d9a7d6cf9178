"""Two promises about what tercet is built from.

1. The core crate knows no Python: neither pyo3 nor numpy is among its normal dependencies.
2. Every crate that is linked into tercet may be used under a licence that `deny.toml` allows.

cargo-deny checks the second more thoroughly; this runs where it is not installed.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

PYTHON_CRATES = {"numpy", "pyo3", "pyo3-ffi"}


def cargo(*arguments: str) -> str:
    """Output of a cargo command that must succeed."""
    command = ["cargo", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def names_of_core_dependencies() -> set[str]:
    """Crates that the core links, with every feature on."""
    tree = cargo(
        "tree", "--locked", "-p", "tercet", "-e", "normal", "--all-features", "--prefix", "none"
    )
    return {line.split()[0] for line in tree.splitlines() if line}


def is_allowed(expression: str, allowed: set[str]) -> bool:
    """Whether one of the alternatives of an SPDX expression consists of allowed licences only.

    A parenthesis stands round alternatives only, as in `(MIT OR Apache-2.0) AND Unicode-3.0`; old
    manifests write `/` for OR.
    """
    group = re.search(r"\(([^()]*)\)", expression)
    if group:
        before, after = expression[: group.start()], expression[group.end() :]
        alternatives = re.split(r" OR |/", group[1])
        return any(
            is_allowed(f"{before}{choice.strip()}{after}", allowed) for choice in alternatives
        )
    alternatives = re.split(r" OR |/", expression)
    return any(
        all(part.strip() in allowed for part in choice.split(" AND ")) for choice in alternatives
    )


def main() -> None:
    core = names_of_core_dependencies()
    if "tercet" not in core or len(core) < 5:
        sys.exit(f"cargo tree lists only {sorted(core)}: this check would pass over nothing")
    if found := core & PYTHON_CRATES:
        sys.exit(f"the core crate must not depend on {', '.join(sorted(found))}")

    allowed = set(tomllib.loads(Path("deny.toml").read_text(encoding="utf-8"))["licenses"]["allow"])
    packages = json.loads(cargo("metadata", "--locked", "--format-version", "1"))["packages"]
    refused = [
        f"{package['name']} {package['version']}: {package['license'] or 'no licence'}"
        for package in packages
        if not is_allowed(package["license"] or "", allowed)
    ]
    if refused:
        sys.exit("licences that deny.toml does not allow:\n  " + "\n  ".join(refused))
    print(f"{len(core)} crates in the core, none of them Python's")
    print(f"{len(packages)} crates in the workspace, all licences allowed")


if __name__ == "__main__":
    main()
