// Not run on the machines where this program was tested: they have no GPU.
#include "autosampling/training/runtime.hpp"

#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>

namespace autosampling {
namespace {

cudaStream_t native(DeviceStream stream) {
    return reinterpret_cast<cudaStream_t>(stream);
}

} // namespace

DeviceStream current_stream(const torch::Device& device) {
    return reinterpret_cast<DeviceStream>(c10::cuda::getCurrentCUDAStream(device.index()).stream());
}

void take_stream(const torch::Device& device) {
    c10::cuda::set_device(device.index());
    c10::cuda::setCurrentCUDAStream(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index()));
}

void use_stream(const torch::Device& device, DeviceStream stream) {
    if (!device.is_cuda()) return;
    c10::cuda::setCurrentCUDAStream(c10::cuda::getStreamFromExternal(native(stream), device.index()));
}

void put_after(const torch::Device& device, DeviceStream later, DeviceStream earlier) {
    if (!device.is_cuda()) return;
    cudaEvent_t event = nullptr;
    C10_CUDA_CHECK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
    C10_CUDA_CHECK(cudaEventRecord(event, native(earlier)));
    C10_CUDA_CHECK(cudaStreamWaitEvent(native(later), event));
    C10_CUDA_CHECK(cudaEventDestroy(event)); // when it has happened
}

} // namespace autosampling
