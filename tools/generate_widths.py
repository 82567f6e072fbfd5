# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prints runtime/src/host/width.def: characters that take no column of a terminal, or two.

usage: python3 generate_widths.py > runtime/src/host/width.def

From Python's copy of Unicode's data. Neighbours between which nothing is assigned are
one range, which keeps the table short.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable

SOFT_HYPHEN = "\xad"  # takes a column in terminals


def takes_none(c: str) -> bool:
    """Combining marks, format characters, and the later parts of Hangul syllables."""
    is_jamo = 0x1160 <= ord(c) <= 0x11FF or 0xD7B0 <= ord(c) <= 0xD7FF
    return is_jamo or (unicodedata.category(c) in ("Mn", "Me", "Cf") and c != SOFT_HYPHEN)


def takes_two(c: str) -> bool:
    return unicodedata.east_asian_width(c) in ("W", "F") and not takes_none(c)


def ranges(belongs: Callable[[str], bool]) -> list[tuple[int, int]]:
    found: list[list[int]] = []
    may_grow = False
    for code in range(sys.maxunicode + 1):
        c = chr(code)
        is_assigned = unicodedata.category(c) not in ("Cn", "Cs", "Co")
        if is_assigned and belongs(c):
            if may_grow:
                found[-1][1] = code
            else:
                found.append([code, code])
            may_grow = True
        elif is_assigned:
            may_grow = False
    return [(first, last) for first, last in found]


def main() -> None:
    print("/* Part of tern, under the Apache License v2.0 with LLVM Exceptions.")
    print(" * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */")
    print(f"/* Made by tools/generate_widths.py from Unicode {unicodedata.unidata_version}. */")
    for name, belongs in (("NO_COLUMN", takes_none), ("TWO_COLUMNS", takes_two)):
        rows = [f"{name}(0x{first:X}, 0x{last:X})" for first, last in ranges(belongs)]
        for at in range(0, len(rows), 3):
            print(" ".join(rows[at : at + 3]))
        print(f"#undef {name}")


if __name__ == "__main__":
    main()
