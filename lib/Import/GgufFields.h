//===- lib/Import/GgufFields.h - Metadata of one architecture ---*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_IMPORT_GGUFFIELDS_H
#define TERN_LIB_IMPORT_GGUFFIELDS_H

#include "Json.h"
#include "tern/Import/Gguf.h"

namespace tern {

/// Reads the values whose keys begin with the architecture's name, and
/// remembers which were asked for. The first problem is kept.
class GgufFields {
public:
  explicit GgufFields(const GgufFile &file) : file(file) {}

  void fail(const llvm::Twine &message) {
    if (problem.empty())
      problem = message.str();
  }
  template <typename T>
  std::optional<T> take(llvm::Expected<std::optional<T>> value) {
    if (value)
      return *value;
    fail(llvm::toString(value.takeError()).substr(file.file().size() + 2));
    return std::nullopt;
  }
  std::string keyOf(llvm::StringRef field) {
    known.insert(field.str());
    return architecture + "." + field.str();
  }
  std::optional<uint64_t> integer(llvm::StringRef field) {
    return take(file.integer(keyOf(field)));
  }
  std::optional<double> number(llvm::StringRef field) {
    return take(file.number(keyOf(field)));
  }
  std::optional<llvm::StringRef> string(llvm::StringRef field) {
    return take(file.string(keyOf(field)));
  }
  void wantNeutral(llvm::StringRef field, double neutral) {
    std::optional<double> value = number(field);
    if (value && *value != neutral)
      fail("tern does not support '" + keyOf(field) +
           "' = " + std::to_string(*value));
  }

  const GgufFile &file;
  std::string architecture, problem;
  std::set<std::string> known;
};

/// How the rotary embedding is scaled, as `rope_scaling` of a config; null if
/// it is not.
nlohmann::json readGgufRopeScaling(GgufFields &fields, uint64_t positions);

} // namespace tern

#endif // TERN_LIB_IMPORT_GGUFFIELDS_H
