//===- TemplateTest.cpp - Chat templates ----------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Texts are compared with Python's Jinja2 by compare_templates.py. Here: marks,
// refusals and how they are said, and that every limit holds.
//
//===----------------------------------------------------------------------===//

#include "CommaLocale.h"

#include "tern/template.h"

#include "gtest/gtest.h"

#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>

namespace {

/// Memory of exactly the size that is asked for, so that sanitizers see a byte
/// too many.
class Engine {
public:
  explicit Engine(size_t room = size_t(32) << 20)
      : room(room), memory(new char[room]) {}

  /// Empty, or the sentence.
  std::string parse(const std::string &text) {
    // Nothing may be read behind the text, either.
    std::vector<char> exact(text.begin(), text.end());
    tern_error error = {};
    int failed = tern_template_parse(memory.get(), room, exact.data(),
                                     exact.size(), &parsed, &error);
    EXPECT_EQ(failed != 0, error.text[0] != 0);
    EXPECT_EQ(failed == 0, parsed != nullptr);
    return error.text;
  }

  std::string render(const std::string &json) {
    std::vector<char> exact(json.begin(), json.end());
    tern_error error = {};
    out = {};
    int failed = tern_template_render(parsed, exact.data(), exact.size(),
                                      1767225600, &out, &error);
    EXPECT_EQ(failed != 0, error.text[0] != 0);
    return failed ? error.text : std::string(out.text, out.bytes);
  }

  std::string operator()(const std::string &text,
                         const std::string &json = "{}") {
    std::string refusal = parse(text);
    return refusal.empty() ? render(json) : refusal;
  }

  /// '#' for each byte that is written, 'o' for the model's, '.' for the
  /// others.
  std::string marks() const {
    std::string shown(out.bytes, '.');
    for (size_t i = 0; out.marks && i < out.bytes; ++i)
      shown[i] = ".#o"[out.marks[i]];
    return shown;
  }

