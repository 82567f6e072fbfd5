# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs that tern makes: alone, on other CPUs, with other weights, too long.

Needs TERN_BINARY; without it these tests are skipped.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import re
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import MODELS, ROOT, model_directory
from malformed_binary import program_header
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


# Copies: stripped, damaged, alone.

STRIPPERS = [
    "strip", "strip --strip-debug", "objcopy --strip-all", "llvm-strip-22",
    "llvm-strip-22 --strip-sections", "llvm-objcopy-22 --strip-all",
]  # fmt: skip


@pytest.mark.parametrize("stripper", STRIPPERS)
def test_stripped_program_runs(tern, program, tmp_path, stripper):
    command = stripper.split()
    if not shutil.which(command[0]):
        pytest.skip(f"there is no {command[0]}")
    bard = shutil.copy(program("generic"), tmp_path / "bard")
    assert run(*command, bard).returncode == 0
    assert "debug" in stripper or b".symtab\0" not in bard.read_bytes()
    want = golden_json(MODELS[0])["greedy"][0]
    done = run(bard, "-p", want["prompt"], "-n", len(want["ids"]), "--temp", "0", "--verify")
    assert done.returncode == 0, done.stderr
    assert want["text"].rstrip() in done.stdout
    if "sections" not in stripper:  # where symbols are
        inspected = run(tern, "inspect", bard, "--check")
        assert inspected.returncode == 0 and "model        bard" in inspected.stdout


@pytest.fixture(scope="session")
def static_program(tern, tmp_path_factory):
    path = tmp_path_factory.mktemp("static") / "bard"
    done = run(tern, "compile", A48, "-o", path, "--target=generic", "--static")
    assert done.returncode == 0, done.stderr
    return path


def test_static_program_in_a_container(static_program, tmp_path):
    """No library, no /proc, no /dev, nobody's rights: as the Dockerfile of the examples has
    it, whose root directory has one file in it."""
    recipe = (ROOT / "runtime/examples/container/Dockerfile").read_text()
    lines = dict(line.split(" ", 1) for line in recipe.splitlines() if line[:1] not in ("", "#"))
    assert lines["FROM"] == "scratch" and lines["COPY"] == "bard /bard"
    program, user = json.loads(lines["ENTRYPOINT"])[0], lines["USER"]
    shutil.copy(static_program, tmp_path / "bard")
    tmp_path.chmod(0o755)
    assert "NEEDED" not in run("readelf", "-d", static_program).stdout
    is_root = os.geteuid() == 0
    chroot = ["chroot", f"--userspec={user}"] if is_root else ["unshare", "--map-root-user", "chroot"]
    if run(*chroot, "/", "/bin/true").returncode != 0:
        pytest.skip("another root directory needs root")
    want = golden_json(MODELS[0])["greedy"][0]
    flags = ["-p", want["prompt"], "-n", len(want["ids"]), "--temp", "0", "--verify"]
    done = run(*chroot, tmp_path, program, *flags, env={"PATH": os.environ["PATH"]})
    assert done.returncode == 0, done.stderr
    assert want["text"].rstrip() in done.stdout


def test_an_engine_refuses_a_static_program(tern, static_program):
    """Its code cannot be loaded; who has one is told what to do."""
    done = run(Path(tern).with_name("tern-engine-crowd"), static_program, 1, 0)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "linked statically" in done.stderr and "compile it without --static" in done.stderr


def test_static_is_about_programs(tern, tmp_path):
    done = run(tern, "compile", A48, "-o", tmp_path / "x.o", "--emit=obj", "--static")
    assert_refused(done, "--static", "--emit=exe", status=2)


def loaded_ranges(blob: bytes) -> list[tuple[int, int]]:
    """Of a program, where in the file its loaded segments and its artifact lie."""
    [offset], [count] = struct.unpack_from("<Q", blob, 32), struct.unpack_from("<H", blob, 56)
    found = []
    for at in range(offset, offset + 56 * count, 56):
        kind, _, begin, _, _, size = struct.unpack_from("<IIQQQQ", blob, at)
        if kind in (1, 0x6E726574):
            found.append((max(begin, offset + 56 * count), begin + size))
    return found


