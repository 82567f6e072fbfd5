//===- CheckpointFields.cpp - What becomes of each field ------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CheckpointFields.h"

#include "ChatTemplate.h"

#include <map>

namespace tern {
namespace {

struct Field {
  const char *neutral; ///< as JSON; null: any value is
  const char *effect;  ///< of other values
};
using FieldTable = std::map<std::string, Field>;

#define USED(name, use) {#name, {nullptr, nullptr}},
#define IRRELEVANT(name, why) {#name, {nullptr, nullptr}},
#define NEUTRAL(name, value, effect) {#name, {value, effect}},

const FieldTable generationFields = {
#include "GenerationFields.def"
};
const FieldTable tokenizerConfigFields = {
#include "TokenizerConfigFields.def"
};

#undef USED
#undef IRRELEVANT
#undef NEUTRAL

/// Names of fields that are not known: the first few, and how many more.
class UnknownFields {
public:
  void add(const std::string &name) {
    if (count++ < 4)
      names += (names.empty() ? "'" : ", '") + name.substr(0, 40) + "'";
  }
  void finish(const std::string &file, TextRemarks &remarks) const {
    if (count == 0)
      return;
    std::string more =
        count > 4 ? " and " + std::to_string(count - 4) + " more" : "";
    remarks.warnings.push_back(file + ": tern does not know " + names + more +
                               ", so answers may differ");
  }

private:
  std::string names;
  size_t count = 0;
};

void remark(const Json &object, const std::string &file,
            const FieldTable &table, TextRemarks &remarks) {
  UnknownFields unknown;
  for (auto it = object.begin(); it != object.end(); ++it) {
    if (it->is_null())
      continue;
    auto known = table.find(it.key());
    if (known == table.end()) {
      unknown.add(it.key());
      continue;
    }
    const Field &field = known->second;
    bool isEmpty = it->is_structured() && it->empty();
    // Numbers compare by value: 1 equals 1.0.
    if (!field.neutral || isEmpty || *it == Json::parse(field.neutral))
      continue;
    remarks.warnings.push_back(file + ": " + it.key() + " = " + shown(*it) +
                               " is not followed; it " + field.effect +
                               ", so answers may differ");
  }
  unknown.finish(file, remarks);
}

} // namespace

std::string shown(const Json &value) {
  constexpr size_t most = 40;
  // A large value is not written out to be cut.
  if (value.is_structured() && value.size() > most)
    return value.is_array() ? "[...]" : "{...}";
  std::string text = value.dump();
  return text.size() > most ? text.substr(0, most) + "..." : text;
}

void remarkGenerationFields(const Json &object, TextRemarks &remarks) {
  remark(object, "generation_config.json", generationFields, remarks);
}

void remarkTokenizerConfigFields(const Json &object, TextRemarks &remarks) {
  remark(object, "tokenizer_config.json", tokenizerConfigFields, remarks);
}

std::optional<Json> readTokenizerConfigs(const TokenizerSources &sources,
                                         std::string &error,
                                         TextRemarks &remarks) {
  Json config;
  auto parse = [&](const std::string &text, const char *file) {
    std::optional<Json> json = parseJsonObject(text, file, error);
    return json ? std::move(*json) : Json();
  };
  if (!sources.tokenizerConfig.empty())
    config = parse(sources.tokenizerConfig, "tokenizer_config.json");
  if (error.empty() && !sources.specialTokensMap.empty()) {
    Json map = parse(sources.specialTokensMap, "special_tokens_map.json");
    if (config.is_null() && error.empty())
      config = Json::object();
    for (auto it = map.begin(); it != map.end(); ++it) {
      Json &stated = config[it.key()];
      const Json *here = tokenName(&stated), *there = tokenName(&*it);
      if (stated.is_null())
        stated = *it;
      else if (here && there && *here != *there)
        remarks.warnings.push_back("special_tokens_map.json: " + it.key() +
                                   " = " + shown(*there) +
                                   " contradicts tokenizer_config.json's " +
                                   shown(*here) + ", which counts");
    }
  }
  if (!error.empty())
    return std::nullopt;
  return config;
}

} // namespace tern
