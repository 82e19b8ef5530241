// Not run on the machines where this program was tested: they have no GPU.
#include "autosampling/training/runtime.hpp"

#include <c10/cuda/CUDAStream.h>

namespace autosampling {

DeviceStream current_stream(const torch::Device& device) {
    return reinterpret_cast<DeviceStream>(c10::cuda::getCurrentCUDAStream(device.index()).stream());
}

} // namespace autosampling
