# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models of published sizes, compiled and run: gigabytes and minutes, so slow."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import TARGETS
from tern.checkpoint import load
from tern.model import Model, Result
from tern.synth import synthesize
from test_compiled import assert_same

IDS = [1, 31000, 7]
MIB = 1 << 20


def measured(command: list[str]) -> tuple[float, int]:
    """Seconds and peak MiB (mapped pages count) of a command that must succeed."""
    start = time.monotonic()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return time.monotonic() - start, usage.ru_maxrss * 1024 // MIB


def directory_of(name: str, tmp_path: Path) -> Path:
    """A synthetic model of this name, kept in TERN_TRUE_SIZE_MODELS if that is set."""
    kept = os.environ.get("TERN_TRUE_SIZE_MODELS")
    directory = Path(kept) / name if kept else tmp_path / name
    if not (directory / "config.json").exists():
        synthesize(directory, like=name)
    return directory


@pytest.mark.slow
@pytest.mark.parametrize("name", ["700m", "2b-4t"])
def test_published_size(tern, tmp_path, capsys, name):
    model, program = directory_of(name, tmp_path), tmp_path / "bard"
    logits, hidden = tmp_path / "logits.npy", tmp_path / "hidden.npy"
    target = f"--target={TARGETS[-1]}"
    compiled = measured([tern, "compile", str(model), "-o", str(program), target])
    ran = measured([
        str(program), "--ids", ",".join(map(str, IDS)), "-n", "0",
        "--logits", str(logits), "--hidden", str(hidden),
    ])  # fmt: skip
    with capsys.disabled():
        size = program.stat().st_size // MIB
        for what, (seconds, peak) in (("compiled", compiled), ("ran", ran)):
            print(f"\n{name} {what}: {seconds:.1f} s, peak {peak} MiB; program {size} MiB", end="")
    assert_same(Result(np.load(hidden), np.load(logits)), Model(load(model)).run(IDS))
