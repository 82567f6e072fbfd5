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
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import test_embedded
from boards import need
from cases import CASES
from conftest import MODELS, ROOT, model_directory
from tern_reference.checkpoint import load
from tern_reference.model import Model, Options, Result
from test_compiled import assert_same, option_flags, run_driver
from test_golden import golden, golden_json
from test_not_finite import IDS, OVERFLOWS

TOKENS = 40  # of the golden ones: a block of 32 and more


@dataclass(frozen=True)
class Machine:
    """Its names in tern, its C compiler, its emulator and the emulator's CPU."""

    triple: str
    cc: str
    qemu: str
    cpu: str = ""
    emulated: str = ""
    flags: tuple[str, ...] = ()  # of the C compiler


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


# Of 32 bits. Its compiler is the one that there is, with Debian's C library.
ARM32 = Machine(
    "arm-linux-gnueabihf", "clang", "qemu-arm", "", "cortex-a7",
    ("--target=arm-linux-gnueabihf", "-fuse-ld=lld"),
)  # fmt: skip


def run_quietly(command: list, directory: Path) -> None:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"{' '.join(map(str, command))}\n{done.stderr[-4000:]}")


class Program:
    """A model compiled for a machine, as tern links it for that."""

    def __init__(self, tern: str, machine: Machine, model: Path, work: Path,
                 options: Options = Options(), strategy: Path | None = None):  # fmt: skip
        self.machine, self.work = machine, work
        flags = ["-o", str(work / "program"), f"--target={machine.triple}"]
        if machine.cpu:
            flags.append(f"--cpu={machine.cpu}")
        if machine.flags:
            flags.append(f"--cc={machine.cc}")
        if strategy:
            flags += ["--strategy", str(strategy)]
        run_driver([tern, "compile", str(model), *flags, *option_flags(options)])

    def run(self, *arguments: str, status: int = 0) -> str:
        cpu = ["-cpu", self.machine.emulated] if self.machine.emulated else []
        command = [self.machine.qemu, *cpu, str(self.work / "program"), "run", *arguments]
        return run_driver([*command, "-q"], status)

    def weights(self) -> bytes:
        """Of the artifact in it, which begins at a multiple of 64 KiB."""
        program = (self.work / "program").read_bytes()
        [start] = [at for at in range(0, len(program), 1 << 16) if program[at : at + 8] == b"TERNART1"]
        offset, size = np.frombuffer(program, "<u8", 2, start + 32).tolist()
        return program[start + offset : start + offset + size]

    def evaluate(self, ids: list[int], threads: int = 1, status: int = 0) -> Result:
        logits, hidden = self.work / "logits.npy", self.work / "hidden.npy"
        command = ["--ids", ",".join(map(str, ids)), "-n", "0", "-t", str(threads)]
        self.run(*command, "--logits", str(logits), "--hidden", str(hidden), status=status)
        return Result(np.load(hidden), np.load(logits))


@functools.cache
def known_machine(name: str) -> Machine:
    """Skips the test where a part of it is missing."""
    machine = {**MACHINES, **VECTORS, "arm": ARM32}[name]
    for tool in (machine.cc, machine.qemu):
        if not shutil.which(tool):
            pytest.skip(f"no '{tool}' to run what is compiled for {name}")
    with tempfile.TemporaryDirectory() as empty:
        Path(empty, "empty.c").write_text("int main(void) { return 0; }\n")
        link = [machine.cc, *machine.flags, "-static", "empty.c", "-o", "empty"]
        if subprocess.run(link, cwd=empty, capture_output=True).returncode:
            pytest.skip(f"'{machine.cc}' has no static C library to link with")
    return machine


@pytest.fixture(scope="session")
def program(tern, tmp_path_factory):
    """(machine, bundled model or case) -> its program, made once."""

    @functools.cache
    def build(machine: str, name: str) -> Program:
        known = known_machine(machine)
        work = tmp_path_factory.mktemp("program")
        if name not in CASES:
            return Program(tern, known, model_directory(name), work)
        CASES[name].build(work / "model")
        return Program(tern, known, work / "model", work, CASES[name].options)

    return build


