// Steps that take everything from their device, on CPU tensors, against those of the host.
#include "images.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace autosampling {
namespace {

DataOptions noisy_images() {
    DataOptions data = Images::small();
    data.augmentation = Augmentation::crop_flip;
    data.label_noise = 0.3;
    return data;
}

// Rates and decay that change from step to step and from cycle to cycle.
TrainerOptions changing_options(const std::string& network) {
    TrainerOptions options = trainer_options(network, 32);
    options.training.schedule = RateSchedule::cosine;
    options.training.nesterov = true;
    options.training.label_smoothing = 0.1;
    options.total_batches = 50;
    return options;
}

CycleTask task_of(std::uint32_t cycle, std::span<const std::uint32_t> draws) {
    return {draws, 10 * cycle, {.seed = 1, .purpose = Purpose::augmentation, .cycle = cycle}, {}, {1.1, 0.5 + cycle}};
}

// Each cycle is begun from one state. Now and then rounding moves an activation across ReLU's kink: over ten steps the
// states then part by more.
TEST(DeviceStep, fifty_steps_of_resnet8_have_the_hosts_losses) {
    const Images images(noisy_images());
    TrainerOptions options = changing_options("resnet8");
    Trainer host(options, images.dataset, images.split);
    options.batches = Batches::resident;
    Trainer device(options, images.dataset, images.split);
    for (std::uint32_t cycle = 0; cycle < 5; ++cycle) {
        SCOPED_TRACE(cycle);
        const auto draws = drawn_indices(320, images.split.training.source.size(), cycle);
        device.load(host.copy_state());
        const CycleResult expected = host.train(task_of(cycle, draws)), result = device.train(task_of(cycle, draws));
        EXPECT_TRUE(result.finite);
        EXPECT_NEAR(result.train_loss, expected.train_loss, 1e-5 * expected.train_loss);
        ASSERT_EQ(result.draw_loss.size(), expected.draw_loss.size());
        for (std::size_t i = 0; i < 32; ++i) EXPECT_NEAR(result.draw_loss[i], expected.draw_loss[i], 1e-5);
        const at::Tensor difference = device.state().buffer() - host.state().buffer();
        EXPECT_LT(difference.norm().item<double>(), 1e-4 * host.state().buffer().norm().item<double>());
        for (const HeldOut part : {HeldOut::reward, HeldOut::test}) {
            const auto examples = first_indices(part == HeldOut::test ? 120 : 60);
            device.load(host.copy_state());
            EXPECT_EQ(device.evaluate(part, examples).loss_sum, host.evaluate(part, examples).loss_sum);
            EXPECT_EQ(device.evaluate(part, examples).correct, host.evaluate(part, examples).correct);
        }
    }
}

TEST(DeviceStep, result_depends_on_state_and_task_alone) {
    const Images images(noisy_images());
    TrainerOptions options = changing_options("resnet8");
    options.batches = Batches::resident;
    Trainer first(options, images.dataset, images.split), second(options, images.dataset, images.split);
    const auto draws = drawn_indices(320, 400, 1), others = drawn_indices(96, 400, 2); // of another length, too
    second.train(task_of(2, others));
    second.load(first.copy_state());
    const CycleResult one = first.train(task_of(1, draws)), two = second.train(task_of(1, draws));
    EXPECT_EQ(one.draw_loss, two.draw_loss);
    EXPECT_EQ(state_of(first), state_of(second));
}

TEST(DeviceStep, a_loss_that_is_not_finite_is_seen) {
    const Images images(Images::small());
    TrainerOptions options = trainer_options("mlp", 32);
    options.training.learning_rate = 1e30;
    options.batches = Batches::resident;
    Trainer trainer(options, images.dataset, images.split);
    EXPECT_FALSE(trainer.train({first_indices(320), 0, {}}).finite);
}

TEST(DeviceStep, an_overflow_in_fp16_skips_the_step_and_halves_the_scale) {
    const Images images(Images::small());
    TrainerOptions options = trainer_options("convnet", 32);
    options.precision = Precision::fp16;
    options.batches = Batches::resident;
    Trainer trainer(options, images.dataset, images.split);
    const auto scale = view_of(*std::ranges::find(trainer.state().layout(), "optimizer.loss_scale", &StateTensor::name),
                               trainer.state().buffer());
    scale.fill_(0x1p100F);
    const at::Tensor weights = trainer.state().parameters().clone();
    EXPECT_TRUE(trainer.train({first_indices(96), 0, {}}).finite);
    EXPECT_TRUE(trainer.state().parameters().equal(weights));
    EXPECT_EQ(scale.item<float>(), 0x1p97F);
}

// Twenty batches and a part of one, which is filled up with what was there before. Of the same network in between, and
// of the other part.
TEST(DeviceEvaluation, scores_of_each_batch_are_the_hosts) {
    const Images images(noisy_images());
    for (const Precision precision : {Precision::fp32, Precision::bf16}) {
        TrainerOptions options = changing_options("resnet8");
        options.precision = precision;
        Trainer host(options, images.dataset, images.split);
        options.batches = Batches::resident;
        Trainer device(options, images.dataset, images.split);
        const auto examples = drawn_indices(20 * Trainer::evaluation_batch + 5, 60, 1);
        const auto draws = drawn_indices(320, images.split.training.source.size(), 2);
        for (const std::uint32_t cycle : {0U, 1U})
            for (const HeldOut part : {HeldOut::reward, HeldOut::test}) {
                SCOPED_TRACE(testing::Message() << name_of(precision) << ' ' << cycle);
                host.train(task_of(cycle, draws));
                device.load(host.copy_state());
                const std::vector<Score> expected = host.evaluate(part, examples, 1, 2),
                                         scores = device.evaluate(part, examples, 1, 2);
                EXPECT_EQ(device.evaluate(part, first_indices(5)).images, 5);
                ASSERT_EQ(scores.size(), 10U);
                for (std::size_t i = 0; i < scores.size(); ++i) {
                    EXPECT_EQ(scores[i].images, expected[i].images);
                    EXPECT_EQ(scores[i].correct_by_class, expected[i].correct_by_class) << i;
                    EXPECT_NEAR(scores[i].loss_sum, expected[i].loss_sum, 1e-6 * expected[i].loss_sum) << i;
                }
                const Score tail = device.evaluate(part, std::span(examples).last(5));
                EXPECT_NEAR(tail.loss_sum, host.evaluate(part, std::span(examples).last(5)).loss_sum,
                            1e-6 * tail.loss_sum);
            }
    }
}

// A rule that weighs each batch by its losses, and a network that takes a set time.
TEST(DeviceStep, what_needs_the_host_in_each_batch_still_trains) {
    const Images images(Images::small());
    TrainerOptions options = trainer_options("mlp", 32);
    Trainer host(options, images.dataset, images.split);
    options.batches = Batches::resident;
    Trainer device(options, images.dataset, images.split);
    std::vector<float> weight(96, 0.5F);
    const Weighting weighting{weight, [](std::span<const float>, std::span<float>) {}};
    const auto draws = first_indices(96);
    EXPECT_EQ(device.train({draws, 0, {}, weighting}).draw_loss, host.train({draws, 0, {}, weighting}).draw_loss);
    EXPECT_EQ(state_of(device), state_of(host));
    options.model.name = "null";
    Trainer null(options, images.dataset, images.split);
    EXPECT_TRUE(null.train({draws, 0, {}}).finite);
}

} // namespace
} // namespace autosampling
