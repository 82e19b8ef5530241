// A search whose members' states travel as those of GPUs do, by the fakes of a device and of NCCL.
#include "autosampling/base/build_info.hpp"
#include "autosampling/base/files.hpp"
#include "autosampling/comm/gpu.hpp"
#include "harness/fake_nccl.hpp"
#include "population/small_run.hpp"

#include "autosampling/training/trainer.hpp"

#include <gmock/gmock.h>
#include <torch/cuda.h>

#include <filesystem>
#include <map>

namespace autosampling::testing {
namespace {

class OnDevices : public ::testing::TestWithParam<const char*> {
  protected:
    std::unique_ptr<Transport> make(const Communicator& comm, AverageSize largest) {
        device = std::make_shared<FakeDevice>();
        nccl = std::make_shared<FakeNccl>(device, comm);
        const DeviceAccess access{device, device->stream()};
        if (std::string(GetParam()) == "mpi-staged") return make_staged_transport(comm, comm.split_by_node(), access);
        return make_nccl_transport(comm, nccl, access, largest);
    }

    CarrierMakers makers() {
        return {.transport = [this](const Communicator& comm, AverageSize largest) { return make(comm, largest); },
                .team_exchange = {}};
    }

    // Of states on a device those of checkpoints alone are hashed: here every seventh, or later where the one before is
    // being written, and the last.
    static void expect_equal_but_for_hashes(const std::filesystem::path& mpi, const std::filesystem::path& device) {
        const Segment all = read_record(mpi);
        Segment some = read_record(device);
        ASSERT_EQ(some.cycles.size(), all.cycles.size());
        std::vector<std::size_t> hashed;
        for (std::size_t t = 0; t < all.cycles.size(); ++t) {
            std::uint64_t& hash = some.cycles[t].state_hash;
            if (hash != 0)
                hashed.push_back(t);
            else
                hash = all.cycles[t].state_hash;
        }
        ASSERT_FALSE(hashed.empty());
        EXPECT_EQ(hashed.front(), 6U);
        EXPECT_EQ(hashed.back(), all.cycles.size() - 1);
        EXPECT_LE(hashed.size(), all.cycles.size() / 7 + 1);
        expect_equal_records(all, some);
        const auto summary = [](const std::filesystem::path& run) {
            const std::string text = read_file(run / "summary.json");
            return text.substr(text.find("\"state_hash\""));
        };
        EXPECT_EQ(summary(device).substr(0, 40), summary(mpi).substr(0, 40));
    }

    // The search on all ranks, beside the same over MPI on one of them.
    void expect_the_record_of_mpi(const Options& options) {
        const SharedFolder folder;
        run_on(1, options, folder / "mpi", Opening::fresh);
        run_on(world().size(), options, folder / "device", Opening::fresh, {}, nullptr, makers());
        EXPECT_THAT(nccl->violations, ::testing::IsEmpty());
        EXPECT_THAT(device->violations, ::testing::IsEmpty());
        if (!world().is_root()) return;
        expect_equal_but_for_hashes(folder / "mpi", folder / "device");
        EXPECT_EQ(read_launch(Hdf5File::open(folder / "device" / "run.h5")).transport, GetParam());
    }

