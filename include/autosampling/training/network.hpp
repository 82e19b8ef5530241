// The networks. Parameters are named as torchvision names them (conv1, bn1, layer1.0.conv1, …, downsample.0, fc;
// features.denseblock1.denselayer1.norm1, …), so that a state dict moves both ways.
//
// Letters: B batch, C channels, H height, W width.
#pragma once

#include "autosampling/data/facts.hpp"
#include "autosampling/training/options.hpp"
#include "autosampling/training/team_exchange.hpp"

#include <torch/nn/module.h>
#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace autosampling {

class Network : public torch::nn::Module {
  public:
    // (B, C, H, W) channels-last, or (B, shape) for what is no image, normalised -> logits (B, classes)
    virtual torch::Tensor forward(const torch::Tensor& images) = 0;

    // Gives it initial weights, distributed as torchvision's network of this family has them: a function of the seed
    // alone, from this program's own generator. A TorchScript network keeps those of its file.
    virtual void initialise(std::uint64_t seed) = 0;

    // From now on less is kept for the backward pass, where it is computed once more; the results are the same bits.
    // Returns false where a network has no such way.
    virtual bool save_memory() { return false; }

    // Whether its passes are the same work on the device each time, which a GPU can then record. They draw no random
    // numbers, which networks side by side would have from one generator.
    virtual bool repeats() const { return true; }

    // From now on batch norm goes by the batches of all ranks of `team` together, which must be of equal size; forward
    // and backward are then collective over it while training. The team must outlive the network.
    void synchronise_statistics(const TeamExchange& team);
};

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
