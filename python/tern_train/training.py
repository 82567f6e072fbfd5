# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The loop: AdamW on masters, stage by stage, with progress and a state to go on from."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from . import state
from .attention import Cache
from .network import Network, Parameters
from .recipe import Recipe, Stage
from .schemes import CHECKPOINT
from .text import Corpus, drawn
from .zeros import Zeros

SECONDS_BETWEEN_STATES = 60.0


class TrainingError(ValueError):
    """A training cannot go on; the message says at which step and what to do."""


def initial(network: Network, seed: int) -> Parameters:
    """Normal matrices, those that write to the residual smaller; norms are 1."""
    generator = torch.Generator().manual_seed(seed)
    parameters = {}
    for name, shape in network.shapes().items():
        if len(shape) == 1:
            parameters[name] = torch.ones(shape)
            continue
        deviation = 1 / math.sqrt(shape[1])
        if name.endswith(("o_proj.weight", "down_proj.weight")):
            deviation /= math.sqrt(2 * network.config.num_hidden_layers)
        if not name.endswith("_proj.weight"):
            deviation = 0.05
        parameters[name] = torch.randn(shape, generator=generator) * deviation
    return parameters


def in_stage(network: Network, stage: Stage) -> Network:
    """The network as a stage trains it."""
    if stage.activations == CHECKPOINT:
        return network if stage.train_cache else network.with_cache(Cache())
    cache = stage.cache() if stage.train_cache else {}
    bits = cache.get("bits", 16)
    return network.with_scheme(stage.scheme(), Cache(bits, cache.get("bos_bits", bits)))


class Training:
    """A recipe at work: parameters and moments at some step."""

    def __init__(
        self,
        network: Network,
        recipe: Recipe,
        corpus: Corpus,
        parameters: Parameters,
        path: Path | None = None,
    ):
        """path: the state's file; without one nothing is kept."""
        self.network, self.recipe, self.corpus, self.path = network, recipe, corpus, path
        self.step = 0
        self.parameters = {name: w.clone().requires_grad_() for name, w in parameters.items()}
        schedule = recipe.training
        matrices = [w for w in self.parameters.values() if w.dim() > 1]
        norms = [w for w in self.parameters.values() if w.dim() == 1]
        groups = [{"params": matrices, "decays": True}, {"params": norms, "decays": False}]
        self.optimizer = torch.optim.AdamW(groups, lr=schedule.rate, betas=schedule.betas)
        self.stages = [in_stage(network, stage) for stage in recipe.stages]

    def save(self) -> None:
        if self.path is not None:
            moments = {"first": "exp_avg", "second": "exp_avg_sq"}
            tensors = {"master": self.parameters}
            for kind, key in moments.items():
                tensors[kind] = {n: self._moment(w, key) for n, w in self.parameters.items()}
            state.save(self.path, self.step, tensors)

    def _moment(self, parameter: Tensor, key: str) -> Tensor:
        moments = self.optimizer.state[parameter]
        return moments[key] if moments else torch.zeros_like(parameter)

    def load(self, path: Path) -> None:
        """Goes on from a state; the parameters must be those of the same model."""
        shapes = {name: tuple(w.shape) for name, w in self.parameters.items()}
        self.step, tensors = state.load(path, shapes)
        for name, parameter in self.parameters.items():
            parameter.data.copy_(tensors["master"][name])
            if self.step:
                self.optimizer.state[parameter] = {
                    "step": torch.tensor(float(self.step)),
                    "exp_avg": tensors["first"][name],
                    "exp_avg_sq": tensors["second"][name],
                }

    def advance(self, zeros: Zeros | None = None) -> float:
        """One step; its loss."""
        schedule = self.recipe.training
        network = self.stages[self.recipe.stage_at(self.step)]
        inputs, targets = drawn(self.corpus, self.recipe, self.step)
        logits = network.logits(self.parameters, inputs, zeros)
        loss = torch.nn.functional.cross_entropy(logits, targets.flatten())
        value = float(loss.detach())
        if not math.isfinite(value):
            what = "lower training.rate, or lengthen training.warmup"
            raise TrainingError(f"the loss is {value} at step {self.step}: {what}")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters.values(), schedule.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = schedule.rate_at(self.step)
            group["weight_decay"] = schedule.decay_at(self.step) if group["decays"] else 0.0
        self.optimizer.step()
        self.step += 1
        return value

    def run(self, report: Callable[[str], None], until: int | None = None, every: int = 50) -> None:
        """All steps, or those before `until`; a line every so many, a state every minute."""
        schedule = self.recipe.training
        smooth: float | None = None
        end = schedule.steps if until is None else until
        saved = began = time.monotonic()
        first = self.step
        while self.step < end:
            last = self.step + 1 == end
            tells = last or (self.step + 1) % every == 0
            zeros = Zeros() if tells else None
            rate, stage = schedule.rate_at(self.step), self.recipe.stage_at(self.step)
            loss = self.advance(zeros)
            smooth = loss if smooth is None else 0.95 * smooth + 0.05 * loss
            now = time.monotonic()
            if zeros is not None:
                tokens = (self.step - first) * schedule.batch * self.recipe.text.window
                name = self.recipe.stages[stage].activations
                report(
                    f"step {self.step}/{schedule.steps}  {name}  loss {smooth:.3f}  "
                    f"rate {rate:.2e}  {tokens / (now - began):.0f} tokens/s  {zeros_line(zeros)}"
                )
            if last or now - saved >= SECONDS_BETWEEN_STATES:
                self.save()
                saved = now


def zeros_line(zeros: Zeros) -> str:
    """Zeros of the four inputs, and the gates that are closed."""
    names = {"qkv": "q_proj", "o": "o_proj", "gate": "gate_proj", "down": "down_proj"}
    parts = [f"{short} {100 * zeros.share(name):.0f}" for short, name in names.items()]
    return f"zeros % {' '.join(parts)} closed {100 * zeros.share('closed gates'):.0f}"
