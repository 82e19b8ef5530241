// Where a run goes on: from what of it is whole.
#pragma once

#include "autosampling/record/checkpoint.hpp"
#include "autosampling/record/run_record.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace autosampling {

struct ResumePoint {
    std::optional<CheckpointIndex> checkpoint; // without one the run begins again
    std::vector<StateTensor> layout;           // of the checkpoint's states
    std::vector<std::string> warnings;         // what was passed over, and why
    // All of the run's files are whole and at one: a run that goes no further than the checkpoint has nothing to do.
    bool complete = false;

    std::int64_t cycle() const { return checkpoint ? checkpoint->cycle : 0; }
};

// The newest checkpoint that is whole and whose cycles are recorded, in segments or in run.h5. None where the run ended
// before its first one. Changes nothing. Throws Error(checkpoint) where there is none although there is something that
// beginning again would put aside; and where a segment can't be read or is of another format version.
ResumePoint find_resume_point(const std::filesystem::path& run);

// Makes the record end at the point: segments that are missing or damaged are written anew from run.h5, those beyond
// it, damaged or doubled ones go to record/superseded/, later checkpoints to checkpoint/superseded/, unfinished ones
// are removed; where the run is to have more cycles than that, run.h5 and history.h5, too. Returns the record that is
// left.
RecordExtent prepare_resume(const std::filesystem::path& run, const ResumePoint& point, std::int64_t cycles_planned);

} // namespace autosampling
