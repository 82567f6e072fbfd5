//===- Generation.cpp - Defaults of text generation -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ChatTemplate.h"
#include "CheckpointFields.h"
#include "GenerationRules.h"

#include "tern/Tokenizer/TokenizerCompiler.h"
#include "tern/artifact.h"
#include "tern/template.h"

#include <algorithm>
#include <cstring>

namespace tern {
namespace {

class Defaults {
public:
  Defaults(const TokenizerDescription *tokenizer, std::string &error,
           TextRemarks &remarks)
      : tokenizer(tokenizer), error(error), remarks(remarks) {
    generation.size = sizeof(generation);
    generation.bos_id = -1;
    generation.temperature = 1;
    generation.top_p = 1;
    generation.repeat_penalty = 1;
    generation.max_new_tokens = generation.max_length = -1;
    generation.forced_bos_id = -1;
  }

  void readConfig(const Json &json);
  void readGenerationConfig(const Json &json);
  void readTokenizerConfig(const Json &json);
  void setRepeatLastN(uint32_t tokens) { generation.repeat_last_n = tokens; }
  /// The template of chat_template.json, if no other file has a template.
  void readTemplateFile(const Json &json);
  /// The template counts more than those of tokenizer_config.json; it may be
  /// empty.
  std::vector<uint8_t> finish(const std::string &chatTemplate,
                              std::string *chatRefusal);

private:
  void readIds(JsonObject &fields);
  void addEos(const char *where, int64_t id);
  int64_t idOfNamed(JsonObject &fields, const char *field);
  void readTemplates(JsonObject &fields);

