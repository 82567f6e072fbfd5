//===- lib/Import/Json.cpp - Untrusted JSON, read with care ---------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Json.h"

#include "tern/Import/StandIns.h"
#include "tern/Tokenizer/JsonExtent.h"
#include "tern/Tokenizer/JsonTree.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cmath>

using namespace llvm;
using nlohmann::json;

namespace tern {

Error fileError(StringRef file, const Twine &message) {
  return createStringError(inconvertibleErrorCode(), file + ": " + message);
}

Error tensorError(StringRef file, StringRef name, const Twine &message) {
  return fileError(file, "tensor '" + name + "' " + message);
}

static constexpr size_t maxValues = 300000;

Expected<json> parseJson(StringRef text, StringRef file, unsigned maxDepth) {
  JsonExtent extent(std::string_view(text.data(), text.size()));
  if (extent.depth > maxDepth)
    return fileError(file, "the JSON nests deeper than " + Twine(maxDepth) +
                               " levels");
  if (extent.values > maxValues)
    return fileError(file,
                     "the JSON has more than " + Twine(maxValues) + " values");
  JsonTree tree;
  if (!tree.parse({text.data(), text.size()}) || extent.hasNul)
    return fileError(file, "this is not valid JSON; is the file complete?");
  // Most readers would silently take the last of two equal names, and some
  // writers repeat one, as Llama3-8B-1.58 has its quantization_config.
  if (!tree.ambiguous.empty())
    return fileError(file, "the name '" + tree.ambiguous +
                               "' occurs twice, with different values");
  return std::move(tree.root);
}

Expected<std::string> readTextFile(StringRef path, uint64_t maxBytes) {
  sys::fs::file_status status;
  if (std::error_code code = sys::fs::status(path, status)) {
    std::string reason = explainAbsence(path);
    return fileError(path, "cannot open: " + code.message() +
                               (reason.empty() ? "" : "; " + reason));
  }
  if (!sys::fs::is_regular_file(status))
    return fileError(path, "this is not a regular file");
  if (status.getSize() > maxBytes)
    return fileError(path, "the file has " + Twine(status.getSize()) +
                               " bytes, more than the " + Twine(maxBytes) +
                               " this kind of file may have");
  auto buffer = MemoryBuffer::getFile(path, /*IsText=*/false,
                                      /*RequiresNullTerminator=*/false,
                                      /*IsVolatile=*/true);
  if (!buffer)
    return fileError(path, "cannot read: " + buffer.getError().message());
  StringRef text = (*buffer)->getBuffer();
  if (std::string other = recognizeStandIn(text, text.size(), FileRole::Json);
      !other.empty())
    return fileError(path, other);
  return text.str();
}

/// A value as messages show it, at a bounded length.
static std::string shown(const json *value) {
  if (!value)
    return ", but is missing";
  std::string text =
      value->dump(-1, ' ', false, json::error_handler_t::replace);
  return ", but is " + (text.size() > 80 ? text.substr(0, 77) + "..." : text);
}

Error Problems::take() const {
  Error all = Error::success();
  for (const std::string &message : messages)
    all = joinErrors(std::move(all), createStringError(message));
  return all;
}

//===----------------------------------------------------------------------===//
// JsonFields
//===----------------------------------------------------------------------===//

JsonFields::JsonFields(const json &object, std::string file, std::string path)
    : fields(object), file(std::move(file)), path(std::move(path)) {
  if (!fields.is_object())
    fail("expected an object" +
         (this->path.empty()
              ? ""
              : " as '" + this->path.substr(0, this->path.size() - 1) + "'"));
}

std::string JsonFields::quoted(StringRef name) const {
  return "'" + path + name.str() + "'";
}

void JsonFields::fail(const Twine &message) {
  problems.add(file + ": " + message);
}

const json *JsonFields::value(StringRef name) {
  known.insert(name.str());
  if (!fields.is_object())
    return nullptr;
  auto found = fields.find(name.str());
  return found == fields.end() || found->is_null() ? nullptr : &*found;
}

const json *JsonFields::object(StringRef name) {
  const json *found = value(name);
  if (found && !found->is_object())
    fail(quoted(name) + " is expected to be an object");
  return found && found->is_object() ? found : nullptr;
}

int64_t JsonFields::integer(StringRef name, int64_t low, int64_t high,
                            std::optional<int64_t> absent) {
  const json *found = value(name);
  if (!found && absent)
    return *absent;
  assert(low >= 0 && "a value above int64 wraps to a negative one");
  bool fits = found && found->is_number_integer() &&
              found->get<int64_t>() >= low && found->get<int64_t>() <= high;
  if (fits)
    return found->get<int64_t>();
  fail(quoted(name) + " is expected to be an integer from " + Twine(low) +
       " to " + Twine(high) + shown(found));
  return low;
}

double JsonFields::number(StringRef name, double low, double high,
                          std::optional<double> absent) {
  const json *found = value(name);
  if (!found && absent)
    return *absent;
  if (found && found->is_number()) {
    double number = found->get<double>();
    if (std::isfinite(number) && number > low && number <= high)
      return number;
  }
  fail(quoted(name) + " is expected to be a number above " + json(low).dump() +
       " and at most " + json(high).dump() + shown(found));
  return high;
}

bool JsonFields::flag(StringRef name, bool absent) {
  const json *found = value(name);
  if (!found)
    return absent;
  if (!found->is_boolean()) {
    fail(quoted(name) + " is expected to be true or false" + shown(found));
    return absent;
  }
  return found->get<bool>();
}

unsigned JsonFields::choice(StringRef name, ArrayRef<StringRef> choices,
                            std::optional<unsigned> absent) {
  const json *found = value(name);
  if (!found && absent)
    return *absent;
  if (found && found->is_string()) {
    const auto *at = llvm::find(choices, found->get_ref<const std::string &>());
    if (at != choices.end())
      return static_cast<unsigned>(at - choices.begin());
  }
  fail(quoted(name) + " is expected to be " + join(choices, " or ") +
       shown(found));
  return 0;
}

void JsonFields::fail(Error error) {
  handleAllErrors(std::move(error), [&](const ErrorInfoBase &one) {
    problems.add(one.message());
  });
}

void JsonFields::ignore(ArrayRef<StringLiteral> names) {
  for (StringRef name : names)
    known.insert(name.str());
}

void JsonFields::ignoreEmpty() {
  if (!fields.is_object())
    return;
  for (const auto &item : fields.items())
    if (item.value() == "" ||
        (item.value().is_structured() && item.value().empty()))
      known.insert(item.key());
}

Error JsonFields::finish() {
  // After a problem the rest of the fields may not have been asked for.
  if (problems.empty() && fields.is_object())
    for (const auto &item : fields.items())
      if (!known.count(item.key()) && !item.value().is_null())
        fail("the field " + quoted(item.key()) +
             " is not known and might change what the model computes; remove "
             "it if it does not");
  return problems.take();
}

} // namespace tern
