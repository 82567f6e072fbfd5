//===- Serve.cpp - tern serve ---------------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Opens models as engines (tern/engine.h) and gives them to the server
// (tern/Server/Server.h).
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "Console.h"

#include "llvm/Support/Errno.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"

#if TERN_HAS_SERVER
#include "tern/Server/Server.h"
#include "tern/engine.h"

#include <csignal>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>
#endif

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace {

struct ServeFlags {
  std::string host = "127.0.0.1", keyFile, cors, certificate, certificateKey;
  std::string chatTemplate, log;
  std::optional<int64_t> port, threads, context, parallel, queue, answer;
  std::optional<int64_t> timeout, idle, grace, connections, choices;
  std::optional<uint64_t> body, states, kept;
  bool logsText = false;
};

} // namespace

static OptionTable makeTable(ServeFlags &flags) {
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
                flags.host);
  table.addNumber("--port", "N", "default: 8080; 0: any that is free", 0, 65535,
                  flags.port);
  table.addText("--chat-template", "FILE",
                "a Jinja template for chat; default: the model's",
                flags.chatTemplate);
  table.addNumber("-t, --threads", "N", "that compute; default: all CPUs", 1,
                  64, flags.threads);
  table.addHeading("Who may ask");
  table.addText("--api-key-file", "FILE",
                "keys, one a line, of which requests must have one; likewise "
                "one in TERN_API_KEY",
                flags.keyFile);
  table.addText("--cors", "ORIGIN",
                "pages from there may ask, too: https://example.com, or * for "
                "all; default: none but the server's own",
                flags.cors);
  table.addText("--tls-cert", "FILE", "a certificate (PEM), for https",
                flags.certificate);
  table.addText("--tls-key", "FILE", "its key", flags.certificateKey);
  table.addHeading("Limits");
  table.addNumber("-c, --context", "N",
                  "tokens of a prompt with its answer; default: the model's", 1,
                  1 << 24, flags.context);
  table.addNumber("--max-tokens", "N",
                  "tokens of an answer; default: as the context allows", 1,
                  1 << 24, flags.answer);
  table.addNumber("--parallel", "N",
                  "answers that a model computes at once; default: 16", 1, 1024,
                  flags.parallel);
  table.addNumber("--queue", "N",
                  "answers that wait behind them; more are refused with 429; "
                  "default: 256",
                  0, 1 << 20, flags.queue);
  table.addNumber("--choices", "N", "answers of one request; default: 16", 1,
                  1024, flags.choices);
  table.addSize("--max-body", "bytes of a request; default: 4M", flags.body);
  table.addNumber("--timeout", "SECONDS", "for a request; default: 600", 1,
                  1 << 20, flags.timeout);
  table.addNumber("--idle-timeout", "SECONDS",
                  "for a connection without one, or until all of it is there; "
                  "default: 60",
                  1, 1 << 20, flags.idle);
  table.addNumber("--grace", "SECONDS",
                  "for requests that are there when the server is to end; "
                  "default: 60",
                  0, 1 << 20, flags.grace);
  table.addNumber("--connections", "N", "open at once; default: 2000", 1,
                  1 << 20, flags.connections);
  table.addSize("--state-memory",
                "for states of running requests of a model; default: no limit",
                flags.states);
  table.addSize("--kept-memory",
                "for states kept for prompts that begin alike; default: 256M",
                flags.kept);
  table.addHeading("Log");
  table.addText("--log", "FILE",
                "a line of JSON for each request; - is stderr (default), none "
                "is none",
                flags.log);
  table.addSwitch("--log-text", "with prompts and answers", flags.logsText);
  return table;
}

