//===- Listen.h - A socket to listen at -------------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_SERVER_LISTEN_H
#define TERN_LIB_SERVER_LISTEN_H

#include <cstdint>
#include <string>

namespace tern::server {

/// A socket, and the port it got; -1 and a sentence if that is not possible.
int listenAt(const std::string &host, uint16_t port, uint16_t &got,
             bool &isIpv6, std::string &error);

} // namespace tern::server

#endif // TERN_LIB_SERVER_LISTEN_H
