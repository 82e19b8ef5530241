// A search whose members' states travel as those of GPUs do, by the fakes of a device and of NCCL.
#include "autosampling/base/build_info.hpp"
#include "autosampling/comm/gpu.hpp"
#include "harness/fake_nccl.hpp"
#include "population/small_run.hpp"

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
        if (std::string(GetParam()) == "mpi-staged") return make_staged_transport(comm, access);
        return make_nccl_transport(comm, nccl, access, largest);
    }

    // The search on all ranks, beside the same over MPI on one of them.
    void expect_the_record_of_mpi(const Options& options) {
        const SharedFolder folder;
        run_on(1, options, folder / "mpi", Opening::fresh);
        run_on(world().size(), options, folder / "device", Opening::fresh, {}, nullptr,
               [this](const Communicator& comm, AverageSize largest) { return make(comm, largest); });
        EXPECT_THAT(nccl->violations, ::testing::IsEmpty());
        EXPECT_THAT(device->violations, ::testing::IsEmpty());
        if (!world().is_root()) return;
        expect_equal_records(folder / "mpi", folder / "device");
        EXPECT_EQ(read_launch(Hdf5File::open(folder / "device" / "run.h5")).transport, GetParam());
    }

    std::shared_ptr<FakeDevice> device;
    std::shared_ptr<FakeNccl> nccl;
};
INSTANTIATE_TEST_SUITE_P(Each, OnDevices, ::testing::Values("mpi-staged", "nccl"));

TEST_P(OnDevices, search_has_the_record_of_mpi) {
    expect_the_record_of_mpi(small_options());
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
