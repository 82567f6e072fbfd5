//===- Fields.cpp - Members of a request's object -------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Fields.h"

#include <cmath>
#include <cstdio>
#include <limits>

using namespace tern::server;

std::string tern::server::shown(const Json &value) {
  if (value.is_structured())
    return value.is_array() ? "a list" : "an object";
  std::string text = dump(value);
  if (text.size() <= 60)
    return text;
  size_t end = 57; // not within a character
  while (end && (text[end] & 0xC0) == 0x80)
    --end;
  return text.substr(0, end) + "...";
}

/// 0.5 as "0.5", 2 as "2".
static std::string inDigits(double value) {
  char digits[32];
  snprintf(digits, sizeof digits, "%.15g", value);
  return digits;
}

void Fields::fail(const char *name, const std::string &message, int status,
                  const char *code) {
  if (failed())
    return;
  error.status = status;
  error.param = where + name;
  error.message = message;
  error.code = code;
}

const Json *Fields::take(const char *name) {
  taken.insert(name);
  auto found = object.find(name);
  if (failed() || found == object.end() || found->is_null())
    return nullptr;
  return &*found;
}

bool Fields::has(const char *name) { return take(name) != nullptr; }

std::optional<bool> Fields::flag(const char *name) {
  const Json *value = take(name);
  if (!value)
    return std::nullopt;
  if (!value->is_boolean()) {
    fail(name,
         where + name + " is " + shown(*value) + ", expected true or false");
    return std::nullopt;
  }
  return value->get<bool>();
}

std::optional<double> Fields::number(const char *name, double low,
                                     double high) {
  const Json *value = take(name);
  if (!value)
    return std::nullopt;
  double number = value->is_number() ? value->get<double>() : NAN;
  if (!(number >= low && number <= high)) {
    fail(name, where + name + " is " + shown(*value) +
                   ", expected a number from " + inDigits(low) + " to " +
                   inDigits(high));
    return std::nullopt;
  }
  return number;
}

/// 3 and 3.0, but not 3.5; absent for all else.
static std::optional<int64_t> asInteger(const Json &value) {
  if (value.is_number_unsigned() &&
      value.get<uint64_t>() > uint64_t(std::numeric_limits<int64_t>::max()))
    return std::nullopt;
  if (value.is_number_integer())
    return value.get<int64_t>();
  if (!value.is_number_float())
    return std::nullopt;
  double number = value.get<double>();
  if (number != std::floor(number) || std::fabs(number) > 9e15)
    return std::nullopt;
  return static_cast<int64_t>(number);
}

std::optional<int64_t> Fields::integer(const char *name, int64_t low,
                                       int64_t high) {
  const Json *value = take(name);
  if (!value)
    return std::nullopt;
  std::optional<int64_t> number = asInteger(*value);
  if (!number || *number < low || *number > high) {
    fail(name, where + name + " is " + shown(*value) +
                   ", expected a whole number from " + std::to_string(low) +
                   " to " + std::to_string(high));
    return std::nullopt;
  }
  return number;
}

std::optional<std::string> Fields::text(const char *name) {
  const Json *value = take(name);
  if (!value)
    return std::nullopt;
  if (!value->is_string()) {
    fail(name, where + name + " is " + shown(*value) + ", expected a string");
    return std::nullopt;
  }
  return value->get<std::string>();
}

const Json *Fields::member(const char *name) {
  const Json *value = take(name);
  if (!value || value->is_object())
    return value;
  fail(name, where + name + " is " + shown(*value) + ", expected an object");
  return nullptr;
}

const Json *Fields::list(const char *name) {
  const Json *value = take(name);
  if (!value || value->is_array())
    return value;
  fail(name, where + name + " is " + shown(*value) + ", expected a list");
  return nullptr;
}

std::optional<std::vector<int32_t>> Fields::tokens(const Json &list,
                                                   const char *name) {
  std::vector<int32_t> tokens;
  tokens.reserve(list.size());
  for (const Json &value : list) {
    std::optional<int64_t> token = asInteger(value);
    if (!token || *token < 0 || *token > std::numeric_limits<int32_t>::max()) {
      fail(name, where + name + " has " + shown(value) +
                     " among its tokens, expected their numbers");
      return std::nullopt;
    }
    tokens.push_back(static_cast<int32_t>(*token));
  }
  return tokens;
}

void Fields::ignore(std::initializer_list<const char *> names) {
  taken.insert(names.begin(), names.end());
}

void Fields::mustBeOff(const char *name,
                       std::initializer_list<const char *> allowed) {
  const Json *value = take(name);
  if (!value || *value == false || (value->is_structured() && value->empty()) ||
      (value->is_number() && *value == 0))
    return;
  for (const char *text : allowed)
    if (*value == text)
      return;
  fail(name,
       where + name + " is " + shown(*value) +
           ", but this server does not have it; leave it out",
       400, "unsupported_parameter");
}

void Fields::end() {
  for (const auto &[name, value] : object.items())
    if (!failed() && !taken.count(name))
      fail(name.c_str(), "there is no parameter '" + where + name + "' here",
           400, "unknown_parameter");
}
