/*===- tern/tokenizer.h - text to tokens and back --------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * The compiler turns tokenizer.json into one table of bytes; this reads it where
 * it lies. The table is not trusted: it is checked as a whole by
 * tern_tokenizer_load, and an index read from it later is checked where it is
 * used. As the rest of the core it never allocates. docs/abi.md draws the table.
 */
#ifndef TERN_TOKENIZER_H
#define TERN_TOKENIZER_H

#include "tern/tern.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TERN_TOKENIZER_MAGIC "TERNTOK1"
#define TERN_TOKENIZER_VERSION 1u
#define TERN_TOKENIZER_MAX_AFFIX 8u
/* Bytes of a token that text is searched for. */
#define TERN_TOKENIZER_MAX_TOKEN 4096u

/* How text becomes tokens. SentencePiece kinds come here. */
enum { TERN_TOKENIZER_BYTE_BPE = 1 };

/* How text is cut into pieces that merges do not cross. */
enum {
  TERN_SPLIT_NONE = 0,   /* one piece */
  TERN_SPLIT_GPT2 = 1,   /* GPT-2's pattern, what ByteLevel does by itself */
  TERN_SPLIT_LLAMA3 = 2, /* numbers in groups of up to three digits */
  TERN_SPLIT_QWEN2 = 3   /* as Llama-3's, but digits one by one */
};

/* Bits of tern_tokenizer_header.flags. */
enum {
  TERN_TOKENIZER_IGNORE_MERGES = 1 /* a piece that is a token is that token */
};

/* Bits of a token's flags byte. */
enum {
  TERN_TOKEN_EXISTS = 1,  /* the id is used; all others have no bytes */
  TERN_TOKEN_ADDED = 2,   /* cut out of the text before anything else */
  TERN_TOKEN_SPECIAL = 4, /* a control token; not text when decoded */
  TERN_TOKEN_LATE = 8     /* added, but looked for after the others */
};

/* Classes of code points. */
enum {
  TERN_CHAR_OTHER = 0,
  TERN_CHAR_LETTER = 1, /* \p{L} */
  TERN_CHAR_NUMBER = 2, /* \p{N} */
  TERN_CHAR_SPACE = 3   /* \s, that is White_Space */
};

/* Where an array lies: a byte offset from the table's start, and elements. */
typedef struct tern_table_span {
  uint32_t offset;
  uint32_t count;
} tern_table_span;

/* The first bytes of a table. Integers are little endian, arrays of 32 bit
 * numbers are 4-byte aligned within the table. Checked by the reader: every
 * span lies inside total_bytes, every array that is searched is sorted. */
typedef struct tern_tokenizer_header {
  char magic[8];
  uint32_t version;
  uint32_t total_bytes;
  uint32_t kind;       /* TERN_TOKENIZER_... */
  uint32_t split;      /* TERN_SPLIT_... */
  uint32_t flags;
  uint32_t vocab_size; /* ids are below this */
  uint32_t prefix_count; /* tokens set before a text: the bos token */
  uint32_t suffix_count;
  int32_t prefix[TERN_TOKENIZER_MAX_AFFIX];
  int32_t suffix[TERN_TOKENIZER_MAX_AFFIX];
  tern_table_span offsets;     /* u32[vocab_size + 1] into `bytes`, rising */
  tern_table_span bytes;       /* u8, the bytes of all tokens by id */
  tern_table_span token_flags; /* u8[vocab_size] */
  tern_table_span byte_tokens; /* i32[256], the token of a byte or -1 */
  /* u32[vocab_size + 1] into `merges`: those whose left token is id. */
  tern_table_span merge_starts;
  /* {right, rank, result}: u32[3] each, by rising `right` within a left. */
  tern_table_span merges;
  tern_table_span by_bytes; /* u32, ids of plain tokens in byte order */
  tern_table_span added;    /* u32, ids of added tokens, in byte order */
  tern_table_span late;     /* u32, ids of late added tokens, in byte order */
  /* u32, code point << 2 | class, rising: the class holds from there on. */
  tern_table_span classes;
} tern_tokenizer_header;

/* A loaded table: pointers into the caller's bytes. Fields are private. */
typedef struct tern_tokenizer {
  tern_tokenizer_header header;
  const uint8_t *table;
} tern_tokenizer;

/* Checks the table and fills *tokenizer. `table` is borrowed. */
tern_status tern_tokenizer_load(tern_tokenizer *tokenizer, const void *table,
                                size_t bytes);

/* How to encode. */
enum {
  TERN_ENCODE_BARE = 1, /* without the tokens around a text (no bos) */
  TERN_ENCODE_PLAIN = 2 /* "<|eot_id|>" in the text is text, not a token */
};

/* Memory tern_tokenizer_encode needs for a text of `text_bytes` bytes; 0 when it
 * is more than the 1 GiB of text that is taken at once. */
size_t tern_tokenizer_encode_bytes(const tern_tokenizer *tokenizer,
                                   size_t text_bytes);

/* Writes at most `capacity` tokens of the text to `tokens` and their true number
 * to *count; TERN_TOO_SMALL when that is more. text_bytes + 16 always suffice.
 * Text need not be valid UTF-8: a byte that is not part of a valid sequence is
 * taken as a character of no class, so it becomes the token of that byte. A byte
 * for which the vocabulary has no token is left out, as Hugging Face does. */
tern_status tern_tokenizer_encode(const tern_tokenizer *tokenizer,
                                  const char *text, size_t text_bytes,
                                  uint32_t flags, void *memory, size_t bytes,
                                  int32_t *tokens, size_t capacity,
                                  size_t *count);

/* The bytes of one token, not necessarily whole characters, and its
 * TERN_TOKEN_... flags. NULL and 0 when the id is not in use. */
const char *tern_tokenizer_token(const tern_tokenizer *tokenizer, int32_t token,
                                 size_t *bytes, uint32_t *flags);

/* The id of the token with exactly these bytes, added or not, or -1. */
int32_t tern_tokenizer_find(const tern_tokenizer *tokenizer, const char *bytes,
                            size_t count);

/*--- Bytes to valid UTF-8, as they come ------------------------------------*/

/* Start with all fields 0. */
typedef struct tern_utf8 {
  uint8_t held[4]; /* the beginning of a character whose rest has not come */
  uint32_t held_count;
} tern_utf8;

/* Room that `out` needs for a push of n bytes, or a flush (n = 0). */
#define TERN_UTF8_ROOM(n) (3u * ((size_t)(n) + 4u))

/* Takes n bytes and writes the characters that are complete to `out`; returns
 * how many bytes it wrote. What can never be part of a character becomes
 * U+FFFD, one for each maximal part of a character as Unicode recommends. */
size_t tern_utf8_push(tern_utf8 *utf8, const void *bytes, size_t n, char *out);

/* The end of the text: a held beginning becomes one U+FFFD. */
size_t tern_utf8_flush(tern_utf8 *utf8, char *out);

#ifdef __cplusplus
}
#endif
#endif /* TERN_TOKENIZER_H */
