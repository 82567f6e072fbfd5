//===- CheckpointTesting.h - Edited checkpoints -----------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_UNIT_IMPORT_CHECKPOINTTESTING_H
#define TERN_TEST_UNIT_IMPORT_CHECKPOINTTESTING_H

#include "TinyCheckpoint.h"

#include "tern/Import/Checkpoint.h"

#include "gtest/gtest.h"

namespace tern {

/// All that is refused in a directory; "" if it opens.
inline std::string openVerdict(const std::string &directory) {
  auto opened = Checkpoint::open(directory);
  return opened ? "" : llvm::toString(opened.takeError());
}

inline std::string verdict(const TinyCheckpoint &tiny) {
  return openVerdict(tiny.write());
}

inline void expectRefusal(void (*edit)(TinyCheckpoint &),
                          const std::string &part) {
  TinyCheckpoint tiny;
  edit(tiny);
  std::string message = verdict(tiny);
  EXPECT_TRUE(isRefusal(message, tiny.directory.str())) << message;
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

inline std::unique_ptr<Checkpoint> open(const TinyCheckpoint &tiny) {
  auto opened = Checkpoint::open(tiny.write());
  if (!opened) {
    ADD_FAILURE() << llvm::toString(opened.takeError());
    return nullptr;
  }
  return std::move(*opened);
}

} // namespace tern

#endif // TERN_TEST_UNIT_IMPORT_CHECKPOINTTESTING_H
