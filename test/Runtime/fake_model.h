/*===- fake_model.h - a model for testing what calls models ----------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Its logits are a hash of all tokens so far, which its first layer keeps in
 *the state and takes from the state alone: a wrong position, state, split or
 *order shows in every value. Work is cut into tasks that write scratch memory
 *of their own, counters are kept, each function sees that it is called as a
 * compiled one is, and traps if it is not.
 */
#ifndef TERN_TEST_FAKE_MODEL_H
#define TERN_TEST_FAKE_MODEL_H

#include "tern/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FAKE_VOCAB 1024u
#define FAKE_HIDDEN 3u
#define FAKE_LAYERS 2u
#define FAKE_CONTEXT 64u
#define FAKE_WEIGHTS 256u
/* Larger than what is few, and no multiple of each other. */
#define FAKE_MAX_TOKENS 19u
#define FAKE_HEAD_TOKENS 5u

extern const tern_model tern_model_fake;
/* Of a block of four tokens: more than it needs, for a model whose
 * state_block_bytes say the same. */
extern uint32_t fake_block_bytes;

/* Its right weights, and its answer to a token sequence. */
uint8_t fake_weight(uint32_t i);
uint32_t fake_hash(uint32_t hash, int32_t token);
#define FAKE_START 2166136261u
float fake_hidden(uint32_t hash, uint32_t layer, uint32_t h);
float fake_logit(uint32_t hash, uint32_t token);

#ifdef __cplusplus
}
#endif
#endif /* TERN_TEST_FAKE_MODEL_H */
