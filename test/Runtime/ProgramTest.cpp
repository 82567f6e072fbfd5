//===- ProgramTest.cpp - The command run, and all usage -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProgramTesting.h"

using namespace tern_test;

namespace {

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
  // A text that brings its own begin token gets no second one.
  const std::string own =
      "-p '<|begin_of_text|>ROMEO:' -n 3 --temp 0 --print-ids ";
  Result withOwn = run(own);
  EXPECT_EQ(withOwn.out, run("-p ROMEO: -n 3 --temp 0 --print-ids").out);
  EXPECT_NE(withOwn.err.find("the text brings its own begin token, "
                             "<|begin_of_text|>, so none is set before it\n"),
            std::string::npos)
      << withOwn.err;
  EXPECT_EQ(run(own + "-q").err, "");
  EXPECT_EQ(run(own + "--no-bos").out, withOwn.out);
  EXPECT_EQ(
      run("-p '<|begin_of_text|><|begin_of_text|>ROMEO:' -n 3 --temp 0 "
          "--print-ids --no-bos -q")
          .out,
      run("--ids 1022," + joined(romeo) + " -n 3 --temp 0 --print-ids").out);
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
    EXPECT_EQ(h[(1 * 3 + t) * 3 + 2], fake_hidden(hash, 1, 2));
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

TEST_F(Program, Usage) {
  const std::pair<const char *, const char *> cases[] = {
      {"--nonsense", "run has no flag '--nonsense'"},
      {"ppl --temp 1", "ppl has no flag '--temp', but run has"},
      {"--tmp 1", "run has no flag '--tmp'; did you mean --temp?"},
      {"--tpo-k=1", "did you mean --top-k?"},
      {"-temprature 1", "did you mean --temp"},
      {"-ngl 99", "-ngl: a model runs where tern compile --target says, as a whole"},
      {"-ngl", "-ngl: a model runs where tern compile --target says, as a whole"},
      {"--lora=x", "--lora: adapters are not applied"},
      {"--mirostat 2", "--mirostat: tokens are chosen by"},
      {"-m x", "-m: this program carries its model"},
      {"chat -if", "-if: chat asks for each message"},
      {"--no-warmup=1", "--no-warmup takes no value"},
      {"bench -o xml", "-o xml: expected md|csv|json|jsonl"},
      {"--temp 0x1", "--temp 0x1: expected a number"},
      {"--temp inf", "--temp inf: expected a number"},
      {"-n ' 5'", "-n  5: expected an integer"},
      {"-n", "-n needs a value: -n N"},
      {"-n x", "-n x: expected an integer from -2 to 2147483647"},
      {"-n -3", "-n -3: expected an integer"},
      {"-sys x", "run has no flag '-sys', but chat has"},
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

TEST_F(Program, SpellingsOfOthers) {
  Result r = run("-p ROMEO: -n 3 --temp 0 --print-ids -q");
  EXPECT_EQ(r.out, joined(greedy(romeo, 3)) + "\n");
  EXPECT_EQ(run("-e -p 'RO\\x4dEO\\x3a' -n 3 --temp 0 --print-ids").out, r.out);
  EXPECT_EQ(run("-p 'RO\\x4dEO\\x3a' -n 0 --echo").out, "RO\\x4dEO\\x3a\n");
  EXPECT_EQ(run("-p 'a\\nb' -e -n 0 --echo").out, "a\nb\n");
  for (const char *flags :
       {"--prompt ROMEO: --predict 3 --temperature 0 --log-disable",
        "-p ROMEO: -n=3 --temp=0.0 --no-warmup -ngl 0 --mirostat=0 -q",
        "-p ROMEO: -n 3 -temp 0 --typical 1.0 --no-perf --no-display-prompt",
        "-p ROMEO: -n 3 --temp 0 --repetition-penalty 1 -sm none -q --mmap",
        "-p ROMEO: -n 3 --temp 0 -q -c 0 -s -1 --mlock"})
    EXPECT_EQ(run(std::string(flags) + " --print-ids").out, r.out) << flags;
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
  EXPECT_NE(run("bench -h").out.find("md|csv|json|jsonl"), std::string::npos);
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
