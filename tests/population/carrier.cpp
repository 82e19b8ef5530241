#include "autosampling/population/carrier.hpp"

#include "small_run.hpp"

namespace autosampling::testing {
namespace {

// What is chosen by them is chosen on each rank for itself.
TEST(Carrier, every_rank_knows_the_devices_of_all) {
    const std::vector<GpuFacts> facts = gather_gpus(world(), world().split_by_node(), at::kCPU);
    ASSERT_EQ(facts.size(), static_cast<std::size_t>(world().size()));
    for (const GpuFacts& of : facts) {
        EXPECT_FALSE(of.cuda);
        EXPECT_EQ(of.node, 0);
    }
    const TransportChoice choice = choose_transport(world(), facts, TransportKind::automatic);
    EXPECT_EQ(choice.kind, TransportKind::mpi);
    EXPECT_FALSE(choice.why.empty());
}

} // namespace
} // namespace autosampling::testing
