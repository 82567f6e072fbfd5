//===- TokenizerTest.cpp - Tokenizers against slow references -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The reference here shares nothing with the product: it reads tokenizer.json
// by itself, splits with PCRE2 and the pattern as it stands in the file, and
// merges strings by trying all pairs.
//
//===----------------------------------------------------------------------===//

#include "tern/tokenizer.h"
#include "tern/Tokenizer/TokenizerCompiler.h"
#include "tern/artifact.h"

extern "C" {
#include "../../runtime/src/tokenizer_table.h"
}

#include "nlohmann/json.hpp"
#include "gtest/gtest.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <cstring>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>

using Json = nlohmann::json;

namespace {

std::string readFile(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string modelFile(const std::string &name) {
  return readFile(std::string(TERN_TEST_DIR) + "/models/shakespeare-a48/" +
                  name);
}

/// A loaded table that keeps its bytes.
struct Table {
  std::vector<uint8_t> bytes;
  tern_tokenizer tokenizer;

  explicit Table(const std::string &json, const std::string &config = "") {
    tern::TokenizerSources sources;
    sources.tokenizer = json;
    sources.tokenizerConfig = config;
    std::string error;
    auto compiled = tern::compileTokenizer(sources, error);
    EXPECT_TRUE(compiled) << error;
    if (compiled)
      bytes = *compiled;
    EXPECT_EQ(tern_tokenizer_load(&tokenizer, bytes.data(), bytes.size()),
              TERN_OK);
  }

  std::vector<int32_t> encode(const std::string &text,
                              uint32_t flags = 0) const {
    // Exactly as much as asked for, so that a sanitizer sees one byte more.
    std::vector<char> memory(
        tern_tokenizer_encode_bytes(&tokenizer, text.size()));
    std::vector<int32_t> tokens(text.size() + 16);
    size_t count = 0;
    EXPECT_EQ(tern_tokenizer_encode(&tokenizer, text.data(), text.size(), flags,
                                    memory.data(), memory.size(), tokens.data(),
                                    tokens.size(), &count),
              TERN_OK);
    tokens.resize(count);
    return tokens;
  }

  std::string decode(const std::vector<int32_t> &tokens) const {
    std::string text;
    for (int32_t token : tokens) {
      size_t count;
      const char *bytes =
          tern_tokenizer_token(&tokenizer, token, &count, nullptr);
      EXPECT_NE(bytes, nullptr) << token;
      text.append(bytes, count);
    }
    return text;
  }
};

std::string utf8(uint32_t code) {
  std::string out;
  if (code < 0x80)
    return std::string(1, char(code));
  if (code < 0x800)
    out = {char(0xC0 | code >> 6), char(0x80 | (code & 63))};
  else if (code < 0x10000)
    out = {char(0xE0 | code >> 12), char(0x80 | (code >> 6 & 63)),
           char(0x80 | (code & 63))};
  else
    out = {char(0xF0 | code >> 18), char(0x80 | (code >> 12 & 63)),
           char(0x80 | (code >> 6 & 63)), char(0x80 | (code & 63))};
  return out;
}

/// Bytes of the valid character at `at`, 0 if there is none. By re-encoding.
size_t validLength(const std::string &text, size_t at) {
  for (size_t n = 1; n <= 4 && at + n <= text.size(); ++n) {
    uint32_t lead = uint8_t(text[at]);
    uint32_t code = n == 1 ? lead : lead & (0x7F >> n);
    for (size_t i = 1; i < n; ++i)
      code = code << 6 | (uint8_t(text[at + i]) & 63);
    if (code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF) &&
        utf8(code) == text.substr(at, n))
      return n;
  }
  return 0;
}

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

/// Whether PCRE2's version of Unicode, which may be older, knows the character.
bool isAssigned(uint32_t code) {
  static const CharacterPattern unassigned("\\p{Cn}");
  return !unassigned.matches(code);
}

bool isSurrogate(uint32_t code) { return code >= 0xD800 && code <= 0xDFFF; }

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
                         PCRE2_UTF | PCRE2_UCP, &number, &offset, nullptr);
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

