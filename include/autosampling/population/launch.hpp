// What a run says of itself: to the record, and in the first lines of its log.
#pragma once

#include "autosampling/base/log.hpp"
#include "autosampling/comm/communicator.hpp"
#include "autosampling/population/prepare.hpp"
#include "autosampling/record/run_record.hpp"

#include <c10/core/Device.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace autosampling {

RunHeader make_header(const Prepared& prepared, const DatasetPlan& data, std::uint64_t dataset_hash);

// `link`: how many jobs of this run there were before. Without what was chosen by the ranks' devices. Collective.
Launch make_launch(const Communicator& comm, const RunOptions& options, const at::Device& device, std::int64_t link);

// When a job that began then must have ended its cycles: after run.walltime, or in time for the end of the batch job.
std::optional<std::chrono::steady_clock::time_point> wall_of(const RunOptions& options,
                                                             std::chrono::steady_clock::time_point began);

// What it would be with so many ranks like this process, on a CPU. Local.
Launch foreseen_launch(const RunOptions& options, std::int64_t ranks);

// Why a run has its transport, and makes batches where it does.
struct Reasons {
    std::string transport, batches;
};

// The plan, what it takes on disk, and what may surprise. On rank 0.
void say_start(const Prepared& prepared, const DatasetPlan& data, const Launch& launch, const Reasons& why,
               std::int64_t first_cycle, Log& log);

// Says where more threads than cores are. `threads` of each rank. Collective over both; `node` is comm.split_by_node().
void warn_of_crowded_cores(const Communicator& comm, const Communicator& node, std::int64_t threads, Log& log);

} // namespace autosampling
