/*===- tern/artifact.h - the file a compiled model's data lies in -----------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Written by the compiler, read (usually mapped) by the runtime. The same bytes
 * are a file of their own (`bard.weights`) or a segment of a program in ELF
 *that is not loaded, of type TERN_SEGMENT_TYPE, and its section ".tern". All
 *integers are little endian; offsets count from the first byte of the header;
 *sections do not overlap and lie inside total_bytes; the bytes between them are
 *zero. docs/abi.md draws it.
 */
#ifndef TERN_ARTIFACT_H
#define TERN_ARTIFACT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TERN_ARTIFACT_MAGIC "TERNART1"
#define TERN_ARTIFACT_VERSION 3u
/* p_type of the segment, one of those that the operating system passes over. */
#define TERN_SEGMENT_TYPE 0x6E726574u
/* A header starts at a multiple of this in any file, so that sections map. */
#define TERN_ARTIFACT_ALIGNMENT 65536u
/* The weights section starts at a multiple of this from the header. */
#define TERN_WEIGHTS_ALIGNMENT 4096u

typedef struct tern_section {
  uint64_t offset; /* from the header */
  uint64_t bytes;
  uint64_t
      checksum; /* of the bytes, as are all: tern_checksum of tern/tern.h */
} tern_section;

typedef struct tern_artifact_header {
  char magic[8];         /* TERN_ARTIFACT_MAGIC, no terminator */
  uint32_t version;      /* TERN_ARTIFACT_VERSION */
  uint32_t header_bytes; /* sizeof(tern_artifact_header) */
  uint64_t weights_id;   /* must equal tern_model.weights_id */
  uint64_t total_bytes;  /* header, sections and padding */
  tern_section weights;
  tern_section tokenizer;  /* format: tern/tokenizer.h; may be empty */
  tern_section generation; /* one tern_generation and the texts behind it */
  /* Of the program that carries the artifact; 0 in a .weights file. */
  uint64_t program_checksum; /* what tools that strip leave */
  uint64_t file_bytes;       /* of the whole file before it was stripped */
  uint64_t file_checksum; /* of all but the artifact, while it has that size */
  uint64_t header_checksum; /* of the header up to here */
} tern_artifact_header;

#define TERN_MAX_EOS 16u
/* Stop strings, and the bytes of one. */
#define TERN_MAX_STOPS 64u
#define TERN_MAX_STOP_BYTES 1024u

/* Defaults of text generation, from generation_config.json and config.json. */
typedef struct tern_generation {
  uint32_t size;    /* sizeof(tern_generation) */
  int32_t bos_id;   /* -1: none */
  uint32_t eos_count;
  int32_t eos_ids[TERN_MAX_EOS];
  uint32_t do_sample; /* 0: greedy unless a flag says otherwise */
  float temperature;
  uint32_t top_k;   /* 0: off */
  float top_p;      /* 1: off */
  float min_p;      /* 0: off */
  float repeat_penalty; /* 1: off */
  uint32_t chat_template_bytes; /* follow this struct, UTF-8, no terminator */
  uint32_t max_context;
  /* Behind the template: a JSON object of what the template may read besides the
   * messages, as {"bos_token": "<s>"}. */
  uint32_t chat_variables_bytes;
  /* Lengths in tokens, of the answer alone or (.._length) with the prompt. */
  int32_t max_new_tokens; /* -1: no bound */
  int32_t max_length;     /* -1: no bound */
  uint32_t min_new_tokens;
  uint32_t min_length;
  uint32_t no_repeat_ngram; /* 0: off */
  uint32_t repeat_last_n; /* tokens repeat_penalty is for; 0: all of the text */
  int32_t forced_bos_id;  /* -1: none */
  /* Behind the variables: stop strings, each with a NUL at its end, and behind
   * them, not aligned, lists of i32 ids in this order, as in tern_rules. */
  uint32_t stop_count;
  uint32_t stop_bytes;
  uint32_t bad_words_count;
  uint32_t forced_eos_count;
  uint32_t suppress_count;
  uint32_t begin_suppress_count;
} tern_generation;

#ifdef __cplusplus
}
#endif
#endif /* TERN_ARTIFACT_H */
