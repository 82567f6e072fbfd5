# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Machines of 32 bits without an operating system: what is compiled for them needs no
library, and gives every bit that the reference does.

A program of the bundled models, their weights and the core's sessions alone, linked by
clang and lld, run by qemu or node. Skipped where one of them is missing.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from boards import CORE, LIBRARY, RUNTIME, run_quietly
from conftest import MODELS, model_directory
from tern.checkpoint import load
from tern.model import Model, Options, Result
from test_compiled import assert_same, run_driver

TOKENS = [1, 845, 25, 310, 77, 5, 902, 11, 640, 3, 3, 21, 400, 9, 78, 1000, 57, 6, 31]
WANTED = 3


@dataclass(frozen=True)
class Board:
    triple: str
    cpu: str  # of tern
    flags: tuple[str, ...]  # of clang
    run: tuple[str, ...]


WASM = ("-Wl,--no-entry", "-Wl,--export=evaluate")
BOARDS = {
    "riscv32": Board(
        "riscv32-unknown-elf",
        "generic-rv32+m+a+f+d+c",
        ("-march=rv32imafdc", "-mabi=ilp32d"),
        ("qemu-riscv32",),
    ),
    "thumbv7em": Board(
        "thumbv7em-none-eabihf",
        "cortex-m4",
        ("-mcpu=cortex-m4", "-mfloat-abi=hard", "-fomit-frame-pointer"),
        ("qemu-arm", "-cpu", "max"),
    ),
    "wasm32": Board("wasm32-unknown-unknown", "generic", WASM, ("node",)),
    "wasm32-simd128": Board(
        "wasm32-unknown-unknown", "generic+simd128", WASM, ("node",)
    ),
    # The quick compiler of node 20 has wrong products.
    "wasm32-relaxed": Board(
        "wasm32-unknown-unknown",
        "generic+simd128+relaxed-simd",
        WASM,
        ("node", "--experimental-wasm-relaxed-simd", "--no-liftoff"),
    ),
}

PROGRAM = LIBRARY + r"""
#include "tern/tern.h"
#define MODEL(i) tern_model_bard##i
extern const tern_model MODEL(0), MODEL(1);
extern const unsigned char weights0[], weights1[];
static _Alignas(64) unsigned char memory[380 << 10];
static const int32_t tokens[] = {TOKENS};
static float all_logits[2][WANTED * 1024];
enum { COUNT = sizeof(tokens) / sizeof(*tokens) };

/* Many tokens, few, and one at a time. */
static int run(const tern_model *model, const unsigned char *weights, float *logits) {
  tern_session_config config = {.size = sizeof(config), .context = 64};
  tern_session *session;
  config.model = model;
  config.weights = weights;
  config.weights_bytes = model->weights_bytes;
  if (tern_session_init(memory, sizeof(memory), &config, &session) != TERN_OK ||
      tern_session_eval(session, tokens, COUNT - WANTED - 2, NULL) != TERN_OK ||
      tern_session_eval_full(session, tokens + COUNT - WANTED - 2, 3, 1, logits, NULL) != TERN_OK)
    return 0;
  for (int i = 1; i < WANTED; ++i)
    if (tern_session_eval_full(session, tokens + COUNT - WANTED + i, 1, 1, logits + i * 1024,
                               NULL) != TERN_OK)
      return 0;
  return 1;
}

__attribute__((visibility("default"), used)) const float *evaluate(void) {
  return run(&MODEL(0), weights0, all_logits[0]) && run(&MODEL(1), weights1, all_logits[1])
             ? all_logits[0]
             : NULL;
}

#if defined(__arm__) && !defined(BOARD)
static long call(long number, long a, long b, long c) {
  register long r7 __asm__("r7") = number;
  register long r0 __asm__("r0") = a;
  register long r1 __asm__("r1") = b;
  register long r2 __asm__("r2") = c;
  __asm__ volatile("svc 0" : "+r"(r0) : "r"(r1), "r"(r2), "r"(r7) : "memory");
  return r0;
}
void _start(void) {
  const float *done = evaluate();
  if (done)
    call(4, 1, (long)done, sizeof(all_logits));
  call(1, done ? 0 : 1, 0, 0);
}
#endif

#ifdef __riscv
static long call(long number, long a, long b, long c) {
  register long a7 __asm__("a7") = number;
  register long a0 __asm__("a0") = a;
  register long a1 __asm__("a1") = b;
  register long a2 __asm__("a2") = c;
  __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
  return a0;
}
void start(void) {
  const float *done = evaluate();
  if (done)
    call(64, 1, (long)done, sizeof(all_logits));
  call(93, done ? 0 : 1, 0, 0);
}
__asm__(".globl _start\n_start:\n.option push\n.option norelax\n"
        "la gp, __global_pointer$\n.option pop\nandi sp, sp, -16\ncall start\n");
#endif
"""

