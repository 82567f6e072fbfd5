# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m tern_train`: its numbers are the reference's, its files compile, it goes on.

Needs PyTorch; without it all but the test of that sentence is skipped.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from tern_reference.checkpoint import load
from tern_reference.config import ActivationQuant
from tern_reference.model import Model, Options
from tern_reference.perplexity import perplexity
from tern_reference.safetensors import Reader
from tern_reference.tokenizer import LLAMA3_PATTERN, Tokenizer, byte_alphabet, compile_pattern
from tern_train.__main__ import main

TEXT = ROOT / "test/data/shakespeare-heldout.txt"
RECIPE = """
base = "a4.8-2m"
[model]
hidden_size = 48
intermediate_size = 96
num_hidden_layers = 2
head_dim = 16
max_position_embeddings = 64
[text]
vocabulary = 300
window = 48
[training]
steps = 10
batch = 2
warmup = 2
[[stages]]
activations = "b1.58"
share = 0.6
[[stages]]
activations = "a4.8"
share = 0.4
"""
CONTINUE = '[text]\nwindow = 48\n[training]\nsteps = 3\nbatch = 2\n'
CONTINUE += '[[stages]]\nactivations = "checkpoint"\n'

try:
    import torch

    # One thread, as the command sets it, so that the order of tests changes nothing.
    torch.set_num_threads(1)
except ModuleNotFoundError:
    torch = None
needs_torch = pytest.mark.skipif(torch is None, reason="no PyTorch")


