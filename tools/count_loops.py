# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Counts the instructions of inner loops, of any target, in an object file or a program.

    build/bin/tern tune --family --target=x86-64-v3 -o family.o
    python3 tools/count_loops.py family.o --table test/Target/X86/loops.txt --machine x86-64-v3

prints for each function of the table, for 256 multiplications, the instructions, loads and
stores of its inner loop, and how many of these reach the stack: what did not fit the registers.
Without a table all functions have a line (`--symbol PATTERN`: those that match), for one turn of
the loop, with the instructions that it has most of.

A table has a section `[MACHINE]` for each machine and in it a line for each function:

    SYMBOL UNIT PRODUCTS INSTRUCTIONS LOADS STORES STACK

UNIT is a pattern for the mnemonic of the instructions that multiply or look up, PRODUCTS is how
many multiplications one of them stands for: by them it is known how many times LLVM unrolled the
loop. A function's inner loop is, of those with no other in them, the one with most UNITs.
"""

from __future__ import annotations

import argparse
import fnmatch
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: Multiplications that counts of a table are for: a vector of weights of two bits.
PRODUCTS = 256


@dataclass(frozen=True)
class Instruction:
    address: int
    mnemonic: str
    operands: str
    #: "x86", "aarch64", "arm", "riscv", "wasm" or what else llvm-objdump calls it.
    machine: str

    @property
    def target(self) -> int | None:
        """Of a jump inside a function."""
        found = re.search(r"(?:0x)?([0-9a-f]+) <", self.operands)
        return int(found[1], 16) if found else None

    @property
    def _memory(self) -> tuple[bool, bool]:
        """If it loads, and if it stores."""
        name, operands = self.mnemonic, self.operands
        if self.machine == "x86":
            if "(" not in operands or name.startswith(("lea", "nop", "prefetch", "j", "call")):
                return False, False
            into = operands.rstrip().endswith(")")
            moves = re.match(r"v?(p?mov|p?extr|extract|p?compress|p?scatter|set|cvtps2ph|st)", name)
            compares = name.startswith(("cmp", "test", "bt"))
            return not into or not moves or compares, into and not compares
        if self.machine == "wasm":
            return ".load" in name, ".store" in name
        if self.machine == "riscv":
            loads = re.match(r"(c\.)?(f?l[bhwd]u?(sp)?$|vl[1248es]|vlu?ox|vlux)", name)
            stores = re.match(r"(c\.)?(f?s[bhwd](sp)?$|vs[1248]r|vss?e\d|vsm\.|vs[ou]x)", name)
            return bool(loads), bool(stores)
        # AArch64, ARM and most others.
        loads = re.match(r"(ld|vld|pop|lw|lh|lb)", name)
        stores = re.match(r"(st|vst|push|sw|sh|sb)", name)
        return bool(loads), bool(stores) and "[" in operands or name.startswith("push")

    @property
    def loads(self) -> bool:
        return self._memory[0]

    @property
    def stores(self) -> bool:
        return self._memory[1]

    @property
    def on_stack(self) -> bool:
        patterns = {
            "x86": r"\(%[re]?(sp|bp)\b",
            "aarch64": r"\[(sp|x29)\b",
            "arm": r"\[(sp|r7|r11)\b",
            "riscv": r"\((sp|s0|fp)\)",
        }
        pattern = patterns.get(self.machine)
        reached = bool(pattern and re.search(pattern, self.operands))
        return reached and (self.loads or self.stores)


@dataclass(frozen=True)
class Loop:
    """One without loops in it."""

    symbol: str
    instructions: tuple[Instruction, ...]

    def count(self, pattern: str) -> int:
        """Instructions whose mnemonic `pattern` matches as a whole."""
        return sum(bool(re.fullmatch(pattern, i.mnemonic)) for i in self.instructions)

    @property
    def loads(self) -> int:
        return sum(i.loads for i in self.instructions)

    @property
    def stores(self) -> int:
        return sum(i.stores for i in self.instructions)

    @property
    def stack(self) -> int:
        return sum(i.on_stack for i in self.instructions)

    @property
    def most(self) -> str:
        names = Counter(i.mnemonic for i in self.instructions)
        return ", ".join(f"{count} {name}" for name, count in names.most_common(4))


def _name_machine(word: str) -> str:
    for start, name in (("x86", "x86"), ("aarch64", "aarch64"), ("littleaarch64", "aarch64"), ("arm64", "aarch64"),
                        ("littlearm", "arm"), ("arm", "arm"), ("thumb", "arm"),
                        ("riscv", "riscv"), ("littleriscv", "riscv"), ("wasm", "wasm")):  # fmt: skip
        if word.startswith(start):
            return name
    return word


def disassemble(path: Path, objdump: str) -> dict[str, list[Instruction]]:
    """The instructions of each function."""
    command = [objdump, "-d", "--no-show-raw-insn", "--mattr=+all", str(path)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    format_line = re.search(r"file format (\S+)", text)
    word = format_line[1] if format_line else ""
    machine = _name_machine(word.split("-", 1)[-1] if word.startswith(("elf", "mach")) else word)
    functions: dict[str, list[Instruction]] = {}
    current: list[Instruction] = []
    for line in text.splitlines():
        if re.match(r"[0-9a-f]+ <\.L.*>:$", line):
            continue  # a label of the assembler's inside a function
        if symbol := re.match(r"[0-9a-f]+ <(.+)>:$", line):
            current = functions.setdefault(symbol[1], [])
        elif parts := re.match(r"\s*([0-9a-f]+):\s+(\S+)\s*(.*)$", line):
            mnemonic, operands = parts[2], re.sub(r"\s*(# |//|@).*$", "", parts[3])
            # An engine makes no instruction of these.
            if machine == "wasm" and re.match(r"local\.|\w+\.const$", mnemonic):
                continue
            current.append(Instruction(int(parts[1], 16), mnemonic, operands, machine))
    return functions


def _find_ranges(instructions: list[Instruction]) -> Iterator[tuple[int, int]]:
    """First and last instruction of each loop, by number."""
    if instructions and instructions[0].machine == "wasm":
        opened: list[tuple[str, int]] = []
        for i, instruction in enumerate(instructions):
            if instruction.mnemonic in ("loop", "block", "if", "try"):
                opened.append((instruction.mnemonic, i))
            elif instruction.mnemonic == "end" and opened:
                kind, first = opened.pop()
                if kind == "loop":
                    yield first + 1, i - 1
        return
    numbers = {instruction.address: i for i, instruction in enumerate(instructions)}
    ends: dict[int, int] = {}  # of each head the last jump to it
    for i, instruction in enumerate(instructions):
        head = numbers.get(instruction.target if instruction.target is not None else -1)
        if head is not None and head <= i and not re.match(r"(call|bl$|jal$)", instruction.mnemonic):
            ends[head] = i
    yield from ends.items()


def find_loops(symbol: str, instructions: list[Instruction]) -> list[Loop]:
    """Inner loops, in the order of the code."""
    ranges = sorted(_find_ranges(instructions))
    inner = [
        (first, last)
        for first, last in ranges
        if not any(first <= a and b <= last and (a, b) != (first, last) for a, b in ranges)
    ]
    return [Loop(symbol, tuple(instructions[first : last + 1])) for first, last in inner]


@dataclass(frozen=True)
class Entry:
    """A line of a table, or what it should be."""

    symbol: str
    unit: str
    products: float
    instructions: float
    loads: float
    stores: float
    stack: float

    @property
    def counts(self) -> tuple[float, ...]:
        return self.instructions, self.loads, self.stores, self.stack

    def __str__(self) -> str:
        counts = " ".join(f"{count:7.2f}" for count in self.counts)
        return f"{self.symbol:52} {self.unit:12} {self.products:6g} {counts}"


def read_table(path: Path, machine: str) -> list[Entry]:
    entries, section = [], ""
    for line in path.read_text().splitlines():
        if name := re.match(r"\[(.+)\]$", line):
            section = name[1]
        elif section == machine and line.strip() and not line.startswith("#"):
            symbol, unit, *numbers = line.split()
            numbers += ["0"] * (5 - len(numbers))
            entries.append(Entry(symbol, unit, *map(float, numbers)))
    return entries


def measure(entry: Entry, functions: dict[str, list[Instruction]]) -> Entry:
    """`entry` with counts of the code; a ValueError says what is not there."""
    if entry.symbol not in functions:
        raise ValueError(f"there is no function {entry.symbol}")
    loops = find_loops(entry.symbol, functions[entry.symbol])
    loop = max(loops, key=lambda loop: loop.count(entry.unit), default=None)
    units = loop.count(entry.unit) if loop else 0
    if loop is None or units == 0:
        raise ValueError(f"no inner loop of {entry.symbol} has an instruction {entry.unit}")
    share = PRODUCTS / (units * entry.products)
    counts = (len(loop.instructions), loop.loads, loop.stores, loop.stack)
    return Entry(entry.symbol, entry.unit, entry.products, *(share * count for count in counts))


def find_objdump() -> str:
    for name in ("llvm-objdump-22", "llvm-objdump"):
        try:
            subprocess.run([name, "--version"], capture_output=True, check=True)
            return name
        except OSError:
            continue
    sys.exit("error: there is no llvm-objdump-22 nor llvm-objdump")


def main() -> int:
    parser = argparse.ArgumentParser(description="Counts the instructions of inner loops.")
    parser.add_argument("object", type=Path)
    parser.add_argument("--symbol", default="*", metavar="PATTERN")
    parser.add_argument("--table", type=Path, metavar="FILE")
    parser.add_argument("--machine", default="", metavar="NAME", help="a section of the table")
    args = parser.parse_args()
    functions = disassemble(args.object, find_objdump())
    if args.table:
        for entry in read_table(args.table, args.machine):
            try:
                print(measure(entry, functions))
            except ValueError as error:
                print(f"# {error}")
        return 0
    for symbol, instructions in functions.items():
        if not fnmatch.fnmatch(symbol, args.symbol):
            continue
        for loop in find_loops(symbol, instructions):
            print(
                f"{symbol:52} {len(loop.instructions):4} instructions {loop.loads:3} loads "
                f"{loop.stores:3} stores {loop.stack:3} of the stack; {loop.most}"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
