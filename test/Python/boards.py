# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Two boards with a Cortex-M that qemu has, for tests: what starts a program there,
what it hands out, and how many instructions it takes.

Programs talk to qemu by semihosting: files are written into its directory and the
status becomes its own. With `-icount shift=0` an instruction is a nanosecond of the
board's time, so the CPU's timer counts them, the same on every run.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import ROOT

RUNTIME = ROOT / "runtime"
CORE = tuple(RUNTIME / "src/core" / name for name in ("session.c", "step.c"))


@dataclass(frozen=True)
class Board:
    machine: str
    triple: str
    cpu: str  # of C code; models are compiled for the triple alone
    nanoseconds: float  # a tick of the timer
    code: tuple[str, str]  # origin and length, as linker scripts have them
    weights: tuple[str, str]
    data: tuple[str, str]


BOARDS = {
    "cortex-m4": Board(
        "mps2-an386", "thumbv7em-none-eabihf", "cortex-m4", 40.0,
        ("0", "1M"), ("1M", "3M"), ("0x20000000", "4M"),
    ),
    "cortex-m55": Board(
        "mps3-an547", "thumbv8.1m.main-none-eabihf", "cortex-m55+nomve", 31.25,
        ("0", "512K"), ("0x01000000", "2M"), ("0x20000000", "512K"),
    ),
}  # fmt: skip

LINKER_SCRIPT = """
MEMORY {{
  CODE (rx) : ORIGIN = {code[0]}, LENGTH = {code[1]}
  WEIGHTS (r) : ORIGIN = {weights[0]}, LENGTH = {weights[1]}
  DATA (rw) : ORIGIN = {data[0]}, LENGTH = {data[1]}
}}
ENTRY(reset)
SECTIONS {{
  .weights : {{ *(.rodata.weights) weights_end = .; }} > WEIGHTS
  .text : {{ KEEP(*(.vectors)) *(.text*) *(.rodata*) code_end = .; }} > CODE
  .ARM.exidx : {{ *(.ARM.exidx*) }} > CODE
  .data : {{ *(.data*) }} > DATA AT > DATA
  .bss (NOLOAD) : {{ bss_begin = .; *(.bss*) *(COMMON) . = ALIGN(4); bss_end = .; }} > DATA
  code_begin = ORIGIN(CODE);
  weights_begin = ORIGIN(WEIGHTS);
  data_begin = ORIGIN(DATA);
  stack_end = ORIGIN(DATA) + LENGTH(DATA);
}}
"""

# Of a C library, that of a device has better ones.
LIBRARY = r"""
#include <stddef.h>
#include <stdint.h>
#define WORDS_ALONE(x, y) (!(((uintptr_t)(x) | (uintptr_t)(y)) & 3))
void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
  unsigned char *t = to;
  const unsigned char *f = from;
  if (WORDS_ALONE(t, f))
    for (; bytes >= 4; bytes -= 4, t += 4, f += 4)
      *(uint32_t *)t = *(const uint32_t *)f;
  while (bytes--)
    *t++ = *f++;
  return to;
}
void *memmove(void *to, const void *from, size_t bytes) {
  unsigned char *t = to;
  const unsigned char *f = from;
  if (t <= f)
    return memcpy(to, from, bytes);
  while (bytes--)
    t[bytes] = f[bytes];
  return to;
}
void *memset(void *to, int value, size_t bytes) {
  unsigned char *t = to;
  if (WORDS_ALONE(t, 0))
    for (; bytes >= 4; bytes -= 4, t += 4)
      *(uint32_t *)t = (unsigned char)value * 0x01010101u;
  while (bytes--)
    *t++ = (unsigned char)value;
  return to;
}
int memcmp(const void *a, const void *b, size_t bytes) {
  const unsigned char *x = a, *y = b;
  for (; bytes && *x == *y; --bytes)
    ++x, ++y;
  return bytes ? *x - *y : 0;
}
#ifdef __arm__
void __aeabi_memcpy(void *to, const void *from, size_t bytes) { memcpy(to, from, bytes); }
void __aeabi_memcpy4(void *to, const void *from, size_t bytes) { memcpy(to, from, bytes); }
void __aeabi_memcpy8(void *to, const void *from, size_t bytes) { memcpy(to, from, bytes); }
void __aeabi_memmove(void *to, const void *from, size_t bytes) { memmove(to, from, bytes); }
void __aeabi_memset(void *to, size_t bytes, int value) { memset(to, value, bytes); }
void __aeabi_memclr(void *to, size_t bytes) { memset(to, 0, bytes); }
void __aeabi_memclr4(void *to, size_t bytes) { memset(to, 0, bytes); }
void __aeabi_memclr8(void *to, size_t bytes) { memset(to, 0, bytes); }
#endif
"""

