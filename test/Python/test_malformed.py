# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Files that nobody could compile: what `tern` does with several hundred of them.

For each one: exit status 1, one sentence that names the file, no output, less than a
second, and at most twice the file and 64 MiB more memory than the intact model takes.
Needs TERN_BINARY; without it these tests are skipped.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import malformed_binary
import malformed_groups
import malformed_tensors
import malformed_text
import pytest
from conftest import ROOT
from measured import Launcher, Measured
from tern_reference.gguf import convert
from tern_reference.synth import synthesize

MIB = 1 << 20

# Group -> what the sentence names (any of it), and the damages.
GROUPS = {
    "safetensors": (("model.safetensors", "config.json implies it"), malformed_tensors.DAMAGES),
    "tensors": (("model.safetensors", "config.json implies it"), malformed_tensors.MODEL_DAMAGES),
    "index": (("/model/",), malformed_tensors.INDEX_DAMAGES),
    "config": (("config.json",), malformed_text.CONFIG_DAMAGES),
    "tokenizer": (("tokenizer.json",), malformed_text.TOKENIZER_DAMAGES),
    "generation": (("generation_config.json",), malformed_text.GENERATION_DAMAGES),
    "products": (("model.safetensors", "config.json implies it"), malformed_groups.PRODUCT_DAMAGES),
    "affine": (("model.safetensors", "config.json implies it"), malformed_groups.AFFINE_DAMAGES),
    "affine config": (("config.json",), malformed_groups.AFFINE_CONFIG_DAMAGES),
}  # fmt: skip
# Groups of models that are stored in another way.
ENCODINGS = {"products": "products-f16", "affine": "affine", "affine config": "affine"}
CASES = [(group, name) for group, (_, damages) in GROUPS.items() for name in damages]


@pytest.fixture(scope="module")
def launcher():
    launcher = Launcher()
    yield launcher
    launcher.close()


@pytest.fixture(scope="module")
def intact(tmp_path_factory) -> Path:
    model = tmp_path_factory.mktemp("intact") / "model"
    synthesize(model, tokenizer=True, hidden=16, intermediate=20, layers=1, heads=2, kv_heads=1,
               head_dim=8, vocab=300)  # fmt: skip
    return model


@pytest.fixture(scope="module")
def grouped(tmp_path_factory) -> dict[str, Path]:
    """Models of the same weights by their encoding."""
    folder = tmp_path_factory.mktemp("grouped")
    models = {encoding: folder / encoding for encoding in set(ENCODINGS.values())}
    for encoding, model in models.items():
        synthesize(model, tokenizer=True, **malformed_groups.SHAPE, encoding=encoding)
    return models


@pytest.fixture(scope="module")
def baseline(tern, launcher, intact) -> Measured:
    """CPU time and memory of the intact model."""
    done = launcher.run(tern, "inspect", intact, "--check")
    assert done.status == 0, done.stderr
    return done


def size_of(model: Path) -> int:
    return sum(path.stat().st_size for path in model.iterdir() if path.is_file() and path.stat().st_size < 1 << 40)


def assert_refused(done: Measured, words: tuple[str, ...], program: str = "tern") -> None:
    assert done.status == 1, f"exit status {done.status}: {done.stderr}"
    assert done.stderr.startswith(f"{program}: error: ") and done.stderr.endswith("\n"), done.stderr
    assert done.stderr.count("\n") == 1, f"more than one line: {done.stderr}"
    assert all(c.isprintable() for c in done.stderr[:-1]), f"control characters: {done.stderr!r}"
    assert len(done.stderr) < 2000, f"{len(done.stderr)} characters"
    assert any(word in done.stderr for word in words), f"none of {words} in {done.stderr!r}"


def assert_cheap(done: Measured, baseline: Measured, model: Path) -> None:
    assert done.seconds < 1, f"{done.seconds} s of CPU time"
    allowed = baseline.peak + 2 * size_of(model) + 64 * MIB
    assert done.peak <= allowed, f"{done.peak // MIB} MiB, allowed are {allowed // MIB}"


@pytest.mark.parametrize("group, name", CASES, ids=[f"{group}-{name}" for group, name in CASES])
def test_refused(tern, launcher, intact, grouped, baseline, tmp_path, group, name):
    words, damages = GROUPS[group]
    model, out = tmp_path / "model", tmp_path / "out"
    shutil.copytree(grouped[ENCODINGS[group]] if group in ENCODINGS else intact, model)
    damages[name](model)
    out.mkdir()
    # The values of tensors are read when they are written, after the code is made.
    command = ["compile", model, "-o", out / "bard", "--target=generic"]
    if group in ("tensors", "products", "affine"):
        command = ["inspect", model, "--check"]
    done = launcher.run(tern, *command)
    assert_refused(done, words)
    assert list(out.iterdir()) == []
    assert_cheap(done, baseline, model)


