// What this program was built from and with; echoed by `info` and in every file that it writes.
#pragma once

#include <chrono>
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
// A time in UTC, as 2026-01-31T12:00:00Z.
std::string utc(std::chrono::system_clock::time_point time);
std::string utc_now();

} // namespace autosampling
