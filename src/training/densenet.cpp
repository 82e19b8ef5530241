#include "autosampling/training/autocast.hpp"
#include "families.hpp"
#include "layers.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/max_pool2d.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/nn/modules/linear.h>

#include <array>
#include <optional>
#include <span>

namespace autosampling {
namespace {

namespace nn = torch::nn;
using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t growth = 32; // channels that a layer adds

// While it lives, the running statistics of a module's batch norms stay as they are.
class StillStatistics {
  public:
    explicit StillStatistics(nn::Module& module) {
        for (const auto& child : module.children()) {
            if (auto* const norm = child->as<BatchNorm>()) norms_.emplace_back(norm, norm->options.momentum());
        }
        for (const auto& [norm, momentum] : norms_) norm->options.momentum(0);
    }
    ~StillStatistics() {
        for (const auto& [norm, momentum] : norms_) norm->options.momentum(momentum);
    }
    StillStatistics(const StillStatistics&) = delete;
    StillStatistics& operator=(const StillStatistics&) = delete;

  private:
    std::vector<std::pair<BatchNormImpl*, std::optional<double>>> norms_;
};

class DenseLayer : public nn::Module {
  public:
    explicit DenseLayer(std::int64_t in)
        : norm_(register_module("norm1", BatchNorm(in))), narrow_(*this, "conv1", "norm2", in, 4 * growth, 1, 1),
          conv_(register_module("conv2", nn::Conv2d(nn::Conv2dOptions(4 * growth, growth, 3).padding(1).bias(false)))) {
    }

    // features: of the block so far, those of each layer by themselves.
    Tensor forward(const variable_list& features);

    // The features narrowed to 4 · growth channels.
    Tensor narrowed(const variable_list& features) { return narrow_.forward(norm_(at::cat(features, 1)).relu_()); }

    bool recomputes = false; // the features narrowed are not kept for the backward pass, but made once more there

  private:
    BatchNorm norm_;
    ConvNorm narrow_;
    nn::Conv2d conv_;
};

// Narrows features and keeps nothing but these for its backward pass (Pleiss et al., 2017).
class RecomputedNarrowing : public torch::autograd::Function<RecomputedNarrowing> {
  public:
    static Tensor forward(AutogradContext* context, DenseLayer* layer, at::TensorList features) {
        context->save_for_backward(features.vec());
        context->saved_data["layer"] = reinterpret_cast<std::int64_t>(layer); // the network's, which lives longer
        context->saved_data["precision"] = static_cast<std::int64_t>(Autocast::now(features[0].device().type()));
        return layer->narrowed(features.vec());
    }

    static variable_list backward(AutogradContext* context, const variable_list& gradients) {
        auto* const layer = reinterpret_cast<DenseLayer*>(context->saved_data["layer"].toInt());
        variable_list features;
        for (const Tensor& saved : context->get_saved_variables()) features.push_back(saved.detach().requires_grad_());
        const at::AutoGradMode with_gradients(true);
        Tensor narrowed;
        {
            const StillStatistics still(*layer);
            const Autocast autocast(static_cast<Precision>(context->saved_data["precision"].toInt()),
                                    features[0].device().type());
            narrowed = layer->narrowed(features);
        }
        torch::autograd::backward({narrowed}, gradients);
        variable_list result(1); // none for the layer
        for (const Tensor& each : features) result.push_back(each.grad());
        return result;
    }
};

Tensor DenseLayer::forward(const variable_list& features) {
    const bool recomputed = recomputes && at::GradMode::is_enabled();
    return conv_(
        (recomputed ? RecomputedNarrowing::apply(this, at::TensorList(features)) : narrowed(features)).relu_());
}

// Halves the channels, the height and the width.
class Transition : public nn::Module {
  public:
    explicit Transition(std::int64_t in)
        : norm_(register_module("norm", BatchNorm(in))),
          conv_(register_module("conv", nn::Conv2d(nn::Conv2dOptions(in, in / 2, 1).bias(false)))) {}

    Tensor forward(const Tensor& images) { return at::avg_pool2d(conv_(norm_(images).relu_()), 2); }

  private:
    BatchNorm norm_;
    nn::Conv2d conv_;
};

struct DenseBlock {
    std::vector<std::shared_ptr<DenseLayer>> layers;
    std::shared_ptr<Transition> transition; // none after the last
};

class DenseNet : public Network {
  public:
    // layers: of each block.
    DenseNet(const Shape& shape, int classes, Stem stem, std::span<const int> layers)
        : features_(register_module("features", std::make_shared<nn::Module>("Sequential"))),
          stem_(*features_, "conv0", "norm0", shape.channels(), 2 * growth, stem) {
        std::int64_t in = 2 * growth;
        for (std::size_t b = 0; b < layers.size(); ++b) {
            const std::string number = std::to_string(b + 1);
            const auto module =
                features_->register_module("denseblock" + number, std::make_shared<nn::Module>("DenseBlock"));
            DenseBlock& block = blocks_.emplace_back();
            for (int layer = 1; layer <= layers[b]; ++layer, in += growth)
                block.layers.push_back(
                    module->register_module("denselayer" + std::to_string(layer), std::make_shared<DenseLayer>(in)));
            if (b + 1 == layers.size()) continue;
            block.transition = features_->register_module("transition" + number, std::make_shared<Transition>(in));
            in /= 2;
        }
        norm_ = features_->register_module("norm5", BatchNorm(in));
        classifier_ = register_module("classifier", nn::Linear(in, classes));
    }

    Tensor forward(const Tensor& images) override {
        Tensor features = stem_.forward(images);
        for (const DenseBlock& block : blocks_) {
            variable_list grown{features};
            for (const auto& layer : block.layers) grown.push_back(layer->forward(grown));
            features = at::cat(grown, 1);
            if (block.transition) features = block.transition->forward(features);
        }
        return classifier_(norm_(features).relu_().mean({2, 3}));
    }

    void initialise(std::uint64_t seed) override {
        initialise_layers(*this, seed, {.fan = Fan::in, .zero_bias = true});
    }

    bool save_memory() override {
        for (const DenseBlock& block : blocks_)
            for (const auto& layer : block.layers) layer->recomputes = true;
        return true;
    }

  private:
    std::shared_ptr<nn::Module> features_;
    ImageStem stem_;
    std::vector<DenseBlock> blocks_;
    BatchNorm norm_{nullptr};
    nn::Linear classifier_{nullptr};
};

} // namespace

std::vector<Architecture> densenets() {
    constexpr std::array densenet121{6, 12, 24, 16};
    return {
        {"densenet121", 16, make<DenseNet, Stem::small_images, densenet121>},
        {"imagenet-densenet121", 64, make<DenseNet, Stem::imagenet, densenet121>},
    };
}

} // namespace autosampling
