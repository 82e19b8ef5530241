#include "autosampling/training/sgd.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_sgd.h>

namespace autosampling {
namespace {

// `learning_rate` a number or a tensor.
void step(const FlatState& state, const TrainingOptions& options, const auto& learning_rate, double weight_decay,
          const std::optional<at::Tensor>& skip) {
    const bool with_momentum = options.momentum != 0;
    at::_fused_sgd_(state.parameters(), state.gradients(),
                    with_momentum ? at::TensorList(state.momentum()) : at::TensorList(), weight_decay, options.momentum,
                    learning_rate, /*dampening=*/0, options.nesterov, /*maximize=*/false,
                    /*is_first_step=*/false, /*grad_scale=*/{}, skip);
    state.gradients().zero_();
}

} // namespace

void sgd_step(const FlatState& state, const TrainingOptions& options, double learning_rate, double weight_decay,
              const LossScale& scale) {
    const at::NoGradGuard no_grad;
    step(state, options, learning_rate, weight_decay, scale.unscale(state.gradients()));
}

void sgd_step(const FlatState& state, const TrainingOptions& options, const at::Tensor& learning_rate,
              const at::Tensor& weight_decay, const LossScale& scale) {
    const at::NoGradGuard no_grad;
    const auto skip = scale.unscale(state.gradients());
    state.gradients().addcmul_(state.parameters(), weight_decay); // the fused step takes a decay of the host only
    step(state, options, learning_rate, /*weight_decay=*/0, skip);
}

} // namespace autosampling
