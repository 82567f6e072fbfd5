//===- ProgramTest.cpp - The command line of compiled programs ------------===//
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

#include "TestArtifact.h"
#include "fake_model.h"
#include "tern/Tokenizer/TokenizerCompiler.h"

#include "gtest/gtest.h"

#include <cmath>
#include <csignal>
#include <sys/stat.h>
#include <sys/wait.h>

using namespace tern_test;

namespace {

struct Result {
  int status;
  std::string out, err;
};

std::string text(const std::string &path) {
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
                      const std::string &chat = "") {
    writeFile(to, appended(readBytes(TERN_FAKE_PROGRAM),
                           makeArtifact(tokenizerTable, generation, chat)));
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

  static std::string path;
  static std::vector<uint8_t> tokenizerTable;
  static tern_tokenizer tokenizer;
};

std::string Program::path;
std::vector<uint8_t> Program::tokenizerTable;
tern_tokenizer Program::tokenizer;

const std::vector<int32_t> romeo = {1022, 845, 25}; // golden: "ROMEO:" with bos

TEST_F(Program, PrintsTheContinuation) {
  std::string expected;
  tern_utf8 utf8 = {};
  char out[4096];
  for (int32_t token : greedy(romeo, 40)) {
    ASSERT_LT(token, 1022) << "the test needs a text without end tokens";
    size_t n;
    const char *bytes = tern_tokenizer_token(&tokenizer, token, &n, nullptr);
    expected.append(out, tern_utf8_push(&utf8, bytes, n, out));
  }
  expected.append(out, tern_utf8_flush(&utf8, out));
  for (const char *threads : {"", " -t 1", " -t 3", " -t 64"}) {
    Result r = run(std::string("-p ROMEO: -n 40 --temp 0") + threads);
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_EQ(r.out, expected + "\n");
    EXPECT_NE(r.err.find("tokens/s"), std::string::npos);
  }
  Result r = run("run --prompt=ROMEO: -n 40 --temp 0 --echo -q");
  EXPECT_EQ(r.out, "ROMEO:" + expected + "\n");
  EXPECT_EQ(r.err, "");
}

TEST_F(Program, Ids) {
  std::string expected = joined(greedy(romeo, 12)) + "\n";
  EXPECT_EQ(run("-p ROMEO: -n 12 --temp 0 --print-ids").out, expected);
  EXPECT_EQ(run("--ids 1022,845,25 -n 12 --temp 0 --print-ids").out, expected);
  EXPECT_EQ(run("-p ROMEO: --no-bos -n 3 --temp 0 --print-ids").out,
            joined(greedy({845, 25}, 3)) + "\n");
  std::string file = temporaryPath("prompt");
  writeFile(file, {'R', 'O', 'M', 'E', 'O', ':'});
  EXPECT_EQ(run("-f " + file + " -n 12 --temp 0 --print-ids").out, expected);
  EXPECT_EQ(run("-n 12 --temp 0 --print-ids <" + file).out, expected);
  EXPECT_EQ(run("-f - -n 12 --temp 0 --print-ids <" + file).out, expected);
  std::remove(file.c_str());
  EXPECT_EQ(run("--ids 5 -n 0 --print-ids").out, "\n");
}

TEST_F(Program, ContextIsFull) {
  // Position 10 is the last there is room for; one token more comes out.
  Result r = run("--ids 1022,845,25 -c 10 --temp 0 --print-ids -q");
  EXPECT_EQ(r.status, 0);
  EXPECT_EQ(r.out, joined(greedy(romeo, 8)) + "\n");
  EXPECT_NE(r.err.find("context of 10 tokens is full"), std::string::npos);
  r = run("--ids 1,2,3,4 -c 3 -n 1");
  EXPECT_EQ(r.status, 1);
  EXPECT_NE(r.err.find("the text has 4 tokens, but the context of 3 has room "
                       "for 3"),
            std::string::npos)
      << r.err;
  r = run("--ids 1 -c 65 -n 1");
  EXPECT_EQ(r.status, 1);
  EXPECT_NE(r.err.find("a context of 65 tokens is more than the model's 64"),
            std::string::npos)
      << r.err;
}

TEST_F(Program, StopsAtEveryEndToken) {
  std::vector<int32_t> tokens = greedy(romeo, 9);
  tern_generation generation = defaultGeneration();
  generation.eos_count = 3;
  generation.eos_ids[1] = tokens[4];
  generation.eos_ids[2] = tokens[7];
  std::string other = temporaryPath("other");
  install(other, generation);
  EXPECT_EQ(run("-p ROMEO: -n 9 --temp 0 --print-ids", other).out,
            joined({tokens.begin(), tokens.begin() + 4}) + "\n");
  EXPECT_EQ(run("-p ROMEO: -n 9 --temp 0 --print-ids --ignore-eos", other).out,
            joined(tokens) + "\n");
  std::remove(other.c_str());
}

TEST_F(Program, SamplingFollowsTheSeed) {
  std::string flags = "-p ROMEO: -n 20 --temp 1 --print-ids -q -s ";
  Result a = run(flags + "1"), b = run(flags + "1"), c = run(flags + "2");
  EXPECT_EQ(a.status, 0);
  EXPECT_EQ(a.out, b.out);
  EXPECT_NE(a.out, c.out);
  EXPECT_EQ(run("-p ROMEO: -n 9 --temp 1 --top-k 1 --print-ids").out,
            joined(greedy(romeo, 9)) + "\n");
}

TEST_F(Program, LogitsAndHidden) {
  std::string logits = temporaryPath("logits.npy"),
              hidden = temporaryPath("hidden.npy");
  Result r = run("--ids 1022,845,25 -n 2 --temp 0 --print-ids --logits " +
                 logits + " --hidden " + hidden);
  ASSERT_EQ(r.status, 0) << r.err;
  EXPECT_EQ(r.out, joined(greedy(romeo, 2)) + "\n");
  std::vector<float> l = readNpy(logits, "3, 1024"),
                     h = readNpy(hidden, "2, 3, 3");
  ASSERT_EQ(l.size(), 3u * FAKE_VOCAB);
  ASSERT_EQ(h.size(), 18u);
  for (size_t t = 0; t < 3; ++t) {
    uint32_t hash = hashOf({romeo.begin(), romeo.begin() + long(t) + 1});
    for (uint32_t v = 0; v < FAKE_VOCAB; ++v)
      ASSERT_EQ(l[t * FAKE_VOCAB + v], fake_logit(hash, v));
    EXPECT_EQ(h[(1 * 3 + t) * 3 + 2], float(hash >> 8) + 12);
  }
  EXPECT_EQ(run("--ids 1 -n 0 --hidden " + hidden).status, 0);
  readNpy(hidden, "2, 1, 3");
  std::remove(logits.c_str());
  std::remove(hidden.c_str());
  r = run("--ids 1 -n 0 --logits /no/such/folder/x.npy");
  EXPECT_EQ(r.status, 1);
  EXPECT_NE(
      r.err.find("/no/such/folder/x.npy: cannot be written: No such file"),
      std::string::npos)
      << r.err;
}

TEST_F(Program, Stats) {
  Result r = run("-p ROMEO: -n 11 --temp 0 --stats");
  EXPECT_EQ(r.status, 0);
  size_t prompt = r.err.find("prompt (3 tokens)"),
         generation = r.err.find("generation (10 tokens)");
  ASSERT_NE(prompt, std::string::npos) << r.err;
  ASSERT_NE(generation, std::string::npos) << r.err;
  std::string table = r.err.substr(generation);
  auto row = [&](const char *name) {
    size_t at = table.find(name);
    EXPECT_NE(at, std::string::npos) << table;
    double held = 0, taken = 0, share = 0;
    EXPECT_EQ(std::sscanf(table.c_str() + at + std::strlen(name),
                          "%lf %lf %lf%%", &held, &taken, &share),
              3)
        << table;
    return std::vector<double>{held, taken, share};
  };
  EXPECT_EQ(row("up_proj"), (std::vector<double>{1000, 250, 75.0}));
  EXPECT_EQ(row("down_proj"), (std::vector<double>{500, 500, 0}));
  EXPECT_EQ(row("all"), (std::vector<double>{1500, 750, 50.0}));
}

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
      double value = 0;
      unsigned long long told = 0;
      ASSERT_EQ(std::sscanf(r.out.c_str(), "perplexity %lf tokens %llu\n",
                            &value, &told),
                2)
          << r.out << r.err;
      EXPECT_NEAR(value / expected, 1, 1e-12);
      EXPECT_EQ(told, scored);
      Result json = run(flags + " --output-json");
      EXPECT_EQ(std::sscanf(json.out.c_str(), "{\"perplexity\": %lf", &value),
                1);
      EXPECT_NEAR(value / expected, 1, 1e-12);
    }
  size_t all = count / 63;
  Result r = run("ppl -f " + file);
  EXPECT_NE(r.out.find("tokens " + std::to_string(all * 63) + "\n"),
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

TEST_F(Program, Bench) {
  Result r = run("bench -p 8,16 -n 4 -r 2 -t 1,2 -b 1,3");
  EXPECT_EQ(r.status, 0) << r.err;
  EXPECT_EQ(std::count(r.out.begin(), r.out.end(), '\n'), 2 + 2 * 2 * 3);
  for (const char *test : {" pp8 ", " pp16 ", " tg4 ", " tg4 x3 "})
    EXPECT_NE(r.out.find(test), std::string::npos) << r.out;
  r = run("bench -p 0 -n 4 -r 3 -o json");
  EXPECT_EQ(r.out.substr(0, 4), "[\n  ");
  EXPECT_NE(r.out.find("\"n_gen\": 4"), std::string::npos) << r.out;
  EXPECT_EQ(r.out.substr(r.out.size() - 3), "\n]\n");
  r = run("bench -p 0 -n 4 -r 1 -o csv");
  EXPECT_EQ(std::count(r.out.begin(), r.out.end(), '\n'), 2);
  EXPECT_EQ(r.out.find("model,model_size,"), 0u);
  EXPECT_EQ(run("bench -r 1").status, 0); // defaults fit a small model
  EXPECT_EQ(run("bench -o xml").status, 1);
  EXPECT_EQ(run("bench -p 65").status, 1);
  EXPECT_EQ(run("bench -p 1,,2").status, 1);
}

TEST_F(Program, Chat) {
  auto talk = [&](const std::string &flags, const std::string &lines) {
    std::string file = temporaryPath("lines");
    writeFile(file, {lines.begin(), lines.end()});
    Result r = run("chat --temp 0 -n 4 " + flags + " <" + file);
    std::remove(file.c_str());
    return r;
  };
  Result r =
      talk("-q", "ROMEO:\n/reset\nROMEO:\n/stats\n/help\n/exit\nnever\n");
  EXPECT_EQ(r.status, 0) << r.err;
  std::string once = run("-p ROMEO: -n 4 --temp 0").out;
  EXPECT_EQ(r.out, once + once);
  EXPECT_NE(r.err.find("/reset"), std::string::npos);
  // A second line goes on, so it differs from a fresh one.
  r = talk("", "ROMEO:\nROMEO:");
  EXPECT_EQ(r.status, 0);
  std::vector<int32_t> history = romeo;
  for (int32_t token : greedy(romeo, 4))
    history.push_back(token);
  history.insert(history.end(), {845, 25});
  EXPECT_EQ(r.out,
            once + run("--ids " + joined(history) + " -n 4 --temp 0").out);
  // A full context is told, and can be left.
  r = talk("-c 6", "ROMEO:\nROMEO:\n/reset\nROMEO:\n");
  EXPECT_EQ(r.status, 0);
  EXPECT_NE(r.err.find("(/reset makes room)"), std::string::npos) << r.err;
  EXPECT_EQ(r.out, once + once);

  std::string other = temporaryPath("chat");
  install(other, defaultGeneration(), "{{ messages }}");
  r = run("chat </dev/null", other);
  EXPECT_EQ(r.status, 1);
  EXPECT_NE(r.err.find("has a chat template"), std::string::npos) << r.err;
  std::remove(other.c_str());
}

TEST_F(Program, Usage) {
  const std::pair<const char *, const char *> cases[] = {
      {"--nonsense", "run has no flag '--nonsense'"},
      {"ppl --temp 1", "ppl has no flag '--temp'"},
      {"-n", "-n needs a value: -n N"},
      {"-n x", "-n x: expected an integer from -1 to 2147483647"},
      {"-n 1.5", "-n 1.5: expected an integer"},
      {"-n ''", "-n : expected an integer"},
      {"-t 0", "-t 0: expected an integer from 1 to 64"},
      {"--temp nan", "--temp nan: expected a number"},
      {"--temp=-1", "--temp -1: expected a number from 0"},
      {"--top-p 2", "--top-p 2: expected a number"},
      {"-s 99999999999999999999", "-s 99999999999999999999: expected"},
      {"--stats=1", "--stats takes no value"},
      {"hello", "unexpected 'hello'; a text is given with -p"},
      {"-p a --ids 1", "-p, -f and --ids exclude each other"},
  };
  for (auto &[arguments, sentence] : cases) {
    Result r = run(arguments);
    EXPECT_EQ(r.status, 2) << arguments;
    EXPECT_NE(r.err.find(sentence), std::string::npos) << arguments << r.err;
    EXPECT_EQ(std::count(r.err.begin(), r.err.end(), '\n'), 1) << r.err;
    EXPECT_EQ(r.out, "");
  }
  for (const char *ids : {"1,", "1024", "-1", "''", "1,,2", "99999999999"})
    EXPECT_EQ(run(std::string("--ids ") + ids).status, 1) << ids;
}

TEST_F(Program, HelpListsEveryFlag) {
  Result r = run("--help");
  EXPECT_EQ(r.status, 0);
  for (const char *flag : {"-p,",
                           "-f,",
                           "--ids",
                           "-n,",
                           "-t,",
                           "-c,",
                           "--temp",
                           "--top-k",
                           "--top-p",
                           "--min-p",
                           "--repeat-penalty",
                           "-s,",
                           "--logits",
                           "--hidden",
                           "--stats",
                           "--ignore-eos",
                           "--no-bos",
                           "-h,",
                           "--version",
                           "--quiet",
                           "chat",
                           "ppl",
                           "bench"})
    EXPECT_NE(r.out.find(flag), std::string::npos) << flag;
  EXPECT_NE(run("ppl --help").out.find("--second-half"), std::string::npos);
  EXPECT_NE(run("bench -h").out.find("md, csv or json"), std::string::npos);
  EXPECT_EQ(run("--version").out, "fake (tern 0.1.0, anything/generic)\n");
  // No line that a terminal wraps.
  for (const char *help : {"--help", "chat -h", "ppl -h", "bench -h"}) {
    std::istringstream lines(run(help).out);
    for (std::string line; std::getline(lines, line);)
      EXPECT_LE(line.size(), 80u) << line;
  }
}

TEST_F(Program, WithoutItsWeights) {
  Result r = run("-p x", TERN_FAKE_PROGRAM);
  EXPECT_EQ(r.status, 1);
  EXPECT_NE(r.err.find("neither is nor carries an artifact of tern; name one "
                       "with --weights FILE"),
            std::string::npos)
      << r.err;
  std::string file = temporaryPath("weights");
  writeFile(file, makeArtifact(tokenizerTable, defaultGeneration()));
  r = run("-p ROMEO: -n 3 --temp 0 --print-ids --weights " + file,
          TERN_FAKE_PROGRAM);
  EXPECT_EQ(r.out, joined(greedy(romeo, 3)) + "\n");
  std::vector<uint8_t> bytes = readBytes(file);
  ++header(bytes)->weights_id;
  writeFile(file, bytes);
  r = run("-p x --weights " + file, TERN_FAKE_PROGRAM);
  EXPECT_EQ(r.status, 1);
  EXPECT_NE(r.err.find(file + ": holds weights of another model or layout"),
            std::string::npos)
      << r.err;
  std::remove(file.c_str());
}

TEST_F(Program, InterruptWhileWaiting) {
  for (const char *command : {"chat", "run"}) {
    int input[2];
    ASSERT_EQ(pipe(input), 0);
    pid_t child = fork();
    if (child == 0) {
      dup2(input[0], 0);
      close(input[1]);
      execl(path.c_str(), path.c_str(), command, nullptr);
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

TEST_F(Program, FullDisk) {
  std::string err = temporaryPath("full");
  int status = std::system(
      ("env -i " + path + " -p ROMEO: -n 3 --temp 0 -q >/dev/full 2>" + err)
          .c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_NE(text(err).find("cannot write to standard output"),
            std::string::npos);
  std::remove(err.c_str());
}

} // namespace
