//===- Report.cpp - What tern inspect says --------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Report.h"

#include "Commands.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

using namespace tern;
using llvm::Error;
using llvm::StringRef;
using llvm::json::Array;
using llvm::json::Object;
using llvm::json::Value;

static std::string inWords(const Value &value) {
  if (std::optional<StringRef> string = value.getAsString())
    return inOneLine(*string);
  if (std::optional<uint64_t> integer = value.getAsUINT64())
    return std::to_string(*integer);
  std::string words;
  llvm::raw_string_ostream stream(words);
  if (std::optional<double> number = value.getAsNumber())
    stream << llvm::format("%g", *number);
  else
    stream << value;
  return words;
}

/// JSON is UTF-8, whatever bytes a name in a file has.
static Value legal(Value value) {
  if (std::optional<StringRef> string = value.getAsString())
    return llvm::json::fixUTF8(*string);
  return value;
}

Report::Line &Report::Line::put(StringRef key, Value value, StringRef words) {
  auto [before, after] = words.split("{}");
  report.text += before.str() + inWords(value) + after.str();
  return note(key, std::move(value));
}

Report::Line &Report::Line::note(StringRef key, Value value) {
  facts[key] = legal(std::move(value));
  return *this;
}

Report::Line &Report::Line::say(const llvm::Twine &words) {
  report.text += words.str();
  return *this;
}

Report::Line &Report::Line::column(size_t width, StringRef key, Value value) {
  std::string words = inWords(value);
  words.resize(std::max(words.size(), width), ' ');
  return say(words).note(key, std::move(value));
}

Report::Line Report::line(StringRef label, Object &facts) {
  if (!label.empty())
    llvm::raw_string_ostream(text) << llvm::left_justify(label, 13);
  return Line(*this, facts);
}

Error Report::list(Error problems) {
  Error again = Error::success();
  Array list;
  handleAllErrors(std::move(problems), [&](const llvm::ErrorInfoBase &problem) {
    if (list.empty())
      blank();
    Object one;
    line("refused", one).put("problem", problem.message());
    list.push_back(std::move(one["problem"]));
    again = joinErrors(std::move(again),
                       llvm::createStringError(problem.message()));
  });
  facts["accepted"] = list.empty();
  facts["problems"] = std::move(list);
  return again;
}

void Report::print(llvm::raw_ostream &out, bool asJson) {
  if (asJson)
    out << llvm::formatv("{0:2}\n", Value(std::move(facts)));
  else
    out << text;
  out.flush();
}
