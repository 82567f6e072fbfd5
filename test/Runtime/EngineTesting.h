//===- EngineTesting.h - An engine over the fake model ----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_ENGINETESTING_H
#define TERN_TEST_ENGINETESTING_H

#include "TestArtifact.h"
#include "tern/Tokenizer/TokenizerCompiler.h"
#include "tern/engine.h"

#include <cstdio>
#include <memory>
#include <random>

namespace tern_test {

/// All that a request was told.
struct Answer {
  std::vector<int32_t> tokens;
  std::vector<double> logprobs;
  std::vector<std::pair<int32_t, double>> top;
  std::string text, marks, error;
  std::vector<std::string> pieces;
  std::vector<float> hidden, logits;
  std::vector<int32_t> prompted; // tokens of TERN_EVENT_PROMPT
  std::vector<double> promptLogprobs;
  uint32_t finish = TERN_FINISH_NONE;
  uint32_t prompt = 0, reused = 0;
  uint32_t ends = 0;        // events
  uint32_t cancelAfter = 0; // tokens; 0: never
};

inline int listen(void *data, const tern_event *event) {
  auto *answer = static_cast<Answer *>(data);
  EXPECT_EQ(answer->ends, 0u);
  answer->pieces.emplace_back(event->text, event->text_bytes);
  answer->text.append(event->text, event->text_bytes);
  if (event->text_bytes)
    answer->marks.append(reinterpret_cast<const char *>(event->marks),
                         event->text_bytes);
  if (event->logits)
    answer->logits.insert(answer->logits.end(), event->logits,
                          event->logits + FAKE_VOCAB);
  answer->prompt = event->prompt_tokens;
  answer->reused = event->reused_tokens;
  if (event->kind == TERN_EVENT_TOKEN) {
    answer->tokens.push_back(event->token);
    answer->logprobs.push_back(event->logprob);
    for (uint32_t i = 0; i < event->top_count; ++i)
      answer->top.emplace_back(event->top[i].token, event->top[i].logprob);
    EXPECT_EQ(event->answer_tokens, answer->tokens.size());
    return answer->cancelAfter && answer->tokens.size() >= answer->cancelAfter;
  }
  if (event->kind == TERN_EVENT_PROMPT) {
    EXPECT_TRUE(answer->tokens.empty());
    answer->prompted.push_back(event->token);
    answer->promptLogprobs.push_back(event->logprob);
    for (uint32_t i = 0; i < event->top_count; ++i)
      answer->top.emplace_back(event->top[i].token, event->top[i].logprob);
    return answer->cancelAfter &&
           answer->prompted.size() >= answer->cancelAfter;
  }
  EXPECT_EQ(event->token, -1);
  if (event->kind == TERN_EVENT_END) {
    ++answer->ends;
    answer->finish = event->finish;
    answer->error = event->error;
    if (event->hidden)
      answer->hidden.assign(event->hidden, event->hidden + FAKE_HIDDEN);
  }
  return 0;
}

using EnginePointer = std::unique_ptr<tern_engine, void (*)(tern_engine *)>;

/// A request with tokens of its own, to be copied and changed.
struct Request {
  Request() { tern_request_init(&fields); }

  tern_request fields;
  std::vector<int32_t> tokens;
  std::vector<std::string> stops;
  std::vector<tern_logit_bias> biases;

  uint64_t submit(tern_engine *engine, Answer &answer) {
    uint64_t id = 0;
    EXPECT_EQ(trySubmit(engine, answer, id), 0) << tern_engine_error();
    return id;
  }
  int trySubmit(tern_engine *engine, Answer &answer, uint64_t &id) {
    std::vector<const char *> pointers;
    for (const std::string &stop : stops)
      pointers.push_back(stop.c_str());
    fields.stops = pointers.data();
    fields.stop_count = pointers.size();
    fields.biases = biases.data();
    fields.bias_count = biases.size();
    if (!fields.text && !fields.chat) {
      fields.tokens = tokens.data();
      fields.token_count = tokens.size();
    }
    fields.on_event = listen;
    fields.data = &answer;
    return tern_engine_submit(engine, &fields, &id);
  }
};

inline void finishAll(tern_engine *engine) {
  int more = 1;
  for (int steps = 0; more == 1 && steps < 100000; ++steps)
    more = tern_engine_step(engine);
  ASSERT_EQ(more, 0) << tern_engine_error();
}

class Engine : public testing::Test {
protected:
  static void SetUpTestSuite() {
    tern::TokenizerSources sources;
    std::vector<uint8_t> json =
        readBytes(TERN_TEST_DIR "/models/shakespeare-a48/tokenizer.json");
    sources.tokenizer.assign(json.begin(), json.end());
    std::string error;
    auto table = tern::compileTokenizer(sources, error);
    ASSERT_TRUE(table) << error;
    tokenizerTable = *table;
    weights = temporaryPath("engine.weights");
    writeFile(weights,
              makeArtifact(tokenizerTable, defaultGeneration(), chatTemplate));
  }
  static void TearDownTestSuite() { std::remove(weights.c_str()); }

