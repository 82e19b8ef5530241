// Training in fp16, on CPU tensors: what its losses are scaled by.
#include "autosampling/training/make_network.hpp"
#include "autosampling/training/network.hpp"
#include "autosampling/training/sgd.hpp"
#include "images.hpp"

#include <ATen/ops/ones.h>
#include <ATen/ops/randn_like.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

namespace autosampling {
namespace {

constexpr float first_scale = 65536;

// A network with a state of fp16 training, and weights and momentum that aren't 0.
struct Case {
    LossScale scale{Precision::fp16};
    std::shared_ptr<Network> network = make_network("convnet", {14, 14, 1}, 10);
    FlatState state{*network, at::kCPU, scale.tensors()};
    TrainingOptions options;

    Case() {
        network->initialise(1);
        state.momentum().fill_(0.5F);
    }
    void step() { sgd_step(state, options, 0.1, 5e-4, scale); }
    at::Tensor entry(const std::string& name) const {
        return view_of(*std::ranges::find(state.layout(), name, &StateTensor::name), state.buffer());
    }
    float loss_scale() const { return entry("optimizer.loss_scale").item<float>(); }
};

TEST(LossScale, is_the_states_and_only_in_fp16) {
    EXPECT_TRUE(LossScale(Precision::fp32).tensors().empty());
    EXPECT_TRUE(LossScale(Precision::bf16).tensors().empty());
    const Case c;
    EXPECT_EQ(c.loss_scale(), first_scale);
    c.entry("optimizer.loss_scale").fill_(8);
    EXPECT_EQ(c.scale.scaled(at::ones({})).item<float>(), 8);
    EXPECT_EQ(LossScale().scaled(at::ones({})).item<float>(), 1);
}

TEST(LossScale, is_off_the_gradients_in_a_step) {
    Case scaled, plain;
    const at::Tensor gradients = at::randn_like(plain.state.gradients());
    scaled.state.gradients().copy_(gradients * first_scale);
    plain.state.gradients().copy_(gradients);
    scaled.step();
    sgd_step(plain.state, plain.options, 0.1, 5e-4);
    EXPECT_TRUE(scaled.state.parameters().equal(plain.state.parameters())); // it is a power of 2
    EXPECT_EQ(scaled.loss_scale(), first_scale);
}

TEST(LossScale, a_gradient_that_is_not_finite_skips_the_step_and_halves_it) {
    using Limits = std::numeric_limits<float>;
    for (const float bad : {Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN()}) {
        Case c;
        const at::Tensor weights = c.state.parameters().clone(), momentum = c.state.momentum().clone();
        c.state.gradients().fill_(1);
        c.state.gradients()[17] = bad;
        c.step();
        EXPECT_EQ(c.loss_scale(), first_scale / 2) << bad;
        EXPECT_TRUE(c.state.parameters().equal(weights));
        EXPECT_TRUE(c.state.momentum().equal(momentum));
        EXPECT_EQ(c.state.gradients().abs().max().item<float>(), 0);
        c.state.gradients().fill_(1);
        c.step();
        EXPECT_FALSE(c.state.parameters().equal(weights));
    }
}

TEST(LossScale, is_doubled_after_2000_good_steps_in_a_row) {
    Case c;
    const auto steps = [&](int count) {
        for (int i = 0; i < count; ++i) c.step();
    };
    steps(1999);
    c.state.gradients().fill_(std::numeric_limits<float>::infinity());
    steps(1);
    EXPECT_EQ(c.loss_scale(), first_scale / 2);
    steps(1999);
    EXPECT_EQ(c.loss_scale(), first_scale / 2);
    steps(1);
    EXPECT_EQ(c.loss_scale(), first_scale);
}

TrainerOptions in_fp16() {
    TrainerOptions options = trainer_options("resnet8", 32);
    options.precision = Precision::fp16;
    return options;
}

at::Tensor scale_of(Trainer& trainer) {
    const auto& layout = trainer.state().layout();
    return view_of(*std::ranges::find(layout, "optimizer.loss_scale", &StateTensor::name), trainer.state().buffer());
}

TEST(LossScale, training_in_fp16_is_close_to_fp32) {
    const Images images(Images::small());
    Trainer half(in_fp16(), images.dataset, images.split);
    Trainer full(trainer_options("resnet8", 32), images.dataset, images.split);
    for (std::uint32_t cycle = 0; cycle < 5; ++cycle) {
        const auto draws = drawn_indices(64, images.split.training.source.size(), cycle);
        const CycleResult expected = full.train({draws, 2 * cycle, {}}), result = half.train({draws, 2 * cycle, {}});
        EXPECT_TRUE(result.finite);
        EXPECT_NEAR(result.train_loss, expected.train_loss, 3e-2 * expected.train_loss);
    }
    EXPECT_EQ(scale_of(half).item<float>(), first_scale);
    EXPECT_NE(half.state().parameters()[0].item<float>(), full.state().parameters()[0].item<float>());
}

TEST(LossScale, a_member_whose_gradients_overflow_goes_on_with_the_weights_that_it_had) {
    const Images images(Images::small());
    Trainer trainer(in_fp16(), images.dataset, images.split);
    scale_of(trainer).fill_(0x1p100F); // its gradients are infinite in fp16
    const at::Tensor weights = trainer.state().parameters().clone();
    const CycleResult result = trainer.train({first_indices(96), 0, {}});
    EXPECT_TRUE(result.finite);
    EXPECT_TRUE(trainer.state().parameters().equal(weights));
    EXPECT_EQ(scale_of(trainer).item<float>(), 0x1p97F); // three steps
}

} // namespace
} // namespace autosampling