  std::string literals() const {
    std::string all;
    auto take = [](void *data, const char *text, size_t bytes) {
      static_cast<std::string *>(data)->append(text, bytes).append(" ");
      return 0;
    };
    EXPECT_EQ(tern_template_literals(parsed, take, &all), 0);
    return all;
  }

private:
  size_t room;
  std::unique_ptr<char[]> memory;
  tern_template *parsed = nullptr;
  tern_rendering out = {};
};

std::string contents(const std::filesystem::path &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> templatesOfModels() {
  std::vector<std::string> all;
  for (auto &entry :
       std::filesystem::directory_iterator(TERN_TEST_DIR "/data/templates"))
    if (entry.path().extension() == ".jinja")
      all.push_back(contents(entry.path()));
  EXPECT_GE(all.size(), 13u);
  return all;
}

TEST(Template, MarksWhatTheUserWrote) {
  Engine render;
  const std::string chat =
      R"({"messages": [{"role": "user", "content": " a<b> "}], "bos": "<s>"})";
  struct Case {
    const char *text, *expected, *marks;
  };
  const Case cases[] = {
      {"{{ bos }}|{{ messages[0].content }}", "<s>| a<b> ", "....######"},
      {"{{ messages[0].content | trim }}.", "a<b>.", "####."},
      {"{{ messages[0].content.strip().upper() }}", "A<B>", "####"},
      {"{{ messages[0].content | trim | replace('b', bos) }}", "a<<s>>",
       "##...#"},
      {"{{ '<' ~ messages[0].content[1] ~ '>' }}", "<a>", ".#."},
      {"{{ messages[0].content | tojson }}", "\" a<b> \"", ".######."},
      {"{{ messages[0].content.split('<') | join('<') }}", " a<b> ", "##.###"},
      {"{% for m in messages %}<{{ m['role'] }}>{% endfor %}", "<user>",
       "......"},
      {"{% set x %}<{{ messages[0].content | trim }}>{% endset %}{{ x }}",
       "<a<b>>", ".####."},
  };
  for (const Case &c : cases) {
    EXPECT_EQ(render(c.text, chat), c.expected) << c.text;
    EXPECT_EQ(render.marks(), c.marks) << c.text;
  }
  // A role that no template knows is text of whoever made it up.
  render("{{ messages[0].role }}", R"({"messages": [{"role": "<s>"}]})");
  EXPECT_EQ(render.marks(), "###");
}

TEST(Template, HuggingFaceEnvironment) {
  Engine render;
  EXPECT_EQ(render("{{ strftime_now('%Y-%m-%d') }}").substr(0, 3), "202");
  EXPECT_EQ(render("a\n{{ raise_exception('Roles must alternate') }}"),
            "the chat template, line 2: it refuses: Roles must alternate");
  EXPECT_EQ(render("{% generation %}x{% endgeneration %}"), "x");
  EXPECT_EQ(render("{{ x | tojson }} {{ x | tojson(indent=1) }}",
                   R"({"x": {"é": [1, null]}})"),
            "{\"é\": [1, null]} {\n \"é\": [\n  1,\n  null\n ]\n}");
  // Nothing can be changed, as in the sandbox templates run in elsewhere.
  EXPECT_EQ(render("{% set l = [] %}{% set x = l.append(1) %}"),
            "the chat template, line 1: unknown method 'append'");
}

/// The model's own tokens stand between the bytes 0x0E and 0x0F, in messages
/// only.
TEST(Template, MarksTokensOfTheModel) {
  Engine render;
  const std::string own = "\x0E<t>\x0F";
  const std::string said = "\"a" + own + "b\\u000e" + own + "\"";
  EXPECT_EQ(render("[{{ messages[0] }}]", "{\"messages\": [" + said + "]}"),
            "[a<t>b\x0E<t>]");
  EXPECT_EQ(render.marks(), ".#ooo##ooo.");
  // One letter becomes two of its kind.
  EXPECT_EQ(
      render("{{ messages[0] | upper }}ß", "{\"messages\": [\"ß\x0Eß<\x0F\"]}"),
      "SSSS<ß");
  EXPECT_EQ(render.marks(), "##ooo..");
  EXPECT_NE(render("{{ x }}", "{\"x\": " + said + "}").find("not valid JSON"),
            std::string::npos);
}

TEST(Template, Literals) {
  Engine engine;
  ASSERT_EQ(
      engine.parse("one{% if a == 'two' %}{{ 'three' ~ b['four'] }}"
                   "{% else %}{% set c %}five{% endset %}{% endif %}"
                   "{{ 'six' if d else 'seven' }}{{ 8 }}"
                   "{% for m in ['nine'] if m %}{{ f('ten') }}{% endfor %}"),
      "");
  EXPECT_EQ(engine.literals(), "one two three five six seven nine ten ");
}

TEST(Template, RendersAgain) {
  Engine render(size_t(16) << 10);
  ASSERT_EQ(render.parse("{% set x = x ~ 1 %}{{ x }}"), "");
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(render.render(R"({"x": "a"})"), "a1");
    EXPECT_EQ(render.render(R"({"x": "b"})"), "b1");
  }
}

/// Every refusal names the line and what is not understood.
TEST(Template, Refusals) {
  Engine render;
  struct Case {
    const char *text, *sentence;
  };
  const Case cases[] = {
      {"\n\n{% import 'x' as y %}", "line 3: unknown statement 'import'"},
      {"{{ x | urlize }}", "line 1: unknown filter 'urlize'"},
      {"{{ x is weird }}", "line 1: unknown test 'weird'"},
      {"{{ x.pop() }}", "line 1: unknown method 'pop'"},
      {"{{ f(*x) }}", "'*' before an argument is not supported"},
      {"{% for x in y recursive %}{% endfor %}", "'recursive' loops"},
      {"{% if a %}\n", "line 1: a block that begins here has no 'endif'"},
      {"{% endif %}", "'endif' ends nothing that is open"},
      {"{% for x of y %}{% endfor %}", "expected 'in', got 'of'"},
      {"{{ 1 + }}", "expected an expression"},
      {"{{ 'abc }}", "a string has no end"},
      {"{{ a", "a tag has no end: expected '}}'"},
      {"{# a", "'{#' has no '#}'"},
      {"{% raw %}x", "'raw' has no 'endraw'"},
      {"{{ $ }}", "unexpected '$'"},
      {"{{ 99999999999999999999 }}", "is out of range"},
      {"{{ x | join(y=1) }}", "'join' has no argument 'y'"},
      {"a\n{{ f(1) }}", "line 2: unknown function 'f'"},
      {"{{ x.y.z }}", "undefined"},
      {"{{ 1 // 0 }}", "division by zero"},
      {"{{ 9223372036854775807 + 1 }}", "a number is too large"},
      {"{{ 'a' + 1 }}", "'+' between a string and a number"},
      {"{{ [1, 'a'] | sort }}", "have no order"},
  };
  for (const Case &c : cases) {
    std::string refusal = render(c.text);
    EXPECT_EQ(refusal.rfind("the chat template, line ", 0), 0u) << refusal;
    EXPECT_NE(refusal.find(c.sentence), std::string::npos) << refusal;
  }
  for (const char *json : {"", "[]", "{", "{\"a\"}", "{\"a\": 1,}", "{} x",
                           "{\"a\": \"\\u12\"}", "{\"a\": tru}"})
    EXPECT_NE(render("x", json).find("not valid JSON"), std::string::npos);
}

std::string repeated(const std::string &text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i)
    all += text;
  return all;
}

