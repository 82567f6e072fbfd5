//===- lib/Import/Inventory.cpp - What must be in a checkpoint ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Inventory.h"

#include "Json.h"
#include "tern/Import/GgufNames.h"

#include <set>
#include <utility>

using namespace llvm;

namespace tern {

namespace {

/// Compares the tensors with what the config asks for.
class Inventory {
public:
  explicit Inventory(const Checkpoint &checkpoint)
      : checkpoint(checkpoint), config(checkpoint.config()) {}

  Error check() {
    int64_t hidden = config.hiddenSize;
    expectTable(Checkpoint::embeddingName(), config.ternaryTable);
    expectFloat(Checkpoint::finalNormName(), {hidden});
    if (!config.tiedHead)
      expectTable(checkpoint.headName(), config.ternaryHead);
    for (int64_t layer = 0; layer < config.layerCount; ++layer)
      expectLayer(layer);
    for (const auto &[name, entry] : checkpoint.files().all())
      if (!seen.count(name) &&
          Checkpoint::roleOf(name) != Checkpoint::TensorRole::Table)
        fail(entry, name, unexpected(name));
    return problems.take();
  }

private:
  /// The embedding or the head.
  void expectTable(StringRef name, bool isTernary) {
    if (!isTernary)
      return expectFloat(name, {config.vocabSize, config.hiddenSize});
    if (config.hasPackedWeights() && config.vocabSize % 4)
      fail(*checkpoint.files().find(name), name,
           "is packed, but its " + Twine(config.vocabSize) +
               " rows are not a multiple of 4, as packed ternary matrices "
               "need");
    expectWeight(name.str(), config.vocabSize, config.hiddenSize);
  }

  void expectLayer(int64_t layer) {
    auto at = [&](StringRef name) { return Checkpoint::atLayer(name, layer); };
    expectFloat(at(Checkpoint::inputNormName()), {config.hiddenSize});
    expectFloat(at(Checkpoint::postAttentionNormName()), {config.hiddenSize});
    if (!checkpoint.attentionSubNormName().empty())
      expectFloat(at(checkpoint.attentionSubNormName()),
                  {config.columns(Projection::O)});
    if (!checkpoint.ffnSubNormName().empty())
      expectFloat(at(checkpoint.ffnSubNormName()), {config.intermediateSize});
    if (config.isRecurrent(layer))
      expectRecurrent(at);
    else
      for (Projection projection : {Projection::Q, Projection::K})
        if (StringRef name = checkpoint.headNormName(projection); !name.empty())
          expectHeadNorm(at(name));
    for (Projection projection : config.projections())
      if (config.hasProjection(projection, layer))
        expectProjection(projection, at(Checkpoint::weightName(projection)));
  }

  /// Tensors of a recurrent layer beside its matrices of digits.
  void expectRecurrent(function_ref<std::string(StringRef)> at) {
    const DeltaNet &net = *config.deltaNet;
    auto expect = [&](StringRef part, ArrayRef<int64_t> shape) {
      expectFloat(at(Checkpoint::recurrentName(part)), shape);
    };
    expect("in_proj_a.weight", {net.valueHeads, config.hiddenSize});
    expect("in_proj_b.weight", {net.valueHeads, config.hiddenSize});
    expect("A_log", {net.valueHeads});
    expect("dt_bias", {net.valueHeads});
    expect("norm.weight", {net.valueDim});
    // GGUF and some writers leave out the middle.
    std::string taps = at(Checkpoint::recurrentName("conv1d.weight"));
    const TensorEntry *entry = checkpoint.files().find(taps);
    if (entry && entry->shape.size() == 2)
      return expectFloat(taps, {net.features(), net.taps});
    if (config.storesNormsFromOne)
      return expectFloat(taps, {net.features(), 1, net.taps});
    expectFloat(taps, {net.features(), net.taps, 1});
  }

  /// Without one the model is another: one sentence for all of them says it.
  void expectHeadNorm(const std::string &name) {
    if (checkpoint.files().find(name))
      return expectFloat(name, {config.headDim});
    if (!std::exchange(saidHeadNorms, true))
      problems.add(checkpoint.directory() + ": tensor '" + name +
                   "' is missing, but " + toString(config.family) +
                   " norms every head of q and k in all layers");
  }

  void expectProjection(Projection projection, const std::string &name) {
    int64_t rows = config.rows(projection);
    int64_t columns = config.columns(projection);
    expectWeight(name, rows, columns);
    if (checkpoint.hasBias(projection))
      expectFloat(Checkpoint::biasName(name), {rows});
    if (config.innerNormEps)
      expectFloat(Checkpoint::innerNormName(name), {columns});
  }

  void expectWeight(const std::string &name, int64_t rows, int64_t columns) {
    if (config.weightForm == WeightForm::Masters ||
        config.weightForm == WeightForm::Products)
      return expectFloat(name, {rows, columns});
    if (config.weightForm == WeightForm::Affine)
      return expectCodes(name, rows, columns);
    if (config.weightForm == WeightForm::PerTensor)
      return expectEncoded(name, rows, columns);
    expect(name, {DType::U8}, {rows / 4, columns});
    expectScales(Checkpoint::scaleName(name), rows, columns);
  }

