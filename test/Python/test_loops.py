# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Inner loops of the kernels of each target have no more instructions than they had.

Speed that is counted, not timed: the same on every machine, whatever else it does. The tables,
test/Target/<T>/loops.txt, are what tools/count_loops.py prints. Needs TERN_BINARY.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from test_driver import run

sys.path.insert(0, str(ROOT / "tools"))

# pylint: disable=wrong-import-position
from count_loops import disassemble, find_loops, find_objdump, measure, read_table

TABLES = sorted(ROOT.glob("test/Target/*/loops.txt"))
MACHINES = [
    (table, machine)
    for table in TABLES
    for machine in re.findall(r"^\[(.+)\]$", table.read_text(), re.MULTILINE)
]

#: Of another version of LLVM. A loop has an instruction more only if it has twenty.
TOLERANCE = 1.05


@pytest.mark.parametrize("table, machine", MACHINES, ids=[machine for _, machine in MACHINES])
def test_loops_do_not_grow(tern, tmp_path, table, machine):
    """A section's name is --target's word and, if they follow, those of other flags."""
    target, *others = machine.split()
    output = tmp_path / "family.o"
    flags = [f"--target={target}", *(f"--{flag}" for flag in others)]
    done = run(tern, "tune", "--family", *flags, "-o", output)
    assert done.returncode == 0, done.stderr
    functions = disassemble(output, find_objdump())
    entries = read_table(table, machine)
    assert entries
    grown = []
    for entry in entries:
        found = measure(entry, functions)
        for name, counted, limit in zip(
            ("instructions", "loads", "stores", "stack"), found.counts, entry.counts
        ):
            if counted > limit * TOLERANCE + 0.01:
                grown.append(f"{entry.symbol}: {counted:.2f} {name}, {limit:.2f} in {table.name}")
    assert not grown, "\n".join(grown)


C_TEXT = """
int sum(const int *x, int n) { int s = 0; for (int i = 0; i < n; ++i) s += x[i] * x[i + n];
  return s; }
void fill(volatile char *x, int n) { for (int i = 0; i < n; ++i) for (int j = 0; j < 9; ++j)
  x[i] = j; }
"""


@pytest.mark.parametrize(
    "triple", ("x86_64-linux-gnu", "aarch64-linux-gnu", "armv7a-linux-gnueabi", "wasm32")
)
def test_counts_of_any_target(tmp_path, triple):
    """Loads and stores of loops whose code is known, of which one holds another."""
    source, output = tmp_path / "x.c", tmp_path / "x.o"
    source.write_text(C_TEXT)
    flags = ["-O1", "-ffreestanding", "-fno-unroll-loops", "-fno-vectorize"]
    command = ["clang-22", f"--target={triple}", *flags, "-c", str(source), "-o", str(output)]
    subprocess.run(command, check=True)
    functions = disassemble(output, find_objdump())
    (loop,) = find_loops("sum", functions["sum"])
    assert (loop.loads, loop.stores, loop.stack) == (2, 0, 0)
    (loop,) = find_loops("fill", functions["fill"])
    assert (loop.loads, loop.stores, loop.stack) == (0, 1, 0)
