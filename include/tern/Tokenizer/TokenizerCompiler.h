//===- tern/Tokenizer/TokenizerCompiler.h - Tokenizers to tables -*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A checkpoint's tokenizer becomes one table of bytes (tern/tokenizer.h) that the
// runtime reads in place, so that a device needs neither JSON nor Unicode tables
// of its own. The input is not trusted. No MLIR and no LLVM here.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOKENIZER_TOKENIZERCOMPILER_H
#define TERN_TOKENIZER_TOKENIZERCOMPILER_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tern {

/// What a tokenizer is, whatever file it was read from.
struct TokenizerDescription {
  struct Token {
    std::string bytes; ///< what it decodes to
    uint32_t flags = 0; ///< TERN_TOKEN_...; 0: the id is not in use
    /// Whether merges and `ignoreMerges` can make it from bytes of text.
    bool isPlain = false;
  };
  /// Ranks are positions in `merges`; of equal pairs the last one counts.
  struct Merge {
    uint32_t left, right, result;
  };

  uint32_t split = 0; ///< TERN_SPLIT_...
  bool ignoreMerges = false;
  std::vector<Token> tokens; ///< by id
  std::vector<Merge> merges;
  std::vector<int32_t> prefix, suffix; ///< set around a text
};

/// Text of a checkpoint's files; empty where there is none.
struct TokenizerSources {
  std::string tokenizer;        ///< tokenizer.json
  std::string tokenizerConfig;  ///< tokenizer_config.json
  std::string config;           ///< config.json
  std::string generationConfig; ///< generation_config.json
  std::string chatTemplate;     ///< chat_template.jinja
};

/// Reads tokenizer.json. Every field is used, is known not to matter, or is an
/// error. On failure `error` is one sentence that names the file and the field.
std::optional<TokenizerDescription>
readTokenizer(const TokenizerSources &sources, std::string &error);

/// The table's bytes.
std::optional<std::vector<uint8_t>>
writeTokenizerTable(const TokenizerDescription &tokenizer, std::string &error);

/// Both of the above.
std::optional<std::vector<uint8_t>>
compileTokenizer(const TokenizerSources &sources, std::string &error);

/// The artifact's generation section: one tern_generation and the chat template.
/// End tokens are those of generation_config.json, config.json and
/// tokenizer_config.json together, as each of them alone is incomplete for some
/// public model. `tokenizer` gives ids to tokens that are only named; may be null.
std::optional<std::vector<uint8_t>>
compileGeneration(const TokenizerSources &sources,
                  const TokenizerDescription *tokenizer, std::string &error);

} // namespace tern

#endif // TERN_TOKENIZER_TOKENIZERCOMPILER_H
