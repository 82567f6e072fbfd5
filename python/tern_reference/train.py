# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m tern_reference.train TEXT -o DIRECTORY`: a small ternary model of Qwen3's shape.

It makes the bundled model, on one core in minutes, so that claims about activations
are measured on weights that were trained. It is no general trainer: one process,
numpy, gradients written by hand (network.py), weights in memory.

Masters are floats. Every step works with what a checkpoint would hold of them, digits
times one f16 scale for each row and 128 inputs, and applies the gradients of that to
the masters unchanged (the straight-through estimator of arXiv 1308.3432). Activations
stay floats, as in the published models of this form.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
import time
from pathlib import Path

import numpy as np

from .network import GROUP, Array, Network, Shape, initial_masters
from .numerics import F32
from .safetensors import Pending, write
from .tokenizer import Tokenizer

SMALLEST_SCALE = F32(2.0**-14)  # the smallest normal f16
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "generation_config.json")


def stored(master: Array) -> Array:
    """Values of a checkpoint, all f16: norms rounded, matrices ternary in groups."""
    if master.ndim == 1:
        return master.astype(np.float16).astype(F32)
    groups = master.reshape(len(master), -1, GROUP)
    scale = np.abs(groups).mean(axis=-1, keepdims=True).astype(np.float16).astype(F32)
    scale = np.maximum(scale, SMALLEST_SCALE)
    return (np.clip(np.rint(groups / scale), -1, 1) * scale).reshape(master.shape)


def orthogonal(matrix: Array, iterations: int = 5) -> Array:
    """About U V^T of the singular value decomposition U S V^T, by Newton-Schulz steps."""
    wide = matrix.T if len(matrix) > matrix.shape[1] else matrix
    x = wide / (np.linalg.norm(wide) + F32(1e-7))
    for _ in range(iterations):
        square = x @ x.T
        x = F32(3.4445) * x + (F32(-4.7750) * square + F32(2.0315) * (square @ square)) @ x
    return x if wide is matrix else x.T


class Optimizer:
    """Muon for matrices, Adam for the table and the norms; decay for all but norms.

    Sources: arXiv 2502.16982 and 1412.6980. After 150 steps of the bundled model's shape
    the loss was 4.41, and 4.90 with Adam alone.
    """

    def __init__(self, masters: dict[str, Array], settings: argparse.Namespace):
        self.masters, self.settings, self.steps = masters, settings, 0
        self.first = {name: np.zeros_like(w) for name, w in masters.items()}
        self.second = {name: np.zeros_like(w) for name, w in masters.items()}

    def step(self, gradients: dict[str, Array], share: float) -> None:
        """`share` of the rates, in [0, 1]."""
        self.steps += 1
        for name, master in self.masters.items():
            of_matrix = name.endswith("_proj.weight")
            rate = share * (self.settings.matrix_rate if of_matrix else self.settings.rate)
            change = self._muon if of_matrix else self._adam
            if master.ndim == 2:
                master *= F32(1 - rate * self.settings.decay)
            master -= F32(rate) * change(name, gradients[name])

    def _muon(self, name: str, gradient: Array) -> Array:
        momentum, keep = self.first[name], F32(0.95)
        momentum *= keep
        momentum += gradient
        rows, columns = gradient.shape
        return F32(math.sqrt(max(1, rows / columns))) * orthogonal(gradient + keep * momentum)

    def _adam(self, name: str, gradient: Array) -> Array:
        first, second, a, b = self.first[name], self.second[name], 0.9, 0.95
        first += F32(1 - a) * (gradient - first)
        second += F32(1 - b) * (gradient * gradient - second)
        corrected = math.sqrt(1 - b**self.steps) / (1 - a**self.steps)
        return F32(corrected) * first / (np.sqrt(second) + F32(1e-8))


def clip_norm(gradients: dict[str, Array], limit: float) -> None:
    """Scales all gradients so that they are no longer than `limit` together."""
    norm = math.sqrt(sum(float(np.vdot(g, g)) for g in gradients.values()))
    if norm > limit:
        for gradient in gradients.values():
            gradient *= F32(limit / norm)


def windows(ids: Array, starts: Array, length: int, bos: int) -> tuple[Array, Array]:
    """Inputs and targets [len(starts), length]: each window is read after bos."""
    targets = ids[starts[:, None] + np.arange(length)]
    first = np.full((len(starts), 1), bos, ids.dtype)
    return np.concatenate([first, targets[:, :-1]], axis=1), targets


