#include "autosampling/training/runtime.hpp"

namespace autosampling {

DeviceStream current_stream(const at::Device&) {
    return nullptr;
}

void take_stream(const at::Device&) {}

} // namespace autosampling
