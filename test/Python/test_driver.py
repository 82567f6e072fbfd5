# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The `tern` driver: what it refuses, what it leaves behind, what it says.

Needs TERN_BINARY; without it these tests are skipped.
"""

from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import MODELS, ROOT, model_directory
from damage import DAMAGES, copy_model, edit_config, edit_tensor
from tern_reference.synth import synthesize

A48 = model_directory(MODELS[0])
COMMANDS = ("compile", "run", "chat", "ppl", "bench", "inspect")


def run(*command, **options) -> subprocess.CompletedProcess:
    strings = [str(part) for part in command]
    return subprocess.run(strings, capture_output=True, text=True, timeout=300, **options)


def assert_refused(
    done: subprocess.CompletedProcess, *words: str, status: int = 1, program: str = "tern"
) -> None:
    """One sentence of `program`, with all of the words."""
    assert done.returncode == status, done.stderr
    assert done.stderr.startswith(f"{program}: error: "), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word in done.stderr, f"{word!r} is not in {done.stderr!r}"


# Input that is refused.


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_model_is_refused(tern, tmp_path, name):
    damage, words = DAMAGES[name]
    model, out = copy_model(tmp_path / "model"), tmp_path / "out"
    damage(model)
    out.mkdir()
    assert_refused(run(tern, "compile", model, "-o", out / "bard", "--target=generic"), *words)
    assert list(out.iterdir()) == []


def test_undamaged_copy_is_accepted(tern, tmp_path):
    """The tests above fail for the reason they name."""
    model = copy_model(tmp_path / "model")
    done = run(tern, "compile", model, "-o", tmp_path / "bard", "--target=generic")
    assert done.returncode == 0 and done.stderr == ""


@pytest.mark.parametrize(
    "arguments, words, status",
    [
        (["compile"], ["needs a MODEL"], 2),
        (["compile", A48], ["needs -o"], 2),
        (["compile", A48, "-o", "x", "--fast"], ["unknown flag '--fast'"], 2),
        (["compile", A48, "-o", "x", "--kv-bits", "5"], ["3, 4, 8, 16", "'5'"], 2),
        (["compile", A48, "-o", "x", "--max-tokens"], ["needs a value"], 2),
        (["compile", A48, "-o", "x", "-c", "999"], ["999", "256"], 1),
        (["compile", A48, "-o", "x", "--target=toaster"], ["unknown target 'toaster'"], 1),
        (["compile", A48, "-o", "x", "--cpu=486dx"], ["unknown CPU '486dx'", "cascadelake"], 1),
        (["compile", "/nowhere", "-o", "x"], ["/nowhere"], 1),
        (["compile", A48, "-o", "/nowhere/x"], ["/nowhere/x"], 1),
        (["run", "/nowhere", "-p", "x"], ["/nowhere"], 1),
        (["fly"], ["unknown command 'fly'"], 2),
    ],
)
def test_wrong_usage_is_one_sentence(tern, tmp_path, arguments, words, status):
    assert_refused(run(tern, *arguments, cwd=tmp_path), *words, status=status)
    assert list(tmp_path.iterdir()) == []


# Help is exact.


def flags_in_help(text: str) -> set[str]:
    names = set()
    for line in text.splitlines():
        if match := re.match(r"\s+((?:--?[\w-]+(?:, )?)+)(?: |$)", line):
            names |= set(match.group(1).split(", "))
    return names


@pytest.mark.parametrize("command", COMMANDS)
def test_help_lists_only_flags_that_exist(tern, command):
    done = run(tern, command, "--help")
    assert done.returncode == 0 and done.stderr == ""
    flags = flags_in_help(done.stdout)
    assert {"-h", "--help"} <= flags
    for flag in flags - {"-h", "--help"}:
        refusal = run(tern, command, "--help", flag).stderr
        assert "unknown flag" not in refusal and "has no flag" not in refusal


def test_help_of_compile_lists_every_flag_in_the_source(tern):
    names = ("Compile.cpp", "GgufFlags.cpp", "Options.cpp")
    files = [ROOT / "tools" / "tern" / name for name in names]
    source = "".join("".join(file.read_text().split("\n")) for file in files)
    written = re.findall(r"\badd(?:Switch|Text|Number|Size|Positional)\(\s*\"([^\"]+)\"", source)
    expected = {name for names in written for name in names.split(", ")}
    assert len(expected) > 15
    assert flags_in_help(run(tern, "compile", "--help").stdout) == expected


# Files left behind.


def test_killed_compile_leaves_the_old_output(tern, tmp_path):
    out = tmp_path / "bard"
    for delay in (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9):
        out.write_bytes(b"old")
        process = subprocess.Popen(
            [tern, "compile", str(A48), "-o", str(out)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        if process.wait() == 0:
            break
        now = out.read_bytes()
        # Killed after the new file took its place is fine too: it is whole.
        assert now == b"old" or run(out, "--version", env={}).returncode == 0


def interrupted(number: int, started: Path, *command, **options) -> tuple[float, int, str]:
    """Seconds from a signal to the end, status and stderr; sent once `started` is there."""
    strings = [str(part) for part in command]
    with subprocess.Popen(strings, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True, **options) as process:  # fmt: skip
        deadline = time.monotonic() + 30
        while not started.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        begin = time.monotonic()
        process.send_signal(number)
        stderr = process.communicate(timeout=60)[1]
        return time.monotonic() - begin, process.returncode, stderr


@pytest.fixture
def slow_linker(tmp_path):
    """The environment in which linking takes 20 s, and the file that says who has begun."""
    compiler, started, scratch = tmp_path / "cc", tmp_path / "started", tmp_path / "scratch"
    says = f"echo $$ >{started}.new\nmv {started}.new {started}"
    compiler.write_text(f"#!/bin/sh\n{says}\nexec sleep 20 >/dev/null 2>&1 <&1\n")
    compiler.chmod(0o755)
    scratch.mkdir()
    environment = {**os.environ, "TERN_CC": str(compiler), "TMPDIR": str(scratch)}
    return {**environment, "XDG_CACHE_HOME": str(tmp_path / "cache")}, started


@pytest.mark.parametrize(
    "command, number, word", [("compile", 2, "interrupted"), ("run", 15, "terminated")]
)
def test_interrupt_is_said_and_nothing_stays(tern, tmp_path, slow_linker, command, number, word):
    environment, started = slow_linker
    out = tmp_path / "out"
    out.mkdir()
    more = ["-o", out / "bard"] if command == "compile" else ["-p", "ROMEO:"]
    seconds, status, stderr = interrupted(
        number, started, tern, command, A48, *more, env=environment
    )
    assert (status, stderr) == (128 + number, f"tern: {word}\n")
    assert seconds < 2  # promised are 0.2
    left = [*out.iterdir(), *tmp_path.glob("scratch/*"), *tmp_path.glob("cache/*/*.tmp.*")]
    assert left == []
    ended = time.monotonic()
    linker = Path("/proc", started.read_text().strip(), "cmdline")
    with contextlib.suppress(OSError):
        while linker.read_bytes():  # that it ends is up to the system
            assert time.monotonic() < ended + 5
            time.sleep(0.01)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 KiB, less than a compiled model."""
    where = tmp_path / "small"
    where.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(where)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root")
    yield where
    subprocess.run(["umount", str(where)], check=True)


