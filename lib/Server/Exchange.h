//===- Exchange.h - One request and its answer ------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Between the thread of connections, which suspends one that waits, and those
// that make its answer, which wake it. Nobody who makes an answer ever waits
// for a client: text that is not read yet is kept.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_SERVER_EXCHANGE_H
#define TERN_LIB_SERVER_EXCHANGE_H

#include "ApiError.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <vector>

struct MHD_Connection;

namespace tern::server {

using Clock = std::chrono::steady_clock;

/// Counts what lives.
class Counted {
public:
  explicit Counted(std::atomic<uint64_t> &count) : count(count) { ++count; }
  ~Counted() { --count; }
  Counted(const Counted &) = delete;

private:
  std::atomic<uint64_t> &count;
};

/// For the log.
struct Account {
  std::string model, finish;
  uint32_t promptTokens = 0, reusedTokens = 0, answerTokens = 0;
  double firstSeconds = -1; ///< to the first token; negative: there was none
  std::string asked, answered;
};

class Exchange {
public:
  explicit Exchange(MHD_Connection *connection) : connection(connection) {}

  // Set by the connection's thread before anybody else sees it.
  std::string method, path, client, body;
  uint64_t id = 0;
  bool isTooLong = false, isBodyThere = false;
  const struct Route *route = nullptr;
  const Clock::time_point began = Clock::now();

  // Of who makes the answer, in any thread.
  void answer(int status, const char *type, std::string text);
  void refuse(const ApiError &error);
  /// The head of a stream; write() may come before it.
  void openStream();
  void write(std::string_view text);
  /// The stream is whole.
  void end();
  /// `stop` is called when the client goes, or at once if it is gone. It must
  /// not wait.
  void whenGone(std::function<void()> stop);
  void note(const std::function<void(Account &)> &change);

  // Of the threads that watch connections.
  /// The client is gone, or its time is over: with an error if it has one.
  void leave(const ApiError *why = nullptr);

  // Of the connection's thread.
  /// A part of the body; nothing stays of one that is too long or refused.
  void takeBody(const char *data, size_t bytes, uint64_t most);
  bool isRefused();
  /// True if there is a head; if not, the connection sleeps until there is.
  bool hasHead();
  struct Head {
    int status; ///< 0: there is nobody to tell
    const char *type;
    bool isStream;
    std::string text;
    std::vector<std::pair<std::string, std::string>> fields;
  };
  Head takeHead();
  /// Some of the stream; 0 if the connection sleeps now, negative at the end:
  /// -1, or -2 if it was broken off.
  ssize_t read(char *buffer, size_t most);
  void addField(std::string name, std::string value);
  /// The connection has done with it. The status that was sent.
  int close(Account &account);

private:
  void sleep();
  void wake();

  std::mutex mutex;
  MHD_Connection *connection; ///< null: closed
  bool isAsleep = false, isAnswered = false, isEnded = false, isGone = false;
  bool isBroken = false; ///< ended by the client, not by an answer
  Head head = {0, "", false, "", {}};
  std::string out;
  size_t sent = 0;
  std::function<void()> stop;
  Account account;
};

} // namespace tern::server

#endif // TERN_LIB_SERVER_EXCHANGE_H
