//===- KernelJit.h - Run lowered kernels in a test --------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernel operations in buffer form, written as text, through
// convert-tern-to-kernels and the LLVM lowering into this process.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_UNIT_KERNELS_KERNELJIT_H
#define TERN_TEST_UNIT_KERNELS_KERNELJIT_H

#include "mlir/ExecutionEngine/ExecutionEngine.h"
#include "mlir/IR/MLIRContext.h"

#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace tern {

/// A machine to compile for: a `#tern.target` and the LLVM CPU that runs it.
struct JitTarget {
  std::string name;
  std::string attr; ///< text of the attribute
  std::string cpu;
  std::string features; ///< "+avx512vnni", or empty
};

/// GoogleTest's name of a case.
inline void PrintTo(const JitTarget &target, std::ostream *os) {
  *os << target.name;
}

/// Generic, and whatever of AVX2 and AVX-512 with VNNI this machine has.
std::vector<JitTarget> getJitTargets();

class JitModule {
public:
  /// Functions of `body` become callable. A function may take a
  /// `!tern.kv_cache` and, last, a `memref<?xindex>` with the address of each
  /// token's state; what is called has no cache argument. Null, and a test
  /// failure, if something does not compile.
  static std::unique_ptr<JitModule> compile(const std::string &body,
                                            const JitTarget &target);

  /// Arguments are pointers to StridedMemRefType, or integers.
  template <typename... Args>
  void call(const std::string &function, Args... args) {
    auto run =
        reinterpret_cast<void (*)(Args...)>(find("_mlir_ciface_" + function));
    if (run)
      run(args...);
  }

private:
  void *find(const std::string &function);

  std::unique_ptr<mlir::MLIRContext> context;
  std::unique_ptr<mlir::ExecutionEngine> engine;
};

/// A row-major matrix of `rows` x `columns` whose rows lie `stride` elements
/// apart, and its descriptor.
template <typename T> struct Matrix {
  struct Descriptor {
    T *allocated, *aligned;
    int64_t offset, sizes[2], strides[2];
  };
  Matrix(int64_t rows, int64_t columns, T fill = T(), int64_t stride = 0)
      : rows(rows), columns(columns), stride(stride ? stride : columns),
        data(rows * this->stride, fill) {}
  T &at(int64_t row, int64_t column) { return data[row * stride + column]; }
  const T *row(int64_t r) const { return data.data() + r * stride; }
  Descriptor *get() {
    descriptor = {data.data(), data.data(), 0, {rows, columns}, {stride, 1}};
    return &descriptor;
  }
  int64_t rows, columns, stride;
  std::vector<T> data;
  Descriptor descriptor;
};

template <typename T> struct Vector {
  struct Descriptor {
    T *allocated, *aligned;
    int64_t offset, sizes[1], strides[1];
  };
  explicit Vector(int64_t n, T fill = T()) : data(n, fill) {}
  Descriptor *get() {
    descriptor = {data.data(), data.data(), 0, {int64_t(data.size())}, {1}};
    return &descriptor;
  }
  std::vector<T> data;
  Descriptor descriptor;
};

} // namespace tern

#endif // TERN_TEST_UNIT_KERNELS_KERNELJIT_H
