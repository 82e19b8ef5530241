#include "autosampling/comm/core_use.hpp"

#include <algorithm>
#include <set>

namespace autosampling {

CoreUse most_crowded(const Communicator& comm, const Communicator& node, std::int64_t threads,
                     const std::vector<int>& cores) {
    const std::vector<int> all = node.all_gather(std::span(cores));
    const std::set<int> together(all.begin(), all.end());
    const auto less_crowded = [](const CoreUse& a, const CoreUse& b) {
        return a.threads * b.cores < b.threads * a.cores;
    };
    const CoreUse mine = std::max(CoreUse{threads, std::ssize(cores)},
                                  CoreUse{threads * node.size(), std::ssize(together)}, less_crowded);
    const std::vector<CoreUse> uses = comm.all_gather(std::span(&mine, 1));
    return *std::max_element(uses.begin(), uses.end(), less_crowded);
}

} // namespace autosampling
