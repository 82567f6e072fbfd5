//===- SessionTest.cpp - Sequences and their caches -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "fake_model.h"
#include "tern/tern.h"

#include "gtest/gtest.h"

#include <cfloat>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>

namespace {

/// Memory aligned as the fake model wants it, filled with what zeroing hides.
struct Memory {
  explicit Memory(size_t bytes) : raw(bytes + 128, 0xA5) {}
  uint8_t *get() {
    return raw.data() + (0 - reinterpret_cast<uintptr_t>(raw.data())) % 128;
  }
  std::vector<uint8_t> raw;
};

const void *weights() {
  static Memory memory(FAKE_WEIGHTS);
  for (uint32_t i = 0; i < FAKE_WEIGHTS; ++i)
    memory.get()[i] = fake_weight(i);
  return memory.get();
}

tern_session_config configuration(uint32_t context = 0) {
  tern_session_config config = {};
  config.size = sizeof(config);
  config.context = context;
  config.model = &tern_model_fake;
  config.weights = weights();
  config.weights_bytes = FAKE_WEIGHTS;
  return config;
}

struct Session {
  explicit Session(const tern_session_config &config)
      : bytes(tern_session_bytes(&config)), memory(bytes) {
    EXPECT_EQ(tern_session_init(memory.get(), bytes, &config, &session),
              TERN_OK);
  }
  size_t bytes;
  Memory memory;
  tern_session *session = nullptr;
};

std::vector<int32_t> randomTokens(std::mt19937 &random, size_t n) {
  std::vector<int32_t> tokens(n);
  for (int32_t &token : tokens)
    token = int32_t(random() % FAKE_VOCAB);
  return tokens;
}

uint32_t hashOf(const std::vector<int32_t> &tokens, size_t count) {
  uint32_t hash = FAKE_START;
  for (size_t i = 0; i < count; ++i)
    hash = fake_hash(hash, tokens[i]);
  return hash;
}

void expectLogits(const float *logits, uint32_t hash) {
  for (uint32_t v = 0; v < FAKE_VOCAB; ++v)
    ASSERT_EQ(logits[v], fake_logit(hash, v)) << v;
}

TEST(Session, AnySplitGivesTheSame) {
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    tern_session_config config = configuration();
    config.call_tokens = round % 3 == 0 ? 0 : 1 + random() % 7;
    Session s(config);
    std::vector<int32_t> tokens = randomTokens(random, FAKE_CONTEXT);
    for (uint32_t at = 0; at < tokens.size();) {
      uint32_t n = std::min<uint32_t>(1 + random() % 20, FAKE_CONTEXT - at);
      float *logits;
      ASSERT_EQ(tern_session_eval(s.session, &tokens[at], n, &logits), TERN_OK);
      at += n;
      ASSERT_EQ(tern_session_position(s.session), at);
      expectLogits(logits, hashOf(tokens, at));
    }
  }
}

TEST(Session, LogitsOfTheLastOnes) {
  std::mt19937 random(2);
  std::vector<int32_t> tokens = randomTokens(random, 23);
  for (uint32_t count = 0; count <= tokens.size(); ++count) {
    tern_session_config config = configuration();
    config.call_tokens = 5;
    Session s(config);
    std::vector<float> logits((count + 1) * FAKE_VOCAB, -1.0f);
    ASSERT_EQ(tern_session_eval_full(s.session, tokens.data(), 23, count,
                                     logits.data(), nullptr),
              TERN_OK);
    for (uint32_t i = 0; i < count; ++i)
      expectLogits(&logits[i * FAKE_VOCAB], hashOf(tokens, 23 - count + i + 1));
    EXPECT_EQ(logits[count * FAKE_VOCAB], -1.0f); // nothing behind them
  }
}

