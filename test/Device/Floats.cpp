//===- Floats.cpp - Arithmetic of floats
//------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Simple.h"

using namespace tern::ptx;

namespace {

struct Add {
  template <class T> T operator()(T a, T b) const { return canonical(a + b); }
};
struct Subtract {
  template <class T> T operator()(T a, T b) const { return canonical(a - b); }
};
struct Multiply {
  template <class T> T operator()(T a, T b) const { return canonical(a * b); }
};
struct Divide {
  template <class T> T operator()(T a, T b) const { return canonical(a / b); }
};
struct FusedMultiplyAdd {
  template <class T> T operator()(T a, T b, T c) const {
    return canonical(std::fma(a, b, c));
  }
};
struct Reciprocal {
  template <class T> T operator()(T a) const { return canonical(T(1) / a); }
};
struct SquareRoot {
  template <class T> T operator()(T a) const { return canonical(std::sqrt(a)); }
};

/// Both halves of registers of 64 bits, each F of those of N sources.
template <class F, unsigned N>
void pairwise(Warp &warp, const Instruction &in, uint32_t on) {
  uint32_t low = kAllLanes, high = kAllLanes;
  for (unsigned i = 1; i <= N; ++i) {
    low &= warp.definedLow[in.ops[i].index];
    high &= warp.definedHigh[in.ops[i].index];
  }
  uint64_t result[kLanes];
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    auto half = [&](unsigned shift) {
      float x[3];
      for (unsigned i = 0; i < N; ++i)
        x[i] = fromStored<float>(
            uint32_t(lanes<uint64_t>(warp, in.ops[i + 1])[lane] >> shift));
      if constexpr (N == 2)
        return uint64_t(toStored(F()(x[0], x[1]))) << shift;
      else
        return uint64_t(toStored(F()(x[0], x[1], x[2]))) << shift;
    };
    result[lane] = half(0) | half(32);
  }
  commit(warp, in.ops[0], result, on, low & high);
  defineHalves(warp, in.ops[0], on, low, high);
}

/// Floats, or pairs of them, rounded to nearest.
template <class F, unsigned N> void decodeArithmetic(Decoding &d) {
  if (!d.has("f32x2"))
    return decodeRounded<F, N>(d);
  d.expect("rn");
  d.in.type = d.takeType();
  d.expectArguments(N + 1);
  d.in.ops[0] = d.destination(d.argument(0), 64);
  for (unsigned i = 1; i <= N; ++i)
    d.in.ops[i] = d.source(d.argument(i), 64);
  d.in.run = pairwise<F, N>;
}

/// The other of a number and NaN, or NaN of both; -0 is less than 0.
template <bool wantsGreater, bool keepsNaN> struct Choose {
  template <class T> T operator()(T a, T b) const {
    if (a != a || b != b)
      return keepsNaN || (a != a && b != b)
                 ? canonical(std::numeric_limits<T>::quiet_NaN())
             : a != a ? b
                      : a;
    if (a == b)
      return std::signbit(a) == wantsGreater ? b : a;
    return (a < b) == wantsGreater ? b : a;
  }
};

template <bool wantsGreater> void decodeChoice(Decoding &d) {
  if (d.takeIf("NaN"))
    decodeSimple<Choose<wantsGreater, true>, 2, float, double>(d);
  else
    decodeSimple<Choose<wantsGreater, false>, 2, float, double>(d);
}

/// The sign alone, of NaN too.
template <bool flips> struct SetSign {
  template <class T> T operator()(T bits) const {
    T sign = T(T(1) << (8 * sizeof(T) - 1));
    return flips ? T(bits ^ sign) : T(bits & ~sign);
  }
};
template <bool flips> struct SetSigns {
  uint32_t operator()(uint32_t bits) const {
    return flips ? bits ^ 0x80008000 : bits & 0x7FFF7FFF;
  }
};

template <bool flips> void decodeSign(Decoding &d) {
  Type type = d.takeType();
  d.expectArguments(2);
  unsigned bits = type.bits * type.parts;
  d.in.ops[0] = d.destination(d.argument(0), bits);
  d.in.ops[1] = d.source(d.argument(1), bits);
  d.in.run = type.parts == 2   ? lanewise<SetSigns<flips>, uint32_t, 1>
             : type.bits == 16 ? lanewise<SetSign<flips>, uint16_t, 1>
             : type.bits == 32 ? lanewise<SetSign<flips>, uint32_t, 1>
                               : lanewise<SetSign<flips>, uint64_t, 1>;
}

/// The sign of the first, all else of the second.
struct CopySign {
  template <class T> T operator()(T a, T b) const {
    return std::copysign(b, a);
  }
};

} // namespace

void tern::ptx::addFloats(Decoders &decoders) {
  decoders["add.f"] = decodeArithmetic<Add, 2>;
  decoders["sub.f"] = decodeArithmetic<Subtract, 2>;
  decoders["mul.f"] = decodeArithmetic<Multiply, 2>;
  decoders["div.f"] = decodeRounded<Divide, 2>;
  decoders["fma.f"] = decodeArithmetic<FusedMultiplyAdd, 3>;
  decoders["rcp.f"] = decodeRounded<Reciprocal, 1>;
  decoders["sqrt.f"] = decodeRounded<SquareRoot, 1>;
  decoders["min.f"] = decodeChoice<false>;
  decoders["max.f"] = decodeChoice<true>;
  decoders["abs.f"] = decodeSign<false>;
  decoders["neg.f"] = decodeSign<true>;
  decoders["copysign.f"] = decodeSimple<CopySign, 2, float, double>;
}
