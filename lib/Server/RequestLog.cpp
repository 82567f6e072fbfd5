//===- RequestLog.cpp - A line for each request ---------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RequestLog.h"

#include "JsonText.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cmath>
#include <ctime>
#include <poll.h>
#include <unistd.h>
#include <utility>

using namespace tern::server;
using Lock = std::lock_guard<std::mutex>;

/// Bytes of lines that nobody has read yet.
static constexpr size_t mostWaiting = 1 << 20;

/// 2026-11-30T13:38:07.123Z.
static std::string timeNow() {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts = {};
  gmtime_r(&now.tv_sec, &parts);
  char text[40], whole[48];
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  snprintf(whole, sizeof whole, "%s.%03ldZ", text, now.tv_nsec / 1000000);
  return whole;
}

/// In milliseconds with one digit.
static double inMilliseconds(double seconds) {
  return std::round(seconds * 1e4) / 10;
}

void RequestLog::write(const Exchange &exchange, const Account &account,
                       int status) {
  if (lines->file < 0)
    return;
  std::chrono::duration<double> took = Clock::now() - exchange.began;
  Json line = {{"time", timeNow()},
               {"request", exchange.id},
               {"client", exchange.client},
               {"method", exchange.method},
               {"path", exchange.path},
               {"status", status},
               {"ms", inMilliseconds(took.count())}};
  if (!account.model.empty()) {
    line["model"] = account.model;
    line["prompt_tokens"] = account.promptTokens;
    line["reused_tokens"] = account.reusedTokens;
    line["answer_tokens"] = account.answerTokens;
  }
  if (account.firstSeconds >= 0)
    line["first_token_ms"] = inMilliseconds(account.firstSeconds);
  if (!account.finish.empty())
    line["finish"] = account.finish;
  if (hasText && !account.asked.empty()) {
    line["asked"] = account.asked;
    line["answered"] = account.answered;
  }
  std::string text = dump(line) + "\n";
  {
    Lock lock(lines->mutex);
    if (!lines->waiting.empty() &&
        lines->waiting.size() + text.size() > mostWaiting) {
      ++lines->unsaid;
      ++lines->dropped;
      return;
    }
    lines->waiting += text;
  }
  lines->changed.notify_all();
}

uint64_t RequestLog::dropped() const {
  Lock lock(lines->mutex);
  return lines->dropped;
}

//===----------------------------------------------------------------------===//
// The thread
//===----------------------------------------------------------------------===//

RequestLog::RequestLog(int file, bool hasText)
    : lines(std::make_shared<Lines>()), hasText(hasText) {
  lines->file = file;
  if (file >= 0)
    thread = std::thread([lines = lines] { run(*lines); });
}

RequestLog::~RequestLog() {
  if (!thread.joinable())
    return;
  std::unique_lock<std::mutex> lock(lines->mutex);
  lines->isEnding = true;
  lines->changed.notify_all();
  bool isDone = lines->changed.wait_for(lock, std::chrono::seconds(1),
                                        [&] { return lines->isDone; });
  lock.unlock();
  if (isDone)
    thread.join();
  else
    thread.detach();
}

/// The first lines, as many as a pipe takes at once, or some of a longer one.
static std::string_view nextPiece(std::string_view text) {
  text = text.substr(0, PIPE_BUF);
  size_t end = text.rfind('\n');
  return end == text.npos ? text : text.substr(0, end + 1);
}

/// False if nobody can write there: a log is no reason to answer nobody.
static bool writeAll(int file, std::string_view text) {
  while (!text.empty()) {
    std::string_view piece = nextPiece(text);
    ssize_t written = ::write(file, piece.data(), piece.size());
    if (written < 0 && errno == EAGAIN) {
      // A pipe of somebody who set it so.
      pollfd ready = {file, POLLOUT, 0};
      poll(&ready, 1, -1);
    } else if (written < 0 && errno != EINTR) {
      return false;
    }
    text.remove_prefix(static_cast<size_t>(std::max<ssize_t>(written, 0)));
  }
  return true;
}

static uint64_t countLines(std::string_view text) {
  return static_cast<uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

void RequestLog::run(Lines &lines) {
  std::unique_lock<std::mutex> lock(lines.mutex);
  for (;;) {
    lines.changed.wait(
        lock, [&] { return lines.isEnding || !lines.waiting.empty(); });
    if (lines.waiting.empty() && !lines.unsaid)
      break;
    std::string text = std::move(lines.waiting);
    lines.waiting.clear();
    uint64_t count = countLines(text), unsaid = std::exchange(lines.unsaid, 0);
    if (unsaid)
      text += dump(Json{{"time", timeNow()}, {"dropped_lines", unsaid}}) + "\n";
    lock.unlock();
    bool isWritten = writeAll(lines.file, text);
    lock.lock();
    if (isWritten)
      continue;
    lines.dropped += count;
    lines.unsaid += count + unsaid;
    if (lines.isEnding)
      break;
  }
  lines.isDone = true;
  lines.changed.notify_all();
}
