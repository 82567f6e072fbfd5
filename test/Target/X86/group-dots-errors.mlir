// RUN: tern-opt %s -split-input-file -verify-diagnostics

// expected-error @+1 {{expected one of 2 vectors, got number 2}}
func.func private @f() attributes {k = #tern_x86.group_dots<dot = <vpdpbusd_512>, vectors = 2, first = 2, groups = 8, tokens = 4>}

// -----

// expected-error @+1 {{expected a multiple of 4 groups, got 6}}
func.func private @f() attributes {k = #tern_x86.group_dots<dot = <vpdpbusd_512>, vectors = 2, first = 0, groups = 6, tokens = 4>}

// -----

// expected-error @+1 {{expected 1 to 16 tokens, got 17}}
func.func private @f() attributes {k = #tern_x86.group_dots<dot = <vpdpbusd_512>, vectors = 2, first = 0, groups = 8, tokens = 17>}
