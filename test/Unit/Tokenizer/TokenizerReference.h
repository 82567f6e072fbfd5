//===- TokenizerReference.h - Tokenizers done slowly ------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// This shares nothing with the product: it reads tokenizer.json by itself,
// splits with PCRE2 and the pattern as it stands in the file, and merges
// strings by trying all pairs.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_UNIT_TOKENIZER_TOKENIZERREFERENCE_H
#define TERN_TEST_UNIT_TOKENIZER_TOKENIZERREFERENCE_H

#include "TokenizerTesting.h"

#include "nlohmann/json.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <climits>
#include <map>

namespace tern_test {

using Json = nlohmann::json;

/// Stands for a byte that is no character: private use, so of no class. Test
/// texts have no code point from here on.
constexpr uint32_t strayByte = 0x10F800;

/// A pattern that matches one character, for PCRE2's opinion on classes.
class CharacterPattern {
public:
  explicit CharacterPattern(const char *pattern) {
    int number;
    PCRE2_SIZE offset;
    code = pcre2_compile(PCRE2_SPTR(pattern), PCRE2_ZERO_TERMINATED,
                         PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED, &number,
                         &offset, nullptr);
    data = pcre2_match_data_create(1, nullptr);
  }
  ~CharacterPattern() {
    pcre2_match_data_free(data);
    pcre2_code_free(code);
  }
  bool matches(uint32_t character) const {
    std::string text = utf8(character);
    return pcre2_match(code, PCRE2_SPTR(text.data()), text.size(), 0, 0, data,
                       nullptr) > 0;
  }

private:
  pcre2_code *code;
  pcre2_match_data *data;
};

/// True if PCRE2's version of Unicode, which may be older, knows the character.
inline bool isAssigned(uint32_t code) {
  static const CharacterPattern unassigned("\\p{Cn}");
  return !unassigned.matches(code);
}

inline bool isSurrogate(uint32_t code) {
  return code >= 0xD800 && code <= 0xDFFF;
}

class Reference {
public:
  explicit Reference(const std::string &text) : root(Json::parse(text)) {
    for (auto &[name, id] : root["model"]["vocab"].items())
      vocab[bytesOf(name)] = id;
    int rank = 0;
    for (auto &merge : root["model"]["merges"]) {
      std::string line = merge.is_string() ? merge.get<std::string>()
                                           : merge[0].get<std::string>() + " " +
                                                 merge[1].get<std::string>();
      size_t space = line.find(' ');
      ranks[{bytesOf(line.substr(0, space)), bytesOf(line.substr(space + 1))}] =
          rank++;
    }
    for (auto &token : root["added_tokens"])
      added[token["normalized"].get<bool>()].push_back(
          {token["content"], token["id"]});
    std::string pattern = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+|"
                          " ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
    auto &pre = root["pre_tokenizer"];
    if (pre["type"] == "Sequence")
      pattern = pre["pretokenizers"][0]["pattern"]["Regex"];
    compile(pattern);
  }
  ~Reference() { pcre2_code_free(code); }

  std::vector<int32_t> encode(const std::string &text) const {
    std::vector<int32_t> out;
    for (auto &piece : root["post_processor"]["single"])
      if (piece.contains("SpecialToken"))
        out.push_back(
            root["post_processor"]["special_tokens"]
                [piece["SpecialToken"]["id"].get<std::string>()]["ids"][0]);
    cut(text, false, out);
    return out;
  }

private:
  static std::string bytesOf(const std::string &name) {
    // The inverse of GPT-2's bytes_to_unicode(), built as its source has it.
    static std::map<std::string, char> table = [] {
      std::map<std::string, char> result;
      std::vector<int> printable;
      auto range = [&](int a, int b) {
        for (int i = a; i <= b; ++i)
          printable.push_back(i);
      };
      range('!', '~'), range(0xA1, 0xAC), range(0xAE, 0xFF);
      int n = 0;
      for (int b = 0; b < 256; ++b) {
        bool is =
            std::find(printable.begin(), printable.end(), b) != printable.end();
        result[utf8(is ? b : 256 + n++)] = char(b);
      }
      return result;
    }();
    std::string bytes;
    for (size_t i = 0; i < name.size();) {
      size_t n = validLength(name, i);
      auto found = table.find(name.substr(i, n));
      if (found == table.end())
        return name;
      bytes += found->second;
      i += n;
    }
    return bytes;
  }