machines = pytest.mark.parametrize("machine", MACHINES)


# The rows of AArch64 in one program: test_versions.py.
@pytest.mark.parametrize("name", MODELS)
def test_bundled(program, name, machine="riscv64"):
    want = golden(name)
    ids = want.f32("tokens").astype(int).tolist()[:TOKENS]
    got = program(machine, name).evaluate(ids, threads=2)
    hidden, logits = want.f32("config.hidden")[:, :TOKENS], want.f32("config.logits")[:TOKENS]
    assert_same(got, Result(hidden, logits))


@pytest.mark.parametrize("machine", ("aarch64", "arm"))
def test_greedy_text(tern, program, machine, name=MODELS[0]):
    """As the native program says it, of a stripped one too, whose parts are whole: of 64
    bits and of 32.
    """
    compiled, want = program(machine, name), golden_json(name)["greedy"][0]
    flags = ["-p", want["prompt"], "--temp", "0", "-n", str(len(want["ids"])), "-t", "1"]
    assert compiled.run(*flags).rstrip() == want["text"].rstrip()
    stripped = compiled.work / "stripped"
    strip = "llvm-strip" if machine == "arm" else compiled.machine.cc.replace("-gcc", "-strip")
    subprocess.run([strip, compiled.work / "program", "-o", stripped], check=True)
    assert run_driver([compiled.machine.qemu, stripped, *flags, "-q"], 0) == compiled.run(*flags)
    assert "as tern compile wrote" in run_driver([tern, "inspect", str(stripped), "--check"], 0)
    damaged = bytearray(stripped.read_bytes())
    damaged[damaged.index(b"TERNART1") + 5000] ^= 1
    stripped.write_bytes(damaged)
    assert "refused" in run_driver([tern, "inspect", str(stripped), "--check"], 1)


