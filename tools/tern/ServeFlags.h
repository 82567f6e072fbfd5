//===- ServeFlags.h - What a user says about a server -----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_TERN_SERVEFLAGS_H
#define TERN_TOOLS_TERN_SERVEFLAGS_H

#include "Options.h"

#if TERN_HAS_SERVER
#include "tern/Server/Server.h"
#endif

namespace tern {

/// Absent numbers are the defaults of what they are about.
struct ServeFlags {
  std::string host = "127.0.0.1", keyFile, cors, certificate, certificateKey;
  std::string chatTemplate, log;
  std::optional<int64_t> port, threads, context, parallel, queue, answer;
  std::optional<int64_t> timeout, idle, grace, connections, choices;
  std::optional<uint64_t> body, states, kept, grammars;
  bool logsText = false;

  OptionTable table();
#if TERN_HAS_SERVER
  /// Reads the files that they name, and opens the log.
  llvm::Expected<server::ServerOptions> options() const;
#endif
};

} // namespace tern

#endif // TERN_TOOLS_TERN_SERVEFLAGS_H
