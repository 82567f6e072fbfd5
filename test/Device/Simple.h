//===- Simple.h - Operations of one type
//------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_DEVICE_SIMPLE_H
#define TERN_TEST_DEVICE_SIMPLE_H

#include "Decoding.h"
#include "Lanes.h"

namespace tern::ptx {

/// d = F(N sources), all of the one type of the opcode, which is one of Ts.
template <class F, unsigned N, class... Ts> void decodeSimple(Decoding &d) {
  d.in.type = d.takeType();
  d.expectArguments(N + 1);
  d.in.ops[0] = d.destination(d.argument(0), d.in.type.bits);
  for (unsigned i = 1; i <= N; ++i)
    d.in.ops[i] = d.source(d.argument(i), d.in.type.bits);
  d.in.run = pick<F, N, Ts...>(d.in.type);
}

/// The same behind a rounding, which can only be to the nearest, ties to even.
template <class F, unsigned N> void decodeRounded(Decoding &d) {
  if (!d.takeIf("rn"))
    d.fail("expected .rn, without which a GPU may contract or round otherwise");
  decodeSimple<F, N, float, double>(d);
}

} // namespace tern::ptx

#endif // TERN_TEST_DEVICE_SIMPLE_H
