//===- StepTest.cpp - Tokens of a call through a model's functions --------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The fake model traps when it is called otherwise than a compiled one may be:
// with another class than that of the number of rows, with more rows than it
// takes, with memory that is not aligned.
//
//===----------------------------------------------------------------------===//

#include "fake_model.h"
#include "tern/tern.h"

#include "gtest/gtest.h"

#include <cstring>
#include <memory>
#include <random>

namespace {

/// Memory of exactly so many bytes, between bytes that nothing may change.
class Guarded {
public:
  explicit Guarded(size_t bytes) : raw(bytes + 3 * 128, 0xA5), bytes(bytes) {}
  ~Guarded() {
    for (const uint8_t *at = raw.data(); at != raw.data() + raw.size(); ++at)
      if (at < get() || at >= get() + bytes) {
        EXPECT_EQ(*at, 0xA5);
      }
  }
  uint8_t *get() {
    uint8_t *start = raw.data() + 128;
    return start + (0 - reinterpret_cast<uintptr_t>(start)) % 128;
  }

private:
  std::vector<uint8_t> raw;
  size_t bytes;
};

uint8_t *weights() {
  static Guarded memory(FAKE_WEIGHTS);
  for (uint32_t i = 0; i < FAKE_WEIGHTS; ++i)
    memory.get()[i] = fake_weight(i);
  return memory.get();
}

/// A sequence whose tokens are appended segment by segment.
struct Sequence {
  explicit Sequence(std::mt19937 &random)
      : state(tern_model_state_bytes(&tern_model_fake, FAKE_CONTEXT)) {
    for (uint32_t i = 0; i < FAKE_CONTEXT; ++i)
      tokens.push_back(int32_t(random() % FAKE_VOCAB));
  }

  /// The next n tokens, with all that may be asked for.
  tern_segment next(uint32_t n, uint32_t logitsCount) {
    logits.assign(logitsCount * FAKE_VOCAB, -1);
    hidden.assign(FAKE_LAYERS * n * FAKE_HIDDEN, -1);
    tern_segment s = {};
    s.state = state.get();
    s.tokens = &tokens[position];
    s.logits = logitsCount ? logits.data() : nullptr;
    s.hidden = hidden.data();
    s.n = n;
    s.position = position;
    s.logits_count = logitsCount;
    return s;
  }

  uint32_t hashAt(uint32_t count) const {
    uint32_t hash = FAKE_START;
    for (uint32_t i = 0; i < count; ++i)
      hash = fake_hash(hash, tokens[i]);
    return hash;
  }

  void check(const tern_segment &s) {
    for (uint32_t i = 0; i < s.n; ++i)
      for (uint32_t l = 0; l < FAKE_LAYERS; ++l)
        for (uint32_t h = 0; h < FAKE_HIDDEN; ++h)
          ASSERT_EQ(hidden[(l * s.n + i) * FAKE_HIDDEN + h],
                    fake_hidden(hashAt(s.position + i + 1), l, h));
    for (uint32_t i = 0; i < s.logits_count; ++i)
      for (uint32_t v = 0; v < FAKE_VOCAB; ++v)
        ASSERT_EQ(
            logits[i * FAKE_VOCAB + v],
            fake_logit(hashAt(s.position + s.n - s.logits_count + i + 1), v));
    position += s.n;
  }

  Guarded state;
  std::vector<int32_t> tokens;
  std::vector<float> logits, hidden;
  uint32_t position = 0;
};

tern_env environment(uint32_t workers) {
  tern_env env = {};
  env.size = sizeof(env);
  env.worker_count = workers;
  return env;
}

size_t scratchBytes(uint32_t workers) {
  return tern_model_scratch_bytes(&tern_model_fake, workers);
}

/// Groups of 19 rows begin and end anywhere in the segments; logits are wanted
/// of any number of rows, and the head takes five.
TEST(Step, AnySegments) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    uint32_t workers = 1 + random() % 4;
    tern_env env = environment(workers);
    Guarded scratch(scratchBytes(workers));
    std::vector<std::unique_ptr<Sequence>> sequences;
    for (size_t i = 0; i < 1 + random() % 6; ++i)
      sequences.push_back(std::make_unique<Sequence>(random));
    for (int step = 0; step < 3; ++step) {
      std::vector<tern_segment> segments;
      for (auto &sequence : sequences) {
        uint32_t n = 1 + random() % (random() % 3 ? 3 : 21);
        segments.push_back(
            sequence->next(n, random() % 2 ? random() % (n + 1) : 0));
      }
      ASSERT_EQ(tern_step(&tern_model_fake, &env, weights(), scratch.get(),
                          segments.data(), uint32_t(segments.size())),
                TERN_OK);
      for (size_t i = 0; i < segments.size(); ++i)
        sequences[i]->check(segments[i]);
    }
  }
}

