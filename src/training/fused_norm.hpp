// Batch norm in training together with what follows it in the networks here, for one thread of a CPU: LibTorch passes
// over the features once for each.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/modules/batchnorm.h>

namespace autosampling {

// Whether norm_relu takes them: float32 or bf16 in channels-last on a CPU, of 16, 32 or 64 channels or a multiple of
// 64, and as many values as fill whole blocks of 64; and one thread is all that LibTorch has here.
bool can_fuse_norm(const at::Tensor& features);

// relu(norm(features)), or relu(norm(features) + other): features (B, C, H, W), other the same or none. By the moments
// of these features, in float32 or better; the running statistics move on by them, as nn::BatchNorm2d in training has
// it. Its order of operations doesn't depend on the processor. Don't overwrite the result: the backward pass needs it.
at::Tensor norm_relu(const at::Tensor& features, torch::nn::BatchNorm2dImpl& norm, const at::Tensor& other);

} // namespace autosampling
