/*===- tern/tokenizer.h - text to tokens and back --------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * The compiler turns a tokenizer's file into one table of bytes; this reads it
 *where it lies. The table is not trusted: it is checked as a whole by
 * tern_tokenizer_load, and an index read from it later is checked where it is
 * used. As the rest of the core it never allocates. docs/abi.md draws the
 *table.
 */
#ifndef TERN_TOKENIZER_H
#define TERN_TOKENIZER_H

#include "tern/tern.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TERN_TOKENIZER_MAGIC "TERNTOK1"
#define TERN_TOKENIZER_VERSION 3u
#define TERN_TOKENIZER_MAX_AFFIX 8u
/* Bytes of a token that text is searched for. */
#define TERN_TOKENIZER_MAX_TOKEN 4096u
/* Bytes of a key of TERN_TEXT_CHARSMAP. */
#define TERN_TOKENIZER_MAX_RULE 64u

/* How text becomes tokens. */
enum {
  TERN_TOKENIZER_BPE = 1,    /* the two neighbours of least rank are merged */
  TERN_TOKENIZER_UNIGRAM = 2 /* the tokens of the greatest total score */
};

/* Bits of tern_tokenizer_header.flags. */
enum {
  TERN_TOKENIZER_IGNORE_MERGES = 1, /* a piece that is a token is that token */
  TERN_TOKENIZER_BYTES = 2, /* merges begin with bytes, not characters */
  TERN_TOKENIZER_BYTE_FALLBACK = 4, /* unknown characters become byte_tokens */
  TERN_TOKENIZER_FUSE_UNKNOWN = 8,  /* unknown neighbours are one token */
  /* Decoding drops the space that was set before the text, or any number of
   * them within the first token. */
  TERN_TOKENIZER_STRIP_SPACE = 16,
  TERN_TOKENIZER_STRIP_SPACES = 32,
  /* ... also from each following token until there is text. */
  TERN_TOKENIZER_STRIP_AGAIN = 64,
  TERN_TOKENIZER_FLOAT_SUMS = 128 /* Unigram adds scores in single precision */
};

/* Bits of a token's flags byte. */
enum {
  TERN_TOKEN_EXISTS = 1,  /* the id is used; all others have no bytes */
  TERN_TOKEN_ADDED = 2,   /* cut out of the text before anything else */
  TERN_TOKEN_SPECIAL = 4, /* a control token; not text when decoded */
  TERN_TOKEN_LATE = 8,    /* added, but looked for in the normalized text */
  TERN_TOKEN_LSTRIP = 16, /* takes white space on its left with it */
  TERN_TOKEN_RSTRIP = 32,
  TERN_TOKEN_WORD = 64 /* only where no letter or digit touches it */
};

/* Bits of a class of characters. */
enum { TERN_CHAR_SPACE = 1, TERN_CHAR_WORD = 2 };

/* Steps applied to a text, in order, before the model makes tokens of it. Where
 * an operand is a pattern it is the number of an automaton. */
enum {
  TERN_TEXT_FORM = 1,    /* {0: NFD, 1: NFC; offset in words}, see below */
  TERN_TEXT_MAP = 2,     /* {offset in words}: characters to others */
  TERN_TEXT_REPLACE = 3, /* {pattern, offset and bytes of a string} */
  TERN_TEXT_PREPEND = 4, /* {offset and bytes of a string; 1: also before
                            nothing, where a step left nothing} */
  TERN_TEXT_STRIP = 5,   /* {1: on the left, 2: on the right, 3: both; and 4:
                            spaces only, not all white space} */
  TERN_TEXT_LATE = 6,    /* cuts out the late added tokens; exactly once */
  TERN_TEXT_SPACE = 7,   /* {1: only where the text begins} sets a space before
                            what does not begin with one */
  TERN_TEXT_SPLIT = 8,   /* {pattern, TERN_SPLIT_..., 1: parts between matches
                            are what is meant} */
  TERN_TEXT_BYTES = 9,   /* from here on patterns see bytes as the characters
                            of GPT-2's alphabet */
  /* {pattern of a cluster of characters or TERN_TEXT_NO_PATTERN; offset in
   * words: their number and a trie's units; offset of strings that end with 0}
   */
  TERN_TEXT_CHARSMAP = 10
};

#define TERN_TEXT_NO_PATTERN 0xFFFFFFFFu

/* The fate of matches when text is split. */
enum {
  TERN_SPLIT_ISOLATED = 0, /* each is a piece, as is each text between them */
  TERN_SPLIT_REMOVED = 1,
  TERN_SPLIT_PREVIOUS = 2,  /* each is the end of the piece before it */
  TERN_SPLIT_NEXT = 3,      /* ... or the beginning of the next */
  TERN_SPLIT_CONTIGUOUS = 4 /* neighbours are one piece */
};

