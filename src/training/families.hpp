// The families of networks: each says the names of its own, and how one is made.
#pragma once

#include "autosampling/training/make_network.hpp"
#include "autosampling/training/network.hpp"

#include <memory>
#include <string>
#include <vector>

namespace autosampling {

struct Architecture {
    std::string name;
    int smallest_side; // pixels: the last feature map is then at least 2 × 2; 0: takes examples of any shape
    std::shared_ptr<Network> (*make)(const Shape& shape, int classes, const ModelOptions& options);
};

// A constructor of N as a function: what follows the shape and the classes is fixed.
template<class N, auto... fixed>
std::shared_ptr<Network> make(const Shape& shape, int classes, const ModelOptions&) {
    return std::make_shared<N>(shape, classes, fixed...);
}

std::vector<Architecture> resnets();
std::vector<Architecture> densenets();
std::vector<Architecture> small_networks();
std::vector<Architecture> null_networks();

} // namespace autosampling
