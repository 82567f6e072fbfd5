//===- GenerationRules.cpp - Which tokens may come, and how long ----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GenerationRules.h"

#include <algorithm>

namespace tern {

/// More than vocabularies have; keeps what a file can cost in bounds.
static constexpr size_t maxIds = size_t(1) << 19;
/// A text is compared with itself at so many places for each token.
static constexpr int64_t maxNgram = 1024;

/// -1 is how some files say that there is none.
void GenerationRules::readId(JsonObject &fields, const char *name,
                             const Json &value, Ids &ids) {
  if (!value.is_number_integer() || value > INT32_MAX || value < -1)
    return fields.fail(name, "expected token ids");
  if (value == -1)
    return;
  if (++idCount > maxIds)
    return fields.fail(name, "more than " + std::to_string(maxIds) +
                                 " token ids in all");
  ids.push_back(value.get<int32_t>());
}

/// A number or a list.
GenerationRules::Ids GenerationRules::readIds(JsonObject &fields,
                                              const char *name) {
  Ids ids;
  const Json *value = fields.get(name);
  if (value && !value->is_array())
    readId(fields, name, *value, ids);
  else if (value)
    for (auto id = value->begin(); id != value->end() && fields.ok(); ++id)
      readId(fields, name, *id, ids);
  return ids;
}

void GenerationRules::readBadWords(JsonObject &fields) {
  const char *name = "bad_words_ids";
  const Json *value = fields.get(name);
  if (!value)
    return;
  if (!value->is_array())
    return fields.fail(name, "expected a list of lists of token ids");
  for (const Json &entry : *value) {
    Ids word;
    if (!entry.is_array() || entry.empty())
      return fields.fail(name, "expected a list of lists of token ids");
    for (const Json &id : entry) {
      // Nothing stands for a token that there is not.
      if (id == -1)
        fields.fail(name, "expected token ids");
      readId(fields, name, id, word);
      if (!fields.ok())
        return;
    }
    badWords.push_back(std::move(word));
  }
}

/// A string or a list of strings.
void GenerationRules::readStops(JsonObject &fields) {
  const char *name = "stop_strings";
  const Json *value = fields.get(name);
  if (!value)
    return;
  const Json one = Json::array({value->is_string() ? *value : Json()});
  for (const Json &entry : value->is_array() ? *value : one) {
    if (!entry.is_string())
      return fields.fail(name, "expected a string or a list of strings");
    const auto &text = entry.get_ref<const std::string &>();
    if (text.empty() || text.size() > TERN_MAX_STOP_BYTES)
      return fields.fail(name, "expected strings of 1 to " +
                                   std::to_string(TERN_MAX_STOP_BYTES) +
                                   " bytes");
    if (text.find('\0') != std::string::npos)
      return fields.fail(name, "expected strings without NUL");
    if (std::find(stops.begin(), stops.end(), text) != stops.end())
      continue;
    if (stops.size() == TERN_MAX_STOPS)
      return fields.fail(name, "more than " + std::to_string(TERN_MAX_STOPS) +
                                   " strings");
    stops.push_back(text);
  }
}

void GenerationRules::read(JsonObject &fields, tern_generation &generation) {
  auto length = [&](const char *name, int64_t missing, int64_t low) {
    int64_t value = fields.getInt(name, missing, low, INT32_MAX);
    if (value != missing)
      used += (used.empty() ? "" : ", ") + std::string(name);
    return value;
  };
  generation.max_new_tokens =
      static_cast<int32_t>(length("max_new_tokens", -1, 1));
  // Many files have that of the context, which ends a text anyway.
  const int64_t all = fields.getInt("max_length", -1, 1, INT32_MAX);
  const bool isContext =
      generation.max_context && all >= int64_t(generation.max_context);
  if (!isContext)
    generation.max_length = static_cast<int32_t>(length("max_length", -1, 1));
  generation.min_new_tokens =
      static_cast<uint32_t>(length("min_new_tokens", 0, 0));
  generation.min_length = static_cast<uint32_t>(length("min_length", 0, 0));
  // Each counts only where the other one is missing.
  if (generation.max_new_tokens >= 0)
    generation.max_length = -1;
  if (generation.min_new_tokens > 0)
    generation.min_length = 0;
  const int64_t ngram = fields.getInt("no_repeat_ngram_size", 0, 0, maxNgram);
  generation.no_repeat_ngram = static_cast<uint32_t>(ngram);
  generation.forced_bos_id = static_cast<int32_t>(
      fields.getInt("forced_bos_token_id", -1, -1, INT32_MAX));
  forcedEos = readIds(fields, "forced_eos_token_id");
  suppress = readIds(fields, "suppress_tokens");
  beginSuppress = readIds(fields, "begin_suppress_tokens");
  readBadWords(fields);
  readStops(fields);
  for (auto [name, isUsed] :
       {std::pair{"repetition_penalty",
                  !generation.do_sample && generation.repeat_penalty != 1},
        {"no_repeat_ngram_size", ngram > 0},
        {"forced_bos_token_id", generation.forced_bos_id >= 0},
        {"forced_eos_token_id", !forcedEos.empty()},
        {"suppress_tokens", !suppress.empty()},
        {"begin_suppress_tokens", !beginSuppress.empty()},
        {"bad_words_ids", !badWords.empty()},
        {"stop_strings", !stops.empty()}})
    if (isUsed)
      used += (used.empty() ? "" : ", ") + std::string(name);
}

void GenerationRules::append(const Ids &ids) {
  for (int32_t id : ids)
    for (int shift = 0; shift < 32; shift += 8)
      out.push_back(static_cast<uint8_t>(static_cast<uint32_t>(id) >> shift));
}

void GenerationRules::write(tern_generation &generation, uint32_t vocabSize,
                            bool hasTokenizer, TextRemarks &remarks) {
  const std::string file = "generation_config.json: ";
  // An end token is never a bad word, as in transformers.
  const Ids ends(generation.eos_ids, generation.eos_ids + generation.eos_count);
  auto isEnd = [&](const Ids &word) {
    return word.size() == 1 &&
           std::find(ends.begin(), ends.end(), word[0]) != ends.end();
  };
  Ids words;
  for (const Ids &word : badWords) {
    if (isEnd(word))
      continue;
    words.push_back(static_cast<int32_t>(word.size()));
    words.insert(words.end(), word.begin(), word.end());
  }
  bool isOutside = false;
  auto look = [&](const Ids &ids) {
    for (int32_t id : ids)
      isOutside |= vocabSize && static_cast<uint32_t>(id) >= vocabSize;
  };
  for (const Ids &word : badWords)
    look(word);
  for (const Ids *ids : {&forcedEos, &suppress, &beginSuppress})
    look(*ids);
  if (isOutside)
    remarks.warnings.push_back(file +
                               "token ids outside of the vocabulary of " +
                               std::to_string(vocabSize) + " are passed over");
  if (!stops.empty() && !hasTokenizer)
    remarks.warnings.push_back(
        file + "stop_strings are not followed without a tokenizer");
  remarks.rules = used;
  for (const std::string &text : stops) {
    out.insert(out.end(), text.begin(), text.end());
    out.push_back(0);
  }
  generation.stop_count = static_cast<uint32_t>(stops.size());
  generation.stop_bytes = static_cast<uint32_t>(out.size());
  generation.bad_words_count = static_cast<uint32_t>(words.size());
  generation.forced_eos_count = static_cast<uint32_t>(forcedEos.size());
  generation.suppress_count = static_cast<uint32_t>(suppress.size());
  generation.begin_suppress_count = static_cast<uint32_t>(beginSuppress.size());
  for (const Ids *ids : {&words, &forcedEos, &suppress, &beginSuppress})
    append(*ids);
}

} // namespace tern
