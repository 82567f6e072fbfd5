# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`pictures.py TERN [--check]`: draws the pictures of the pages, docs/pictures/*.svg.

Each is drawn from the thing itself: the phases from their table and the IR of the
bundled model, a tile from the layout in that IR, the artifact from the constants of
its header. With --check nothing is written; exit status 1 if a picture is stale. Those
of measurements are drawn by benchmarks.py.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import walkthrough
from svg import HUES, INK, LINE, PAPER, SOFT, Picture

ROOT = Path(__file__).resolve().parents[1]
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


PICTURES = {
    "phases": draw_phases,
    "tile": draw_tile,
    "artifact": draw_artifact,
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