@pytest.mark.parametrize("emit, file", [("exe", "bard"), ("obj", "bard.o")])
def test_full_disk_is_said_and_nothing_stays(tern, small_disk, emit, file):
    done = run(tern, "compile", A48, "-o", small_disk / file, f"--emit={emit}")
    assert_refused(done, "No space left on device", str(small_disk))
    assert list(small_disk.iterdir()) == []


# Other forms of output.


def test_object_header_and_weights(tern, tmp_path):
    done = run(tern, "compile", A48, "-o", tmp_path / "bard.o", "--emit=obj", "--target=generic")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"bard.o", "bard.h", "bard.weights"}
    alone = tmp_path / "alone" / "bard.weights"
    alone.parent.mkdir()
    done = run(tern, "compile", A48, "-o", alone, "--emit=weights", "--target=generic")
    assert done.returncode == 0, done.stderr
    assert alone.read_bytes() == (tmp_path / "bard.weights").read_bytes()
    program = tmp_path / "size.c"
    program.write_text(
        '#include "bard.h"\n#include "tern/tern.h"\n'
        "int main(void) { return tern_model_bard.weights_bytes == TERN_BARD_WEIGHTS_BYTES &&"
        " tern_model_bard.weights_id == TERN_BARD_WEIGHTS_ID &&"
        " tern_model_scratch_bytes(&tern_model_bard, 3) == TERN_BARD_SCRATCH_BYTES(3) &&"
        " tern_model_bard.max_context == TERN_BARD_MAX_CONTEXT &&"
        " tern_model_bard.kv_bits == TERN_BARD_KV_BITS ? 0 : 1; }\n"
    )
    include, step = ROOT / "runtime" / "include", ROOT / "runtime" / "src" / "core" / "step.c"
    command = ["cc", "-Wall", "-Werror", "-I", include, program, "bard.o", step, "-o", "size"]
    build = run(*command, cwd=tmp_path)
    assert build.returncode == 0, build.stderr
    assert run(tmp_path / "size").returncode == 0


