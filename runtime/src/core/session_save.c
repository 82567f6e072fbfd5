/*===- session_save.c - a sequence's cache as bytes ------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "session.h"

#include "memory.h"

/* The state's bytes for `position` tokens follow. In the byte order of the
 * machine, as the state itself is. */
typedef struct saved_header {
  char magic[8];
  uint64_t state_id;
  uint64_t state_bytes;
  uint32_t position;
  uint32_t reserved;
} saved_header;

static const char saved_magic[8] = {'T', 'E', 'R', 'N', 'K', 'V', 'S', '1'};

static uint64_t used_bytes(const tern_session *session) {
  return tern_model_state_bytes(session->model, session->position);
}

size_t tern_session_save_bytes(const tern_session *session) {
  /* Cannot overflow: the session's memory was larger. */
  return session ? sizeof(saved_header) + (size_t)used_bytes(session) : 0;
}

tern_status tern_session_save(const tern_session *session, void *memory,
                              size_t bytes) {
  if (!session || !memory)
    return TERN_BAD_ARGUMENT;
  if (bytes < tern_session_save_bytes(session))
    return TERN_TOO_SMALL;
  saved_header header = {0};
  memcpy(header.magic, saved_magic, sizeof(saved_magic));
  header.state_id = session->model->state_id;
  header.state_bytes = used_bytes(session);
  header.position = session->position;
  memcpy(memory, &header, sizeof(header));
  const tern_device *device = session->model->device ? session->env->device : 0;
  uint8_t *to = (uint8_t *)memory + sizeof(header);
  if (device)
    return device->copy_out(device->host, to, session->state,
                            (size_t)header.state_bytes);
  memcpy(to, session->state, (size_t)header.state_bytes);
  return TERN_OK;
}

tern_status tern_session_restore(tern_session *session, const void *memory,
                                 size_t bytes) {
  saved_header header;
  if (!session || !memory)
    return TERN_BAD_ARGUMENT;
  if (bytes < sizeof(header))
    return TERN_WRONG_STATE;
  memcpy(&header, memory, sizeof(header));
  if (memcmp(header.magic, saved_magic, sizeof(saved_magic)) != 0 ||
      header.state_id != session->model->state_id || header.reserved != 0 ||
      header.state_bytes !=
          tern_model_state_bytes(session->model, header.position) ||
      header.state_bytes != bytes - sizeof(header))
    return TERN_WRONG_STATE;
  if (header.position > session->context)
    return TERN_CONTEXT_FULL;
  const tern_device *device = session->model->device ? session->env->device : 0;
  const uint8_t *from = (const uint8_t *)memory + sizeof(header);
  if (device) {
    tern_status status = device->copy_in(device->host, session->state, from,
                                         (size_t)header.state_bytes);
    if (status != TERN_OK)
      return status;
  } else {
    memcpy(session->state, from, (size_t)header.state_bytes);
  }
  session->position = header.position;
  return TERN_OK;
}
