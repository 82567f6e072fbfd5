# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""MODEL is what it contains, for every command alike: no suffix and no mode decides."""

from __future__ import annotations

import os
import shutil
import stat
import struct
from pathlib import Path

import pytest
from malformed_binary import program_header
from tern_reference.gguf import convert
from tern_reference.synth import synthesize
from test_driver import assert_refused, run

SHAPE = dict(hidden=256, intermediate=512, layers=1, heads=4, kv_heads=2, vocab=300)
FAST = ["--target=generic", "--max-tokens=1"]
IDS = ["--ids", "1,2,3", "-n", "2", "--temp", "0", "--print-ids", "-q", *FAST]
COMMANDS = {
    "compile": ["-o", "OUT", *FAST],
    "export": ["-o", "OUT.gguf"],
    "inspect": [],
    "run": ["-p", "x"],
    "chat": [],
    "ppl": ["-f", "/dev/null"],
    "bench": [],
}


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("input") / "tiny"
    synthesize(directory, **SHAPE)
    return directory


@pytest.fixture(scope="module")
def gguf(model) -> Path:
    convert(model, model.parent / "tiny.bin", "tq2_0")
    return model.parent / "tiny.bin"


@pytest.fixture(scope="module")
def program(tern, model) -> Path:
    out = model.parent / "program"
    assert run(tern, "compile", model, "-o", out, *FAST).returncode == 0
    return out


def command_line(tern: str, command: str, model: Path, folder: Path) -> list[str]:
    flags = [str(folder / flag) if flag.startswith("OUT") else flag for flag in COMMANDS[command]]
    return [tern, command, str(model), *flags]


def output(tern: str, model: Path, *flags: str) -> str:
    done = run(tern, "run", model, *IDS, *flags)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_gguf_files_have_any_name(tern, model, gguf, tmp_path):
    act = ["--hidden-act=relu2"]
    for name in ("Tiny.GGUF", "sha256-5f2c0a", "tiny.safetensors", "model"):
        path = tmp_path / name
        shutil.copy(gguf, path)
        path.chmod(0o777)
        assert run(tern, "inspect", path, *act).returncode == 0
        assert run(tern, "cache", "path", path, *act).returncode == 0
        done = run(*command_line(tern, "export", path, tmp_path), *act)
        assert done.returncode == 0, done.stderr
    assert output(tern, path, *act) == output(tern, model)
    done = run(*command_line(tern, "compile", path, tmp_path), *act)
    assert done.returncode == 0, done.stderr


def hugging_face_cache(home: Path, model: Path, revisions: list[str]) -> Path:
    """As huggingface_hub lays it down: snapshots are links to blobs."""
    cache = home / "models--org--tiny-b1.58"
    (cache / "blobs").mkdir(parents=True)
    for i, revision in enumerate(revisions):
        snapshot = cache / "snapshots" / revision
        snapshot.mkdir(parents=True)
        for path in model.iterdir():
            blob = cache / "blobs" / f"{i}{path.name}"
            shutil.copy(path, blob)
            (snapshot / path.name).symlink_to(f"../../blobs/{i}{path.name}")
        os.utime(snapshot, (1000 + i, 1000 + i))
    return cache


def test_folders_of_the_cache_of_hugging_face(tern, model, tmp_path):
    cache = hugging_face_cache(tmp_path, model, ["b" * 40, "a" * 40])
    assert output(tern, cache) == output(tern, model)
    ir = run(tern, "compile", cache, "--compile-to=import", "--target=generic").stdout
    assert "tiny_b1_58" in ir and "models__" not in ir
    # The newest is whole; then it is not, and the other one is taken.
    (cache / "snapshots" / ("a" * 40) / "model.safetensors").unlink()
    assert output(tern, cache) == output(tern, model)
    # refs/main chooses, unless that one was not fetched whole.
    older = cache / "snapshots" / ("b" * 40)
    (older / "config.json").unlink()
    (older / "config.json").write_text("{}")
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("b" * 40)
    assert_refused(run(tern, "inspect", cache), "b" * 40, "config.json")
    shutil.rmtree(cache / "snapshots")
    assert_refused(run(tern, "run", cache, *IDS), "models--org--tiny-b1.58")
    (cache / "snapshots").mkdir()
    assert_refused(run(tern, "run", cache, *IDS), "without a snapshot")
    assert_refused(run(tern, "run", tmp_path, *IDS), "models--org--tiny-b1.58", "one of them")


def test_a_folder_with_one_gguf_file(tern, model, gguf, tmp_path):
    shutil.copy(gguf, tmp_path / "a.gguf")
    (tmp_path / "README.md").write_text("about it")
    act = ["--hidden-act=relu2"]
    assert output(tern, tmp_path, *act) == output(tern, model)
    shutil.copy(gguf, tmp_path / "b.gguf")
    assert_refused(run(tern, "run", tmp_path, *IDS), "2 GGUF files (a.gguf, b.gguf)")


