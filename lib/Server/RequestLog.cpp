//===- RequestLog.cpp - A line for each request ---------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RequestLog.h"

#include "JsonText.h"

#include <cmath>
#include <ctime>
#include <unistd.h>

using namespace tern::server;

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
  if (file < 0)
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
  // A log that cannot be written is no reason to answer nobody.
  ssize_t written = ::write(file, text.data(), text.size());
  (void)written;
}
