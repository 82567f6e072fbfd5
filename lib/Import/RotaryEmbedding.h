//===- lib/Import/RotaryEmbedding.h - Frequencies of a config -*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_IMPORT_ROTARYEMBEDDING_H
#define TERN_LIB_IMPORT_ROTARYEMBEDDING_H

#include "Json.h"
#include "tern/Import/ModelConfig.h"

namespace tern {

/// Reads rope_theta and rope_scaling, or rope_parameters in files of newer
/// writers; `config` has its sizes.
void readRope(JsonFields &fields, llvm::StringRef file, ModelConfig &config);

} // namespace tern

#endif // TERN_LIB_IMPORT_ROTARYEMBEDDING_H
