# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The reference is what tern_train computes: layers, codes, gradients, perplexities, merges.

Needs PyTorch; without it only the tokenizer is tested.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from conftest import model_directory
from small_training import TEXT, folder, needs_torch, torch  # noqa: F401
from tern_reference.checkpoint import load
from tern_reference.config import ActivationQuant
from tern_reference.model import Model, Options
from tern_reference.perplexity import perplexity
from tern_reference.tokenizer import LLAMA3_PATTERN, Tokenizer, byte_alphabet, compile_pattern


YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}


def raw_config(family: str) -> dict:
    raw = dict(
        model_type=family, hidden_act="relu2", hidden_size=48, intermediate_size=96,
        num_hidden_layers=2, num_attention_heads=3, num_key_value_heads=1, head_dim=16,
        rms_norm_eps=1e-5, rope_theta=1e4, max_position_embeddings=128,
        tie_word_embeddings=True, vocab_size=300,
    )  # fmt: skip
    if family == "qwen3":
        raw |= dict(hidden_act="silu", hidden_size=256, intermediate_size=256, head_dim=128,
                    num_attention_heads=2, rope_scaling=YARN)  # fmt: skip
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
    from tern_train import attention, quantizers

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
    narrow = attention.coded(torch.from_numpy(x), attention.Cache(3, 3, block=16))[0]
    codes, g = numerics.kv_encode(x.reshape(-1, 16), 3)
    want = numerics.kv_odd(codes, 3) * numerics.kv_factor(g, 3)[:, None]
    np.testing.assert_array_equal(narrow.numpy().reshape(-1, 16), want.astype(np.float32))
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
    too_wide = {"3, bos 4, a scale for 64", "3, bos 4, a scale for 32"}  # for heads of 32
    assert list(rows) == [name for name in caches.CACHES if name not in too_wide]
    assert "o_proj 50" in zeros and rows["3, bos 4, a scale for 16"] != rows["3, bos 4"]
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
def test_costs_of_caches_of_groups_are_the_references(tmp_path, capsys):
    """Of the bundled model of Qwen3's shape: scales of groups, a ternary table, YaRN."""
    from tern_train import caches

    model, text = model_directory("shakespeare-qwen3"), tmp_path / "text.txt"
    text.write_text(TEXT.read_text()[:300])
    flags = ["--window", "40", "--only", "16", "--only", "3, bos 4"]
    assert caches.main([str(model), str(text), *flags]) == 0
    found = [float(line[24:].split()[0]) for line in capsys.readouterr().out.splitlines()[:2]]
    ids = Tokenizer.load(model).encode(text.read_text())
    want = [perplexity(Model(load(model), Options(*o)), ids, 40)[0] for o in ((16, 16), (3, 4))]
    assert found == pytest.approx(want, rel=4e-3)  # a code turns at a tie; 3 bits cost 4 %


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
