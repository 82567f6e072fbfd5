/*===- only_bpe.c - in the place of src/tokenizer/unigram.c --------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Nothing calls it for a tokenizer that merges pairs. The real one adds in
 * double precision, for which many small FPUs need a library.
 */
void tern_encode_unigram(void);
void tern_encode_unigram(void) {}
