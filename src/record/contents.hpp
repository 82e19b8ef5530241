// What goes into a file of the record, be the file on disk or in memory.
#pragma once

#include "autosampling/record/checkpoint.hpp"
#include "autosampling/record/hdf5.hpp"
#include "autosampling/record/run_record.hpp"

#include <span>

namespace autosampling {

void fill_segment(Hdf5File& file, const RunHeader& header, const Launch& launch, const Segment& segment);
void fill_state(Hdf5File& file, std::span<const float> state, std::span<const StateTensor> layout);
void fill_index(Hdf5File& file, const CheckpointIndex& index);

} // namespace autosampling
