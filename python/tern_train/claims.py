# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m tern_train.claims TEXT`: BitNet a4.8's claims, measured on small models.

A size and a seed are one file of results, RESULTS/SIZE-SEED.json, and one first stage,
whose state all variants go on from. What is in the file is not run again, a training that
was stopped goes on, so the table fills over as many calls as it takes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .caches import CACHES, NARROW, measured
from .launch import launch

if TYPE_CHECKING:  # what loads PyTorch is imported when its threads are set
    from .recipe import Recipe
    from .training import Training

SIZES = {"2m": "a4.8-2m", "10m": "a4.8-10m"}


@dataclass(frozen=True)
class Variant:
    """A second stage, or none, and how the result is measured."""

    name: str
    trained: str | None  # scheme of the second stage; None: the first one goes on as it was
    measured: str
    train_cache: bool = False
    all_steps: bool = False  # the scheme from the first step on


VARIANTS = (
    Variant("a8", None, "b1.58"),
    Variant("a4", "a4.8", "a4.8"),
    Variant("a4 without second stage", None, "a4.8"),
    Variant("fp4", "a4.8-fp4", "a4.8-fp4"),
    Variant("top-k off", "a4.8-all", "a4.8-all"),
    Variant("int4 down", "a4.8-down4", "a4.8-down4"),
    Variant("3-bit cache trained", "a4.8", "a4.8", train_cache=True),
    Variant("int4 down from the start", "a4.8-down4", "a4.8-down4", all_steps=True),
)

ALL_CACHES = ("a4", "3-bit cache trained")


def _parser() -> argparse.ArgumentParser:
    summary = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m tern_train.claims", description=summary)
    add = parser.add_argument
    add("text", type=Path, help="UTF-8 text; its last 5 %% are held out")
    add("--work", type=Path, required=True, help="a directory for unfinished trainings")
    add("--results", type=Path, default=Path("docs/training"), help="where JSON goes")
    add("--tokenizer", type=Path, help="a model whose tokens to use (default: learned)")
    add("--size", action="append", choices=SIZES, help="may be given again (default: all)")
    add("--seeds", type=int, nargs="+", default=[1, 2, 3])
    add("--variant", action="append", choices=[v.name for v in VARIANTS], help="default: all")
    add("--steps", type=int, help="instead of the recipe's: results in SIZE-STEPS-SEED.json")
    add("--threads", type=int, default=1)
    return parser


def _write(path: Path, content: dict[str, Any]) -> None:
    unfinished = path.with_name(path.name + ".new")
    unfinished.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    os.replace(unfinished, path)


class Claims:
    """All variants of one size and seed."""

    def __init__(self, arguments: argparse.Namespace, size: str, seed: int):
        from . import recipe, text
        from .network import Network

        plan = recipe.load(SIZES[size]).with_training(seed=seed)
        label = size
        if arguments.steps is not None:
            plan, label = plan.with_training(steps=arguments.steps), f"{size}-{arguments.steps}"
        self.plan, self.tokenizer = plan, arguments.tokenizer
        context = plan.model["max_position_embeddings"]
        self.corpus = text.read(arguments.text, plan, arguments.tokenizer, context, None)
        raw = {**plan.model, "vocab_size": plan.text.vocabulary}
        self.network = Network(raw)
        self.path = arguments.results / f"{label}-{seed}.json"
        self.work: Path = arguments.work / f"{label}-{seed}"
        self.threads = arguments.threads
        self.results: dict[str, Any] = {"size": size, "recipe": plan.raw(), "runs": {}}
        if self.path.exists():
            self.results = json.loads(self.path.read_text(encoding="utf-8"))
            if self.results["recipe"] != json.loads(json.dumps(plan.raw())):
                raise ValueError(f"{self.path} was made by another recipe: move it away")

    def _state(self, name: str) -> Path:
        return self.work / f"{name.replace(' ', '-')}.safetensors"

    def _training(self, plan: Recipe, name: str) -> Training:
        """A training at its last state, or its start."""
        from .training import Training, initial

        self.work.mkdir(parents=True, exist_ok=True)
        path = self._state(name)
        start = initial(self.network, plan.training.seed)
        training = Training(self.network, plan, self.corpus, start, path)
        if path.exists():
            training.load(path)
        return training

    def _timed(self, training: Training, name: str, until: int | None) -> float:
        """Runs, and returns CPU seconds per step of this call."""
        first, began = training.step, time.process_time()
        training.run(lambda line: print(f"{self.path.stem} {name}: {line}", flush=True), until)
        return (time.process_time() - began) / max(1, training.step - first)

    def run(self, variant: Variant) -> None:
        """Trains and measures one variant, unless its result is there."""
        from .recipe import Stage
        from .training import TrainingError

        if variant.name in self.results["runs"]:
            return
        first, second = self.plan.stages
        if variant.all_steps:
            plan = self.plan.with_stages(Stage(str(variant.trained)))
            training = self._training(plan, variant.name)
            name = variant.name
        else:
            scheme = variant.trained or first.activations
            stage = Stage(scheme, second.share, variant.train_cache)
            base = self._training(self.plan, "first stage")
            end = self.plan.first_step(1)
            if base.step < end:
                cost = self._timed(base, "first stage", end)
                self._record("first stage", {"cpu_seconds_per_step": cost})
            name = variant.name if variant.trained else VARIANTS[0].name
            training = self._training(self.plan.with_stages(first, stage), name)
            if training.step < end:
                training.load(self._state("first stage"))
        try:
            cost = self._timed(training, name, None)
        except TrainingError:
            self._record(variant.name, {"diverged": training.step})
            return
        result = self._measured(variant, training)
        self._record(variant.name, result | {"cpu_seconds_per_step": cost})

    def _record(self, name: str, result: dict[str, Any]) -> None:
        import torch

        made = {"threads": self.threads, "torch": torch.__version__, "machine": _machine()}
        self.results["runs"][name] = result | made
        self.path.parent.mkdir(parents=True, exist_ok=True)
        _write(self.path, self.results)

    def _measured(self, variant: Variant, training: Training) -> dict[str, Any]:
        from .attention import Cache
        from .schemes import SCHEMES

        ids, window, bos = self.corpus.held_out, self.plan.text.window - 1, self.corpus.bos
        caches = CACHES if variant.name in ALL_CACHES else NARROW
        network = self.network.with_scheme(SCHEMES[variant.measured], Cache())
        result: dict[str, Any] = {"steps": training.step, "perplexity": {}}
        for name, found in measured(network, training.parameters, ids, window, bos, caches):
            result["perplexity"][name] = found.perplexity
            if name == "16":
                result["tokens"] = found.tokens
                result["zeros"] = found.zeros.skipped(network.config)
                result["closed gates"] = found.zeros.share("closed gates")
                result["active"] = found.zeros.active(network.config)
        return result


def _machine() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _run(arguments: argparse.Namespace) -> None:
    wanted = arguments.variant or [variant.name for variant in VARIANTS]
    for size in arguments.size or SIZES:
        for seed in arguments.seeds:
            claims = Claims(arguments, size, seed)
            for variant in VARIANTS:
                if variant.name in wanted:
                    claims.run(variant)


def main(argv: list[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    hint = "interrupted; the same command goes on"
    return launch("tern_train.claims", arguments.threads, lambda: _run(arguments), hint)


if __name__ == "__main__":
    sys.exit(main())
