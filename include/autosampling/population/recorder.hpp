// Keeps what the cycles leave behind and writes it, with the checkpoints, while the next cycles run.
//
// A checkpoint after cycle t takes three steps: every rank that holds a distinct state writes it (and rank 0 the
// segment up to t) in the background; the ranks report their progress with the following cycles; when all have written,
// rank 0 publishes the index. So no cycle waits for a disk.
#pragma once

#include "autosampling/comm/communicator.hpp"
#include "autosampling/options/options.hpp"
#include "autosampling/population/background_writer.hpp"
#include "autosampling/population/exchange.hpp"
#include "autosampling/record/checkpoint.hpp"
#include "autosampling/record/run_directory.hpp"
#include "autosampling/record/run_record.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace autosampling {

// What a rank says to all others in every cycle.
struct RankReport {
    std::uint8_t stop = 0;                // it was asked to stop
    std::uint8_t checkpoint_due = 0;      // rank 0's clock says so
    std::uint8_t failed = 0;              // it could not write
    std::int64_t checkpoint_written = -1; // the last checkpoint whose states it has written; −1: none
};

// What a checkpoint holds, as of one cycle.
struct Snapshot {
    CheckpointIndex index;                // complete on rank 0
    std::map<std::int32_t, State> states; // the distinct ones that this rank writes, by number
    std::function<void()> afterwards;     // runs on rank 0, in the background, once the index stands
};

enum class CheckpointWhen { due, now };

class Recorder {
  public:
    // `directory` on rank 0, else null; it outlives the recorder. `layout` describes a state. `first_cycle`: where the
    // record goes on.
    Recorder(const Communicator& comm, std::filesystem::path run, const RunDirectory* directory, RunHeader header,
             Launch launch, const RecordOptions& options, std::vector<StateTensor> layout, std::int64_t first_cycle);

    // Rows of the record; rank 0 keeps them, others drop them. Local.
    void add(CycleRow row);
    void add(EpochRow row);
    void add(RoundRow row);

    // Local.
    RankReport report(bool stop);
    // After every cycle, with the reports of all ranks: publishes the checkpoint under way when all have written it,
    // and takes a new one when it is due, or at once; never two for one cycle. `take` is collective; so is this. Throws
    // Error(checkpoint) where the run directory was taken away, or what a write threw.
    void after_cycle(std::int64_t cycles_done, std::span<const RankReport> reports, CheckpointWhen when,
                     const std::function<Snapshot()>& take);
    // Waits until everything is on disk. Collective.
    void finish();

    const RunHeader& header() const { return header_; }
    const Launch& launch() const { return launch_; }

  private:
    bool clock_due() const;
    void begin(Snapshot snapshot);
    void publish(std::size_t least); // joins so many small segments or more
    void settle();

    const Communicator& comm_;
    std::filesystem::path run_;
    const RunDirectory* directory_;
    RunHeader header_;
    Launch launch_;
    RecordOptions options_;
    std::vector<StateTensor> layout_;
    std::int64_t first_cycle_;        // of this job
    Segment segment_;                 // rows since the last checkpoint
    std::optional<Snapshot> pending_; // under way, its states handed to the writer
    std::int64_t last_checkpoint_;    // cycles; where the record began while there is none
    bool has_checkpoint_;
    std::chrono::steady_clock::time_point last_time_;
    std::atomic<std::int64_t> written_{-1};
    BackgroundWriter writer_; // last: its thread ends first
};

} // namespace autosampling