TEST(Template, SizesAndDepth) {
  Engine render;
  EXPECT_EQ(render.parse(std::string(TERN_TEMPLATE_MAX_BYTES, 'x')), "");
  EXPECT_EQ(render.parse(std::string(TERN_TEMPLATE_MAX_BYTES + 1, 'x')),
            "the chat template is larger than what it may be");
  const std::string tooDeep[] = {
      "{{ " + repeated("(", 5000) + "1" + repeated(")", 5000) + " }}",
      "{{ " + repeated("[", 5000) + " }}",
      "{{ " + repeated("-", 5000) + "1 }}",
      "{{ " + repeated("not ", 5000) + "1 }}",
      "{{ 1" + repeated(" if 1 else 1", 5000) + " }}",
      repeated("{% if 1 %}", 5000),
  };
  for (const std::string &text : tooDeep)
    EXPECT_NE(render.parse(text).find("levels inside each other"),
              std::string::npos)
        << text.substr(0, 20);
  EXPECT_NE(render.parse("{{ 1" + repeated(" + 1", 5000) + " }}").find("parts"),
            std::string::npos);
  EXPECT_NE(render("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}")
                .find("levels inside each other"),
            std::string::npos);
  EXPECT_NE(render("{{ x }}", "{\"x\": " + repeated("[", 5000))
                .find("levels inside each other"),
            std::string::npos);
}

/// However little memory there is, what is asked for is done or refused.
TEST(Template, EverySizeOfMemory) {
  const std::string text =
      "{% for m in messages %}{{ m | tojson | upper }}{% endfor %}";
  const std::string json = R"({"messages": [{"role": "user", "a": "b"}]})";
  std::string rendered = Engine()(text, json);
  size_t least = 0;
  for (size_t room = 0; room < 16384; room += 16) {
    std::string result = Engine(room)(text, json);
    if (result == rendered && !least)
      least = room;
    EXPECT_EQ(result == rendered, least != 0) << room << ": " << result;
  }
  EXPECT_GT(least, 0u);
  // The promised memory is enough for any template.
  for (const char *part : {"{{a}}", "{{[", "a|", "{%if 1%}", "\"\\n\"", "[1,"})
    for (size_t times : {1, 10, 80}) {
      std::string all = repeated(part, times);
      Engine small(tern_template_bytes(all.size()));
      EXPECT_EQ(small.parse(all).find("memory"), std::string::npos) << all;
    }
  EXPECT_EQ(tern_template_bytes(TERN_TEMPLATE_MAX_BYTES + 1), 0u);
}

