//===- EngineSequenceTest.cpp - Sequences and shared beginnings -----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "EngineTesting.h"
#include "tern/engine.hpp"

#include <stdexcept>

using namespace tern_test;

namespace {

class EngineSequence : public Engine {
protected:
  static std::vector<int32_t> textOf(tern_sequence *sequence) {
    size_t count = 0;
    EXPECT_EQ(tern_sequence_tokens(sequence, nullptr, 0, &count), 0);
    std::vector<int32_t> tokens(count);
    EXPECT_EQ(tern_sequence_tokens(sequence, tokens.data(), count, &count), 0);
    return tokens;
  }
  static Answer goOn(tern_engine *engine, tern_sequence *sequence,
                     const std::vector<int32_t> &tokens, int64_t count) {
    Request r;
    Answer answer;
    r.tokens = tokens;
    r.fields.sequence = sequence;
    r.fields.max_tokens = count;
    r.fields.flags = TERN_REQUEST_IGNORE_END;
    r.submit(engine, answer);
    finishAll(engine);
    return answer;
  }
  static tern_engine_counts counts(tern_engine *engine) {
    tern_engine_counts counts = {};
    counts.size = sizeof(counts);
    tern_engine_count(engine, &counts);
    return counts;
  }
  static Request request(uint32_t first, uint32_t count, int32_t last) {
    Request r;
    for (uint32_t i = 0; i < count; ++i)
      r.tokens.push_back(int32_t(first + i));
    r.tokens.push_back(last);
    r.fields.max_tokens = 3;
    return r;
  }
};

TEST_F(EngineSequence, GoesOn) {
  auto engine = open();
  tern_sequence *sequence = tern_sequence_create(engine.get());
  ASSERT_TRUE(sequence);
  std::vector<int32_t> text = {4, 5, 6};
  for (int turn = 0; turn < 4; ++turn) {
    std::vector<int32_t> more = turn ? std::vector<int32_t>{20, 21} : text;
    if (turn)
      text.insert(text.end(), more.begin(), more.end());
    std::vector<int32_t> expected = greedy(text, 4);
    Answer answer = goOn(engine.get(), sequence, more, 4);
    EXPECT_EQ(answer.tokens, expected);
    EXPECT_EQ(answer.prompt, text.size());
    text.insert(text.end(), expected.begin(), expected.end());
    EXPECT_EQ(textOf(sequence), text);
  }
  // Without new tokens from where the answer was cut off.
  EXPECT_EQ(goOn(engine.get(), sequence, {}, 3).tokens, greedy(text, 3));
  EXPECT_EQ(tern_sequence_destroy(sequence), 0);
}

TEST_F(EngineSequence, ForksSavesAndRestores) {
  auto engine = open();
  tern_sequence *one = tern_sequence_create(engine.get());
  goOn(engine.get(), one, {4, 5, 6, 7, 8}, 4);
  std::vector<int32_t> text = textOf(one);
  ASSERT_EQ(text.size(), 9u);
  std::vector<uint8_t> saved(tern_sequence_save_bytes(one));
  ASSERT_EQ(tern_sequence_save(one, saved.data(), saved.size()), 0);
  tern_sequence *two = tern_sequence_fork(one);
  goOn(engine.get(), one, {1, 2, 3}, 4); // does not change the others
  auto other = open();
  tern_sequence *three =
      tern_sequence_restore(other.get(), saved.data(), saved.size());
  ASSERT_TRUE(two && three) << tern_engine_error();
  text.push_back(9);
  EXPECT_EQ(goOn(engine.get(), two, {9}, 4).tokens, greedy(text, 4));
  EXPECT_EQ(goOn(other.get(), three, {9}, 4).tokens, greedy(text, 4));
  EXPECT_EQ(textOf(two), textOf(three));

  EXPECT_EQ(tern_sequence_save(one, saved.data(), 8), TERN_ENGINE_INVALID);
  for (size_t at = 0; at < saved.size(); at += 3) {
    std::vector<uint8_t> damaged = saved;
    damaged[at] ^= 16;
    EXPECT_FALSE(
        tern_sequence_restore(other.get(), damaged.data(), damaged.size()))
        << at;
    damaged.resize(at);
    EXPECT_FALSE(tern_sequence_restore(other.get(), damaged.data(), at)) << at;
  }
}

TEST_F(EngineSequence, BelongsToOneRequest) {
  auto engine = open();
  tern_sequence *sequence = tern_sequence_create(engine.get());
  Request r = request(1, 5, 9);
  r.fields.sequence = sequence;
  Answer answer, none;
  uint64_t id;
  r.submit(engine.get(), answer);
  EXPECT_EQ(r.trySubmit(engine.get(), none, id), TERN_ENGINE_INVALID);
  EXPECT_STREQ(tern_engine_error(),
               "the sequence belongs to request 1, which is not over");
  EXPECT_FALSE(tern_sequence_fork(sequence));
  EXPECT_EQ(tern_sequence_destroy(sequence), TERN_ENGINE_INVALID);
  finishAll(engine.get());
  EXPECT_EQ(tern_sequence_destroy(sequence), 0);
}

TEST_F(EngineSequence, BeginningsAreReused) {
  auto engine = open();
  Answer first, again, longer, other;
  request(100, 20, 1).submit(engine.get(), first);
  finishAll(engine.get());
  EXPECT_EQ(first.reused, 0u);
  request(100, 20, 2).submit(engine.get(), again);
  finishAll(engine.get());
  EXPECT_EQ(again.reused, 20u);
  Request r = request(100, 20, 2);
  EXPECT_EQ(again.tokens, greedy(r.tokens, 3));
  r.tokens.insert(r.tokens.end(), again.tokens.begin(), again.tokens.end());
  r.submit(engine.get(), longer); // goes on: the state is taken as it is
  finishAll(engine.get());
  EXPECT_EQ(longer.reused, 23u); // the last token of an answer has no state
  EXPECT_EQ(longer.tokens, greedy(r.tokens, 3));
  request(300, 20, 2).submit(engine.get(), other);
  finishAll(engine.get());
  EXPECT_EQ(other.reused, 0u);
  EXPECT_EQ(counts(engine.get()).reused_tokens, 43u);
  EXPECT_EQ(counts(engine.get()).kept, 2u);
}

/// A short text does not destroy a long one that begins alike.
TEST_F(EngineSequence, StatesAreNotTakenAtALoss) {
  auto engine = open();
  Answer answers[3];
  const uint32_t common[] = {20, 8, 20};
  for (int i = 0; i < 3; ++i) {
    request(100, common[i], i).submit(engine.get(), answers[i]);
    finishAll(engine.get());
  }
  EXPECT_EQ(answers[1].reused, 8u);
  EXPECT_EQ(answers[2].reused, 20u);
}

/// A recurrent state is that of all its text, and of nothing shorter.
TEST_F(EngineSequence, RecurrentStatesAreTakenAsAWhole) {
  tern_model model = tern_model_fake;
  model.is_recurrent = 1;
  auto engine = open(options(), &model);
  Answer first, sibling, longer;
  Request r = request(100, 15, 1); // too short for a copy
  r.submit(engine.get(), first);
  finishAll(engine.get());
  request(100, 15, 2).submit(engine.get(), sibling);
  finishAll(engine.get());
  EXPECT_EQ(sibling.reused, 0u);
  EXPECT_EQ(sibling.tokens, greedy(request(100, 15, 2).tokens, 3));
  r.tokens.insert(r.tokens.end(), first.tokens.begin(), first.tokens.end());
  r.submit(engine.get(), longer);
  finishAll(engine.get());
  EXPECT_EQ(longer.reused, 18u);
  EXPECT_EQ(longer.tokens, greedy(r.tokens, 3));
}

/// Copies are kept 16 tokens before the end of a prompt, and where it parts
/// from another one; whoever takes one leaves it to others.
TEST_F(EngineSequence, RecurrentStatesAreCopiedWhereTextsPart) {
  tern_model model = tern_model_fake;
  model.is_recurrent = 1;
  auto engine = open(options(), &model);
  const uint32_t expected[] = {0, 25, 40, 40};
  for (int i = 0; i < 4; ++i) {
    Answer answer;
    request(100, 40, i).submit(engine.get(), answer);
    finishAll(engine.get());
    EXPECT_EQ(answer.reused, expected[i]) << i;
    EXPECT_EQ(answer.tokens, greedy(request(100, 40, i).tokens, 3));
  }
}

/// Each turn's prompt is the last one but for its end, an answer in other
/// words, and more: it costs what is new and 16 tokens.
TEST_F(EngineSequence, TurnsOfARecurrentModelReadWhatIsNew) {
  tern_model model = tern_model_fake;
  model.is_recurrent = 1;
  auto engine = open(options(), &model);
  uint32_t before = 0;
  for (uint32_t turn = 0; turn < 4; ++turn) {
    Answer answer;
    Request r = request(1, 20 + 10 * turn, 7);
    uint32_t read = static_cast<uint32_t>(counts(engine.get()).prompt_tokens);
    r.submit(engine.get(), answer);
    finishAll(engine.get());
    read = static_cast<uint32_t>(counts(engine.get()).prompt_tokens) - read;
    auto count = static_cast<uint32_t>(r.tokens.size());
    EXPECT_EQ(answer.tokens, greedy(r.tokens, 3));
    EXPECT_EQ(answer.reused + read, count);
    if (turn)
      EXPECT_LE(read, count - before + 16) << turn;
    before = count;
  }
}

/// A beginning that many have costs once, also when all come at the same time.
TEST_F(EngineSequence, BeginningsThatAreBeingReadAreWaitedFor) {
  tern_engine_options o = options();
  o.step_tokens = 8;
  o.max_sequences = 4;
  auto engine = open(o);
  Answer answers[4];
  for (int i = 0; i < 4; ++i)
    request(100, 40, i).submit(engine.get(), answers[i]);
  finishAll(engine.get());
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(answers[i].tokens, greedy(request(100, 40, i).tokens, 3));
    EXPECT_EQ(answers[i].prompt, 41u);
  }
  EXPECT_LE(counts(engine.get()).prompt_tokens, 40u + 4 + 3 * 4);
  EXPECT_EQ(counts(engine.get()).prompt_tokens +
                counts(engine.get()).reused_tokens,
            4 * 41u);
}

