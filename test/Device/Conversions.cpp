//===- Conversions.cpp - From one type to another
//---------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Simple.h"

#include <algorithm>
#include <limits>

using namespace tern::ptx;

//===----------------------------------------------------------------------===//
// Floats of 16 bits
//===----------------------------------------------------------------------===//

static double halfToDouble(uint16_t bits) {
  unsigned exponent = bits >> 10 & 31, fraction = bits & 1023;
  double value =
      exponent == 31  ? fraction ? std::numeric_limits<double>::quiet_NaN()
                                 : std::numeric_limits<double>::infinity()
       : exponent == 0 ? std::ldexp(fraction, -24)
                      : std::ldexp(fraction + 1024, int(exponent) - 25);
  return bits & 0x8000 ? -value : value;
}

static double bfloatToDouble(uint16_t bits) {
  return fromStored<float>(uint32_t(bits) << 16);
}

/// To the nearest value with so many bits behind the first, ties to even.
static double roundTo(double value, int bits, int lowestExponent) {
  int exponent;
  std::frexp(value, &exponent);
  int unit = std::max(exponent - 1, lowestExponent) - bits;
  return std::ldexp(std::nearbyint(std::ldexp(value, -unit)), unit);
}

static uint16_t doubleToHalf(double value) {
  if (value != value)
    return 0x7FFF;
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  value = std::fabs(value);
  if (std::isinf(value) || (value = roundTo(value, 10, -14)) >= 65536)
    return sign | 0x7C00;
  if (value < std::ldexp(1, -14))
    return uint16_t(sign | unsigned(std::ldexp(value, 24)));
  int exponent;
  double fraction = std::frexp(value, &exponent);
  return uint16_t(sign | unsigned(exponent + 14) << 10 |
                  (unsigned(std::ldexp(fraction, 11)) & 1023));
}

