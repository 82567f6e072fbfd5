//===- LostFiles.h - Files that become shorter while mapped -----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_LOSTFILES_H
#define TERN_TOOLS_LOSTFILES_H

namespace tern {

/// From here on, reading behind the end of a mapped file ends the process with
/// a sentence that names the file and status 1, not with SIGBUS; nothing
/// unfinished stays. A limit on the size of files is an error of writing, not
/// SIGXFSZ.
void catchLostFiles();

/// Removes outputs that were not committed and temporary directories; for the
/// end without destructors.
void removeUnfinishedFiles();

} // namespace tern

#endif // TERN_TOOLS_LOSTFILES_H
