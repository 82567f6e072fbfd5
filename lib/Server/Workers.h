//===- Workers.h - Threads that read requests -------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_SERVER_WORKERS_H
#define TERN_LIB_SERVER_WORKERS_H

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace tern::server {

/// Parsing, templates and tokenizers take time that the thread of connections
/// does not have.
class Workers {
public:
  Workers(unsigned threads, size_t mostWaiting);
  ~Workers() { stop(); }
  Workers(const Workers &) = delete;

  /// Does all that was taken and takes no more.
  void stop();

  /// False if too much waits already.
  bool add(std::function<void()> work);

private:
  void run();

  const size_t mostWaiting;
  std::mutex mutex;
  std::condition_variable arrived;
  std::deque<std::function<void()>> waiting;
  bool isEnding = false;
  std::vector<std::thread> threads;
};

} // namespace tern::server

#endif // TERN_LIB_SERVER_WORKERS_H
