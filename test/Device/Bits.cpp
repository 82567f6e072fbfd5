//===- Bits.cpp - Operations on bits
//----------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Simple.h"

using namespace tern::ptx;

namespace {

struct And {
  template <class T> T operator()(T a, T b) const { return a & b; }
};
struct Or {
  template <class T> T operator()(T a, T b) const { return a | b; }
};
struct Xor {
  template <class T> T operator()(T a, T b) const { return a ^ b; }
};
struct Not {
  template <class T> T operator()(T a) const { return T(~a); }
};

template <class F, unsigned N> void decodeBitwise(Decoding &d) {
  decodeSimple<F, N, uint16_t, uint32_t, uint64_t>(d);
}

/// d = F(a, b, c): b, and c if there is one, are of 32 bits, d of R.
template <class F, class T, class R, unsigned N>
void mixed(Warp &warp, const Instruction &in, uint32_t on) {
  const Stored<T> *a = lanes<Stored<T>>(warp, in.ops[1]);
  const uint32_t *b = N > 1 ? lanes<uint32_t>(warp, in.ops[2]) : nullptr;
  const uint32_t *c = N > 2 ? lanes<uint32_t>(warp, in.ops[3]) : nullptr;
  uint32_t known = kAllLanes;
  for (unsigned i = 1; i <= N; ++i)
    known &= warp.defined[in.ops[i].index];
  Stored<R> result[kLanes];
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    T value = fromStored<T>(a[lane]);
    if constexpr (N == 1)
      result[lane] = toStored(R(F()(value)));
    else if constexpr (N == 2)
      result[lane] = toStored(R(F()(value, b[lane])));
    else
      result[lane] = toStored(R(F()(value, b[lane], c[lane])));
  }
  commit(warp, in.ops[0], result, on, known);
}

/// Chooses among the types that `mixed` is for.
template <class F, unsigned N, class T, class R, class... Rest>
Run pickMixed(Type type) {
  if (type.kind == Kind::Bits)
    type.kind = Kind::Unsigned;
  if (type == typeOf<T>())
    return mixed<F, T, R, N>;
  if constexpr (sizeof...(Rest) != 0)
    return pickMixed<F, N, Rest...>(type);
  return nullptr;
}

template <class F, unsigned N, class... Pairs> void decodeMixed(Decoding &d) {
  Type type = d.takeType();
  d.expectArguments(N + 1);
  d.in.ops[1] = d.source(d.argument(1), type.bits);
  for (unsigned i = 2; i <= N; ++i)
    d.in.ops[i] = d.source(d.argument(i), 32);
  d.in.run = pickMixed<F, N, Pairs...>(type);
  d.in.type = type;
}

struct ShiftLeft {
  template <class T> T operator()(T a, uint32_t b) const {
    return b >= 8 * sizeof(T) ? T(0) : T(uint64_t(a) << b);
  }
};
struct ShiftRight {
  template <class T> T operator()(T a, uint32_t b) const {
    constexpr uint32_t bits = 8 * sizeof(T);
    if (std::is_signed_v<T>)
      return T(a >> (b >= bits ? bits - 1 : b));
    return b >= bits ? T(0) : T(a >> b);
  }
};

template <class F, unsigned N, class... Pairs> void decodeSame(Decoding &d) {
  decodeMixed<F, N, Pairs...>(d);
  d.in.ops[0] = d.destination(d.argument(0), d.in.type.bits);
}
template <class F, class... Pairs> void decodeCount(Decoding &d) {
  decodeMixed<F, 1, Pairs...>(d);
  d.in.ops[0] = d.destination(d.argument(0), 32);
}

