// What a run needs in memory.
#pragma once

#include "autosampling/options/options.hpp"
#include "autosampling/population/plan.hpp"

#include <cstdint>

namespace autosampling {

// Bytes at most on rank 0, which records, beside LibTorch, the activations and the data set; other ranks need less.
// `options` resolved; of the plan, the sizes of the data and of the state are known.
std::int64_t rank_bytes(const Options& options, int ranks, const Plan& plan);

} // namespace autosampling