    std::shared_ptr<FakeDevice> device;
    std::shared_ptr<FakeNccl> nccl;
};
INSTANTIATE_TEST_SUITE_P(Each, OnDevices, ::testing::Values("mpi-staged", "nccl"));

TEST_P(OnDevices, search_has_the_record_of_mpi) {
    expect_the_record_of_mpi(small_options());
}

// Two ranks' sums have one order: batch statistics and gradients by NCCL are MPI's bit for bit.
TEST(NcclSearch, members_of_two_ranks_have_the_record_of_mpi) {
    if (world().size() % 2 != 0) GTEST_SKIP() << "needs an even number of ranks";
    Options options = small_options();
    options.model.name = "resnet8";
    options.data.synthetic_size = 8;
    options.training.batch_size = 24;
    options.population.members = world().size() / 2;
    options.population.ranks_per_member = 2;
    const SharedFolder folder;
    run_on(world().size(), options, folder / "mpi", Opening::fresh);
    const auto device = std::make_shared<FakeDevice>();
    const DeviceAccess access{device, device->stream()};
    std::vector<std::shared_ptr<FakeNccl>> libraries;
    const auto over = [&](const Communicator& comm) {
        return libraries.emplace_back(std::make_shared<FakeNccl>(device, comm));
    };
    const CarrierMakers makers{
        .transport = [&](const Communicator& comm,
                         AverageSize largest) { return make_nccl_transport(comm, over(comm), access, largest); },
        .team_exchange = [&](const Communicator& team) { return make_nccl_exchange(team, over(team), access); }};
    run_on(world().size(), options, folder / "nccl", Opening::fresh, {}, nullptr, makers);
    ASSERT_EQ(libraries.size(), 2U);
    for (const auto& nccl : libraries) EXPECT_THAT(nccl->violations, ::testing::IsEmpty());
    EXPECT_THAT(libraries.front()->calls, ::testing::Contains("all_reduce"));
    EXPECT_THAT(device->violations, ::testing::IsEmpty());
    if (!world().is_root()) return;
    Segment expected = read_record(folder / "mpi"), record = read_record(folder / "nccl");
    for (Segment* each : {&expected, &record})
        for (CycleRow& row : std::span(each->cycles).first(each->cycles.size() - 1))
            row.state_hash = 0; // on devices at checkpoints alone
    EXPECT_NE(record.cycles.back().state_hash, 0U);
    expect_equal_records(expected, record);
}

TEST_P(OnDevices, several_survivors_have_the_record_of_mpi) {
    Options options = small_options();
    options.population.selection = SelectionRule::tournament;
    options.population.members = 7;
    options.exploration.credit = Credit::advantage;
    expect_the_record_of_mpi(options);
}

TEST_P(OnDevices, mean_of_members_has_the_record_of_mpi) {
    Options options = small_options();
    options.population.selection = SelectionRule::mean;
    options.population.members = 5;
    options.exploration.credit = Credit::advantage;
    expect_the_record_of_mpi(options);
}

TEST_P(OnDevices, exact_replay_is_compared_by_states_where_both_are_hashed_and_by_losses_elsewhere) {
    const SharedFolder folder;
    run_on(world().size(), small_options(), folder / "search", Opening::fresh, {}, nullptr, makers());
    const Options replay = options_of_replay(folder / "search", ReplayMode::exact);
    run_on(1, replay, folder / "whole", Opening::fresh);
    volatile std::sig_atomic_t stop = 0;
    const auto disturb = [&](std::int32_t, std::int64_t cycle, int, Trainer& trainer) {
        if (cycle == 2) trainer.state().host()[1] += 1;
        stop = cycle >= 4; // before the search's first checkpoint
    };
    EXPECT_EQ(run_on(1, replay, folder / "cut", Opening::fresh, disturb, &stop), ExitCode::stopped);
    if (!world().is_root()) return;
    const Exactness whole = compare_states(folder / "whole", folder / "search");
    EXPECT_FALSE(whole.first_difference.has_value());
    EXPECT_GE(whole.by_state, 2);
    EXPECT_GT(whole.by_loss, whole.by_state);
    const Exactness cut = compare_states(folder / "cut", folder / "search");
    EXPECT_EQ(cut.first_difference, 3);
    EXPECT_EQ(cut.by_state, 0);
    EXPECT_EQ(cut.by_loss, 5);
}

// The library itself, where there is no driver.
TEST(LoadedNccl, refuses_to_start_without_a_driver_and_says_so) {
    if (!build_info().cuda) GTEST_SKIP() << "built without CUDA";
    if (torch::cuda::is_available()) GTEST_SKIP() << "there is a GPU";
    const FoundNccl found = find_nccl();
    ASSERT_TRUE(found.library) << found.problem;
    const auto device = std::make_shared<FakeDevice>();
    try {
        make_nccl_transport(world(), found.library, {device, device->stream()}, {});
        ADD_FAILURE() << "started";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::failure);
        EXPECT_THAT(error.what(), ::testing::HasSubstr("NCCL failed in start of NCCL"));
        EXPECT_THAT(error.what(), ::testing::HasSubstr("CUDA driver version is insufficient"));
    }
    world().barrier();
}

TEST(LoadedNccl, is_the_one_that_libtorch_brings) {
    if (!build_info().cuda) GTEST_SKIP() << "built without CUDA";
    std::map<std::string, LoadedLibrary> libraries;
    for (const LoadedLibrary& library : gpu_libraries()) libraries[library.name] = library;
    for (const char* name : {"CUDA", "cuDNN", "NCCL"}) {
        EXPECT_NE(libraries[name].version, "none") << libraries[name].path;
        EXPECT_TRUE(std::filesystem::exists(libraries[name].path)) << libraries[name].path;
    }
    EXPECT_EQ(libraries.count("driver"), 1U);
}

} // namespace
} // namespace autosampling::testing
