//===- Lanes.h - Values of the lanes of a warp ------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Instructions compute all 32 lanes, and those that are on keep the result. A
// lane of a register is defined if all was that it was computed of.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_DEVICE_LANES_H
#define TERN_TEST_DEVICE_LANES_H

#include "Machine.h"

#include <cmath>
#include <cstring>
#include <type_traits>

namespace tern::ptx {

/// How a lane's T lies in a register.
template <class T>
using Stored = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

template <class S> const S *lanes(const Warp &warp, const Operand &operand) {
  return reinterpret_cast<const S *>(warp.bases[operand.isConstant] +
                                     operand.offset);
}

template <class T> T fromStored(Stored<T> bits) {
  T value;
  std::memcpy(&value, &bits, sizeof(value)); // x86 is little endian
  return value;
}

template <class T> Stored<T> toStored(T value) {
  Stored<T> bits = 0;
  std::memcpy(&bits, &value, sizeof(value));
  return bits;
}

/// Vectors of two are packed into registers half by half, some of them never.
inline void defineHalves(Warp &warp, const Operand &operand, uint32_t on,
                         uint32_t low, uint32_t high) {
  if (operand.bits == 0)
    return;
  auto set = [&](uint32_t &mask, uint32_t known) {
    mask = (mask & ~on) | (on & known);
  };
  set(warp.defined[operand.index], low & high);
  set(warp.definedLow[operand.index], low);
  set(warp.definedHigh[operand.index], high);
}

inline void define(Warp &warp, const Operand &operand, uint32_t on,
                   uint32_t known) {
  defineHalves(warp, operand, on, known, known);
}

/// Writes the lanes that are on.
template <class S>
void commit(Warp &warp, const Operand &operand, const S *values, uint32_t on,
            uint32_t known) {
  if (operand.bits == 0)
    return;
  S *to = reinterpret_cast<S *>(
      reinterpret_cast<uint8_t *>(warp.registers.data()) + operand.offset);
  if (on == kAllLanes) {
    std::memcpy(to, values, sizeof(S) * kLanes);
  } else {
    for (unsigned lane = 0; lane < kLanes; ++lane)
      to[lane] = on >> lane & 1 ? values[lane] : to[lane];
  }
  define(warp, operand, on, known);
}

/// The same into a register of whatever width.
inline void commitWide(Warp &warp, const Operand &operand,
                       const uint64_t *values, uint32_t on, uint32_t known) {
  if (operand.bits == 64)
    return commit(warp, operand, values, on, known);
  uint32_t narrow[kLanes];
  uint32_t mask = operand.bits == 16 ? 0xFFFF : ~0u;
  for (unsigned lane = 0; lane < kLanes; ++lane)
    narrow[lane] = uint32_t(values[lane]) & mask;
  commit(warp, operand, narrow, on, known);
}

inline void readWide(const Warp &warp, const Operand &operand,
                     uint64_t *values) {
  if (operand.bits == 64) {
    std::memcpy(values, lanes<uint64_t>(warp, operand),
                sizeof(uint64_t) * kLanes);
    return;
  }
  const uint32_t *from = lanes<uint32_t>(warp, operand);
  for (unsigned lane = 0; lane < kLanes; ++lane)
    values[lane] = from[lane];
}

/// A predicate's lanes as bits.
inline uint32_t bitsOf(const Warp &warp, const Operand &operand) {
  uint32_t bits = *lanes<uint32_t>(warp, operand);
  return operand.isNegated ? ~bits : bits;
}

inline void commitBits(Warp &warp, const Operand &operand, uint32_t bits,
                       uint32_t on, uint32_t known) {
  if (operand.bits == 0)
    return;
  auto *to = reinterpret_cast<uint32_t *>(
      reinterpret_cast<uint8_t *>(warp.registers.data()) + operand.offset);
  *to = (*to & ~on) | (bits & on);
  define(warp, operand, on, known);
}

inline void requireDefined(const Warp &warp, const Operand &operand,
                           uint32_t on, const char *name) {
  if (on & ~warp.defined[operand.index])
    throw Fault(std::string(name) + " was never set");
}

/// Arithmetic on a GPU answers with one NaN.
template <class T> T canonical(T value) { return value; }
inline float canonical(float value) {
  return value == value ? value : fromStored<float>(0x7FFFFFFF);
}
inline double canonical(double value) {
  return value == value ? value : fromStored<double>(0x7FFFFFFFFFFFFFFF);
}

/// ops[0] = F(ops[1], ...) of N sources, each of T.
template <class F, class T, unsigned N>
void lanewise(Warp &warp, const Instruction &in, uint32_t on) {
  const Stored<T> *source[3] = {nullptr, nullptr, nullptr};
  uint32_t known = kAllLanes;
  for (unsigned i = 0; i < N; ++i) {
    source[i] = lanes<Stored<T>>(warp, in.ops[i + 1]);
    known &= warp.defined[in.ops[i + 1].index];
  }
  auto get = [&](unsigned i, unsigned lane) {
    return fromStored<T>(source[i][lane]);
  };
  auto at = [&](unsigned lane) {
    if constexpr (N == 1)
      return F()(get(0, lane));
    else if constexpr (N == 2)
      return F()(get(0, lane), get(1, lane));
    else
      return F()(get(0, lane), get(1, lane), get(2, lane));
  };
  Stored<decltype(at(0))> result[kLanes];
  for (unsigned lane = 0; lane < kLanes; ++lane)
    result[lane] = toStored(at(lane));
  commit(warp, in.ops[0], result, on, known);
}

template <class T> constexpr Type typeOf() {
  return {std::is_floating_point_v<T> ? Kind::Float
          : std::is_signed_v<T>       ? Kind::Signed
                                      : Kind::Unsigned,
          sizeof(T) * 8, 1};
}

/// lanewise for the T that `type` is, bits as unsigned; NULL if it is none.
template <class F, unsigned N, class... Ts> Run pick(Type type) {
  if (type.kind == Kind::Bits)
    type.kind = Kind::Unsigned;
  Run run = nullptr;
  ((type == typeOf<Ts>() ? void(run = lanewise<F, Ts, N>) : void()), ...);
  return run;
}

} // namespace tern::ptx

#endif // TERN_TEST_DEVICE_LANES_H
