//===- ProductCall.h - Calls of products alone ------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TUNING_PRODUCTCALL_H
#define TERN_LIB_TUNING_PRODUCTCALL_H

#include "tern/Tuning/ProductLibrary.h"

#include <vector>

namespace tern {

/// A memref of up to three dimensions, as functions take it.
struct Descriptor {
  Descriptor(void *data, std::initializer_list<int64_t> shape)
      : allocated(data), aligned(data) {
    int64_t stride = 1;
    int64_t rank = shape.size(), i = rank;
    for (const int64_t *size = shape.end(); size != shape.begin();) {
      --size;
      --i;
      numbers[i] = *size;
      numbers[rank + i] = stride;
      stride *= *size;
    }
  }
  void point(void *data) { allocated = aligned = data; }

  void *allocated, *aligned;
  int64_t offset = 0;
  int64_t numbers[6] = {}; ///< sizes, then strides
};

/// The operands of products of one shape, as matrices.
struct ProductOperands {
  explicit ProductOperands(const ProductShape &shape);

  int64_t rows, columns, tokens;
  std::vector<int8_t> weight, codes;
  std::vector<float> scales;  ///< [rows][groups], which 16 bits hold
  std::vector<float> factors; ///< [tokens][groups]
  std::vector<int32_t> rowList, columnList; ///< ends with zeros
  int32_t rowCount = 0, columnCount = 0;
};

/// Those of one way to compute it, and the result.
class ProductCall {
public:
  ProductCall(const ProductShape &shape, const Strategy &strategy,
              const ProductOperands &operands);
  /// Descriptors lead to fields of it.
  ProductCall(const ProductCall &) = delete;

  /// With the weight at `bytes`.
  void run(ProductLibrary::Function function, const uint8_t *bytes) {
    weight.point(const_cast<uint8_t *>(bytes));
    function(&codes, &weight, &rowList, &rowCount, &columnList, &columnCount,
             &scales, &factors, &result);
  }
  /// Bits of the results without rows of padding; rows that nobody computes
  /// have kept theirs.
  std::vector<int32_t> getResults(const ProductShape &shape) const;

private:
  static int64_t getWidth(const ProductShape &shape, const Strategy &strategy);
  static Descriptor describeWeight(const ProductShape &shape,
                                   const Strategy &strategy);

  int64_t resultWidth;
  std::vector<int8_t> paddedCodes;
  std::vector<int32_t> resultBits;
  std::vector<int32_t> lists[2];
  std::vector<uint8_t> scaleBytes;
  std::vector<float> factorValues;
  int32_t counts[2];
  Descriptor codes, weight, rowList, rowCount, columnList, columnCount, scales,
      factors, result;
};

} // namespace tern

#endif // TERN_LIB_TUNING_PRODUCTCALL_H
