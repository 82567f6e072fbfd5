//===- engine_crowd.cpp - A crowd's answers against each alone ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// `tern-engine-crowd LIBRARY SEED REQUESTS`: random requests to a compiled
// model, alone and all together. Exit status 1 and a sentence if a bit differs;
// else a line of counts.
//
//===----------------------------------------------------------------------===//

#include "tern/engine.hpp"

#include <cstdio>
#include <cstdlib>
#include <random>

namespace {

struct Answer {
  std::vector<int32_t> tokens;
  std::vector<double> logprobs;
  std::string text;
  tern_finish finish = TERN_FINISH_NONE;

  bool operator==(const Answer &other) const {
    return tokens == other.tokens && logprobs == other.logprobs &&
           text == other.text && finish == other.finish;
  }
};

/// Ten prompts begin alike, in ways that end within blocks and between them.
tern::Request randomRequest(std::mt19937 &random, int32_t vocabSize) {
  auto below = [&](uint32_t n) { return random() % n; };
  tern::Request request;
  uint32_t family = below(3),
           common = below(2) ? 64 * (1 + below(2)) : below(150);
  for (uint32_t i = 0; i < common; ++i)
    request.tokens.push_back(
        int32_t((i * 31 + family * 7) % uint32_t(vocabSize)));
  for (uint32_t i = 1 + below(20); i > 0; --i)
    request.tokens.push_back(int32_t(below(uint32_t(vocabSize))));
  request.fields.temperature = below(2) ? 0 : 1;
  request.fields.seed = below(1000);
  request.fields.max_tokens = 1 + below(24);
  if (below(4) != 0) {
    request.fields.flags |= TERN_REQUEST_LOGPROBS;
    request.fields.top = 2;
  }
  return request;
}

bool submit(tern::Engine &engine, const tern::Request &request,
            Answer &answer) {
  return bool(engine.submit(request, [&answer](const tern::Event &event) {
    answer.text += event.text;
    if (event.isToken()) {
      answer.tokens.push_back(event.fields.token);
      answer.logprobs.push_back(event.fields.logprob);
      for (uint32_t i = 0; i < event.fields.top_count; ++i)
        answer.logprobs.push_back(event.fields.top[i].logprob);
    }
    answer.finish = event.finish();
    return true;
  }));
}

int fail(const char *cause) {
  std::fprintf(stderr, "tern-engine-crowd: %s\n", cause);
  return 1;
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 4)
    return fail("expected LIBRARY SEED REQUESTS");
  std::mt19937 random(uint32_t(std::atoi(argv[2])));
  size_t count = size_t(std::atoi(argv[3]));
  tern_engine_options options;
  tern_engine_options_init(&options);
  options.threads = 2;
  options.step_tokens = 40;
  options.max_sequences = 8;
  tern::Engine crowd = tern::Engine::open(argv[1], &options);
  options.max_sequences = 1;
  options.kept_bytes = 0;
  options.step_tokens = 512;
  tern::Engine single = tern::Engine::open(argv[1], &options);
  if (!crowd || !single)
    return fail(tern::error());
  tern_engine_info info = {};
  info.size = sizeof(info);
  tern_engine_describe(crowd.get(), &info);

  std::vector<tern::Request> requests;
  std::vector<Answer> alone(count), together(count);
  for (size_t i = 0; i < count; ++i) {
    requests.push_back(randomRequest(random, int32_t(info.vocab_size)));
    if (!submit(single, requests[i], alone[i]) || !single.run())
      return fail(tern::error());
  }
  for (size_t i = 0; i < count; ++i) {
    if (!submit(crowd, requests[i], together[i]))
      return fail(tern::error());
    for (uint32_t steps = uint32_t(random() % 4); steps > 0; --steps)
      crowd.step();
  }
  if (!crowd.run())
    return fail(tern::error());
  tern_engine_counts counts = {};
  counts.size = sizeof(counts);
  tern_engine_count(crowd.get(), &counts);
  for (size_t i = 0; i < count; ++i)
    if (!(alone[i] == together[i])) {
      std::fprintf(stderr, "tern-engine-crowd: request %zu differs: %s|%s\n", i,
                   alone[i].text.c_str(), together[i].text.c_str());
      return 1;
    }
  std::printf("requests %zu steps %llu read %llu reused %llu answered %llu\n",
              count, (unsigned long long)counts.steps,
              (unsigned long long)counts.prompt_tokens,
              (unsigned long long)counts.reused_tokens,
              (unsigned long long)counts.answer_tokens);
}
