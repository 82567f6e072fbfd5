//===- ApiError.h - Refusals in OpenAI's form -------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_SERVER_APIERROR_H
#define TERN_LIB_SERVER_APIERROR_H

#include <string>

namespace tern::server {

/// Why a request gets no answer.
struct ApiError {
  int status = 400;
  std::string message; ///< one sentence
  std::string param;   ///< the member of the request; or empty
  std::string code;    ///< a word for programs; or empty
};

/// {"error": {"message", "type", "param", "code"}}.
std::string toJson(const ApiError &error);

} // namespace tern::server

#endif // TERN_LIB_SERVER_APIERROR_H
