# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Files that nobody could compile: what `tern` does with several hundred of them.

For each one: exit status 1, one sentence that names the file, no output, less than a
second, and at most twice the file and 64 MiB more memory than the intact model takes.
Needs TERN_BINARY; without it these tests are skipped.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import malformed_tensors
import malformed_text
import pytest
from conftest import ROOT
from measured import Launcher, Measured
from tern.synth import synthesize

MIB = 1 << 20

# Group -> what the sentence names (any of it), and the damages.
GROUPS = {
    "safetensors": (("model.safetensors", "config.json implies it"), malformed_tensors.DAMAGES),
    "tensors": (("model.safetensors", "config.json implies it"), malformed_tensors.MODEL_DAMAGES),
    "index": (("/model/",), malformed_tensors.INDEX_DAMAGES),
    "config": (("config.json",), malformed_text.CONFIG_DAMAGES),
    "tokenizer": (("tokenizer.json",), malformed_text.TOKENIZER_DAMAGES),
    "generation": (("generation_config.json",), malformed_text.GENERATION_DAMAGES),
}  # fmt: skip
CASES = [(group, name) for group, (_, damages) in GROUPS.items() for name in damages]


@pytest.fixture(scope="module")
def launcher():
    launcher = Launcher()
    yield launcher
    launcher.close()


@pytest.fixture(scope="module")
def intact(tmp_path_factory) -> Path:
    model = tmp_path_factory.mktemp("intact") / "model"
    synthesize(model, tokenizer=True, hidden=16, intermediate=20, layers=1, heads=2, kv_heads=1,
               head_dim=8, vocab=300)  # fmt: skip
    return model


@pytest.fixture(scope="module")
def baseline(tern, launcher, intact) -> Measured:
    """What the intact model takes."""
    done = launcher.run(tern, "inspect", intact, "--check")
    assert done.status == 0, done.stderr
    return done


def size_of(model: Path) -> int:
    return sum(path.stat().st_size for path in model.iterdir() if path.is_file() and path.stat().st_size < 1 << 40)


def assert_refused(done: Measured, words: tuple[str, ...]) -> None:
    assert done.status == 1, f"exit status {done.status}: {done.stderr}"
    assert done.stderr.startswith("tern: error: ") and done.stderr.endswith("\n"), done.stderr
    assert done.stderr.count("\n") == 1, f"more than one line: {done.stderr}"
    assert all(c.isprintable() for c in done.stderr[:-1]), f"control characters: {done.stderr!r}"
    assert len(done.stderr) < 2000, f"{len(done.stderr)} characters"
    assert any(word in done.stderr for word in words), f"none of {words} in {done.stderr!r}"


@pytest.mark.parametrize("group, name", CASES, ids=[f"{group}-{name}" for group, name in CASES])
def test_refused(tern, launcher, intact, baseline, tmp_path, group, name):
    words, damages = GROUPS[group]
    model, out = tmp_path / "model", tmp_path / "out"
    shutil.copytree(intact, model)
    damages[name](model)
    out.mkdir()
    # The values of tensors are read when they are written, after the code is made.
    command = ["compile", model, "-o", out / "bard", "--target=generic"]
    if group == "tensors":
        command = ["inspect", model, "--check"]
    done = launcher.run(tern, *command)
    assert_refused(done, words)
    assert list(out.iterdir()) == []
    assert done.seconds < 1, f"{done.seconds} s of CPU time"
    allowed = baseline.peak + 2 * size_of(model) + 64 * MIB
    assert done.peak <= allowed, f"{done.peak // MIB} MiB, allowed are {allowed // MIB}"


def test_enough_is_tried():
    assert len(CASES) >= 200
