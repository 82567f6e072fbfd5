//===- CharsmapWriter.h - Writes a precompiled_charsmap ---------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_UNIT_TOKENIZER_CHARSMAPWRITER_H
#define TERN_TEST_UNIT_TOKENIZER_CHARSMAPWRITER_H

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace tern_test {

using Rules = std::map<std::string, std::string>;

/// Puts a trie into a double array, each node at the first place that is free.
class CharsmapWriter {
public:
  explicit CharsmapWriter(const Rules &rules) : rules(rules) {
    units.resize(256);
    used.insert(0);
    place("", 0);
  }

  std::string bytes() const {
    std::string out = word(uint32_t(4 * units.size()));
    for (uint32_t unit : units)
      out += word(unit);
    return out + texts;
  }
  static std::string word(uint32_t value) {
    std::string out;
    for (int shift = 0; shift < 32; shift += 8)
      out += char(value >> shift);
    return out;
  }

private:
  /// The children of a key at its place.
  void place(const std::string &key, uint32_t at) {
    auto value = rules.find(key);
    std::set<uint8_t> next;
    for (auto it = rules.upper_bound(key);
         it != rules.end() && it->first.compare(0, key.size(), key) == 0; ++it)
      next.insert(uint8_t(it->first[key.size()]));
    uint32_t base = freeBase(next);
    units[at] |= (at ^ base) << 10 | uint32_t(value != rules.end()) << 8;
    for (uint8_t byte : next)
      units[base ^ byte] = byte;
    if (value != rules.end()) {
      units[base] = uint32_t(texts.size()) | 1u << 31;
      texts += value->second + '\0';
    }
    for (uint8_t byte : next)
      place(key + char(byte), base ^ byte);
  }

  uint32_t freeBase(const std::set<uint8_t> &next) {
    for (uint32_t base = 1;; ++base) {
      bool isFree = !used.count(base);
      for (uint8_t byte : next)
        isFree &= !used.count(base ^ byte);
      if (!isFree)
        continue;
      used.insert(base);
      for (uint8_t byte : next)
        used.insert(base ^ byte);
      if (units.size() <= (base | 255))
        units.resize((base | 255) + 1);
      return base;
    }
  }

  const Rules &rules;
  std::vector<uint32_t> units;
  std::set<uint32_t> used;
  std::string texts;
};

inline std::string charsmapOf(const Rules &rules) {
  return CharsmapWriter(rules).bytes();
}

inline std::string base64(const std::string &bytes) {
  const char *digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t at = 0; at < bytes.size(); at += 3) {
    uint32_t bits = 0;
    for (size_t i = 0; i < 3; ++i)
      bits = bits << 8 |
             (at + i < bytes.size() ? uint8_t(bytes[at + i]) : uint32_t(0));
    for (int i = 3; i >= 0; --i)
      out += digits[bits >> (6 * i) & 63];
  }
  for (size_t i = 0; i < (3 - bytes.size() % 3) % 3; ++i)
    out[out.size() - 1 - i] = '=';
  return out;
}

} // namespace tern_test

#endif // TERN_TEST_UNIT_TOKENIZER_CHARSMAPWRITER_H
