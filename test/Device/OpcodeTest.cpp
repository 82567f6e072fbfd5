//===- OpcodeTest.cpp - Each opcode against its definition ------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Expected values follow the formulas of the PTX manual, written again here.
//
//===----------------------------------------------------------------------===//

#include "PtxTesting.h"

#include <cmath>
#include <cstring>
#include <limits>

using namespace tern::ptx;

namespace {

using u64 = uint64_t;
using u32 = uint32_t;
using s64 = int64_t;
using s32 = int32_t;

/// `kinds`: of the result and of a, b, c: h, w, l are 16, 32, 64 bits, p is a
/// predicate.
struct Opcode {
  const char *statement;
  const char *kinds;
  std::function<u64(u64 a, u64 b, u64 c)> expected;
};

float asFloat(u64 bits) {
  u32 low = u32(bits);
  float value;
  std::memcpy(&value, &low, 4);
  return value;
}
u64 bitsOf(float value) {
  u32 bits;
  std::memcpy(&bits, &value, 4);
  return value != value ? 0x7FFFFFFF : bits;
}
double asDouble(u64 bits) {
  double value;
  std::memcpy(&value, &bits, 8);
  return value;
}
u64 bitsOf(double value) {
  u64 bits;
  std::memcpy(&bits, &value, 8);
  return value != value ? 0x7FFFFFFFFFFFFFFF : bits;
}

u64 maskOf(char kind) {
  return kind == 'p' ? 1 : kind == 'h' ? 0xFFFF : kind == 'w' ? 0xFFFFFFFF : ~u64(0);
}

std::string bodyOf(const Opcode &opcode) {
  std::string text;
  const char *names[] = {"%d", "%a", "%b", "%c"};
  auto bits = [](char kind) {
    return std::string(kind == 'h' ? "16" : kind == 'l' ? "64" : "32");
  };
  for (size_t i = 0; opcode.kinds[i]; ++i) {
    char kind = opcode.kinds[i];
    text += ".reg " + (kind == 'p' ? std::string(".pred") : ".b" + bits(kind)) +
            " " + names[i] + ";\n";
  }
  text += ".reg .b32 %t;\n.reg .b64 %q<4>;\n";
  for (size_t i = 1; opcode.kinds[i]; ++i) {
    char kind = opcode.kinds[i];
    std::string address = "%q" + std::to_string(i);
    text += "add.s64 " + address + ", %p" + std::to_string(i) + ", %l8;\n";
    if (kind == 'p')
      text += "ld.global.b32 %t, [" + address + "];\nand.b32 %t, %t, 1;\n"
              "setp.ne.b32 " + std::string(names[i]) + ", %t, 0;\n";
    else
      text += "ld.global.b" + bits(kind) + " " + names[i] + ", [" + address + "];\n";
  }
  text += std::string(opcode.statement) + "\nadd.s64 %q0, %p0, %l8;\n";
  char kind = opcode.kinds[0];
  if (kind == 'p')
    text += "selp.b32 %t, 1, 0, %d;\nst.global.b32 [%q0], %t;\n";
  else
    text += "st.global.b" + bits(kind) + " [%q0], %d;\n";
  return text;
}

/// Corners of integers and floats, and numbers of all sizes.
std::vector<u64> inputs(unsigned round) {
  static const u64 corners[] = {
      0, 1, 2, 31, 32, 33, 63, 64, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF,
      0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x3F800000, 0xBF800000, 0x7F800000,
      0xFF800000, 0x7FC00000, 0x00000001, 0x807FFFFF, 0x3F000000, 0x40200000,
      0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0x3FF0000000000000, 0x4F000000,
      0xFFFFFFFFFFFFFFFF};
  std::mt19937_64 random(round);
  std::vector<u64> values(kLanes);
  for (u64 &value : values)
    value = random() % 3 ? corners[random() % std::size(corners)]
                         : random() >> random() % 64;
  return values;
}

void check(const Opcode &opcode) {
  SCOPED_TRACE(opcode.statement);
  for (unsigned round = 0; round < 8; ++round) {
    std::vector<u64> d(kLanes, 0), a = inputs(4 * round), b = inputs(4 * round + 1),
                     c = inputs(4 * round + 2);
    Runner runner;
    std::string body = bodyOf(opcode);
    ASSERT_NO_THROW(runner.run(body, d, a, b, c));
    if (round != 0)
      allKernels().pop_back(); // ptxas needs one
    size_t operands = std::strlen(opcode.kinds);
    for (unsigned lane = 0; lane < kLanes; ++lane) {
      auto in = [&](const std::vector<u64> &values, size_t i) {
        return i < operands ? values[lane] & maskOf(opcode.kinds[i]) : 0;
      };
      u64 expected = opcode.expected(in(a, 1), in(b, 2), in(c, 3)) &
                     maskOf(opcode.kinds[0]);
      EXPECT_EQ(d[lane], expected)
          << std::hex << in(a, 1) << " " << in(b, 2) << " " << in(c, 3);
    }
  }
}

#define INTO [](u64 a, u64 b, u64 c) -> u64
#define S(x) s64(s32(x))
#define H(x) s64(int16_t(x))

s64 clampTo(s64 value, s64 low, s64 high) {
  return value < low ? low : value > high ? high : value;
}

TEST(Opcode, ArithmeticOfIntegers) {
  const Opcode opcodes[] = {
      {"add.s32 %d, %a, %b;", "www", INTO { return a + b; }},
      {"add.s64 %d, %a, %b;", "lll", INTO { return a + b; }},
      {"add.u16 %d, %a, %b;", "hhh", INTO { return a + b; }},
      {"add.s32 %d, %a, -7;", "ww", INTO { return a - 7; }},
      {"add.sat.s32 %d, %a, %b;", "www",
       INTO { return u64(clampTo(S(a) + S(b), INT32_MIN, INT32_MAX)); }},
      {"sub.s32 %d, %a, %b;", "www", INTO { return a - b; }},
      {"sub.s64 %d, %a, %b;", "lll", INTO { return a - b; }},
      {"sub.sat.s32 %d, %a, %b;", "www",
       INTO { return u64(clampTo(S(a) - S(b), INT32_MIN, INT32_MAX)); }},
      {"mul.lo.s32 %d, %a, %b;", "www", INTO { return a * b; }},
      {"mul.lo.s16 %d, %a, %b;", "hhh", INTO { return a * b; }},
      {"mul.lo.u64 %d, %a, %b;", "lll", INTO { return a * b; }},
      {"mul.hi.u32 %d, %a, %b;", "www", INTO { return a * b >> 32; }},
      {"mul.hi.s32 %d, %a, %b;", "www",
       INTO { return u64(S(a) * S(b)) >> 32; }},
      {"mul.hi.u64 %d, %a, %b;", "lll",
       INTO { return u64((unsigned __int128)(a)*b >> 64); }},
      {"mul.wide.u32 %d, %a, %b;", "lww", INTO { return a * b; }},
      {"mul.wide.s32 %d, %a, %b;", "lww", INTO { return u64(S(a) * S(b)); }},
      {"mul.wide.s16 %d, %a, %b;", "whh", INTO { return u64(H(a) * H(b)); }},
      {"mul.wide.u32 %d, %a, 12;", "lw", INTO { return a * 12; }},
      {"mad.lo.s32 %d, %a, %b, %c;", "wwww", INTO { return a * b + c; }},
      {"mad.hi.u32 %d, %a, %b, %c;", "wwww",
       INTO { return (a * b >> 32) + c; }},
      {"mad.lo.s64 %d, %a, %b, %c;", "llll", INTO { return a * b + c; }},
      {"mad.wide.s32 %d, %a, %b, %c;", "lwwl",
       INTO { return u64(S(a) * S(b)) + c; }},
      {"mad.wide.u32 %d, %a, %b, %c;", "lwwl", INTO { return a * b + c; }},
      {"or.b32 %b, %b, 1; div.u32 %d, %a, %b;", "www",
       INTO { return a / (b | 1); }},
      {"or.b32 %b, %b, 2; div.s32 %d, %a, %b;", "www",
       INTO { return S(b | 2) == -1 ? -a : u64(S(a) / S(b | 2)); }},
      {"or.b64 %b, %b, 1; rem.u64 %d, %a, %b;", "lll",
       INTO { return a % (b | 1); }},
      {"or.b32 %b, %b, 2; rem.s32 %d, %a, %b;", "www",
       INTO { return S(b | 2) == -1 ? 0 : u64(S(a) % S(b | 2)); }},
      {"min.s32 %d, %a, %b;", "www",
       INTO { return S(a) < S(b) ? a : b; }},
      {"min.u32 %d, %a, %b;", "www", INTO { return a < b ? a : b; }},
      {"max.s32 %d, %a, %b;", "www",
       INTO { return S(a) > S(b) ? a : b; }},
      {"max.s64 %d, %a, %b;", "lll",
       INTO { return s64(a) > s64(b) ? a : b; }},
      {"max.u16 %d, %a, %b;", "hhh", INTO { return a > b ? a : b; }},
      {"max.s16 %d, %a, %b;", "hhh", INTO { return H(a) > H(b) ? a : b; }},
      {"abs.s32 %d, %a;", "ww", INTO { return S(a) < 0 ? -a : a; }},
      {"abs.s64 %d, %a;", "ll", INTO { return s64(a) < 0 ? -a : a; }},
      {"neg.s32 %d, %a;", "ww", INTO { return -a; }},
      {"neg.s16 %d, %a;", "hh", INTO { return -a; }},
      {"dp4a.s32.u32 %d, %a, %b, %c;", "wwww",
       INTO {
         u64 sum = c;
         for (int i = 0; i < 4; ++i)
           sum += u64(s64(int8_t(a >> 8 * i)) * s64(uint8_t(b >> 8 * i)));
         return sum;
       }},
      {"dp4a.u32.s32 %d, %a, %b, %c;", "wwww", INTO {
         u64 sum = c;
         for (int i = 0; i < 4; ++i)
           sum += u64(s64(uint8_t(a >> 8 * i)) * s64(int8_t(b >> 8 * i)));
         return sum;
       }}};
  for (const Opcode &opcode : opcodes)
    check(opcode);
}

/// The manual's loop: bit i of the result is bit from + i, or the sign.
u64 extract(u64 a, u64 b, u64 c, unsigned bits, bool isSigned) {
  u64 from = b & 255, length = c & 255, result = 0, most = bits - 1;
  u64 last = from + length - 1 < most ? from + length - 1 : most;
  u64 sign = !isSigned || length == 0 ? 0 : a >> last & 1;
  for (u64 i = 0; i < bits; ++i)
    result |= (i < length && from + i <= most ? a >> (from + i) & 1 : sign)
              << i;
  return result;
}

u64 insert(u64 a, u64 b, u64 c, u64 length, unsigned bits) {
  for (u64 i = 0; i < length && (c & 255) + i < bits; ++i) {
    u64 bit = u64(1) << ((c & 255) + i);
    b = a >> i & 1 ? b | bit : b & ~bit;
  }
  return b;
}

u64 permute(u64 a, u64 b, u64 selector) {
  u64 result = 0;
  for (int i = 0; i < 4; ++i) {
    u64 nibble = selector >> 4 * i & 15;
    u64 byte = (nibble & 4 ? b : a) >> 8 * (nibble & 3) & 255;
    if (nibble & 8)
      byte = byte >= 128 ? 255 : 0;
    result |= byte << 8 * i;
  }
  return result;
}

u64 lookUp(u64 a, u64 b, u64 c, u64 table) {
  u64 result = 0;
  for (int i = 0; i < 32; ++i)
    result |= (table >> ((a >> i & 1) * 4 + (b >> i & 1) * 2 + (c >> i & 1)) &
               1) << i;
  return result;
}

TEST(Opcode, Bits) {
  const Opcode opcodes[] = {
      {"and.b32 %d, %a, %b;", "www", INTO { return a & b; }},
      {"and.b16 %d, %a, %b;", "hhh", INTO { return a & b; }},
      {"or.b64 %d, %a, %b;", "lll", INTO { return a | b; }},
      {"xor.b32 %d, %a, %b;", "www", INTO { return a ^ b; }},
      {"not.b32 %d, %a;", "ww", INTO { return ~a; }},
      {"not.b16 %d, %a;", "hh", INTO { return ~a; }},
      {"shl.b32 %d, %a, %b;", "www", INTO { return b > 31 ? 0 : a << b; }},
      {"shl.b16 %d, %a, %b;", "hhw", INTO { return b > 15 ? 0 : a << b; }},
      {"shl.b64 %d, %a, %b;", "llw", INTO { return b > 63 ? 0 : a << b; }},
      {"shr.u32 %d, %a, %b;", "www", INTO { return b > 31 ? 0 : a >> b; }},
      {"shr.b64 %d, %a, %b;", "llw", INTO { return b > 63 ? 0 : a >> b; }},
      {"shr.s32 %d, %a, %b;", "www",
       INTO { return u64(S(a) >> (b > 31 ? 31 : b)); }},
      {"shr.s64 %d, %a, %b;", "llw",
       INTO { return u64(s64(a) >> (b > 63 ? 63 : b)); }},
      {"shr.s16 %d, %a, %b;", "hhw",
       INTO { return u64(H(a) >> (b > 15 ? 15 : b)); }},
      {"popc.b32 %d, %a;", "ww",
       INTO { return u64(__builtin_popcountll(a)); }},
      {"popc.b64 %d, %a;", "wl",
       INTO { return u64(__builtin_popcountll(a)); }},
      {"clz.b32 %d, %a;", "ww",
       INTO {
         u64 zeros = 0;
         while (zeros < 32 && !(a >> (31 - zeros) & 1))
           ++zeros;
         return zeros;
       }},
      {"clz.b64 %d, %a;", "wl",
       INTO {
         u64 zeros = 0;
         while (zeros < 64 && !(a >> (63 - zeros) & 1))
           ++zeros;
         return zeros;
       }},
      {"bfind.u32 %d, %a;", "ww",
       INTO {
         for (int i = 31; i >= 0; --i)
           if (a >> i & 1)
             return u64(i);
         return ~u64(0);
       }},
      {"bfind.s32 %d, %a;", "ww",
       INTO {
         for (int i = 31; i >= 0; --i)
           if ((a >> i & 1) != (a >> 31 & 1))
             return u64(i);
         return ~u64(0);
       }},
      {"brev.b32 %d, %a;", "ww",
       INTO {
         u64 result = 0;
         for (int i = 0; i < 32; ++i)
           result |= (a >> i & 1) << (31 - i);
         return result;
       }},
      {"bfe.u32 %d, %a, %b, %c;", "wwww",
       INTO { return extract(a, b, c, 32, false); }},
      {"bfe.s32 %d, %a, %b, %c;", "wwww",
       INTO { return extract(a, b, c, 32, true); }},
      {"bfe.u64 %d, %a, %b, %c;", "llww",
       INTO { return extract(a, b, c, 64, false); }},
      {"bfe.u32 %d, %a, 4, 8;", "ww", INTO { return a >> 4 & 255; }},
      {"bfi.b32 %d, %a, %b, %c, 5;", "wwww",
       INTO { return insert(a, b, c, 5, 32); }},
      {"bfi.b64 %d, %a, %b, %c, 40;", "lllw",
       INTO { return insert(a, b, c, 40, 64); }},
      {"prmt.b32 %d, %a, %b, %c;", "wwww",
       INTO { return permute(a, b, c); }},
      {"prmt.b32 %d, %a, %b, 0x3340U;", "www",
       INTO { return permute(a, b, 0x3340); }},
      {"lop3.b32 %d, %a, %b, %c, 0xEA;", "wwww",
       INTO { return lookUp(a, b, c, 0xEA); }},
      {"lop3.b32 %d, %a, %b, %c, 0x1B;", "wwww",
       INTO { return lookUp(a, b, c, 0x1B); }},
      {"shf.l.wrap.b32 %d, %a, %b, %c;", "wwww",
       INTO { return (b << 32 | a) << (c & 31) >> 32; }},
      {"shf.r.wrap.b32 %d, %a, %b, %c;", "wwww",
       INTO { return (b << 32 | a) >> (c & 31); }},
      {"shf.l.clamp.b32 %d, %a, %b, %c;", "wwww",
       INTO { return c > 31 ? a : (b << 32 | a) << c >> 32; }},
      {"shf.r.clamp.b32 %d, %a, %b, %c;", "wwww",
       INTO { return c > 31 ? b : (b << 32 | a) >> c; }}};
  for (const Opcode &opcode : opcodes)
    check(opcode);
}

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
