//===- ServeFlags.cpp - What a user says about a server -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ServeFlags.h"

#include "llvm/Support/Errno.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Process.h"

#if TERN_HAS_SERVER
#include <fcntl.h>
#include <unistd.h>
#endif

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

OptionTable ServeFlags::table() {
  OptionTable table(
      "serve MODEL... [flags]",
      "Answers over HTTP as OpenAI's API does, and with a page to chat at /.\n"
      "MODEL is a checkpoint, a program or a library; NAME=MODEL gives it a "
      "name.\nSIGTERM or Ctrl-C: no new requests; those there are answered, "
      "unless a second one comes.");
  table.addPositional("-m, --model", "MODEL");
  table.addText("--host", "HOST",
                "address to listen at; default: 127.0.0.1, which other "
                "machines cannot reach",
                host);
  table.addNumber("--port", "N", "default: 8080; 0: any that is free", 0, 65535,
                  port);
  table.addText("--chat-template", "FILE",
                "a Jinja template for chat; default: the model's",
                chatTemplate);
  table.addNumber("-t, --threads", "N", "that compute; default: all CPUs", 1,
                  64, threads);
  table.addHeading("Who may ask");
  table.addText("--api-key-file", "FILE",
                "keys, one a line, of which requests must have one; likewise "
                "one in TERN_API_KEY",
                keyFile);
  table.addText("--cors", "ORIGIN",
                "pages from there may ask, too: https://example.com, or * for "
                "all; default: none but the server's own",
                cors);
  table.addText("--tls-cert", "FILE", "a certificate (PEM), for https",
                certificate);
  table.addText("--tls-key", "FILE", "its key", certificateKey);
  table.addHeading("Limits");
  table.addNumber("-c, --context", "N",
                  "tokens of a prompt with its answer; default: the model's", 1,
                  1 << 24, context);
  table.addNumber("--max-tokens", "N",
                  "tokens of an answer; default: as the context allows", 1,
                  1 << 24, answer);
  table.addNumber("--parallel", "N",
                  "answers that a model computes at once; default: 16", 1, 1024,
                  parallel);
  table.addNumber("--queue", "N",
                  "answers that wait behind them; more are refused with 429; "
                  "default: 256",
                  0, 1 << 20, queue);
  table.addNumber("--choices", "N", "answers of one request; default: 16", 1,
                  1024, choices);
  table.addSize("--max-body", "bytes of a request; default: 4M", body);
  table.addNumber("--timeout", "SECONDS", "for a request; default: 600", 1,
                  1 << 20, timeout);
  table.addNumber("--idle-timeout", "SECONDS",
                  "for a connection without one, or until all of it is there; "
                  "default: 60",
                  1, 1 << 20, idle);
  table.addNumber("--grace", "SECONDS",
                  "for requests that are there when the server is to end; "
                  "default: 60",
                  0, 1 << 20, grace);
  table.addNumber("--connections", "N", "open at once; default: 2000", 1,
                  1 << 20, connections);
  table.addSize("--state-memory",
                "for states of running requests of a model; default: no limit",
                states);
  table.addSize("--kept-memory",
                "for states kept for prompts that begin alike; default: 256M",
                kept);
  table.addSize("--grammar-memory",
                "for grammars of answers and what is known of them; default: "
                "512M",
                grammars);
  table.addHeading("Log");
  table.addText("--log", "FILE",
                "a line of JSON for each request; - is stderr (default), none "
                "is none",
                log);
  table.addSwitch("--log-text", "with prompts and answers", logsText);
  return table;
}

#if TERN_HAS_SERVER

static Error failure(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

//===----------------------------------------------------------------------===//
// From flags to options
//===----------------------------------------------------------------------===//

static Expected<std::string> readFile(StringRef flag, const std::string &path) {
  auto file = llvm::MemoryBuffer::getFile(path);
  if (!file)
    return failure(flag + ": " + path + ": " + file.getError().message());
  return (*file)->getBuffer().str();
}

/// Those of the file and that of the environment.
static Error readKeys(const ServeFlags &flags, std::vector<std::string> &keys) {
  if (auto key = llvm::sys::Process::GetEnv("TERN_API_KEY")) {
    keys.push_back(StringRef(*key).trim().str());
    // Everybody would have that one.
    if (keys.back().empty())
      return failure("TERN_API_KEY is empty; give it a key or unset it");
  }
  if (flags.keyFile.empty())
    return Error::success();
  Expected<std::string> text = readFile("--api-key-file", flags.keyFile);
  if (!text)
    return text.takeError();
  llvm::SmallVector<StringRef> lines;
  StringRef(*text).split(lines, '\n', -1, /*KeepEmpty=*/false);
  for (StringRef line : lines)
    if (!line.trim().empty())
      keys.push_back(line.trim().str());
  return keys.empty()
             ? failure("--api-key-file: " + flags.keyFile + " has no key")
             : Error::success();
}

static Expected<int> openLog(const std::string &log) {
  if (log == "none")
    return -1;
  if (log.empty() || log == "-")
    return STDERR_FILENO;
  int file = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0)
    return failure("--log: " + log + ": " + llvm::sys::StrError());
  return file;
}

/// As browsers send it, or a page would be refused without a reason to see.
static Error checkOrigin(StringRef origin) {
  auto [scheme, host] = origin.split("://");
  bool isOrigin = !scheme.empty() && !host.empty() && !host.contains('/') &&
                  origin.lower() == origin;
  return origin.empty() || origin == "*" || isOrigin
             ? Error::success()
             : llvm::make_error<UsageError>(
                   "--cors: '" + origin.str() +
                   "' is no origin, expected * or a scheme and a host in small "
                   "letters, such as https://example.com, with no path and no "
                   "slash at the end");
}

Expected<server::ServerOptions> ServeFlags::options() const {
  server::ServerOptions options;
  options.host = host;
  options.port = static_cast<uint16_t>(port.value_or(8080));
  if (Error error = checkOrigin(cors))
    return std::move(error);
  options.corsOrigin = cors;
  if (certificate.empty() != certificateKey.empty())
    return llvm::make_error<UsageError>("--tls-cert and --tls-key go together");
  if (!certificate.empty()) {
    if (Error error =
            readFile("--tls-cert", certificate).moveInto(options.certificate))
      return std::move(error);
    if (Error error = readFile("--tls-key", certificateKey)
                          .moveInto(options.certificateKey))
      return std::move(error);
  }
  if (Error error = readKeys(*this, options.keys))
    return std::move(error);
  if (Error error = openLog(log).moveInto(options.logFile))
    return std::move(error);
  options.logsText = logsText;
  options.bodyBytes = body.value_or(options.bodyBytes);
  options.answerTokens = answer.value_or(0);
  options.requestSeconds = unsigned(timeout.value_or(options.requestSeconds));
  options.idleSeconds = unsigned(idle.value_or(options.idleSeconds));
  options.connections = unsigned(connections.value_or(options.connections));
  options.choices = unsigned(choices.value_or(options.choices));
  return options;
}

#endif // TERN_HAS_SERVER
