# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Files that are written: never over those that are read, never half. And results:
never lost without a word.

Needs TERN_BINARY; without it these tests are skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from cached import compiled_once
from conftest import MODELS, model_directory
from damage import copy_model
from tern_reference.synth import synthesize
from test_driver import assert_refused, run

A48 = model_directory(MODELS[0])


@pytest.fixture
def model(tmp_path) -> Path:
    return copy_model(tmp_path / "model")


@pytest.fixture(scope="module")
def bard(tern) -> Path:
    """A program of the bundled a4.8 model."""
    return compiled_once(tern, A48, ["--target=generic"]) / "bard"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# Output over input.

COMPILE = ["compile", "MODEL", "--target=generic"]


@pytest.mark.parametrize(
    "command, output",
    [
        (COMPILE, "model.safetensors"),
        ([*COMPILE, "--emit=llvm-ir"], "config.json"),
        ([*COMPILE, "--emit=weights"], "tokenizer.json"),
        ([*COMPILE, "--compile-to=import"], "generation_config.json"),
        (["export", "MODEL"], "model.safetensors"),
    ],
)
def test_the_model_is_not_replaced(tern, model, tmp_path, command, output):
    """By its name, by that of a link to it and by another name of the same file."""
    before = contents(model)
    (tmp_path / "link").symlink_to(model / output)
    (tmp_path / "same").hardlink_to(model / output)
    arguments = [str(model) if word == "MODEL" else word for word in command]
    named = run(tern, *arguments, "-o", model / output)  # the suffix may be refused first
    assert named.returncode in (1, 2) and named.stderr.count("\n") == 1, named.stderr
    for path in (tmp_path / "link", tmp_path / "same"):
        if command[0] == "compile":
            assert_refused(run(tern, *arguments, "-o", path), str(path), "read")
    assert contents(model) == before
    assert {path.name for path in tmp_path.iterdir()} == {"model", "link", "same"}


def test_files_beside_the_output_are_not_those_of_the_model(tern, model, tmp_path):
    """NAME.weights and NAME.h lie beside an object, stages in a folder."""
    before = contents(model)
    (tmp_path / "bard.weights").hardlink_to(model / "model.safetensors")
    done = run(tern, "compile", model, "-o", tmp_path / "bard.o", "--emit=obj", "--target=generic")
    assert_refused(done, "bard.weights", "which is read")
    (tmp_path / "00-import.mlir").symlink_to(model / "config.json")
    done = run(tern, "compile", model, "-o", tmp_path / "bard", "--save-stages", tmp_path)
    assert_refused(done, "00-import.mlir", "which is read")
    assert contents(model) == before


def test_templates_and_schemes_are_not_replaced(tern, tmp_path):
    template, scheme = tmp_path / "chat", tmp_path / "scheme"
    template.write_text("{{ messages[0].content }}")
    scheme.write_text("{}")
    for flag, path in (("--chat-template", template), ("--activations", scheme)):
        done = run(tern, "compile", A48, "-o", path, flag, path)
        assert_refused(done, f"cannot write {path}", "read")
    ir = scheme.rename(tmp_path / "ir.s")
    with open(ir) as stdin:
        done = run(tern, "compile", "-", "--compile-from=llvm", "--emit=asm", "-o", ir, stdin=stdin)
    assert_refused(done, f"cannot write {ir}", "standard input")


def test_links_stay(tern, tmp_path):
    (tmp_path / "link").symlink_to("real")
    for _ in range(2):  # to no file yet, and to one
        done = run(tern, "compile", A48, "-o", tmp_path / "link", "--compile-to=import")
        assert done.returncode == 0, done.stderr
        assert os.readlink(tmp_path / "link") == "real"
        assert "tern.bitlinear" in (tmp_path / "real").read_text()
    (tmp_path / "loop").symlink_to("loop")
    done = run(tern, "compile", A48, "-o", tmp_path / "loop", "--compile-to=import")
    assert_refused(done, str(tmp_path / "loop"))


@pytest.mark.parametrize("flag", ["--logits", "--hidden"])
def test_programs_follow_the_same_rule(tern, bard, model, tmp_path, flag):
    os.mkfifo(tmp_path / "fifo")
    text, weights = tmp_path / "text", tmp_path / "bard.weights"
    text.write_text("ROMEO:")
    shutil.copy(bard, weights)
    own = shutil.copy(bard, tmp_path / "own")
    (tmp_path / "link").symlink_to("own")
    base = [own, "-n", "1", "-q", "--temp", "0"]
    for arguments, path, words in [
        (["-p", "x"], tmp_path / "fifo", "not a regular file"),
        (["-p", "x"], Path("/dev/null"), "not a regular file"),
        (["-p", "x"], tmp_path, "not a regular file"),
        (["-p", "x"], own, "the running program"),
        (["-p", "x"], tmp_path / "link", "the running program"),
        (["-f", text], text, "a file that is read"),
        (["-p", "x", "--weights", weights], weights, "a file that is read"),
    ]:
        done = run(*base, *arguments, flag, path)
        assert_refused(done, f"{path}: cannot be written: it", words, program="own")
    with open(text) as stdin:
        done = run(*base, flag, text, stdin=stdin)
    assert_refused(done, "standard input", program="own")
    assert own.read_bytes() == bard.read_bytes() and text.read_text() == "ROMEO:"

    (tmp_path / "to").symlink_to("values.npy")
    for _ in range(2):
        assert run(*base, "-p", "x", flag, tmp_path / "to").returncode == 0
        assert os.readlink(tmp_path / "to") == "values.npy"
        assert (tmp_path / "values.npy").read_bytes()[:6] == b"\x93NUMPY"
    both = run(*base, "-p", "x", "--logits", tmp_path / "a", "--hidden", tmp_path / "a")
    assert_refused(both, "--logits and --hidden", program="own")

    before = contents(model)
    for path in (model / "model.safetensors", model / "config.json"):
        done = run(tern, "run", model, "-p", "x", "-n", "1", f"{flag}={path}")
        assert_refused(done, f"cannot write {path}", "read")
    assert contents(model) == before
    assert not [path for path in tmp_path.iterdir() if ".tmp." in path.name]


