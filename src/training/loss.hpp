// The losses that networks are trained by.
//
// Letter: B batch.
#pragma once

#include <ATen/core/Reduction.h>
#include <torch/types.h>

namespace autosampling {

// Cross-entropy of logits (B, classes) and classes (B) i64, or the squared error of numbers (B, targets) f32, the mean
// of an example's; of each example, or the mean over all.
torch::Tensor loss_of(const torch::Tensor& outputs, const torch::Tensor& wanted, at::Reduction::Reduction reduction,
                      double smoothing = 0);

} // namespace autosampling
