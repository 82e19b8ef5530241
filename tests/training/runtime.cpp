#include "autosampling/training/runtime.hpp"
#include "autosampling/base/build_info.hpp"
#include "autosampling/base/error.hpp"
#include "autosampling/base/error_words.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <torch/utils.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>

namespace autosampling {
namespace {

TEST(Runtime, threads_are_those_asked_for) {
    set_threads(2);
    EXPECT_EQ(at::get_num_threads(), 2);
    EXPECT_EQ(at::get_num_interop_threads(), 1);
}

TEST(Runtime, device_names_are_checked) {
    EXPECT_EQ(choose_device(Device::cpu, 3), at::Device(at::kCPU));
    if (!build_info().cuda) {
        EXPECT_EQ(choose_device(Device::automatic, 0), at::Device(at::kCPU));
        EXPECT_THROW(choose_device(Device::cuda, 0), Error);
    }
}

TEST(Runtime, fp16_is_for_gpus) {
    EXPECT_THROW(check_precision("run.precision", Precision::fp16, at::kCPU), Error);
    check_precision("run.precision", Precision::fp16, at::kCUDA);
    check_precision("run.precision", Precision::bf16, at::kCPU);
}

TEST(Runtime, bf16_speedup_is_a_ratio) {
    const double speedup = bf16_speedup();
    EXPECT_TRUE(std::isfinite(speedup) && speedup > 0) << speedup;
}

TEST(Runtime, kept_heap_is_asked_for_in_huge_pages) {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "AddressSanitizer has a heap of its own";
#endif
    for (const auto resource : {RLIMIT_AS, RLIMIT_DATA}) {
        rlimit limit{};
        if (getrlimit(resource, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY)
            GTEST_SKIP() << "addresses are limited";
    }
    if (!std::filesystem::exists("/sys/kernel/mm/transparent_hugepage")) GTEST_SKIP() << "the kernel has none";
    keep_heap();
    std::ifstream maps("/proc/self/smaps");
    bool of_heap = false, huge = false;
    for (std::string line; std::getline(maps, line);) {
        if (line.find('-') != std::string::npos) of_heap = line.ends_with("[heap]"); // a mapping's first line
        huge = huge || (of_heap && line.starts_with("VmFlags:") && line.find(" hg") != std::string::npos);
    }
    EXPECT_TRUE(huge);
}

TEST(Runtime, short_memory_is_said_without_a_backtrace) {
    leave_out_backtraces();
    try {
        (void)at::empty({std::int64_t{1} << 50});
        FAIL() << "so much memory?";
    } catch (const std::exception& error) {
        EXPECT_THAT(words_of(error), ::testing::HasSubstr("training.batch_size"));
        EXPECT_THAT(words_of(error), ::testing::Not(::testing::HasSubstr("\n")));
    }
}

TEST(Runtime, cpu_capability_names_the_limits_of_libraries) {
    const std::string unlimited = cpu_capability();
    EXPECT_FALSE(unlimited.empty());
    setenv("ONEDNN_MAX_CPU_ISA", "AVX2", 1);
    EXPECT_EQ(cpu_capability(), unlimited + ", ONEDNN_MAX_CPU_ISA=AVX2");
    unsetenv("ONEDNN_MAX_CPU_ISA");
}

TEST(Runtime, torch_version_has_three_numbers) {
    EXPECT_EQ(torch_version().substr(0, 2), "2.");
}

} // namespace
} // namespace autosampling
