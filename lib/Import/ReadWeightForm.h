//===- lib/Import/ReadWeightForm.h - How weights are stored -----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_IMPORT_READWEIGHTFORM_H
#define TERN_LIB_IMPORT_READWEIGHTFORM_H

#include "Json.h"
#include "tern/Import/ModelConfig.h"

namespace tern {

/// Finds the form in `quantization_config` or MLX's `quantization`. Without
/// them, weights are masters in a BitNet, and products in any other family,
/// which is known by now.
llvm::Error readWeightForm(JsonFields &fields, llvm::StringRef file,
                           ModelConfig &config);

/// Refuses sizes that the form cannot hold.
void checkWeightShapes(JsonFields &fields, const ModelConfig &config);

} // namespace tern

#endif // TERN_LIB_IMPORT_READWEIGHTFORM_H
