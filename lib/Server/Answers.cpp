//===- Answers.cpp - Answers in OpenAI's form -----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Answers.h"

using namespace tern::server;

const char *const tern::server::streamEnd = "data: [DONE]\n\n";

Json tern::server::toJson(const Usage &usage) {
  return {{"prompt_tokens", usage.prompt},
          {"completion_tokens", usage.answer},
          {"total_tokens", usage.prompt + usage.answer},
          {"prompt_tokens_details", {{"cached_tokens", usage.reused}}}};
}

//===----------------------------------------------------------------------===//
// Log-probabilities
//===----------------------------------------------------------------------===//

static Json tokenJson(const TokenLogprob &token) {
  Json bytes = Json::array();
  for (char c : token.bytes)
    bytes.push_back(static_cast<unsigned char>(c));
  return {{"token", token.bytes},
          {"logprob", token.logprob},
          {"bytes", std::move(bytes)}};
}

static Json chatLogprobs(const std::vector<TokenLogprob> &tokens) {
  Json content = Json::array();
  for (const TokenLogprob &token : tokens) {
    Json one = tokenJson(token), top = Json::array();
    for (const TokenLogprob &other : token.top)
      top.push_back(tokenJson(other));
    one["top_logprobs"] = std::move(top);
    content.push_back(std::move(one));
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

static Json completionLogprobs(const Choice &choice) {
  Json tokens = Json::array(), values = Json::array(), tops = Json::array(),
       offsets = Json::array();
  size_t offset = choice.logprobOffset;
  for (const TokenLogprob &token : choice.logprobs) {
    tokens.push_back(token.bytes);
    values.push_back(token.isUnknown ? Json(nullptr) : Json(token.logprob));
    Json top = token.isUnknown ? Json(nullptr) : Json::object();
    for (const TokenLogprob &other : token.top)
      // Valid as a name, too; the likeliest of equal texts counts.
      if (std::string name = Json::parse(dump(other.bytes)).get<std::string>();
          !top.contains(name))
        top[name] = other.logprob;
    tops.push_back(std::move(top));
    offsets.push_back(offset);
    offset += token.bytes.size();
  }
  return {{"tokens", std::move(tokens)},
          {"token_logprobs", std::move(values)},
          {"top_logprobs", std::move(tops)},
          {"text_offset", std::move(offsets)}};
}

static Json logprobsOf(const AnswerHead &head, const Choice &choice,
                       bool wanted) {
  if (!wanted)
    return nullptr;
  return head.isChat ? chatLogprobs(choice.logprobs)
                     : completionLogprobs(choice);
}

//===----------------------------------------------------------------------===//
// Choices
//===----------------------------------------------------------------------===//

static Json callsOf(const Choice &choice, bool isStream) {
  Json list = Json::array();
  for (const ToolCall &call : choice.calls) {
    Json one = Json::object();
    if (isStream)
      one["index"] = call.index;
    one["id"] = call.id;
    one["type"] = "function";
    one["function"] = {{"name", call.name}, {"arguments", call.arguments}};
    list.push_back(std::move(one));
  }
  return list;
}

static Json finishOf(const Choice &choice) {
  return choice.finish ? Json(choice.finish) : Json(nullptr);
}

static Json messageOf(const Choice &choice) {
  Json message = {
      {"role", "assistant"}, {"content", choice.text}, {"refusal", nullptr}};
  if (!choice.thought.empty())
    message["reasoning_content"] = choice.thought;
  if (!choice.calls.empty()) {
    if (choice.text.empty())
      message["content"] = nullptr;
    message["tool_calls"] = callsOf(choice, /*isStream=*/false);
  }
  return message;
}

static Json frame(const AnswerHead &head, const char *object) {
  return {{"id", head.id},
          {"object", object},
          {"created", head.created},
          {"model", head.model}};
}

Json tern::server::wholeAnswer(const AnswerHead &head,
                               const std::vector<Choice> &choices,
                               const Usage &usage, bool hasLogprobs) {
  Json answer =
      frame(head, head.isChat ? "chat.completion" : "text_completion");
  Json list = Json::array();
  for (const Choice &choice : choices) {
    Json one = {{"index", choice.index}};
    if (head.isChat)
      one["message"] = messageOf(choice);
    else
      one["text"] = choice.text;
    one["logprobs"] = logprobsOf(head, choice, hasLogprobs);
    one["finish_reason"] = finishOf(choice);
    list.push_back(std::move(one));
  }
  answer["choices"] = std::move(list);
  answer["usage"] = toJson(usage);
  return answer;
}

//===----------------------------------------------------------------------===//
// Streams
//===----------------------------------------------------------------------===//

static const char *chunkName(const AnswerHead &head) {
  return head.isChat ? "chat.completion.chunk" : "text_completion";
}

static std::string event(const Json &value) {
  return "data: " + dump(value) + "\n\n";
}

std::string tern::server::streamChunk(const AnswerHead &head,
                                      const Choice &piece, bool isFirst,
                                      bool hasLogprobs, bool hasUsage) {
  Json one = {{"index", piece.index}};
  if (head.isChat) {
    Json delta = Json::object();
    if (isFirst)
      delta["role"] = "assistant";
    if (isFirst || !piece.text.empty())
      delta["content"] = piece.text;
    if (!piece.thought.empty())
      delta["reasoning_content"] = piece.thought;
    if (!piece.calls.empty())
      delta["tool_calls"] = callsOf(piece, /*isStream=*/true);
    one["delta"] = std::move(delta);
  } else {
    one["text"] = piece.text;
  }
  one["logprobs"] =
      logprobsOf(head, piece, hasLogprobs && !piece.logprobs.empty());
  one["finish_reason"] = finishOf(piece);
  Json chunk = frame(head, chunkName(head));
  chunk["choices"] = Json::array({std::move(one)});
  if (hasUsage)
    chunk["usage"] = nullptr;
  return event(chunk);
}

std::string tern::server::usageChunk(const AnswerHead &head,
                                     const Usage &usage) {
  Json chunk = frame(head, chunkName(head));
  chunk["choices"] = Json::array();
  chunk["usage"] = toJson(usage);
  return event(chunk);
}
