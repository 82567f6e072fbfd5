# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs that tern makes: alone, on other CPUs, with other weights, too long.

Needs TERN_BINARY; without it these tests are skipped.
"""

from __future__ import annotations

import functools
import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import MODELS, ROOT, model_directory
from test_driver import assert_refused, run
from test_golden import golden_json

A48 = model_directory(MODELS[0])
LIBRARIES = {"libc.so.6", "libm.so.6", "libpthread.so.0", "ld-linux-x86-64.so.2"}
x86_only = pytest.mark.skipif(platform.machine() != "x86_64", reason="needs an x86-64 CPU")


@pytest.fixture(scope="session")
def program(tern, tmp_path_factory):
    """target -> a program of the bundled a4.8 model, compiled once."""

    @functools.cache
    def build(target: str) -> Path:
        path = tmp_path_factory.mktemp(target) / "bard"
        done = run(tern, "compile", A48, "-o", path, f"--target={target}")
        assert done.returncode == 0, done.stderr
        return path

    return build


def test_runs_with_nothing_around_it(program, tmp_path):
    """No environment, no file beside it: the reference's text."""
    alone = shutil.copy(program("generic"), tmp_path / "alone")
    want = golden_json(MODELS[0])["greedy"][0]
    flags = ["-p", want["prompt"], "-n", len(want["ids"]), "--temp", "0"]
    done = run(alone, *flags, env={}, cwd="/")
    assert done.returncode == 0, done.stderr
    assert want["text"].rstrip() in done.stdout


def test_needs_no_library_but_libc(program):
    dynamic = run("readelf", "-d", program("generic")).stdout
    needed = set(re.findall(r"NEEDED.*\[(.*)\]", dynamic))
    assert needed and needed <= LIBRARIES


def test_bare_runtime_is_small(tern, tmp_path):
    """Everything but model and weights: code and data of the linked runtime, of which
    chat templates are nearly half."""
    source = tmp_path / "none.c"
    source.write_text(
        '#include "tern/abi.h"\n'
        "const tern_model *const tern_models[1] = {0};\nconst unsigned tern_model_count = 0;\n"
    )
    library = Path(tern).resolve().parents[1] / "lib"
    link = run(
        "cc", "-I", ROOT / "runtime" / "include", source, library / "libtern_host.a",
        library / "libtern_core.a", "-Wl,--gc-sections", "-lm", "-pthread", "-o", tmp_path / "bare",
    )  # fmt: skip
    assert link.returncode == 0, link.stderr
    text, data, bss = map(int, run("size", tmp_path / "bare").stdout.split("\n")[1].split()[:3])
    print(f"bare runtime: {text} bytes of code and constants, {data} of data, {bss} zeroed")
    assert text + data < 320_000


def test_context_overflow_is_a_clear_stop(program):
    bard = program("generic")
    done = run(bard, "--ids", ",".join(["5"] * 300), "-n", "1")
    assert done.returncode == 1
    assert "context" in done.stderr and "256" in done.stderr
    done = run(bard, "-p", "ROMEO:", "-n", "1000", "--temp", "0", "--ignore-eos")
    assert done.returncode == 0 and "context" in done.stderr


@x86_only
def test_weights_of_another_layout_are_refused(tern, program, tmp_path):
    done = run(tern, "compile", A48, "-o", tmp_path / "v3.o", "--emit=obj", "--target=x86-64-v3")
    assert done.returncode == 0, done.stderr
    done = run(program("generic"), "-p", "x", "-n", "1", "--weights", tmp_path / "v3.weights")
    assert_refused(done, "v3.weights", program="bard")


@x86_only
@pytest.mark.skipif(not shutil.which("qemu-x86_64"), reason="needs qemu-user")
@pytest.mark.parametrize("target, feature", [("x86-64-v3", "avx2"), ("x86-64-v4", "avx512")])
def test_cpu_without_features_gets_a_sentence(program, target, feature):
    command = ["qemu-x86_64", "-cpu", "Nehalem", program(target), "-p", "x", "-n", "1"]
    assert_refused(run(*command), "needs", feature, "CPU", program="bard")


@x86_only
@pytest.mark.skipif(not shutil.which("qemu-x86_64"), reason="needs qemu-user")
def test_generic_runs_on_an_old_cpu(program):
    command = ["qemu-x86_64", "-cpu", "Nehalem", program("generic"), "-p", "ROMEO:", "-n", "4"]
    done = run(*command, "--temp", "0")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_interrupt_ends_with_130(program):
    process = subprocess.Popen(
        [str(program("generic")), "-p", "ROMEO:", "-n", "-1", "--ignore-eos", "--temp", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    process.stdout.read(1)
    process.send_signal(2)
    process.stdout.read()
    assert process.wait(timeout=60) in (130, 0)
