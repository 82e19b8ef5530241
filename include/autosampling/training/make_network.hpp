// Makes the networks by their names.
#pragma once

#include "autosampling/data/facts.hpp"
#include "autosampling/training/options.hpp"

#include <memory>
#include <string>
#include <vector>

namespace autosampling {

class Network;

// The names that make_network knows.
const std::vector<std::string>& network_names();

// A network for images of this shape, in channels-last, not yet initialised to anything in particular.
//
//   resnet8, resnet20: He et al. (2016), section 4.2, widths 16-32-64, 1 or 3 blocks a stage, projection shortcuts
//
//   resnet18, resnet34, resnet50, densenet121: torchvision's, for small images: with a 3 × 3 stem of stride 1 and no
//   max pooling
//
//   the same after imagenet-: for images of 224 × 224, torchvision's to the last tensor, for any number of channels
//
//   convnet: conv 3 × 3 (16) - bn - relu - pool - conv 3 × 3 (32) - bn - relu - pool - fc, for small images
//
//   mlp: flatten - fc 128 - relu - fc, for anything
//
//   torchscript:FILE: the user's own
//
//   null: takes anything and a set time, and learns next to nothing: for scaling studies
//
// Throws Error(usage) for an unknown name, a shape too small for it, or options that it can't have.
std::shared_ptr<Network> make_network(const ModelOptions& options, const Shape& shape, int classes);

// With the other options as they are by themselves.
std::shared_ptr<Network> make_network(const std::string& name, const Shape& shape, int classes);

} // namespace autosampling
