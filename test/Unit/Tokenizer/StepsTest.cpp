//===- StepsTest.cpp - What is done to text -------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SyntheticTokenizers.h"
#include "TokenizerReference.h"

#include <utf8proc.h>

#include <ctime>

using namespace tern_test;

namespace {

Json tokenizerNamed(const std::string &name) {
  for (const SyntheticTokenizer &tokenizer : syntheticTokenizers())
    if (tokenizer.name == name)
      return tokenizer.json;
  ADD_FAILURE() << name;
  return {};
}

std::string compileError(const Json &json) {
  std::string error;
  tern::compileTokenizer(Table::sourcesOf(json.dump(), ""), error);
  return error;
}

/// A pattern of the kind that pre-tokenizers have, and one character if nothing
/// else matches.
std::string randomPattern(std::mt19937 &random) {
  const char *const atoms[] = {
      "a",          " ",          "[ae]",     "[^\\s\\p{L}]",
      "\\p{L}",     "\\p{N}",     "\\s",      "\\S",
      "[\\r\\n]",   "(?i:'s|re)", "(?:ab|a)", "(?:a|ab|\\s)",
      "[\\p{Lu}h]", "th"};
  const char *const counts[] = {"",  "",   "",   "?",     "*",   "+",
                                "+", "+?", "*?", "{1,3}", "{2}", "{2,}"};
  const char *const ends[] = {"", "", "", "(?!\\S)", "(?=\\s)", "(?!a)", "$"};
  std::string pattern;
  for (uint32_t i = 1 + random() % 4; i > 0; --i) {
    for (uint32_t n = 1 + random() % 3; n > 0; --n)
      pattern += std::string(atoms[random() % std::size(atoms)]) +
                 counts[random() % std::size(counts)];
    pattern += std::string(ends[random() % std::size(ends)]) + "|";
  }
  return pattern + "\\s|\\S";
}

TEST(Steps, RandomPatternsAgainstReference) {
  std::mt19937 random(1);
  int used = 0;
  Json root = tokenizerNamed("llama3");
  Json &split = root["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"];
  for (int i = 0; i < 140; ++i) {
    split = randomPattern(random);
    std::string error = compileError(root);
    if (!error.empty()) {
      EXPECT_NE(error.find("nothing at all"), std::string::npos) << error;
      continue;
    }
    ++used;
    Table table(root.dump());
    Reference reference(root.dump());
    for (int n = 0; n < 10; ++n) {
      std::string text = randomText(random);
      ASSERT_EQ(table.encode(text), reference.encode(text))
          << split << "\n"
          << Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
    }
  }
  std::printf("%d patterns compared\n", used);
  EXPECT_GT(used, 100);
}

/// Each of these reads to the end of a run in vain, at each of its characters.
TEST(Steps, ReadingAheadInVainIsLinear) {
  constexpr size_t size = size_t(1) << 20;
  Json root = tokenizerNamed("llama3");
  Json &split = root["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"];
  const std::pair<const char *, std::string> cases[] = {
      {"\\s+$| ", std::string(size, ' ') + "x"},
      {"\\s+$|\\s+(?!\\S)|\\s", std::string(size, ' ')},
      {"a+b|a", std::string(size, 'a')},
      {"(?:a|b)*c|a|b", std::string(size, 'b')},
      {"a*b|a{1,3}", std::string(size, 'a')},
      {"(a+)+b|\\S", std::string(size, 'a')}};
  for (auto &[pattern, text] : cases) {
    split = pattern;
    Table table(root.dump());
    std::clock_t start = std::clock();
    EXPECT_GT(table.encode(text).size(), 1u);
    double seconds = double(std::clock() - start) / CLOCKS_PER_SEC;
    std::printf("%-24s %.2f s for 1 MiB\n", pattern, seconds);
    EXPECT_LT(seconds, 1) << pattern;
  }
  // A step that replaces reads ahead as well.
  root["normalizer"] = {
      {"type", "Replace"}, {"pattern", {{"Regex", "\\s+$"}}}, {"content", "."}};
  split = "\\s|\\S";
  std::string error;
  Table table(root.dump());
  EXPECT_EQ(table.decode(table.encode("a  b \u00A0\n c  ", TERN_ENCODE_BARE)),
            "a  b.\n c.");
}

TEST(Steps, BadPatternsAreRefused) {
  Json root = tokenizerNamed("llama3");
  Json &split = root["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"];
  for (const char *pattern :
       {"(?:(?:(?:a{999}){999}){999}){999}", "(?:a?){900}a{900}", "[", "(",
        "a{2,1}", "a{1001}", "(?<=a)b", "\\bx", "(a)\\1", "^a", "\\p{Han}",
        "a\\", "[b-a]", "x{1,2}+", "(?:ab)++"}) {
    split = pattern;
    EXPECT_NE(compileError(root), "") << pattern;
  }
  split = std::string(3000, '(') + "a" + std::string(3000, ')');
  EXPECT_NE(compileError(root), "");
}

/// The text that the model sees, read off its tokens.
TEST(Steps, FormsOfEveryCharacter) {
  const std::pair<const char *, utf8proc_option_t> forms[] = {
      {"NFC", UTF8PROC_COMPOSE},
      {"NFD", UTF8PROC_DECOMPOSE},
      {"NFKC", utf8proc_option_t(UTF8PROC_COMPOSE | UTF8PROC_COMPAT)},
      {"NFKD", utf8proc_option_t(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT)}};
  const char *const marks[] = {
      "",       "\u0301",      "\u0323\u0301", "\u0301\u0323", "\u1161\u11A8",
      "\u093C", "\u0345\u0300"};
  for (auto [name, option] : forms) {
    Json root = tokenizerNamed("gpt2");
    root["normalizer"] = {{"type", name}};
    root["added_tokens"] = {root["added_tokens"][0]};
    Table table(root.dump());
    std::mt19937 random(2);
    for (uint32_t code = 1; code < 0x30000;) {
      std::string text;
      for (; text.size() < 2000 && code < 0x30000; ++code)
        if (!isSurrogate(code))
          text += utf8(code) + marks[random() % std::size(marks)];
      utf8proc_uint8_t *expected = nullptr;
      utf8proc_map(
          reinterpret_cast<const utf8proc_uint8_t *>(text.c_str()), 0,
          &expected,
          utf8proc_option_t(UTF8PROC_NULLTERM | UTF8PROC_STABLE | option));
      ASSERT_EQ(table.decode(table.encode(text, TERN_ENCODE_BARE)),
                reinterpret_cast<char *>(expected))
          << name << " before " << code;
      free(expected);
    }
    // Bytes that are no character stay, and nothing composes around them.
    EXPECT_EQ(table.decode(table.encode("e\xFF\xCC\x81", TERN_ENCODE_BARE)),
              "e\xFF\xCC\x81");
  }
}

TEST(Steps, AddedTokensTakeSpacesAndWords) {
  Json root = tokenizerNamed("gpt2");
  const int first = int(root["model"]["vocab"].size());
  root["added_tokens"] = Json::array();
  int id = first;
  for (const char *flag : {"lstrip", "rstrip", "single_word"}) {
    Json token = addedToken(id++, std::string("<") + flag[0] + ">", false);
    token[flag] = true;
    root["added_tokens"].push_back(token);
  }
  root["post_processor"] = nullptr;
  Table table(root.dump());
  auto shown = [&](const std::string &text) {
    std::string out;
    for (int32_t token : table.encode(text))
      out += table.decode({token}) + (token >= first ? "|" : "");
    return out;
  };
  EXPECT_EQ(shown("a  <l> b"), "a<l>| b");
  EXPECT_EQ(shown("a <r> \t\u3000 b"), "a <r>|b");
  EXPECT_EQ(shown("<r>  <l>x"), "<r>|<l>|x");
  EXPECT_EQ(shown("<r>  <r>  "), "<r>|<r>|");
  EXPECT_EQ(shown("a<s>"), "a<s>");
  EXPECT_EQ(shown("<s>\u00E9"), "<s>\u00E9");
  EXPECT_EQ(shown("<s>_ <s>"), "<s>_ <s>|");
  EXPECT_EQ(shown(".<s>."), ".<s>|.");
}

TEST(Steps, LowercaseStripReplace) {
  Json root = tokenizerNamed("gpt2");
  root["added_tokens"] = {root["added_tokens"][0]};
  root["normalizer"] = {
      {"type", "Sequence"},
      {"normalizers",
       {{{"type", "Lowercase"}},
        {{"type", "Strip"}, {"strip_left", true}, {"strip_right", true}},
        {{"type", "Replace"},
         {"pattern", {{"Regex", " {2,}"}}},
         {"content", "__"}},
        {{"type", "Prepend"}, {"prepend", ">"}}}}};
  Table table(root.dump());
  auto shown = [&](const std::string &text) {
    return table.decode(table.encode(text, TERN_ENCODE_BARE));
  };
  EXPECT_EQ(shown(" \t\u0130\u00C9A  B c\u3000"), ">i\u0307\u00E9a__b c");
  EXPECT_EQ(shown("  "), "");
  EXPECT_EQ(shown("\u03A3\u03A3"), ">\u03C3\u03C3");
}

/// A quarter of a megabyte of each kind of text that could be slow.
TEST(Steps, TimeIsLinear) {
  constexpr size_t size = size_t(1) << 18;
  auto repeated = [](const std::string &part) {
    std::string text;
    while (text.size() < size)
      text += part;
    return text;
  };
  std::mt19937 random(3);
  std::string words;
  while (words.size() < size)
    words += "aehortn  \n"[random() % 10];
  for (const char *name : {"llama2", "unigram", "words", "qwen2", "o200k",
                           "gpt2-prefix", "deepseek", "nfkc"}) {
    Table table(tokenizerNamed(name).dump());
    double most = 0;
    for (const std::string &text :
         {words, repeated("a"), repeated(" "), repeated("\n "),
          repeated("\u0301\u0323"), repeated("\u4F60"), repeated("\u02B0A"),
          repeated("1"), repeated("<a>"), repeated("\xFF")}) {
      std::clock_t start = std::clock();
      EXPECT_GT(table.encode(text).size(), 1u);
      double seconds = double(std::clock() - start) / CLOCKS_PER_SEC;
      most = std::max(most, seconds);
      EXPECT_LT(seconds, 2) << name << ": " << text.substr(0, 10);
    }
    std::printf("%-12s at most %.2f s for 256 KiB\n", name, most);
  }
}

} // namespace