def test_kept_logits_follow_it_too(tern, bard, model, tmp_path):
    text = tmp_path / "text"
    text.write_text("To be, or not to be")
    done = run(bard, "ppl", "-f", text, "--kl-base", text)
    assert_refused(done, f"{text}: cannot be written: it is a file that is read", program="bard")
    weights = model / "model.safetensors"
    done = run(tern, "ppl", model, "-f", text, "--kl-base", weights)
    assert_refused(done, f"cannot write {weights}: it is a file that is read")


# Results that nobody gets.


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_lost_output_is_an_error(tern, bard, tmp_path):
    text = tmp_path / "text"
    text.write_text("To be, or not to be, that is the question: " * 9)
    ppl = ["ppl", "-f", text, "-c", "20", "--chunks", "1"]
    commands = [
        (["inspect", A48], "tern"), (["inspect", A48, "--json"], "tern"), (["--help"], "tern"),
        (["--version"], "tern"), (["compile", "--help"], "tern"), (["run", "--help"], "tern"),
        (["compile", A48, "-o", "-", "--compile-to=import"], "tern"), (["run", bard, "--help"], "tern"),
        ([*ppl], "bard"), (["bench", "-p", "16", "-n", "4", "-r", "1"], "bard"), (["--help"], "bard"),
        (["bench", "-p", "16", "-n", "4", "-r", "1", "-o", "json"], "bard"), (["--version"], "bard"),
        (["-p", "ROMEO:", "-n", "1"], "bard"),
    ]  # fmt: skip
    for arguments, program in commands:
        command = [str(word) for word in [tern if program == "tern" else bard, *arguments]]
        with open("/dev/full", "w") as full:
            done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
        last = done.stderr.splitlines()[-1]
        assert done.returncode == 1, (arguments, done.stderr)
        assert last.startswith(f"{program}: error: cannot write to standard output"), last
        assert "LLVM" not in done.stderr


def test_a_reader_that_has_enough_ends_it_quietly(tern):
    done = run("sh", "-c", f"'{tern}' inspect '{A48}' | head -n 1")
    assert done.returncode == 0 and done.stdout.count("\n") == 1 and done.stderr == ""


# Inputs that change.


@pytest.fixture
def changing(tmp_path):
    """A small model, and an environment in which linking runs a line of shell first.

    The weights are read after the program is linked.
    """
    model, compiler = tmp_path / "model", tmp_path / "cc"
    synthesize(model, tokenizer=True, hidden=16, intermediate=20, layers=1, heads=2, kv_heads=1,
               head_dim=8, vocab=300)  # fmt: skip
    (tmp_path / "scratch").mkdir()
    (tmp_path / "out").mkdir()

    def compiled(tern: str, line: str) -> subprocess.CompletedProcess:
        compiler.write_text(f"#!/bin/sh\n{line}\nexec cc \"$@\"\n")
        compiler.chmod(0o755)
        environment = {**os.environ, "TERN_CC": str(compiler), "TMPDIR": str(tmp_path / "scratch")}
        out = tmp_path / "out" / "bard"
        done = run(tern, "compile", model, "-o", out, "--target=generic", env=environment)
        assert list((tmp_path / "scratch").iterdir()) == []
        if done.returncode:
            assert list((tmp_path / "out").iterdir()) == []
        return done

    return model / "model.safetensors", compiled


@pytest.mark.parametrize("size", [0, 4096])
def test_model_that_shrinks_is_said(tern, changing, size):
    file, compiled = changing
    done = compiled(tern, f"truncate -s {size} '{file}'")
    assert_refused(done, f"{file}: became shorter while it was read")


@pytest.mark.parametrize("line", ["truncate -s -1 '{}'", "printf x | dd of='{}' conv=notrunc", "touch '{}'"])
def test_weights_that_change_make_no_program(tern, changing, line):
    """Nothing is behind the end of the file, but the half that is read is another's."""
    file, compiled = changing
    assert_refused(compiled(tern, f"{line.format(file)} 2>/dev/null"), f"{file}: changed while it was read")


def test_model_that_is_removed_makes_a_program(tern, changing):
    """Whoever has it open has all of it; files beside it are no matter."""
    file, compiled = changing
    done = compiled(tern, f"rm '{file}'; touch '{file.parent}/config.json'")
    assert done.returncode == 0 and done.stderr == ""


def test_model_that_shrinks_at_any_time(tern, model, tmp_path):
    """Before it is opened, while its tables are read, later."""
    command = [tern, "inspect", str(model), "--check"]
    blob = (model / "model.safetensors").read_bytes()
    for delay in (0.01, 0.03, 0.06, 0.1, 0.2):
        (model / "model.safetensors").write_bytes(blob)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        time.sleep(delay)
        os.truncate(model / "model.safetensors", 100000)
        _, err = process.communicate(timeout=60)
        assert process.returncode in (0, 1), err
        assert process.returncode == 0 or "model.safetensors" in err
