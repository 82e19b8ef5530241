// Calls of the CUDA runtime.
#pragma once

#include <cuda_runtime_api.h>

namespace autosampling {

// Throws Error(failure) with the device's words and the name of the call.
void check_cuda(cudaError_t code, const char* call);

} // namespace autosampling
