//===- RequestLog.h - A line for each request -------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_SERVER_REQUESTLOG_H
#define TERN_LIB_SERVER_REQUESTLOG_H

#include "Exchange.h"

namespace tern::server {

/// Writes JSON, one object a line, in one write each. Prompts and answers are
/// in it only if that was asked for.
class RequestLog {
public:
  RequestLog(int file, bool hasText) : file(file), hasText(hasText) {}

  void write(const Exchange &exchange, const Account &account, int status);
  bool wantsText() const { return hasText && file >= 0; }

private:
  const int file;
  const bool hasText;
};

} // namespace tern::server

#endif // TERN_LIB_SERVER_REQUESTLOG_H
