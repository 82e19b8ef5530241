// The losses that networks are trained by.
//
// Letter: B batch.
#pragma once

#include <ATen/core/Reduction.h>
#include <ATen/core/Tensor.h>

namespace autosampling {

// Cross-entropy of logits (B, classes) and classes (B) i64, or the squared error of numbers (B, targets) f32, the mean
// of an example's; of each example, or the mean over all.
at::Tensor loss_of(const at::Tensor& outputs, const at::Tensor& wanted, at::Reduction::Reduction reduction,
                   double smoothing = 0);

} // namespace autosampling
