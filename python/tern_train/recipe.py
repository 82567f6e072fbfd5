# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Recipes: what is trained and how, as TOML. Every field is known or refused by name."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from .schemes import CACHES, CHECKPOINT, SCHEMES

RECIPES = Path(__file__).parent / "recipes"

# The fields of config.json that [model] may have.
MODEL = {
    "model_type": str, "hidden_act": str, "hidden_size": int, "intermediate_size": int,
    "num_hidden_layers": int, "num_attention_heads": int, "num_key_value_heads": int,
    "head_dim": int, "rms_norm_eps": float, "rope_theta": float, "rope_scaling": dict,
    "max_position_embeddings": int, "tie_word_embeddings": bool,
}  # fmt: skip

_Table = TypeVar("_Table")


class RecipeError(ValueError):
    """A recipe asks for something that is not known or cannot be."""


@dataclass(frozen=True)
class Text:
    """How a text becomes windows of tokens."""

    vocabulary: int = 1024  # of a tokenizer that is learned from the text
    window: int = 192  # tokens, the first of them begin of text
    held_out: float = 0.05  # share of the characters, at the text's end


@dataclass(frozen=True)
class Schedule:
    """AdamW's numbers; the rate falls in two lines and the decay ends with the first.

    At the share t of all steps the rate is `rate * (1 - t)` while t < middle, then
    `second_rate * (1 - t)`; BitNet a4.8's table 7 gives both rates, the decay and betas.
    """

    steps: int = 2000
    batch: int = 16  # windows of a step
    rate: float = 3e-3
    second_rate: float = 2e-3
    middle: float = 0.5
    warmup: int = 50  # steps
    decay: float = 0.1  # of matrices, before the middle
    betas: tuple[float, float] = (0.9, 0.95)
    clip: float = 1.0  # of all gradients' norm
    seed: int = 1

    def rate_at(self, step: int) -> float:
        t = step / self.steps
        peak = self.rate if t < self.middle else self.second_rate
        return peak * (1 - t) * min(1.0, (step + 1) / max(1, self.warmup))

    def decay_at(self, step: int) -> float:
        return self.decay if step / self.steps < self.middle else 0.0


@dataclass(frozen=True)
class Stage:
    """A part of the training with one scheme for activations."""

    activations: str  # a name of schemes.py, or "checkpoint"
    share: float = 1.0  # of the steps
    train_cache: bool = False  # with the scheme's narrow cache, not only with f16

    def scheme(self) -> dict[str, Any]:
        return SCHEMES[self.activations]

    def cache(self) -> dict[str, int]:
        """The cache's widths as config.json has them; empty: f16."""
        return CACHES.get(self.activations, {})


@dataclass(frozen=True)
class Recipe:
    """A whole training. `model` holds fields of config.json, without the tokenizer's ids."""

    model: dict[str, Any] = field(default_factory=dict)
    text: Text = Text()
    training: Schedule = Schedule()
    stages: tuple[Stage, ...] = (Stage("b1.58"),)

    def first_step(self, stage: int) -> int:
        """The step that a stage begins with; with the number of stages, all steps."""
        share = sum(part.share for part in self.stages[:stage])
        return round(self.training.steps * share)

    def stage_at(self, step: int) -> int:
        return max(i for i in range(len(self.stages)) if step >= self.first_step(i))

    def with_training(self, **changes: Any) -> Recipe:
        return parse(self.raw() | {"training": self.raw()["training"] | changes})

    def with_stages(self, *stages: Stage) -> Recipe:
        return replace(self, stages=stages)

    def raw(self) -> dict[str, Any]:
        """As a recipe's file holds it, all fields written out."""

        def table(value: Any) -> dict[str, Any]:
            pairs = ((f.name, getattr(value, f.name)) for f in fields(value))
            return {name: list(v) if isinstance(v, tuple) else v for name, v in pairs}

        stages = [table(stage) for stage in self.stages]
        return {
            "model": self.model,
            "text": table(self.text),
            "training": table(self.training),
            "stages": stages,
        }


