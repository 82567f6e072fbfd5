//===- Access.h - Who may ask -----------------------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_SERVER_ACCESS_H
#define TERN_LIB_SERVER_ACCESS_H

#include "Service.h"

namespace tern::server {

/// Fields of a request's head that decide it; absent ones are empty.
struct Caller {
  std::string host, origin, authorization;
  std::string wantedFields; ///< of a preflight: names, with commas between them
};

/// Takes as long for any text of a length, so that times tell nothing.
bool isSame(std::string_view a, std::string_view b);

/// Null, or why a request is refused before its body is read. A server that
/// listens on loopback answers to names of loopback alone, or a page could ask
/// it under a name of its own; pages of other origins need --cors.
std::optional<ApiError> refusal(const ServerOptions &options,
                                const Caller &caller, bool needsKey);

/// The refusal of a body.
ApiError tooLong(const ServerOptions &options);

/// Header fields of every answer, and those that let a page of another origin
/// read it.
void addCommonFields(const ServerOptions &options, const Caller &caller,
                     Exchange &exchange);

} // namespace tern::server

#endif // TERN_LIB_SERVER_ACCESS_H
