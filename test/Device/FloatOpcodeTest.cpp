//===- FloatOpcodeTest.cpp - Opcodes of floats, and conversions -----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OpcodeTesting.h"

using namespace tern::ptx;

// Tables are read by columns.
// clang-format off

namespace {

template <class F> auto floats(F f) {
  return [f](u64 a, u64 b, u64 c) -> u64 {
    return bitsOf(f(asFloat(a), asFloat(b), asFloat(c)));
  };
}
template <class F> auto doubles(F f) {
  return [f](u64 a, u64 b, u64 c) -> u64 {
    return bitsOf(f(asDouble(a), asDouble(b), asDouble(c)));
  };
}

float lesser(float x, float y) {
  if (x != x || y != y)
    return x != x ? y : x;
  return x == y ? (std::signbit(x) ? x : y) : x < y ? x : y;
}

TEST(Opcode, ArithmeticOfFloats) {
  const Opcode opcodes[] = {
      {"add.rn.f32 %d, %a, %b;", "www",
       floats([](float a, float b, float) { return a + b; })},
      {"sub.rn.f32 %d, %a, %b;", "www",
       floats([](float a, float b, float) { return a - b; })},
      {"mul.rn.f32 %d, %a, %b;", "www",
       floats([](float a, float b, float) { return a * b; })},
      {"mul.rn.f32 %d, %a, 0f40490FDB;", "ww",
       floats([](float a, float, float) { return a * 3.14159274f; })},
      {"div.rn.f32 %d, %a, %b;", "www",
       floats([](float a, float b, float) { return a / b; })},
      {"fma.rn.f32 %d, %a, %b, %c;", "wwww",
       floats([](float a, float b, float c) { return std::fma(a, b, c); })},
      {"rcp.rn.f32 %d, %a;", "ww",
       floats([](float a, float, float) { return 1.0f / a; })},
      {"sqrt.rn.f32 %d, %a;", "ww",
       floats([](float a, float, float) { return std::sqrt(a); })},
      {"min.f32 %d, %a, %b;", "www",
       floats([](float a, float b, float) { return lesser(a, b); })},
      {"max.f32 %d, %a, %b;", "www",
       floats([](float a, float b, float) { return -lesser(-a, -b); })},
      {"neg.f32 %b, %a; min.f32 %d, %b, %a;", "www",
       floats([](float a, float, float) { return lesser(-a, a); })},
      {"neg.f32 %b, %a; max.f32 %d, %a, %b;", "www",
       floats([](float a, float, float) { return std::fabs(a); })},
      {"max.NaN.f32 %d, %a, %b;", "www",
       floats([](float a, float b, float) {
         return a != a || b != b ? NAN : -lesser(-a, -b);
       })},
      {"abs.f32 %d, %a;", "ww", INTO { return a & 0x7FFFFFFF; }},
      {"neg.f32 %d, %a;", "ww", INTO { return a ^ 0x80000000; }},
      {"copysign.f32 %d, %a, %b;", "www",
       INTO { return (a & 0x80000000) | (b & 0x7FFFFFFF); }},
      {"add.rn.f64 %d, %a, %b;", "lll",
       doubles([](double a, double b, double) { return a + b; })},
      {"fma.rn.f64 %d, %a, %b, %c;", "llll",
       doubles([](double a, double b, double c) { return std::fma(a, b, c); })},
      {"div.rn.f64 %d, %a, %b;", "lll",
       doubles([](double a, double b, double) { return a / b; })},
      {"neg.f16 %d, %a;", "hh", INTO { return a ^ 0x8000; }}};
  for (const Opcode &opcode : opcodes)
    check(opcode);
}

TEST(Opcode, Predicates) {
  const Opcode opcodes[] = {
      {"setp.lt.s32 %d, %a, %b;", "pww", INTO { return S(a) < S(b); }},
      {"setp.lt.u32 %d, %a, %b;", "pww", INTO { return a < b; }},
      {"setp.ge.s64 %d, %a, %b;", "pll", INTO { return s64(a) >= s64(b); }},
      {"setp.ne.b16 %d, %a, %b;", "phh", INTO { return a != b; }},
      {"setp.hi.u32 %d, %a, %b;", "pww", INTO { return a > b; }},
      {"setp.eq.b32 %d, %a, 255;", "pw", INTO { return a == 255; }},
      {"setp.eq.f32 %d, %a, %b;", "pww",
       INTO { return asFloat(a) == asFloat(b); }},
      {"setp.ne.f32 %d, %a, %b;", "pww",
       INTO { return asFloat(a) < asFloat(b) || asFloat(a) > asFloat(b); }},
      {"setp.neu.f32 %d, %a, %b;", "pww",
       INTO { return asFloat(a) != asFloat(b); }},
      {"setp.ltu.f32 %d, %a, %b;", "pww",
       INTO { return !(asFloat(a) >= asFloat(b)); }},
      {"setp.gt.f64 %d, %a, %b;", "pll",
       INTO { return asDouble(a) > asDouble(b); }},
      {"setp.num.f32 %d, %a, %b;", "pww",
       INTO { return !std::isnan(asFloat(a)) && !std::isnan(asFloat(b)); }},
      {"setp.nan.f32 %d, %a, %b;", "pww",
       INTO { return std::isnan(asFloat(a)) || std::isnan(asFloat(b)); }},
      {"setp.lt.and.s32 %d, %a, %b, %c;", "pwwp",
       INTO { return S(a) < S(b) && c; }},
      {"setp.lt.or.s32 %d, %a, %b, !%c;", "pwwp",
       INTO { return S(a) < S(b) || !c; }},
      {".reg .pred %n; setp.lt.s32 %n|%d, %a, %b;", "pww",
       INTO { return !(S(a) < S(b)); }},
      {"selp.b32 %d, %a, %b, %c;", "wwwp", INTO { return c ? a : b; }},
      {"selp.b64 %d, %a, %b, %c;", "lllp", INTO { return c ? a : b; }},
      {"selp.f32 %d, %a, 0f3F800000, %b;", "wwp",
       INTO { return b ? a : 0x3F800000; }},
      {"and.pred %d, %a, %b;", "ppp", INTO { return a & b; }},
      {"or.pred %d, %a, %b;", "ppp", INTO { return a | b; }},
      {"xor.pred %d, %a, %b;", "ppp", INTO { return a ^ b; }},
      {"not.pred %d, %a;", "pp", INTO { return !a; }},
      {"mov.pred %d, %a;", "pp", INTO { return a; }},
      {"mov.pred %d, -1;", "p", INTO { return 1; }},
      {"mov.b32 %d, %a; @%b mov.b32 %d, 5; @!%b add.s32 %d, %d, 1;", "wwp",
       INTO { return b ? 5 : a + 1; }}};
  for (const Opcode &opcode : opcodes)
    check(opcode);
}

TEST(Opcode, Moves) {
  const Opcode opcodes[] = {
      {"mov.b32 %d, %a;", "ww", INTO { return a; }},
      {"mov.b64 %d, %a;", "ll", INTO { return a; }},
      {"mov.b32 %d, -3;", "w", INTO { return u64(-3); }},
      {"mov.b64 %d, {%a, %b};", "lww", INTO { return b << 32 | a; }},
      {"mov.b32 %d, {%a, %b};", "whh", INTO { return b << 16 | a; }},
      {".reg .b32 %n; mov.b64 {%n, %d}, %a;", "wl", INTO { return a >> 32; }},
      {"mov.b64 {%d, _}, %a;", "wl", INTO { return a; }},
      {".reg .b16 %n<4>; mov.b64 {%n0, %n1, %d, %n3}, %a;", "hl",
       INTO { return a >> 32; }}};
  for (const Opcode &opcode : opcodes)
    check(opcode);
}

/// To an integer of so many bits, by a rounding of C.
u64 toInteger(double value, int bits, bool isSigned) {
  if (value != value)
    return 0;
  double low = isSigned ? -std::ldexp(1, bits - 1) : 0;
  double high = std::ldexp(1, isSigned ? bits - 1 : bits);
  if (value < low)
    return u64(s64(low));
  if (value >= high)
    return (isSigned ? u64(1) << (bits - 1) : bits == 64 ? 0 : u64(1) << bits) - 1;
  return isSigned ? u64(s64(value)) : u64(value);
}

/// By trying all 65536 of them.
u64 toSixteen(float value, const std::function<double(u32)> &decode) {
  if (value != value)
    return 0x7FFF;
  u64 sign = std::signbit(value) ? 0x8000 : 0, best = 0;
  if (std::isinf(value))
    return sign | (decode(0x7F80) > 65536 ? 0x7F80 : 0x7C00);
  double magnitude = std::fabs(double(value)), distance = INFINITY;
  for (u32 bits = 0; bits < 0x8000; ++bits) {
    double candidate = decode(bits);
    if (candidate != candidate)
      continue;
    double d = std::fabs(candidate - magnitude);
    if (d < distance || (d == distance && bits % 2 == 0))
      best = bits, distance = d;
  }
  return sign | best;
}

/// An infinite one counts as the number that would come next.
double half(u32 bits) {
  u32 exponent = bits >> 10 & 31, fraction = bits & 1023;
  if (exponent == 31)
    return fraction ? NAN : 65536;
  return exponent ? std::ldexp(1024 + fraction, int(exponent) - 25)
                  : std::ldexp(fraction, -24);
}
double bfloat(u32 bits) {
  if (bits == 0x7F80)
    return std::ldexp(1, 128);
  return asFloat(u64(bits) << 16);
}

TEST(Opcode, Conversions) {
  const Opcode opcodes[] = {
      {"cvt.u32.u64 %d, %a;", "wl", INTO { return a; }},
      {"cvt.u64.u32 %d, %a;", "lw", INTO { return a; }},
      {"cvt.s64.s32 %d, %a;", "lw", INTO { return u64(S(a)); }},
      {"cvt.s32.s8 %d, %a;", "ww", INTO { return u64(s64(int8_t(a))); }},
      {"cvt.u32.u8 %d, %a;", "ww", INTO { return a & 255; }},
      {"cvt.u16.u32 %d, %a;", "hw", INTO { return a; }},
      {"cvt.s16.s8 %d, %a;", "hh", INTO { return u64(s64(int8_t(a))); }},
      {"cvt.u32.u16 %d, %a;", "wh", INTO { return a; }},
      {"cvt.sat.s8.s32 %d, %a;", "ww",
       INTO { return u64(clampTo(S(a), -128, 127)); }},
      {"cvt.sat.u8.s32 %d, %a;", "ww",
       INTO { return u64(clampTo(S(a), 0, 255)); }},
      {"cvt.rn.f32.s32 %d, %a;", "ww", INTO { return bitsOf(float(S(a))); }},
      {"cvt.rn.f32.u32 %d, %a;", "ww", INTO { return bitsOf(float(u32(a))); }},
      {"cvt.rn.f32.s64 %d, %a;", "wl", INTO { return bitsOf(float(s64(a))); }},
      {"cvt.rn.f32.u16 %d, %a;", "wh", INTO { return bitsOf(float(a)); }},
      {"cvt.rn.f64.s64 %d, %a;", "ll", INTO { return bitsOf(double(s64(a))); }},
      {"cvt.rzi.s32.f32 %d, %a;", "ww",
       INTO { return toInteger(std::trunc(asFloat(a)), 32, true); }},
      {"cvt.rni.s32.f32 %d, %a;", "ww",
       INTO { return toInteger(std::nearbyint(asFloat(a)), 32, true); }},
      {"cvt.rmi.s32.f32 %d, %a;", "ww",
       INTO { return toInteger(std::floor(asFloat(a)), 32, true); }},
      {"cvt.rpi.u32.f32 %d, %a;", "ww",
       INTO { return toInteger(std::ceil(asFloat(a)), 32, false); }},
      {"cvt.rzi.s64.f32 %d, %a;", "lw",
       INTO { return toInteger(std::trunc(asFloat(a)), 64, true); }},
      {"cvt.rzi.u64.f64 %d, %a;", "ll",
       INTO { return toInteger(std::trunc(asDouble(a)), 64, false); }},
      {"cvt.rni.f32.f32 %d, %a;", "ww",
       floats([](float a, float, float) { return std::nearbyint(a); })},
      {"cvt.rmi.f32.f32 %d, %a;", "ww",
       floats([](float a, float, float) { return std::floor(a); })},
      {"cvt.sat.f32.f32 %d, %a;", "ww",
       floats([](float a, float, float) {
         return a > 0 ? a < 1 ? a : 1.0f : 0.0f;
       })},
      {"cvt.f64.f32 %d, %a;", "lw",
       INTO { return bitsOf(double(asFloat(a))); }},
      {"cvt.rn.f32.f64 %d, %a;", "wl",
       INTO { return bitsOf(float(asDouble(a))); }},
      {"cvt.f32.f16 %d, %a;", "wh",
       INTO {
         float value = (a & 0x7C00) == 0x7C00 && !(a & 1023)
                           ? INFINITY
                           : float(half(u32(a & 0x7FFF)));
         return bitsOf(a & 0x8000 ? -value : value);
       }},
      {"cvt.rn.f16.f32 %d, %a;", "hw",
       INTO { return toSixteen(asFloat(a), half); }},
      {"cvt.rn.bf16.f32 %d, %a;", "hw",
       INTO { return toSixteen(asFloat(a), bfloat); }},
      {"cvt.rn.bf16x2.f32 %d, %a, %b;", "www", INTO {
         return toSixteen(asFloat(a), bfloat) << 16 |
                toSixteen(asFloat(b), bfloat);
       }}};
  for (const Opcode &opcode : opcodes)
    check(opcode);
}

} // namespace
