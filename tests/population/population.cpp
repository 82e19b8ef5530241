#include "population/small_run.hpp"

#include "autosampling/base/files.hpp"
#include "autosampling/population/derive.hpp"
#include "autosampling/population/recount.hpp"
#include "autosampling/record/hdf5.hpp"
#include "autosampling/sampling/credit.hpp"
#include "autosampling/training/trainer.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace autosampling {
namespace {

using namespace testing;

// Puts a NaN into the weights of some members: of single ones often, of all in cycles 5 (twice) and 11.
void plant_nans(std::int32_t member, std::int64_t cycle, int attempt, Trainer& trainer) {
    const bool all = (cycle == 5 && attempt < 2) || (cycle == 11 && attempt < 1);
    if (all || (cycle * 7 + member) % 5 == 0) trainer.state().host()[3] = std::nanf("");
}

class EachCredit : public ::testing::TestWithParam<Credit> {};
INSTANTIATE_TEST_SUITE_P(Population, EachCredit, ::testing::Values(Credit::winner, Credit::advantage),
                         [](const auto& credit) { return test_name(credit.param); });

// Every rule with both credits; 4 members on 1 to 4 ranks are up to 4 members a rank.
class EachRuleAndCredit : public ::testing::TestWithParam<std::tuple<SelectionRule, Credit>> {
  protected:
    static Options options() {
        Options o = small_options();
        o.population.selection = std::get<0>(GetParam());
        o.exploration.credit = std::get<1>(GetParam());
        return o;
    }
};
INSTANTIATE_TEST_SUITE_P(
    Population, EachRuleAndCredit,
    ::testing::Combine(::testing::Values(SelectionRule::best, SelectionRule::top_k, SelectionRule::truncation,
                                         SelectionRule::tournament, SelectionRule::none),
                       ::testing::Values(Credit::winner, Credit::advantage)),
    [](const auto& given) { return test_name(std::get<0>(given.param)) + "_" + test_name(std::get<1>(given.param)); });

INSTANTIATE_TEST_SUITE_P(Mean, EachRuleAndCredit, ::testing::Values(std::tuple{SelectionRule::mean, Credit::advantage}),
                         [](const auto&) { return "advantage"; });

TEST_P(EachRuleAndCredit, record_does_not_depend_on_the_number_of_ranks) {
    const SharedFolder folder;
    const Options options = EachRuleAndCredit::options();
    EXPECT_EQ(run_on(1, options, folder / "1", Opening::fresh, plant_nans), ExitCode::finished);
    for (int ranks = 2; ranks <= world().size(); ++ranks)
        EXPECT_EQ(run_on(ranks, options, folder / std::to_string(ranks), Opening::fresh, plant_nans),
                  ExitCode::finished);
    if (!world().is_root()) return;
    const Segment record = read_record(folder / "1");
    EXPECT_EQ(record.cycles[5].attempt, 2);
    EXPECT_EQ(record.cycles[11].attempt, 1);
    for (int ranks = 2; ranks <= world().size(); ++ranks) {
        SCOPED_TRACE(ranks);
        expect_equal_records(folder / "1", folder / std::to_string(ranks));
    }
}

TEST_P(EachRuleAndCredit, resumed_run_equals_uninterrupted_run) {
    const SharedFolder folder;
    Options options = EachRuleAndCredit::options();
    options.record.checkpoint_cycles = 3;
    EXPECT_EQ(run_on(world().size(), options, folder / "whole", Opening::fresh, plant_nans), ExitCode::finished);
    EXPECT_GT(run_in_pieces(options, folder / "cut", 6, plant_nans), 3);
    if (world().is_root()) expect_equal_records(folder / "whole", folder / "cut");
}

TEST_P(EachCredit, counts_and_distribution_follow_from_the_recorded_schedules) {
    const SharedFolder folder;
    Options options = small_options();
    options.exploration.credit = GetParam();
    run_on(world().size(), options, folder / "run", Opening::fresh, plant_nans);
    if (!world().is_root()) return;
    const Hdf5File file = Hdf5File::open(folder / "run" / "run.h5");
    const auto count = file.read<std::int64_t>("count");
    std::vector<std::int64_t> histogram(count.size(), 0);
    for (const CycleRow& row : read_record(folder / "run").cycles)
        for (const std::int32_t index : row.survivor_schedule) ++histogram[static_cast<std::size_t>(index)];
    EXPECT_EQ(count, histogram);

    const auto probability = file.read<double>("probability");
    std::vector<double> expected(count.size());
    if (GetParam() == Credit::winner) {
        double mean = 0, sum = 0;
        for (const std::int64_t c : histogram) mean += static_cast<double>(c) / static_cast<double>(count.size());
        for (std::size_t x = 0; x < expected.size(); ++x)
            sum += expected[x] = std::log(1 + 1.0 * static_cast<double>(histogram[x] + 1) / (mean + 1));
        for (double& p : expected) p /= sum;
    } else {
        const auto credit = file.read<std::int64_t>("credit");
        const auto draws = file.read<std::int64_t>("draw_count");
        double sum = 0;
        for (std::size_t x = 0; x < expected.size(); ++x) {
            const double v =
                draws[x] ? static_cast<double>(credit[x]) / 65536 / std::sqrt(static_cast<double>(draws[x])) : 0;
            EXPECT_NEAR(file.read<double>("score")[x], v, 1e-12);
            sum += expected[x] = std::exp(scaled_score_of(score_level(v)));
        }
        for (double& p : expected) p /= sum;
    }
    for (std::size_t x = 0; x < expected.size(); ++x) ASSERT_NEAR(probability[x], expected[x], 1e-12) << x;
}

TEST(Population, scores_are_the_methods_sums_over_all_finite_members) {
    const SharedFolder folder;
    Options options = small_options();
    options.exploration.credit = Credit::advantage;
    run_on(world().size(), options, folder / "run", Opening::fresh, plant_nans);
    if (!world().is_root()) return;
    const Hdf5File file = Hdf5File::open(folder / "run" / "run.h5");
    const auto credit = file.read<std::int64_t>("credit"), draws = file.read<std::int64_t>("draw_count");
    // The losers' draws aren't recorded, but follow from the options: taken from a sampler that is led along the
    // record.
    const Options resolved = parse_configuration(file.read_strings("configuration")[0], "configuration");
    RunHeader header;
    header.training_images = std::ssize(credit);
    header.draws = 32;
    Sampler sampler = make_sampler(resolved, header);
    std::vector<std::int64_t> expected_credit(credit.size(), 0), expected_draws(credit.size(), 0);
    for (const CycleRow& row : read_record(folder / "run").cycles) {
        double mean = 0, square = 0, members = 0;
        for (std::size_t i = 0; i < 4; ++i)
            if (row.finite[i]) mean -= row.reward_loss[i], ++members;
        mean /= members;
        for (std::size_t i = 0; i < 4; ++i)
            if (row.finite[i]) square += (-row.reward_loss[i] - mean) * (-row.reward_loss[i] - mean);
        const double sd = std::sqrt(square / members);
        for (std::uint32_t i = 0; i < 4; ++i) {
            if (!row.finite[i]) continue;
            const std::int64_t z = members < 2 || sd == 0 ? 0 : std::llround((-row.reward_loss[i] - mean) / sd * 65536);
            std::vector<std::uint32_t> indices(32);
            sampler.draw(i, row.cycle, static_cast<std::uint8_t>(row.attempt), indices);
            for (const std::uint32_t x : indices) expected_credit[x] += z, ++expected_draws[x];
        }
        recount(sampler, resolved.exploration, row);
    }
    EXPECT_EQ(credit, expected_credit);
    EXPECT_EQ(draws, expected_draws);
}

TEST(Population, repeated_cycle_draws_other_indices) {
    const SharedFolder folder;
    std::map<int, std::vector<float>> trained; // by attempt: what member 0 became in cycle 4
    for (const ExplorationKind kind : {ExplorationKind::random, ExplorationKind::mixture}) {
        Options options = small_options();
        options.exploration.kind = kind;
        options.training.epochs = 0.5;
        run_on(world().size(), options, folder / name_of(kind), Opening::fresh,
               [&](std::int32_t member, std::int64_t cycle, int attempt, Trainer& trainer) {
                   const auto state = trainer.state().host();
                   if (cycle == 4 && member == 0) trained[attempt] = {state.begin(), state.end()};
                   if (cycle == 4 && attempt == 0) state[0] = std::nanf("");
               });
        if (!world().is_root()) continue;
        EXPECT_EQ(trained.size(), 2U);
        EXPECT_NE(trained[0], trained[1]);
        trained.clear();
    }
}

TEST(Population, stops_with_its_last_checkpoint_good_when_no_member_is_ever_finite) {
    const SharedFolder folder;
    Options options = small_options();
    options.population.max_retries = 2;
    options.record.checkpoint_cycles = 2;
    std::vector<int> attempts;
    const auto plant = [&](std::int32_t, std::int64_t cycle, int attempt, Trainer& trainer) {
        if (cycle < 9) return;
        trainer.state().host()[0] = std::nanf("");
        if (attempts.empty() || attempts.back() != attempt) attempts.push_back(attempt);
    };
    std::string message;
    ExitCode code = ExitCode::finished;
    try {
        run_on(world().size(), options, folder / "run", Opening::fresh, plant);
    } catch (const Error& error) {
        message = error.what();
        code = error.code();
        EXPECT_TRUE(error.agreed());
    }
    EXPECT_EQ(code, ExitCode::failure);
    EXPECT_NE(message.find("cycle 9"), std::string::npos) << message;
    world().barrier();
    EXPECT_TRUE(!world().is_root() || attempts == (std::vector<int>{0, 1, 2}));
    if (world().is_root()) {
        EXPECT_EQ(find_segments(folder / "run").cycles, 9); // no cycle that stood is lost
    }
    world().barrier();
    EXPECT_EQ(run_on(world().size(), options, folder / "run", Opening::resume), ExitCode::finished);
}

// Of a cycle that is repeated for ever, at the very beginning too: there the checkpoint is of the initial state.
TEST(Population, a_stop_is_heeded_while_a_cycle_is_repeated_and_the_resumed_run_equals_an_uninterrupted_one) {
    const SharedFolder folder;
    Options options = small_options();
    options.population.max_retries = 255;
    run_on(world().size(), options, folder / "whole", Opening::fresh);
    for (const std::int64_t from : {0, 3}) {
        const auto run = folder / text("from", from);
        volatile std::sig_atomic_t stop = 0;
        int attempts = 0;
        const auto plant = [&](std::int32_t, std::int64_t cycle, int attempt, Trainer& trainer) {
            if (cycle < from) return;
            trainer.state().host()[0] = std::nanf("");
            attempts = attempt + 1;
            stop = attempt >= 2 && world().rank() == world().size() - 1; // one rank that has it is enough
        };
        EXPECT_EQ(run_on(world().size(), options, run, Opening::fresh, plant, &stop), ExitCode::stopped);
        EXPECT_LE(attempts, 3);
        options.run.walltime = 1e-9; // one cycle more is too much, and no repetition can end before
        EXPECT_EQ(run_on(world().size(), options, run, Opening::resume, plant), ExitCode::stopped);
        EXPECT_LE(attempts, 1);
        options.run.walltime = 0;
        EXPECT_EQ(run_on(1, options, run, Opening::resume), ExitCode::finished);
        if (world().is_root()) expect_equal_records(folder / "whole", run);
        world().barrier();
    }
}

TEST(Population, asked_to_stop_while_it_starts_it_runs_no_cycle_and_goes_on_from_its_checkpoint) {
    const SharedFolder folder;
    const Options options = small_options();
    const volatile std::sig_atomic_t stop = world().rank() == world().size() - 1;
    int cycles = 0;
    const auto count = [&](std::int32_t, std::int64_t, int, Trainer&) { ++cycles; };
    EXPECT_EQ(run_on(world().size(), options, folder / "run", Opening::fresh, count, &stop), ExitCode::stopped);
    EXPECT_EQ(run_on(world().size(), options, folder / "run", Opening::resume, count, &stop), ExitCode::stopped);
    EXPECT_EQ(cycles, 0);
    if (world().is_root()) {
        const std::string summary = read_file(folder / "run" / "summary.json");
        for (const char* what : {R"("best_reward": null)", R"("test_loss": null)"})
            EXPECT_NE(summary.find(what), std::string::npos) << summary;
    }
    EXPECT_EQ(run_on(world().size(), options, folder / "run", Opening::resume), ExitCode::finished);
    run_on(world().size(), options, folder / "whole", Opening::fresh);
    if (world().is_root()) expect_equal_records(folder / "whole", folder / "run");
}

// Of 5 members 1 to 4 ranks have up to 5, so that lanes are left over at the end of a turn.
TEST(Population, members_trained_at_once_are_those_trained_one_after_the_other) {
    const SharedFolder folder;
    for (const SelectionRule selection : {SelectionRule::best, SelectionRule::tournament, SelectionRule::mean}) {
        Options options = small_options();
        options.population.members = 5;
        options.population.selection = selection;
        options.exploration.credit = Credit::advantage;
        const std::string name{name_of(selection)};
        run_on(world().size(), options, folder / (name + "-alone"), Opening::fresh, plant_nans);
        options.population.members_at_once = 3;
        run_on(world().size(), options, folder / (name + "-together"), Opening::fresh, plant_nans);
        if (world().is_root()) expect_equal_records(folder / (name + "-alone"), folder / (name + "-together"));
    }
}

TEST(Population, one_member_without_exploration_sees_every_index_once_an_epoch) {
    const SharedFolder folder;
    Options options = small_options();
    options.exploration = {};
    options.exploration.kind = ExplorationKind::none;
    options.population.members = 1;
    run_on(world().size(), options, folder / "run", Opening::fresh);
    if (!world().is_root()) return;
    std::vector<std::int32_t> stream;
    for (const CycleRow& row : read_record(folder / "run").cycles)
        stream.insert(stream.end(), row.survivor_schedule.begin(), row.survivor_schedule.end());
    std::vector<int> seen(499, 0);
    for (std::size_t place = 0; place < 499; ++place) ++seen[static_cast<std::size_t>(stream[place])];
    EXPECT_EQ(seen, std::vector<int>(499, 1));
}

TEST(Population, other_options_are_refused_at_a_resume_with_a_list) {
    const SharedFolder folder;
    Options options = small_options();
    options.training.epochs = 0.3;
    run_on(world().size(), options, folder / "run", Opening::fresh);
    options.training.batch_size = 8;
    options.run.walltime = 1000; // may change
    std::string message;
    try {
        run_on(world().size(), options, folder / "run", Opening::resume);
    } catch (const Error& error) {
        message = error.what();
        EXPECT_EQ(error.code(), ExitCode::usage);
    }
    EXPECT_NE(message.find("training.batch_size"), std::string::npos) << message;
    EXPECT_EQ(message.find("walltime"), std::string::npos) << message;
}

TEST(Population, more_epochs_go_on_where_the_learning_rate_does_not_depend_on_them) {
    const SharedFolder folder;
    Options options = small_options();
    options.training.schedule = RateSchedule::constant;
    options.training.epochs = 2;
    run_on(world().size(), options, folder / "whole", Opening::fresh);
    options.training.epochs = 1;
    run_on(world().size(), options, folder / "longer", Opening::fresh);
    options.training.epochs = 2;
    EXPECT_EQ(run_on(world().size(), options, folder / "longer", Opening::resume), ExitCode::finished);
    if (world().is_root()) expect_equal_records(folder / "whole", folder / "longer");
}

TEST(Population, resume_with_fewer_epochs_than_are_recorded_is_refused_and_one_with_as_many_changes_nothing) {
    const SharedFolder folder;
    Options options = small_options();
    options.training.schedule = RateSchedule::constant;
    run_on(world().size(), options, folder / "run", Opening::fresh);
    const auto summary = [&] {
        std::string text = world().is_root() ? read_file(folder / "run" / "summary.json") : "";
        return text.substr(0, text.find("\"time\"")) + text.substr(std::min(text.size(), text.find("\"state\"")));
    };
    const auto without_seconds = [](const std::string& text) {
        return text.substr(0, text.find("\"seconds\"")) +
               text.substr(std::min(text.size(), text.find("\"state_hash\"")));
    };
    const std::string before = without_seconds(summary());
    EXPECT_EQ(run_on(world().size(), options, folder / "run", Opening::resume), ExitCode::finished);
    EXPECT_EQ(without_seconds(summary()), before);
    options.training.epochs = 1;
    std::string message;
    try {
        run_on(world().size(), options, folder / "run", Opening::resume);
    } catch (const Error& error) {
        message = error.what();
    }
    EXPECT_NE(message.find("are recorded: give as many epochs at least"), std::string::npos) << message;
    world().barrier();
}

TEST(Population, finish_rebuilds_the_very_run_file_from_the_segments) {
    const SharedFolder folder;
    for (const Credit credit : {Credit::winner, Credit::advantage}) {
        Options options = small_options();
        options.exploration.credit = credit;
        run_on(world().size(), options, folder / name_of(credit), Opening::fresh, plant_nans);
        if (!world().is_root()) continue;
        const auto file = folder / name_of(credit) / "run.h5";
        const auto read = [&] {
            const Hdf5File run = Hdf5File::open(file);
            return std::make_tuple(run.read<std::int64_t>("count"), run.read<double>("probability"),
                                   run.read<std::int32_t>("schedule"), run.read<std::uint64_t>("state_hash"));
        };
        const auto before = read();
        std::filesystem::remove(file);
        Log log(0, LogLevel::error);
        finish_run(folder / name_of(credit), log);
        EXPECT_EQ(read(), before);
    }
}

} // namespace
} // namespace autosampling
