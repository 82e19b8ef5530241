#include "autosampling/training/learning_rate.hpp"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace autosampling {
namespace {

// 100 batches of 128, of which 10 make an epoch.
constexpr std::int64_t images = 1280;

TrainingOptions with_schedule(RateSchedule schedule) {
    TrainingOptions options;
    options.schedule = schedule;
    return options;
}

void expect_rates(const TrainingOptions& options, const std::vector<std::pair<int, double>>& rates) {
    const LearningRate rate(options, images, 100);
    for (const auto& [batch, expected] : rates) EXPECT_NEAR(rate.at(batch), expected, 1e-15) << "batch " << batch;
}

TEST(LearningRate, constant_stays) {
    expect_rates(with_schedule(RateSchedule::constant), {{0, 0.1}, {50, 0.1}, {99, 0.1}});
}

// torch.optim.lr_scheduler.MultiStepLR(SGD([zeros(1)], lr=0.1), [30, 60], gamma=0.1), PyTorch 2.11.0.
TEST(LearningRate, step_equals_MultiStepLR) {
    TrainingOptions options = with_schedule(RateSchedule::step);
    options.milestones = {3, 6};
    expect_rates(options, {{0, 0.1}, {29, 0.1}, {30, 0.01}, {59, 0.01}, {60, 0.001}, {99, 0.001}});
}

TEST(LearningRate, step_falls_at_the_first_batch_after_a_milestone_between_batches) {
    TrainingOptions options = with_schedule(RateSchedule::step);
    options.milestones = {0.25}; // batch 2.5
    expect_rates(options, {{2, 0.1}, {3, 0.01}});
}

TEST(LearningRate, step_is_exact_where_an_epoch_is_no_whole_number_of_batches) {
    TrainingOptions options = with_schedule(RateSchedule::step);
    options.batch_size = 3;
    options.milestones = {3}; // 100 images: batch 100 exactly
    const LearningRate rate(options, 100, 200);
    EXPECT_DOUBLE_EQ(rate.at(99), 0.1);
    EXPECT_DOUBLE_EQ(rate.at(100), 0.1 * 0.1);
}

// torch.optim.lr_scheduler.CosineAnnealingLR(SGD([zeros(1)], lr=0.1), T_max=100), PyTorch 2.11.0.
TEST(LearningRate, cosine_equals_CosineAnnealingLR) {
    expect_rates(with_schedule(RateSchedule::cosine), {{0, 0.1},
                                                       {1, 0.09997532801828658},
                                                       {25, 0.0853553390593274},
                                                       {50, 0.05},
                                                       {75, 0.014644660940672643},
                                                       {99, 2.4671981713420017e-05}});
}

// torch.optim.lr_scheduler.OneCycleLR(SGD([zeros(1)], lr=0.1), max_lr=0.1, total_steps=100), PyTorch 2.11.0.
TEST(LearningRate, one_cycle_equals_OneCycleLR) {
    expect_rates(with_schedule(RateSchedule::one_cycle), {{0, 0.004},
                                                          {1, 0.004281378056590748},
                                                          {10, 0.029516394846410082},
                                                          {28, 0.09971862194340926},
                                                          {29, 0.1},
                                                          {30, 0.09994965352845243},
                                                          {50, 0.0793893450575732},
                                                          {98, 5.07464715475788e-05},
                                                          {99, 4e-07}});
}

TEST(LearningRate, warmup_is_linear_and_meets_the_schedule) {
    TrainingOptions options = with_schedule(RateSchedule::constant);
    options.warmup_epochs = 2;
    expect_rates(options, {{0, 0.1 / 20}, {9, 0.05}, {18, 0.095}, {19, 0.1}, {20, 0.1}});
    options.schedule = RateSchedule::cosine; // half a period over the remaining 80 batches
    expect_rates(options, {{9, 0.05}, {20, 0.1}, {60, 0.05}});
}

TEST(LearningRate, any_number_of_batches_has_finite_rates) {
    for (const RateSchedule schedule :
         {RateSchedule::constant, RateSchedule::step, RateSchedule::cosine, RateSchedule::one_cycle}) {
        for (std::int64_t total = 1; total <= 12; ++total) {
            const LearningRate rate(with_schedule(schedule), images, total);
            for (std::int64_t batch = 0; batch < total; ++batch) {
                EXPECT_TRUE(rate.at(batch) >= 0 && rate.at(batch) <= 0.1) << schedule << ' ' << batch << '/' << total;
            }
        }
    }
}

TEST(LearningRate, only_cosine_and_one_cycle_depend_on_the_length) {
    EXPECT_FALSE(LearningRate::depends_on_length(with_schedule(RateSchedule::constant)));
    EXPECT_FALSE(LearningRate::depends_on_length(with_schedule(RateSchedule::step)));
    EXPECT_TRUE(LearningRate::depends_on_length(with_schedule(RateSchedule::cosine)));
    EXPECT_TRUE(LearningRate::depends_on_length(with_schedule(RateSchedule::one_cycle)));
}

} // namespace
} // namespace autosampling