TEST(Session, HiddenStates) {
  tern_session_config config = configuration();
  config.call_tokens = 2; // [layer][token] must survive it
  Session s(config);
  std::vector<int32_t> tokens = {5, 6, 7};
  std::vector<float> hidden(FAKE_LAYERS * 3 * FAKE_HIDDEN);
  ASSERT_EQ(tern_session_eval_full(s.session, tokens.data(), 3, 0, nullptr,
                                   hidden.data()),
            TERN_OK);
  for (uint32_t l = 0; l < FAKE_LAYERS; ++l)
    for (uint32_t t = 0; t < 3; ++t)
      for (uint32_t h = 0; h < FAKE_HIDDEN; ++h)
        EXPECT_EQ(hidden[(l * 3 + t) * FAKE_HIDDEN + h],
                  fake_hidden(hashOf(tokens, t + 1), l, h));
}

TEST(Session, RewindForgets) {
  Session s(configuration());
  std::vector<int32_t> tokens = {1, 2, 3, 4, 5}, other = {1, 2, 9};
  float *logits;
  ASSERT_EQ(tern_session_eval(s.session, tokens.data(), 5, &logits), TERN_OK);
  EXPECT_EQ(tern_session_rewind(s.session, 6), TERN_BAD_ARGUMENT);
  ASSERT_EQ(tern_session_rewind(s.session, 2), TERN_OK);
  ASSERT_EQ(tern_session_eval(s.session, &other[2], 1, &logits), TERN_OK);
  expectLogits(logits, hashOf(other, 3));
}

TEST(Session, RefusalsAppendNothing) {
  Session s(configuration(10));
  std::vector<int32_t> tokens = {1, 2, 3};
  int32_t bad[] = {1, -1}, beyond[] = {int32_t(FAKE_VOCAB)};
  std::vector<int32_t> many(11, 1);
  float *logits;
  EXPECT_EQ(tern_session_context(s.session), 10u);
  EXPECT_EQ(tern_session_eval(s.session, nullptr, 1, &logits),
            TERN_BAD_ARGUMENT);
  EXPECT_EQ(tern_session_eval(s.session, tokens.data(), 0, &logits),
            TERN_BAD_ARGUMENT);
  EXPECT_EQ(tern_session_eval(s.session, bad, 2, &logits), TERN_BAD_TOKEN);
  EXPECT_EQ(tern_session_eval(s.session, beyond, 1, &logits), TERN_BAD_TOKEN);
  EXPECT_EQ(tern_session_eval(s.session, many.data(), 11, &logits),
            TERN_CONTEXT_FULL);
  EXPECT_EQ(tern_session_position(s.session), 0u);
  EXPECT_EQ(tern_session_eval(s.session, many.data(), 10, &logits), TERN_OK);
  EXPECT_EQ(tern_session_eval(s.session, tokens.data(), 1, &logits),
            TERN_CONTEXT_FULL);
  EXPECT_EQ(tern_session_position(s.session), 10u);
}

TEST(Session, MemoryIsExactlyWhatIsAskedFor) {
  tern_session_config config = configuration(7);
  size_t bytes = tern_session_bytes(&config);
  Memory memory(bytes + 128);
  tern_session *session;
  EXPECT_EQ(tern_session_init(memory.get(), bytes - 1, &config, &session),
            TERN_TOO_SMALL);
  EXPECT_EQ(tern_session_init(memory.get() + 64, bytes, &config, &session),
            TERN_BAD_ALIGNMENT);
  std::memset(memory.get() + bytes, 0x5C, 128);
  ASSERT_EQ(tern_session_init(memory.get(), bytes, &config, &session), TERN_OK);
  std::vector<int32_t> tokens(7, 3);
  float *logits;
  ASSERT_EQ(tern_session_eval(session, tokens.data(), 7, &logits), TERN_OK);
  for (int i = 0; i < 128; ++i)
    ASSERT_EQ(memory.get()[bytes + size_t(i)], 0x5C);
}

