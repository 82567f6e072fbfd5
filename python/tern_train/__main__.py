# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m tern_train TEXT -o MODEL`: a ternary model from a text, or a text more for one."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

LIBRARIES = ("torch", "numpy")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tern_train", description=__doc__)
    add = parser.add_argument
    add("text", type=Path, help="UTF-8 text to learn from")
    add("-o", "--output", type=Path, required=True, help="the model's directory; it must not exist")
    add("--recipe", help="a name, or a TOML file (default: a4.8-2m; with --from: continue)")
    add("--from", dest="start", type=Path, help="a checkpoint with masters to go on with")
    add("--tokenizer", type=Path, help="a model whose tokens to use (default: learned from TEXT)")
    add("--resume", action="store_true", help="go on where a training of OUTPUT was stopped")
    add("--seed", type=int, help="of weights and windows, instead of the recipe's")
    add("--steps", type=int, help="instead of the recipe's")
    add("--threads", type=int, default=1, help="one gives the same bits anywhere (default: 1)")
    add("--every", type=int, default=50, help="steps between lines of progress (default: 50)")
    add("--program", type=Path, help="compile the model to this program afterwards")
    add("--tern", default="tern", help="the compiler for --program (default: tern)")
    return parser


def set_threads(threads: int) -> None:
    """Of PyTorch and of its BLAS, which reads the variable when it is loaded."""
    os.environ["OPENBLAS_NUM_THREADS"] = str(threads)
    import torch

    torch.set_num_threads(threads)


def missing_library(error: ModuleNotFoundError) -> str | None:
    if error.name not in LIBRARIES:
        return None
    packages = "python3-torch, and libopenblas0 for its speed"
    return f"python -m tern_train: no module '{error.name}': install PyTorch (Debian: {packages})"


def main(argv: list[str] | None = None) -> int:
    """0 done, 1 failed, 130 interrupted; argparse exits with 2 on wrong usage."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    for name in ("threads", "every"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} is {getattr(arguments, name)}, expected 1 or more")
    if arguments.start and arguments.tokenizer:
        parser.error("--tokenizer with --from: a checkpoint has its own tokens")
    try:
        set_threads(arguments.threads)
        from . import command
    except ModuleNotFoundError as error:
        sentence = missing_library(error)
        if sentence is None:
            raise
        print(sentence, file=sys.stderr)
        return 1
    try:
        command.run(arguments)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        return command.fail(error)
    except KeyboardInterrupt:
        print("python -m tern_train: interrupted; --resume goes on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