struct CountOnes {
  template <class T> uint32_t operator()(T a) const {
    return uint32_t(__builtin_popcountll(a));
  }
};
struct LeadingZeros {
  template <class T> uint32_t operator()(T a) const {
    return a ? uint32_t(__builtin_clzll(a)) - (64 - 8 * sizeof(T))
             : 8 * sizeof(T);
  }
};
/// The highest bit that differs from the sign, or -1.
struct FindHighest {
  template <class T> uint32_t operator()(T a) const {
    uint64_t bits = std::make_unsigned_t<T>(a < 0 ? T(~a) : a);
    return bits ? 63 - uint32_t(__builtin_clzll(bits)) : ~0u;
  }
};
struct Reverse {
  template <class T> T operator()(T a) const {
    T result = 0;
    for (unsigned i = 0; i < 8 * sizeof(T); ++i)
      result = T(result << 1 | (a >> i & 1));
    return result;
  }
};
/// The bits that pass the end are those of the sign.
struct ExtractField {
  template <class T> T operator()(T a, uint32_t b, uint32_t c) const {
    constexpr uint32_t bits = 8 * sizeof(T);
    using U = std::make_unsigned_t<T>;
    uint32_t from = b & 255, length = c & 255;
    if (length == 0)
      return 0;
    uint32_t last = std::min(from + length - 1, bits - 1);
    bool fill = std::is_signed_v<T> && (U(a) >> last & 1);
    U field = from >= bits ? 0 : U(U(a) >> from);
    uint32_t held = from >= bits ? 0 : std::min(length, bits - from);
    if (held < bits) {
      U mask = U((U(1) << held) - 1);
      field = fill ? U(field | ~mask) : U(field & mask);
    }
    return T(field);
  }
};

template <class T>
void insertField(Warp &warp, const Instruction &in, uint32_t on) {
  const Stored<T> *a = lanes<Stored<T>>(warp, in.ops[1]);
  const Stored<T> *b = lanes<Stored<T>>(warp, in.ops[2]);
  const uint32_t *c = lanes<uint32_t>(warp, in.ops[3]);
  const uint32_t *d = lanes<uint32_t>(warp, in.ops[4]);
  constexpr uint32_t bits = 8 * sizeof(T);
  uint32_t known = kAllLanes;
  for (unsigned i = 1; i <= 4; ++i)
    known &= warp.defined[in.ops[i].index];
  Stored<T> result[kLanes];
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    uint32_t from = c[lane] & 255, length = d[lane] & 255;
    T mask = length >= bits ? T(~T(0)) : T((T(1) << length) - 1);
    result[lane] =
        from >= bits
            ? b[lane]
            : T((b[lane] & ~T(mask << from)) | T((a[lane] & mask) << from));
  }
  commit(warp, in.ops[0], result, on, known);
}

void decodeInsert(Decoding &d) {
  Type type = d.takeType();
  d.expectArguments(5);
  d.in.ops[0] = d.destination(d.argument(0), type.bits);
  for (unsigned i = 1; i <= 4; ++i)
    d.in.ops[i] = d.source(d.argument(i), i <= 2 ? type.bits : 32);
  d.in.run = type.bits == 32   ? insertField<uint32_t>
             : type.bits == 64 ? insertField<uint64_t>
                               : nullptr;
}

/// Eight bytes, of which four are chosen, or the signs of four.
struct Permute {
  uint32_t operator()(uint32_t a, uint32_t b, uint32_t selector) const {
    uint64_t bytes = uint64_t(b) << 32 | a;
    uint32_t result = 0;
    for (unsigned i = 0; i < 4; ++i) {
      uint32_t choice = selector >> 4 * i;
      uint32_t byte = uint32_t(bytes >> 8 * (choice & 7)) & 255;
      if (choice & 8)
        byte = byte & 128 ? 255 : 0;
      result |= byte << 8 * i;
    }
    return result;
  }
};

/// Bytes that are not chosen may be rubbish.
void permute(Warp &warp, const Instruction &in, uint32_t on) {
  const Operand *ops = in.ops.data();
  uint32_t source[4] = {
      warp.definedLow[ops[1].index], warp.definedHigh[ops[1].index],
      warp.definedLow[ops[2].index], warp.definedHigh[ops[2].index]};
  uint32_t known[2] = {warp.defined[ops[3].index], warp.defined[ops[3].index]};
  const uint32_t *selectors = lanes<uint32_t>(warp, ops[3]);
  for (unsigned lane = 0; lane < kLanes; ++lane)
    for (unsigned i = 0; i < 4; ++i)
      if (!(source[selectors[lane] >> 4 * i >> 1 & 3] >> lane & 1))
        known[i / 2] &= ~(1u << lane);
  lanewise<Permute, uint32_t, 3>(warp, in, on);
  defineHalves(warp, ops[0], on, known[0], known[1]);
}

