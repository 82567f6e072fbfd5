//===- lib/Import/Json.h - Untrusted JSON, read with care -------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_IMPORT_JSON_H
#define TERN_LIB_IMPORT_JSON_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"

#include "nlohmann/json.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace tern {

/// "FILE: MESSAGE"
llvm::Error fileError(llvm::StringRef file, const llvm::Twine &message);
/// "FILE: tensor 'NAME' MESSAGE"
llvm::Error tensorError(llvm::StringRef file, llvm::StringRef name,
                        const llvm::Twine &message);

/// Parses a whole text. Refused: a syntax error, a name that occurs twice in an
/// object with different values, more than `maxDepth` levels, more values than
/// any model has use for.
llvm::Expected<nlohmann::json>
parseJson(llvm::StringRef text, llvm::StringRef file, unsigned maxDepth = 32);

/// The bytes of a regular file of at most `maxBytes`, of JSON.
llvm::Expected<std::string> readTextFile(llvm::StringRef path,
                                         uint64_t maxBytes);

/// Problems of a checkpoint, as many as a person wants to read.
class Problems {
public:
  void add(const llvm::Twine &message) {
    if (messages.size() < 50)
      messages.push_back(message.str());
  }
  bool empty() const { return messages.empty(); }
  llvm::Error take() const;

private:
  std::vector<std::string> messages;
};

/// Reads the fields of one JSON object. Problems are kept, so that a list of
/// fields can be read in a row and the result be judged once, by finish(). A
/// null counts as absent.
class JsonFields {
public:
  /// `path` stands before field names in messages: "" or
  /// "quantization_config.".
  JsonFields(const nlohmann::json &object, std::string file, std::string path);

  int64_t integer(llvm::StringRef name, int64_t low, int64_t high,
                  std::optional<int64_t> absent = std::nullopt);
  /// Strictly above `low`, at most `high`.
  double number(llvm::StringRef name, double low, double high,
                std::optional<double> absent = std::nullopt);
  bool flag(llvm::StringRef name, bool absent);
  /// One of `choices`; the answer is its index.
  unsigned choice(llvm::StringRef name, llvm::ArrayRef<llvm::StringRef> choices,
                  std::optional<unsigned> absent = std::nullopt);
  /// Null if absent.
  const nlohmann::json *object(llvm::StringRef name);
  /// Any value but null; null if absent. Marks the field as known.
  const nlohmann::json *value(llvm::StringRef name);

  void ignore(llvm::ArrayRef<llvm::StringLiteral> names);
  /// Unknown fields that are an empty text, list or object say nothing, as null
  /// does. False and 0 are values: nobody knows which is usual.
  void ignoreEmpty();
  void fail(const llvm::Twine &message);
  /// Problems of an object inside.
  void fail(llvm::Error error);
  bool failed() const { return !problems.empty(); }
  std::string quoted(llvm::StringRef name) const;

  /// One error for each problem or, if there is none, for each unknown field
  /// that is not null.
  llvm::Error finish();

private:
  const nlohmann::json &fields;
  std::string file, path;
  Problems problems;
  std::set<std::string> known;
};

} // namespace tern

#endif // TERN_LIB_IMPORT_JSON_H
