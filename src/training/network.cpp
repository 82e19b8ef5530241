#include "autosampling/training/network.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/random.hpp"
#include "autosampling/training/synchronised_norm.hpp"

#include <ATen/ops/conv2d.h>
#include <ATen/ops/max_pool2d.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <span>

namespace autosampling {
namespace {

namespace nn = torch::nn;
using torch::Tensor;

// Batch norm, over this rank's batch or over those of all ranks of a team.
class BatchNormImpl : public nn::BatchNorm2dImpl {
  public:
    using nn::BatchNorm2dImpl::BatchNorm2dImpl;

    Tensor forward(const Tensor& images) {
        return team && is_training() ? synchronised_norm(images, *this, *team) : nn::BatchNorm2dImpl::forward(images);
    }

    const Communicator* team = nullptr;
};
TORCH_MODULE(BatchNorm);

// A square convolution without bias, padded so that stride 1 keeps the size, and the batch norm after it.
class ConvNorm {
  public:
    // Registers both in `parent`, under these names.
    ConvNorm(nn::Module& parent, const std::string& conv_name, const std::string& norm_name, std::int64_t in,
             std::int64_t out, std::int64_t size, std::int64_t stride)
        : conv_(parent.register_module(
              conv_name, nn::Conv2d(nn::Conv2dOptions(in, out, size).stride(stride).padding(size / 2).bias(false)))),
          norm_(parent.register_module(norm_name, BatchNorm(out))) {}

    // The result may be overwritten: the backward pass does not need it.
    Tensor forward(const Tensor& images) {
        if (norm_->is_training()) return norm_(conv_(images));
        // In inference batch norm is a fixed affine map of each channel: it goes into the convolution's weights.
        const Tensor scale = norm_->weight * (norm_->running_var + norm_->options.eps()).rsqrt();
        const Tensor shift = norm_->bias - norm_->running_mean * scale;
        return at::conv2d(images, conv_->weight * scale.view({-1, 1, 1, 1}), shift, conv_->options.stride(),
                          conv_->weight.size(2) / 2);
    }

  private:
    nn::Conv2d conv_;
    BatchNorm norm_;
};

// A ResNet's basic block.
class Block : public nn::Module {
  public:
    Block(std::int64_t in, std::int64_t out, std::int64_t stride)
        : first_(*this, "conv1", "bn1", in, out, 3, stride), second_(*this, "conv2", "bn2", out, out, 3, 1) {
        if (stride == 1 && in == out) return;
        const auto downsample = register_module("downsample", std::make_shared<nn::Module>("Sequential"));
        projection_.emplace(*downsample, "0", "1", in, out, 1, stride);
    }

    Tensor forward(const Tensor& images) {
        const Tensor inner = first_.forward(images).relu_();
        const Tensor shortcut = projection_ ? projection_->forward(images) : images;
        return second_.forward(inner).add_(shortcut).relu_();
    }

  private:
    ConvNorm first_, second_;
    std::optional<ConvNorm> projection_;
};

// What a ResNet has ahead of its blocks: a 3 × 3 convolution of stride 1, or ImageNet's, 7 × 7 of stride 2 and 3 × 3
// max pooling of stride 2, which leaves a quarter of the height and width.
enum class Stem { small_images, imagenet };

struct Stage {
    std::int64_t width; // channels
    int blocks;
};

class ResNet : public Network {
  public:
    ResNet(const Shape& shape, int classes, Stem stem, std::span<const Stage> stages)
        : pools_(stem == Stem::imagenet),
          stem_(*this, "conv1", "bn1", shape.channels(), stages.front().width, pools_ ? 7 : 3, pools_ ? 2 : 1) {
        std::int64_t in = stages.front().width;
        for (std::size_t stage = 0; stage < stages.size(); ++stage) {
            const auto [width, blocks] = stages[stage];
            const auto layer =
                register_module("layer" + std::to_string(stage + 1), std::make_shared<nn::Module>("Sequential"));
            for (int block = 0; block < blocks; ++block) {
                const std::int64_t stride = stage > 0 && block == 0 ? 2 : 1;
                blocks_.push_back(
                    layer->register_module(std::to_string(block), std::make_shared<Block>(in, width, stride)));
                in = width;
            }
        }
        fc_ = register_module("fc", nn::Linear(in, classes));
    }

    Tensor forward(const Tensor& images) override {
        Tensor features = stem_.forward(images).relu_();
        if (pools_) features = at::max_pool2d(features, 3, 2, 1);
        for (const auto& block : blocks_) features = block->forward(features);
        return fc_(features.mean({2, 3}));
    }

  private:
    bool pools_;
    ConvNorm stem_;
    std::vector<std::shared_ptr<Block>> blocks_;
    nn::Linear fc_{nullptr};
};

class ConvNet : public Network {
  public:
    ConvNet(const Shape& shape, int classes)
        : first_(*this, "conv1", "bn1", shape.channels(), 16, 3, 1), second_(*this, "conv2", "bn2", 16, 32, 3, 1),
          fc_(register_module("fc",
                              nn::Linear(std::int64_t{32} * (shape.height() / 4) * (shape.width() / 4), classes))) {}

    Tensor forward(const Tensor& images) override {
        const Tensor half = at::max_pool2d(first_.forward(images).relu_(), 2);
        const Tensor quarter = at::max_pool2d(second_.forward(half).relu_(), 2);
        return fc_(quarter.flatten(1));
    }

