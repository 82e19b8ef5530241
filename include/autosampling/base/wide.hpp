// AUTOSAMPLING_WIDE before a function: compiled for several widths of vector registers, and the widest that the
// processor has is taken. Its loops must give the same bits with each.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define AUTOSAMPLING_WIDE __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define AUTOSAMPLING_WIDE
#endif
