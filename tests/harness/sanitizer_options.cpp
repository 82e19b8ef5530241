// Linked into tests that are built with AddressSanitizer: what libraries of others leave allocated at their end.

extern "C" const char* __lsan_default_suppressions();

const char* __lsan_default_suppressions() {
    return "leak:libmpi.so\n"
           "leak:libopen-pal.so\n"
           "leak:libopen-rte.so\n"
           "leak:libpmix\n"
           "leak:mca_\n"
           "leak:libtorch_cpu.so\n";
}
