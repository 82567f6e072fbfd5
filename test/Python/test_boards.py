# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Boards with a Cortex-M, in qemu: every bit of the logits, and a bundled model that
fits a flash of 1 MiB and 96 KiB of memory and takes no more instructions than it did.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from boards import BOARDS, CORE, LIBRARY, RUNTIME, count_code, link, need, run, run_quietly
from conftest import MODELS, model_directory
from tern_reference.checkpoint import load
from tern_reference.model import Model, Options, Result
from test_compiled import assert_same, run_driver
from test_embedded import PROGRAM, TOKENS, WANTED, compile_models, define

MAIN = """
void hand_out(const char *name, const void *bytes, size_t count);
int main(void) {
  const float *done = evaluate();
  if (done)
    hand_out("logits", done, sizeof(all_logits));
  return !done;
}
"""


@pytest.mark.parametrize("name", BOARDS)
def test_every_bit(tern, tmp_path, name):
    board = BOARDS[name]
    need("clang-22", "qemu-system-arm")
    # The triple alone chooses a CPU with floats.
    models = compile_models(tern, [f"--target={board.triple}"], '.rodata.weights,"a"', tmp_path)
    (tmp_path / "program.c").write_text(PROGRAM + MAIN)
    run(board, link(board, tmp_path, *define(), "-DBOARD", "program.c", *models))
    got = np.fromfile(tmp_path / "logits", "<f4").reshape(-1, WANTED, 1024)
    assert len(got) == len(MODELS) == 2
    for model, logits in zip(MODELS, got):
        want = Model(load(model_directory(model)), Options()).run(TOKENS)
        assert_same(Result(want.hidden, logits), Result(want.hidden, want.logits[-WANTED:]))


# A device's flash and memory.

SPEAKER = r"""
#include "bard.h"
#include "tern/tern.h"
#include "tern/tokenizer.h"
enum { COUNT = 60, PROMPT = 16 };
extern const unsigned char weights[], table[];
static _Alignas(64) unsigned char
    memory[TERN_BARD_SCRATCH_BYTES(1) + TERN_BARD_STATE_BYTES + 4 * TERN_BARD_VOCAB_SIZE + 512];
static char text[512];
static uint32_t ticks[COUNT], bytes[4];
uint32_t count_ticks(void);
void count_memory(uint32_t bytes[4]);
void hand_out(const char *name, const void *bytes, size_t count);

int main(void) {
  static const char prompt[] = "ROMEO:";
  tern_session_config config = {.size = sizeof(config), .context = 128};
  tern_sampler_options greedy = {.size = sizeof(greedy), .top_p = 1, .repeat_penalty = 1};
  tern_sampler sampler;
  tern_session *session;
  tern_tokenizer tokenizer;
  float *logits;
  int32_t tokens[PROMPT];
  size_t count, length = 0;
  if (tern_tokenizer_load(&tokenizer, table, TABLE_BYTES) != TERN_OK ||
      tern_tokenizer_encode(&tokenizer, prompt, sizeof(prompt) - 1, 0, memory, sizeof(memory),
                            tokens, PROMPT, &count) != TERN_OK)
    return 1;
  config.model = &tern_model_bard;
  config.weights = weights;
  config.weights_bytes = TERN_BARD_WEIGHTS_BYTES;
  if (tern_session_init(memory, sizeof(memory), &config, &session) != TERN_OK ||
      tern_sampler_init(&sampler, &greedy) != TERN_OK ||
      tern_session_eval(session, tokens, (uint32_t)count, &logits) != TERN_OK)
    return 2;
  for (int i = 0; i < COUNT; ++i) {
    size_t piece_bytes;
    int32_t token = tern_sampler_pick(&sampler, logits, TERN_BARD_VOCAB_SIZE, NULL);
    const char *piece = tern_tokenizer_token(&tokenizer, token, &piece_bytes, NULL);
    for (size_t at = 0; at < piece_bytes; ++at)
      text[length++] = piece[at];
    ticks[i] = count_ticks();
    if (tern_session_eval(session, &token, 1, &logits) != TERN_OK)
      return 3;
    ticks[i] = count_ticks() - ticks[i];
  }
  count_memory(bytes);
  hand_out("text", text, length);
  hand_out("ticks", ticks, sizeof(ticks));
  hand_out("bytes", bytes, sizeof(bytes));
  return 0;
}
"""

SAMPLER = RUNTIME / "src/core/sampler.c"
TOKENIZER = (RUNTIME / "src/core/utf8.c", *sorted((RUNTIME / "src/tokenizer").glob("*.c")))

# Of tokenizers that this one is not: sums of scores in double precision.
DOUBLES = """
float __aeabi_d2f(double x) { __builtin_trap(); }
double __aeabi_f2d(float x) { __builtin_trap(); }
double __aeabi_dadd(double x, double y) { __builtin_trap(); }
int __aeabi_dcmpgt(double x, double y) { __builtin_trap(); }
"""


