#include "autosampling/training/runtime.hpp"

#include "autosampling/base/build_info.hpp"
#include "autosampling/base/error.hpp"
#include "autosampling/base/long_vector.hpp"
#include "autosampling/base/stopwatch.hpp"
#include "autosampling/training/autocast.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/full.h>
#include <c10/util/Logging.h>
#include <torch/cuda.h>
#include <torch/version.h>

#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

namespace autosampling {
namespace {

// Seconds of one forward and backward pass of a convolution, the best of three after one to warm up.
double convolution_seconds(Precision precision) {
    const auto channels_last = at::MemoryFormat::ChannelsLast;
    const auto images = at::full({8, 64, 16, 16}, 0.5F).contiguous(channels_last).requires_grad_();
    const auto weight = at::full({64, 64, 3, 3}, 0.5F).contiguous(channels_last).requires_grad_();
    double best = std::numeric_limits<double>::infinity();
    for (int attempt = 0; attempt < 4; ++attempt) {
        const double elapsed = seconds_of([&] {
            at::Tensor output;
            {
                const Autocast autocast(precision, at::kCPU);
                output = at::conv2d(images, weight, {}, 1, 1);
            }
            output.sum().backward();
        });
        if (attempt > 0) best = std::min(best, elapsed);
    }
    return best;
}

bool limits_addresses() {
    return std::ranges::any_of(std::array{RLIMIT_AS, RLIMIT_DATA}, [](auto resource) {
        rlimit limit{};
        return getrlimit(resource, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY;
    });
}

} // namespace

double bf16_speedup() {
    return convolution_seconds(Precision::fp32) / convolution_seconds(Precision::bf16);
}

void set_threads(int threads) {
    EXPECT(threads >= 1);
    at::set_num_threads(threads); // of OpenMP and of MKL, whose own choice by core binding would change bits
    if (at::get_num_interop_threads() != 1) at::set_num_interop_threads(1); // can be set only once
}

void keep_heap() {
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, -1); // never
    mallopt(M_TOP_PAD, 64 << 20);
    if (limits_addresses()) return;
    constexpr std::size_t reserved = std::size_t{4} << 30;
    void* const heap = std::malloc(reserved); // addresses alone: memory comes with the first touch
    if (heap == nullptr) return;
    prefer_huge_pages(heap, reserved);
    std::free(heap);
}

void check_device(Device device) {
    VALIDATE(device != Device::cuda || build_info().cuda, ExitCode::usage,
             "no CUDA in this build (run.device is cuda): take cpu, or build with -DAUTOSAMPLING_CUDA=ON");
}

at::Device choose_device(Device device, int local_rank) {
    EXPECT(local_rank >= 0);
    check_device(device);
    const auto devices = build_info().cuda ? torch::cuda::device_count() : 0;
    VALIDATE(device != Device::cuda || devices > 0, ExitCode::usage, "no CUDA device on ", host_name(),
             " (run.device is cuda, and the driver shows none): take cpu, or ask the scheduler for a GPU");
    if (device == Device::cpu || devices == 0) return at::kCPU;
    return {at::kCUDA, static_cast<at::DeviceIndex>(local_rank % static_cast<int>(devices))};
}

void check_precision(const std::string& option, Precision precision, const at::Device& device) {
    VALIDATE(precision != Precision::fp16 || device.is_cuda(), ExitCode::usage, option,
             " = fp16 is for GPUs (CPUs have no fast arithmetic for it): set it to bf16 or fp32");
}

void prepare_device(const at::Device& device, bool deterministic) {
    if (!device.is_cuda()) return;
    take_stream(device);
    at::Context& context = at::globalContext();
    context.setAllowTF32CuDNN(false); // LibTorch's default rounds what convolutions multiply to 10 bits
    context.setBenchmarkCuDNN(!deterministic);
    if (!deterministic) return;
    setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0); // cuBLAS's documentation, "Results reproducibility"
    for (const auto& [name, value] : {std::pair{"NCCL_ALGO", "Ring"}, {"NCCL_PROTO", "Simple"}})
        setenv(name, value, /*overwrite=*/0); // else it may add up in another order the next time (nccl#1497)
    context.setDeterministicCuDNN(true);
    context.setDeterministicAlgorithms(true, /*warn_only=*/false);
    context.setDeterministicFillUninitializedMemory(false); // all that is read was written before
}

void leave_out_backtraces() {
    c10::SetStackTraceFetcher([] { return std::string(); });
}

std::string cpu_capability() {
    std::string capability = at::get_cpu_capability();
    for (const char* limit :
         {"ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR", "OPENBLAS_CORETYPE"})
        if (const char* value = std::getenv(limit)) capability += text(", ", limit, "=", value);
    return capability;
}

std::string torch_version() {
    return TORCH_VERSION;
}

} // namespace autosampling
