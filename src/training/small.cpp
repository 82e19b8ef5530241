#include "families.hpp"
#include "layers.hpp"

#include <ATen/ops/max_pool2d.h>
#include <torch/nn/modules/linear.h>

namespace autosampling {
namespace {

namespace nn = torch::nn;
using at::Tensor;

class ConvNet : public Network {
  public:
    ConvNet(const Shape& shape, int classes)
        : first_(*this, "conv1", "bn1", shape.channels(), 16, 3, 1), second_(*this, "conv2", "bn2", 16, 32, 3, 1),
          fc_(register_module("fc",
                              nn::Linear(std::int64_t{32} * (shape.height() / 4) * (shape.width() / 4), classes))) {}

    Tensor forward(const Tensor& images) override {
        const Tensor half = at::max_pool2d(first_.forward_relu(images), 2);
        const Tensor quarter = at::max_pool2d(second_.forward_relu(half), 2);
        return fc_(quarter.flatten(1));
    }

    void initialise(std::uint64_t seed) override { initialise_layers(*this, seed, {}); }

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

    void initialise(std::uint64_t seed) override { initialise_layers(*this, seed, {}); }

  private:
    nn::Linear fc1_, fc2_;
};

} // namespace

std::vector<Architecture> small_networks() {
    return {
        {"convnet", 8, make<ConvNet>},
        {"mlp", 0, make<Mlp>},
    };
}

} // namespace autosampling
