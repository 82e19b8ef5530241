#include "autosampling/training/synchronised_norm.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/batch_norm_update_stats.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/native_batch_norm.h>
#include <ATen/ops/native_batch_norm_backward.h>
#include <torch/csrc/autograd/custom_function.h>

namespace autosampling {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// (C) to (1, C, 1, 1)
Tensor by_channel(const Tensor& values) {
    return values.view({1, -1, 1, 1});
}

// Images a channel, over all ranks.
double count_of(const Tensor& images, const TeamExchange& team) {
    const std::int64_t mine = images.numel() / images.size(1);
    return static_cast<double>(mine * team.size());
}

// Mean and biased variance over all ranks (C each), from each rank's: Var = mean of Var_r + variance of the means.
std::pair<Tensor, Tensor> moments(const Tensor& images, const TeamExchange& team) {
    const auto [mean, variance] = at::batch_norm_update_stats(images, {}, {}, /*momentum=*/0);
    const Tensor all = team.all_gather(at::cat({mean, variance})).to(at::kDouble).view({team.size(), 2, -1});
    const Tensor means = all.select(1, 0), variances = all.select(1, 1); // (ranks, C)
    const Tensor together = means.mean(0);
    const Tensor spread = variances.mean(0) + (means - together).square().mean(0);
    const auto like = images.options().dtype(at::kFloat);
    return {together.to(like), spread.to(like)};
}

class SynchronisedNorm : public torch::autograd::Function<SynchronisedNorm> {
  public:
    static Tensor forward(AutogradContext* context, const Tensor& images, const Tensor& weight, const Tensor& bias,
                          const Tensor& mean, const Tensor& variance, double epsilon, const TeamExchange* team) {
        context->save_for_backward({images, weight, mean, (variance + epsilon).rsqrt()});
        context->saved_data["team"] = reinterpret_cast<std::int64_t>(team); // lives longer: the header asks for it
        context->saved_data["epsilon"] = epsilon;
        return std::get<0>(at::native_batch_norm(images, weight, bias, mean, variance, /*training=*/false, 0, epsilon));
    }

    // With x̂ the normalised images and n their number a channel: dx = w / σ · (dy − Σ dy / n − x̂ · Σ dy x̂ / n).
    static variable_list backward(AutogradContext* context, const variable_list& gradients) {
        const variable_list saved = context->get_saved_variables();
        const Tensor &images = saved[0], &weight = saved[1], &mean = saved[2], &inverse_deviation = saved[3];
        const auto* const team = reinterpret_cast<const TeamExchange*>(context->saved_data["team"].toInt());
        const Tensor& gradient = gradients[0];
        const auto [none, weight_gradient, bias_gradient] =
            at::native_batch_norm_backward(gradient, images, weight, {}, {}, mean, inverse_deviation, /*train=*/true,
                                           context->saved_data["epsilon"].toDouble(), {false, true, true});
        const Tensor sums =
            team->all_gather(at::cat({weight_gradient, bias_gradient})).sum(0) / count_of(images, *team);
        const auto halves = sums.chunk(2);
        const Tensor scale = weight * inverse_deviation;
        const Tensor slope = scale * inverse_deviation * halves[0];
        const Tensor shift = slope * mean - scale * halves[1];
        Tensor result = gradient * by_channel(scale);
        result.addcmul_(images, by_channel(slope), -1).add_(by_channel(shift));
        return {result, weight_gradient, bias_gradient, {}, {}, {}, {}};
    }
};

} // namespace

Tensor synchronised_norm(const Tensor& images, torch::nn::BatchNorm2dImpl& norm, const TeamExchange& team) {
    const Tensor input = images.to(at::kFloat); // autocast may have left it in bf16
    const auto [mean, variance] = [&] {
        const at::NoGradGuard no_grad;
        const auto found = moments(input, team);
        const double momentum = *norm.options.momentum();
        const double count = count_of(input, team);
        norm.running_mean.lerp_(found.first, momentum);
        norm.running_var.lerp_(found.second * (count / (count - 1)), momentum);
        return found;
    }();
    return SynchronisedNorm::apply(input, norm.weight, norm.bias, mean, variance, norm.options.eps(), &team)
        .to(images.scalar_type());
}

} // namespace autosampling
