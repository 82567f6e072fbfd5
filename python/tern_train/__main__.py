# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m tern_train TEXT -o MODEL`: a ternary model from a text, or a text more for one."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .launch import launch


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
    add("--threads", type=int, default=1, help="one gives the same bits again (default: 1)")
    add("--every", type=int, default=50, help="steps between lines of progress (default: 50)")
    add("--program", type=Path, help="compile the model to this program afterwards")
    add("--tern", default="tern", help="the compiler for --program (default: tern)")
    return parser


def main(argv: list[str] | None = None) -> int:
    parser = _parser()
    arguments = parser.parse_args(argv)
    for name in ("threads", "every"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} is {getattr(arguments, name)}, expected 1 or more")
    if arguments.start and arguments.tokenizer:
        parser.error("--tokenizer with --from: a checkpoint has its own tokens")

    def work() -> None:
        from . import command

        command.run(arguments)

    return launch("tern_train", arguments.threads, work, "interrupted; --resume goes on")


if __name__ == "__main__":
    sys.exit(main())
