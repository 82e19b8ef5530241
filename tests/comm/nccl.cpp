// NCCL's transport where something goes wrong, by the fake: each fault ends within its deadline, with the right words.
#include "harness/fake_nccl.hpp"
#include "harness/mpi_test.hpp"

#include "autosampling/base/narrow.hpp"
#include "autosampling/comm/transport.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <numeric>
#include <optional>
#include <vector>

namespace autosampling::testing {
namespace {

using ::testing::ContainerEq;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::chrono::milliseconds timeout{1000};

// What a rank has of something that broke.
struct Broken {
    std::optional<Error> error;
    std::shared_ptr<FakeNccl> nccl;
};

using Work = std::function<void(Transport&)>; // of each rank, on a state of `length`
constexpr std::size_t length = 1000;

// From rank 0 to all others.
void exchange(Transport& transport) {
    std::vector<float> values(length, static_cast<float>(world().rank()));
    std::vector<int> takers(to_size(world().size() - 1));
    std::iota(takers.begin(), takers.end(), 1);
    Delivery delivery{0, takers, {}, {}};
    if (world().is_root())
        delivery.state = values;
    else
        delivery.destination = values;
    transport.exchange(std::span(&delivery, 1));
    transport.complete();
}

// Of one state of each rank.
void average(Transport& transport) {
    const std::vector<float> mine(length, 1);
    const std::vector<std::span<const float>> states{mine};
    const std::vector<int> given(to_size(world().size()), 1);
    std::vector<float> mean(length);
    transport.average(states, given, mean);
}

// The work with this fault; afterwards all ranks are together again. `silent` doesn't take part in it.
Broken done_with(const Fault& fault, const Work& work = exchange, int silent = -1, bool abort_hangs = false) {
    Communicator comm(world().raw());
    comm.set_timeout(timeout);
    const auto device = std::make_shared<FakeDevice>();
    Broken broken{{}, std::make_shared<FakeNccl>(device, comm, fault)};
    broken.nccl->abort_hangs = abort_hangs;
    device->broken = fault.call == "done" && fault.rank == comm.rank();
    try {
        const auto transport =
            make_nccl_transport(comm, broken.nccl, {device, device->stream()}, {length, comm.size()});
        comm.set_cycle(12);
        if (comm.rank() == silent) { // ends when the others have given up
            world().barrier();
            return broken;
        }
        work(*transport);
    } catch (const Error& caught) {
        broken.error = caught;
    }
    broken.nccl->abort_hangs = false;
    world().barrier();
    return broken;
}

void expect_failure(const Broken& broken, const std::string& words) {
    ASSERT_TRUE(broken.error.has_value());
    EXPECT_EQ(broken.error->code(), ExitCode::failure);
    EXPECT_FALSE(broken.error->agreed());
    EXPECT_THAT(broken.error->what(), HasSubstr(words));
}

void expect_timeout(const Broken& broken) {
    ASSERT_TRUE(broken.error.has_value());
    EXPECT_EQ(broken.error->code(), ExitCode::timeout) << broken.error->what();
    EXPECT_TRUE(broken.nccl->aborted);
    EXPECT_THAT(broken.nccl->calls, Not(Contains("destroy")));
}

class Nccl : public ::testing::Test {
  protected:
    const int last = world().size() - 1;
    const bool at_last = world().rank() == last;
};

TEST_F(Nccl, is_ended_in_order_where_nothing_goes_wrong) {
    const Broken none = done_with({});
    EXPECT_FALSE(none.error.has_value());
    std::vector<std::string> expected{"init", "broadcast", "finalize", "destroy"};
    if (world().is_root()) expected.insert(expected.begin(), "unique_id");
    if (world().size() == 1) std::erase(expected, "broadcast");
    EXPECT_THAT(none.nccl->calls, ContainerEq(expected));
    EXPECT_THAT(none.nccl->violations, IsEmpty());
    EXPECT_FALSE(none.nccl->aborted);
}

TEST_F(Nccl, start_that_is_refused_is_a_failure_with_its_words) {
    for (const char* call : {"init", "start"}) {
        const Broken broken = done_with({call, last, NcclResult::unhandled_cuda_error});
        if (at_last)
            expect_failure(broken, "NCCL failed in start of NCCL (unhandled cuda error): with NCCL_DEBUG=INFO");
        else
            expect_timeout(broken);
        EXPECT_EQ(at_last && broken.nccl->aborted, at_last && std::string(call) == "start");
    }
}

TEST_F(Nccl, identification_that_fails_is_a_failure_of_its_rank) {
    const Broken broken = done_with({"unique_id", 0, NcclResult::system_error});
    if (world().is_root())
        expect_failure(broken, "unhandled system error");
    else
        EXPECT_EQ(broken.error->code(), ExitCode::timeout);
}

TEST_F(Nccl, call_that_is_refused_is_a_failure_with_operation_and_cycle) {
    if (world().size() == 1) GTEST_SKIP() << "needs two ranks";
    const Broken broken = done_with({"broadcast", last, NcclResult::invalid_usage});
    if (at_last)
        expect_failure(broken, "NCCL failed in exchange of cycle 12 (invalid usage)");
    else
        EXPECT_TRUE(!broken.error || broken.error->code() == ExitCode::timeout); // its part may be done
}

TEST_F(Nccl, call_of_a_group_that_is_refused_is_a_failure_with_operation_and_cycle) {
    if (world().size() == 1) GTEST_SKIP() << "needs two ranks";
    for (const char* call : {"group_start", "receive", "send", "group_end"}) {
        SCOPED_TRACE(call);
        const Broken broken = done_with({call, last, NcclResult::invalid_usage}, average);
        if (at_last) {
            expect_failure(broken, "NCCL failed in average of cycle 12 (invalid usage)");
            EXPECT_TRUE(broken.nccl->aborted);
        } else {
            expect_timeout(broken);
        }
    }
}

TEST_F(Nccl, end_that_is_refused_is_no_failure_and_an_abort) {
    const Broken broken = done_with({"finalize", last, NcclResult::system_error});
    EXPECT_FALSE(broken.error.has_value()); // all that was asked of it was done
    EXPECT_EQ(broken.nccl->aborted, at_last);
    EXPECT_EQ(std::ranges::count(broken.nccl->calls, "destroy"), at_last ? 0 : 1);
}

TEST_F(Nccl, error_while_states_travel_is_a_failure_with_operation_and_cycle) {
    if (world().size() == 1) GTEST_SKIP() << "needs two ranks";
    const Broken broken = done_with({"running", last, NcclResult::remote_error, 2});
    if (!at_last) return;
    expect_failure(broken, "NCCL failed in exchange of cycle 12 (remote process exited)");
    EXPECT_TRUE(broken.nccl->aborted);
}

TEST_F(Nccl, rank_that_never_comes_is_named_by_all_that_wait) {
    if (world().size() == 1) GTEST_SKIP() << "needs two ranks";
    const Broken broken = done_with({}, exchange, 0);
    if (world().is_root()) return;
    expect_timeout(broken);
    EXPECT_THAT(broken.error->what(), HasSubstr("s in exchange of cycle 12 (silent: rank 0)"));
}

TEST_F(Nccl, device_that_never_sends_is_a_time_out_of_all) {
    if (world().size() == 1) GTEST_SKIP() << "needs two ranks";
    const Broken broken = done_with({"kernel", 0});
    expect_timeout(broken);
    EXPECT_THAT(broken.error->what(), HasSubstr("s in exchange of cycle 12 (no rank is silent)"));
}

TEST_F(Nccl, broken_device_is_a_failure_with_its_words) {
    const Broken broken = done_with({"done", last});
    if (!at_last) return;
    expect_failure(broken, "illegal memory access");
    EXPECT_TRUE(broken.nccl->aborted);
}

TEST_F(Nccl, abort_that_hangs_holds_up_the_end_for_seconds_alone) {
    if (world().size() != 2) GTEST_SKIP() << "takes 5 s: on two ranks alone";
    const auto start = std::chrono::steady_clock::now();
    const Broken broken = done_with({"kernel", 0}, exchange, -1, true);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
    ASSERT_TRUE(broken.error.has_value());
    EXPECT_EQ(broken.error->code(), ExitCode::timeout);
}

TEST_F(Nccl, exception_of_something_else_aborts_what_is_under_way) {
    const auto device = std::make_shared<FakeDevice>();
    const auto nccl = std::make_shared<FakeNccl>(device, world());
    try {
        const auto transport = make_nccl_transport(world(), nccl, {device, device->stream()}, {});
        throw Error(ExitCode::data, "something else");
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::data);
    }
    EXPECT_TRUE(nccl->aborted);
    EXPECT_THAT(nccl->calls, Not(Contains("finalize")));
}

TEST_F(Nccl, state_for_all_is_broadcast_and_any_other_is_sent) {
    const auto device = std::make_shared<FakeDevice>();
    const auto nccl = std::make_shared<FakeNccl>(device, world());
    const auto transport = make_nccl_transport(world(), nccl, {device, device->stream()}, {});
    const auto deliver = [&](int taker) { // from rank 0
        std::vector<float> values(10, 1);
        Delivery delivery{0, {taker}, {}, {}};
        if (world().is_root()) delivery.state = values;
        if (world().rank() == taker) delivery.destination = values;
        nccl->calls.clear();
        transport->exchange(std::span(&delivery, 1));
        transport->complete();
    };
    if (world().size() < 3) GTEST_SKIP() << "needs three ranks";
    deliver(2);
    const std::vector<std::string> none, send{"send"}, receive{"receive"};
    EXPECT_EQ(nccl->calls, world().rank() == 0 ? send : world().rank() == 2 ? receive : none);
}

} // namespace
} // namespace autosampling::testing
