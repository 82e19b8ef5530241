// replay --policy: one fresh network that follows the weights that a population has found.
#include "population/small_run.hpp"

#include "autosampling/record/hdf5.hpp"

namespace autosampling {
namespace {

using namespace testing;

// 5 rounds of 5 cycles, the last one shorter.
Options policy_run() {
    Options options = small_options();
    options.exploration = {};
    options.exploration.kind = ExplorationKind::policy;
    options.exploration.interval_cycles = 5;
    options.data.imbalance = 4;
    options.population.members = 5;
    options.population.reward = Reward::loss;
    return options;
}

TEST(PolicyReplay, weights_go_by_the_share_of_the_run_and_signals_are_its_own) {
    const SharedFolder folder;
    run_on(world().size(), policy_run(), folder / "run", Opening::fresh);
    const Options same = options_of_replay(folder / "run", ReplayMode::policy);
    Options other = same; // twice as long, another network, other data
    other.training.epochs *= 2;
    other.model.name = "convnet";
    other.data.synthetic_images = 500;
    other.data.imbalance = 1;
    run_on(1, same, folder / "same", Opening::fresh);
    run_on(world().size(), other, folder / "other", Opening::fresh);
    if (!world().is_root()) return;
    const Segment run = read_record(folder / "run");
    const auto& searched = run.rounds;
    const auto replayed = read_record(folder / "same").rounds;
    ASSERT_EQ(replayed.size(), searched.size());
    for (std::size_t round = 0; round < searched.size(); ++round)
        EXPECT_EQ(replayed[round].policy_weight, searched[round].policy_weight) << round;
    EXPECT_NE(replayed.back().loss_level, searched.back().loss_level); // its own

    const auto longer = read_record(folder / "other");
    for (const RoundRow& round : longer.rounds) {
        const double share = static_cast<double>(round.round_cycle) / static_cast<double>(longer.cycles.size());
        std::size_t then = 0;
        for (std::size_t r = 0; r < searched.size(); ++r)
            if (static_cast<double>(searched[r].round_cycle) <= share * static_cast<double>(run.cycles.size()))
                then = r;
        EXPECT_EQ(round.policy_weight, searched[then].policy_weight) << round.round;
    }
}

TEST(PolicyReplay, resumed_replay_equals_uninterrupted_replay) {
    const SharedFolder folder;
    run_on(world().size(), policy_run(), folder / "run", Opening::fresh);
    const Options replay = options_of_replay(folder / "run", ReplayMode::policy);
    run_on(1, replay, folder / "whole", Opening::fresh);
    volatile std::sig_atomic_t stop = 0;
    const auto stopping = [&](std::int32_t, std::int64_t cycle, int, Trainer&) { stop = cycle >= 12; };
    run_on(1, replay, folder / "cut", Opening::fresh, stopping, &stop);
    run_on(1, replay, folder / "cut", Opening::resume);
    if (world().is_root()) expect_equal_records(folder / "whole", folder / "cut");
}

TEST(PolicyReplay, what_does_not_fit_is_named) {
    const SharedFolder folder;
    run_on(world().size(), small_options(), folder / "mixture", Opening::fresh);
    EXPECT_NE(usage_refusal([&] { options_of_replay(folder / "mixture", ReplayMode::policy); }).find("no policy"),
              std::string::npos);
    Options scores = policy_run();
    scores.exploration.credit = Credit::advantage;
    scores.exploration.signals = {"loss", "score"};
    run_on(world().size(), scores, folder / "scores", Opening::fresh);
    EXPECT_NE(usage_refusal([&] { options_of_replay(folder / "scores", ReplayMode::policy); }).find("goes by scores"),
              std::string::npos);
    Options column = policy_run();
    column.exploration.signals = {"loss", "column:source"};
    EXPECT_NE(
        usage_refusal([&] { run_on(world().size(), column, folder / "run", Opening::fresh); }).find("column:source"),
        std::string::npos);
    run_on(world().size(), policy_run(), folder / "run", Opening::fresh);
    Options replay = options_of_replay(folder / "run", ReplayMode::policy);
    replay.exploration.signals = {"loss", "class", "count"};
    EXPECT_NE(
        usage_refusal([&] { run_on(world().size(), replay, folder / "replay", Opening::fresh); }).find("no weight for"),
        std::string::npos);
    replay.exploration.signals = {"loss"};
    EXPECT_NE(
        usage_refusal([&] { run_on(world().size(), replay, folder / "replay", Opening::fresh); }).find("class.size"),
        std::string::npos);
}

} // namespace
} // namespace autosampling