  private:
    ConvNorm first_, second_;
    nn::Linear fc_;
};

class Mlp : public Network {
  public:
    Mlp(const Shape& shape, int classes)
        : fc1_(register_module("fc1", nn::Linear(static_cast<std::int64_t>(shape.values()), 128))),
          fc2_(register_module("fc2", nn::Linear(128, classes))) {}

    Tensor forward(const Tensor& images) override { return fc2_(fc1_(images.flatten(1)).relu_()); }

  private:
    nn::Linear fc1_, fc2_;
};

struct Architecture {
    std::string name;
    int smallest_side; // pixels: the last feature map is then at least 2 × 2; 0: takes examples of any shape
    std::shared_ptr<Network> (*make)(const Shape& shape, int classes);
};

// A constructor of N as a function: what follows the shape and the classes is fixed.
template<class N, auto... fixed>
std::shared_ptr<Network> make(const Shape& shape, int classes) {
    return std::make_shared<N>(shape, classes, fixed...);
}

const std::vector<Architecture>& architectures() {
    constexpr std::array resnet8{Stage{16, 1}, Stage{32, 1}, Stage{64, 1}};
    constexpr std::array resnet20{Stage{16, 3}, Stage{32, 3}, Stage{64, 3}};
    constexpr std::array resnet18{Stage{64, 2}, Stage{128, 2}, Stage{256, 2}, Stage{512, 2}};
    constexpr std::array resnet34{Stage{64, 3}, Stage{128, 4}, Stage{256, 6}, Stage{512, 3}};
    static const std::vector<Architecture> all{
        {"resnet8", 8, make<ResNet, Stem::small_images, resnet8>},
        {"resnet20", 8, make<ResNet, Stem::small_images, resnet20>},
        {"resnet18", 16, make<ResNet, Stem::small_images, resnet18>},
        {"imagenet-resnet18", 64, make<ResNet, Stem::imagenet, resnet18>},
        {"imagenet-resnet34", 64, make<ResNet, Stem::imagenet, resnet34>},
        {"convnet", 8, make<ConvNet>},
        {"mlp", 0, make<Mlp>},
    };
    return all;
}

// Fills a tensor from the generator in blocks of its elements, in PyTorch's logical order.
template<class Draw>
void fill(Tensor& tensor, RandomKey key, Draw draw) {
    constexpr std::int64_t block = 4096;
    const Tensor values = torch::empty(tensor.sizes(), torch::kFloat);
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

const std::vector<std::string>& network_names() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> result;
        for (const Architecture& architecture : architectures()) result.push_back(architecture.name);
        return result;
    }();
    return names;
}

std::shared_ptr<Network> make_network(const std::string& name, const Shape& shape, int classes) {
    const auto architecture = std::ranges::find(architectures(), name, &Architecture::name);
    std::string known;
    for (const std::string& each : network_names()) known += (known.empty() ? "" : ", ") + each;
    VALIDATE(architecture != architectures().end(), ExitCode::usage, "unknown network '", name,
             "' (no such model.name): take one of ", known);
    const int side = architecture->smallest_side;
    VALIDATE(side == 0 || shape.is_image(), ExitCode::usage, "network ", name, " takes images, not examples of shape ",
             shape, ": choose another model.name, such as mlp");
    VALIDATE(side == 0 || (shape.height() >= side && shape.width() >= side), ExitCode::usage, "network ", name,
             " cannot take images of ", shape.height(), " × ", shape.width(), " pixels (it needs ", side, " × ", side,
             " or more): choose another model.name, such as mlp");
    auto network = architecture->make(shape, classes);
    for (Tensor& parameter : network->parameters()) {
        if (parameter.dim() == 4) parameter.set_data(parameter.detach().contiguous(torch::MemoryFormat::ChannelsLast));
    }
    return network;
}

void Network::synchronise_statistics(const Communicator& team) {
    for (const auto& module : modules(/*include_self=*/false))
        if (auto* const norm = module->as<BatchNorm>()) norm->team = &team;
}

void initialise(Network& network, std::uint64_t seed) {
    const torch::NoGradGuard no_grad;
    RandomKey key{.seed = seed, .purpose = Purpose::initial_state};
    for (const auto& module : network.modules(/*include_self=*/false)) {
        if (auto* const conv = module->as<nn::Conv2d>()) {
            const Tensor& weight = conv->weight; // (O, I, size, size)
            const std::int64_t fan_out = weight.numel() / weight.size(1);
            const double deviation = std::sqrt(2.0 / static_cast<double>(fan_out));
            fill(conv->weight, key, [deviation](RandomStream& stream) { return deviation * normal(stream); });
        } else if (auto* const linear = module->as<nn::Linear>()) {
            const double bound = 1 / std::sqrt(static_cast<double>(linear->weight.size(1)));
            const auto uniform = [bound](RandomStream& stream) { return bound * (2 * stream.real() - 1); };
            fill(linear->weight, key, uniform);
            ++key.member;
            fill(linear->bias, key, uniform);
        } else if (auto* const norm = module->as<nn::BatchNorm2d>()) {
            norm->reset_parameters();
        }
        ++key.member;
    }
}

} // namespace autosampling
