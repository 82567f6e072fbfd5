//===- Access.cpp - Who may ask -------------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Access.h"

#include <algorithm>

using namespace tern::server;

bool tern::server::isSame(std::string_view a, std::string_view b) {
  volatile unsigned char difference = a.size() != b.size();
  for (size_t i = 0; i < a.size(); ++i)
    difference = static_cast<unsigned char>(
        difference | (a[i] ^ (b.empty() ? 1 : b[i % b.size()])));
  return difference == 0;
}

/// Of schemes and names, in which letters are those of ASCII.
static std::string inLowerCase(std::string_view text) {
  std::string out(text);
  for (char &c : out)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
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
  std::string name = inLowerCase(hostOnly(host));
  // 127.example.com is a name like any other.
  bool isAddress = name.find_first_not_of("0123456789.") == name.npos;
  return name == "localhost" || name == "::1" ||
         (isAddress && name.compare(0, 4, "127.") == 0);
}

/// The keys are few, so all are compared.
static bool hasKey(const ServerOptions &options, const std::string &given) {
  std::string_view text = given;
  // RFC 9110: the scheme's case says nothing, and spaces follow it.
  size_t end = text.find(' ');
  if (end == text.npos || inLowerCase(text.substr(0, end)) != "bearer")
    return false;
  text.remove_prefix(std::min(text.find_first_not_of(' ', end), text.size()));
  bool isFound = false;
  for (const std::string &key : options.keys)
    isFound |= isSame(text, key);
  return isFound;
}

static bool isSameOrigin(const Caller &caller) {
  size_t at = caller.origin.find("://");
  return at != std::string::npos &&
         inLowerCase(caller.origin.substr(at + 3)) == inLowerCase(caller.host);
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

/// A list of names and nothing else, which may be part of a head.
static bool isFieldNames(const std::string &text) {
  return !text.empty() &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789!#$%&'*+-.^_`|~, ") == text.npos;
}

void tern::server::addCommonFields(const ServerOptions &options,
                                   const Caller &caller, Exchange &exchange) {
  exchange.addField("Cache-Control", "no-store");
  exchange.addField("X-Content-Type-Options", "nosniff");
  if (options.corsOrigin.empty() || caller.origin.empty())
    return;
  exchange.addField("Access-Control-Allow-Origin", options.corsOrigin);
  exchange.addField("Access-Control-Expose-Headers", "Retry-After");
  exchange.addField("Vary", "Origin, Access-Control-Request-Headers");
  if (exchange.method != "OPTIONS")
    return;
  // Clients add fields of their own, which this server does not read.
  exchange.addField("Access-Control-Allow-Methods", "GET, POST");
  exchange.addField("Access-Control-Allow-Headers",
                    isFieldNames(caller.wantedFields)
                        ? caller.wantedFields
                        : "Authorization, Content-Type");
  exchange.addField("Access-Control-Max-Age", "600");
}