/// Of an exact value; bf16 has the exponents of f32.
static uint16_t doubleToBFloat(double value) {
  if (value != value)
    return 0x7FFF;
  double rounded = roundTo(value, 7, -126);
  if (value == 0 || std::isinf(value))
    rounded = value;
  return uint16_t(toStored(float(rounded)) >> 16);
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

namespace {

enum Rounding { None, Nearest, Zero, Down, Up };

template <class T> T roundToInteger(T value, unsigned rounding) {
  switch (rounding) {
  case Nearest:
    return std::nearbyint(value);
  case Zero:
    return std::trunc(value);
  case Down:
    return std::floor(value);
  case Up:
    return std::ceil(value);
  }
  return value;
}

/// The bounds of an integer, as bits of 64.
int64_t lowest(Type type) {
  return type.kind == Kind::Signed ? int64_t(uint64_t(-1) << (type.bits - 1))
                                   : 0;
}
uint64_t highest(Type type) {
  return ~uint64_t(0) >> (64 - type.bits + (type.kind == Kind::Signed));
}

uint64_t extend(uint64_t bits, Type type) {
  if (type.bits == 64)
    return bits;
  unsigned by = 64 - type.bits;
  return type.kind == Kind::Signed ? uint64_t(int64_t(bits << by) >> by)
                                   : bits << by >> by;
}

double toDouble(uint64_t bits, Type type) {
  return type.kind == Kind::BFloat ? bfloatToDouble(uint16_t(bits))
         : type.bits == 16         ? halfToDouble(uint16_t(bits))
         : type.bits == 32         ? double(fromStored<float>(uint32_t(bits)))
                                   : fromStored<double>(bits);
}

uint64_t fromDouble(double value, Type type) {
  return type.kind == Kind::BFloat ? doubleToBFloat(value)
         : type.bits == 16         ? doubleToHalf(value)
         : type.bits == 32         ? toStored(canonical(float(value)))
                                   : toStored(canonical(value));
}

/// Clamped to the range; NaN is 0.
uint64_t toInteger(double value, Type type) {
  if (value != value)
    return 0;
  if (value <= double(lowest(type)))
    return uint64_t(lowest(type));
  // Of 64 bits the bound becomes the number above it, which is not held.
  if (value >= double(highest(type)))
    return highest(type);
  return value < 0 ? uint64_t(int64_t(value)) : uint64_t(value);
}

/// `target`: the rounding; `control`: 1 saturates.
uint64_t convert(uint64_t bits, Type to, Type from, const Instruction &in) {
  bool isToFloat = to.kind == Kind::Float || to.kind == Kind::BFloat;
  bool isFromFloat = from.kind == Kind::Float || from.kind == Kind::BFloat;
  if (isFromFloat) {
    double value = toDouble(bits, from);
    if (in.target != None && !(isToFloat && to.bits < from.bits))
      value = roundToInteger(value, in.target);
    if (!isToFloat)
      return toInteger(value, to);
    if (in.control) // to [0, 1], NaN to 0
      value = value > 0 ? std::min(value, 1.0) : 0.0;
    return fromDouble(value, to);
  }
  bits = extend(bits, from);
  bool isSigned = from.kind == Kind::Signed;
  if (isToFloat) {
    // One rounding: 64 bits do not become a double first.
    if (to.bits == 32)
      return toStored(isSigned ? float(int64_t(bits)) : float(bits));
    return fromDouble(isSigned ? double(int64_t(bits)) : double(bits), to);
  }
  if (in.control) {
    if (isSigned && int64_t(bits) < lowest(to))
      return uint64_t(lowest(to));
    if ((!isSigned || int64_t(bits) > 0) && bits > highest(to))
      return highest(to);
  }
  return bits;
}

void runConversion(Warp &warp, const Instruction &in, uint32_t on) {
  uint64_t values[kLanes];
  readWide(warp, in.ops[1], values);
  Type from = in.type, to = from;
  to.kind = Kind(in.targets[0]);
  to.bits = in.targets[1];
  for (unsigned lane = 0; lane < kLanes; ++lane)
    if (on >> lane & 1) {
      uint64_t result = convert(values[lane], to, from, in);
      // In a wider register an integer keeps its sign.
      values[lane] = to.kind == Kind::Signed ? extend(result, to) : result;
      if (to.kind == Kind::Unsigned)
        values[lane] = extend(result, to);
    }
  commitWide(warp, in.ops[0], values, on, warp.defined[in.ops[1].index]);
}

//===----------------------------------------------------------------------===//
// The most frequent ones
//===----------------------------------------------------------------------===//

template <class To, class From>
void runPlain(Warp &warp, const Instruction &in, uint32_t on) {
  const Stored<From> *from = lanes<Stored<From>>(warp, in.ops[1]);
  Stored<To> result[kLanes];
  for (unsigned lane = 0; lane < kLanes; ++lane)
    result[lane] = toStored(To(fromStored<From>(from[lane])));
  commit(warp, in.ops[0], result, on, warp.defined[in.ops[1].index]);
}

Run pickPlain(Type to, Type from) {
  if (from == typeOf<int32_t>() && to == typeOf<float>())
    return runPlain<float, int32_t>;
  if (from == typeOf<uint32_t>() && to == typeOf<float>())
    return runPlain<float, uint32_t>;
  if (from == typeOf<uint32_t>() && to == typeOf<uint64_t>())
    return runPlain<uint64_t, uint32_t>;
  if (from == typeOf<int32_t>() && to == typeOf<int64_t>())
    return runPlain<int64_t, int32_t>;
  if (from == typeOf<uint64_t>() && to == typeOf<uint32_t>())
    return runPlain<uint32_t, uint64_t>;
  return nullptr;
}

bool isFloat(Type type) {
  return type.kind == Kind::Float || type.kind == Kind::BFloat;
}

/// Roundings to integers, and the one of floats.
void takeRounding(Decoding &d, Type to, Type from) {
  Instruction &in = d.in;
  in.target = d.takeIf("rni")   ? Nearest
              : d.takeIf("rzi") ? Zero
              : d.takeIf("rmi") ? Down
              : d.takeIf("rpi") ? Up
                                : None;
  bool isRounded = isFloat(to) && (!isFloat(from) || to.bits < from.bits);
  if (isRounded && !d.takeIf("rn"))
    d.fail("expected .rn");
  if (isFloat(from) && !isFloat(to) && in.target == None)
    d.fail("expected a rounding to an integer");
}

/// Two values of f32, the first to the upper half.
void runPair(Warp &warp, const Instruction &in, uint32_t on) {
  const uint32_t *high = lanes<uint32_t>(warp, in.ops[1]);
  const uint32_t *low = lanes<uint32_t>(warp, in.ops[2]);
  uint32_t result[kLanes];
  Type half = {in.type.kind, 16, 1};
  for (unsigned lane = 0; lane < kLanes; ++lane)
    result[lane] = uint32_t(fromDouble(fromStored<float>(high[lane]), half))
                       << 16 |
                   uint32_t(fromDouble(fromStored<float>(low[lane]), half));
  commit(warp, in.ops[0], result, on,
         warp.defined[in.ops[1].index] & warp.defined[in.ops[2].index]);
}

void decodeConversion(Decoding &d) {
  Type to = d.takeType(), from = d.takeType();
  Instruction &in = d.in;
  if (to.parts == 2) {
    d.expect("rn");
    if (!(from == typeOf<float>()))
      d.fail("expected f32");
    d.expectArguments(3);
    in.type = to;
    in.ops[0] = d.destination(d.argument(0), 32);
    in.ops[1] = d.source(d.argument(1), 32);
    in.ops[2] = d.source(d.argument(2), 32);
    in.run = runPair;
    return;
  }
  d.expectArguments(2);
  takeRounding(d, to, from);
  in.control = d.takeIf("sat");
  in.ops[0] = d.destination(d.argument(0));
  in.ops[1] = d.argument(1).form == Argument::Number
                  ? d.source(d.argument(1), from.bits)
                  : d.source(d.argument(1));
  if (in.ops[0].bits < to.bits || in.ops[1].bits < from.bits)
    d.fail("expected wider registers");
  in.type = from;
  in.targets = {uint32_t(to.kind), to.bits};
  in.run = runConversion;
  bool fits = in.ops[0].bits == to.bits && in.ops[1].bits == from.bits;
  if (Run plain = pickPlain(to, from); plain && fits && !in.control)
    in.run = plain;
}

} // namespace

void tern::ptx::addConversions(Decoders &decoders) {
  decoders["cvt"] = decodeConversion;
  decoders["cvt.f"] = decodeConversion;
}
