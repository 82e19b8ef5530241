// Stochastic gradient descent on a flat state.
#pragma once

#include "autosampling/training/flat_state.hpp"
#include "autosampling/training/options.hpp"

#include <ATen/core/Tensor.h>

namespace autosampling {

// One step of torch.optim.SGD (dampening 0, one parameter group: weight decay on all parameters) at the rate and decay
// given, with the gradients of `state`, which it zeroes in place for the next. A momentum of zeros stands for PyTorch's
// missing buffer before the first step. Padding stays zero. Under a scale the gradients are of the scaled loss, and the
// step is left out where they aren't finite. Local.
void sgd_step(const FlatState& state, const TrainingOptions& options, double learning_rate, double weight_decay,
              const LossScale& scale = {});

// The same with rate and decay (1) f32 on the state's device, which the host doesn't look at. Local.
void sgd_step(const FlatState& state, const TrainingOptions& options, const at::Tensor& learning_rate,
              const at::Tensor& weight_decay, const LossScale& scale);

} // namespace autosampling