def test_many_positions_are_written_in_parts(tern, launcher, tmp_path):
    """64 MiB of tables, as the largest public models have, in no more memory than one row."""
    model = tmp_path / "model"
    synthesize(model, hidden=16, intermediate=20, layers=1, heads=2, kv_heads=1, head_dim=128, vocab=300,
               context=131072)  # fmt: skip
    few, many = (
        launcher.run(tern, "compile", model, "-o", tmp_path / "bard", "--emit=obj", "--target=generic", *flags)
        for flags in (("--context=64",), ())
    )
    assert few.status == many.status == 0, few.stderr + many.stderr
    assert (tmp_path / "bard.weights").stat().st_size > 64 * MIB
    assert many.peak <= few.peak + 16 * MIB, f"{many.peak // MIB} MiB, with few positions {few.peak // MIB}"


def test_more_positions_than_tensors_are_a_choice(tern, launcher, intact, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(intact, model)
    malformed_text.config(max_position_embeddings=1 << 24)(model)
    command = [tern, "compile", model, "-o", tmp_path / "ir", "--compile-to=import"]
    refused = launcher.run(*command)
    assert_refused(refused, ("'max_position_embeddings' = 16777216 in config.json",))
    assert "--context=N" in refused.stderr
    assert launcher.run(*command, "--context=4096").status == 0


@pytest.fixture(scope="module")
def intact_gguf(tmp_path_factory) -> Path:
    """A folder with one GGUF file."""
    folder = tmp_path_factory.mktemp("gguf")
    synthesize(folder / "hf", tokenizer=True, hidden=64, intermediate=64, layers=1, heads=2, kv_heads=1,
               head_dim=32, vocab=300)  # fmt: skip
    (folder / "model").mkdir()
    convert(folder / "hf", folder / "model" / malformed_binary.GGUF, "q2_0_g64")
    return folder / "model"


GGUF_FLAGS = ("--check", "--hidden-act=relu2")


@pytest.mark.parametrize("name", malformed_binary.GGUF_DAMAGES)
def test_gguf_is_refused(tern, launcher, intact_gguf, baseline, tmp_path, name):
    model = tmp_path / "model"
    shutil.copytree(intact_gguf, model)
    malformed_binary.GGUF_DAMAGES[name](model)
    done = launcher.run(tern, "inspect", model / malformed_binary.GGUF, *GGUF_FLAGS)
    assert_refused(done, (malformed_binary.GGUF,))
    assert_cheap(done, baseline, model)


@pytest.fixture(scope="module")
def intact_prism(grouped, tmp_path_factory) -> Path:
    """A folder with one GGUF file of PQ2_0, embedding and head included."""
    folder = tmp_path_factory.mktemp("prism")
    convert(grouped["products-f16"], folder / malformed_binary.GGUF, "pq2_0")
    return folder


@pytest.mark.parametrize("name", malformed_groups.PRISM_DAMAGES)
def test_prism_is_refused(tern, launcher, intact_prism, baseline, tmp_path, name):
    model = tmp_path / "model"
    shutil.copytree(intact_prism, model)
    malformed_groups.PRISM_DAMAGES[name](model)
    done = launcher.run(tern, "inspect", model / malformed_binary.GGUF, "--check")
    assert_refused(done, (malformed_binary.GGUF,))
    assert_cheap(done, baseline, model)


def test_intact_groups_are_accepted(tern, launcher, grouped, intact_prism):
    for model in (*grouped.values(), intact_prism / malformed_binary.GGUF):
        done = launcher.run(tern, "inspect", model, "--check")
        assert done.status == 0, done.stderr


def test_intact_gguf_is_accepted(tern, launcher, intact_gguf):
    done = launcher.run(tern, "inspect", intact_gguf / malformed_binary.GGUF, *GGUF_FLAGS)
    assert done.status == 0, done.stderr


@pytest.fixture(scope="module")
def intact_program(tern, intact, tmp_path_factory) -> Path:
    """A folder with a program and its weights as a file of their own."""
    folder = tmp_path_factory.mktemp("program")
    for output in ("bard", "bard.o"):
        emit = "--emit=obj" if output.endswith(".o") else "--emit=exe"
        subprocess.run([tern, "compile", intact, "-o", folder / output, emit, "--target=generic"], check=True)
    return folder


RUN = ("--ids", "0,1", "-n", "2")


@pytest.mark.parametrize("name", malformed_binary.ARTIFACT_DAMAGES)
def test_artifact_is_refused(launcher, intact_program, tmp_path, name):
    program, weights = intact_program / "bard", tmp_path / malformed_binary.ARTIFACT
    shutil.copy(intact_program / malformed_binary.ARTIFACT, weights)
    malformed_binary.ARTIFACT_DAMAGES[name](tmp_path)
    done = launcher.run(program, *RUN, "--weights", weights)
    if done.status == 0 and name in malformed_binary.MAY_BE_FINE:
        return
    assert_refused(done, (malformed_binary.ARTIFACT, "tokenizer"), "bard")
    assert done.peak <= 64 * MIB and done.seconds < 1


@pytest.mark.parametrize("name", malformed_binary.PROGRAM_DAMAGES)
def test_what_a_program_carries_is_refused(launcher, intact_program, tmp_path, name):
    program = tmp_path / malformed_binary.PROGRAM
    shutil.copy(intact_program / malformed_binary.PROGRAM, program)
    malformed_binary.PROGRAM_DAMAGES[name](tmp_path)
    done = launcher.run(program, *RUN)
    assert_refused(done, ("bard", "/proc/self/exe"), "bard")
    assert done.peak <= 64 * MIB and done.seconds < 1


def test_intact_artifacts_are_accepted(launcher, intact_program):
    program, weights = intact_program / "bard", intact_program / malformed_binary.ARTIFACT
    for command in ([program, *RUN], [program, *RUN, "--weights", weights]):
        done = launcher.run(*command)
        assert done.status == 0, done.stderr


# The words of docs/security.md about each group, besides how many files it has.
WORDS = {
    "safetensors": "cut at 30 places; every wrong length; text that is no JSON, deep or huge; "
    "overlap, hole, tail; sizes that wrap; offsets and types of every wrong kind",
    "tensors": "digits of code 3; scales that are 0, negative, NaN or infinite; tensors "
    "missing, too many, of another shape; pipes, devices, loops",
    "index": "shards outside of the directory, missing, in two places; tensors listed but "
    "not there, there but not listed",
    "config": "every size 0, negative, huge, of another type; families and fields nobody knows",
    "tokenizer": "ids that are taken, negative or far away; bytes like `<0x-1>`; merges of "
    "nothing; patterns that do not end or explode",
    "generation": "ids and shares outside of their range",
    "gguf": "counts up to 2^64 - 1; sizes of 2^42 + 1, 0 and 2^63; alignments of 0, 3, 2^31 "
    "and of the wrong kind; types of other projects; block counts of 513; padding that wraps",
    "products": "groups of two magnitudes, of two steps, of an ordinary model; NaN, infinite; packed, missing",
    "affine": "scales that are negative, NaN or infinite; biases that are not -scale; codes of 3 in "
    "a projection and in the embedding; scales and biases missing or of another shape",
    "affine config": "bits, groups and modes that hold no digits; layers apart; two that differ",
    "prism": "codes of 3 and scales that are negative, NaN or infinite, in projections and in the "
    "embedding; numbers of types next to theirs",
    "artifact": "every field of the header one less, one more, 0 and all ones; cut at 16 places",
    "program": "each number by which the artifact is found one less, one more, 0 and all "
    "ones; cut at 4 places",
}  # fmt: skip


def counts() -> dict[str, int]:
    return {
        **{group: len(damages) for group, (_, damages) in GROUPS.items()},
        "gguf": len(malformed_binary.GGUF_DAMAGES),
        "prism": len(malformed_groups.PRISM_DAMAGES),
        "artifact": len(malformed_binary.ARTIFACT_DAMAGES),
        "program": len(malformed_binary.PROGRAM_DAMAGES),
    }


def test_the_list_in_the_documentation_is_true():
    assert sum(counts().values()) >= 200
    page = (ROOT / "docs" / "security.md").read_text()
    for group, count in counts().items():
        assert f"| {group} | {count} | {WORDS[group]} |\n" in page
    assert f"| all | {sum(counts().values())} | |\n" in page


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n"


@pytest.mark.parametrize(
    "name",
    ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"],
)
def test_a_pointer_in_the_place_of_a_file_is_named(tern, launcher, intact, tmp_path, name):
    model = tmp_path / "model"
    shutil.copytree(intact, model)
    (model / name).write_bytes(POINTER)
    done = launcher.run(tern, "compile", model, "-o", tmp_path / "bard", "--target=generic")
    assert_refused(done, (f"{model / name}: this is a pointer of Git LFS, not the file itself",))
    (model / name).unlink()
    (model / name).symlink_to("elsewhere")
    done = launcher.run(tern, "compile", model, "-o", tmp_path / "bard", "--target=generic")
    assert_refused(done, ("it is a link to 'elsewhere', which is not there",))
