# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The reference: ternary language models in numpy, computed to the bit.

Written from the definition of the numbers alone, independent of the compiler.
Every float is binary32 and every operation is rounded once, so compiled models
are compared with this package by `==`.
"""
