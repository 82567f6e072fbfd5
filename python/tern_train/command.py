# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The work of `python -m tern_train`, once PyTorch and its threads are set up."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import checkpoints, evaluate, recipe, text
from .network import Network, Parameters
from .training import Training, TrainingError, in_stage, initial, zeros_line

UNFINISHED = ".training"  # added to the output's name while a training goes on
STATE, PLAN = "state.safetensors", "plan.json"


@dataclass(frozen=True)
class Start:
    """Everything that a training begins from."""

    network: Network
    raw: dict[str, Any]  # config.json
    corpus: text.Corpus
    parameters: Parameters


def _say(line: str) -> None:
    print(line, flush=True)


def _recipe(arguments: argparse.Namespace) -> recipe.Recipe:
    name = arguments.recipe or ("continue" if arguments.start else "a4.8-2m")
    result = recipe.load(name)
    if arguments.start and result.model:
        raise recipe.RecipeError(f"recipe {name} has a model, and --from brings one")
    if not arguments.start and not result.model:
        raise recipe.RecipeError(f"recipe {name} has no model: it needs --from CHECKPOINT")
    changes = {name: getattr(arguments, name) for name in ("seed", "steps")}
    return result.with_training(**{k: v for k, v in changes.items() if v is not None})


def _started(arguments: argparse.Namespace, plan: recipe.Recipe) -> Start:
    if arguments.start:
        network, parameters = checkpoints.read_masters(arguments.start)
        raw = checkpoints.read_config(arguments.start)
        c = network.config
        corpus = text.read(arguments.text, plan, arguments.start, 0, c.bos_token_id)
    else:
        context = plan.model.get("max_position_embeddings", 0)
        corpus = text.read(arguments.text, plan, arguments.tokenizer, context, None)
        ends = corpus.files.get("generation_config.json", {})
        size = 1 + max(corpus.bos, *_ids(corpus.files["tokenizer.json"]))
        raw = {**plan.model, "vocab_size": size}
        raw |= {name: ends[name] for name in ("bos_token_id", "eos_token_id") if name in ends}
        network = Network(raw)
        parameters = initial(network, plan.training.seed)
    c = network.config
    if plan.text.window > c.max_position_embeddings:
        longest = f"the model has {c.max_position_embeddings} positions"
        raise recipe.RecipeError(f"text.window is {plan.text.window}, {longest}")
    largest = max(int(part.max(initial=0)) for part in (corpus.learned, corpus.held_out))
    if largest >= c.vocab_size:
        raise ValueError(f"token {largest} does not fit a vocabulary of {c.vocab_size}")
    return Start(network, raw, corpus, parameters)


def _ids(tokenizer: dict[str, Any]) -> list[int]:
    added = [token["id"] for token in tokenizer.get("added_tokens", [])]
    return [*tokenizer["model"]["vocab"].values(), *added]


def _plan(plan: recipe.Recipe, start: Start, threads: int) -> dict[str, Any]:
    """A state belongs to these: going on with anything else is refused."""
    digest = start.corpus.digest
    return {"recipe": plan.raw(), "config": start.raw, "text": digest, "threads": threads}


def _state(arguments: argparse.Namespace, plan: dict[str, Any], started: Training) -> None:
    """Makes the directory of the state, or goes on from it."""
    directory = arguments.output.with_name(arguments.output.name + UNFINISHED)
    plan = json.loads(json.dumps(plan))
    if directory.exists() and not arguments.resume:
        way = "--resume goes on with it, or remove it"
        raise FileExistsError(f"{directory} holds an unfinished training: {way}")
    if arguments.resume:
        if not (directory / PLAN).exists():
            raise FileNotFoundError(f"{directory} holds no training that could go on")
        before = json.loads((directory / PLAN).read_text(encoding="utf-8"))
        for name in plan:
            if before.get(name) != plan[name]:
                raise ValueError(f"{directory} was started with another {name}")
        if (directory / STATE).exists():
            started.load(directory / STATE)
            _say(f"going on from step {started.step}")
    else:

        def fill(unfinished: Path) -> None:
            content = json.dumps(plan, indent=2) + "\n"
            (unfinished / PLAN).write_text(content, encoding="utf-8")

        checkpoints.appear(directory, fill)
    started.path = directory / STATE


def run(arguments: argparse.Namespace) -> None:
    """Trains, writes the model, and with --program compiles it."""
    plan = _recipe(arguments)
    compiler = _compiler(arguments)
    start = _started(arguments, plan)
    for path in checkpoints.directories(start.network, arguments.output):
        if path.exists():
            raise FileExistsError(f"{path} is there already, and is not overwritten")
    training = Training(start.network, plan, start.corpus, start.parameters)
    _state(arguments, _plan(plan, start, arguments.threads), training)
    size = sum(w.numel() for w in start.parameters.values())
    learned, held_out = len(start.corpus.learned), len(start.corpus.held_out)
    _say(f"{size} parameters, {learned} tokens to learn from, {held_out} held out")
    try:
        training.run(_say, every=arguments.every)
    except TrainingError:  # going on from its state would end here again
        _forget(training)
        raise
    _tell_perplexity(training)
    stage = plan.stages[-1]
    files = start.corpus.files
    checkpoints.save(start.network, start.raw, stage, training.parameters, files, arguments.output)
    _forget(training)
    written = checkpoints.directories(start.network, arguments.output)
    _say(f"wrote {' and '.join(map(str, written))}")
    if compiler:
        command = [compiler, "compile", str(arguments.output), "-o", str(arguments.program)]
        if subprocess.run(command, check=False).returncode:
            raise RuntimeError(f"{' '.join(command)} failed")
        _say(f"wrote {arguments.program}")


def _forget(training: Training) -> None:
    """Removes the directory of the state."""
    if training.path is not None:
        shutil.rmtree(training.path.parent)


def _tell_perplexity(training: Training) -> None:
    window = training.recipe.text.window - 1
    if len(training.corpus.held_out) < window:
        return
    network = in_stage(training.network, training.recipe.stages[-1])
    ids, bos = training.corpus.held_out, training.corpus.bos
    measured = evaluate.measure(network, training.parameters, ids, window, bos)
    active = measured.zeros.active(network.config)
    _say(
        f"held out: perplexity {measured.perplexity:.3f} over {measured.tokens} tokens  "
        f"{zeros_line(measured.zeros)}  weights read {100 * active:.0f} %"
    )


def _compiler(arguments: argparse.Namespace) -> str | None:
    if arguments.program is None:
        return None
    if arguments.program.exists():
        raise FileExistsError(f"{arguments.program} is there already, and is not overwritten")
    found: str | None = shutil.which(arguments.tern)
    if found is None:
        raise FileNotFoundError(f"no command '{arguments.tern}' to compile with: --tern PATH")
    return found
