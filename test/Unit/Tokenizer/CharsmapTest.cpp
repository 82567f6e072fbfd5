//===- CharsmapTest.cpp - Rules of SentencePiece's normalizers ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CharsmapWriter.h"
#include "SentencePieceWriter.h"
#include "SyntheticTokenizers.h"
#include "TokenizerTesting.h"

#include <utf8proc.h>

#include <ctime>

using namespace tern_test;
using tern::SentencePieces;

namespace {

const std::string mark = "\u2581";

/// As files have them: composition, compatibility, spaces, controls; and keys
/// of which one begins another.
const Rules someRules = {{"\u00A0", " "},
                         {"\u3000", " "},
                         {"\t", " "},
                         {"\n", " "},
                         {"\r", " "},
                         {"\x01", ""},
                         {"\u200B", ""},
                         {"A\u0300", "\u00C0"},
                         {"A\u0300\u0301", "A2"},
                         {"a\u0302", "\u00E2"},
                         {"a\u0302\u0301", "\u1EA5"},
                         {"\u00BD", "1\u20442"},
                         {"\u00A8", " \u0308"},
                         {"\uFF21", "A"},
                         {"\u1100\u1161", "\uAC00"},
                         {"\u1100\u1161\u11A8", "\uAC01"},
                         {"x", "y"},
                         {"xx", "<x>"},
                         {"xxxx", "!"},
                         {"\u2460", "1"},
                         {"\u0600a", "b"},
                         {"\uFDFA",
                          "\u0635\u0644\u0649 \u0627\u0644\u0644\u0647"
                          " \u0639\u0644\u064A\u0647"}};

std::string randomRuleText(std::mt19937 &random) {
  static const std::vector<std::string> parts = {
      " ",          " ",          "  ",     "\u2003", "\u00A0", "\u3000",
      "\t",         "\r\n",       "\r",     "\n",     "\x01",   "\u200B",
      "A",          "a",          "e",      "\u0300", "\u0301", "\u0302",
      "\u00BD",     "\u00A8",     "\uFF21", "\u1100", "\u1161", "\u11A8",
      "\uAC00",     "x",          "xx",     "xxx",    "\u2460", "\u0600",
      "\u0903",     "\u200D",     "\uFDFA", "\u2581", "\u4F60", "\U0001F600",
      "\U0001F1E9", "\U0001F3FD", "\u2764", "\uFE0F"};
  std::string text;
  for (uint32_t n = random() % 12; n > 0; --n)
    text += parts[random() % parts.size()];
  return text;
}

/// The longest key that a text begins with.
std::pair<std::string, std::string> longestRule(const Rules &rules,
                                                const std::string &text) {
  std::pair<std::string, std::string> best;
  for (auto &rule : rules)
    if (rule.first.size() > best.first.size() &&
        text.compare(0, rule.first.size(), rule.first) == 0)
      best = rule;
  return best;
}

/// Tokens hold spaces where files have marks.
std::string unmarked(std::string text) {
  for (size_t at; (at = text.find(mark)) != std::string::npos;)
    text.replace(at, mark.size(), " ");
  return text;
}

/// SentencePiece's form of a text, by its description: rules are applied,
/// spaces at the ends go away, and several become one, as they are met.
std::string pieceNormalized(const SentencePieces &model, const Rules &rules,
                            std::string text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    auto [key, value] = longestRule(rules, text);
    if (key.empty())
      key = value = text.substr(0, std::max<size_t>(1, validLength(text, 0)));
    parts.push_back(value);
    text.erase(0, key.size());
  }
  while (model.removesSpaces && !parts.empty() && parts[0] == " ")
    parts.erase(parts.begin());
  if (parts.empty())
    return "";
  std::string out = model.addsSpace ? mark : "";
  bool behindSpace = model.removesSpaces;
  for (std::string part : parts) {
    while (behindSpace && !part.empty() && part[0] == ' ')
      part.erase(0, 1);
    for (char c : part)
      out += c == ' ' ? mark : std::string(1, c);
    if (!part.empty())
      behindSpace = model.removesSpaces && part.back() == ' ';
  }
  while (model.removesSpaces && out.size() >= 3 &&
         out.compare(out.size() - 3, 3, mark) == 0)
    out.resize(out.size() - 3);
  return unmarked(out);
}