def speak(tern: str, directory: Path, *flags: str) -> tuple[str, np.ndarray, np.ndarray]:
    """The text, instructions for each token, and bytes of code, weights, variables, stack."""
    need("clang-22", "qemu-system-arm")
    board, out = BOARDS["cortex-m4"], directory / "bard.o"
    model = str(model_directory("shakespeare-a48"))
    flags = (f"--target={board.triple}", "-c", "128", "--max-tokens=1", *flags)
    run_driver([tern, "compile", model, "-o", str(out), *flags])
    artifact = (directory / "bard.weights").read_bytes()
    sections = np.frombuffer(artifact, "<u8", 6, 32).reshape(2, 3).tolist()
    weights, table = (artifact[offset : offset + size] for offset, size, _ in sections)
    (directory / "weights.bin").write_bytes(weights)
    (directory / "table.bin").write_bytes(table)
    (directory / "files.S").write_text(
        '.section .rodata.weights,"a"\n.p2align 6\n.globl weights, table\n'
        'weights: .incbin "weights.bin"\n.p2align 3\ntable: .incbin "table.bin"\n'
    )
    (directory / "program.c").write_text(LIBRARY + SPEAKER + DOUBLES)
    core = [SAMPLER, RUNTIME / "src/core/checksum.c", *TOKENIZER]
    run(board, link(board, directory, f"-DTABLE_BYTES={len(table)}", "program.c", "files.S", out, *core))
    ticks, sizes = (np.fromfile(directory / name, "<u4") for name in ("ticks", "bytes"))
    return (directory / "text").read_text(), ticks * board.nanoseconds, sizes


LIMITS = {"--head=16": 3.4e6, "--head=int8": 2.4e6}
LEAST = 3.0e6  # of the former


@pytest.mark.parametrize("head", LIMITS)
def test_device(tern, tmp_path, head):
    text, instructions, (code, weights, variables, stack) = speak(tern, tmp_path, head)
    assert instructions.max() <= LIMITS[head], instructions.max()
    assert variables + stack <= 96 << 10, (variables, stack)
    if head == "--head=16":
        assert instructions.min() >= LEAST, instructions.min()
        golden = json.loads((model_directory("shakespeare-a48") / "golden.json").read_text())
        assert text == golden["greedy"][0]["text"]
        assert code + weights <= 1 << 20, (code, weights)
        core = count_code(tmp_path, [*CORE, SAMPLER])
        tokenizer = count_code(tmp_path, TOKENIZER)
        assert core <= 5300 and core + tokenizer <= 17 << 10, (core, tokenizer)


# Instructions of the loops.

BRANCH = re.compile(r"(b[a-z]{0,2}|le|cbn?z)(\.[nw])?\s")


def disassemble(tern: str, name: str, directory: Path) -> list[tuple[int, str]]:
    """Addresses and instructions of the bundled model's code."""
    need("llvm-objdump-22")
    out = directory / "bard.o"
    model = str(model_directory("shakespeare-a48"))
    flags = [f"--target={BOARDS[name].triple}", "--max-tokens=1"]
    run_driver([tern, "compile", model, "-o", str(out), *flags])
    text = run_quietly("llvm-objdump-22", "-d", "--no-show-raw-insn", out, cwd=directory).decode()
    found = re.findall(r"^\s*([0-9a-f]+):\s+(\S[^@\n]*)", text, re.MULTILINE)
    return [(int(address, 16), " ".join(line.split())) for address, line in found]


def count_instructions(code: list[tuple[int, str]], mnemonic: str, products: int) -> list[int]:
    """Of each innermost loop that has so many instructions of that name."""
    loops, starts = [], {}
    for index, (address, line) in enumerate(code):
        if address == 0:  # each function is a section
            starts = {}
        starts[address] = index
        target = re.search(r"0x([0-9a-f]+)", line) if BRANCH.match(line) else None
        begin = starts.get(int(target[1], 16)) if target else None
        if begin is not None:
            loops.append((begin, index))
    counts = []
    for begin, end in loops:
        innermost = not any(begin <= b and e <= end and (b, e) != (begin, end) for b, e in loops)
        body = code[begin : end + 1]
        if innermost and sum(line.startswith(mnemonic) for _, line in body) == products:
            counts.append(len(body))
    return counts


@pytest.mark.parametrize(
    "name, mnemonic, products, weights, least, most",
    [
        # Loops over codes of four bits; sums of those of eight roll.
        ("cortex-m4", "smlad", 64, 256, 160, 178),
        ("cortex-m55", "vmlava", 8, 128, 46, 46),
    ],
)
def test_instructions_for_256_weights(tern, tmp_path, name, mnemonic, products, weights, least, most):
    counts = count_instructions(disassemble(tern, name, tmp_path), mnemonic, products)
    counts = [256 * count / weights for count in counts]
    assert len(counts) == 5 and min(counts) <= least and max(counts) <= most, counts


def find_faults(code: list[str]) -> list[str]:
    """Vectors of floats, which flush subnormal numbers; and, where `vpt` and `vpst` say
    that the next instructions are predicated, others in their place.
    """
    faults = [line for line in code if re.match(r"v\w+\.f(16|32)\b.*\bq\d", line)]
    for index, line in enumerate(code):
        block = re.match(r"vp(?:s?t)([te]*)\b", line)
        for offset in range(1 + len(block[1]) if block else 0):
            inside = code[index + 1 + offset]
            if not re.match(r"v\w+[te]\b", inside):
                faults.append(f"{line}; {inside}")
    return faults


def test_faults_are_found():
    assert find_faults(["vpte.i32 eq, q0, q1", "vaddt.i32 q0, q1, q2", "vmove q1, q2"]) == []
    assert find_faults(["vpst", "b 0x10"]) == ["vpst; b 0x10"]
    assert find_faults(["vmul.f32 q0, q1, q2", "vmul.f32 s0, s1, s2"]) == ["vmul.f32 q0, q1, q2"]


def test_vectors_are_of_integers(tern, tmp_path):
    code = [line for _, line in disassemble(tern, "cortex-m55", tmp_path)]
    assert any(line.startswith("vmlava") for line in code)
    assert find_faults(code) == []
