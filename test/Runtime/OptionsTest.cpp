//===- OptionsTest.cpp - The tables of flags ------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "host/options.h"

#include "gtest/gtest.h"

#include <cstring>
#include <map>
#include <set>
#include <sstream>

namespace {

std::vector<std::string> words(const char *names) {
  std::istringstream stream(names ? names : "");
  return {std::istream_iterator<std::string>(stream), {}};
}

std::vector<host_flag> flags() {
  size_t count;
  const host_flag *list = host_flag_list(&count);
  return {list, list + count};
}

std::vector<host_spelling> spellings() {
  size_t count;
  const host_spelling *list = host_spelling_list(&count);
  return {list, list + count};
}

std::vector<host_command> commands() {
  const host_command *end = host_commands;
  while (end->name)
    ++end;
  return {host_commands, end};
}

/// The sentence, or "" if the command line is taken.
std::string parse(std::vector<std::string> arguments, host_options &options) {
  arguments.insert(arguments.begin(), "program");
  std::vector<char *> pointers;
  for (std::string &argument : arguments)
    pointers.push_back(argument.data());
  tern_error error = {};
  int result = host_options_parse(&options, int(pointers.size()),
                                  pointers.data(), &error);
  EXPECT_EQ(result == 0, error.text[0] == 0);
  return error.text;
}

TEST(Options, EveryNameMeansOneThing) {
  for (const host_command &command : commands()) {
    std::set<std::string> names;
    for (const host_flag &flag : flags())
      if (flag.commands & command.bit)
        for (const char *name : {flag.name, flag.alias})
          if (name)
            EXPECT_TRUE(names.insert(name).second) << command.name << name;
    std::set<std::string> real = names, other;
    for (const host_spelling &spelling : spellings())
      for (const std::string &name : words(spelling.names))
        if (spelling.commands & command.bit)
          EXPECT_TRUE(other.insert(name).second) << command.name << name;
  }
}

TEST(Options, EverySpellingIsOfAFlagOrHasAReason) {
  for (const host_spelling &spelling : spellings()) {
    for (const std::string &name : words(spelling.names))
      EXPECT_LE(name.size(), 32u);
    EXPECT_FALSE(words(spelling.names).empty());
    EXPECT_NE(spelling.flag == nullptr, spelling.reason == nullptr)
        << spelling.names;
    for (const host_command &command : commands())
      if (spelling.flag && (spelling.commands & command.bit)) {
        bool found = false;
        for (const host_flag &flag : flags())
          for (const char *name : {flag.name, flag.alias})
            found |= (flag.commands & command.bit) && name &&
                     std::strcmp(name, spelling.flag) == 0;
        EXPECT_TRUE(found) << command.name << " " << spelling.names;
      }
  }
}

TEST(Options, EverySpellingIsTakenOrRefusedWithItsReason) {
  host_options options;
  for (const host_command &command : commands())
    for (const host_spelling &spelling : spellings()) {
      if (spelling.flag || !(spelling.commands & command.bit))
        continue;
      for (const std::string &name : words(spelling.names)) {
        if (name[1] == 'b' && command.bit == COMMAND_BENCH)
          continue; // -b is a flag of bench
        std::string said = parse({command.name, name, "7.5"}, options);
        if (spelling.value && !*spelling.value) {
          EXPECT_EQ(parse({command.name, name}, options), "");
          continue;
        }
        if (said.find(" expected ") != said.npos)
          continue; // a flag of this command
        EXPECT_EQ(said, name + ": " + spelling.reason) << command.name;
        if (spelling.value) {
          EXPECT_EQ(parse({command.name, name, spelling.value}, options), "");
          EXPECT_EQ(parse({command.name, name + "=" + spelling.value}, options),
                    "");
        }
      }
    }
}

TEST(Options, Nearest) {
  const std::pair<const char *, const char *> near[] = {
      {"--tmp", "--temp"},        {"--temp1=3", "--temp"},
      {"--promt", "--prompt"},    {"-prompt", "--prompt"},
      {"--thraeds", "--threads"}, {"--top_k", "--top-k"},
      {"--ctxsize", "--ctx-size"}};
  for (auto [text, expected] : near) {
    const char *found = host_options_nearest(text, COMMAND_RUN);
    EXPECT_STREQ(found ? found : "none", expected) << text;
  }
  for (const char *text : {"--fast", "-x", "--", "--chunks", "-zzz", ""})
    EXPECT_EQ(host_options_nearest(text, COMMAND_RUN), nullptr) << text;
  std::string longest(5000, '-');
  EXPECT_EQ(host_options_nearest(longest.c_str(), COMMAND_RUN), nullptr);
}

TEST(Options, Escapes) {
  const std::pair<const char *, const char *> cases[] = {
      {"", ""},
      {"plain", "plain"},
      {R"(a\nb\tc\rd)", "a\nb\tc\rd"},
      {R"(\"\'\\n)", "\"'\\n"},
      {R"(\x41\xe2\x82\xac)", "A\u20ac"},
      {R"(\x00\x4\xg1\q\)", R"(\x00\x4\xg1\q\)"}};
  for (auto [text, expected] : cases) {
    std::string copy = text;
    host_unescape(copy.c_str());
    EXPECT_STREQ(copy.c_str(), expected);
  }
  host_unescape(nullptr);
}

TEST(Options, Underscores) {
  host_options options;
  EXPECT_EQ(parse({"--top_k", "3", "--n_predict=4", "--max_new-tokens", "5",
                   "--no_warmup"},
                  options),
            "");
  EXPECT_EQ(options.top_k, 3);
  EXPECT_EQ(options.limit, 5);
  EXPECT_NE(parse({"-_top-k", "3"}, options), "");
  EXPECT_NE(parse({"--top_", "3"}, options), "");
}

TEST(Options, BareValue) {
  host_options options;
  EXPECT_EQ(parse({"chat", "--color", "-n", "3"}, options), "");
  EXPECT_STREQ(options.color, "always");
  EXPECT_EQ(options.limit, 3);
  EXPECT_EQ(parse({"chat", "-n", "3", "-co"}, options), "");
  EXPECT_STREQ(options.color, "always");
  EXPECT_EQ(parse({"chat", "--color", "never"}, options), "");
  EXPECT_STREQ(options.color, "never");
  EXPECT_EQ(parse({"chat", "--color=auto"}, options), "");
  EXPECT_STREQ(options.color, "auto");
  EXPECT_NE(parse({"chat", "--color="}, options), "");
  EXPECT_NE(parse({"chat", "--color", "green"}, options), "");
}

TEST(Options, Numbers) {
  host_options options;
  EXPECT_EQ(parse({"-n", "5", "--temp=1e-1", "--top-p", "+.5"}, options), "");
  EXPECT_EQ(options.limit, 5);
  EXPECT_EQ(options.temperature, 0.1);
  EXPECT_EQ(options.top_p, 0.5);
  for (const char *value : {"", " 1", "1 ", "0x1", "nan", "inf", "1e", "--",
                            "e", "1,5", "1e999", "one"})
    EXPECT_NE(parse({"--temp", value}, options), "") << value;
  for (const char *value : {"", " 1", "1.0", "1e3", "0x1", "-", "1,2"})
    EXPECT_NE(parse({"-n", value}, options), "") << value;
}

} // namespace
