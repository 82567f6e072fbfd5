//===- Console.cpp - Progress and messages on a terminal ------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Console.h"

#include "Commands.h"
#include "InspectMemory.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

using namespace tern;
using llvm::StringRef;

static bool canRewriteLines() {
  auto kind = llvm::sys::Process::GetEnv("TERM");
  return llvm::sys::Process::StandardErrIsDisplayed() && kind &&
         *kind != "dumb";
}

Progress::Progress(bool wanted) : enabled(wanted && canRewriteLines()) {}

void Progress::show(const std::string &line) {
  if (!enabled || (line.empty() && !shown))
    return;
  size_t rest = shown > line.size() ? shown - line.size() : 0;
  llvm::errs() << '\r' << line << std::string(rest, ' ');
  if (line.empty())
    llvm::errs() << '\r';
  shown = line.size();
}

void Progress::step(StringRef what) { show(("tern: " + what).str()); }

void Progress::weights(uint64_t done, uint64_t total) {
  auto now = std::chrono::steady_clock::now();
  if (!enabled || (done < total && now < next))
    return;
  next = now + std::chrono::milliseconds(100);
  constexpr uint64_t width = 30;
  uint64_t filled = total ? done * width / total : width;
  show(llvm::formatv("tern: weights [{0}{1}] {2,3} %, {3:F1} of {4:F1} MB",
                     std::string(filled, '#'), std::string(width - filled, '.'),
                     total ? done * 100 / total : 100, done / 1e6, total / 1e6)
           .str());
}

static StringRef prefixOf(MessageKind kind) {
  switch (kind) {
  case MessageKind::Work:
    return "";
  case MessageKind::Warning:
    return "warning: ";
  case MessageKind::Note:
    return "note: ";
  case MessageKind::Remark:
    return "remark: ";
  case MessageKind::Missed:
    return "missed: ";
  }
  llvm_unreachable("a kind without a prefix");
}

void Console::message(MessageKind kind, StringRef text) {
  // Of interest to somebody who waits.
  if (kind == MessageKind::Work &&
      !llvm::sys::Process::StandardErrIsDisplayed())
    return;
  progress.clear();
  // One write, so that lines of two processes do not mix.
  llvm::errs() << ("tern: " + prefixOf(kind) + inOneLine(text) + "\n").str();
}

void Console::took(StringRef work, double seconds) {
  if (verbose)
    llvm::errs() << llvm::formatv("tern: {0,-10} {1:F3} s\n", work, seconds);
}

void Console::memory(const MemoryUse &use) {
  if (!reports)
    return;
  progress.clear();
  Report report;
  reportMemory(use, report);
  report.print(llvm::outs(), /*asJson=*/false);
}

void Console::instructions(uint64_t least, uint64_t most) {
  progress.clear();
  Report report;
  llvm::json::Object facts;
  report.line("instructions", facts)
      .put("least", least)
      .put("most", most, " to {} for a token");
  report.print(llvm::outs(), /*asJson=*/false);
}

void Console::detail(StringRef text) {
  if (verbose)
    llvm::errs() << "tern: " << text << "\n";
}
