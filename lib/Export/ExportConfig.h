//===- lib/Export/ExportConfig.h - A config as GGUF metadata ----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_EXPORT_EXPORTCONFIG_H
#define TERN_LIB_EXPORT_EXPORTCONFIG_H

#include "tern/Export/ExportGguf.h"
#include "tern/Export/GgufWriter.h"

#include "nlohmann/json_fwd.hpp"

namespace tern {

/// The bytes of little-endian numbers.
inline llvm::ArrayRef<uint8_t> asBytes(llvm::ArrayRef<float> values) {
  return {reinterpret_cast<const uint8_t *>(values.data()),
          values.size() * sizeof(float)};
}

/// Engines build one graph for each name: the one whose graph is the model's,
/// or an error if there is none (docs/gguf.md).
llvm::Expected<std::string> chooseArchitecture(const Checkpoint &checkpoint,
                                               const TokenizerSources &sources,
                                               const ExportOptions &options);

/// Writes what config.json says under the keys of an architecture.
class ConfigMetadata {
public:
  ConfigMetadata(const Checkpoint &checkpoint, const TokenizerSources &sources,
                 llvm::StringRef architecture, GgufWriter &writer)
      : checkpoint(checkpoint), config(checkpoint.config()), sources(sources),
        architecture(architecture), writer(writer) {}

  /// `fileType` is what llama.cpp calls the encoding of most tensors, if it has
  /// a number for it.
  void addConfig(std::optional<uint32_t> fileType);
  /// Schemes of activations and cache, and a note about them.
  void addSchemes(std::vector<std::string> &notes);
  /// Keys and tensors of a scaled rotary embedding.
  void addRope();

private:
  std::string key(llvm::StringRef field) const {
    return (architecture + "." + field).str();
  }
  bool carry(llvm::StringRef field);
  bool needsActivations() const;
  void addActivations();
  void addYarn(const nlohmann::json &scaling);
  void addFactors(llvm::StringRef name);

  const Checkpoint &checkpoint;
  const ModelConfig &config;
  const TokenizerSources &sources;
  llvm::StringRef architecture;
  GgufWriter &writer;
};

} // namespace tern

#endif // TERN_LIB_EXPORT_EXPORTCONFIG_H
