// Keeps what the cycles leave behind and writes it, with the checkpoints, while the next cycles run.
//
// A checkpoint after cycle t takes three steps: every rank that holds a distinct state writes it (and rank 0 the
// segment up to t) in the background; each rank's progress travels with the outcomes of the following cycles; when all
// have written, rank 0 publishes the index. So no cycle waits for a disk.
#pragma once

#include "autosampling/comm/communicator.hpp"
#include "autosampling/population/background_writer.hpp"
#include "autosampling/population/exchange.hpp"
#include "autosampling/population/options.hpp"
#include "autosampling/record/checkpoint.hpp"
#include "autosampling/record/run_record.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <vector>

namespace autosampling {

class Recorder {
  public:
    // `layout` describes a state. `first_cycle`: where the record goes on.
    Recorder(const Communicator& comm, std::filesystem::path run, RunHeader header, Launch launch,
             const RecordOptions& options, std::vector<StateTensor> layout, std::int64_t first_cycle);

    // Rows of the record; rank 0 keeps them, others drop them. Local.
    void add(CycleRow row);
    void add(EpochRow row);

    // Whether rank 0's clock asks for a checkpoint, and whether one is due after so many cycles given that flag.
    bool clock_due() const;
    bool due(std::int64_t cycles_done, bool clock_flag) const;
    // Whether the last checkpoint that was begun stands for fewer cycles.
    bool behind(std::int64_t cycles_done) const { return last_checkpoint_ < cycles_done; }
    // Starts a checkpoint; not while one is under way. `mine`: the distinct states that this rank writes, by number.
    // `index` is complete on rank 0; `afterwards` runs there in the background once the index stands. Every rank calls
    // it at the same cycle.
    void begin(CheckpointIndex index, std::map<std::int32_t, State> mine, std::function<void()> afterwards);
    bool under_way() const { return pending_.has_value(); }
    // The last checkpoint whose files this rank has written; −1: none. Throws what a write threw.
    std::int64_t written();
    // Told the least `written` of all ranks, every cycle: ends the checkpoint under way when all have written.
    void settle(std::int64_t least_written);

    // Waits until everything is on disk. Collective.
    void finish();

    const RunHeader& header() const { return header_; }
    const Launch& launch() const { return launch_; }

  private:
    struct Pending {
        CheckpointIndex index;
        std::function<void()> afterwards;
    };
    void publish();

    const Communicator& comm_;
    std::filesystem::path run_;
    RunHeader header_;
    Launch launch_;
    RecordOptions options_;
    std::vector<StateTensor> layout_;
    Segment segment_; // rows since the last checkpoint
    std::optional<Pending> pending_;
    std::int64_t last_checkpoint_; // cycles
    std::chrono::steady_clock::time_point last_time_;
    std::atomic<std::int64_t> written_{-1};
    BackgroundWriter writer_; // last: its thread ends first
};

} // namespace autosampling
