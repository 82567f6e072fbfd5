//===- lib/Import/Checkpoint.cpp - A model directory, checked -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/Checkpoint.h"

#include "Json.h"
#include "tern/Packing/Codec.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/Path.h"

#include <cmath>

using namespace llvm;

namespace tern {

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

StringRef Checkpoint::headName() const {
  return modelConfig.tiedHead ? embeddingName() : "lm_head.weight";
}

std::string Checkpoint::weightName(Projection projection) {
  bool attention = projection <= Projection::O;
  return ("model.layers.{}." + Twine(attention ? "self_attn." : "mlp.") +
          toString(projection) + ".weight")
      .str();
}

std::string Checkpoint::atLayer(StringRef name, int64_t layer) {
  auto [before, after] = name.split("{}");
  if (before.size() == name.size())
    return name.str();
  return (before + Twine(layer) + after).str();
}

static std::string scaleName(StringRef weightName) {
  return (weightName + "_scale").str();
}

//===----------------------------------------------------------------------===//
// What must be there
//===----------------------------------------------------------------------===//

namespace {

/// Compares the tensors with what the config asks for.
class Inventory {
public:
  explicit Inventory(const Checkpoint &checkpoint)
      : checkpoint(checkpoint), config(checkpoint.config()) {}

  Error check() {
    int64_t hidden = config.hiddenSize;
    expectFloat(Checkpoint::embeddingName(), {config.vocabSize, hidden});
    expectFloat(Checkpoint::finalNormName(), {hidden});
    if (!config.tiedHead)
      expectFloat(checkpoint.headName(), {config.vocabSize, hidden});
    for (int64_t layer = 0; layer < config.layerCount; ++layer)
      expectLayer(layer);
    for (const auto &[name, entry] : checkpoint.files().all())
      if (!seen.count(name) && !isIrrelevant(name))
        fail(entry, name, unexpected(name));
    return problem.empty() ? Error::success() : createStringError(problem);
  }

private:
  void expectLayer(int64_t layer) {
    auto at = [&](StringRef name) { return Checkpoint::atLayer(name, layer); };
    expectFloat(at(Checkpoint::inputNormName()), {config.hiddenSize});
    expectFloat(at(Checkpoint::postAttentionNormName()), {config.hiddenSize});
    if (!checkpoint.attentionSubNormName().empty())
      expectFloat(at(checkpoint.attentionSubNormName()),
                  {config.columns(Projection::O)});
    if (!checkpoint.ffnSubNormName().empty())
      expectFloat(at(checkpoint.ffnSubNormName()), {config.intermediateSize});
    for (Projection projection : allProjections)
      expectWeight(at(Checkpoint::weightName(projection)),
                   config.rows(projection), config.columns(projection));
  }

  void expectWeight(const std::string &name, int64_t rows, int64_t columns) {
    if (config.weightForm == WeightForm::Masters)
      return expectFloat(name, {rows, columns});
    expect(name, {DType::U8}, {rows / 4, columns});
    // Old writers left out the dimension of size one.
    const TensorEntry *scale = checkpoint.files().find(scaleName(name));
    if (scale && scale->shape.empty())
      return expectFloat(scaleName(name), {});
    expectFloat(scaleName(name), {1});
  }

  void expectFloat(StringRef name, ArrayRef<int64_t> shape) {
    expect(name, {DType::BF16, DType::F16, DType::F32}, shape);
  }

  void expect(StringRef name, ArrayRef<DType> dtypes, ArrayRef<int64_t> shape) {
    seen.insert(name.str());
    const TensorEntry *entry = checkpoint.files().find(name);
    if (!entry) {
      if (problem.empty())
        problem = (checkpoint.directory() + ": tensor '" + name +
                   "' is missing, but config.json implies it")
                      .str();
      return;
    }
    if (is_contained(dtypes, entry->dtype) && ArrayRef(entry->shape) == shape)
      return;
    TensorEntry expected;
    expected.dtype = dtypes[0];
    expected.shape.assign(shape.begin(), shape.end());
    fail(*entry, name,
         "is " + entry->describe() + ", but config.json implies " +
             expected.describe() + (dtypes.size() > 1 ? " (or F16, F32)" : ""));
  }

  void fail(const TensorEntry &entry, StringRef name, const Twine &message) {
    if (problem.empty())
      problem = (checkpoint.files().pathOf(entry) + ": tensor '" + name + "' " +
                 message)
                    .str();
  }

  /// Tables that every reader of the format computes itself.
  static bool isIrrelevant(StringRef name) {
    return name.ends_with("rotary_emb.inv_freq");
  }

  std::string unexpected(StringRef name) const {
    if (name == "lm_head.weight")
      return "exists, but config.json says 'tie_word_embeddings'; which head "
             "is "
             "meant?";
    if (name.ends_with("_scale"))
      return "exists, but config.json says that weights are not packed";
    if (name.ends_with(".bias"))
      return "is a bias, which tern does not support yet";
    return "is not part of the model that config.json describes";
  }

