# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tag of a wheel: any Python 3, and this machine if libtern is in it."""

from __future__ import annotations

from pathlib import Path

from setuptools import Distribution, setup
from wheel.bdist_wheel import bdist_wheel


class WithLibrary(Distribution):  # type: ignore[misc]
    def has_ext_modules(self) -> bool:
        return Path(__file__).with_name("tern").joinpath("libtern.so.0").exists()


class Wheel(bdist_wheel):  # type: ignore[misc]
    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", super().get_tag()[2]


setup(distclass=WithLibrary, cmdclass={"bdist_wheel": Wheel})