  /// One, one per row, or one per row and group of columns. Old writers left
  /// out dimensions of size one.
  void expectScales(const std::string &name, int64_t rows, int64_t columns) {
    const TensorEntry *scale = checkpoint.files().find(name);
    if (!scale)
      return expectFloat(name, {1});
    ArrayRef<int64_t> shape = scale->shape;
    if (shape.empty() || shape == ArrayRef<int64_t>{rows})
      return expectFloat(name, shape);
    if (shape.size() != 2 || shape[0] != rows || shape[1] < 1)
      return expectFloat(name, {1});
    if (columns % shape[1])
      fail(*scale, name,
           "is " + scale->describe() + ", but " + Twine(shape[1]) +
               " groups of equal size do not make " + Twine(columns) +
               " columns; tern has no shorter last group");
    expectFloat(name, shape);
  }

  void expectEncoded(const std::string &name, int64_t rows, int64_t columns) {
    expect(name, {DType::F16, DType::BF16, DType::F32, DType::U8},
           {rows, columns});
    const TensorEntry *entry = checkpoint.files().find(name);
    if (entry && entry->isBlocked() && !entry->encoding->isTernary)
      fail(*entry, name,
           "is " + entry->describe() +
               ", but tern wants a ternary encoding or "
               "f16, bf16 or f32 here");
    if (checkpoint.files().find(Checkpoint::scaleName(name)))
      expectFloat(Checkpoint::scaleName(name), {1});
  }

  /// Words of MLX, which hold 16 codes, and what they are multiplied by.
  void expectCodes(const std::string &name, int64_t rows, int64_t columns) {
    int64_t groups = columns / config.weightGroup;
    for (const std::string &beside :
         {Checkpoint::affineScaleName(name), Checkpoint::affineBiasName(name)})
      expectFloat(beside, {rows, groups});
    seen.insert(name);
    const TensorEntry *entry = checkpoint.files().find(name);
    if (!entry)
      return expectFloat(name, {rows, columns / 16});
    if (entry->shape == SmallVector<int64_t, 2>{rows, columns} &&
        entry->isBlocked())
      return;
    fail(*entry, name,
         "is " + entry->describe() + ", but config.json implies 2-bit codes [" +
             Twine(rows) + ", " + Twine(columns) + "], 16 to a U32");
  }

  void expectFloat(StringRef name, ArrayRef<int64_t> shape) {
    expect(name, {DType::BF16, DType::F16, DType::F32}, shape);
  }

  void expect(StringRef name, ArrayRef<DType> dtypes, ArrayRef<int64_t> shape) {
    seen.insert(name.str());
    const TensorEntry *entry = checkpoint.files().find(name);
    if (!entry) {
      problems.add(checkpoint.directory() + ": tensor '" + name +
                   "' is missing, but " + checkpoint.configName() +
                   " implies it" +
                   (name == checkpoint.headName()
                        ? "; if the embedding is the head, set "
                          "'tie_word_embeddings' to true"
                        : ""));
      return;
    }
    if (is_contained(dtypes, entry->dtype) && ArrayRef(entry->shape) == shape)
      return;
    TensorEntry expected;
    expected.dtype = dtypes[0];
    expected.shape.assign(shape.begin(), shape.end());
    fail(*entry, name,
         "is " + entry->describe() + ", but " + checkpoint.configName() +
             " implies " + expected.describe() +
             (dtypes.size() == 3 ? " (or F16, F32)" : ""));
  }

  void fail(const TensorEntry &entry, StringRef name, const Twine &message) {
    problems.add(checkpoint.files().pathOf(entry) + ": tensor '" + name + "' " +
                 message);
  }

  std::string unexpected(StringRef name) const {
    if (name == "lm_head.weight")
      return "exists, but config.json says 'tie_word_embeddings', and there is "
             "no embedding to compare it with";
    StringRef weight = name;
    if (weight.consume_back("_scale") &&
        (weight == Checkpoint::embeddingName() ||
         weight == checkpoint.headName()))
      return ("is a scale, but '" + weight + "' holds no digits").str();
    if (name.ends_with("_scale"))
      return "exists, but config.json says that weights are not packed";
    if (name.ends_with(".bias"))
      return checkpoint.isGguf()
                 ? "is a bias, but not a projection's that has one in the "
                   "first layer"
                 : "is a bias, which config.json or the other layers do not "
                   "have";
    if (name.ends_with(".signs"))
      return "are the signs of a Hadamard basis, which tern does not support; "
             "without them answers are noise";
    if (name.ends_with("_proj.rms_norm.weight"))
      return "is a norm inside a projection, but config.json does not say "
             "'quantization_config.use_rms_norm'";
    return ("is not part of the model that " + checkpoint.configName() +
            " describes")
        .str();
  }

  const Checkpoint &checkpoint;
  const ModelConfig &config;
  std::set<std::string> seen;
  bool saidHeadNorms = false;
  Problems problems;
};

} // namespace

Error checkInventory(const Checkpoint &checkpoint) {
  return Inventory(checkpoint).check();
}

} // namespace tern