def test_arm(program, name=MODELS[0], count=12):
    """Every bit, and on CPUs that do not divide a sentence instead of a signal."""
    compiled, want = program("arm", name), golden(name)
    ids = want.f32("tokens").astype(int).tolist()[:count]
    hidden, logits = want.f32("config.hidden")[:, :count], want.f32("config.logits")[:count]
    assert_same(compiled.evaluate(ids, threads=2), Result(hidden, logits))
    old = [compiled.machine.qemu, "-cpu", "cortex-a8", str(compiled.work / "program"), "run", "-p", "x"]
    done = subprocess.run(old, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "needs hwdiv-arm, vfp4d16, which this CPU does not have" in done.stderr


def test_recurrent_layers_on_arm(program, name="hybrid-wide"):
    """Scalars of floats, whose small results are kept."""
    compiled, case = program("arm", name), CASES[name]
    want = Model(load(compiled.work / "model"), case.options).run(case.ids())
    assert_same(compiled.evaluate(case.ids(), case.threads), want)


# Linking for them.


def refused(tern: str, out: Path, *flags: str, **environment: str) -> str:
    command = [tern, "compile", str(model_directory(MODELS[0])), "-o", str(out), *flags]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == "" and not out.exists(), done.stderr
    [line] = done.stderr.splitlines()
    return line


ARM64 = "--target=aarch64-linux-gnu"
PACKAGES = "install gcc-aarch64-linux-gnu and libc6-dev-arm64-cross (Debian's names)"


def test_missing_tools_are_named(tern, tmp_path):
    out, nowhere = tmp_path / "bard", {"PATH": str(tmp_path)}
    line = refused(tern, out, ARM64, **nowhere)
    assert "neither aarch64-linux-gnu-gcc nor clang" in line and PACKAGES in line
    line = refused(tern, out, "--target=loongarch64-linux-gnu", **nowhere)
    assert "--cc" in line and "--sysroot" in line
    assert "no-such-cc that --cc names" in refused(tern, out, ARM64, "--cc=no-such-cc")
    assert "no-such-cc that TERN_CC names" in refused(tern, out, ARM64, TERN_CC="no-such-cc")
    assert "there is no folder no/such" in refused(tern, out, ARM64, "--sysroot=no/such")
    line = refused(tern, out, "--target=thumbv7em-none-eabihf", "--cpu=cortex-m4")
    assert "programs of Linux only" in line and "--emit=obj" in line


def test_compilers_that_cannot_are_told(tern, tmp_path):
    """One for another machine, and one that has no C library of the machine."""
    line = refused(tern, tmp_path / "bard", ARM64, "--cc=cc", PATH="/usr/bin:/bin")
    assert "cc links for x86_64, not for aarch64" in line
    compiler = tmp_path / "compiler"
    compiler.write_text("#!/bin/sh\necho 'stdio.h: error: no such file' >&2\nexit 1\n")
    compiler.chmod(0o755)
    line = refused(tern, tmp_path / "bard", ARM64, TERN_CC=str(compiler))
    assert "no such file" in line and PACKAGES in line


def test_runtime_is_kept(program, tern):
    """Compiled once for a machine, as the cache says."""
    program("riscv64", MODELS[0])
    lines = [
        line for line in run_driver([tern, "cache", "list"]).splitlines() if "runtime_riscv64" in line
    ]
    # Sources that have changed since an earlier run have an entry of their own.
    assert lines and all("the runtime for riscv64-unknown-linux-gnu, by /" in line for line in lines)


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
        [compiled.machine.qemu, str(compiled.work / "program"), "run", "-p", "x"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert "needs v, which this CPU does not have" in done.stderr


#: Layouts that the costs do not choose; groups in lanes are in test_versions.py.
RULES = [
    {"projection": "down_proj", "layout": "contiguous_columns"},
    {"projection": "*_proj", "layout": "contiguous_rows"},
]


def test_strategies(tern, tmp_path, machine="dotprod", name=MODELS[0]):
    (tmp_path / "rules.json").write_text(json.dumps(RULES))
    compiled = Program(
        tern, known_machine(machine), model_directory(name), tmp_path,
        strategy=tmp_path / "rules.json",
    )  # fmt: skip
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


def compile_products(tern: str, directory: Path, compiler: list, *target: str) -> None:
    run_driver([tern, "tune", "--family", *target, "-o", str(directory / "family.o")])
    source = ROOT / "test/Target/RISCV/products.c"
    flags = ["-std=gnu11", "-O2", "-static", str(source), "family.o", "-o", "products"]
    run_quietly([*compiler, *flags], directory)


@pytest.mark.parametrize("name, flags", [("riscv64", []), ("riscv64-v256", ["-DVECTORS"])])
def test_products_of_riscv(tern, tmp_path, name, flags):
    machine = known_machine(name)
    compile_products(tern, tmp_path, [machine.cc, *flags], f"--target={machine.triple}")
    cpu = ["-cpu", machine.emulated] if machine.emulated else []
    run_driver([machine.qemu, *cpu, str(tmp_path / "products")])


def test_products_of_riscv32(tern, tmp_path):
    need("clang", "ld.lld", "qemu-riscv32")
    board = test_embedded.BOARDS["riscv32"]
    compiler = ["clang", f"--target={board.triple}", *board.flags, "-ffreestanding", "-nostdlib",
                "-fno-builtin", "-fuse-ld=lld"]  # fmt: skip
    target = [f"--target={board.triple}", f"--cpu={board.cpu}"]
    compile_products(tern, tmp_path, compiler, *target)
    run_driver(["qemu-riscv32", str(tmp_path / "products")])


def test_not_finite(tern, tmp_path, name="int4-topk"):
    """On a machine whose NaN has the other sign, and no instruction for a maximum."""
    machine = known_machine("riscv64")
    case, model = OVERFLOWS[name], tmp_path / "model"
    case.build(model)
    got = Program(tern, machine, model, tmp_path, case.options).evaluate(IDS, status=1)
    assert_same(got, Model(load(model), case.options).run(IDS))