TEST(Session, ConfigurationsThatCannotBe) {
  auto refused = [](tern_session_config config, tern_status expected) {
    Memory memory(1 << 20);
    tern_session *session;
    EXPECT_EQ(tern_session_init(memory.get(), 1 << 20, &config, &session),
              expected);
  };
  tern_session_config config = configuration(FAKE_CONTEXT + 1);
  refused(config, TERN_BAD_ARGUMENT);
  EXPECT_EQ(tern_session_bytes(&config), 0u);
  config = configuration();
  config.weights_bytes = FAKE_WEIGHTS - 1;
  refused(config, TERN_WRONG_WEIGHTS);
  config = configuration();
  config.weights = static_cast<const uint8_t *>(weights()) + 1;
  refused(config, TERN_BAD_ALIGNMENT);
  config = configuration();
  config.size = 8;
  refused(config, TERN_BAD_ARGUMENT);

  tern_model model = tern_model_fake;
  config = configuration();
  config.model = &model;
  model.abi_version = TERN_ABI_VERSION + 1;
  refused(config, TERN_WRONG_ABI);
  model = tern_model_fake;
  model.size -= 8;
  refused(config, TERN_WRONG_ABI);
  model = tern_model_fake;
  model.alignment = 96;
  refused(config, TERN_BAD_ARGUMENT);
  model = tern_model_fake;
  model.state_block_bytes = UINT64_MAX / 2; // the sum must not wrap around
  refused(config, TERN_TOO_SMALL);
  EXPECT_EQ(tern_session_bytes(&config), 0u);
  model = tern_model_fake;
  model.scratch_bytes = UINT64_MAX - 10;
  refused(config, TERN_TOO_SMALL);
}

TEST(Session, StateBytes) {
  EXPECT_EQ(tern_model_state_bytes(&tern_model_fake, 0), 64u);
  EXPECT_EQ(tern_model_state_bytes(&tern_model_fake, 4), 64u + 16);
  EXPECT_EQ(tern_model_state_bytes(&tern_model_fake, 5), 64u + 32);
}

TEST(Session, SharedScratch) {
  Memory scratch(tern_model_scratch_bytes(&tern_model_fake, 1));
  tern_session_config own = configuration(), shared = configuration();
  shared.scratch = scratch.get();
  EXPECT_LT(tern_session_bytes(&shared), tern_session_bytes(&own));
  Session s(shared);
  int32_t token = 4;
  float *logits;
  ASSERT_EQ(tern_session_eval(s.session, &token, 1, &logits), TERN_OK);
  expectLogits(logits, hashOf({4}, 1));
}

TEST(Session, Batch) {
  std::mt19937 random(4);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::unique_ptr<Session>> sessions;
    std::vector<std::vector<int32_t>> texts;
    std::vector<tern_session *> handles;
    std::vector<tern_segment> segments(3);
    std::vector<std::vector<float>> logits(3);
    for (size_t i = 0; i < 3; ++i) {
      sessions.push_back(std::make_unique<Session>(configuration()));
      handles.push_back(sessions[i]->session);
      texts.push_back(randomTokens(random, 30));
    }
    for (uint32_t at = 0; at < 30;) {
      // Different lengths in one call, and other sequences come in between.
      uint32_t n = 1 + random() % 4;
      n = std::min(n, 30 - at);
      for (size_t i = 0; i < 3; ++i) {
        uint32_t before = tern_session_position(handles[i]);
        uint32_t m =
            i == 0 ? n : std::min<uint32_t>(1 + random() % 3, 30 - before);
        if (before == 30) {
          tern_session_rewind(handles[i], 10);
          before = 10, m = 2;
        }
        segments[i] = {};
        segments[i].tokens = &texts[i][before];
        segments[i].n = m;
        segments[i].logits_count = 1;
        logits[i].assign(FAKE_VOCAB, 0);
        segments[i].logits = logits[i].data();
      }
      ASSERT_EQ(tern_batch_eval(handles.data(), segments.data(), 3), TERN_OK);
      for (size_t i = 0; i < 3; ++i)
        expectLogits(logits[i].data(),
                     hashOf(texts[i], tern_session_position(handles[i])));
      at += n;
    }
  }
}

