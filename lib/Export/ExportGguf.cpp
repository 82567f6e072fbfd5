//===- lib/Export/ExportGguf.cpp - Models as GGUF files -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Export/ExportGguf.h"

#include "ExportTokenizer.h"
#include "tern/Export/GgufWriter.h"
#include "tern/Import/GgufNames.h"
#include "tern/Packing/HalfFloat.h"

#include "nlohmann/json.hpp"

#include <cmath>

using namespace llvm;
using nlohmann::json;

namespace tern {

/// Written at once, about.
static constexpr size_t bufferBytes = 1 << 20;

static ArrayRef<uint8_t> asBytes(ArrayRef<float> values) {
  return {reinterpret_cast<const uint8_t *>(values.data()),
          values.size() * sizeof(float)};
}

namespace {

class Exporter {
public:
  Exporter(const Checkpoint &checkpoint, const TokenizerSources &sources,
           const ExportOptions &options, std::vector<std::string> &notes)
      : checkpoint(checkpoint), config(checkpoint.config()), sources(sources),
        options(options), notes(notes),
        encoding(*findGgufEncoding(options.encoding.c_str())),
        exactScales(config.layerCount * allProjections.size()) {}

  Error run(StringRef path, const InputFiles &inputs);

private:
  Error chooseArchitecture();
  void addConfig();
  bool carry(StringRef field);
  void addSchemes();
  void addRope();
  void copyTokenizer(const GgufFile &file);
  Error addTensors();
  Error addTensor(const std::string &name, const TensorEntry &entry);
  void addFloats(const std::string &name, const std::string &as,
                 const TensorEntry &entry);
  Error addDigits(const std::string &name, const std::string &as);
  float &exactScale(StringRef name);
  int64_t pairedHeads(StringRef name) const;
  Error encode(const std::string &name, GgufWriter::Sink sink);
  Expected<std::vector<float>> runScales(const std::string &name,
                                         const Scales &scales, int64_t rows,
                                         int64_t run);
  Error encodeRuns(ArrayRef<int8_t> digits, ArrayRef<float> ofRuns, int64_t run,
                   GgufWriter::Sink sink);
  Error fail(const Twine &message) const {
    return createStringError(checkpoint.directory() + ": " + message);
  }