/// Hugging Face's form of it: clusters of at most five bytes become what
/// the shortest rule says, longer ones are looked at character by character.
std::string clusterNormalized(const Rules &rules, const std::string &text) {
  auto shortest = [&](const std::string &part, std::string &value) {
    size_t least = SIZE_MAX;
    for (auto &[key, becomes] : rules)
      if (key.size() < least && part.compare(0, key.size(), key) == 0) {
        least = key.size();
        value = becomes;
      }
    return least != SIZE_MAX;
  };
  std::vector<std::string> clusters;
  utf8proc_int32_t last = 0, state = 0;
  for (size_t at = 0; at < text.size(); at += validLength(text, at)) {
    utf8proc_int32_t code;
    utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t *>(&text[at]), -1,
                     &code);
    if (at == 0 || utf8proc_grapheme_break_stateful(last, code, &state))
      clusters.push_back("");
    clusters.back() += text.substr(at, validLength(text, at));
    last = code;
  }
  std::string out, value;
  for (const std::string &cluster : clusters) {
    if (cluster.size() < 6 && shortest(cluster, value)) {
      out += value;
      continue;
    }
    for (size_t at = 0; at < cluster.size(); at += validLength(cluster, at)) {
      std::string part = cluster.substr(at, validLength(cluster, at));
      out += shortest(part, value) ? value : part;
    }
  }
  return out;
}

TEST(Charsmap, AsSentencePieceAppliesIt) {
  for (bool removes : {false, true})
    for (bool adds : {false, true}) {
      SentencePieces model = bytePieces();
      model.addsSpace = adds;
      model.pieces.push_back({mark, -1, SentencePieces::Normal});
      model.pieces.push_back({"A" + mark, -2, SentencePieces::Normal});
      tern::TokenizerSources sources;
      sources.sentencePiece =
          sentencePieceFile(model, bytesField(2, charsmapOf(someRules)) +
                                       numberField(4, removes));
      model.removesSpaces = removes;
      Table table(sources);
      std::mt19937 random(1);
      for (int i = 0; i < 3000; ++i) {
        std::string text = randomRuleText(random);
        ASSERT_EQ(table.decode(table.encode(text, TERN_ENCODE_BARE)),
                  pieceNormalized(model, someRules, text))
            << Json(text).dump(-1, ' ', true) << removes << adds;
      }
    }
}

Json byteLevelWith(Json normalizer) {
  Json root = syntheticTokenizers()[0].json;
  root["added_tokens"] = {root["added_tokens"][0]};
  root["normalizer"] = std::move(normalizer);
  return root;
}

Json precompiled(const std::string &bytes) {
  return {{"type", "Precompiled"}, {"precompiled_charsmap", base64(bytes)}};
}

TEST(Charsmap, AsHuggingFaceAppliesIt) {
  Table table(byteLevelWith(precompiled(charsmapOf(someRules))).dump());
  auto shown = [&](const std::string &text) {
    return table.decode(table.encode(text, TERN_ENCODE_BARE));
  };
  // Here the two differ.
  EXPECT_EQ(shown("\r\n"), " ");
  EXPECT_EQ(shown("\u00BD\u0301"), "1\u20442");
  EXPECT_EQ(shown("A\u0300\u0301"), "\u00C0");
  EXPECT_EQ(shown("\u1100\u1161"), "\u1100\u1161");
  std::mt19937 random(2);
  for (int i = 0; i < 10000; ++i) {
    std::string text = randomRuleText(random);
    ASSERT_EQ(shown(text), clusterNormalized(someRules, text))
        << Json(text).dump(-1, ' ', true);
  }
}

