//===- AnswerReaderTest.cpp - Calls of tools in answers -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GrammarTesting.h"
#include "TestArtifact.h"
#include "tern/tools.h"

using namespace tern_test;

namespace {

const std::string tools =
    R"([{"type": "function", "function": {"name": "weather",
  "parameters": {"type": "object", "properties": {"place": {"type": "string"},
  "days": {"type": "integer", "minimum": 1}, "deep": {"type": "object"}},
  "required": ["place"]}}}, {"type": "function", "function": {"name": "now"}}])";

/// "thought|content|name(arguments)": neighbours of one kind are one.
struct Parts {
  std::string text;
  uint32_t last = 99, calls = 0;
  std::vector<std::string> ids;

  static int take(void *data, const tern_answer_part *part) {
    auto *parts = static_cast<Parts *>(data);
    std::string piece(part->text, part->bytes);
    if (part->kind == TERN_PART_CALL) {
      EXPECT_EQ(part->index, parts->calls++);
      parts->ids.push_back(part->id);
      piece = std::string(part->name) + "(" + piece + ")";
    } else if (part->kind == TERN_PART_THOUGHT && parts->last != part->kind) {
      piece = "?" + piece;
    }
    if (!parts->text.empty() &&
        (part->kind != parts->last || part->kind == TERN_PART_CALL))
      parts->text += "|";
    parts->text += piece;
    parts->last = part->kind;
    return 0;
  }
};

/// The parts of an answer that comes in pieces of every size.
std::string read(uint32_t form, const std::string &answer) {
  std::string result;
  for (size_t size = 1; size <= answer.size() + 1; ++size) {
    Parts parts;
    tern_answer_reader *reader = tern_answer_reader_open(
        form, tools.data(), tools.size(), 7, &sentence());
    EXPECT_TRUE(reader) << sentence().text;
    for (size_t at = 0; at < answer.size(); at += size) {
      std::string piece = answer.substr(at, size);
      EXPECT_EQ(tern_answer_reader_push(reader, piece.data(), piece.size(),
                                        Parts::take, &parts),
                0);
    }
    EXPECT_EQ(tern_answer_reader_flush(reader, Parts::take, &parts), 0);
    tern_answer_reader_close(reader);
    if (size > 1)
      EXPECT_EQ(parts.text, result) << "in pieces of " << size;
    result = parts.text;
  }
  return result;
}

} // namespace

TEST(AnswerReader, Content) {
  for (uint32_t form = TERN_CALLS_NONE; form <= TERN_CALLS_LIST; ++form)
    EXPECT_EQ(read(form, " Hello <b>, \n"), " Hello <b>, \n") << form;
  EXPECT_EQ(read(TERN_CALLS_NONE, "<tool_call>{}</tool_call>"),
            "<tool_call>{}</tool_call>");
}

TEST(AnswerReader, Thoughts) {
  EXPECT_EQ(
      read(TERN_CALLS_JSON_TAGS, "<think>\nhm <tool_call>\n</think>\n\nHello"),
      "?hm <tool_call>|Hello");
  EXPECT_EQ(read(TERN_CALLS_NONE, "<think>\n\n</think>\n\nHello"), "Hello");
  EXPECT_EQ(read(TERN_CALLS_NONE, "a <think>b</think>"), "a <think>b</think>");
  EXPECT_EQ(read(TERN_CALLS_NONE, "<think>never ends"), "?never ends");
}

TEST(AnswerReader, JsonBetweenTags) {
  EXPECT_EQ(
      read(TERN_CALLS_JSON_TAGS,
           "Look.\n<tool_call>\n{\"name\": \"weather\", \"arguments\": "
           "{\"place\": \"a</tool_call>b\", \"days\":  3}}\n</tool_call>\n"
           "<tool_call>{\"name\": \"now\"}</tool_call>\n\nDone."),
      "Look.|weather({\"place\": \"a</tool_call>b\", \"days\":  3})|now({})|"
      "Done.");
  EXPECT_EQ(read(TERN_CALLS_JSON_TAGS,
                 "<tool_call>{\"name\": \"f\", \"arguments\": "
                 "\"{\\\"x\\\": 1}\"}</tool_call>"),
            "f({\"x\": 1})");
}

