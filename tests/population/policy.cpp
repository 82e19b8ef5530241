// exploration.kind = policy: rounds of cycles, after each of which the policy's weights move.
#include "population/small_run.hpp"

#include "autosampling/population/derive.hpp"
#include "autosampling/record/hdf5.hpp"
#include "autosampling/sampling/policy_search.hpp"
#include "autosampling/training/trainer.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

namespace autosampling {
namespace {

using namespace testing;

constexpr std::int64_t round_length = 5; // cycles

Options policy_run(SelectionRule selection) {
    Options options = small_options();
    options.exploration.kind = ExplorationKind::policy;
    options.exploration.interval_cycles = round_length;
    options.population.selection = selection;
    options.data.label_noise = 0.4;
    return options;
}

// Puts a NaN into the weights of one member in some cycles, of all in cycle 7 (twice).
void plant_nans(std::int32_t member, std::int64_t cycle, int attempt, Trainer& trainer) {
    if ((cycle % 4 == 2 && member == cycle % 3) || (cycle == 7 && attempt < 2))
        trainer.state().host()[3] = std::nanf("");
}

void expect_equal_rounds(const std::filesystem::path& a, const std::filesystem::path& b) {
    const std::vector<RoundRow> x = read_record(a).rounds, y = read_record(b).rounds;
    ASSERT_GT(x.size(), 3U);
    ASSERT_EQ(x.size(), y.size());
    for (std::size_t r = 0; r < x.size(); ++r) {
        EXPECT_EQ(x[r].round_cycle, y[r].round_cycle);
        EXPECT_EQ(x[r].policy_weight, y[r].policy_weight) << r;
        EXPECT_EQ(x[r].policy_perturbation, y[r].policy_perturbation) << r;
        EXPECT_EQ(x[r].loss_level, y[r].loss_level) << r;
        if (r > 0) { // at the start none is known
            EXPECT_EQ(x[r].class_reward_loss, y[r].class_reward_loss) << r;
        }
    }
}

class PolicyRun : public ::testing::TestWithParam<SelectionRule> {};
INSTANTIATE_TEST_SUITE_P(Policy, PolicyRun, ::testing::Values(SelectionRule::mean, SelectionRule::best),
                         [](const auto& given) { return test_name(given.param); });

TEST_P(PolicyRun, record_does_not_depend_on_the_number_of_ranks) {
    const SharedFolder folder;
    for (int ranks = 1; ranks <= world().size(); ++ranks)
        EXPECT_EQ(run_on(ranks, policy_run(GetParam()), folder / std::to_string(ranks), Opening::fresh, plant_nans),
                  ExitCode::finished);
    if (!world().is_root()) return;
    EXPECT_EQ(read_record(folder / "1").cycles[7].attempt, 2);
    for (int ranks = 2; ranks <= world().size(); ++ranks) {
        SCOPED_TRACE(ranks);
        expect_equal_records(folder / "1", folder / std::to_string(ranks));
        expect_equal_rounds(folder / "1", folder / std::to_string(ranks));
    }
}

TEST_P(PolicyRun, resumed_within_rounds_on_other_ranks_it_equals_the_uninterrupted_run) {
    const SharedFolder folder;
    const Options options = policy_run(GetParam());
    EXPECT_EQ(run_on(world().size(), options, folder / "whole", Opening::fresh, plant_nans), ExitCode::finished);
    EXPECT_GT(run_in_pieces(options, folder / "cut", 6, plant_nans), 5);
    if (!world().is_root()) return;
    expect_equal_records(folder / "whole", folder / "cut");
    expect_equal_rounds(folder / "whole", folder / "cut");
}

TEST_P(PolicyRun, run_file_and_history_are_rebuilt_from_the_segments) {
    const SharedFolder folder;
    run_on(world().size(), policy_run(GetParam()), folder / "run", Opening::fresh, plant_nans);
    if (!world().is_root()) return;
    const auto read = [&] {
        const Hdf5File run = Hdf5File::open(folder / "run" / "run.h5");
        return std::make_tuple(run.read<std::int64_t>("count"), run.read<double>("probability"),
                               run.read<double>("policy_weight"), run.read<std::uint8_t>("loss_level"));
    };
    const auto before = read();
    std::filesystem::remove(folder / "run" / "run.h5");
    Log log(0, LogLevel::error);
    finish_run(folder / "run", log);
    EXPECT_EQ(read(), before);
    write_run_history(folder / "run", round_length, log);
    const auto history = Hdf5File::open(folder / "run" / "history.h5").read<double>("probability_history");
    const auto& probability = std::get<1>(before);
    EXPECT_TRUE(std::equal(probability.begin(), probability.end(), history.end() - std::ssize(probability)));
    EXPECT_NE(history.front(), probability.front());
}

// Only members that were finite in all of a round say something of the weights.
TEST_P(PolicyRun, weights_follow_from_the_rewards_at_the_ends_of_rounds) {
    const SharedFolder folder;
    const Options options = policy_run(GetParam());
    run_on(world().size(), options, folder / "run", Opening::fresh, plant_nans);
    if (!world().is_root()) return;
    const Segment record = read_record(folder / "run");
    PolicySearch search(options.exploration, options.run.seed, 4, {1, 0.7, 1, 1});
    std::vector<std::uint8_t> finite(4, 1);
    std::size_t round = 0;
    for (const CycleRow& row : record.cycles) {
        EXPECT_EQ(row.round, row.cycle / round_length);
        EXPECT_EQ(record.rounds[round].policy_weight,
                  std::vector<double>(search.weight().begin(), search.weight().end()));
        for (std::size_t m = 0; m < finite.size(); ++m) finite[m] &= row.finite[m];
        const bool last = row.cycle + 1 == std::ssize(record.cycles);
        EXPECT_EQ(row.explored, last || (row.cycle + 1) % round_length == 0);
        if (!row.explored) continue;
        std::vector<double> reward;
        for (const double loss : row.reward_loss) reward.push_back(-loss);
        // Before the first round's end nothing is known of losses: those weights have no effect.
        const std::uint8_t known = round > 0;
        search.close_round(reward, finite, std::vector<std::uint8_t>{known, known, 1, known});
        finite.assign(4, 1);
        ++round;
        EXPECT_EQ(record.rounds[round].round_cycle, row.cycle + 1);
    }
    EXPECT_EQ(record.rounds.size(), round + 1);
    EXPECT_EQ(record.rounds.back().policy_weight, std::vector<double>(search.weight().begin(), search.weight().end()));
    EXPECT_TRUE(std::any_of(search.weight().begin(), search.weight().end(), [](double w) { return w != 0; }));
}

TEST(Policy, within_a_round_nobody_is_exchanged_and_at_its_end_the_rule_applies) {
    const SharedFolder folder;
    run_on(world().size(), policy_run(SelectionRule::best), folder / "best", Opening::fresh);
    run_on(world().size(), policy_run(SelectionRule::automatic), folder / "mean", Opening::fresh);
    if (!world().is_root()) return;
    for (const CycleRow& row : read_record(folder / "best").cycles) {
        const std::vector<std::int32_t> expected =
            row.explored ? std::vector<std::int32_t>(4, row.winner) : std::vector<std::int32_t>{0, 1, 2, 3};
        EXPECT_EQ(row.parent, expected) << row.cycle;
    }
    for (const CycleRow& row : read_record(folder / "mean").cycles)
        EXPECT_EQ(std::isnan(row.mean_reward.value()), row.explored == 0) << row.cycle;
}

// Weights of 0, but for perturbations too small to change a probability: each member reads whole permutations.
TEST(Policy, with_weights_of_0_members_draw_whole_epochs) {
    const SharedFolder folder;
    Options options = policy_run(SelectionRule::mean);
    options.exploration.sigma = 1e-9;
    options.exploration.interval_cycles = 1000;
    options.training.epochs = 1;
    run_on(world().size(), options, folder / "run", Opening::fresh);
    if (!world().is_root()) return;
    const auto count = Hdf5File::open(folder / "run" / "run.h5").read<std::int64_t>("count");
    for (const std::int64_t c : count) EXPECT_GE(c, 4); // members
    const std::int64_t draws = 4 * std::ssize(read_record(folder / "run").cycles) * 32;
    EXPECT_EQ(std::accumulate(count.begin(), count.end(), std::int64_t{0}), draws);
}

TEST(Policy, what_does_not_go_with_it_is_refused) {
    const SharedFolder folder;
    const auto refusal = [&](const std::function<void(Options&)>& change) {
        Options options = policy_run(SelectionRule::mean);
        change(options);
        return usage_refusal([&] { run_on(world().size(), options, folder / "run", Opening::fresh); });
    };
    EXPECT_NE(refusal([](Options& o) { o.population.members = 1; }).find("members"), std::string::npos);
    EXPECT_NE(refusal([](Options& o) { o.exploration.signals = {"score"}; }).find("credit"), std::string::npos);
}

// The end of a run ends its last round, maybe before its time.
TEST(Policy, a_run_is_not_lengthened) {
    const SharedFolder folder;
    Options options = policy_run(SelectionRule::mean);
    options.training.schedule = RateSchedule::constant;
    run_on(world().size(), options, folder / "run", Opening::fresh);
    options.training.epochs = 3;
    const auto resume = [&] { run_on(world().size(), options, folder / "run", Opening::resume); };
    EXPECT_NE(usage_refusal(resume).find("training.epochs"), std::string::npos);
}

} // namespace
} // namespace autosampling
