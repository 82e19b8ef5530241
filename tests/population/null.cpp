// A search with the network that takes a set time: as exact as with any other.
#include "population/small_run.hpp"

#include "autosampling/record/hdf5.hpp"

#include <algorithm>

namespace autosampling {
namespace {

using namespace testing;

Options null_run() {
    Options options = small_options();
    options.model.name = "null";
    options.model.null_parameters = 1000;
    options.model.null_seconds = 0.0002;
    options.model.null_jitter = 0.5;
    options.population.reward = Reward::loss;
    return options;
}

TEST(Null, record_is_the_same_on_any_number_of_ranks) {
    const SharedFolder folder;
    EXPECT_EQ(run_on(world().size(), null_run(), folder / "all", Opening::fresh), ExitCode::finished);
    EXPECT_EQ(run_on(1, null_run(), folder / "one", Opening::fresh), ExitCode::finished);
    if (world().is_root()) expect_equal_records(folder / "all", folder / "one");
}

TEST(Null, members_learn_different_things_and_take_turns_to_win) {
    const SharedFolder folder;
    EXPECT_EQ(run_on(world().size(), null_run(), folder / "run", Opening::fresh), ExitCode::finished);
    if (!world().is_root()) return;
    std::vector<bool> won(4);
    for (const CycleRow& row : read_record(folder / "run").cycles) won[static_cast<std::size_t>(row.winner)] = true;
    EXPECT_GE(std::ranges::count(won, true), 3);
}

TEST(Null, resumed_run_with_another_time_equals_uninterrupted_run) {
    const SharedFolder folder;
    Options options = null_run();
    EXPECT_EQ(run_on(world().size(), options, folder / "whole", Opening::fresh), ExitCode::finished);
    volatile std::sig_atomic_t stop = 0;
    const auto stop_later = [&](std::int32_t, std::int64_t cycle, int, Trainer&) { stop = cycle >= 5; };
    EXPECT_EQ(run_on(1, options, folder / "cut", Opening::fresh, stop_later, &stop), ExitCode::stopped);
    options.model.null_seconds = 0;
    EXPECT_EQ(run_on(world().size(), options, folder / "cut", Opening::resume), ExitCode::finished);
    if (world().is_root()) expect_equal_records(folder / "whole", folder / "cut");
}

TEST(Null, exact_replay_has_the_searchs_states) {
    const SharedFolder folder;
    EXPECT_EQ(run_on(world().size(), null_run(), folder / "search", Opening::fresh), ExitCode::finished);
    EXPECT_EQ(run_on(1, options_of_replay(folder / "search", ReplayMode::exact), folder / "replay", Opening::fresh),
              ExitCode::finished);
    if (!world().is_root()) return;
    const auto hashes = [&](const char* run) {
        return Hdf5File::open(folder / run / "run.h5").read<std::uint64_t>("state_hash");
    };
    EXPECT_EQ(hashes("search"), hashes("replay"));
}

} // namespace
} // namespace autosampling
