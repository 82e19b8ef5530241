// A run in outline, made up before anything is trained: parts of what it will leave, of the sizes that they will have.
#pragma once

#include "autosampling/data/dataset.hpp"
#include "autosampling/population/prepare.hpp"
#include "autosampling/record/checkpoint.hpp"
#include "autosampling/record/run_record.hpp"

#include <cstdint>

namespace autosampling {

struct RunSketch {
    RunHeader header;                 // with the first `images` examples
    Launch launch;                    // of the first job
    Segment rows;                     // the first cycles, epochs and rounds
    CheckpointIndex before_end, last; // after the last cycle but one, and after the last one
    std::int64_t cycles_learned = 0;  // what the two have learned from
    FinalDistribution final;

    std::int64_t images() const { return header.training_images; }
};

// Where numbers are packed on disk they are random as the run's are; others are zero.
RunSketch sketch_run(const Prepared& prepared, const DatasetPlan& data, Launch launch);

} // namespace autosampling
