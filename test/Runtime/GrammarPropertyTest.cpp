//===- GrammarPropertyTest.cpp - Grammars of schemas against a validator --===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Random schemas of few names and values, and all documents of a list: what a
// grammar accepts is valid by a validator of its own, and the other way round
// where the docs promise no less (strings and numbers).
//
//===----------------------------------------------------------------------===//

#include "GrammarTesting.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <random>
#include <regex>

using namespace tern_test;
using json = nlohmann::ordered_json;

namespace {

bool isInteger(const json &v) {
  return v.is_number() && v.get<double>() == std::floor(v.get<double>());
}

bool isOfType(const json &v, const std::string &type) {
  return type == "integer"  ? isInteger(v)
         : type == "number" ? v.is_number()
                            : type == v.type_name();
}

bool same(const json &a, const json &b) {
  return a.is_number() && b.is_number() ? a.get<double>() == b.get<double>()
                                        : a == b;
}

/// By the definition of draft 2020-12, keyword by keyword.
bool isValid(const json &schema, const json &v);

bool isStringValid(const std::string &key, const json &k, const json &v) {
  const std::string text = v.get<std::string>();
  return key == "minLength"   ? text.size() >= k.get<size_t>()
         : key == "maxLength" ? text.size() <= k.get<size_t>()
         : key == "pattern"
             ? std::regex_search(text, std::regex(k.get<std::string>()))
             : true;
}

/// Numbers here are multiples of 1/100.
bool isNumberValid(const std::string &key, const json &k, const json &v) {
  const double x = v.get<double>();
  if (key == "multipleOf")
    return std::lround(x * 100) % std::lround(k.get<double>() * 100) == 0;
  return key == "minimum"            ? x >= k.get<double>()
         : key == "maximum"          ? x <= k.get<double>()
         : key == "exclusiveMinimum" ? x > k.get<double>()
         : key == "exclusiveMaximum" ? x < k.get<double>()
                                     : true;
}

bool isArrayValid(const json &schema, const std::string &key, const json &k,
                  const json &v) {
  const size_t prefix =
      schema.contains("prefixItems") ? schema["prefixItems"].size() : 0;
  if (key == "prefixItems" || key == "items") {
    for (size_t i = 0; i < v.size(); ++i)
      if (key == "items" ? i >= prefix && !isValid(k, v[i])
                         : i < prefix && !isValid(k[i], v[i]))
        return false;
  } else if (key == "contains") {
    size_t count = 0;
    for (const json &item : v)
      count += isValid(k, item);
    return count >= schema.value("minContains", size_t(1)) &&
           count <= schema.value("maxContains", size_t(1000));
  } else if (key == "uniqueItems" && k.get<bool>()) {
    for (size_t i = 0; i < v.size(); ++i)
      for (size_t j = 0; j < i; ++j)
        if (same(v[i], v[j]))
          return false;
  }
  return key == "minItems"   ? v.size() >= k.get<size_t>()
         : key == "maxItems" ? v.size() <= k.get<size_t>()
                             : true;
}

bool isObjectValid(const json &schema, const std::string &key, const json &k,
                   const json &v) {
  const json none = json::object();
  const json properties = schema.value("properties", none);
  const json patterns = schema.value("patternProperties", none);
  for (const auto &[name, value] : v.items()) {
    bool isNamed = properties.contains(name);
    for (const auto &[pattern, inner] : patterns.items())
      if (std::regex_search(name, std::regex(pattern))) {
        isNamed = true;
        if (key == "patternProperties" && !isValid(inner, value))
          return false;
      }
    if ((key == "properties" && k.contains(name) && !isValid(k[name], value)) ||
        (key == "additionalProperties" && !isNamed && !isValid(k, value)) ||
        (key == "propertyNames" && !isValid(k, name)))
      return false;
    if (key == "dependentRequired" && k.contains(name))
      for (const json &other : k[name])
        if (!v.contains(other.get<std::string>()))
          return false;
    if (key == "dependentSchemas" && k.contains(name) && !isValid(k[name], v))
      return false;
  }
  if (key == "required")
    for (const json &name : k)
      if (!v.contains(name.get<std::string>()))
        return false;
  return true;
}

bool isCombinationValid(const json &schema, const std::string &key,
                        const json &k, const json &v) {
  size_t count = 0;
  if (key == "anyOf" || key == "allOf" || key == "oneOf") {
    for (const json &inner : k)
      count += isValid(inner, v);
    return key == "anyOf" ? count > 0
                          : count == (key == "oneOf" ? 1 : k.size());
  }
  if (key == "not")
    return !isValid(k, v);
  if (key == "if")
    return isValid(schema.value(isValid(k, v) ? "then" : "else", json(true)),
                   v);
  if (key == "const")
    return same(k, v);
  if (key == "enum" || (key == "type" && k.is_array())) {
    for (const json &one : k)
      count +=
          key == "enum" ? same(one, v) : isOfType(v, one.get<std::string>());
    return count > 0;
  }
  return key != "type" || isOfType(v, k.get<std::string>());
}

bool isValid(const json &schema, const json &v) {
  if (schema.is_boolean())
    return schema.get<bool>();
  for (const auto &[key, k] : schema.items())
    if (!isCombinationValid(schema, key, k, v) ||
        (v.is_string() && !isStringValid(key, k, v)) ||
        (v.is_number() && !isNumberValid(key, k, v)) ||
        (v.is_array() && !isArrayValid(schema, key, k, v)) ||
        (v.is_object() && !isObjectValid(schema, key, k, v)))
      return false;
  return true;
}

class Schemas {
public:
  explicit Schemas(uint32_t seed) : random(seed) {}
  uint32_t below(uint32_t n) { return uint32_t(random() % n); }

