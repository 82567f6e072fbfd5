//===- WriteTable.cpp - A tokenizer's description to bytes ----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Tokenizer/TokenizerCompiler.h"
#include "tern/tokenizer.h"

extern "C" {
#include "../../runtime/src/tokenizer/table.h"
}

#include <algorithm>
#include <cstring>
#include <map>
#include <tuple>

namespace tern {
namespace {

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

  tern_table_span addDoubles(const std::vector<double> &values) {
    std::vector<uint32_t> words;
    for (double value : values) {
      uint64_t bits;
      std::memcpy(&bits, &value, sizeof(bits));
      words.push_back(uint32_t(bits));
      words.push_back(uint32_t(bits >> 32));
    }
    return add(words, 2);
  }

  tern_table_span addBytes(const std::string &text) {
    tern_table_span span = {static_cast<uint32_t>(bytes.size()),
                            static_cast<uint32_t>(text.size())};
    bytes.insert(bytes.end(), text.begin(), text.end());
    return span;
  }

  std::vector<uint8_t> finish(tern_tokenizer_header header) {
    while (bytes.size() % 4)
      bytes.push_back(0);
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

/// One sentence, or empty.
std::string check(const TokenizerDescription &tokenizer) {
  const size_t size = tokenizer.tokens.size();
  uint64_t total = uint64_t(tokenizer.merges.size()) * 12 + uint64_t(size) * 40;
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

void addTokens(Writer &writer, const TokenizerDescription &tokenizer,
               tern_tokenizer_header &header) {
  const auto &tokens = tokenizer.tokens;
  std::vector<uint32_t> offsets = {0}, plain;
  std::string bytes, flags;
  for (uint32_t id = 0; id < tokens.size(); ++id) {
    bytes += tokens[id].bytes;
    offsets.push_back(static_cast<uint32_t>(bytes.size()));
    flags += static_cast<char>(tokens[id].flags);
    if (tokens[id].isPlain)
      plain.push_back(id);
  }
  // std::string compares as unsigned bytes, as memcmp does.
  std::sort(plain.begin(), plain.end(), [&](uint32_t a, uint32_t b) {
    return tokens[a].bytes < tokens[b].bytes;
  });
  header.offsets = writer.add(offsets, 1);
  header.by_bytes = writer.add(plain, 1);
  header.byte_tokens =
      writer.add({tokenizer.byteTokens.begin(), tokenizer.byteTokens.end()}, 1);
  header.bytes = writer.addBytes(bytes);
  header.token_flags = writer.addBytes(flags);
  header.scores = writer.addDoubles(tokenizer.scores);
}

void addList(Writer &writer, std::vector<TokenizerDescription::Added> list,
             tern_table_span &ids, tern_table_span &offsets,
             tern_table_span &bytes) {
  std::sort(list.begin(), list.end(), [](const auto &a, const auto &b) {
    return std::tie(a.content, a.id) < std::tie(b.content, b.id);
  });
  std::vector<uint32_t> order, starts = {0};
  std::string text;
  for (const TokenizerDescription::Added &token : list) {
    // A token that normalization made equal to one or empty is not found.
    if (token.content.empty() ||
        (!order.empty() && text.substr(starts.end()[-2]) == token.content))
      continue;
    text += token.content;
    order.push_back(token.id);
    starts.push_back(static_cast<uint32_t>(text.size()));
  }
  ids = writer.add(order, 1);
  offsets = writer.add(starts, 1);
  bytes = writer.addBytes(text);
}

void addMerges(Writer &writer, const TokenizerDescription &tokenizer,
               tern_tokenizer_header &header) {
  // {left, right} -> {rank, result}
  std::map<std::pair<uint32_t, uint32_t>, std::pair<uint32_t, uint32_t>> sorted;
  for (const TokenizerDescription::Merge &merge : tokenizer.merges)
    sorted[{merge.left, merge.right}] = {merge.rank, merge.result};
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

void addPatterns(Writer &writer, const TokenizerDescription &tokenizer,
                 tern_tokenizer_header &header) {
  const CompiledPatterns &patterns = tokenizer.patterns;
  std::vector<uint32_t> starts, automata, transitions;
  std::string ascii;
  size_t range = 0;
  for (auto [code, number] : patterns.starts)
    starts.push_back(code << 8 | number);
  for (uint32_t code = 0; code < 128; ++code) {
    while (range + 1 < patterns.starts.size() &&
           patterns.starts[range + 1].first <= code)
      ++range;
    ascii += static_cast<char>(patterns.starts[range].second);
  }
  for (const CompiledPatterns::Automaton &automaton : patterns.automata) {
    automata.push_back(static_cast<uint32_t>(transitions.size()));
    automata.push_back(automaton.states);
    transitions.insert(transitions.end(), automaton.next.begin(),
                       automaton.next.end());
    automata.push_back(static_cast<uint32_t>(transitions.size()));
    automata.push_back(automaton.aheadStates);
    transitions.insert(transitions.end(), automaton.ahead.begin(),
                       automaton.ahead.end());
  }
  header.classes = writer.add(starts, 1);
  header.automata = writer.add(automata, 4);
  header.transitions = writer.add(transitions, 1);
  header.ascii = writer.addBytes(ascii);
  header.class_flags = writer.addBytes(
      {tokenizer.classFlags.begin(), tokenizer.classFlags.end()});
}

/// Which operand says where a step's string lies; the next one, if there is
/// one, how long it is.
std::optional<size_t> stringOperand(uint32_t kind) {
  switch (kind) {
  case TERN_TEXT_PREPEND:
    return 0;
  case TERN_TEXT_REPLACE:
    return 1;
  case TERN_TEXT_CHARSMAP:
    return 2;
  default:
    return std::nullopt;
  }
}

bool makesCopy(uint32_t kind) {
  switch (kind) {
  case TERN_TEXT_STRIP:
  case TERN_TEXT_LATE:
  case TERN_TEXT_SPLIT:
  case TERN_TEXT_BYTES:
    return false;
  default:
    return true;
  }
}

/// True if a step keeps a byte for each byte of a text, see Automaton::ahead.
bool readsAhead(const TokenizerDescription &tokenizer,
                const TokenizerDescription::Step &step) {
  const auto &automata = tokenizer.patterns.automata;
  switch (step.kind) {
  case TERN_TEXT_REPLACE:
  case TERN_TEXT_SPLIT:
  case TERN_TEXT_CHARSMAP:
    return step.operands[0] < automata.size() &&
           automata[step.operands[0]].aheadStates > 0;
  default:
    return false;
  }
}

/// Steps and how much text and tokens can grow on their way; false when that is
/// more than the runtime takes.
bool addSteps(Writer &writer, const TokenizerDescription &tokenizer,
              tern_tokenizer_header &header) {
  constexpr uint64_t most = 1 << 16;
  uint64_t growth = 1, extra = 0, copies = 0, copiesExtra = 0, tokens = 1;
  std::vector<uint32_t> words;
  std::string strings;
  for (const TokenizerDescription::Step &step : tokenizer.steps) {
    uint32_t operands[3] = {step.operands[0], step.operands[1],
                            step.operands[2]};
    if (std::optional<size_t> at = stringOperand(step.kind)) {
      operands[*at] = static_cast<uint32_t>(strings.size());
      if (*at + 1 < std::size(operands))
        operands[*at + 1] = static_cast<uint32_t>(step.string.size());
      strings += step.string;
    }
    words.insert(words.end(),
                 {step.kind, operands[0], operands[1], operands[2]});
    bool copied = makesCopy(step.kind);
    uint64_t perByte = copied ? std::max(step.growth, step.scratch) : 0;
    perByte += readsAhead(tokenizer, step);
    copies += growth * perByte;
    copiesExtra += extra * perByte + (copied ? step.extra : 0);
    growth *= step.growth;
    extra = extra * step.growth + step.extra;
    // Every piece of a text may get as much, and is at least one byte.
    tokens *= step.growth + step.extra;
    if (std::max({growth, extra, copies, copiesExtra, tokens}) > most)
      return false;
  }
  header.text_growth = static_cast<uint32_t>(growth);
  header.text_extra = static_cast<uint32_t>(extra);
  header.copies_growth = static_cast<uint32_t>(copies);
  header.copies_extra = static_cast<uint32_t>(copiesExtra);
  header.tokens_growth = static_cast<uint32_t>(tokens);
  header.steps = writer.add(words, 4);
  header.words = writer.add(tokenizer.words, 1);
  header.strings = writer.addBytes(strings);
  return true;
}

std::optional<std::vector<uint8_t>>
write(const TokenizerDescription &tokenizer,
      const std::vector<TokenizerDescription::Added> &late,
      std::string &error) {
  tern_tokenizer_header header = {};
  std::memcpy(header.magic, TERN_TOKENIZER_MAGIC, sizeof(header.magic));
  header.version = TERN_TOKENIZER_VERSION;
  header.kind =
      tokenizer.isUnigram ? TERN_TOKENIZER_UNIGRAM : TERN_TOKENIZER_BPE;
  header.flags = tokenizer.flags;
  header.vocab_size = static_cast<uint32_t>(tokenizer.tokens.size());
  header.unknown = static_cast<int32_t>(tokenizer.unknown);
  header.prefix_count = static_cast<uint32_t>(tokenizer.prefix.size());
  header.suffix_count = static_cast<uint32_t>(tokenizer.suffix.size());
  std::copy(tokenizer.prefix.begin(), tokenizer.prefix.end(), header.prefix);
  std::copy(tokenizer.suffix.begin(), tokenizer.suffix.end(), header.suffix);

  Writer writer;
  addTokens(writer, tokenizer, header);
  addMerges(writer, tokenizer, header);
  addPatterns(writer, tokenizer, header);
  addList(writer, tokenizer.added, header.added, header.added_offsets,
          header.added_bytes);
  addList(writer, late, header.late, header.late_offsets, header.late_bytes);
  if (tokenizer.steps.size() > TERN_TEXT_MAX_STEPS ||
      !addSteps(writer, tokenizer, header)) {
    error = "tokenizer: there are too many steps, or they make text grow too "
            "much";
    return std::nullopt;
  }
  return writer.finish(header);
}

/// Late tokens as they look in prepared text: the runtime prepares them itself.
std::vector<TokenizerDescription::Added>
prepareLate(const TokenizerDescription &tokenizer,
            const std::vector<uint8_t> &table) {
  std::vector<TokenizerDescription::Added> late = tokenizer.late;
  tern_tokenizer loaded;
  if (tern_tokenizer_load(&loaded, table.data(), table.size()) != TERN_OK)
    return late;
  for (TokenizerDescription::Added &token : late) {
    std::vector<uint8_t> memory(
        tern_tokenizer_encode_bytes(&loaded, token.content.size()));
    const char *prepared;
    size_t bytes = tern_tokenizer_prepare(&loaded, token.content.data(),
                                          token.content.size(), memory.data(),
                                          memory.size(), &prepared);
    token.content = std::string(prepared, bytes);
  }
  return late;
}

} // namespace

std::optional<std::vector<uint8_t>>
writeTokenizerTable(const TokenizerDescription &tokenizer, std::string &error) {
  error = check(tokenizer);
  if (!error.empty()) {
    error = "tokenizer: " + error;
    return std::nullopt;
  }
  auto table = write(tokenizer, {}, error);
  if (!table || tokenizer.late.empty())
    return table;
  return write(tokenizer, prepareLate(tokenizer, *table), error);
}

} // namespace tern