TEST(Session, BatchRefusals) {
  Session a(configuration()), b(configuration(2));
  int32_t tokens[] = {1, 2, 3};
  tern_segment segments[2] = {};
  for (tern_segment &segment : segments) {
    segment.tokens = tokens;
    segment.n = 3;
  }
  tern_session *twice[] = {a.session, a.session},
               *both[] = {a.session, b.session};
  EXPECT_EQ(tern_batch_eval(twice, segments, 2), TERN_BAD_ARGUMENT);
  EXPECT_EQ(tern_batch_eval(both, segments, 2), TERN_CONTEXT_FULL);
  EXPECT_EQ(tern_session_position(a.session), 0u);
  segments[1].n = 2;
  EXPECT_EQ(tern_batch_eval(both, segments, 2), TERN_OK); // no mark was left
  EXPECT_EQ(tern_session_position(a.session), 3u);
  EXPECT_EQ(tern_session_position(b.session), 2u);
}

/// The fake model, with one value at one place of the logits.
uint32_t spoiledAt;
float spoiledBy;

void spoiledHead(const tern_env *env, const void *weights, void *scratch,
                 const tern_rows *rows, size_t layer) {
  size_t count = rows->count;
  tern_model_fake.head[count == 1 ? TERN_ONE : TERN_FEW](env, weights, scratch,
                                                         rows, layer);
  if (spoiledAt < count * FAKE_VOCAB)
    rows->logits[spoiledAt / FAKE_VOCAB][spoiledAt % FAKE_VOCAB] = spoiledBy;
}

TEST(Session, LogitsThatAreNotFiniteAreSaid) {
  tern_model model = tern_model_fake;
  std::fill(std::begin(model.head), std::end(model.head), spoiledHead);
  tern_session_config config = configuration();
  config.model = &model;
  Session a(config), b(config);
  std::vector<int32_t> tokens = {1, 2, 3};
  std::vector<float> many(3 * FAKE_VOCAB);
  for (float value : {INFINITY, -INFINITY, NAN, -NAN, FLT_MAX, -FLT_MAX})
    for (uint32_t at : {0u, 7u, FAKE_VOCAB - 1, 3 * FAKE_VOCAB - 1}) {
      spoiledAt = at;
      spoiledBy = value;
      tern_status said = std::isfinite(value) ? TERN_OK : TERN_NOT_FINITE;
      EXPECT_EQ(tern_session_eval_full(a.session, tokens.data(), 3, 3,
                                       many.data(), nullptr),
                said);
      EXPECT_EQ(tern_session_position(a.session), 3u); // all was done
      float *logits = nullptr;
      bool isOfLast = at < FAKE_VOCAB;
      EXPECT_EQ(tern_session_eval(a.session, tokens.data(), 2, &logits),
                isOfLast ? said : TERN_OK);
      ASSERT_NE(logits, nullptr);
      EXPECT_EQ(tern_session_eval(a.session, tokens.data(), 2, nullptr),
                TERN_OK); // none were asked for
      tern_session *both[] = {a.session, b.session};
      tern_segment segments[2] = {};
      for (tern_segment &segment : segments) {
        segment.tokens = tokens.data();
        segment.n = 3;
      }
      segments[1].logits = many.data();
      segments[1].logits_count = 3;
      EXPECT_EQ(tern_batch_eval(both, segments, 2), said);
      EXPECT_EQ(tern_session_position(b.session), 3u);
      tern_session_rewind(a.session, 0);
      tern_session_rewind(b.session, 0);
    }
}

/// A model's `best` that knows the tokens of some sequences, or all but the
/// second one's.
static int32_t knownBest;
static bool missesSecond;
static unsigned askedForBest;
static void knowBest(const tern_env *, const void *, void *,
                     const tern_rows *rows, size_t) {
  ++askedForBest;
  for (size_t r = 0; r < rows->count; ++r)
    rows->best[r] = r == 1 && missesSecond ? -1 : knownBest;
}

