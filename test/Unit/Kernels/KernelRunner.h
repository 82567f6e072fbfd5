//===- KernelRunner.h - Run kernels in this process -------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compiles modules of kernel operations, in buffer form or of products on
// tensors in between buffers, for one target and calls their functions with
// memory that faults when read or written past its end.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_UNIT_KERNELS_KERNELRUNNER_H
#define TERN_TEST_UNIT_KERNELS_KERNELRUNNER_H

#include "mlir/ExecutionEngine/ExecutionEngine.h"
#include "mlir/IR/MLIRContext.h"

#include <array>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <sys/mman.h>
#include <type_traits>
#include <vector>

namespace tern::test {

/// An entry of the tests' table of machines.
struct Machine {
  const char *name;
  const char *cpu;
  /// LLVM's features; the host must have them for `isHere`.
  std::vector<std::string> features;
  /// Whose kernels it gets, of which this machine makes its code; the host's if
  /// null.
  const char *triple = nullptr;

  bool isHere() const;
  std::string featureString() const; ///< "+a,+b"
  std::string attribute() const;     ///< #tern.target<...>
};

/// Generic, then those of the x86 table, from AVX2 up.
const std::vector<Machine> &machines();
/// And one without vectors, of whose kernels this machine makes its code.
std::vector<Machine> rowMachines();

/// Bytes that end where a page begins that may not be touched.
class GuardedMemory {
public:
  explicit GuardedMemory(size_t bytes);
  ~GuardedMemory();
  GuardedMemory(const GuardedMemory &) = delete;
  void *get() const { return data; }

private:
  void *pages;
  size_t length;
  void *data;
};

/// rows x columns, `stride` elements apart, as a memref argument.
template <typename T> class Matrix {
public:
  Matrix(int64_t rows, int64_t columns, int64_t stride)
      : memory(sizeof(T) * ((rows - 1) * stride + columns)),
        descriptor{data(), data(), 0, {rows, columns}, {stride, 1}},
        count((rows - 1) * stride + columns), stride(stride) {}
  Matrix(int64_t rows, int64_t columns) : Matrix(rows, columns, columns) {}

  T *data() const { return static_cast<T *>(memory.get()); }
  T &at(int64_t row, int64_t column) { return data()[row * stride + column]; }
  int64_t size() const { return count; }
  void fill(T value) { std::fill(data(), data() + count, value); }
  void *argument() { return &descriptor; }

private:
  GuardedMemory memory;
  struct {
    T *allocated, *aligned;
    int64_t offset, sizes[2], strides[2];
  } descriptor;
  int64_t count, stride;
};

/// The bytes of a weight as the grid of tiles that products take.
class Grid {
public:
  explicit Grid(std::array<int64_t, 3> shape)
      : count(shape[0] * shape[1] * shape[2]),
        memory(count), descriptor{data(),
                                  data(),
                                  0,
                                  {shape[0], shape[1], shape[2]},
                                  {shape[1] * shape[2], shape[2], 1}} {}

  uint8_t *data() const { return static_cast<uint8_t *>(memory.get()); }
  void *argument() { return &descriptor; }

private:
  int64_t count;
  GuardedMemory memory;
  struct {
    uint8_t *allocated, *aligned;
    int64_t offset, sizes[3], strides[3];
  } descriptor;
};

template <typename T> class Vector {
public:
  explicit Vector(int64_t size)
      : memory(sizeof(T) * size), descriptor{data(), data(), 0, size, 1} {}

  T *data() const { return static_cast<T *>(memory.get()); }
  T &operator[](int64_t i) { return data()[i]; }
  void *argument() { return &descriptor; }

private:
  GuardedMemory memory;
  struct {
    T *allocated, *aligned;
    int64_t offset, size, stride;
  } descriptor;
};

/// How products on tensors are computed.
enum class Strategies {
  OfTarget, ///< loops around the target's micro kernels
  None,     ///< portable loops
};

/// A machine and how products are computed on it.
struct ProductSetting {
  std::string name;
  Machine machine;
  Strategies strategies;
};
inline void PrintTo(const ProductSetting &setting, std::ostream *os) {
  *os << setting.name;
}

/// All machines with their strategies, and Generic without: "Portable".
std::vector<ProductSetting> productSettings();

/// Text that makes `%tensor` of the buffer `%buffer` of type `memref`. One that
/// is `written` is where a product's result goes.
std::string tensorOf(const std::string &tensor, const std::string &buffer,
                     const std::string &memref, bool written = false);

/// `memref` without its strides, as a tensor.
std::string tensorType(const std::string &memref);

/// Text that puts `%tensor` where a written buffer's tensor came from.
std::string intoBuffer(const std::string &tensor, const std::string &buffer,
                       const std::string &memref);

/// A compiled module. Its functions are called with arguments of memrefs; what
/// tern.count_read counts is added to `held` and `read`.
class CompiledModule {
public:
  /// `functions` is the text of func.func operations. Fails the test and
  /// returns null if they do not compile.
  static std::unique_ptr<CompiledModule>
  compile(const Machine &machine, const std::string &functions,
          Strategies strategies = Strategies::OfTarget);

  template <typename... Arguments>
  void call(const std::string &name, Arguments *...arguments) {
    using Function = void (*)(std::enable_if_t<true, Arguments *>..., void *);
    counters[0] = counters[1] = 0;
    reinterpret_cast<Function>(address(name))(arguments...,
                                              counters.argument());
  }
  /// Products that the target's strategies left to portable loops.
  int64_t portableProducts() const { return numPortable; }
  int64_t held() { return counters[0]; }
  int64_t read() { return counters[1]; }

private:
  CompiledModule();
  void *address(const std::string &name);

  std::unique_ptr<mlir::MLIRContext> context;
  std::unique_ptr<mlir::ExecutionEngine> engine;
  Vector<int64_t> counters{2};
  int64_t numPortable = 0;
};

} // namespace tern::test

#endif // TERN_TEST_UNIT_KERNELS_KERNELRUNNER_H
