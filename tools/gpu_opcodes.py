# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The opcodes that the interpreter of PTX is tested with, as one module: for gpu_prepare.py.

Each is a kernel: a thread reads its operands, and writes the result. The table is that of
the interpreter's own tests, so what they hold against the manual a card is asked as well.
"""

from __future__ import annotations

import random
import re
import struct
from dataclasses import dataclass
from pathlib import Path

THREADS, BLOCKS = 32, 16
TABLES = ("OpcodeTest.cpp", "FloatOpcodeTest.cpp")

_SHUFFLE = ".reg .pred %c; shfl.sync.{}.b32 %d|%c, %a, {}, -1; @!%c not.b32 %d, %d;"
_ODD = ".reg .pred %c<2>; .reg .b32 %t; and.b32 %t, %a, 1; setp.ne.b32 %c0, %t, 0; "
_SUM = "".join(
    f"shfl.sync.down.b32 %t, %d, {lanes}, 31, -1; add.rn.f32 %d, %d, %t; "
    for lanes in (16, 8, 4, 2, 1)
)
# All four results are in one number.
_MATRICES = (
    ".reg .b32 %m<4>; mma.sync.aligned.m16n8k{}.row.col.s32.{}.s32 {{%m0, %m1, %m2, %m3}}, {}, "
    "{{%a, %c, %b, %a}}; mov.b32 %d, %m0; mad.lo.s32 %d, %d, 31, %m1; "
    "mad.lo.s32 %d, %d, 31, %m2; mad.lo.s32 %d, %d, 31, %m3;"
)
#: Lanes together: the tests have these in other forms.
WARP = [
    *[(_SHUFFLE.format(how, operands), "ww")
      for how, operands in (("down", "5, 31"), ("up", "3, 0"), ("bfly", "16, 31"), ("idx", "7, 31"),
                            ("down", "2, 6175"), ("idx", "9, 6175"))],
    (f".reg .b32 %t; mov.b32 %d, %a; {_SUM}", "ww"),
    (_ODD + "vote.sync.ballot.b32 %d, %c0, -1;", "ww"),
    (_ODD + "vote.sync.any.pred %c1, %c0, -1; selp.b32 %d, 1, 0, %c1;", "ww"),
    (_ODD + "vote.sync.all.pred %c1, %c0, -1; selp.b32 %d, 1, 0, %c1;", "ww"),
    ("redux.sync.add.s32 %d, %a, -1;", "ww"),
    ("redux.sync.max.u32 %d, %a, -1;", "ww"),
    ("redux.sync.min.s32 %d, %a, -1;", "ww"),
    ("redux.sync.and.b32 %d, %a, -1;", "ww"),
    (_MATRICES.format(32, "u8.s8", "{{%a, %b, %c, %b}}, {{%c, %a}}".format()), "wwww"),
    (_MATRICES.format(32, "s8.u8", "{{%a, %b, %c, %b}}, {{%c, %a}}".format()), "wwww"),
    (_MATRICES.format(16, "s8.s8", "{{%a, %b}}, {{%c}}".format()), "wwww"),
]  # fmt: skip


@dataclass(frozen=True)
class Opcode:
    """`kinds`: of the result and of a, b, c: h, w, l are 16, 32, 64 bits, p is a predicate."""

    statement: str
    kinds: str


def read_opcodes(folder: Path) -> list[Opcode]:
    """Those of the tests in this folder, and WARP."""
    literal = r'"(?:[^"\\]|\\.)*"'
    row = re.compile(rf'\{{\s*((?:{literal}\s*)+),\s*"([hwlp]+)"')
    found = []
    for table in TABLES:
        for statement, kinds in row.findall((folder / table).read_text()):
            text = "".join(part[1:-1] for part in re.findall(literal, statement))
            found.append(Opcode(text, kinds))
    return found + [Opcode(*row) for row in WARP]


def _bits(kind: str) -> str:
    return {"h": "16", "l": "64"}.get(kind, "32")


def _kernel(name: str, opcode: Opcode) -> str:
    parameters = ", ".join(f".param .u64 {name}_{i}" for i in range(4))
    lines = [
        f".visible .entry {name}({parameters}) {{",
        ".reg .b64 %p<4>, %o; .reg .b32 %i<3>, %w;",
        "mov.u32 %i0, %ctaid.x; mov.u32 %i1, %tid.x;",
        f"mul.lo.s32 %i0, %i0, {THREADS}; add.s32 %i0, %i0, %i1; mul.wide.u32 %o, %i0, 8;",
    ]
    for i, (register, kind) in enumerate(zip(("%d", "%a", "%b", "%c"), opcode.kinds)):
        lines.append(f".reg {'.pred' if kind == 'p' else '.b' + _bits(kind)} {register};")
        lines.append(f"ld.param.b64 %p{i}, [{name}_{i}]; add.s64 %p{i}, %p{i}, %o;")
        if i == 0:
            continue
        if kind == "p":
            lines.append(f"ld.global.b32 %w, [%p{i}]; and.b32 %w, %w, 1;")
            lines.append(f"setp.ne.b32 {register}, %w, 0;")
        else:
            lines.append(f"ld.global.b{_bits(kind)} {register}, [%p{i}];")
    lines.append(opcode.statement)
    if opcode.kinds[0] == "p":
        lines.append("selp.b32 %w, 1, 0, %d; st.global.b32 [%p0], %w;")
    else:
        lines.append(f"st.global.b{_bits(opcode.kinds[0])} [%p0], %d;")
    return "\n".join([*lines, "ret;", "}"])


def module(opcodes: list[Opcode]) -> str:
    """Kernel opN of each: (result, a, b, c), 8 bytes for a thread."""
    header = ".version 8.0\n.target sm_80\n.address_size 64\n"
    return header + "\n".join(_kernel(f"op{i}", opcode) for i, opcode in enumerate(opcodes)) + "\n"


_CORNERS = [
    0, 1, 2, 31, 32, 33, 63, 64, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000,
    0xFFFFFFFF, 0x3F800000, 0xBF800000, 0x7F800000, 0xFF800000, 0x7FC00000, 0x807FFFFF, 0x3F000000,
    0x40200000, 0x4F000000, 0x00800000, 0x7F7FFFFF, 0x7FFFFFFFFFFFFFFF, 0x8000000000000000,
    0x3FF0000000000000, 0xFFFFFFFFFFFFFFFF,
]  # fmt: skip


def inputs() -> bytes:
    """a, b and c of all threads: corners of integers and floats, and numbers of all sizes."""
    source = random.Random(1)

    def one() -> int:
        if source.random() < 0.4:
            return source.choice(_CORNERS)
        if source.random() < 0.5:  # a float that is no extreme
            return struct.unpack("<I", struct.pack("<f", source.uniform(-1000, 1000)))[0]
        return source.getrandbits(64) >> source.randrange(64)

    values = [one() for _ in range(3 * THREADS * BLOCKS)]
    return struct.pack(f"<{len(values)}Q", *values)
