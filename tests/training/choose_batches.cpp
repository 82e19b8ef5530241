#include "autosampling/training/choose_batches.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace autosampling {
namespace {

constexpr std::int64_t gb = 1'000'000'000;

// Each alone on its GPU: on two nodes, whose GPUs have equal bus ids.
std::vector<GpuFacts> four_gpus() {
    const auto gpu = [](const char* bus_id, std::int32_t node) {
        GpuFacts facts;
        facts.cuda = true;
        facts.bus_id = bus_id;
        facts.node = node;
        facts.free_bytes = 80 * gb;
        return facts;
    };
    return {gpu("4a", 0), gpu("4b", 0), gpu("4a", 2), gpu("4b", 2)};
}

void expect_choice(const std::vector<GpuFacts>& ranks, std::optional<std::int64_t> bytes, Batches kind,
                   const std::string& why) {
    const BatchesChoice choice = choose_batches(ranks, bytes);
    EXPECT_EQ(choice.kind, kind);
    EXPECT_EQ(choice.why, why);
}

TEST(ChooseBatches, cpus_have_them_from_the_host) {
    expect_choice(std::vector<GpuFacts>(2), gb, Batches::host, "members are trained on CPUs");
    expect_choice(std::vector<GpuFacts>(2), {}, Batches::host, "members are trained on CPUs");
}

TEST(ChooseBatches, images_that_fit_into_half_of_what_is_free_are_resident) {
    expect_choice(four_gpus(), 40 * gb, Batches::resident, "the images are 40.0 GB, and fit into the GPU of each rank");
    expect_choice(four_gpus(), 40 * gb + 1, Batches::streamed,
                  "the images are 40.0 GB, the GPU of rank 0 has 80.0 GB free for 1 rank, half for training");
}

TEST(ChooseBatches, the_fullest_gpu_counts) {
    auto ranks = four_gpus();
    ranks[2].free_bytes = 2 * gb;
    expect_choice(ranks, gb, Batches::resident, "the images are 1.0 GB, and fit into the GPU of each rank");
    ranks[2].free_bytes = 2 * gb - 1;
    expect_choice(ranks, gb, Batches::streamed,
                  "the images are 1.0 GB, the GPU of rank 2 has 2.0 GB free for 1 rank, half for training");
}

TEST(ChooseBatches, ranks_that_share_a_gpu_have_a_copy_each) {
    auto ranks = four_gpus();
    for (const std::size_t rank : {1, 2}) ranks[rank].bus_id = ranks[rank].node == 0 ? "4a" : "4b"; // two share each
    expect_choice(ranks, 20 * gb, Batches::resident, "the images are 20.0 GB, and fit into the GPU of each rank");
    expect_choice(ranks, 20 * gb + 1, Batches::streamed,
                  "the images are 20.0 GB, the GPU of rank 0 has 80.0 GB free for 2 ranks, half for training");
}

TEST(ChooseBatches, a_rank_on_a_cpu_beside_gpus_does_not_count) {
    auto ranks = four_gpus();
    ranks[1] = {};
    expect_choice(ranks, 40 * gb, Batches::resident, "the images are 40.0 GB, and fit into the GPU of each rank");
}

TEST(ChooseBatches, what_is_no_image_in_memory_is_streamed) {
    expect_choice(four_gpus(), {}, Batches::streamed, "the examples are no images in memory");
}

} // namespace
} // namespace autosampling
