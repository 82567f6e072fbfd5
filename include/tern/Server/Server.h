//===- Server.h - HTTP in OpenAI's form -------------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Serves engines: http://HOST:PORT/v1/chat/completions and what belongs to it.
// docs/server.md.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_SERVER_SERVER_H
#define TERN_SERVER_SERVER_H

#include "tern/engine.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tern::server {

struct ServerOptions {
  std::string host = "127.0.0.1"; ///< a name or address of this machine
  uint16_t port = 8080;           ///< 0: any that is free
  std::vector<std::string> keys; ///< one of them is asked for, if there are any
  std::string corsOrigin; ///< pages from there may ask; "*": all; or none
  /// Contents of PEM files; both or none.
  std::string certificate, certificateKey;

  // Limits.
  uint64_t bodyBytes = 4 << 20;
  int64_t answerTokens = 0;      ///< 0: the model's context
  unsigned requestSeconds = 600; ///< from the first byte of a request
  unsigned idleSeconds = 60;     ///< of a connection, and for a body to come
  unsigned connections = 2000;
  unsigned choices = 16; ///< of one request: n, times prompts

  int logFile = -1;      ///< a descriptor that gets a line for each request
  bool logsText = false; ///< with what was asked and answered
};

/// An engine is the caller's, who closes it after the server.
struct ServedModel {
  std::string name;
  tern_engine *engine;
};

/// Steps the engines and answers in threads of its own.
class Server {
public:
  /// Null, with a sentence in `error`, if it cannot listen.
  static std::unique_ptr<Server> start(const ServerOptions &options,
                                       const std::vector<ServedModel> &models,
                                       std::string &error);
  virtual ~Server() = default;

  virtual uint16_t port() const = 0;
  /// Takes no connection and no request any more; those there go on.
  virtual void drain() = 0;
  /// True if no request is being read, computed or answered.
  virtual bool isIdle() const = 0;
};

/// True for 127.0.0.1, ::1 and localhost, with a port or without.
bool isLoopback(std::string_view host);

} // namespace tern::server

#endif // TERN_SERVER_SERVER_H
