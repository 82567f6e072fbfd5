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
  for (const auto &[key, field] : *object) {
    StringRef name = key;
    std::optional<StringRef> text = field.getAsString();
    std::optional<bool> flag = field.getAsBoolean();
    if (name == "projection" && text)
      rule.pattern = text->str();
    else if (name == "layout" && text)
      rule.layoutName = text->str();
    else if (name == "lists" && flag)
      rule.usesLists = *flag;
    else if (name == "projection" || name == "layout" || name == "lists")
      return makeError("rule {0}: expected \"{1}\" to be {2}", number, name,
                       name == "lists" ? "true or false" : "a string");
    else
      return makeError("rule {0}: unknown field \"{1}\"; known are projection, "
                       "layout and lists",
                       number, name);
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

std::string tern::printStrategyRule(const StrategyRule &rule) {
  return rule.pattern + "=" + rule.layoutName +
         (rule.usesLists ? "" : ":dense");
}

Expected<StrategyRule> tern::parseStrategyRule(StringRef text) {
  auto [pattern, choice] = text.rsplit('=');
  StrategyRule rule{pattern.str(), choice.str()};
  if (choice.consume_back(":dense")) {
    rule.usesLists = false;
    rule.layoutName = choice.str();
  }
  if (rule.pattern.empty() || rule.layoutName.empty())
    return makeError("expected a strategy PATTERN=LAYOUT or "
                     "PATTERN=LAYOUT:dense, got `{0}`",
                     text);
  return rule;
}
