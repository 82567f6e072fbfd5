# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models of published sizes, compiled and run: gigabytes and minutes, so slow."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from conftest import TARGETS
from measured import Launcher, Measured
from tern_reference.checkpoint import load
from tern_reference.model import Model, Result
from tern_reference.synth import synthesize
from test_compiled import assert_same

IDS = [1, 31000, 7]
MIB = 1 << 20


def directory_of(name: str, tmp_path: Path) -> Path:
    """A synthetic model of this name, kept in TERN_TRUE_SIZE_MODELS if that is set."""
    kept = os.environ.get("TERN_TRUE_SIZE_MODELS")
    directory = Path(kept) / name if kept else tmp_path / name
    if not (directory / "config.json").exists():
        synthesize(directory, like=name)
    return directory


def run(launcher: Launcher, *command: object) -> Measured:
    done = launcher.run(*command)
    assert done.status == 0, done.stderr
    return done


@pytest.mark.slow
@pytest.mark.parametrize("name", ["700m", "2b-4t", "bitcpm-0.5b", "bonsai-1.7b"])
def test_published_size(tern, tmp_path, capsys, monkeypatch, name):
    monkeypatch.setenv("TERN_PATIENCE", "1200")
    launcher = Launcher()
    model, program = directory_of(name, tmp_path), tmp_path / "bard"
    logits, hidden = tmp_path / "logits.npy", tmp_path / "hidden.npy"
    flags = ["-o", program, f"--target={TARGETS[-1]}"]
    compiled = run(launcher, tern, "compile", model, *flags)
    outputs = ["--logits", logits, "--hidden", hidden]
    ran = run(launcher, program, "--ids", ",".join(map(str, IDS)), "-n", "0", *outputs)
    launcher.close()
    with capsys.disabled():
        print(f"\n{name}: a program of {program.stat().st_size // MIB} MiB", end="")
        for what, one in (("compiled", compiled), ("ran", ran)):
            peak = f"peak {one.peak // MIB} MiB with mapped pages"
            print(f"\n{name} {what}: {one.seconds:.1f} s of CPU, {peak}", end="")
    assert_same(Result(np.load(hidden), np.load(logits)), Model(load(model)).run(IDS))
