// Not run on the machines where this program was tested: they have no GPU.
#include "autosampling/training/runtime.hpp"

#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>

namespace autosampling {

DeviceStream current_stream(const at::Device& device) {
    return reinterpret_cast<DeviceStream>(c10::cuda::getCurrentCUDAStream(device.index()).stream());
}

void take_stream(const at::Device& device) {
    c10::cuda::set_device(device.index());
    c10::cuda::setCurrentCUDAStream(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index()));
}

} // namespace autosampling
