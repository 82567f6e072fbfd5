# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m tern_train.claims_page [--check] PAGE`: the tables of docs/training.md.

From the results beside the page, training/SIZE-SEED.json, into the lines between
`<!-- claims -->` and `<!-- end -->`. With --check nothing is written; exit status 1 if the
page is stale. It needs no PyTorch.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

PLACE = re.compile(r"(<!-- claims -->\n).*?(<!-- end -->)", re.S)

# Rows of the first table: a variant, and the paper's perplexity for 3B (tables 1 and 4).
PERPLEXITIES = {
    "a8": ("8-bit activations throughout", "9.97"),
    "a4": ("a4.8 after the second stage", "9.97"),
    "a4 without second stage": ("a4.8 without it", ""),
    "fp4": ("a4.8 with fp4", "9.99"),
    "top-k off": ("a4.8 without top-k", "9.95"),
    "int4 down": ("a4.8, down_proj int4 in the second stage", ""),
    "int4 down from the start": ("a4.8, down_proj int4 from the first step", "diverges"),
    "3-bit cache trained": ("a4.8, second stage with the 3-bit cache", ""),
}
# The same columns as the paper's table 2, and its numbers for 700M (%).
ZEROS = {
    "q_proj": ("q, k, v", 12.1),
    "o_proj": ("o", 50.0),
    "up_proj": ("up", 66.2),
    "gate_proj": ("gate", 12.1),
    "down_proj": ("down", 80.9),
}
ACTIVE = 57.5


def spread(values: list[float], digits: int = 2, sign: str = "") -> str:
    """Mean and half range of seeds."""
    if not values:
        return "not run"
    mean = sum(values) / len(values)
    text = f"{mean:{sign}.{digits}f}"
    return text if len(values) == 1 else f"{text} ± {(max(values) - min(values)) / 2:.{digits}f}"


def with_diverged(cells: list[str], measured: int, diverged: int) -> list[str]:
    """A variant's cells, where seeds of it ended without a finite loss."""
    if not measured:
        return ["diverges", "", ""]
    return [f"{cells[0]}, {diverged} of {measured + diverged} seeds diverge", *cells[1:]]


class Results:
    """All seeds of one size and number of steps."""

    def __init__(self, seeds: list[dict[str, Any]]):
        self.seeds = seeds

    def of(self, variant: str, *keys: str) -> list[float]:
        """A number of each seed that has it."""
        found = []
        for seed in self.seeds:
            value: Any = seed["runs"].get(variant)
            for key in keys:
                value = value.get(key) if isinstance(value, dict) else None
            if value is not None:
                found.append(float(value))
        return found

    def change(self, variant: str, cache: str, base: str, base_cache: str = "16") -> list[float]:
        """How much larger the perplexity of each seed is than another one of it, in percent."""
        found = []
        for seed in self.seeds:
            one = seed["runs"].get(variant, {}).get("perplexity", {}).get(cache)
            other = seed["runs"].get(base, {}).get("perplexity", {}).get(base_cache)
            if one is not None and other is not None:
                found.append(100 * (one / other - 1))
        return found


def _machines(results: Results) -> str:
    """Which seeds were trained where: one seed has other bits on another kind of CPU."""
    seeds: dict[str, list[int]] = {}
    for raw in results.seeds:
        machine = next(iter(raw["runs"].values()))["machine"]
        seeds.setdefault(machine, []).append(raw["recipe"]["training"]["seed"])
    parts = [f"{machine} (seed {', '.join(map(str, s))})" for machine, s in seeds.items()]
    return f"Trained on {' and '.join(parts)}."


def _table(titles: list[str], rows: list[list[str]]) -> list[str]:
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def section(title: str, results: Results) -> list[str]:
    recipe = results.seeds[0]["recipe"]
    training, stages = recipe["training"], recipe["stages"]
    seeds = sorted(seed["recipe"]["training"]["seed"] for seed in results.seeds)
    tokens = training["steps"] * training["batch"] * recipe["text"]["window"]
    lines = [
        f"### {title}: {training['steps']} steps, {tokens / 1e6:.1f} million tokens, "
        f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}",
        "",
        _machines(results),
        "",
    ]
    rows = []
    for name, (words, paper) in PERPLEXITIES.items():
        perplexity = results.of(name, "perplexity", "16")
        change = results.change(name, "16", "a8")
        read = [100 * value for value in results.of(name, "active")]
        cells = [spread(perplexity), spread(change, 1, "+"), spread(read, 1)]
        diverged = len(results.of(name, "diverged"))
        if diverged:
            cells = with_diverged(cells, len(perplexity), diverged)
        rows.append([words, *cells, paper])
    titles = ["", "perplexity", "to a8, %", "weights read, %", "paper, 3B"]
    lines += _table(titles, rows)
    names = list(ZEROS)
    rows = []
    for variant in ("a8", "a4"):
        shares = [[100 * v for v in results.of(variant, "zeros", name)] for name in names]
        read = [100 * value for value in results.of(variant, "active")]
        rows.append([variant, *(spread(share, 1) for share in shares), spread(read, 1)])
    rows.append(["paper, a4.8 700M", *(f"{ZEROS[name][1]:.1f}" for name in names), f"{ACTIVE:.1f}"])
    lines += _table(["skipped, %", *(ZEROS[name][0] for name in names), "read"], rows)
    measured = [seed["runs"].get("a4", {}).get("perplexity", {}) for seed in results.seeds]
    caches = [name for perplexities in measured for name in perplexities]
    rows = [
        [name, *(spread(results.change(v, name, v), 2, "+") for v in ("a4", "3-bit cache trained"))]
        for name in dict.fromkeys(caches)
        if name != "16"
    ]
    titles = ["cache, bits", "a4.8: to 16 bits, %", "second stage with it: to 16 bits, %"]
    lines += _table(titles, rows)
    one, two = (results.of(v, "cpu_seconds_per_step") for v in ("first stage", "a4"))
    if one and two:
        ratio, share = sum(two) / len(two) / (sum(one) / len(one)), stages[1]["share"]
        cost = 100 * ratio * share / stages[0]["share"]
        lines += [
            f"The second stage has {100 * share / stages[0]['share']:.1f} % of the first one's "
            f"steps, and one of them took {ratio:.2f} times its CPU time: {cost:.1f} % in all.",
            "",
        ]
    return lines


def tables(folder: Path) -> str:
    groups: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(folder.glob("*.json")):
        raw = json.loads(path.read_text(encoding="utf-8"))
        groups.setdefault(path.stem.rsplit("-", 1)[0], []).append(raw)
    lines: list[str] = []
    for title, seeds in groups.items():
        lines += section(title, Results(seeds))
    return "\n".join(lines) if lines else "Nothing has been run yet.\n"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tern_train.claims_page")
    parser.add_argument("page", type=Path, help="its results are in training/ beside it")
    parser.add_argument("--check", action="store_true", help="write nothing, say if it is old")
    arguments = parser.parse_args(argv)
    page: Path = arguments.page
    before = page.read_text(encoding="utf-8")
    new = tables(page.with_name("training"))
    after = PLACE.sub(lambda match: match[1] + new + match[2], before)
    if arguments.check:
        if after != before:
            print(f"{page} is not what {page.with_name('training')} says", file=sys.stderr)
        return int(after != before)
    page.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
