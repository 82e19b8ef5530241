#include "fused_norm.hpp"

#include "autosampling/base/narrow.hpp"
#include "autosampling/base/wide.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

namespace autosampling {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Features are (rows, C) in memory, rows = B · H · W. A block is 64 values of one row, or of as many rows as have so
// many; every value of it has its own sums, so that their order, and the bits, don't depend on the instructions.
constexpr std::size_t block = 64;
constexpr std::size_t stretch = 256; // blocks that are added up in float32, before double takes over

// sums += Σ (x − shift), squares += Σ (x − shift)² of one column of blocks, `stride` apart.
template<class T>
AUTOSAMPLING_WIDE void add_moments(const T* x, std::size_t blocks, std::size_t stride, const float* shift, double* sums,
                                   double* squares) {
    for (std::size_t first = 0; first < blocks; first += stretch) {
        const std::size_t end = first + stretch < blocks ? first + stretch : blocks;
        float sum[block] = {}, square[block] = {};
        for (std::size_t b = first; b < end; ++b)
            for (std::size_t i = 0; i < block; ++i) {
                const float d = static_cast<float>(x[b * stride + i]) - shift[i];
                sum[i] += d;
                square[i] += d * d;
            }
        for (std::size_t i = 0; i < block; ++i) {
            sums[i] += static_cast<double>(sum[i]);
            squares[i] += static_cast<double>(square[i]);
        }
    }
}

// y = relu(x · scale + shift), or relu(x · scale + shift + other), of whole rows of `width`.
template<class T>
AUTOSAMPLING_WIDE void normalise(const T* __restrict x, const T* __restrict other, std::size_t rows, std::size_t width,
                                 const float* __restrict scale, const float* __restrict shift, T* __restrict y) {
    for (std::size_t r = 0; r < rows; ++r, x += width, y += width) {
        if (other == nullptr) {
            for (std::size_t i = 0; i < width; ++i) {
                const float v = static_cast<float>(x[i]) * scale[i] + shift[i];
                y[i] = static_cast<T>(v < 0 ? 0 : v); // a NaN stays one
            }
        } else {
            for (std::size_t i = 0; i < width; ++i) {
                const float v = static_cast<float>(x[i]) * scale[i] + shift[i] + static_cast<float>(other[i]);
                y[i] = static_cast<T>(v < 0 ? 0 : v);
            }
            other += width;
        }
    }
}

// sums += Σ g, products += Σ g (x − mean) of one column of blocks, with g = dy where y is above 0; g goes to `masked`.
template<class T>
AUTOSAMPLING_WIDE void add_gradients(const T* __restrict dy, const T* __restrict y, const T* __restrict x,
                                     std::size_t blocks, std::size_t stride, const float* __restrict mean,
                                     T* __restrict masked, double* sums, double* products) {
    for (std::size_t first = 0; first < blocks; first += stretch) {
        const std::size_t end = first + stretch < blocks ? first + stretch : blocks;
        float sum[block] = {}, product[block] = {};
        for (std::size_t b = first; b < end; ++b)
            for (std::size_t i = 0; i < block; ++i) {
                const std::size_t at = b * stride + i;
                const auto gradient = static_cast<float>(dy[at]); // read whatever y is: else no loop of vectors
                const float g = static_cast<float>(y[at]) <= 0 ? 0 : gradient;
                masked[at] = static_cast<T>(g);
                sum[i] += g;
                product[i] += g * (static_cast<float>(x[at]) - mean[i]);
            }
        for (std::size_t i = 0; i < block; ++i) {
            sums[i] += static_cast<double>(sum[i]);
            products[i] += static_cast<double>(product[i]);
        }
    }
}

// dx = g · scale + x · slope + shift, of whole rows of `width`.
template<class T>
AUTOSAMPLING_WIDE void propagate(const T* __restrict g, const T* __restrict x, std::size_t rows, std::size_t width,
                                 const float* __restrict scale, const float* __restrict slope,
                                 const float* __restrict shift, T* __restrict dx) {
    for (std::size_t r = 0; r < rows; ++r, g += width, x += width, dx += width)
        for (std::size_t i = 0; i < width; ++i)
            dx[i] =
                static_cast<T>(static_cast<float>(g[i]) * scale[i] + (static_cast<float>(x[i]) * slope[i] + shift[i]));
}

struct Extent {
    std::size_t channels, width, rows, count; // width: of a row of whole blocks; count: values of a channel

