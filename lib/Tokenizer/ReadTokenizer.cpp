//===- ReadTokenizer.cpp - tokenizer.json to a description ----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TokenizerReader.h"

#include "tern/tokenizer.h"

namespace tern {
namespace {

/// The split patterns this runtime knows by heart.
struct KnownPattern {
  const char *regex;
  uint32_t split;
};
constexpr KnownPattern knownPatterns[] = {
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
     R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     TERN_SPLIT_LLAMA3},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)"
     R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     TERN_SPLIT_QWEN2},
    {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|)"
     R"(\s+(?!\S)|\s+)",
     TERN_SPLIT_GPT2},
};

std::string typeOf(const Json &value) {
  if (!value.is_object())
    return "";
  auto type = value.find("type");
  return type != value.end() && type->is_string() ? type->get<std::string>()
                                                  : "";
}

/// The steps of a component: the list in a Sequence, or the component itself.
/// Sequences in sequences are not used by anyone, so they are not unfolded.
std::vector<const Json *> steps(const Json &value, const char *listName,
                                const std::string &where, std::string &error) {
  if (typeOf(value) != "Sequence")
    return {&value};
  std::vector<const Json *> result;
  JsonObject fields(value, where, error);
  fields.ignore("type");
  const Json *list = fields.get(listName);
  if (!list || !list->is_array())
    fields.fail(listName, "expected a list");
  else
    for (const Json &step : *list)
      result.push_back(&step);
  fields.finish();
  return result;
}

} // namespace

/// Whether ByteLevel is to split by GPT-2's pattern.
bool TokenizerReader::readByteLevel(const Json &value,
                                    const std::string &where) {
  JsonObject fields(value, where, error);
  fields.ignore("type");
  fields.ignore("trim_offsets"); // of positions, which are not computed
  bool regex = fields.getBool("use_regex", true);
  if (fields.getBool("add_prefix_space", true))
    fields.fail("add_prefix_space", "true is not supported");
  fields.finish();
  return regex;
}

void TokenizerReader::readSplit(const Json &value, const std::string &where) {
  JsonObject fields(value, where, error);
  fields.ignore("type");
  std::string behavior = fields.getString("behavior");
  if (behavior != "Isolated")
    fields.fail("behavior", "'" + behavior + "' is not supported");
  if (fields.getBool("invert", false))
    fields.fail("invert", "true is not supported");
  const Json *pattern = fields.get("pattern");
  if (!fields.finish())
    return;
  std::string regex;
  if (pattern && pattern->is_object() && pattern->size() == 1 &&
      pattern->contains("Regex") && (*pattern)["Regex"].is_string())
    regex = (*pattern)["Regex"].get<std::string>();
  for (const KnownPattern &known : knownPatterns)
    if (regex == known.regex) {
      out.split = known.split;
      hasSplit = true;
      return;
    }
  fields.fail("pattern", "'" + regex +
                             "' is not one of the known patterns "
                             "(Llama-3's, Qwen-2's, GPT-2's)");
}

void TokenizerReader::readPreTokenizer(const Json &value,
                                       const std::string &where) {
  for (const Json *step : steps(value, "pretokenizers", where, error)) {
    std::string type = typeOf(*step);
    if (type == "Split" && !hasSplit && !hasByteLevel) {
      readSplit(*step, where);
    } else if (type == "ByteLevel" && !hasByteLevel) {
      hasByteLevel = true;
      bool isWhole = &value == step || !hasSplit;
      // ByteLevel's own defaults matter: add_prefix_space is true if missing.
      if (readByteLevel(*step, where)) {
        if (!isWhole)
          return fail(where + ": a Split and then ByteLevel with use_regex is "
                              "not supported");
        out.split = TERN_SPLIT_GPT2;
      }
    } else {
      return fail(where + ": '" + type +
                  "' is not supported here; expected a "
                  "Split and then ByteLevel");
    }
    if (!ok())
      return;
  }
  if (!hasByteLevel)
    fail(where + ": expected ByteLevel as the last step");
}

