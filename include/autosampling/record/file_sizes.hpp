// How many bytes files of the record take: each is written to memory, as it would be to disk, and measured. Nothing is
// on disk afterwards.
#pragma once

#include "autosampling/record/checkpoint.hpp"
#include "autosampling/record/run_record.hpp"

#include <cstdint>
#include <span>

namespace autosampling {

// The rows of a segment, which may be empty, and what run.h5 has besides.
std::int64_t segment_size(const RunHeader& header, const Launch& launch, const Segment& segment);
std::int64_t run_file_size(const RunHeader& header, const Launch& launch, const Segment& segment,
                           const FinalDistribution& final);

// A state file, and a checkpoint's index.
std::int64_t state_size(std::span<const float> state, std::span<const StateTensor> layout);
std::int64_t index_size(const CheckpointIndex& index);

} // namespace autosampling
