//===- Fields.h - Members of a request's object -----------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_SERVER_FIELDS_H
#define TERN_LIB_SERVER_FIELDS_H

#include "JsonText.h"

#include <initializer_list>
#include <set>

namespace tern::server {

/// Takes members by name and type. The first fault is kept and all that follows
/// is skipped; null counts as absent. A member that nobody took is a fault.
class Fields {
public:
  /// `where` is a prefix of names in messages: "stream_options.".
  Fields(const Json &object, ApiError &error, std::string where = "")
      : object(object), error(error), where(std::move(where)) {}

  bool has(const char *name);
  /// The value, or null.
  const Json *take(const char *name);
  std::optional<bool> flag(const char *name);
  std::optional<double> number(const char *name, double low, double high);
  std::optional<int64_t> integer(const char *name, int64_t low, int64_t high);
  std::optional<std::string> text(const char *name);
  const Json *member(const char *name);
  const Json *list(const char *name);
  /// A list of numbers of tokens.
  std::optional<std::vector<int32_t>> tokens(const Json &list,
                                             const char *name);

  /// Members that change nothing of an answer.
  void ignore(std::initializer_list<const char *> names);
  /// Takes a member that may only say that it is off: false, 0, null, an empty
  /// list or object, or one of the texts in `allowed`.
  void mustBeOff(const char *name,
                 std::initializer_list<const char *> allowed = {});
  /// Refuses all that was not taken.
  void end();

  bool failed() const { return !error.message.empty(); }
  /// Keeps the first fault.
  void fail(const char *name, const std::string &message, int status = 400,
            const char *code = "");

private:
  const Json &object;
  ApiError &error;
  std::string where;
  std::set<std::string> taken;
};

/// A value as messages show it, cut if it is long.
std::string shown(const Json &value);

} // namespace tern::server

#endif // TERN_LIB_SERVER_FIELDS_H
