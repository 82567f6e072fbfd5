# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tree that `cmake --install` makes: it compiles, and what it compiles runs.

Needs TERN_BINARY in a build folder; without it these tests are skipped.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import MODELS, ROOT, model_directory
from test_driver import run
from test_golden import golden_json

A48 = model_directory(MODELS[0])


@pytest.fixture(scope="module")
def prefix(tern, tmp_path_factory) -> Path:
    """Moved after it was installed: nothing in it may say where it is."""
    build = Path(tern).resolve().parents[1]
    if not (build / "cmake_install.cmake").exists():
        pytest.skip(f"{build} is not a build folder")
    folder = tmp_path_factory.mktemp("installed")
    done = run("cmake", "--install", build, "--prefix", folder / "first")
    assert done.returncode == 0, done.stderr
    (folder / "first").rename(folder / "moved")
    return folder / "moved"


def test_installed_compiler_compiles(prefix, tmp_path):
    """With nothing of an environment."""
    tern = prefix / "bin" / "tern"
    version = run(tern, "--version", env={})
    assert version.returncode == 0, version.stderr
    done = run(tern, "compile", A48, "-o", tmp_path / "bard", "--target=generic", env={}, cwd="/")
    assert done.returncode == 0, done.stderr
    want = golden_json(MODELS[0])["greedy"][0]
    flags = ["-p", want["prompt"], "-n", len(want["ids"]), "--temp", "0"]
    done = run(tmp_path / "bard", *flags, env={})
    assert done.returncode == 0 and want["text"].rstrip() in done.stdout


def test_installed_libraries_and_headers_link(prefix, tmp_path):
    """The example of the runtime, with the model that tests use."""
    sources = [ROOT / "runtime/examples/hello.c", ROOT / "test/Runtime/fake_model.c"]
    libraries = [prefix / "lib" / name for name in ("libtern_host.a", "libtern_core.a")]
    done = run(
        "cc", "-I", prefix / "include", "-I", ROOT / "test/Runtime", "-DTERN_EXAMPLE_MODEL=tern_model_fake",
        *sources, *libraries, "-lm", "-pthread", "-o", tmp_path / "hello",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "usage" in run(tmp_path / "hello").stderr


def test_a_missing_library_of_the_runtime_is_named(prefix, tmp_path):
    copy = tmp_path / "bin"
    copy.mkdir()
    shutil.copy(prefix / "bin" / "tern", copy)
    done = run(copy / "tern", "compile", A48, "-o", tmp_path / "bard", "--target=generic")
    assert done.returncode == 1 and "lib/libtern_host.a is missing" in done.stderr
