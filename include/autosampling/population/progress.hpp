// What a user sees while a run goes on: progress lines and summary.json.
#pragma once

#include "autosampling/base/log.hpp"
#include "autosampling/population/plan.hpp"
#include "autosampling/record/run_record.hpp"
#include "autosampling/record/summary.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

namespace autosampling {

// Local, on rank 0.
class Progress {
  public:
    Progress(const Options& options, const Plan& plan, std::filesystem::path run, std::int64_t link,
             std::int64_t first_cycle);

    // One line a cycle, at most one in a second: best, mean and spread of the rewards, with the standard error that a
    // reward has as a proportion of that many images (the best of many noisy values is no measure of progress).
    void cycle(const CycleRow& row, Log& log);
    void epoch(const EpochRow& row, Log& log);
    // The hash of what the last cycle ended with, where its row had none yet.
    void state(std::uint64_t hash) { now_.state_hash = hash; }

    // What was reached before this job: until there is news, summary.json says that.
    void go_on(Summary recorded);

    // Replaces summary.json; `state` is running, stopped or finished. Thread: any one at a time.
    void write_summary(Summary summary, const std::string& state) const;
    // As it stands now, but for what write_summary fills in.
    Summary snapshot() const;

  private:
    const Options& options_;
    const Plan& plan_;
    std::filesystem::path run_;
    std::int64_t first_cycle_;
    std::chrono::steady_clock::time_point start_, last_line_;
    Summary now_;
};

} // namespace autosampling
