// Runs that are sampled by a rival rule: restart, record, replay, refusals.
#include "population/small_run.hpp"

#include "autosampling/population/derive.hpp"
#include "autosampling/population/replay.hpp"
#include "autosampling/record/hdf5.hpp"
#include "autosampling/training/trainer.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace autosampling {
namespace {

using namespace testing;

Options rule_run(Rule rule) {
    Options options = small_options();
    options.exploration = {};
    options.exploration.kind = ExplorationKind::none;
    options.population.members = 1;
    options.sampling.rule = rule;
    options.sampling.forget_epochs = 1.5;
    options.training.epochs = 4;
    return options;
}

void plant_nans(std::int32_t, std::int64_t cycle, int attempt, Trainer& trainer) {
    if (cycle % 6 == 5 && attempt < 1 + cycle % 2) trainer.state().host()[3] = std::nanf("");
}

// The message of the refusal of usage that a run meets. Collective over world().
std::string refusal(const Options& options, const std::filesystem::path& folder, Opening opening = Opening::fresh) {
    return usage_refusal([&] { run_on(world().size(), options, folder, opening); });
}

class EachSamplingRule : public ::testing::TestWithParam<Rule> {};
INSTANTIATE_TEST_SUITE_P(Rules, EachSamplingRule,
                         ::testing::Values(Rule::class_balanced, Rule::loss_rank, Rule::small_loss, Rule::infobatch),
                         [](const auto& rule) { return test_name(rule.param); });

TEST_P(EachSamplingRule, resumed_run_equals_uninterrupted_run) {
    const SharedFolder folder;
    Options options = rule_run(GetParam());
    options.record.checkpoint_cycles = 3;
    EXPECT_EQ(run_on(world().size(), options, folder / "whole", Opening::fresh, plant_nans), ExitCode::finished);
    EXPECT_GT(run_in_pieces(options, folder / "cut", 9, plant_nans), 3);
    if (world().is_root()) expect_equal_records(folder / "whole", folder / "cut");
}

TEST_P(EachSamplingRule, run_file_holds_the_weights_and_is_rebuilt_from_the_segments) {
    const SharedFolder folder;
    run_on(world().size(), rule_run(GetParam()), folder / "run", Opening::fresh);
    if (!world().is_root()) return;
    const auto read = [&] {
        const Hdf5File run = Hdf5File::open(folder / "run" / "run.h5");
        return std::make_tuple(run.read<float>("draw_weight"), run.read<std::int32_t>("schedule"),
                               run.read<std::int64_t>("count"), run.read<double>("probability"));
    };
    const auto before = read();
    const std::vector<float>& weight = std::get<0>(before);
    std::vector<float> recorded;
    for (const CycleRow& row : read_record(folder / "run").cycles)
        recorded.insert(recorded.end(), row.draw_weight.begin(), row.draw_weight.end());
    EXPECT_EQ(weight, recorded);
    EXPECT_EQ(weight.size(), std::get<1>(before).size());
    const bool weighted = GetParam() == Rule::small_loss || GetParam() == Rule::infobatch;
    EXPECT_EQ(std::any_of(weight.begin(), weight.end(), [](float w) { return w != 1; }), weighted);
    std::vector<std::int64_t> histogram(std::get<2>(before).size(), 0);
    for (const std::int32_t index : std::get<1>(before)) ++histogram[static_cast<std::size_t>(index)];
    EXPECT_EQ(std::get<2>(before), histogram);

    std::filesystem::remove(folder / "run" / "run.h5");
    Log log(0, LogLevel::error);
    finish_run(folder / "run", log);
    EXPECT_EQ(read(), before);
}

TEST_P(EachSamplingRule, is_replayed_exactly_and_else_only_without_weights) {
    const SharedFolder folder;
    run_on(world().size(), rule_run(GetParam()), folder / "run", Opening::fresh, plant_nans);
    const auto replay_of = [&](ReplayMode mode) {
        Options options;
        world().agree([&] {
            const std::string recorded = recorded_configuration(open_replayed_run(folder / "run"));
            options = replay_options(parse_configuration(recorded, "configuration"), folder / "run", mode);
        });
        return options;
    };
    EXPECT_EQ(run_on(1, replay_of(ReplayMode::exact), folder / "exact", Opening::fresh, plant_nans),
              ExitCode::finished);
    if (world().is_root()) expect_equal_records(folder / "run", folder / "exact");
    const bool weighted = GetParam() == Rule::small_loss || GetParam() == Rule::infobatch;
    for (const ReplayMode mode : {ReplayMode::dynamic, ReplayMode::fixed})
        EXPECT_EQ(refusal(replay_of(mode), folder / name_of(mode)).find("weighted its draws") != std::string::npos,
                  weighted);
}

TEST(Rules, small_loss_keeps_the_recorded_share_of_every_batch) {
    const SharedFolder folder;
    run_on(world().size(), rule_run(Rule::small_loss), folder / "run", Opening::fresh);
    if (!world().is_root()) return;
    for (const CycleRow& row : read_record(folder / "run").cycles) {
        const double fraction = 1 - 0.2 * std::min(1.0, row.epoch / 1.5);
        const auto kept = static_cast<std::ptrdiff_t>(std::floor(fraction * 16));
        for (std::ptrdiff_t first = 0; first < 32; first += 16) {
            const auto batch = row.draw_weight.begin() + first;
            EXPECT_EQ(std::count(batch, batch + 16, 16.0F / static_cast<float>(kept)), kept) << row.cycle;
            EXPECT_EQ(std::count(batch, batch + 16, 0.0F), 16 - kept) << row.cycle;
        }
    }
}

TEST(Rules, uniform_run_has_no_weights) {
    const SharedFolder folder;
    run_on(world().size(), rule_run(Rule::uniform), folder / "run", Opening::fresh);
    EXPECT_FALSE(world().is_root() && Hdf5File::open(folder / "run" / "run.h5").has("draw_weight"));
}

TEST(Rules, population_and_exploration_are_refused) {
    const SharedFolder folder;
    Options options = rule_run(Rule::loss_rank);
    options.population.members = 2;
    EXPECT_NE(refusal(options, folder / "run").find("one member"), std::string::npos);
    options.population.members = 1;
    options.exploration.kind = ExplorationKind::mixture;
    EXPECT_NE(refusal(options, folder / "run").find("sampling.rule = loss-rank"), std::string::npos);
    options = rule_run(Rule::infobatch);
    options.exploration.uniform = UniformDraws::lineage;
    EXPECT_NE(refusal(options, folder / "run").find("lineage"), std::string::npos);
    EXPECT_FALSE(world().is_root() && std::filesystem::exists(folder / "run"));
}

TEST(Rules, run_may_be_lengthened_only_where_the_rule_does_not_depend_on_its_length) {
    for (const Rule rule : {Rule::class_balanced, Rule::small_loss, Rule::loss_rank, Rule::infobatch}) {
        const SharedFolder folder;
        Options options = rule_run(rule);
        options.training.schedule = RateSchedule::constant;
        options.training.epochs = 1;
        run_on(world().size(), options, folder / "run", Opening::fresh);
        options.training.epochs = 2;
        const bool refused =
            refusal(options, folder / "run", Opening::resume).find("training.epochs") != std::string::npos;
        EXPECT_EQ(refused, rule == Rule::loss_rank || rule == Rule::infobatch) << rule;
    }
}

} // namespace
} // namespace autosampling
