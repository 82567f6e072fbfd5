# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The engine over compiled models: an answer does not depend on who else is there.

Needs TERN_BINARY in a build folder; without it these tests are skipped. The engine
itself is tested with a model written by hand, test/Runtime/Engine*.cpp.
All that tern makes or reads is opened.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from cached import compiled_once
from conftest import MODELS, in_turn, model_directory
from test_driver import run


@pytest.fixture(scope="module")
def crowd(tern) -> Path:
    path = Path(tern).with_name("tern-engine-crowd")
    if not path.exists():
        pytest.skip(f"{path} is not built")
    return path


@pytest.mark.parametrize("name, target", in_turn([*MODELS, "shakespeare-qwen3"], lambda _: False))
def test_crowds_get_the_answers_of_each_alone(tern, crowd, name, target):
    """To the bit, while prompts are read in pieces and beginnings are copied."""
    folder = compiled_once(tern, model_directory(name), ["--emit=shared", f"--target={target}"])
    requests = 5 if target == "generic" else 60  # portable code is slow
    done = run(crowd, folder / "bard.so", 1, requests)
    assert done.returncode == 0, done.stderr
    counts = dict(re.findall(r"(\w+) (\d+)", done.stdout))
    # Prompt tokens are read or taken; there are three common beginnings, which a
    # few requests share less.
    least = 4 if requests == 60 else 8
    assert int(counts["reused"]) > int(counts["read"]) / least > 0


@pytest.fixture(scope="module")
def folder(tern, tmp_path_factory) -> Path:
    """A program and a library of one model."""
    folder = tmp_path_factory.mktemp("engine")
    checkpoint = model_directory("shakespeare-a48")
    for flags in ([], ["--emit=shared", "--target=generic"]):
        for path in compiled_once(tern, checkpoint, flags).iterdir():
            shutil.copy(path, folder)
    return folder


def test_whatever_tern_made_is_opened(crowd, folder):
    """A program that strip has been at, and files that have another name now."""
    subprocess.run(["strip", "-s", "-o", folder / "stripped", folder / "bard"], check=True)
    shutil.copy(folder / "bard.so", folder / "renamed.so")
    shutil.copy(folder / "bard.so", folder / "other.so")
    shutil.copy(folder / "bard.weights", folder / "other.weights")
    for name in ("bard", "stripped", "bard.weights", "renamed.so", "other.weights"):
        done = run(crowd, folder / name, 1, 2)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("form", ["folder", "file"])
def test_checkpoints_are_compiled_once_into_the_cache(tern, crowd, tmp_path, form):
    """A folder and a GGUF file."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    model = model_directory("shakespeare-qwen3")
    if form == "file":
        model = tmp_path / "shakespeare.gguf"
        done = run(tern, "export", model_directory(MODELS[1]), "-o", model, "--type=f16")
        assert done.returncode == 0, done.stderr
    for _ in range(2):
        done = run(crowd, model, 1, 2, env=environment)
        assert done.returncode == 0, done.stderr
    (program,) = tmp_path.glob("tern/shakespeare*")
    path = run(tern, "cache", "path", model, env=environment).stdout
    assert path == f"{program}\n"
    assert run(tern, "cache", "add", model, env=environment).stdout == path
    done = run(tern, "cache", "add", "--steps", model, env=environment)
    assert done.stdout == f"program {path}"


def test_a_compilation_ends_with_who_waits_for_it(tern, tmp_path):
    """However that ended; nothing of a program stays in the cache."""
    command = [tern, "cache", "add", "--steps", model_directory("shakespeare-qwen3")]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as compiler:
        assert compiler.stdout.readline().startswith(b"step ")
        compiler.stdout.close()
        assert compiler.wait(60) == 128 + signal.SIGTERM
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size]
    assert {path.parent.name for path in files} <= {"hashes"}  # of the checkpoint's files


@pytest.mark.parametrize(
    "name, expected",
    [
        ("static", "linked statically"),
        ("bard.h", "bard.h is no model"),
        ("nothing", "No such file"),
        (".", "config.json is not in this directory"),
        ("alone.weights", "holds weights alone"),
        ("cut", "cut"),
        ("foreign", "another machine"),
        ("damaged", "program headers are damaged"),
    ],
)
def test_refusals_are_sentences(crowd, folder, name, expected):
    shutil.copy(folder / "bard.weights", folder / "alone.weights")
    program = (folder / "bard").read_bytes()
    (folder / "cut").write_bytes(program[: len(program) // 2])
    static, foreign, damaged = bytearray(program), bytearray(program), bytearray(program)
    foreign[18] ^= 1  # e_machine
    headers, count = int.from_bytes(program[32:40], "little"), program[56]
    for at in range(headers, headers + 56 * count, 56):
        if program[at] == 3:  # the interpreter's name
            static[at] = 0
        if program[at] == 1:  # a loaded segment, which ends behind the file now
            damaged[at + 38] = 0xFF
    for path, contents in (("static", static), ("foreign", foreign), ("damaged", damaged)):
        (folder / path).write_bytes(contents)
    done = run(crowd, folder / name, 1, 0)
    assert done.returncode == 1
    assert expected in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_checkpoint_without_a_compiler(crowd, tmp_path):
    alone = tmp_path / "lib" / "tern-engine-crowd"
    alone.parent.mkdir()
    library = crowd.parents[1] / "lib" / "libtern.so"
    (alone.parent / "libtern.so.0").write_bytes(library.read_bytes())
    environment = {"PATH": "/nowhere", "LD_LIBRARY_PATH": str(alone.parent)}
    done = run(crowd, model_directory("shakespeare-qwen3"), 1, 0, env=environment)
    assert done.returncode == 1
    assert "there is no compiler tern; install tern, or compile it elsewhere" in done.stderr


def load(tern: str, model: Path, *words: str) -> dict[str, float]:
    """The figures of tern-engine-load, which compares every answer."""
    program = Path(tern).with_name("tern-engine-load")
    if not program.exists():
        pytest.skip(f"{program} is not built")
    done = run(program, model, *words)
    assert done.returncode == 0, done.stderr
    return {name: float(value) for name, value in re.findall(r"([a-z0-9/]+) ([\d.-]+)", done.stdout)}


def test_a_moment_of_load(tern, folder):
    """Times of two seconds beside other tests say nothing."""
    figures = load(tern, folder / "bard", "2", "16", "2")
    assert figures["wrong"] == 0 and figures["answers"] > 16


@pytest.mark.slow
def test_three_minutes_of_load(tern, folder):
    """On two cores that nothing else uses."""
    figures = load(tern, folder / "bard", "180")
    assert figures["wrong"] == 0
    assert figures["p99/p50"] <= 3
    assert figures["ratio"] >= 0.9
    assert figures["growth"] < 1
