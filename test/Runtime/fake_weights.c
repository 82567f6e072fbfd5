/*===- fake_weights.c - the fake model's weights, linked in ----------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
extern const unsigned char tern_example_weights[];

/* fake_weight(i) of fake_model.c */
#define W(i) ((unsigned char)((i)*7u + 3u))
#define W4(i) W(i), W((i) + 1), W((i) + 2), W((i) + 3)
#define W16(i) W4(i), W4((i) + 4), W4((i) + 8), W4((i) + 12)
#define W64(i) W16(i), W16((i) + 16), W16((i) + 32), W16((i) + 48)

_Alignas(128) const unsigned char tern_example_weights[] = {W64(0), W64(64),
                                                            W64(128), W64(192)};
