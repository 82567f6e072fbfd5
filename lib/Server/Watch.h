//===- Watch.h - Clients that go, and time that passes ----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A suspended connection is not looked at by the HTTP library, so this does: a
// client that closes its half counts as gone, as in most servers, and ends what
// it asked for within a token. Connections that never finish a request, or send
// it byte by byte, end too.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_SERVER_WATCH_H
#define TERN_LIB_SERVER_WATCH_H

#include "Exchange.h"

#include <atomic>
#include <map>
#include <thread>

namespace tern::server {

class Watch {
public:
  Watch(unsigned idleSeconds, unsigned requestSeconds);
  ~Watch();
  Watch(const Watch &) = delete;

  /// Connections by their number.
  uint64_t add(int socket);
  void remove(uint64_t connection);
  size_t count() const;

  /// A request on a connection, from its head to the end of its answer.
  void begin(uint64_t connection, std::shared_ptr<Exchange> exchange);
  /// Its body is there: it is computed now.
  void wait(uint64_t connection);
  void end(uint64_t connection);
  /// All clients count as gone.
  void leaveAll();

private:
  struct Connection {
    int socket;
    Clock::time_point since; ///< the last change
    std::shared_ptr<Exchange> exchange;
    bool isWaiting = false, isCut = false;
  };
  void run();
  void leave(uint64_t connection);
  void checkTimes();

  const std::chrono::seconds idle, request;
  int events, alarm; ///< epoll, and what ends the thread
  mutable std::mutex mutex;
  std::map<uint64_t, Connection> connections;
  uint64_t last = 0;
  std::thread thread;
};

} // namespace tern::server

#endif // TERN_LIB_SERVER_WATCH_H