/// Text to stumble over: every script, runs of white space, contractions in all
/// cases, numbers, tokens written out, pieces of characters.
std::string randomText(std::mt19937 &random) {
  auto pick = [&](uint32_t n) { return uint32_t(random() % n); };
  static const char *const snippets[] = {"the",
                                         "ROMEO",
                                         "'s",
                                         "'S",
                                         "'Ll",
                                         "'re",
                                         "'VE",
                                         "'\u017F",
                                         "'l",
                                         "n't",
                                         "\r\n",
                                         "\n",
                                         "\n\n  ",
                                         "  ",
                                         " ",
                                         "\t",
                                         "\r",
                                         "\u00A0",
                                         "\u3000",
                                         "\u0085",
                                         "\u180E",
                                         "123",
                                         "4567",
                                         "\u00BD",
                                         "\u0663\u0664",
                                         "\u2167",
                                         "don't",
                                         "...",
                                         "!?",
                                         "--",
                                         "'",
                                         "\u00E9",
                                         "e\u0301",
                                         "\u0939\u093F\u0928",
                                         "\u4F60\u597D",
                                         "\U0001F600",
                                         "\U0001F468\u200D\U0001F469",
                                         "<|begin_of_text|>",
                                         "<|end_of_text|>",
                                         "<|end",
                                         "<a>",
                                         "<a><b>",
                                         "late",
                                         "later",
                                         "\u0130",
                                         "\u1E9E",
                                         "\uFEFF",
                                         "\u200B",
                                         "\u2028",
                                         "za",
                                         " he",
                                         "aaaaaaaaaaaaaaaaaaaaaaaa"};
  std::string text;
  uint32_t parts = 1 + pick(20);
  for (uint32_t i = 0; i < parts; ++i) {
    switch (pick(8)) {
    case 0:
      text += char(pick(128));
      break;
    case 1: { // any code point
      uint32_t code = pick(strayByte);
      if (!isSurrogate(code) && isAssigned(code))
        text += utf8(code);
      break;
    }
    case 2: { // where most scripts are
      uint32_t code = 0x80 + pick(0x3000);
      if (isAssigned(code))
        text += utf8(code);
      break;
    }
    case 3:
      if (pick(4) == 0)
        text += char(pick(256));
      break;
    default:
      text += snippets[pick(std::size(snippets))];
    }
  }
  if (pick(10) == 0 && !text.empty())
    text.resize(pick(uint32_t(text.size())));
  return text;
}

enum class Pattern { Llama3, Qwen2, Gpt2 };