  static tern_engine_options options() {
    tern_engine_options o;
    tern_engine_options_init(&o);
    o.threads = 1;
    o.weights = weights.c_str();
    return o;
  }
  static EnginePointer open(const tern_engine_options &o,
                            const tern_model *model = &tern_model_fake) {
    tern_engine *engine = tern_engine_open_linked(&model, 1, &o);
    EXPECT_TRUE(engine) << tern_engine_error();
    return {engine, tern_engine_close};
  }
  static EnginePointer open() { return open(options()); }

  static uint32_t hashOf(const std::vector<int32_t> &tokens) {
    uint32_t hash = FAKE_START;
    for (int32_t token : tokens)
      hash = fake_hash(hash, token);
    return hash;
  }
  /// The likeliest continuation, by another way than the engine's.
  static std::vector<int32_t> greedy(std::vector<int32_t> tokens, size_t n) {
    std::vector<int32_t> answer;
    while (answer.size() < n) {
      uint32_t hash = hashOf(tokens), best = 0;
      for (uint32_t v = 1; v < FAKE_VOCAB; ++v)
        if (fake_logit(hash, v) > fake_logit(hash, best))
          best = v;
      answer.push_back(int32_t(best));
      tokens.push_back(int32_t(best));
    }
    return answer;
  }

  static constexpr const char *chatTemplate =
      "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}"
      "{% if tools %}[{{ tools | length }}]{% endif %}<assistant>";
  static inline std::string weights;
  static inline std::vector<uint8_t> tokenizerTable;
};

/// Requests of many kinds, some of which begin alike.
class RandomRequests {
public:
  explicit RandomRequests(uint32_t seed) : random(seed) {
    for (auto &prefix : prefixes)
      for (int i = 0; i < 30; ++i)
        prefix.push_back(token());
  }

  Request next() {
    Request r;
    const auto &prefix = prefixes[below(3)];
    r.tokens.assign(prefix.begin(), prefix.begin() + long(below(31)));
    for (uint32_t i = below(12) + 1; i > 0; --i)
      r.tokens.push_back(token());
    r.fields.seed = below(1000);
    r.fields.temperature = below(3) * 0.4;
    r.fields.max_tokens = below(24);
    if (below(2))
      r.fields.flags |= TERN_REQUEST_LOGPROBS;
    r.fields.top = below(4);
    if (below(4) == 0)
      r.fields.repeat_penalty = 1.3;
    if (below(4) == 0)
      r.fields.presence_penalty = 0.5;
    if (below(4) == 0)
      r.fields.frequency_penalty = 0.3;
    for (uint32_t i = below(4) == 0 ? below(5) : 0; i > 0; --i)
      r.biases.push_back({token(), float(below(9)) - 4});
    if (below(3) == 0)
      r.fields.top_k = 1 + below(40);
    if (below(3) == 0)
      r.stops = {"e", "th"};
    if (below(5) == 0)
      r.fields.flags |= TERN_REQUEST_HIDDEN;
    if (below(5) == 0)
      r.fields.flags |= TERN_REQUEST_PRIVATE;
    if (below(6) == 0)
      r.fields.flags |= TERN_REQUEST_PROMPT_LOGPROBS;
    if (below(6) == 0)
      r.fields.flags |= TERN_REQUEST_LOGITS;
    return r;
  }

  uint32_t below(uint32_t n) { return uint32_t(random() % n); }

private:
  int32_t token() { return int32_t(below(1022)); }

  std::mt19937 random;
  std::vector<int32_t> prefixes[3];
};

} // namespace tern_test

#endif // TERN_TEST_ENGINETESTING_H
