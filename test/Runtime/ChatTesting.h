//===- ChatTesting.h - The command chat on the fake model ------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_CHATTESTING_H
#define TERN_TEST_CHATTESTING_H

#include "ProgramTesting.h"

namespace tern_test {

/// One letter for a role, as the context of the fake model is short.
inline const char chatTemplate[] =
    "{{ bos_token }}{% for m in messages %}{{ m.role[0] }}:{{ m.content }}"
    "{{ eos_token if m.role == 'assistant' else '\\n' }}{% endfor %}a:";
inline const char variables[] =
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

inline std::vector<int32_t> operator+(std::vector<int32_t> a,
                                      const std::vector<int32_t> &b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

using Tokens = std::vector<int32_t>;

} // namespace tern_test

#endif // TERN_TEST_CHATTESTING_H
