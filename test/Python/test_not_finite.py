# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checkpoints whose weights are finite and whose numbers pass a format's range.

Caches of 16 bits saturate, so that what is finite stays finite. Infinities and NaN
are defined like every other number, and a run with such logits is stopped.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from cases import KV3, KV8, KV16
from conftest import ROOT, TARGETS, in_turn
from tern_reference.checkpoint import load
from tern_reference.model import Model, Options, Result
from tern_reference.numerics import F32, to_bf16
from tern_reference.safetensors import Reader
from tern_reference.synth import synthesize
from test_compiled import TIMEOUT, assert_same, option_flags

SENTENCE = "the model's logits are not finite: "
IDS = [(37 * i * i + 11 * i) % 300 for i in range(9)]


@dataclass(frozen=True)
class Overflow:
    """A small model, some of whose tensors are multiplied by a large number."""

    tensors: str  # a pattern of their names
    factor: float
    options: Options
    model: dict
    finite: bool = False  # the logits

    def build(self, directory: Path) -> None:
        sizes = dict(hidden=64, intermediate=48, layers=2, heads=2, head_dim=32, vocab=300)
        synthesize(directory, tokenizer=True, **{**sizes, **self.model})
        scaled = 0
        reader = Reader(directory)
        for name, entry in reader.entries.items():
            if not re.search(self.tensors, name):
                continue
            values = reader.f32(name) * F32(self.factor)
            assert np.isfinite(values).all(), name
            raw = to_bf16(values) if entry.dtype == "BF16" else values
            with open(entry.path, "r+b") as file:
                file.seek(entry.begin)
                file.write(raw.tobytes())
            scaled += 1
        assert scaled


OVERFLOWS = {
    # Keys and values of 1e5 and more.
    "cache-16": Overflow(r"[kv]_proj.weight_scale", 3e6, KV16, dict(scheme="a48"), finite=True),
    # Some features of some tokens become infinite after the first layer: maxima, means,
    # norms, codes, top-k, caches and softmax of the second one meet what is not finite.
    "int8": Overflow(r"0.*(ffn_sub_norm|down_proj.weight_scale)", 4.5e19, KV8, dict()),
    "int4-topk": Overflow(r"0.*(ffn_sub_norm|down_proj.weight_scale)", 5e19, KV3, dict(scheme="a48")),
    "fp4-silu": Overflow(
        r"0.*(ffn_sub_norm|down_proj.weight_scale)", 4.5e19, KV16, dict(scheme="a48-fp4", act="silu")
    ),
    "hadamard": Overflow(r"0.*(attn_sub_norm|o_proj.weight_scale)", 4e19, KV3, dict(scheme="v2")),
    "groups": Overflow(
        r"0.*(ffn_sub_norm|down_proj.weight_scale)", 5e19, KV16,
        dict(scales="group", group_size=16),
    ),
    "queries": Overflow(r"0.*q_proj.weight_scale", 1e38, KV8, dict()),
    # Only the logits.
    "head": Overflow(r"model.norm.weight", 1e38, KV16, dict()),
    "head-int8": Overflow(r"model.norm.weight", 2e38, Options(head="int8", kv_bits=8), dict()),
}  # fmt: skip


def reference(directory: Path, options: Options) -> Result:
    return Model(load(directory), options).run(IDS)


@pytest.mark.parametrize("name", OVERFLOWS)
def test_overflow_happens(name, tmp_path):
    """Each case does what it is there for, without a warning of numpy."""
    case = OVERFLOWS[name]
    case.build(tmp_path)
    result = reference(tmp_path, case.options)
    assert np.isfinite(result.logits).all() == case.finite
    assert np.isfinite(result.hidden[0]).any()
    assert np.isfinite(result.hidden).all() == (case.finite or name.startswith("head"))


@pytest.mark.parametrize("name, target", in_turn(OVERFLOWS, twice=lambda name: False))
def test_every_target_computes_the_same(tern, tmp_path, name, target):
    case, model = OVERFLOWS[name], tmp_path / "model"
    case.build(model)
    logits, hidden = tmp_path / "logits.npy", tmp_path / "hidden.npy"
    command = [tern, "run", str(model), "--ids", ",".join(map(str, IDS)), "-n", "0"]
    command += ["--logits", str(logits), "--hidden", str(hidden)]
    command += [f"--target={target}", *option_flags(case.options)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    assert (done.returncode, SENTENCE in done.stderr) == ((0, False) if case.finite else (1, True))
    assert_same(Result(np.load(hidden), np.load(logits)), reference(model, case.options))


@pytest.mark.parametrize(
    "command",
    [
        ["run", "-p", "To be", "-n", "4"],
        ["chat", "--chat-template", str(ROOT / "test" / "data" / "templates" / "chatml.jinja")],
        ["ppl", "-c", "8"],
        ["bench", "-p", "4", "-n", "2", "-r", "1"],
    ],
    ids=lambda command: command[0],
)
def test_a_run_is_stopped(tern, tmp_path_factory, command):
    model = tmp_path_factory.getbasetemp() / "not-finite"
    if not model.exists():
        OVERFLOWS["head"].build(model)
    text = model / "text.txt"
    text.write_text("To be, or not to be, that is the question.\n" * 2)
    if command[0] == "ppl":
        command = [*command, "-f", str(text)]
    done = subprocess.run(
        [tern, command[0], str(model), *command[1:], f"--target={TARGETS[-1]}"],
        input="To be\n", capture_output=True, text=True, timeout=TIMEOUT,
    )  # fmt: skip
    assert done.returncode == 1, done
    assert len([line for line in done.stderr.splitlines() if SENTENCE in line]) == 1
    assert "nan" not in done.stdout.lower() and "inf" not in done.stdout.lower()
