# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Published ternary checkpoints, as far as their files are known.

A checkpoint is its config.json and generation_config.json, field for field, and
what the config does not say: how matrices and their scales are stored, which
norms there are, how many files. `python -m tern_reference.synth --like NAME` writes such a
directory with random numbers. Beside each row stands which file it was compared with,
and what could not be: shards are as many as the size of the tensors suggests.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .published_groups import BITCPM_GENERATION, BITCPM_SMALL, BONSAI_GENERATION, BONSAI_SMALL
from .published_groups import MINICPM, bitcpm, bonsai

BITNET = "BitNetForCausalLM"
_AUTO_MAP = {
    "AutoConfig": "configuration_bitnet.BitNetConfig",
    "AutoModelForCausalLM": "modeling_bitnet.BitNetForCausalLM",
}
_AUTO = {"quant_method": "bitnet", "linear_class": "autobitlinear"}

# Sizes that --small shrinks, as odd as a packed matrix allows.
SMALL = {
    "hidden_size": 196, "intermediate_size": 172, "num_hidden_layers": 2,
    "num_attention_heads": 4, "vocab_size": 300, "max_position_embeddings": 256,
}  # fmt: skip


_SCALES = ("scale_emb", "scale_depth", "dim_model_base")


@dataclass(frozen=True)
class Published:
    """One row: the files' fields, and how the tensors are stored."""

    config: dict
    generation: dict
    encoding: str  # as --encoding of tern_reference.synth
    norm_names: str | None = None  # as --norm-names; None: no sub-norms
    shards: int = 1
    tokenizer: str = "byte_level"  # or qwen or sentencepiece
    table: str = "float"  # or ternary; of the embedding and of a head of its own
    small: dict = field(default_factory=dict)  # over SMALL

    def config_json(self, small: bool) -> dict:
        """The real config, or one of the same form with small sizes."""
        if not small:
            return self.config
        changed = {**SMALL, **self.small}
        names = ("bos_token_id", "eos_token_id", "pad_token_id")
        last = dict(zip(names, (changed["vocab_size"] - k for k in (2, 1, 3))))
        for name in names:  # ids of the small vocabulary stay
            ids = self.config.get(name, 0)
            ids = ids if isinstance(ids, list) else [ids]
            if max(ids) >= changed["vocab_size"]:
                changed[name] = last[name]
        return {key: changed.get(key, value) for key, value in self.config.items()}

    def generation_json(self, small: bool) -> dict:
        config = self.config_json(small)
        ids = {key: config[key] for key in ("bos_token_id", "eos_token_id") if key in config}
        return {**self.generation, **ids} if small else self.generation

    def settings(self, small: bool) -> dict:
        """Settings of tern_reference.synth that make the tensors."""
        config = self.config_json(small)
        heads = config["num_attention_heads"]
        return dict(
            hidden=config["hidden_size"],
            intermediate=config["intermediate_size"],
            layers=config["num_hidden_layers"],
            heads=heads,
            kv_heads=config["num_key_value_heads"],
            head_dim=config.get("head_dim") or config["hidden_size"] // heads,
            vocab=config["vocab_size"],
            context=config["max_position_embeddings"],
            family=config["model_type"],
            theta=config["rope_theta"],
            eps=config["rms_norm_eps"],
            act=config["hidden_act"],
            tied=config["tie_word_embeddings"],
            bos=config.get("bos_token_id", 0),
            eos=config["eos_token_id"],
            encoding=self.encoding,
            table=self.table,
            **{key: config[key] for key in _SCALES if key in config},
            sub_norms=self.norm_names is not None,
            norm_names=self.norm_names or "sub_norm",
            shards=self.shards,
        )


# Every field and number as in a copy of the config of microsoft/bitnet-b1.58-2B-4T
# (Compumacy/Bitnet-B1.58); of the bf16 repository only the mode is known to differ. The
# second end token is that of the chat template; the sampling is not verified.
def _2b_4t(mode: str) -> dict:
    return {
        "architectures": [BITNET],
        "auto_map": _AUTO_MAP,
        "bos_token_id": 128000,
        "eos_token_id": 128001,
        "hidden_act": "relu2",
        "hidden_size": 2560,
        "initializer_range": 0.02,
        "intermediate_size": 6912,
        "max_position_embeddings": 4096,
        "model_type": "bitnet",
        "rms_norm_eps": 1e-05,
        "num_attention_heads": 20,
        "num_hidden_layers": 30,
        "num_key_value_heads": 5,
        "rope_theta": 500000.0,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "use_cache": True,
        "vocab_size": 128256,
        "quantization_config": {**_AUTO, "quantization_mode": mode},
    }


