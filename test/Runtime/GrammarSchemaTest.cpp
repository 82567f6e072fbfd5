//===- GrammarSchemaTest.cpp - JSON schemas as grammars -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// test/data/grammars/schemas.json has schemas, documents that each of them
// takes and does not take, and schemas that are refused.
//
//===----------------------------------------------------------------------===//

#include "CommaLocale.h"
#include "GrammarTesting.h"

#include <nlohmann/json.hpp>

#include <fstream>

using namespace tern_test;
using json = nlohmann::ordered_json;

static json readCases() {
  std::ifstream file(TERN_TEST_DIR "/data/grammars/schemas.json");
  return json::parse(file);
}

TEST(GrammarSchema, Documents) {
  int checked = 0;
  const json cases = readCases();
  for (const json &one : cases["schemas"]) {
    std::string name = one["name"];
    GrammarPointer made = schema(one["schema"].dump());
    ASSERT_TRUE(made) << name << ": " << sentence().text;
    Language language(made.get());
    for (const std::string text : one["accepted"]) {
      EXPECT_EQ(language.takes(text), 1) << name << ": " << text;
      ++checked;
    }
    for (const std::string text : one["refused"]) {
      EXPECT_NE(language.takes(text), 1) << name << ": " << text;
      ++checked;
    }
  }
  EXPECT_GT(checked, 300);
}

TEST(GrammarSchema, Refusals) {
  const json cases = readCases();
  ASSERT_GT(cases["refused"].size(), 30u);
  for (const json &one : cases["refused"]) {
    std::string text = one["schema"];
    EXPECT_FALSE(schema(text)) << text;
    EXPECT_EQ(std::string(sentence().text), one["sentence"]) << text;
  }
}

// Numbers that are longer than any that is compared are within no limit.
TEST(GrammarSchema, LongNumbers) {
  const std::string nines(70, '9'), other = "1" + nines;
  GrammarPointer made =
      schema(R"({"enum": [)" + nines + R"(, 5], "maximum": 10})");
  ASSERT_TRUE(made) << sentence().text;
  EXPECT_EQ(Language(made.get()).takes("5"), 1);
  EXPECT_EQ(Language(made.get()).takes(nines), 0);
  made = schema(R"({"allOf": [{"enum": [1, )" + nines + R"(]}, {"enum": [1, )" +
                other + "]}]}");
  ASSERT_TRUE(made) << sentence().text;
  EXPECT_EQ(Language(made.get()).takes("1"), 1);
  EXPECT_EQ(Language(made.get()).takes(nines), 0);
}

TEST(GrammarSchema, NumbersHaveNoLocale) {
  CommaLocale locale;
  if (!locale.isThere())
    GTEST_SKIP() << "no locale with a comma can be made (package locales)";
  GrammarPointer made =
      schema(R"({"allOf": [{"enum": [1.25, 3.5]}, {"enum": [1.75, 3.5]}]})");
  ASSERT_TRUE(made) << sentence().text;
  EXPECT_EQ(Language(made.get()).takes("3.5"), 1);
  EXPECT_EQ(Language(made.get()).takes("1.25"), 0);
}

TEST(GrammarSchema, AnyObject) {
  GrammarPointer made(tern_grammar_any_object(nullptr, &sentence()),
                      tern_grammar_release);
  Language language(made.get());
  EXPECT_EQ(language.takes(R"({"a": [1, "b", {"c": null}], "d": -1.5e2})"), 1);
  EXPECT_EQ(language.takes("[]"), 0);
  EXPECT_EQ(language.takes("{}}"), 0);
}

// Lists are compared value by value, but not for minutes.
TEST(GrammarSchema, ManyValues) {
  json one = json::array(), two = json::array();
  for (int i = 0; i < 5000; ++i) {
    one.push_back(i);
    two.push_back(i + 4990);
  }
  json all = {{"allOf", {{{"enum", one}}, {{"enum", two}}}}};
  EXPECT_FALSE(schema(all.dump()));
  EXPECT_STREQ(sentence().text,
               "schema: #/allOf/1/enum: its values are too many to be compared "
               "with others");
  all["allOf"][1]["enum"] = {4, 7, -1};
  EXPECT_TRUE(schema(all.dump())) << sentence().text;
}

// Names of many properties stay a few rules each.
TEST(GrammarSchema, ManyProperties) {
  json all = {{"type", "object"}, {"required", json::array()}};
  std::string text = "{";
  for (int i = 0; i < 500; ++i) {
    std::string name = "property" + std::to_string(i);
    all["properties"][name] = {{"type", i % 2 ? "string" : "integer"}};
    if (i % 3 == 0)
      all["required"].push_back(name);
  }
  for (auto it = all["properties"].begin(); it != all["properties"].end(); ++it)
    text += (text.size() > 1 ? ", \"" : "\"") + it.key() +
            (it.value()["type"] == "string" ? "\": \"x\"" : "\": 5");
  GrammarPointer made = schema(all.dump());
  ASSERT_TRUE(made) << sentence().text;
  Language language(made.get());
  EXPECT_EQ(language.takes(text + "}"), 1);
  tern_grammar_info info = {sizeof(info), 0, 0, 0, 0};
  tern_grammar_describe(made.get(), &info);
  EXPECT_LT(info.nodes, 60000u);
}
