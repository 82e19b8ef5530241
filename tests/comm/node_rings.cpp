#include "comm/node_rings.hpp"

#include "harness/mpi_test.hpp"

#include <gmock/gmock.h>

#include <numeric>

namespace autosampling::testing {
namespace {

constexpr std::size_t piece = NodeRings::piece_length;

// Rank 0 puts, the others take; what each does comes between barriers.
class NodeRingsTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (node.size() == 1) GTEST_SKIP() << "needs two ranks";
        ASSERT_TRUE(rings.exist()) << "no 16 MiB in /dev/shm";
        readers.resize(static_cast<std::size_t>(node.size() - 1));
        std::iota(readers.begin(), readers.end(), 1);
    }

    // Pieces from `first` on that find a place now.
    std::size_t put_all(std::size_t ring, const std::vector<float>& state, std::size_t first = 0) {
        std::size_t next = first;
        while (next * piece < state.size() && rings.put(ring, state, next, readers)) ++next;
        return next - first;
    }

    const bool puts = world().is_root();
    Communicator node = world().split_by_node();
    NodeRings rings{node};
    std::vector<int> readers;
};

std::vector<float> numbered(std::size_t length, float first) {
    std::vector<float> state(length);
    std::iota(state.begin(), state.end(), first);
    return state;
}

TEST_F(NodeRingsTest, a_piece_is_taken_as_it_was_put_wherever_it_goes) {
    const std::vector<float> state = numbered(piece + 100'003, 5);
    rings.begin(2);
    EXPECT_EQ(puts ? put_all(1, state) : 2, 2U);
    node.barrier();
    std::vector<float> taken(state.size() + 1);
    const std::span<float> unaligned = std::span(taken).subspan(1);
    if (!puts) {
        EXPECT_FALSE(rings.take(0, unaligned, 0));
        EXPECT_TRUE(rings.take(1, unaligned, 0) && rings.take(1, unaligned, 1));
        EXPECT_FALSE(rings.take(1, unaligned, 2));
        EXPECT_TRUE(std::ranges::equal(unaligned, state));
    }
    rings.end();
}

TEST_F(NodeRingsTest, a_full_ring_waits_for_its_slowest_reader) {
    const std::size_t slots = NodeRings::most / 8;
    const std::vector<float> state(piece * (slots + 2), 1);
    std::vector<float> taken(state.size());
    rings.begin(8);
    EXPECT_EQ(puts ? put_all(7, state) : slots, slots);
    node.barrier();
    if (node.rank() > 1) {
        EXPECT_TRUE(rings.take(7, taken, 0));
    }
    node.barrier();
    EXPECT_EQ(puts && node.size() > 2 ? put_all(7, state, slots) : 0, 0U);
    node.barrier();
    if (node.rank() == 1) {
        EXPECT_TRUE(rings.take(7, taken, 0));
    }
    node.barrier();
    EXPECT_EQ(puts ? put_all(7, state, slots) : 1, 1U);
    rings.end();
}

TEST_F(NodeRingsTest, nothing_is_put_before_all_have_ended_the_last_exchange) {
    const std::vector<float> first = numbered(10, 1), second = numbered(10, 100);
    const bool is_last = node.rank() == node.size() - 1;
    rings.begin(1);
    EXPECT_TRUE(!puts || rings.put(0, first, 0, readers));
    node.barrier();
    if (!is_last) {
        rings.end();
        rings.begin(1);
    }
    EXPECT_FALSE(puts && rings.put(0, second, 0, readers));
    node.barrier();
    std::vector<float> taken(10);
    if (is_last) {
        EXPECT_TRUE(rings.take(0, taken, 0));
        EXPECT_EQ(taken, first);
        rings.end();
        rings.begin(1);
    }
    node.barrier();
    EXPECT_TRUE(!puts || rings.put(0, second, 0, readers));
    node.barrier();
    EXPECT_TRUE(puts || rings.take(0, taken, 0));
    EXPECT_TRUE(puts || taken == second);
    rings.end();
}

TEST_F(NodeRingsTest, a_state_of_another_length_is_an_error) {
    rings.begin(1);
    EXPECT_TRUE(!puts || rings.put(0, std::vector<float>(10), 0, readers));
    node.barrier();
    std::vector<float> taken(11);
    if (!puts) {
        EXPECT_THROW(rings.take(0, taken, 0), Error);
    }
    rings.end();
}

} // namespace
} // namespace autosampling::testing
