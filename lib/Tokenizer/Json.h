//===- Json.h - Reading JSON that nobody vouches for ------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TOKENIZER_JSON_H
#define TERN_LIB_TOKENIZER_JSON_H

#include "nlohmann/json.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>

namespace tern {

using Json = nlohmann::json;

/// Parses an object of bounded size and depth; nullopt and a sentence
/// otherwise.
std::optional<Json> parseJsonObject(const std::string &text,
                                    const std::string &file,
                                    std::string &error);

/// The fields of one JSON object. Each one is taken or ignored by name; what is
/// left over when `finish` is called is an error. Errors go to `error`, the
/// first one wins, and once there is one every getter answers its default.
class JsonObject {
public:
  JsonObject(const Json &object, std::string where, std::string &error);

  /// The field, or null when it is missing or null.
  const Json *get(const char *name);
  /// The field's value, or `missing`; an error when it has another type.
  bool getBool(const char *name, bool missing);
  std::string getString(const char *name, const std::string &missing = "");
  int64_t getInt(const char *name, int64_t missing, int64_t low, int64_t high);
  double getNumber(const char *name, double missing, double low, double high);
  /// Says that the field does not matter here.
  void ignore(const char *name) { known.insert(name); }
  /// An error about one field: "tokenizer.json: model.dropout: <what>".
  void fail(const char *name, const std::string &what);
  /// Fails on fields nobody asked for; true when there was no error at all.
  bool finish();

  const std::string where;
  bool ok() const { return error.empty(); }

private:
  const Json &object;
  std::set<std::string> known;
  std::string &error;
};

} // namespace tern

#endif // TERN_LIB_TOKENIZER_JSON_H
