//===- lib/Import/Checkpoint.cpp - A model, checked -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/Checkpoint.h"

#include "Inventory.h"
#include "Json.h"
#include "tern/Import/GgufNames.h"
#include "tern/Import/Schemes.h"
#include "tern/Import/StandIns.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <cmath>

using namespace llvm;

namespace tern {

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

StringRef Checkpoint::headName() const {
  return modelConfig.tiedHead ? embeddingName() : ownHeadName();
}

StringRef Checkpoint::headNormName(Projection projection) const {
  if (!modelConfig.hasHeadNorms())
    return "";
  return projection == Projection::Q ? "model.layers.{}.self_attn.q_norm.weight"
         : projection == Projection::K
             ? "model.layers.{}.self_attn.k_norm.weight"
             : "";
}

std::string Checkpoint::weightName(Projection projection) {
  StringRef block = projection <= Projection::O      ? "self_attn."
                    : projection < Projection::InQkv ? "mlp."
                                                     : "linear_attn.";
  return ("model.layers.{}." + block + toString(projection) + ".weight").str();
}

std::string Checkpoint::atLayer(StringRef name, int64_t layer) {
  auto [before, after] = name.split("{}");
  if (before.size() == name.size())
    return name.str();
  return (before + Twine(layer) + after).str();
}

std::string Checkpoint::scaleName(StringRef weightName) {
  return (weightName + "_scale").str();
}

std::string Checkpoint::biasName(StringRef weightName) {
  return (weightName.drop_back(strlen("weight")) + "bias").str();
}

std::string Checkpoint::innerNormName(StringRef weightName) {
  return (weightName.drop_back(strlen("weight")) + "rms_norm.weight").str();
}

Checkpoint::TensorRole Checkpoint::roleOf(StringRef name) {
  auto endsWith = [&](ArrayRef<StringLiteral> ends) {
    return any_of(ends, [&](StringRef end) { return name.ends_with(end); });
  };
  if (endsWith({".weight_scale", ".scales", ".biases"}))
    return TensorRole::Scales;
  // Every reader of a format computes these itself.
  bool isTable =
      isRopeFactors(name) ||
      endsWith({"rotary_emb.inv_freq", "rotary_emb.cos_cached",
                "rotary_emb.original_inv_freq", "rotary_emb.sin_cached"});
  return isTable ? TensorRole::Table : TensorRole::Parameters;
}

//===----------------------------------------------------------------------===//
// Opening
//===----------------------------------------------------------------------===//

/// Both schemes are in public checkpoints; the first layer decides, and the
/// inventory then expects the same of all.
void Checkpoint::findSubNorms() {
  auto firstOf = [&](ArrayRef<StringLiteral> names) -> StringRef {
    for (StringRef name : names)
      if (tensors->find(atLayer(name, 0)))
        return name;
    return "";
  };
  attentionSubNorm =
      firstOf({"model.layers.{}.self_attn.attn_sub_norm.weight",
               "model.layers.{}.self_attn.inner_attn_ln.weight"});
  ffnSubNorm = firstOf({"model.layers.{}.mlp.ffn_sub_norm.weight",
                        "model.layers.{}.mlp.ffn_layernorm.weight"});
}

void Checkpoint::findBiases() {
  for (Projection projection : modelConfig.projections()) {
    if (!modelConfig.hasProjection(projection, 0))
      continue; // hybrids have no biases
    bool attention = projection <= Projection::O;
    std::string name = biasName(weightName(projection));
    bool inFirst = tensors->find(atLayer(name, 0));
    biases[static_cast<size_t>(projection)] =
        (attention ? modelConfig.attentionBias : modelConfig.mlpBias)
            .value_or(inFirst);
  }
}

std::vector<CheckpointFile> Checkpoint::listFiles() const {
  if (isGguf())
    return {};
  std::set<std::string> tensorFiles;
  for (const auto &[name, entry] : tensors->all())
    tensorFiles.insert(sys::path::filename(tensors->pathOf(entry)).str());
  return listCheckpointFiles(path, tensorFiles);
}

std::vector<std::string> Checkpoint::warnOfUnread() const {
  std::vector<std::string> sentences =
      isGguf() ? warnOfGgufKeys(*tensors->gguf()) : warnOfFiles(listFiles());
  append_range(sentences, modelConfig.warnings);
  return sentences;
}

Error Checkpoint::openDirectory() {
  if (Error error = refuseAdapter(path))
    return error;
  SmallString<128> configPath(path);
  sys::path::append(configPath, "config.json");
  if (!sys::fs::exists(configPath))
    return refuseWithoutConfig(path);
  Expected<ModelConfig> config = ModelConfig::read(configPath);
  if (!config)
    return config.takeError();
  modelConfig = *config;
  auto files = TensorFiles::open(path);
  if (!files)
    return files.takeError();
  tensors = std::move(*files);
  if (modelConfig.weightForm == WeightForm::Affine)
    takeCodes();
  return Error::success();
}

Error Checkpoint::openGguf(const GgufOptions &options) {
  ggufOptions = options;
  auto files = TensorFiles::openGguf(path, options, ggufConfigText);
  if (!files)
    return files.takeError();
  tensors = std::move(*files);
  Expected<ModelConfig> config =
      ModelConfig::parse(ggufConfigText, path + ", put as config.json");
  if (!config)
    return config.takeError();
  modelConfig = *config;
  modelConfig.weightForm = WeightForm::PerTensor;
  if (modelConfig.deltaNet) { // as converters leave them
    modelConfig.storesNormsFromOne = modelConfig.storesLogRates = false;
    modelConfig.deltaNet->isTiled = true;
  }
  auto architecture = tensors->gguf()->string("general.architecture");
  if (!architecture)
    return architecture.takeError();
  modelConfig.architecture = architecture->value_or("").str();
  return readRopeFactors();
}

Expected<TokenizerSources> Checkpoint::ggufTokenizerSources() const {
  return ggufTokenizer(*tensors->gguf(), ggufOptions, ggufConfigText);
}

Expected<std::unique_ptr<Checkpoint>>
Checkpoint::open(StringRef path, const GgufOptions &options) {
  std::unique_ptr<Checkpoint> checkpoint(new Checkpoint);
  checkpoint->path = path.str();
  bool isFile = sys::fs::is_regular_file(path);
  bool hasOptions = !options.readings.empty() || !options.hiddenAct.empty() ||
                    !options.tokenizerPre.empty();
  if (sys::fs::is_directory(path) && hasOptions)
    return fileError(path, "--gguf-reading, --hidden-act and --tokenizer-pre "
                           "say what GGUF files leave open; the files of this "
                           "directory say it themselves");
  if (Error error =
          isFile ? checkpoint->openGguf(options) : checkpoint->openDirectory())
    return std::move(error);
  checkpoint->takeTextModel();
  if (Error error = checkpoint->dropSynonyms())
    return std::move(error);
  if (Error error = checkpoint->findHead())
    return std::move(error);
  checkpoint->findSubNorms();
  checkpoint->findBiases();
  if (Error error = checkInventory(*checkpoint))
    return std::move(error);
  if (Error error = checkpoint->compareFrequencies())
    return std::move(error);
  if (Error error = checkpoint->findScaleShapes())
    return std::move(error);
  if (checkpoint->isWeightOnly())
    setWeightOnly(checkpoint->modelConfig);
  return checkpoint;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// Elements converted between two releases of pages.
static constexpr int64_t chunkElements = 1 << 20;

Error Checkpoint::error(StringRef name, const TensorEntry &entry,
                        const Twine &message) const {
  return tensorError(tensors->pathOf(entry), name, message);
}

Expected<const TensorEntry *> Checkpoint::get(StringRef name) const {
  if (const TensorEntry *entry = tensors->find(name))
    return entry;
  return fileError(path, "tensor '" + name + "' is missing");
}

Expected<DType> Checkpoint::floatType(StringRef name) const {
  Expected<const TensorEntry *> entry = get(name);
  if (!entry)
    return entry.takeError();
  DType dtype = (*entry)->dtype;
  if (dtype == DType::BF16 || dtype == DType::F16 || dtype == DType::F32)
    return (*entry)->hasPairedValues() ? DType::F32 : dtype;
  if ((*entry)->isBlocked() && hasGroups(**entry))
    return DType::F32; // digits times their scales
  return error(name, **entry,
               "is " + (*entry)->describe() + ", not a floating-point tensor");
}

Error Checkpoint::readFloats(StringRef name, int64_t from, int64_t count,
                             float *out) const {
  Expected<DType> dtype = floatType(name);
  if (!dtype)
    return dtype.takeError();
  const TensorEntry &entry = *tensors->find(name);
  if (entry.isBlocked() && entry.encoding->isTernary)
    return readTernaryFloats(name, entry, from, count, out);
  if (entry.isBlocked())
    return readBlocks(name, entry, from, count, out);
  if (entry.hasPairedValues())
    return readSeparated(name, entry, from, count, out);
  return readStored(name, entry, from, count, out);
}

Error Checkpoint::readStored(StringRef name, const TensorEntry &entry,
                             int64_t from, int64_t count, float *out) const {
  int64_t size = byteSize(entry.dtype);
  for (int64_t done = 0; done < count; done += chunkElements) {
    int64_t now = std::min(chunkElements, count - done);
    ArrayRef<uint8_t> bytes =
        tensors->bytes(entry).slice((from + done) * size, now * size);
    if (!widen(entry.dtype, bytes.data(), now, out + done))
      return checkFinite(name, entry, from + done, now, out + done);
    tensors->release(entry, (from + done) * size, now * size);
  }
  return Error::success();
}

Error Checkpoint::readFloats(StringRef name, float *out) const {
  Expected<const TensorEntry *> entry = get(name);
  if (!entry)
    return entry.takeError();
  return readFloats(name, 0, (*entry)->elements(), out);
}

/// Index of the first value that is not finite, or `count`.
template <typename Word>
static int64_t findNotFinite(const uint8_t *from, int64_t count,
                             Word exponent) {
  auto isBad = [&](int64_t i) {
    Word word;
    memcpy(&word, from + i * sizeof(Word), sizeof(Word));
    return (word & exponent) == exponent;
  };
  bool anyBad = false; // no branch, so that it is done in vectors
  for (int64_t i = 0; i < count; ++i)
    anyBad |= isBad(i);
  if (!anyBad)
    return count;
  int64_t first = 0;
  while (!isBad(first))
    ++first;
  return first;
}

Error Checkpoint::readRaw(StringRef name, int64_t from, int64_t count,
                          void *out) const {
  Expected<DType> dtype = floatType(name);
  if (!dtype)
    return dtype.takeError();
  const TensorEntry &entry = *tensors->find(name);
  if (entry.isBlocked() || entry.hasPairedValues()) {
    std::vector<float> values(static_cast<size_t>(count));
    Error error = readFloats(name, from, count, values.data());
    memcpy(out, values.data(), values.size() * sizeof(float));
    return error;
  }
  int64_t size = byteSize(*dtype);
  const uint8_t *bytes =
      tensors->bytes(entry).slice(from * size, count * size).data();
  int64_t bad = *dtype == DType::F32
                    ? findNotFinite<uint32_t>(bytes, count, 0x7f800000)
                    : findNotFinite<uint16_t>(
                          bytes, count, *dtype == DType::F16 ? 0x7c00 : 0x7f80);
  if (bad < count)
    return error(name, entry,
                 "holds a value that is not finite at element " +
                     Twine(from + bad));
  memcpy(out, bytes, static_cast<size_t>(count * size));
  tensors->release(entry, from * size, count * size);
  return Error::success();
}

} // namespace tern
