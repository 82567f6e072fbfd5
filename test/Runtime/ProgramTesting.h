//===- ProgramTesting.h - Running compiled programs -------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A program as the compiler makes it, but with the fake model: run as a
// process, with an empty environment, from a folder of its own.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_PROGRAMTESTING_H
#define TERN_TEST_PROGRAMTESTING_H

#include "TestArtifact.h"
#include "tern/Tokenizer/TokenizerCompiler.h"

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <sys/stat.h>
#include <sys/wait.h>

namespace tern_test {

struct Result {
  int status;
  std::string out, err;
};

inline std::string text(const std::string &path) {
  std::vector<uint8_t> bytes = readBytes(path);
  return {bytes.begin(), bytes.end()};
}

class Program : public testing::Test {
protected:
  static void SetUpTestSuite() {
    tern::TokenizerSources sources;
    sources.tokenizer =
        text(TERN_TEST_DIR "/models/shakespeare-a48/tokenizer.json");
    std::string error;
    auto table = tern::compileTokenizer(sources, error);
    ASSERT_TRUE(table) << error;
    tokenizerTable = *table;
    path = temporaryPath("program");
    install(path, defaultGeneration());
    ASSERT_EQ(tern_tokenizer_load(&tokenizer, tokenizerTable.data(),
                                  tokenizerTable.size()),
              TERN_OK);
  }
  static void TearDownTestSuite() { std::remove(path.c_str()); }

  static void install(const std::string &to, const tern_generation &generation,
                      const std::string &chat = "",
                      const std::string &variables = "",
                      const std::string &rest = "",
                      const std::string &program = TERN_FAKE_PROGRAM) {
    writeFile(to, appended(readBytes(program),
                           makeArtifact(tokenizerTable, generation, chat,
                                        variables, rest)));
    chmod(to.c_str(), 0755);
  }

  /// `arguments` are for a shell.
  static Result run(const std::string &arguments,
                    const std::string &program = path) {
    std::string out = temporaryPath("out"), err = temporaryPath("err");
    int status = std::system(
        ("exec env -i " + program + " " + arguments + " >" + out + " 2>" + err)
            .c_str());
    Result result = {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text(out),
                     text(err)};
    std::remove(out.c_str());
    std::remove(err.c_str());
    return result;
  }

  static uint32_t hashOf(const std::vector<int32_t> &tokens) {
    uint32_t hash = FAKE_START;
    for (int32_t token : tokens)
      hash = fake_hash(hash, token);
    return hash;
  }

  /// The greedy continuation, by another way than the program's.
  static std::vector<int32_t> greedy(std::vector<int32_t> tokens, size_t n) {
    std::vector<int32_t> generated;
    while (generated.size() < n && tokens.size() <= FAKE_CONTEXT) {
      uint32_t hash = hashOf(tokens), best = 0;
      for (uint32_t v = 1; v < FAKE_VOCAB; ++v)
        if (fake_logit(hash, v) > fake_logit(hash, best))
          best = v;
      generated.push_back(int32_t(best));
      tokens.push_back(int32_t(best));
    }
    return generated;
  }

  static std::string joined(const std::vector<int32_t> &tokens) {
    std::string list;
    for (int32_t token : tokens)
      list += (list.empty() ? "" : ",") + std::to_string(token);
    return list;
  }

  static std::vector<float> readNpy(const std::string &file,
                                    const std::string &shape) {
    std::string bytes = text(file);
    EXPECT_EQ(bytes.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
    EXPECT_NE(bytes.find("{'descr': '<f4', 'fortran_order': False, 'shape': (" +
                         shape + ",), }"),
              std::string::npos)
        << bytes.substr(10, 118);
    EXPECT_EQ(bytes[127], '\n');
    std::vector<float> values((bytes.size() - 128) / 4);
    std::memcpy(values.data(), &bytes[128], values.size() * 4);
    return values;
  }

  static inline std::string path;
  static inline std::vector<uint8_t> tokenizerTable;
  static inline tern_tokenizer tokenizer;
};

inline const std::vector<int32_t> romeo = {1022, 845,
                                           25}; // golden: "ROMEO:" with bos

} // namespace tern_test

#endif // TERN_TEST_PROGRAMTESTING_H
