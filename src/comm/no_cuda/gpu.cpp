// A build without CUDA.
#include "autosampling/comm/gpu.hpp"

#include "autosampling/base/error.hpp"

namespace autosampling {

std::vector<LoadedLibrary> gpu_libraries() {
    return {};
}

FoundNccl find_nccl() {
    return {{}, 0, "no CUDA in this build"};
}

std::string gpu_bus_id(int) {
    throw Error(ExitCode::failure, "no CUDA in this build");
}

std::int64_t gpu_free_bytes(int) {
    throw Error(ExitCode::failure, "no CUDA in this build");
}

std::shared_ptr<DeviceRuntime> gpu_runtime(int) {
    throw Error(ExitCode::failure, "no CUDA in this build");
}

} // namespace autosampling
