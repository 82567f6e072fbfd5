# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Trains ternary language models: from a text to a checkpoint that `tern compile` takes.

The forward pass is docs/numerics.md; the recipe is that of BitNet b1.58 (arXiv 2402.17764),
2B4T (2504.12285), a4.8 (2411.04965) and v2 (2504.18415). It needs PyTorch and numpy.
"""
