/*===- control_groups.c - the control groups around a process ---------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * A container sees the whole machine: its limits are in files of its control
 * group and of every group around it, as cgroups(7) and proc(5) have them.
 */
#include "control_groups.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES 4096u

typedef struct group_search {
  const char *root, *controller;
  host_group_visit visit;
  void *data;
  char unified[PATH_BYTES]; /* the process's group in version 2, or "" */
  char own[PATH_BYTES];     /* and in the controller's of version 1, or "" */
  int mounts;               /* that were looked at */
} group_search;

/* Joins; 0 when there is no room. */
static int join(char *out, const char *a, const char *b, const char *c) {
  int n = snprintf(out, PATH_BYTES, "%s%s%s", a, b, c);
  return n >= 0 && (unsigned)n < PATH_BYTES;
}

int host_group_line(const char *directory, const char *name, char *line,
                    int room) {
  char path[PATH_BYTES];
  FILE *in = join(path, directory, name, "") ? fopen(path, "r") : NULL;
  int found = in && fgets(line, room, in) != NULL;
  if (in)
    fclose(in);
  return found;
}

long long host_group_field(const char *directory, const char *file,
                           const char *name) {
  char path[PATH_BYTES], line[256];
  long long number = -1;
  size_t length = strlen(name);
  FILE *in = join(path, directory, file, "") ? fopen(path, "r") : NULL;
  while (in && number < 0 && fgets(line, sizeof(line), in))
    if (strncmp(line, name, length) == 0 && line[length] == ' ')
      number = atoll(line + length);
  if (in)
    fclose(in);
  return number;
}

long long host_group_number(const char *text, char **end) {
  errno = 0;
  long long number = strtoll(text, end, 10);
  return *end != text && errno == 0 && number > 0 ? number : -1;
}

/* Returns true if a path leaves its mount: of a group in another namespace. */
static int has_parent(const char *path) {
  for (const char *at = strstr(path, "/.."); at; at = strstr(at + 1, "/.."))
    if (at[3] == '/' || at[3] == 0)
      return 1;
  return 0;
}

/* The group and all around it as far as they can be seen: `shown` is the group
 * that is mounted at `mount`. */
static void read_groups(group_search *search, const char *shown,
                        const char *mount, int is_unified) {
  const char *group = is_unified ? search->unified : search->own;
  size_t length = strcmp(shown, "/") == 0 ? 0 : strlen(shown);
  const char *below = "";
  char directory[PATH_BYTES];
  ++search->mounts;
  if (strncmp(group, shown, length) == 0 &&
      (group[length] == '/' || group[length] == 0))
    below = group + length;
  if (has_parent(below))
    below = "";
  if (!join(directory, search->root, mount, below))
    return;
  size_t top = strlen(search->root) + strlen(mount);
  for (;;) {
    search->visit(search->data, directory, is_unified);
    char *slash = strrchr(directory, '/');
    if (!slash || slash < directory + top)
      return;
    *slash = 0;
  }
}

/* Returns true if `word` is one of a list with commas. */
static int lists(const char *list, const char *word) {
  size_t length = strlen(word);
  for (;;) {
    size_t n = strcspn(list, ",");
    if (n == length && memcmp(list, word, n) == 0)
      return 1;
    if (!list[n])
      return 0;
    list += n + 1;
  }
}

/* "4:cpu,cpuacct:/docker/1f" or "0::/user.slice" */
static void read_membership(group_search *search, char *line) {
  char *controllers = strchr(line, ':');
  char *path = controllers ? strchr(controllers + 1, ':') : NULL;
  if (!path || strlen(path + 1) >= PATH_BYTES)
    return;
  *path++ = 0;
  ++controllers;
  if (!*controllers)
    strcpy(search->unified, path);
  else if (lists(controllers, search->controller))
    strcpy(search->own, path);
}

/* In place: blanks and more are written as \040. */
static void unescape(char *text) {
  char *out = text;
  for (; *text; ++out) {
    if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' &&
        text[2] <= '7' && text[3] >= '0' && text[3] <= '7') {
      *out = (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 + text[3] - '0');
      text += 4;
    } else {
      *out = *text++;
    }
  }
  *out = 0;
}

/* "30 23 0:26 SHOWN MOUNT rw,relatime shared:9 - cgroup2 cgroup2 rw,..." */
static void read_mount(group_search *search, char *line) {
  char *fields[5], *rest = NULL;
  char *tail = strstr(line, " - ");
  if (!tail)
    return;
  *tail = 0;
  for (int i = 0; i < 5; ++i)
    if (!(fields[i] = strtok_r(i ? NULL : line, " ", &rest)))
      return;
  char *type = strtok_r(tail + 3, " ", &rest);
  char *source = strtok_r(NULL, " ", &rest);
  char *options = strtok_r(NULL, " ", &rest);
  int is_unified = type && strcmp(type, "cgroup2") == 0;
  if (!is_unified &&
      !(type && source && options && strcmp(type, "cgroup") == 0 &&
        lists(options, search->controller)))
    return;
  unescape(fields[3]);
  unescape(fields[4]);
  read_groups(search, fields[3], fields[4], is_unified);
}

static void each_line(group_search *search, const char *name,
                      void (*take)(group_search *search, char *line)) {
  char path[PATH_BYTES], *line = NULL;
  size_t room = 0;
  FILE *in = join(path, search->root, name, "") ? fopen(path, "r") : NULL;
  ssize_t n;
  while (in && (n = getline(&line, &room, in)) >= 0) {
    if (n > 0 && line[n - 1] == '\n')
      line[n - 1] = 0;
    take(search, line);
  }
  free(line);
  if (in)
    fclose(in);
}

void host_each_group(const char *root, const char *controller,
                     host_group_visit visit, void *data) {
  group_search *search = calloc(1, sizeof(*search));
  if (!search)
    return;
  search->root = root;
  search->controller = controller;
  search->visit = visit;
  search->data = data;
  each_line(search, "/proc/self/cgroup", read_membership);
  each_line(search, "/proc/self/mountinfo", read_mount);
  if (search->mounts == 0) {
    /* A sandbox may show the files but no mounts. */
    char mount[PATH_BYTES];
    read_groups(search, "/", "/sys/fs/cgroup", 1);
    if (join(mount, "/sys/fs/cgroup/", controller, ""))
      read_groups(search, "/", mount, 0);
  }
  free(search);
}
