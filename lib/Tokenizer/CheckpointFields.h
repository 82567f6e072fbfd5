//===- CheckpointFields.h - What becomes of each field ----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TOKENIZER_CHECKPOINTFIELDS_H
#define TERN_LIB_TOKENIZER_CHECKPOINTFIELDS_H

#include "Json.h"

#include "tern/Tokenizer/TokenizerCompiler.h"

namespace tern {

/// Adds a warning for each field of a file that is known not to be followed and
/// is not neutral, and one for all that are not known. Null, an empty list and
/// an empty object are always neutral.
void remarkGenerationFields(const Json &object, TextRemarks &remarks);
void remarkTokenizerConfigFields(const Json &object, TextRemarks &remarks);

/// A value as a message shows it.
std::string shown(const Json &value);

/// tokenizer_config.json, with the names of tokens that only
/// special_tokens_map.json has; null without both. Where they contradict each
/// other the former counts, with a warning. Nothing on an error.
std::optional<Json> readTokenizerConfigs(const TokenizerSources &sources,
                                         std::string &error,
                                         TextRemarks &remarks);

} // namespace tern

#endif // TERN_LIB_TOKENIZER_CHECKPOINTFIELDS_H
