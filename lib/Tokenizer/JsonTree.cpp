//===- JsonTree.cpp - JSON, read in one go --------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Tokenizer/JsonTree.h"

#include <map>

using namespace tern;
using nlohmann::json;

bool JsonTree::parse(std::string_view text) {
  nlohmann::json_sax<json> *reader = this;
  bool isValid = json::sax_parse(text.begin(), text.end(), reader);
  if (isValid)
    compareRepeated();
  return isValid;
}

static json withoutNulls(const json &value) {
  if (!value.is_object())
    return value;
  json result = json::object();
  for (const auto &member : value.items())
    if (!member.value().is_null())
      result[member.key()] = withoutNulls(member.value());
  return result;
}

/// Each value with the next of its name, so that all together are read once.
void JsonTree::compareRepeated() {
  std::map<const json *, const json *> next;
  for (auto one = repeated.rbegin(); one != repeated.rend(); ++one) {
    [[maybe_unused]] auto [after, isNew] = next.try_emplace(one->now, one->now);
    if (withoutNulls(one->before) != withoutNulls(*after->second))
      ambiguous = one->name;
    after->second = &one->before;
  }
}

bool JsonTree::put(json value) {
  if (!opened.empty() && opened.back()->is_array())
    place = &opened.back()->get_ref<json::array_t &>().emplace_back();
  *place = std::move(value);
  return true;
}

bool JsonTree::open(json value) {
  put(std::move(value));
  // An array does not grow, and so move, while something in it is open.
  opened.push_back(place);
  return true;
}

bool JsonTree::start_object(size_t) { return open(json::object()); }

bool JsonTree::start_array(size_t) { return open(json::array()); }

bool JsonTree::key(std::string &name) {
  auto &members = opened.back()->get_ref<json::object_t &>();
  auto [at, isNew] = members.try_emplace(name);
  if (!isNew) {
    twice = name;
    // Members of an object do not move, whatever becomes of it.
    repeated.push_back({name, std::move(at->second), &at->second});
  }
  place = &at->second;
  lastName = std::move(name);
  return true;
}

bool JsonTree::end_object() {
  opened.pop_back();
  return true;
}

bool JsonTree::end_array() {
  arrayEnded(*opened.back(), lastName);
  opened.pop_back();
  return true;
}

bool JsonTree::parse_error(size_t, const std::string &,
                           const json::exception &exception) {
  // The message begins with a code in brackets.
  error = exception.what();
  size_t begin = error.find("] ");
  error.erase(0, begin == std::string::npos ? 0 : begin + 2);
  return false;
}
