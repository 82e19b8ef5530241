#include "layers.hpp"

#include "autosampling/base/random.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <torch/nn/modules/linear.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace autosampling {
namespace {

// Fills a tensor from the generator in blocks of its elements, in PyTorch's logical order.
template<class Draw>
void fill(at::Tensor& tensor, RandomKey key, Draw draw) {
    constexpr std::int64_t block = 4096;
    const at::Tensor values = at::empty(tensor.sizes(), at::kFloat);
    auto* const value = values.data_ptr<float>();
    for (std::int64_t start = 0; start < values.numel(); start += block) {
        RandomStream stream(key, static_cast<std::uint32_t>(start / block));
        const std::int64_t end = std::min(start + block, values.numel());
        for (std::int64_t i = start; i < end; ++i) value[i] = static_cast<float>(draw(stream));
    }
    tensor.copy_(values);
}

// Standard normal (Box & Muller, 1958).
double normal(RandomStream& stream) {
    const double radius = std::sqrt(-2 * std::log(1 - stream.real()));
    return radius * std::cos(2 * std::numbers::pi * stream.real());
}

} // namespace

void initialise_layers(Network& network, std::uint64_t seed, const Initialisation& how) {
    const at::NoGradGuard no_grad;
    RandomKey key{.seed = seed, .purpose = Purpose::initial_state};
    for (const auto& module : network.modules(/*include_self=*/false)) {
        if (auto* const conv = module->as<torch::nn::Conv2d>()) {
            const at::Tensor& weight = conv->weight; // (O, I, size, size)
            const std::int64_t fan = weight.numel() / weight.size(how.fan == Fan::out ? 1 : 0);
            const double deviation = std::sqrt(2.0 / static_cast<double>(fan));
            fill(conv->weight, key, [deviation](RandomStream& stream) { return deviation * normal(stream); });
        } else if (auto* const linear = module->as<torch::nn::Linear>()) {
            const double bound = 1 / std::sqrt(static_cast<double>(linear->weight.size(1)));
            const auto uniform = [bound](RandomStream& stream) { return bound * (2 * stream.real() - 1); };
            fill(linear->weight, key, uniform);
            ++key.member;
            if (how.zero_bias)
                linear->bias.zero_();
            else
                fill(linear->bias, key, uniform);
        } else if (auto* const norm = module->as<torch::nn::BatchNorm2d>()) {
            norm->reset_parameters();
        }
        ++key.member;
    }
}

} // namespace autosampling
