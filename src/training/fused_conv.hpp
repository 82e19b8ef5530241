// A convolution together with what follows it in inference, on a CPU: LibTorch passes over the features once for each.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace autosampling {

struct ConvWeights {
    at::Tensor weight, bias; // (O, C, S, S), (O); float32 or bf16
};

// Whether conv_relu takes them: on a CPU, without gradients, where LibTorch's oneDNN has the weights' format.
bool can_fuse_conv(const at::Tensor& images, const ConvWeights& weights);

// relu(conv(images)), or relu(conv(images) + other): images (B, C, H, W), padded by half of S; other as the result, and
// overwritten, or none. Computed in the weights' format. A NaN becomes 0.
at::Tensor conv_relu(const at::Tensor& images, const ConvWeights& weights, std::int64_t stride, at::Tensor other);

} // namespace autosampling