TEST_F(EngineSequence, PrivateTextsAreNotShared) {
  auto engine = open();
  Answer answers[3];
  Request r = request(100, 20, 1);
  r.fields.flags = TERN_REQUEST_PRIVATE;
  r.submit(engine.get(), answers[0]);
  tern_engine_step(engine.get());
  request(100, 20, 1).submit(engine.get(), answers[1]);
  finishAll(engine.get());
  r.submit(engine.get(), answers[2]);
  finishAll(engine.get());
  for (const Answer &answer : answers) {
    EXPECT_EQ(answer.reused, 0u);
    EXPECT_EQ(answer.tokens, answers[0].tokens);
  }
}

TEST_F(EngineSequence, LeastRecentlyUsedGoFirst) {
  tern_engine_options o = options();
  // Room for the states of two texts of 24 tokens.
  o.kept_bytes = 2 * tern_model_state_bytes(&tern_model_fake, 24);
  auto engine = open(o);
  auto reused = [&](uint32_t first) {
    Answer answer;
    request(first, 20, 1).submit(engine.get(), answer);
    finishAll(engine.get());
    EXPECT_LE(counts(engine.get()).kept_bytes, o.kept_bytes);
    return answer.reused;
  };
  EXPECT_EQ(reused(100), 0u);
  EXPECT_EQ(reused(200), 0u);
  EXPECT_EQ(reused(100), 20u);
  EXPECT_EQ(reused(300), 0u); // in the place of 200
  EXPECT_EQ(reused(100), 20u);
  EXPECT_EQ(reused(200), 0u);
}

