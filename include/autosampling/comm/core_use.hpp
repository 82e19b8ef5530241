// Threads and the cores that they share.
#pragma once

#include "autosampling/comm/communicator.hpp"

#include <cstdint>
#include <vector>

namespace autosampling {

struct CoreUse {
    std::int64_t threads = 0;
    std::int64_t cores = 0;
};

// Where the most threads share a core: those of one rank on the cores that it may run on, or those of all ranks of a
// node on all of theirs. `threads` of each rank, `cores` by number. Collective over both; `node` is
// comm.split_by_node().
CoreUse most_crowded(const Communicator& comm, const Communicator& node, std::int64_t threads,
                     const std::vector<int>& cores);

} // namespace autosampling
