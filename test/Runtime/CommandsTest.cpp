//===- CommandsTest.cpp - ppl, bench and the examples ---------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProgramTesting.h"

#include <cmath>
#include <csignal>

using namespace tern_test;

namespace {

TEST_F(Program, Perplexity) {
  std::string file = temporaryPath("text");
  std::string sample =
      text(TERN_TEST_DIR "/data/shakespeare-heldout.txt").substr(0, 3000);
  writeFile(file, {sample.begin(), sample.end()});
  std::vector<int32_t> tokens(sample.size() + 16);
  std::vector<char> memory(
      tern_tokenizer_encode_bytes(&tokenizer, sample.size()));
  size_t count;
  ASSERT_EQ(tern_tokenizer_encode(&tokenizer, sample.data(), sample.size(),
                                  TERN_ENCODE_BARE, memory.data(),
                                  memory.size(), tokens.data(), tokens.size(),
                                  &count),
            TERN_OK);
  tokens.resize(count);
  // The definition, token by token.
  auto perplexity = [&](size_t n, size_t chunks, bool secondHalf,
                        size_t &scored) {
    double sum = 0;
    scored = 0;
    for (size_t k = 0; k < chunks; ++k) {
      std::vector<int32_t> window;
      if (secondHalf) {
        std::vector<int32_t> all = tokens;
        all.insert(all.begin(), 1022);
        window.assign(all.begin() + long(k * n), all.begin() + long(k * n + n));
        window[0] = 1022;
      } else {
        window.assign(tokens.begin() + long(k * (n - 1)),
                      tokens.begin() + long((k + 1) * (n - 1)));
        window.insert(window.begin(), 1022);
      }
      for (size_t i = secondHalf ? n / 2 : 0; i + 1 < n; ++i) {
        uint32_t hash = hashOf({window.begin(), window.begin() + long(i) + 1});
        double total = 0;
        for (uint32_t v = 0; v < FAKE_VOCAB; ++v)
          total += std::exp(double(fake_logit(hash, v)));
        sum -= std::log(
            std::exp(double(fake_logit(hash, uint32_t(window[i + 1])))) /
            total);
        ++scored;
      }
    }
    return std::exp(sum / double(scored));
  };
  for (bool secondHalf : {false, true})
    for (size_t n : {2u, 9u, 64u}) {
      size_t scored;
      double expected = perplexity(n, 4, secondHalf, scored);
      std::string flags = "ppl -f " + file + " -c " + std::to_string(n) +
                          " --chunks 4" + (secondHalf ? " --second-half" : "");
      if (secondHalf && n == 2)
        continue; // nothing but bos and a token: no second half
      Result r = run(flags);
      double value = 0, error = -1;
      unsigned long long told = 0;
      ASSERT_EQ(std::sscanf(r.out.c_str(),
                            "perplexity %lf tokens %llu error %lf\n", &value,
                            &told, &error),
                3)
          << r.out << r.err;
      EXPECT_NEAR(value / expected, 1, 1e-12);
      EXPECT_EQ(told, scored);
      EXPECT_GT(error, 0);
      Result json = run(flags + " --output-json");
      EXPECT_EQ(std::sscanf(json.out.c_str(), "{\"perplexity\": %lf", &value),
                1);
      EXPECT_NEAR(value / expected, 1, 1e-12);
    }
  size_t all = count / 63;
  Result r = run("ppl -f " + file);
  EXPECT_NE(r.out.find("tokens " + std::to_string(all * 63) + " error "),
            std::string::npos)
      << r.out;
  writeFile(file, {'a'});
  r = run("ppl -f " + file);
  EXPECT_EQ(r.status, 1);
  EXPECT_NE(r.err.find("the text has 1 tokens, fewer than a window of 63"),
            std::string::npos)
      << r.err;
  std::remove(file.c_str());
  EXPECT_EQ(run("ppl").status, 2);
  EXPECT_EQ(run("ppl -f /no/such/file").status, 1);
}

/// The name that messages begin with.
class NamedProgram : public Program {
protected:
  static std::string name() { return path.substr(path.rfind('/') + 1); }
};

TEST_F(NamedProgram, Bench) {
  Result r = run("bench -p 8,16 -n 4 -r 2 -t 1,2 -b 1,3");
  EXPECT_EQ(r.status, 0) << r.err;
  EXPECT_EQ(std::count(r.out.begin(), r.out.end(), '\n'), 6 + 2 + 2 * 2 * 3);
  for (const char *test : {" pp8 ", " pp16 ", " tg4 ", " tg4 x3 "})
    EXPECT_NE(r.out.find(test), std::string::npos) << r.out;
  // 256 bytes of weights come from a cache.
  EXPECT_NE(r.out.find("|  in cache |   50.0% |"), std::string::npos) << r.out;
  EXPECT_EQ(r.out.find("% |   50"), std::string::npos) << r.out;
  EXPECT_NE(r.out.find("* target: anything/generic\n* CPU: "),
            std::string::npos);
  std::istringstream lines(r.out);
  for (std::string line; std::getline(lines, line);)
    EXPECT_LE(line.size(), 101u) << line; // 100 columns; ± is two bytes
  EXPECT_EQ(run("bench -p 0 -n 4 -r 1 --no-warmup -q").status, 0);
  r = run("bench -p 0 -n 4 -r 3 -o json");
  EXPECT_NE(r.out.find("\"in_cache\": true"), std::string::npos) << r.out;
  EXPECT_EQ(r.out.substr(0, 4), "[\n  ");
  EXPECT_NE(r.out.find("\"n_gen\": 4"), std::string::npos) << r.out;
  EXPECT_EQ(r.out.substr(r.out.size() - 3), "\n]\n");
  r = run("bench -p 0 -n 4 -r 1 -o csv");
  EXPECT_EQ(std::count(r.out.begin(), r.out.end(), '\n'), 2);
  EXPECT_EQ(r.out.find("build,cpu_info,model,model_size,"), 0u);
  EXPECT_EQ(run("bench -r 1").status, 0); // defaults fit a small model
  r = run("bench -p 3 -n 4 -r 1 -o jsonl");
  EXPECT_EQ(std::count(r.out.begin(), r.out.end(), '\n'), 2);
  EXPECT_EQ(r.out.find("{\"build\": \"tern 0.1.0\", \"cpu_info\": \""), 0u)
      << r.out;
  EXPECT_EQ(run("bench -o xml").status, 2);
  EXPECT_EQ(run("bench -p 65").status, 1);
  for (const char *wrong : {"-d 65", "-d 60 -p 5", "-d 1,", "-d -1"})
    EXPECT_EQ(run("bench -r 1 -n 4 " + std::string(wrong)).status, 1) << wrong;
  r = run("bench -p 0 -n 4 -d 61");
  EXPECT_EQ(r.err, name() + ": error: 4 tokens at a depth of 61 are more than "
                            "the context, 64\n");
  EXPECT_EQ(run("bench -p 1,,2").status, 1);
}

/// By the model's table of weights, its counters and its cache.
TEST_F(NamedProgram, BenchCountsWhatIsRead) {
  auto number = [](const std::string &line, const std::string &key) {
    size_t at = line.find("\"" + key + "\": ");
    EXPECT_NE(at, std::string::npos) << key;
    return at == std::string::npos
               ? -1
               : std::stod(line.substr(at + key.size() + 4));
  };
  Result r = run("bench -p 8 -n 4 -d 0,40 -r 2 -t 1 -o jsonl");
  ASSERT_EQ(r.status, 0) << r.err;
  std::istringstream lines(r.out);
  std::string line;
  for (uint32_t depth : {0u, 40u}) {
    std::getline(lines, line);
    EXPECT_EQ(number(line, "n_depth"), depth);
    EXPECT_EQ(number(line, "bytes_per_token"), 0);
    // Of the prompt's tokens one has logits.
    EXPECT_NEAR(number(line, "gigamacs_per_second"),
                (8 * 600 + 50) / number(line, "avg_ns"), 1e-3);
    std::getline(lines, line);
    EXPECT_EQ(number(line, "n_gen"), 4);
    EXPECT_EQ(number(line, "n_depth"), depth);
    // 750 of 1500 bytes were skipped; the embedding is read by rows; of the
    // cache 4 bytes for each of the tokens before, 2 on average.
    EXPECT_EQ(number(line, "bytes_per_token"),
              8 + 4000 + 64 - 750 + 4 * (depth + 2));
    EXPECT_EQ(number(line, "skipped"), 0.5);
    EXPECT_NEAR(number(line, "gigamacs_per_second"),
                4 * 650 / number(line, "avg_ns"), 1e-3);
    EXPECT_GT(number(line, "weights_resident"), 0);
    EXPECT_EQ(number(line, "weights_huge"), 0);
  }
  r = run("bench -p 8 -n 0 --depth 40 -r 1 -b 2");
  EXPECT_NE(r.out.find("| pp8 x2 @ d40   |"), std::string::npos) << r.out;
}

TEST_F(NamedProgram, Verbose) {
  Result quiet = run("-p A -n 2 -q"), r = run("-p A -n 2 -v -q -t 3");
  EXPECT_EQ(r.out, quiet.out);
  EXPECT_EQ(quiet.err, "");
  EXPECT_EQ(r.err.find(name() + ": code for anything/generic, 3 threads\n" +
                       name() + ": weights: "),
            0u)
      << r.err;
  EXPECT_NE(r.err.find("; mapped: "), std::string::npos) << r.err;
}

/// 256 bytes fill no huge page, so there is nothing to be asked for.
TEST_F(NamedProgram, Load) {
  Result r = run("-p A -n 20 -q --temp 0 --load=map -v");
  EXPECT_EQ(r.status, 0);
  EXPECT_NE(r.err.find("; mapped: that was asked for\n"), std::string::npos)
      << r.err;
  EXPECT_EQ(run("-p A -n 20 -q --temp 0 --load auto").out, r.out);
  r = run("-p A -n 2 -q --load=huge");
  EXPECT_EQ(r.status, 1);
  EXPECT_EQ(
      r.err.find(name() + ": error: weights cannot be put into huge pages: "),
      0u)
      << r.err;
  r = run("bench --load=fast");
  EXPECT_EQ(r.status, 2);
  EXPECT_NE(r.err.find("--load fast: expected auto|map|huge"),
            std::string::npos)
      << r.err;
}

TEST_F(Program, InterruptWhileWaiting) {
  std::string talker = temporaryPath("talker");
  install(talker, defaultGeneration(), "{{ messages }}");
  for (const char *command : {"chat", "run"}) {
    int input[2];
    ASSERT_EQ(pipe(input), 0);
    pid_t child = fork();
    if (child == 0) {
      dup2(input[0], 0);
      close(input[1]);
      execl(talker.c_str(), talker.c_str(), command, nullptr);
      _exit(99);
    }
    close(input[0]);
    usleep(300000); // it waits for input by then
    kill(child, SIGINT);
    int status = 0;
    waitpid(child, &status, 0);
    close(input[1]);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 130) << command;
  }
  std::remove(talker.c_str());
}

TEST_F(Program, ExampleHello) {
  std::string file = temporaryPath("weights");
  writeFile(file, makeArtifact(tokenizerTable, defaultGeneration()));
  Result r = run(file + " ROMEO:", TERN_EXAMPLE_HELLO);
  EXPECT_EQ(r.status, 0) << r.err;
  EXPECT_EQ(r.out, run("-p ROMEO: -n 20 --temp 0").out);
  std::remove(file.c_str());
  EXPECT_EQ(run("/no/such/file x", TERN_EXAMPLE_HELLO).status, 1);
}

#ifdef TERN_EXAMPLE_BARE
TEST_F(Program, ExampleBare) {
  int sum = 0;
  for (int32_t token : greedy(romeo, 8))
    sum += token;
  EXPECT_EQ(run("", TERN_EXAMPLE_BARE).status, sum & 0x7F);
}
#endif

} // namespace