/// [bos] A [eos]: what stands around the text.
void TokenizerReader::readTemplate(const Json &value,
                                   const std::string &where) {
  JsonObject fields(value, where, error);
  fields.ignore("type");
  fields.ignore("pair"); // of two texts; there is always one
  const Json *single = fields.get("single");
  const Json *special = fields.get("special_tokens");
  if (!fields.finish())
    return;
  if (!single || !single->is_array() || (special && !special->is_object()))
    return fields.fail("single", "expected a list, and its special_tokens");
  bool seenText = false;
  for (const Json &piece : *single) {
    if (!piece.is_object() || piece.size() != 1)
      return fields.fail("single", "expected pieces with one field each");
    const std::string kind = piece.begin().key();
    JsonObject inner(*piece.begin(), where + ".single." + kind, error);
    std::string id = inner.getString("id");
    inner.ignore("type_id");
    if (!inner.finish())
      return;
    if (kind == "Sequence" && id == "A" && !seenText) {
      seenText = true;
      continue;
    }
    if (kind != "SpecialToken")
      return fields.fail("single", "expected special tokens around one text A");
    auto found = special ? special->find(id) : Json::const_iterator();
    if (!special || found == special->end())
      return fields.fail("special_tokens", "lacks '" + id + "'");
    JsonObject token(*found, where + ".special_tokens." + id, error);
    token.ignore("id");
    token.ignore("tokens"); // the names of `ids`
    const Json *list = token.get("ids");
    if (!list || !list->is_array())
      token.fail("ids", "expected a list");
    if (!token.finish())
      return;
    for (const Json &number : *list) {
      if (!number.is_number_unsigned() ||
          number.get<uint64_t>() >= out.tokens.size())
        return token.fail("ids", "expected ids of tokens");
      (seenText ? out.suffix : out.prefix).push_back(number.get<int32_t>());
    }
  }
  if (!seenText || out.prefix.size() > TERN_TOKENIZER_MAX_AFFIX ||
      out.suffix.size() > TERN_TOKENIZER_MAX_AFFIX)
    fields.fail("single", "expected a text with a few tokens around it");
}

void TokenizerReader::readPostProcessor(const Json &value,
                                        const std::string &where) {
  bool seenTemplate = false;
  for (const Json *step : steps(value, "processors", where, error)) {
    std::string type = typeOf(*step);
    if (type == "TemplateProcessing" && !seenTemplate) {
      seenTemplate = true;
      readTemplate(*step, where);
    } else if (type != "ByteLevel") { // which only moves offsets
      fail(where + ": '" + type + "' is not supported here");
    }
    if (!ok())
      return;
  }
}

void TokenizerReader::readDecoder(const Json &value, const std::string &where) {
  if (typeOf(value) != "ByteLevel")
    fail(where + ": '" + typeOf(value) +
         "' is not supported; expected "
         "ByteLevel");
}

bool TokenizerReader::read(const Json &root) {
  JsonObject fields(root, "tokenizer.json", error);
  // How a batch of texts is cut and filled up; there is one text, and it fits
  // or is refused.
  for (const char *name : {"version", "truncation", "padding"})
    fields.ignore(name);
  if (fields.get("normalizer"))
    fields.fail("normalizer",
                "'" + typeOf(*fields.get("normalizer")) + "' is not supported");
  const Json *model = fields.get("model");
  const Json *added = fields.get("added_tokens");
  const Json *pre = fields.get("pre_tokenizer");
  const Json *post = fields.get("post_processor");
  const Json *decoder = fields.get("decoder");
  if (!model)
    fields.fail("model", "is missing");
  if (!pre)
    fields.fail("pre_tokenizer", "is missing; expected ByteLevel");
  if (!decoder)
    fields.fail("decoder", "is missing; expected ByteLevel");
  if (!fields.finish())
    return false;
  readModel(*model);
  if (ok() && added)
    readAddedTokens(*added);
  if (ok())
    readPreTokenizer(*pre, "tokenizer.json: pre_tokenizer");
  if (ok() && post)
    readPostProcessor(*post, "tokenizer.json: post_processor");
  if (ok())
    readDecoder(*decoder, "tokenizer.json: decoder");
  return ok();
}

/// Without a template, tokenizer_config.json may still ask for a bos token.
bool TokenizerReader::addBos(const Json &config) {
  JsonObject fields(config, "tokenizer_config.json", error);
  if (!out.prefix.empty() || !fields.getBool("add_bos_token", false))
    return ok();
  const Json *bos = fields.get("bos_token");
  std::string name;
  if (bos && bos->is_string())
    name = bos->get<std::string>();
  else if (bos && bos->is_object())
    name = JsonObject(*bos, "tokenizer_config.json: bos_token", error)
               .getString("content");
  auto found = ids.find(name);
  if (found == ids.end())
    fields.fail("bos_token", "'" + name + "' is not a token");
  else
    out.prefix.push_back(static_cast<int32_t>(found->second));
  return ok();
}

std::optional<TokenizerDescription>
readTokenizer(const TokenizerSources &sources, std::string &error) {
  error.clear();
  TokenizerDescription description;
  TokenizerReader reader(description, error);
  std::optional<Json> root =
      parseJsonObject(sources.tokenizer, "tokenizer.json", error);
  if (!root || !reader.read(*root))
    return std::nullopt;
  if (!sources.tokenizerConfig.empty()) {
    std::optional<Json> config = parseJsonObject(
        sources.tokenizerConfig, "tokenizer_config.json", error);
    if (!config || !reader.addBos(*config))
      return std::nullopt;
  }
  return description;
}

std::optional<std::vector<uint8_t>>
compileTokenizer(const TokenizerSources &sources, std::string &error) {
  std::optional<TokenizerDescription> description =
      readTokenizer(sources, error);
  if (!description)
    return std::nullopt;
  return writeTokenizerTable(*description, error);
}

} // namespace tern
