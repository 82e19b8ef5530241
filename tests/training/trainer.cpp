// One step against plain PyTorch, and what a trainer's results may depend on.
#include "images.hpp"

#include <ATen/ops/batch_norm.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>
#include <torch/nn/functional/loss.h>
#include <torch/optim/sgd.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace autosampling {
namespace {

namespace F = torch::nn::functional;

// A ResNet written out from its tensors by name: shares no code with the network under test. It keeps channels-last and
// the very input floats: another layout, or input rounded otherwise, each moved one activation across ReLU's kink in 3
// of these 50 steps (measured), and the updates of such a step part by up to 2.4e-3 of their norm.
class PlainResNet {
  public:
    std::map<std::string, at::Tensor> tensors;

    explicit PlainResNet(const FlatState& state) {
        for (const StateTensor& entry : state.layout()) {
            tensors[entry.name] = view_of(entry, state.buffer()).clone();
        }
    }

    at::Tensor forward(at::Tensor x, bool training) const {
        x = at::relu(norm("bn1", conv("conv1", x, 1), training));
        for (int layer = 1; tensors.contains("layer" + std::to_string(layer) + ".0.conv1.weight"); ++layer) {
            for (int block = 0;; ++block) {
                const std::string name = "layer" + std::to_string(layer) + "." + std::to_string(block) + ".";
                if (!tensors.contains(name + "conv1.weight")) break;
                const int stride = layer > 1 && block == 0 ? 2 : 1;
                at::Tensor y = at::relu(norm(name + "bn1", conv(name + "conv1", x, stride), training));
                y = norm(name + "bn2", conv(name + "conv2", y, 1), training);
                if (stride == 2) x = norm(name + "downsample.1", conv(name + "downsample.0", x, 2), training);
                x = at::relu(y + x);
            }
        }
        return at::linear(x.mean({2, 3}), tensors.at("fc.weight"), tensors.at("fc.bias"));
    }

  private:
    at::Tensor conv(const std::string& name, const at::Tensor& x, int stride) const {
        const at::Tensor& weight = tensors.at(name + ".weight");
        return at::conv2d(x, weight, {}, stride, weight.size(2) / 2);
    }
    at::Tensor norm(const std::string& name, const at::Tensor& x, bool training) const {
        return at::batch_norm(x, tensors.at(name + ".weight"), tensors.at(name + ".bias"),
                              tensors.at(name + ".running_mean"), tensors.at(name + ".running_var"), training, 0.1,
                              1e-5, false);
    }
};

// Images of the training file, normalised in double and rounded once, and labels of the part.
std::pair<at::Tensor, at::Tensor> plain_batch(const Images& images, const Part& part,
                                              std::span<const std::uint32_t> indices) {
    const Shape& shape = images.dataset.facts.shape;
    const auto size = static_cast<std::int64_t>(indices.size());
    auto x = at::empty({size, shape.height(), shape.width(), shape.channels()}, at::kFloat);
    auto y = at::empty({size}, at::kLong);
    for (std::int64_t i = 0; i < size; ++i) {
        const std::uint32_t index = indices[static_cast<std::size_t>(i)];
        const auto image = images.dataset.training.bytes.subspan(part.source[index] * shape.values(), shape.values());
        std::ranges::copy(image, x.data_ptr<float>() + i * static_cast<std::int64_t>(shape.values()));
        y[i] = part.label[index];
    }
    const auto mean = at::tensor(at::ArrayRef(images.dataset.facts.mean), at::kDouble);
    const auto std = at::tensor(at::ArrayRef(images.dataset.facts.std), at::kDouble);
    return {((x.to(at::kDouble) / 255 - mean) / std).to(at::kFloat).permute({0, 3, 1, 2}), y};
}

// One step of torch.optim.SGD on all parameters, from their momentum; gives the loss before it.
double plain_step(PlainResNet& plain, const TrainingOptions& options, const at::Tensor& x, const at::Tensor& y) {
    std::vector<at::Tensor> parameters;
    for (auto& [name, tensor] : plain.tensors) {
        if (plain.tensors.contains("momentum." + name)) parameters.push_back(tensor.requires_grad_());
    }
    torch::optim::SGD sgd(parameters, torch::optim::SGDOptions(options.learning_rate)
                                          .momentum(options.momentum)
                                          .nesterov(options.nesterov)
                                          .weight_decay(options.weight_decay));
    for (auto& [name, tensor] : plain.tensors) {
        if (!plain.tensors.contains("momentum." + name)) continue;
        auto momentum = std::make_unique<torch::optim::SGDParamState>();
        momentum->momentum_buffer(plain.tensors.at("momentum." + name));
        sgd.state()[tensor.unsafeGetTensorImpl()] = std::move(momentum);
    }
    const at::Tensor loss = F::cross_entropy(plain.forward(x, true), y,
                                             F::CrossEntropyFuncOptions().label_smoothing(options.label_smoothing));
    loss.backward();
    sgd.step();
    return loss.item<double>();
}

// Up to rounding; a value at the edge of a ReLU may fall to either side, which is seen in a step of a small batch.
TEST(Trainer, each_step_equals_a_plain_pytorch_step) {
    const Images images(Images::small());
    TrainerOptions options = trainer_options("resnet8", 32);
    options.training.label_smoothing = 0.1;
    options.training.nesterov = true;
    Trainer trainer(options, images.dataset, images.split);
    int close = 0;
    for (int step = 0; step < 50; ++step) {
        SCOPED_TRACE(testing::Message() << "step " << step);
        const auto indices = drawn_indices(32, images.split.training.source.size(), static_cast<std::uint32_t>(step));
        PlainResNet plain(trainer.state());
        const auto [x, y] = plain_batch(images, images.split.training, indices);
        const at::Tensor before = trainer.state().buffer().clone();
        const CycleResult result = trainer.train({indices, step, {}});
        const double loss = plain_step(plain, options.training, x, y);
        ASSERT_TRUE(result.finite);
        EXPECT_NEAR(result.train_loss, loss, 1e-5 * loss);
        double furthest = 0; // of an update, a momentum or a statistic from what it should be, relative to that
        for (const StateTensor& entry : trainer.state().layout()) {
            const at::Tensor after = view_of(entry, trainer.state().buffer());
            const at::Tensor expected = plain.tensors.at(entry.name).detach();
            const bool is_weight = plain.tensors.contains("momentum." + entry.name);
            const at::Tensor size = is_weight ? expected - view_of(entry, before) : expected;
            furthest = std::max(furthest, ((expected - after).norm() / size.norm()).item<double>());
        }
        EXPECT_LT(furthest, 0.05);
        if (furthest < 1e-4) ++close;
    }
    EXPECT_GE(close, 40);
}

TEST(Trainer, padding_stays_zero) {
    const Images images(Images::small());
    Trainer trainer(trainer_options("resnet8", 32), images.dataset, images.split);
    trainer.train({first_indices(320), 0, {}});
    std::vector<float> rest = state_of(trainer);
    for (const StateTensor& entry : trainer.state().layout()) {
        const std::int64_t size = view_of(entry, trainer.state().buffer()).numel();
        std::fill_n(rest.begin() + entry.offset, size, 0.0F);
    }
    EXPECT_TRUE(std::ranges::all_of(rest, [](float value) { return value == 0; }));
}

TEST(Trainer, result_depends_on_state_and_task_alone) {
    DataOptions data = Images::small();
    data.augmentation = Augmentation::crop_flip;
    const Images images(data);
    for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::fp16}) {
        TrainerOptions options = trainer_options("resnet8", 32);
        options.precision = precision;
        Trainer first(options, images.dataset, images.split);
        options.seed = 8;
        Trainer second(options, images.dataset, images.split);
        EXPECT_NE(state_of(first), state_of(second));

        // The second trainer has another history, another state of PyTorch's generator, and evaluates in between.
        second.train({drawn_indices(64, 500, 9), 0, {.seed = 5, .purpose = Purpose::augmentation}});
        at::rand({5});
        const auto start = state_of(first);
        const auto indices = drawn_indices(160, 500, 1);
        const RandomKey key{.seed = 1, .purpose = Purpose::augmentation, .member = 2};
        const CycleResult one = first.train({indices, 40, key});
        std::ranges::copy(start, second.state().host().begin());
        const Score score = second.evaluate(HeldOut::reward, first_indices(60));
        EXPECT_EQ(state_of(second), start);
        const CycleResult two = second.train({indices, 40, key});
        EXPECT_EQ(one.train_loss, two.train_loss);
        EXPECT_EQ(state_of(first), state_of(second));
        std::ranges::copy(start, second.state().host().begin());
        EXPECT_EQ(second.evaluate(HeldOut::reward, first_indices(60)).loss_sum, score.loss_sum);

        // And it does depend on the random key and on the order.
        std::ranges::copy(start, second.state().host().begin());
        second.train({indices, 40, {.seed = 1, .purpose = Purpose::augmentation, .member = 3}});
        EXPECT_NE(state_of(first), state_of(second));
        std::ranges::copy(start, second.state().host().begin());
        std::vector<std::uint32_t> reversed(indices.rbegin(), indices.rend());
        second.train({reversed, 40, key});
        EXPECT_NE(state_of(first), state_of(second));
    }
}

