//===- ProgramImage.h - Room for an artifact in a program -------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_ARTIFACT_PROGRAMIMAGE_H
#define TERN_LIB_ARTIFACT_PROGRAMIMAGE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>

namespace tern {

/// A linked program in ELF, changed so that the bytes behind it are part of it.
///
/// The program header that the linker made for the section `.note.tern` becomes
/// one of type TERN_SEGMENT_TYPE that covers the artifact. A section `.tern` is
/// added for the same bytes: tools that strip keep what a segment or a section
/// holds and drop the rest, and move both alike.
struct ProgramImage {
  /// `artifactBytes` are to lie behind `program`. An error if the linker made
  /// no header for the note.
  static llvm::Expected<ProgramImage> create(llvm::StringRef program,
                                             uint64_t artifactBytes);

  std::string program;
  uint64_t artifactOffset; ///< a multiple of TERN_ARTIFACT_ALIGNMENT
  std::string sectionTable;
  uint64_t sectionTableOffset; ///< behind the artifact
};

} // namespace tern

#endif // TERN_LIB_ARTIFACT_PROGRAMIMAGE_H