def test_shared_library_exports_the_model_only(tern, tmp_path):
    done = run(tern, "compile", A48, "-o", tmp_path / "bard.so", "--emit=shared")
    assert done.returncode == 0, done.stderr
    symbols = run("nm", "-D", "--defined-only", tmp_path / "bard.so").stdout
    assert [line.split()[-1] for line in symbols.splitlines()] == ["tern_model_bard"]


def test_text_goes_to_stdout(tern):
    ir = run(tern, "compile", A48, "-o", "-", "--emit=llvm-ir", "--target=generic")
    assert ir.returncode == 0 and "@tern_model_" in ir.stdout
    assembly = run(tern, "compile", A48, "-o", "-", "--emit=asm", "--target=generic")
    assert assembly.returncode == 0 and "tern_model_" in assembly.stdout


def test_phases_can_be_taken_one_by_one(tern, tmp_path):
    """The object of a chain of phases is the object of one run."""
    flags = ["--target=generic", "--name=bard"]
    phases = ["import", "fused", "quantized", "packed", "tiled", "kernels", "llvm"]
    text = run(tern, "compile", A48, "--compile-to=import", *flags).stdout
    assert "tern.bitlinear" in text
    for before, after in zip(phases, phases[1:]):
        step = run(tern, "compile", "-", f"--compile-from={before}", f"--compile-to={after}", input=text)
        assert step.returncode == 0, step.stderr
        text = step.stdout
    chained, whole = tmp_path / "chained" / "bard.o", tmp_path / "whole.o"
    chained.parent.mkdir()
    done = run(tern, "compile", "-", "--compile-from=llvm", "--emit=obj", "-o", chained, input=text)
    assert done.returncode == 0, done.stderr
    assert run(tern, "compile", A48, "--emit=obj", "-o", whole, *flags).returncode == 0
    assert chained.read_bytes() == whole.read_bytes()


def test_stages_are_saved(tern, tmp_path):
    stages = tmp_path / "stages"
    done = run(tern, "compile", A48, "-o", tmp_path / "bard", "--save-stages", stages)
    assert done.returncode == 0, done.stderr
    names = ["import", "fused", "quantized", "packed", "tiled", "kernels", "llvm"]
    expected = [f"{i:02}-{name}.mlir" for i, name in enumerate(names)]
    assert sorted(p.name for p in stages.iterdir()) == expected + ["bard.ll", "bard.o", "bard.s"]


# Progress.


