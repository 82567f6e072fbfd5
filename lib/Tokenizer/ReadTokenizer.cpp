//===- ReadTokenizer.cpp - tokenizer.json to a description ----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CheckpointFields.h"
#include "TokenizerReader.h"

#include "tern/tokenizer.h"

namespace tern {

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
  for (const Json *step : componentSteps(value, "processors", where, error)) {
    std::string type = componentType(*step);
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

/// A decoder's changes to the text of one token are made in the table; those to
/// the text as a whole are a flag of the table.
void TokenizerReader::readDecoderStep(const Json &value,
                                      const std::string &where) {
  JsonObject fields(value, where, error);
  fields.ignore("type");
  std::string type = componentType(value);
  if (type == "ByteLevel") {
    // Its fields are for the other direction.
    for (const char *name : {"add_prefix_space", "trim_offsets", "use_regex"})
      fields.ignore(name);
    decodesBytes = true;
  } else if (type == "ByteFallback") {
    decodesFallback = true;
  } else if (type == "Fuse") {
    fuses = true;
  } else if (type == "Replace") {
    bool isRegex;
    std::string pattern = readPattern(fields, isRegex);
    if (isRegex || pattern != spaceMark || fields.getString("content") != " ")
      fields.fail("pattern", "only '\u2581' to a space is supported");
    decodesMarks = true;
  } else if (type == "Metaspace") {
    std::string scheme = fields.getString("prepend_scheme", "always");
    bool prefix = fields.getBool("add_prefix_space", scheme != "never");
    if (fields.getString("replacement", spaceMark) != spaceMark)
      fields.fail("replacement", "only '\u2581' is supported");
    fields.ignore("split");
    fields.ignore("str_rep");
    decodesMarks = true;
    if (prefix && scheme != "never")
      out.flags |= TERN_TOKENIZER_STRIP_SPACES;
  } else if (type == "Strip") {
    if (fields.getString("content") != " " || !fuses ||
        fields.getInt("start", 0, 0, INT32_MAX) > 1 ||
        fields.getInt("stop", 0, 0, INT32_MAX) != 0)
      fields.fail("content", "only one space in front, behind 'Fuse', is "
                             "supported");
    else if (fields.getInt("start", 0, 0, INT32_MAX) == 1)
      out.flags |= TERN_TOKENIZER_STRIP_SPACE;
  } else {
    fail(where + ": '" + type + "' is not supported");
  }
  fields.finish();
}

void TokenizerReader::readDecoder(const Json &value, const std::string &where) {
  for (const Json *step : componentSteps(value, "decoders", where, error))
    readDecoderStep(*step, where);
  if (!ok())
    return;
  if (decodesBytes != steps.hasBytes())
    return fail(where + (decodesBytes ? ": ByteLevel is not the pre_tokenizer's"
                                      : ": expected ByteLevel"));
  if (decodesMarks != steps.marksSpaces())
    fail(where + ": '\u2581' and spaces are exchanged in one direction only");
}

bool TokenizerReader::read(const Json &root) {
  JsonObject fields(root, "tokenizer.json", error);
  // How a batch of texts is cut and filled up; there is one text, and it fits
  // or is refused.
  for (const char *name : {"version", "truncation", "padding"})
    fields.ignore(name);
  const Json *normalizer = fields.get("normalizer");
  const Json *model = fields.get("model");
  const Json *added = fields.get("added_tokens");
  const Json *pre = fields.get("pre_tokenizer");
  const Json *post = fields.get("post_processor");
  const Json *decoder = fields.get("decoder");
  if (!model)
    fields.fail("model", "is missing");
  if (!decoder)
    fields.fail("decoder", "is missing");
  if (!fields.finish())
    return false;
  // Steps and decoder say what the names of tokens mean.
  if (normalizer)
    readNormalizer(*normalizer, "tokenizer.json: normalizer");
  if (ok())
    steps.late();
  if (ok() && pre)
    readPreTokenizer(*pre, "tokenizer.json: pre_tokenizer");
  if (ok())
    readDecoder(*decoder, "tokenizer.json: decoder");
  if (ok())
    readModel(*model);
  if (ok() && added)
    readAddedTokens(*added);
  if (ok() && post)
    readPostProcessor(*post, "tokenizer.json: post_processor");
  steps.finish();
  return ok();
}

std::optional<TokenizerDescription>
readTokenizer(const TokenizerSources &sources, std::string &error,
              TextRemarks *remarks) {
  error.clear();
  TextRemarks unheard;
  TextRemarks &heard = remarks ? *remarks : unheard;
  TokenizerDescription description;
  TokenizerReader reader(description, error);
  // Sentences about the file itself are said where generation is set up.
  TextRemarks saidThere;
  std::optional<Json> config = readTokenizerConfigs(sources, error, saidThere);
  if (!config)
    return std::nullopt;
  const bool hasConfig = !config->is_null();
  bool read = false;
  if (sources.tokenizer.empty() && !sources.pieces.pieces.empty()) {
    read = reader.readPieces(sources.pieces, {}, heard);
  } else if (sources.tokenizer.empty() && !sources.sentencePiece.empty()) {
    std::optional<SentencePieces> pieces =
        parseSentencePiece(sources.sentencePiece, error);
    read = pieces &&
           (!hasConfig || reader.readPiecesConfig(*config, *pieces, heard)) &&
           reader.readPieces(*pieces, reader.listedTokens(*config, sources),
                             heard);
  } else {
    std::optional<Json> root =
        parseJsonObject(sources.tokenizer, "tokenizer.json", error);
    read =
        root && reader.read(*root) &&
        reader.readConfig(hasConfig ? *config : Json::object(), sources, heard);
  }
  if (!read)
    return std::nullopt;
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
