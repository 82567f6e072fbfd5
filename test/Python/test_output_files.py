# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Files that `tern compile` and `tern export` write: of which form, which they never replace,
and that whatever stands in the way is said before the work."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import MODELS, model_directory
from tern_reference.synth import synthesize
from test_driver import assert_refused, run, small_disk  # noqa: F401

A48 = model_directory(MODELS[0])
SHAPE = dict(hidden=64, heads=2, head_dim=32, intermediate=96, layers=1, vocab=300)
FAST = ["--target=generic", "--max-tokens=1"]


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("outputs") / "model"
    synthesize(directory, **SHAPE)
    return directory


@pytest.fixture(scope="module")
def library(tern, model) -> Path:
    """bard.o, bard.h and bard.weights."""
    folder = model.parent / "library"
    folder.mkdir()
    done = run(tern, "compile", model, "-o", folder / "bard.o", *FAST)
    assert done.returncode == 0, done.stderr
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


# The form.

STARTS = {
    "bard.bin": b"\x7fELF",
    "bard.o": b"\x7fELF",
    "libbard.so.1.2": b"\x7fELF",
    "bard.a": b"!<arch>\n",
    "bard.s": b"\t",
    "bard.ll": b"; ModuleID",
    "bard.weights": b"TERNART1",
}
KINDS = {"bard.o": 1, "libbard.so.1.2": 3}  # e_type
BESIDE = {
    "bard.o": {"bard.h", "bard.weights"},
    "libbard.so.1.2": {"libbard.h", "libbard.weights"},
    "bard.a": {"bard.h", "bard.weights"},
}


@pytest.mark.parametrize("name", STARTS)
def test_the_form_follows_the_suffix(tern, model, library, tmp_path, name):
    if name == "bard.o":
        tmp_path = library
    else:
        done = run(tern, "compile", model, "-o", tmp_path / name, *FAST)
        assert done.returncode == 0, done.stderr
    written = contents(tmp_path)
    assert set(written) == {name} | BESIDE.get(name, set())
    assert written[name].startswith(STARTS[name])
    if name in KINDS:
        assert written[name][16] == KINDS[name]
        symbols = run("nm", tmp_path / name).stdout
        assert f"tern_model_{name.split('.')[0]}" in symbols
    elif STARTS[name] == b"\x7fELF":
        assert run(tmp_path / name, "--version", env={}).returncode == 0


@pytest.mark.parametrize(
    "output, flags, words",
    [
        ("bard.o", ["--emit=exe"], ["--emit=obj", "--emit=exe"]),
        ("bard.so", ["--emit=obj"], ["--emit=shared", "--emit=obj"]),
        ("bard.S", ["--emit=llvm-ir"], ["--emit=asm"]),
        ("bard.weights", ["--emit=shared"], ["--emit=weights"]),
        ("bard.ll", ["--compile-to=packed"], ["--emit=llvm-ir", "--compile-to=packed"]),
        ("bard.mlir", [], [".mlir", "--compile-to=PHASE"]),
        ("bard.mlir", ["--emit=llvm-ir"], [".mlir", "--compile-to=PHASE"]),
        ("bard", ["--emit=obj", "--compile-to=packed"], ["--compile-to=packed"]),
        ("bard.gguf", [], ["tern export"]),
        ("bard.safetensors", ["--emit=exe"], ["safetensors"]),
        ("bard.a", ["--emit=obj"], ["--emit=archive"]),
        ("bard.h", ["--emit=obj"], ["header"]),
        ("bard.bc", [], ["bitcode", ".ll"]),
        ("config.json", [], ["JSON"]),
    ],
)
def test_contradictions_are_refused(tern, model, tmp_path, output, flags, words):
    done = run(tern, "compile", model, "-o", tmp_path / output, *flags)
    assert_refused(done, *words, status=2)
    assert list(tmp_path.iterdir()) == []