  void compile(std::string pattern) {
    // In the engine of Hugging Face $ is the end of a line, too.
    // PCRE2's own \s has U+180E, which is no White_Space since Unicode 6.3.
    const std::string spaces = "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{"
                               "2000}-\\x{200a}\\x{2028}"
                               "\\x{2029}\\x{202f}\\x{205f}\\x{3000}";
    std::string out;
    bool inClass = false;
    for (size_t i = 0; i < pattern.size(); ++i) {
      if (pattern[i] == '[' || pattern[i] == ']')
        inClass = pattern[i] == '[';
      if (pattern.compare(i, 2, "\\s") == 0) {
        out += inClass ? spaces : "[" + spaces + "]";
        ++i;
      } else if (pattern.compare(i, 2, "\\S") == 0) {
        out += "[^" + spaces + "]";
        ++i;
      } else {
        out += pattern[i];
        if (pattern[i] == '\\')
          out += pattern[++i];
      }
    }
    int number;
    PCRE2_SIZE offset;
    code = pcre2_compile(PCRE2_SPTR(out.c_str()), out.size(),
                         PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE, &number,
                         &offset, nullptr);
    ASSERT_NE(code, nullptr) << out;
  }

  void cut(const std::string &text, bool late,
           std::vector<int32_t> &out) const {
    size_t from = 0;
    auto between = [&](size_t to) {
      if (late)
        plain(text.substr(from, to - from), out);
      else
        cut(text.substr(from, to - from), true, out);
    };
    for (size_t at = 0; at < text.size();) {
      std::string best;
      int id = -1;
      for (auto &[content, token] : added[late])
        if (content.size() > best.size() &&
            text.compare(at, content.size(), content) == 0) {
          best = content;
          id = token;
        }
      if (id < 0) {
        ++at;
        continue;
      }
      between(at);
      out.push_back(id);
      at += best.size();
      from = at;
    }
    between(text.size());
  }

  void plain(const std::string &text, std::vector<int32_t> &out) const {
    std::string subject;
    for (size_t i = 0; i < text.size();) {
      size_t n = validLength(text, i);
      subject += n ? text.substr(i, n) : utf8(strayByte + uint8_t(text[i]));
      i += n ? n : 1;
    }
    pcre2_match_data *match =
        pcre2_match_data_create_from_pattern(code, nullptr);
    for (size_t at = 0; at < subject.size();) {
      int rc = pcre2_match(code, PCRE2_SPTR(subject.data()), subject.size(), at,
                           PCRE2_NO_UTF_CHECK, match, nullptr);
      ASSERT_GT(rc, 0);
      PCRE2_SIZE *range = pcre2_get_ovector_pointer(match);
      ASSERT_EQ(range[0], at); // the pattern leaves nothing out
      piece(subject.substr(at, range[1] - at), out);
      at = range[1];
    }
    pcre2_match_data_free(match);
  }

  void piece(const std::string &text, std::vector<int32_t> &out) const {
    std::vector<std::string> parts;
    std::string whole;
    for (size_t i = 0; i < text.size();) {
      size_t n = validLength(text, i);
      std::string character = text.substr(i, n);
      if (n == 4 && character >= utf8(strayByte) &&
          character <= utf8(strayByte + 255))
        character = char((character[2] & 3) << 6 | (character[3] & 63));
      whole += character;
      for (char byte : character)
        parts.push_back(std::string(1, byte));
      i += n;
    }
    auto found = vocab.find(whole);
    if (root["model"].value("ignore_merges", false) && found != vocab.end()) {
      out.push_back(found->second);
      return;
    }
    for (;;) {
      int best = INT_MAX;
      size_t where = 0;
      for (size_t i = 0; i + 1 < parts.size(); ++i) {
        auto rank = ranks.find({parts[i], parts[i + 1]});
        if (rank != ranks.end() && rank->second < best) {
          best = rank->second;
          where = i;
        }
      }
      if (best == INT_MAX)
        break;
      parts[where] += parts[where + 1];
      parts.erase(parts.begin() + where + 1);
    }
    for (auto &part : parts)
      out.push_back(vocab.at(part));
  }

  Json root;
  std::vector<std::pair<std::string, int>> added[2]; ///< late ones second
  std::map<std::string, int32_t> vocab;
  std::map<std::pair<std::string, std::string>, int> ranks;
  pcre2_code *code = nullptr;
};

} // namespace tern_test

#endif // TERN_TEST_UNIT_TOKENIZER_TOKENIZERREFERENCE_H
