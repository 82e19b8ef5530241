// Linked into tests that use MPI and are built with AddressSanitizer: Open MPI leaves memory of modules that it has
// unloaded, which can't be told by its stack from a leak of ours. The serial tests look for leaks.

extern "C" const char* __asan_default_options();

const char* __asan_default_options() {
    return "detect_leaks=0";
}
