/*===- endings.c - ways that never come to an end ---------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "grammar.h"

/* Edges by a node that they need: their target, and of a call also where the
 * rule begins. */
typedef struct needs {
  uint32_t *first, *edges;
} needs;

static uint32_t start_of(const uint32_t *starts, const grammar_edge *edge) {
  return edge->kind == EDGE_CALL ? starts[edge->rule] : edge->target;
}

static needs find_needs(grammar_compiler *c, const grammar_placed_edge *edges,
                        uint32_t count, uint32_t nodes,
                        const uint32_t *starts) {
  needs n;
  n.first = grammar_allocate(c, nodes + 2ull, sizeof(*n.first));
  n.edges = grammar_allocate(c, 2ull * count + 1, sizeof(*n.edges));
  for (uint32_t i = 0; i < count; ++i) {
    ++n.first[edges[i].edge.target + 2];
    ++n.first[start_of(starts, &edges[i].edge) + 2];
  }
  for (uint32_t i = 0; i < nodes; ++i)
    n.first[i + 2] += n.first[i + 1];
  for (uint32_t i = 0; i < count; ++i) {
    n.edges[n.first[edges[i].edge.target + 1]++] = i;
    n.edges[n.first[start_of(starts, &edges[i].edge) + 1]++] = i;
  }
  return n;
}

uint32_t grammar_drop_endless(grammar_compiler *c, grammar_placed_edge *edges,
                              uint32_t count, uint32_t nodes,
                              const uint32_t *starts, const uint8_t *is_end) {
  needs n = find_needs(c, edges, count, nodes, starts);
  uint8_t *ends = grammar_allocate(c, nodes, 1);
  uint32_t *queue = grammar_allocate(c, nodes, sizeof(*queue));
  uint32_t queued = 0, kept = 0;
  for (uint32_t i = 0; i < nodes; ++i)
    if (is_end[i]) {
      ends[i] = 1;
      queue[queued++] = i;
    }
  for (uint32_t at = 0; at < queued; ++at)
    for (uint32_t i = n.first[queue[at]]; i < n.first[queue[at] + 1]; ++i) {
      const grammar_placed_edge *e = &edges[n.edges[i]];
      if (ends[e->from] || !ends[e->edge.target] ||
          !ends[start_of(starts, &e->edge)])
        continue;
      ends[e->from] = 1;
      queue[queued++] = e->from;
    }
  if (!ends[starts[0]])
    grammar_fail(c, c->is_schema ? "schema: no value is valid by it"
                                 : "no text that the rules allow has an end");
  for (uint32_t i = 0; i < count; ++i)
    if (ends[edges[i].edge.target] && ends[start_of(starts, &edges[i].edge)])
      edges[kept++] = edges[i];
  return kept;
}
