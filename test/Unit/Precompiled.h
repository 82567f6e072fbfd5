//===- Precompiled.h - Headers of most unit tests ---------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compiled once for all unit tests; see tern/Precompiled.h.
//
//===----------------------------------------------------------------------===//

#include "llvm/Config/llvm-config.h"
// Or functions that print, and need MLIR, are in every object.
#undef LLVM_ENABLE_DUMP

#include "tern/PrecompiledJson.h"

#include "tern/Precompiled.h"

#include "gtest/gtest.h"

#include <filesystem>
#include <fstream>
#include <sstream>
