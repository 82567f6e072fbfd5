//===- tern/Packing/TernaryGroups.h - Digits that are floats ----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Some files hold each product of a digit and its scale as a float. Digits and
// scales are told apart again by the magnitudes in each group of columns.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_PACKING_TERNARYGROUPS_H
#define TERN_PACKING_TERNARYGROUPS_H

#include <cstdint>

namespace tern {

enum class FloatWord : uint8_t { F16, BF16, F32 };

/// Why a group has no digits and one scale.
struct GroupVerdict {
  enum Problem {
    None,
    NotTernary, ///< two magnitudes, `first` and `second`
    NotFinite,  ///< `first`
  } problem = None;
  int64_t row = 0, column = 0; ///< of the group's first value
  float first = 0, second = 0;
};

/// Takes values of `rows` rows apart, little endian and at any address: each
/// `width` adjacent ones of a row are -a, 0 or a. Writes the digits, unless
/// `digits` is null, and each group's a, row after row; 0 where all values are.
///
/// In float16 the magnitudes of a group may be two neighbouring numbers, as in
/// files whose writer rounded the two signs apart. The more frequent one is the
/// scale then; of equally many the larger one, as writers of blocks take the
/// largest magnitude. `inexact` counts such groups.
GroupVerdict recoverGroups(FloatWord word, const uint8_t *values, int64_t rows,
                           int64_t columns, int64_t width, int8_t *digits,
                           float *scales, int64_t &inexact);

} // namespace tern

#endif // TERN_PACKING_TERNARYGROUPS_H
