# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small random models that the compiled tests run; see CASES.

Sizes are odd on purpose: multiples of 4 that are multiples of nothing larger,
head sizes that are no power of two, one kv head, contexts that cross a block
of 64 cached tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tern_reference.model import Options
from tern_reference.published import SMALL
from tern_reference.safetensors import Reader
from tern_reference.synth import synthesize


@dataclass(frozen=True)
class Case:
    """A model to synthesize, how to run it, and on how many tokens."""

    tokens: int
    model: dict
    options: Options = Options()
    threads: int = 1
    zero_token: bool = False  # token 0's embedding is zero, and it comes first
    defaults: dict = field(
        default_factory=lambda: dict(
            hidden=196, intermediate=44, layers=2, heads=3, kv_heads=1, head_dim=64, vocab=300
        )
    )

    def build(self, directory: Path) -> None:
        synthesize(directory, tokenizer=True, **{**self.defaults, **self.model})
        if self.zero_token:
            entry = Reader(directory).entries["model.embed_tokens.weight"]
            with open(entry.path, "r+b") as file:
                file.seek(entry.begin)
                file.write(bytes((entry.end - entry.begin) // entry.shape[0]))

    def ids(self) -> list[int]:
        vocab = self.model.get("vocab", self.defaults.get("vocab", SMALL["vocab_size"]))
        ids = np.random.default_rng(self.tokens).integers(0, vocab, self.tokens).tolist()
        return [0] + ids[1:] if self.zero_token else ids


KV16, KV8, KV4 = Options(kv_bits=16), Options(kv_bits=8, bos_bits=8), Options(kv_bits=4, bos_bits=4)
KV3 = Options(kv_bits=3, bos_bits=4)
KV3_BOS8 = Options(kv_bits=3, bos_bits=8)
KV3_Q4 = Options(kv_bits=3, bos_bits=4, q_bits=4)

CASES = {
    # Shapes, b1.58: int8 everywhere.
    "h196-g44": Case(9, dict()),
    "h204-g688-d100": Case(33, dict(hidden=204, intermediate=688, heads=2, head_dim=100)),
    "h308-g5460": Case(9, dict(hidden=308, intermediate=5460, heads=4, kv_heads=2), threads=2),
    "h260-d44": Case(9, dict(hidden=260, heads=4, kv_heads=4, head_dim=44), threads=3),
    "h316-d20-many-heads": Case(9, dict(hidden=316, heads=15, kv_heads=5, head_dim=20), KV3),
    "h320-g1028": Case(17, dict(hidden=320, intermediate=1028, heads=5), threads=2),
    # Columns that are no multiple of anything: such weights are not packed in checkpoints.
    "columns-5-65": Case(9, dict(
        encoding="master-f32", hidden=5, intermediate=65, heads=1, head_dim=128, vocab=7
    )),
    "one-token": Case(1, dict(hidden=212)),
    "one-layer": Case(5, dict(layers=1, hidden=228)),
    "five-layers": Case(5, dict(layers=5)),
    "vocab257": Case(9, dict(vocab=257)),
    "vocab1": Case(3, dict(vocab=1)),
    "theta-eps": Case(70, dict(theta=5e5, eps=1e-6), KV16),
    # Encodings.
    "divide": Case(9, dict(encoding="packed-divide", hidden=204)),
    "master-bf16": Case(9, dict(encoding="master-bf16", hidden=204)),
    "master-f16": Case(9, dict(encoding="master-f16", norm_names="inner_ln", act="silu")),
    "master-f32": Case(9, dict(encoding="master-f32", norm_names="inner_ln", tied=False)),
    # Matrices of more values than are converted at a time.
    "master-parts": Case(
        3, dict(encoding="master-f32", hidden=1028, intermediate=1032, layers=1, heads=2)
    ),
    "shards": Case(9, dict(shards=3, tied=False)),
    # The form of each published family, small.
    "like-2b-4t": Case(33, dict(like="2b-4t", small=True), defaults={}),
    "like-2b-4t-bf16": Case(9, dict(like="2b-4t-bf16", small=True), defaults={}, threads=2),
    "like-700m": Case(9, dict(like="700m", small=True), defaults={}),
    "like-3b": Case(9, dict(like="3b", small=True), defaults={}),
    "like-llama3-8b-158": Case(9, dict(like="llama3-8b-158", small=True), defaults={}, threads=2),
    "like-falcon3-1b": Case(9, dict(like="falcon3-1b", small=True), defaults={}),
    "like-falcon3-7b": Case(9, dict(like="falcon3-7b", small=True), defaults={}),
    "like-falcon3-10b": Case(9, dict(like="falcon3-10b", small=True), defaults={}),
    "like-falcon-e-1b": Case(9, dict(like="falcon-e-1b", small=True), defaults={}),
    "like-bonsai-1.7b": Case(9, dict(like="bonsai-1.7b", small=True), defaults={}),
    "like-bonsai-8b": Case(33, dict(like="bonsai-8b", small=True), defaults={}, threads=2),
    "like-bitcpm-0.5b": Case(9, dict(like="bitcpm-0.5b", small=True), defaults={}, threads=2),
    "like-bitcpm-1b": Case(9, dict(like="bitcpm-1b", small=True), defaults={}),
    "like-bitcpm-8b": Case(33, dict(like="bitcpm-8b", small=True), defaults={}),
    # Scales of rows and of groups: 12 columns end within a tile. Divided by, scales have
    # all bits, and the order of a sum shows; bf16's would be added exactly.
    "scales-rows": Case(9, dict(scales="row", hidden=204)),
    "scales-rows-divide-silu": Case(
        9, dict(scales="row", encoding="packed-divide", act="silu"), threads=2
    ),
    "scales-groups": Case(
        9, dict(scales="group", group_size=32, hidden=192, intermediate=544,
        encoding="packed-divide"), threads=2,
    ),
    "scales-groups-12": Case(
        5, dict(scales="group", group_size=12, hidden=204, heads=3, head_dim=20,
        intermediate=60, encoding="packed-divide"),
    ),
    "scales-groups-16-silu": Case(
        33, dict(scales="group", group_size=16, hidden=64, head_dim=32, heads=2, act="silu",
        intermediate=560, encoding="packed-divide"),
    ),
    "scales-groups-256": Case(
        9, dict(scales="group", group_size=256, hidden=512, heads=4, head_dim=128, intermediate=768,
        encoding="packed-divide"), threads=2,
    ),
    "scales-groups-a48": Case(
        9, dict(scales="group", group_size=64, hidden=192, intermediate=704, scheme="a48",
        gate_zeros=0.6, down_zeros=0.8),
    ),
    # Factors of blocks: as large as groups, smaller, larger, neither (15 groups of 4 are
    # what 20 and 12 of 60 are made of); with one scale, with each row's.
    "blocks-groups-128": Case(
        33, dict(block=128, scales="group", group_size=128, hidden=256, head_dim=128, heads=2,
        intermediate=640, act="silu", sub_norms=False), threads=2,
    ),
    "blocks-32-groups-128": Case(
        9, dict(block=32, scales="group", group_size=128, hidden=256, head_dim=128, heads=2,
        intermediate=384),
    ),
    "blocks-128-groups-16-silu": Case(
        17, dict(block=128, scales="group", group_size=16, hidden=384, head_dim=128, heads=1,
        intermediate=256, act="silu"), KV3,
    ),
    "blocks-20-groups-12": Case(
        5, dict(block=20, scales="group", group_size=12, hidden=180, heads=3, head_dim=20,
        intermediate=60),
    ),
    "blocks-tensor": Case(9, dict(block=64, hidden=192, intermediate=704), threads=3),
    "blocks-rows-divide": Case(
        9, dict(block=4, scales="row", encoding="packed-divide", heads=1, act="silu")
    ),
    "blocks-whole-rows": Case(9, dict(block=192, hidden=192, intermediate=576)),
    "blocks-masters": Case(
        9, dict(block=12, hidden=204, heads=3, head_dim=20, intermediate=60,
        encoding="master-bf16"),
    ),
    "blocks-a48": Case(
        9, dict(block=64, scheme="a48", scales="group", group_size=64, hidden=192,
        intermediate=704, gate_zeros=0.6, down_zeros=0.8),
    ),
    "blocks-a48-fp4-tensor": Case(
        9, dict(block=32, scheme="a48-fp4", topk=0.3, hidden=192, intermediate=704,
        gate_zeros=0.6, down_zeros=0.8), threads=2,
    ),
    "blocks-v2": Case(9, dict(block=32, scheme="v2", hidden=192, intermediate=544)),
    "blocks-bias-all-groups": Case(
        33, dict(block=16, bias="all", scales="group", group_size=16, hidden=64, head_dim=32,
        heads=2, intermediate=48), threads=2,
    ),
    "blocks-inner-norms": Case(
        9, dict(block=64, inner_norms=True, hidden=192, intermediate=320, act="silu",
        sub_norms=False),
    ),
    # Activations that stay floats.
    "float-groups": Case(
        9, dict(scheme="float", scales="group", group_size=64, hidden=192, intermediate=448,
        encoding="packed-divide"), threads=2,
    ),
    "float-bias-silu": Case(5, dict(scheme="float", bias="all", act="silu", scales="row")),
    # Ternary embedding and head: vocabularies that end within a tile of rows.
    "table-tied": Case(33, dict(table="ternary", vocab=1020)),
    "table-tied-groups": Case(
        33, dict(table="ternary", vocab=1004, scales="group", hidden=192, intermediate=544), threads=2
    ),
    "table-tied-groups-12": Case(
        9, dict(table="ternary", vocab=36, scales="group", group_size=12, hidden=204, heads=3,
        head_dim=20, intermediate=60, encoding="packed-divide")
    ),
    "table-untied-rows": Case(
        9, dict(table="ternary", tied=False, scales="row", vocab=500, hidden=204), threads=3
    ),
    "table-a48": Case(9, dict(table="ternary", scheme="a48", vocab=516)),
    "table-alone": Case(9, dict(table="ternary", head="float", tied=False, hidden=204)),
    "table-alone-int8": Case(
        9, dict(table="ternary", head="float", tied=False, scales="row"), Options(head="int8")
    ),
    "table-tied-blocks": Case(
        33, dict(table="ternary", vocab=1004, scales="group", block=32, group_size=64, hidden=192,
        intermediate=576), threads=2
    ),
    "table-tied-rows-blocks": Case(
        9, dict(table="ternary", vocab=212, scales="row", block=4, hidden=204, heads=1)
    ),
    "table-qwen3": Case(
        33, dict(family="qwen3", table="ternary", vocab=388, hidden=256, heads=3, kv_heads=3,
        head_dim=128, intermediate=384, scales="group", group_size=128, block=128), threads=2,
    ),
    "table-minicpm": Case(
        9, dict(family="minicpm", table="ternary", vocab=292, hidden=256, heads=4, kv_heads=2,
        head_dim=64, scale_emb=7.3),
    ),
    "table-float": Case(
        9, dict(table="ternary", tied=False, vocab=68, scheme="float", scales="group",
        group_size=64, hidden=192, intermediate=448),
    ),
    "head-alone": Case(
        9, dict(head="ternary", tied=False, vocab=260, scales="group", group_size=64, hidden=192,
        intermediate=64), threads=2
    ),
    # Biases, norms inside projections.
    "bias-qkv": Case(9, dict(bias="qkv")),
    "bias-attention-silu": Case(9, dict(bias="attention", act="silu", encoding="packed-divide")),
    "bias-all": Case(33, dict(bias="all", gate_zeros=0.6, down_zeros=0.8), threads=2),
    "bias-all-masters": Case(9, dict(bias="all", act="silu", encoding="master-bf16")),
    "bias-all-groups": Case(
        9, dict(bias="all", scales="group", group_size=16, hidden=64, head_dim=32, heads=2,
        intermediate=48),
    ),
    "inner-norms": Case(9, dict(inner_norms=True, act="silu", sub_norms=False)),
    "inner-norms-divide-a48": Case(
        9, dict(inner_norms=True, encoding="packed-divide", scheme="a48", bias="qkv")
    ),
    "inner-norms-masters": Case(9, dict(inner_norms=True, encoding="master-bf16")),
    "inner-norms-v2": Case(9, dict(inner_norms=True, scheme="v2", hidden=192, intermediate=96)),
    # Rotary embeddings: 130 positions of the longest and of the shortest period.
    "rope-linear": Case(70, dict(rope="linear"), KV16),
    "rope-llama3": Case(130, dict(rope="llama3", theta=5e5, head_dim=100, heads=2), KV16),
    "rope-yarn": Case(130, dict(rope="yarn", theta=5e5, head_dim=100, heads=2), KV16),
    "rope-yarn-mscale": Case(70, dict(rope="yarn-mscale", family="llama")),
    "rope-longrope": Case(70, dict(rope="longrope", family="llama", head_dim=44)),
    "rope-longrope-far": Case(70, dict(rope="longrope-far", family="llama"), KV3),
    # Qwen3: norms of heads, q wider or narrower than the model, one scale per group.
    "qwen3-d128": Case(
        33, dict(family="qwen3", hidden=256, heads=3, kv_heads=3, head_dim=128, intermediate=384,
        scales="group", group_size=128, rope="yarn", eps=1e-6), threads=2,
    ),
    "qwen3-narrow": Case(
        9, dict(family="qwen3", hidden=320, heads=2, kv_heads=1, head_dim=44, intermediate=688,
        tied=False),
    ),
    "qwen3-bias-kv4": Case(
        70, dict(family="qwen3", hidden=192, heads=15, kv_heads=5, head_dim=20, intermediate=100,
        bias="attention"), KV4, threads=3,
    ),
    "qwen3-one-token": Case(1, dict(family="qwen3", layers=3, encoding="packed-divide")),
    "qwen3-v2-row": Case(
        9, dict(family="qwen3", scheme="v2", scales="row", heads=4, kv_heads=4, head_dim=100,
        intermediate=512), KV3_BOS8,
    ),
    # Hybrids: heads of keys and values of other sizes and numbers, features that end
    # within a vector and within a task, two to seven taps, shares of a head that turn.
    "hybrid": Case(70, dict(family="qwen3_5", layers=4), threads=2),
    "hybrid-d128": Case(
        33, dict(family="qwen3_5", encoding="products-f16", hidden=256, heads=2, head_dim=128,
        intermediate=384, key_heads=1, value_heads=3, key_dim=128, value_dim=128, interval=2,
        tied=False), threads=3,
    ),
    "hybrid-narrow": Case(
        9, dict(family="qwen3_5", layers=3, interval=3, heads=2, head_dim=20, rotary=0.5,
        key_heads=3, value_heads=3, key_dim=6, value_dim=12, taps=2, encoding="packed-divide"),
        KV3,
    ),
    "hybrid-wide": Case(
        9, dict(family="qwen3_5", interval=2, key_heads=2, value_heads=10, key_dim=100,
        value_dim=76, taps=7, scales="row"), threads=2,
    ),
    "hybrid-one-token": Case(1, dict(family="qwen3_5", interval=2, value_dim=36)),
    "hybrid-a48": Case(
        33, dict(family="qwen3_5", scheme="a48", layers=5, interval=2, value_heads=2), KV3_BOS8
    ),
    "hybrid-yarn": Case(
        9, dict(family="qwen3_5", interval=2, rope="yarn", rotary=1.0, heads=4, kv_heads=2,
        table="ternary"), threads=2,
    ),
    "hybrid-mlx": Case(
        9, dict(family="qwen3_5", nested=True, encoding="affine", hidden=256, heads=2, head_dim=64,
        intermediate=384, key_heads=1, value_heads=3, key_dim=24, value_dim=128, interval=2),
    ),
    "hybrid-nested-masters": Case(
        9, dict(family="qwen3_5", nested=True, encoding="master-bf16", hidden=65, intermediate=37,
        interval=2, heads=1, head_dim=10, key_heads=1, value_heads=3, key_dim=7, value_dim=9),
        Options(head="int8"),
    ),
    # MiniCPM: a divisor of the head's input that is a power of two, and one that is not.
    "minicpm": Case(
        33, dict(family="minicpm", hidden=256, heads=4, kv_heads=2, head_dim=64, intermediate=640,
        scales="group", group_size=128, rope="longrope", dim_model_base=64), threads=2,
    ),
    "minicpm-untied-l5": Case(9, dict(family="minicpm", layers=5, tied=False, scale_emb=7.3)),
    # Activations and norms.
    "silu": Case(33, dict(act="silu", intermediate=688)),
    "silu-no-norms-divide": Case(
        9, dict(act="silu", sub_norms=False, encoding="packed-divide", tied=False, intermediate=688)
    ),
    "relu2-no-norms": Case(9, dict(sub_norms=False, intermediate=688)),
    "zero-row": Case(9, dict(), KV3, zero_token=True),
    "zero-row-a48": Case(9, dict(scheme="a48"), KV16, zero_token=True),
    # Activation schemes and sparsity.
    "a48": Case(33, dict(scheme="a48", intermediate=688)),
    "a48-fp4": Case(33, dict(scheme="a48-fp4", intermediate=688)),
    "a48-silu-no-norms": Case(9, dict(scheme="a48", act="silu", sub_norms=False)),
    "topk-third": Case(9, dict(topk=1 / 3, heads=2, head_dim=100)),
    "topk-one-entry": Case(9, dict(scheme="a48", topk=0.001)),
    "topk-all": Case(9, dict(scheme="a48", topk=1.0)),
    "sparse-a48": Case(
        33, dict(scheme="a48", gate_zeros=0.7, down_zeros=0.85, intermediate=5460, hidden=308),
        KV3, threads=2,
    ),
    "sparse-b158": Case(9, dict(gate_zeros=0.95, down_zeros=0.97, intermediate=688)),
    "dense-gates": Case(9, dict(scheme="a48", gate_zeros=0.05, intermediate=688)),
    # BitNet v2: blocks of 64 and 512; 256 and 4 (5460 = 4 * 1365); 4 and 16; 8 and 32.
    "v2": Case(33, dict(scheme="v2", intermediate=512, act="silu"), KV3_BOS8),
    "v2-h308-g5460": Case(9, dict(scheme="v2", hidden=308, intermediate=5460, heads=4), threads=2),
    "v2-d100-relu2": Case(33, dict(scheme="v2", heads=1, head_dim=100, intermediate=688), KV3_BOS8),
    "v2-a8": Case(9, dict(scheme="v2-a8", heads=2, head_dim=44, act="silu", intermediate=96)),
    "v2-no-norms-topk": Case(9, dict(scheme="v2", heads=2, sub_norms=False, topk=0.3)),
    "v2-sparse": Case(
        9, dict(scheme="v2-a8", gate_zeros=0.7, intermediate=5460, hidden=308), threads=3
    ),
    # The cache: 70 and 130 tokens end inside the second and third block.
    "kv3": Case(70, dict(scheme="a48", kv_bits=3, bos_bits=4)),
    "kv3-d100": Case(70, dict(heads=2, head_dim=100), KV3, threads=2),
    "kv3-bos3": Case(64, dict(), Options(kv_bits=3, bos_bits=3)),
    "kv3-bos8": Case(65, dict(), Options(kv_bits=3, bos_bits=8)),
    "kv4": Case(130, dict(), KV4),
    "kv4-d100-q4": Case(70, dict(heads=2, head_dim=100), Options(kv_bits=4, bos_bits=4, q_bits=4)),
    "kv8": Case(70, dict(head_dim=100, heads=2), KV8),
    "kv16-d100": Case(70, dict(head_dim=100, heads=2), KV16, threads=2),
    "kv3-q4": Case(130, dict(scheme="a48"), KV3_Q4),
    # The head.
    "embedding-int8": Case(9, dict(vocab=301), Options(embedding="int8")),
    "embedding-int8-alone": Case(
        9, dict(tied=False, hidden=204, heads=3, head_dim=20), Options(embedding="int8"), threads=2
    ),
    "head-int8": Case(9, dict(vocab=301), Options(head="int8")),
    "head-planes": Case(
        9,
        dict(tied=False, encoding="master-f32", hidden=308, vocab=301, layers=1),
        Options(head="int8-planes"),
    ),
    "head-int6": Case(9, dict(vocab=301), Options(head="int6")),
    "head-int4-untied-f16": Case(
        9, dict(tied=False, encoding="master-f16", hidden=204), Options(head="int4"), threads=2
    ),
    "head-int8-untied-f32": Case(
        9, dict(tied=False, encoding="master-f32"), Options(head="int8"), threads=2
    ),
}  # fmt: skip
