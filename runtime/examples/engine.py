#!/usr/bin/env python3
# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""engine.py LIBRARY TEXT...: answers at the same time.

    tern compile MODEL -o bard.so
    python3 engine.py ./bard.so "ROMEO:" "JULIET:"
"""

import sys

import tern

try:
    with tern.Model(sys.argv[1]) as model:
        streams = [model.stream(text, temperature=0, max_tokens=20) for text in sys.argv[2:]]
        for stream in streams:
            print(stream.read())
except tern.Error as error:
    sys.exit(str(error))