TEST(AnswerReader, CallsThatAreNone) {
  EXPECT_EQ(read(TERN_CALLS_JSON_TAGS, "a <tool_call>{bad}</tool_call> b"),
            "a <tool_call>{bad}</tool_call> b");
  EXPECT_EQ(read(TERN_CALLS_JSON_TAGS, "a <tool_call>{\"name\": \"x"),
            "a <tool_call>{\"name\": \"x");
  EXPECT_EQ(read(TERN_CALLS_JSON_TAGS,
                 "<tool_call>{\"name\": \"x\", \"arguments\": 1}</tool_call>"),
            "<tool_call>{\"name\": \"x\", \"arguments\": 1}</tool_call>");
  EXPECT_EQ(read(TERN_CALLS_JSON, "{not a call}"), "{not a call}");
  EXPECT_EQ(
      read(TERN_CALLS_PYTHON, "<|tool_call_start|>import os<|tool_call_end|>"),
      "<|tool_call_start|>import os<|tool_call_end|>");
  // Half a character, and a call of nothing.
  const std::string half =
      "<|tool_call_start|>f(x='\\ud800\\u0041')<|tool_call_end|>";
  EXPECT_EQ(read(TERN_CALLS_PYTHON, half), half);
  const std::string nameless = "<tool_call><function=></function></tool_call>";
  EXPECT_EQ(read(TERN_CALLS_XML, nameless), nameless);
}

TEST(AnswerReader, JsonAlone) {
  EXPECT_EQ(read(TERN_CALLS_JSON,
                 "{\"name\": \"weather\", \"parameters\": {\"place\": "
                 "\"Oslo\"}}; {\"name\": \"now\", \"parameters\": {}}"),
            "weather({\"place\": \"Oslo\"})|now({})");
  EXPECT_EQ(read(TERN_CALLS_JSON, "<|python_tag|>{\"name\": \"now\"}"),
            "now({})");
  EXPECT_EQ(read(TERN_CALLS_JSON, "A {\"name\": \"now\"}"),
            "A {\"name\": \"now\"}");
}

TEST(AnswerReader, Python) {
  EXPECT_EQ(
      read(TERN_CALLS_PYTHON,
           "<|thought_start|>\nhm\n<|thought_end|>\n"
           "<|tool_call_start|>\n```python\n"
           "weather(place='O\\'s \"lo\\n', days=3)\n"
           "a.b(x=[1, {'k': None}], y=(True, -2.5,), z=\"\"\"q\"\"\")\n"
           "```\n<|tool_call_end|>\nDone."),
      "?hm|weather({\"place\": \"O's \\\"lo\\n\", \"days\": 3})|a.b({\"x\""
      ": [1, {\"k\": null}], \"y\": [true, -2.5], \"z\": \"q\"})|Done.");
}

TEST(AnswerReader, Marked) {
  EXPECT_EQ(
      read(TERN_CALLS_XML,
           "Sure.\n\n<tool_call>\n<function=weather>\n<parameter=place>\n12\n\n"
           "</parameter>\n<parameter=days>\n3\n</parameter>\n<parameter=deep>\n"
           "{\"a\": 1}\n</parameter>\n<parameter=other>\nx y\n</parameter>\n"
           "</function>\n</tool_call>"),
      "Sure.|weather({\"place\": \"12\\n\", \"days\": 3, \"deep\": {\"a\": 1}, "
      "\"other\": \"x y\"})");
}

TEST(AnswerReader, List) {
  EXPECT_EQ(read(TERN_CALLS_LIST,
                 "[TOOL_CALLS] [{\"name\": \"weather\", \"arguments\": "
                 "{\"place\": \"Oslo\"}}, {\"name\": \"now\"}]"),
            "weather({\"place\": \"Oslo\"})|now({})");
}

TEST(AnswerReader, Names) {
  std::string ids[2];
  const std::string call = "<tool_call>{\"name\": \"f\"}</tool_call>";
  for (uint32_t i = 0; i < 2; ++i) {
    Parts parts;
    tern_answer_reader *reader = tern_answer_reader_open(
        TERN_CALLS_JSON_TAGS, nullptr, 0, i, &sentence());
    tern_answer_reader_push(reader, (call + call).data(), 2 * call.size(),
                            Parts::take, &parts);
    tern_answer_reader_close(reader);
    ASSERT_EQ(parts.ids.size(), 2u);
    EXPECT_NE(parts.ids[0], parts.ids[1]);
    ids[i] = parts.ids[0];
  }
  EXPECT_NE(ids[0], ids[1]);
}

// A listener that has enough ends the push with its result.
TEST(AnswerReader, Stops) {
  auto stop = [](void *, const tern_answer_part *) { return 5; };
  tern_answer_reader *reader =
      tern_answer_reader_open(TERN_CALLS_NONE, nullptr, 0, 0, &sentence());
  EXPECT_EQ(tern_answer_reader_push(reader, "abc", 3, stop, nullptr), 5);
  tern_answer_reader_close(reader);
}

//===----------------------------------------------------------------------===//
// Forms, as templates teach them and as grammars require them
//===----------------------------------------------------------------------===//

