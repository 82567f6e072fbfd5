//===- InspectText.h - tern inspect of tokenizers and chat ------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_INSPECTTEXT_H
#define TERN_TOOLS_INSPECTTEXT_H

#include "Report.h"

#include "tern/Driver/TextSections.h"
#include "tern/host.h"

namespace tern {

/// Says what an artifact holds besides weights: its tokenizer, where texts
/// begin and end, how tokens are chosen, whether it can chat.
void reportText(const tern_artifact &artifact, Report &report);

/// The same of what the artifact of a checkpoint would hold.
void reportText(const TextSections &sections, Report &report);

} // namespace tern

#endif // TERN_TOOLS_INSPECTTEXT_H