  json texts(int depth) {
    static const char *const patterns[] = {"^a",        "b$",   "a*b",
                                           "^(ab|-)*$", "[^a]", "^.{2}$"};
    json s = {{"type", "string"}};
    if (below(2))
      s["pattern"] = patterns[below(6)];
    if (below(3) == 0)
      s["minLength"] = below(3);
    if (below(3) == 0)
      s["maxLength"] = 1 + below(3);
    if (below(4) == 0)
      s["enum"] = {"a", "ab", "b-", "", 1};
    return further(s, depth, [this](int d) { return texts(d); });
  }

  json numbers(int depth) {
    static const json multiples[] = {2, 3, 0.5, 0.25, 1, 5, 10, 1.5};
    json s = {{"type", below(2) ? "number" : "integer"}};
    if (below(2))
      s["multipleOf"] = multiples[below(8)];
    if (below(3) == 0)
      s[below(2) ? "minimum" : "exclusiveMinimum"] = int(below(9)) - 4;
    if (below(3) == 0)
      s[below(2) ? "maximum" : "exclusiveMaximum"] = int(below(20));
    if (below(5) == 0)
      s["enum"] = {1, 2.5, -3, 6, 10, "a"};
    return further(s, depth, [this](int d) { return numbers(d); });
  }

  json any(int depth) {
    switch (depth ? below(6) : below(3)) {
    case 0:
      return texts(depth);
    case 1:
      return numbers(depth);
    case 2:
      return below(2) ? json(true) : json{{"type", {"null", "boolean"}}};
    case 3:
      return arrays(depth - 1);
    case 4:
      return objects(depth - 1);
    default:
      return further(json::object(), depth - 1,
                     [this](int d) { return any(d); });
    }
  }

private:
  template <typename Inner> json further(json s, int depth, Inner inner) {
    if (depth <= 0)
      return s;
    if (below(3) == 0)
      s["not"] = inner(depth - 1);
    if (below(4) == 0)
      s["allOf"] = {inner(depth - 1), inner(depth - 1)};
    if (below(4) == 0)
      s["anyOf"] = {inner(depth - 1), inner(depth - 1)};
    if (below(5) == 0)
      s["oneOf"] = {inner(depth - 1), inner(depth - 1)};
    if (below(4) == 0) {
      s["if"] = inner(depth - 1);
      if (below(3))
        s["then"] = inner(depth - 1);
      if (below(3))
        s["else"] = inner(depth - 1);
    }
    return s;
  }

  json arrays(int depth) {
    json s = {{"type", "array"}};
    if (below(2))
      s["items"] = below(3) ? any(depth) : json{{"enum", {1, 2, "a", true}}};
    if (below(4) == 0)
      s["prefixItems"] = {any(depth), any(depth)};
    if (below(3) == 0)
      s["contains"] = any(depth);
    if (below(3) == 0)
      s["minContains"] = below(3);
    if (below(3) == 0)
      s["maxContains"] = 1 + below(2);
    if (below(4) == 0)
      s["minItems"] = below(3);
    if (below(4) == 0)
      s["maxItems"] = below(4);
    if (below(4) == 0)
      s["uniqueItems"] = true;
    return further(s, depth, [this](int d) { return arrays(d); });
  }

