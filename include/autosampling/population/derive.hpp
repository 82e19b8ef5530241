// What a record holds beyond its segments, derived from them without training.
#pragma once

#include "autosampling/base/log.hpp"
#include "autosampling/population/run.hpp"

#include <cstdint>
#include <filesystem>

namespace autosampling {

// Builds run.h5 from the closed segments of a run that isn't running. Throws Error(checkpoint). Local.
void finish_run(const std::filesystem::path& run, Log& log);

// Writes RUN/history.h5: counts, scores and learned distribution after every epoch, or with `every` > 0 after every so
// many cycles, and after the last one that is recorded; of a run that is going on, too. Throws Error(checkpoint).
// Local.
void write_run_history(const std::filesystem::path& run, std::int64_t every, Log& log);

} // namespace autosampling
