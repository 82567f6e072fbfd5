//===- Model.cpp - An engine that is served -------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Model.h"

#include "tern/tokenizer.h"

using namespace tern::server;

Model::Model(std::string name, tern_engine *engine)
    : name(std::move(name)), engine(engine) {
  info.size = sizeof info;
  tern_engine_describe(engine, &info);
}

void tern::server::setPrompt(tern_request &wanted, const Prompt &prompt) {
  if (prompt.isTokens) {
    wanted.tokens = prompt.tokens.data();
    wanted.token_count = prompt.tokens.size();
  } else {
    wanted.text = prompt.text.data();
    wanted.text_bytes = prompt.text.size();
  }
}

tern_chat tern::server::toEngine(const Chat &from) {
  tern_chat chat;
  tern_chat_init(&chat);
  chat.thinking = from.thinking;
  chat.json = from.messages.data();
  chat.json_bytes = from.messages.size();
  if (!from.tools.empty()) {
    chat.tools = from.tools.data();
    chat.tools_bytes = from.tools.size();
  }
  return chat;
}

ApiError tern::server::engineError(int result) {
  if (result == TERN_ENGINE_BUSY)
    return {429, tern_engine_error(), "", "queue_full"};
  return {result == TERN_ENGINE_INVALID ? 400 : 500, tern_engine_error(), "",
          ""};
}

/// Calls call(room, &count) with room that suffices.
template <typename Element, typename Call>
static int fill(std::vector<Element> &out, Call call) {
  size_t count = 0;
  int result = call(out.data(), out.size(), &count);
  if (result == 0 && count > out.size()) {
    out.resize(count);
    result = call(out.data(), out.size(), &count);
  }
  out.resize(result == 0 ? count : 0);
  return result;
}

std::optional<std::vector<int32_t>> Model::tokenize(const std::string &text,
                                                    uint32_t flags,
                                                    ApiError &error) const {
  std::vector<int32_t> tokens(text.size() + 8);
  int result = fill(tokens, [&](int32_t *room, size_t most, size_t *count) {
    return tern_engine_tokenize(engine, text.data(), text.size(), flags, room,
                                most, count);
  });
  if (result == 0)
    return tokens;
  error = engineError(result);
  return std::nullopt;
}

bool Model::knows(const std::vector<int32_t> &tokens, ApiError &error) const {
  for (int32_t token : tokens)
    if (token < 0 || uint32_t(token) >= info.vocab_size) {
      error.message = "there is no token " + std::to_string(token) +
                      ", expected less than " + std::to_string(info.vocab_size);
      return false;
    }
  return true;
}

std::optional<std::string> Model::detokenize(const std::vector<int32_t> &tokens,
                                             ApiError &error) const {
  if (!knows(tokens, error))
    return std::nullopt;
  std::vector<char> text(tokens.size() * 8 + 16);
  int result = fill(text, [&](char *room, size_t most, size_t *count) {
    return tern_engine_detokenize(engine, tokens.data(), tokens.size(), room,
                                  most, count);
  });
  if (result == 0)
    return std::string(text.begin(), text.end());
  error = engineError(result);
  return std::nullopt;
}

std::optional<std::string> Model::render(const Chat &from,
                                         ApiError &error) const {
  tern_chat chat = toEngine(from);
  std::vector<char> text(from.messages.size() + from.tools.size() + 1024);
  int result = fill(text, [&](char *room, size_t most, size_t *count) {
    return tern_engine_render(engine, &chat, room, most, count);
  });
  if (result == 0)
    return std::string(text.begin(), text.end());
  error = engineError(result);
  return std::nullopt;
}

std::string Model::bytesOf(int32_t token) const {
  std::vector<char> bytes(64);
  int result = fill(bytes, [&](char *room, size_t most, size_t *count) {
    return tern_engine_token_bytes(engine, token, room, most, count);
  });
  return result == 0 ? std::string(bytes.begin(), bytes.end()) : "";
}

tern_engine_counts Model::counts() const {
  tern_engine_counts counts = {};
  counts.size = sizeof counts;
  tern_engine_count(engine, &counts);
  return counts;
}