#define TERN_TEXT_MAX_STEPS 32u

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
  uint32_t kind; /* TERN_TOKENIZER_BPE or _UNIGRAM */
  uint32_t flags;
  uint32_t vocab_size;    /* ids are below this */
  int32_t unknown;        /* the token of what has no token, or -1 */
  uint32_t text_growth;   /* bytes of prepared text for one byte of text, */
  uint32_t text_extra;    /* and for the text as a whole */
  uint32_t copies_growth; /* bytes of all copies while it is prepared */
  uint32_t copies_extra;
  uint32_t tokens_growth; /* tokens for one byte of text, at most */
  uint32_t prefix_count;  /* tokens set before a text: the bos token */
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
  /* f64[vocab_size + 1], for Unigram; the last one is that of a character that
   * has no token. */
  tern_table_span scores;
  tern_table_span by_bytes; /* u32, ids of plain tokens in byte order */
  /* Added tokens, and late ones: u32, ids in the order of what they are looked
   * for as, and where that lies: bytes[offsets[i]...offsets[i + 1]]. */
  tern_table_span added;
  tern_table_span added_offsets; /* u32[added.count + 1] */
  tern_table_span added_bytes;   /* u8 */
  tern_table_span late;
  tern_table_span late_offsets;
  tern_table_span late_bytes;
  tern_table_span steps;   /* {TERN_TEXT_..., operands}: u32[4] each */
  tern_table_span strings; /* u8, operands of steps */
  tern_table_span words;   /* u32, operands of steps */
  /* u32, code point << 8 | class, rising: the class holds from there on. */
  tern_table_span classes;
  tern_table_span ascii;       /* u8[128], the classes of ASCII */
  tern_table_span class_flags; /* u8 for each class, TERN_CHAR_... */
  /* {offset in `transitions`, states}: u32[2], twice for each. An automaton has
   * for each state and class, the end of the text being the last class, the
   * next state times two, plus one where a match ends before that character.
   * State 0 is the end, state 1 the beginning. The second one is there where
   * reading on in vain could take long. It reads from the end of the text,
   * beginning in state 0: the next state by state and class; then, by its state
   * and the state of the first one, 1 where a match lies ahead. */
  tern_table_span automata;
  tern_table_span transitions; /* u32 */
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
  TERN_ENCODE_PLAIN = 2 /* "<|eot_id|>" in the text is text, no control token */
};

/* Memory tern_tokenizer_encode needs for a text of `text_bytes` bytes; 0 when
 * it is more than the 1 GiB of text that is taken at once. */
size_t tern_tokenizer_encode_bytes(const tern_tokenizer *tokenizer,
                                   size_t text_bytes);

/* Tokens that a text of `text_bytes` bytes becomes at most. */
size_t tern_tokenizer_max_tokens(const tern_tokenizer *tokenizer,
                                 size_t text_bytes);

/* Writes at most `capacity` tokens of the text to `tokens` and their true
 * number to *count; TERN_TOO_SMALL when that is more. Text need not be valid
 * UTF-8: a byte that is not part of a valid sequence is taken as a character of
 * no class, so it becomes the token of that byte where there is one. Text
 * without a token becomes the unknown token; without one it is left out, as
 * Hugging Face does. */
tern_status tern_tokenizer_encode(const tern_tokenizer *tokenizer,
                                  const char *text, size_t text_bytes,
                                  uint32_t flags, void *memory, size_t bytes,
                                  int32_t *tokens, size_t capacity,
                                  size_t *count);

/* Who made a byte of a text. */
enum {
  TERN_MARK_TEMPLATE = 0,
  TERN_MARK_WRITTEN = 1, /* somebody wrote it */
  TERN_MARK_TOKEN = 2    /* the model did, as part of an added token */
};

/* The author of each byte, and the tokens that only a template may make. */
typedef struct tern_marking {
  const uint8_t *marks;   /* TERN_MARK_..., one for each byte; NULL: all 0 */
  const int32_t *markers; /* ids, rising, beside the special tokens */
  size_t marker_count;
} tern_marking;

/* The same with authors (NULL: all is the template's): a marker or special
 * token of which somebody wrote a byte is text. So nothing that is written ends
 * a turn that a template makes of it, and all else becomes the same tokens. */
tern_status
tern_tokenizer_encode_marked(const tern_tokenizer *tokenizer, const char *text,
                             const tern_marking *marking, size_t text_bytes,
                             uint32_t flags, void *memory, size_t bytes,
                             int32_t *tokens, size_t capacity, size_t *count);

/* The bytes of one token, not necessarily whole characters, and its
 * TERN_TOKEN_... flags. NULL and 0 when the id is not in use. */
const char *tern_tokenizer_token(const tern_tokenizer *tokenizer, int32_t token,
                                 size_t *bytes, uint32_t *flags);

/* The same for the tokens of a whole text one after the other: without the
 * space that this kind of tokenizer sets before a text, and without control
 * tokens. *begun is 0 before the first one and 1 where a text is continued. */
const char *tern_tokenizer_decode(const tern_tokenizer *tokenizer,
                                  int32_t token, uint32_t *begun,
                                  size_t *bytes);

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
 * how many bytes it wrote. A byte that can never be part of a character becomes
 * U+FFFD, one for each maximal part of a character as Unicode recommends. */
size_t tern_utf8_push(tern_utf8 *utf8, const void *bytes, size_t n, char *out);

/* The end of the text: a held beginning becomes one U+FFFD. */
size_t tern_utf8_flush(tern_utf8 *utf8, char *out);

#ifdef __cplusplus
}
#endif
#endif /* TERN_TOKENIZER_H */
