//===- tern/Tokenizer/TokenizerCompiler.h - Tokenizers to tables -*- C++
//-*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A checkpoint's tokenizer becomes one table of bytes (tern/tokenizer.h) that
// the runtime reads in place, so that a device needs neither JSON nor Unicode
// tables of its own. The input is not trusted. No MLIR and no LLVM here.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOKENIZER_TOKENIZERCOMPILER_H
#define TERN_TOKENIZER_TOKENIZERCOMPILER_H

#include "tern/Tokenizer/Patterns.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tern {

/// A tokenizer, whatever file it was read from.
struct TokenizerDescription {
  struct Token {
    std::string bytes;  ///< what it decodes to
    uint32_t flags = 0; ///< TERN_TOKEN_...; 0: the id is not in use
    /// True if the model can make it from text that has just these bytes.
    bool isPlain = false;
  };
  struct Merge {
    uint32_t left, right, rank, result; ///< of equal pairs the last one counts
  };
  /// A token that is looked for in text before the model sees it.
  struct Added {
    std::string content;
    uint32_t id;
  };
  /// One of the things done to text, see TERN_TEXT_... for kind and operands.
  struct Step {
    uint32_t kind;
    uint32_t operands[3] = {0, 0, 0};
    /// The operand of TERN_TEXT_REPLACE, _PREPEND and _CHARSMAP that is a
    /// string.
    std::string string;
    /// From n bytes it makes at most growth * n + extra, and it needs at most
    /// scratch * n bytes of memory if that is more.
    uint32_t growth = 1, extra = 0, scratch = 0;
  };

  bool isUnigram = false;
  uint32_t flags = 0;         ///< TERN_TOKENIZER_...
  int64_t unknown = -1;       ///< id, or -1
  std::vector<Token> tokens;  ///< by id
  std::vector<Merge> merges;  ///< BPE
  std::vector<double> scores; ///< Unigram, by id, and that of unknown ones
  std::vector<int64_t> byteTokens = std::vector<int64_t>(256, -1);
  std::vector<Added> added, late;
  std::vector<Step> steps;
  CompiledPatterns patterns;
  std::vector<uint8_t> classFlags;     ///< TERN_CHAR_... of each class
  std::vector<uint32_t> words;         ///< operands of steps
  std::vector<int32_t> prefix, suffix; ///< set around a text
};

/// The content of tokenizer.model.
struct SentencePieces {
  /// As the files number them.
  enum Type { Normal = 1, Unknown, Control, UserDefined, Unused, Byte };
  struct Piece {
    std::string text;
    float score = 0;
    int64_t type = Normal;
  };
  std::vector<Piece> pieces; ///< by id
  bool isUnigram = false;
  /// Scores are added up in single precision.
  bool addsFloats = false;
  bool addsSpace = true;      ///< before a text
  bool removesSpaces = false; ///< at both ends, and all but one of several
  std::string charsmap;       ///< rules of the normalizer, see Charsmap.h
  int64_t bos = -1, eos = -1;
  bool addsBos = true, addsEos = false;
};

/// Text of a checkpoint's files; empty where there is none.
struct TokenizerSources {
  std::string tokenizer;        ///< tokenizer.json; without it:
  std::string sentencePiece;    ///< the bytes of tokenizer.model; without it:
  SentencePieces pieces;        ///< what a GGUF file says
  std::string tokenizerConfig;  ///< tokenizer_config.json
  std::string config;           ///< config.json
  std::string generationConfig; ///< generation_config.json
  std::string chatTemplate;     ///< chat_template.jinja
  std::string chatTemplateJson; ///< chat_template.json
  std::string specialTokensMap; ///< special_tokens_map.json
  std::string addedTokens;      ///< added_tokens.json
  uint32_t repeatLastN = 0;     ///< tokens a repetition penalty is for; 0: all

  bool hasTokenizer() const {
    return !tokenizer.empty() || !sentencePiece.empty() ||
           !pieces.pieces.empty();
  }
};

/// Sentences about what is in a checkpoint's files, though nothing is refused.
struct TextRemarks {
  std::vector<std::string> warnings; ///< about what is not followed
  /// Names of fields of generation_config.json, besides those of sampling, that
  /// run and chat follow: "max_new_tokens, stop_strings".
  std::string rules;
};

/// Reads the tokenizer. Every field is used, is known not to matter, or is an
/// error. On failure `error` is one sentence that names the file and the field.
std::optional<TokenizerDescription>
readTokenizer(const TokenizerSources &sources, std::string &error,
              TextRemarks *remarks = nullptr);

/// The table's bytes.
std::optional<std::vector<uint8_t>>
writeTokenizerTable(const TokenizerDescription &tokenizer, std::string &error);

/// Both of the above.
std::optional<std::vector<uint8_t>>
compileTokenizer(const TokenizerSources &sources, std::string &error);

/// The artifact's generation section: one tern_generation and what lies behind
/// it (tern/artifact.h). End tokens are those of generation_config.json,
/// config.json and tokenizer_config.json and those that end a turn in the
/// template, together, as each of them alone is incomplete for some public
/// model. `tokenizer` gives ids to tokens that are only named; may be null. A
/// template that cannot be rendered is no error, as text can be generated
/// without: *chatRefusal says why.
std::optional<std::vector<uint8_t>>
compileGeneration(const TokenizerSources &sources,
                  const TokenizerDescription *tokenizer, std::string &error,
                  std::string *chatRefusal = nullptr,
                  TextRemarks *remarks = nullptr);

} // namespace tern

#endif // TERN_TOKENIZER_TOKENIZERCOMPILER_H