MARK = "EXECUTED"
NOT_MODELS = {
    "script": (f"#!/bin/sh\necho {MARK}\n".encode(), ["a script"]),
    "empty": (b"", ["empty"]),
    "text": (b"Once upon a time", ["text"]),
    "zip": (b"PK\x03\x04" + bytes(60), ["a zip archive"]),
    "torch": (b"PK\x03\x04".ljust(26, b"\0") + b"\x08\0\0\0data.pkl", ["PyTorch"]),
    "html": (b"<!DOCTYPE html><html></html>", ["HTML"]),
    "json": (b'{"hidden_size": 3}', ["JSON"]),
    "safetensors": (b"\x08" + bytes(7) + b'{"a":{} }', ["safetensors"]),
    "annex": (b"/annex/objects/SHA256E-s9--4d7a", ["git-annex"]),
    "answer": (b"Entry not found", ["as a server sends"]),
    "old": (b"fmgg" + bytes(8), ["before GGUF"]),
    "swapped": (b"FUGG" + bytes(8), ["big-endian", "gguf_convert_endian.py"]),
    "random": (bytes(range(255, 0, -1)), ["no format that tern knows"]),
    "script with a footer": (
        f"#!/bin/sh\necho {MARK}\nexit\n".encode().ljust(65536, b"\n") + b"TERNEND1" + bytes(24),
        ["script"],
    ),
}


@pytest.mark.parametrize("name", NOT_MODELS)
def test_what_is_no_model_is_named_and_never_run(tern, tmp_path, name):
    contents, words = NOT_MODELS[name]
    path = tmp_path / "file.gguf"
    path.write_bytes(contents)
    path.chmod(0o777)
    for command in COMMANDS:
        done = run(*command_line(tern, command, path, tmp_path))
        assert_refused(done, str(path), "not a model", *words)
        assert MARK not in done.stdout
    assert {p.name for p in tmp_path.iterdir()} == {"file.gguf"}


def test_programs_without_an_artifact_are_not_run(tern, tmp_path):
    for path in ("/bin/ls", tern):
        for command in ("run", "chat", "bench", "inspect"):
            done = run(*command_line(tern, command, path, tmp_path))
            assert_refused(done, path, "put no model")
            # The answer of inspect is a report, of refusals too.
            assert ("put no model" in done.stdout) == (command == "inspect")


def test_what_is_no_file_is_named(tern, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "folder").mkdir()
    words = {"pipe": "a pipe", "link": "symbolic link", "folder": "nothing in it", "none": "no model"}
    for command in COMMANDS:
        for name, word in words.items():
            assert_refused(run(*command_line(tern, command, tmp_path / name, tmp_path)), name, word)
        assert_refused(run(*command_line(tern, command, Path("/dev/null"), tmp_path)), "a device")


def test_a_folder_without_a_config_says_why(tern, tmp_path):
    (tmp_path / "config.json.part").write_text("{")
    assert_refused(run(tern, "inspect", tmp_path), str(tmp_path), "download is not finished")
    (tmp_path / "tiny.gguf.incomplete").write_text("")
    assert_refused(run(tern, "inspect", tmp_path / "tiny.gguf"), "download is not finished")


def test_files_of_a_checkpoint_point_at_its_folder(tern, model, tmp_path):
    for name in ("config.json", "model.safetensors"):
        for command in COMMANDS:
            done = run(*command_line(tern, command, model / name, tmp_path))
            assert_refused(done, f"MODEL is the folder it is in, {model}")


def test_what_tern_made_is_taken_where_it_fits(tern, program, model, tmp_path):
    done = run(tern, "run", program, *[flag for flag in IDS if flag not in FAST])
    assert done.returncode == 0 and done.stdout == output(tern, model)
    for command in ("compile", "export"):
        done = run(*command_line(tern, command, program, tmp_path))
        assert_refused(done, "a program that tern compile made", "tern run takes it")
    program_copy = tmp_path / "copy"
    shutil.copy(program, program_copy)
    program_copy.chmod(stat.S_IRUSR)
    assert_refused(run(tern, "run", program_copy, "--ids", "1"), "chmod +x")
    done = run(tern, "compile", model, "-o", tmp_path / "x.o", "--emit=obj", *FAST)
    assert done.returncode == 0, done.stderr
    assert_refused(run(tern, "run", tmp_path / "x.o", "--ids", "1"), "library or object")
    assert_refused(run(tern, "run", tmp_path / "x.weights", "--ids", "1"), "--weights")
    for name in ("x.o", "x.weights"):
        assert run(tern, "inspect", tmp_path / name).returncode == 0
        assert_refused(run(*command_line(tern, "export", tmp_path / name, tmp_path)), "not a checkpoint")
    ir = tmp_path / "x.mlir"
    ir.write_text(run(tern, "compile", model, "--compile-to=import", "--target=generic").stdout)
    for command in ("run", "bench", "compile"):
        assert_refused(run(*command_line(tern, command, ir, tmp_path)), "IR", "--compile-from")
    assert_refused(run(tern, "compile", model, "--compile-from=import", "-o", "-", "--emit=asm"), "not IR")


def test_a_program_that_is_cut_off_is_not_run(tern, program, tmp_path):
    path = tmp_path / "cut"
    contents = program.read_bytes()
    [offset, _, _, size] = struct.unpack_from("<4Q", contents, program_header(contents) + 8)
    for length in (64, len(contents) // 2, offset + size - 1):
        path.write_bytes(contents[:length])
        path.chmod(0o755)
        assert_refused(run(tern, "run", path, "--ids", "1"), str(path))


def test_a_program_for_another_machine_says_so(tern, program, tmp_path):
    foreign = tmp_path / "foreign"
    contents = bytearray(program.read_bytes())
    contents[18] = 0xF7  # e_machine: BPF
    foreign.write_bytes(contents)
    foreign.chmod(0o755)
    assert_refused(run(tern, "run", foreign, "--ids", "1"), "another machine")
