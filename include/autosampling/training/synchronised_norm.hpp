// Batch normalisation over the batches of several ranks (Peng et al., CVPR 2018, "cross-GPU batch normalization").
// LibTorch has it in Python only.
#pragma once

#include "autosampling/training/team_exchange.hpp"

#include <ATen/core/Tensor.h>
#include <torch/nn/modules/batchnorm.h>

namespace autosampling {

// images (b, C, H, W), b the same on every rank of `team`, normalised by the mean and variance of all ranks' images;
// the running statistics of `norm` move on by them. As nn::BatchNorm2d in training has it for the whole batch, backward
// too; the gradients of weight and bias are this rank's part of their sums. Forward and backward are collective over
// `team`, which must live until the backward pass.
at::Tensor synchronised_norm(const at::Tensor& images, torch::nn::BatchNorm2dImpl& norm, const TeamExchange& team);

} // namespace autosampling
