//===- test/Unit/.../StrategyRulesTest.cpp - Files of strategies ----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/Transforms/StrategyRules.h"

#include "gtest/gtest.h"

using namespace tern;

namespace {

/// The rules as passes take them, or the error.
std::string parse(const char *json) {
  llvm::Expected<std::vector<StrategyRule>> rules = parseStrategyFile(json);
  if (!rules)
    return llvm::toString(rules.takeError());
  std::string text;
  for (const StrategyRule &rule : *rules)
    text += (text.empty() ? "" : ",") + printStrategyRule(rule);
  return text;
}

TEST(StrategyRules, KeepTheirOrder) {
  EXPECT_EQ(parse("[]"), "");
  EXPECT_EQ(parse(R"([{"projection": "o_proj", "layout": "rows_in_lanes"},
                      {"layout": "b", "lists": false, "projection": "*"},
                      {"projection": "a=b", "layout": "c", "lists": true}])"),
            "o_proj=rows_in_lanes,*=b:dense,a=b=c");
}

TEST(StrategyRules, AreWrittenAsTheyAreRead) {
  StrategyRule plain{"o_proj", "rows_in_lanes"}, measured{"*", "columns"};
  measured.usesLists = false;
  measured.ahead = 16;
  measured.weight = "8x8/-8..7/t1";
  measured.why = "o_proj: 3 us";
  std::string file = printStrategyFile({plain, measured});
  EXPECT_EQ(parse(file.c_str()), "o_proj=rows_in_lanes,*=columns:dense:ahead=16"
                                 "@8x8/-8..7/t1");
  EXPECT_NE(file.find("3 us"), std::string::npos);
  EXPECT_EQ(parse(printStrategyFile({}).c_str()), "");
}

TEST(StrategyRules, SayWhatIsWrong) {
  EXPECT_NE(parse("[").find("Unexpected EOF"), std::string::npos);
  EXPECT_EQ(parse("{}"), "expected a list of rules");
  EXPECT_EQ(parse("[1]"),
            "rule 1: expected an object such as {\"projection\": \"o_proj\", "
            "\"layout\": \"rows_in_lanes\"}");
  EXPECT_EQ(parse(R"([{"projection": "a", "layout": "b"}, {"layout": "b"}])"),
            "rule 2: expected a \"projection\"");
  EXPECT_EQ(parse(R"([{"projection": "a"}])"), "rule 1: expected a \"layout\"");
  EXPECT_EQ(parse(R"([{"projection": 1}])"),
            "rule 1: expected \"projection\" to be a string");
  EXPECT_EQ(parse(R"([{"lists": "no"}])"),
            "rule 1: expected \"lists\" to be true or false");
  EXPECT_EQ(parse(R"([{"ahead": -1}])"),
            "rule 1: expected \"ahead\" to be a number of bytes, or of entries "
            "of a list");
  EXPECT_EQ(parse(R"([{"kernel": "b"}])"),
            "rule 1: unknown field \"kernel\"; known are projection, "
            "layout, lists, ahead, weight and why");
}

TEST(StrategyRules, AreReadAsTheyArePrinted) {
  for (const char *text :
       {"o_proj=rows_in_lanes", "*=b:dense", "a=b=c", "*=b:ahead=1024",
        "*=b:dense:ahead=0@8x8/-8..7/columns17/t1+8x8/-8..7/t32"}) {
    llvm::Expected<StrategyRule> rule = parseStrategyRule(text);
    ASSERT_TRUE(bool(rule)) << llvm::toString(rule.takeError());
    EXPECT_EQ(printStrategyRule(*rule), text);
  }
  for (const char *text : {"", "o_proj", "=b", "a=", "a=:dense"}) {
    llvm::Expected<StrategyRule> rule = parseStrategyRule(text);
    ASSERT_FALSE(bool(rule)) << text;
    EXPECT_EQ(llvm::toString(rule.takeError()),
              std::string("expected a strategy PATTERN=LAYOUT or "
                          "PATTERN=LAYOUT:dense, got `") +
                  text + "`");
  }
}

} // namespace
