//===- Page.h - The chat in a browser ---------------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_SERVER_PAGE_H
#define TERN_LIB_SERVER_PAGE_H

#include <cstddef>

namespace tern::server {

/// A file of lib/Server/page, which CMake puts here.
struct PageFile {
  const char *type;
  const unsigned char *data;
  size_t bytes;
};

extern const PageFile pageHtml, pageCss, pageJs;

} // namespace tern::server

#endif // TERN_LIB_SERVER_PAGE_H
