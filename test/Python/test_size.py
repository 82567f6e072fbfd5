# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models of true size: what compiling them takes.

Slow: each makes a model of up to 4 GB with random weights. Memory is what the
compiler holds besides mapped files, which the system can drop at any time; time is
that of the CPU, which a busy machine does not stretch. `-s` prints both.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from tern_reference.gguf import write_masters
from tern_reference.safetensors import Reader
from tern_reference.synth import PRESETS, synthesize

MIB = 1 << 20


@dataclass(frozen=True)
class Compiled:
    wall: float
    cpu: float  # seconds, with the linker's
    held: int  # bytes of memory at most, without mapped files


def anonymous(pid: int) -> int:
    """Bytes of memory a process has that no file backs; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields.get("RssAnon", "0 kB").split()[0]) << 10


def compile_watched(tern: str, model: Path, out: Path, *flags: str) -> Compiled:
    before, begin, held = os.times(), time.monotonic(), 0
    command = [tern, "compile", str(model), "-o", str(out), *flags]
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            held = max(held, anonymous(process.pid))
            time.sleep(0.005)
    after = os.times()
    assert process.returncode == 0
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Compiled(time.monotonic() - begin, cpu, held)


@pytest.mark.slow
@pytest.mark.parametrize(
    "preset, flags, seconds",
    [
        ("700M", (), 60),
        ("1bitLLM-large", (), 60),
        ("1bitLLM-large", ("--head=int8",), 60),
        ("2B-4T", (), 60),
        ("Llama3-8B", (), 300),
        ("Llama3-8B", ("--head=int8",), 300),
    ],
)
def test_compiling_takes_little(tern, tmp_path, preset, flags, seconds):
    kept = os.environ.get("TERN_LARGE_MODELS")
    model = Path(kept) / preset if kept else tmp_path / "model"
    if not model.exists():
        synthesize(model, tokenizer=True, **PRESETS[preset])
    check(tern, preset, model, largest_tensor(model), tmp_path, seconds, *flags)


@pytest.mark.slow
def test_compiling_masters_in_a_file_takes_little(tern, tmp_path):
    """Each is looked at twice: is it digits times a scale, and if not, which digits?"""
    settings = {**PRESETS["2B-4T"], "encoding": "master-f16"}
    synthesize(tmp_path / "hf", tokenizer=False, **settings)
    model, largest = tmp_path / "model.gguf", largest_tensor(tmp_path / "hf")
    write_masters(tmp_path / "hf", model)
    shutil.rmtree(tmp_path / "hf")
    check(tern, "2B-4T in f16", model, largest, tmp_path, 120, "--hidden-act=relu2")


def largest_tensor(model: Path) -> int:
    return max(entry.end - entry.begin for entry in Reader(model).entries.values())


def check(tern: str, what: str, model: Path, largest: int, scratch: Path, seconds: float,
          *flags: str) -> None:  # fmt: skip
    done = compile_watched(tern, model, scratch / "program", *flags)
    size = (scratch / "program").stat().st_size
    print(f"\n{what} {' '.join(flags)}: {done.wall:.1f} s, {done.cpu:.1f} s of CPU time, "
          f"{done.held / MIB:.0f} MiB besides mapped files, largest tensor {largest / MIB:.0f} MiB, "
          f"program {size / MIB:.0f} MiB")  # fmt: skip
    shutil.rmtree(scratch)
    assert done.held <= 1.3 * largest + 300 * MIB
    assert done.cpu <= seconds
