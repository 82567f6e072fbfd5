//===- TemplateToolsTest.cpp - Tools and switches of a render -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/template.h"

#include "gtest/gtest.h"

#include <cstring>
#include <memory>
#include <string>

namespace {

/// A text that may stand for "tools", or the sentence that says why not.
TEST(TemplateTools, AreCheckedBefore) {
  std::unique_ptr<char[]> memory(new char[TERN_TEMPLATE_MEMORY]);
  auto check = [&](const std::string &json) -> std::string {
    tern_error error = {};
    int result =
        tern_template_check_tools(memory.get(), TERN_TEMPLATE_MEMORY, "t.json",
                                  json.data(), json.size(), &error);
    EXPECT_EQ(result, error.text[0] ? -1 : 0);
    return error.text;
  };
  for (const char *good :
       {"[]", " [ {} ]\n", R"([{"type": "function", "function": {"name": "f",
        "parameters": {"x": [1, null, true, "\u00e9\n"]}}}, {}])"})
    EXPECT_EQ(check(good), "") << good;
  const std::string invalid = ": this is not valid JSON";
  const std::pair<std::string, std::string> cases[] = {
      {"", ", line 1" + invalid},
      {"[{}\n{}]", ", line 2" + invalid},
      {"[{\"a\":\n\n\"\x0e<think>\x0f\"}]", ", line 3" + invalid},
      {"[],\"messages\":[]", ", line 1" + invalid},
      {"[]\n\n]", ", line 3" + invalid},
      {"{\"a\": 1}", ": expected a list of objects, [{...}, ...], got a mapping"},
      {"null", ": expected a list of objects, [{...}, ...], got none"},
      {"[{}, 5]", ": expected a list of objects, got a number as element 2"},
      {std::string(3000, '['), ": more than 400 levels inside each other"},
      {"[" + std::string(1 << 20, ' ') + "]", ": expected at most 1024 KiB, "
                                              "got 1025"},
  };
  for (const auto &[json, sentence] : cases)
    EXPECT_EQ(check(json), "t.json" + sentence) << json.substr(0, 40);
  // All memory that there is does not suffice.
  std::string many = "[{}";
  for (int i = 0; i < 300000; ++i)
    many += ",{}";
  EXPECT_NE(check(many + "]"), "");
}

/// Tools and switches stand behind variables that are always there.
TEST(TemplateTools, LaterVariablesCount) {
  std::unique_ptr<char[]> memory(new char[TERN_TEMPLATE_MEMORY]);
  const char text[] = "{{ tools | length }}{{ enable_thinking }}";
  const char json[] =
      "{" TERN_TEMPLATE_VARIABLES ",\"enable_thinking\":true,\"tools\":[{},{}],"
      "\"enable_thinking\":false}";
  tern_template *parsed;
  tern_rendering out;
  tern_error error = {};
  ASSERT_EQ(tern_template_parse(memory.get(), TERN_TEMPLATE_MEMORY, text,
                                std::strlen(text), &parsed, &error),
            0)
      << error.text;
  ASSERT_EQ(
      tern_template_render(parsed, json, std::strlen(json), 0, &out, &error), 0)
      << error.text;
  EXPECT_EQ(std::string(out.text, out.bytes), "2False");
}

} // namespace
