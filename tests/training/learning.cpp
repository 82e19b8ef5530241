// Whole trainings: real digits are learnt, bf16 is close to fp32, and memory stays flat.
#include "images.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

namespace autosampling {
namespace {

TEST(Learning, convnet_learns_real_digits_in_two_epochs) {
    const Images images(Images::mnist());
    const std::size_t examples = images.split.training.source.size(); // 7,200
    TrainerOptions options = trainer_options("convnet", 60);
    options.training.schedule = RateSchedule::one_cycle;
    options.total_batches = static_cast<std::int64_t>(2 * examples / 60);
    Trainer trainer(options, images.dataset, images.split);
    EXPECT_TRUE(trainer.train({drawn_indices(2 * examples, examples, 0), 0, {}}).finite);
    const Score score = trainer.evaluate(HeldOut::test, first_indices(images.dataset.test.labels.size()));
    EXPECT_GE(static_cast<double>(score.correct), 0.93 * static_cast<double>(score.images)) << score.correct;
    std::int64_t by_class = 0;
    for (const std::int64_t correct : score.correct_by_class) by_class += correct;
    EXPECT_EQ(by_class, score.correct);
}

TEST(Learning, bf16_is_close_to_fp32) {
    const Images images(Images::small());
    TrainerOptions options = trainer_options("resnet8", 32);
    Trainer fp32(options, images.dataset, images.split);
    options.precision = Precision::bf16;
    Trainer bf16(options, images.dataset, images.split);
    EXPECT_EQ(state_of(fp32), state_of(bf16));
    const auto indices = first_indices(32);
    const auto before = fp32.state().parameters().clone();
    const CycleResult one = fp32.train({indices, 0, {}});
    const CycleResult two = bf16.train({indices, 0, {}});
    EXPECT_NE(one.train_loss, two.train_loss);
    EXPECT_NEAR(one.train_loss, two.train_loss, 2e-2 * one.train_loss);
    const at::Tensor difference = fp32.state().parameters() - bf16.state().parameters();
    EXPECT_LT(difference.norm().item<double>(), 0.25 * (fp32.state().parameters() - before).norm().item<double>());
    const double loss = fp32.evaluate(HeldOut::reward, first_indices(60)).loss_sum;
    std::ranges::copy(state_of(fp32), bf16.state().host().begin());
    EXPECT_NEAR(bf16.evaluate(HeldOut::reward, first_indices(60)).loss_sum, loss, 2e-2 * loss);
}

TEST(Learning, reward_precision_is_that_of_rewards_alone) {
    const Images images(Images::small());
    TrainerOptions options = trainer_options("resnet8", 32);
    Trainer fp32(options, images.dataset, images.split);
    options.reward_precision = Precision::bf16;
    Trainer mixed(options, images.dataset, images.split);
    options.precision = Precision::bf16;
    Trainer bf16(options, images.dataset, images.split);
    const auto indices = first_indices(64), examples = first_indices(60);
    EXPECT_EQ(mixed.train({indices, 0, {}}).train_loss, fp32.train({indices, 0, {}}).train_loss);
    EXPECT_EQ(state_of(mixed), state_of(fp32));
    bf16.load(fp32.copy_state());
    const auto loss = [&](Trainer& trainer, HeldOut part) { return trainer.evaluate(part, examples).loss_sum; };
    EXPECT_EQ(loss(mixed, HeldOut::reward), loss(bf16, HeldOut::reward));
    EXPECT_EQ(loss(mixed, HeldOut::test), loss(fp32, HeldOut::test));
    EXPECT_NE(loss(mixed, HeldOut::reward), loss(fp32, HeldOut::reward));
}

double resident_megabytes() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        double kilobytes = 0;
        if (word == "VmRSS:" && status >> kilobytes) return kilobytes / 1024;
    }
    return std::nan("");
}

TEST(Learning, memory_stays_flat_over_200_cycles) {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "AddressSanitizer keeps what was freed for a while";
#endif
    const Images images(Images::small());
    for (const Precision precision : {Precision::fp32, Precision::bf16}) {
        TrainerOptions options = trainer_options("resnet8", 4);
        options.precision = precision;
        Trainer trainer(options, images.dataset, images.split);
        const auto cycle = [&](std::uint32_t number) {
            trainer.train({drawn_indices(8, 500, number), 2 * number, {}});
            trainer.evaluate(HeldOut::reward, first_indices(16));
        };
        for (std::uint32_t i = 0; i < 20; ++i) cycle(i);
        const double before = resident_megabytes();
        for (std::uint32_t i = 20; i < 220; ++i) cycle(i);
        EXPECT_LT(resident_megabytes(), 1.05 * before);
    }
}

} // namespace
} // namespace autosampling
