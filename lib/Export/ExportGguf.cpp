//===- lib/Export/ExportGguf.cpp - Models as GGUF files -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Export/ExportGguf.h"

#include "ExportConfig.h"
#include "ExportTokenizer.h"
#include "MatrixEncoder.h"
#include "tern/Export/GgufWriter.h"
#include "tern/Import/GgufNames.h"

using namespace llvm;

namespace tern {

namespace {

class Exporter {
public:
  Exporter(const Checkpoint &checkpoint, const TokenizerSources &sources,
           const ExportOptions &options, std::vector<std::string> &notes)
      : checkpoint(checkpoint), config(checkpoint.config()), sources(sources),
        options(options), notes(notes),
        encoding(*findGgufEncoding(options.encoding.c_str())),
        matrices(checkpoint, encoding),
        exactScales(config.layerCount * config.projections().size()) {}

  Error run(StringRef path, const InputFiles &inputs);

private:
  void copyTokenizer(const GgufFile &file);
  Error addTensors();
  Error addTensor(const std::string &name, const TensorEntry &entry);
  void addFloats(const std::string &name, const std::string &as,
                 const TensorEntry &entry);
  Error addDigits(const std::string &name, const std::string &as);
  float &exactScale(StringRef name);
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
  /// The same of the embedding and the head.
  std::vector<float> exactTableScales = {0, 0};
};

} // namespace

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

Error Exporter::run(StringRef path, const InputFiles &inputs) {
  Expected<std::string> chosen =
      chooseArchitecture(checkpoint, sources, options);
  if (!chosen)
    return chosen.takeError();
  architecture = *chosen;
  ConfigMetadata metadata(checkpoint, sources, architecture, writer);
  metadata.addConfig(fileType(encoding.codec));
  metadata.addSchemes(notes);
  if (const GgufFile *file = checkpoint.files().gguf())
    copyTokenizer(*file);
  else if (Error error = addTokenizer(writer, sources, config.vocabSize))
    return fail(toString(std::move(error)));
  metadata.addRope();
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
  if (Checkpoint::roleOf(tensor) != Checkpoint::TensorRole::Parameters)
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
  // Of whole groups tern sees that they are digits times scales.
  if (encoding.isPlain() && !isTernaryName(name) && columns % productGroup)
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

Error Exporter::encode(const std::string &name, GgufWriter::Sink sink) {
  float &exact = exactScale(name);
  if (Error error = isTernaryName(name)
                        ? matrices.encode(name, pairedHeads(name), sink, exact)
                        : matrices.encodeTable(name, sink, exact))
    return error;
  writer.setNumbers(ternScalesKey, exactScales);
  if (config.ternaryTable || config.ternaryHead)
    writer.setNumbers(ternTableScalesKey, exactTableScales);
  return Error::success();
}

Error exportGguf(const Checkpoint &checkpoint, const TokenizerSources &sources,
                 StringRef path, const InputFiles &inputs,
                 const ExportOptions &options,
                 std::vector<std::string> &notes) {
  return Exporter(checkpoint, sources, options, notes).run(path, inputs);
}

} // namespace tern
