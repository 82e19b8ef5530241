// Policy search by columns of the user's own.
#include "population/small_run.hpp"

#include "autosampling/population/derive.hpp"
#include "autosampling/record/hdf5.hpp"
#include "harness/columns_file.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <tuple>

namespace autosampling {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const char* const sources[]{"web", "book", "wiki"};

const char* source_of(std::size_t row) {
    return sources[row * row % 7 % 3];
}
double length_of(std::size_t row) {
    return std::sqrt(static_cast<double>(row));
}

// signals/source and signals/length for so many examples. Collective over world().
std::string write_signals(const std::filesystem::path& file, std::size_t examples, double shift = 0) {
    world().on_root([&] {
        std::vector<const char*> source;
        std::vector<double> length;
        for (std::size_t row = 0; row < examples; ++row) {
            source.push_back(source_of(row));
            length.push_back(length_of(row) + shift * static_cast<double>(row));
        }
        put_column(file, "source", source);
        put_column(file, "length", length);
    });
    return file.string();
}

Options column_run(const std::string& signals, SelectionRule selection = SelectionRule::mean) {
    Options options = small_options();
    options.exploration = {};
    options.exploration.kind = ExplorationKind::policy;
    options.exploration.signals = {"column:length", "loss", "column:source"};
    options.exploration.interval_cycles = 5;
    options.population.selection = selection;
    options.population.reward = Reward::loss;
    options.data.label_noise = 0.4;
    options.data.signals = signals;
    return options;
}

TEST(Columns, record_has_them_and_does_not_depend_on_ranks_or_restarts) {
    const SharedFolder folder;
    const Options options = column_run(write_signals(folder / "own.h5", 600));
    run_on(1, options, folder / "one", Opening::fresh);
    volatile std::sig_atomic_t stop = 0;
    const auto stopping = [&](std::int32_t, std::int64_t cycle, int, Trainer&) { stop = cycle >= 12; };
    run_on(world().size(), options, folder / "cut", Opening::fresh, stopping, &stop);
    Options moved = options;
    moved.data.signals = write_signals(folder / "moved.h5", 600);
    run_on(std::max(1, world().size() - 1), moved, folder / "cut", Opening::resume);
    if (!world().is_root()) return;
    expect_equal_records(folder / "one", folder / "cut");
    for (const char* run : {"one", "cut"}) {
        const RunHeader header = open_recorded_run(folder / run).header;
        EXPECT_THAT(header.weight_names, ElementsAre("column:length", "loss.rank", "loss.extremes",
                                                     "column:source=book", "column:source=web", "column:source=wiki"));
        EXPECT_THAT(header.column_names, ElementsAre("length", "source"));
        const std::size_t images = header.split_training.size();
        ASSERT_EQ(header.column_value.size(), 2 * images);
        for (std::size_t x = 0; x < images; ++x) {
            const std::size_t row = header.split_training[x];
            ASSERT_EQ(header.column_value[x], length_of(row));
            const auto word = static_cast<std::size_t>(header.column_value[images + x]);
            ASSERT_EQ(header.weight_names[3 + word], std::string("column:source=") + source_of(row));
        }
    }
    const auto weight = read_record(folder / "one").rounds.back().policy_weight;
    EXPECT_TRUE(std::any_of(weight.begin() + 3, weight.end(), [](double w) { return w != 0; }));
}

TEST(Columns, run_file_and_history_are_rebuilt_from_the_segments_without_their_file) {
    const SharedFolder folder;
    run_on(world().size(), column_run(write_signals(folder / "own.h5", 600)), folder / "run", Opening::fresh);
    if (!world().is_root()) return;
    std::filesystem::remove(folder / "own.h5");
    const auto read = [&] {
        const Hdf5File run = Hdf5File::open(folder / "run" / "run.h5");
        return std::make_tuple(run.read<std::int64_t>("count"), run.read<double>("probability"),
                               run.read<double>("column_value"), run.read_strings("column_name"));
    };
    const auto before = read();
    std::filesystem::remove(folder / "run" / "run.h5");
    Log log(0, LogLevel::error);
    finish_run(folder / "run", log);
    EXPECT_EQ(read(), before);
    write_run_history(folder / "run", 5, log);
    const auto history = Hdf5File::open(folder / "run" / "history.h5").read<double>("probability_history");
    const auto& probability = std::get<1>(before);
    EXPECT_TRUE(std::equal(probability.begin(), probability.end(), history.end() - std::ssize(probability)));
    EXPECT_NE(history.front(), probability.front());
}

TEST(Columns, a_resume_with_other_values_is_refused_by_the_name_of_the_column) {
    const SharedFolder folder;
    const Options options = column_run(write_signals(folder / "own.h5", 600));
    volatile std::sig_atomic_t stop = 0;
    const auto stopping = [&](std::int32_t, std::int64_t cycle, int, Trainer&) { stop = cycle >= 7; };
    run_on(world().size(), options, folder / "run", Opening::fresh, stopping, &stop);
    write_signals(folder / "own.h5", 600, 0.1);
    const auto resume = [&] { run_on(world().size(), options, folder / "run", Opening::resume); };
    EXPECT_THAT(refusal_as(ExitCode::data, resume), HasSubstr("column:length has other values"));
    write_signals(folder / "own.h5", 600);
    EXPECT_EQ(refusal_as(ExitCode::data, resume), "");
}

TEST(Columns, replay_of_the_policy_has_the_columns_of_its_own_data) {
    const SharedFolder folder;
    run_on(world().size(), column_run(write_signals(folder / "own.h5", 600)), folder / "run", Opening::fresh);
    Options replay = options_of_replay(folder / "run", ReplayMode::policy);
    run_on(world().size(), replay, folder / "same", Opening::fresh);
    replay.data.synthetic_images = 500;
    const auto run_other = [&](const char* name) { run_on(world().size(), replay, folder / name, Opening::fresh); };
    EXPECT_THAT(refusal_as(ExitCode::data, [&] { run_other("refused"); }),
                HasSubstr("signals/length has 600 values (the training file has 500 examples)"));
    replay.data.signals = write_signals(folder / "other.h5", 500, 0.01);
    EXPECT_EQ(refusal_as(ExitCode::data, [&] { run_other("other"); }), "");
    world().on_root([&] { put_column(folder / "other.h5", "source", std::vector<const char*>(500, "web")); });
    EXPECT_THAT(usage_refusal([&] { run_other("refused"); }), HasSubstr("no signal for, column:source=book"));
    world().on_root([&] { put_column(folder / "other.h5", "source", std::vector<double>(500)); });
    EXPECT_THAT(usage_refusal([&] { run_other("refused"); }), HasSubstr("no signal for, column:source=book"));
    if (!world().is_root()) return;
    EXPECT_FALSE(std::filesystem::exists(folder / "refused"));
    EXPECT_EQ(read_record(folder / "same").rounds.back().policy_weight,
              read_record(folder / "run").rounds.back().policy_weight);
    EXPECT_EQ(open_recorded_run(folder / "other").header.column_value.size() / 2, 500 - 101);
}

TEST(Columns, replay_of_the_draws_needs_them_no_more) {
    const SharedFolder folder;
    const Options options = column_run(write_signals(folder / "own.h5", 600), SelectionRule::best);
    run_on(world().size(), options, folder / "run", Opening::fresh);
    world().on_root([&] { std::filesystem::remove(folder / "own.h5"); });
    for (const ReplayMode mode : {ReplayMode::exact, ReplayMode::dynamic, ReplayMode::fixed})
        run_on(1, options_of_replay(folder / "run", mode), folder / std::to_string(static_cast<int>(mode)),
               Opening::fresh);
    if (!world().is_root()) return;
    const auto exact = std::to_string(static_cast<int>(ReplayMode::exact));
    EXPECT_EQ(compare_states(folder / exact, folder / "run").first_difference, std::nullopt);
    EXPECT_GT(compare_states(folder / exact, folder / "run").by_state, 0);
}

} // namespace
} // namespace autosampling