  json objects(int depth) {
    json s = {{"type", "object"}};
    for (const char *name : {"a", "ab", "b"})
      if (below(2))
        s["properties"][name] = any(depth);
    if (below(3) == 0)
      s["required"] = {below(2) ? "a" : "b"};
    if (below(3) == 0)
      s["patternProperties"] = {{below(2) ? "^a" : "b$", any(depth)}};
    if (below(3) == 0)
      s["additionalProperties"] = any(depth);
    if (below(4) == 0)
      s["propertyNames"] = texts(0);
    if (below(4) == 0)
      s["dependentRequired"] = {{"a", {"b"}}};
    if (below(5) == 0)
      s["dependentSchemas"] = {{"b", objects(depth - 1)}};
    return depth > 0 ? further(s, depth, [this](int d) { return objects(d); })
                     : s;
  }

  std::mt19937 random;
};

std::vector<std::string> allTexts() {
  std::vector<std::string> all = {""};
  for (size_t i = 0; i < all.size() && all[i].size() < 4; ++i)
    for (char c : {'a', 'b', '-'})
      all.push_back(all[i] + c);
  for (std::string &text : all)
    text = '"' + text + '"';
  return all;
}

std::vector<std::string> allNumbers() {
  std::vector<std::string> all;
  for (int i = -60; i <= 210; ++i) {
    all.push_back(std::to_string(i));
    for (const char *fraction : {".0", ".5", ".25", ".10"})
      if (i)
        all.push_back(std::to_string(i) + fraction);
  }
  return all;
}

std::vector<std::string> allDocuments() {
  std::vector<std::string> values = {
      "1",    "2",    "-3", "2.5", "\"a\"", "\"\"",     "\"ab\"",
      "null", "true", "[]", "{}",  "[1]",   "{\"a\":1}"};
  std::vector<std::string> all = values;
  for (const std::string &x : values) {
    all.push_back("[" + x + "]");
    for (const char *name : {"a", "ab", "b", "c"})
      all.push_back("{\"" + std::string(name) + "\":" + x + "}");
    for (const std::string &y : values) {
      all.push_back("[" + x + "," + y + "]");
      all.push_back("[" + x + "," + y + "," + x + "]");
      all.push_back("{\"a\":" + x + ",\"b\":" + y + "}");
      all.push_back("{\"a\":" + x + ",\"ab\":" + y + ",\"b\":" + x + "}");
    }
  }
  return all;
}

/// Whole numbers are written without a point, unless they are listed so.
bool isWrittenOtherwise(const std::string &text) {
  return text.size() > 2 && text.substr(text.size() - 2) == ".0";
}

/// With `isExact` all valid documents are texts of the grammar.
void compare(uint32_t seeds, bool isExact,
             const std::vector<std::string> &documents,
             json (*make)(Schemas &)) {
  uint32_t taken = 0, accepted = 0;
  for (uint32_t seed = 0; seed < seeds; ++seed) {
    Schemas schemas(seed);
    json one = make(schemas);
    GrammarPointer made = schema(one.dump());
    if (!made) {
      ASSERT_NE(sentence().text[0], 0);
      continue;
    }
    ++taken;
    Language language(made.get());
    for (const std::string &text : documents) {
      bool takes = language.takes(text) == 1;
      bool valid = isValid(one, json::parse(text));
      accepted += takes;
      if (isExact && !isWrittenOtherwise(text))
        ASSERT_EQ(takes, valid) << one << " " << text;
      else
        ASSERT_TRUE(valid || !takes) << one << " " << text;
    }
  }
  EXPECT_GT(taken, seeds / 3);
  EXPECT_GT(accepted, taken);
}

} // namespace

TEST(GrammarProperty, Strings) {
  compare(150, true, allTexts(), [](Schemas &s) { return s.texts(2); });
}

TEST(GrammarProperty, Numbers) {
  compare(60, true, allNumbers(), [](Schemas &s) { return s.numbers(2); });
}

TEST(GrammarProperty, Documents) {
  compare(300, false, allDocuments(), [](Schemas &s) { return s.any(3); });
}
