//===- Export.h - Functions of the library
//----------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_DEVICE_EXPORT_H
#define TERN_TEST_DEVICE_EXPORT_H

#include "cuda.h"

/// Declared as the runtime declares them, so that types cannot differ.
#define DECLARE(name, parameters)                                              \
  extern "C" __attribute__((visibility("default"))) cuda_result name parameters;
CUDA_FUNCTIONS(DECLARE)
#undef DECLARE

#define EXPORTED cuda_result

#endif // TERN_TEST_DEVICE_EXPORT_H