static tern_model modelThatKnows() {
  tern_model model = tern_model_fake;
  std::fill(std::begin(model.best), std::end(model.best), knowBest);
  missesSecond = false;
  return model;
}

static int32_t bestOf(uint32_t hash) {
  int32_t best = 0;
  for (uint32_t v = 1; v < FAKE_VOCAB; ++v)
    if (fake_logit(hash, v) > fake_logit(hash, uint32_t(best)))
      best = int32_t(v);
  return best;
}

/// The model is believed where it knows; where it does not, all logits are
/// computed and looked at, as for a model without such a function.
TEST(Session, BestToken) {
  tern_model knows = modelThatKnows();
  std::vector<int32_t> tokens = {5, 6, 7, 8, 9};
  for (const tern_model *model : {&tern_model_fake, &std::as_const(knows)})
    for (int32_t known : {-1, 77}) {
      tern_session_config config = configuration();
      config.model = model;
      config.call_tokens = 2;
      Session s(config);
      knownBest = known;
      askedForBest = 0;
      int32_t token = -5;
      EXPECT_EQ(tern_session_best(s.session, tokens.data(), 5, &token),
                TERN_OK);
      EXPECT_EQ(tern_session_position(s.session), 5u);
      EXPECT_EQ(askedForBest, model->best[TERN_ONE] ? 1u : 0u);
      EXPECT_EQ(token, model->best[TERN_ONE] && known >= 0
                           ? known
                           : bestOf(hashOf(tokens, 5)));
      EXPECT_EQ(tern_session_best(s.session, tokens.data(), 1, nullptr),
                TERN_BAD_ARGUMENT);
      EXPECT_EQ(tern_session_best(nullptr, tokens.data(), 1, &token),
                TERN_BAD_ARGUMENT);
    }
}

/// A model that tells no logits apart calls nobody, and all of them are there.
TEST(Session, NobodyChoosesOfAModelWithoutCandidates) {
  tern_model model = tern_model_fake;
  std::fill(std::begin(model.best), std::end(model.best), knowBest);
  knownBest = 77;
  askedForBest = 0;
  tern_session_config config = configuration();
  config.model = &model;
  Session s(config), other(config);
  tern_choice choice = {
      [](void *, tern_candidate *, uint32_t, float) -> int32_t { return 3; },
      nullptr};
  std::vector<int32_t> tokens = {5, 6, 7};
  float *logits = nullptr, *wanted = nullptr;
  int32_t token = 5;
  EXPECT_EQ(tern_session_choose(s.session, tokens.data(), 3, &choice, &token,
                                &logits),
            TERN_OK);
  EXPECT_EQ(token, -1);
  EXPECT_EQ(askedForBest, 0u);
  ASSERT_EQ(tern_session_eval(other.session, tokens.data(), 3, &wanted),
            TERN_OK);
  EXPECT_TRUE(std::equal(wanted, wanted + model.vocab_size, logits));
  EXPECT_EQ(tern_session_choose(s.session, tokens.data(), 1, nullptr, &token,
                                &logits),
            TERN_BAD_ARGUMENT);
  tern_segment segment = {};
  segment.tokens = tokens.data();
  segment.n = segment.logits_count = 1;
  segment.logits = logits;
  segment.choice = &choice;
  EXPECT_EQ(tern_batch_eval(&s.session, &segment, 1), TERN_BAD_ARGUMENT);
}

TEST(Session, BestTokenOfLogitsThatAreNotFinite) {
  tern_model model = modelThatKnows();
  std::fill(std::begin(model.head), std::end(model.head), spoiledHead);
  knownBest = -1;
  tern_session_config config = configuration();
  config.model = &model;
  Session s(config);
  int32_t token, first = 3;
  spoiledAt = 7;
  spoiledBy = NAN;
  EXPECT_EQ(tern_session_best(s.session, &first, 1, &token), TERN_NOT_FINITE);
  EXPECT_EQ(tern_session_position(s.session), 1u);
  spoiledBy = INFINITY;
  EXPECT_EQ(tern_session_best(s.session, &first, 1, &token), TERN_NOT_FINITE);
  EXPECT_EQ(token, 7);
}