  const Checkpoint &checkpoint;
  const ModelConfig &config;
  const TokenizerSources &sources;
  const ExportOptions &options;
  std::vector<std::string> &notes;
  const GgufEncoding &encoding;
  std::string architecture;
  GgufWriter writer;
  /// Of the ternary matrices by their place: blocks have only a float16. 0 for
  /// those with several, which are float16.
  std::vector<float> exactScales;
  /// The same of the embedding and the head.
  std::vector<float> exactTableScales = {0, 0};
};

} // namespace

/// Engines build one graph for each name; see docs/gguf.md.
Error Exporter::chooseArchitecture() {
  architecture = options.architecture;
  if (!architecture.empty())
    return Error::success();
  bool subNorms = !checkpoint.attentionSubNormName().empty();
  bool relu2 = config.hiddenAct == HiddenAct::Relu2;
  bool biases = any_of(allProjections, [&](Projection projection) {
    return checkpoint.hasBias(projection);
  });
  auto refuse = [&](const char *what) {
    return fail(Twine("no architecture of other engines has ") + what +
                "; --arch=NAME writes the file nevertheless");
  };
  if (!subNorms && relu2)
    return refuse("relu2 without sub-norms");
  if (subNorms && biases)
    return refuse("both biases and sub-norms");
  architecture = !subNorms ? "llama" : relu2 ? "bitnet-b1.58" : "bitnet";
  if (architecture != "bitnet")
    return Error::success();
  if (!config.tiedHead)
    return refuse("sub-norms with silu and a head of its own");
  if (config.headCount * config.headDim != config.hiddenSize)
    return refuse("sub-norms with silu and heads that are not as wide together "
                  "as the model");
  if (!config.ropeDivisors.empty())
    return refuse("sub-norms with silu and scaled rotary embeddings");
  return Error::success();
}

void Exporter::addConfig() {
  writer.addText("general.architecture", architecture);
  // As llama.cpp numbers them.
  writer.addInteger("general.file_type",
                    encoding.codec == GgufCodec::F16 ? 1 : 37);
  writer.addInteger("general.quantization_version", 2);
  auto key = [&](StringRef field) { return architecture + "." + field.str(); };
  for (auto [field, value] :
       {std::pair<StringRef, int64_t>{"context_length", config.maxPositions},
        {"embedding_length", config.hiddenSize},
        {"block_count", config.layerCount},
        {"feed_forward_length", config.intermediateSize},
        {"attention.head_count", config.headCount},
        {"attention.head_count_kv", config.kvHeadCount},
        {"attention.key_length", config.headDim},
        {"attention.value_length", config.headDim},
        {"rope.dimension_count", config.headDim},
        {"vocab_size", config.vocabSize}})
    writer.addInteger(key(field), static_cast<uint32_t>(value));
  writer.addNumber(key("attention.layer_norm_rms_epsilon"),
                   static_cast<float>(config.rmsNormEps));
  writer.addNumber(key("rope.freq_base"), static_cast<float>(config.ropeTheta));
  // Engines that have this key for bitnet know relu2 by it and take silu if it
  // is absent; by "silu" they mean another graph.
  if (config.hiddenAct == HiddenAct::Relu2)
    writer.addText(key("hidden_activation"), "relu2");
  else if (architecture != "llama")
    writer.addText(ternHiddenActKey.str(), "silu");
}

/// Copies an object of the config; false if there is none.
bool Exporter::carry(StringRef field) {
  json root = json::parse(sources.config, nullptr, false);
  auto found = root.find(field.str());
  if (found == root.end() || found->is_null())
    return false;
  writer.addText((ternPrefix + field).str(), found->dump());
  return true;
}

/// No engine has keys for these; tern reads its own back.
void Exporter::addSchemes() {
  bool any = false;
  for (StringRef field : schemeFields)
    any |= carry(field);
  if (any)
    notes.push_back("other engines compute this model with 8-bit activations "
                    "and a KV cache of their own");
}

/// Engines have a tensor for scaled rotary embeddings; the formula is kept too,
/// since it is not rounded.
void Exporter::addRope() {
  if (config.ropeDivisors.empty())
    return;
  for (StringRef field : ropeFields)
    carry(field);
  std::vector<float> factors(config.ropeDivisors.begin(),
                             config.ropeDivisors.end());
  writer.addTensor(ropeFactorsName.str(),
                   {static_cast<int64_t>(factors.size())},
                   *findGgufEncoding("f32"),
                   [factors = std::move(factors)](GgufWriter::Sink sink) {
                     return sink(asBytes(factors));
                   });
}

Error Exporter::run(StringRef path, const InputFiles &inputs) {
  if (Error error = chooseArchitecture())
    return error;
  addConfig();
  addSchemes();
  if (const GgufFile *file = checkpoint.files().gguf())
    copyTokenizer(*file);
  else if (Error error = addTokenizer(writer, sources, config.vocabSize))
    return fail(toString(std::move(error)));
  addRope();
  if (Error error = addTensors())
    return error;
  writer.setNumbers(ternScalesKey, exactScales);
  if (config.ternaryTable || config.ternaryHead)
    writer.setNumbers(ternTableScalesKey, exactTableScales);
  return writer.write(path, inputs);
}

void Exporter::copyTokenizer(const GgufFile &file) {
  for (const auto &[key, value] : file.metadata())
    if (StringRef(key).starts_with("tokenizer.") ||
        StringRef(key).starts_with("general.sampling."))
      writer.addValue(key, value);
}

Error Exporter::addTensors() {
  // The embedding, layers as they follow, what comes after them.
  std::vector<std::pair<int64_t, std::string>> inOrder;
  for (const auto &[name, entry] : checkpoint.files().all()) {
    StringRef rest = name;
    int64_t layer =
        rest == Checkpoint::embeddingName() ? -1 : config.layerCount;
    if (rest.consume_front("model.layers."))
      rest.consumeInteger(10, layer);
    inOrder.emplace_back(layer, name);
  }
  sort(inOrder);
  for (const auto &[layer, name] : inOrder)
    if (Error error = addTensor(name, *checkpoint.files().find(name)))
      return error;
  return Error::success();
}

Error Exporter::addTensor(const std::string &name, const TensorEntry &entry) {
  StringRef tensor = name;
  // Part of the matrix it belongs to; tables that follow from the config.
  if (tensor.ends_with(".weight_scale") || tensor.ends_with(".inv_freq") ||
      tensor == ropeFactorsName)
    return Error::success();
  std::string as = ggufName(tensor);
  if (as.empty() && tensor.ends_with(".rms_norm.weight"))
    return fail("tensor '" + tensor +
                "' is a norm inside a projection; GGUF has no name for it, and "
                "no engine's graph has such norms");
  if (as.empty())
    return fail("tensor '" + tensor + "' has no name in GGUF");
  if (isTernaryName(tensor) || checkpoint.isTernary(tensor))
    return addDigits(name, as);
  addFloats(name, as, entry);
  return Error::success();
}

/// As stored, but vectors as f32, which engines want.
void Exporter::addFloats(const std::string &name, const std::string &as,
                         const TensorEntry &entry) {
  if (entry.shape.size() == 1) {
    writer.addTensor(
        as, entry.shape, *findGgufEncoding("f32"),
        [this, name, &entry](GgufWriter::Sink sink) -> Error {
          std::vector<float> values(static_cast<size_t>(entry.elements()));
          if (Error error = checkpoint.readFloats(name, values.data()))
            return error;
          if (int64_t heads = pairedHeads(name))
            pairRows(values.data(), heads, entry.shape[0], 1);
          return sink(asBytes(values));
        });
    return;
  }
  const GgufEncoding *stored = entry.encoding;
  if (!stored)
    stored = findGgufEncoding(StringRef(toString(entry.dtype)).lower().c_str());
  writer.addTensor(as, entry.shape, *stored,
                   [this, &entry](GgufWriter::Sink sink) -> Error {
                     constexpr uint64_t piece = 4 << 20;
                     const TensorFiles &files = checkpoint.files();
                     ArrayRef<uint8_t> bytes = files.bytes(entry);
                     for (uint64_t at = 0; at < bytes.size(); at += piece) {
                       uint64_t now = std::min(piece, bytes.size() - at);
                       if (Error error = sink(bytes.slice(at, now)))
                         return error;
                       files.release(entry, at, now);
                     }
                     return Error::success();
                   });
}

/// Heads whose rows are paired in the file; 0 if they are not.
int64_t Exporter::pairedHeads(StringRef name) const {
  if (!hasPairedRows(architecture, ggufName(name)))
    return 0;
  return name.contains(".k_proj.") ? config.kvHeadCount : config.headCount;
}

Error Exporter::addDigits(const std::string &name, const std::string &as) {
  Expected<int64_t> rows = checkpoint.ternaryRows(name);
  if (!rows)
    return rows.takeError();
  int64_t columns = checkpoint.files().find(name)->shape[1];
  if (columns % encoding.blockElements)
    return fail("tensor '" + name + "' has " + Twine(columns) +
                " columns, which are no whole blocks of " +
                Twine(encoding.blockElements) + " as " + encoding.name +
                " needs; --type=f16 has no blocks");
  if (encoding.isPlain() && !isTernaryName(name))
    notes.push_back("the digits of '" + name + "' are written as " +
                    encoding.name +
                    ", and whoever reads the file computes with floats");
  writer.addTensor(
      as, {*rows, columns}, encoding,
      [this, name](GgufWriter::Sink sink) { return encode(name, sink); });
  return Error::success();
}

float &Exporter::exactScale(StringRef name) {
  if (std::optional<uint64_t> place = ternaryPlace(name))
    return exactScales[*place];
  return exactTableScales[name != Checkpoint::embeddingName()];
}

/// The scales of all runs of digits, as the blocks can hold them.
Expected<std::vector<float>> Exporter::runScales(const std::string &name,
                                                 const Scales &scales,
                                                 int64_t rows, int64_t run) {
  // Of a matrix of a layer tern keeps one scale beside the blocks, and of a
  // table in blocks.
  bool isSingle =
      scales.values.size() == 1 && (isTernaryName(name) || !encoding.isPlain());
  for (float scale : scales.values) {
    float half = halfToFloat(floatToHalf(scale));
    if (!(half > 0) || !std::isfinite(half))
      return fail("the scale of tensor '" + name + "' is " +
                  std::to_string(scale) + ", which no float16 comes near");
    if (half != scale && !isSingle)
      return fail("tensor '" + name + "' has " + Twine(scales.values.size()) +
                  " scales that are no float16; of those, tern writes one for "
                  "a matrix");
  }
  // Of f16 nobody could tell where a group ends.
  if (scales.shape.groups > 1 &&
      (encoding.isPlain() || run % encoding.blockElements))
    return fail("tensor '" + name + "' has scales for groups of " + Twine(run) +
                " columns; tern writes groups of whole blocks of 256, with "
                "--type=tq2_0");
  return scales.expand({rows, scales.shape.groups});
}

Error Exporter::encode(const std::string &name, GgufWriter::Sink sink) {
  int64_t rows = cantFail(checkpoint.ternaryRows(name));
  int64_t columns = checkpoint.files().find(name)->shape[1];
  std::vector<int8_t> digits(static_cast<size_t>(rows * columns));
  Scales scales;
  if (Error error = checkpoint.readDigits(name, digits.data(), scales))
    return error;
  int64_t groups = scales.shape.groups, run = columns / groups;
  auto ofRuns = runScales(name, scales, rows, run);
  if (!ofRuns)
    return ofRuns.takeError();
  if (int64_t heads = pairedHeads(name)) {
    pairRows(digits.data(), heads, rows, columns);
    pairRows(ofRuns->data(), heads, rows, groups);
  }
  exactScale(name) = scales.values.size() == 1 ? scales.values[0] : 0;
  writer.setNumbers(ternScalesKey, exactScales);
  if (config.ternaryTable || config.ternaryHead)
    writer.setNumbers(ternTableScalesKey, exactTableScales);
  return encodeRuns(digits, *ofRuns, run, sink);
}

/// Blocks of equally long runs, each with a scale of its own.
Error Exporter::encodeRuns(ArrayRef<int8_t> digits, ArrayRef<float> ofRuns,
                           int64_t run, GgufWriter::Sink sink) {
  int64_t runBytes = run / encoding.blockElements * encoding.blockBytes;
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i < ofRuns.size(); ++i) {
    size_t end = bytes.size();
    bytes.resize(end + runBytes);
    encodeDigits(encoding, digits.data() + i * run, run, ofRuns[i],
                 bytes.data() + end);
    if (bytes.size() < bufferBytes && i + 1 < ofRuns.size())
      continue;
    if (Error error = sink(bytes))
      return error;
    bytes.clear();
  }
  return Error::success();
}

Error exportGguf(const Checkpoint &checkpoint, const TokenizerSources &sources,
                 StringRef path, const InputFiles &inputs,
                 const ExportOptions &options,
                 std::vector<std::string> &notes) {
  return Exporter(checkpoint, sources, options, notes).run(path, inputs);
}

} // namespace tern
