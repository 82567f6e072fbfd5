//===- Integers.cpp - Arithmetic of integers
//--------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Simple.h"

#include <limits>

using namespace tern::ptx;

namespace {

/// Wraps around, and is not promoted to a signed int.
template <class T>
using Wrapping =
    std::conditional_t<sizeof(T) < 4, uint32_t, std::make_unsigned_t<T>>;

template <class T>
using Twice = std::conditional_t<
    sizeof(T) == 2, std::conditional_t<std::is_signed_v<T>, int32_t, uint32_t>,
    std::conditional_t<
        sizeof(T) == 4,
        std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>,
        std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>>>;

template <class T> T wrap(Wrapping<T> value) { return T(value); }

struct Add {
  template <class T> T operator()(T a, T b) const {
    return wrap<T>(Wrapping<T>(a) + Wrapping<T>(b));
  }
};
struct AddSaturated {
  int32_t operator()(int32_t a, int32_t b) const {
    int64_t sum = int64_t(a) + b;
    return int32_t(sum > INT32_MAX   ? INT32_MAX
                   : sum < INT32_MIN ? INT32_MIN
                                     : sum);
  }
};
struct Subtract {
  template <class T> T operator()(T a, T b) const {
    return wrap<T>(Wrapping<T>(a) - Wrapping<T>(b));
  }
};
struct SubtractSaturated {
  int32_t operator()(int32_t a, int32_t b) const {
    int64_t sum = int64_t(a) - b;
    return int32_t(sum > INT32_MAX   ? INT32_MAX
                   : sum < INT32_MIN ? INT32_MIN
                                     : sum);
  }
};
struct MultiplyLow {
  template <class T> T operator()(T a, T b) const {
    return wrap<T>(Wrapping<T>(a) * Wrapping<T>(b));
  }
};
struct MultiplyHigh {
  template <class T> T operator()(T a, T b) const {
    return T(Twice<T>(Twice<T>(a) * b) >> (8 * sizeof(T)));
  }
};
struct MultiplyWide {
  template <class T> Twice<T> operator()(T a, T b) const {
    return Twice<T>(a) * Twice<T>(b);
  }
};
struct MultiplyAdd {
  template <class T> T operator()(T a, T b, T c) const {
    return Add()(MultiplyLow()(a, b), c);
  }
};
struct MultiplyHighAdd {
  template <class T> T operator()(T a, T b, T c) const {
    return Add()(MultiplyHigh()(a, b), c);
  }
};
/// Lanes that are off may divide by zero, or pass the range.
template <class T> bool cannotDivide(T a, T b) {
  return b == 0 || (std::is_signed_v<T> && a == std::numeric_limits<T>::min() &&
                    b == T(-1));
}
struct Divide {
  template <class T> T operator()(T a, T b) const {
    return cannotDivide(a, b) ? a : T(a / b);
  }
};
struct Remainder {
  template <class T> T operator()(T a, T b) const {
    return cannotDivide(a, b) ? T(0) : T(a % b);
  }
};
struct Minimum {
  template <class T> T operator()(T a, T b) const { return b < a ? b : a; }
};
struct Maximum {
  template <class T> T operator()(T a, T b) const { return b > a ? b : a; }
};
struct Absolute {
  template <class T> T operator()(T a) const {
    return a < 0 ? Subtract()(T(0), a) : a;
  }
};
struct Negate {
  template <class T> T operator()(T a) const { return Subtract()(T(0), a); }
};

/// Two of 16 bits in a register.
template <class F, class T> struct Pairwise {
  uint32_t operator()(uint32_t a, uint32_t b) const {
    uint16_t low = uint16_t(F()(T(uint16_t(a)), T(uint16_t(b))));
    uint16_t high = uint16_t(F()(T(uint16_t(a >> 16)), T(uint16_t(b >> 16))));
    return uint32_t(high) << 16 | low;
  }
};

template <class F> void decodePairs(Decoding &d) {
  d.takeType();
  d.expectArguments(3);
  for (unsigned i = 0; i < 3; ++i)
    d.in.ops[i] =
        i == 0 ? d.destination(d.argument(i), 32) : d.source(d.argument(i), 32);
  d.in.run = lanewise<F, uint32_t, 2>;
}

/// Of the types that all of arithmetic is of.
template <class F, unsigned N> void decodeInteger(Decoding &d) {
  if (d.has("u16x2"))
    if constexpr (N == 2)
      return decodePairs<Pairwise<F, uint16_t>>(d);
  if (d.has("s16x2"))
    if constexpr (N == 2)
      return decodePairs<Pairwise<F, int16_t>>(d);
  decodeSimple<F, N, uint16_t, int16_t, uint32_t, int32_t, uint64_t, int64_t>(
      d);
}

template <class F, class Saturated> void decodeSum(Decoding &d) {
  if (d.takeIf("sat"))
    decodeSimple<Saturated, 2, int32_t>(d);
  else
    decodeInteger<F, 2>(d);
}

template <class F> void decodeSigned(Decoding &d) {
  decodeSimple<F, 1, int16_t, int32_t, int64_t>(d);
}

/// The answer of a division by zero is of one machine.
template <class F, class T>
void divide(Warp &warp, const Instruction &in, uint32_t on) {
  const Stored<T> *divisors = lanes<Stored<T>>(warp, in.ops[2]);
  for (unsigned lane = 0; lane < kLanes; ++lane)
    if ((on >> lane & 1) && divisors[lane] == 0)
      throw Fault("a division by zero");
  lanewise<F, T, 2>(warp, in, on);
}

template <class F> void decodeDivision(Decoding &d) {
  decodeInteger<F, 2>(d);
  Type type = d.in.type;
  bool isSigned = type.kind == Kind::Signed;
  d.in.run =
      type.bits == 16   ? isSigned ? divide<F, int16_t> : divide<F, uint16_t>
        : type.bits == 32 ? isSigned ? divide<F, int32_t> : divide<F, uint32_t>
        : isSigned ? divide<F, int64_t>
                        : divide<F, uint64_t>;
}

/// Sources of the type, the result and what is added of twice its bits.
template <class F, class T, bool hasSum>
void multiplyWide(Warp &warp, const Instruction &in, uint32_t on) {
  using W = Twice<T>;
  const Stored<T> *a = lanes<Stored<T>>(warp, in.ops[1]);
  const Stored<T> *b = lanes<Stored<T>>(warp, in.ops[2]);
  uint32_t known =
      warp.defined[in.ops[1].index] & warp.defined[in.ops[2].index];
  Stored<W> result[kLanes];
  for (unsigned lane = 0; lane < kLanes; ++lane)
    result[lane] =
        toStored(F()(fromStored<T>(a[lane]), fromStored<T>(b[lane])));
  if constexpr (hasSum) {
    const Stored<W> *c = lanes<Stored<W>>(warp, in.ops[3]);
    known &= warp.defined[in.ops[3].index];
    for (unsigned lane = 0; lane < kLanes; ++lane)
      result[lane] += c[lane];
  }
  commit(warp, in.ops[0], result, on, known);
}

template <bool hasSum> void decodeWide(Decoding &d) {
  Type type = d.takeType();
  d.expectArguments(hasSum ? 4 : 3);
  d.in.ops[0] = d.destination(d.argument(0), 2 * type.bits);
  d.in.ops[1] = d.source(d.argument(1), type.bits);
  d.in.ops[2] = d.source(d.argument(2), type.bits);
  if (hasSum)
    d.in.ops[3] = d.source(d.argument(3), 2 * type.bits);
  bool isSigned = type.kind == Kind::Signed;
  if (type.bits == 16)
    d.in.run = isSigned ? multiplyWide<MultiplyWide, int16_t, hasSum>
                        : multiplyWide<MultiplyWide, uint16_t, hasSum>;
  else if (type.bits == 32)
    d.in.run = isSigned ? multiplyWide<MultiplyWide, int32_t, hasSum>
                        : multiplyWide<MultiplyWide, uint32_t, hasSum>;
}

void decodeMultiply(Decoding &d) {
  if (d.takeIf("wide"))
    return decodeWide<false>(d);
  if (d.takeIf("hi"))
    return decodeInteger<MultiplyHigh, 2>(d);
  d.expect("lo");
  decodeInteger<MultiplyLow, 2>(d);
}

void decodeMultiplyAdd(Decoding &d) {
  if (d.takeIf("wide"))
    return decodeWide<true>(d);
  if (d.takeIf("hi"))
    return decodeInteger<MultiplyHighAdd, 3>(d);
  d.expect("lo");
  decodeInteger<MultiplyAdd, 3>(d);
}

} // namespace

void tern::ptx::addIntegers(Decoders &decoders) {
  decoders["add"] = decodeSum<Add, AddSaturated>;
  decoders["sub"] = decodeSum<Subtract, SubtractSaturated>;
  decoders["mul"] = decodeMultiply;
  decoders["mad"] = decodeMultiplyAdd;
  decoders["div"] = decodeDivision<Divide>;
  decoders["rem"] = decodeDivision<Remainder>;
  decoders["min"] = decodeInteger<Minimum, 2>;
  decoders["max"] = decodeInteger<Maximum, 2>;
  decoders["abs"] = decodeSigned<Absolute>;
  decoders["neg"] = decodeSigned<Negate>;
}
