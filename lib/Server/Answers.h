//===- Answers.h - Answers in OpenAI's form ---------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_SERVER_ANSWERS_H
#define TERN_LIB_SERVER_ANSWERS_H

#include "JsonText.h"

#include <ctime>
#include <vector>

namespace tern::server {

/// The members that all chunks of an answer have.
struct AnswerHead {
  std::string id, model;
  std::time_t created = 0;
  bool isChat = false;
};

struct Usage {
  uint64_t prompt = 0, reused = 0, answer = 0;
};

/// A token as log-probabilities show it.
struct TokenLogprob {
  std::string bytes; ///< possibly a part of a character
  double logprob = 0;
  bool isUnknown = false; ///< nothing stands before it
  std::vector<TokenLogprob> top;
};

struct ToolCall {
  size_t index = 0;
  std::string id, name, arguments;
};

/// One of the answers.
struct Choice {
  size_t index = 0;
  std::string text, thought;
  std::vector<ToolCall> calls;
  std::vector<TokenLogprob> logprobs;
  size_t logprobOffset = 0; ///< of /v1/completions: bytes before the first one
  const char *finish = nullptr;

  bool isEmpty() const {
    return text.empty() && thought.empty() && calls.empty() && logprobs.empty();
  }
};

/// The whole.
Json wholeAnswer(const AnswerHead &head, const std::vector<Choice> &choices,
                 const Usage &usage, bool hasLogprobs);
/// A piece of one choice as an event of a stream; the first one of a chat says
/// the role. With `hasUsage` the member is there, as null.
std::string streamChunk(const AnswerHead &head, const Choice &piece,
                        bool isFirst, bool hasLogprobs, bool hasUsage);
/// The last chunk, if it was asked for.
std::string usageChunk(const AnswerHead &head, const Usage &usage);
extern const char *const streamEnd;

Json toJson(const Usage &usage);

} // namespace tern::server

#endif // TERN_LIB_SERVER_ANSWERS_H
