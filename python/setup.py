# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tag of a wheel: any Python 3, and the machines that libtern runs on if it is in it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from setuptools import Distribution, setup
from wheel.bdist_wheel import bdist_wheel

LIBRARY = Path(__file__).with_name("tern") / "libtern.so.0"

# Of the C library, and so wherever that is.
PARTS_OF_GLIBC = re.compile(r"lib(c|m|dl|rt|pthread)\.so\.\d|ld-linux.*\.so\.\d")


def oldest_glibc(library: Path) -> tuple[int, int] | None:
    """The first C library that has all that a library asks for, as PEP 600 counts; None: the
    library needs other ones, too."""
    command = ["readelf", "--wide", "--dynamic", "--version-info", str(library)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if not all(map(PARTS_OF_GLIBC.fullmatch, re.findall(r"\(NEEDED\).*\[(.*)\]", text))):
        return None
    versions = re.findall(r"Name: GLIBC_(\d+)\.(\d+)", text)
    return max(((int(major), int(minor)) for major, minor in versions), default=None)


class WithLibrary(Distribution):  # type: ignore[misc]
    def has_ext_modules(self) -> bool:
        return LIBRARY.exists()


class Wheel(bdist_wheel):  # type: ignore[misc]
    def get_tag(self) -> tuple[str, str, str]:
        platform = super().get_tag()[2]
        glibc = oldest_glibc(LIBRARY) if LIBRARY.exists() else None
        if glibc and platform.startswith("linux_"):
            platform = platform.replace("linux", f"manylinux_{glibc[0]}_{glibc[1]}", 1)
        return "py3", "none", platform


setup(distclass=WithLibrary, cmdclass={"bdist_wheel": Wheel})
