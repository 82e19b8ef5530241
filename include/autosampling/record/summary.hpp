// summary.json: how far a run is and what it reached, in a few lines for scripts and people.
#pragma once

#include "autosampling/record/run_record.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace autosampling {

struct Summary {
    std::string state; // running, stopped, finished
    std::int64_t cycles = 0, cycles_planned = 0;
    std::int64_t epochs = 0; // complete
    std::int64_t members = 0;
    double best_reward = 0;       // of the last cycle's winner, or of the mean of its members
    double test_accuracy = 0;     // of the last epoch's winner, or mean; NaN before the first epoch
    double seconds = 0;           // since the start of the job
    std::uint64_t state_hash = 0; // of the last cycle's winner, or mean
    std::filesystem::path record; // run.h5, or the folder of segments while there is none
};

// What a run had reached at the end of its record (not empty): epochs, reward, test accuracy, state. The rest is left.
Summary recorded_summary(const RecordExtent& extent);

// Replaces the file at once. NaN becomes null; the hash, a string of 16 hexadecimal digits. Throws Error(failure).
void write_summary(const std::filesystem::path& path, const Summary& summary);

} // namespace autosampling
