// The contract of a transport, on every transport that this machine has.
#include "autosampling/comm/transport.hpp"
#include "autosampling/comm/gpu.hpp"
#include "harness/fake_nccl.hpp"
#include "harness/mpi_test.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <random>

namespace autosampling::testing {
namespace {

// The state of delivery `number`: values that tell it from others and each place from its neighbours.
std::vector<float> state_of(std::size_t number, std::size_t length) {
    std::vector<float> state(length);
    for (std::size_t i = 0; i < length; ++i) state[i] = static_cast<float>((i * 7 + number * 1009) % 65521);
    return state;
}

struct Plan {
    int source;
    std::vector<int> takers;
};

std::vector<int> all_but(int rank) {
    std::vector<int> others;
    for (int other = 0; other < world().size(); ++other) {
        if (other != rank) others.push_back(other);
    }
    return others;
}

constexpr const char* real_nccl = "nccl-on-gpu";

// Of the transports of GPUs, which are given a device and an NCCL of host memory; or the machine's, where
// tests/gpu/run.sh lets all ranks share a GPU.
class TransportContract : public ::testing::TestWithParam<const char*> {
  protected:
    void SetUp() override {
        const std::string name = GetParam();
        const DeviceAccess access{device, device->stream()};
        if (name == "mpi") transport = make_mpi_transport(comm, comm.split_by_node());
        if (name == "mpi-no-shared-memory") transport = make_mpi_transport(comm, comm.split(comm.rank()));
        if (name == "mpi-two-nodes") transport = make_mpi_transport(comm, comm.split(comm.rank() % 2));
        if (name == "mpi-staged") transport = make_staged_transport(comm, comm.split_by_node(), access);
        if (name == "nccl") transport = make_nccl_transport(comm, nccl, access, largest);
        if (name == real_nccl) {
            try {
                gpu = gpu_runtime(0);
            } catch (const Error& error) {
                GTEST_SKIP() << error.what();
            }
            const FoundNccl found = find_nccl();
            ASSERT_TRUE(found.library) << found.problem;
            transport = make_nccl_transport(comm, found.library, {gpu, nullptr}, largest);
        }
        allocations_at_start = device->allocations;
    }
    void TearDown() override {
        EXPECT_TRUE(transport == nullptr || transport->name() == "mpi-staged" ||
                    device->allocations == allocations_at_start);
        transport.reset();
        EXPECT_THAT(nccl->violations, ::testing::IsEmpty());
        EXPECT_THAT(device->violations, ::testing::IsEmpty());
    }

    // Values where the transport takes them and puts them: on the GPU, or where they are.
    std::span<float> place(std::vector<float>& values) const {
        if (!gpu) return values;
        float* const memory = gpu->memory(values.size());
        copy(memory, values.data(), values.size());
        return {memory, values.size()};
    }
    void fetch(std::vector<float>& values, std::span<const float> placed) const {
        if (gpu) copy(values.data(), placed.data(), placed.size());
    }

    // Carries out the plan on states of `length` values and checks what each taker has got. `meanwhile` runs while they
    // are under way.
    void expect_delivered(
        const std::vector<Plan>& plans, std::size_t length, const std::function<void()>& meanwhile = [] {}) {
        const int me = world().rank();
        std::vector<std::vector<float>> states(plans.size()), destinations(plans.size());
        std::vector<Delivery> deliveries;
        for (std::size_t number = 0; number < plans.size(); ++number) {
            const Plan& plan = plans[number];
            Delivery delivery{plan.source, plan.takers, {}, {}};
            if (me == plan.source) delivery.state = place(states[number] = state_of(number, length));
            if (std::binary_search(plan.takers.begin(), plan.takers.end(), me)) {
                destinations[number].assign(length, -1.0F);
                delivery.destination = place(destinations[number]);
            }
            deliveries.push_back(delivery);
        }
        transport->exchange(deliveries);
        meanwhile();
        transport->complete();
        for (std::size_t number = 0; number < plans.size(); ++number) {
            auto& got = destinations[number];
            fetch(got, deliveries[number].destination);
            EXPECT_TRUE(got.empty() || got == state_of(number, length)) << "delivery " << number << " on rank " << me;
        }
    }

