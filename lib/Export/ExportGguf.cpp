//===- lib/Export/ExportGguf.cpp - Models as GGUF files -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Export/ExportGguf.h"

#include "ExportTokenizer.h"
#include "MatrixEncoder.h"
#include "tern/Export/GgufWriter.h"
#include "tern/Import/GgufNames.h"

#include "nlohmann/json.hpp"

using namespace llvm;
using nlohmann::json;

namespace tern {

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
        matrices(checkpoint, encoding),
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
  Expected<bool> hasDigits(StringRef name) const;
  Error addDigits(const std::string &name, const std::string &as);
  int64_t pairedHeads(StringRef name) const;
  Error encode(const std::string &name, GgufWriter::Sink sink);
  Error fail(const Twine &message) const {
    return createStringError(checkpoint.directory() + ": " + message);
  }

  const Checkpoint &checkpoint;
  const ModelConfig &config;
  const TokenizerSources &sources;
  const ExportOptions &options;
  std::vector<std::string> &notes;
  const GgufEncoding &encoding;
  MatrixEncoder matrices;
  std::string architecture;
  GgufWriter writer;
  /// Of the ternary matrices by their place: blocks have only a float16. 0 for
  /// those with several, which are float16.
  std::vector<float> exactScales;
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

/// As llama.cpp and its relatives number them; nothing where they disagree.
static std::optional<uint32_t> fileType(GgufCodec codec) {
  switch (codec) {
  case GgufCodec::F16:
    return 1;
  case GgufCodec::TQ2_0:
    return 37;
  case GgufCodec::PQ2_0:
    return 128;
  case GgufCodec::PTQ1_0:
    return 129;
  default:
    return std::nullopt;
  }
}

void Exporter::addConfig() {
  writer.addText("general.architecture", architecture);
  if (std::optional<uint32_t> type = fileType(encoding.codec))
    writer.addInteger("general.file_type", *type);
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
  if (any_of(ArrayRef<StringRef>{".weight_scale", ".scales", ".biases",
                                 ".inv_freq"},
             [&](StringRef end) { return tensor.ends_with(end); }) ||
      tensor == ropeFactorsName)
    return Error::success();
  std::string as = ggufName(tensor);
  if (as.empty() && tensor.ends_with(".rms_norm.weight"))
    return fail("tensor '" + tensor +
                "' is a norm inside a projection; GGUF has no name for it, and "
                "no engine's graph has such norms");
  if (as.empty())
    return fail("tensor '" + tensor + "' has no name in GGUF");
  Expected<bool> isTernary = hasDigits(tensor);
  if (!isTernary)
    return isTernary.takeError();
  if (*isTernary)
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

/// True for the projections, and for embedding and head if they are ternary.
Expected<bool> Exporter::hasDigits(StringRef name) const {
  if (name == Checkpoint::embeddingName() || name == Checkpoint::ownHeadName())
    return checkpoint.isTernaryTable(name);
  return isTernaryName(name);
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
  writer.addTensor(
      as, {*rows, columns}, encoding,
      [this, name](GgufWriter::Sink sink) { return encode(name, sink); });
  return Error::success();
}

Error Exporter::encode(const std::string &name, GgufWriter::Sink sink) {
  std::optional<uint64_t> place = ternaryPlace(name);
  if (!place)
    return matrices.encodeTable(name, sink);
  if (Error error =
          matrices.encode(name, pairedHeads(name), sink, exactScales[*place]))
    return error;
  writer.setNumbers(ternScalesKey, exactScales);
  return Error::success();
}

Error exportGguf(const Checkpoint &checkpoint, const TokenizerSources &sources,
                 StringRef path, const InputFiles &inputs,
                 const ExportOptions &options,
                 std::vector<std::string> &notes) {
  return Exporter(checkpoint, sources, options, notes).run(path, inputs);
}

} // namespace tern