  tern_generation generation = {};
  GenerationRules rules;
  std::string chatTemplate, variables = "{}";
  uint32_t vocabSize = 0;
  const TokenizerDescription *tokenizer;
  std::string &error;
  TextRemarks &remarks;
};

void Defaults::addEos(const char *where, int64_t id) {
  int32_t *end = generation.eos_ids + generation.eos_count;
  if (std::find(generation.eos_ids, end, id) != end)
    return;
  if (generation.eos_count < TERN_MAX_EOS)
    generation.eos_ids[generation.eos_count++] = static_cast<int32_t>(id);
  else if (error.empty())
    error = std::string(where) + ": eos_token_id: more than " +
            std::to_string(TERN_MAX_EOS) + " end tokens in all";
}

/// bos_token_id and eos_token_id; the latter is a number or a list. Both may be
/// null, and some files say -1 for that.
void Defaults::readIds(JsonObject &fields) {
  const Json *bos = fields.get("bos_token_id");
  if (bos && !bos->is_array()) {
    const int32_t before = generation.bos_id;
    generation.bos_id = static_cast<int32_t>(
        fields.getInt("bos_token_id", before, -1, INT32_MAX));
    if (before >= 0 && generation.bos_id != before)
      remarks.warnings.push_back(fields.where + ": bos_token_id = " +
                                 std::to_string(generation.bos_id) +
                                 " contradicts config.json's " +
                                 std::to_string(before) + ", and counts more");
  }
  const Json *eos = fields.get("eos_token_id");
  if (!eos)
    return;
  Json list = eos->is_array() ? *eos : Json::array({*eos});
  for (const Json &id : list) {
    if (!id.is_number_integer() || id.get<int64_t>() < -1 ||
        id.get<int64_t>() > INT32_MAX)
      return fields.fail("eos_token_id", "expected token ids");
    if (id.get<int64_t>() >= 0)
      addEos(fields.where.c_str(), id.get<int64_t>());
  }
}

/// The fields of a config. Of models of text and pictures they may be those of
/// `text_config`; what is outside counts more.
static Json withTextConfig(const Json &json) {
  auto text = json.is_object() ? json.find("text_config") : json.end();
  if (text == json.end() || !text->is_object())
    return json;
  Json all = *text;
  for (const auto &field : json.items())
    if (!field.value().is_null())
      all[field.key()] = field.value();
  return all;
}

void Defaults::readConfig(const Json &json) {
  Json all = withTextConfig(json);
  JsonObject fields(all, "config.json", error);
  readIds(fields);
  generation.max_context = static_cast<uint32_t>(
      fields.getInt("max_position_embeddings", 0, 0, UINT32_MAX));
  vocabSize =
      static_cast<uint32_t>(fields.getInt("vocab_size", 0, 0, UINT32_MAX));
}

void Defaults::readGenerationConfig(const Json &json) {
  JsonObject fields(json, "generation_config.json", error);
  readIds(fields);
  auto number = [&](const char *name, double missing, double low, double high) {
    return static_cast<float>(fields.getNumber(name, missing, low, high));
  };
  generation.do_sample = fields.getBool("do_sample", false);
  generation.temperature = number("temperature", 1, 0, 1e6);
  // Sampling without a top_k means 50 to the library that wrote the file.
  generation.top_k = static_cast<uint32_t>(
      fields.getInt("top_k", generation.do_sample ? 50 : 0, 0, INT32_MAX));
  generation.top_p = number("top_p", 1, 0, 1);
  generation.min_p = number("min_p", 0, 0, 1);
  generation.repeat_penalty = number("repetition_penalty", 1, 1e-6, 1e6);
  // 0 means "keep one" to some; the sampler wants a share above 0.
  generation.top_p = std::max(generation.top_p, 1e-6f);
  rules.read(fields, generation);
  remarkGenerationFields(json, remarks);
}

int64_t Defaults::idOfNamed(JsonObject &fields, const char *field) {
  const Json *name = tokenName(fields.get(field));
  return name ? tokenId(tokenizer, name->get<std::string>()) : -1;
}

/// A string, or a list of named ones of which "default" counts.
void Defaults::readTemplates(JsonObject &fields) {
  const Json *value = fields.get("chat_template");
  if (!value)
    return;
  if (value->is_string()) {
    chatTemplate = value->get<std::string>();
    return;
  }
  if (!value->is_array())
    return fields.fail("chat_template", "expected a string or a list");
  for (const Json &entry : *value) {
    JsonObject named(entry, "tokenizer_config.json: chat_template", error);
    if (named.getString("name") == "default")
      chatTemplate = named.getString("template");
  }
}

void Defaults::readTokenizerConfig(const Json &json) {
  JsonObject fields(json, "tokenizer_config.json", error);
  int64_t bos = idOfNamed(fields, "bos_token");
  int64_t eos = idOfNamed(fields, "eos_token");
  if (generation.bos_id < 0)
    generation.bos_id = static_cast<int32_t>(bos);
  if (eos >= 0)
    addEos(fields.where.c_str(), eos);
  variables = chatVariables(json).dump();
  readTemplates(fields);
  remarkTokenizerConfigFields(json, remarks);
}

void Defaults::readTemplateFile(const Json &json) {
  JsonObject fields(json, "chat_template.json", error);
  if (chatTemplate.empty())
    readTemplates(fields);
}

std::vector<uint8_t> Defaults::finish(const std::string &file,
                                      std::string *chatRefusal) {
  const std::string &text = file.empty() ? chatTemplate : file;
  if (text.size() > TERN_TEMPLATE_MAX_BYTES) {
    error = "the chat template is larger than 1 MiB";
    return {};
  }
  for (int64_t id : endsOfTurn(text, tokenizer))
    addEos("the chat template", id);
  if (chatRefusal)
    *chatRefusal = text.empty() ? "" : refusalOfTemplate(text, variables);
  generation.chat_template_bytes = static_cast<uint32_t>(text.size());
  generation.chat_variables_bytes = static_cast<uint32_t>(variables.size());
  rules.write(generation, vocabSize, tokenizer != nullptr, remarks);
  // All fields are 32 bits; the artifact is little endian.
  static_assert(sizeof(tern_generation) % 4 == 0, "32-bit fields only");
  std::vector<uint8_t> result;
  for (size_t at = 0; at < sizeof(generation); at += 4) {
    uint32_t word;
    std::memcpy(&word, reinterpret_cast<const char *>(&generation) + at, 4);
    for (int shift = 0; shift < 32; shift += 8)
      result.push_back(static_cast<uint8_t>(word >> shift));
  }
  result.insert(result.end(), text.begin(), text.end());
  result.insert(result.end(), variables.begin(), variables.end());
  result.insert(result.end(), rules.bytes().begin(), rules.bytes().end());
  return result;
}

} // namespace

std::optional<std::vector<uint8_t>>
compileGeneration(const TokenizerSources &sources,
                  const TokenizerDescription *tokenizer, std::string &error,
                  std::string *chatRefusal, TextRemarks *remarks) {
  error.clear();
  TextRemarks unheard;
  TextRemarks &heard = remarks ? *remarks : unheard;
  Defaults defaults(tokenizer, error, heard);
  auto read = [&](const std::string &text, const char *file,
                  void (Defaults::*reader)(const Json &)) {
    if (text.empty() || !error.empty())
      return;
    if (std::optional<Json> json = parseJsonObject(text, file, error))
      (defaults.*reader)(*json);
  };
  // Later files win where only one value can hold.
  read(sources.config, "config.json", &Defaults::readConfig);
  read(sources.generationConfig, "generation_config.json",
       &Defaults::readGenerationConfig);
  if (error.empty())
    if (auto json = readTokenizerConfigs(sources, error, heard);
        json && !json->is_null())
      defaults.readTokenizerConfig(*json);
  read(sources.chatTemplateJson, "chat_template.json",
       &Defaults::readTemplateFile);
  if (!error.empty())
    return std::nullopt;
  defaults.setRepeatLastN(sources.repeatLastN);
  std::vector<uint8_t> bytes =
      defaults.finish(sources.chatTemplate, chatRefusal);
  if (!error.empty())
    return std::nullopt;
  return bytes;
}

} // namespace tern