void tern::describeServe(TableReader read) {
  ServeFlags flags;
  read(makeTable(flags));
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

static Expected<server::ServerOptions> makeOptions(const ServeFlags &flags) {
  server::ServerOptions options;
  options.host = flags.host;
  options.port = static_cast<uint16_t>(flags.port.value_or(8080));
  options.corsOrigin = flags.cors;
  if (flags.certificate.empty() != flags.certificateKey.empty())
    return llvm::make_error<UsageError>("--tls-cert and --tls-key go together");
  if (!flags.certificate.empty()) {
    if (Error error = readFile("--tls-cert", flags.certificate)
                          .moveInto(options.certificate))
      return std::move(error);
    if (Error error = readFile("--tls-key", flags.certificateKey)
                          .moveInto(options.certificateKey))
      return std::move(error);
  }
  if (Error error = readKeys(flags, options.keys))
    return std::move(error);
  if (Error error = openLog(flags.log).moveInto(options.logFile))
    return std::move(error);
  options.logsText = flags.logsText;
  options.bodyBytes = flags.body.value_or(options.bodyBytes);
  options.answerTokens = flags.answer.value_or(0);
  options.requestSeconds =
      unsigned(flags.timeout.value_or(options.requestSeconds));
  options.idleSeconds = unsigned(flags.idle.value_or(options.idleSeconds));
  options.connections =
      unsigned(flags.connections.value_or(options.connections));
  options.choices = unsigned(flags.choices.value_or(options.choices));
  return options;
}

//===----------------------------------------------------------------------===//
// Models
//===----------------------------------------------------------------------===//

namespace {

/// Engines that are closed in the end.
class OpenModels {
public:
  OpenModels() = default;
  OpenModels(const OpenModels &) = delete;
  ~OpenModels() {
    for (const server::ServedModel &model : list)
      tern_engine_close(model.engine);
  }
  Error add(StringRef argument, const ServeFlags &flags);

  std::vector<server::ServedModel> list;
};

} // namespace

/// Of a folder all of it: Qwen3-1.7B.
static StringRef nameOf(StringRef path) {
  StringRef name = llvm::sys::path::filename(path);
  for (StringRef suffix : {".so", ".gguf", ".weights"})
    if (name.size() > suffix.size() && name.consume_back(suffix))
      break;
  return name;
}

/// MODEL or NAME=MODEL, of which a file's whole name comes first.
static std::pair<std::string, std::string> splitName(StringRef argument) {
  auto [name, path] = argument.split('=');
  if (path.empty() || name.contains('/') ||
      access(argument.str().c_str(), F_OK) == 0)
    return {nameOf(argument.rtrim('/')).str(), argument.str()};
  return {name.str(), path.str()};
}

/// Of a checkpoint that is compiled, on a terminal.
static int showProgress(void *data, const tern_progress *now) {
  Progress &progress = *static_cast<Progress *>(data);
  if (now->total)
    progress.weights(now->done, now->total);
  else
    progress.step(now->text);
  return 0;
}

Error OpenModels::add(StringRef argument, const ServeFlags &flags) {
  auto [name, path] = splitName(argument);
  for (const server::ServedModel &model : list)
    if (model.name == name)
      return llvm::make_error<UsageError>("two models are called '" + name +
                                          "'; NAME=MODEL gives one another "
                                          "name");
  tern_engine_options options;
  tern_engine_options_init(&options);
  options.threads = unsigned(flags.threads.value_or(0));
  options.context = unsigned(flags.context.value_or(0));
  options.max_sequences =
      unsigned(flags.parallel.value_or(options.max_sequences));
  options.max_waiting = unsigned(flags.queue.value_or(256));
  options.state_bytes = flags.states.value_or(0);
  options.kept_bytes = flags.kept.value_or(options.kept_bytes);
  if (!flags.chatTemplate.empty())
    options.chat_template = flags.chatTemplate.c_str();
  // A checkpoint is compiled by this program.
  std::string self = llvm::sys::fs::getMainExecutable(nullptr, nullptr);
  options.compiler = self.c_str();
  Progress progress(/*wanted=*/true);
  options.on_progress = showProgress;
  options.progress_data = &progress;
  tern_engine *engine = tern_engine_open(path.c_str(), &options);
  if (!engine)
    return failure(tern_engine_error());
  list.push_back({name, engine});
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

/// A thousand connections are more files than a shell allows at first.
static void allowFiles() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
      limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

static sigset_t endingSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int number : {SIGINT, SIGTERM, SIGHUP}) {
    // nohup says that the terminal may go; blocked, it would come all the same.
    struct sigaction action = {};
    sigaction(number, nullptr, &action);
    if (action.sa_handler != SIG_IGN)
      sigaddset(&signals, number);
  }
  return signals;
}

/// The number of the signal that came, or 0 after a while.
static int waitForSignal(const sigset_t &signals) {
  timespec most = {0, 20000000};
  return std::max(sigtimedwait(&signals, nullptr, &most), 0);
}

/// Until a signal has come and all requests are answered.
static void runUntilSignal(server::Server &server, const sigset_t &signals,
                           int64_t grace) {
  while (!waitForSignal(signals))
    ;
  server.drain();
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds(grace);
  while (!server.isIdle() && std::chrono::steady_clock::now() < end)
    if (int number = waitForSignal(signals))
      _exit(128 + number);
}

static void announce(const server::ServerOptions &options,
                     const OpenModels &models, uint16_t port) {
  if (!server::isLoopback(options.host) && options.keys.empty())
    llvm::errs() << "tern: warning: whoever reaches " << options.host
                 << " may ask without a key; --api-key-file asks for one\n";
  llvm::errs() << "tern: serving";
  for (const server::ServedModel &model : models.list)
    llvm::errs() << (&model == &models.list.front() ? " " : ", ")
                 << inOneLine(model.name);
  bool isIpv6 = StringRef(options.host).contains(':');
  llvm::errs() << " at " << (options.certificate.empty() ? "http" : "https")
               << "://" << (isIpv6 ? "[" : "") << options.host
               << (isIpv6 ? "]" : "") << ":" << port << "\n";
}

static Expected<int> serve(const ServeFlags &flags,
                           llvm::ArrayRef<std::string> inputs) {
  Expected<server::ServerOptions> options = makeOptions(flags);
  if (!options)
    return options.takeError();
  OpenModels models;
  for (const std::string &input : inputs)
    if (Error error = models.add(input, flags))
      return std::move(error);
  allowFiles();
  // Before there are other threads, which then do not get them either.
  sigset_t signals = endingSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  std::string error;
  std::unique_ptr<server::Server> server =
      server::Server::start(*options, models.list, error);
  if (!server)
    return failure(error);
  announce(*options, models, server->port());
  runUntilSignal(*server, signals, flags.grace.value_or(60));
  server.reset();
  return 0;
}

#else

static Expected<int> serve(const ServeFlags &, llvm::ArrayRef<std::string>) {
  return llvm::createStringError(
      "this tern was built without its server; install libmicrohttpd-dev and "
      "build it again");
}

#endif // TERN_HAS_SERVER

Expected<int> tern::serveMain(Arguments arguments) {
  ServeFlags flags;
  OptionTable table = makeTable(flags);
  std::vector<std::string> inputs;
  Expected<bool> isHelp = table.parseOrHelp(arguments, inputs);
  if (!isHelp)
    return isHelp.takeError();
  if (*isHelp)
    return 0;
  if (inputs.empty())
    return llvm::make_error<UsageError>(
        "tern serve needs a MODEL; see tern serve --help");
  return serve(flags, inputs);
}
