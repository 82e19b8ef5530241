// summary.json: how far a run is and what it reached, in a few lines for scripts and people.
#pragma once

#include "autosampling/record/run_record.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

namespace autosampling {

// While its run goes on, the file is touched that often.
constexpr std::chrono::seconds summary_heartbeat{15};

struct Summary {
    std::string state{}; // running, stopped, finished, failed
    std::string error{}; // why it failed
    std::int64_t cycles = 0, cycles_planned = 0;
    std::int64_t epochs = 0; // complete
    std::int64_t link = 0;   // number of the job in the run's chain
    std::int64_t members = 0;
    std::string reward{};                // what the rewards are: accuracy, or loss (negative)
    double best_reward = 0;              // of the last cycle's winner, or of the mean of its members
    double average_reward = 0;           // over its members, those that were finite
    double average_reward_error = 0;     // standard error of this average; NaN for one member
    std::int64_t members_not_finite = 0; // in the last cycle
    double test_accuracy = 0;            // of the last epoch's winner, or mean; NaN before it, and in a regression
    double test_loss = 0;                // likewise, but for regressions
    double seconds = 0;                  // since the start of the job
    std::uint64_t state_hash = 0;        // of the last cycle's winner, or mean
    std::filesystem::path record{};      // run.h5, or the folder of segments while there is none
};

// Sets what a summary says of the last cycle.
void take_cycle(const CycleRow& row, Summary& summary);

// What a run had reached at the end of its record: epochs, rewards, test accuracy, state. The rest is left.
Summary recorded_summary(const RecordExtent& extent);

// Replaces the file at once. NaN becomes null; the hash, a string of 16 hexadecimal digits. Throws Error(failure).
void write_summary(const std::filesystem::path& path, const Summary& summary);

// State and cycles as the file has them: those of the last checkpoint, at least. A default summary where there is no
// file or it can't be read.
Summary read_summary(const std::filesystem::path& path);

// What the file says, in one line for a log: RESULT and KEY=VALUE. Throws.
std::string result_line(const std::filesystem::path& path);

// Says in the file, which keeps the rest, that the run has failed. Throws.
void write_failure(const std::filesystem::path& path, const std::string& error);

} // namespace autosampling
