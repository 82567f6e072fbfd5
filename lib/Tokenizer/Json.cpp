//===- Json.cpp - Reading JSON that nobody vouches for --------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Json.h"

#include "tern/Tokenizer/JsonExtent.h"
#include "tern/Tokenizer/JsonTree.h"

#include <cstring>
#include <utility>

namespace tern {

/// The largest public tokenizer.json has 34 MB.
static constexpr size_t maxBytes = size_t(128) << 20;
static constexpr unsigned maxDepth = 64;

/// Walks over a list of merges from behind its '['. Returns how many of them
/// are written as lists of two.
static size_t countPairs(const std::string &text, size_t at) {
  auto take = [&](char wanted) {
    while (at < text.size() && std::strchr(" \t\r\n", text[at]))
      ++at;
    return at < text.size() && text[at] == wanted ? ++at : 0;
  };
  auto takeString = [&] {
    bool begins = take('"');
    while (begins && at < text.size() && text[at] != '"')
      at += text[at] == '\\' ? 2 : 1;
    return begins && take('"');
  };
  size_t pairs = 0;
  do {
    if (takeString())
      continue;
    if (!take('[') || !takeString() || !take(',') || !takeString() ||
        !take(']'))
      break;
    ++pairs;
  } while (take(','));
  return pairs;
}

/// True if the values take more memory than twice the text and 64 MiB. One
/// takes 100 bytes where it is not a list of two tokens, which `shorten` makes
/// one.
static bool isDense(const JsonExtent &extent, const std::string &text) {
  size_t values = extent.values;
  const std::string key = "\"merges\"";
  for (size_t at = 0; (at = text.find(key, at)) != std::string::npos;) {
    at = text.find_first_not_of(" \t\r\n", at + key.size());
    if (at == std::string::npos || text[at] != ':')
      continue;
    at = text.find_first_not_of(" \t\r\n", at + 1);
    if (at != std::string::npos && text[at] == '[')
      values -= std::min(values, 2 * countPairs(text, at + 1));
  }
  return values > (2 * text.size() + (size_t(64) << 20)) / 100;
}

/// Makes "a b" of a merge that is written as ["a", "b"] as soon as it is read,
/// if that says the same.
class Shortener : public JsonTree {
  void arrayEnded(Json &array, const std::string &name) override {
    if (name != "merges" || array.size() != 2 || !array[0].is_string() ||
        !array[1].is_string())
      return;
    const auto &left = array[0].get_ref<const std::string &>();
    const auto &right = array[1].get_ref<const std::string &>();
    if (left.find(' ') == std::string::npos &&
        right.find(' ') == std::string::npos)
      array = left + " " + right;
  }
};

std::optional<Json> parseJsonObject(const std::string &text,
                                    const std::string &file,
                                    std::string &error) {
  if (text.size() > maxBytes) {
    error = file + ": " + std::to_string(text.size()) +
            " bytes are more than the " + std::to_string(maxBytes) +
            " that are read";
    return std::nullopt;
  }
  JsonExtent extent(text);
  if (extent.depth > maxDepth) {
    error = file + ": nested more than " + std::to_string(maxDepth) + " deep";
    return std::nullopt;
  }
  if (extent.hasNul || isDense(extent, text)) {
    error = file + (extent.hasNul ? ": not valid JSON: it holds a NUL"
                                  : ": has more values than a tokenizer of its "
                                    "size");
    return std::nullopt;
  }
  Shortener tree;
  if (!tree.parse(text)) {
    error = file + ": not valid JSON: " + tree.error;
    return std::nullopt;
  }
  if (!tree.ambiguous.empty()) {
    error = file + ": the name '" + tree.ambiguous +
            "' occurs twice, with different values";
    return std::nullopt;
  }
  if (tree.root.is_object())
    return std::move(tree.root);
  error = file + ": expected an object";
  return std::nullopt;
}

JsonObject::JsonObject(const Json &object, std::string where,
                       std::string &error)
    : where(std::move(where)), object(object), error(error) {
  if (error.empty() && !object.is_object())
    error = this->where + ": expected an object";
}

void JsonObject::fail(const char *name, const std::string &what) {
  if (error.empty())
    error = where + (where.find(": ") == std::string::npos ? ": " : ".") +
            name + ": " + what;
}

const Json *JsonObject::get(const char *name) {
  known.insert(name);
  if (!ok())
    return nullptr;
  auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

bool JsonObject::getBool(const char *name, bool missing) {
  const Json *value = get(name);
  if (!value)
    return missing;
  if (value->is_boolean())
    return value->get<bool>();
  fail(name, "expected true or false");
  return missing;
}

std::string JsonObject::getString(const char *name,
                                  const std::string &missing) {
  const Json *value = get(name);
  if (!value)
    return missing;
  if (value->is_string())
    return value->get<std::string>();
  fail(name, "expected a string");
  return missing;
}

int64_t JsonObject::getInt(const char *name, int64_t missing, int64_t low,
                           int64_t high) {
  const Json *value = get(name);
  if (!value)
    return missing;
  // An unsigned one above INT64_MAX must not turn negative.
  if (value->is_number_integer() &&
      !(value->is_number_unsigned() && value->get<uint64_t>() > INT64_MAX)) {
    int64_t number = value->get<int64_t>();
    if (number >= low && number <= high)
      return number;
  }
  fail(name, "expected an integer from " + std::to_string(low) + " to " +
                 std::to_string(high));
  return missing;
}

double JsonObject::getNumber(const char *name, double missing, double low,
                             double high) {
  const Json *value = get(name);
  if (!value)
    return missing;
  if (value->is_number()) {
    double number = value->get<double>();
    if (number >= low && number <= high)
      return number;
  }
  // Bounds are short numbers; %f would print zeros.
  fail(name, "expected a number from " + Json(low).dump() + " to " +
                 Json(high).dump());
  return missing;
}

bool JsonObject::finish() {
  if (!ok())
    return false;
  for (auto it = object.begin(); it != object.end(); ++it)
    if (!known.count(it.key())) {
      fail(it.key().c_str(), "unknown field, which may change the tokens");
      return false;
    }
  return true;
}

} // namespace tern
