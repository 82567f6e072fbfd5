//===- lib/Import/ReadSchemes.h - Schemes in JSON ---------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_IMPORT_READSCHEMES_H
#define TERN_LIB_IMPORT_READSCHEMES_H

#include "Json.h"
#include "tern/Import/ModelConfig.h"

namespace tern {

/// Reads `activation_quantization` and `kv_cache_quantization`, each of which
/// replaces all that `config` said if it is there.
llvm::Error readSchemes(JsonFields &fields, llvm::StringRef file,
                        ModelConfig &config);

} // namespace tern

#endif // TERN_LIB_IMPORT_READSCHEMES_H
