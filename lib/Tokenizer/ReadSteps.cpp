//===- ReadSteps.cpp - Normalizers and pre-tokenizers ---------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TokenizerReader.h"

#include "tern/tokenizer.h"

#include <map>

namespace tern {

/// The pattern that ByteLevel splits by unless told otherwise.
static const char gpt2Pattern[] =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|)"
    R"(\s+(?!\S)|\s+)";

std::string componentType(const Json &value) {
  if (!value.is_object())
    return "";
  auto type = value.find("type");
  return type != value.end() && type->is_string() ? type->get<std::string>()
                                                  : "";
}

std::vector<const Json *> componentSteps(const Json &value,
                                         const char *listName,
                                         const std::string &where,
                                         std::string &error) {
  if (componentType(value) != "Sequence")
    return {&value};
  // A sequence in a sequence is the same as its parts. The parser bounds how
  // deep they nest.
  std::vector<const Json *> result;
  JsonObject fields(value, where, error);
  fields.ignore("type");
  const Json *list = fields.get(listName);
  if (!list || !list->is_array())
    fields.fail(listName, "expected a list");
  else
    for (const Json &step : *list)
      for (const Json *inner : componentSteps(step, listName, where, error))
        result.push_back(inner);
  fields.finish();
  return result;
}

/// {"String": "..."} or {"Regex": "..."}.
std::string TokenizerReader::readPattern(JsonObject &fields, bool &isRegex) {
  const Json *pattern = fields.get("pattern");
  isRegex = false;
  if (pattern && pattern->is_object() && pattern->size() == 1 &&
      pattern->begin()->is_string()) {
    isRegex = pattern->begin().key() == "Regex";
    if (isRegex || pattern->begin().key() == "String")
      return pattern->begin()->get<std::string>();
  }
  fields.fail("pattern", "expected one String or Regex");
  return "";
}

void TokenizerReader::readReplace(JsonObject &fields) {
  bool isRegex;
  std::string pattern = readPattern(fields, isRegex);
  std::string content = fields.getString("content");
  if (fields.finish())
    steps.replace(pattern, isRegex, content, fields.where);
}

void TokenizerReader::readPrecompiled(JsonObject &fields) {
  std::optional<std::string> bytes =
      decodeBase64(fields.getString("precompiled_charsmap"));
  std::string problem = "is not base64";
  std::optional<Charsmap> rules;
  if (bytes)
    rules = readCharsmap(*bytes, problem);
  if (!rules)
    fields.fail("precompiled_charsmap", problem);
  if (fields.finish())
    steps.charsmap(*rules, /*byCluster=*/true);
}

void TokenizerReader::readNormalizer(const Json &value,
                                     const std::string &where) {
  static const std::map<std::string, Form> forms = {{"NFC", Form::NFC},
                                                    {"NFD", Form::NFD},
                                                    {"NFKC", Form::NFKC},
                                                    {"NFKD", Form::NFKD}};
  for (const Json *step : componentSteps(value, "normalizers", where, error)) {
    JsonObject fields(*step, where, error);
    fields.ignore("type");
    std::string type = componentType(*step);
    auto form = forms.find(type);
    if (form != forms.end()) {
      if (fields.finish())
        steps.form(form->second);
    } else if (type == "Lowercase") {
      if (fields.finish())
        steps.lowercase();
    } else if (type == "Prepend") {
      std::string text = fields.getString("prepend");
      if (fields.finish())
        steps.prepend(text);
    } else if (type == "Replace") {
      readReplace(fields);
    } else if (type == "Strip") {
      bool left = fields.getBool("strip_left", false);
      bool right = fields.getBool("strip_right", false);
      if (fields.finish())
        steps.strip(left, right, where);
    } else if (type == "StripAccents") {
      if (fields.finish())
        steps.replace("\\p{M}", /*isRegex=*/true, "", where);
    } else if (type == "Precompiled") {
      readPrecompiled(fields);
    } else if (type == "ByteLevel") {
      if (fields.finish())
        steps.bytes();
    } else {
      fail(where + ": '" + type + "' is not supported");
    }
    if (!ok())
      return;
  }
}