def test_an_object_on_stdout_has_nothing_beside_it(tern, model, tmp_path):
    command = [tern, "compile", str(model), "-o", "-", "--emit=obj", *FAST]
    done = subprocess.run(command, capture_output=True, cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith(b"\x7fELF")
    assert list(tmp_path.iterdir()) == []


# Files of others.


def test_a_library_replaces_its_own_files(tern, fine_tuned, library, tmp_path):
    folder = shutil.copytree(library, tmp_path / "copy")
    done = run(tern, "compile", fine_tuned, "-o", folder / "bard.o", *FAST)
    assert done.returncode == 0, done.stderr
    before, after = contents(library), contents(folder)
    assert set(after) == set(before) and after["bard.weights"] != before["bard.weights"]


@pytest.fixture(scope="module")
def fine_tuned(model) -> Path:
    """Other numbers in the same shape."""
    directory = model.parent / "fine-tuned"
    synthesize(directory, seed=7, **SHAPE)
    return directory


@pytest.mark.parametrize(
    "output, flags, word",
    [
        ("bard.so", [], "belongs to bard.o"),
        ("bard.so", ["--kv-bits=16"], "belongs to bard.o"),
        ("other.o", ["--name=bard"], "belongs to bard.o"),
    ],
)
def test_files_of_another_model_stay(tern, fine_tuned, library, tmp_path, output, flags, word):
    folder = shutil.copytree(library, tmp_path / "copy")
    done = run(tern, "compile", fine_tuned, "-o", folder / output, *flags, *FAST)
    assert_refused(done, output, word)
    assert contents(folder) == contents(library)


def test_forms_of_one_model_share_its_weights(tern, model, fine_tuned, library, tmp_path):
    folder = shutil.copytree(library, tmp_path / "copy")
    done = run(tern, "compile", model, "-o", folder / "bard.a", *FAST)
    assert done.returncode == 0, done.stderr
    both = contents(folder)
    assert set(both) == {"bard.o", "bard.a", "bard.h", "bard.weights"}
    # Neither of them can be given other weights now.
    assert_refused(run(tern, "compile", fine_tuned, "-o", folder / "bard.o", *FAST), "belongs to bard.a")
    assert contents(folder) == both
    # Nor is it known whose weights are left when both are gone.
    (folder / "bard.o").unlink()
    (folder / "bard.a").unlink()
    done = run(tern, "compile", fine_tuned, "-o", folder / "bard.o", *FAST)
    assert_refused(done, "belongs to another compiled model", "remove it")


@pytest.mark.parametrize("name", ["bard.h", "bard.weights"])
def test_files_that_tern_did_not_write_stay(tern, model, tmp_path, name):
    (tmp_path / name).write_text("by hand")
    assert_refused(run(tern, "compile", model, "-o", tmp_path / "bard.o", *FAST), name, "--name")
    assert contents(tmp_path) == {name: b"by hand"}


def test_no_file_of_a_checkpoint_is_replaced(tern, model, library, tmp_path):
    other = shutil.copytree(model, tmp_path / "other")
    (other / "chat_template.jinja").write_text("{{ messages[0].content }}")
    shutil.copy(other / "model.safetensors", tmp_path / "moved")
    shutil.copy(other / "tokenizer.json", tmp_path / "text")
    (tmp_path / "small").write_bytes(b"GGUF" + bytes(60))
    (tmp_path / "libm.a").write_bytes(b"!<arch>\n")
    before, outside = contents(other), contents(tmp_path)
    for name in ("model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"):
        for command in ("compile", "export"):
            done = run(tern, command, model, "-o", other / name)
            assert done.returncode in (1, 2) and name in done.stderr, done.stderr
    for name in ("moved", "text", "small", "libm.a"):
        assert_refused(run(tern, "compile", model, "-o", tmp_path / name), name, "it exists and is")
    assert_refused(run(tern, "export", model, "-o", tmp_path / "moved"), "safetensors")
    assert_refused(run(tern, "export", model, "-o", library / "bard.weights"), "not that of", status=2)
    assert contents(other) == before and contents(tmp_path) == outside


def test_stages_replace_stages_only(tern, model, library, tmp_path):
    folder = shutil.copytree(library, tmp_path / "copy")
    command = [tern, "compile", model, *FAST, "-o", tmp_path / "bard", "--save-stages"]
    assert_refused(run(*command, folder), "bard.o", "--save-stages")
    assert contents(folder) == contents(library)
    stages = tmp_path / "stages"
    command[command.index("-o") + 1] = stages / "bard.o"
    stages.mkdir()
    assert_refused(run(*command, stages), "bard.o", "both write")
    assert list(stages.iterdir()) == []


def test_export_needs_a_file(tern, model, tmp_path):
    done = run(tern, "export", model, "-o", "-", cwd=tmp_path)
    assert_refused(done, "stdout", status=2)
    assert list(tmp_path.iterdir()) == []


# Said before the work: a checkpoint that cannot be read would be refused otherwise.


@pytest.fixture
def damaged(model, tmp_path) -> Path:
    """Compiling it fails as soon as the checkpoint is opened."""
    directory = shutil.copytree(model, tmp_path / "damaged")
    (directory / "model.safetensors").write_bytes(b"")
    return directory


@pytest.fixture
def read_only(tmp_path):
    where = tmp_path / "read-only"
    where.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro,size=64k", "tmpfs", str(where)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a file system needs root")
    yield where
    subprocess.run(["umount", str(where)], check=True)


def assert_said_first(tern: str, damaged: Path, output: Path, *words: str) -> None:
    for command in (["compile"], ["compile", "--emit=asm"], ["compile", "--compile-to=packed"], ["export"]):
        done = run(tern, command[0], damaged, "-o", output, *command[1:])
        assert_refused(done, str(output), *words)


