# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`benchmarks.py [--check]`: tables and pictures of docs/benchmarks.md.

From docs/benchmarks/NAME.json, one file for a machine, as tools/benchmark.py writes it:
the lines between `<!-- machine: NAME -->` and `<!-- end -->` in the page, and
docs/pictures/NAME-speed.svg, NAME-depth.svg and NAME-roof.svg where there is something to
draw. With --check nothing is written; exit status 1 if something is stale.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from pathlib import Path

from svg import HUES, INK, LINE, PAPER, SOFT, Picture

DOCS = Path(__file__).resolve().parent
PLACE = re.compile(r"(<!-- machine: ([\w-]+) -->\n).*?(<!-- end -->)", re.S)


def describe(row: dict) -> str:
    """ "b1.58, decode behind 2048 tokens, 2 threads" """
    words = [row["model"]]
    if row["prompt"]:
        words.append(f"prefill of {row['prompt']} tokens")
    else:
        words.append("decode" + (f" behind {row['depth']} tokens" if row["depth"] else ""))
    if row["batch"] > 1:
        words.append(f"{row['batch']} sequences")
    words.append(f"{row['threads']} thread" + "s" * (row["threads"] > 1))
    return ", ".join(words)


def label_width(rows: list[dict]) -> int:
    """Of the longest description, in letters of 12."""
    return max(330, 40 + max(int(6.3 * len(describe(row))) for row in rows))


def number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 1000 else f"{value:.1f}"


def roof(row: dict) -> tuple[float, float] | None:
    """GB/s that were read and that can be read; none from a cache or of many tokens at once."""
    if row["prompt"] or row["batch"] > 1 or row.get("in_cache") or not row.get("read_bandwidth"):
        return None
    return row["gigabytes_per_second"], row["read_bandwidth"]


def table(machine: dict) -> str:
    peer = machine.get("peer")
    titles = ["", "tern", *([peer, "ratio"] if peer else []), "GB/s", "of memory's"]
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for row in machine["rows"]:
        cells = [describe(row), number(row["tern"])]
        if row.get("tern_spread") is not None:
            cells[-1] += f" ± {100 * row['tern_spread']:.0f} %"
        if peer:
            other = row.get("peer")
            cells.append(number(other))
            if other and row.get("peer_spread") is not None:
                cells[-1] += f" ± {100 * row['peer_spread']:.0f} %"
            cells.append(f"{row['tern'] / other:.2f}" if other else "")
        share = roof(row)
        cells += [f"{share[0]:.1f}", f"{100 * share[0] / share[1]:.0f} %"] if share else ["", ""]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def introduction(machine: dict) -> str:
    text = f"{machine['machine']}; {machine['features']}. tern {machine['tern']}"
    if machine.get("peer"):
        text += f", {machine['peer']} ({machine['peer_version']})"
    text += f"; medians of {machine['runs']} runs in turns. {machine['note']}"
    return textwrap.fill(text, 95, break_on_hyphens=False) + "\n"


def draw_speed(machine: dict) -> str:
    """Bars, each row to its own scale."""
    rows = [row for row in machine["rows"] if row["test"] != "depth"]
    peer = machine.get("peer")
    picture = Picture(880, 70 + 62 * len(rows), f"Tokens per second on {machine['machine']}")
    picture.text(28, 30, f"{machine['machine']}: tokens per second", 13, bold=True)
    picture.text(852, 30, "each row to its own scale", 12, SOFT, anchor="end")
    y, x = 52, label_width(rows)
    full = 750 - x
    for row in rows:
        picture.text(x - 14, y + 27, describe(row), 12, anchor="end")
        bars = [(row["tern"], HUES[0], "tern")]
        if row.get("peer"):
            bars.append((row["peer"], LINE, peer))
        most = max(value for value, _, _ in bars)
        for k, (value, hue, label) in enumerate(bars):
            width = full * value / most
            picture.box(x, y + 23 * k, width, 20, fill=hue, stroke="none", rx=2)
            picture.text(x + 8, y + 23 * k + 14, label, 11, INK if k else PAPER)
            picture.text(x + width + 8, y + 23 * k + 14, f"{value:g}", 11, INK)
        y += 62
    return picture.finish()


def round_up(value: float) -> float:
    """To a number that four equal steps reach in round numbers."""
    step = 1.0
    while 4 * step * 10 < value:
        step *= 10
    return next(4 * step * k for k in (1, 2, 2.5, 5, 10) if 4 * step * k >= value)