def _table(kind: type[_Table], raw: object, what: str) -> _Table:
    """A dataclass from a table of TOML: known names, and values of the default's type."""
    if not isinstance(raw, dict):
        raise RecipeError(f"{what} is {raw!r}, expected a table")
    known = {f.name: f for f in fields(kind)}
    values: dict[str, Any] = {}
    for name, value in raw.items():
        if name not in known:
            raise RecipeError(f"{what} has a field '{name}', expected one of {', '.join(known)}")
        wanted = str(known[name].type)
        if wanted.startswith("tuple"):
            fits = isinstance(value, list) and len(value) == 2
            fits = fits and all(isinstance(part, (int, float)) for part in value)
            value = tuple(value) if fits else value
        elif wanted == "float":
            fits = isinstance(value, (int, float)) and not isinstance(value, bool)
            value = float(value) if fits else value
        else:
            fits = type(value).__name__ == wanted
        if not fits:
            raise RecipeError(f"{what}.{name} is {value!r}, expected {wanted}")
        values[name] = value
    try:
        return kind(**values)
    except TypeError:
        raise RecipeError(f"{what} needs a field 'activations'") from None


def _check(holds: bool, sentence: str) -> None:
    if not holds:
        raise RecipeError(sentence)


def _model(raw: object) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise RecipeError("model is no table")
    for name, value in raw.items():
        known = ", ".join(MODEL)
        _check(name in MODEL, f"model has a field '{name}', expected one of {known}")
        wanted = MODEL[name].__name__
        _check(type(value) is MODEL[name], f"model.{name} is {value!r}, expected {wanted}")
        positive = not isinstance(value, (int, float)) or isinstance(value, bool) or value > 0
        _check(positive, f"model.{name} is {value!r}, expected above 0")
    return raw


def parse(raw: dict[str, Any]) -> Recipe:
    """A recipe from parsed TOML, all of it checked."""
    for name in raw:
        known = [f.name for f in fields(Recipe)]
        _check(name in known, f"there is a table '{name}', expected one of {', '.join(known)}")
    stages = raw.get("stages", [{"activations": "b1.58"}])
    _check(isinstance(stages, list) and bool(stages), "stages is empty, expected [[stages]]")
    recipe = Recipe(
        _model(raw.get("model", {})),
        _table(Text, raw.get("text", {}), "text"),
        _table(Schedule, raw.get("training", {}), "training"),
        tuple(_table(Stage, stage, "a stage") for stage in stages),
    )
    text, training = recipe.text, recipe.training
    _check(0 <= text.held_out < 1, f"text.held_out is {text.held_out}, expected [0, 1)")
    _check(text.window >= 2, f"text.window is {text.window}, expected 2 or more")
    for name in ("steps", "batch"):
        value = getattr(training, name)
        _check(value > 0, f"training.{name} is {value}, expected 1 or more")
    for name in ("rate", "second_rate", "clip"):
        value = getattr(training, name)
        _check(0 < value < float("inf"), f"training.{name} is {value}, expected above 0")
    _check(training.seed >= 0, f"training.seed is {training.seed}, expected 0 or more")
    for stage in recipe.stages:
        names = ", ".join((*SCHEMES, CHECKPOINT))
        what = f"activations of a stage are '{stage.activations}', expected one of {names}"
        _check(stage.activations in (*SCHEMES, CHECKPOINT), what)
        brings = stage.activations != CHECKPOINT or not recipe.model
        _check(brings, "activations of a stage are 'checkpoint', and the recipe has a model")
        _check(stage.share > 0, f"a stage's share is {stage.share}, expected above 0")
    total = sum(stage.share for stage in recipe.stages)
    _check(abs(total - 1) < 1e-9, f"the stages' shares add up to {total:g}, expected 1")
    return recipe


def _with_base(raw: dict[str, Any]) -> dict[str, Any]:
    """A file with `base = "NAME"` is the recipe of that name, but for the fields it has."""
    if "base" not in raw:
        return raw
    base = load(str(raw.pop("base"))).raw()
    for name in ("model", "text", "training"):
        _check(isinstance(raw.get(name, {}), dict), f"{name} is no table")
    merged = {name: base[name] | raw.pop(name, {}) for name in ("model", "text", "training")}
    return base | merged | raw


def load(name: str) -> Recipe:
    """A recipe of the package by name, or a file."""
    path = RECIPES / f"{name}.toml"
    if not path.exists():
        path = Path(name)
        if not path.exists():
            names = ", ".join(sorted(entry.stem for entry in RECIPES.glob("*.toml")))
            raise RecipeError(f"no recipe and no file '{name}', expected one of {names}")
    try:
        return parse(_with_base(tomllib.loads(path.read_text(encoding="utf-8"))))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecipeError) as error:
        raise RecipeError(f"{path}: {error}") from None
