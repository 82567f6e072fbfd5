//===- ApiError.cpp - Refusals in OpenAI's form ---------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ApiError.h"

#include "JsonText.h"

using namespace tern::server;

/// OpenAI's word for a kind of refusal.
static const char *typeOf(int status) {
  switch (status) {
  case 401:
  case 403:
    return "authentication_error";
  case 404:
    return "not_found_error";
  case 429:
    return "rate_limit_error";
  case 500:
  case 503:
    return "server_error";
  default:
    return "invalid_request_error";
  }
}

std::string tern::server::toJson(const ApiError &error) {
  auto orNull = [](const std::string &text) {
    return text.empty() ? Json(nullptr) : Json(text);
  };
  return dump({{"error",
                {{"message", error.message},
                 {"type", typeOf(error.status)},
                 {"param", orNull(error.param)},
                 {"code", orNull(error.code)}}}});
}
