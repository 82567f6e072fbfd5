//===- ChatThinkingTest.cpp - Models that think before they answer --------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The splitting of answers by itself is in ThinkingTest.cpp, models that make
// the tags are in test/Python/test_qwen_chat.py, terminals in test_chat.py.
//
//===----------------------------------------------------------------------===//

#include "ChatTesting.h"

using namespace tern_test;

namespace {

/// As Qwen3's: thoughts of earlier answers are gone, and a switch.
const char droppingTemplate[] =
    "{{ bos_token }}{% for m in messages %}{{ m.role[0] }}:"
    "{{ m.content.split('</think>')[-1].lstrip('\\n') }}"
    "{{ eos_token if m.role == 'assistant' else '\\n' }}{% endfor %}a:"
    "{% if enable_thinking is defined and enable_thinking is false %}!{% endif "
    "%}";

class Thinking : public Chat {
protected:
  void TearDown() override { std::remove(other.c_str()); }

  std::string other = temporaryPath("thinker");
};

TEST_F(Thinking, Switch) {
  install(other, defaultGeneration(), droppingTemplate, variables);
  std::string on = continued(Tokens{bos} + plain("u:x\na:"), 4);
  std::string off = continued(Tokens{bos} + plain("u:x\na:!"), 4);
  ASSERT_NE(on, off);
  EXPECT_EQ(talk("-q -n 4", "x\n", other).out, on);
  for (const char *flag : {"--thinking on", "--thinking auto", "--reasoning on",
                           "--reasoning-budget -1"})
    EXPECT_EQ(talk(std::string("-q -n 4 ") + flag, "x\n", other).out, on);
  for (const char *flag : {"--thinking off", "--thinking=off", "-rea off"})
    EXPECT_EQ(talk(std::string("-q -n 4 ") + flag, "x\n", other).out, off);
  EXPECT_EQ(talk("--thinking maybe", "x\n", other).status, 2);
  // The commands stay until the next one.
  Result r =
      talk("-q -n 4", "/no_think\nx\n/reset\nx\n/think\n/reset\nx\n", other);
  EXPECT_EQ(r.status, 0) << r.err;
  EXPECT_EQ(r.out, off + off + on);
  EXPECT_NE(r.err.find("thinking is off\n"), std::string::npos) << r.err;
  EXPECT_NE(r.err.find("thinking is on\n"), std::string::npos) << r.err;
  // Behind a message they are text, for models that know it.
  EXPECT_EQ(talk("-q -n 4", "x /no_think\n", other).out,
            continued(Tokens{bos} + plain("u:x /no_think\na:"), 4));
  EXPECT_EQ(talk("-q -n 4", "/no_think\n", other, false).out,
            continued(Tokens{bos} + plain("u:/no_think\na:"), 4));
}

TEST_F(Thinking, ATemplateWithoutASwitch) {
  Result r = talk("-n 4 --thinking off", "x\n/no_think\nx\n");
  EXPECT_EQ(r.status, 1); // a line was refused
  EXPECT_NE(r.err.find("no switch for thinking, so --thinking changes nothing"),
            std::string::npos)
      << r.err;
  EXPECT_NE(r.err.find("the chat template has no switch for thinking; the "
                       "model may know /no_think"),
            std::string::npos)
      << r.err;
  EXPECT_EQ(talk("-q -n 4 --thinking off", "x\n").err, "");
}

} // namespace