/// A tokenizer.json with all bytes, random merges and awkward added tokens.
std::string randomTokenizer(uint32_t seed, Pattern pattern, bool ignoreMerges) {
  std::mt19937 random(seed);
  Json root = Json::parse(modelFile("tokenizer.json"));
  std::vector<std::string> names;
  Json vocab = Json::object(), merges = Json::array();
  for (auto &[name, id] : root["model"]["vocab"].items())
    if (name.size() == 1 || (name.size() == 2 && uint8_t(name[0]) >= 0xC2))
      names.push_back(name);
  EXPECT_EQ(names.size(), 256u);
  while (names.size() < 3000) {
    auto pick = [&] {
      // Letters and the space mostly, so that merges happen.
      size_t n = random() % 3 ? names.size() : 256;
      return names[random() % n];
    };
    std::string a = pick(), b = pick();
    if (random() % 2 && names.size() < 600) {
      a = std::string(1, "aehotrnsz"[random() % 9]);
      b = std::string(1, "aehotrnsz"[random() % 9]);
    }
    if (a.size() + b.size() > 24)
      continue;
    if (random() % 8)
      merges.push_back(random() % 2 ? Json(a + " " + b) : Json({a, b}));
    if (std::find(names.begin(), names.end(), a + b) == names.end())
      names.push_back(a + b);
  }
  std::shuffle(names.begin(), names.end(), random);
  for (size_t i = 0; i < names.size(); ++i)
    vocab[names[i]] = i;
  root["model"]["vocab"] = vocab;
  root["model"]["merges"] = merges;
  root["model"]["ignore_merges"] = ignoreMerges;
  int id = int(names.size());
  auto add = [&](const char *content, bool normalized) {
    root["added_tokens"].push_back({{"id", id++},
                                    {"content", content},
                                    {"single_word", false},
                                    {"lstrip", false},
                                    {"rstrip", false},
                                    {"normalized", normalized},
                                    {"special", !normalized}});
  };
  root["added_tokens"] = Json::array();
  add("<|begin_of_text|>", false);
  add("<a>", false), add("<a><b>", false), add("<b", false), add("late", true);
  add("\u0939", true), add("lat", true), add(" ", true), add("<|end", true);
  root["post_processor"]["special_tokens"]["<|begin_of_text|>"]["ids"] = {
      names.size()};
  std::string llama =
      root["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"];
  if (pattern == Pattern::Qwen2)
    root["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] =
        llama.replace(llama.find("{1,3}"), 5, "");
  if (pattern == Pattern::Gpt2)
    root["pre_tokenizer"] = {{"type", "ByteLevel"},
                             {"add_prefix_space", false},
                             {"trim_offsets", true},
                             {"use_regex", true}};
  return root.dump();
}

void compareOnRandomText(const std::string &json, uint32_t seed, int count) {
  Table table(json);
  Reference reference(json);
  std::mt19937 random(seed);
  for (int i = 0; i < count; ++i) {
    std::string text = randomText(random);
    std::vector<int32_t> tokens = table.encode(text);
    ASSERT_EQ(tokens, reference.encode(text))
        << Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
    tokens.erase(tokens.begin()); // bos
    ASSERT_EQ(table.decode(tokens), text);
  }
}

TEST(Tokenizer, GoldenPrompts) {
  for (const char *model : {"shakespeare-a48", "shakespeare-b158"}) {
    std::string dir = std::string(TERN_TEST_DIR) + "/models/" + model + "/";
    Table table(readFile(dir + "tokenizer.json"),
                readFile(dir + "tokenizer_config.json"));
    Json golden = Json::parse(readFile(dir + "golden.json"));
    ASSERT_FALSE(golden["greedy"].empty());
    for (auto &entry : golden["greedy"]) {
      EXPECT_EQ(Json(table.encode(entry["prompt"])), entry["prompt_ids"]);
      EXPECT_EQ(table.decode(entry["ids"]), entry["text"]);
    }
  }
}

TEST(Tokenizer, BundledAgainstReference) {
  compareOnRandomText(modelFile("tokenizer.json"), 1, 4000);
}

TEST(Tokenizer, RandomVocabulariesAgainstReference) {
  uint32_t seed = 0;
  for (Pattern pattern : {Pattern::Llama3, Pattern::Qwen2, Pattern::Gpt2})
    for (bool ignoreMerges : {false, true}) {
      ++seed;
      compareOnRandomText(randomTokenizer(seed, pattern, ignoreMerges), seed,
                          700);
    }
}

TEST(Tokenizer, ClassOfEveryCodePoint) {
  Table table(modelFile("tokenizer.json"));
  const CharacterPattern letter("\\p{L}"), number("\\p{N}"), space("\\s");
  for (uint32_t code = 0; code <= 0x10FFFF; ++code) {
    if (isSurrogate(code) || !isAssigned(code))
      continue;
    uint32_t expected = letter.matches(code)   ? TERN_CHAR_LETTER
                        : number.matches(code) ? TERN_CHAR_NUMBER
                        // No White_Space since Unicode 6.3, but PCRE2's \s.
                        : space.matches(code) && code != 0x180E
                            ? TERN_CHAR_SPACE
                            : TERN_CHAR_OTHER;
    ASSERT_EQ(tern_table_class(&table.tokenizer, code), expected) << code;
  }
}

TEST(Tokenizer, LongPieceIsNotQuadratic) {
  Table table(modelFile("tokenizer.json"));
  // One piece of 4 MiB: a loop over all pairs would take hours.
  std::string text(size_t(4) << 20, 'a');
  EXPECT_GT(table.encode(text).size(), text.size() / 64);
  text.assign(size_t(4) << 20, ' ');
  EXPECT_EQ(table.decode(table.encode(text, TERN_ENCODE_BARE)), text);
}

TEST(Tokenizer, FlagsAndLookups) {
  Table table(modelFile("tokenizer.json"));
  const std::string end = "<|end_of_text|>";
  EXPECT_EQ(table.encode(end), (std::vector<int32_t>{1022, 1023}));
  EXPECT_EQ(table.encode(end, TERN_ENCODE_BARE), std::vector<int32_t>{1023});
  auto plain = table.encode(end, TERN_ENCODE_BARE | TERN_ENCODE_PLAIN);
  EXPECT_GT(plain.size(), 1u);
  EXPECT_EQ(table.decode(plain), end);
  EXPECT_EQ(table.encode(""), std::vector<int32_t>{1022});
  EXPECT_EQ(tern_tokenizer_find(&table.tokenizer, end.data(), end.size()),
            1023);
  EXPECT_EQ(tern_tokenizer_find(&table.tokenizer, "!", 1), 0);
  EXPECT_EQ(tern_tokenizer_find(&table.tokenizer, "no such token", 13), -1);
  uint32_t flags;
  size_t count;
  ASSERT_TRUE(tern_tokenizer_token(&table.tokenizer, 1023, &count, &flags));
  EXPECT_EQ(flags, uint32_t(TERN_TOKEN_EXISTS | TERN_TOKEN_ADDED |
                            TERN_TOKEN_SPECIAL));
  EXPECT_EQ(count, end.size());
  for (int32_t id : {-1, 1024, INT32_MAX, INT32_MIN})
    EXPECT_EQ(tern_tokenizer_token(&table.tokenizer, id, &count, &flags),
              nullptr);
}

TEST(Tokenizer, TooSmallMemoryIsRefused) {
  Table table(modelFile("tokenizer.json"));
  const std::string text = "ROMEO:";
  size_t needed = tern_tokenizer_encode_bytes(&table.tokenizer, text.size());
  std::vector<char> memory(needed);
  int32_t tokens[2] = {-7, -7};
  size_t count = 0;
  EXPECT_EQ(tern_tokenizer_encode(&table.tokenizer, text.data(), text.size(), 0,
                                  memory.data(), needed - 1, tokens, 2, &count),
            TERN_TOO_SMALL);
  EXPECT_EQ(tern_tokenizer_encode(&table.tokenizer, text.data(), text.size(), 0,
                                  memory.data(), needed, tokens, 1, &count),
            TERN_TOO_SMALL);
  EXPECT_EQ(count, 3u);
  EXPECT_EQ(tokens[0], 1022);
  EXPECT_EQ(tokens[1], -7);
}

/// No damage to the table may crash the reader or lead it outside.
TEST(Tokenizer, DamagedTables) {
  Table good(modelFile("tokenizer.json"));
  std::mt19937 random(5);
  int refused = 0;
  auto attempt = [&](std::vector<uint8_t> bytes) {
    // On the heap without slack, for the sanitizers.
    bytes.shrink_to_fit();
    tern_tokenizer tokenizer;
    if (tern_tokenizer_load(&tokenizer, bytes.data(), bytes.size()) !=
        TERN_OK) {
      ++refused;
      return;
    }
    std::string text = randomText(random);
    std::vector<char> memory(
        tern_tokenizer_encode_bytes(&tokenizer, text.size()));
    std::vector<int32_t> tokens(text.size() + 16);
    size_t count;
    tern_tokenizer_encode(&tokenizer, text.data(), text.size(), 0,
                          memory.data(), memory.size(), tokens.data(),
                          tokens.size(), &count);
    for (int32_t id = -1; id < 1100; ++id)
      tern_tokenizer_token(&tokenizer, id, &count, nullptr);
  };
  for (size_t at = 0; at < sizeof(tern_tokenizer_header); at += 4)
    for (uint32_t value : {0u, 1u, 255u, 0x7FFFFFFFu, 0x80000000u, ~0u}) {
      std::vector<uint8_t> bytes = good.bytes;
      std::memcpy(&bytes[at], &value, 4);
      attempt(bytes);
    }
  EXPECT_GT(refused, 150);
  for (int i = 0; i < 3000; ++i) {
    std::vector<uint8_t> bytes = good.bytes;
    for (int n = 1 + random() % 4; n > 0; --n)
      bytes[random() % bytes.size()] = uint8_t(random());
    attempt(bytes);
  }
  refused = 0;
  for (size_t size = 0; size < good.bytes.size(); size += 97)
    attempt({good.bytes.begin(), good.bytes.begin() + long(size)});
  EXPECT_EQ(refused, int((good.bytes.size() + 96) / 97));
}

struct Refusal {
  const char *path; ///< JSON pointer of what is replaced
  const char *value;
  const char *sentence;
};

TEST(Tokenizer, Refusals) {
  const Refusal cases[] = {
      {"/normalizer", R"({"type":"NFC"})",
       "normalizer: 'NFC' is not supported"},
      {"/model/type", R"("Unigram")", "model.type: 'Unigram' is not supported"},
      {"/model/dropout", "0.1", "model.dropout: must be null or 0"},
      {"/model/byte_fallback", "true", "model.byte_fallback: true"},
      {"/model/surprise", "1", "model.surprise: unknown field"},
      {"/surprise", "1", "tokenizer.json: surprise: unknown field"},
      {"/model/vocab/!", "-1", "model.vocab: the id of '!' is not an integer"},
      {"/model/vocab/!", "99999999999", "model.vocab: the id of '!' is not"},
      {"/model/vocab/!", "7", "id 7 is given to two tokens"},
      {"/model/merges/0", R"("a")", "merges[0]: expected two tokens"},
      {"/model/merges/0", R"("a  b")", "merges[0]: expected two tokens"},
      {"/model/merges/1", R"("a nosuch")", "'nosuch' is not in the vocabulary"},
      {"/model/merges", "7", "model.merges: expected a list"},
      {"/added_tokens/0/lstrip", "true", "added_tokens[0].lstrip: true is not"},
      {"/added_tokens/0/id", "null", "added_tokens[0].id: is missing"},
      {"/added_tokens/0/id", "5", "belongs to another token"},
      {"/added_tokens/0/content", R"("")", "content: is missing, empty"},
      {"/added_tokens/1/content", R"("<|begin_of_text|>")", "has two ids"},
      {"/pre_tokenizer", "null", "pre_tokenizer: is missing"},
      {"/pre_tokenizer/pretokenizers/0/pattern/Regex", R"("\\w+")",
       "pattern: '\\w+' is not one of the known patterns"},
      {"/pre_tokenizer/pretokenizers/0/behavior", R"("Removed")",
       "behavior: 'Removed' is not supported"},
      {"/pre_tokenizer/pretokenizers/0/type", R"("Digits")",
       "'Digits' is not supported here"},
      {"/pre_tokenizer/pretokenizers/1/add_prefix_space", "true",
       "add_prefix_space: true is not supported"},
      {"/pre_tokenizer/pretokenizers/1/use_regex", "true",
       "a Split and then ByteLevel with use_regex"},
      {"/post_processor/type", R"("BertProcessing")",
       "post_processor: 'BertProcessing' is not supported"},
      {"/post_processor/single/0/SpecialToken/id", R"("<x>")", "lacks '<x>'"},
      {"/decoder/type", R"("Metaspace")", "decoder: 'Metaspace'"},
      {"/model", "7", "tokenizer.json: model: expected an object"},
  };
  const Json good = Json::parse(modelFile("tokenizer.json"));
  for (const Refusal &refusal : cases) {
    Json bad = good;
    bad[Json::json_pointer(refusal.path)] = Json::parse(refusal.value);
    tern::TokenizerSources sources;
    sources.tokenizer = bad.dump();
    std::string error;
    EXPECT_FALSE(tern::compileTokenizer(sources, error)) << refusal.path;
    EXPECT_NE(error.find(refusal.sentence), std::string::npos)
        << refusal.path << ": " << error;
    EXPECT_EQ(error.find("tokenizer.json: "), 0u) << error;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  }
}

TEST(Tokenizer, BadJson) {
  std::string good = modelFile("tokenizer.json");
  std::string deep(100000, '[');
  for (const std::string &text :
       {std::string(), std::string("[]"), good.substr(0, 5000), deep,
        std::string("{\"a\":\"\xFF\"}")}) {
    tern::TokenizerSources sources;
    sources.tokenizer = text;
    std::string error;
    EXPECT_FALSE(tern::compileTokenizer(sources, error));
    EXPECT_EQ(error.find("tokenizer.json: "), 0u) << error;
  }
}

/// Random damage to the text: an answer or one sentence, never a crash.
TEST(Tokenizer, DamagedJson) {
  const std::string good = modelFile("tokenizer.json");
  std::mt19937 random(3);
  for (int i = 0; i < 300; ++i) {
    tern::TokenizerSources sources;
    sources.tokenizer = good;
    for (int n = 1 + random() % 3; n > 0; --n)
      sources.tokenizer[random() % good.size()] =
          "\"[]{},:0a\\-"[random() % 11];
    std::string error;
    bool ok = tern::compileTokenizer(sources, error).has_value();
    EXPECT_EQ(ok, error.empty());
  }
}

tern_generation generationOf(const std::vector<uint8_t> &bytes) {
  tern_generation generation;
  EXPECT_GE(bytes.size(), sizeof(generation));
  std::memcpy(&generation, bytes.data(), sizeof(generation));
  EXPECT_EQ(generation.size, sizeof(generation));
  EXPECT_EQ(generation.chat_template_bytes, bytes.size() - sizeof(generation));
  return generation;
}

TEST(Generation, Bundled) {
  tern::TokenizerSources sources;
  sources.config = modelFile("config.json");
  sources.generationConfig = modelFile("generation_config.json");
  sources.tokenizerConfig = modelFile("tokenizer_config.json");
  std::string error;
  auto bytes = tern::compileGeneration(sources, nullptr, error);
  ASSERT_TRUE(bytes) << error;
  tern_generation g = generationOf(*bytes);
  EXPECT_EQ(g.bos_id, 1022);
  ASSERT_EQ(g.eos_count, 1u);
  EXPECT_EQ(g.eos_ids[0], 1023);
  EXPECT_EQ(g.do_sample, 1u);
  EXPECT_EQ(g.temperature, 0.8f);
  EXPECT_EQ(g.top_k, 50u);
  EXPECT_EQ(g.top_p, 0.95f);
  EXPECT_EQ(g.max_context, 256u);
}

TEST(Generation, ListsNamesAndTemplates) {
  tern::TokenizerSources sources;
  sources.tokenizer = modelFile("tokenizer.json");
  std::string error;
  auto tokenizer = tern::readTokenizer(sources, error);
  ASSERT_TRUE(tokenizer) << error;
  sources.config = R"({"bos_token_id": 5, "eos_token_id": 7})";
  sources.generationConfig = R"({"eos_token_id": [9, 7, 8]})";
  sources.tokenizerConfig = R"({"eos_token": {"content": "<|end_of_text|>"},
    "chat_template": [{"name": "tools", "template": "no"},
                      {"name": "default", "template": "{{ yes }}"}]})";
  auto bytes = tern::compileGeneration(sources, &*tokenizer, error);
  ASSERT_TRUE(bytes) << error;
  tern_generation g = generationOf(*bytes);
  EXPECT_EQ(g.bos_id, 5);
  EXPECT_EQ(std::vector<int32_t>(g.eos_ids, g.eos_ids + g.eos_count),
            (std::vector<int32_t>{7, 9, 8, 1023}));
  EXPECT_EQ(g.do_sample, 0u);
  EXPECT_EQ(std::string(bytes->begin() + sizeof(g), bytes->end()), "{{ yes }}");
}

