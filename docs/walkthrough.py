# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`walkthrough.py TERN [--check]`: brings the IR in docs/walkthrough.md up to date.

Each block of code after a comment like

    <!-- ir: quantized, from "tern.quantize", 6 lines -->

is replaced by that many lines of the bundled model's IR after that phase, from
the first line that contains the words on. `asm` and `remarks` are phases too. With --check the
file is not written; exit status 1 if it is stale.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "walkthrough.md"
MODEL = "test/models/shakespeare-a48"
# One that does not depend on the machine the page is made on.
TARGET = "x86-64-v3"
WIDTH = 100

BLOCK = re.compile(
    r'(<!-- ir: (?P<phase>\w+), from "(?P<start>[^"]+)", (?P<count>\d+) lines -->\n```\w*\n)'
    r"(?P<old>.*?)(?P<end>```\n)",
    re.DOTALL,
)


def wrap(line: str) -> str:
    """Long lines go on four columns further in."""
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    lines = textwrap.wrap(
        line, WIDTH, subsequent_indent=indent, expand_tabs=False,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    return "".join(part + "\n" for part in lines)


def read_stages(tern: str, target: str) -> dict[str, str]:
    """The bundled model after each phase, its assembly as `asm`, and what `--remarks` says."""
    with tempfile.TemporaryDirectory() as folder:
        command = [tern, "compile", MODEL, f"--target={target}", "--name=bard", "--emit=obj"]
        command += ["-o", f"{folder}/bard.o", f"--save-stages={folder}/stages"]
        command += ["--remarks"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        stages = {path.stem[3:]: path.read_text() for path in Path(folder, "stages").glob("*.mlir")}
        return stages | {
            "asm": Path(folder, "stages", "bard.s").read_text(),
            "remarks": done.stderr,
        }


def main(tern: str, check: bool) -> int:
    stages = read_stages(tern, TARGET)

    def excerpt(match: re.Match) -> str:
        lines = stages[match["phase"]].splitlines()
        first = next((i for i, line in enumerate(lines) if match["start"] in line), None)
        if first is None:
            sys.exit(f"walkthrough.md: {match['start']!r} is not in the IR of {match['phase']}")
        part = lines[first : first + int(match["count"])]
        margin = min(len(line) - len(line.lstrip()) for line in part if line.strip())
        text = "".join(wrap(line[margin:].rstrip()) for line in part)
        return match[1] + text + match["end"]

    old = PAGE.read_text()
    new = BLOCK.sub(excerpt, old)
    if check and new != old:
        print("docs/walkthrough.md is stale; run: python3 docs/walkthrough.py build/bin/tern")
        return 1
    if not check:
        PAGE.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], "--check" in sys.argv[2:]))
