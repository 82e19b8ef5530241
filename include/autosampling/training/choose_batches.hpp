// Where the batches of a run are made.
#pragma once

#include "autosampling/comm/choose_transport.hpp"
#include "autosampling/training/batch_loader.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace autosampling {

struct BatchesChoice {
    Batches kind = Batches::host;
    std::string why;
};

// One for all ranks that train on GPUs, by the facts of all: resident where `bytes` (resident_bytes) fit into every
// GPU, once for each rank that uses it. Half of what is free there is left for training. Local.
BatchesChoice choose_batches(std::span<const GpuFacts> ranks, std::optional<std::int64_t> bytes);

} // namespace autosampling
