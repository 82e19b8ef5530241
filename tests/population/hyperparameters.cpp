#include "autosampling/population/hyperparameters.hpp"

#include "autosampling/record/hdf5.hpp"
#include "population/small_run.hpp"

#include <cmath>
#include <set>

namespace autosampling {
namespace {

using namespace testing;

Options varied_options(Variation explore) {
    Options options = small_options();
    options.population.selection = SelectionRule::truncation;
    options.population.fraction = 0.5;
    options.hyperparameters.explore = explore;
    return options;
}

TEST(Hyperparameters, children_take_their_parents_and_vary_them_survivors_keep_theirs) {
    Options options = varied_options(Variation::factor);
    options.hyperparameters.factors = {0.5, 3};
    options.hyperparameters.weight_decay_range = {0.7, 2};
    Hyperparameters hyper(options);
    for (std::int32_t member = 0; member < 4; ++member) EXPECT_EQ(hyper.of(member).learning_rate, 1);
    hyper.follow(std::vector<std::int32_t>{0, 0, 2, 2}, 1, true);
    EXPECT_EQ(hyper.of(0).learning_rate, 1);
    EXPECT_EQ(hyper.of(2).weight_decay, 1);
    for (const std::int32_t child : {1, 3}) {
        EXPECT_TRUE(hyper.of(child).learning_rate == 0.5 || hyper.of(child).learning_rate == 3);
        EXPECT_TRUE(hyper.of(child).weight_decay == 0.7 || hyper.of(child).weight_decay == 2); // within the range
    }
    const double first = hyper.of(1).learning_rate, second = hyper.of(3).learning_rate;
    hyper.follow(std::vector<std::int32_t>{1, 1, 3, 3}, 2, false); // not varied: what was there before the exchange
    EXPECT_EQ(hyper.of(0).learning_rate, first);
    EXPECT_EQ(hyper.of(2).learning_rate, second);
}

TEST(Hyperparameters, interval_in_cycles_goes_before_exploration) {
    Options options = varied_options(Variation::factor);
    options.hyperparameters.interval_cycles = 3;
    Hyperparameters hyper(options);
    const std::vector<std::int32_t> parent{0, 0, 0, 0};
    hyper.follow(parent, 2, true);
    EXPECT_EQ(hyper.of(3).learning_rate, 1);
    hyper.follow(parent, 3, false);
    EXPECT_NE(hyper.of(3).learning_rate, 1);
}

TEST(Hyperparameters, resampled_values_are_log_uniform_over_their_range_and_as_rare_as_asked) {
    Options options = varied_options(Variation::resample);
    options.population.members = 20000;
    options.hyperparameters.learning_rate_range = {0.01, 100};
    Hyperparameters hyper(options);
    const auto share_below_one = [&] {
        double below = 0;
        for (std::int32_t member = 0; member < 20000; ++member) {
            EXPECT_GE(hyper.of(member).learning_rate, 0.01);
            EXPECT_LE(hyper.of(member).learning_rate, 100);
            below += hyper.of(member).learning_rate < 1;
        }
        return below / 20000;
    };
    EXPECT_NEAR(share_below_one(), 0.5, 4 * std::sqrt(0.25 / 20000)); // the middle of the logarithms; 4 standard errors
    hyper.follow(std::vector<std::int32_t>(20000, 0), 1, true);
    const double taken = hyper.of(0).learning_rate;
    double drawn = 0;
    for (std::int32_t member = 1; member < 20000; ++member) drawn += hyper.of(member).learning_rate != taken;
    EXPECT_NEAR(drawn / 20000, 0.25, 4 * std::sqrt(0.1875 / 20000));
}

class EachExplore : public ::testing::TestWithParam<Variation> {};
INSTANTIATE_TEST_SUITE_P(Hyperparameters, EachExplore, ::testing::Values(Variation::factor, Variation::resample),
                         [](const auto& explore) { return test_name(explore.param); });

TEST_P(EachExplore, search_does_not_depend_on_ranks_nor_interruptions_and_replays_exactly) {
    const SharedFolder folder;
    const Options options = varied_options(GetParam());
    EXPECT_EQ(run_on(1, options, folder / "whole", Opening::fresh), ExitCode::finished);
    volatile std::sig_atomic_t stop = 0;
    EXPECT_EQ(run_on(
                  world().size(), options, folder / "cut", Opening::fresh,
                  [&](std::int32_t, std::int64_t cycle, int, Trainer&) { stop = cycle >= 9; }, &stop),
              ExitCode::stopped);
    EXPECT_EQ(run_on(world().size(), options, folder / "cut", Opening::resume), ExitCode::finished);
    if (world().is_root()) expect_equal_records(folder / "whole", folder / "cut");

    const Options replay = options_of_replay(folder / "whole", ReplayMode::exact);
    EXPECT_EQ(run_on(1, replay, folder / "replay", Opening::fresh), ExitCode::finished);
    if (!world().is_root()) return;
    const Hdf5File search = Hdf5File::open(folder / "whole" / "run.h5");
    EXPECT_EQ(search.read<std::uint64_t>("state_hash").back(),
              Hdf5File::open(folder / "replay" / "run.h5").read<std::uint64_t>("state_hash").back());

    // Recorded: what was applied, and whose it was.
    const std::vector<CycleRow> rows = read_record(folder / "whole").cycles;
    std::set<double> seen;
    for (std::size_t t = 0; t < rows.size(); ++t)
        for (std::size_t member = 0; member < 4; ++member) {
            const CycleRow& row = rows[t];
            seen.insert(row.learning_rate_factor[member]);
            EXPECT_NEAR(row.learning_rate[member] / row.learning_rate_factor[member],
                        row.learning_rate[0] / row.learning_rate_factor[0], 1e-12);
            EXPECT_DOUBLE_EQ(row.weight_decay[member], row.weight_decay_factor[member] * options.training.weight_decay);
            if (t + 1 < rows.size() && row.parent[member] == static_cast<std::int32_t>(member)) {
                EXPECT_EQ(row.learning_rate_factor[member], rows[t + 1].learning_rate_factor[member]);
            }
        }
    EXPECT_GT(seen.size(), 10U);
    EXPECT_EQ(search.read<double>("learning_rate_factor").size(), rows.size() * 4);
}

TEST(Hyperparameters, factors_reach_the_step) {
    const SharedFolder folder;
    Options options = small_options();
    options.population.members = 1;
    options.exploration.kind = ExplorationKind::random;
    options.hyperparameters.explore = Variation::resample;
    options.hyperparameters.interval_cycles = 1000;
    options.hyperparameters.learning_rate_range = {0.5, 2};
    options.hyperparameters.weight_decay_range = {1, 20};
    options.training.schedule = RateSchedule::constant;
    const HyperparameterFactors factors = Hyperparameters(options).of(0);
    EXPECT_EQ(run_on(1, options, folder / "varied", Opening::fresh), ExitCode::finished);
    options.hyperparameters.explore = Variation::none;
    options.training.learning_rate *= factors.learning_rate;
    options.training.weight_decay *= factors.weight_decay;
    EXPECT_EQ(run_on(1, options, folder / "plain", Opening::fresh), ExitCode::finished);
    if (!world().is_root()) return;
    const auto varied = read_record(folder / "varied").cycles, plain = read_record(folder / "plain").cycles;
    EXPECT_EQ(varied.back().state_hash, plain.back().state_hash);
}

} // namespace
} // namespace autosampling
