//===- Fuzzing.h - What all fuzz targets share ------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_FUZZ_FUZZING_H
#define TERN_TEST_FUZZ_FUZZING_H

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

extern "C" {
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/// libFuzzer's own way of changing an input, for custom mutators.
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);
}

namespace tern {

/// Checks a reader's promise; a broken promise is a finding.
inline void require(bool holds, const char *promise) {
  if (holds)
    return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

/// Takes the text up to the next NUL from an input of several texts.
inline std::string takeText(const uint8_t *&data, size_t &size) {
  std::string text;
  while (size && *data) {
    text += static_cast<char>(*data++);
    --size;
  }
  if (size) {
    ++data;
    --size;
  }
  return text;
}

} // namespace tern

#endif // TERN_TEST_FUZZ_FUZZING_H
