//===- GrammarTest.cpp - The language of rules ----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GrammarTesting.h"

using namespace tern_test;

static int takes(const std::string &grammar, const std::string &text) {
  GrammarPointer made = rules(grammar);
  EXPECT_TRUE(made) << sentence().text;
  return made ? Language(made.get()).takes(text) : -2;
}

static std::string refusal(const std::string &grammar,
                           const tern_grammar_options *options = nullptr) {
  GrammarPointer made = rules(grammar, options);
  return made ? "" : sentence().text;
}

TEST(Grammar, Literals) {
  const char *text = "root ::= \"a\\n\\\"\\x41\\u00e9\\U0001F600\" # a comment";
  EXPECT_EQ(takes(text, "a\n\"A\u00e9\U0001F600"), 1);
  EXPECT_EQ(takes(text, "a\n\"A\u00e9\xF0\x9F"), -1);
  EXPECT_EQ(takes(text, "a\n\"A\xC3\xAA"), 0);
  EXPECT_EQ(takes("root ::= \"\"", ""), 1);
}

TEST(Grammar, Classes) {
  EXPECT_EQ(takes("root ::= [a-cx\\-\\]]", "b"), 1);
  EXPECT_EQ(takes("root ::= [a-cx\\-\\]]", "-"), 1);
  EXPECT_EQ(takes("root ::= [a-cx\\-\\]]", "]"), 1);
  EXPECT_EQ(takes("root ::= [a-cx\\-\\]]", "d"), 0);
  EXPECT_EQ(takes("root ::= [a-]", "-"), 1);
  EXPECT_EQ(takes("root ::= [^a-c\\n]", "\u4e2d"), 1);
  EXPECT_EQ(takes("root ::= [^a-c\\n]", "b"), 0);
  EXPECT_EQ(takes("root ::= [^\\u4e2d]", "\u4e2d"), 0);
  EXPECT_EQ(takes("root ::= [^\\u4e2d]", "\u4e2e"), 1);
  EXPECT_EQ(takes("root ::= .", "\U0010FFFF"), 1);
  EXPECT_EQ(takes("root ::= .", ""), -1);
  // No surrogates, nothing longer than it has to be, nothing behind U+10FFFF.
  EXPECT_EQ(takes("root ::= .", "\xED\xA0\x80"), 0);
  EXPECT_EQ(takes("root ::= .", "\xC0\x80"), 0);
  EXPECT_EQ(takes("root ::= .", "\xE0\x80\x80"), 0);
  EXPECT_EQ(takes("root ::= .", "\xF4\x90\x80\x80"), 0);
  EXPECT_EQ(takes("root ::= .", "\x80"), 0);
}