TEST(Step, AllOfTheContext) {
  std::mt19937 random(5);
  tern_env env = environment(1);
  Guarded scratch(scratchBytes(1));
  Sequence sequence(random);
  for (uint32_t n : {FAKE_CONTEXT - 1, 1u}) {
    tern_segment segment = sequence.next(n, 1);
    ASSERT_EQ(tern_step(&tern_model_fake, &env, weights(), scratch.get(),
                        &segment, 1),
              TERN_OK);
    sequence.check(segment);
  }
}

TEST(Step, NothingIsNothing) {
  tern_env env = environment(1);
  Guarded scratch(scratchBytes(1));
  tern_segment segment = {};
  EXPECT_EQ(
      tern_step(&tern_model_fake, &env, weights(), scratch.get(), &segment, 0),
      TERN_OK);
}

/// A bad segment anywhere leaves every state of the call as it was.
TEST(Step, RefusalsWriteNothing) {
  std::mt19937 random(2);
  tern_env env = environment(1);
  Guarded scratch(scratchBytes(1));
  Sequence good(random), other(random);
  auto refused = [&](auto change, tern_status status) {
    tern_segment segments[2] = {good.next(3, 1), other.next(2, 1)};
    change(segments[1]);
    std::vector<uint8_t> before(good.state.get(), good.state.get() + 300);
    EXPECT_EQ(tern_step(&tern_model_fake, &env, weights(), scratch.get(),
                        segments, 2),
              status);
    EXPECT_EQ(memcmp(before.data(), good.state.get(), before.size()), 0);
    EXPECT_EQ(good.logits[0], -1.0f);
  };
  int32_t tokens[] = {3, int32_t(FAKE_VOCAB)}, negative[] = {-1, 0};
  refused([](tern_segment &s) { s.state = nullptr; }, TERN_BAD_ARGUMENT);
  refused([](tern_segment &s) { s.tokens = nullptr; }, TERN_BAD_ARGUMENT);
  refused([](tern_segment &s) { s.n = s.logits_count = 0; }, TERN_BAD_ARGUMENT);
  refused([](tern_segment &s) { s.logits_count = 3; }, TERN_BAD_ARGUMENT);
  refused([&](tern_segment &s) { s.tokens = tokens; }, TERN_BAD_TOKEN);
  refused([&](tern_segment &s) { s.tokens = negative; }, TERN_BAD_TOKEN);
  refused([](tern_segment &s) { s.position = FAKE_CONTEXT - 1; },
          TERN_CONTEXT_FULL);
  refused([](tern_segment &s) { s.position = UINT32_MAX; }, TERN_CONTEXT_FULL);
  // Of two faults the one that says more about the caller.
  refused(
      [&](tern_segment &s) {
        s.tokens = tokens;
        s.position = FAKE_CONTEXT;
      },
      TERN_CONTEXT_FULL);
}

TEST(Step, PointersAndVersionAreChecked) {
  std::mt19937 random(3);
  tern_env env = environment(1);
  Guarded scratch(scratchBytes(1));
  Sequence sequence(random);
  tern_segment segment = sequence.next(1, 1);
  const tern_model *model = &tern_model_fake;
  EXPECT_EQ(tern_step(nullptr, &env, weights(), scratch.get(), &segment, 1),
            TERN_BAD_ARGUMENT);
  EXPECT_EQ(tern_step(model, nullptr, weights(), scratch.get(), &segment, 1),
            TERN_BAD_ARGUMENT);
  EXPECT_EQ(tern_step(model, &env, nullptr, scratch.get(), &segment, 1),
            TERN_BAD_ARGUMENT);
  EXPECT_EQ(tern_step(model, &env, weights(), nullptr, &segment, 1),
            TERN_BAD_ARGUMENT);
  EXPECT_EQ(tern_step(model, &env, weights(), scratch.get(), nullptr, 1),
            TERN_BAD_ARGUMENT);
  tern_model old = tern_model_fake;
  old.abi_version = 1;
  EXPECT_EQ(tern_step(&old, &env, weights(), scratch.get(), &segment, 1),
            TERN_WRONG_ABI);
}

/// A part for each worker, behind what there is once.
TEST(Step, ScratchBytes) {
  EXPECT_EQ(scratchBytes(8) - scratchBytes(1), 7 * 24u);
  EXPECT_EQ(scratchBytes(1) - scratchBytes(0), 24u);
  if (sizeof(void *) == 8) {
    // Of a step, in multiples of 128: tokens, positions, states, where logits
    // go, the best tokens and where they go, and two buffers of values.
    EXPECT_EQ(scratchBytes(0),
              128 + 128 + 256 + 128 + 128 + 128 + 2 * 256 + 100u);
  }
  tern_model model = tern_model_fake;
  model.scratch_bytes = UINT64_MAX - 10; // the sum must not wrap around
  EXPECT_EQ(tern_model_scratch_bytes(&model, 1), 0u);
  model.scratch_bytes = UINT64_MAX - scratchBytes(0);
  EXPECT_NE(tern_model_scratch_bytes(&model, 1), 0u);
  EXPECT_EQ(tern_model_scratch_bytes(&model, 10), 0u);
  model = tern_model_fake;
  model.scratch_worker_bytes = UINT64_MAX / 2;
  EXPECT_EQ(tern_model_scratch_bytes(&model, 3), 0u);
}

