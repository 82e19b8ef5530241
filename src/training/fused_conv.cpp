#include "fused_conv.hpp"

#include <ATen/Context.h>
#include <ATen/core/List.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>

#include <array>
#include <optional>

namespace autosampling {
namespace {

using at::IntArrayRef;
using at::Tensor;
using Text = c10::string_view;
using Scalars = c10::List<std::optional<at::Scalar>>;

// Operators that torch.compile makes networks of, in the form that they have in LibTorch 2.11; at:: has no names for
// them.
constexpr const char* plain_name = "mkldnn::_convolution_pointwise";
constexpr const char* adding_name = "mkldnn::_convolution_pointwise_";

using Plain = Tensor(const Tensor& images, const Tensor& weight, const std::optional<Tensor>& bias, IntArrayRef padding,
                     IntArrayRef stride, IntArrayRef dilation, std::int64_t groups, Text then, Scalars,
                     std::optional<Text>);
using Adding = Tensor&(Tensor& other, const Tensor& images, const Tensor& weight, const std::optional<Tensor>& bias,
                       IntArrayRef padding, IntArrayRef stride, IntArrayRef dilation, std::int64_t groups, Text how,
                       std::optional<at::Scalar> factor, std::optional<Text> then, Scalars, std::optional<Text>);

// Without these oneDNN refuses bf16.
bool has_bf16() {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq");
#else
    return false;
#endif
}

} // namespace

bool can_fuse_conv(const Tensor& images, const ConvWeights& weights) {
    static const bool there = at::hasMKLDNN() && c10::Dispatcher::singleton().findSchema({plain_name, ""}) &&
                              c10::Dispatcher::singleton().findSchema({adding_name, "binary"});
    static const bool bf16 = has_bf16();
    const auto type = weights.weight.scalar_type();
    return there && images.is_cpu() && !at::GradMode::is_enabled() &&
           (type == at::kFloat || (type == at::kBFloat16 && bf16));
}

Tensor conv_relu(const Tensor& images, const ConvWeights& weights, std::int64_t stride, const Tensor& other) {
    static const auto plain = c10::Dispatcher::singleton().findSchemaOrThrow(plain_name, "").typed<Plain>();
    static const auto adding = c10::Dispatcher::singleton().findSchemaOrThrow(adding_name, "binary").typed<Adding>();
    const auto& [weight, bias] = weights;
    const Tensor x = images.to(weight.scalar_type());
    const std::array padding{weight.size(2) / 2, weight.size(3) / 2}, strides{stride, stride},
        dilation{std::int64_t{1}, std::int64_t{1}};
    if (!other.defined())
        return plain.call(x, weight, bias, padding, strides, dilation, 1, "relu", Scalars(), std::nullopt);
    Tensor sum = other.to(weight.scalar_type());
    return adding.call(sum, x, weight, bias, padding, strides, dilation, 1, "add", at::Scalar(1), "relu", Scalars(),
                       std::nullopt);
}

} // namespace autosampling
