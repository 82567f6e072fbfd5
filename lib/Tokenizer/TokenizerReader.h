//===- TokenizerReader.h - tokenizer.json to a description ------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TOKENIZER_TOKENIZERREADER_H
#define TERN_LIB_TOKENIZER_TOKENIZERREADER_H

#include "Json.h"

#include "tern/Tokenizer/TokenizerCompiler.h"

#include <unordered_map>

namespace tern {

/// Fills a description from the parts of tokenizer.json. The first error wins.
class TokenizerReader {
public:
  TokenizerReader(TokenizerDescription &out, std::string &error)
      : out(out), error(error) {}
  bool read(const Json &root);
  bool addBos(const Json &config);

private:
  void readModel(const Json &model);
  void readVocab(const Json &vocab);
  void readMerges(const Json &merges);
  void readAddedTokens(const Json &tokens);
  void readPreTokenizer(const Json &value, const std::string &where);
  void readSplit(const Json &value, const std::string &where);
  void readPostProcessor(const Json &value, const std::string &where);
  void readTemplate(const Json &value, const std::string &where);
  void readDecoder(const Json &value, const std::string &where);
  bool readByteLevel(const Json &value, const std::string &where);

  bool ok() const { return error.empty(); }
  void fail(const std::string &what) {
    if (ok())
      error = what;
  }

  TokenizerDescription &out;
  std::string &error;
  std::unordered_map<std::string, uint32_t> ids; ///< vocabulary and added
  bool hasSplit = false, hasByteLevel = false;
};

} // namespace tern

#endif // TERN_LIB_TOKENIZER_TOKENIZERREADER_H
