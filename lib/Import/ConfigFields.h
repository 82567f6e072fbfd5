//===- lib/Import/ConfigFields.h - Fields that are not computed *- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_IMPORT_CONFIGFIELDS_H
#define TERN_LIB_IMPORT_CONFIGFIELDS_H

#include "Json.h"
#include "tern/Import/ModelConfig.h"

namespace tern {

/// Reads the fields of config.json that the model's sizes and schemes do not
/// need: those that change nothing, those that must have the value which
/// changes nothing, and those that say once more what another field says.
/// Fields about generation become warnings of `config`.
void readOtherFields(JsonFields &fields, ModelConfig &config);

} // namespace tern

#endif // TERN_LIB_IMPORT_CONFIGFIELDS_H