/// Rows have their tokens from the model if nothing else is wanted of any and
/// it knows all of them.
TEST(Session, BestTokensOfABatch) {
  tern_model model = modelThatKnows();
  knownBest = 77;
  tern_session_config config = configuration();
  config.model = &model;
  Session a(config), b(config);
  tern_session *both[] = {a.session, b.session};
  std::vector<int32_t> tokens = {1, 2, 3};
  std::vector<float> logits(4 * FAKE_VOCAB);
  int32_t best[4];
  tern_segment segments[2] = {};
  for (int i = 0; i < 2; ++i) {
    segments[i].tokens = tokens.data();
    segments[i].n = 3;
    segments[i].logits = &logits[i * 2 * FAKE_VOCAB];
    segments[i].logits_count = 2;
    segments[i].best = &best[i * 2];
  }
  segments[0].best = nullptr;
  askedForBest = 0;
  ASSERT_EQ(tern_batch_eval(both, segments, 2), TERN_OK);
  EXPECT_EQ(askedForBest, 0u);
  EXPECT_EQ(best[2], bestOf(hashOf(tokens, 2)));
  EXPECT_EQ(best[3], bestOf(hashOf(tokens, 3)));
  expectLogits(&logits[FAKE_VOCAB], hashOf(tokens, 3));
  segments[0].logits_count = 0;
  segments[1].logits_count = 1;
  ASSERT_EQ(tern_batch_eval(both, segments, 2), TERN_OK);
  EXPECT_EQ(askedForBest, 1u);
  EXPECT_EQ(best[2], 77);
  segments[0].logits_count = segments[1].logits_count = 2;
  segments[0].best = best;
  for (bool misses : {false, true}) {
    tern_session_rewind(a.session, 0);
    tern_session_rewind(b.session, 0);
    missesSecond = misses;
    askedForBest = 0;
    ASSERT_EQ(tern_batch_eval(both, segments, 2), TERN_OK);
    EXPECT_GE(askedForBest, 1u);
    EXPECT_LT(askedForBest, 4u);
    EXPECT_EQ(best[0], 77);
    EXPECT_EQ(best[1], misses ? bestOf(hashOf(tokens, 3)) : 77);
    EXPECT_EQ(best[3], 77);
  }
}

TEST(Session, SaveAndRestore) {
  Session a(configuration()), b(configuration()), small(configuration(3));
  std::vector<int32_t> tokens = {1, 2, 3, 4, 5, 6};
  float *logits;
  ASSERT_EQ(tern_session_eval(a.session, tokens.data(), 5, &logits), TERN_OK);
  std::vector<uint8_t> saved(tern_session_save_bytes(a.session));
  EXPECT_EQ(tern_session_save(a.session, saved.data(), saved.size() - 1),
            TERN_TOO_SMALL);
  ASSERT_EQ(tern_session_save(a.session, saved.data(), saved.size()), TERN_OK);
  ASSERT_EQ(tern_session_restore(b.session, saved.data(), saved.size()),
            TERN_OK);
  ASSERT_EQ(tern_session_eval(b.session, &tokens[5], 1, &logits), TERN_OK);
  expectLogits(logits, hashOf(tokens, 6));
  EXPECT_EQ(tern_session_restore(small.session, saved.data(), saved.size()),
            TERN_CONTEXT_FULL);
  for (size_t i = 0; i < 32; ++i) { // every byte of the header matters
    std::vector<uint8_t> bad = saved;
    bad[i] ^= 0x40;
    EXPECT_NE(tern_session_restore(small.session, bad.data(), bad.size()),
              TERN_OK);
  }
  for (size_t n = 0; n < saved.size(); ++n)
    EXPECT_EQ(tern_session_restore(b.session, saved.data(), n),
              TERN_WRONG_STATE);
}

} // namespace
