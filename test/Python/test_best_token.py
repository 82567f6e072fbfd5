# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A head of int8 in two planes: the best token is that of all logits, always.

Heads and rows are made to be hard: equal rows, rows that differ in the bits of the
lower plane alone, rows of zeros, tiny and huge ones, and activations that are zero,
infinite or not a number.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from abi import CompiledModel
from cached import case_directory, compiled_once
from conftest import TARGETS, model_directory
from tern_reference.safetensors import Reader
from test_compiled import run_driver

HIDDEN, VOCAB = 308, 301
CC = os.environ.get("CC", "cc")


def hard_rows(huge: bool) -> np.ndarray:
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((VOCAB, HIDDEN)).astype(np.float32)
    rows[:, 0] = 4.0  # the largest of each row: scales are equal
    rows[40:80] = rows[5]  # equal
    rows[80:120] = rows[6]  # apart by one code, which is in the lower plane most times
    for row in range(80, 120):
        rows[row, row] += np.float32(4 / 127)
    rows[120:140] = rows[7] * np.exp2(np.arange(20, dtype=np.float32))[:, None]
    rows[140:150] = 0
    rows[150:160] = -rows[8]
    rows[160:200] = (rng.integers(-31, 32, (40, HIDDEN)) * 4 + 2) / np.float32(32)  # no low bits
    rows[200:210] *= np.float32(1e-30)
    if huge:
        rows[250] *= np.float32(8e37)
    return rows


def activations() -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    rows = hard_rows(huge=False)
    made = [rng.standard_normal(HIDDEN).astype(np.float32) for _ in range(20)]
    made += [rows[i] for i in (5, 6, 7, 8, 90, 165)] + [-rows[i] for i in (5, 90, 150)]
    made += [np.eye(HIDDEN, dtype=np.float32)[i] * s for i in (0, 85, HIDDEN - 1) for s in (1, -1)]
    made += [np.full(HIDDEN, value, np.float32) for value in (0.0, -0.0, 1.0, -1.0, 1e-30, 1e30)]
    for value in (np.nan, np.inf, -np.inf):
        made.append(made[0].copy())
        made[-1][77] = value
    return [np.ascontiguousarray(row) for row in made]


@pytest.fixture(scope="session")
def compiled(tern, tmp_path_factory):
    """(huge, target) -> a compiled model of hard rows, whose code is one for both."""
    if not shutil.which(CC):
        pytest.skip(f"no C compiler '{CC}' to link an object with")

    @functools.cache
    def checkpoint(huge: bool) -> Path:
        directory = tmp_path_factory.mktemp("best") / "model"
        shutil.copytree(case_directory("head-planes"), directory)
        entry = Reader(directory).entries["lm_head.weight"]
        assert entry.dtype == "F32" and tuple(entry.shape) == (VOCAB, HIDDEN)
        with open(entry.path, "r+b") as file:
            file.seek(entry.begin)
            file.write(hard_rows(huge).tobytes())
        return directory

    @functools.cache
    def build(huge: bool, target: str) -> CompiledModel:
        work = tmp_path_factory.mktemp("best")
        command = [tern, "compile", f"--target={target}", "--head=int8-planes"]
        run_driver([*command, str(checkpoint(huge)), "-o", str(work / "bard.weights")])
        kept = compiled_once(tern, case_directory("head-planes"), ["--emit=obj", *command[2:]])
        shutil.copy(kept / "bard.o", work)
        return CompiledModel(work / "bard", CC)

    return build


def expected(logits: np.ndarray) -> int:
    return int(np.argmax(logits)) if np.isfinite(logits).all() else -1


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("huge", [False, True])
def test_best_is_that_of_all_logits(compiled, target, huge):
    model = compiled(huge, target)
    found = set()
    for index, hidden in enumerate(activations()):
        logits, best = model.last(hidden)
        assert best == expected(logits), f"activations {index}"
        found.add(best)
    assert -1 in found and len(found) > 4


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("kind", [1, 2])
def test_best_of_rows(compiled, target, kind):
    model = compiled(False, target)
    rows, found = np.stack(activations()), set()
    first, most = 0, model.model.head_tokens
    for count in (2, most, 3, 8, 5, 4, 13, most - 1):
        taken = rows[np.arange(first, first + count) % len(rows)]
        logits, best = model.last_of_rows(taken, kind, workers=2)
        assert best.tolist() == [expected(row) for row in logits], f"{count} rows"
        found.update(best.tolist())
        first += count
    assert -1 in found and len(found) > 4


@pytest.mark.parametrize("order", ["backward", "shuffled", "threads"])
def test_best_with_any_workers(compiled, order):
    model = compiled(False, TARGETS[-1])
    for hidden in activations()[::7]:
        for workers in (2, 7, 64):
            logits, best = model.last(hidden, workers, order)
            assert best == expected(logits)


def test_planes_are_int8(tern, tmp_path):
    """Logits of the planes are those of int8 rows, for one token and for many."""
    model, ids = model_directory("shakespeare-a48"), ",".join(map(str, range(40, 60)))
    logits = []
    for head in ("int8", "int8-planes"):
        out = tmp_path / f"{head}.npy"
        run_driver([tern, "run", str(model), "--ids", ids, "-n", "0", f"--head={head}",
                    "--logits", str(out)])  # fmt: skip
        logits.append(np.load(out))
    assert (logits[0].view(np.int32) == logits[1].view(np.int32)).all()


def test_greedy_text_is_that_of_int8(tern):
    """Also with a penalty, which needs all logits, and in a prompt's last token."""
    model = str(model_directory("shakespeare-a48"))
    for flags in (["--temp", "0"], ["--temp", "0", "--repeat-penalty", "1.3"], ["--seed", "3"]):
        texts = [
            run_driver([tern, "run", model, "-p", "ROMEO:", "-n", "40", f"--head={head}", *flags])
            for head in ("int8", "int8-planes")
        ]
        assert texts[0] == texts[1] and len(texts[0]) > 60


def test_reads_few_rows_of_the_lower_plane(tern):
    """Upper six bits of eight, and hardly more."""
    model = str(model_directory("shakespeare-a48"))
    done = subprocess.run(
        [tern, "run", model, "-p", "ROMEO:", "-n", "60", "--temp", "0", "--head=int8-planes",
         "--stats"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    generation = done.stderr[done.stderr.index("generation") :]
    held, read = map(int, re.search(r"lm_head +(\d+) +(\d+)", generation).groups())
    assert 0.75 * held < read < 0.77 * held
