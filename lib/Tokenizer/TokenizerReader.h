//===- TokenizerReader.h - tokenizer.json to a description ------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TOKENIZER_TOKENIZERREADER_H
#define TERN_LIB_TOKENIZER_TOKENIZERREADER_H

#include "Json.h"
#include "StepBuilder.h"

#include "tern/Tokenizer/TokenizerCompiler.h"

#include <map>
#include <unordered_map>

namespace tern {

/// By how much an unknown character is worse than the worst token of Unigram.
constexpr double unknownPenalty = 10;

/// Parses tokenizer.model.
std::optional<SentencePieces> parseSentencePiece(const std::string &bytes,
                                                 std::string &error);

/// "<0x0A>" to 10; -1 when it is anything else.
int fallbackByte(const std::string &name);

/// The steps of a component: the lists in a Sequence, or the component itself.
std::vector<const Json *> componentSteps(const Json &value,
                                         const char *listName,
                                         const std::string &where,
                                         std::string &error);
/// A component's type, or empty.
std::string componentType(const Json &value);

/// Ids may have holes, but a few tokens must not ask for gigabytes.
int64_t idLimit(size_t tokens);

/// Fills a description from the parts of tokenizer.json. The first error wins.
class TokenizerReader {
public:
  TokenizerReader(TokenizerDescription &out, std::string &error)
      : out(out), error(error), steps(out, error) {}
  bool read(const Json &root);
  /// `listed`: tokens that other files add.
  bool readPieces(const SentencePieces &model,
                  const std::map<int64_t, Json> &listed, TextRemarks &remarks);
  /// Reads tokenizer_config.json beside tokenizer.json; after read.
  bool readConfig(const Json &config, const TokenizerSources &sources,
                  TextRemarks &remarks);
  /// The same beside tokenizer.model; before readPieces.
  bool readPiecesConfig(const Json &config, SentencePieces &pieces,
                        TextRemarks &remarks);
  std::map<int64_t, Json> listedTokens(const Json &config,
                                       const TokenizerSources &sources);

private:
  void readNormalizer(const Json &value, const std::string &where);
  void readReplace(JsonObject &fields);
  void readPrecompiled(JsonObject &fields);
  void readPreTokenizer(const Json &value, const std::string &where);
  void readByteLevel(JsonObject &fields);
  void readMetaspace(JsonObject &fields);
  void readSplit(JsonObject &fields);
  std::string readPattern(JsonObject &fields, bool &isRegex);

  void addPiece(const SentencePieces::Piece &piece, uint32_t id);
  void addPieceMerges(const SentencePieces &model);
  void addPieceSteps(const SentencePieces &model);

  void readModel(const Json &model);
  void readBpe(JsonObject &fields);
  void readUnigram(JsonObject &fields);
  void readVocab(const Json &vocab);
  void readMerges(const Json &merges);
  void setToken(const std::string &name, int64_t id);
  std::string decoded(const std::string &name) const;
  void setUnknown(JsonObject &fields, const std::string &name);
  void findByteTokens(bool areFallback);
  void readAddedTokens(const Json &tokens);
  void addToken(JsonObject &fields, int64_t limit);

  int64_t idOfNamed(JsonObject &fields, const char *name);
  void readAffixFlag(JsonObject &fields, const char *flag, const char *name,
                     std::vector<int32_t> &list, TextRemarks &remarks);
  bool compareTokens(const Json &config, const TokenizerSources &sources,
                     TextRemarks &remarks);
  void addListedTokens(const std::map<int64_t, Json> &listed,
                       TextRemarks &remarks);

  void readPostProcessor(const Json &value, const std::string &where);
  void readTemplate(const Json &value, const std::string &where);
  void readDecoder(const Json &value, const std::string &where);
  void readDecoderStep(const Json &value, const std::string &where);

  bool ok() const { return error.empty(); }
  void fail(const std::string &what) {
    if (ok())
      error = what;
  }

  TokenizerDescription &out;
  std::string &error;
  StepBuilder steps;
  std::unordered_map<std::string, uint32_t> ids; ///< vocabulary and added
  bool decodesBytes = false;                     ///< by GPT-2's alphabet
  bool decodesFallback = false;                  ///< <0x0A> and the like
  bool decodesMarks = false;                     ///< U+2581 to spaces
  bool fuses = false;
  bool seenTemplate = false; ///< the post_processor says what is around a text
};

} // namespace tern

#endif // TERN_LIB_TOKENIZER_TOKENIZERREADER_H
