# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Things that tests make once and find again: synthetic models and their reference.

Both depend on the case and on the reference's sources only, so they are kept in
TERN_TEST_CACHE, if that is set, under a name that says which. A second run of the
suite, and the second of two workers, then find them there.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from cases import CASES
from conftest import ROOT
from tern_reference.checkpoint import load
from tern_reference.model import Model, Result


@functools.cache
def cache() -> Path:
    """Gone with the process if no place was named."""
    named = os.environ.get("TERN_TEST_CACHE")
    if named:
        Path(named).mkdir(parents=True, exist_ok=True)
        return Path(named)
    directory = tempfile.TemporaryDirectory(prefix="tern-cases-")
    cache.keep = directory  # type: ignore[attr-defined]
    return Path(directory.name)


@functools.cache
def sources() -> bytes:
    """Fingerprint of all that a model and its reference are made by."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "python" / "tern_reference").glob("*.py")):
        digest.update(path.read_bytes())
    digest.update(Path(__file__).with_name("cases.py").read_bytes())
    return digest.digest()


@functools.cache
def case_directory(name: str) -> Path:
    """The model of a case, complete or not there at all."""
    key = hashlib.sha256(sources() + name.encode()).hexdigest()[:16]
    directory = cache() / f"{name}-{key}"
    if not directory.exists():
        building = Path(tempfile.mkdtemp(dir=cache()))
        CASES[name].build(building / "model")
        try:
            (building / "model").rename(directory)
        except OSError:  # the other worker was faster
            assert directory.exists()
        shutil.rmtree(building)
    return directory


def made_once(name: str, key: bytes, make: Callable[[Path], None]) -> Path:
    """A folder that `make` fills, once for each key; of two workers one waits."""
    directory = cache() / f"{name}-{hashlib.sha256(key).hexdigest()[:16]}"
    with directory.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not directory.exists():
            building = Path(tempfile.mkdtemp(dir=cache()))
            make(building)
            building.rename(directory)
    return directory


def compiled_once(tern: str, model: Path, flags: list[str]) -> Path:
    """A folder with what `tern compile MODEL -o bard FLAGS` makes of a model."""

    def make(directory: Path) -> None:
        command = [tern, "compile", str(model), "-o", str(directory / "bard"), *flags]
        subprocess.run(command, check=True, timeout=300)

    key = sources() + Path(tern).read_bytes() + repr((str(model), flags)).encode()
    return made_once("compiled", key, make)


@functools.cache
def reference(name: str) -> Result:
    """The reference's results for a case's tokens."""
    case, directory = CASES[name], case_directory(name)
    kept = directory.with_suffix(".npz")
    if not kept.exists():
        result = Model(load(directory), case.options).run(case.ids())
        with tempfile.NamedTemporaryFile(dir=cache(), suffix=".npz", delete=False) as file:
            np.savez(file, hidden=result.hidden, logits=result.logits)
        os.replace(file.name, kept)
    with np.load(kept) as arrays:
        return Result(arrays["hidden"], arrays["logits"])
