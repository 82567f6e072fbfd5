//===- LoweredToBuffers.h - Functions on buffers for tests ------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_UNIT_CONVERSION_TERNTOLINALG_LOWEREDTOBUFFERS_H
#define TERN_TEST_UNIT_CONVERSION_TERNTOLINALG_LOWEREDTOBUFFERS_H

#include <string>

namespace tern::test {

/// Functions on tensors as the same functions on buffers, in text; tensors they
/// returned are further arguments.
std::string lowerToBuffers(const std::string &functions);

} // namespace tern::test

#endif // TERN_TEST_UNIT_CONVERSION_TERNTOLINALG_LOWEREDTOBUFFERS_H