SCRIPT = """
import { readFileSync, writeSync } from "node:fs";
const { instance } = await WebAssembly.instantiate(readFileSync(process.argv[2]), {});
const { evaluate, memory } = instance.exports;
const at = evaluate();
if (at === 0) process.exit(1);
writeSync(1, new Uint8Array(memory.buffer, at, SIZE));
"""


def compile_models(tern: str, flags: list[str], section: str, directory: Path) -> list[str]:
    """The files of the bundled models to link; symbols end with each one's number."""
    files = []
    for number, name in enumerate(MODELS):
        program = f"bard{number}"
        out = [f"--name={program}", "--emit=obj", "-o", str(directory / f"{program}.o")]
        run_driver([tern, "compile", str(model_directory(name)), *flags, *out])
        artifact = (directory / f"{program}.weights").read_bytes()
        offset, size = np.frombuffer(artifact, "<u8", 2, 32).tolist()
        (directory / f"{program}.bin").write_bytes(artifact[offset : offset + size])
        (directory / f"{program}.S").write_text(
            f".section {section}\n.p2align 6\n.globl weights{number}\n"
            f".type weights{number},{'@' if '@' in section else '%'}object\n"
            f'weights{number}:\n.incbin "{program}.bin"\n'
            f".size weights{number}, .-weights{number}\n"
        )
        files += [f"{program}.o", f"{program}.S"]
    return files


@pytest.mark.parametrize("board", BOARDS)
def test_every_bit(tern, tmp_path, board):
    machine, is_wasm = BOARDS[board], board.startswith("wasm32")
    linker = "wasm-ld" if is_wasm else "ld.lld"
    for tool in ("clang", linker, machine.run[0]):
        if not shutil.which(tool):
            pytest.skip(f"no '{tool}' for {board}")
    section = '.rodata.weights,"",@' if is_wasm else '.rodata.weights,"a"'
    flags = [f"--target={machine.triple}", f"--cpu={machine.cpu}"]
    models = compile_models(tern, flags, section, tmp_path)
    (tmp_path / "program.c").write_text(PROGRAM)
    definitions = [f"-DTOKENS={','.join(map(str, TOKENS))}", f"-DWANTED={WANTED}"]
    run_quietly(
        "clang", f"--target={machine.triple}", *machine.flags, "-std=c11", "-O1", "-ffreestanding",
        "-fno-builtin", "-fuse-ld=lld", "-nostdlib", "-static", *definitions,
        "-I", RUNTIME / "include", "program.c", *models, *CORE,
        "-Wl,--gc-sections", "-o", "program", cwd=tmp_path,
    )  # fmt: skip
    command = [*machine.run, "program"]
    if is_wasm:
        size = len(MODELS) * WANTED * 1024 * 4
        (tmp_path / "run.mjs").write_text(SCRIPT.replace("SIZE", str(size)))
        command = [*machine.run, "run.mjs", "program"]
    got = np.frombuffer(run_quietly(*command, cwd=tmp_path), "<f4").reshape(-1, WANTED, 1024)
    assert len(got) == len(MODELS) == 2
    for name, logits in zip(MODELS, got):
        want = Model(load(model_directory(name)), Options()).run(TOKENS)
        assert_same(Result(want.hidden, logits), Result(want.hidden, want.logits[-WANTED:]))
