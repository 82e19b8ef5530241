// The networks. Parameters are named as torchvision names them (conv1, bn1, layer1.0.conv1, …, downsample.0, fc;
// features.denseblock1.denselayer1.norm1, …), so that a state dict moves both ways.
//
// Letters: B batch, C channels, H height, W width.
#pragma once

#include "autosampling/training/team_exchange.hpp"

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <cstdint>

namespace autosampling {

class Network : public torch::nn::Module {
  public:
    // (B, C, H, W) channels-last, or (B, shape) for what is no image, normalised -> logits (B, classes)
    // For inference on a CPU without gradients, weights are made that stay: eval() once more where parameters change.
    virtual at::Tensor forward(const at::Tensor& images) = 0;

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

} // namespace autosampling
