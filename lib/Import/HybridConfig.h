//===- lib/Import/HybridConfig.h - Configs with two kinds of layers *- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_IMPORT_HYBRIDCONFIG_H
#define TERN_LIB_IMPORT_HYBRIDCONFIG_H

#include "Json.h"
#include "tern/Import/ModelConfig.h"

namespace tern {

/// Of a Qwen3.5 of text and pictures, leaves the text model's config: the
/// fields of 'text_config', and those outside that are of both.
llvm::Error takeTextConfig(nlohmann::json &root, llvm::StringRef file);

/// Recurrent layers and what else Qwen3.5 has of its own; sizes are known.
void readHybrid(JsonFields &fields, ModelConfig &config);

} // namespace tern

#endif // TERN_LIB_IMPORT_HYBRIDCONFIG_H
