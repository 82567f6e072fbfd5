//===- Interrupt.h - Ends of tern by a signal -------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_TERN_INTERRUPT_H
#define TERN_TOOLS_TERN_INTERRUPT_H

namespace tern {

/// From here on SIGINT, SIGTERM and SIGHUP end tern at once: programs that it
/// runs get SIGTERM, temporary files are removed, one line on stderr says so,
/// the status is 128 + the number. To be called first: handlers that are set
/// later run before this one.
void catchInterrupts();

/// From here on tern also ends, as by SIGTERM, when the pipe that is its
/// standard output has no reader any more: who waits for a compilation may be
/// killed, and then nobody else would end it.
void endWithReader();

} // namespace tern

#endif // TERN_TOOLS_TERN_INTERRUPT_H
