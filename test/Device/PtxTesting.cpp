//===- PtxTesting.cpp - Kernels that tests write --------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PtxTesting.h"

#include <cstdio>
#include <cstdlib>
#include <unistd.h>

using namespace tern::ptx;

void Assembled::TearDown() {
  if (std::string(TERN_PTXAS).empty() || allKernels().empty())
    return;
  std::string path =
      testing::TempDir() + "/kernels" + std::to_string(getpid()) + ".ptx";
  FILE *file = std::fopen(path.c_str(), "w");
  ASSERT_TRUE(file);
  std::fputs(kHeader, file);
  for (const std::string &kernel : allKernels())
    std::fputs(kernel.c_str(), file);
  std::fclose(file);
  std::string command =
      TERN_PTXAS " -arch=sm_80 " + path + " -o " + path + ".cubin";
  EXPECT_EQ(std::system(command.c_str()), 0) << path;
  unlink((path + ".cubin").c_str());
  if (!testing::Test::HasFailure())
    unlink(path.c_str());
}

static testing::Environment *assembled =
    testing::AddGlobalTestEnvironment(new Assembled);
