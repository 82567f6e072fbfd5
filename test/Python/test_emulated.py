# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models compiled for other machines, run under qemu: every bit as on this one.

Needs TERN_BINARY, and for each machine its C compiler, its static C library and
qemu-user (tools/setup.sh --tests installs them); a machine that lacks one is
skipped.
"""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from cached import made_once
from cases import CASES
from conftest import MODELS, ROOT, model_directory
from tern.checkpoint import load
from tern.model import Model, Options, Result
from test_compiled import assert_same, option_flags, run_driver
from test_golden import golden, golden_json
from test_not_finite import IDS, OVERFLOWS

RUNTIME = ROOT / "runtime"
TOKENS = 40  # of the golden ones: a block of 32 and more


@dataclass(frozen=True)
class Machine:
    """Its name in tern, its C compiler and its emulator."""

    triple: str
    cc: str
    qemu: str


MACHINES = {
    "aarch64": Machine("aarch64-linux-gnu", "aarch64-linux-gnu-gcc", "qemu-aarch64"),
    "riscv64": Machine("riscv64-linux-gnu", "riscv64-linux-gnu-gcc", "qemu-riscv64"),
}

TABLE = """
#include "tern/abi.h"
extern const tern_model tern_model_bard;
const tern_model *const tern_models[] = {&tern_model_bard};
const unsigned tern_model_count = 1;
"""


def runtime_flags() -> list[str]:
    """The flags that CMake builds the runtime with."""
    text = (RUNTIME / "CMakeLists.txt").read_text()
    [flags] = re.findall(r"set\(TERN_RUNTIME_FLAGS ([^)]*)\)", text)
    return ["-std=c11", *flags.split()]


def runtime_sources() -> bytes:
    """All that the runtime's objects are made of."""
    files = sorted([*RUNTIME.rglob("*.c"), *RUNTIME.rglob("*.h"), *RUNTIME.rglob("*.def")])
    return b"".join(file.read_bytes() for file in files)


def run_quietly(command: list, directory: Path) -> None:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"{' '.join(map(str, command))}\n{done.stderr[-4000:]}")


class Program:
    """A model compiled for a machine, linked with the runtime there."""

    def __init__(self, tern: str, machine: Machine, runtime: Path, model: Path,
                 work: Path, options: Options = Options()):  # fmt: skip
        self.machine, self.work = machine, work
        flags = ["-o", str(work / "bard"), "--emit=obj", f"--target={machine.triple}"]
        run_driver([tern, "compile", str(model), *flags, *option_flags(options)])
        (work / "table.c").write_text(TABLE)
        include = f"-I{RUNTIME / 'include'}"
        objects = ["table.c", "bard.o", *runtime.glob("*.o")]
        libraries = ["-static", "-pthread", "-lm"]
        run_quietly([machine.cc, include, *objects, *libraries, "-o", "program"], work)

    def run(self, *arguments: str, status: int = 0) -> str:
        weights = ["--weights", str(self.work / "bard.weights")]
        command = [self.machine.qemu, str(self.work / "program"), "run", *arguments]
        return run_driver([*command, *weights, "-q"], status)

    def evaluate(self, ids: list[int], threads: int = 1, status: int = 0) -> Result:
        logits, hidden = self.work / "logits.npy", self.work / "hidden.npy"
        command = ["--ids", ",".join(map(str, ids)), "-n", "0", "-t", str(threads)]
        self.run(*command, "--logits", str(logits), "--hidden", str(hidden), status=status)
        return Result(np.load(hidden), np.load(logits))


@pytest.fixture(scope="session")
def machine_runtime():
    """name -> (machine, the directory of the runtime's objects for it), made once."""

    @functools.cache
    def build(name: str) -> tuple[Machine, Path]:
        machine = MACHINES[name]
        for tool in (machine.cc, machine.qemu):
            if not shutil.which(tool):
                pytest.skip(f"no '{tool}' to run what is compiled for {name}")
        with tempfile.TemporaryDirectory() as empty:
            Path(empty, "empty.c").write_text("int main(void) { return 0; }\n")
            link = [machine.cc, "-static", "empty.c", "-o", "empty"]
            if subprocess.run(link, cwd=empty, capture_output=True).returncode:
                pytest.skip(f"'{machine.cc}' has no static C library to link with")
        flags = [*runtime_flags(), "-D_GNU_SOURCE", f"-I{RUNTIME / 'include'}"]
        sources = sorted((RUNTIME / "src").rglob("*.c"))
        command = [machine.cc, *flags, "-nostdlib", "-r", *sources, "-o", "runtime.o"]
        key = repr(command).encode() + runtime_sources()
        return machine, made_once(name, key, lambda work: run_quietly(command, work))

    return build


@pytest.fixture(scope="session")
def program(tern, machine_runtime, tmp_path_factory):
    """(machine, bundled model or case) -> its program, made once."""

    @functools.cache
    def build(machine: str, name: str) -> Program:
        known, runtime = machine_runtime(machine)
        work = tmp_path_factory.mktemp("program")
        if name not in CASES:
            return Program(tern, known, runtime, model_directory(name), work)
        CASES[name].build(work / "model")
        return Program(tern, known, runtime, work / "model", work, CASES[name].options)

    return build


machines = pytest.mark.parametrize("machine", MACHINES)


@machines
@pytest.mark.parametrize("name", MODELS)
def test_bundled(program, machine, name):
    want = golden(name)
    ids = want.f32("tokens").astype(int).tolist()[:TOKENS]
    got = program(machine, name).evaluate(ids, threads=2)
    hidden, logits = want.f32("config.hidden")[:, :TOKENS], want.f32("config.logits")[:TOKENS]
    assert_same(got, Result(hidden, logits))


@machines
def test_greedy_text(program, machine, name=MODELS[0]):
    want = golden_json(name)["greedy"][0]
    flags = ["-p", want["prompt"], "--temp", "0", "-n", str(len(want["ids"])), "-t", "1"]
    assert program(machine, name).run(*flags).rstrip() == want["text"].rstrip()


# One of them by default: scales of groups, biases.
@machines
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n == "bias-all-groups" else pytest.mark.slow) for n in CASES]
)
def test_synthetic(program, machine, name):
    """Every kind of cache, product and head."""
    compiled, case = program(machine, name), CASES[name]
    got = compiled.evaluate(case.ids(), case.threads)
    assert_same(got, Model(load(compiled.work / "model"), case.options).run(case.ids()))


def test_not_finite(tern, machine_runtime, tmp_path, name="int4-topk"):
    """On a machine whose NaN has the other sign, and no instruction for a maximum."""
    machine, runtime = machine_runtime("riscv64")
    case, model = OVERFLOWS[name], tmp_path / "model"
    case.build(model)
    got = Program(tern, machine, runtime, model, tmp_path, case.options).evaluate(IDS, status=1)
    assert_same(got, Model(load(model), case.options).run(IDS))
