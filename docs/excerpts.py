# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`excerpts.py [--check]`: brings code that pages quote from the tree up to date.

The block of code after a comment like

    <!-- excerpt: runtime/examples/hello.c, from "  tern_env env", to "};" -->

is replaced by the lines of that file from the first one that begins with the first
words to the next one that contains the second; a statement that goes on is taken
whole, and so is the file if no words are given. A longer fence holds code that has
fences itself. With --check nothing is written; exit status 1 if a page is stale.
"""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(
    r'(<!-- excerpt: (?P<file>[\w./-]+)(?:, from "(?P<start>[^"]+)", to "(?P<end>[^"]+)")? -->\n'
    r"(?P<fence>`{3,})\w*\n)"
    r".*?(?P<close>^(?P=fence)\n)",
    re.DOTALL | re.MULTILINE,
)


def excerpt(file: str, start: str | None, end: str | None) -> str:
    """The lines of `file` from `start` to `end`, without their common margin."""
    if start is None or end is None:
        return (ROOT / file).read_text()
    lines = (ROOT / file).read_text().splitlines()
    first = next((i for i, line in enumerate(lines) if line.startswith(start)), None)
    if first is None:
        sys.exit(f"{file}: no line begins with {start!r}")
    last = next((i for i in range(first, len(lines)) if end in lines[i]), None)
    if last is None:
        sys.exit(f"{file}: no line behind {start!r} has {end!r}")
    while text_is_open(lines[first : last + 1]) and last + 1 < len(lines):
        last += 1
    return textwrap.dedent("\n".join(lines[first : last + 1])) + "\n"


def text_is_open(lines: list[str]) -> bool:
    text = "\n".join(lines)
    return any(text.count(left) > text.count(right) for left, right in ("()", "[]", "{}"))


def main(check: bool) -> int:
    stale = 0
    for page in sorted((ROOT / "docs").glob("*.md")):
        old = page.read_text()
        new = BLOCK.sub(lambda m: m[1] + excerpt(m["file"], m["start"], m["end"]) + m["close"], old)
        if new == old:
            continue
        if check:
            print(f"docs/{page.name} is stale; run: python3 docs/excerpts.py")
            stale = 1
        else:
            page.write_text(new)
    return stale


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