def perplexity(network: Network, weights: dict[str, Array], ids: Array, bos: int) -> float:
    """Of windows as long as the context."""
    length = network.shape.context
    starts = np.arange(0, len(ids) - length + 1, length)
    losses = [
        network.loss(weights, *windows(ids, part, length, bos))
        for part in np.array_split(starts, -(-len(starts) // 8))
    ]
    return math.exp(sum(loss.sum() for loss in losses) / (len(starts) * length))


def ends(tokenizer: Path) -> dict[str, int]:
    """The tokens that a text begins and ends with."""
    raw = json.loads((tokenizer / "generation_config.json").read_text(encoding="utf-8"))
    return {key: raw[key] for key in ("bos_token_id", "eos_token_id")}


def unpacked(name: str, values: Array) -> list[Pending]:
    """Plain f16."""
    return [Pending(name, "F16", values.shape, lambda: [values.astype(np.float16)])]


def mlx(name: str, values: Array) -> list[Pending]:
    """2-bit codes of digits + 1, first lowest, where scale * code + bias is the value."""
    if values.ndim == 1:
        return unpacked(name, values)
    rows, base = len(values), name.removesuffix("weight")
    fields = (np.sign(values) + 1).astype(np.uint32).reshape(rows, -1, 16)
    words = np.bitwise_or.reduce(fields << np.arange(0, 32, 2, dtype=np.uint32), axis=2)
    scales = np.abs(values).reshape(rows, -1, GROUP).max(axis=2)
    return [
        Pending(name, "U32", words.shape, lambda: [words]),
        *unpacked(base + "scales", scales),
        *unpacked(base + "biases", -scales),
    ]


FORMS = {"unpacked": unpacked, "mlx": mlx}


def save(
    directory: Path, shape: Shape, weights: dict[str, Array], tokenizer: Path, form: str
) -> None:
    """A directory in one of two published forms of weight-only models."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in TOKENIZER_FILES:
        shutil.copy(tokenizer / name, directory / name)
    config = shape.config() | ends(tokenizer)
    if form == "mlx":
        affine = {"group_size": GROUP, "bits": 2, "mode": "affine"}
        config |= {"quantization": affine, "quantization_config": affine}
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    tensors = [pending for item in weights.items() for pending in FORMS[form](*item)]
    write(directory / "model.safetensors", tensors)


def train(network: Network, ids: Array, bos: int, settings: argparse.Namespace) -> dict[str, Array]:
    """The stored weights after all steps."""
    random = np.random.default_rng(settings.seed)
    masters = initial_masters(network.shape, random)
    optimizer, began, smooth = Optimizer(masters, settings), time.monotonic(), None
    length = network.shape.context
    for step in range(settings.steps):
        starts = random.integers(0, len(ids) - length + 1, settings.batch)
        weights = {name: stored(master) for name, master in masters.items()}
        loss, gradients = network.gradients(weights, *windows(ids, starts, length, bos))
        clip_norm(gradients, 1.0)
        warm = min(1.0, (step + 1) / settings.warmup)
        optimizer.step(gradients, warm * (1 - step / settings.steps))
        smooth = loss if smooth is None else 0.95 * smooth + 0.05 * loss
        if (step + 1) % 50 == 0 or step + 1 == settings.steps:
            seconds = time.monotonic() - began
            print(f"step {step + 1}  loss {smooth:.3f}  {seconds:.0f} s", flush=True)
    return {name: stored(master) for name, master in masters.items()}


def _parser() -> argparse.ArgumentParser:
    summary = __doc__.splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m tern_reference.train", description=summary)
    parser.add_argument("text", type=Path, help="UTF-8 text to learn from")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the model's directory")
    parser.add_argument("--tokenizer", type=Path, required=True, help="a model whose tokens to use")
    parser.add_argument("--form", choices=FORMS, default="unpacked", help="plain f16, or MLX's")
    parser.add_argument("--held-out", type=float, default=0.05, help="share, at the text's end")
    for name, value in vars(Shape()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--batch", type=int, default=8, help="windows of a step")
    parser.add_argument("--matrix-rate", type=float, default=0.02, help="of Muon")
    parser.add_argument("--rate", type=float, default=3e-3, help="of Adam: table and norms")
    parser.add_argument("--warmup", type=int, default=50, help="steps")
    parser.add_argument("--decay", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    return parser


def main(argv: list[str] | None = None) -> int:
    settings = _parser().parse_args(argv)
    try:
        shape = Shape(**{name: getattr(settings, name) for name in vars(Shape())})
        text = settings.text.read_text(encoding="utf-8")
        end = int(len(text) * (1 - settings.held_out))
        tokenizer = Tokenizer.load(settings.tokenizer)
        learned, rest = (np.array(tokenizer.encode(part)) for part in (text[:end], text[end:]))
        if len(learned) < shape.context:
            window = f"fewer than a window of {shape.context}"
            raise ValueError(f"{settings.text}: {len(learned)} tokens to learn from, {window}")
        bos = ends(settings.tokenizer)["bos_token_id"]
        most = max(bos, learned.max(), *rest)
        if most >= shape.vocab:
            raise ValueError(f"token {most} does not fit --vocab {shape.vocab}")
        network = Network(shape)
        weights = train(network, learned, bos, settings)
        if len(rest) >= shape.context:
            print(f"held-out perplexity {perplexity(network, weights, rest, bos):.3f}")
        save(settings.output, shape, weights, settings.tokenizer, settings.form)
    except (OSError, ValueError) as error:
        print(f"python -m tern_reference.train: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