def assert_stages_said_first(tern: str, damaged: Path, folder: Path) -> None:
    done = run(tern, "compile", damaged, "-o", "-", "--emit=asm", "--save-stages", folder)
    assert_refused(done, str(folder))
    assert done.stdout == ""


def test_what_cannot_be_written_is_said_first(tern, damaged, tmp_path):
    assert_refused(run(tern, "compile", damaged, "-o", tmp_path / "fine"), "model.safetensors")
    assert_said_first(tern, damaged, Path("/nowhere/bard"), "No such file")
    (tmp_path / "file").write_text("")
    assert_said_first(tern, damaged, tmp_path / "file" / "bard", "Not a directory")
    assert_stages_said_first(tern, damaged, tmp_path / "file" / "stages")
    (tmp_path / "folder").mkdir()
    for command in ("compile", "export"):
        done = run(tern, command, damaged, "-o", tmp_path / "folder")
        assert_refused(done, "folder", "not a regular file")
    # So is a folder in the place of a file beside it.
    (tmp_path / "bard.weights").mkdir()
    done = run(tern, "compile", damaged, "-o", tmp_path / "bard.so")
    assert_refused(done, "bard.weights", "not a regular file")


def test_read_only_file_systems_are_said_first(tern, damaged, read_only):
    assert_said_first(tern, damaged, read_only / "bard", "Read-only")
    assert_stages_said_first(tern, damaged, read_only / "stages")


def test_missing_room_is_said_before_code_is_made(tern, small_disk):  # noqa: F811
    done = run(tern, "compile", A48, "-o", small_disk / "bard", "-v")
    assert done.returncode == 1
    assert "No space left on device" in done.stderr and "are free" in done.stderr
    assert "optimize" not in done.stderr and list(small_disk.iterdir()) == []


def test_parts_that_linking_needs_are_said_first(tern, damaged, tmp_path):
    environment = {**os.environ, "TERN_CC": "no-such-compiler"}
    for flags in (["bard"], ["bard.so"], ["bard", "--target=riscv64-linux-gnu"]):
        output, *target = flags
        done = run(tern, "compile", damaged, "-o", tmp_path / output, *target, env=environment)
        assert_refused(done, "no-such-compiler")


# Machines.


@pytest.mark.parametrize(
    "target, words",
    [
        ("hexagon-unknown-elf", ["architecture", "riscv32"]),
        ("i686-linux-gnu", ["architecture", "riscv32"]),
        ("thumbv7em-none-eabi", ["instructions for floating point", "--cpu=cortex-m4"]),
        ("thumbv6m-none-eabi --cpu=cortex-m0", ["integer division and floating point", "--cpu=cortex-m4"]),
        ("riscv32-unknown-elf --cpu=generic-rv32", ["integer multiplication, integer division and floating point"]),
        ("arm64_32-apple-watchos", ["architecture", "riscv32"]),
        ("xtensa-none-elf", ["architecture", "riscv32"]),
        ("nvptx-nvidia-cuda", ["GPU"]),
        ("avr-unknown-none", ["16-bit machine"]),
        ("msp430-none-elf", ["16-bit machine"]),
        ("x86_64-linux-gnux32", ["ILP32", "32 bits"]),
        ("aarch64-linux-gnu_ilp32", ["ILP32", "32 bits"]),
        ("mips64el-linux-gnuabin32", ["ILP32", "32 bits"]),
        ("s390x-linux-gnu", ["big endian"]),
        ("amdgcn-amd-amdhsa", ["GPU"]),
        ("spirv64-unknown-unknown", ["GPU"]),
        ("bpfel-unknown-none", ["architecture", "riscv64"]),
        ("ve-unknown-linux-gnu", ["architecture", "riscv64"]),
        ("arm64ec-pc-windows-msvc", ["ARM64EC"]),
        ("riscv64-unknown-elf --cpu=generic-rv64", ["integer multiplication, integer division and floating point"]),
        ("riscv64-unknown-elf --cpu=generic+m", ["instructions for floating point", "--cpu=generic-rv64+m"]),
    ],
)
def test_machines_that_run_no_model_are_said_first(tern, damaged, tmp_path, target, words):
    flags = f"--target={target}".split()
    done = run(tern, "compile", damaged, *flags, "-o", tmp_path / "bard.o")
    assert_refused(done, flags[0].removeprefix("--target=").split("-")[0], *words)


def test_the_cpu_that_is_named_has_the_instructions(tern, model, tmp_path):
    out = tmp_path / "bard.o"
    bare = ("--target=riscv64-unknown-elf", "--cpu=generic-rv64")
    refused = run(tern, "compile", model, *bare, "-o", out)
    cpu = refused.stderr.split("--cpu=")[1].split()[0]
    done = run(tern, "compile", model, "--target=riscv64-unknown-elf", f"--cpu={cpu}", "-o", out, *FAST[1:])
    assert done.returncode == 0, done.stderr
