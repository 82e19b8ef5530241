#include "autosampling/training/choose_batches.hpp"

#include "autosampling/base/bytes.hpp"
#include "autosampling/base/counted.hpp"

#include <algorithm>

namespace autosampling {

BatchesChoice choose_batches(std::span<const GpuFacts> ranks, std::optional<std::int64_t> bytes) {
    if (std::ranges::none_of(ranks, &GpuFacts::cuda)) return {Batches::host, "members are trained on CPUs"};
    if (!bytes) return {Batches::streamed, "the examples are no images in memory"};
    for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
        const GpuFacts& facts = ranks[rank];
        if (!facts.cuda) continue;
        const auto sharing = std::ranges::count_if(ranks, [&](const GpuFacts& other) {
            return other.cuda && other.node == facts.node && other.bus_id == facts.bus_id;
        });
        if (*bytes * sharing > facts.free_bytes / 2)
            return {Batches::streamed,
                    text("the images are ", bytes_text(*bytes), ", the GPU of rank ", rank, " has ",
                         bytes_text(facts.free_bytes), " free for ", counted(sharing, "rank"), ", half for training")};
    }
    return {Batches::resident, text("the images are ", bytes_text(*bytes), ", and fit into the GPU of each rank")};
}

} // namespace autosampling
