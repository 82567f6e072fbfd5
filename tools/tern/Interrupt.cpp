//===- Interrupt.cpp - Ends of tern by a signal ---------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Interrupt.h"
#include "LostFiles.h"

#include "tern/Artifact/Children.h"

#include "llvm/ADT/StringRef.h"

#include <cerrno>
#include <csignal>
#include <poll.h>
#include <system_error>
#include <thread>
#include <unistd.h>

using namespace tern;
using llvm::StringRef;

static bool isTerminal;

/// Never waits: behind a pipe that nobody reads there is nobody to tell.
static void writeNow(StringRef text) {
  struct pollfd ready = {STDERR_FILENO, POLLOUT, 0};
  if (poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT)) {
    ssize_t written = write(STDERR_FILENO, text.data(), text.size());
    (void)written;
  }
}

/// A handler: nothing in it may allocate.
static void end(int number) {
  endChildren();
  removeUnfinishedFiles();
  // Over a line of progress, and the key as the terminal shows it.
  if (isTerminal)
    writeNow("\r\033[K");
  writeNow(number == SIGINT    ? "tern: interrupted\n"
           : number == SIGTERM ? "tern: terminated\n"
                               : "tern: hung up\n");
  _exit(128 + number);
}

void tern::catchInterrupts() {
  isTerminal = isatty(STDERR_FILENO);
  for (int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction action = {}, before = {};
    action.sa_handler = end;
    sigaction(number, nullptr, &before);
    // nohup says that the terminal may go.
    if (number != SIGHUP || before.sa_handler != SIG_IGN)
      sigaction(number, &action, nullptr);
  }
}

void tern::endWithReader() {
  auto wait = [] {
    // Without events: what comes is that the other end is gone.
    struct pollfd output = {STDOUT_FILENO, 0, 0};
    while (poll(&output, 1, -1) < 0 && errno == EINTR)
      ;
    if (output.revents & (POLLERR | POLLHUP))
      kill(getpid(), SIGTERM);
  };
  // A line that finds no reader ends tern by the thread, too, which cleans up.
  signal(SIGPIPE, SIG_IGN);
  try {
    std::thread(wait).detach();
  } catch (const std::system_error &) {
    // No thread to be had: the next line that is written ends it.
    signal(SIGPIPE, SIG_DFL);
  }
}
