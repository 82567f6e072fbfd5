//===- ReadTokenFiles.cpp - What other files say of tokens ----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// tokenizer_config.json and added_tokens.json add to tokenizer.model, which
// knows only its pieces. Beside tokenizer.json, which says all, they may only
// agree; but whether a begin or end token is set around a text, the flags of
// tokenizer_config.json decide, as in transformers and llama.cpp.
//
//===----------------------------------------------------------------------===//

#include "ChatTemplate.h"
#include "CheckpointFields.h"
#include "TokenizerReader.h"

#include "tern/tokenizer.h"

#include <algorithm>

namespace tern {

static const std::string configName = "tokenizer_config.json";

//===----------------------------------------------------------------------===//
// Around a text
//===----------------------------------------------------------------------===//

/// The id of a token that the config names; -1 where it names none.
int64_t TokenizerReader::idOfNamed(JsonObject &fields, const char *name) {
  const Json *text = tokenName(fields.get(name));
  auto found = text ? ids.find(text->get<std::string>()) : ids.end();
  return found == ids.end() ? -1 : static_cast<int64_t>(found->second);
}

void TokenizerReader::readAffixFlag(JsonObject &fields, const char *flag,
                                    const char *name,
                                    std::vector<int32_t> &list,
                                    TextRemarks &remarks) {
  const bool isLlama =
      fields.getString("tokenizer_class").rfind("LlamaTokenizer", 0) == 0;
  if (!fields.get(flag)) {
    // The class itself sets a begin token, in transformers and elsewhere.
    if (isLlama && &list == &out.prefix && list.empty() && seenTemplate)
      remarks.warnings.push_back(
          configName +
          ": tokenizer_class sets a begin token before a text, but "
          "the post_processor of tokenizer.json does not, and "
          "counts; add_bos_token would say which is meant");
    return;
  }
  const bool adds = fields.getBool(flag, false);
  const int64_t id = idOfNamed(fields, name);
  if (adds && id < 0) {
    if (list.empty())
      fields.fail(name,
                  "is no token, but " + std::string(flag) + " asks for it");
    return;
  }
  std::vector<int32_t> wanted;
  if (adds)
    wanted.push_back(static_cast<int32_t>(id));
  if (wanted != list && seenTemplate && !isLlama)
    remarks.warnings.push_back(
        configName + ": " + flag + " = " + (adds ? "true" : "false") +
        " contradicts the post_processor of tokenizer.json, and counts more");
  list = wanted;
}

bool TokenizerReader::readConfig(const Json &config,
                                 const TokenizerSources &sources,
                                 TextRemarks &remarks) {
  JsonObject fields(config, configName, error);
  readAffixFlag(fields, "add_bos_token", "bos_token", out.prefix, remarks);
  readAffixFlag(fields, "add_eos_token", "eos_token", out.suffix, remarks);
  if (fields.get("add_prefix_space")) {
    bool adds = fields.getBool("add_prefix_space", false);
    bool has = std::any_of(out.steps.begin(), out.steps.end(), [](auto &step) {
      return step.kind == TERN_TEXT_PREPEND;
    });
    if (adds != has)
      remarks.warnings.push_back(
          configName + ": add_prefix_space = " + (adds ? "true" : "false") +
          " contradicts tokenizer.json, which counts");
  }
  for (const char *name : {"bos_token", "eos_token"})
    if (const Json *text = tokenName(fields.get(name));
        text && idOfNamed(fields, name) < 0)
      remarks.warnings.push_back(configName + ": " + name + " = " +
                                 shown(*text) + " is no token");
  return ok() && compareTokens(config, sources, remarks);
}

bool TokenizerReader::readPiecesConfig(const Json &config,
                                       SentencePieces &pieces,
                                       TextRemarks &remarks) {
  JsonObject fields(config, configName, error);
  pieces.addsBos = fields.getBool("add_bos_token", pieces.addsBos);
  pieces.addsEos = fields.getBool("add_eos_token", pieces.addsEos);
  for (auto [name, id] :
       {std::pair{"add_bos_token", pieces.bos}, {"add_eos_token", pieces.eos}})
    if (id < 0 && fields.getBool(name, false))
      fields.fail(name, "asks for a token that tokenizer.model does not have");
  pieces.addsSpace = fields.getBool("add_prefix_space", pieces.addsSpace);
  if (!fields.getBool("legacy", true))
    remarks.warnings.push_back(
        configName +
        ": legacy = false is not followed beside tokenizer.model; it sets no "
        "space behind control tokens, so answers may differ");
  return ok();
}

//===----------------------------------------------------------------------===//
// Added tokens
//===----------------------------------------------------------------------===//

/// "12" to 12; -1 for what is no id.
static int64_t idOfKey(const std::string &key) {
  if (key.empty() || key.size() > 9 ||
      key.find_first_not_of("0123456789") != std::string::npos)
    return -1;
  return std::stoll(key);
}

/// Names that the config gives to tokens, which makes them control tokens.
static std::set<std::string> namedTokens(const Json &config) {
  std::set<std::string> names;
  auto add = [&](const Json &value) {
    if (const Json *name = tokenName(&value))
      names.insert(name->get<std::string>());
  };
  if (!config.is_object())
    return names;
  for (auto it = config.begin(); it != config.end(); ++it) {
    const std::string &key = it.key();
    if (key == "additional_special_tokens" || key == "extra_special_tokens")
      for (const Json &value : *it)
        add(value);
    else if (key.size() > 6 && key.compare(key.size() - 6, 6, "_token") == 0)
      add(*it);
  }
  return names;
}

/// The tokens of added_tokens_decoder and of added_tokens.json by id, each as
/// tokenizer.json would have it.
std::map<int64_t, Json>
TokenizerReader::listedTokens(const Json &config,
                              const TokenizerSources &sources) {
  std::map<int64_t, Json> tokens;
  const char *name = "added_tokens_decoder";
  if (config.is_object() && config.contains(name)) {
    JsonObject fields(config, configName, error);
    const Json *list = fields.get(name);
    if (list && !list->is_object())
      fields.fail(name, "expected an object");
    for (auto it = list && ok() ? list->begin() : Json::const_iterator();
         list && ok() && it != list->end(); ++it) {
      int64_t id = idOfKey(it.key());
      if (id < 0 || !it->is_object())
        fields.fail(name, "expected token ids with what is said of each");
      Json token = {{"id", id}};
      for (const char *field : {"content", "single_word", "lstrip", "rstrip",
                                "normalized", "special"})
        if (it->contains(field))
          token[field] = (*it)[field];
      tokens[id] = std::move(token);
    }
  }
  if (sources.addedTokens.empty() || !ok())
    return tokens;
  std::optional<Json> listed =
      parseJsonObject(sources.addedTokens, "added_tokens.json", error);
  const std::set<std::string> named = namedTokens(config);
  for (auto it = listed ? listed->begin() : Json::iterator();
       listed && ok() && it != listed->end(); ++it) {
    if (!it->is_number_unsigned() || *it > INT32_MAX)
      fail("added_tokens.json: expected the id of each token");
    else
      tokens.emplace(it->get<int64_t>(),
                     Json{{"id", *it},
                          {"content", it.key()},
                          {"special", named.count(it.key()) != 0}});
  }
  return tokens;
}

/// Sentences about several tokens name the first.
static void warnOfTokens(const std::string &first, size_t count,
                         const std::string &what, TextRemarks &remarks) {
  if (count)
    remarks.warnings.push_back(
        configName + ": " + first +
        (count > 1 ? " and " + std::to_string(count - 1) + " more" : "") +
        what);
}

bool TokenizerReader::compareTokens(const Json &config,
                                    const TokenizerSources &sources,
                                    TextRemarks &remarks) {
  std::string first;
  size_t count = 0;
  auto note = [&](const std::string &name) {
    if (count++ == 0)
      first = name;
  };
  for (const auto &[id, token] : listedTokens(config, sources)) {
    auto content = token.find("content");
    auto special = token.find("special");
    auto found = content != token.end() && content->is_string()
                     ? ids.find(content->get<std::string>())
                     : ids.end();
    bool isSpecial = special != token.end() && *special == true;
    bool agrees = found != ids.end() && found->second == id;
    if (agrees) {
      uint32_t flags = out.tokens[static_cast<size_t>(id)].flags;
      agrees = (flags & TERN_TOKEN_ADDED) != 0 &&
               ((flags & TERN_TOKEN_SPECIAL) != 0) == isSpecial;
    }
    if (!agrees)
      note("token " + std::to_string(id));
  }
  warnOfTokens(first, count,
               " of the added tokens contradicts tokenizer.json, which counts",
               remarks);
  count = 0;
  for (const char *list : {"additional_special_tokens", "extra_special_tokens"})
    if (auto names = config.find(list); names != config.end())
      for (const Json &value : *names) {
        const Json *name = tokenName(&value);
        auto found = name ? ids.find(name->get<std::string>()) : ids.end();
        if (name && (found == ids.end() ||
                     !(out.tokens[found->second].flags & TERN_TOKEN_SPECIAL)))
          note(shown(*name));
      }
  warnOfTokens(first, count,
               " is said to be a control token, but tokenizer.json has none, "
               "and counts",
               remarks);
  return ok();
}

void TokenizerReader::addListedTokens(const std::map<int64_t, Json> &listed,
                                      TextRemarks &remarks) {
  std::string first;
  size_t count = 0;
  for (const auto &[id, token] : listed) {
    auto content = token.find("content");
    size_t at = static_cast<size_t>(id);
    if (at < out.tokens.size() && out.tokens[at].flags) {
      auto found = content != token.end() && content->is_string()
                       ? ids.find(content->get<std::string>())
                       : ids.end();
      if (found == ids.end() || found->second != id) {
        if (count++ == 0)
          first = "token " + std::to_string(id);
        continue;
      }
      if (out.tokens[at].flags & TERN_TOKEN_ADDED)
        continue;
    }
    JsonObject fields(token, configName + ": added token " + std::to_string(id),
                      error);
    addToken(fields, idLimit(ids.size() + listed.size()));
    if (!ok())
      return;
  }
  warnOfTokens(first, count,
               " of the added tokens contradicts tokenizer.model, which counts",
               remarks);
}

} // namespace tern
