//===- Workers.cpp - Threads that read requests ---------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Workers.h"

using namespace tern::server;

Workers::Workers(unsigned count, size_t mostWaiting)
    : mostWaiting(mostWaiting) {
  try {
    for (unsigned i = 0; i < count; ++i)
      threads.emplace_back([this] { run(); });
  } catch (...) {
    stop();
    throw;
  }
}

void Workers::stop() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    isEnding = true;
  }
  arrived.notify_all();
  for (std::thread &thread : threads)
    thread.join();
  threads.clear();
}

bool Workers::add(std::function<void()> work) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (isEnding || waiting.size() >= mostWaiting)
      return false;
    waiting.push_back(std::move(work));
  }
  arrived.notify_one();
  return true;
}

void Workers::run() {
  for (;;) {
    std::unique_lock<std::mutex> lock(mutex);
    arrived.wait(lock, [this] { return isEnding || !waiting.empty(); });
    if (waiting.empty())
      return;
    std::function<void()> work = std::move(waiting.front());
    waiting.pop_front();
    lock.unlock();
    work();
  }
}
