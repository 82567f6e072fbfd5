//===- Exchange.cpp - One request and its answer --------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Exchange.h"

#include <microhttpd.h>

#include <algorithm>
#include <cstring>

using namespace tern::server;
using Lock = std::lock_guard<std::mutex>;

//===----------------------------------------------------------------------===//
// The answer
//===----------------------------------------------------------------------===//

/// Under the lock, as wake.
void Exchange::sleep() {
  isAsleep = true;
  MHD_suspend_connection(connection);
}

void Exchange::wake() {
  if (isAsleep && connection)
    MHD_resume_connection(connection);
  isAsleep = false;
}

void Exchange::answer(int status, const char *type, std::string text) {
  Lock lock(mutex);
  if (isAnswered)
    return;
  isAnswered = isEnded = true;
  head.status = status;
  head.type = type;
  head.text = std::move(text);
  wake();
}

void Exchange::refuse(const ApiError &error) {
  if (error.status == 429 || error.status == 503)
    addField("Retry-After", "1");
  answer(error.status, "application/json", toJson(error) + "\n");
}

void Exchange::openStream() {
  Lock lock(mutex);
  if (isAnswered)
    return;
  isAnswered = true;
  head.status = 200;
  head.type = "text/event-stream";
  head.isStream = true;
  wake();
}

void Exchange::write(std::string_view text) {
  Lock lock(mutex);
  if (isGone || isEnded)
    return;
  if (sent == out.size()) {
    out.clear();
    sent = 0;
  }
  out += text;
  if (head.isStream)
    wake();
}

void Exchange::end() {
  Lock lock(mutex);
  isEnded = true;
  if (head.isStream)
    wake();
}

void Exchange::whenGone(std::function<void()> call) {
  {
    Lock lock(mutex);
    if (!isGone) {
      stop = std::move(call);
      return;
    }
  }
  call();
}

void Exchange::note(const std::function<void(Account &)> &change) {
  Lock lock(mutex);
  change(account);
}

void Exchange::addField(std::string name, std::string value) {
  Lock lock(mutex);
  head.fields.emplace_back(std::move(name), std::move(value));
}

void Exchange::leave(const ApiError *why) {
  std::function<void()> call;
  {
    Lock lock(mutex);
    if (isGone || (isEnded && why))
      return;
    if (why && !isAnswered) {
      head.status = why->status;
      head.type = "application/json";
      head.text = toJson(*why) + "\n";
    } else if (why) {
      out += "data: " + toJson(*why) + "\n\n";
    }
    if (!isEnded && account.finish.empty())
      account.finish = why ? "timeout" : "gone";
    isBroken = !why && !isEnded;
    isAnswered = isEnded = isGone = true;
    call = std::move(stop);
    stop = nullptr;
    wake();
  }
  if (call)
    call();
}

//===----------------------------------------------------------------------===//
// The connection
//===----------------------------------------------------------------------===//

void Exchange::takeBody(const char *data, size_t bytes, uint64_t most) {
  isTooLong |= bytes > most - body.size();
  if (isTooLong || isRefused())
    body = std::string();
  else
    body.append(data, bytes);
}

bool Exchange::isRefused() {
  Lock lock(mutex);
  return isAnswered;
}

bool Exchange::hasHead() {
  Lock lock(mutex);
  if (!isAnswered)
    sleep();
  return isAnswered;
}

Exchange::Head Exchange::takeHead() {
  Lock lock(mutex);
  return head;
}

ssize_t Exchange::read(char *buffer, size_t most) {
  Lock lock(mutex);
  size_t count = std::min(most, out.size() - sent);
  if (count) {
    std::memcpy(buffer, out.data() + sent, count);
    sent += count;
    return static_cast<ssize_t>(count);
  }
  if (isEnded)
    return isBroken ? -2 : -1;
  sleep();
  return 0;
}

int Exchange::close(Account &result) {
  leave();
  Lock lock(mutex);
  connection = nullptr;
  stop = nullptr;
  result = account;
  return head.status;
}
