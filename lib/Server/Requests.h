//===- Requests.h - Bodies of requests, read --------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// From text to a struct; nothing here knows an engine. Each reader answers with
// nothing and *error where the text is refused.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_SERVER_REQUESTS_H
#define TERN_LIB_SERVER_REQUESTS_H

#include "Fields.h"

#include "tern/host.h"

#include <string>
#include <vector>

namespace tern::server {

/// Of one request, beside what the model and the engine allow.
struct RequestLimits {
  unsigned choices = 16;    ///< n, and prompts times n
  unsigned inputs = 256;    ///< of /v1/embeddings
  int64_t answerTokens = 0; ///< max_tokens at most; 0: the model's context
};

/// Absent: as the model asks.
struct Sampling {
  std::optional<double> temperature, topP, minP, repeatPenalty;
  std::optional<double> presencePenalty, frequencyPenalty;
  std::vector<tern_logit_bias> biases;
  std::optional<int64_t> topK, seed, maxTokens;
  std::vector<std::string> stops;
  bool ignoresEnd = false;
  bool isPrivate = false; ///< shares no state with other requests
};

/// A text, or tokens.
struct Prompt {
  bool isTokens = false;
  std::string text;
  std::vector<int32_t> tokens;
};

/// All that the template gets, as JSON.
struct Chat {
  std::string messages, tools; ///< lists; no tools: empty
  int thinking = -1;           ///< -1: as the template has it, 0: off, 1: on
};

enum class AnswerForm { Text, AnyObject, Schema };
enum class CallChoice { None, Auto, Required, Named };

/// Of /v1/chat/completions and /v1/completions.
struct GenerationRequest {
  std::string model; ///< empty: the first one
  bool isChat = false;
  Chat chat;
  std::vector<Prompt> prompts; ///< of no chat, at least one
  Sampling sampling;
  unsigned count = 1; ///< answers for each prompt
  bool streams = false, includesUsage = false;
  bool hasLogprobs = false;
  unsigned top = 0;    ///< log-probabilities of so many others
  bool echoes = false; ///< the prompt is part of the answer
  AnswerForm form = AnswerForm::Text;
  std::string schema; ///< of AnswerForm::Schema
  CallChoice calls = CallChoice::None;
  std::string call; ///< name of CallChoice::Named
  bool hasParallelCalls = true;
};

struct EmbeddingRequest {
  std::string model;
  std::vector<Prompt> inputs;
  bool isBase64 = false;
  std::optional<int64_t> dimensions;
};

/// Of /tokenize, /detokenize and /apply-template, each with its part.
struct TextRequest {
  std::string model, text;
  bool addsSpecial = false, hasPieces = false;
  std::vector<int32_t> tokens;
  Chat chat;
};

std::optional<GenerationRequest>
readChat(std::string_view body, const RequestLimits &limits, ApiError &error);
std::optional<GenerationRequest> readCompletion(std::string_view body,
                                                const RequestLimits &limits,
                                                ApiError &error);
std::optional<EmbeddingRequest> readEmbedding(std::string_view body,
                                              const RequestLimits &limits,
                                              ApiError &error);
std::optional<TextRequest> readTokenize(std::string_view body, ApiError &error);
std::optional<TextRequest> readDetokenize(std::string_view body,
                                          ApiError &error);
std::optional<TextRequest> readTemplate(std::string_view body, ApiError &error);

/// Opens a body and takes its `model`; `read(fields, request)` takes the rest.
template <typename Request, typename Read>
std::optional<Request> readBody(std::string_view body, ApiError &error,
                                Read read) {
  std::optional<Json> object = parseObject(body, error);
  if (!object)
    return std::nullopt;
  Fields fields(*object, error);
  Request request;
  request.model = fields.text("model").value_or("");
  read(fields, request);
  fields.end();
  if (fields.failed())
    return std::nullopt;
  return request;
}

/// The members that both have whose answers are generated: how many, how to
/// choose their tokens, when to stop, and if they are streamed.
void readGeneration(Fields &fields, const RequestLimits &limits,
                    GenerationRequest &request, ApiError &error);
/// OpenAI's messages as templates want them: texts instead of parts, arguments
/// of calls as objects.
std::string readMessages(Fields &fields);
/// The list in `tools`, or an empty text.
std::string readTools(Fields &fields);
/// A string, strings, tokens or lists of tokens.
std::vector<Prompt> readPrompts(Fields &fields, const char *name, size_t most);

} // namespace tern::server

#endif // TERN_LIB_SERVER_REQUESTS_H