def depth_series(machine: dict) -> dict[str, list[tuple[int, float]]]:
    """Points (depth, tokens per second) by name; two at least."""
    series: dict[str, list[tuple[int, float]]] = {}
    for row in machine["rows"]:
        if row["test"] != "depth":
            continue
        series.setdefault(row["model"], []).append((row["depth"], row["tern"]))
        if row.get("peer"):
            others = series.setdefault(machine["peer"], [])
            if row["depth"] not in dict(others):
                others.append((row["depth"], row["peer"]))
    return {name: sorted(points) for name, points in series.items() if len(points) > 1}


def draw_depth(machine: dict) -> str:
    series = depth_series(machine)
    if not series:
        return ""
    picture = Picture(880, 420, f"Tokens per second over context on {machine['machine']}")
    picture.text(28, 30, f"{machine['machine']}: decode, tokens per second", 13, bold=True)
    left, top, wide, tall = 70, 56, 560, 300
    deepest = max(depth for points in series.values() for depth, _ in points)
    most = round_up(max(value for points in series.values() for _, value in points))
    for k in range(5):
        y = top + tall - tall * k / 4
        picture.line(left, y, left + wide, y, stroke=LINE)
        picture.text(left - 10, y + 4, f"{most * k / 4:g}", 11, SOFT, anchor="end")
    for depth in sorted({depth for points in series.values() for depth, _ in points}):
        x = left + wide * depth / deepest
        picture.text(x, top + tall + 18, f"{depth}", 11, SOFT, anchor="middle")
    picture.text(left + wide / 2, top + tall + 40, "tokens before", 12, SOFT, anchor="middle")
    for k, (name, points) in enumerate(series.items()):
        hue = SOFT if name == machine.get("peer") else HUES[k % len(HUES)]
        places = [
            (left + wide * depth / deepest, top + tall - tall * value / most)
            for depth, value in points
        ]
        picture.curve(places, hue)
        picture.box(left + wide + 24, top + 24 * k, 14, 14, fill=hue, stroke="none", rx=2)
        picture.text(left + wide + 46, top + 24 * k + 12, name, 12)
    return picture.finish()


def draw_roof(machine: dict) -> str:
    """GB/s of each decode under what memory gives."""
    rows = [(row, share) for row in machine["rows"] if (share := roof(row))]
    if not rows:
        return ""
    picture = Picture(880, 84 + 40 * len(rows), f"Decode and memory on {machine['machine']}")
    picture.text(28, 30, f"{machine['machine']}: decode, GB/s", 13, bold=True)
    picture.text(852, 30, "line: memory, read by as many threads", 12, SOFT, anchor="end")
    most = max(max(share) for _, share in rows)
    y, x = 52, label_width([row for row, _ in rows])
    full = 750 - x
    for row, (rate, bandwidth) in rows:
        picture.text(x - 14, y + 18, describe(row), 12, anchor="end")
        picture.box(x, y, full * bandwidth / most, 26, fill="#eef2f6", stroke="none", rx=2)
        picture.box(x, y + 3, full * rate / most, 20, fill=HUES[2], stroke="none", rx=2)
        picture.text(x + 8, y + 17, f"{rate:.1f}, {100 * rate / bandwidth:.0f} %", 11, PAPER)
        end = x + full * bandwidth / most
        picture.line(end, y - 2, end, y + 28, stroke=INK)
        picture.text(end + 8, y + 17, f"{bandwidth:.1f}", 11, INK)
        y += 40
    return picture.finish()


PICTURES = {"speed": draw_speed, "depth": draw_depth, "roof": draw_roof}
TITLES = {
    "speed": "Tokens per second",
    "depth": "Tokens per second over context depth",
    "roof": "Decode under the bandwidth of memory",
}


def make(docs: Path) -> dict[Path, str]:
    """The texts of all files that come from measurements."""
    page = docs / "benchmarks.md"
    files, blocks = {}, {}
    for path in sorted((docs / "benchmarks").glob("*.json")):
        machine, name = json.loads(path.read_text()), path.stem
        block = introduction(machine) + "\n" + table(machine)
        for kind, draw in PICTURES.items():
            if picture := draw(machine):
                files[docs / "pictures" / f"{name}-{kind}.svg"] = picture
                block += f"\n![{TITLES[kind]}](pictures/{name}-{kind}.svg)\n"
        blocks[name] = block
    text = page.read_text()
    places = {name for _, name, _ in PLACE.findall(text)}
    if places != set(blocks):
        raise SystemExit(f"{page}: has places for {sorted(places)}, files are {sorted(blocks)}")
    files[page] = PLACE.sub(lambda m: m[1] + "\n" + blocks[m[2]] + "\n" + m[3], text)
    return files


def main(check: bool, docs: Path = DOCS) -> int:
    stale = 0
    for path, text in make(docs).items():
        if path.exists() and path.read_text() == text:
            continue
        if check:
            print(f"{path.name} is stale; run: python3 docs/benchmarks.py")
            stale = 1
        else:
            path.write_text(text)
    return stale


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
