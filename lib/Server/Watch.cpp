//===- Watch.cpp - Clients that go, and time that passes ------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Watch.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace tern::server;
using Lock = std::lock_guard<std::mutex>;

Watch::Watch(unsigned idleSeconds, unsigned requestSeconds)
    : idle(idleSeconds), request(requestSeconds),
      events(epoll_create1(EPOLL_CLOEXEC)), alarm(eventfd(0, EFD_CLOEXEC)) {
  epoll_event event = {};
  event.events = EPOLLIN;
  epoll_ctl(events, EPOLL_CTL_ADD, alarm, &event);
  thread = std::thread([this] { run(); });
}

Watch::~Watch() {
  uint64_t one = 1;
  ssize_t written = ::write(alarm, &one, sizeof one);
  (void)written;
  thread.join();
  ::close(alarm);
  ::close(events);
}

//===----------------------------------------------------------------------===//
// Connections
//===----------------------------------------------------------------------===//

uint64_t Watch::add(int socket) {
  Lock lock(mutex);
  connections[++last] = {socket, Clock::now(), nullptr};
  return last;
}

void Watch::remove(uint64_t connection) {
  Lock lock(mutex);
  connections.erase(connection);
}

size_t Watch::count() const {
  Lock lock(mutex);
  return connections.size();
}

void Watch::begin(uint64_t connection, std::shared_ptr<Exchange> exchange) {
  Lock lock(mutex);
  Connection &c = connections[connection];
  c.exchange = std::move(exchange);
  c.since = Clock::now();
  c.isWaiting = false;
}

void Watch::wait(uint64_t connection) {
  Lock lock(mutex);
  Connection &c = connections[connection];
  c.isWaiting = true;
  epoll_event event = {};
  event.events = EPOLLRDHUP | EPOLLONESHOT;
  event.data.u64 = connection;
  epoll_ctl(events, EPOLL_CTL_ADD, c.socket, &event);
}

void Watch::end(uint64_t connection) {
  Lock lock(mutex);
  Connection &c = connections[connection];
  if (c.isWaiting)
    epoll_ctl(events, EPOLL_CTL_DEL, c.socket, nullptr);
  c.isWaiting = false;
  c.exchange = nullptr;
  c.since = Clock::now();
}

//===----------------------------------------------------------------------===//
// The thread
//===----------------------------------------------------------------------===//

void Watch::leave(uint64_t connection) {
  std::shared_ptr<Exchange> exchange;
  {
    Lock lock(mutex);
    auto found = connections.find(connection);
    if (found != connections.end())
      exchange = found->second.exchange;
  }
  if (exchange)
    exchange->leave();
}

void Watch::leaveAll() {
  std::vector<std::shared_ptr<Exchange>> all;
  {
    Lock lock(mutex);
    for (auto &[number, c] : connections)
      if (c.exchange)
        all.push_back(c.exchange);
  }
  for (const std::shared_ptr<Exchange> &exchange : all)
    exchange->leave();
}

void Watch::checkTimes() {
  std::vector<std::shared_ptr<Exchange>> late;
  Clock::time_point now = Clock::now();
  {
    Lock lock(mutex);
    for (auto &[number, c] : connections) {
      if (c.isWaiting && c.exchange && now - c.exchange->began > request)
        late.push_back(c.exchange);
      // No request came, not the whole of one, or its answer is not taken.
      auto limit = c.isWaiting ? request + 2 * idle : idle;
      if (!c.isCut && now - c.since > limit) {
        c.isCut = true;
        ::shutdown(c.socket, SHUT_RDWR);
      }
    }
  }
  ApiError error = {503,
                    "the request took longer than the " +
                        std::to_string(request.count()) +
                        " seconds that this server allows",
                    "", "timeout"};
  for (const std::shared_ptr<Exchange> &exchange : late)
    exchange->leave(&error);
}

void Watch::run() {
  Clock::time_point next = Clock::now();
  for (;;) {
    epoll_event found[64];
    int count = epoll_wait(events, found, 64, 250);
    for (int i = 0; i < count; ++i) {
      if (found[i].data.u64 == 0)
        return;
      leave(found[i].data.u64);
    }
    if (Clock::now() < next)
      continue;
    next = Clock::now() + std::chrono::milliseconds(250);
    checkTimes();
  }
}
