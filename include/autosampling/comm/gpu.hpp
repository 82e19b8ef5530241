// The GPUs of this process and the libraries that serve them. A build without CUDA has none.
#pragma once

#include "autosampling/comm/nccl_communicator.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace autosampling {

// Each with the file it was loaded from: CUDA runtime, driver, NCCL.
struct LoadedLibrary {
    std::string name, version, path;
};
std::vector<LoadedLibrary> gpu_libraries();

// The NCCL that LibTorch has loaded into this process, never another one.
struct FoundNccl {
    std::shared_ptr<NcclLibrary> library; // null: none that can be used
    int version = 0;                      // as ncclGetVersion has it
    std::string problem;                  // why none
};
FoundNccl find_nccl();

// "0000:4A:00.0". Throws Error(failure) with the device's words.
std::string gpu_bus_id(int device);
// Of its memory. Makes it the thread's current one.
std::int64_t gpu_free_bytes(int device);

// That device, made the thread's current one. Throws Error(failure).
std::shared_ptr<DeviceRuntime> gpu_runtime(int device);

} // namespace autosampling
