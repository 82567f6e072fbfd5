//===- include/tern/Import/ModelConfig.h - What config.json says *- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Every field of config.json is used, known to be irrelevant, or an error that
// names it: a field we do not understand may change what the model computes,
// unless it is empty.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_IMPORT_MODELCONFIG_H
#define TERN_IMPORT_MODELCONFIG_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tern {

/// How activations become integers (docs/numerics.md 2).
enum class ActivationScheme { Int8AbsMax, Int4AbsMean, Fp4E2M1, Float32 };
llvm::StringRef toString(ActivationScheme scheme);

/// Models with one graph of operations in a layer (docs/numerics.md 5). BitNets
/// and Llamas share theirs: what differs, tensors and other fields say.
enum class ModelFamily { BitNet, Llama, Qwen3, MiniCpm, Qwen35 };
/// "qwen3", as `model_type` in config.json.
llvm::StringRef toString(ModelFamily family);

/// The ternary matrices of a decoder layer. The last three are those that a
/// recurrent layer has in the place of the first four.
enum class Projection { Q, K, V, O, Gate, Up, Down, InQkv, InZ, Out };
constexpr std::array<Projection, 10> allProjections = {
    Projection::Q,    Projection::K,  Projection::V,    Projection::O,
    Projection::Gate, Projection::Up, Projection::Down, Projection::InQkv,
    Projection::InZ,  Projection::Out};
constexpr size_t projectionCount = allProjections.size();
/// "q_proj"
llvm::StringRef toString(Projection projection);

struct ProjectionQuant {
  ActivationScheme scheme = ActivationScheme::Int8AbsMax;
  /// Share of the largest magnitudes that is kept, in (0, 1); none keeps all.
  std::optional<double> topK;
  /// The row is transformed first, in blocks as large as its length allows.
  bool hadamard = false;
  /// Adjacent inputs that share a factor; 0: all.
  int64_t block = 0;
  bool operator==(const ProjectionQuant &other) const {
    return scheme == other.scheme && topK == other.topK &&
           hadamard == other.hadamard && block == other.block;
  }
};

enum class HiddenAct { Relu2, Silu };

/// How a checkpoint stores its ternary matrices (docs/numerics.md 8).
enum class WeightForm {
  Masters,    ///< bf16, f16 or f32, ternarized at import
  Multiplies, ///< packed, weight_scale is alpha
  Divides,    ///< packed, weight_scale is 1 / alpha
  PerTensor,  ///< each in its own encoding, as in a GGUF file
  Products,   ///< bf16, f16 or f32: digits times a scale per row and group
  Affine,     ///< 2-bit codes of MLX, with scales and biases of groups
};

/// Columns of a row that share a scale in files of products, which do not say.
constexpr int64_t productGroup = 128;

/// Sizes of a recurrent layer, a Gated DeltaNet (docs/numerics.md 5).
struct DeltaNet {
  int64_t keyHeads = 0, valueHeads = 0;
  int64_t keyDim = 0, valueDim = 0; ///< features of a head
  int64_t taps = 0;                 ///< of the convolution
  /// Value head j reads key head j mod keyHeads; else heads that share one lie
  /// side by side.
  bool isTiled = false;

  int64_t keys() const { return keyHeads * keyDim; }
  int64_t values() const { return valueHeads * valueDim; }
  /// Features of the convolution: queries, keys, values.
  int64_t features() const { return 2 * keys() + values(); }

  /// A layer's part of a sequence's state: rows of the convolution's inputs,
  /// then the heads' matrices. Both begin at lines of memory.
  int64_t matricesAt() const;
  int64_t stateBytes() const;
};

