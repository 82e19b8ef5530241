// Members of several ranks that exchange gradients and statistics by NCCL, by the fakes of a device and of NCCL.
#include "harness/fake_nccl.hpp"
#include "population/small_run.hpp"
#include "training/images.hpp"

#include <gmock/gmock.h>

#include <optional>

namespace autosampling::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::chrono::seconds timeout{2};

// Batches of 24, which 1 to 4 ranks divide, with batch norm over all of them.
struct Team {
    explicit Team(const TeamExchange& exchange) : options(trainer_options("resnet8", 24)) {
        options.team = &exchange;
        trainer.emplace(options, images.dataset, images.split);
    }
    CycleResult train(std::int64_t batches) {
        draws = drawn_indices(24 * batches, images.split.training.source.size(), 1);
        return trainer->train({draws, 0, {.purpose = Purpose::augmentation}});
    }

    Images images{[] {
        DataOptions data = Images::small();
        data.synthetic_size = 8;
        return data;
    }()};
    TrainerOptions options;
    std::optional<Trainer> trainer;
    std::vector<std::uint32_t> draws;
};

TEST(NcclTeam, trains_as_that_of_mpi) {
    if (world().size() == 1) GTEST_SKIP() << "needs two ranks";
    const auto device = std::make_shared<FakeDevice>();
    const auto nccl = std::make_shared<FakeNccl>(device, world());
    const auto by_mpi = make_host_exchange(world());
    const auto by_nccl = make_nccl_exchange(world(), nccl, {device, device->stream()});
    Team expected(*by_mpi), team(*by_nccl);
    for (int step = 0; step < 10; ++step) {
        team.trainer->load(expected.trainer->copy_state());
        const at::Tensor before = expected.trainer->copy_state().buffer();
        const CycleResult wanted = expected.train(1), result = team.train(1);
        EXPECT_NEAR(result.train_loss, wanted.train_loss, 1e-6 * wanted.train_loss);
        const at::Tensor after = expected.trainer->state().buffer();
        const double update = after.sub(before).norm().item<double>();
        EXPECT_LT(team.trainer->state().buffer().sub(after).norm().item<double>(), 1e-6 * update) << step;
    }
    EXPECT_THAT(nccl->calls, ::testing::Contains("all_reduce"));
    EXPECT_THAT(nccl->calls, ::testing::Contains("all_gather"));
}

// What a rank has of a cycle with this fault; afterwards all ranks are together again. `silent` doesn't train.
std::optional<Error> train_with(const Fault& fault, int silent = -1) {
    Communicator comm(world().raw());
    comm.set_timeout(timeout);
    const auto device = std::make_shared<FakeDevice>();
    const auto nccl = std::make_shared<FakeNccl>(device, comm, fault);
    std::optional<Error> error;
    try {
        const auto exchange = make_nccl_exchange(comm, nccl, {device, device->stream()});
        comm.set_cycle(12);
        Team team(*exchange);
        if (comm.rank() == silent) { // ends when the others have given up
            world().barrier();
            return {};
        }
        team.train(3);
    } catch (const Error& caught) {
        error = caught;
        EXPECT_TRUE(nccl->aborted);
        EXPECT_FALSE(caught.agreed());
    }
    world().barrier();
    return error;
}

class NcclTeamWithFault : public ::testing::Test {
  protected:
    void SetUp() override {
        if (world().size() == 1) GTEST_SKIP() << "needs two ranks";
    }
    // Of the last rank, a failure with these words; of the others a time-out.
    void expect(const Fault& fault, const std::string& words) {
        const std::optional<Error> error = train_with(fault);
        ASSERT_TRUE(error.has_value());
        EXPECT_EQ(error->code(), at_last ? ExitCode::failure : ExitCode::timeout) << error->what();
        if (at_last) {
            EXPECT_THAT(error->what(), HasSubstr(words));
        }
    }

    const int last = world().size() - 1;
    const bool at_last = world().rank() == last;
};

// resnet8 gathers nine times forward and nine times backward in a step.
TEST_F(NcclTeamWithFault, call_that_is_refused_in_a_backward_pass_is_a_failure_with_its_words) {
    expect({"all_gather", last, NcclResult::invalid_usage, 13}, "NCCL failed in all_gather of cycle 12 (invalid usage");
}

TEST_F(NcclTeamWithFault, gradients_that_are_refused_are_a_failure_with_its_words) {
    expect({"all_reduce", last, NcclResult::system_error, 1}, "NCCL failed in sum of cycle 12 (unhandled system error");
}

TEST_F(NcclTeamWithFault, error_of_another_rank_in_the_middle_is_a_failure_with_its_words) {
    expect({"running", last, NcclResult::remote_error, 20}, "of cycle 12 (remote process exited");
}

TEST_F(NcclTeamWithFault, rank_that_never_comes_is_named_by_all_that_wait) {
    const std::optional<Error> error = train_with({}, 0);
    if (world().is_root()) return;
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->code(), ExitCode::timeout) << error->what();
    EXPECT_THAT(error->what(), HasSubstr("s in all_gather of cycle 12 (silent: rank 0)"));
}

TEST_F(NcclTeamWithFault, device_that_never_sends_is_a_time_out_of_all) {
    const std::optional<Error> error = train_with({"kernel", 0});
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->code(), ExitCode::timeout) << error->what();
    EXPECT_THAT(error->what(), HasSubstr("(no rank is silent)"));
}

} // namespace
} // namespace autosampling::testing