def test_without_torch_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main([str(TEXT), "-o", str(tmp_path / "model")]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "python3-torch" in error


def raw_config(family: str) -> dict:
    raw = dict(
        model_type=family, hidden_act="relu2", hidden_size=48, intermediate_size=96,
        num_hidden_layers=2, num_attention_heads=3, num_key_value_heads=1, head_dim=16,
        rms_norm_eps=1e-5, rope_theta=1e4, max_position_embeddings=128,
        tie_word_embeddings=True, vocab_size=300,
    )  # fmt: skip
    if family == "qwen3":
        raw |= dict(hidden_act="silu", hidden_size=256, intermediate_size=256, head_dim=128,
                    num_attention_heads=2)  # fmt: skip
    return raw


FORWARD = [
    ("bitnet", "b1.58", (16, 16, 8)),
    ("bitnet", "a4.8", (16, 16, 8)),
    ("bitnet", "a4.8", (3, 4, 8)),
    ("bitnet", "a4.8", (4, 4, 4)),
    ("bitnet", "a4.8-fp4", (8, 8, 8)),
    ("bitnet", "v2", (3, 8, 8)),
    ("qwen3", "float", (16, 16, 8)),
    ("qwen3", "int8-128", (16, 16, 8)),
]


@needs_torch
@pytest.mark.parametrize("family, scheme, cache", FORWARD)
def test_each_layer_is_the_references(family, scheme, cache, tmp_path):
    """From the reference's input of the layer, both forms of the files.

    Sums of floats are rounded otherwise, so a code, or an f16, may be another one at a tie,
    which the tokens behind it see; most tokens are equal within a few roundings.
    """
    from tern_train import checkpoints
    from tern_train.attention import Cache
    from tern_train.network import Network
    from tern_train.recipe import Stage
    from tern_train.schemes import SCHEMES
    from tern_train.training import initial

    raw = raw_config(family)
    network = Network(raw)
    generator = torch.Generator().manual_seed(5)
    parameters = {
        name: w + 0.1 * torch.randn(w.shape, generator=generator) if w.dim() == 1 else w
        for name, w in initial(network, 3).items()
    }
    checkpoints.save(network, raw, Stage(scheme), parameters, {}, tmp_path / "model")
    loaded = load(tmp_path / "model")
    if scheme == "float":  # which a config leaves out
        floats = {name: ActivationQuant("f32") for name in loaded.config.activations}
        loaded = replace(loaded, config=replace(loaded.config, activations=floats))
    ids = [298, *np.random.default_rng(1).integers(0, 298, 69)]
    want = Model(loaded, Options(*cache)).run(ids)
    if family == "bitnet":
        masters = Model(load(tmp_path / "model-bf16"), Options(*cache)).run(ids)
        assert (masters.logits == want.logits).all()
    network = network.with_scheme(SCHEMES[scheme], Cache(*cache))
    x, tables = torch.from_numpy(loaded.embedding[ids]), network.tables(len(ids))
    with torch.no_grad():
        for index, hidden in enumerate(want.hidden):
            got = network.layer(parameters, index, x, tables).numpy()
            error = np.abs(got - hidden).max(axis=1) / np.abs(hidden).max(axis=1)
            assert np.median(error) < 5e-5
            assert (error < 1e-4).mean() > 0.5
            x = torch.from_numpy(hidden)
        logits = network.head(parameters, x).numpy()
    error = np.abs(logits - want.logits).max(axis=1) / np.abs(want.logits).max(axis=1)
    assert np.median(error) < 1e-5


@needs_torch
def test_codes_are_the_references():
    """Of rows with ties, zeros and outliers: the same integers; factors but for a rounding."""
    from tern_reference import numerics
    from tern_train import quantizers

    random = np.random.default_rng(4)
    x = random.standard_normal((40, 48)).astype(np.float32)
    x[:20] = np.rint(4 * x[:20]) / 4  # many equal magnitudes, and halves of steps
    x[0], x[1, 3] = 0, 900
    for scheme in quantizers.SCHEMES:
        for topk, block in ((None, None), (0.3, None), (0.5, 16)):
            want, factor = numerics.quantize(x, scheme, topk, block)
            q, s = quantizers.quantize(torch.from_numpy(x), scheme, topk, block)
            assert (q.numpy() == want).mean() > 0.999
            np.testing.assert_allclose(s.squeeze(-1).numpy(), factor, rtol=1e-6)
    for bits in (3, 4, 8):
        codes, g = numerics.kv_encode(x, bits)
        u, step = quantizers.cache_codes(torch.from_numpy(x), bits)
        assert (u.numpy() == numerics.kv_odd(codes, bits)).all()
        assert (step.squeeze(-1).numpy() == numerics.kv_factor(g, bits)).all()
    digits, alpha = quantizers.ternary(torch.from_numpy(x))
    want, factor = numerics.ternarize(x)
    assert (digits.numpy() == want).all() and alpha == factor
    mixed = quantizers.hadamard(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(mixed, numerics.hadamard(x), rtol=1e-4, atol=1e-4)


@needs_torch
def test_gradients_pass_the_quantizers():
    """Those of a product of floats, of what stands for x and for the master."""
    from tern_train.linear import project
    from tern_train.quantizers import quantize, ternary

    generator = torch.Generator().manual_seed(2)
    x, w = (torch.randn(shape, generator=generator) for shape in ((5, 24), (8, 24)))
    quant = ActivationQuant("int8_absmax", topk=0.5)
    x, w = x.requires_grad_(), w.requires_grad_()
    y, codes = project(x, [w], quant, 0)
    slope = torch.randn(y.shape, generator=generator)
    (y * slope).sum().backward()
    q, s = quantize(x.detach(), quant.scheme, quant.topk, None)
    digits, alpha = ternary(w.detach())
    assert (codes == q).all() and ((q == 0).sum(dim=1) >= 12).all()
    torch.testing.assert_close(y.detach(), (q * s) @ (digits * alpha).t())
    torch.testing.assert_close(x.grad, slope @ (digits * alpha))
    torch.testing.assert_close(w.grad, slope.t() @ (q * s))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Recipes, a text, and `model`, trained by the command in one go."""
    path = tmp_path_factory.mktemp("trainer")
    (path / "recipe.toml").write_text(RECIPE)
    (path / "continue.toml").write_text(CONTINUE)
    (path / "text.txt").write_text(TEXT.read_text()[:30000])
    if torch is not None:
        assert train(path, "model") == 0
    return path


def train(folder: Path, output: str, *flags: str, recipe: str = "recipe.toml") -> int:
    command = [str(folder / "text.txt"), "-o", str(folder / output), "--every", "5"]
    return main([*command, "--recipe", str(folder / recipe), *flags])


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
def test_perplexity_is_the_references(folder):
    from tern_train import checkpoints
    from tern_train.evaluate import measure

    network, parameters = checkpoints.read_masters(folder / "model-bf16")
    ids = np.array(Tokenizer.load(folder / "model").encode(TEXT.read_text()[:1200]))
    found = measure(network, parameters, ids, 47, network.config.bos_token_id)
    want, tokens = perplexity(Model(load(folder / "model")), list(ids), 47)
    assert found.tokens == tokens
    assert found.perplexity == pytest.approx(want, rel=1e-3)
    skipped = found.zeros.skipped(network.config)
    assert skipped["o_proj"] == pytest.approx(0.5, abs=0.03)
    open_gates, codes = 1 - found.zeros.share("closed gates"), 1 - skipped["gate_proj"]
    assert skipped["up_proj"] == pytest.approx(1 - open_gates * codes)


@needs_torch
def test_costs_of_caches_are_the_references(folder, tmp_path, capsys):
    """Of a packed model, in f16 and in 3 bits behind a first position of 4."""
    from tern_train import caches

    text = tmp_path / "text.txt"
    text.write_text(TEXT.read_text()[:500])
    assert caches.main([str(folder / "model"), str(text), "--window", "40"]) == 0
    *lines, zeros = capsys.readouterr().out.splitlines()
    rows = {line[:24].strip(): line[24:].split() for line in lines}
    assert list(rows) == list(caches.CACHES) and "o_proj 50" in zeros
    loaded, ids = load(folder / "model"), Tokenizer.load(folder / "model").encode(text.read_text())
    for name, options in {"16": (16, 16), "3, bos 4": (3, 4), "4, queries 4": (4, 4, 4)}.items():
        want, _ = perplexity(Model(loaded, Options(*options)), ids, 40)
        assert float(rows[name][0]) == pytest.approx(want, rel=1e-3)
    flags = ["--window", "40", "--only", "16", "--activations", "b1.58"]
    assert caches.main([str(folder / "model"), str(text), *flags]) == 0
    line, zeros = capsys.readouterr().out.splitlines()
    assert line.split()[1] != rows["16"][0] and "o_proj 50" not in zeros
    assert caches.main([str(folder / "none"), str(text)]) == 1


@needs_torch
def test_a_program_prints_what_the_reference_does(tern, folder):
    """The command's last step; both forms of the model are one artifact."""
    program = folder / "program"
    assert train(folder, "compiled", "--program", str(program), "--tern", tern) == 0
    run = [str(program), "run", "-p", "KING", "-n", "12", "--temp", "0", "--ignore-eos"]
    done = subprocess.run([*run, "--print-ids"], capture_output=True, text=True, check=True)
    tokens = Tokenizer.load(folder / "compiled").encode("KING")
    want = Model(load(folder / "compiled-bf16")).generate([298, *tokens], 12, stop=False)
    assert list(map(int, done.stdout.replace(",", " ").split())) == want


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
    assert not (tmp_path / "model").exists() and not (tmp_path / "model-bf16").exists()


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


def counted_anew(text: str, count: int) -> list[str]:
    """The merges of a text, all pairs counted again for each; symbols have bytes' order."""
    words = [m.group() for m in compile_pattern(LLAMA3_PATTERN).finditer(text)]
    names = sorted(byte_alphabet())
    rows = [[byte_alphabet()[byte] for byte in word.encode()] for word in words]
    for _ in range(count):
        pairs = Counter(pair for row in rows for pair in zip(row, row[1:]))
        best = min(pairs, key=lambda p: (-pairs[p], names.index(p[0]), names.index(p[1])))
        names.append("".join(best))
        for row in rows:
            for i in range(len(row) - 1):
                if tuple(row[i : i + 2]) == best:
                    row[i : i + 2] = [names[-1]]
    return names[256:]


def test_a_vocabulary_is_of_frequent_pairs():
    from tern_train.bpe import learn_merges, tokenizer_files

    symbols, merges = learn_merges("low low low lower lowest new newer", 4)
    assert [symbols[a] + symbols[b] for a, b in merges][:2] == ["lo", "low"]
    assert len(learn_merges("aaaa", 50)[1]) == 2  # aa, aaaa
    text = TEXT.read_text()[:20000]
    symbols, merges = learn_merges(text[:2000], 150)
    assert [symbols[a] + symbols[b] for a, b in merges] == counted_anew(text[:2000], 150)
    files = tokenizer_files(text, 400, 64)
    tokenizer = Tokenizer(files["tokenizer.json"])
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text and max(ids) < 398
    assert len(ids) < 0.6 * len(text)
    assert tokenizer.special == {"<|begin_of_text|>": 398, "<|end_of_text|>": 399}
    assert len(tokenizer_files("abc", 300, 64)["tokenizer.json"]["model"]["vocab"]) == 298


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


@needs_torch
def test_claims_go_on_and_are_the_page(folder, monkeypatch, capsys):
    """Two variants, one after the other from one first stage; the page is their tables."""
    from tern_train import claims, claims_page

    monkeypatch.setattr(claims, "SIZES", {"2m": str(folder / "recipe.toml")})
    docs = folder / "docs"
    command = [str(folder / "text.txt"), "--work", str(folder / "work"), "--size", "2m"]
    command += ["--results", str(docs / "training"), "--seeds", "1", "--steps", "5"]
    assert claims.main([*command, "--variant", "a8"]) == 0
    path = docs / "training/2m-5-1.json"
    first = json.loads(path.read_text())["runs"]["a8"]
    assert claims.main([*command, "--variant", "a8", "--variant", "a4"]) == 0
    lines = [line.split(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert lines == ["2m-5-1 first stage", "2m-5-1 a8", "2m-5-1 a4"]
    runs = json.loads(path.read_text())["runs"]
    assert runs["a8"] == first  # not measured again
    assert list(runs) == ["first stage", "a8", "a4"]
    assert len(runs["a4"]["perplexity"]) > len(runs["a8"]["perplexity"])
    page = docs / "training.md"
    page.write_text("# Page\n<!-- claims -->\n<!-- end -->\n")
    assert claims_page.main(["--check", str(page)]) == 1
    assert claims_page.main([str(page)]) == 0
    assert claims_page.main(["--check", str(page)]) == 0
    row = next(line for line in page.read_text().splitlines() if "after the second stage" in line)
    assert f"| {runs['a4']['perplexity']['16']:.2f} |" in row
    assert "| a4.8 with fp4 | not run | not run |" in page.read_text()


def test_the_page_is_its_results():
    from tern_train import claims_page

    assert claims_page.main(["--check", str(ROOT / "docs/training.md")]) == 0


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
