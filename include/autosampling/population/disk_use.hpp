// What a finished run leaves on disk, before anything is trained.
#pragma once

#include "autosampling/data/dataset.hpp"
#include "autosampling/population/prepare.hpp"
#include "autosampling/record/run_record.hpp"

#include <cstdint>
#include <string>

namespace autosampling {

struct DiskUse {
    std::int64_t run_file = 0;    // bytes of run.h5
    std::int64_t record = 0;      // of the segments, once they are joined
    std::int64_t most_record = 0; // before they are
    std::int64_t checkpoints = 0; // of those that are kept
    std::int64_t rest = 0;        // config.toml and so on; the log, which grows with the hours, not
    std::int64_t segments = 0;
    std::int64_t kept = 0;  // checkpoints
    std::int64_t files = 0; // in all
    // Beside those, where the clock asks for checkpoints, too, and the run is long enough.
    std::int64_t kept_by_clock = 0, clock_bytes = 0;
    std::int64_t one_more = 0; // bytes of a checkpoint that is kept until the next one stands
    std::int64_t losses = 0;   // bytes of run.h5, and as many of the segments: the losses of draws

    std::int64_t bytes() const { return run_file + record + checkpoints + rest; }
    // While the run goes on; run.h5 is only made at its end.
    std::int64_t most_bytes() const;
};

// Sizes are those of a sketch of the run, written to memory by the record's own functions; what grows with cycles,
// epochs, rounds and examples is scaled up. Not foreseen: checkpoints that are left out since one is still being
// written, and stops. `launch`: of the first job.
DiskUse estimate_disk_use(const Prepared& prepared, const DatasetPlan& data, const Launch& launch);

// A line for `check` and the log.
std::string describe(const DiskUse& use, const Options& options);

} // namespace autosampling