    explicit Extent(const Tensor& features)
        : channels(to_size(features.size(1))), width(std::max(block, channels)),
          rows(to_size(features.numel()) / width), count(to_size(features.numel()) / channels) {}

    // What there is of each channel, repeated until it fills whole blocks.
    std::vector<float> columns(const auto& of_channel) const {
        std::vector<float> values(width);
        for (std::size_t i = 0; i < width; ++i) values[i] = static_cast<float>(of_channel(i % channels));
        return values;
    }
};

// Two sums of each channel.
struct Sums {
    std::vector<double> first, second; // (width), of which (C) once all are there

    // add(column, first, second) adds the sums of the column of blocks that begins there.
    Sums(const Extent& extent, const auto& add) : first(extent.width), second(extent.width) {
        for (std::size_t i = 0; i < extent.width; i += block) add(i, &first[i], &second[i]);
        for (std::size_t i = extent.channels; i < extent.width; ++i) {
            first[i % extent.channels] += first[i];
            second[i % extent.channels] += second[i];
        }
    }
};

Tensor channels_last(const Tensor& tensor) {
    return tensor.contiguous(at::MemoryFormat::ChannelsLast);
}

template<class T>
Tensor forward_of(AutogradContext* context, const Tensor& features, const Tensor& other,
                  torch::nn::BatchNorm2dImpl& norm) {
    const Extent extent(features);
    const T* const x = features.const_data_ptr<T>();
    const std::vector<float> near = extent.columns([x](std::size_t c) { return x[c]; }); // as far as std from the mean
    const Sums sums(extent, [&](std::size_t i, double* sum, double* squares) {
        add_moments(x + i, extent.rows, extent.width, &near[i], sum, squares);
    });

    const Tensor mean = at::empty_like(norm.weight), inverse = at::empty_like(norm.weight); // of the deviation
    auto *const m = mean.data_ptr<float>(), *const s = inverse.data_ptr<float>();
    const auto n = static_cast<double>(extent.count);
    const auto move = [momentum = *norm.options.momentum()](float& running, double now) {
        running = static_cast<float>((1 - momentum) * static_cast<double>(running) + momentum * now);
    };
    for (std::size_t c = 0; c < extent.channels; ++c) {
        const double offset = sums.first[c] / n;
        const double variance = std::max(0.0, sums.second[c] / n - offset * offset);
        const double centre = static_cast<double>(near[c]) + offset;
        m[c] = static_cast<float>(centre);
        s[c] = static_cast<float>(1 / std::sqrt(variance + norm.options.eps()));
        move(norm.running_mean.data_ptr<float>()[c], centre);
        move(norm.running_var.data_ptr<float>()[c], variance * n / (n - 1));
    }

    const auto *const w = norm.weight.const_data_ptr<float>(), *const b = norm.bias.const_data_ptr<float>();
    const std::vector<float> scale = extent.columns([=](std::size_t c) { return w[c] * s[c]; });
    const std::vector<float> shift = extent.columns([=](std::size_t c) { return b[c] - m[c] * (w[c] * s[c]); });
    const Tensor result = at::empty_like(features);
    normalise(x, other.defined() ? other.const_data_ptr<T>() : nullptr, extent.rows, extent.width, scale.data(),
              shift.data(), result.mutable_data_ptr<T>());
    context->save_for_backward({features, norm.weight, mean, inverse, result});
    return result;
}

// Of the features, the weight, the bias and what was added. With x̂ the normalised features and g the gradient ahead of
// the ReLU: dx = w / σ · (g − Σ g / n − x̂ · Σ g x̂ / n).
template<class T>
variable_list backward_of(const variable_list& saved, const Tensor& gradient) {
    const Tensor &features = saved[0], &weight = saved[1], &result = saved[4];
    const Extent extent(features);
    const T *const x = features.const_data_ptr<T>(), *const y = result.const_data_ptr<T>(),
                   *const dy = gradient.const_data_ptr<T>();
    const auto *const w = weight.const_data_ptr<float>(), *const m = saved[2].const_data_ptr<float>(),
                      *const s = saved[3].const_data_ptr<float>();
    const std::vector<float> centre = extent.columns([m](std::size_t c) { return m[c]; });
    const Tensor masked = at::empty_like(features);
    T* const g = masked.mutable_data_ptr<T>();
    const Sums sums(extent, [&](std::size_t i, double* sum, double* products) {
        add_gradients(dy + i, y + i, x + i, extent.rows, extent.width, &centre[i], g + i, sum, products);
    });

    const auto n = static_cast<double>(extent.count);
    const auto slope_of = [&](std::size_t c) {
        const auto deviation = static_cast<double>(s[c]);
        return -static_cast<double>(w[c]) * deviation * deviation * deviation * sums.second[c] / n;
    };
    const std::vector<float> scale = extent.columns([=](std::size_t c) { return w[c] * s[c]; });
    const std::vector<float> slope = extent.columns(slope_of);
    const std::vector<float> shift = extent.columns([&](std::size_t c) {
        return -slope_of(c) * static_cast<double>(m[c]) - static_cast<double>(w[c] * s[c]) * sums.first[c] / n;
    });
    const Tensor of_features = at::empty_like(features);
    propagate(g, x, extent.rows, extent.width, scale.data(), slope.data(), shift.data(),
              of_features.mutable_data_ptr<T>());
    const Tensor of_weight = at::empty_like(weight), of_bias = at::empty_like(weight);
    for (std::size_t c = 0; c < extent.channels; ++c) {
        of_weight.data_ptr<float>()[c] = static_cast<float>(sums.second[c] * static_cast<double>(s[c]));
        of_bias.data_ptr<float>()[c] = static_cast<float>(sums.first[c]);
    }
    return {of_features, of_weight, of_bias, masked};
}

class NormRelu : public torch::autograd::Function<NormRelu> {
  public:
    // The weight and the bias are the norm's: autograd sees what is passed.
    static Tensor forward(AutogradContext* context, const Tensor& features, const Tensor& /*weight*/,
                          const Tensor& /*bias*/, const std::optional<Tensor>& other,
                          torch::nn::BatchNorm2dImpl* norm) {
        context->saved_data["other"] = other.has_value();
        const Tensor added = other ? channels_last(*other) : Tensor();
        return features.scalar_type() == at::kFloat ? forward_of<float>(context, features, added, *norm)
                                                    : forward_of<at::BFloat16>(context, features, added, *norm);
    }

