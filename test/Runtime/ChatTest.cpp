//===- ChatTest.cpp - The command chat ------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Through pipes; terminals and interrupts are in test/Python/test_chat.py.
//
//===----------------------------------------------------------------------===//

#include "ChatTesting.h"

using namespace tern_test;

namespace {

/// The same as if all of it had been given at once.
TEST_F(Chat, KeepsWhatWasSaid) {
  for (const std::string flags : {"-q", "-q --repeat-penalty 1.7"}) {
    Result r = talk(flags + " -n 4", "ROMEO\n\nand then\n/reset\nROMEO\n");
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_EQ(r.err, "");
    Tokens first = Tokens{bos} + plain("u:ROMEO\na:");
    std::string one = continued(first, 4, flags);
    std::string said = one.substr(0, one.size() - 1);
    Tokens second = Tokens{bos} + plain("u:ROMEO\na:" + said) + Tokens{eos} +
                    plain("u:and then\na:");
    EXPECT_EQ(r.out, one + continued(second, 4, flags) + one);
  }
}

/// The stop string is neither printed nor part of what was said.
TEST_F(Chat, AnswersEndBeforeAStopString) {
  Tokens first = Tokens{bos} + plain("u:ROMEO\na:");
  std::string whole = continued(first, 6);
  size_t at = 2;
  while (whole.find_first_of("'\n", at) < at + 2)
    ++at;
  std::string stop = whole.substr(at, 2);
  std::string said = whole.substr(0, whole.find(stop));
  std::string flags = "-q --stop '" + stop + "'";
  Tokens second = Tokens{bos} + plain("u:ROMEO\na:" + said) + Tokens{eos} +
                  plain("u:x\na:");
  EXPECT_EQ(talk(flags + " -n 6", "ROMEO\nx\n").out,
            said + "\n" + continued(second, 6, flags));
}

TEST_F(Chat, ComputesOnlyWhatIsNew) {
  Result r = talk("-n 3", "ROMEO\nx\n/stats\n");
  EXPECT_EQ(r.status, 0) << r.err;
  // All that is told of the second question is new but what the first one and
  // its answer held.
  std::string said = r.out.substr(0, r.out.find('\n'));
  Tokens first = Tokens{bos} + plain("u:ROMEO\na:");
  Tokens second = Tokens{bos} + plain("u:ROMEO\na:" + said) + Tokens{eos} +
                  plain("u:x\na:");
  Tokens generated = greedy(first, 3);
  Tokens sequence = first + Tokens{generated[0], generated[1]};
  size_t reused = 0;
  while (reused < sequence.size() && sequence[reused] == second[reused])
    ++reused;
  EXPECT_GE(reused, first.size());
  EXPECT_NE(r.err.find("4 messages, "), std::string::npos) << r.err;
  EXPECT_NE(r.err.find("; " + std::to_string(reused) +
                       " tokens were not computed again\n"),
            std::string::npos)
      << r.err;
  std::string counted =
      " ms / " +
      std::string(
          5 - std::to_string(first.size() + second.size() - reused).size(),
          ' ') +
      std::to_string(first.size() + second.size() - reused) + " tokens";
  EXPECT_NE(r.err.find(counted), std::string::npos) << r.err << counted;
}

TEST_F(Chat, SystemMessage) {
  std::string expected =
      continued(Tokens{bos} + plain("s:Be kind\nu:x\na:"), 4);
  for (const char *flags : {"--system 'Be kind' -n 4", "-p 'Be kind' -n 4"})
    EXPECT_EQ(talk(flags, "/reset\nx\n").out, expected);
  // run with -cnv is chat.
  std::string told = temporaryPath("told");
  for (std::string text : {"Be kind", "Be kind\n"}) {
    writeFile(told, {text.begin(), text.end()});
    for (std::string flag : {"-sysf", "--system-prompt-file"})
      EXPECT_EQ(talk(flag + " " + told + " -n 4", "/reset\nx\n").out, expected);
  }
  EXPECT_EQ(talk("--system a -sysf " + told, "x\n").status, 2);
  EXPECT_EQ(talk("-sysf /no/such/file", "x\n").status, 1);
  std::remove(told.c_str());
  std::string file = temporaryPath("lines");
  writeFile(file, {'x', '\n'});
  for (const char *command : {"", "run ", "chat "})
    EXPECT_EQ(
        run(std::string(command) + "-p 'Be kind' --temp 0 -cnv -n 4 <" + file,
            talker)
            .out,
        expected);
  std::remove(file.c_str());
}

TEST_F(Chat, SingleTurn) {
  std::string expected = continued(Tokens{bos} + plain("u:x\na:"), 4);
  for (const char *flag : {"-st", "--single-turn"}) {
    Result r = talk(std::string(flag) + " -q -n 4", "\nx\ny\n");
    EXPECT_EQ(r.out, expected);
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_EQ(r.err, "");
  }
}

TEST_F(Chat, LinesThatGoOn) {
  std::string expected =
      continued(Tokens{bos} + plain("u:one\n/two\nthree\na:"), 4);
  EXPECT_EQ(talk("-n 4", "one\\\n/two\\\nthree\n").out, expected);
  EXPECT_EQ(talk("-n 4", "one\\\r\n/two\\\r\nthree\r\n/exit\nx\n").out,
            expected);
  // The end of the input ends a message.
  EXPECT_EQ(talk("-n 4", "one\\\n/two\\\nthree").out, expected);
}

TEST_F(Chat, Commands) {
  Result r = talk("-n 4", "/help\n/nothing\n /help\n/exit\nnever\n");
  EXPECT_EQ(r.status, 1); // a line was not answered
  EXPECT_EQ(r.out, continued(Tokens{bos} + plain("u: /help\na:"), 4));
  for (const char *part : {"/help ", "/reset ", "/stats ", "/exit ",
                           "there is no command /nothing; /help lists them"})
    EXPECT_NE(r.err.find(part), std::string::npos) << r.err;
}

/// Whoever writes the lines of a pipe says nothing to the program.
TEST_F(Chat, LinesOfPipesAreMessages) {
  for (const std::string line : {"/exit", "/usr/bin", "/", "/help"}) {
    Result r = talk("-n 4 -q", line + "\n", talker, false);
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_EQ(r.err, "");
    EXPECT_EQ(r.out, continued(Tokens{bos} + plain("u:" + line + "\na:"), 4));
  }
  // There is nobody to type /stats: timing comes at the end, as run has it.
  Result r = talk("-n 4", "x\n", talker, false);
  EXPECT_NE(r.err.find("\nprompt eval "), std::string::npos) << r.err;
  EXPECT_EQ(talk("-n 4", "", talker, false).err, "");
  EXPECT_EQ(talk("-n 4", "/exit\n").err, "");
}

/// One that is not answered makes the status 1.
TEST_F(Chat, StatusOfRefusedLines) {
  EXPECT_EQ(talk("-n 4", "x\n/nothing\ny\n").status, 1);
  EXPECT_EQ(
      talk("-n 4 -c 32", std::string(100, '?') + "\nx\n", talker, false).status,
      1);
  EXPECT_EQ(talk("-n 4", "x\n/stats\ny\n").status, 0);
}

TEST_F(Chat, Colors) {
  for (const char *flags :
       {"--color always", "--color never", "--color auto"}) {
    Result r = talk(std::string("-n 4 -q ") + flags, "x\n", talker, false);
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_EQ(r.out + r.err,
              continued(Tokens{bos} + plain("u:x\na:"), 4)); // none in a pipe
  }
  Result r = talk("--color=sometimes", "x\n");
  EXPECT_EQ(r.status, 2);
  EXPECT_NE(r.err.find("--color sometimes: expected auto|always|never"),
            std::string::npos)
      << r.err;
}

TEST_F(Chat, FullContext) {
  // The oldest turn goes when there is no room for the next.
  std::string first = "one two three";
  Result r = talk("-n 6 -c 32", first + "\n" + first + "\n" + first + "\n");
  EXPECT_EQ(r.status, 0) << r.err;
  EXPECT_NE(r.err.find("the context of 32 tokens is full; forgot the oldest 2 "
                       "messages"),
            std::string::npos)
      << r.err;
  EXPECT_EQ(std::count(r.out.begin(), r.out.end(), '\n'), 3) << r.out;
  // A message that cannot fit is refused, and forgotten.
  std::string large(100, '?');
  r = talk("-n 4 -c 32", large + "\nROMEO\n");
  EXPECT_EQ(r.status, 1);
  EXPECT_NE(r.err.find("but the context has room for 31"), std::string::npos)
      << r.err;
  EXPECT_EQ(r.out, continued(Tokens{bos} + plain("u:ROMEO\na:"), 4));
  // An answer ends where the context does.
  r = talk("-c 16", "ROMEO\n");
  EXPECT_EQ(r.status, 0);
  EXPECT_NE(r.err.find("the context is full, so the answer ends here"),
            std::string::npos)
      << r.err;
}

TEST_F(Chat, EndTokensEndAnAnswer) {
  Tokens first = Tokens{bos} + plain("u:ROMEO\na:");
  Tokens generated = greedy(first, 6);
  tern_generation generation = defaultGeneration();
  generation.eos_count = 2;
  generation.eos_ids[1] = generated[3];
  std::string other = temporaryPath("ends");
  install(other, generation, chatTemplate, variables);
  Result r = talk("-n 6", "ROMEO\n", other);
  EXPECT_EQ(r.out, continued(first, 3));
  EXPECT_EQ(talk("-n 6 --ignore-eos", "ROMEO\n", other).out,
            continued(first, 6));
  std::remove(other.c_str());
}

TEST_F(Chat, Templates) {
  // None: chat does not guess.
  Result r = talk("-n 4", "x\n", path);
  EXPECT_EQ(r.status, 1);
  EXPECT_EQ(r.out, "");
  EXPECT_NE(r.err.find("has no chat template"), std::string::npos) << r.err;
  EXPECT_NE(r.err.find("--chat-template FILE"), std::string::npos) << r.err;

  std::string file = temporaryPath("template");
  auto withTemplate = [&](const std::string &content) {
    writeFile(file, {content.begin(), content.end()});
    return talk("-n 4 --chat-template " + file, "x\n/stats\ny\n", path);
  };
  r = withTemplate("{{ messages[-1].content }}?");
  EXPECT_EQ(r.status, 0) << r.err;
  EXPECT_EQ(r.out, continued(plain("x?"), 4) + continued(plain("y?"), 4));
  // transformers defines these always, and an unknown name is nothing there.
  r = withTemplate("{{ tools is none }}{{ documents is none }}"
                   "{{ tools | map('x') | list }}{{ date_string }}"
                   "{{ 'no' if enable_thinking else 'yes' }}"
                   "{{ date_string is defined }}");
  EXPECT_EQ(r.status, 0) << r.err;
  std::string all = continued(plain("TrueTrue[]yesFalse"), 4);
  EXPECT_EQ(r.out, all + all);
  // One that cannot be parsed, and one that refuses a message.
  r = withTemplate("\n{% weird %}");
  EXPECT_EQ(r.status, 1);
  EXPECT_NE(r.err.find("the chat template, line 2: unknown statement 'weird'; "
                       "--chat-template FILE gives another"),
            std::string::npos)
      << r.err;
  r = withTemplate("{% if messages[-1].content == 'x' %}"
                   "{{ raise_exception('no x') }}{% endif %}!");
  EXPECT_EQ(r.status, 1);
  EXPECT_NE(r.err.find("it refuses: no x"), std::string::npos) << r.err;
  EXPECT_NE(r.err.find("\n0 messages"), std::string::npos) << r.err;
  EXPECT_EQ(r.out, continued(plain("!"), 4));
  r = withTemplate("{{ '' }}");
  EXPECT_NE(r.err.find("makes no text"), std::string::npos) << r.err;
  std::remove(file.c_str());
  EXPECT_EQ(talk("--chat-template /no/such/file", "x\n").status, 1);
}

} // namespace
