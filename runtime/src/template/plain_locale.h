/*===- plain_locale.h - numbers with points, months in English -------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * strtod, printf and strftime go by the locale of the process, which a program
 * that links this library may have set to one that writes 1.5 as 1,5.
 */
#ifndef TERN_SRC_TEMPLATE_PLAIN_LOCALE_H
#define TERN_SRC_TEMPLATE_PLAIN_LOCALE_H

#include <locale.h>

/* Gives the calling thread the locale "C" and returns the one that it had, for
 * uselocale. Without memory nothing changes. */
locale_t template_use_plain_locale(void);

#endif /* TERN_SRC_TEMPLATE_PLAIN_LOCALE_H */
