// The device by the CUDA runtime. Compiled, and linked against LibTorch's; on a GPU it has not been run: the machines
// where this program was tested have none.
#include "autosampling/comm/gpu.hpp"

#include "autosampling/base/error.hpp"
#include "cuda_check.hpp"

#include <array>

namespace autosampling {

void check_cuda(cudaError_t code, const char* call) {
    VALIDATE(code == cudaSuccess, ExitCode::failure, call, " failed (", cudaGetErrorString(code), ")");
}

namespace {

cudaEvent_t as_cuda(DeviceEvent event) {
    return reinterpret_cast<cudaEvent_t>(event);
}
cudaStream_t as_cuda(DeviceStream stream) {
    return reinterpret_cast<cudaStream_t>(stream);
}

// What it makes is never freed: that would wait for kernels, and after an error they may never end.
class CudaRuntime : public DeviceRuntime {
  public:
    explicit CudaRuntime(int device) {
        int version = 0;
        check_cuda(cudaRuntimeGetVersion(&version), "cudaRuntimeGetVersion");
        VALIDATE(version >= CUDART_VERSION, ExitCode::failure, "the CUDA runtime that is loaded is older than the ",
                 "build's (", version, ", not ", CUDART_VERSION, "): unload CUDA's module, or see LD_LIBRARY_PATH");
        check_cuda(cudaSetDevice(device), "cudaSetDevice");
    }

    DeviceEvent event() override {
        cudaEvent_t made = nullptr;
        check_cuda(cudaEventCreateWithFlags(&made, cudaEventDisableTiming), "cudaEventCreateWithFlags");
        return reinterpret_cast<DeviceEvent>(made);
    }
    void record(DeviceEvent event, DeviceStream stream) override {
        check_cuda(cudaEventRecord(as_cuda(event), as_cuda(stream)), "cudaEventRecord");
    }
    bool done(DeviceEvent event) override {
        const cudaError_t code = cudaEventQuery(as_cuda(event));
        if (code != cudaErrorNotReady) check_cuda(code, "cudaEventQuery");
        return code == cudaSuccess;
    }
    void copy(float* to, const float* from, std::size_t count, DeviceStream stream) override {
        check_cuda(cudaMemcpyAsync(to, from, count * sizeof(float), cudaMemcpyDefault, as_cuda(stream)),
                   "cudaMemcpyAsync");
    }
    float* memory(std::size_t count) override {
        void* made = nullptr;
        check_cuda(cudaMalloc(&made, count * sizeof(float)), "cudaMalloc");
        return static_cast<float*>(made);
    }
    float* host_memory(std::size_t count) override {
        void* made = nullptr;
        check_cuda(cudaHostAlloc(&made, count * sizeof(float), cudaHostAllocDefault), "cudaHostAlloc");
        return static_cast<float*>(made);
    }
};

} // namespace

std::string gpu_bus_id(int device) {
    std::array<char, 32> name{};
    check_cuda(cudaDeviceGetPCIBusId(name.data(), static_cast<int>(name.size()), device), "cudaDeviceGetPCIBusId");
    return name.data();
}

std::int64_t gpu_free_bytes(int device) {
    std::size_t free = 0, total = 0;
    check_cuda(cudaSetDevice(device), "cudaSetDevice");
    check_cuda(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    return static_cast<std::int64_t>(free);
}

std::shared_ptr<DeviceRuntime> gpu_runtime(int device) {
    return std::make_shared<CudaRuntime>(device);
}

} // namespace autosampling
