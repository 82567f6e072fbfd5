//===- GenerationRules.h - Which tokens may come, and how long --*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TOKENIZER_GENERATIONRULES_H
#define TERN_LIB_TOKENIZER_GENERATIONRULES_H

#include "Json.h"

#include "tern/Tokenizer/TokenizerCompiler.h"
#include "tern/artifact.h"

namespace tern {

/// The part of generation_config.json besides sampling and end tokens.
class GenerationRules {
public:
  /// Reads the rules; lengths go to `generation`.
  void read(JsonObject &fields, tern_generation &generation);
  /// Once all end tokens are known: fills in the counts and appends what lies
  /// behind the texts of the section. `vocabSize` is 0 if it is not known.
  void write(tern_generation &generation, uint32_t vocabSize, bool hasTokenizer,
             TextRemarks &remarks);
  const std::vector<uint8_t> &bytes() const { return out; }

private:
  using Ids = std::vector<int32_t>;
  void readId(JsonObject &fields, const char *name, const Json &value,
              Ids &ids);
  Ids readIds(JsonObject &fields, const char *name);
  void readBadWords(JsonObject &fields);
  void readStops(JsonObject &fields);
  void append(const Ids &ids);

  std::vector<Ids> badWords;
  Ids forcedEos, suppress, beginSuppress;
  std::vector<std::string> stops;
  size_t idCount = 0;
  std::string used; ///< names of fields, for a note
  std::vector<uint8_t> out;
};

} // namespace tern

#endif // TERN_LIB_TOKENIZER_GENERATIONRULES_H
