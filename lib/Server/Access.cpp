//===- Access.cpp - Who may ask -------------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Access.h"

using namespace tern::server;

bool tern::server::isSame(std::string_view a, std::string_view b) {
  volatile unsigned char difference = a.size() != b.size();
  for (size_t i = 0; i < a.size(); ++i)
    difference = static_cast<unsigned char>(
        difference | (a[i] ^ (b.empty() ? 1 : b[i % b.size()])));
  return difference == 0;
}

/// Without a port and the brackets of IPv6.
static std::string_view hostOnly(std::string_view host) {
  if (host.substr(0, 1) == "[") {
    size_t end = host.find(']');
    return end == host.npos ? host : host.substr(1, end - 1);
  }
  // More than one colon: an address of IPv6.
  size_t colon = host.find(':');
  return host.find(':', colon + 1) == host.npos ? host.substr(0, colon) : host;
}

bool tern::server::isLoopback(std::string_view host) {
  std::string_view name = hostOnly(host);
  // 127.example.com is a name like any other.
  bool isAddress = name.find_first_not_of("0123456789.") == name.npos;
  return name == "localhost" || name == "::1" ||
         (isAddress && name.substr(0, 4) == "127.");
}

/// The keys are few, so all are compared.
static bool hasKey(const ServerOptions &options, const std::string &given) {
  std::string_view text = given;
  constexpr std::string_view scheme = "Bearer ";
  if (text.substr(0, scheme.size()) != scheme)
    return false;
  text.remove_prefix(scheme.size());
  bool isFound = false;
  for (const std::string &key : options.keys)
    isFound |= isSame(text, key);
  return isFound;
}

static bool isSameOrigin(const Caller &caller) {
  size_t at = caller.origin.find("://");
  return at != std::string::npos && caller.origin.substr(at + 3) == caller.host;
}

std::optional<ApiError> tern::server::refusal(const ServerOptions &options,
                                              const Caller &caller,
                                              bool needsKey) {
  if (isLoopback(options.host) && !caller.host.empty() &&
      !isLoopback(caller.host))
    return ApiError{403,
                    "this server listens on loopback and answers to its names "
                    "only, not to " +
                        shown(Json(caller.host)),
                    "", "wrong_host"};
  if (!caller.origin.empty() && !isSameOrigin(caller) &&
      options.corsOrigin != "*" && options.corsOrigin != caller.origin)
    return ApiError{403,
                    "pages of " + shown(Json(caller.origin)) +
                        " may not ask this server; --cors ORIGIN allows it",
                    "", "wrong_origin"};
  if (!needsKey || options.keys.empty())
    return std::nullopt;
  if (caller.authorization.empty())
    return ApiError{401,
                    "this server needs a key; send the header Authorization: "
                    "Bearer KEY",
                    "", "missing_api_key"};
  if (!hasKey(options, caller.authorization))
    return ApiError{401, "the key is none of this server's", "",
                    "invalid_api_key"};
  return std::nullopt;
}

ApiError tern::server::tooLong(const ServerOptions &options) {
  return {413,
          "the body is longer than the " + std::to_string(options.bodyBytes) +
              " bytes that this server takes",
          "", "body_too_large"};
}

void tern::server::addCommonFields(const ServerOptions &options,
                                   const std::string &origin,
                                   Exchange &exchange) {
  exchange.addField("Cache-Control", "no-store");
  exchange.addField("X-Content-Type-Options", "nosniff");
  if (options.corsOrigin.empty() || origin.empty())
    return;
  exchange.addField("Access-Control-Allow-Origin", options.corsOrigin);
  exchange.addField("Access-Control-Allow-Methods", "GET, POST");
  exchange.addField("Access-Control-Allow-Headers",
                    "Authorization, Content-Type");
  exchange.addField("Vary", "Origin");
}