void decodePermute(Decoding &d) {
  decodeSimple<Permute, 3, uint32_t>(d);
  d.in.run = permute;
}

/// The table's bit for each triple of bits.
void lookUp(Warp &warp, const Instruction &in, uint32_t on) {
  const uint32_t *a = lanes<uint32_t>(warp, in.ops[1]);
  const uint32_t *b = lanes<uint32_t>(warp, in.ops[2]);
  const uint32_t *c = lanes<uint32_t>(warp, in.ops[3]);
  uint32_t known = kAllLanes, result[kLanes] = {};
  for (unsigned i = 1; i <= 3; ++i)
    known &= warp.defined[in.ops[i].index];
  for (unsigned row = 0; row < 8; ++row)
    if (in.control >> row & 1)
      for (unsigned lane = 0; lane < kLanes; ++lane)
        result[lane] |= (row & 4 ? a[lane] : ~a[lane]) &
                        (row & 2 ? b[lane] : ~b[lane]) &
                        (row & 1 ? c[lane] : ~c[lane]);
  commit(warp, in.ops[0], result, on, known);
}

void decodeLookUp(Decoding &d) {
  d.expect("b32");
  d.expectArguments(5);
  d.in.ops[0] = d.destination(d.argument(0), 32);
  for (unsigned i = 1; i <= 3; ++i)
    d.in.ops[i] = d.source(d.argument(i), 32);
  d.in.control = uint32_t(d.number(d.argument(4)));
  d.in.run = lookUp;
}

/// Of two words, the upper one after a shift to the left, or the lower one
/// after a shift to the right.
template <bool isLeft, bool wraps> struct FunnelShift {
  uint32_t operator()(uint32_t low, uint32_t high, uint32_t c) const {
    uint32_t by = wraps ? c & 31 : std::min(c, 32u);
    uint64_t both = uint64_t(high) << 32 | low;
    return uint32_t(isLeft ? both << by >> 32 : both >> by);
  }
};

void decodeFunnel(Decoding &d) {
  bool isLeft = d.takeIf("l"), wraps = d.takeIf("wrap");
  if (!isLeft)
    d.expect("r");
  if (!wraps)
    d.expect("clamp");
  if (isLeft)
    (wraps ? decodeSimple<FunnelShift<true, true>, 3, uint32_t>
           : decodeSimple<FunnelShift<true, false>, 3, uint32_t>)(d);
  else
    (wraps ? decodeSimple<FunnelShift<false, true>, 3, uint32_t>
           : decodeSimple<FunnelShift<false, false>, 3, uint32_t>)(d);
}

} // namespace

void tern::ptx::addBits(Decoders &decoders) {
  decoders["and"] = decodeBitwise<And, 2>;
  decoders["or"] = decodeBitwise<Or, 2>;
  decoders["xor"] = decodeBitwise<Xor, 2>;
  decoders["not"] = decodeBitwise<Not, 1>;
  decoders["shl"] = decodeSame<ShiftLeft, 2, uint16_t, uint16_t, uint32_t,
                               uint32_t, uint64_t, uint64_t>;
  decoders["shr"] = decodeSame<ShiftRight, 2, uint16_t, uint16_t, uint32_t,
                               uint32_t, uint64_t, uint64_t, int16_t, int16_t,
                               int32_t, int32_t, int64_t, int64_t>;
  decoders["bfe"] = decodeSame<ExtractField, 3, uint32_t, uint32_t, uint64_t,
                               uint64_t, int32_t, int32_t, int64_t, int64_t>;
  decoders["brev"] =
      decodeSame<Reverse, 1, uint32_t, uint32_t, uint64_t, uint64_t>;
  decoders["popc"] =
      decodeCount<CountOnes, uint32_t, uint32_t, uint64_t, uint32_t>;
  decoders["clz"] =
      decodeCount<LeadingZeros, uint32_t, uint32_t, uint64_t, uint32_t>;
  decoders["bfind"] =
      decodeCount<FindHighest, uint32_t, uint32_t, uint64_t, uint32_t, int32_t,
                  uint32_t, int64_t, uint32_t>;
  decoders["bfi"] = decodeInsert;
  decoders["prmt"] = decodePermute;
  decoders["lop3"] = decodeLookUp;
  decoders["shf"] = decodeFunnel;
}
