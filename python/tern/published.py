# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Published ternary checkpoints, as far as their files are known.

A checkpoint is its config.json and generation_config.json, field for field, and
what the config does not say: how matrices and their scales are stored, which
norms there are, how many files. `python -m tern.synth --like NAME` writes such a
directory with random numbers; the fields of Falcon-E that are not public
knowledge (its sizes) are those of Falcon3.
"""

from __future__ import annotations

from dataclasses import dataclass, field

BITNET = "BitNetForCausalLM"
_AUTO_MAP = {
    "AutoConfig": "configuration_bitnet.BitNetConfig",
    "AutoModelForCausalLM": "modeling_bitnet.BitNetForCausalLM",
}
_AUTO = {"quant_method": "bitnet", "linear_class": "autobitlinear"}

# What --small shrinks, as odd as a packed matrix allows.
SMALL = {
    "hidden_size": 196, "intermediate_size": 172, "num_hidden_layers": 2,
    "num_attention_heads": 4, "vocab_size": 300, "max_position_embeddings": 256,
}  # fmt: skip


@dataclass(frozen=True)
class Published:
    """One row: the files' fields, and how the tensors are stored."""

    config: dict
    generation: dict
    encoding: str  # as --encoding of tern.synth
    norm_names: str | None = None  # as --norm-names; None: no sub-norms
    shards: int = 1
    tokenizer: str = "byte_level"  # or sentencepiece
    small: dict = field(default_factory=dict)  # over SMALL

    def config_json(self, small: bool) -> dict:
        """The real config, or one of the same form with small sizes."""
        if not small:
            return self.config
        changed = {**SMALL, **self.small}
        names = ("bos_token_id", "eos_token_id", "pad_token_id")
        last = dict(zip(names, (changed["vocab_size"] - k for k in (2, 1, 3))))
        for name in names:  # ids of the small vocabulary stay
            if self.config.get(name, 0) >= changed["vocab_size"]:
                changed[name] = last[name]
        return {key: changed.get(key, value) for key, value in self.config.items()}

    def generation_json(self, small: bool) -> dict:
        config = self.config_json(small)
        ids = {key: config[key] for key in ("bos_token_id", "eos_token_id") if key in config}
        return {**self.generation, **ids} if small else self.generation

    def settings(self, small: bool) -> dict:
        """Settings of tern.synth that make the tensors."""
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
            theta=config["rope_theta"],
            eps=config["rms_norm_eps"],
            act=config["hidden_act"],
            tied=config["tie_word_embeddings"],
            bos=config.get("bos_token_id", 0),
            eos=config["eos_token_id"],
            encoding=self.encoding,
            sub_norms=self.norm_names is not None,
            norm_names=self.norm_names or "sub_norm",
            shards=self.shards,
        )


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


_1BITLLM_GENERATION = {
    "_from_model_config": True,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 32000,
    "transformers_version": "4.39.0",
}

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


def _falcon(
    hidden: int, intermediate: int, layers: int, heads: int, kv_heads: int, head_dim: int,
    eps: float = 1e-06, **more: object,
) -> dict:  # fmt: skip
    return {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": 11,
        "eos_token_id": 11,
        "head_dim": head_dim,
        "hidden_act": "silu",
        "hidden_size": hidden,
        "initializer_range": 0.02,
        "intermediate_size": intermediate,
        "is_bitnet_config": True,
        "max_position_embeddings": 4096,
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "num_key_value_heads": kv_heads,
        "pretraining_tp": 1,
        "quantization_config": {"modules_to_not_convert": None, "quant_method": "bitnet"},
        "rms_norm_eps": eps,
        "rope_scaling": None,
        "rope_theta": 1000042,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.46.1",
        "use_cache": True,
        "vocab_size": 131072,
        **more,
    }


_LM_HEAD = {"quantization_config": {"modules_to_not_convert": ["lm_head"], "quant_method": "bitnet"}}
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
        _falcon(2048, 8192, 18, 8, 4, 256), _FALCON_GENERATION, "packed-divide",
        small=_FALCON_SMALL,
    ),
    "falcon3-10b": Published(
        _falcon(3072, 23040, 40, 12, 4, 256, activation="swiglu"), _FALCON_GENERATION,
        "packed-divide", small=_FALCON_SMALL, shards=2,
    ),
    "falcon-e-1b": Published(
        _falcon(2048, 8192, 24, 8, 4, 256, eps=1e-05, **_LM_HEAD), _FALCON_GENERATION,
        "packed-divide", small=_FALCON_SMALL,
    ),
}  # fmt: skip
