//===- RequestLog.h - A line for each request -------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_SERVER_REQUESTLOG_H
#define TERN_LIB_SERVER_REQUESTLOG_H

#include "Exchange.h"

#include <condition_variable>
#include <thread>

namespace tern::server {

/// Writes JSON, one object a line, in a thread of its own: nobody waits for who
/// reads it. Lines that find no room are dropped; a line says how many, when
/// there is room again. Prompts and answers are in it only if that was asked
/// for.
class RequestLog {
public:
  RequestLog(int file, bool hasText);
  /// Gives what waits a second to be written.
  ~RequestLog();
  RequestLog(const RequestLog &) = delete;
  RequestLog &operator=(const RequestLog &) = delete;

  void write(const Exchange &exchange, const Account &account, int status);
  bool wantsText() const { return hasText && lines->file >= 0; }
  /// Lines that were dropped.
  uint64_t dropped() const;

private:
  /// Shared with the thread, which may outlive a log that cannot be written.
  struct Lines {
    int file;
    std::mutex mutex;
    std::condition_variable changed;
    std::string waiting;
    uint64_t unsaid = 0, dropped = 0; ///< of those dropped: since the last line
    bool isEnding = false, isDone = false;
  };

  static void run(Lines &lines);

  const std::shared_ptr<Lines> lines;
  const bool hasText;
  std::thread thread;
};

} // namespace tern::server

#endif // TERN_LIB_SERVER_REQUESTLOG_H
