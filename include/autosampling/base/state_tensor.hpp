// How a member's state is made of tensors: what training lays out and the record writes down.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace autosampling {

// One tensor of a state: where it lies in the flat buffer. Elements are in the memory order of a channels-last tensor
// where `channels_last`.
struct StateTensor {
    std::string name; // as in the module: "layer1.0.conv1.weight"; momentum: "momentum.<name>"; "optimizer.<name>"
    std::vector<std::int64_t> shape; // logical, as PyTorch gives it (O, I, H, W)
    std::int64_t offset = 0;         // first element, a multiple of 16
    bool channels_last = false;

    bool operator==(const StateTensor&) const = default;
};

} // namespace autosampling
