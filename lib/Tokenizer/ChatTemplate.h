//===- ChatTemplate.h - What chat needs of a checkpoint ---------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TOKENIZER_CHATTEMPLATE_H
#define TERN_LIB_TOKENIZER_CHATTEMPLATE_H

#include "Json.h"

#include "tern/Tokenizer/TokenizerCompiler.h"

namespace tern {

/// The name of a token that is given as "<s>" or as {"content": "<s>", ...};
/// null when it is given as neither.
const Json *tokenName(const Json *token);

/// The id of the token of exactly these bytes, or -1.
int64_t tokenId(const TokenizerDescription *tokenizer, const std::string &name);

/// The variables that transformers gives every template: named tokens of
/// tokenizer_config.json. An object of strings, and the list
/// `additional_special_tokens`.
Json chatVariables(const Json &tokenizerConfig);

/// Ids of the control tokens that end a turn in the templates of public models
/// and that this template writes.
std::vector<int64_t> endsOfTurn(const std::string &chatTemplate,
                                const TokenizerDescription *tokenizer);

/// Why the runtime will not render the template, as far as can be known now; or
/// empty.
std::string refusalOfTemplate(const std::string &chatTemplate,
                              const std::string &variables);

} // namespace tern

#endif // TERN_LIB_TOKENIZER_CHATTEMPLATE_H
