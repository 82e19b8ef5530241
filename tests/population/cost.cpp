#include "autosampling/population/cost.hpp"
#include "population/small_run.hpp"

#include <gmock/gmock.h>

namespace autosampling {
namespace {

using namespace testing;

TEST(Cost, device_hours_are_those_of_all_members_rewards_and_tests) {
    Options options;
    options.training.epochs = 3;
    options.population.ranks_per_member = 2;
    Plan plan;
    plan.members = 4;
    plan.cycles = 10;
    plan.batches_per_cycle = 5;
    plan.reward_images_per_cycle = 128;
    plan.test_images = 640;
    const Speed speed{.step_seconds = 0.1, .evaluation_seconds = 0.2};
    EXPECT_DOUBLE_EQ(device_hours(options, plan, speed), (4 * 10 * (5 * 2 * 0.1 + 2 * 0.2) + 3 * 10 * 0.2) / 3600);
    EXPECT_THAT(describe(options, plan, speed), ::testing::HasSubstr("0.0172 device hours"));
}

TEST(Cost, stated_rate_is_of_training) {
    Options options;
    options.training.batch_size = 128;
    options.population.ranks_per_member = 4;
    const Speed speed = speed_at(1000, options);
    EXPECT_DOUBLE_EQ(speed.step_seconds, 0.032);
    EXPECT_DOUBLE_EQ(speed.evaluation_seconds, 0.064 / 3);
}

TEST(Cost, speed_is_measured_without_a_run) {
    if (!world().is_root()) return;
    const Options asked = small_options();
    const DatasetPlan data = plan_dataset(asked.data, data_seed(asked));
    const Options options = resolve(asked, 1, data);
    std::vector<std::byte> memory(data.bytes());
    load_dataset(data, memory);
    const Dataset dataset = view_dataset(data, memory);
    const Split split = split_dataset(dataset, options.data, data_seed(options));
    const Speed speed = measure_speed(options, make_plan(options, 1, data, split), dataset, split);
    EXPECT_GT(speed.step_seconds, 0);
    EXPECT_GT(speed.evaluation_seconds, 0);
}

} // namespace
} // namespace autosampling
