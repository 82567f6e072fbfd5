/*===- control_groups.h - the control groups around a process ---------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_HOST_CONTROL_GROUPS_H
#define TERN_SRC_HOST_CONTROL_GROUPS_H

/* Called with a group's directory; `is_unified`: of version 2. */
typedef void (*host_group_visit)(void *data, const char *directory,
                                 int is_unified);

/* This process's group and all around it as far as they can be seen, where they
 * have `controller`, such as "cpu". `root` comes in front of each path that is
 * read. */
void host_each_group(const char *root, const char *controller,
                     host_group_visit visit, void *data);

/* The first line of a short file of a directory; 0 when there is none. */
int host_group_line(const char *directory, const char *name, char *line,
                    int room);

/* The number behind `name` and a blank in a file of lines; -1 when there is
 * none. */
long long host_group_field(const char *directory, const char *file,
                           const char *name);

/* A number above 0; -1 for all else: "max", "-1", no number. */
long long host_group_number(const char *text, char **end);

#endif /* TERN_SRC_HOST_CONTROL_GROUPS_H */
