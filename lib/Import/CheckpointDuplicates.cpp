//===- lib/Import/CheckpointDuplicates.cpp - Tensors said otherwise -------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A checkpoint may say a thing more than once: by two tensors, or by a tensor
// and the config. It is taken if all agree, whatever the format.
//
//===----------------------------------------------------------------------===//

#include "tern/Import/Checkpoint.h"
#include "tern/Import/Schemes.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

#include <cmath>

using namespace llvm;

namespace tern {

/// Tensors beside a matrix, as far as the form of the weights has them.
static std::string (*const namesBeside[])(StringRef) = {
    Checkpoint::scaleName, Checkpoint::affineScaleName,
    Checkpoint::affineBiasName};

/// In which respect the head is not the embedding once more; both are there.
std::string Checkpoint::differenceOfHead() const {
  std::string difference = tensors->difference(*tensors->find(embeddingName()),
                                               *tensors->find(ownHeadName()));
  for (auto name : namesBeside) {
    const TensorEntry *ofTable = tensors->find(name(embeddingName()));
    const TensorEntry *ofHead = tensors->find(name(ownHeadName()));
    if (!difference.empty() || (!ofTable && !ofHead))
      continue;
    if (!ofTable || !ofHead)
      return "have not both a scale";
    difference = tensors->difference(*ofTable, *ofHead);
    if (!difference.empty())
      return "have scales that " + difference;
  }
  return difference;
}

/// A head that is the embedding once more says nothing, in any format. One that
/// differs is the head, unless the config says that there is none.
Error Checkpoint::findHead() {
  const TensorEntry *head = tensors->find(ownHeadName());
  const TensorEntry *embedding = tensors->find(embeddingName());
  if (head && embedding) {
    std::string difference = differenceOfHead();
    if (difference.empty()) {
      for (auto name : namesBeside)
        if (tensors->find(name(ownHeadName())))
          tensors->drop(name(ownHeadName()));
      tensors->drop(ownHeadName());
      head = nullptr;
      modelConfig.tiedHead = true;
    } else if (modelConfig.tiedHead && !isGguf()) {
      return error(ownHeadName(), *head,
                   "exists, but 'tie_word_embeddings' in config.json puts '" +
                       embeddingName() + "' in its place, and the two " +
                       difference +
                       "; set the field to false to keep the tensor, or remove "
                       "the tensor");
    }
  }
  if (isGguf())
    modelConfig.tiedHead = !head;
  modelConfig.ternaryTable = isTernary(embeddingName());
  modelConfig.ternaryHead = isTernary(headName());
  return checkHeadScheme(modelConfig, path);
}

/// The name that tern has for a tensor which another writer calls otherwise.
static std::string usualName(StringRef name) {
  for (bool again = true; again;) {
    again = false;
    for (StringRef wrapper : {"_orig_mod.", "module.", "base_model.model."})
      again |= name.consume_front(wrapper);
  }
  for (StringRef part : {"layers.", "embed_tokens.", "norm."})
    if (name.starts_with(part))
      return ("model." + name).str();
  for (auto [other, usual] :
       {std::pair<StringRef, StringRef>{".self_attn.inner_attn_ln.weight",
                                        ".self_attn.attn_sub_norm.weight"},
        {".mlp.ffn_layernorm.weight", ".mlp.ffn_sub_norm.weight"}})
    if (name.ends_with(other))
      return (name.drop_back(other.size()) + usual).str();
  return name == "model.lm_head.weight" ? "lm_head.weight" : name.str();
}

/// MLX's converter turns the convolution around and has added 1 to norms; the
/// first is how its own readers know the second.
void Checkpoint::findNormForm() {
  for (int64_t layer = 0; layer < modelConfig.layerCount; ++layer)
    if (const TensorEntry *taps =
            tensors->find(atLayer(recurrentName("conv1d.weight"), layer)))
      modelConfig.storesNormsFromOne &=
          taps->shape.size() != 3 || taps->shape[2] != 1;
}

/// Models of text and pictures have the text model's tensors in a part of their
/// own, beside those of pictures and of layers that predict further tokens.
void Checkpoint::takeTextModel() {
  if (!modelConfig.deltaNet)
    return;
  int64_t ofPictures = 0, ofFurther = 0;
  for (const auto &[name, entry] : TensorMap(tensors->all())) {
    StringRef rest = name;
    if (rest.consume_front("model.visual.") ||
        rest.starts_with("vision_tower.")) {
      ++ofPictures;
      tensors->drop(name);
    } else if (rest.starts_with("mtp.")) {
      ++ofFurther;
      tensors->drop(name);
    } else if (rest.consume_front("model.language_model.")) {
      tensors->rename(name, ("model." + rest).str());
    } else if (rest.consume_front("language_model.")) {
      tensors->rename(name, rest);
    }
  }
  findNormForm();
  if (ofPictures)
    modelConfig.warnings.push_back(
        "the " + std::to_string(ofPictures) +
        " tensors of pictures are not used; tern computes the text model");
  if (ofFurther)
    modelConfig.warnings.push_back(
        "the " + std::to_string(ofFurther) +
        " tensors of layers that predict further tokens ('mtp.') are not used");
}

/// One tensor under two names is one tensor, if it is.
Error Checkpoint::dropSynonyms() {
  std::vector<std::pair<std::string, std::string>> others;
  for (const auto &[name, entry] : tensors->all())
    if (std::string usual = usualName(name);
        usual != name && tensors->find(usual))
      others.emplace_back(name, std::move(usual));
  for (const auto &[name, usual] : others) {
    const TensorEntry &entry = *tensors->find(name);
    std::string difference = tensors->difference(*tensors->find(usual), entry);
    if (!difference.empty())
      return error(name, entry,
                   "is another name for '" + usual + "', but the two " +
                       difference + "; remove the one that is not meant");
    tensors->drop(name);
  }
  return Error::success();
}

/// Writers of old put frequencies beside the weights. They follow from the
/// config, which counts, as in transformers; the frequencies of a stretched
/// model may be those before it was.
Error Checkpoint::compareFrequencies() {
  int64_t count = modelConfig.rotaryDim / 2;
  std::vector<float> stored(static_cast<size_t>(count));
  auto differs = [&](int64_t i) {
    double period = std::pow(modelConfig.ropeTheta,
                             2.0 * static_cast<double>(i) / (2.0 * count));
    double divisor =
        modelConfig.ropeDivisors.empty() ? 1 : modelConfig.ropeDivisors[i];
    auto isNear = [&](double expected) {
      return std::fabs(stored[i] - expected) <= 0.01 * expected;
    };
    return !isNear(1 / period) && !isNear(1 / (period * divisor));
  };
  for (const auto &[name, entry] : tensors->all()) {
    if (!StringRef(name).ends_with("rotary_emb.inv_freq"))
      continue;
    bool fits =
        entry.shape == SmallVector<int64_t, 2>{count} &&
        is_contained({DType::F32, DType::F16, DType::BF16}, entry.dtype);
    if (fits)
      if (Error error = readFloats(name, stored.data()))
        return error;
    if (fits && none_of(seq<int64_t>(0, count), differs))
      continue;
    modelConfig.warnings.push_back(
        "tensor '" + name +
        "' has other frequencies than config.json implies, which are used");
    break;
  }
  return Error::success();
}

} // namespace tern
