// What a process sets up once, and asks of LibTorch, before it trains: threads, heap, device, precision.
#pragma once

#include "autosampling/comm/nccl_library.hpp"
#include "autosampling/training/options.hpp"

#include <c10/core/Device.h>

#include <string>

namespace autosampling {

// How a bf16 convolution compares with fp32 here: seconds of fp32 over seconds of bf16, best of a few tries, with the
// threads that are set.
// Below 1 bf16 is slower. Local.
double bf16_speedup();

// Threads of tensor operations, and none between operators; pins BLAS threads too. Once, before any tensor work.
void set_threads(int threads);

// Keeps freed memory in the process (mallopt): steps then reuse it instead of asking the kernel. The first 4 GB of it
// are in huge pages where the system gives them on request; what that gains stands in INSTALL.md ("Decisions").
void keep_heap();

// Throws Error(usage) for a device that this build can't have.
void check_device(Device device);

// The device for this rank; `local_rank` picks the GPU. Throws Error(usage) where the build
// or the machine has no CUDA. The CUDA path has not been run on the machines where this program was tested.
at::Device choose_device(Device device, int local_rank);

// Throws Error(usage) for a precision that members can't be trained or evaluated in there; `option` asked for it.
void check_precision(const std::string& option, Precision precision, const at::Device& device);

// Makes this thread ready to train there, before any work on a GPU. There a stream of LibTorch's has its work, fp32 is
// what IEEE 754 says, and if asked only operations that give the same bits each time are done, or an error is thrown.
// Not run on a GPU on the machines where this program was tested.
void prepare_device(const at::Device& device, bool deterministic);

// Of LibTorch, for this thread; null for a CPU.
DeviceStream current_stream(const at::Device& device);
// Makes it one of LibTorch's own, which can be recorded; on a CPU nothing.
void take_stream(const at::Device& device);

// From now on errors of LibTorch are its words alone, without a list of addresses.
void leave_out_backtraces();

// The instructions of the CPU that LibTorch uses, and the limits that environment variables set to those of its
// libraries: "AVX512", "AVX2, ONEDNN_MAX_CPU_ISA=AVX2".
std::string cpu_capability();

// "2.11.0".
std::string torch_version();

} // namespace autosampling
