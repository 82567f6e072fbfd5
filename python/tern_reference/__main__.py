# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m tern_reference logits|generate|ppl MODEL ...`: the reference from a shell."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from .checkpoint import load
from .exit_status import exit_status
from .model import HEADS, Model, Options
from .perplexity import perplexity
from .tokenizer import Tokenizer


def _ids(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("model", type=Path, help="a Hugging Face model directory")
    common.add_argument("--kv-bits", type=int, choices=(3, 4, 8, 16))
    common.add_argument("--bos-bits", type=int, choices=(3, 4, 8, 16))
    common.add_argument("--q-bits", type=int, choices=(4, 8), default=None)
    common.add_argument("--head", choices=HEADS, default="16")
    common.add_argument("--embedding", choices=("16", "int8"), default="16")
    parser = argparse.ArgumentParser(prog="python -m tern_reference", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    logits = commands.add_parser("logits", parents=[common], help="logits and hidden as .npy")
    _prompt(logits)
    logits.add_argument("-o", "--logits", type=Path, help=".npy, f32 [tokens, vocab]")
    logits.add_argument("--hidden", type=Path, help=".npy, f32 [layers, tokens, hidden]")

    generate = commands.add_parser("generate", parents=[common], help="greedy text")
    _prompt(generate)
    generate.add_argument("-n", type=int, default=60, help="tokens at most")
    generate.add_argument("--json", action="store_true", help="print ids, as JSON")

    ppl = commands.add_parser("ppl", parents=[common], help="perplexity of a text")
    ppl.add_argument("-f", "--file", type=Path, required=True)
    ppl.add_argument("--window", type=int, default=191, help="tokens after each bos")
    ppl.add_argument("--windows", type=int, help="how many; default: all")
    return parser


def _prompt(parser: argparse.ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("-p", "--prompt", help="text; bos is put before it")
    group.add_argument("--ids", type=_ids, help="token ids, as they are: 1,2,3")


def _tokens(arguments: argparse.Namespace, model: Model) -> list[int]:
    if arguments.ids is not None:
        return arguments.ids
    bos = model.config.bos_token_id
    ids = Tokenizer.load(arguments.model).encode(arguments.prompt)
    return ids if bos is None else [bos] + ids


def _logits(arguments: argparse.Namespace, model: Model) -> None:
    tokens = _tokens(arguments, model)
    result = model.run(tokens)
    if arguments.logits:
        np.save(arguments.logits, result.logits)
    if arguments.hidden:
        np.save(arguments.hidden, result.hidden)
    for position, row in enumerate(result.logits):
        best = int(np.argmax(row))
        print(f"{position}\t{tokens[position]}\t{best}\t{row[best]:.9g}")


def _generate(arguments: argparse.Namespace, model: Model) -> None:
    tokens = _tokens(arguments, model)
    out = model.generate(tokens, arguments.n)
    if arguments.json:
        print(json.dumps({"prompt_ids": tokens, "ids": out}))
    elif arguments.prompt is None:
        print(",".join(map(str, out)))
    else:
        print(arguments.prompt + Tokenizer.load(arguments.model).decode(out))


def _ppl(arguments: argparse.Namespace, model: Model) -> None:
    text = arguments.file.read_text(encoding="utf-8")
    ids = Tokenizer.load(arguments.model).encode(text)
    value, tokens = perplexity(model, ids, arguments.window, arguments.windows)
    print(f"{value!r} over {tokens} tokens")


def main(argv: list[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    options = Options(arguments.kv_bits, arguments.bos_bits, arguments.q_bits, arguments.head)
    run = {"logits": _logits, "generate": _generate, "ppl": _ppl}[arguments.command]
    return exit_status(
        "tern_reference", lambda: run(arguments, Model(load(arguments.model), options))
    )


if __name__ == "__main__":
    sys.exit(main())