TEST(Trainer, one_cycle_equals_two_halves) {
    const Images images(Images::small());
    TrainerOptions options = trainer_options("resnet8", 32);
    options.training.schedule = RateSchedule::cosine;
    options.total_batches = 12;
    Trainer whole(options, images.dataset, images.split), halves(options, images.dataset, images.split);
    const auto indices = drawn_indices(320, 500, 1);
    const CycleResult result = whole.train({indices, 0, {}});
    const std::span<const std::uint32_t> all(indices);
    const CycleResult first = halves.train({all.first(160), 0, {}});
    const CycleResult second = halves.train({all.last(160), 5, {}});
    EXPECT_EQ(state_of(whole), state_of(halves));
    EXPECT_NEAR(result.train_loss, (first.train_loss + second.train_loss) / 2, 1e-12);
}

TEST(Trainer, a_loss_that_is_not_finite_stops_the_cycle) {
    const Images images(Images::small());
    TrainerOptions options = trainer_options("mlp", 32);
    options.training.learning_rate = 1e30;
    Trainer trainer(options, images.dataset, images.split);
    const CycleResult result = trainer.train({first_indices(320), 0, {}});
    EXPECT_FALSE(result.finite);
    EXPECT_FALSE(std::isfinite(result.train_loss));
}

TEST(Trainer, a_state_that_is_not_finite_is_seen_though_the_losses_are) {
    const Images images(Images::small());
    for (const float bad : {std::nanf(""), INFINITY, -INFINITY}) {
        Trainer trainer(trainer_options("convnet", 32), images.dataset, images.split);
        EXPECT_TRUE(trainer.train({first_indices(32), 0, {}}).finite);
        const auto statistic =
            std::ranges::find(trainer.state().layout(), "bn1.running_var", &StateTensor::name); // unused in training
        trainer.state().host()[static_cast<std::size_t>(statistic->offset) + 3] = bad;
        const CycleResult result = trainer.train({first_indices(32), 0, {}});
        EXPECT_TRUE(std::isfinite(result.train_loss));
        EXPECT_FALSE(result.finite) << bad;
    }
}

} // namespace
} // namespace autosampling
