// What networks are built of: layers that know inference and teams, and initial weights by the kind of layer.
#pragma once

#include "autosampling/training/autocast.hpp"
#include "autosampling/training/network.hpp"
#include "autosampling/training/synchronised_norm.hpp"
#include "fused_conv.hpp"
#include "fused_norm.hpp"

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/max_pool2d.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>

#include <cstdint>
#include <string>

namespace autosampling {

// Batch norm, over this rank's batch or over those of all ranks of a team.
class BatchNormImpl : public torch::nn::BatchNorm2dImpl {
  public:
    using torch::nn::BatchNorm2dImpl::BatchNorm2dImpl;

    at::Tensor forward(const at::Tensor& images) {
        return team && is_training() ? synchronised_norm(images, *this, *team)
                                     : torch::nn::BatchNorm2dImpl::forward(images);
    }
    void train(bool on = true) override {
        folded = {};
        torch::nn::BatchNorm2dImpl::train(on);
    }

    const TeamExchange* team = nullptr;
    ConvWeights folded; // of the convolution ahead of it, with it; kept on a CPU until the next train() or eval()
};
TORCH_MODULE(BatchNorm);

// A square convolution without bias, padded so that stride 1 keeps the size, and the batch norm after it.
class ConvNorm {
  public:
    // Registers both in `parent`, under these names.
    ConvNorm(torch::nn::Module& parent, const std::string& conv_name, const std::string& norm_name, std::int64_t in,
             std::int64_t out, std::int64_t size, std::int64_t stride)
        : conv_(parent.register_module(
              conv_name,
              torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, size).stride(stride).padding(size / 2).bias(false)))),
          norm_(parent.register_module(norm_name, BatchNorm(out))) {}

    // The result may be overwritten: the backward pass does not need it.
    at::Tensor forward(const at::Tensor& images) {
        return norm_->is_training() ? norm_(conv_(images)) : infer(images, folded());
    }

    // With a ReLU after it, and `other` added ahead of that where there is one, which inference may overwrite. The
    // backward pass needs the result.
    at::Tensor forward_relu(const at::Tensor& images, const at::Tensor& other = {}) {
        if (norm_->is_training()) {
            const at::Tensor features = conv_(images);
            if (!norm_->team && can_fuse_norm(features)) return norm_relu(features, *norm_, other);
            return finish(norm_(features), other);
        }
        const ConvWeights both = folded();
        if (can_fuse_conv(images, both)) return conv_relu(images, both, conv_->options.stride()->at(0), other);
        return finish(infer(images, both), other);
    }

  private:
    at::Tensor infer(const at::Tensor& images, const ConvWeights& both) const {
        return at::conv2d(images, both.weight, both.bias, conv_->options.stride(), both.weight.size(2) / 2);
    }

    static at::Tensor finish(at::Tensor features, const at::Tensor& other) {
        if (other.defined()) features.add_(other);
        return features.relu_();
    }

    // In inference batch norm is a fixed affine map of each channel: it goes into the convolution's weights.
    ConvWeights folded() {
        const bool kept = conv_->weight.is_cpu() && !at::GradMode::is_enabled(); // a CUDA graph makes them each time
        const at::ScalarType type = Autocast::type(at::kCPU);
        ConvWeights& both = norm_->folded;
        if (kept && both.weight.defined() && both.weight.scalar_type() == type) return both;
        const at::Tensor scale = norm_->weight * (norm_->running_var + norm_->options.eps()).rsqrt();
        const at::Tensor weight = conv_->weight * scale.view({-1, 1, 1, 1});
        const at::Tensor bias = norm_->bias - norm_->running_mean * scale;
        if (!kept) return {weight, bias};
        return both = {weight.to(type), bias.to(type)};
    }

    torch::nn::Conv2d conv_;
    BatchNorm norm_;
};

// What a network has ahead of its blocks: a 3 × 3 convolution of stride 1, or ImageNet's, 7 × 7 of stride 2 and 3 × 3
// max pooling of stride 2, which leaves a quarter of the height and width.
enum class Stem { small_images, imagenet };

class ImageStem {
  public:
    ImageStem(torch::nn::Module& parent, const std::string& conv_name, const std::string& norm_name,
              std::int64_t channels, std::int64_t out, Stem stem)
        : pools_(stem == Stem::imagenet),
          conv_(parent, conv_name, norm_name, channels, out, pools_ ? 7 : 3, pools_ ? 2 : 1) {}

    at::Tensor forward(const at::Tensor& images) {
        const at::Tensor features = conv_.forward_relu(images);
        return pools_ ? at::max_pool2d(features, 3, 2, 1) : features;
    }

  private:
    bool pools_;
    ConvNorm conv_;
};

// What a layer's random weights go by: the number of values that it takes for one that it gives, or the other way
// round.
enum class Fan { in, out };

struct Initialisation {
    Fan fan = Fan::out;     // of a convolution, He normal: variance 2 / fan
    bool zero_bias = false; // of a fully connected layer; else PyTorch's default, as its weights
};

// Initial weights of all layers of a network: a function of the seed and the order of its layers alone, from this
// program's own generator. Fully connected layers have PyTorch's default, batch norm has 1 and 0.
void initialise_layers(Network& network, std::uint64_t seed, const Initialisation& how);

} // namespace autosampling
