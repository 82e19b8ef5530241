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
using Plain = Tensor(const Tensor& images, const Tensor& weight, const std::optional<Tensor>& bias, IntArrayRef padding,
                     IntArrayRef stride, IntArrayRef dilation, std::int64_t groups, Text then, Scalars,
                     std::optional<Text>);
using Adding = Tensor&(Tensor& other, const Tensor& images, const Tensor& weight, const std::optional<Tensor>& bias,
                       IntArrayRef padding, IntArrayRef stride, IntArrayRef dilation, std::int64_t groups, Text how,
                       std::optional<at::Scalar> factor, std::optional<Text> then, Scalars, std::optional<Text>);

struct Operators {
    c10::TypedOperatorHandle<Plain> plain;
    c10::TypedOperatorHandle<Adding> adding;
    bool bf16;
};

// None where this LibTorch has no such operators, or others of these names.
const std::optional<Operators>& operators() {
    static const std::optional<Operators> found = []() -> std::optional<Operators> {
        if (!at::hasMKLDNN()) return {};
        try {
            const auto find = [](const char* name, const char* overload) {
                return c10::Dispatcher::singleton().findSchemaOrThrow(name, overload);
            };
            return Operators{find("mkldnn::_convolution_pointwise", "").typed<Plain>(),
                             find("mkldnn::_convolution_pointwise_", "binary").typed<Adding>(),
                             find("mkldnn::_is_mkldnn_bf16_supported", "").typed<bool()>().call()};
        } catch (const c10::Error&) {
            return {};
        }
    }();
    return found;
}

} // namespace

bool can_fuse_conv(const Tensor& images, const ConvWeights& weights) {
    if (!images.is_cpu() || at::GradMode::is_enabled() || !operators()) return false;
    const auto type = weights.weight.scalar_type();
    return type == at::kFloat || (type == at::kBFloat16 && operators()->bf16);
}

Tensor conv_relu(const Tensor& images, const ConvWeights& weights, std::int64_t stride, Tensor other) {
    const Tensor &weight = weights.weight, &bias = weights.bias;
    const Tensor x = images.to(weight.scalar_type());
    const std::array padding{weight.size(2) / 2, weight.size(3) / 2}, strides{stride, stride},
        dilation{std::int64_t{1}, std::int64_t{1}};
    if (!other.defined())
        return operators()->plain.call(x, weight, bias, padding, strides, dilation, 1, "relu", Scalars(), std::nullopt);
    other = other.to(weight.scalar_type());
    return operators()->adding.call(other, x, weight, bias, padding, strides, dilation, 1, "add", at::Scalar(1), "relu",
                                    Scalars(), std::nullopt);
}

} // namespace autosampling
