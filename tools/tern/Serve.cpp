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
#include "ServeFlags.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#if TERN_HAS_SERVER
#include "tern/engine.h"

#include <csignal>
#include <sys/resource.h>
#include <unistd.h>
#endif

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

void tern::describeServe(TableReader read) {
  ServeFlags flags;
  read(flags.table());
}

#if TERN_HAS_SERVER

static Error failure(const llvm::Twine &message) {
  return llvm::createStringError(message);
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
  options.grammar_bytes = flags.grammars.value_or(options.grammar_bytes);
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
  Expected<server::ServerOptions> options = flags.options();
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
  OptionTable table = flags.table();
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