struct ModelConfig {
  /// As the file calls it.
  std::string architecture;
  ModelFamily family = ModelFamily::BitNet;
  int64_t hiddenSize = 0;
  int64_t intermediateSize = 0;
  int64_t layerCount = 0;
  int64_t headCount = 0;
  int64_t kvHeadCount = 0;
  int64_t headDim = 0;
  /// Features of a head that rotary embeddings turn, from the first on.
  int64_t rotaryDim = 0;
  /// q_proj has, behind each head's query, its gate.
  bool hasOutputGate = false;
  /// Of a hybrid, the sizes of its recurrent layers and which these are.
  std::optional<DeltaNet> deltaNet;
  std::vector<bool> recurrentLayers;
  /// Norms are stored as w where 1 + w is meant, but for those of recurrent
  /// heads; and rates of decay as their logarithms.
  bool storesNormsFromOne = false, storesLogRates = false;
  int64_t vocabSize = 0;
  int64_t maxPositions = 0;
  double rmsNormEps = 0;
  double ropeTheta = 0;
  /// Divisor of the frequency of each pair of features; empty: 1.
  std::vector<double> ropeDivisors;
  /// Of every cosine and sine.
  double ropeFactor = 1;
  HiddenAct hiddenAct = HiddenAct::Silu;
  bool tiedHead = false;
  /// Of the embedding and of the head; the tensors say it.
  bool ternaryTable = false, ternaryHead = false;
  WeightForm weightForm = WeightForm::Masters;
  /// Columns of a row that share a scale; of products and affine codes.
  int64_t weightGroup = 0;
  /// Of q, k, v and o, and of gate, up and down; absent: the tensors say it.
  std::optional<bool> attentionBias, mlpBias;
  /// Of a norm inside each projection, if there is one.
  std::optional<double> innerNormEps;
  /// Multiplies rows of the embedding, and what attention and MLP add; divides
  /// the input of the head.
  float embeddingScale = 1, residualScale = 1, headDivisor = 1;
  /// Indexed by Projection; q, k, v are equal, and so are gate and up, as each
  /// group quantizes its input once.
  std::array<ProjectionQuant, projectionCount> quant;
  /// The file says `quant`.
  bool saysActivations = false;
  /// Digits times scales of a model whose activations were not quantized in
  /// training; set by setWeightOnly.
  bool weightOnly = false;
  /// Of a ternary head; absent: as of q_proj, but all features and no
  /// transform.
  std::optional<ProjectionQuant> headQuant;
  /// 3, 4, 8 or 16; with 16, bosBits is 16 too and qBits has no meaning.
  unsigned kvBits = 16;
  unsigned bosBits = 16;
  unsigned qBits = 8;
  /// A sentence for each thing in the file that is passed over although an
  /// answer may depend on it.
  std::vector<std::string> warnings;

  /// Each head of q and k is normed before it is rotated.
  bool hasHeadNorms() const {
    return family == ModelFamily::Qwen3 || family == ModelFamily::Qwen35;
  }
  bool isRecurrent(int64_t layer) const {
    return !recurrentLayers.empty() && recurrentLayers[layer];
  }
  int64_t recurrentCount() const;
  /// Of all kinds of layers.
  llvm::SmallVector<Projection> projections() const;
  bool hasProjection(Projection projection, int64_t layer) const;
  const ProjectionQuant &quantOf(Projection projection) const {
    return quant[static_cast<size_t>(projection)];
  }
  ProjectionQuant quantOfHead() const;
  /// Four digits of one column share a byte, beside `weight_scale`.
  bool hasPackedWeights() const {
    return weightForm == WeightForm::Multiplies ||
           weightForm == WeightForm::Divides;
  }
  /// Output and input features.
  int64_t rows(Projection projection) const;
  int64_t columns(Projection projection) const;

  /// `file` is what messages call the text.
  static llvm::Expected<ModelConfig> parse(llvm::StringRef text,
                                           llvm::StringRef file);
  static llvm::Expected<ModelConfig> read(llvm::StringRef path);
};

} // namespace tern

#endif // TERN_IMPORT_MODELCONFIG_H