void TokenizerReader::readByteLevel(JsonObject &fields) {
  fields.ignore("trim_offsets"); // of positions, which are not computed
  bool regex = fields.getBool("use_regex", true);
  // ByteLevel's own default matters: it is true if missing.
  bool prefix = fields.getBool("add_prefix_space", true);
  if (!fields.finish())
    return;
  if (prefix)
    steps.prefixSpace(/*onlyFirst=*/false);
  if (regex)
    steps.splitAt(gpt2Pattern, /*isRegex=*/true, TERN_SPLIT_ISOLATED, false,
                  fields.where);
  steps.bytes();
}

void TokenizerReader::readMetaspace(JsonObject &fields) {
  std::string mark = fields.getString("replacement", spaceMark);
  std::string scheme = fields.getString("prepend_scheme", "always");
  bool prefix = fields.getBool("add_prefix_space", scheme != "never");
  bool splits = fields.getBool("split", true);
  fields.ignore("str_rep"); // repeats `replacement`
  if (mark != spaceMark)
    fields.fail("replacement", "'" + mark + "' is not supported");
  if (scheme != "always" && scheme != "first" && scheme != "never")
    fields.fail("prepend_scheme", "'" + scheme + "' is not supported");
  if (!prefix && scheme != "never" && fields.get("prepend_scheme"))
    fields.fail("add_prefix_space", "contradicts prepend_scheme");
  if (!fields.finish())
    return;
  steps.markSpaces();
  if (prefix && scheme != "never")
    steps.prefixSpace(scheme == "first");
  if (splits)
    steps.splitAt(spaceMark, false, TERN_SPLIT_NEXT, false, fields.where);
}

static uint32_t readBehavior(JsonObject &fields, const char *missing) {
  static const std::map<std::string, uint32_t> behaviors = {
      {"Isolated", TERN_SPLIT_ISOLATED},
      {"Removed", TERN_SPLIT_REMOVED},
      {"MergedWithPrevious", TERN_SPLIT_PREVIOUS},
      {"MergedWithNext", TERN_SPLIT_NEXT},
      {"Contiguous", TERN_SPLIT_CONTIGUOUS}};
  std::string name = fields.getString("behavior", missing);
  auto found = behaviors.find(name);
  if (found == behaviors.end())
    fields.fail("behavior", "'" + name + "' is not supported");
  return found == behaviors.end() ? 0 : found->second;
}

void TokenizerReader::readSplit(JsonObject &fields) {
  bool isRegex;
  std::string pattern = readPattern(fields, isRegex);
  uint32_t behavior = readBehavior(fields, "");
  bool inverted = fields.getBool("invert", false);
  if (fields.finish())
    steps.splitAt(pattern, isRegex, behavior, inverted, fields.where);
}

void TokenizerReader::readPreTokenizer(const Json &value,
                                       const std::string &where) {
  for (const Json *step :
       componentSteps(value, "pretokenizers", where, error)) {
    JsonObject fields(*step, where, error);
    fields.ignore("type");
    std::string type = componentType(*step);
    if (type == "Split") {
      readSplit(fields);
    } else if (type == "ByteLevel") {
      readByteLevel(fields);
    } else if (type == "Metaspace") {
      readMetaspace(fields);
    } else if (type == "Digits") {
      bool single = fields.getBool("individual_digits", false);
      if (fields.finish())
        steps.split(characterRegex(*generalCategory("N")),
                    single ? TERN_SPLIT_ISOLATED : TERN_SPLIT_CONTIGUOUS, false,
                    where);
    } else if (type == "Punctuation") {
      uint32_t behavior = readBehavior(fields, "Isolated");
      if (fields.finish())
        steps.split(characterRegex(punctuation()), behavior, false, where);
    } else if (type == "WhitespaceSplit" && !steps.marksSpaces()) {
      if (fields.finish())
        steps.split(characterRegex(whiteSpace()), TERN_SPLIT_REMOVED, false,
                    where);
    } else {
      fail(where + ": '" + type + "' is not supported here");
    }
    if (!ok())
      return;
  }
}

} // namespace tern
