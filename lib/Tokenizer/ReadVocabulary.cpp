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
#include <limits>

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

int64_t idLimit(size_t tokens) {
  return std::min<int64_t>(int64_t(1) << 24, 4 * int64_t(tokens) + 65536);
}

int fallbackByte(const std::string &name) {
  auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  if (name.size() != 6 || name.compare(0, 3, "<0x") != 0 || name[5] != '>' ||
      digit(name[3]) < 0 || digit(name[4]) < 0)
    return -1;
  return digit(name[3]) * 16 + digit(name[4]);
}

/// The bytes a token's name decodes to.
std::string TokenizerReader::decoded(const std::string &name) const {
  if (decodesBytes)
    return bytesOfName(name).value_or(name);
  if (int byte = decodesFallback ? fallbackByte(name) : -1; byte >= 0)
    return std::string(1, static_cast<char>(byte));
  return decodesMarks ? replaceAll(name, spaceMark, " ") : name;
}

void TokenizerReader::setToken(const std::string &name, int64_t id) {
  if (static_cast<size_t>(id) >= out.tokens.size())
    out.tokens.resize(id + 1);
  TokenizerDescription::Token &token = out.tokens[id];
  if (token.flags)
    return fail("tokenizer.json: model.vocab: id " + std::to_string(id) +
                " is given to two tokens");
  token.bytes = decoded(name);
  token.flags = TERN_TOKEN_EXISTS;
  // Names outside the alphabet, with bytes that fall back and with spaces where
  // spaces are marks are not made of text.
  token.isPlain = !name.empty();
  if (decodesBytes)
    token.isPlain &= bytesOfName(name).has_value();
  else
    token.isPlain &= !(decodesFallback && fallbackByte(name) >= 0) &&
                     !(decodesMarks && name.find(' ') != std::string::npos);
  if (!ids.emplace(name, static_cast<uint32_t>(id)).second)
    fail("tokenizer.json: model.vocab: '" + name + "' is there twice");
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
    setToken(it.key(), it->get<int64_t>());
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
    const uint32_t rank = static_cast<uint32_t>(out.merges.size());
    std::string at = where + "[" + std::to_string(rank) + "]";
    std::string left, right;
    if (merge.is_string()) {
      const std::string &text = merge.get_ref<const std::string &>();
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
    out.merges.push_back({l->second, r->second, rank, both->second});
  }
}

/// Tokens of single bytes: those of the alphabet, or those unknown characters
/// fall back to.
void TokenizerReader::findByteTokens(bool areFallback) {
  for (auto &[name, id] : ids) {
    int byte = areFallback ? fallbackByte(name) : -1;
    if (!areFallback && out.tokens[id].isPlain &&
        out.tokens[id].bytes.size() == 1)
      byte = static_cast<uint8_t>(out.tokens[id].bytes[0]);
    if (byte >= 0)
      out.byteTokens[byte] = id;
  }
}

void TokenizerReader::setUnknown(JsonObject &fields, const std::string &name) {
  if (name.empty())
    return;
  auto found = ids.find(name);
  if (found == ids.end())
    return fields.fail("unk_token", "'" + name + "' is not in the vocabulary");
  out.unknown = found->second;
}

void TokenizerReader::readBpe(JsonObject &fields) {
  if (fields.getNumber("dropout", 0, 0, 1) != 0)
    fields.fail("dropout", "must be null or 0: tokens would be random");
  for (const char *name : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (!fields.getString(name).empty())
      fields.fail(name, "is not supported");
  const bool fallback = fields.getBool("byte_fallback", false);
  if (fields.getBool("ignore_merges", false))
    out.flags |= TERN_TOKENIZER_IGNORE_MERGES;
  if (fields.getBool("fuse_unk", false))
    out.flags |= TERN_TOKENIZER_FUSE_UNKNOWN;
  std::string unknown = fields.getString("unk_token");
  const Json *vocab = fields.get("vocab");
  const Json *merges = fields.get("merges");
  if (!vocab || !merges)
    fields.fail(vocab ? "merges" : "vocab", "is missing");
  if (!fields.finish())
    return;
  readVocab(*vocab);
  if (ok())
    readMerges(*merges);
  if (!ok())
    return;
  setUnknown(fields, unknown);
  if (decodesBytes)
    out.flags |= TERN_TOKENIZER_BYTES;
  else if (fallback)
    out.flags |= TERN_TOKENIZER_BYTE_FALLBACK;
  if (decodesBytes || fallback)
    findByteTokens(!decodesBytes);
}

void TokenizerReader::readUnigram(JsonObject &fields) {
  const Json *vocab = fields.get("vocab");
  const int64_t unknown = fields.getInt("unk_id", -1, 0, INT32_MAX);
  const bool fallback = fields.getBool("byte_fallback", false);
  if (!vocab || !vocab->is_array() || vocab->empty())
    fields.fail("vocab", "expected a list of tokens with scores");
  if (!fields.finish())
    return;
  if (unknown < 0 || static_cast<size_t>(unknown) >= vocab->size())
    return fields.fail("unk_id", "is missing or no token");
  if (decodesBytes)
    return fields.fail("type", "Unigram and ByteLevel are not supported "
                               "together");
  out.isUnigram = true;
  double least = std::numeric_limits<double>::infinity();
  for (const Json &entry : *vocab) {
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() ||
        !entry[1].is_number())
      return fields.fail("vocab", "expected a token and its score at " +
                                      std::to_string(out.scores.size()));
    setToken(entry[0].get<std::string>(),
             static_cast<int64_t>(out.scores.size()));
    if (!ok())
      return;
    out.scores.push_back(entry[1].get<double>());
    least = std::min(least, out.scores.back());
  }
  out.unknown = unknown;
  out.tokens[unknown].isPlain = false;
  out.scores.push_back(least - unknownPenalty);
  if (fallback) {
    out.flags |= TERN_TOKENIZER_BYTE_FALLBACK;
    findByteTokens(true);
  }
}

