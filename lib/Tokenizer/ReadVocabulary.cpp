//===- ReadVocabulary.cpp - Vocabulary, merges, added tokens --------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TokenizerReader.h"

#include "tern/tokenizer.h"

#include <algorithm>
#include <array>

namespace tern {

/// GPT-2's alphabet: each byte as one printable character. Code points 0..323
/// to bytes, -1 for those that stand for none.
static std::array<int, 324> byteAlphabet() {
  std::array<int, 324> bytes;
  bytes.fill(-1);
  int next = 256;
  for (int byte = 0; byte < 256; ++byte) {
    bool printable = (byte >= '!' && byte <= '~') ||
                     (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    bytes[printable ? byte : next++] = byte;
  }
  return bytes;
}

/// The bytes a token's name stands for; nullopt when it is not of the alphabet.
/// `name` is valid UTF-8: the JSON parser saw to it.
static std::optional<std::string> bytesOfName(const std::string &name) {
  static const std::array<int, 324> alphabet = byteAlphabet();
  std::string bytes;
  for (size_t i = 0; i < name.size(); ++i) {
    uint32_t code = static_cast<uint8_t>(name[i]);
    if (code >= 0xE0)
      return std::nullopt;
    if (code >= 0xC0) {
      ++i;
      code = (code & 0x1F) << 6 | (static_cast<uint8_t>(name[i]) & 0x3F);
    }
    if (code >= alphabet.size() || alphabet[code] < 0)
      return std::nullopt;
    bytes += static_cast<char>(alphabet[code]);
  }
  return bytes;
}

/// Ids may have holes, but a few tokens must not ask for gigabytes.
static int64_t idLimit(size_t tokens) {
  return std::min<int64_t>(int64_t(1) << 24, 4 * int64_t(tokens) + 65536);
}

void TokenizerReader::readVocab(const Json &vocab) {
  const std::string where = "tokenizer.json: model.vocab";
  if (!vocab.is_object() || vocab.empty())
    return fail(where + ": expected an object with tokens");
  const int64_t limit = idLimit(vocab.size());
  for (auto it = vocab.begin(); it != vocab.end() && ok(); ++it) {
    if (!it->is_number_unsigned() ||
        it->get<uint64_t>() >= static_cast<uint64_t>(limit))
      return fail(where + ": the id of '" + it.key() +
                  "' is not an integer from 0 to " + std::to_string(limit - 1));
    uint32_t id = it->get<uint32_t>();
    if (id >= out.tokens.size())
      out.tokens.resize(id + 1);
    TokenizerDescription::Token &token = out.tokens[id];
    if (token.flags)
      return fail(where + ": id " + std::to_string(id) +
                  " is given to two tokens");
    std::optional<std::string> bytes = bytesOfName(it.key());
    token.isPlain = bytes && !bytes->empty();
    token.bytes = bytes ? *bytes : it.key();
    token.flags = TERN_TOKEN_EXISTS;
    ids[it.key()] = id;
  }
}

void TokenizerReader::readMerges(const Json &merges) {
  const std::string where = "tokenizer.json: model.merges";
  if (!merges.is_array())
    return fail(where + ": expected a list");
  if (merges.size() >= UINT32_MAX)
    return fail(where + ": too many");
  out.merges.reserve(merges.size());
  for (const Json &merge : merges) {
    std::string at = where + "[" + std::to_string(out.merges.size()) + "]";
    std::string left, right;
    if (merge.is_string()) {
      std::string text = merge.get<std::string>();
      size_t space = text.find(' ');
      if (space == std::string::npos ||
          text.find(' ', space + 1) != std::string::npos)
        return fail(at + ": expected two tokens with a space between them");
      left = text.substr(0, space);
      right = text.substr(space + 1);
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      left = merge[0].get<std::string>();
      right = merge[1].get<std::string>();
    } else {
      return fail(at + ": expected two tokens");
    }
    auto l = ids.find(left), r = ids.find(right), both = ids.find(left + right);
    if (l == ids.end() || r == ids.end() || both == ids.end())
      return fail(at + ": '" +
                  (l == ids.end()   ? left
                   : r == ids.end() ? right
                                    : left + right) +
                  "' is not in the vocabulary");
    out.merges.push_back({l->second, r->second, both->second});
  }
}

void TokenizerReader::readModel(const Json &model) {
  JsonObject fields(model, "tokenizer.json: model", error);
  std::string type = fields.getString("type", "BPE");
  if (type != "BPE")
    return fields.fail("type", "'" + type + "' is not supported; only BPE is");
  if (fields.getNumber("dropout", 0, 0, 1) != 0)
    fields.fail("dropout", "must be null or 0: tokens would be random");
  for (const char *name : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (!fields.getString(name).empty())
      fields.fail(name, "is not supported");
  if (fields.getBool("byte_fallback", false))
    fields.fail("byte_fallback", "true (SentencePiece) is not supported");
  out.ignoreMerges = fields.getBool("ignore_merges", false);
  std::string unknown = fields.getString("unk_token");
  fields.ignore("fuse_unk"); // only says how unknown tokens are joined
  const Json *vocab = fields.get("vocab");
  const Json *merges = fields.get("merges");
  if (!vocab || !merges)
    fields.fail(vocab ? "merges" : "vocab", "is missing");
  if (!fields.finish())
    return;
  readVocab(*vocab);
  if (ok())
    readMerges(*merges);
  if (!ok() || unknown.empty())
    return;
  // With a token for every byte nothing is ever unknown.
  size_t bytes = 0;
  for (const TokenizerDescription::Token &token : out.tokens)
    bytes += token.isPlain && token.bytes.size() == 1;
  if (bytes != 256)
    fields.fail("unk_token", "is not supported in a vocabulary that lacks "
                             "tokens for single bytes");
}

void TokenizerReader::readAddedTokens(const Json &tokens) {
  const std::string where = "tokenizer.json: added_tokens";
  if (!tokens.is_array())
    return fail(where + ": expected a list");
  const int64_t limit = idLimit(ids.size() + tokens.size());
  std::unordered_map<std::string, int64_t> seen;
  for (size_t i = 0; i < tokens.size() && ok(); ++i) {
    JsonObject fields(tokens[i], where + "[" + std::to_string(i) + "]", error);
    std::string content = fields.getString("content");
    int64_t id = fields.getInt("id", -1, 0, limit - 1);
    for (const char *name : {"single_word", "lstrip", "rstrip"})
      if (fields.getBool(name, false))
        fields.fail(name, "true is not supported");
    bool late = fields.getBool("normalized", false);
    bool special = fields.getBool("special", false);
    if (id < 0)
      fields.fail("id", "is missing");
    if (content.empty() || content.size() > TERN_TOKENIZER_MAX_TOKEN)
      fields.fail("content", "is missing, empty or too long");
    if (!fields.finish())
      return;
    auto known = ids.find(content);
    if (!seen.emplace(content, id).second ||
        (known != ids.end() && known->second != id))
      return fields.fail("id", "'" + content + "' has two ids");
    if (static_cast<size_t>(id) >= out.tokens.size())
      out.tokens.resize(id + 1);
    TokenizerDescription::Token &token = out.tokens[id];
    if (token.flags && known == ids.end())
      return fields.fail("id", std::to_string(id) +
                                   " belongs to another token already");
    ids[content] = static_cast<uint32_t>(id);
    token.bytes = content;
    token.isPlain = false;
    token.flags = TERN_TOKEN_EXISTS | TERN_TOKEN_ADDED |
                  (special ? TERN_TOKEN_SPECIAL : 0) |
                  (late ? TERN_TOKEN_LATE : 0);
  }
}

} // namespace tern