# `main` must not be inlined: the floats' registers are off before.
START = r"""
#include <stddef.h>
#include <stdint.h>
extern uint32_t stack_end[], bss_begin[], bss_end[];
extern const unsigned char code_begin[], code_end[], data_begin[], weights_begin[], weights_end[];
int main(void);

static int32_t ask(int32_t operation, const void *argument) {
  register int32_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}
void hand_out(const char *name, const void *bytes, size_t count) {
  size_t length = 0;
  while (name[length])
    ++length;
  uint32_t open[] = {(uint32_t)name, 5 /* wb */, length};
  uint32_t file = (uint32_t)ask(1, open);
  uint32_t write[] = {file, (uint32_t)bytes, count};
  ask(5, write);
  ask(2, &file);
}
__attribute__((noreturn)) static void leave(int status) {
  uint32_t block[2] = {0x20026, (uint32_t)status};
  for (;;)
    ask(0x20, block);
}
static void fault(void) { leave(99); }

/* Ticks since the start. */
uint32_t count_ticks(void) { return 0xFFFFFF - *(volatile uint32_t *)0xE000E018; }
enum { STACK_BYTES = 16 << 10 };
/* Bytes of code, weights, variables and of the stack, as far as it was ever written. */
void count_memory(uint32_t bytes[4]) {
  const uint32_t *at = stack_end - STACK_BYTES / 4;
  while (*at == 0xA5A5A5A5)
    ++at;
  bytes[0] = (uint32_t)(code_end - code_begin);
  bytes[1] = (uint32_t)(weights_end - weights_begin);
  bytes[2] = (uint32_t)((unsigned char *)bss_end - data_begin);
  bytes[3] = (uint32_t)(stack_end - at) * 4;
}
static void reset(void) {
  *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20; /* floats and vectors on */
  __asm__ volatile("dsb\n isb");
  for (uint32_t *p = bss_begin; p != bss_end; ++p)
    *p = 0;
  for (uint32_t *p = stack_end - STACK_BYTES / 4; p != stack_end - 64; ++p)
    *p = 0xA5A5A5A5;
  *(volatile uint32_t *)0xE000E014 = 0xFFFFFF;
  *(volatile uint32_t *)0xE000E018 = 0;
  *(volatile uint32_t *)0xE000E010 = 5;
  leave(main());
}
__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    stack_end, (void *)reset, (void *)fault, (void *)fault,
    (void *)fault, (void *)fault, (void *)fault};
"""


def need(*tools: str) -> None:
    for tool in tools:
        if not shutil.which(tool):
            pytest.skip(f"no '{tool}'")


def run_quietly(*command: object, cwd: Path) -> bytes:
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, timeout=300,
                          stdin=subprocess.DEVNULL)  # fmt: skip
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-3000:]
    return done.stdout


def link(board: Board, directory: Path, *files: object) -> Path:
    """A program of `files`, flags of clang among them, and the core."""
    need("clang-22", "ld.lld-22")
    script = LINKER_SCRIPT.format(code=board.code, weights=board.weights, data=board.data)
    (directory / "board.ld").write_text(script)
    (directory / "start.c").write_text(START)
    out = directory / "program.elf"
    run_quietly(
        "clang-22", f"--target={board.triple}", f"-mcpu={board.cpu}", "-mfloat-abi=hard",
        "-std=c11", "-Os", "-ffreestanding", "-fno-builtin", "-fuse-ld=lld", "-nostdlib",
        "-static", "-ffunction-sections", "-fdata-sections", "-I", RUNTIME / "include",
        "start.c", *files, *CORE, "-Wl,--gc-sections", "-Wl,-T,board.ld", "-Wl,-Map,program.map", "-o", out,
        cwd=directory,
    )  # fmt: skip
    return out


def count_code(directory: Path, sources: Iterable[Path]) -> int:
    """Bytes of code and constants in the program that are of these sources."""
    line = re.compile(r"\s*\w+\s+\w+\s+(\w+)\s+\d+\s+\S*/(\w+)-\w+\.o:\(\.(?:text|rodata)")
    names = {source.stem for source in sources}
    found = map(line.match, (directory / "program.map").read_text().splitlines())
    return sum(int(match[1], 16) for match in found if match and match[2] in names)


def run(board: Board, program: Path) -> None:
    """Runs it to its end, in its directory."""
    need("qemu-system-arm")
    run_quietly(
        "qemu-system-arm", "-M", board.machine, "-nographic", "-semihosting",
        "-icount", "shift=0", "-kernel", program, cwd=program.parent,
    )  # fmt: skip
