//===- OpcodeTest.cpp - Opcodes of integers -------------------------------===//
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

} // namespace
