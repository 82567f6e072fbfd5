//===- DefaultsTest.cpp - How the model asks to be run --------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProgramTesting.h"

using namespace tern_test;

namespace {

class Defaults : public Program {
protected:
  /// A program whose model brings `change`, and lists and strings behind it.
  template <typename Change>
  static Result runWith(Change change, const std::string &arguments,
                        const std::string &rest = "") {
    tern_generation generation = defaultGeneration();
    change(generation);
    std::string other = temporaryPath("other");
    install(other, generation, "", "", rest);
    Result result = run(arguments, other);
    std::remove(other.c_str());
    return result;
  }

  static std::string bytesOf(const std::vector<int32_t> &ids) {
    return {reinterpret_cast<const char *>(ids.data()), 4 * ids.size()};
  }

  static std::string decoded(const std::vector<int32_t> &tokens) {
    std::string text;
    for (int32_t token : tokens) {
      size_t n;
      const char *bytes = tern_tokenizer_token(&tokenizer, token, &n, nullptr);
      text.append(bytes, n);
    }
    return text;
  }
};

//===----------------------------------------------------------------------===//
// Stop strings
//===----------------------------------------------------------------------===//

TEST_F(Defaults, TextEndsBeforeAStopString) {
  const std::string flags = "-p ROMEO: -n 40 --temp 0 -q ";
  std::string full = run(flags).out;
  ASSERT_EQ(full.back(), '\n');
  full.pop_back();
  // Every length from one byte, from places all over, so also across tokens.
  int cuts = 0;
  for (size_t at = 0; at < full.size(); at += 3)
    for (size_t bytes : {1u, 2u, 5u, 17u}) {
      std::string stop = full.substr(at, bytes);
      // A piece of a character cannot be typed; a quote would need quoting.
      if (stop.find_first_of("'\n") != std::string::npos ||
          std::any_of(stop.begin(), stop.end(), [](char c) { return c < 0; }))
        continue;
      Result r = run(flags + "--stop '" + stop + "'");
      EXPECT_EQ(r.status, 0) << r.err;
      EXPECT_EQ(r.out, full.substr(0, full.find(stop)) + "\n") << stop;
      ++cuts;
    }
  EXPECT_GT(cuts, 20);
}

TEST_F(Defaults, TheFirstOfSeveralStopStringsCounts) {
  const std::string flags = "-p ROMEO: -n 40 --temp 0 -q ";
  std::string full = run(flags).out;
  std::string a = full.substr(20, 4), b = full.substr(12, 3);
  size_t end = std::min(full.find(a), full.find(b));
  ASSERT_EQ((a + b).find('\''), std::string::npos);
  EXPECT_EQ(run(flags + "--stop '" + a + "' --stop '" + b + "'").out,
            full.substr(0, end) + "\n");
  // One that begins and does not end loses nothing.
  EXPECT_EQ(run(flags + "--stop '" + full.substr(12, 4) + "~never'").out, full);
  std::string beginsAtEnd = full.substr(full.size() - 4, 3);
  if (beginsAtEnd.find('\'') == std::string::npos) {
    EXPECT_EQ(run(flags + "--stop '" + beginsAtEnd + "~never'").out, full);
  }
}

TEST_F(Defaults, StopStringsOfTheModel) {
  const std::string flags = "-p ROMEO: -n 40 --temp 0 -q ";
  std::string full = run(flags).out;
  std::string stop = full.substr(9, 3);
  auto bring = [&](tern_generation &g) {
    g.stop_count = 1;
    g.stop_bytes = uint32_t(stop.size() + 1);
  };
  std::string rest = stop + '\0';
  std::string cut = full.substr(0, full.find(stop)) + "\n";
  EXPECT_EQ(runWith(bring, flags, rest).out, cut);
  EXPECT_EQ(runWith(bring, flags + "--ignore-eos", rest).out, full);
  // Ids are printed up to the token that ends the string.
  std::string ids = runWith(bring, flags + "--print-ids", rest).out;
  std::vector<int32_t> tokens = greedy(romeo, 40);
  for (size_t n = 1; n < tokens.size(); ++n)
    if (decoded({tokens.begin(), tokens.begin() + long(n)}).find(stop) !=
        std::string::npos) {
      tokens.resize(n);
      break;
    }
  EXPECT_EQ(ids, joined(tokens) + "\n");
}

TEST_F(Defaults, AControlTokenAsStopString) {
  Result r = runWith(
      [](tern_generation &g) {
        g.eos_count = 0;
        g.forced_eos_count = 1;
        g.stop_count = 1;
        g.stop_bytes = 18;
      },
      "-p ROMEO: -n 5 --temp 0 -q --print-ids",
      std::string("<|end_of_text|>") + "xy" + '\0' + bytesOf({1023}));
  EXPECT_EQ(r.out, joined(greedy(romeo, 4)) + ",1023\n");
  r = runWith(
      [](tern_generation &g) {
        g.eos_count = 0;
        g.forced_eos_count = 1;
      },
      "-p ROMEO: -n 5 --temp 0 -q --print-ids --stop '<|end_of_text|>'",
      bytesOf({1023}));
  EXPECT_EQ(r.out, joined(greedy(romeo, 4)) + "\n");
}

TEST_F(Defaults, StopStringsOutOfRange) {
  EXPECT_EQ(run("-p a --stop ''").status, 2);
  Result r = run("-p a -n 1 --stop " + std::string(2000, 'x'));
  EXPECT_EQ(r.status, 1);
  EXPECT_NE(r.err.find("a stop string has 1 to 1024 bytes"), std::string::npos)
      << r.err;
  std::string many;
  for (int i = 0; i < 65; ++i)
    many += " --stop x" + std::to_string(i);
  EXPECT_EQ(run("-p a -n 1" + many).status, 2);
}

//===----------------------------------------------------------------------===//
// Lengths and rules
//===----------------------------------------------------------------------===//

TEST_F(Defaults, Lengths) {
  const std::string flags = "-p ROMEO: --temp 0 -q --print-ids ";
  auto most = [](tern_generation &g) { g.max_new_tokens = 4; };
  EXPECT_EQ(runWith(most, flags).out, joined(greedy(romeo, 4)) + "\n");
  EXPECT_EQ(runWith(most, flags + "-n 6").out, joined(greedy(romeo, 6)) + "\n");
  EXPECT_EQ(runWith(most, flags + "-n -1").out, run(flags).out);
  auto all = [](tern_generation &g) { g.max_length = 8; };
  EXPECT_EQ(runWith(all, flags).out, joined(greedy(romeo, 5)) + "\n");
  Result r = runWith(all, "--ids 1,2,3,4,5,6,7,8 --temp 0");
  EXPECT_EQ(r.status, 1);
  EXPECT_NE(r.err.find("allows 8 with the answer (max_length); -n N"),
            std::string::npos)
      << r.err;
}

TEST_F(Defaults, EndTokensThatComeTooSoon) {
  std::vector<int32_t> tokens = greedy(romeo, 9);
  auto ends = [&](uint32_t least) {
    return [&tokens, least](tern_generation &g) {
      g.eos_count = 2;
      g.eos_ids[1] = tokens[4];
      g.min_new_tokens = least;
    };
  };
  const std::string flags = "-p ROMEO: -n 9 --temp 0 -q --print-ids ";
  EXPECT_EQ(runWith(ends(0), flags).out,
            joined({tokens.begin(), tokens.begin() + 4}) + "\n");
  EXPECT_EQ(runWith(ends(4), flags).out,
            joined({tokens.begin(), tokens.begin() + 4}) + "\n");
  Result r = runWith(ends(5), flags);
  EXPECT_EQ(r.out.rfind(joined({tokens.begin(), tokens.begin() + 4}) + ",", 0),
            0u);
  EXPECT_EQ(r.out.find("," + std::to_string(tokens[4])), std::string::npos);
}

TEST_F(Defaults, ForbiddenTokens) {
  std::vector<int32_t> tokens = greedy(romeo, 3);
  Result r =
      runWith([](tern_generation &g) { g.suppress_count = 1; },
              "-p ROMEO: -n 1 --temp 0 -q --print-ids", bytesOf({tokens[0]}));
  EXPECT_NE(r.out, joined({tokens[0]}) + "\n");
  std::vector<int32_t> all(FAKE_VOCAB);
  for (size_t i = 0; i < all.size(); ++i)
    all[i] = int32_t(i);
  r = runWith([](tern_generation &g) { g.begin_suppress_count = FAKE_VOCAB; },
              "-p ROMEO: -n 1 --temp 0 -q", bytesOf(all));
  EXPECT_EQ(r.status, 1);
  EXPECT_NE(r.err.find("generation_config.json forbids every token here"),
            std::string::npos)
      << r.err;
}

/// Of twelve tokens, those that the answer has are less likely, once or as
/// often as they came; those of the prompt are not. Biases come behind
/// penalties.
TEST_F(Defaults, PenaltiesAndBiases) {
  const int32_t first = 840, last = 852; // 845 is in the prompt
  std::vector<int32_t> others;
  for (int32_t id = 0; id < int32_t(FAKE_VOCAB); ++id)
    if (id < first || id >= last)
      others.push_back(id);
  auto suppress = [&](tern_generation &g) {
    g.suppress_count = uint32_t(others.size());
  };
  auto expected = [&](float presence, float frequency = 0, float bias = 0) {
    std::vector<int32_t> text = romeo, answer;
    while (answer.size() < 24) {
      int32_t best = -1;
      float most = 0;
      for (int32_t id = first; id < last; ++id) {
        float logit = fake_logit(hashOf(text), uint32_t(id));
        if (auto times = std::count(answer.begin(), answer.end(), id)) {
          logit -= presence;
          logit -= frequency * float(times);
        }
        if (id == 843)
          logit += bias;
        if (best < 0 || logit > most) {
          best = id;
          most = logit;
        }
      }
      answer.push_back(best);
      text.push_back(best);
    }
    return joined(answer) + "\n";
  };
  const std::string flags = "-p ROMEO: -n 24 --temp 0 -q --print-ids ";
  const std::string rest = bytesOf(others);
  EXPECT_EQ(runWith(suppress, flags, rest).out, expected(0));
  for (const char *penalty : {"0", "0.37", "1.5", "1000"})
    EXPECT_EQ(
        runWith(suppress, flags + "--presence-penalty " + penalty, rest).out,
        expected(float(std::atof(penalty))))
        << penalty;
  EXPECT_NE(expected(0), expected(0.37f));
  auto with = [&](const std::string &more) {
    return runWith(suppress, flags + more, rest).out;
  };
  for (const char *penalty : {"0", "0.37", "1.5", "-0.25"})
    EXPECT_EQ(with(std::string("--frequency-penalty ") + penalty),
              expected(0, float(std::atof(penalty))))
        << penalty;
  EXPECT_EQ(with("--presence-penalty 0.3 --frequency-penalty 0.21 -l 843+0.4"),
            expected(0.3f, 0.21f, 0.4f));
  EXPECT_EQ(with("--logit-bias 843+0.2 --logit_bias=843+5"),
            expected(0, 0, 5.2f));
  EXPECT_EQ(with("-l 843-5"), expected(0, 0, -5));
  EXPECT_NE(expected(0, 1.5f), expected(1.5f));
  EXPECT_NE(expected(0, 0, 5), expected(0));
  for (const char *wrong :
       {"--presence-penalty -1e7", "--frequency-penalty nan", "-l 843", "-l +1",
        "-l 843+1e7", "-l 843*2", "-l 99999999999+1", "-l 843+0x1"})
    EXPECT_EQ(run(flags + wrong).status, 2) << wrong;
  Result outside = run(flags + "-l 1024+1");
  EXPECT_EQ(outside.status, 1);
  EXPECT_NE(outside.err.find("--logit-bias 1024+1: the model's tokens are 0 to "
                             "1023"),
            std::string::npos)
      << outside.err;
}

/// A penalty so small that it rewards makes the last token come again.
TEST_F(Defaults, HowFarAPenaltyLooks) {
  const std::string flags = "--ids 7,8,9 -n 3 --temp 0 -q --print-ids ";
  auto reward = [](tern_generation &g) { g.repeat_penalty = 1e-3f; };
  std::string all = runWith(reward, flags).out;
  EXPECT_NE(all, run(flags).out);
  EXPECT_EQ(run(flags + "--repeat-penalty 1e-3").out, all);
  EXPECT_EQ(run(flags + "--repeat-penalty 1e-3 --repeat-last-n 1").out,
            "9,9,9\n");
  EXPECT_EQ(runWith(reward, flags + "--repeat-last-n 1").out, "9,9,9\n");
  EXPECT_EQ(runWith(reward, flags + "--repeat-last-n 0").out, run(flags).out);
  EXPECT_EQ(runWith(reward, flags + "--repeat-last-n -1").out, all);
  auto last = [](tern_generation &g) {
    g.repeat_penalty = 1e-3f;
    g.repeat_last_n = 1;
  };
  EXPECT_EQ(runWith(last, flags).out, "9,9,9\n");
}

TEST_F(Defaults, AreSaidOnce) {
  auto sampling = [](tern_generation &g) {
    g.do_sample = 1;
    g.temperature = 0.5f;
    g.top_k = 7;
    g.top_p = 0.9f;
    g.max_new_tokens = 3;
    g.no_repeat_ngram = 2;
  };
  Result r = runWith(sampling, "-p ROMEO: -s 1");
  EXPECT_EQ(
      r.err.substr(r.err.find(':'))
          .rfind(": as the model asks: temperature 0.5, top-k 7, top-p 0.9, at "
                 "most 3 tokens, no 2 tokens twice\n",
                 0),
      0u)
      << r.err;
  EXPECT_EQ(runWith(sampling, "-p ROMEO: -s 1 -q").err, "");
  r = runWith(sampling, "-p ROMEO: -s 1 --top-k 3 -n 2");
  EXPECT_NE(r.err.find("asks: temperature 0.5, top-p 0.9, no 2 tokens twice\n"),
            std::string::npos)
      << r.err;
  r = run("-p ROMEO: -n 1");
  EXPECT_EQ(r.err.find("as the model asks"), std::string::npos) << r.err;
}

} // namespace
