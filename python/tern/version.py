# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Read by the build of a wheel, without an import of the package."""

__version__ = "0.1.0"
