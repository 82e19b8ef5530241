#include "families.hpp"
#include "layers.hpp"

#include <torch/nn/modules/linear.h>

#include <array>
#include <optional>
#include <span>

namespace autosampling {
namespace {

namespace nn = torch::nn;
using at::Tensor;

// He et al. (2016), figure 5: two 3 × 3 convolutions, or one between two of 1 × 1, the last of which is four times as
// wide. The stride is the (first) 3 × 3 convolution's, as in torchvision.
enum class Residual { basic, bottleneck };

class Block : public nn::Module {
  public:
    Block(Residual kind, std::int64_t in, std::int64_t width, std::int64_t stride) {
        const std::int64_t out = kind == Residual::basic ? width : 4 * width;
        if (kind == Residual::basic) {
            append(in, width, 3, stride);
            append(width, out, 3, 1);
        } else {
            append(in, width, 1, 1);
            append(width, width, 3, stride);
            append(width, out, 1, 1);
        }
        if (stride == 1 && in == out) return;
        const auto downsample = register_module("downsample", std::make_shared<nn::Module>("Sequential"));
        projection_.emplace(*downsample, "0", "1", in, out, 1, stride);
    }

    Tensor forward(const Tensor& images) {
        Tensor inner = images;
        for (std::size_t i = 0; i + 1 < convs_.size(); ++i) inner = convs_[i].forward_relu(inner);
        const Tensor shortcut = projection_ ? projection_->forward(images) : images;
        return convs_.back().forward_relu(inner, shortcut);
    }

  private:
    void append(std::int64_t in, std::int64_t out, std::int64_t size, std::int64_t stride) {
        const std::string number = std::to_string(convs_.size() + 1);
        convs_.emplace_back(*this, "conv" + number, "bn" + number, in, out, size, stride);
    }

    std::vector<ConvNorm> convs_;
    std::optional<ConvNorm> projection_;
};

struct Stage {
    std::int64_t width; // channels, of a bottleneck those in its middle
    int blocks;
};

class ResNet : public Network {
  public:
    ResNet(const Shape& shape, int classes, Stem stem, Residual kind, std::span<const Stage> stages)
        : stem_(*this, "conv1", "bn1", shape.channels(), stages.front().width, stem) {
        std::int64_t in = stages.front().width;
        for (std::size_t stage = 0; stage < stages.size(); ++stage) {
            const auto [width, blocks] = stages[stage];
            const auto layer =
                register_module("layer" + std::to_string(stage + 1), std::make_shared<nn::Module>("Sequential"));
            for (int block = 0; block < blocks; ++block) {
                const std::int64_t stride = stage > 0 && block == 0 ? 2 : 1;
                blocks_.push_back(
                    layer->register_module(std::to_string(block), std::make_shared<Block>(kind, in, width, stride)));
                in = kind == Residual::basic ? width : 4 * width;
            }
        }
        fc_ = register_module("fc", nn::Linear(in, classes));
    }

    Tensor forward(const Tensor& images) override {
        Tensor features = stem_.forward(images);
        for (const auto& block : blocks_) features = block->forward(features);
        return fc_(features.mean({2, 3}));
    }

    void initialise(std::uint64_t seed) override { initialise_layers(*this, seed, {}); }

  private:
    ImageStem stem_;
    std::vector<std::shared_ptr<Block>> blocks_;
    nn::Linear fc_{nullptr};
};

} // namespace

std::vector<Architecture> resnets() {
    constexpr auto basic = Residual::basic, bottleneck = Residual::bottleneck;
    constexpr std::array resnet8{Stage{16, 1}, Stage{32, 1}, Stage{64, 1}};
    constexpr std::array resnet20{Stage{16, 3}, Stage{32, 3}, Stage{64, 3}};
    constexpr std::array resnet18{Stage{64, 2}, Stage{128, 2}, Stage{256, 2}, Stage{512, 2}};
    constexpr std::array resnet34{Stage{64, 3}, Stage{128, 4}, Stage{256, 6}, Stage{512, 3}}; // and ResNet-50's
    return {
        {"resnet8", 8, make<ResNet, Stem::small_images, basic, resnet8>},
        {"resnet20", 8, make<ResNet, Stem::small_images, basic, resnet20>},
        {"resnet18", 16, make<ResNet, Stem::small_images, basic, resnet18>},
        {"resnet34", 16, make<ResNet, Stem::small_images, basic, resnet34>},
        {"resnet50", 16, make<ResNet, Stem::small_images, bottleneck, resnet34>},
        {"imagenet-resnet18", 64, make<ResNet, Stem::imagenet, basic, resnet18>},
        {"imagenet-resnet34", 64, make<ResNet, Stem::imagenet, basic, resnet34>},
        {"imagenet-resnet50", 64, make<ResNet, Stem::imagenet, bottleneck, resnet34>},
    };
}

} // namespace autosampling
