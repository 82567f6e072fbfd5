//===- EngineTest.cpp - One request at a time -----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "EngineTesting.h"

#include <algorithm>
#include <cmath>
#include <thread>

using namespace tern_test;

namespace {

TEST_F(Engine, AnswersAsDefined) {
  auto engine = open();
  Request r;
  r.tokens = {1022, 845, 25};
  r.fields.max_tokens = 20;
  Answer answer;
  uint64_t id = r.submit(engine.get(), answer);
  EXPECT_NE(id, 0u);
  finishAll(engine.get());
  EXPECT_EQ(answer.tokens, greedy(r.tokens, 20));
  EXPECT_EQ(answer.finish, uint32_t(TERN_FINISH_LENGTH));
  EXPECT_EQ(answer.prompt, 3u);
  EXPECT_EQ(answer.error, "");
  EXPECT_EQ(tern_engine_step(engine.get()), 0);
}

/// Greedy ones, too: the model's own choice is another one.
TEST_F(Engine, PenaltiesAndBiases) {
  auto engine = open();
  Request r;
  r.tokens = {1022, 845, 25};
  r.fields.temperature = 0;
  r.fields.max_tokens = 20;
  r.fields.flags = TERN_REQUEST_IGNORE_END;
  const std::vector<int32_t> plain = greedy(r.tokens, 20);
  for (int round = 0; round < 4; ++round) {
    const float presence = round == 1 ? 0.25f : 0;
    const float frequency = round == 1 || round == 2 ? 0.375f : 0;
    r.fields.presence_penalty = presence;
    r.fields.frequency_penalty = frequency;
    r.biases = {{7, 6}, {8, 5.5f}, {plain[0], -50}, {9, 2.25f}, {9, 3.5f}};
    if (round == 0)
      r.biases = {{plain[0], -50}};
    Answer answer;
    r.submit(engine.get(), answer);
    finishAll(engine.get());
    std::vector<int32_t> text = r.tokens, wanted;
    while (wanted.size() < 20) {
      int32_t best = -1;
      float most = 0;
      for (int32_t id = 0; id < int32_t(FAKE_VOCAB); ++id) {
        float logit = fake_logit(hashOf(text), uint32_t(id));
        if (auto times = std::count(wanted.begin(), wanted.end(), id)) {
          logit -= presence;
          logit -= frequency * float(times);
        }
        for (const tern_logit_bias &bias : r.biases)
          logit += bias.token == id ? bias.value : 0.0f;
        if (best < 0 || logit > most) {
          best = id;
          most = logit;
        }
      }
      wanted.push_back(best);
      text.push_back(best);
    }
    EXPECT_EQ(answer.tokens, wanted) << round;
    EXPECT_NE(answer.tokens, plain) << round;
  }
}

TEST_F(Engine, LogProbabilitiesAreThoseOfTheModel) {
  auto engine = open();
  Request r;
  r.tokens = {7, 8, 9};
  r.fields.max_tokens = 4;
  r.fields.temperature = 2; // change what is picked, not what is told
  r.fields.repeat_penalty = 2;
  r.fields.seed = 5;
  r.fields.flags = TERN_REQUEST_LOGPROBS;
  r.fields.top = 3;
  Answer answer;
  r.submit(engine.get(), answer);
  finishAll(engine.get());
  ASSERT_EQ(answer.tokens.size(), 4u);
  ASSERT_EQ(answer.top.size(), 12u);
  std::vector<int32_t> text = r.tokens;
  for (size_t i = 0; i < 4; ++i) {
    uint32_t hash = hashOf(text);
    double sum = 0, best = 0;
    for (uint32_t v = 0; v < FAKE_VOCAB; ++v) {
      sum += std::exp(double(fake_logit(hash, v)));
      best = std::max(best, double(fake_logit(hash, v)));
    }
    double own = fake_logit(hash, uint32_t(answer.tokens[i]));
    EXPECT_NEAR(answer.logprobs[i], own - std::log(sum), 1e-12);
    EXPECT_NEAR(answer.top[3 * i].second, best - std::log(sum), 1e-12);
    EXPECT_GE(answer.top[3 * i].second, answer.top[3 * i + 1].second);
    EXPECT_GE(answer.top[3 * i + 1].second, answer.top[3 * i + 2].second);
    text.push_back(answer.tokens[i]);
  }
}

TEST_F(Engine, HiddenStateIsThatOfTheLastToken) {
  auto engine = open();
  for (size_t length : {1u, 2u, 40u}) {
    Request r;
    for (size_t i = 0; i < length; ++i)
      r.tokens.push_back(int32_t(3 * i + length));
    r.fields.max_tokens = 0;
    r.fields.flags = TERN_REQUEST_HIDDEN;
    Answer answer;
    r.submit(engine.get(), answer);
    finishAll(engine.get());
    std::vector<float> expected;
    for (uint32_t h = 0; h < FAKE_HIDDEN; ++h)
      expected.push_back(fake_hidden(hashOf(r.tokens), FAKE_LAYERS - 1, h));
    EXPECT_EQ(answer.hidden, expected);
    EXPECT_TRUE(answer.tokens.empty());
    EXPECT_EQ(answer.finish, uint32_t(TERN_FINISH_LENGTH));
  }
}

bool isUtf8(const std::string &text) {
  tern_utf8 utf8 = {};
  std::string out(TERN_UTF8_ROOM(text.size()), 0);
  size_t n = tern_utf8_push(&utf8, text.data(), text.size(), out.data());
  return utf8.held_count == 0 && out.substr(0, n) == text;
}

/// The text of tokens, all at once.
std::string textOf(tern_engine *engine, const std::vector<int32_t> &tokens) {
  std::string text(65536, 0);
  size_t bytes = 0;
  EXPECT_EQ(tern_engine_detokenize(engine, tokens.data(), tokens.size(),
                                   text.data(), text.size(), &bytes),
            0);
  text.resize(bytes);
  return text;
}

/// Of control tokens and halves of characters, too, which are no text.
TEST_F(Engine, TokensHaveBytes) {
  auto engine = open();
  const std::string text = "O, \xF0\x9F\x98\x80!";
  std::vector<int32_t> tokens(64);
  size_t count = 0;
  ASSERT_EQ(tern_engine_tokenize(engine.get(), text.data(), text.size(), 0,
                                 tokens.data(), tokens.size(), &count),
            0);
  std::string whole;
  bool wasCut = false;
  for (size_t i = 0; i < count; ++i) {
    char bytes[64];
    size_t n = 0;
    ASSERT_EQ(tern_engine_token_bytes(engine.get(), tokens[i], bytes,
                                      sizeof bytes, &n),
              0);
    wasCut |= !isUtf8(std::string(bytes, n));
    whole.append(bytes, n);
  }
  EXPECT_EQ(whole, "<|begin_of_text|>" + text);
  EXPECT_TRUE(wasCut);
  size_t n = 0;
  EXPECT_EQ(tern_engine_token_bytes(engine.get(), -1, nullptr, 0, &n),
            TERN_ENGINE_INVALID);
}

TEST_F(Engine, TextIsCutBetweenCharacters) {
  auto engine = open();
  bool wasCut = false;
  for (int seed = 0; seed < 40; ++seed) {
    Request r;
    r.tokens = {1, 2, 3};
    r.fields.max_tokens = 40;
    r.fields.temperature = 100; // any token, half characters among them
    r.fields.seed = seed;
    Answer answer;
    r.submit(engine.get(), answer);
    finishAll(engine.get());
    for (const std::string &piece : answer.pieces)
      EXPECT_TRUE(isUtf8(piece)) << piece;
    EXPECT_EQ(answer.text, textOf(engine.get(), answer.tokens));
    EXPECT_EQ(answer.marks.size(), answer.text.size());
    for (char mark : answer.marks)
      EXPECT_TRUE(mark == TERN_MARK_WRITTEN || mark == TERN_MARK_TOKEN);
    wasCut |= answer.text.find("\xEF\xBF\xBD") != std::string::npos;
  }
  EXPECT_TRUE(wasCut);
}

TEST_F(Engine, StopStringsNeverLeak) {
  auto engine = open();
  Request r;
  r.tokens = {5, 6};
  r.fields.max_tokens = 30;
  Answer whole;
  r.submit(engine.get(), whole);
  finishAll(engine.get());
  ASSERT_GT(whole.text.size(), 30u);
  for (size_t at : {1u, 9u, 20u}) {
    std::string stop = whole.text.substr(at, 5);
    if (!isUtf8(stop))
      continue;
    r.stops = {"never comes", stop};
    Answer answer;
    r.submit(engine.get(), answer);
    finishAll(engine.get());
    EXPECT_EQ(answer.text, whole.text.substr(0, whole.text.find(stop)));
    EXPECT_EQ(answer.finish, uint32_t(TERN_FINISH_STOP));
    EXPECT_LT(answer.tokens.size(), whole.tokens.size());
  }
}

TEST_F(Engine, EndTokensEndUnlessIgnored) {
  tern_generation generation = defaultGeneration();
  std::vector<int32_t> text = greedy({5, 6}, 30);
  generation.eos_ids[0] = text[7];
  std::string file = temporaryPath("eos.weights");
  writeFile(file, makeArtifact(tokenizerTable, generation));
  tern_engine_options o = options();
  o.weights = file.c_str();
  auto engine = open(o);
  Request r;
  r.tokens = {5, 6};
  r.fields.max_tokens = 30;
  Answer answer, all;
  r.submit(engine.get(), answer);
  r.fields.flags = TERN_REQUEST_IGNORE_END;
  r.submit(engine.get(), all);
  finishAll(engine.get());
  EXPECT_EQ(answer.tokens,
            std::vector<int32_t>(text.begin(), text.begin() + 7));
  EXPECT_EQ(answer.finish, uint32_t(TERN_FINISH_STOP));
  EXPECT_EQ(all.tokens, text);
  std::remove(file.c_str());
}

TEST_F(Engine, ContextFills) {
  auto engine = open();
  Request r;
  r.tokens = {5, 6};
  r.fields.flags = TERN_REQUEST_IGNORE_END;
  Answer answer;
  r.submit(engine.get(), answer);
  finishAll(engine.get());
  EXPECT_EQ(answer.finish, uint32_t(TERN_FINISH_CONTEXT));
  EXPECT_EQ(answer.tokens, greedy(r.tokens, FAKE_CONTEXT - 2 + 1));
}

TEST_F(Engine, TokensOfTextAndBack) {
  auto engine = open();
  int32_t tokens[16] = {-1, -1, -1, -1};
  size_t count = 0;
  ASSERT_EQ(
      tern_engine_tokenize(engine.get(), "ROMEO:", 6, 0, tokens, 2, &count), 0);
  EXPECT_EQ(count, 3u);
  EXPECT_EQ(tokens[1], 845);
  EXPECT_EQ(tokens[2], -1); // there was no room
  ASSERT_EQ(tern_engine_tokenize(engine.get(), "ROMEO:", 6, TERN_ENCODE_BARE,
                                 tokens, 16, &count),
            0);
  EXPECT_EQ(count, 2u);
  EXPECT_EQ(textOf(engine.get(), {1022, 845, 25}), "ROMEO:");
}

TEST_F(Engine, ChatsAreRendered) {
  auto engine = open();
  tern_message messages[] = {{"system", "Be brief.", 9, nullptr},
                             {"user", "Who?", 4, nullptr}};
  tern_chat chat;
  tern_chat_init(&chat);
  chat.messages = messages;
  chat.message_count = 2;
  auto render = [&] {
    std::string text(200, 0);
    size_t bytes = 0;
    EXPECT_EQ(tern_engine_render(engine.get(), &chat, text.data(), text.size(),
                                 &bytes),
              0)
        << tern_engine_error();
    return text.substr(0, bytes);
  };
  EXPECT_EQ(render(), "<system>Be brief.\n<user>Who?\n<assistant>");
  chat.tools = "[{}, {}]";
  chat.tools_bytes = 8;
  EXPECT_EQ(render(), "<system>Be brief.\n<user>Who?\n[2]<assistant>");
  chat.tools = nullptr;
  EXPECT_EQ(render(), "<system>Be brief.\n<user>Who?\n<assistant>");

  // The same as JSON, which brings what else the template reads.
  tern_chat written;
  tern_chat_init(&written);
  std::string json = R"( [{"role": "system", "content": "[Be] brief."},
                          {"content": "Who?", "role": "user"}] )";
  auto renderJson = [&] {
    written.json = json.data();
    written.json_bytes = json.size();
    std::string text(200, 0);
    size_t bytes = 0;
    if (tern_engine_render(engine.get(), &written, text.data(), text.size(),
                           &bytes) != 0)
      return std::string(tern_engine_error());
    return text.substr(0, bytes);
  };
  EXPECT_EQ(renderJson(), "<system>[Be] brief.\n<user>Who?\n<assistant>");
  // Raw bytes that stand around tokens of the model's are no JSON.
  json = "[{\"role\":\"user\",\"content\":\"\x0E<s>\x0F\"}]";
  EXPECT_EQ(renderJson().substr(0, 15), "messages, line ");
  json = "{}";
  EXPECT_EQ(renderJson(), "messages: expected a list of objects, "
                          "[{...}, ...], got a mapping");
  json = "[]],[[";
  EXPECT_EQ(renderJson().substr(0, 15), "messages, line ");

  int32_t tokens[100];
  size_t count = 0;
  ASSERT_EQ(tern_engine_tokenize_chat(engine.get(), &chat, tokens, 100, &count),
            0);
  Request r;
  r.fields.chat = &chat;
  r.fields.max_tokens = 5;
  Answer answer;
  r.submit(engine.get(), answer);
  finishAll(engine.get());
  EXPECT_EQ(answer.tokens, greedy({tokens, tokens + count}, 5));

  messages[1].content = "\xFF";
  messages[1].content_bytes = 1;
  EXPECT_EQ(tern_engine_tokenize_chat(engine.get(), &chat, tokens, 100, &count),
            TERN_ENGINE_INVALID);
  EXPECT_STREQ(tern_engine_error(), "message 1 is not UTF-8");
}