    // States 0 … total−1, in order over the ranks, as many on each as `given` says: the mean of all, on every rank.
    std::vector<float> average_of(const std::vector<int>& given, std::size_t length,
                                  std::vector<float> (*state)(int, std::size_t)) {
        const auto me = given.begin() + world().rank();
        const int first = std::accumulate(given.begin(), me, 0);
        std::vector<std::vector<float>> states;
        for (int number = first; number < first + *me; ++number) states.push_back(state(number, length));
        std::vector<std::span<const float>> mine;
        for (auto& values : states) mine.emplace_back(place(values));
        std::vector<float> result(length, -1.0F);
        const std::span<float> placed = place(result);
        transport->average(mine, given, placed);
        fetch(result, placed);
        return result;
    }

    const int size = world().size();
    Communicator comm{world().raw()};
    std::shared_ptr<DeviceRuntime> gpu; // null: a transport of host memory
    std::shared_ptr<FakeDevice> device = std::make_shared<FakeDevice>();
    std::shared_ptr<FakeNccl> nccl = std::make_shared<FakeNccl>(device, world());
    std::unique_ptr<Transport> transport;

  private:
    void copy(float* to, const float* from, std::size_t count) const {
        const DeviceEvent copied = gpu->event();
        gpu->copy(to, from, count, nullptr);
        gpu->record(copied, nullptr);
        comm.wait_until([&] { return gpu->done(copied); }, "copy");
    }

