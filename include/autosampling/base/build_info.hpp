// What this program was built from and with; echoed by `info` and in every file that it writes.
#pragma once

#include <string>

namespace autosampling {

struct BuildInfo {
    std::string version;    // of the program
    std::string git_hash;   // "unknown" outside a git checkout
    bool git_dirty = false; // the sources had uncommitted changes
    std::string build_type; // Release, Debug, …
    std::string compiler;   // name and version
    bool cuda = false;      // built with AUTOSAMPLING_CUDA
};

BuildInfo build_info();

// The processor's model name, family, model and stepping, by /proc/cpuinfo; where it gives none (Arm), architecture and
// part number.
std::string cpu_kind();
// This host's name.
std::string host_name();
// What the batch system calls this job; empty without one.
std::string batch_job();
// UTC now, as 2026-01-31T12:00:00Z.
std::string utc_now();

} // namespace autosampling
