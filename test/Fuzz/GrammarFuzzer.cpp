//===- GrammarFuzzer.cpp - Grammars, schemas and answers ------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The first byte says what the rest is: rules, a schema or tools, whose grammar
// then allows what all tokens by themselves do; or an answer with calls, which
// has the same parts in pieces.
//
//===----------------------------------------------------------------------===//

#include "Fuzzing.h"

#include "tern/grammar.h"
#include "tern/tools.h"

#include <algorithm>
#include <vector>

using namespace tern;

static const char *const tokens[] = {
    "",      "a",        "b",        "ab",       "\"",  "\":",
    "{",     "{\"",      "}",        "}}",       "[",   "]",
    ",",     ", \"",     ": ",       " ",        "  ",  "\n",
    "1",     "12",       "-",        "0.5",      "e",   "true",
    "false", "null",     "\\",       "\\",       "\\u", "\xC3",
    "\xA9",  "\xC3\xA9", "\xF0\x9F", "\x98\x80", "z",   "<tool_call>",
    "name",  "\x01",     "A",        "-01",      "T",   "</s>"};
static const uint32_t tokenCount = sizeof(tokens) / sizeof(*tokens);

static tern_vocabulary *vocabulary() {
  static tern_vocabulary *made = [] {
    std::vector<uint32_t> bytes;
    for (const char *token : tokens)
      bytes.push_back(uint32_t(std::char_traits<char>::length(token)));
    const int32_t end = tokenCount - 1;
    return tern_vocabulary_of(tokens, bytes.data(), tokenCount, &end, 1,
                              nullptr);
  }();
  return made;
}

/// Follows the first allowed tokens that `choice` picks.
static void follow(tern_grammar *grammar, uint32_t choice) {
  tern_constraint *constraint =
      tern_constraint_open(grammar, vocabulary(), 1 << 20, nullptr);
  tern_matcher *matcher =
      constraint ? tern_matcher_open(constraint, nullptr) : nullptr;
  for (int step = 0; matcher && step < 12; ++step) {
    uint32_t words[tokenCount / 32 + 1] = {}, allowed = 0, next = 0;
    if (tern_matcher_mask(matcher, words, nullptr) != 0)
      break;
    for (uint32_t t = 0; t < tokenCount; ++t) {
      tern_matcher *tried = tern_matcher_copy(matcher, nullptr);
      bool is = t + 1 == tokenCount
                    ? tern_matcher_may_end(tried) != 0
                    : *tokens[t] &&
                          tern_matcher_accept(tried, int32_t(t), nullptr) == 0;
      tern_matcher_close(tried);
      require((words[t / 32] >> t % 32 & 1) == uint32_t(is),
              "a mask has exactly the tokens that are accepted");
      if (is && t + 1 < tokenCount && choice % ++allowed == 0)
        next = t;
    }
    choice = choice * 1664525 + 1013904223;
    if (next == 0)
      break;
    require(tern_matcher_accept(matcher, int32_t(next), nullptr) == 0,
            "an allowed token is accepted");
  }
  tern_matcher_close(matcher);
  tern_constraint_close(constraint);
}

struct Parts {
  std::string text;
  uint32_t last = 99;
  static int take(void *data, const tern_answer_part *part) {
    auto *parts = static_cast<Parts *>(data);
    require(part->bytes || part->kind == TERN_PART_CALL, "a part has a text");
    if (part->kind != parts->last || part->kind == TERN_PART_CALL)
      parts->text += '|';
    parts->last = part->kind;
    if (part->name)
      parts->text += part->name;
    parts->text.append(part->text, part->bytes);
    return 0;
  }
};

static std::string read(uint32_t form, const std::string &text, size_t piece) {
  Parts parts;
  tern_answer_reader *reader =
      tern_answer_reader_open(form, nullptr, 0, 1, nullptr);
  for (size_t at = 0; at < text.size(); at += piece)
    tern_answer_reader_push(reader, text.data() + at,
                            std::min(piece, text.size() - at), Parts::take,
                            &parts);
  tern_answer_reader_flush(reader, Parts::take, &parts);
  tern_answer_reader_close(reader);
  return parts.text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  const uint32_t kind = data[0] % 32;
  const std::string text(reinterpret_cast<const char *>(data) + 1, size - 1);
  tern_error error = {};
  tern_grammar_options options;
  tern_grammar_options_init(&options);
  options.max_nodes = 20000;
  options.max_bytes = 8 << 20;
  options.max_depth = 20;
  options.thought = kind / 8 % 3;
  if (kind % 8 == 7) {
    const uint32_t form = kind / 8 + 1 + text.size() % 2;
    require(read(form, text, 1) == read(form, text, text.size()),
            "the parts of an answer do not depend on how it comes");
    return 0;
  }
  tern_grammar *grammar =
      kind % 8 < 3
          ? tern_grammar_from_rules(text.data(), text.size(), &options, &error)
      : kind % 8 < 6
          ? tern_grammar_from_schema(text.data(), text.size(), &options, &error)
          : tern_grammar_from_tools(kind / 8 + 1, text.data(), text.size(),
                                    nullptr, 1, &options, &error);
  if (!grammar) {
    require(error.text[0] != '\0', "a refusal says why");
    return 0;
  }
  follow(grammar, uint32_t(size * 2654435761u));
  tern_grammar_release(grammar);
  return 0;
}