/// 2 * projection_count counters, which a step adds to.
TEST(Step, Counters) {
  std::mt19937 random(4);
  uint64_t counters[4] = {1, 0, 0, 0};
  tern_env env = environment(1);
  env.counters = counters;
  Guarded scratch(scratchBytes(1));
  Sequence sequence(random);
  tern_segment segment = sequence.next(21, 0);
  ASSERT_EQ(
      tern_step(&tern_model_fake, &env, weights(), scratch.get(), &segment, 1),
      TERN_OK);
  EXPECT_EQ(counters[0], 1 + 21 * 1000u);
  EXPECT_EQ(counters[3], 21 * 500u);
}

/// A model of two kinds of layers in the order 0 1 1 0; each function writes
/// down that it was called.
std::vector<std::pair<char, size_t>> called;
template <char Name>
void note(const tern_env *, const void *, void *, const tern_rows *rows,
          size_t layer) {
  called.push_back({Name, layer});
  for (size_t r = 0; r < rows->count && Name != 'h'; ++r)
    rows->output[r] = Name == 'e' ? 1 : rows->input[r] * 3 + (Name == 'b');
  for (size_t r = 0; r < rows->count && Name == 'h'; ++r)
    rows->logits[r][0] = rows->input[r];
}

TEST(Step, KindsOfLayers) {
  const tern_layer layers[] = {{0, 0}, {1, 0}, {1, 1}, {0, 1}};
  const tern_kind kinds[] = {
      {0, 4, "layer.a", {note<'a'>, note<'a'>, note<'a'>}},
      {8, 0, "layer.b", {note<'b'>, note<'b'>, note<'b'>}}};
  tern_model model = {};
  model.abi_version = TERN_ABI_VERSION;
  model.size = sizeof(model);
  model.vocab_size = model.hidden_size = 1;
  model.layer_count = 4;
  model.kind_count = 2;
  model.max_context = model.max_tokens = model.head_tokens = 2;
  model.alignment = model.state_block_tokens = 1;
  model.kinds = kinds;
  model.layers = layers;
  std::fill_n(model.embed, 3, note<'e'>);
  std::fill_n(model.head, 3, note<'h'>);
  ASSERT_EQ(tern_model_check(&model), TERN_OK);

  Guarded scratch(tern_model_scratch_bytes(&model, 1)), state(64);
  tern_env env = environment(1);
  int32_t token = 0;
  float logit = 0, hidden[4] = {};
  tern_segment segment = {state.get(), &token, &logit, hidden, 1, 0, 1, 0};
  ASSERT_EQ(tern_step(&model, &env, weights(), scratch.get(), &segment, 1),
            TERN_OK);
  std::vector<std::pair<char, size_t>> expected = {
      {'e', 0}, {'a', 0}, {'b', 0}, {'b', 1}, {'a', 1}, {'h', 0}};
  EXPECT_EQ(called, expected);
  const float after[] = {3, 10, 31, 93};
  EXPECT_EQ(memcmp(hidden, after, sizeof(after)), 0);

  // One compiled before the struct had its last field.
  model.size = sizeof(model) - sizeof(model.device);
  EXPECT_EQ(tern_step(&model, &env, weights(), scratch.get(), &segment, 1),
            TERN_WRONG_ABI);
  EXPECT_EQ(logit, 93);
}

TEST(Step, ModelsThatCannotBe) {
  auto refused = [](auto change) {
    tern_model model = tern_model_fake;
    change(model);
    EXPECT_EQ(tern_model_check(&model), TERN_BAD_ARGUMENT);
  };
  EXPECT_EQ(tern_model_check(&tern_model_fake), TERN_OK);
  refused([](tern_model &m) { m.kinds = nullptr; });
  refused([](tern_model &m) { m.layers = nullptr; });
  refused([](tern_model &m) { m.kind_count = 0; }); // a layer has kind 0
  refused([](tern_model &m) { m.max_tokens = 0; });
  refused([](tern_model &m) { m.head_tokens = 0; });
  refused([](tern_model &m) { m.embed[TERN_FEW] = nullptr; });
  refused([](tern_model &m) { m.head[TERN_MANY] = nullptr; });
}

} // namespace