def test_each_flipped_bit_is_found(tern, program, tmp_path):
    """In code, weights, tokenizer, defaults of generation, and in what strip removes."""
    blob = bytearray(program("generic").read_bytes())
    ranges, random = loaded_ranges(blob), np.random.default_rng(8)
    copy = tmp_path / "copy"

    def verify(at: int, bit: int) -> subprocess.CompletedProcess:
        blob[at] ^= 1 << bit
        copy.write_bytes(blob)
        blob[at] ^= 1 << bit
        return run(tern, "inspect", copy, "--check")

    places = [int(random.integers(*ranges[i % len(ranges)])) for i in range(24)]
    # The last range is the artifact's: its header, then each section's ends.
    [base] = struct.unpack_from("<Q", blob, program_header(blob) + 8)
    for header_at in (32, 56, 80):
        offset, size, _ = struct.unpack_from("<3Q", blob, base + header_at)
        places += [base + offset, base + offset + size - 1]
    places += [base + 16, base + 40, base + 104, base + 112, base + 120, base + 128, base + 136]
    # Symbols, names of sections, and the section table's place.
    places += [blob.rindex(b".symtab"), blob.index(b"host_options_parse"), 40, len(blob) - 1]
    for place in places:
        assert_refused(verify(place, place % 8), str(copy))
    copy.write_bytes(blob)
    done = run(tern, "inspect", copy, "--check")
    assert done.returncode == 0 and "checksums    as tern compile wrote them" in done.stdout


def test_verify_names_the_damaged_part(program, tmp_path):
    blob = program("generic").read_bytes()
    [base] = struct.unpack_from("<Q", blob, program_header(blob) + 8)
    copy = shutil.copy(program("generic"), tmp_path / "copy")
    for header_at, name in ((32, "weights"), (56, "tokenizer"), (80, "defaults of generation")):
        [offset] = struct.unpack_from("<Q", blob, base + header_at)
        damaged = bytearray(blob)
        damaged[base + offset + 70] ^= 4
        copy.write_bytes(damaged)
        done = run(copy, "--ids", "5", "-n", "1", "--verify")
        assert_refused(done, f"copy: the {name}", "copy or compile it again", program="copy")
    done = run(copy, "--ids", "5", "-n", "1", "--temp", "0")
    assert done.returncode == 0  # without --verify nothing is read twice


def test_weights_that_become_shorter_are_said(tern, program, tmp_path):
    """While the program runs; what it has mapped is gone."""
    weights = tmp_path / "bard.weights"
    done = run(tern, "compile", A48, "-o", weights, "--emit=weights", "--target=generic")
    assert done.returncode == 0, done.stderr
    process = subprocess.Popen(
        [str(program("generic")), "-p", "ROMEO:", "--ignore-eos", "--temp", "0", "-n", "250",
         "--weights", str(weights)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    process.stdout.read(1)
    os.truncate(weights, 8192)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.splitlines()[-1] == (
        f"bard: error: {weights}: became shorter while it was read, or its disk failed"
    )


def test_bare_runtime_is_small(tern, tmp_path):
    """Everything but model and weights: code and data of the linked runtime, of which
    chat templates are nearly half and the engine 45,000 bytes. Calls of a GPU's driver and
    grammars are not among it."""
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
    assert text + data < 365_000
    assert b"libcuda" not in (tmp_path / "bare").read_bytes()


def test_answers_of_a_form(tern, program, tmp_path):
    """As tern run has it, and programs that are compiled so."""
    schema = tmp_path / "line.json"
    schema.write_text(
        '{"type": "object", "properties": {"speaker": {"enum": ["ROMEO", "JULIET"]}},'
        ' "required": ["speaker"], "additionalProperties": false}'
    )
    flags = ["-p", "ROMEO:", "-q", "--temp", "0", "--json-schema", schema]
    done = run(tern, "run", A48, *flags)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["speaker"] in ("ROMEO", "JULIET")
    built = run(tern, "compile", A48, "-o", tmp_path / "bound", "--grammars", "--target=generic")
    assert built.returncode == 0, built.stderr
    assert run(tmp_path / "bound", *flags).stdout == done.stdout
    assert_refused(run(program("generic"), *flags), "without grammars", program="bard")
    refusal = run(tern, "compile", A48, "-o", tmp_path / "b.so", "--grammars")
    assert_refused(refusal, "--grammars is about a program", status=2)


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
