//===- StrategyRules.cpp - Files of strategies ----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/Transforms/StrategyRules.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

template <typename... Values>
static Error makeError(const char *format, Values &&...values) {
  return llvm::createStringError(
      llvm::formatv(format, std::forward<Values>(values)...).str());
}

static Expected<StrategyRule> parseRule(const llvm::json::Value &value,
                                        size_t number) {
  const llvm::json::Object *object = value.getAsObject();
  if (!object)
    return makeError("rule {0}: expected an object such as {{\"projection\": "
                     "\"o_proj\", \"layout\": \"rows_in_lanes\"}",
                     number);
  StrategyRule rule;
  std::pair<StringRef, std::string *> texts[] = {{"projection", &rule.pattern},
                                                 {"layout", &rule.layoutName},
                                                 {"weight", &rule.weight},
                                                 {"why", &rule.why}};
  for (const auto &[key, field] : *object) {
    StringRef name = key;
    const auto *text = llvm::find_if(
        texts, [&](const auto &known) { return known.first == name; });
    StringRef expected;
    if (text != std::end(texts)) {
      if (std::optional<StringRef> value = field.getAsString())
        *text->second = value->str();
      else
        expected = "a string";
    } else if (name == "lists") {
      if (std::optional<bool> value = field.getAsBoolean())
        rule.usesLists = *value;
      else
        expected = "true or false";
    } else if (name == "ahead") {
      rule.ahead = field.getAsInteger();
      if (!rule.ahead || *rule.ahead < 0)
        expected = "a number of bytes, or of entries of a list";
    } else {
      return makeError("rule {0}: unknown field \"{1}\"; known are projection, "
                       "layout, lists, ahead, weight and why",
                       number, name);
    }
    if (!expected.empty())
      return makeError("rule {0}: expected \"{1}\" to be {2}", number, name,
                       expected);
  }
  for (auto [name, text] :
       {std::pair<StringRef, StringRef>{"projection", rule.pattern},
        {"layout", rule.layoutName}})
    if (text.empty())
      return makeError("rule {0}: expected a \"{1}\"", number, name);
  return rule;
}

Expected<std::vector<StrategyRule>> tern::parseStrategyFile(StringRef json) {
  Expected<llvm::json::Value> value = llvm::json::parse(json);
  if (!value)
    return value.takeError();
  const llvm::json::Array *array = value->getAsArray();
  if (!array)
    return makeError("expected a list of rules");
  std::vector<StrategyRule> rules;
  for (const llvm::json::Value &element : *array) {
    Expected<StrategyRule> rule = parseRule(element, rules.size() + 1);
    if (!rule)
      return rule.takeError();
    rules.push_back(std::move(*rule));
  }
  return rules;
}

std::string tern::printStrategyFile(llvm::ArrayRef<StrategyRule> rules) {
  std::string text = "[";
  for (const StrategyRule &rule : rules) {
    llvm::json::Object object{{"projection", rule.pattern},
                              {"layout", rule.layoutName}};
    if (!rule.usesLists)
      object["lists"] = false;
    if (rule.ahead)
      object["ahead"] = *rule.ahead;
    if (!rule.weight.empty())
      object["weight"] = rule.weight;
    if (!rule.why.empty())
      object["why"] = rule.why;
    llvm::raw_string_ostream stream(text);
    stream << (text.size() == 1 ? "\n " : ",\n ")
           << llvm::json::Value(std::move(object));
  }
  return text + "\n]\n";
}

std::string tern::printStrategyRule(const StrategyRule &rule) {
  std::string text = rule.pattern + "=" + rule.layoutName;
  if (!rule.usesLists)
    text += ":dense";
  if (rule.ahead)
    text += ":ahead=" + std::to_string(*rule.ahead);
  return rule.weight.empty() ? text : text + "@" + rule.weight;
}

Expected<StrategyRule> tern::parseStrategyRule(StringRef text) {
  auto [wish, weight] = text.split('@');
  StrategyRule rule;
  rule.weight = weight.str();
  auto [before, ahead] = wish.rsplit(":ahead=");
  int64_t distance = 0;
  if (before.size() != wish.size() && !ahead.getAsInteger(10, distance)) {
    rule.ahead = distance;
    wish = before;
  }
  auto [pattern, choice] = wish.rsplit('=');
  if (choice.consume_back(":dense"))
    rule.usesLists = false;
  rule.pattern = pattern.str();
  rule.layoutName = choice.str();
  if (rule.pattern.empty() || rule.layoutName.empty())
    return makeError("expected a strategy PATTERN=LAYOUT or "
                     "PATTERN=LAYOUT:dense, got `{0}`",
                     text);
  return rule;
}
