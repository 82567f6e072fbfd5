//===- WriteTable.cpp - A tokenizer's description to bytes ----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Tokenizer/TokenizerCompiler.h"
#include "tern/tokenizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>

namespace tern {
namespace {

/// White_Space of Unicode, unchanged since 6.3; what \s means to the regex
/// engines that pre-tokenizers were written for.
bool isSpace(uint32_t code) {
  return (code >= 9 && code <= 13) || code == ' ' || code == 0x85 ||
         code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) ||
         code == 0x2028 || code == 0x2029 || code == 0x202F || code == 0x205F ||
         code == 0x3000;
}

uint32_t classOf(uint32_t code) {
  if (isSpace(code))
    return TERN_CHAR_SPACE;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(code))) {
  case UTF8PROC_CATEGORY_LU:
  case UTF8PROC_CATEGORY_LL:
  case UTF8PROC_CATEGORY_LT:
  case UTF8PROC_CATEGORY_LM:
  case UTF8PROC_CATEGORY_LO:
    return TERN_CHAR_LETTER;
  case UTF8PROC_CATEGORY_ND:
  case UTF8PROC_CATEGORY_NL:
  case UTF8PROC_CATEGORY_NO:
    return TERN_CHAR_NUMBER;
  default:
    return TERN_CHAR_OTHER;
  }
}

std::vector<uint32_t> findClasses() {
  std::vector<uint32_t> starts;
  uint32_t last = ~0u;
  for (uint32_t code = 0; code <= 0x10FFFF; ++code) {
    uint32_t here = classOf(code);
    if (here != last)
      starts.push_back(code << 2 | here);
    last = here;
  }
  return starts;
}

const std::vector<uint32_t> &characterClasses() {
  static const std::vector<uint32_t> starts = findClasses();
  return starts;
}

/// Lays out the arrays behind the header.
class Writer {
public:
  Writer() : bytes(sizeof(tern_tokenizer_header)) {}

  tern_table_span add(const std::vector<uint32_t> &words, size_t perElement) {
    while (bytes.size() % 4)
      bytes.push_back(0);
    tern_table_span span = {static_cast<uint32_t>(bytes.size()),
                            static_cast<uint32_t>(words.size() / perElement)};
    for (uint32_t word : words)
      for (int shift = 0; shift < 32; shift += 8)
        bytes.push_back(static_cast<uint8_t>(word >> shift));
    return span;
  }

  tern_table_span addBytes(const std::string &text) {
    tern_table_span span = {static_cast<uint32_t>(bytes.size()),
                            static_cast<uint32_t>(text.size())};
    bytes.insert(bytes.end(), text.begin(), text.end());
    return span;
  }

  std::vector<uint8_t> finish(tern_tokenizer_header header) {
    header.total_bytes = static_cast<uint32_t>(bytes.size());
    std::memcpy(bytes.data(), header.magic, sizeof(header.magic));
    // Everything behind the magic is 32-bit words.
    for (size_t at = sizeof(header.magic); at < sizeof(header); at += 4) {
      uint32_t word;
      std::memcpy(&word, reinterpret_cast<const char *>(&header) + at, 4);
      for (int byte = 0; byte < 4; ++byte)
        bytes[at + byte] = static_cast<uint8_t>(word >> (8 * byte));
    }
    return std::move(bytes);
  }

private:
  std::vector<uint8_t> bytes;
};

using Tokens = std::vector<TokenizerDescription::Token>;

/// Ids of the chosen tokens in the order of their bytes.
template <typename Choice>
std::vector<uint32_t> sortedIds(const Tokens &tokens, Choice isChosen) {
  std::vector<uint32_t> ids;
  for (uint32_t id = 0; id < tokens.size(); ++id)
    if (isChosen(tokens[id]))
      ids.push_back(id);
  // std::string compares as unsigned bytes, as memcmp does.
  std::sort(ids.begin(), ids.end(), [&](uint32_t a, uint32_t b) {
    return tokens[a].bytes < tokens[b].bytes;
  });
  return ids;
}

bool isLate(const TokenizerDescription::Token &token) {
  return token.flags & TERN_TOKEN_LATE;
}

