//===- Charsmap.cpp - Rules of SentencePiece's normalizers ----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The bytes are those of a trie, a little-endian number of 32 bits, the trie's
// units and the texts. The unit at a place says which byte leads to it, and at
// which base its children are: the child for a byte lies at the base xor the
// byte, and the value of a key that ends there at the base itself.
//
//===----------------------------------------------------------------------===//

#include "Charsmap.h"

#include "CharacterSet.h"

#include "tern/tokenizer.h"

#include <algorithm>

namespace tern {
namespace {

/// Ten times what public models have.
constexpr size_t maxBytes = size_t(1) << 22;

constexpr uint32_t valueBit = 1u << 31;

uint32_t baseOf(uint32_t place, uint32_t unit) {
  return place ^ unit >> 10 << ((unit & 1u << 9) >> 6);
}

/// Follows all keys at once, byte by byte. Branches may be shared, and a
/// damaged trie may lead around in circles.
class RuleCheck {
public:
  RuleCheck(Charsmap &map, std::string &problem) : map(map), problem(problem) {}
  void run();

private:
  void groupByBase();
  bool follow(const std::vector<uint32_t> &bases, uint32_t depth,
              std::vector<uint32_t> &out);
  bool addValue(uint32_t place, uint32_t keyBytes);
  bool fail(const char *what) {
    problem = what;
    return false;
  }

  Charsmap &map;
  std::string &problem;
  /// Places in the order of the bases they belong to, and where those of a base
  /// begin: `places[starts[base]]`.
  std::vector<uint32_t> places, starts;
  std::vector<uint32_t> ends;    ///< of the text that goes on at a byte
  std::vector<uint32_t> visited; ///< the last depth at which a base was
};

void RuleCheck::groupByBase() {
  const auto count = static_cast<uint32_t>(map.trie.size());
  starts.assign((count | 0xFF) + 2, 0);
  auto forEach = [&](auto visit) {
    for (uint32_t place = 0; place < count; ++place)
      if (uint32_t byte = map.trie[place] & 0xFF;
          byte && !(map.trie[place] & valueBit))
        visit(place, place ^ byte);
  };
  forEach([&](uint32_t, uint32_t base) { ++starts[base + 1]; });
  for (size_t i = 1; i < starts.size(); ++i)
    starts[i] += starts[i - 1];
  places.resize(starts.back());
  std::vector<uint32_t> next = starts;
  forEach([&](uint32_t place, uint32_t base) { places[next[base]++] = place; });
}

/// The value at a place is where a text begins.
bool RuleCheck::addValue(uint32_t place, uint32_t keyBytes) {
  if (place >= map.trie.size() || !(map.trie[place] & valueBit))
    return fail("a key has no value");
  uint32_t from = map.trie[place] & ~valueBit;
  if (from >= map.texts.size() || (map.texts[from] & 0xC0) == 0x80)
    return fail("a key's value is no text");
  uint32_t bytes = ends[from] - from;
  map.growth = std::max(map.growth, (bytes + keyBytes - 1) / keyBytes);
  return true;
}

bool RuleCheck::follow(const std::vector<uint32_t> &bases, uint32_t depth,
                       std::vector<uint32_t> &out) {
  for (uint32_t base : bases)
    for (uint32_t i = starts[base]; i < starts[base + 1]; ++i) {
      if (depth > TERN_TOKENIZER_MAX_RULE)
        return fail("a key is longer than 64 bytes, or never ends");
      uint32_t unit = map.trie[places[i]];
      uint32_t to = baseOf(places[i], unit);
      if (unit >> 8 & 1 && !addValue(to, depth))
        return false;
      if (to + 1 >= starts.size() || visited[to] == depth)
        continue;
      visited[to] = depth;
      out.push_back(to);
    }
  return true;
}

void RuleCheck::run() {
  groupByBase();
  ends.resize(map.texts.size());
  for (auto i = static_cast<uint32_t>(map.texts.size()), end = i; i-- > 0;) {
    end = map.texts[i] ? end : i;
    ends[i] = end;
  }
  visited.assign(starts.size(), 0);
  uint32_t root = baseOf(0, map.trie[0]);
  std::vector<uint32_t> bases, next;
  if (root + 1 < starts.size())
    bases.push_back(root);
  for (uint32_t depth = 1; !bases.empty(); ++depth) {
    next.clear();
    if (!follow(bases, depth, next))
      return;
    bases.swap(next);
  }
}

} // namespace

std::optional<Charsmap> readCharsmap(const std::string &bytes,
                                     std::string &problem) {
  problem.clear();
  if (bytes.size() > maxBytes) {
    problem = "it is larger than 4 MiB";
    return std::nullopt;
  }
  auto wordAt = [&](size_t at) {
    uint32_t word = 0;
    for (int i = 3; i >= 0; --i)
      word = word << 8 | static_cast<uint8_t>(bytes[at + i]);
    return word;
  };
  uint32_t trieBytes = bytes.size() > 4 ? wordAt(0) : 0;
  if (trieBytes == 0 || trieBytes % 4 || trieBytes > bytes.size() - 4) {
    problem = "its trie is cut off";
    return std::nullopt;
  }
  Charsmap map;
  for (size_t at = 4; at < 4 + size_t(trieBytes); at += 4)
    map.trie.push_back(wordAt(at));
  map.texts = bytes.substr(4 + trieBytes);
  map.makesRuns = map.texts.find("  ") != std::string::npos;
  if (!isUtf8(map.texts)) {
    problem = "its texts are not UTF-8";
    return std::nullopt;
  }
  map.texts += '\0';
  RuleCheck(map, problem).run();
  if (!problem.empty())
    return std::nullopt;
  return map;
}

std::optional<std::string> decodeBase64(const std::string &text) {
  auto digit = [](char c) -> uint32_t {
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : 64;
  };
  if (text.size() % 4)
    return std::nullopt;
  size_t padding = 0;
  while (padding < 2 && padding < text.size() &&
         text[text.size() - 1 - padding] == '=')
    ++padding;
  std::string bytes;
  uint32_t bits = 0;
  for (size_t i = 0; i < text.size() - padding; ++i) {
    uint32_t value = digit(text[i]);
    if (value > 63)
      return std::nullopt;
    bits = bits << 6 | value;
    if (i % 4)
      bytes += static_cast<char>(bits >> (6 - 2 * (i % 4)));
  }
  return bytes;
}

} // namespace tern
