#include "autosampling/training/sgd.hpp"

#include <ATen/ops/_fused_sgd.h>

namespace autosampling {

void sgd_step(const FlatState& state, const TrainingOptions& options, double learning_rate, double weight_decay,
              const LossScale& scale) {
    const torch::NoGradGuard no_grad;
    const std::optional<torch::Tensor> skip = scale.unscale(state.gradients());
    const bool with_momentum = options.momentum != 0;
    at::_fused_sgd_(state.parameters(), state.gradients(),
                    with_momentum ? at::TensorList(state.momentum()) : at::TensorList(), weight_decay, options.momentum,
                    learning_rate, /*dampening=*/0, options.nesterov, /*maximize=*/false,
                    /*is_first_step=*/false, /*grad_scale=*/{}, skip);
    state.gradients().zero_();
}

} // namespace autosampling