#ifndef TERN_SANITIZED /* which takes a hundred times as long */
/// A template that takes long is refused, and no step takes longer than those
/// of plain expressions: the time of all steps is about the same.
TEST(Template, Steps) {
  const std::string large = "{% set a = 'ab' * 1000000 %}";
  const std::string wide = "{% set w = '\u3000' * 600000 %}";
  const std::string numbers = "{% set l = range(100000) | list * 8 %}";
  auto often = [](const std::string &body) {
    return "{% for i in range(30000) %}" + repeated(body, 200) + "{% endfor %}";
  };
  const std::string slow[] = {
      often("{% if i == 1 and 2 in [3] %}{% endif %}"),
      often("{% if x.y.z is defined %}{% endif %}"),
      large + often("{% if a is upper %}{% endif %}"),
      large + often("{% if a.strip('ba') %}{% endif %}"),
      large + often("{% if a | trim('cd') %}{% endif %}"),
      large + "{% if a.strip(a) %}{% endif %}",
      large + often("{% if a.isspace() or a.isalpha() %}{% endif %}"),
      wide + often("{% if w.isspace() and not w.strip() %}{% endif %}"),
      wide + often("{% if w | trim or w.split() %}{% endif %}"),
      wide + often("{% if w.strip('éèàüöä\u3000') %}{% endif %}"),
      wide + often("{% if (w | length) is odd %}{% endif %}"),
      large + often("{% if a == a ~ '' %}{% endif %}"),
      large + often("{% if a.startswith(a) %}{% endif %}"),
      large + often("{% if 'abb' in a or a.rfind('b') %}{% endif %}"),
      large + often("{% if a | length %}{% endif %}"),
      large + "{% set d = {a: 1} %}" + often("{% if a in d %}{% endif %}"),
      numbers + often("{% if l | max %}{% endif %}"),
      numbers + often("{% if -1 in l %}{% endif %}"),
      numbers + often("{% if l | sum %}{% endif %}"),
      numbers + often("{% if l.count(1) %}{% endif %}"),
      numbers + "{% if l | unique %}{% endif %}",
      "{% for i in range(100000) %}" + repeated("{% set x = 'a' * 99 %}", 99) +
          "{% endfor %}",
      "{{ 'a' * 9223372036854775807 }}",
      "{{ 'x' | indent(9223372036854775807) }}",
      "{{ 1 | tojson(indent=9223372036854775807) }}",
      "{{ [0] * 9223372036854775807 }}",
      "{{ 3 ** 9223372036854775807 }}",
  };
  Engine render;
  double plain = 0; // seconds: the longer one of the first two
  for (size_t i = 0; i < std::size(slow); ++i) {
    const std::string &text = slow[i];
    std::clock_t start = std::clock();
    std::string result = render(text, R"({"x": {"y": {}}})");
    double took = double(std::clock() - start) / CLOCKS_PER_SEC;
    EXPECT_NE(result.find("line 1: "), std::string::npos)
        << text.substr(0, 100) << "\n"
        << result.substr(0, 100);
    plain = i < 2 ? std::max(plain, took) : plain;
    EXPECT_LT(took, 1) << text.substr(0, 100);
    EXPECT_LE(took, 2.2 * plain) << text.substr(0, 100);
  }
}
#endif

/// A conversation longer than any model's context is far from the limits.
TEST(Template, LongConversations) {
  std::string json = R"({"bos_token": "", "eos_token": "", "messages": [)";
  for (int i = 0; i < 2000; ++i)
    json += std::string(i ? ", " : "") + "{\"role\": \"" +
            (i % 2 ? "assistant" : "user") + "\", \"content\": \"" +
            repeated("some words ", 20) + "\"}";
  json += "]}";
  for (const std::string &text : templatesOfModels()) {
    Engine render(tern_template_bytes(text.size()) + 64 * json.size());
    ASSERT_EQ(render.parse(text), "");
    std::string result = render.render(json);
    EXPECT_NE(result.find("some words"), std::string::npos)
        << text << result.substr(0, 200);
  }
}

/// Cut off anywhere and with bytes changed, templates of models are parsed and
/// rendered, or refused.
TEST(Template, Damaged) {
  std::mt19937 random(1);
  Engine render(size_t(4) << 20);
  const std::string json =
      R"({"messages": [{"role": "user", "content": "a"}], "x": [1, {}]})";
  for (const std::string &text : templatesOfModels()) {
    for (size_t length = 0; length < text.size(); length += 3)
      render(text.substr(0, length), json);
    for (int i = 0; i < 300; ++i) {
      std::string damaged = text;
      for (int k = 0; k < 3; ++k)
        damaged[random() % damaged.size()] = "{}%#\"'()[]|.-+ \n\0\xFF"
                                             "aif0"[random() % 22];
      render(damaged, json);
    }
  }
}

/// A program that links the library may have any locale.
TEST(Template, NumbersAndMonthsHaveNoLocale) {
  CommaLocale locale;
  if (!locale.isThere())
    GTEST_SKIP() << "no locale with a comma can be made (package locales)";
  Engine render;
  EXPECT_EQ(render("{{ 1.5 + x }} {{ '2.5' | float }} {{ 0.25 | round(1) }} "
                   "{{ strftime_now('%B') }}",
                   R"({"x": 0.25})"),
            "1.75 2.5 0.2 January");
  EXPECT_STREQ(localeconv()->decimal_point, ",");
  EXPECT_NE(render("{{ raise_exception('no') }}"), "");
  EXPECT_STREQ(localeconv()->decimal_point, ",");
}

} // namespace
