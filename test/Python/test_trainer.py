# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m tern_train`: its files compile, it goes on, and it refuses in one sentence.

Needs PyTorch; without it all but the test of that sentence is skipped.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from small_training import RECIPE, TEXT, folder, needs_torch, train  # noqa: F401
from tern_reference.checkpoint import load
from tern_reference.model import Model
from tern_reference.perplexity import perplexity
from tern_reference.safetensors import Reader
from tern_reference.tokenizer import Tokenizer
from tern_train.__main__ import main


def test_without_torch_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main([str(TEXT), "-o", str(tmp_path / "model")]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "python3-torch" in error


@needs_torch
def test_a_stopped_training_goes_on(folder, monkeypatch, capsys):
    """Stopped in the second stage, behind the last state: the same files, byte for byte."""
    from tern_train import training

    advance = training.Training.advance

    def stops(self, zeros=None):
        if self.step == 8:
            raise KeyboardInterrupt
        if self.step == 7:
            monkeypatch.setattr(training, "SECONDS_BETWEEN_STATES", 60.0)
        return advance(self, zeros)

    monkeypatch.setattr(training, "SECONDS_BETWEEN_STATES", 0.0)
    monkeypatch.setattr(training.Training, "advance", stops)
    assert train(folder, "stopped") == 130
    monkeypatch.setattr(training.Training, "advance", advance)
    assert not (folder / "stopped").exists()
    assert train(folder, "stopped") == 1
    assert "--resume goes on with it" in capsys.readouterr().err
    assert train(folder, "stopped", "--resume", "--seed", "9") == 1
    assert "was started with another recipe" in capsys.readouterr().err
    assert train(folder, "stopped", "--resume") == 0
    assert "going on from step 7" in capsys.readouterr().out
    for name in ("", "-bf16"):
        one, other = (folder / f"{model}{name}" for model in ("model", "stopped"))
        for file in ("model.safetensors", "config.json", "tokenizer.json"):
            assert (one / file).read_bytes() == (other / file).read_bytes()
    assert not list(folder.glob("stopped.*"))


@needs_torch
def test_fine_tuning_starts_from_masters(folder, capsys):
    assert train(folder, "tuned", "--from", str(folder / "model-bf16"), recipe="continue.toml") == 0
    before, after = (Reader(folder / f"{name}-bf16") for name in ("model", "tuned"))
    name = "model.layers.0.mlp.down_proj.weight"
    moved = np.abs(before.f32(name) - after.f32(name))
    assert 0 < moved.max() < 0.02
    for file in ("config.json", "tokenizer.json", "generation_config.json"):
        assert (folder / "model" / file).read_bytes() == (folder / "tuned" / file).read_bytes()
    assert train(folder, "no", "--from", str(folder / "model"), recipe="continue.toml") == 1
    assert "has no masters" in capsys.readouterr().err


@needs_torch
def test_a_program_computes_what_the_reference_does(tern, folder, tmp_path):
    """The command's last step: OUT compiled is OUT-bf16 by the reference."""
    program, text = folder / "program", tmp_path / "text.txt"
    assert train(folder, "compiled", "--program", str(program), "--tern", tern) == 0
    text.write_text(TEXT.read_text()[:500])
    flags = ["-f", str(text), "-c", "48", "--output-json"]
    done = subprocess.run([program, "ppl", *flags], capture_output=True, text=True, check=True)
    ids = Tokenizer.load(folder / "compiled").encode(text.read_text())
    want, tokens = perplexity(Model(load(folder / "compiled-bf16")), ids, 47)
    found = json.loads(done.stdout)
    assert found["perplexity"] == pytest.approx(want, rel=1e-6) and found["tokens"] == tokens


REFUSED = {
    "empty": ("text", "\n  \n", "is empty"),
    "short": ("text", "To be", "fewer than a window of 48"),
    "latin-1": ("text", b"\xe9t\xe9" * 100, "is no UTF-8: byte 0"),
    "vocabulary": ("recipe", "vocabulary = 200", "258 or more"),
    "field": ("recipe", "vocabulari = 300", "has a field 'vocabulari'"),
    "type": ("recipe", 'vocabulary = "300"', "vocabulary is '300', expected int"),
    "window": ("recipe", "vocabulary = 300\nwindow = 65", "the model has 64 positions"),
    "nan": ("recipe", "vocabulary = 300\n[training]\nrate = 1e30\nsecond_rate = 1e30",
            "lower training.rate"),
    "shares": ("recipe", 'vocabulary = 300\n[[stages]]\nactivations = "v2"\nshare = 0.5',
               "add up to 0.5"),
    "scheme": ("recipe", 'vocabulary = 300\n[[stages]]\nactivations = "a5"', "are 'a5'"),
    "model": ("recipe", "vocabulary = 300\n[model]\nhidden_act = 'gelu'", "hidden_act is 'gelu'"),
    "model field": ("recipe", "vocabulary = 300\n[model]\nhiden_size = 48", "a field 'hiden_size'"),
    "model type": ("recipe", "vocabulary = 300\n[model]\nhidden_size = '48'", "expected int"),
    "rows": ("recipe", "vocabulary = 300\n[model]\nhidden_size = 50", "expected a multiple of 4"),
    "groups": ("recipe", "vocabulary = 300\n[model]\nmodel_type = 'qwen3'\nhidden_act = 'silu'",
               "expected a multiple of 128"),
}  # fmt: skip


@needs_torch
@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_one_sentence(case, folder, tmp_path, capsys):
    kind, content, words = REFUSED[case]
    text, recipe = TEXT.read_text()[:8000], RECIPE
    if kind == "text":
        text = content
    else:
        recipe = f'base = "{folder / "recipe.toml"}"\n[text]\n{content}\n'
    (tmp_path / "text.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    (tmp_path / "recipe.toml").write_text(recipe)
    assert train(tmp_path, "model") == 1
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1
    assert not list(tmp_path.glob("model*"))


@needs_torch
def test_nothing_is_overwritten(folder, tmp_path, capsys):
    before = sorted(path.stat().st_mtime_ns for path in folder.rglob("model*/*"))
    assert train(folder, "model") == 1
    assert "is there already, and is not overwritten" in capsys.readouterr().err
    shutil.copytree(folder / "model-bf16", tmp_path / "other-bf16")
    assert main([str(TEXT), "-o", str(tmp_path / "other")]) == 1
    assert sorted(path.stat().st_mtime_ns for path in folder.rglob("model*/*")) == before
    from tern_train.checkpoints import appear

    with pytest.raises(FileExistsError):  # made by someone else in the meantime
        appear(tmp_path / "other-bf16", lambda directory: None)
    assert [path.name for path in tmp_path.iterdir()] == ["other-bf16"]


@needs_torch
def test_every_recipe_of_the_package_makes_a_network():
    from tern_train import recipe
    from tern_train.network import Network
    from tern_train.training import in_stage

    for path in recipe.RECIPES.glob("*.toml"):
        plan = recipe.load(path.stem)
        if plan.model:
            network = Network({**plan.model, "vocab_size": plan.text.vocabulary})
            assert [in_stage(network, stage) for stage in plan.stages]
            rates = [plan.training.rate_at(step) for step in range(plan.training.steps)]
            assert max(rates) < plan.training.rate and 0 < rates[-1] < rates[0]


def test_types(tmp_path):
    if not shutil.which("mypy"):
        pytest.skip("no mypy")
    command = ["mypy", "--strict", "--config-file", "pyproject.toml", "--cache-dir", tmp_path]
    done = subprocess.run(
        [*command, "tern_train"], cwd=ROOT / "python", capture_output=True, text=True,
        env=os.environ,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("module", ["__main__", "claims", "claims_page", "caches"])
def test_help(module, capsys):
    command = importlib.import_module(f"tern_train.{module}")
    with pytest.raises(SystemExit) as end:
        command.main(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith("usage: python -m tern_train") and "{'" not in text
