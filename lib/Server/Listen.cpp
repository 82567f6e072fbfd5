//===- Listen.cpp - A socket to listen at ---------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Listen.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

using namespace tern::server;

static uint16_t portOf(int socket) {
  sockaddr_storage address = {};
  socklen_t bytes = sizeof address;
  getsockname(socket, reinterpret_cast<sockaddr *>(&address), &bytes);
  // Both kinds have the port at the same place.
  return ntohs(reinterpret_cast<sockaddr_in *>(&address)->sin_port);
}

static int listenAt(const addrinfo &address) {
  int socket = ::socket(address.ai_family,
                        SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int yes = 1;
  if (socket < 0)
    return -1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(socket, address.ai_addr, address.ai_addrlen) == 0 &&
      listen(socket, SOMAXCONN) == 0)
    return socket;
  int code = errno;
  close(socket);
  errno = code;
  return -1;
}

int tern::server::listenAt(const std::string &host, uint16_t port,
                           uint16_t &got, bool &isIpv6, std::string &error) {
  addrinfo hints = {}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  std::string where =
      "cannot listen at " + host + ", port " + std::to_string(port) + ": ";
  if (int code = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints,
                             &found)) {
    error = where + gai_strerror(code);
    return -1;
  }
  int socket = -1;
  for (addrinfo *one = found; one && socket < 0; one = one->ai_next) {
    socket = ::listenAt(*one);
    isIpv6 = one->ai_family == AF_INET6;
  }
  if (socket < 0)
    error = where + std::strerror(errno) +
            (errno == EADDRINUSE ? "; --port takes another one, 0 any" : "");
  else
    got = portOf(socket);
  freeaddrinfo(found);
  return socket;
}