TEST(Tools, Forms) {
  const struct {
    const char *name;
    uint32_t form;
  } cases[] = {
      {"qwen3", TERN_CALLS_JSON_TAGS}, {"qwen25", TERN_CALLS_JSON_TAGS},
      {"qwen35", TERN_CALLS_XML},      {"llama31", TERN_CALLS_JSON},
      {"falcon3", TERN_CALLS_JSON},    {"minicpm", TERN_CALLS_PYTHON},
      {"zephyr", TERN_CALLS_NONE}};
  for (const auto &one : cases) {
    std::vector<uint8_t> text = readBytes(
        std::string(TERN_TEST_DIR "/data/templates/") + one.name + ".jinja");
    EXPECT_EQ(tern_calls_form(reinterpret_cast<const char *>(text.data()),
                              text.size()),
              one.form)
        << one.name;
  }
}

TEST(Tools, Grammars) {
  const std::string oslo = "{\"place\": \"Oslo\", \"days\": 3}";
  const struct {
    uint32_t form;
    std::string one, two, wrong;
  } cases[] = {
      {TERN_CALLS_JSON_TAGS,
       "<tool_call>\n{\"name\": \"weather\", \"arguments\": " + oslo +
           "}\n</tool_call>",
       "\n<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>",
       "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"days\": 0"},
      {TERN_CALLS_JSON, "{\"name\": \"weather\", \"parameters\": " + oslo + "}",
       "; {\"name\": \"now\", \"parameters\": {}}", "{\"name\": \"then\""},
      {TERN_CALLS_PYTHON,
       "<|tool_call_start|>\n```python\nweather(place=\"Oslo\", days=3)\n"
       "```\n<|tool_call_end|>",
       "", "<|tool_call_start|>\n```python\nweather(days=3)"},
      {TERN_CALLS_XML,
       "<tool_call>\n<function=weather>\n<parameter=place>\nOslo\n"
       "</parameter>\n<parameter=days>\n3\n</parameter>\n</function>\n"
       "</tool_call>",
       "\n<tool_call>\n<function=now>\n</function>\n</tool_call>",
       "<tool_call>\n<function=weather>\n<parameter=days>"},
      {TERN_CALLS_LIST,
       "[TOOL_CALLS][{\"name\": \"weather\", \"arguments\": " + oslo + "}]", "",
       "[TOOL_CALLS][{\"name\": \"weather\", \"arguments\": {}"}};
  for (const auto &one : cases)
    for (int parallel = 0; parallel < 2; ++parallel) {
      GrammarPointer made(
          tern_grammar_from_tools(one.form, tools.data(), tools.size(), nullptr,
                                  parallel, nullptr, &sentence()),
          tern_grammar_release);
      ASSERT_TRUE(made) << sentence().text;
      Language language(made.get());
      EXPECT_EQ(language.takes(one.one), 1) << one.one;
      EXPECT_EQ(language.takes(one.wrong), 0) << one.wrong;
      if (!one.two.empty())
        EXPECT_EQ(language.takes(one.one + one.two), parallel) << one.two;
      // The reader reads what the grammar lets a model write.
      EXPECT_EQ(read(one.form, one.one).substr(0, 8), "weather(");
    }
}

TEST(Tools, OneName) {
  GrammarPointer made(tern_grammar_from_tools(TERN_CALLS_JSON, tools.data(),
                                              tools.size(), "now", 0, nullptr,
                                              &sentence()),
                      tern_grammar_release);
  Language language(made.get());
  EXPECT_EQ(language.takes("{\"name\": \"now\", \"parameters\": {}}"), 1);
  EXPECT_EQ(language.takes("{\"name\": \"w"), 0);
  EXPECT_FALSE(tern_grammar_from_tools(TERN_CALLS_JSON, tools.data(),
                                       tools.size(), "then", 0, nullptr,
                                       &sentence()));
  EXPECT_STREQ(sentence().text, "tools: none is called then");
  EXPECT_FALSE(tern_grammar_from_tools(TERN_CALLS_NONE, tools.data(),
                                       tools.size(), nullptr, 0, nullptr,
                                       &sentence()));
  EXPECT_STREQ(sentence().text,
               "the model's template has no form for calls of tools");
}

// Keywords that are not supported count only where a tool is strict.
TEST(Tools, Strict) {
  std::string loose = R"([{"function": {"name": "f", "parameters": {"type":
    "object", "properties": {"x": {"format": "uri-template"}}}}}])";
  std::string strict = loose;
  strict.insert(strict.find("\"name\""), "\"strict\": true, ");
  for (uint32_t form = 1; form <= TERN_CALLS_LIST; ++form) {
    GrammarPointer made(tern_grammar_from_tools(form, loose.data(),
                                                loose.size(), nullptr, 0,
                                                nullptr, &sentence()),
                        tern_grammar_release);
    EXPECT_TRUE(made) << sentence().text;
  }
  EXPECT_FALSE(tern_grammar_from_tools(TERN_CALLS_JSON, strict.data(),
                                       strict.size(), nullptr, 0, nullptr,
                                       &sentence()));
  EXPECT_STREQ(sentence().text,
               "schema: #/0/function/parameters/properties/x/format: the "
               "format uri-template is not supported");
}
