//===- include/tern/Import/Schemes.h - Ways to quantize ---------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// How activations and the KV cache become integers is data: two objects of
// config.json, of a file of the user's, or an entry of a table.
// docs/schemes.md.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_IMPORT_SCHEMES_H
#define TERN_IMPORT_SCHEMES_H

#include "tern/Import/ModelConfig.h"

#include "llvm/ADT/ArrayRef.h"

#include <string>
#include <utility>
#include <vector>

namespace tern {

/// A Hadamard transform of fewer features would mix next to nothing.
constexpr int64_t smallestHadamardBlock = 4;

/// Features that one transform of a row of `features` mixes: the largest power
/// of two that divides their number.
constexpr int64_t hadamardBlock(int64_t features) {
  return features & -features;
}

/// Fewer inputs would share next to nothing.
constexpr int64_t smallestBlock = 4;

/// Of models whose activations were not quantized in training.
constexpr int64_t defaultBlock = 128;

/// Marks a model as such (docs/schemes.md, "Without a scheme"). Unless its file
/// says how, activations become int8 in blocks of `defaultBlock` or, of inputs
/// that these do not divide, of the largest power of two that does. Nothing but
/// the number of inputs decides: the same weights in another file give the same
/// numbers.
void setWeightOnly(ModelConfig &config);

/// A scheme with a name.
struct SchemePreset {
  llvm::StringLiteral name, summary;
  /// Of the inputs of q, k and v; of o; of gate and up; of down.
  ProjectionQuant attention, output, gated, down;
  unsigned kvBits, bosBits;
};
llvm::ArrayRef<SchemePreset> schemePresets();

/// A user's choices in the place of the config's.
struct SchemeOverrides {
  /// The name of a preset or the path of a JSON file; empty: as in the config.
  std::string activations;
  /// Shares of the inputs that are kept.
  std::vector<std::pair<Projection, double>> topK;
};

/// "0.5", which is of o_proj, or "down_proj=0.4,o_proj=0.5".
llvm::Expected<std::vector<std::pair<Projection, double>>>
parseTopK(llvm::StringRef text);

/// `what` is what messages about the resulting schemes begin with.
llvm::Error applySchemes(const SchemeOverrides &overrides, ModelConfig &config,
                         llvm::StringRef what);

/// Refuses what no model of these shapes can compute.
llvm::Error checkSchemes(const ModelConfig &config, llvm::StringRef what);

/// Refuses a scheme of the inputs of a head that is not ternary.
llvm::Error checkHeadScheme(const ModelConfig &config, llvm::StringRef what);

/// "int8_absmax in blocks of 128, top 50.0 %, Hadamard in blocks of 64"; of a
/// row of `features`.
std::string describe(const ProjectionQuant &quant, int64_t features);

/// All of a model in one line.
std::string describeSchemes(const ModelConfig &config);

} // namespace tern

#endif // TERN_IMPORT_SCHEMES_H
