/*===- tiles.c - AMX tiles in software -------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "tiles.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A VEX-coded instruction of three bytes of prefix. */
typedef struct instruction {
  unsigned opcode, prefix; /* prefix: none, 66, F3, F2 as 0 to 3 */
  unsigned vvvv, mod, reg, rm;
  int has_sib;
  uint64_t
      address; /* of memory operands, without the index if it is a stride */
  uint64_t stride;
  unsigned length;
} instruction;

enum { NONE, P66, PF3, PF2 };

static tile_result fail(tile_machine *m, const char *format, ...) {
  va_list list;
  va_start(list, format);
  vsnprintf(m->fault, sizeof(m->fault), format, list);
  va_end(list);
  return TILE_FAULT;
}

static int64_t read_signed(const uint8_t *at, unsigned bytes) {
  if (bytes == 1)
    return (int8_t)at[0];
  int32_t value;
  memcpy(&value, at, sizeof(value));
  return value;
}

/* Returns 0 if the bytes are of another kind. */
static int decode(const tile_machine *m, const uint8_t *code,
                  instruction *out) {
  if (code[0] != 0xC4 || (code[1] & 0x1F) != 2 || (code[2] & 0x84) != 0)
    return 0; /* VEX.128.0F38.W0 */
  unsigned r = ~code[1] >> 7 & 1, x = ~code[1] >> 6 & 1, b = ~code[1] >> 5 & 1;
  memset(out, 0, sizeof(*out));
  out->vvvv = ~code[2] >> 3 & 15;
  out->prefix = code[2] & 3;
  out->opcode = code[3];
  if (out->opcode != 0x49 && out->opcode != 0x4B && out->opcode != 0x5E)
    return 0;
  unsigned modrm = code[4];
  out->mod = modrm >> 6;
  out->reg = (modrm >> 3 & 7) | r << 3;
  out->rm = (modrm & 7) | (out->mod == 3 ? b << 3 : 0);
  out->length = 5;
  if (out->mod == 3)
    return 1;
  int has_base = 1;
  unsigned base = (modrm & 7) | b << 3;
  if ((modrm & 7) == 4) {
    unsigned sib = code[5], index = (sib >> 3 & 7) | x << 3;
    out->has_sib = 1;
    ++out->length;
    base = (sib & 7) | b << 3;
    has_base = out->mod != 0 || (sib & 7) != 5;
    if (index != 4)
      out->stride = m->registers[index] << (sib >> 6);
  } else if (out->mod == 0 && (modrm & 7) == 5) {
    has_base = 0;
  }
  unsigned bytes = out->mod == 1 ? 1 : out->mod == 2 || !has_base ? 4 : 0;
  if (bytes)
    out->address = (uint64_t)read_signed(code + out->length, bytes);
  out->length += bytes;
  if (has_base)
    out->address += m->registers[base];
  else if (!out->has_sib) /* relative to the next instruction */
    out->address += (uint64_t)(uintptr_t)code + out->length;
  return 1;
}

/*===------------------------------------------------------------------------===
 * Configuration
 *===------------------------------------------------------------------------===*/

static void release(tile_machine *m) { memset(m->state, 0, sizeof(*m->state)); }

static tile_result load_config(tile_machine *m, const instruction *i) {
  tile_config config;
  uint64_t address = i->address + i->stride;
  memcpy(&config, (const void *)(uintptr_t)address, sizeof(config));
  if (config.palette > 1)
    return fail(m, "ldtilecfg: expected palette 0 or 1, got %u",
                config.palette);
  if (config.palette == 0) {
    release(m);
    return TILE_DONE;
  }
  for (unsigned j = 0; j < sizeof(config.reserved); ++j)
    if (config.reserved[j])
      return fail(m, "ldtilecfg: expected zeros in reserved bytes, got %u",
                  config.reserved[j]);
  for (unsigned t = 0; t < 16; ++t) {
    unsigned rows = config.rows[t], colsb = config.colsb[t];
    if (t >= TILE_COUNT && (rows || colsb))
      return fail(m, "ldtilecfg: expected no shape of tile %u, got %u x %u", t,
                  rows, colsb);
    if (rows > TILE_ROWS || colsb > TILE_BYTES || !rows != !colsb)
      return fail(m,
                  "ldtilecfg: expected tile %u of up to 16 rows of 64 "
                  "bytes, got %u of %u",
                  t, rows, colsb);
  }
  release(m);
  m->state->config = config;
  m->state->is_configured = 1;
  return TILE_DONE;
}

static tile_result store_config(tile_machine *m, const instruction *i) {
  uint64_t address = i->address + i->stride;
  memcpy((void *)(uintptr_t)address, &m->state->config, sizeof(tile_config));
  return TILE_DONE;
}

/* 0 if it may be used, with its shape. */
static tile_result find(tile_machine *m, const char *name, unsigned tile,
                        unsigned *rows, unsigned *colsb) {
  if (!m->state->is_configured)
    return fail(m, "%s: expected tiles to be configured", name);
  if (tile >= TILE_COUNT)
    return fail(m, "%s: expected tiles 0 to 7, got %u", name, tile);
  *rows = m->state->config.rows[tile];
  *colsb = m->state->config.colsb[tile];
  if (!*rows)
    return fail(m, "%s: expected tile %u to have a shape", name, tile);
  return TILE_DONE;
}