/// Characters in every surrounding that their class can have: all below the
/// ideographs and of the second plane's first half, some of the others.
TEST(Charsmap, ClustersOfCharacters) {
  // Each cluster that is short enough shows where it ends.
  Rules rules;
  const char *const others[] = {"a",      "\u0301", "\u0600", "\u00A9",
                                "\u0903", "\r",     "\n",     "\u200D"};
  for (const char *other : others)
    rules[other] = "<" + std::string(other) + ">";
  Table table(byteLevelWith(precompiled(charsmapOf(rules))).dump());
  auto next = [](uint32_t code) {
    bool isDense = code < 0x3400 || (code >= 0x10000 && code < 0x18000);
    return code + (isDense ? 1 : 5);
  };
  for (uint32_t code = 1; code < 0x20000;) {
    std::string text;
    for (; text.size() < 2000 && code < 0x20000; code = next(code)) {
      if (code >= 0xD800 && code < 0xE000)
        continue;
      for (const char *other : others)
        text += other + utf8(code) + other + "b";
    }
    ASSERT_EQ(table.decode(table.encode(text, TERN_ENCODE_BARE)),
              clusterNormalized(rules, text))
        << "before " << code;
  }
}

/// As the files of T5, XLM-R and Albert have it.
TEST(Charsmap, WholeNormalizers) {
  Json spaces = {{"type", "Replace"},
                 {"pattern", {{"Regex", " {2,}"}}},
                 {"content", "\u2581"}};
  Json strip = {
      {"type", "Strip"}, {"strip_left", false}, {"strip_right", true}};
  Json root =
      byteLevelWith({{"type", "Sequence"},
                     {"normalizers",
                      {{{"type", "NFKD"}},
                       {{"type", "StripAccents"}},
                       {{"type", "Lowercase"}},
                       precompiled(charsmapOf({{"\u2460", "one"}, {"!", ""}})),
                       strip,
                       spaces}}});
  Table table(root.dump());
  EXPECT_EQ(table.decode(table.encode("\u00C9t\u00E9 !\u2460  \u00A0x \t",
                                      TERN_ENCODE_BARE)),
            "ete 1\u2581x");
}

TEST(Charsmap, DecodesWithoutSpacesInFront) {
  SentencePieces model = bytePieces();
  for (const char *piece : {"\u2581", "\u2581a", "a"})
    model.pieces.push_back({piece, -1, SentencePieces::Normal});
  tern::TokenizerSources sources;
  sources.sentencePiece = sentencePieceFile(model, "");
  Table table(sources);
  EXPECT_EQ(table.decodeText(table.encode("  a   a ")), "a a");
  EXPECT_EQ(table.decodeText({259, 259, 260, 260}), "a a");
  EXPECT_EQ(table.encode("   ").size(), 1u);
}

std::string problemOf(const std::string &charsmap) {
  std::string error;
  tern::TokenizerSources sources;
  sources.tokenizer = byteLevelWith(precompiled(charsmap)).dump();
  tern::compileTokenizer(sources, error);
  return error;
}

