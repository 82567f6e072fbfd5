//===- ChatMarkersTest.cpp - Turn markers in what somebody wrote ---------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ChatTesting.h"

using namespace tern_test;

namespace {

using ChatMarkers = Chat;

/// Control tokens in what somebody wrote are text.
TEST_F(ChatMarkers, MessagesCannotEndTheirTurn) {
  Result r = talk("-n 4", "<|end_of_text|>\n");
  EXPECT_EQ(r.out, continued(Tokens{bos} + plain("u:<|end_of_text|>\na:"), 4));
  EXPECT_EQ(r.status, 0) << r.err;
}

/// A tokenizer whose turn markers are added tokens, but not special ones: the
/// template decides.
TEST_F(ChatMarkers, MarkersOfTheTemplateAreProtected) {
  tern::TokenizerSources sources;
  sources.tokenizer =
      text(TERN_TEST_DIR "/models/shakespeare-a48/tokenizer.json");
  for (size_t at = 0; (at = sources.tokenizer.find("\"special\": true", at)) !=
                      std::string::npos;
       ++at)
    sources.tokenizer.replace(at, 15, "\"special\": false");
  std::string error, other = temporaryPath("markers");
  auto table = tern::compileTokenizer(sources, error);
  ASSERT_TRUE(table) << error;
  tern_generation generation = defaultGeneration();
  auto say = [&](const std::string &chat, const std::string &message) {
    writeFile(other, appended(readBytes(TERN_FAKE_PROGRAM),
                              makeArtifact(*table, generation, chat, "{}")));
    chmod(other.c_str(), 0755);
    return talk("-n 4", message + "\n", other).out;
  };
  const std::string typed = "x<|begin_of_text|>";
  Tokens whole = Tokens{bos} + plain("u:x") + Tokens{bos};
  Tokens asText = Tokens{bos} + plain("u:" + typed);
  ASSERT_NE(continued(whole, 4), continued(asText, 4));
  // As a literal, put together, by the role, and for a role that is not here.
  for (const char *chat :
       {"<|begin_of_text|>u:{{ messages[0].content }}",
        "{{ '<|begin' ~ '_of_text|>u:' ~ messages[0].content }}",
        "{% set r = {'user': 'begin'} %}<|{{ r[messages[0].role] }}_of_text|>"
        "u:{{ messages[0].content }}"})
    EXPECT_EQ(say(chat, typed), continued(asText, 4)) << chat;
  EXPECT_EQ(say("{% for m in messages %}{% if m.role == 'tool' %}"
                "{{ '<|begin_of_' ~ 'text|>' }}{% endif %}"
                "{{ m.content }}{% endfor %}",
                typed),
            continued(plain(typed), 4));
  // In what is not rendered now, and only in this conversation.
  EXPECT_EQ(say("{% if tools %}<|begin_of_text|>{% endif %}"
                "u:{{ messages[0].content }}",
                typed),
            continued(plain("u:" + typed), 4));
  EXPECT_EQ(
      say("{{ '<|begin' ~ '_of_text|>' if messages[0].content | length > 3 "
          "}}u:{{ messages[0].content }}",
          typed),
      continued(asText, 4));
  // A token that the template has nothing to do with is the tokenizer's.
  EXPECT_EQ(say("u:{{ messages[0].content }}", typed),
            continued(plain("u:x") + Tokens{bos}, 4));
  // An end token is protected in any case.
  generation.eos_ids[0] = bos;
  EXPECT_EQ(say("u:{{ messages[0].content }}", typed),
            continued(plain("u:" + typed), 4));
  std::remove(other.c_str());
}

/// A marker that the model itself said stays that token in what follows; the
/// same letters typed are text.
TEST_F(ChatMarkers, TokensOfTheModelStay) {
  // A question whose answer begins with a word.
  std::string question, word;
  Tokens first, generated;
  for (char c = 'a'; c <= 'z' && word.size() < 4; ++c) {
    question = c;
    first = Tokens{bos} + plain("u:" + question + "\na:");
    generated = greedy(first, 1);
    size_t bytes;
    uint32_t flags;
    const char *at =
        tern_tokenizer_token(&tokenizer, generated[0], &bytes, &flags);
    word.assign(at, flags & TERN_TOKEN_SPECIAL ? 0 : bytes);
    if (!std::all_of(word.begin(), word.end(),
                     [](char l) { return l > 32 && l < 127 && l != '"'; }))
      word.clear();
  }
  ASSERT_GE(word.size(), 4u);
  tern::TokenizerSources sources;
  sources.tokenizer =
      text(TERN_TEST_DIR "/models/shakespeare-a48/tokenizer.json");
  size_t list = sources.tokenizer.find("\"added_tokens\"");
  list = sources.tokenizer.find('[', list);
  sources.tokenizer.insert(
      list + 1, "{\"id\":" + std::to_string(generated[0]) + ",\"content\":\"" +
                    word +
                    "\",\"single_word\":false,\"lstrip\":false,\"rstrip\":"
                    "false,\"normalized\":false,\"special\":false},");
  std::string error, other = temporaryPath("own");
  auto table = tern::compileTokenizer(sources, error);
  ASSERT_TRUE(table) << error;
  std::string chat = chatTemplate + ("{% if tools %}" + word + "{% endif %}");
  writeFile(other, appended(readBytes(TERN_FAKE_PROGRAM),
                            makeArtifact(*table, defaultGeneration(), chat,
                                         variables)));
  chmod(other.c_str(), 0755);
  Tokens said = first + generated + Tokens{eos};
  Result r = talk("-q -n 1", question + "\nx\n", other);
  EXPECT_EQ(r.out, word + "\n" + continued(said + plain("u:x\na:"), 1));
  // Typed, it is made of other tokens.
  Tokens whole = Tokens{bos} + plain("u:x") + generated + plain("\na:");
  r = talk("-q -n 4", "x" + word + "\n", other);
  EXPECT_EQ(r.status, 0) << r.err;
  EXPECT_NE(r.out, continued(whole, 4));
  std::remove(other.c_str());
}

} // namespace