    static variable_list backward(AutogradContext* context, const variable_list& gradients) {
        const variable_list saved = context->get_saved_variables();
        const Tensor gradient = channels_last(gradients[0]);
        variable_list all = saved[0].scalar_type() == at::kFloat ? backward_of<float>(saved, gradient)
                                                                 : backward_of<at::BFloat16>(saved, gradient);
        if (!context->saved_data["other"].toBool()) all.back() = Tensor();
        all.emplace_back(); // the norm has none
        return all;
    }
};

} // namespace

bool can_fuse_norm(const Tensor& features) {
    const auto channels = to_size(features.size(1)), values = to_size(features.numel());
    const auto type = features.scalar_type();
    return features.is_cpu() && (type == at::kFloat || type == at::kBFloat16) &&
           features.is_contiguous(at::MemoryFormat::ChannelsLast) &&
           (channels % block == 0 || (channels >= 16 && block % channels == 0)) && values % block == 0 &&
           values > channels && at::get_num_threads() == 1;
}

Tensor norm_relu(const Tensor& features, torch::nn::BatchNorm2dImpl& norm, const Tensor& other) {
    const auto added = other.defined() ? std::optional(other.to(features.scalar_type())) : std::nullopt;
    return NormRelu::apply(features, norm.weight, norm.bias, added, &norm);
}

} // namespace autosampling
