#include "autosampling/population/replay.hpp"

#include "population/small_run.hpp"

#include "autosampling/record/hdf5.hpp"
#include "autosampling/record/summary.hpp"

#include "autosampling/training/trainer.hpp"

#include <cmath>

namespace autosampling {
namespace {

using namespace testing;

class ReplayOfEveryRule : public ::testing::TestWithParam<SelectionRule> {};
INSTANTIATE_TEST_SUITE_P(Replay, ReplayOfEveryRule,
                         ::testing::Values(SelectionRule::best, SelectionRule::top_k, SelectionRule::truncation,
                                           SelectionRule::tournament, SelectionRule::none),
                         [](const auto& rule) { return test_name(rule.param); });

TEST_P(ReplayOfEveryRule, exact_replay_ends_with_the_very_weights_of_the_search) {
    const SharedFolder folder;
    Options options = small_options();
    options.population.selection = GetParam();
    options.exploration.credit = Credit::advantage;
    const auto plant = [](std::int32_t member, std::int64_t cycle, int attempt, Trainer& trainer) {
        if ((cycle == 4 && attempt == 0) || (cycle + member) % 7 == 0) trainer.state().host()[1] = std::nanf("");
    };
    run_on(world().size(), options, folder / "search", Opening::fresh, plant);
    const Options replay = options_of_replay(folder / "search", ReplayMode::exact);
    EXPECT_EQ(run_on(1, replay, folder / "replay", Opening::fresh), ExitCode::finished);
    if (!world().is_root()) return;
    const Hdf5File search = Hdf5File::open(folder / "search" / "run.h5");
    const Hdf5File again = Hdf5File::open(folder / "replay" / "run.h5");
    EXPECT_EQ(search.read<std::uint64_t>("state_hash").back(), again.read<std::uint64_t>("state_hash").back());
    EXPECT_EQ(search.read<std::int32_t>("schedule"), again.read<std::int32_t>("schedule"));
    EXPECT_EQ(search.read<double>("test_loss").back(), again.read<double>("test_loss").back());
    const Exactness exactness = compare_states(folder / "replay", folder / "search");
    EXPECT_FALSE(exactness.first_difference.has_value());
    EXPECT_EQ(exactness.by_state + exactness.by_loss, std::ssize(search.read<std::int32_t>("line")));
}

TEST(Replay, first_cycle_that_differs_is_found_in_the_whole_of_an_interrupted_replay) {
    const SharedFolder folder;
    run_on(world().size(), small_options(), folder / "search", Opening::fresh);
    const Options replay = options_of_replay(folder / "search", ReplayMode::exact);
    volatile std::sig_atomic_t stop = 0;
    const auto disturb = [&](std::int32_t, std::int64_t cycle, int, Trainer& trainer) {
        if (cycle == 6) trainer.state().host()[1] += 1;
        stop = cycle >= 8;
    };
    EXPECT_EQ(run_on(1, replay, folder / "replay", Opening::fresh, disturb, &stop), ExitCode::stopped);
    EXPECT_EQ(run_on(1, replay, folder / "replay", Opening::resume), ExitCode::finished);
    if (!world().is_root()) return;
    const auto cycles = std::ssize(read_record(folder / "search").cycles);
    const Exactness disturbed = compare_states(folder / "replay", folder / "search");
    EXPECT_EQ(disturbed.first_difference, 6);
    EXPECT_EQ(disturbed.by_state, cycles); // under `best` all
    const Exactness itself = compare_states(folder / "search", folder / "search");
    EXPECT_FALSE(itself.first_difference.has_value());
    EXPECT_EQ(itself.by_state, cycles);
}

TEST(Replay, exact_replay_whose_source_is_gone_at_its_end_is_finished) {
    const SharedFolder folder;
    run_on(world().size(), small_options(), folder / "search", Opening::fresh);
    const Options replay = options_of_replay(folder / "search", ReplayMode::exact);
    const auto remove_source = [&](std::int32_t, std::int64_t, int, Trainer&) {
        std::filesystem::remove(folder / "search" / "run.h5");
    };
    EXPECT_EQ(run_on(1, replay, folder / "replay", Opening::fresh, remove_source), ExitCode::finished);
    if (!world().is_root()) return;
    EXPECT_EQ(read_summary(folder / "replay" / "summary.json").state, "finished");
}

TEST(Replay, static_replay_of_an_earlier_cycle_can_itself_be_replayed) {
    const SharedFolder folder;
    run_on(world().size(), small_options(), folder / "search", Opening::fresh);
    Options replay = options_of_replay(folder / "search", ReplayMode::fixed);
    replay.replay.cycle = 4;
    run_on(1, replay, folder / "static", Opening::fresh);
    EXPECT_EQ(options_of_replay(folder / "static", ReplayMode::fixed).replay.cycle, -1);
    const Options again = options_of_replay(folder / "static", ReplayMode::exact);
    EXPECT_EQ(run_on(1, again, folder / "again", Opening::fresh), ExitCode::finished);
    if (!world().is_root()) return;
    EXPECT_FALSE(compare_states(folder / "again", folder / "static").first_difference.has_value());
    EXPECT_THROW(replay_options(again, folder / "again", ReplayMode::exact), Error);
}

TEST(Replay, dynamic_replay_feeds_the_recorded_schedule_to_another_network_with_another_seed) {
    const SharedFolder folder;
    run_on(world().size(), small_options(), folder / "search", Opening::fresh);
    Options replay = options_of_replay(folder / "search", ReplayMode::dynamic);
    replay.model.name = "convnet";
    EXPECT_EQ(replay.run.seed, small_options().run.seed + 1);
    EXPECT_EQ(run_on(world().size(), replay, folder / "replay", Opening::fresh), ExitCode::finished);
    if (!world().is_root()) return;
    const Hdf5File search = Hdf5File::open(folder / "search" / "run.h5");
    const Hdf5File again = Hdf5File::open(folder / "replay" / "run.h5");
    EXPECT_EQ(search.read<std::int32_t>("schedule"), again.read<std::int32_t>("schedule"));
    EXPECT_EQ(search.read<std::uint32_t>("split/training"), again.read<std::uint32_t>("split/training"));
    EXPECT_NE(search.read<std::uint64_t>("state_hash").back(), again.read<std::uint64_t>("state_hash").back());
}

TEST(Replay, interrupted_replay_goes_on_to_the_same_end) {
    const SharedFolder folder;
    run_on(world().size(), small_options(), folder / "search", Opening::fresh);
    const Options replay = options_of_replay(folder / "search", ReplayMode::fixed);
    run_on(1, replay, folder / "whole", Opening::fresh);
    volatile std::sig_atomic_t stop = 0;
    EXPECT_EQ(run_on(
                  1, replay, folder / "cut", Opening::fresh,
                  [&](std::int32_t, std::int64_t cycle, int, Trainer&) { stop = cycle >= 5; }, &stop),
              ExitCode::stopped);
    EXPECT_EQ(run_on(1, replay, folder / "cut", Opening::resume), ExitCode::finished);
    if (world().is_root()) expect_equal_records(folder / "whole", folder / "cut");
}

TEST(Replay, distribution_of_an_earlier_cycle_is_that_of_a_run_of_that_length) {
    const SharedFolder folder;
    Options options = small_options();
    options.training.schedule = RateSchedule::constant;
    options.exploration.credit = Credit::advantage;
    run_on(world().size(), options, folder / "long", Opening::fresh);
    options.training.epochs = 1;
    run_on(world().size(), options, folder / "short", Opening::fresh);
    Options replay = options_of_replay(folder / "long", ReplayMode::fixed);
    replay.training.epochs = 1;
    if (world().is_root()) replay.replay.cycle = std::ssize(read_record(folder / "short").cycles);
    world().broadcast(std::span(&replay.replay.cycle, 1), 0);
    run_on(1, replay, folder / "from long", Opening::fresh);
    Options other = options_of_replay(folder / "short", ReplayMode::fixed);
    run_on(1, other, folder / "from short", Opening::fresh);
    if (world().is_root()) expect_equal_records(folder / "from long", folder / "from short");
}

TEST(Replay, schedule_that_is_too_short_or_of_other_cycles_or_images_is_refused) {
    const SharedFolder folder;
    run_on(world().size(), small_options(), folder / "search", Opening::fresh);
    const Options replay = options_of_replay(folder / "search", ReplayMode::dynamic);
    for (const auto change :
         {+[](Options& o) { o.training.epochs = 3; }, +[](Options& o) { o.training.batch_size = 8; },
          +[](Options& o) { o.data.reward_images = 100; }, +[](Options& o) { o.data.imbalance = 1.5; }}) {
        Options changed = replay;
        change(changed);
        try {
            run_on(world().size(), changed, folder / "replay", Opening::fresh);
            ADD_FAILURE() << "not refused";
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::usage) << error.what();
        }
        world().barrier();
    }
}

TEST(StaticFeed, draws_follow_the_distribution) {
    const std::vector<double> probability{0.1, 0, 0.4, 0.5, 0};
    const StaticFeed feed(probability, 9);
    std::vector<std::uint32_t> draws(100000);
    feed.draw(0, 3, 0, draws);
    std::vector<double> seen(5, 0);
    for (const std::uint32_t x : draws) seen.at(x) += 1;
    EXPECT_EQ(seen[1], 0);
    EXPECT_EQ(seen[4], 0);
    double chi_square = 0; // 2 degrees of freedom: above 18.4 with probability 1e-4
    for (const std::size_t x : {0, 2, 3})
        chi_square += std::pow(seen[x] - 1e5 * probability[x], 2) / (1e5 * probability[x]);
    EXPECT_LT(chi_square, 18.4);
}

} // namespace
} // namespace autosampling