/// tern/engine.hpp over the same.
TEST_F(EngineSequence, HandlesOfCpp) {
  tern::Engine engine(open().release());
  auto ask = [&](const tern::Request &request, tern::Listener listener) {
    std::pair<std::vector<int32_t>, tern_finish> answer;
    EXPECT_TRUE(engine.submit(request, [&](const tern::Event &event) {
      if (event.isToken())
        answer.first.push_back(event.fields.token);
      if (event.isEnd())
        answer.second = event.finish();
      return !listener || listener(event);
    })) << tern::error();
    EXPECT_TRUE(engine.run());
    return answer;
  };
  tern::Request request;
  request.text = "ROMEO:";
  request.fields.max_tokens = 5;
  auto tokens = engine.tokenize(request.text);
  ASSERT_TRUE(tokens);
  EXPECT_EQ(engine.detokenize(*tokens), request.text);
  EXPECT_EQ(ask(request, nullptr).first, greedy(*tokens, 5));

  tern::Sequence sequence = engine.createSequence();
  request.fields.sequence = sequence.get();
  std::vector<int32_t> answer = ask(request, nullptr).first;
  tern::Sequence fork = sequence.fork();
  tern::Sequence restored = engine.restore(*sequence.save());
  ASSERT_TRUE(fork && restored) << tern::error();
  tokens->insert(tokens->end(), answer.begin(), answer.end());
  EXPECT_EQ(fork.tokens(), tokens);
  EXPECT_EQ(restored.tokens(), tokens);

  request.fields.sequence = nullptr;
  auto stopped = ask(request, [](const tern::Event &event) -> bool {
    if (event.fields.answer_tokens == 2)
      throw std::runtime_error("is not let out");
    return true;
  });
  EXPECT_EQ(stopped.first.size(), 2u);
  EXPECT_EQ(stopped.second, TERN_FINISH_CANCELLED);
  request.text = "";
  EXPECT_FALSE(engine.submit(request, nullptr));
  EXPECT_FALSE(tern::Engine::open("/no/such.so"));
}

} // namespace