/*===------------------------------------------------------------------------===
 * Tiles
 *===------------------------------------------------------------------------===*/

static tile_result zero(tile_machine *m, const instruction *i) {
  unsigned rows, colsb;
  if (find(m, "tilezero", i->reg, &rows, &colsb))
    return TILE_FAULT;
  memset(m->state->tiles[i->reg], 0, sizeof(m->state->tiles[0]));
  return TILE_DONE;
}

/* A start row is what an interrupted instruction goes on with. */
static tile_result move(tile_machine *m, const instruction *i, int is_load) {
  const char *name = is_load ? "tileloadd" : "tilestored";
  unsigned rows, colsb, start = m->state->config.start_row;
  if (!i->has_sib)
    return fail(m, "%s: expected an address with a stride", name);
  if (find(m, name, i->reg, &rows, &colsb))
    return TILE_FAULT;
  if (start >= rows)
    return fail(m, "%s: expected a start row below %u, got %u", name, rows,
                start);
  uint8_t(*tile)[TILE_BYTES] = m->state->tiles[i->reg];
  for (unsigned row = start; row < rows; ++row) {
    void *memory = (void *)(uintptr_t)(i->address + row * i->stride);
    if (is_load) {
      memcpy(tile[row], memory, colsb);
      memset(tile[row] + colsb, 0, TILE_BYTES - colsb);
    } else {
      memcpy(memory, tile[row], colsb);
    }
  }
  if (is_load)
    memset(tile[rows], 0, (TILE_ROWS - rows) * TILE_BYTES);
  m->state->config.start_row = 0;
  return TILE_DONE;
}

/* reg: sums, rm: the first factor, vvvv: the second. */
static tile_result multiply(tile_machine *m, const instruction *i) {
  static const char *const names[] = {"tdpbuud", "tdpbusd", "tdpbsud",
                                      "tdpbssd"};
  const char *name = names[i->prefix];
  unsigned sums = i->reg, first = i->rm, second = i->vvvv;
  unsigned rows, colsb, rows_a, colsb_a, rows_b, colsb_b;
  if (find(m, name, sums, &rows, &colsb) ||
      find(m, name, first, &rows_a, &colsb_a) ||
      find(m, name, second, &rows_b, &colsb_b))
    return TILE_FAULT;
  if (sums == first || sums == second || first == second)
    return fail(m, "%s: expected three tiles, got %u, %u and %u", name, sums,
                first, second);
  if (colsb % 4 || colsb_a % 4 || colsb_b % 4)
    return fail(m,
                "%s: expected rows of whole double words, got %u, %u and "
                "%u bytes",
                name, colsb, colsb_a, colsb_b);
  if (rows != rows_a || colsb_a / 4 != rows_b || colsb != colsb_b)
    return fail(m,
                "%s: expected shapes that fit, got %u x %u, %u x %u and "
                "%u x %u",
                name, rows, colsb, rows_a, colsb_a, rows_b, colsb_b);
  int signed_a = i->prefix & 2, signed_b = i->prefix == PF2 || i->prefix == P66;
  for (unsigned row = 0; row < rows; ++row) {
    uint32_t sum[TILE_BYTES / 4];
    memcpy(sum, m->state->tiles[sums][row], sizeof(sum));
    for (unsigned k = 0; k < colsb_a; ++k) {
      uint8_t a = m->state->tiles[first][row][k];
      const uint8_t *b = m->state->tiles[second][k / 4] + k % 4;
      int32_t x = signed_a ? (int8_t)a : a;
      for (unsigned n = 0; n < colsb / 4; ++n) {
        int32_t y = signed_b ? (int8_t)b[4 * n] : b[4 * n];
        sum[n] += (uint32_t)(x * y);
      }
    }
    memcpy(m->state->tiles[sums][row], sum, colsb);
    memset(m->state->tiles[sums][row] + colsb, 0, TILE_BYTES - colsb);
  }
  memset(m->state->tiles[sums][rows], 0, (TILE_ROWS - rows) * TILE_BYTES);
  m->state->config.start_row = 0;
  m->multiplied = 1;
  return TILE_DONE;
}

tile_result tile_execute(tile_machine *m, const uint8_t *code,
                         unsigned *length) {
  instruction i;
  if (!decode(m, code, &i))
    return TILE_UNKNOWN;
  *length = i.length;
  int is_register = i.mod == 3;
  if (i.opcode == 0x5E)
    return is_register ? multiply(m, &i) : TILE_UNKNOWN;
  if (i.vvvv)
    return fail(m, "expected no third operand, got %u", i.vvvv);
  if (i.opcode == 0x4B && !is_register && i.prefix != NONE)
    return move(m, &i, /*is_load=*/i.prefix != PF3);
  if (i.opcode != 0x49)
    return TILE_UNKNOWN;
  if (is_register && i.prefix == PF2 && i.rm == 0)
    return zero(m, &i);
  if (is_register && i.prefix == NONE && i.rm == 0 && i.reg == 0) {
    release(m);
    return TILE_DONE;
  }
  if (!is_register && i.reg == 0 && i.prefix == NONE)
    return load_config(m, &i);
  if (!is_register && i.reg == 0 && i.prefix == P66)
    return store_config(m, &i);
  return TILE_UNKNOWN;
}