TEST(Generation, Refusals) {
  const std::pair<const char *, const char *> cases[] = {
      {R"({"eos_token_id": "x"})", "eos_token_id: expected token ids"},
      {R"({"eos_token_id": 99999999999})", "eos_token_id: expected token ids"},
      {R"({"eos_token_id": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]})",
       "more than 16 end tokens"},
      {R"({"temperature": -1})", "temperature: expected a number"},
      {R"({"do_sample": 1})", "do_sample: expected true or false"},
      {R"({"top_p": 2})", "top_p: expected a number from 0.0 to 1.0"},
      {"{", "not valid JSON"},
  };
  for (auto &[text, sentence] : cases) {
    tern::TokenizerSources sources;
    sources.generationConfig = text;
    std::string error;
    EXPECT_FALSE(tern::compileGeneration(sources, nullptr, error)) << text;
    EXPECT_EQ(error.find("generation_config.json: "), 0u) << error;
    EXPECT_NE(error.find(sentence), std::string::npos) << error;
  }
}

TEST(Utf8, AgainstWholeText) {
  std::mt19937 random(11);
  std::set<std::string> beginnings; // of characters, two and three bytes long
  for (uint32_t code = 0x800; code <= 0x10FFFF; ++code)
    if (code < 0xD800 || code > 0xDFFF)
      for (size_t n = 2; n < utf8(code).size(); ++n)
        beginnings.insert(utf8(code).substr(0, n));
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    static const uint8_t bytes[] = {'a',  0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF,
                                    0xC0, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEF,
                                    0xF0, 0xF1, 0xF4, 0xF5, 0xFF};
    for (int n = random() % 9; n > 0; --n)
      text +=
          random() % 4 ? char(bytes[random() % sizeof(bytes)]) : char(random());
    // One U+FFFD for each longest beginning of some character.
    std::string expected;
    for (size_t at = 0; at < text.size();) {
      size_t n = validLength(text, at);
      if (n) {
        expected += text.substr(at, n);
        at += n;
        continue;
      }
      size_t part = 1;
      for (size_t length = 2; length <= 3; ++length)
        if (beginnings.count(text.substr(at, length)))
          part = std::min(length, text.size() - at);
      expected += "\uFFFD";
      at += part;
    }
    tern_utf8 state = {};
    std::string result;
    for (size_t at = 0; at < text.size();) {
      size_t n = std::min<size_t>(random() % 4, text.size() - at);
      std::vector<char> out(TERN_UTF8_ROOM(n));
      result.append(out.data(),
                    tern_utf8_push(&state, text.data() + at, n, out.data()));
      at += n;
      // What was written so far is whole characters.
      for (size_t j = 0; j < result.size(); j += validLength(result, j))
        ASSERT_NE(validLength(result, j), 0u);
    }
    std::vector<char> out(TERN_UTF8_ROOM(0));
    result.append(out.data(), tern_utf8_flush(&state, out.data()));
    ASSERT_EQ(result, expected)
        << Json::binary_t({text.begin(), text.end()}).size();
    ASSERT_EQ(state.held_count, 0u);
  }
}

} // namespace
