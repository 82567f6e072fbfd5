# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Machines of 32 bits without an operating system: what is compiled for them needs no
library, and gives every bit that the reference does.

A program of the bundled models, their weights and the core's sessions alone, linked by
clang and lld, run by qemu or node. Skipped where one of them is missing.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from boards import CORE, LIBRARY, RUNTIME, run_quietly
from cases import CASES
from conftest import MODELS, model_directory
from tern_reference.checkpoint import load
from tern_reference.model import Model, Options, Result
from test_compiled import assert_same, option_flags, run_driver

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
    "aarch64": Board(
        "aarch64-linux-gnu",
        "cortex-a76",
        ("-fomit-frame-pointer",),
        ("qemu-aarch64", "-cpu", "neoverse-n1"),
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
#include "models.h"
static _Alignas(64) unsigned char memory[MEMORY];
static const int32_t tokens[] = {TOKENS};
static float all_logits[MODEL_COUNT][WANTED * VOCAB];
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
    if (tern_session_eval_full(session, tokens + COUNT - WANTED + i, 1, 1, logits + i * VOCAB,
                               NULL) != TERN_OK)
      return 0;
  return 1;
}

__attribute__((visibility("default"), used)) const float *evaluate(void) {
  for (int i = 0; i < MODEL_COUNT; ++i)
    if (!run(models[i], weights[i], all_logits[i]))
      return NULL;
  return all_logits[0];
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

#ifdef __aarch64__
static long call(long number, long a, long b, long c) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x8) : "memory");
  return x0;
}
void _start(void) {
  const float *done = evaluate();
  if (done)
    call(64, 1, (long)done, sizeof(all_logits));
  call(93, done ? 0 : 1, 0, 0);
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


@dataclass(frozen=True)
class Shape:
    """A model and how it is compiled."""

    path: Path
    options: Options = Options()


BUNDLED = tuple(Shape(model_directory(name)) for name in MODELS)


def compile_models(tern: str, flags: list[str], section: str, directory: Path,
                   shapes: Sequence[Shape] = BUNDLED) -> list[str]:  # fmt: skip
    """The files of the models to link, and models.h; symbols end with each one's number."""
    files = []
    numbers = range(len(shapes))
    (directory / "models.h").write_text(
        f"#define MODEL_COUNT {len(shapes)}\n"
        + "".join(f"extern const tern_model tern_model_bard{i};\n" for i in numbers)
        + "".join(f"extern const unsigned char weights{i}[];\n" for i in numbers)
        + f"static const tern_model *const models[] = {{{', '.join(f'&tern_model_bard{i}' for i in numbers)}}};\n"
        + f"static const unsigned char *const weights[] = {{{', '.join(f'weights{i}' for i in numbers)}}};\n"
    )
    for number, shape in enumerate(shapes):
        program = f"bard{number}"
        out = [f"--name={program}", "--emit=obj", "-o", str(directory / f"{program}.o")]
        run_driver([tern, "compile", str(shape.path), *flags, *option_flags(shape.options), *out])
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


def define(tokens: Sequence[int] = TOKENS, vocab: int = 1024, memory: int = 380 << 10) -> list[str]:
    names = dict(TOKENS=",".join(map(str, tokens)), WANTED=WANTED, VOCAB=vocab, MEMORY=memory)
    return [f"-D{name}={value}" for name, value in names.items()]


def evaluate(tern: str, tmp_path: Path, board: str, shapes: Sequence[Shape] = BUNDLED,
             tokens: Sequence[int] = TOKENS, vocab: int = 1024, memory: int = 380 << 10,
             more: Sequence[str] = ()) -> np.ndarray:  # fmt: skip
    """The last logits of each model on a board."""
    machine, is_wasm = BOARDS[board], board.startswith("wasm32")
    linker = "wasm-ld" if is_wasm else "ld.lld"
    for tool in ("clang", linker, machine.run[0]):
        if not shutil.which(tool):
            pytest.skip(f"no '{tool}' for {board}")
    section = '.rodata.weights,"",@' if is_wasm else '.rodata.weights,"a"'
    flags = [f"--target={machine.triple}", f"--cpu={machine.cpu}", *more]
    models = compile_models(tern, flags, section, tmp_path, shapes)
    (tmp_path / "program.c").write_text(PROGRAM)
    run_quietly(
        "clang", f"--target={machine.triple}", *machine.flags, "-std=c11", "-O1", "-ffreestanding",
        "-fno-builtin", "-fuse-ld=lld", "-nostdlib", "-static", *define(tokens, vocab, memory),
        "-I", RUNTIME / "include", "program.c", *models, *CORE,
        "-Wl,--gc-sections", "-o", "program", cwd=tmp_path,
    )  # fmt: skip
    command = [*machine.run, "program"]
    if is_wasm:
        size = len(shapes) * WANTED * vocab * 4
        (tmp_path / "run.mjs").write_text(SCRIPT.replace("SIZE", str(size)))
        command = [*machine.run, "run.mjs", "program"]
    got = np.frombuffer(run_quietly(*command, cwd=tmp_path), "<f4").reshape(-1, WANTED, vocab)
    assert len(got) == len(shapes)
    return got


@pytest.mark.parametrize("board", (name for name in BOARDS if not name.startswith("aarch64")))
def test_every_bit(tern, tmp_path, board):
    for name, logits in zip(MODELS, evaluate(tern, tmp_path, board)):
        want = Model(load(model_directory(name)), Options()).run(TOKENS)
        assert_same(Result(want.hidden, logits), Result(want.hidden, want.logits[-WANTED:]))


# Shapes that the bundled models lack: rows, columns and heads that end within tiles, scales of
# groups, blocks of factors, biases, a ternary head, caches of other widths.
ODD = (
    "hybrid-wide", "h204-g688-d100", "h316-d20-many-heads", "scales-groups-12", "blocks-20-groups-12", "v2-d100-relu2",
    "bias-all-groups", "table-tied-groups-12", "qwen3-narrow", "kv16-d100", "a48",
)  # fmt: skip
FEW = 36  # ids that all of them have


def test_odd_shapes(tern, tmp_path):
    """Eleven on machines of each kind, in one program each that takes a token at a time; three of
    them many at a time.
    """
    tokens = [token % FEW for token in TOKENS]
    for name in ODD:
        CASES[name].build(tmp_path / name)
    shapes = [Shape(tmp_path / name, CASES[name].options) for name in ODD]
    wants = [Model(load(s.path), s.options).run(tokens).logits[-WANTED:] for s in shapes]
    vocab = max(want.shape[1] for want in wants)
    size = dict(tokens=tokens, vocab=vocab, memory=4 << 20)
    for board, count, many in [("thumbv7em", 11, 1), ("riscv32", 11, 1), ("aarch64", 11, 1),
                               ("wasm32-simd128", 11, 1), ("wasm32-relaxed", 3, 8)]:  # fmt: skip
        more = ["-c", "64", f"--max-tokens={many}"]
        work = tmp_path / board
        work.mkdir()
        for want, got in zip(wants, evaluate(tern, work, board, shapes[:count], **size, more=more)):
            assert_same(Result(want, got[:, : want.shape[1]]), Result(want, want))
