//===- JsonText.h - JSON that strangers sent --------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_SERVER_JSONTEXT_H
#define TERN_LIB_SERVER_JSONTEXT_H

#include "ApiError.h"

#include "nlohmann/json.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace tern::server {

/// Members stay in the order in which they came: templates show tools to
/// models.
using Json = nlohmann::ordered_json;

/// Levels of lists and objects, and members of one object, at most.
constexpr size_t maxJsonDepth = 64, maxJsonMembers = 1024;

/// An object; absent with *error for all else: no JSON, no UTF-8, too deep, too
/// many members, a name that is there twice. Takes time as the text is long.
std::optional<Json> parseObject(std::string_view text, ApiError &error);

/// On one line. Strings that are no UTF-8 get U+FFFD.
std::string dump(const Json &value);

} // namespace tern::server

#endif // TERN_LIB_SERVER_JSONTEXT_H
