//===- include/tern/Import/GgufNames.h - What GGUF calls things -*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_IMPORT_GGUFNAMES_H
#define TERN_IMPORT_GGUFNAMES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <optional>
#include <string>

namespace tern {

/// "blk.3.attn_q.weight" -> "model.layers.3.self_attn.q_proj.weight"; empty if
/// the name is not known.
std::string huggingFaceName(llvm::StringRef ggufName);

/// The opposite direction, of weights and biases; empty if the format has no
/// name for it.
std::string ggufName(llvm::StringRef huggingFaceName);

/// Which of the model's ternary matrices a tensor is: those of a layer, q, k,
/// v, o, gate, up and down, follow each other. Nothing if it is none.
std::optional<uint64_t> ternaryPlace(llvm::StringRef huggingFaceName);
/// The same and those of recurrent layers.
bool isTernaryName(llvm::StringRef huggingFaceName);

/// The converters to the architectures llama and minicpm reorder the rows of q
/// and k for engines that rotate neighbours; those of the others leave them.
bool hasPairedRows(llvm::StringRef architecture, llvm::StringRef ggufName);

/// The name for a way to split text: expressions one after the other, perhaps
/// GPT-2's behind them, with or without `ignore_merges`. Empty if it has none.
llvm::StringRef ggufSplitName(llvm::ArrayRef<std::string> steps, bool thenGpt2,
                              bool ignoreMerges);

/// How GGUF calls what generation_config.json says of sampling.
struct SamplingName {
  llvm::StringLiteral gguf, huggingFace;
};
constexpr SamplingName samplingNames[] = {
    {"general.sampling.temp", "temperature"},
    {"general.sampling.top_k", "top_k"},
    {"general.sampling.top_p", "top_p"},
    {"general.sampling.min_p", "min_p"},
    {"general.sampling.penalty_repeat", "repetition_penalty"},
};

/// As `tokenizer.ggml.token_type` numbers them.
enum GgufTokenType {
  GgufNormal = 1,
  GgufUnknown,
  GgufControl,
  GgufUserDefined,
  GgufUnused,
  GgufByte
};

/// Divides the frequencies of rotary embeddings, a number for each pair.
constexpr llvm::StringLiteral ropeFactorsName = "rope_freqs.weight";
/// The same for texts within the original context and for longer ones.
constexpr llvm::StringLiteral shortFactorsName = "rope_factors_short.weight";
constexpr llvm::StringLiteral longFactorsName = "rope_factors_long.weight";
inline bool isRopeFactors(llvm::StringRef name) {
  return name == ropeFactorsName || name == shortFactorsName ||
         name == longFactorsName;
}

/// Keys that only tern writes. Objects of config.json that the format has no
/// keys for, as JSON, follow the prefix. The scales are those of the ternary
/// matrices by their place in the model, since other tools reorder tensors:
/// blocks have only room for a float16. The activation is written where the
/// architecture's own key would mislead an engine.
constexpr llvm::StringLiteral ternPrefix = "tern.";
constexpr llvm::StringLiteral ternScalesKey = "tern.weight_scales";
/// Of the embedding and of the head, where they are ternary; 0 otherwise.
constexpr llvm::StringLiteral ternTableScalesKey = "tern.table_scales";
constexpr llvm::StringLiteral ternHiddenActKey = "tern.hidden_act";
constexpr llvm::StringLiteral schemeFields[] = {"activation_quantization",
                                                "kv_cache_quantization"};
constexpr llvm::StringLiteral ropeFields[] = {"rope_scaling",
                                              "rope_parameters"};

} // namespace tern

#endif // TERN_IMPORT_GGUFNAMES_H