    static constexpr AverageSize largest{16'411, 12};
    int allocations_at_start = 0;
};
INSTANTIATE_TEST_SUITE_P(Each, TransportContract,
                         ::testing::Values("mpi", "mpi-no-shared-memory", "mpi-two-nodes", "mpi-staged", "nccl",
                                           real_nccl),
                         [](const auto& test) {
                             std::string name = test.param;
                             std::ranges::replace(name, '-', '_');
                             return name;
                         });

TEST_P(TransportContract, one_parent_reaches_all_ranks) {
    for (int source = 0; source < size; ++source) expect_delivered({{source, all_but(source)}}, 1001);
}

TEST_P(TransportContract, states_of_any_length_arrive_whole) {
    constexpr std::size_t piece = std::size_t{1} << 20;
    for (const std::size_t length : {std::size_t{0}, std::size_t{1}, piece - 1, piece, piece + 1, 3 * piece + 12345}) {
        expect_delivered({{size - 1, all_but(size - 1)}}, length);
    }
}

TEST_P(TransportContract, several_parents_serve_their_takers_at_once) {
    // Even ranks take from rank 0, odd ones from rank 1.
    if (size < 2) GTEST_SKIP() << "needs two ranks";
    std::vector<Plan> plans{{0, {}}, {1, {}}};
    for (int rank = 2; rank < size; ++rank) plans[static_cast<std::size_t>(rank % 2)].takers.push_back(rank);
    expect_delivered(plans, 2'500'001);
}

TEST_P(TransportContract, chains_carry_the_states_before_the_exchange) {
    // Rank r takes the state of rank r + 1 while r + 1 takes that of r + 2, all the way round.
    if (size < 2) GTEST_SKIP() << "needs two ranks";
    std::vector<Plan> plans;
    for (int rank = 0; rank < size; ++rank) plans.push_back({(rank + 1) % size, {rank}});
    expect_delivered(plans, 1'200'007);
}

TEST_P(TransportContract, every_rank_serves_all_others_and_takes_from_all) {
    std::vector<Plan> plans;
    for (int rank = 0; rank < size; ++rank) plans.push_back({rank, all_but(rank)});
    expect_delivered(plans, 1'100'003);
    // Now a rank sends its own state to ranks that expect one from it earlier in the list, which it has yet to receive.
    std::reverse(plans.begin(), plans.end());
    expect_delivered(plans, 1'100'003);
}

TEST_P(TransportContract, trees_over_some_of_the_ranks_cross) {
    if (size < 4) GTEST_SKIP() << "needs four ranks";
    std::vector<Plan> plans; // each rank serves all but its neighbour
    for (int rank = 0; rank < size; ++rank) {
        plans.push_back({rank, all_but(rank)});
        std::erase(plans.back().takers, (rank + 1) % size);
    }
    expect_delivered(plans, 50'001);
}

TEST_P(TransportContract, a_rank_takes_two_states_from_one_source) {
    if (size < 2) GTEST_SKIP() << "needs two ranks";
    expect_delivered({{0, all_but(0)}, {0, {size - 1}}, {0, all_but(0)}}, 1'100'003);
}

TEST_P(TransportContract, nothing_to_deliver_ends) {
    expect_delivered({}, 10);
    expect_delivered({{0, {}}}, 10);
}

TEST_P(TransportContract, exchanges_one_after_the_other_do_not_mix) {
    for (int turn = 0; turn < 50; ++turn) {
        const int source = turn % size;
        expect_delivered({{source, all_but(source)}}, 100 + static_cast<std::size_t>(turn));
    }
}

TEST_P(TransportContract, ranks_may_communicate_otherwise_while_states_are_under_way) {
    for (int source = 0; source < size; ++source)
        expect_delivered({{source, all_but(source)}}, 2'500'001, [&] {
            std::vector<std::int64_t> ones(5, 1);
            world().sum(std::span(ones));
            EXPECT_EQ(ones, std::vector<std::int64_t>(5, size));
            world().barrier();
        });
}

TEST_P(TransportContract, completing_where_nothing_is_under_way_returns_at_once) {
    transport->complete();
    expect_delivered({{0, all_but(0)}}, 10);
    transport->complete();
    transport->complete();
}

TEST_P(TransportContract, source_that_never_comes_is_a_time_out_of_its_takers) {
    if (size < 2) GTEST_SKIP() << "needs two ranks";
    comm.set_timeout(std::chrono::milliseconds(300));
    if (world().rank() < size - 1) {
        try {
            expect_delivered({{size - 1, all_but(size - 1)}}, 1001);
            ADD_FAILURE() << "delivered";
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::timeout) << error.what();
        }
    }
    world().barrier();
}

TEST(MpiTransport, states_of_different_lengths_are_an_error) {
    if (world().size() < 2) GTEST_SKIP() << "needs two ranks";
    const Communicator comm(world().raw());
    const auto own_transport = make_mpi_transport(comm, comm.split_by_node());
    const std::vector<float> state(comm.is_root() ? 10 : 0);
    std::vector<float> destination(comm.rank() == 1 ? 11 : 0);
    const std::vector deliveries{Delivery{0, {1}, state, destination}};
    own_transport->exchange(deliveries);
    if (comm.rank() == 1) {
        EXPECT_THROW(own_transport->complete(), Error);
    } else {
        EXPECT_NO_THROW(own_transport->complete());
    }
}

// Values whose sum hangs on its order, in double precision too: between the first and the last one, which cancel, only
// multiples of 256 count.
std::vector<float> wide_values(int number, std::size_t length) {
    constexpr int last = 6;
    if (number == 0 || number == last) return std::vector<float>(length, number == 0 ? 0x1p60F : -0x1p60F);
    std::mt19937 random(static_cast<unsigned>(number));
    std::vector<float> values(length);
    for (float& value : values) value = static_cast<float>(random() % 2001) - 1000;
    return values;
}

TEST_P(TransportContract, a_mean_is_the_sum_in_order_whatever_each_rank_gives) {
    constexpr int total = 7;
    for (const std::size_t length : {std::size_t{0}, std::size_t{1}, std::size_t{3}, std::size_t{16'411}}) {
        std::vector<double> sum(length, 0);
        for (int number = 0; number < total; ++number) {
            const std::vector<float> values = wide_values(number, length);
            for (std::size_t i = 0; i < length; ++i) sum[i] += static_cast<double>(values[i]);
        }
        std::vector<float> expected;
        for (const double value : sum) expected.push_back(static_cast<float>(value / total));
        std::vector<int> spread(static_cast<std::size_t>(size), 0), last = spread;
        for (int number = 0; number < total; ++number) ++spread[static_cast<std::size_t>(number % size)];
        last.back() = total;
        for (const auto& given : {spread, last}) EXPECT_EQ(average_of(given, length, wide_values), expected) << length;
    }
}

TEST_P(TransportContract, equal_states_are_their_own_mean) {
    const auto same = [](int, std::size_t length) { return wide_values(3, length); };
    const std::vector<int> given(static_cast<std::size_t>(size), 3);
    EXPECT_EQ(average_of(given, 10'007, same), wide_values(3, 10'007));
}

TEST_P(TransportContract, says_by_which_name_and_where_it_works) {
    const std::string name = gpu ? "nccl" : GetParam();
    const bool on_host = name != "mpi-staged" && name.starts_with("mpi");
    EXPECT_EQ(transport->name(), on_host ? "mpi" : name);
    EXPECT_EQ(transport->on_device(), !on_host);
}

} // namespace
} // namespace autosampling::testing
