# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models compiled for other machines, run under qemu: every bit as on this one.

Needs TERN_BINARY, and for each machine its C compiler, its static C library and
qemu-user (tools/setup.sh --tests installs them); a machine that lacks one is
skipped.
"""

from __future__ import annotations

import functools
import json
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
    """Its names in tern, its C compiler, its emulator and the emulator's CPU."""

    triple: str
    cc: str
    qemu: str
    cpu: str = ""
    emulated: str = ""


def arm64(cpu: str, emulated: str) -> Machine:
    return Machine(
        "aarch64-linux-gnu", "aarch64-linux-gnu-gcc", "qemu-aarch64", cpu, emulated
    )


#: Rows of the table of AArch64 on CPUs that have not more, which trap what they lack.
MACHINES = {
    "aarch64": arm64("", "cortex-a53"),
    "dotprod": arm64("cortex-a76", "neoverse-n1"),
    "i8mm": arm64("generic+dotprod+i8mm", "max"),
    "riscv64": Machine("riscv64-linux-gnu", "riscv64-linux-gnu-gcc", "qemu-riscv64"),
}

# One program for registers of any length.
VECTORS = {
    f"riscv64-v{bits}": Machine(
        "rv64gcv", "riscv64-linux-gnu-gcc", "qemu-riscv64", "",
        f"rv64,v=true,vext_spec=v1.0,vlen={bits}",
    )
    for bits in (128, 256)
}  # fmt: skip

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
                 work: Path, options: Options = Options(), strategy: Path | None = None):  # fmt: skip
        self.machine, self.work = machine, work
        flags = ["-o", str(work / "bard"), "--emit=obj", f"--target={machine.triple}"]
        if machine.cpu:
            flags.append(f"--cpu={machine.cpu}")
        if strategy:
            flags += ["--strategy", str(strategy)]
        run_driver([tern, "compile", str(model), *flags, *option_flags(options)])
        (work / "table.c").write_text(TABLE)
        include = f"-I{RUNTIME / 'include'}"
        objects = ["table.c", "bard.o", *runtime.glob("*.o")]
        libraries = ["-static", "-pthread", "-lm"]
        run_quietly([machine.cc, include, *objects, *libraries, "-o", "program"], work)

    def run(self, *arguments: str, status: int = 0) -> str:
        weights = ["--weights", str(self.work / "bard.weights")]
        cpu = ["-cpu", self.machine.emulated] if self.machine.emulated else []
        command = [self.machine.qemu, *cpu, str(self.work / "program"), "run", *arguments]
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
        machine = {**MACHINES, **VECTORS}[name]
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
        return machine, made_once(machine.cc, key, lambda work: run_quietly(command, work))

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


@pytest.mark.parametrize("name", MODELS)
def test_shared_weights(program, name):
    """All rows of AArch64 read one file."""
    plain, dotprod, i8mm = (
        program(row, name).work / "bard.weights" for row in ("aarch64", "dotprod", "i8mm")
    )
    assert plain.read_bytes() == dotprod.read_bytes() == i8mm.read_bytes()


@pytest.mark.parametrize("machine", ("aarch64", "riscv64"))
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


@pytest.mark.parametrize("name", [*MODELS, "h204-g688-d100"])
def test_vectors(program, name, count=12):
    """The same code for both lengths of registers; tokens many at a time and one."""
    compiled = program("riscv64-v128", name)
    if name in CASES:
        case, ids = CASES[name], CASES[name].ids()[:count]
        want = Model(load(compiled.work / "model"), case.options).run(ids)
    else:
        tokens = golden(name)
        ids = tokens.f32("tokens").astype(int).tolist()[:count]
        hidden, logits = tokens.f32("config.hidden")[:, :count], tokens.f32("config.logits")[:count]
        want = Result(hidden, logits)
    for machine in VECTORS.values():
        compiled.machine = machine
        assert_same(compiled.evaluate(ids), want)
        assert_same(compiled.evaluate(ids[:1]), Result(want.hidden[:, :1], want.logits[:1]))


def test_no_vectors(program):
    """A CPU without them is told what it lacks."""
    compiled = program("riscv64-v128", MODELS[0])
    compiled.machine = MACHINES["riscv64"]
    done = subprocess.run(
        [compiled.machine.qemu, str(compiled.work / "program"), "run", "-p", "x",
         "--weights", str(compiled.work / "bard.weights")], capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert "needs v, which this CPU does not have" in done.stderr


#: Layouts that the costs do not choose: lookups in one plane and in two, and others.
RULES = {
    "groups_in_lanes": [{"projection": "*_proj", "layout": "groups_in_lanes"}],
    "contiguous": [
        {"projection": "down_proj", "layout": "contiguous_columns"},
        {"projection": "*_proj", "layout": "contiguous_rows"},
    ],
}


@pytest.mark.parametrize(
    "machine, rules", [("aarch64", "groups_in_lanes"), ("dotprod", "contiguous")]
)
def test_strategies(tern, machine_runtime, tmp_path, machine, rules, name=MODELS[0]):
    (tmp_path / "rules.json").write_text(json.dumps(RULES[rules]))
    known, runtime = machine_runtime(machine)
    compiled = Program(
        tern, known, runtime, model_directory(name), tmp_path, strategy=tmp_path / "rules.json"
    )
    want = golden(name)
    ids = want.f32("tokens").astype(int).tolist()[:TOKENS]
    hidden, logits = want.f32("config.hidden")[:, :TOKENS], want.f32("config.logits")[:TOKENS]
    assert_same(compiled.evaluate(ids), Result(hidden, logits))


@pytest.mark.parametrize(
    "cpu, emulated",
    [("cortex-a53", "cortex-a53"), ("cortex-a76", "neoverse-n1"), ("neoverse-v1", "max")],
)
def test_products(tern, tmp_path, cpu, emulated):
    """All kernels of the table of AArch64, of the largest codes and digits too."""
    machine = arm64(cpu, emulated)
    for tool in (machine.cc, machine.qemu):
        if not shutil.which(tool):
            pytest.skip(f"no '{tool}' to run what is compiled for AArch64")
    target = [f"--target={machine.triple}", f"--cpu={cpu}"]
    run_driver([tern, "tune", "--family", *target, "-o", str(tmp_path / "family.o")])
    source = ROOT / "test/Target/AArch64/products.c"
    flags = ["-std=gnu11", "-O2", "-static"]
    run_quietly([machine.cc, *flags, str(source), "family.o", "-o", "products"], tmp_path)
    assert run_driver([machine.qemu, "-cpu", emulated, str(tmp_path / "products")])


def test_not_finite(tern, machine_runtime, tmp_path, name="int4-topk"):
    """On a machine whose NaN has the other sign, and no instruction for a maximum."""
    machine, runtime = machine_runtime("riscv64")
    case, model = OVERFLOWS[name], tmp_path / "model"
    case.build(model)
    got = Program(tern, machine, runtime, model, tmp_path, case.options).evaluate(IDS, status=1)
    assert_same(got, Model(load(model), case.options).run(IDS))