/// One sentence, or empty.
std::string check(const TokenizerDescription &tokenizer) {
  const size_t size = tokenizer.tokens.size();
  uint64_t total = uint64_t(tokenizer.merges.size()) * 12 + uint64_t(size) * 24;
  if (size == 0)
    return "the vocabulary is empty";
  for (const TokenizerDescription::Token &token : tokenizer.tokens) {
    total += token.bytes.size();
    if (token.bytes.size() > TERN_TOKENIZER_MAX_TOKEN)
      return "a token is longer than " +
             std::to_string(TERN_TOKENIZER_MAX_TOKEN) + " bytes";
  }
  if (total > (uint64_t(1) << 30))
    return "the vocabulary is larger than 1 GiB";
  for (const TokenizerDescription::Merge &merge : tokenizer.merges)
    if (std::max({merge.left, merge.right, merge.result}) >= size)
      return "a merge names a token outside the vocabulary";
  for (const std::vector<int32_t> *affix :
       {&tokenizer.prefix, &tokenizer.suffix}) {
    if (affix->size() > TERN_TOKENIZER_MAX_AFFIX)
      return "too many tokens are set around a text";
    for (int32_t id : *affix)
      if (id < 0 || static_cast<size_t>(id) >= size)
        return "a token set around a text is outside the vocabulary";
  }
  return "";
}

void addTokens(Writer &writer, const Tokens &tokens,
               tern_tokenizer_header &header) {
  std::vector<uint32_t> offsets = {0}, byteTokens(256, ~0u);
  std::string bytes, flags;
  for (uint32_t id = 0; id < tokens.size(); ++id) {
    bytes += tokens[id].bytes;
    offsets.push_back(static_cast<uint32_t>(bytes.size()));
    flags += static_cast<char>(tokens[id].flags);
    if (tokens[id].isPlain && tokens[id].bytes.size() == 1)
      byteTokens[static_cast<uint8_t>(tokens[id].bytes[0])] = id;
  }
  header.offsets = writer.add(offsets, 1);
  header.byte_tokens = writer.add(byteTokens, 1);
  header.by_bytes =
      writer.add(sortedIds(tokens, [](auto &t) { return t.isPlain; }), 1);
  header.added =
      writer.add(sortedIds(tokens,
                           [](auto &t) {
                             return (t.flags & TERN_TOKEN_ADDED) && !isLate(t);
                           }),
                 1);
  header.late = writer.add(sortedIds(tokens, isLate), 1);
  header.bytes = writer.addBytes(bytes);
  header.token_flags = writer.addBytes(flags);
}

void addMerges(Writer &writer, const TokenizerDescription &tokenizer,
               tern_tokenizer_header &header) {
  // {left, right} -> {rank, result}
  std::map<std::pair<uint32_t, uint32_t>, std::pair<uint32_t, uint32_t>> sorted;
  for (uint32_t rank = 0; rank < tokenizer.merges.size(); ++rank) {
    const TokenizerDescription::Merge &merge = tokenizer.merges[rank];
    sorted[{merge.left, merge.right}] = {rank, merge.result};
  }
  std::vector<uint32_t> starts(tokenizer.tokens.size() + 1, 0), merges;
  for (const auto &[pair, merge] : sorted) {
    ++starts[pair.first + 1];
    merges.insert(merges.end(), {pair.second, merge.first, merge.second});
  }
  for (size_t i = 1; i < starts.size(); ++i)
    starts[i] += starts[i - 1];
  header.merge_starts = writer.add(starts, 1);
  header.merges = writer.add(merges, 3);
}

} // namespace

std::optional<std::vector<uint8_t>>
writeTokenizerTable(const TokenizerDescription &tokenizer, std::string &error) {
  error = check(tokenizer);
  if (!error.empty()) {
    error = "tokenizer: " + error;
    return std::nullopt;
  }
  tern_tokenizer_header header = {};
  std::memcpy(header.magic, TERN_TOKENIZER_MAGIC, sizeof(header.magic));
  header.version = TERN_TOKENIZER_VERSION;
  header.kind = TERN_TOKENIZER_BYTE_BPE;
  header.split = tokenizer.split;
  header.flags = tokenizer.ignoreMerges ? TERN_TOKENIZER_IGNORE_MERGES : 0;
  header.vocab_size = static_cast<uint32_t>(tokenizer.tokens.size());
  header.prefix_count = static_cast<uint32_t>(tokenizer.prefix.size());
  header.suffix_count = static_cast<uint32_t>(tokenizer.suffix.size());
  std::copy(tokenizer.prefix.begin(), tokenizer.prefix.end(), header.prefix);
  std::copy(tokenizer.suffix.begin(), tokenizer.suffix.end(), header.suffix);

  Writer writer;
  addTokens(writer, tokenizer.tokens, header);
  addMerges(writer, tokenizer, header);
  header.classes = writer.add(characterClasses(), 1);
  return writer.finish(header);
}

} // namespace tern