void TokenizerReader::readModel(const Json &model) {
  JsonObject fields(model, "tokenizer.json: model", error);
  std::string type = fields.getString("type", "BPE");
  if (type == "BPE")
    readBpe(fields);
  else if (type == "Unigram")
    readUnigram(fields);
  else
    fields.fail("type", "'" + type + "' is not supported; BPE and Unigram are");
}

void TokenizerReader::addToken(JsonObject &fields, int64_t limit) {
  std::string content = fields.getString("content");
  int64_t id = fields.getInt("id", -1, 0, limit - 1);
  const std::pair<const char *, uint32_t> names[] = {
      {"single_word", TERN_TOKEN_WORD},
      {"lstrip", TERN_TOKEN_LSTRIP},
      {"rstrip", TERN_TOKEN_RSTRIP},
      {"normalized", TERN_TOKEN_LATE},
      {"special", TERN_TOKEN_SPECIAL}};
  uint32_t flags = TERN_TOKEN_EXISTS | TERN_TOKEN_ADDED;
  for (auto &[name, flag] : names)
    if (fields.getBool(name, false))
      flags |= flag;
  if (id < 0)
    fields.fail("id", "is missing");
  if (content.empty() || content.size() > TERN_TOKENIZER_MAX_TOKEN)
    fields.fail("content", "is missing, empty or too long");
  if (!fields.finish())
    return;
  auto known = ids.find(content);
  if (known != ids.end() && known->second != id)
    return fields.fail("id", "'" + content + "' has two ids");
  if (static_cast<size_t>(id) >= out.tokens.size())
    out.tokens.resize(id + 1);
  TokenizerDescription::Token &token = out.tokens[id];
  if (known != ids.end() && token.flags == flags)
    return; // the same once more
  if (token.flags && (known == ids.end() || (token.flags & TERN_TOKEN_ADDED)))
    return fields.fail("id", std::to_string(id) +
                                 " belongs to another token already");
  ids[content] = static_cast<uint32_t>(id);
  // Added tokens are not written in the alphabet of bytes. No text may become a
  // control token by way of the model.
  std::string bytes = decodesBytes ? content : decoded(content);
  token.isPlain &= token.bytes == bytes && !(flags & TERN_TOKEN_SPECIAL);
  token.bytes = std::move(bytes);
  token.flags = flags;
  (flags & TERN_TOKEN_LATE ? out.late : out.added)
      .push_back({content, static_cast<uint32_t>(id)});
}

void TokenizerReader::readAddedTokens(const Json &tokens) {
  const std::string where = "tokenizer.json: added_tokens";
  if (!tokens.is_array())
    return fail(where + ": expected a list");
  const int64_t limit = idLimit(ids.size() + tokens.size());
  for (size_t i = 0; i < tokens.size() && ok(); ++i) {
    JsonObject fields(tokens[i], where + "[" + std::to_string(i) + "]", error);
    addToken(fields, limit);
  }
  auto isControl = [&](const TokenizerDescription::Merge &merge) {
    return (out.tokens[merge.result].flags & TERN_TOKEN_SPECIAL) != 0;
  };
  out.merges.erase(
      std::remove_if(out.merges.begin(), out.merges.end(), isControl),
      out.merges.end());
  if (out.isUnigram && ok()) {
    // Tokens behind the vocabulary have no score; the model does not make them.
    double unknown = out.scores.back();
    out.scores.resize(out.tokens.size() + 1, unknown);
    out.scores.back() = unknown;
  }
}

} // namespace tern
