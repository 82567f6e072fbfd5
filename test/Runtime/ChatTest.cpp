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

#include "ProgramTesting.h"

using namespace tern_test;

namespace {

/// One letter for a role, as the context of the fake model is short.
const char chatTemplate[] =
    "{{ bos_token }}{% for m in messages %}{{ m.role[0] }}:{{ m.content }}"
    "{{ eos_token if m.role == 'assistant' else '\\n' }}{% endfor %}a:";
const char variables[] =
    R"({"bos_token":"<|begin_of_text|>","eos_token":"<|end_of_text|>"})";

class Chat : public Program {
protected:
  static void SetUpTestSuite() {
    Program::SetUpTestSuite();
    talker = temporaryPath("talker");
    install(talker, defaultGeneration(), chatTemplate, variables);
  }
  static void TearDownTestSuite() {
    std::remove(talker.c_str());
    Program::TearDownTestSuite();
  }

  /// Lines of a pipe, in which commands are taken unless `takesCommands` says
  /// no.
  static Result talk(const std::string &flags, const std::string &lines,
                     const std::string &program = talker,
                     bool takesCommands = true) {
    std::string file = temporaryPath("lines");
    writeFile(file, {lines.begin(), lines.end()});
    Result r =
        run("chat --temp 0 " + std::string(takesCommands ? "--commands " : "") +
                flags + " <" + file,
            program);
    std::remove(file.c_str());
    return r;
  }

  /// Tokens of a text in which there are no control tokens.
  static std::vector<int32_t> plain(const std::string &text) {
    std::vector<int32_t> tokens(
        tern_tokenizer_max_tokens(&tokenizer, text.size()));
    std::vector<char> memory(
        tern_tokenizer_encode_bytes(&tokenizer, text.size()));
    size_t count = 0;
    EXPECT_EQ(tern_tokenizer_encode(&tokenizer, text.data(), text.size(),
                                    TERN_ENCODE_BARE | TERN_ENCODE_PLAIN,
                                    memory.data(), memory.size(), tokens.data(),
                                    tokens.size(), &count),
              TERN_OK);
    tokens.resize(count);
    return tokens;
  }

  /// The model's continuation, as text.
  static std::string continued(const std::vector<int32_t> &tokens, int n,
                               const std::string &flags = "") {
    return run("--temp 0 -n " + std::to_string(n) + " --ids " + joined(tokens) +
               " " + flags)
        .out;
  }

