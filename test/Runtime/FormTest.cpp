//===- FormTest.cpp - --grammar and --json-schema -------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProgramTesting.h"

#include <regex>

using namespace tern_test;

namespace {

class Form : public Program {
protected:
  static void SetUpTestSuite() {
    Program::SetUpTestSuite();
    bound = temporaryPath("bound");
    install(bound, defaultGeneration(),
            "{% for m in messages %}{{ m.content }};{% endfor %}"
            "{% if enable_thinking %}<think>\n{% endif %}",
            "", "", TERN_FAKE_GRAMMAR_PROGRAM);
  }
  static void TearDownTestSuite() {
    std::remove(bound.c_str());
    Program::TearDownTestSuite();
  }
  void SetUp() override {
    writeText(rules, "root ::= (\"yes\" | \"no\") \".\" [a-c]{2} \"!\"");
    writeText(schema, R"({"type": "object", "properties": {"age":
      {"type": "integer", "minimum": 10, "maximum": 99}},
      "required": ["age"], "additionalProperties": false})");
  }
  void TearDown() override {
    std::remove(rules.c_str());
    std::remove(schema.c_str());
  }

  static void writeText(const std::string &file, const std::string &text) {
    writeFile(file, {text.begin(), text.end()});
  }

  static inline std::string bound;
  const std::string rules = temporaryPath("rules"),
                    schema = temporaryPath("schema");
};

TEST_F(Form, AnswersOfRun) {
  std::regex ruled("(yes|no)\\.[abc]{2}!\n");
  for (const char *flags : {"--temp 0", "--temp 2 -s 1", "--temp 2 -s 2"}) {
    Result r = run("-q -p ROMEO: " + std::string(flags) + " --grammar " + rules,
                   bound);
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_TRUE(std::regex_match(r.out, ruled)) << r.out;
    r = run("-q -p ROMEO: --json-schema-file " + schema + " " + flags, bound);
    EXPECT_TRUE(std::regex_match(
        r.out, std::regex("\\{\\s*\"age\":\\s*[1-9][0-9]\\s*\\}\n")))
        << r.out << r.err;
  }
  // A limit ends an answer of any form.
  Result r = run("-q -p ROMEO: -n 1 --print-ids --temp 0 -jf " + schema, bound);
  EXPECT_EQ(r.out.find(','), std::string::npos) << r.out;
}

TEST_F(Form, AnswersOfChat) {
  std::string lines = temporaryPath("lines");
  writeText(lines, "one\ntwo\n");
  std::string flags = "chat -q --temp 1 -s 3 --grammar " + rules + " <" + lines;
  Result r = run(flags, bound);
  std::regex both("((yes|no)\\.[abc]{2}!\n){2}");
  EXPECT_EQ(r.status, 0) << r.err;
  EXPECT_TRUE(std::regex_match(r.out, both)) << r.out;
  // The thought that the template has opened has no form, and no end here.
  r = run("chat -q -n 4 --thinking on --temp 1 -s 3 --grammar " + rules + " <" +
              lines,
          bound);
  EXPECT_EQ(r.out.find("<think>\n"), 0u) << r.out << r.err;
  EXPECT_FALSE(std::regex_search(r.out, std::regex("(yes|no)\\."))) << r.out;
  std::remove(lines.c_str());
}

TEST_F(Form, Refusals) {
  auto refused = [](const std::string &arguments, const std::string &program,
                    const std::string &sentence, int status = 1) {
    Result r = run("-p ROMEO: " + arguments, program);
    EXPECT_EQ(r.status, status);
    EXPECT_EQ(r.out, "");
    EXPECT_NE(r.err.find(sentence), std::string::npos) << r.err;
  };
  refused("--grammar " + rules, path,
          "this program was compiled without grammars; tern compile --grammars "
          "adds them");
  refused("--grammar " + schema, bound, schema + ": line 1: expected the name");
  refused("--json-schema " + rules, bound, rules + ": schema: byte 0");
  refused("--grammar /no/such/file", bound, "/no/such/file: No such file");
  refused("--grammar a --json-schema b", bound,
          "--grammar and --json-schema exclude each other", 2);
  refused("-j '{}'", bound, "--json-schema FILE", 2);
}

} // namespace
