#include "autosampling/base/build_info.hpp"
#include "autosampling/comm/deadline.hpp"
#include "harness/mpi_test.hpp"

#include <gmock/gmock.h>

#include <optional>
#include <thread>

namespace autosampling::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::chrono::milliseconds timeout{1200};

// A collective in which `silent` never takes part; the error of the other ranks. Afterwards all ranks are together
// again.
std::optional<Error> error_without(int silent, const std::function<void(const Communicator&)>& collective) {
    Communicator comm(world().raw());
    comm.set_timeout(timeout);
    comm.set_cycle(12);
    std::optional<Error> error;
    if (comm.rank() != silent) {
        try {
            collective(comm);
        } catch (const Error& caught) {
            error = caught;
        }
    }
    world().barrier();
    return error;
}

void expect_names(const std::optional<Error>& error, int silent) {
    if (world().rank() == silent) return;
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->code(), ExitCode::timeout);
    EXPECT_FALSE(error->agreed());
    EXPECT_THAT(error->what(), HasSubstr(text("(silent: rank ", silent, ")")));
    EXPECT_THAT(error->what(), HasSubstr("cycle 12"));
}

TEST(Timeout, a_blocking_call_of_mpi_ends_the_process_with_75) {
    EXPECT_EXIT(
        {
            const Deadline deadline(std::chrono::milliseconds(20), "MPI_Comm_split");
            std::this_thread::sleep_for(std::chrono::minutes(1));
        },
        ::testing::ExitedWithCode(static_cast<int>(ExitCode::timeout)), "time-out after 0.02 s in MPI_Comm_split");
    const Deadline met(std::chrono::minutes(1), "MPI_Comm_split");
}

TEST(Timeout, names_the_silent_rank_on_every_rank_that_waits) {
    if (world().size() == 1) GTEST_SKIP() << "needs two ranks";
    const int silent = world().size() - 1;
    expect_names(error_without(silent, [](const Communicator& comm) { comm.barrier(); }), silent);
}

TEST(Timeout, names_the_silent_ranks_host_once_it_is_known) {
    if (world().size() == 1) GTEST_SKIP() << "needs two ranks";
    Communicator job(world().raw());
    job.learn_hosts();
    Communicator comm = job.split(0);
    comm.set_timeout(timeout);
    if (!comm.is_root()) {
        world().barrier();
        return;
    }
    try {
        comm.barrier();
        ADD_FAILURE() << "a barrier without the other ranks ended";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr(text("silent: rank 1 on ", host_name())));
    }
    world().barrier();
}

TEST(Timeout, names_the_silent_rank_whatever_is_polled) {
    if (world().size() == 1) GTEST_SKIP() << "needs two ranks";
    const auto poll = [](const Communicator& comm) { comm.wait_until([] { return false; }, "device"); };
    const auto error = error_without(world().size() - 1, poll);
    expect_names(error, world().size() - 1);
    EXPECT_TRUE(!error || std::string(error->what()).find("in device of cycle 12") != std::string::npos);
}

TEST(Timeout, what_is_polled_ends_the_wait) {
    int polls = 0;
    world().wait_until([&] { return ++polls == 3; }, "device");
    EXPECT_EQ(polls, 3);
}

TEST(Timeout, names_rank_0_when_it_is_silent) {
    if (world().size() == 1) GTEST_SKIP() << "needs two ranks";
    expect_names(error_without(0, [](const Communicator& comm) { comm.barrier(); }), 0);
}

TEST(Timeout, does_not_name_a_rank_that_came_late) {
    if (world().size() < 3) GTEST_SKIP() << "needs three ranks";
    const int silent = world().size() - 1;
    const auto late_barrier = [](const Communicator& comm) {
        if (comm.rank() == 1) std::this_thread::sleep_for(timeout * 3 / 4);
        comm.barrier();
    };
    expect_names(error_without(silent, late_barrier), silent);
}

TEST(Timeout, tells_which_rank_waits_in_another_operation) {
    if (world().size() == 1) GTEST_SKIP() << "needs two ranks";
    const auto error = error_without(-1, [](const Communicator& comm) {
        // All wait for messages that nobody sends.
        int value = 0;
        MPI_Request request = MPI_REQUEST_NULL;
        check_mpi(MPI_Irecv(&value, 1, MPI_INT, MPI_ANY_SOURCE, 5, comm.raw(), &request), "MPI_Irecv");
        comm.wait(std::span(&request, 1), comm.is_root() ? "first act" : "second act");
    });
    ASSERT_TRUE(error.has_value());
    EXPECT_THAT(error->what(), HasSubstr("no rank is silent"));
    EXPECT_THAT(error->what(), HasSubstr("rank 1 waits in second act"));
}

TEST(Timeout, spares_a_slow_rank) {
    Communicator comm(world().raw());
    comm.set_timeout(std::chrono::seconds(60));
    if (comm.rank() == comm.size() - 1) std::this_thread::sleep_for(std::chrono::milliseconds(200));
    EXPECT_NO_THROW(comm.barrier());
}

TEST(Timeout, names_ranks_by_their_number_in_the_job) {
    if (world().size() < 4) GTEST_SKIP() << "needs four ranks";
    Communicator part = world().split(world().rank() % 2);
    part.set_timeout(timeout);
    if (part.is_root()) {
        try {
            part.barrier();
            ADD_FAILURE() << "a barrier without the other rank ended";
        } catch (const Error& error) {
            EXPECT_THAT(error.what(), HasSubstr(text("(silent: rank ", world().rank() + 2, ")")));
        }
    }
    world().barrier();
}

} // namespace
} // namespace autosampling::testing