TEST_F(Engine, RefusesWithASentence) {
  auto engine = open();
  auto refuse = [&](auto change, const std::string &sentence) {
    Request r;
    r.tokens = {1, 2};
    change(r);
    Answer answer;
    uint64_t id;
    EXPECT_EQ(r.trySubmit(engine.get(), answer, id), TERN_ENGINE_INVALID);
    EXPECT_NE(std::string(tern_engine_error()).find(sentence),
              std::string::npos)
        << tern_engine_error();
  };
  refuse([](Request &r) { r.tokens = {}; }, "no tokens that could be read");
  refuse([](Request &r) { r.tokens = {1, 1024}; },
         "token 1 is 1024, expected 0 to 1023");
  refuse([](Request &r) { r.tokens.resize(65); },
         "the text has 65 tokens, but the context of 64 has room for 64");
  refuse([](Request &r) { r.fields.temperature = NAN; },
         "temperature is nan, expected 0 to 1e+06");
  refuse([](Request &r) { r.fields.temperature = INFINITY; },
         "temperature is inf");
  refuse([](Request &r) { r.fields.top_p = 1.5; }, "top_p is 1.5");
  refuse([](Request &r) { r.fields.presence_penalty = -1e7; },
         "presence_penalty is -1e+07");
  refuse([](Request &r) { r.fields.frequency_penalty = NAN; },
         "frequency_penalty is nan");
  refuse([](Request &r) { r.biases = {{1024, 0}}; },
         "bias 0 is of token 1024, expected 0 to 1023");
  refuse([](Request &r) { r.biases = {{1, 0}, {1, INFINITY}}; },
         "bias 1 is inf, expected -1e+06 to 1e+06");
  refuse([](Request &r) { r.biases.resize(1025); },
         "there are 1025 biases, expected at most 1024");
  refuse([](Request &r) { r.fields.top = 21; }, "top is 21");
  refuse([](Request &r) { r.fields.flags = 1u << 31; },
         "bits that are not known");
  refuse([](Request &r) { r.stops = {""}; }, "stop string 0 has 0 bytes");
  refuse([](Request &r) { r.stops = {"a", "\xC3"}; }, "of UTF-8");
  refuse([](Request &r) { r.stops.resize(65, "a"); }, "65 stop strings");
  refuse([](Request &r) { r.fields.size = 4; }, "tern_request.size is 4");

  tern_engine_options o = options();
  const tern_model *model = &tern_model_fake;
  auto refuseOpening = [&](const std::string &sentence) {
    EXPECT_FALSE(tern_engine_open_linked(&model, 1, &o));
    EXPECT_NE(std::string(tern_engine_error()).find(sentence),
              std::string::npos)
        << tern_engine_error();
  };
  o.context = 65;
  refuseOpening("a context of 65 tokens is more than the model's 64");
  o = options();
  o.max_sequences = 0;
  refuseOpening("max_sequences is 0, expected 1 to 1024");
  o = options();
  o.weights = "/no/such/file";
  refuseOpening("/no/such/file");
  EXPECT_FALSE(tern_engine_open("/no/such.so", nullptr));
  EXPECT_STREQ(tern_engine_error(),
               "cannot open /no/such.so: No such file or directory");
  EXPECT_FALSE(tern_engine_open(weights.c_str(), nullptr));
  EXPECT_NE(std::string(tern_engine_error()).find("holds weights alone"),
            std::string::npos);
}

TEST_F(Engine, SentencesAreTheThreads) {
  EXPECT_FALSE(tern_engine_open(nullptr, nullptr));
  std::thread([] { EXPECT_STREQ(tern_engine_error(), ""); }).join();
  EXPECT_STREQ(tern_engine_error(), "the path of the model is NULL");
}

} // namespace
