# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`pictures.py TERN [--check]`: draws the pictures of the pages, docs/pictures/*.svg.

Each is drawn from the thing itself: the phases from their table and the IR of the
bundled model, a tile from the layout in that IR, the artifact from the constants of
its header, speed from the table in docs/speed.md. With --check nothing is written;
exit status 1 if a picture is stale.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from functools import cache
from html import escape
from pathlib import Path

import walkthrough

ROOT = Path(__file__).resolve().parents[1]
INK, SOFT, LINE, PAPER = "#1f2933", "#52606d", "#cbd2d9", "#ffffff"
HUES = ("#2f6fab", "#c8553d", "#3c8d63", "#b7892b", "#7a5195", "#4a8fa8")
SANS = "ui-sans-serif, system-ui, Helvetica, Arial, sans-serif"
MONO = "ui-monospace, Menlo, Consolas, monospace"


class Picture:
    """An SVG that grows; coordinates are pixels from the top left corner."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{width}" height="{height}" rx="8" fill="{PAPER}"/>',
        ]

    def box(self, x, y, w, h, fill=PAPER, stroke=LINE, rx=4) -> None:
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="{rx}" '
            f'fill="{fill}" stroke="{stroke}"/>'
        )

    def text(self, x, y, words, size=12, fill=INK, mono=False, bold=False, anchor="start") -> None:
        weight = ' font-weight="600"' if bold else ""
        self.parts.append(
            f'<text x="{x:g}" y="{y:g}" font-family="{MONO if mono else SANS}" '
            f'font-size="{size}" fill="{fill}" text-anchor="{anchor}"{weight}>'
            f"{escape(words)}</text>"
        )

    def line(self, x1, y1, x2, y2, stroke=SOFT, dashed=False) -> None:
        dash = ' stroke-dasharray="4 3"' if dashed else ""
        self.parts.append(
            f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{stroke}"{dash}/>'
        )

    def arrow(self, x1, y1, x2, y2) -> None:
        """To the right or downwards."""
        self.line(x1, y1, x2, y2)
        side = ((-5, -4), (-5, 4)) if y1 == y2 else ((-4, -5), (4, -5))
        points = " ".join(f"{x2 + dx:g},{y2 + dy:g}" for dx, dy in (side[0], (0, 0), side[1]))
        self.parts.append(f'<polyline points="{points}" fill="none" stroke="{SOFT}"/>')

    def finish(self) -> str:
        return "\n".join([*self.parts, "</svg>", ""])


def wrap(words: str, width: int) -> list[str]:
    lines = [""]
    for word in words.split():
        if len(lines[-1]) + len(word) >= width and lines[-1]:
            lines.append("")
        lines[-1] += " " * bool(lines[-1]) + word
    return lines


read_stages = cache(walkthrough.read_stages)


# --- One layer through the phases ---


def phase_table() -> list[tuple[str, str]]:
    """(name, summary) of each phase, from the table in the sources."""
    source = (ROOT / "lib/Pipelines/Phases.cpp").read_text()
    names = dict(re.findall(r'constexpr char (k\w+)\[\] = "(\w+)"', source))
    table = source[source.index("kPhases[]") :]
    rows = re.findall(r'\{(k\w+|"\w+"),\s*"[\w-]*",\s*((?:"[^"]*"\s*)+),', table)
    return [
        (names.get(name, name.strip('"')), "".join(re.findall(r'"([^"]*)"', summary)))
        for name, summary in rows
    ]


def operations(ir: str) -> list[str]:
    """The ten most frequent operations in the decode half of the layer, tern's own
    before others, in the order in which they first appear."""
    blocks = re.split(r"^  (?=\S*(?:func|llvm\.func)[ .@])", ir, flags=re.M)
    layers = [b for b in blocks if re.match(r".*@[\w.\"]*layer", b.split("\n")[0])]
    decode = [b for b in layers if "prefill" not in b.split("\n")[0]]
    operation = r"^ +(?:%[\w:, #]+ = )?((?!func\.|tern\.(?:get_)?weight)[a-z_]+\d*\.[\w.]+)"
    names = re.findall(operation, "".join(decode), re.M)
    own = Counter(name for name in names if name.startswith("tern."))
    others = Counter(name for name in names if not name.startswith("tern."))
    frequent = [name for name, _ in own.most_common() + others.most_common()][:10]
    return [name for name in dict.fromkeys(names) if name in frequent]


def draw_phases(tern: str) -> str:
    phases = phase_table()
    wide, tall, gap, left = 880, 92, 22, 28
    picture = Picture(wide, 40 + len(phases) * (tall + gap), "A layer through the phases")
    y = 20
    for i, (name, summary) in enumerate(phases):
        picture.box(left, y, wide - 2 * left, tall, fill="#f7f9fb")
        picture.box(left, y, 6, tall, fill=HUES[i % len(HUES)], stroke="none", rx=2)
        picture.text(left + 22, y + 26, name, 16, bold=True)
        for k, line in enumerate(wrap(summary, 46)):
            picture.text(left + 22, y + 47 + 17 * k, line, 12, SOFT)
        if name == "object":
            shown = ["machine code, weights behind it", "one symbol: tern_model_bard"]
        else:
            found = operations(read_stages(tern, "x86-64-v3")[name])
            shown = wrap(", ".join(found), 58)[:4]
        for k, line in enumerate(shown):
            picture.text(390, y + 24 + 18 * k, line, 12, INK, mono=True)
        if i + 1 < len(phases):
            picture.arrow(wide / 2, y + tall, wide / 2, y + tall + gap)
        y += tall + gap
    return picture.finish()


# --- The bytes of a tile ---


class Layout:
    """`b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]`, as include/tern/Packing/Layout.h says."""

    def __init__(self, text: str) -> None:
        match = re.fullmatch(r"b2, (rows|columns), (\S+), \[(.*)\]", text)
        assert match, text
        self.text = text
        self.field = self._part(match[2])
        self.bytes = [self._part(part) for part in match[3].split(", ")]

    @staticmethod
    def _part(text: str) -> tuple[str, int, int]:
        axis, size, stride = text.split(":")
        return axis, int(size), int(stride)

    def size(self, axis: str) -> int:
        product = 1
        for name, size, _ in [self.field, *self.bytes]:
            product *= size if name == axis else 1
        return product

    def digit(self, byte: int, field: int) -> tuple[int, int]:
        """(row, column) of a digit in the tile."""
        at = {"n": 0, "k": 0}
        for axis, size, stride in reversed(self.bytes):
            at[axis] += byte % size * stride
            byte //= size
        at[self.field[0]] += field * self.field[2]
        return at["n"], at["k"]


def draw_tile(tern: str) -> str:
    ir = read_stages(tern, "x86-64-v4")["packed"]
    texts = re.findall(r"layout<(b2, rows, k:\d+:\d+, \[n:[^\]]*, n:16:1, k:4:1\])>", ir)
    layout = Layout(texts[0])
    rows, columns = layout.size("n"), layout.size("k")
    cell, top, left = 17, 74, 40
    picture = Picture(880, top + rows * cell + 56, "The bytes of a tile")
    picture.text(left, 30, f"#tern.layout<{layout.text}>", 14, mono=True, bold=True)
    picture.text(left, 54, f"the matrix: {rows} rows, {columns} columns", 12, SOFT)
    for row in range(rows):
        for column in range(columns):
            hue = HUES[column % 4]
            known = row in (0, 1)
            picture.box(
                left + column * cell, top + row * cell, cell - 2, cell - 2,
                fill=hue if known else "#eef2f6", stroke="none", rx=2,
            )  # fmt: skip
        if row in (0, 1, 15, 16, rows - 1):
            picture.text(left - 8, top + row * cell + 12, f"r{row}", 10, SOFT, anchor="end")
    picture.text(left, top + rows * cell + 20, "c0", 10, SOFT)
    picture.text(
        left + columns * cell, top + rows * cell + 20, f"c{columns - 1}", 10, SOFT, anchor="end"
    )  # fmt: skip

    x, wide, tall = left + columns * cell + 110, 84, 30
    picture.text(x, 54, "its first bytes: four digits of two bits, lowest bits first", 12, SOFT)
    shown = [0, 1, 2, 3, 4, 5, 6, 7]
    for i, byte in enumerate(shown):
        y = top + i * (tall + 8) + (14 if byte >= 4 else 0)
        picture.text(x - 14, y + 20, f"byte {byte}", 11, SOFT, anchor="end")
        for field in range(4):
            row, column = layout.digit(byte, field)
            picture.box(x + field * wide, y, wide - 3, tall, fill=HUES[column % 4], stroke="none")
            picture.text(
                x + field * wide + wide / 2 - 2, y + 20, f"r{row} c{column}", 12, PAPER,
                mono=True, anchor="middle",
            )  # fmt: skip
    for lane, first in enumerate((0, 4)):
        y = top + first * (tall + 8) + (14 if first else 0)
        picture.line(x + 4 * wide + 8, y, x + 4 * wide + 8, y + 4 * tall + 24)
        picture.text(x + 4 * wide + 16, y + 2 * tall + 4, f"lane {lane}:", 11, SOFT)
        picture.text(x + 4 * wide + 16, y + 2 * tall + 18, f"row {lane}", 11, SOFT)
    y = top + 8 * (tall + 8) + 44
    for line in (
        "Four bytes are one lane of 32 bits, and one row of the matrix.",
        "A vector of 64 bytes is sixteen rows; two of them are the tile.",
        "The dot product multiplies the bytes of every lane by the same",
        "four activations and adds: no sum runs across lanes.",
    ):
        picture.text(x - 54, y, line, 12)
        y += 20
    return picture.finish()


# --- The memory map of an artifact ---


def constant(name: str) -> int:
    header = (ROOT / "runtime/include/tern/artifact.h").read_text()
    found = re.search(rf"#define {name} (\d+)u", header)
    assert found, name
    return int(found[1])


def column(picture: Picture, x: int, wide: int, y: int, parts) -> dict[str, tuple[int, int]]:
    """Stacked boxes (name, height, hue, note); where each one lies."""
    places = {}
    for name, tall, hue, note in parts:
        picture.box(x, y, wide, tall, fill=hue or "#eef2f6", stroke=PAPER)
        ink = PAPER if hue else SOFT
        picture.text(x + 12, y + tall / 2 + 4, name, 12, ink, bold=bool(hue))
        if note:
            picture.text(x + wide - 10, y + tall / 2 + 4, note, 10, ink, anchor="end")
        places[name] = (y, y + tall)
        y += tall
    return places


def draw_artifact(tern: str) -> str:
    del tern
    pages = constant("TERN_ARTIFACT_ALIGNMENT")
    picture = Picture(880, 470, "The memory map of a program and its artifact")
    picture.text(40, 32, "the file: a program", 13, bold=True)
    file = column(picture, 40, 300, 48, [
        ("code and runtime", 74, HUES[0], "ELF, needs libc alone"),
        ("zeros", 22, None, f"to a multiple of {pages // 1024} KiB"),
        ("header", 30, HUES[4], "sizes, fingerprints, checksums"),
        ("weights", 150, HUES[1], "64-byte aligned, in reading order"),
        ("tokenizer", 40, HUES[2], "automata, merges"),
        ("generation", 34, HUES[3], "defaults, chat template"),
        ("section table", 26, HUES[0], "names .tern, so strip keeps it"),
    ])  # fmt: skip
    picture.text(540, 32, "memory while it runs", 13, bold=True)
    memory = column(picture, 540, 300, 48, [
        ("mapped file", 206, HUES[1], "read only, shared by all processes"),
        ("scratch", 40, HUES[5], "one for each running step"),
    ])  # fmt: skip
    column(picture, 540, 300, 318, [
        ("state, fixed part", 28, HUES[4], "64 bytes and position 0"),
        ("block 0: 64 tokens", 28, HUES[0], "keys and values of all layers"),
        ("block 1: the next 64", 28, HUES[0], ""),
        ("...", 24, None, "a page comes when it is written"),
    ])  # fmt: skip
    picture.text(540, 310, "one for each sequence", 11, SOFT)
    for left, right in zip((file["header"][0], file["generation"][1]), memory["mapped file"]):
        picture.line(340, left, 540, right, dashed=True)
    picture.text(440, 150, "mmap", 12, SOFT, mono=True, anchor="middle")
    return picture.finish()


# --- Speed ---


def draw_speed(tern: str) -> str:
    """Bars from the first table of docs/speed.md: name, tern, the other, ratio."""
    del tern
    rows = []
    for line in (ROOT / "docs/speed.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and re.fullmatch(r"[\d.]+", cells[1]):
            rows.append((cells[0], float(cells[1]), float(cells[2])))
        elif rows:
            break  # behind the first table
    picture = Picture(880, 70 + 62 * len(rows), "Tokens per second, tern and ik_llama.cpp")
    picture.text(28, 30, "tokens per second, each row to its own scale", 13, bold=True)
    y, x, full = 52, 330, 420
    for name, ours, other in rows:
        picture.text(x - 14, y + 27, name, 12, anchor="end")
        bars = ((ours, HUES[0], "tern"), (other, LINE, "ik_llama.cpp"))
        for k, (value, hue, label) in enumerate(bars):
            width = full * value / max(ours, other)
            picture.box(x, y + 23 * k, width, 20, fill=hue, stroke="none", rx=2)
            picture.text(x + 8, y + 23 * k + 14, label, 11, PAPER if k == 0 else INK)
            picture.text(x + width + 8, y + 23 * k + 14, f"{value:g}", 11, INK)
        y += 62
    return picture.finish()


PICTURES = {
    "phases": draw_phases,
    "tile": draw_tile,
    "artifact": draw_artifact,
    "speed": draw_speed,
}


def main(tern: str, check: bool) -> int:
    stale = 0
    for name, draw in PICTURES.items():
        path = ROOT / "docs" / "pictures" / f"{name}.svg"
        text = draw(tern)
        if path.exists() and path.read_text() == text:
            continue
        if check:
            print(f"{path.name} is stale; run: python3 docs/pictures.py build/bin/tern")
            stale = 1
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], "--check" in sys.argv[2:]))
