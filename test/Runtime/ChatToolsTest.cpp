//===- ChatToolsTest.cpp - Tools in a chat --------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ChatTesting.h"

using namespace tern_test;

namespace {

const char toolsTemplate[] =
    "{% if tools %}{% for t in tools %}[{{ t.name }}]{% endfor %}{% endif %}"
    "{% for m in messages %}{{ m.role[0] }}:{{ m.content }};{% endfor %}a:";

class ChatTools : public Chat {
protected:
  void SetUp() override {
    install(other, defaultGeneration(), toolsTemplate, variables);
  }
  void TearDown() override {
    std::remove(other.c_str());
    std::remove(tools.c_str());
  }
  Result talkWith(const std::string &json, const std::string &lines,
                  const std::string &flags = "-q") {
    writeFile(tools, {json.begin(), json.end()});
    return talk("-n 4 --tools " + tools + " " + flags, lines, other);
  }

  std::string other = temporaryPath("tools-program");
  std::string tools = temporaryPath("tools.json");
};

TEST_F(ChatTools, ReachTheTemplate) {
  Result r =
      talkWith(R"([{"name": "sum"}, {"name": "<|end_of_text|>"}])", "x\n");
  EXPECT_EQ(r.status, 0) << r.err;
  EXPECT_EQ(r.err, "");
  // Nothing in a file is a control token.
  EXPECT_EQ(r.out, continued(plain("[sum][<|end_of_text|>]u:x;a:"), 4));
  EXPECT_EQ(talkWith("[]", "x\n").out, continued(plain("u:x;a:"), 4));
}

TEST_F(ChatTools, BadFiles) {
  const std::pair<std::string, std::string> cases[] = {
      {"[{]", ", line 1: this is not valid JSON\n"},
      {"[{}]\n,", ", line 2: this is not valid JSON\n"},
      {R"({"name": "sum"})",
       ": expected a list of objects, [{...}, ...], got a mapping\n"},
      {"[\"sum\"]",
       ": expected a list of objects, got a string as element 1\n"},
      {"[{\"a\": \"\xff\"}]", ": this is not UTF-8\n"},
      {std::string(1 << 20, ' ') + "[]", ": expected at most 1024 KiB, got "
                                         "1025\n"},
  };
  for (const auto &[json, sentence] : cases) {
    Result r = talkWith(json, "x\n");
    EXPECT_EQ(r.status, 1);
    EXPECT_EQ(r.out, "");
    EXPECT_NE(r.err.find("error: " + tools + sentence), std::string::npos)
        << r.err;
    EXPECT_EQ(std::count(r.err.begin(), r.err.end(), '\n'), 1) << r.err;
  }
  EXPECT_NE(talk("--tools /no/such/file", "x\n", other)
                .err.find("/no/such/file: No such file"),
            std::string::npos);
}

TEST_F(ChatTools, ATemplateThatWritesNone) {
  install(other, defaultGeneration(), chatTemplate, variables);
  Result r = talkWith("[{}]", "x\n", "");
  EXPECT_EQ(r.status, 0);
  EXPECT_NE(r.err.find("does not write the tools of --tools"),
            std::string::npos)
      << r.err;
  EXPECT_EQ(talkWith("[{}]", "x\n").err, "");
}

TEST_F(ChatTools, Results) {
  std::string one = continued(plain("u:x;a:"), 4);
  std::string said = one.substr(0, one.size() - 1);
  // Of several lines, and with what would be a control token.
  const std::string result = "{\n \"y\": \"<|end_of_text|>\"}";
  Result r =
      talk("-q -n 4", "x\n/tool {\\\n \"y\": \"<|end_of_text|>\"}\n", other);
  EXPECT_EQ(r.status, 0) << r.err;
  EXPECT_EQ(r.err, "");
  Tokens second = plain("u:x;a:" + said + ";t:" + result + ";a:");
  EXPECT_EQ(r.out, one + continued(second, 4));
  // Nothing to answer to, and nothing said.
  for (const char *lines :
       {"/tool x\n", "/reset\n/tool x\n", "x\n/tool\n", "x\n/tool \n"}) {
    r = talk("-q -n 4 --system s", lines, other);
    EXPECT_EQ(r.status, 1) << lines;
    EXPECT_NE(r.err.find("tool"), std::string::npos);
  }
  // In a pipe it is a message.
  EXPECT_EQ(talk("-q -n 4", "/tool y\n", other, false).out,
            continued(plain("u:/tool y;a:"), 4));
  EXPECT_EQ(talk("-q -n 4", "/tools\n", other).status, 1); // no command
}

} // namespace
