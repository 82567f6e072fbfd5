//===- EngineGrammarTest.cpp - Answers of a form --------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "EngineTesting.h"

#include "tern/grammar.h"
#include "tern/tools.h"

#include <algorithm>
#include <regex>

using namespace tern_test;

namespace {

using GrammarPointer = std::unique_ptr<tern_grammar, void (*)(tern_grammar *)>;

GrammarPointer rules(const std::string &text) {
  tern_error error;
  GrammarPointer made(
      tern_grammar_from_rules(text.data(), text.size(), nullptr, &error),
      tern_grammar_release);
  EXPECT_TRUE(made) << error.text;
  return made;
}

const char *const forms[] = {
    "root ::= \"{\\\"k\\\": \" ([1-9] [0-9]{0,3} | \"\\\"\" [a-z ]{2,9} "
    "\"\\\"\") "
    "\"}\"",
    "root ::= (\"yes\" | \"no\") (\", \" root)?",
    "root ::= [^a-zA-Z\\n]{5,20} \"e\"",
};
const char *const patterns[] = {
    "\\{\"k\": ([1-9][0-9]{0,3}|\"[a-z ]{2,9}\")\\}",
    "(yes|no)(, (yes|no))*",
    "[^a-zA-Z\\n]+e",
};

/// Requests with and without grammars, which are released at once.
Request nextRequest(RandomRequests &random) {
  Request r = random.next();
  r.fields.max_tokens = 30;
  r.stops.clear();
  if (r.tokens.size() > 30)
    r.tokens.resize(30);
  return r;
}

TEST_F(Engine, AnswersAreOfTheirForm) {
  auto engine = open();
  RandomRequests random(11);
  int ended = 0;
  for (int i = 0; i < 90; ++i) {
    Request r = nextRequest(random);
    Answer answer;
    GrammarPointer grammar = rules(forms[i % 3]);
    r.fields.grammar = grammar.get();
    r.submit(engine.get(), answer);
    grammar.reset();
    finishAll(engine.get());
    ASSERT_NE(answer.finish, TERN_FINISH_FAILED) << answer.error;
    if (answer.finish != TERN_FINISH_STOP)
      continue;
    ++ended;
    EXPECT_TRUE(std::regex_match(answer.text, std::regex(patterns[i % 3])))
        << answer.text;
  }
  EXPECT_GT(ended, 45);
}

/// generation_config.json's forced_eos_token_id is the end of texts that have
/// no form of their own.
TEST_F(Engine, AForcedEndIsNoPartOfAForm) {
  tern_generation generation = defaultGeneration();
  generation.forced_eos_count = 1;
  std::string path = temporaryPath("forced.weights");
  writeFile(path, makeArtifact(tokenizerTable, generation, chatTemplate, "",
                               std::string("\xFF\x03\0\0", 4)));
  tern_engine_options o = options();
  o.weights = path.c_str();
  auto engine = open(o);
  std::remove(path.c_str());
  Answer answer;
  Request r;
  GrammarPointer grammar = rules("root ::= [a-z]{100}");
  r.tokens = {1, 2};
  r.fields.max_tokens = 4;
  r.fields.grammar = grammar.get();
  r.submit(engine.get(), answer);
  finishAll(engine.get());
  EXPECT_EQ(answer.error, "");
  EXPECT_EQ(answer.finish, uint32_t(TERN_FINISH_LENGTH));
  EXPECT_EQ(answer.tokens.size(), 4u);
}

/// Of many grammars those that no request has go; with room for none at once a
/// request is refused, and others go on.
TEST_F(Engine, GrammarsHaveABound) {
  tern_engine_options o = options();
  o.grammar_bytes = 3 << 20;
  auto engine = open(o);
  for (int i = 0; i < 30; ++i) {
    Request r;
    Answer answer;
    GrammarPointer grammar =
        rules("root ::= [a-z]{" + std::to_string(900 + i) + "} | [a-y]{900}");
    r.tokens = {1, 2};
    r.fields.max_tokens = 6;
    r.fields.grammar = grammar.get();
    r.submit(engine.get(), answer);
    finishAll(engine.get());
    EXPECT_EQ(answer.finish, uint32_t(TERN_FINISH_LENGTH)) << answer.error;
  }
  std::vector<Answer> answers(40);
  int taken = 0;
  for (size_t i = 0; i < answers.size(); ++i) {
    Request r;
    uint64_t id;
    GrammarPointer grammar =
        rules("root ::= [a-z]{" + std::to_string(900 + i) + "} | [a-x]{900}");
    r.tokens = {1, 2};
    r.fields.max_tokens = 6;
    r.fields.grammar = grammar.get();
    int result = r.trySubmit(engine.get(), answers[i], id);
    taken += result == 0;
    if (result != 0) {
      EXPECT_EQ(result, TERN_ENGINE_BUSY);
      EXPECT_NE(std::string(tern_engine_error()).find("grammar_bytes, 3145728"),
                std::string::npos)
          << tern_engine_error();
    }
  }
  EXPECT_GT(taken, 2);
  EXPECT_LT(taken, 40);
  finishAll(engine.get());
  for (int i = 0; i < taken; ++i)
    EXPECT_EQ(answers[size_t(i)].finish, uint32_t(TERN_FINISH_LENGTH))
        << answers[size_t(i)].error;
}

/// There is no use in asking again.
TEST_F(Engine, AGrammarWithoutRoomAloneIsInvalid) {
  tern_engine_options o = options();
  o.grammar_bytes = 1000;
  auto engine = open(o);
  Request r;
  Answer answer;
  uint64_t id;
  GrammarPointer grammar = rules("root ::= [a-z]{900}");
  r.tokens = {1, 2};
  r.fields.grammar = grammar.get();
  EXPECT_EQ(r.trySubmit(engine.get(), answer, id), TERN_ENGINE_INVALID);
  std::string error = tern_engine_error();
  EXPECT_EQ(error.find("the grammar takes "), 0u) << error;
  EXPECT_NE(error.find("more than grammar_bytes, 1000"), std::string::npos)
      << error;
  r.fields.grammar = nullptr;
  r.submit(engine.get(), answer);
}

// The same bits, whoever else is there: with grammars, without, with the same.
TEST_F(Engine, FormsDoNotDependOnOthers) {
  RandomRequests random(12);
  GrammarPointer grammars[] = {rules(forms[0]), rules(forms[1]),
                               rules(forms[2])};
  std::vector<Request> requests;
  std::vector<Answer> alone(60), crowd(60);
  for (int i = 0; i < 60; ++i) {
    requests.push_back(nextRequest(random));
    if (i % 4)
      requests.back().fields.grammar = grammars[i % 4 - 1].get();
  }
  tern_engine_options o = options();
  o.kept_bytes = 0;
  for (int i = 0; i < 60; ++i) {
    auto engine = open(o);
    requests[i].submit(engine.get(), alone[i]);
    finishAll(engine.get());
  }
  o.kept_bytes = 4000;
  o.max_sequences = 7;
  o.step_tokens = 20;
  auto engine = open(o);
  for (int i = 0; i < 60; ++i) {
    requests[i].submit(engine.get(), crowd[i]);
    for (uint32_t steps = random.below(4); steps > 0; --steps)
      tern_engine_step(engine.get());
  }
  finishAll(engine.get());
  for (int i = 0; i < 60; ++i) {
    EXPECT_EQ(crowd[i].tokens, alone[i].tokens) << i;
    EXPECT_EQ(crowd[i].logprobs, alone[i].logprobs) << i;
    EXPECT_EQ(crowd[i].text, alone[i].text) << i;
    EXPECT_EQ(crowd[i].finish, alone[i].finish) << i;
  }
}

// Greedily, too, where a model could find its token without the logits.
TEST_F(Engine, TheBestTokenOfAForm) {
  auto engine = open();
  GrammarPointer grammar = rules("root ::= [0-9]{3}");
  Request r;
  r.tokens = {5, 6, 7};
  r.fields.temperature = 0;
  r.fields.flags |= TERN_REQUEST_IGNORE_END; // the form has an end of its own
  r.fields.grammar = grammar.get();
  Answer answer;
  r.submit(engine.get(), answer);
  finishAll(engine.get());
  EXPECT_EQ(answer.finish, TERN_FINISH_STOP);
  EXPECT_TRUE(std::regex_match(answer.text, std::regex("[0-9]{3}")))
      << answer.text;
  EXPECT_FALSE(answer.tokens.empty());
  // The first token is the likeliest of those that are digits.
  tern_tokenizer tokenizer;
  ASSERT_EQ(tern_tokenizer_load(&tokenizer, tokenizerTable.data(),
                                tokenizerTable.size()),
            TERN_OK);
  uint32_t hash = hashOf(r.tokens);
  int32_t best = -1;
  for (int32_t v = 0; v < int32_t(FAKE_VOCAB); ++v) {
    size_t bytes = 0;
    uint32_t flags = 0;
    const char *text = tern_tokenizer_token(&tokenizer, v, &bytes, &flags);
    if (!text || !bytes || bytes > 3 || (flags & TERN_TOKEN_SPECIAL) ||
        std::string(text, bytes).find_first_not_of("0123456789") !=
            std::string::npos)
      continue;
    if (best < 0 ||
        fake_logit(hash, uint32_t(v)) > fake_logit(hash, uint32_t(best)))
      best = v;
  }
  EXPECT_EQ(answer.tokens[0], best);
}

// An end token comes where the text may end and nowhere else.
TEST_F(Engine, TheEndOfAForm) {
  auto engine = open();
  GrammarPointer grammar = rules("root ::= \"a\"{4} \"a\"*");
  int byToken = 0;
  for (int seed = 0; seed < 60; ++seed) {
    Request r;
    r.tokens = {9, seed % 7, 8};
    r.fields.seed = seed;
    r.fields.max_tokens = 40;
    r.fields.temperature = 3;
    r.fields.grammar = grammar.get();
    if (seed % 2)
      r.fields.flags |= TERN_REQUEST_IGNORE_END;
    Answer answer;
    r.submit(engine.get(), answer);
    finishAll(engine.get());
    EXPECT_GE(answer.text.size(), 4u);
    EXPECT_EQ(answer.text.find_first_not_of('a'), std::string::npos);
    EXPECT_EQ(answer.finish,
              seed % 2 ? uint32_t(TERN_FINISH_LENGTH) : answer.finish);
    EXPECT_EQ(std::count(answer.tokens.begin(), answer.tokens.end(), 1023), 0);
    byToken += answer.finish == TERN_FINISH_STOP;
  }
  EXPECT_GT(byToken, 5);
}

TEST_F(Engine, AFormThatAllowsNothing) {
  auto engine = open();
  tern_error error;
  tern_grammar_options o;
  tern_grammar_options_init(&o);
  o.max_depth = 1;
  const std::string text = "root ::= x \"!\"\nx ::= y \"!\"\ny ::= \"12345678"
                           "901234567890\" | \"(\" x \")\"";
  GrammarPointer grammar(
      tern_grammar_from_rules(text.data(), text.size(), &o, &error),
      tern_grammar_release);
  Request r;
  r.tokens = {1};
  r.fields.grammar = grammar.get();
  Answer answer;
  uint64_t id;
  EXPECT_EQ(r.trySubmit(engine.get(), answer, id), TERN_ENGINE_INVALID);
  EXPECT_STREQ(tern_engine_error(), "the grammar allows no text at all");
}

TEST_F(Engine, TheFormOfCalls) {
  auto engine = open();
  tern_engine_info info = {};
  info.size = sizeof(info);
  ASSERT_EQ(tern_engine_describe(engine.get(), &info), 0);
  EXPECT_EQ(info.calls_form, uint32_t(TERN_CALLS_JSON)); // it reads `tools`
  tern_engine_options o = options();
  o.chat_template = TERN_TEST_DIR "/data/templates/qwen35.jinja";
  engine = open(o);
  ASSERT_EQ(tern_engine_describe(engine.get(), &info), 0);
  EXPECT_EQ(info.calls_form, uint32_t(TERN_CALLS_XML));
}

} // namespace