TEST(Grammar, EveryCharacterOfRanges) {
  const uint32_t limits[] = {0x41,   0x7F,   0x80,    0x7FF,   0x800,
                             0x850,  0xFFF,  0x1000,  0x28FF,  0xD7FF,
                             0xE000, 0xFFFF, 0x10000, 0x10FFFF};
  for (uint32_t low : limits)
    for (uint32_t high : limits) {
      if (high < low)
        continue;
      char text[64];
      snprintf(text, sizeof(text), "root ::= [\\U%08X-\\U%08X]", low, high);
      GrammarPointer made = rules(text);
      ASSERT_TRUE(made) << sentence().text;
      Language language(made.get());
      for (uint32_t limit : limits)
        for (uint32_t c = limit - 2; c < limit + 3; ++c) {
          if (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
            continue;
          std::string bytes;
          if (c < 0x80)
            bytes = {char(c)};
          else if (c < 0x800)
            bytes = {char(0xC0 | c >> 6), char(0x80 | (c & 63))};
          else if (c < 0x10000)
            bytes = {char(0xE0 | c >> 12), char(0x80 | (c >> 6 & 63)),
                     char(0x80 | (c & 63))};
          else
            bytes = {char(0xF0 | c >> 18), char(0x80 | (c >> 12 & 63)),
                     char(0x80 | (c >> 6 & 63)), char(0x80 | (c & 63))};
          EXPECT_EQ(language.takes(bytes) == 1, c >= low && c <= high)
              << text << " " << c;
        }
    }
}

TEST(Grammar, Repetitions) {
  const struct {
    const char *mark;
    int least, most;
  } cases[] = {{"*", 0, 99},    {"+", 1, 99},    {"?", 0, 1},
               {"{3}", 3, 3},   {"{2,}", 2, 99}, {"{,2}", 0, 2},
               {"{2,4}", 2, 4}, {"{0}", 0, 0},   {"{ 1 , 2 }", 1, 2}};
  for (const auto &one : cases)
    for (int n = 0; n < 7; ++n) {
      std::string text;
      for (int i = 0; i < n; ++i)
        text += "ab";
      std::string grammar = std::string("root ::= (\"ab\")") + one.mark;
      EXPECT_EQ(takes(grammar, text) == 1, n >= one.least && n <= one.most)
          << grammar << " " << n;
    }
  EXPECT_EQ(takes("root ::= (\"a\"* \"b\"?)* \"c\"", "aababac"), 1);
}

TEST(Grammar, RulesAndGroups) {
  const char *text = "root ::= head\n"
                     "  (\",\" (head | \n \"-\"))* tail?\n"
                     "head::=[0-9]+ # digits\n\n"
                     "tail ::=\n  \"!\" | \"?\"";
  EXPECT_EQ(takes(text, "12,-,3!"), 1);
  EXPECT_EQ(takes(text, "12,"), -1);
  EXPECT_EQ(takes(text, "12!?"), 0);
}

TEST(Grammar, Recursion) {
  const char *pairs = "root ::= \"(\" root \")\" root | \"\"";
  EXPECT_EQ(takes(pairs, "(()(()))()"), 1);
  EXPECT_EQ(takes(pairs, "(()"), -1);
  EXPECT_EQ(takes(pairs, "())"), 0);
  // Readings that share what is below them: 2^40 stacks.
  std::string many(40, 'a');
  EXPECT_EQ(takes("root ::= x\nx ::= \"a\" x \"b\" | \"a\" x \"c\" | \"d\"",
                  many + "d" + std::string(20, 'b') + std::string(20, 'c')),
            1);
  // One call that different readings return from to different places.
  const char *alike = "root ::= x \"1\" | z\nz ::= x \"2\"\nx ::= y \"]\"\n"
                      "y ::= \"abcdefghijklmnopqrstuvwxyz\"";
  EXPECT_EQ(takes(alike, "abcdefghijklmnopqrstuvwxyz]1"), 1);
  EXPECT_EQ(takes(alike, "abcdefghijklmnopqrstuvwxyz]2"), 1);
  EXPECT_EQ(takes(alike, "abcdefghijklmnopqrstuvwxyz]3"), 0);
  // A way that has no end is none.
  EXPECT_EQ(takes("root ::= \"a\" x | \"ab\"\nx ::= \"c\" x", "ac"), 0);
  // Calls at the end need no return.
  EXPECT_EQ(
      takes("root ::= \"a\" root | \"b\"", std::string(100000, 'a') + "b"), 1);
}

TEST(Grammar, Depth) {
  tern_grammar_options options;
  tern_grammar_options_init(&options);
  options.max_depth = 5;
  GrammarPointer made = rules("root ::= \"(\" root \")\" | \"x\"", &options);
  Language language(made.get());
  EXPECT_EQ(language.takes("(((((x)))))"), 1);
  EXPECT_EQ(language.takes("((((((x"), 0);
}

TEST(Grammar, Refusals) {
  EXPECT_EQ(refusal("root ::= root \"a\" | \"b\""),
            "line 1: rule root begins with itself; left recursion is not "
            "supported, so write it as a repetition");
  EXPECT_EQ(refusal("root ::= \"x\" a\na ::= b? c\nb ::= \"b\"\nc ::= a \"c\""),
            "line 2: rule a begins with itself, through c in line 4; left "
            "recursion is not supported, so write it as a repetition");
  EXPECT_EQ(refusal("root ::= a"), "line 1: there is no rule a");
  EXPECT_EQ(refusal("a ::= \"a\""),
            "there is no rule root, which is the whole answer");
  EXPECT_EQ(refusal("root ::= \"a\"\n\nroot ::= \"b\""),
            "line 3: rule root is there already, in line 1");
  EXPECT_EQ(refusal("root ::= \"a"),
            "line 1: expected \" at the end of a literal, got the end of the "
            "text");
  EXPECT_EQ(refusal("root ::= [a"),
            "line 1: expected ] at the end of a class, got the end of the "
            "text");
  EXPECT_EQ(refusal("root ::= (\"a\"\n\"b\""),
            "line 2: expected ) at the end of a group, got the end of the "
            "text");
  EXPECT_EQ(refusal("root ::= \"\\q\""),
            "line 1: expected an escape: \\n \\r \\t \\\\ \\\" \\[ \\] \\- \\^ "
            "\\xFF \\uFFFF or \\U0010FFFF, got 'q'");
  EXPECT_EQ(refusal("root ::= [b-a]"),
            "line 1: the range b-a ends before it begins");
  EXPECT_EQ(refusal("root ::= \"\\ud800\""),
            "line 1: U+D800 is not a character");
  EXPECT_EQ(refusal("root ::= \"a\"{3,2}"),
            "line 1: {3,2} ends before it begins");
  EXPECT_EQ(refusal("root ::= \"a\"{99999}"),
            "line 1: expected a repetition of at most 65536");
  EXPECT_EQ(refusal("root = \"a\""),
            "line 1: expected ::= behind the name of a rule, got '='");
  EXPECT_EQ(refusal("root ::= \"a\" )"),
            "line 1: expected the next part of a rule, got ')'");
  EXPECT_EQ(refusal("root ::= \"\xFF\""),
            "line 1: expected a character of UTF-8, got the byte 0xFF");
  EXPECT_EQ(refusal("root ::= \"a\" root"),
            "no text that the rules allow has an end");
}

TEST(Grammar, Limits) {
  tern_grammar_options options;
  tern_grammar_options_init(&options);
  options.max_nodes = 1000;
  EXPECT_EQ(refusal("root ::= (\"ab\"{100}){100}", &options),
            "the grammar needs more than the 1000 nodes that max_nodes allows");
  tern_grammar_options_init(&options);
  options.max_bytes = 100000;
  EXPECT_EQ(refusal("root ::= (\"ab\"{100}){100}", &options),
            "the grammar needs more than the 100000 bytes that max_bytes "
            "allows");
  EXPECT_EQ(refusal("root ::= " + std::string(200, '(')),
            "line 1: there are more than 128 groups inside each other");
  std::string chain = "root ::= r0\n";
  for (int i = 0; i < 20000; ++i)
    chain += "r" + std::to_string(i) + " ::= r" + std::to_string(i + 1) +
             " | \"x\"\n";
  chain += "r20000 ::= \"y\"";
  EXPECT_EQ(takes(chain, "y"), 1);
  std::string nullable = "root ::= r0\n";
  for (int i = 0; i < 3000; ++i)
    nullable += "r" + std::to_string(i) + " ::= r" + std::to_string(i + 1) +
                "? r" + std::to_string(i + 1) + "?\n";
  nullable += "r3000 ::= \"y\"";
  EXPECT_EQ(takes(nullable, "yy"), 1);
}

TEST(Grammar, Thoughts) {
  tern_grammar_options options;
  tern_grammar_options_init(&options);
  options.thought = TERN_THOUGHT_ALLOWED;
  GrammarPointer allowed = rules("root ::= \"yes\" | \"no\"", &options);
  Language may(allowed.get());
  EXPECT_EQ(may.takes("yes"), 1);
  EXPECT_EQ(may.takes("<think>\nno </thin </</think>\n\nyes"), 1);
  EXPECT_EQ(may.takes("<think>\nyes"), -1);
  EXPECT_EQ(may.takes("maybe"), 0);
  options.thought = TERN_THOUGHT_OPENED;
  GrammarPointer opened = rules("root ::= \"yes\" | \"no\"", &options);
  Language must(opened.get());
  EXPECT_EQ(must.takes("yes"), -1);
  EXPECT_EQ(must.takes("so <<</think>no"), 1);
}