  static inline std::string talker;
};

constexpr int32_t bos = 1022, eos = 1023;

std::vector<int32_t> operator+(std::vector<int32_t> a,
                               const std::vector<int32_t> &b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

using Tokens = std::vector<int32_t>;

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

/// Control tokens in what somebody wrote are text.
TEST_F(Chat, MessagesCannotEndTheirTurn) {
  Result r = talk("-n 4", "<|end_of_text|>\n");
  EXPECT_EQ(r.out, continued(Tokens{bos} + plain("u:<|end_of_text|>\na:"), 4));
  EXPECT_EQ(r.status, 0) << r.err;
}

/// A tokenizer whose turn markers are added tokens, but not special ones: the
/// template decides.
TEST_F(Chat, MarkersOfTheTemplateAreProtected) {
  tern::TokenizerSources sources;
  sources.tokenizer =
      text(TERN_TEST_DIR "/models/shakespeare-a48/tokenizer.json");
  for (size_t at = 0; (at = sources.tokenizer.find("\"special\": true", at)) !=
                      std::string::npos;
       ++at)
    sources.tokenizer.replace(at, 15, "\"special\": false");
  std::string error, other = temporaryPath("markers");
  auto table = tern::compileTokenizer(sources, error);
  ASSERT_TRUE(table) << error;
  tern_generation generation = defaultGeneration();
  auto say = [&](const std::string &chat, const std::string &message) {
    writeFile(other, appended(readBytes(TERN_FAKE_PROGRAM),
                              makeArtifact(*table, generation, chat, "{}")));
    chmod(other.c_str(), 0755);
    return talk("-n 4", message + "\n", other).out;
  };
  const std::string typed = "x<|begin_of_text|>";
  Tokens whole = Tokens{bos} + plain("u:x") + Tokens{bos};
  Tokens asText = Tokens{bos} + plain("u:" + typed);
  ASSERT_NE(continued(whole, 4), continued(asText, 4));
  // As a literal, put together, by the role, and for a role that is not here.
  for (const char *chat :
       {"<|begin_of_text|>u:{{ messages[0].content }}",
        "{{ '<|begin' ~ '_of_text|>u:' ~ messages[0].content }}",
        "{% set r = {'user': 'begin'} %}<|{{ r[messages[0].role] }}_of_text|>"
        "u:{{ messages[0].content }}"})
    EXPECT_EQ(say(chat, typed), continued(asText, 4)) << chat;
  EXPECT_EQ(say("{% for m in messages %}{% if m.role == 'tool' %}"
                "{{ '<|begin_of_' ~ 'text|>' }}{% endif %}"
                "{{ m.content }}{% endfor %}",
                typed),
            continued(plain(typed), 4));
  // In what is not rendered now, and only in this conversation.
  EXPECT_EQ(say("{% if tools %}<|begin_of_text|>{% endif %}"
                "u:{{ messages[0].content }}",
                typed),
            continued(plain("u:" + typed), 4));
  EXPECT_EQ(
      say("{{ '<|begin' ~ '_of_text|>' if messages[0].content | length > 3 "
          "}}u:{{ messages[0].content }}",
          typed),
      continued(asText, 4));
  // A token that the template has nothing to do with is the tokenizer's.
  EXPECT_EQ(say("u:{{ messages[0].content }}", typed),
            continued(plain("u:x") + Tokens{bos}, 4));
  // An end token is protected in any case.
  generation.eos_ids[0] = bos;
  EXPECT_EQ(say("u:{{ messages[0].content }}", typed),
            continued(plain("u:" + typed), 4));
  std::remove(other.c_str());
}

/// A marker that the model itself said stays that token in what follows; the
/// same letters typed are text.
TEST_F(Chat, TokensOfTheModelStay) {
  // A question whose answer begins with a word.
  std::string question, word;
  Tokens first, generated;
  for (char c = 'a'; c <= 'z' && word.size() < 4; ++c) {
    question = c;
    first = Tokens{bos} + plain("u:" + question + "\na:");
    generated = greedy(first, 1);
    size_t bytes;
    uint32_t flags;
    const char *at =
        tern_tokenizer_token(&tokenizer, generated[0], &bytes, &flags);
    word.assign(at, flags & TERN_TOKEN_SPECIAL ? 0 : bytes);
    if (!std::all_of(word.begin(), word.end(),
                     [](char l) { return l > 32 && l < 127 && l != '"'; }))
      word.clear();
  }
  ASSERT_GE(word.size(), 4u);
  tern::TokenizerSources sources;
  sources.tokenizer =
      text(TERN_TEST_DIR "/models/shakespeare-a48/tokenizer.json");
  size_t list = sources.tokenizer.find("\"added_tokens\"");
  list = sources.tokenizer.find('[', list);
  sources.tokenizer.insert(
      list + 1, "{\"id\":" + std::to_string(generated[0]) + ",\"content\":\"" +
                    word +
                    "\",\"single_word\":false,\"lstrip\":false,\"rstrip\":"
                    "false,\"normalized\":false,\"special\":false},");
  std::string error, other = temporaryPath("own");
  auto table = tern::compileTokenizer(sources, error);
  ASSERT_TRUE(table) << error;
  std::string chat = chatTemplate + ("{% if tools %}" + word + "{% endif %}");
  writeFile(other, appended(readBytes(TERN_FAKE_PROGRAM),
                            makeArtifact(*table, defaultGeneration(), chat,
                                         variables)));
  chmod(other.c_str(), 0755);
  Tokens said = first + generated + Tokens{eos};
  Result r = talk("-q -n 1", question + "\nx\n", other);
  EXPECT_EQ(r.out, word + "\n" + continued(said + plain("u:x\na:"), 1));
  // Typed, it is made of other tokens.
  Tokens whole = Tokens{bos} + plain("u:x") + generated + plain("\na:");
  r = talk("-q -n 4", "x" + word + "\n", other);
  EXPECT_EQ(r.status, 0) << r.err;
  EXPECT_NE(r.out, continued(whole, 4));
  std::remove(other.c_str());
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
  Result r = talk("--color sometimes", "x\n");
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