TEST(Charsmap, Refusals) {
  auto word = CharsmapWriter::word;
  auto trie = [&](std::vector<uint32_t> units, const std::string &texts) {
    units.resize(256);
    std::string out = word(1024);
    for (uint32_t unit : units)
      out += word(unit);
    return out + texts;
  };
  std::vector<uint32_t> circle(256), valued(256);
  circle[0] = 1 << 10;               // children at 1 xor byte
  circle[1 ^ 'a'] = 'a' | 'a' << 10; // ... of which one leads to them again
  valued[0] = 1 << 10;
  valued[1 ^ 'a'] = 'a' | 1 << 8 | (1 ^ 'a' ^ 2) << 10;
  auto withValue = [&](uint32_t value) {
    auto units = valued;
    units[2] = value;
    return units;
  };
  const std::pair<std::string, const char *> cases[] = {
      {"", "its trie is cut off"},
      {word(4), "its trie is cut off"},
      {word(6) + "abcdef", "its trie is cut off"},
      {word(0xFFFFFFFC) + word(0), "its trie is cut off"},
      {trie(circle, "x"), "longer than 64 bytes, or never ends"},
      {trie(withValue(0), "x"), "a key has no value"},
      {trie(withValue(1u << 31 | 9), "x"), "a key's value is no text"},
      {trie(withValue(~0u), "x"), "a key's value is no text"},
      {trie(withValue(1u << 31 | 1), "\u00E9"), "a key's value is no text"},
      {trie(valued, "\xC3"), "its texts are not UTF-8"},
      {charsmapOf({{std::string(65, 'a'), "b"}}), "longer than 64 bytes"},
      {charsmapOf({{"a", std::string(70000, 'b')}}), "grow too much"},
      {std::string((1 << 22) + 1, 'a'), "larger than 4 MiB"},
  };
  for (auto &[charsmap, sentence] : cases)
    EXPECT_NE(problemOf(charsmap).find(sentence), std::string::npos)
        << sentence << ": " << problemOf(charsmap);
  EXPECT_EQ(problemOf(trie(withValue(1u << 31), "x")), "");
  EXPECT_EQ(problemOf(charsmapOf({{std::string(64, 'a'), "b"}})), "");
  for (const char *text : {"A", "AA=A", "====", "A A=", "\u00E9"}) {
    Json root = byteLevelWith(
        {{"type", "Precompiled"}, {"precompiled_charsmap", text}});
    std::string error;
    tern::compileTokenizer(Table::sourcesOf(root.dump(), ""), error);
    EXPECT_NE(error.find("is not base64"), std::string::npos) << error;
  }
}

TEST(Charsmap, DamagedTries) {
  const std::string good = charsmapOf(someRules);
  std::mt19937 random(3);
  int accepted = 0;
  for (int i = 0; i < 2000; ++i) {
    std::string bad = good;
    for (uint32_t n = 1 + random() % 4; n > 0; --n)
      bad[random() % bad.size()] ^= char(1 << random() % 8);
    tern::TokenizerSources sources;
    SentencePieces model = bytePieces();
    sources.sentencePiece =
        sentencePieceFile(model, bytesField(2, bad) + numberField(4, i % 2));
    std::string error;
    auto compiled = tern::compileTokenizer(sources, error);
    EXPECT_EQ(compiled.has_value(), error.empty());
    if (!compiled)
      continue;
    ++accepted;
    Table table(sources);
    for (int j = 0; j < 3; ++j)
      table.encode(randomRuleText(random));
  }
  EXPECT_GT(accepted, 100);
}

/// A trie whose branches are shared has many more keys than units.
TEST(Charsmap, TimeIsBounded) {
  std::vector<uint32_t> units(size_t(1) << 16);
  // Each unit of a group leads to the next group, whatever the byte.
  for (uint32_t group = 0; group < 255; ++group)
    for (uint32_t byte = 1; byte < 256; ++byte) {
      uint32_t at = (group + 1) << 8 | byte;
      units[at] = byte | (at ^ (group % 60 + 2) << 8) << 10;
    }
  units[0] = 1 << 18;
  std::string charsmap = CharsmapWriter::word(uint32_t(4 * units.size()));
  for (uint32_t unit : units)
    charsmap += CharsmapWriter::word(unit);
  std::clock_t start = std::clock();
  problemOf(charsmap + "x");
  EXPECT_LT(double(std::clock() - start) / CLOCKS_PER_SEC, 1);

  Table table(byteLevelWith(precompiled(charsmapOf(someRules))).dump());
  for (const char *part : {"x", "\u0301", "\u0600", "A\u0300\u0301", "\r\n"}) {
    std::string text;
    while (text.size() < size_t(1) << 18)
      text += part;
    start = std::clock();
    table.encode(text);
    EXPECT_LT(double(std::clock() - start) / CLOCKS_PER_SEC, 2) << part;
  }
}

} // namespace