_2B_4T_GENERATION = {
    "_from_model_config": True,
    "bos_token_id": 128000,
    "eos_token_id": [128001, 128009],
    "do_sample": True,
    "temperature": 0.6,
    "top_p": 0.9,
}


# As the configs of 1bitLLM/bitnet_b1_58-large and -3B, and a copy of that of -xl
# (BoscoTheDog/bitnet_b1_58-xl_q8_0_gguf). Tensors are larger than their torch_dtype
# says in the two smaller ones, which is from the size of the files only.
def _1bitllm(name: str, hidden: int, intermediate: int, layers: int, heads: int) -> dict:
    return {
        "_name_or_path": f"1bitLLM/bitnet_b1_58-{name}",
        "architectures": ["BitnetForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "hidden_act": "silu",
        "hidden_size": hidden,
        "initializer_range": 0.02,
        "input_bits": 8,
        "intermediate_size": intermediate,
        "max_position_embeddings": 2048,
        "model_type": "llama",
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "num_key_value_heads": heads,
        "pad_token_id": 32000,
        "pretraining_tp": 1,
        "rms_norm_eps": 1e-05,
        "rope_scaling": None,
        "rope_theta": 10000.0,
        "tie_word_embeddings": True,
        "torch_dtype": "float16",
        "transformers_version": "4.39.0",
        "use_cache": True,
        "vocab_size": 32002,
        "weight_bits": 1,
    }


# Of a copy (kousw/bitnet_b1_58-3B_quantized), and as long as the published file. Its
# ids are not those of the config.
_1BITLLM_GENERATION = {
    "_from_model_config": True,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "pad_token_id": 1,
    "transformers_version": "4.39.0",
}

# As HF1BitLLM/Llama3-8B-1.58-Sigmoid-k100-10B-tokens, of the same series; its
# quantization_config stands there twice, the second time without the null. The path,
# the generation config and the 100B one itself are not verified.
_LLAMA3_8B = {
    "_name_or_path": "HF1BitLLM/Llama3-8B-1.58-100B-tokens",
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 128000,
    "eos_token_id": 128009,
    "hidden_act": "silu",
    "hidden_size": 4096,
    "initializer_range": 0.02,
    "intermediate_size": 14336,
    "is_bitnet_config": True,
    "max_position_embeddings": 8192,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "pretraining_tp": 1,
    "quantization_config": {"modules_to_not_convert": None, "quant_method": "bitnet"},
    "rms_norm_eps": 1e-05,
    "rope_interleaved": False,
    "rope_scaling": None,
    "rope_theta": 500000.0,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.44.0.dev0",
    "use_cache": True,
    "vocab_size": 128256,
}


# As the configs of tiiuae/Falcon3-1B-Instruct-1.58bit (b932224), -7B-Base-1.58bit
# (d99c914) and -10B-Base-1.58bit (7b61cb1), without the paths in `_name_or_path`. Not
# seen: the end of 7B's file (its vocabulary is that of other copies), the other
# variants, the generation configs.
def _falcon(
    hidden: int, intermediate: int, layers: int, heads: int, kv_heads: int, context: int, **more: object,
) -> dict:  # fmt: skip
    return {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "eos_token_id": 11,
        "head_dim": 256,
        "hidden_act": "silu",
        "hidden_size": hidden,
        "initializer_range": 0.02,
        "intermediate_size": intermediate,
        "is_bitnet_config": True,
        "max_position_embeddings": context,
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "num_key_value_heads": kv_heads,
        "pretraining_tp": 1,
        "quantization_config": {"modules_to_not_convert": ["lm_head"], "quant_method": "bitnet"},
        "rms_norm_eps": 1e-06,
        "rope_scaling": None,
        "rope_theta": 1000042,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.48.0.dev0",
        "use_cache": True,
        "vocab_size": 131072,
        **more,
    }


_FALCON_7B = {
    "activation": "swiglu",
    "auto_map": {
        "AutoConfig": "tiiuae/falcon3-7B--configuration_llama.LlamaConfig",
        "AutoModelForCausalLM": "tiiuae/falcon3-7B--modeling_llama.LlamaForCausalLM",
    },
    "bos_token_id": 11,
    "parallel_attn": False,
}
# Of a fine-tuned model of this form (Arvyniitb/1bitModel). Its sizes give those of the
# published files of Falcon-E-1B-Instruct to a tenth of a per cent; the rest is not
# verified, nor is Falcon-E-3B, which has 32 layers of 13312.
_FALCON_E = {"bos_token_id": 1, "head_dim": 128, "rms_norm_eps": 1e-05, "rope_theta": 1000000, "vocab_size": 32768}
_FALCON_GENERATION = {"_from_model_config": True, "bos_token_id": 11, "eos_token_id": 11}
_FALCON_SMALL = {"num_key_value_heads": 2, "head_dim": 36}
_1BITLLM_SMALL = {"num_key_value_heads": 4, "hidden_size": 200}

PUBLISHED = {
    "2b-4t": Published(
        _2b_4t("offline"), _2B_4T_GENERATION, "packed-multiply", "sub_norm",
        small={"num_key_value_heads": 1, "hidden_size": 208},
    ),
    "2b-4t-bf16": Published(
        _2b_4t("online"), _2B_4T_GENERATION, "master-bf16", "sub_norm",
        small={"num_key_value_heads": 1, "hidden_size": 208},
    ),
    "700m": Published(
        _1bitllm("large", 1536, 4096, 24, 16), _1BITLLM_GENERATION, "master-f32", "inner_ln",
        tokenizer="sentencepiece", small=_1BITLLM_SMALL,
    ),
    "1.3b": Published(
        _1bitllm("xl", 2048, 5460, 24, 32), _1BITLLM_GENERATION, "master-f32", "inner_ln",
        tokenizer="sentencepiece", small=_1BITLLM_SMALL, shards=2,
    ),
    "3b": Published(
        _1bitllm("3B", 3200, 8640, 26, 32), _1BITLLM_GENERATION, "master-f16", "inner_ln",
        tokenizer="sentencepiece", small=_1BITLLM_SMALL, shards=3,
    ),
    "llama3-8b-158": Published(
        _LLAMA3_8B, {"_from_model_config": True, "bos_token_id": 128000, "eos_token_id": 128009},
        "packed-divide", small={"num_key_value_heads": 2, "hidden_size": 240},
    ),
    "falcon3-1b": Published(
        _falcon(2048, 8192, 18, 8, 4, 8192), {**_FALCON_GENERATION, "bos_token_id": 1}, "packed-divide",
        small=_FALCON_SMALL,
    ),
    "falcon3-7b": Published(
        _falcon(3072, 23040, 28, 12, 4, 8192, **_FALCON_7B), _FALCON_GENERATION, "packed-divide",
        small=_FALCON_SMALL,
    ),
    "falcon3-10b": Published(
        _falcon(3072, 23040, 40, 12, 4, 32768, bos_token_id=1), _FALCON_GENERATION, "packed-divide",
        small=_FALCON_SMALL, shards=2,
    ),
    "falcon-e-1b": Published(
        _falcon(2048, 9216, 24, 16, 2, 32768, **_FALCON_E), {**_FALCON_GENERATION, "bos_token_id": 1},
        "packed-divide", small=_FALCON_SMALL,
    ),
    "bonsai-1.7b": Published(
        bonsai(2048, 6144, 28, 16, 32768, tied=True), BONSAI_GENERATION, "products-f16",
        tokenizer="qwen", table="ternary", small=BONSAI_SMALL, shards=1,
    ),
    "bonsai-4b": Published(
        bonsai(2560, 9728, 36, 32, 32768, tied=True), BONSAI_GENERATION, "products-f16",
        tokenizer="qwen", table="ternary", small=BONSAI_SMALL, shards=2,
    ),
    "bonsai-8b": Published(
        bonsai(4096, 12288, 36, 32, 65536, tied=False, yarn=True), BONSAI_GENERATION, "products-f16",
        tokenizer="qwen", table="ternary", small=BONSAI_SMALL, shards=4,
    ),
    "bitcpm-0.5b": Published(
        bitcpm(1024, 4096, 24, 16, 64, 1e-06, **MINICPM, tie_word_embeddings=True), BITCPM_GENERATION,
        "products-bf16", tokenizer="sentencepiece",
        small={**BITCPM_SMALL, "num_attention_heads": 4, "num_key_value_heads": 2},
    ),
    "bitcpm-1b": Published(
        bitcpm(2048, 6144, 28, 16, 128, 1e-05), BITCPM_GENERATION, "products-bf16",
        tokenizer="sentencepiece", small=BITCPM_SMALL,
    ),
    "bitcpm-3b": Published(
        bitcpm(2560, 10240, 32, 32, 128, 1e-05), BITCPM_GENERATION, "products-bf16",
        tokenizer="sentencepiece", small=BITCPM_SMALL, shards=2,
    ),
    "bitcpm-8b": Published(
        bitcpm(4096, 16384, 32, 32, 128, 1e-06, **MINICPM), BITCPM_GENERATION, "products-bf16",
        tokenizer="sentencepiece", small=BITCPM_SMALL, shards=4,
    ),
}  # fmt: skip
