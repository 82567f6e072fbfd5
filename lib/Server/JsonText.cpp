//===- JsonText.cpp - JSON that strangers sent ----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "JsonText.h"

#include <set>
#include <vector>

using namespace tern::server;

/// Levels of brackets outside of strings. The text may be anything.
static unsigned depthOf(std::string_view text) {
  unsigned depth = 0, most = 0;
  bool isString = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (isString) {
      i += c == '\\';
      isString = c != '"';
    } else if (c == '"') {
      isString = true;
    } else if (c == '[' || c == '{') {
      most = std::max(most, ++depth);
    } else if ((c == ']' || c == '}') && depth) {
      --depth;
    }
  }
  return most;
}

namespace {

/// Sees each name of each object.
class NameCheck {
public:
  bool operator()(int, Json::parse_event_t event, Json &value) {
    if (event == Json::parse_event_t::object_start)
      open.emplace_back();
    else if (event == Json::parse_event_t::object_end)
      open.pop_back();
    else if (event == Json::parse_event_t::key &&
             !open.back().insert(value.get<std::string>()).second &&
             twice.empty())
      twice = value.get<std::string>();
    return true;
  }
  std::string twice;

private:
  std::vector<std::set<std::string>> open;
};

} // namespace

std::optional<Json> tern::server::parseObject(std::string_view text,
                                              ApiError &error) {
  error = ApiError();
  if (depthOf(text) > maxJsonDepth) {
    error.message = "the body has more than " + std::to_string(maxJsonDepth) +
                    " levels of lists and objects";
    return std::nullopt;
  }
  NameCheck names;
  Json value = Json::parse(text, std::ref(names), /*allow_exceptions=*/false);
  if (value.is_discarded())
    error.message = text.empty() ? "the body is empty, expected a JSON object"
                                 : "the body is no valid JSON in UTF-8";
  else if (!value.is_object())
    error.message = std::string("the body is JSON, but of the type ") +
                    value.type_name() + ", expected an object";
  else if (!names.twice.empty())
    error.message = "the body has the name '" + names.twice + "' twice";
  else
    return value;
  return std::nullopt;
}

std::string tern::server::dump(const Json &value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}
