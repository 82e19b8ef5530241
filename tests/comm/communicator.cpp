#include "harness/mpi_test.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <thread>

namespace autosampling::testing {
namespace {

// The contract holds whether data travel in one message or, with a limit of 8 bytes, in many.
class Collectives : public ::testing::TestWithParam<std::size_t> {
  protected:
    const Communicator comm{world().raw(), GetParam()};
};
INSTANTIATE_TEST_SUITE_P(MessageLimit, Collectives, ::testing::Values(std::size_t{8}, Communicator::largest_message));

// What rank `rank` gives to a gather: rank + 1 values; none on rank 1.
std::vector<std::int32_t> values_of_rank(int rank) {
    std::vector<std::int32_t> values(rank == 1 ? 0U : static_cast<std::size_t>(rank) + 1);
    std::iota(values.begin(), values.end(), 100 * rank);
    return values;
}

std::vector<std::int32_t> values_of_all(int size) {
    std::vector<std::int32_t> all;
    for (int rank = 0; rank < size; ++rank) {
        const auto values = values_of_rank(rank);
        all.insert(all.end(), values.begin(), values.end());
    }
    return all;
}

TEST_P(Collectives, broadcast_gives_all_ranks_the_roots_values) {
    for (int root = 0; root < comm.size(); ++root) {
        std::vector<std::int32_t> values(37);
        std::iota(values.begin(), values.end(), 1000 * comm.rank());
        std::vector<std::int32_t> expected(37);
        std::iota(expected.begin(), expected.end(), 1000 * root);
        comm.broadcast(std::span(values), root);
        EXPECT_EQ(values, expected);
    }
}

TEST_P(Collectives, broadcast_of_nothing_ends) {
    std::vector<double> none;
    comm.broadcast(std::span(none), 0);
    EXPECT_TRUE(none.empty());
}

TEST_P(Collectives, sum_adds_each_place_over_the_ranks) {
    std::vector<std::int64_t> wide(19);
    for (std::size_t i = 0; i < wide.size(); ++i) wide[i] = (std::int64_t{1} << 40) * comm.rank() + static_cast<int>(i);
    comm.sum(std::span(wide));
    const std::int64_t ranks = comm.size();
    for (std::size_t i = 0; i < wide.size(); ++i) {
        EXPECT_EQ(wide[i], (std::int64_t{1} << 40) * (ranks * (ranks - 1) / 2) + ranks * static_cast<std::int64_t>(i));
    }
}

TEST_P(Collectives, all_gather_keeps_the_order_of_ranks_that_give_different_lengths) {
    const auto mine = values_of_rank(comm.rank());
    EXPECT_EQ(comm.all_gather(std::span<const std::int32_t>(mine)), values_of_all(comm.size()));
}

TEST_P(Collectives, all_gather_of_nothing_is_empty) {
    EXPECT_TRUE(comm.all_gather(std::span<const double>{}).empty());
}

TEST_P(Collectives, gather_gives_all_to_the_root_and_nothing_to_others) {
    const auto mine = values_of_rank(comm.rank());
    for (int root = 0; root < comm.size(); ++root) {
        const auto all = comm.gather(std::span<const std::int32_t>(mine), root);
        EXPECT_EQ(all, comm.rank() == root ? values_of_all(comm.size()) : std::vector<std::int32_t>{});
    }
}

TEST_P(Collectives, gather_carries_structures) {
    struct Pair {
        double real;
        std::int16_t number;
    };
    const Pair mine{0.5 * comm.rank(), static_cast<std::int16_t>(-comm.rank())};
    const auto all = comm.all_gather(std::span(&mine, 1));
    ASSERT_EQ(all.size(), static_cast<std::size_t>(comm.size()));
    for (int rank = 0; rank < comm.size(); ++rank) {
        EXPECT_EQ(all[static_cast<std::size_t>(rank)].real, 0.5 * rank);
        EXPECT_EQ(all[static_cast<std::size_t>(rank)].number, -rank);
    }
}

TEST(Communicator, barrier_waits_for_the_last_rank) {
    // All ranks of a test run on one machine, by one clock.
    const auto now = [] { return std::chrono::steady_clock::now().time_since_epoch().count(); };
    if (world().rank() == world().size() - 1) std::this_thread::sleep_for(std::chrono::milliseconds(30));
    const std::int64_t entered = now();
    world().barrier();
    const std::int64_t left = now();
    const auto all_entered = world().all_gather(std::span(&entered, 1));
    EXPECT_GE(left, *std::max_element(all_entered.begin(), all_entered.end()));
}

TEST(Communicator, split_keeps_the_order_and_parts_the_traffic) {
    const int colour = world().rank() % 2;
    const Communicator part = world().split(colour);
    std::vector<int> expected;
    for (int rank = colour; rank < world().size(); rank += 2) expected.push_back(rank);
    const std::vector mine{world().rank()};
    EXPECT_EQ(part.all_gather(std::span<const int>(mine)), expected);
    EXPECT_EQ(part.size(), static_cast<int>(expected.size()));
}

TEST(Communicator, moved_communicator_still_works) {
    Communicator first(world().raw());
    Communicator second(std::move(first));
    first = world().split(0);
    std::vector<std::int64_t> ones{1};
    second.sum(std::span(ones));
    first.sum(std::span(ones));
    EXPECT_EQ(ones.front(), world().size() * world().size());
}

TEST(Communicator, count_beyond_int_is_refused) {
    EXPECT_EQ(mpi_count(std::size_t{2147483647}), 2147483647);
    EXPECT_THROW(mpi_count(std::size_t{2147483648}), Error);
}

TEST(Communicator, failed_mpi_call_throws_with_its_name_and_the_words_of_mpi) {
    const int bad_root = world().size();
    int value = 0;
    try {
        check_mpi(MPI_Bcast(&value, 1, MPI_INT, bad_root, world().raw()), "MPI_Bcast");
        ADD_FAILURE() << "a root beyond the last rank was accepted";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::failure);
        EXPECT_FALSE(error.agreed());
        EXPECT_THAT(error.what(), ::testing::HasSubstr("MPI_Bcast"));
        EXPECT_THAT(error.what(), ::testing::ContainsRegex("ERR_ROOT|root"));
    }
}

TEST(Communicator, first_ranks_run_a_test_by_themselves) {
    for (int size = 1; size <= world().size(); ++size) {
        std::vector<std::int64_t> calls{0};
        on_first_ranks(size, [&](const Communicator& comm) {
            EXPECT_EQ(comm.size(), size);
            EXPECT_EQ(comm.rank(), world().rank());
            ++calls.front();
        });
        world().sum(std::span(calls));
        EXPECT_EQ(calls.front(), size);
    }
}

#ifdef AUTOSAMPLING_CONTRACTS
TEST(Communicator, disagreement_on_a_collective_is_a_broken_contract) {
    if (world().size() == 1) GTEST_SKIP() << "one rank cannot disagree";
    Communicator comm(world().raw());
    std::vector<double> values(comm.is_root() ? 3 : 2);
    EXPECT_THROW(comm.broadcast(std::span(values), 0), std::logic_error);
    EXPECT_THROW(comm.broadcast(std::span(values.data(), 2), comm.rank() == 0 ? 0 : 1), std::logic_error);
    comm.set_cycle(comm.is_root() ? 7 : 8);
    EXPECT_THROW(comm.barrier(), std::logic_error);
}
#endif

} // namespace
} // namespace autosampling::testing
