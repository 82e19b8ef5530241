#include "autosampling/training/loss_scale.hpp"

#include <ATen/ops/_amp_foreach_non_finite_check_and_unscale.h>
#include <ATen/ops/_amp_update_scale.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

namespace autosampling {
namespace {

constexpr double first_scale = 65536, growth = 2, backoff = 0.5;
constexpr std::int64_t growth_steps = 2000;

} // namespace

LossScale::LossScale(Precision precision) {
    if (precision != Precision::fp16) return;
    scale_ = at::full({1}, first_scale, at::kFloat);
    steps_ = at::zeros({1}, at::kInt);
}

NamedTensors LossScale::tensors() const {
    if (!scale_.defined()) return {};
    return {{"optimizer.loss_scale", scale_}, {"optimizer.loss_scale_steps", steps_}};
}

std::optional<at::Tensor> LossScale::unscale(const at::Tensor& gradients) const {
    if (!scale_.defined()) return std::nullopt;
    at::Tensor scale = scale_, steps = steps_, found = at::zeros_like(scale_);
    at::_amp_foreach_non_finite_check_and_unscale_(gradients, found, scale.reciprocal());
    at::_amp_update_scale_(scale, steps, found, growth, backoff, growth_steps);
    return found;
}

} // namespace autosampling