  const Checkpoint &checkpoint;
  const ModelConfig &config;
  std::set<std::string> seen;
  std::string problem;
};

} // namespace

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

Expected<std::unique_ptr<Checkpoint>> Checkpoint::open(StringRef directory) {
  std::unique_ptr<Checkpoint> checkpoint(new Checkpoint);
  checkpoint->path = directory.str();
  SmallString<128> configPath(directory);
  sys::path::append(configPath, "config.json");
  Expected<ModelConfig> config = ModelConfig::read(configPath);
  if (!config)
    return config.takeError();
  checkpoint->modelConfig = *config;
  auto files = TensorFiles::open(directory);
  if (!files)
    return files.takeError();
  checkpoint->tensors = std::move(*files);
  checkpoint->findSubNorms();
  if (Error error = Inventory(*checkpoint).check())
    return std::move(error);
  return checkpoint;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// Elements converted between two releases of pages.
static constexpr int64_t chunkElements = 1 << 20;

Error Checkpoint::error(StringRef name, const TensorEntry &entry,
                        const Twine &message) const {
  return fileError(tensors->pathOf(entry), "tensor '" + name + "' " + message);
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
    return dtype;
  return error(name, **entry,
               "is " + (*entry)->describe() + ", not a floating-point tensor");
}

/// Widens `count` values; false if one is not finite.
static bool widen(DType dtype, const uint8_t *from, int64_t count, float *out) {
  // The sum of x * 0 is 0 unless some x is not finite.
  float poison = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (dtype == DType::F32)
      out[i] = bit_cast<float>(support::endian::read32le(from + 4 * i));
    else if (dtype == DType::F16)
      out[i] = halfToFloat(support::endian::read16le(from + 2 * i));
    else
      out[i] = bfloatToFloat(support::endian::read16le(from + 2 * i));
    poison += out[i] * 0.0f;
  }
  return poison == 0;
}

Error Checkpoint::readFloats(StringRef name, int64_t from, int64_t count,
                             float *out) const {
  Expected<DType> dtype = floatType(name);
  if (!dtype)
    return dtype.takeError();
  const TensorEntry &entry = *tensors->find(name);
  int64_t size = byteSize(*dtype);
  for (int64_t done = 0; done < count; done += chunkElements) {
    int64_t now = std::min(chunkElements, count - done);
    ArrayRef<uint8_t> bytes =
        tensors->bytes(entry).slice((from + done) * size, now * size);
    if (!widen(*dtype, bytes.data(), now, out + done)) {
      int64_t at = 0;
      while (std::isfinite(out[done + at]))
        ++at;
      return error(name, entry,
                   "holds " + std::to_string(out[done + at]) + " at element " +
                       Twine(from + done + at));
    }
    tensors->release(entry, (from + done) * size, now * size);
  }
  return Error::success();
}

Error Checkpoint::readFloats(StringRef name, float *out) const {
  Expected<const TensorEntry *> entry = get(name);
  if (!entry)
    return entry.takeError();
  int64_t size = byteSize((*entry)->dtype);
  return readFloats(name, 0, static_cast<int64_t>((*entry)->bytes) / size, out);
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

Expected<int64_t> Checkpoint::ternaryRows(StringRef name) const {
  Expected<const TensorEntry *> entry = get(name);
  if (!entry)
    return entry.takeError();
  bool masters = modelConfig.weightForm == WeightForm::Masters;
  DType dtype = (*entry)->dtype;
  bool fits = masters ? dtype == DType::BF16 || dtype == DType::F16 ||
                            dtype == DType::F32
                      : dtype == DType::U8;
  if (!fits || (*entry)->shape.size() != 2)
    return error(name, **entry,
                 "is " + (*entry)->describe() + ", not a ternary matrix");
  return (*entry)->shape[0] * (masters ? 1 : 4);
}

Expected<float> Checkpoint::readScale(StringRef weightName) const {
  std::string name = scaleName(weightName);
  Expected<const TensorEntry *> entry = get(name);
  if (!entry)
    return entry.takeError();
  float scale = 0;
  if (Error error = readFloats(name, &scale))
    return std::move(error);
  float alpha =
      modelConfig.weightForm == WeightForm::Divides ? 1.0f / scale : scale;
  if (!std::isfinite(alpha) || !(alpha > 0))
    return error(name, **entry,
                 "is " + std::to_string(scale) +
                     ", but a scale must be positive and finite");
  return alpha;
}

Error Checkpoint::readDigits(StringRef name, int8_t *digits,
                             float &alpha) const {
  Expected<int64_t> rows = ternaryRows(name);
  if (!rows)
    return rows.takeError();
  const TensorEntry &entry = *tensors->find(name);
  return modelConfig.weightForm == WeightForm::Masters
             ? readMaster(name, entry, digits, alpha)
             : readPacked(name, entry, digits, alpha);
}

Error Checkpoint::readPacked(StringRef name, const TensorEntry &entry,
                             int8_t *digits, float &alpha) const {
  Expected<float> scale = readScale(name);
  if (!scale)
    return scale.takeError();
  alpha = *scale;
  int64_t rows = entry.shape[0] * 4, columns = entry.shape[1];
  const uint8_t *bytes = tensors->bytes(entry).data();
  int64_t bad = unpackHuggingFace(bytes, rows, columns, digits);
  if (bad >= 0) {
    int64_t field = 0;
    while ((bytes[bad] >> 2 * field & 3) != 3)
      ++field;
    return error(name, entry,
                 "holds code 3, which is no digit, at row " +
                     Twine(field * entry.shape[0] + bad / columns) +
                     ", column " + Twine(bad % columns));
  }
  tensors->release(entry, 0, entry.bytes);
  return Error::success();
}

Error Checkpoint::readMaster(StringRef name, const TensorEntry &entry,
                             int8_t *digits, float &alpha) const {
  int64_t count = entry.shape[0] * entry.shape[1];
  std::vector<float> master(static_cast<size_t>(count));
  if (Error error = readFloats(name, master.data()))
    return error;
  alpha = ternarize(master.data(), count, digits);
  return Error::success();
}

} // namespace tern
