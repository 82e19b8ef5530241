// Stochastic gradient descent on a flat state.
#pragma once

#include "autosampling/training/flat_state.hpp"
#include "autosampling/training/options.hpp"

namespace autosampling {

// One step of torch.optim.SGD (dampening 0, one parameter group: weight decay on all parameters) with the gradients of
// `state`, which it zeroes in place for the next. A momentum of zeros stands for PyTorch's missing buffer before the
// first step. Padding stays zero. Local.
void sgd_step(const FlatState& state, const TrainingOptions& options, double learning_rate);

} // namespace autosampling