def on_terminal(*command) -> str:
    """The stderr of a command when that is a terminal."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    with subprocess.Popen([str(part) for part in command], stderr=theirs, env=environment) as process:
        os.close(theirs)
        written = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # how Linux says that the other end is closed
                break
            if not part:
                break
            written += part
    os.close(ours)
    assert process.returncode == 0
    return written.decode()


def test_progress_is_shown_on_a_terminal_only(tern, tmp_path):
    command = [tern, "compile", A48, "-o", tmp_path / "bard", "--target=generic"]
    lines = on_terminal(*command).split("\r")
    steps = [line.split("[")[0].strip() for line in lines if line.strip()]
    assert steps[:2] == ["tern: import", "tern: fused"]
    assert "tern: linking" in steps and steps[-1] == "tern: weights"
    assert "100 %" in [line for line in lines if line.strip()][-1]
    # The last thing written is an empty line.
    assert lines[-1] == "" and lines[-2].strip() == ""
    assert on_terminal(*command, "--quiet") == ""
    assert run(*command).stderr == ""


# Inspecting.


def test_inspect_a_checkpoint(tern):
    done = run(tern, "inspect", A48, "--check")
    assert done.returncode == 0, done.stderr
    for words in ("5 layers", "int4_absmean", "50.0 %", "multiplies", "2.00 bits each", "2168320, 3.31",
                  "byte-level BPE", "1023 <|end_of_text|>", "has no template", "nothing in it would be refused"):
        assert words in done.stdout


def test_inspect_says_what_is_unusual(tern, tmp_path):
    shape = dict(hidden=64, heads=2, head_dim=32, intermediate=96, layers=1)
    synthesize(tmp_path, scales="group", bias="qkv", rope="llama3", inner_norms=True, **shape)
    lines = run(tern, "inspect", tmp_path).stdout.splitlines()
    said = {line.split()[0]: line for line in lines if line}
    assert said["q_proj"].endswith(", a scale per 32 columns of a row, bias")
    assert said["o_proj"].endswith(", a scale per 32 columns of a row")
    assert said["context"].endswith("periods up to 8 times as long")
    assert "in each projection 1e-06" in said["norms"]


def test_inspect_says_what_would_be_refused(tern, tmp_path):
    model = copy_model(tmp_path / "model")
    DAMAGES["code_three"][0](model)
    assert run(tern, "inspect", model).returncode == 0
    assert_refused(run(tern, "inspect", model, "--check"), "model.safetensors", "3")


def test_inspect_lists_every_problem(tern, tmp_path):
    model = copy_model(tmp_path / "model")
    for name in ("code_three", "nan_scale"):
        DAMAGES[name][0](model)
    k0 = "model.layers.0.self_attn.k_proj.weight"
    edit_tensor(k0, lambda data: data.__setitem__(0, 0xFF))(model)
    done = run(tern, "inspect", model, "--check")
    refused = [line for line in done.stdout.splitlines() if line.startswith("refused")]
    assert [k0 in line for line in refused].count(True) == 1
    # The scale is NaN to whoever reads the matrix and to whoever reads all tensors.
    assert ["q_proj.weight_scale" in line for line in refused].count(True) == 2
    assert_refused(done, "model.safetensors", "(tern inspect MODEL lists 2 more)")
    assert "begins with" in done.stdout  # the rest is said all the same

    model = copy_model(tmp_path / "config")
    edit_config(lambda config: config.update(hidden_act="gelu", num_hidden_layers=0))(model)
    done = run(tern, "inspect", model)
    assert_refused(done, "config.json")
    assert "hidden_act" in done.stdout and "num_hidden_layers" in done.stdout


def test_inspect_what_was_compiled(tern, tmp_path):
    out = tmp_path / "bard"
    assert run(tern, "compile", A48, "-o", out, "--target=x86-64-v3").returncode == 0
    program = run(tern, "inspect", out)
    assert program.returncode == 0, program.stderr
    for words in ("model        bard", "5 layers", "256 tokens", "avx2", "1024 tokens", "1022 <|begin"):
        assert words in program.stdout
    assert "avx512f" not in program.stdout
    text = tmp_path / "text"
    text.write_text("not a model")
    assert_refused(run(tern, "inspect", text), str(text))
    assert_refused(run(tern, "inspect", tmp_path / "missing"), "missing")
